
/*
 * Taking minutes for the history, and reading their histograms back.
 *
 * A minute is that of the wall clock.  If that was put back, the next one is
 * over when it has lasted a minute by the other clock, so that however it
 * jumps there is no more than one a minute and one for each jump forward.
 */


#include "ngx_triggers_history.h"
#include "ngx_triggers_zone.h"


#define NGX_TRIGGERS_HISTORY_FORMAT  1


#define ngx_triggers_history_load(p)  __atomic_load_n(p, __ATOMIC_RELAXED)


static ngx_triggers_history_sums_t *ngx_triggers_history_current(
    ngx_triggers_zone_sh_t *sh);
static void ngx_triggers_history_counts(ngx_triggers_metrics_sums_t *sums,
    uint64_t *counts);
static void ngx_triggers_history_gauges(ngx_triggers_zone_sh_t *sh,
    uint64_t *values);
static void ngx_triggers_history_keep(uint32_t *buckets,
    ngx_triggers_histogram_t *histogram);
static void ngx_triggers_history_encode(ngx_triggers_minute_t *minute,
    ngx_triggers_history_sums_t *sums, ngx_triggers_history_sums_t *base);
static u_char *ngx_triggers_history_write(u_char *p, ngx_triggers_time_e time,
    uint32_t *buckets, uint32_t *base);
static u_char *ngx_triggers_history_read(u_char *p, u_char *last,
    uint64_t *buckets);


static const ngx_triggers_time_e
    ngx_triggers_history_times[NGX_TRIGGERS_HISTORY_TIMES] =
{
    NGX_TRIGGERS_TIME_INGEST,
    NGX_TRIGGERS_TIME_COMMIT,
    NGX_TRIGGERS_TIME_INBOX,
    NGX_TRIGGERS_TIME_ACK,
    NGX_TRIGGERS_TIME_DELIVERY
};


void
ngx_triggers_history_init(ngx_triggers_history_t *history, int64_t now,
    uint64_t clock)
{
    history->sums[0].minute = now - now % NGX_TRIGGERS_MINUTE_MS;
    history->sums[0].since = clock;
}


ngx_uint_t
ngx_triggers_history_due(ngx_triggers_zone_sh_t *sh, int64_t now,
    uint64_t clock)
{
    int64_t                       minute;
    uint64_t                      since;
    ngx_triggers_history_sums_t  *base;

    /* they may be of two while another one is done: it is asked again */

    base = ngx_triggers_history_current(sh);
    minute = ngx_triggers_history_load(&base->minute);
    since = ngx_triggers_history_load(&base->since);

    now -= now % NGX_TRIGGERS_MINUTE_MS;

    return now > minute
           || (now < minute && clock >= since + NGX_TRIGGERS_MINUTE_MS);
}


ngx_uint_t
ngx_triggers_history_left(ngx_triggers_zone_sh_t *sh)
{
    uint64_t                      counts[NGX_TRIGGERS_MINUTE_COUNTS];
    ngx_uint_t                    i;
    ngx_triggers_metrics_sums_t   sums;
    ngx_triggers_history_sums_t  *base;

    ngx_triggers_metrics_read(&sh->metrics, 0, &sums);
    ngx_triggers_history_counts(&sums, counts);

    base = ngx_triggers_history_current(sh);

    for (i = 0; i < NGX_TRIGGERS_MINUTE_COUNTS; i++) {
        if (counts[i] > base->counts[i]) {
            return 1;
        }
    }

    return 0;
}


void
ngx_triggers_history_take(ngx_triggers_zone_sh_t *sh, int64_t now,
    uint64_t clock, ngx_triggers_minute_t *minute)
{
    uint64_t                      word;
    ngx_uint_t                    i;
    ngx_triggers_metrics_sums_t   sums;
    ngx_triggers_history_sums_t  *base, *spare;

    /* from here on one that was taken before cannot be done */

    word = __atomic_add_fetch(&sh->history.word, 2, __ATOMIC_ACQ_REL);

    base = &sh->history.sums[word % 2];
    spare = &sh->history.sums[1 - word % 2];

    ngx_triggers_metrics_read(&sh->metrics, clock * 1000, &sums);

    __atomic_store_n(&spare->minute, now - now % NGX_TRIGGERS_MINUTE_MS,
                     __ATOMIC_RELAXED);
    __atomic_store_n(&spare->since, clock, __ATOMIC_RELAXED);
    spare->number = base->number + 1;

    minute->minute = base->minute;
    minute->elapsed = clock - base->since;
    minute->zone = sh->nonce;
    minute->number = spare->number;
    minute->ticket = word;

    ngx_triggers_history_counts(&sums, spare->counts);
    ngx_triggers_history_gauges(sh, minute->values);

    for (i = 0; i < NGX_TRIGGERS_MINUTE_COUNTS; i++) {
        spare->counts[i] = ngx_max(spare->counts[i], base->counts[i]);
        minute->values[i] = spare->counts[i] - base->counts[i];
    }

    for (i = 0; i < NGX_TRIGGERS_HISTORY_TIMES; i++) {
        ngx_triggers_history_keep(spare->times[i],
                            &sums.times[ngx_triggers_history_times[i]]);
    }

    ngx_triggers_history_encode(minute, spare, base);
}


void
ngx_triggers_history_done(ngx_triggers_zone_sh_t *sh,
    ngx_triggers_minute_t *minute)
{
    uint64_t  word;

    word = minute->ticket;

    (void) __atomic_compare_exchange_n(&sh->history.word, &word, word ^ 1, 0,
                                       __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}


ngx_int_t
ngx_triggers_history_add(ngx_str_t *times,
    uint64_t (*buckets)[NGX_TRIGGERS_BUCKETS])
{
    u_char    *p, *last;
    uint64_t   others[NGX_TRIGGERS_BUCKETS];

    p = times->data;
    last = p + times->len;

    if (p == last || *p++ != NGX_TRIGGERS_HISTORY_FORMAT) {
        return NGX_ERROR;
    }

    /* a newer module may have had more */

    ngx_memzero(others, sizeof(others));

    while (p < last) {
        p = ngx_triggers_history_read(p + 1, last,
                                      (*p < NGX_TRIGGERS_TIMES) ? buckets[*p]
                                                                : others);
        if (p == NULL) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_triggers_history_sums_t *
ngx_triggers_history_current(ngx_triggers_zone_sh_t *sh)
{
    return &sh->history.sums[__atomic_load_n(&sh->history.word,
                                             __ATOMIC_ACQUIRE)
                             % 2];
}


/* in the order of ngx_triggers_minute_e */

static void
ngx_triggers_history_counts(ngx_triggers_metrics_sums_t *sums,
    uint64_t *counts)
{
    uint64_t              *entered;
    ngx_uint_t             i;
    ngx_triggers_tally_t  *tally;

    tally = &sums->tally;
    entered = sums->moves.entered;

    counts[NGX_TRIGGERS_MINUTE_REQUESTS] = sums->requests;
    counts[NGX_TRIGGERS_MINUTE_ERRORS] = sums->errors;
    counts[NGX_TRIGGERS_MINUTE_ACCEPTED] =
                      tally->ops[NGX_TRIGGERS_OP_CREATE][NGX_TRIGGERS_RC_OK];
    counts[NGX_TRIGGERS_MINUTE_ACKNOWLEDGED] =
                                          entered[NGX_TRIGGERS_ACKNOWLEDGED];
    counts[NGX_TRIGGERS_MINUTE_DELIVERED] = entered[NGX_TRIGGERS_DELIVERED];
    counts[NGX_TRIGGERS_MINUTE_FAILED] = entered[NGX_TRIGGERS_FAILED];
    counts[NGX_TRIGGERS_MINUTE_RETRIED] = tally->retried;
    counts[NGX_TRIGGERS_MINUTE_ATTEMPTS] = 0;
    counts[NGX_TRIGGERS_MINUTE_FAILED_ATTEMPTS] =
                                tally->attempts[NGX_TRIGGERS_ATTEMPT_FAILED];
    counts[NGX_TRIGGERS_MINUTE_COMMITS] = tally->batches;

    for (i = 0; i < NGX_TRIGGERS_NATTEMPTS; i++) {
        counts[NGX_TRIGGERS_MINUTE_ATTEMPTS] += tally->attempts[i];
    }
}


static void
ngx_triggers_history_gauges(ngx_triggers_zone_sh_t *sh, uint64_t *values)
{
    uint64_t  *events;

    events = sh->metrics.leader->events;

    values[NGX_TRIGGERS_MINUTE_PENDING] =
                      ngx_triggers_history_load(&events[NGX_TRIGGERS_PENDING]);
    values[NGX_TRIGGERS_MINUTE_RETRYING] =
                     ngx_triggers_history_load(&events[NGX_TRIGGERS_RETRYING]);
    values[NGX_TRIGGERS_MINUTE_DEAD] =
                       ngx_triggers_history_load(&events[NGX_TRIGGERS_FAILED]);
    values[NGX_TRIGGERS_MINUTE_QUEUED] = ngx_triggers_ring_records(&sh->ring);
}


static void
ngx_triggers_history_keep(uint32_t *buckets,
    ngx_triggers_histogram_t *histogram)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_TRIGGERS_BUCKETS; i++) {
        buckets[i] = (uint32_t) histogram->buckets[i];
    }
}


static void
ngx_triggers_history_encode(ngx_triggers_minute_t *minute,
    ngx_triggers_history_sums_t *sums, ngx_triggers_history_sums_t *base)
{
    u_char      *p;
    ngx_uint_t   i;

    p = minute->buffer;
    *p++ = NGX_TRIGGERS_HISTORY_FORMAT;

    for (i = 0; i < NGX_TRIGGERS_HISTORY_TIMES; i++) {
        p = ngx_triggers_history_write(p, ngx_triggers_history_times[i],
                                       sums->times[i], base->times[i]);
    }

    minute->times.data = minute->buffer;
    minute->times.len = p - minute->buffer;
}


static u_char *
ngx_triggers_history_write(u_char *p, ngx_triggers_time_e time,
    uint32_t *buckets, uint32_t *base)
{
    u_char      *n;
    uint32_t     count;
    ngx_uint_t   i;

    n = p + 1;
    *n = 0;
    p += 2;

    for (i = 0; i < NGX_TRIGGERS_BUCKETS; i++) {
        count = buckets[i] - base[i];

        if (count == 0) {
            continue;
        }

        (*n)++;
        *p++ = (u_char) i;

        while (count > 0x7f) {
            *p++ = (u_char) (count | 0x80);
            count >>= 7;
        }

        *p++ = (u_char) count;
    }

    if (*n == 0) {
        return n - 1;
    }

    n[-1] = (u_char) time;

    return p;
}


/* from the number of buckets on; NULL: it is none of ours */

static u_char *
ngx_triggers_history_read(u_char *p, u_char *last, uint64_t *buckets)
{
    uint64_t    count;
    ngx_uint_t  i, n, shift;

    if (p == last) {
        return NULL;
    }

    for (n = *p++; n; n--) {

        if (p == last || *p >= NGX_TRIGGERS_BUCKETS) {
            return NULL;
        }

        i = *p++;
        count = 0;

        for (shift = 0; p < last && shift < 63; shift += 7) {
            count |= (uint64_t) (*p & 0x7f) << shift;

            if (*p < 0x80) {
                break;
            }

            p++;
        }

        if (p == last || *p++ >= 0x80) {
            return NULL;
        }

        buckets[i] += count;
    }

    return p;
}
