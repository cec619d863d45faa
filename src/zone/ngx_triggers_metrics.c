
/*
 * Counting, and what the counts come to.  Pure: it knows plain memory and no
 * process, so that its tests run it between threads under ThreadSanitizer.
 *
 * Every word is read and written atomically.  What is copied while it may be
 * replaced is looked at again: words are stored with release order and loaded
 * with acquire order, so that whoever has seen a word of the next content
 * sees too that what it took for current is not.
 */


#include "ngx_triggers_metrics.h"
#include "ngx_triggers_clock.h"


/* blocks, and minutes, take at most this part of a zone each */

#define NGX_TRIGGERS_METRICS_PART  32

#define NGX_TRIGGERS_BLOCKS_MAX    64

/*
 * Kept are as many as a minute has steps, one more for its beginning, and one
 * that is being written.
 */

#define NGX_TRIGGERS_MINUTES_MIN   3
#define NGX_TRIGGERS_MINUTES_MAX   14

/* looks at a tally that is replaced each time meanwhile */

#define NGX_TRIGGERS_TALLY_LOOKS   100


#define ngx_triggers_metrics_load(p)                                          \
    __atomic_load_n(p, __ATOMIC_ACQUIRE)

#define ngx_triggers_metrics_store(p, value)                                  \
    __atomic_store_n(p, value, __ATOMIC_RELEASE)


static ngx_uint_t ngx_triggers_metrics_nblocks(size_t zone);
static ngx_uint_t ngx_triggers_metrics_nminutes(size_t zone);
static ngx_uint_t ngx_triggers_metrics_bucket(uint64_t us);
static void ngx_triggers_tally_add(uint64_t *counter, uint64_t n);
static void ngx_triggers_tally_copy(ngx_triggers_tally_t *dst,
    ngx_triggers_tally_t *src);
static void ngx_triggers_tally_read(ngx_triggers_metrics_leader_t *leader,
    ngx_triggers_tally_t *tally);
static void ngx_triggers_metrics_sum(ngx_triggers_metrics_t *metrics,
    ngx_triggers_metrics_sums_t *sums);
static void ngx_triggers_metrics_sum_block(ngx_triggers_metrics_sums_t *sums,
    ngx_triggers_metrics_counts_t *counts);
static uint64_t ngx_triggers_metrics_step(ngx_triggers_metrics_t *metrics);
static void ngx_triggers_metrics_base(ngx_triggers_metrics_t *metrics,
    uint64_t now, ngx_triggers_metrics_minute_t *base);
static ngx_triggers_metrics_minute_t *ngx_triggers_metrics_minute(
    ngx_triggers_metrics_t *metrics, uint64_t taken, uint64_t now);


static const uint32_t  ngx_triggers_bounds[NGX_TRIGGERS_BOUNDS] = {
    100, 120, 150, 180, 220, 270, 330, 390, 470, 560, 680, 820,
    1000, 1200, 1500, 1800, 2200, 2700, 3300, 3900, 4700, 5600, 6800, 8200,
    10000, 12000, 15000, 18000, 22000, 27000, 33000, 39000, 47000, 56000,
    68000, 82000,
    100000, 120000, 150000, 180000, 220000, 270000, 330000, 390000, 470000,
    560000, 680000, 820000,
    1000000, 1200000, 1500000, 1800000, 2200000, 2700000, 3300000, 3900000,
    4700000, 5600000, 6800000, 8200000,
    10000000
};


/* 499 is nginx' own: the client has gone */

static const uint16_t  ngx_triggers_codes[NGX_TRIGGERS_CODES] = {
    200, 201, 204, 304, 400, 401, 403, 404, 405, 408, 409, 412, 413, 415, 422,
    429, 499, 500, 503, 0
};


size_t
ngx_triggers_metrics_size_max(size_t zone)
{
    return ngx_triggers_metrics_size(zone, NGX_TRIGGERS_BLOCKS_MAX);
}


size_t
ngx_triggers_metrics_size(size_t zone, ngx_uint_t nslots)
{
    ngx_uint_t  n;

    n = ngx_min(ngx_triggers_metrics_nblocks(zone), nslots);

    return n * sizeof(ngx_triggers_metrics_block_t)
           + ngx_align(sizeof(ngx_triggers_metrics_leader_t), 128)
           + ngx_align(ngx_triggers_metrics_nminutes(zone)
                       * sizeof(ngx_triggers_metrics_minute_t), 128)
           + ngx_align(ngx_triggers_meters_size(
                           ngx_triggers_meters_number(zone)), 128);
}


void
ngx_triggers_metrics_init(ngx_triggers_metrics_t *metrics, u_char *p,
    size_t zone, ngx_uint_t nslots)
{
    ngx_uint_t  n;

    n = ngx_min(ngx_triggers_metrics_nblocks(zone), nslots);

    metrics->size = ngx_triggers_metrics_size(zone, nslots);

    metrics->nblocks = n;
    metrics->blocks = (ngx_triggers_metrics_block_t *) p;
    p += n * sizeof(ngx_triggers_metrics_block_t);

    metrics->leader = (ngx_triggers_metrics_leader_t *) p;
    p += ngx_align(sizeof(ngx_triggers_metrics_leader_t), 128);

    metrics->nminutes = ngx_triggers_metrics_nminutes(zone);
    metrics->minutes = (ngx_triggers_metrics_minute_t *) p;
    p += ngx_align(metrics->nminutes * sizeof(ngx_triggers_metrics_minute_t),
                   128);

    ngx_triggers_meters_init(&metrics->meters, p,
                             ngx_triggers_meters_number(zone));

    metrics->created = ngx_triggers_monotonic_us();
    metrics->started = ngx_triggers_wall_ms();
}


ngx_triggers_metrics_counts_t *
ngx_triggers_metrics_counts(ngx_triggers_metrics_t *metrics, ngx_uint_t slot)
{
    return &metrics->blocks[slot % metrics->nblocks].counts;
}


void
ngx_triggers_metrics_add(uint64_t *counter, uint64_t n)
{
    (void) __atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}


void
ngx_triggers_metrics_time(ngx_triggers_histogram_t *histogram, uint64_t us)
{
    ngx_uint_t  i;

    i = ngx_triggers_metrics_bucket(us);

    ngx_triggers_metrics_add(&histogram->sum, us);
    ngx_triggers_metrics_add(&histogram->buckets[i], 1);
}


ngx_uint_t
ngx_triggers_metrics_code(ngx_uint_t status)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_TRIGGERS_CODES - 1; i++) {
        if (ngx_triggers_codes[i] == status) {
            break;
        }
    }

    return i;
}


ngx_uint_t
ngx_triggers_metrics_status(ngx_uint_t code)
{
    return ngx_triggers_codes[code];
}


/* a leader that has died may have left the copy half made: it is made anew */

ngx_triggers_tally_t *
ngx_triggers_tally_begin(ngx_triggers_metrics_t *metrics)
{
    uint64_t                        current;
    ngx_triggers_tally_t           *tally;
    ngx_triggers_metrics_leader_t  *leader;

    leader = metrics->leader;
    current = ngx_triggers_metrics_load(&leader->current);
    tally = &leader->tallies[(current + 1) % 2];

    ngx_triggers_metrics_store(&tally->position, 0);
    ngx_triggers_tally_copy(tally, &leader->tallies[current % 2]);

    return tally;
}


void
ngx_triggers_tally_count(ngx_triggers_tally_t *tally,
    ngx_triggers_mutation_t *mutation, ngx_triggers_result_t *result)
{
    if (mutation->op >= NGX_TRIGGERS_NOPS
        || result->rc >= NGX_TRIGGERS_RC_MAX)
    {
        return;
    }

    ngx_triggers_tally_add(&tally->ops[mutation->op][result->rc], 1);

    if (result->rc != NGX_TRIGGERS_RC_OK) {
        return;
    }

    switch (mutation->op) {

    case NGX_TRIGGERS_OP_LEASE:
        ngx_triggers_tally_add(&tally->leased, result->count);
        break;

    case NGX_TRIGGERS_OP_RETRY:
        ngx_triggers_tally_add(&tally->retried, 1);
        break;

    case NGX_TRIGGERS_OP_RETRY_ALL:
        ngx_triggers_tally_add(&tally->retried, result->count);
        break;

    case NGX_TRIGGERS_OP_DELIVERY:
        if (mutation->delivery->outcome < NGX_TRIGGERS_NATTEMPTS) {
            ngx_triggers_tally_add(
                &tally->attempts[mutation->delivery->outcome], 1);
        }

        break;

    default:
        break;
    }
}


void
ngx_triggers_tally_ready(ngx_triggers_tally_t *tally, uint64_t position,
    ngx_uint_t records)
{
    ngx_triggers_tally_add(&tally->batches, 1);
    ngx_triggers_tally_add(&tally->records, records);

    ngx_triggers_metrics_store(&tally->position, position);
}


void
ngx_triggers_tally_done(ngx_triggers_metrics_t *metrics)
{
    ngx_triggers_metrics_store(&metrics->leader->current,
                               metrics->leader->current + 1);
}


void
ngx_triggers_tally_recover(ngx_triggers_metrics_t *metrics, uint64_t position)
{
    ngx_triggers_tally_t           *tally;
    ngx_triggers_metrics_leader_t  *leader;

    leader = metrics->leader;
    tally = &leader->tallies[(leader->current + 1) % 2];

    if (position && position == tally->position) {
        ngx_triggers_tally_done(metrics);
    }
}


void
ngx_triggers_moves_add(ngx_triggers_moves_t *sum, ngx_triggers_moves_t *moves)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_TRIGGERS_NSTATUS; i++) {
        if (moves->entered[i]) {
            ngx_triggers_metrics_add(&sum->entered[i], moves->entered[i]);
        }
    }

    if (moves->expired) {
        ngx_triggers_metrics_add(&sum->expired, moves->expired);
    }
}


void
ngx_triggers_metrics_drained(ngx_triggers_metrics_t *metrics,
    ngx_triggers_time_e what, uint64_t us)
{
    ngx_triggers_metrics_time(
        &metrics->leader->times[what - NGX_TRIGGERS_WORKER_TIMES], us);
}


void
ngx_triggers_metrics_merge(ngx_triggers_metrics_t *metrics,
    ngx_triggers_time_e what, ngx_triggers_histogram_t *times)
{
    ngx_uint_t                 i;
    ngx_triggers_histogram_t  *to;

    to = &metrics->leader->times[what - NGX_TRIGGERS_WORKER_TIMES];

    ngx_triggers_metrics_add(&to->sum, times->sum);

    for (i = 0; i < NGX_TRIGGERS_BUCKETS; i++) {
        if (times->buckets[i]) {
            ngx_triggers_metrics_add(&to->buckets[i], times->buckets[i]);
        }
    }
}


void
ngx_triggers_metrics_batch(ngx_triggers_metrics_t *metrics,
    ngx_uint_t records)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_TRIGGERS_SIZES - 1; i++) {
        if (records <= (ngx_uint_t) 1 << i) {
            break;
        }
    }

    ngx_triggers_metrics_add(&metrics->leader->sizes[i], 1);
}


/* the sums are written first, then it is said that they are there */

void
ngx_triggers_metrics_tick(ngx_triggers_metrics_t *metrics, uint64_t now)
{
    uint64_t                        taken, last;
    ngx_uint_t                      i, n;
    ngx_triggers_metrics_sums_t     sums;
    ngx_triggers_metrics_minute_t  *minute;

    taken = ngx_triggers_metrics_load(&metrics->leader->minutes);
    last = metrics->created;

    if (taken) {
        last = metrics->minutes[(taken - 1) % metrics->nminutes].at;
    }

    if (now < last + ngx_triggers_metrics_step(metrics)) {
        return;
    }

    ngx_triggers_metrics_sum(metrics, &sums);

    minute = &metrics->minutes[taken % metrics->nminutes];

    ngx_triggers_metrics_store(&minute->at, now);
    ngx_triggers_metrics_store(&minute->requests, sums.requests);
    ngx_triggers_metrics_store(&minute->errors, sums.errors);
    ngx_triggers_metrics_store(&minute->events,
              sums.tally.ops[NGX_TRIGGERS_OP_CREATE][NGX_TRIGGERS_RC_OK]);

    for (n = 0; n < NGX_TRIGGERS_TIMES; n++) {
        for (i = 0; i < NGX_TRIGGERS_BUCKETS; i++) {
            ngx_triggers_metrics_store(&minute->times[n][i],
                                       (uint32_t) sums.times[n].buckets[i]);
        }
    }

    ngx_triggers_metrics_store(&metrics->leader->minutes, taken + 1);
}


void
ngx_triggers_metrics_read(ngx_triggers_metrics_t *metrics, uint64_t now,
    ngx_triggers_metrics_sums_t *sums)
{
    uint64_t                       events;
    ngx_uint_t                     i, n;
    ngx_triggers_metrics_minute_t  base;

    /* in this order, so that no difference is negative */

    ngx_triggers_metrics_base(metrics, now, &base);
    ngx_triggers_metrics_sum(metrics, sums);

    events = sums->tally.ops[NGX_TRIGGERS_OP_CREATE][NGX_TRIGGERS_RC_OK];

    sums->elapsed = (now > base.at) ? now - base.at : 1;
    sums->last_requests = sums->requests - base.requests;
    sums->last_errors = sums->errors - base.errors;
    sums->last_events = events - base.events;

    for (n = 0; n < NGX_TRIGGERS_TIMES; n++) {
        for (i = 0; i < NGX_TRIGGERS_BUCKETS; i++) {
            sums->last[n][i] = (uint32_t) (sums->times[n].buckets[i]
                                           - base.times[n][i]);
        }
    }
}


uint64_t
ngx_triggers_metrics_bound(ngx_uint_t i)
{
    return ngx_triggers_bounds[i];
}


uint64_t
ngx_triggers_metrics_quantile(const uint64_t *buckets, ngx_uint_t permille)
{
    uint64_t    n, rank, below, lower, upper;
    ngx_uint_t  i;

    n = 0;

    for (i = 0; i < NGX_TRIGGERS_BUCKETS; i++) {
        n += buckets[i];
    }

    if (n == 0) {
        return 0;
    }

    /* rounded up: one in a hundred of ten is the tenth */

    rank = (n * permille + 999) / 1000;
    below = 0;

    for (i = 0; i < NGX_TRIGGERS_BOUNDS; i++) {

        if (below + buckets[i] >= rank) {
            lower = i ? ngx_triggers_bounds[i - 1] : 0;
            upper = ngx_triggers_bounds[i];

            return lower + (upper - lower) * (rank - below) / buckets[i];
        }

        below += buckets[i];
    }

    return ngx_triggers_bounds[NGX_TRIGGERS_BOUNDS - 1];
}


static ngx_uint_t
ngx_triggers_metrics_nblocks(size_t zone)
{
    ngx_uint_t  n;

    n = zone / NGX_TRIGGERS_METRICS_PART
        / sizeof(ngx_triggers_metrics_block_t);

    n = ngx_max(n, 1);

    return ngx_min(n, NGX_TRIGGERS_BLOCKS_MAX);
}


static ngx_uint_t
ngx_triggers_metrics_nminutes(size_t zone)
{
    ngx_uint_t  n;

    n = zone / NGX_TRIGGERS_METRICS_PART
        / sizeof(ngx_triggers_metrics_minute_t);

    n = ngx_max(n, NGX_TRIGGERS_MINUTES_MIN);

    return ngx_min(n, NGX_TRIGGERS_MINUTES_MAX);
}


/* the first one whose bound is not less */

static ngx_uint_t
ngx_triggers_metrics_bucket(uint64_t us)
{
    ngx_uint_t  low, high, middle;

    low = 0;
    high = NGX_TRIGGERS_BOUNDS;

    while (low < high) {
        middle = (low + high) / 2;

        if (us > ngx_triggers_bounds[middle]) {
            low = middle + 1;

        } else {
            high = middle;
        }
    }

    return low;
}


/* nobody else writes: no locked instruction is needed */

static void
ngx_triggers_tally_add(uint64_t *counter, uint64_t n)
{
    ngx_triggers_metrics_store(counter, *counter + n);
}


/* all but the position, which stands first */

static void
ngx_triggers_tally_copy(ngx_triggers_tally_t *dst, ngx_triggers_tally_t *src)
{
    uint64_t    *from, *to;
    ngx_uint_t   i;

    from = (uint64_t *) src;
    to = (uint64_t *) dst;

    for (i = 1; i < sizeof(ngx_triggers_tally_t) / sizeof(uint64_t); i++) {
        ngx_triggers_metrics_store(&to[i],
                                   ngx_triggers_metrics_load(&from[i]));
    }
}


/*
 * A copy is written to again only after the other one has become current: had
 * it not when the copy was out, it is whole.
 */

static void
ngx_triggers_tally_read(ngx_triggers_metrics_leader_t *leader,
    ngx_triggers_tally_t *tally)
{
    uint64_t    current;
    ngx_uint_t  i;

    tally->position = 0;

    for (i = 0; i < NGX_TRIGGERS_TALLY_LOOKS; i++) {
        current = ngx_triggers_metrics_load(&leader->current);

        ngx_triggers_tally_copy(tally, &leader->tallies[current % 2]);

        if (ngx_triggers_metrics_load(&leader->current) == current) {
            break;
        }
    }
}


static void
ngx_triggers_metrics_sum(ngx_triggers_metrics_t *metrics,
    ngx_triggers_metrics_sums_t *sums)
{
    ngx_uint_t                 i, n;
    ngx_triggers_histogram_t  *from, *times;

    ngx_memzero(sums, sizeof(ngx_triggers_metrics_sums_t));

    for (i = 0; i < metrics->nblocks; i++) {
        ngx_triggers_metrics_sum_block(sums, &metrics->blocks[i].counts);
    }

    for (i = 0; i < NGX_TRIGGERS_WORKER_TIMES; i++) {
        sums->times[i] = sums->counts.times[i];
    }

    for (i = NGX_TRIGGERS_WORKER_TIMES; i < NGX_TRIGGERS_TIMES; i++) {
        times = &sums->times[i];
        from = &metrics->leader->times[i - NGX_TRIGGERS_WORKER_TIMES];

        times->sum = ngx_triggers_metrics_load(&from->sum);

        for (n = 0; n < NGX_TRIGGERS_BUCKETS; n++) {
            times->buckets[n] = ngx_triggers_metrics_load(&from->buckets[n]);
        }
    }

    ngx_triggers_tally_read(metrics->leader, &sums->tally);

    for (i = 0; i < NGX_TRIGGERS_NSTATUS; i++) {
        sums->moves.entered[i] = sums->tally.moves.entered[i]
                + ngx_triggers_metrics_load(&metrics->leader->moves.entered[i]);
    }

    sums->moves.expired = sums->tally.moves.expired
                  + ngx_triggers_metrics_load(&metrics->leader->moves.expired);

    for (i = 0; i < NGX_TRIGGERS_ROUTES; i++) {
        for (n = 0; n < NGX_TRIGGERS_CLASSES; n++) {
            sums->requests += sums->counts.requests[i][n];
        }

        sums->errors += sums->counts.requests[i][NGX_TRIGGERS_CLASSES - 1];
    }
}


static void
ngx_triggers_metrics_sum_block(ngx_triggers_metrics_sums_t *sums,
    ngx_triggers_metrics_counts_t *counts)
{
    uint64_t    *from, *to;
    ngx_uint_t   i, n;

    from = (uint64_t *) counts;
    to = (uint64_t *) &sums->counts;
    n = sizeof(ngx_triggers_metrics_counts_t) / sizeof(uint64_t);

    for (i = 0; i < n; i++) {
        to[i] += ngx_triggers_metrics_load(&from[i]);
    }
}


/* between the sums that are kept, us */

static uint64_t
ngx_triggers_metrics_step(ngx_triggers_metrics_t *metrics)
{
    return NGX_TRIGGERS_MINUTE / (metrics->nminutes - 2);
}


/* where the last minute began; all were zero before any sums were kept */

static void
ngx_triggers_metrics_base(ngx_triggers_metrics_t *metrics, uint64_t now,
    ngx_triggers_metrics_minute_t *base)
{
    uint64_t                        taken;
    ngx_uint_t                      i, n;
    ngx_triggers_metrics_minute_t  *minute;

    do {
        ngx_memzero(base, sizeof(ngx_triggers_metrics_minute_t));
        base->at = metrics->created;

        taken = ngx_triggers_metrics_load(&metrics->leader->minutes);
        minute = ngx_triggers_metrics_minute(metrics, taken, now);

        if (minute == NULL) {
            return;
        }

        base->at = ngx_triggers_metrics_load(&minute->at);
        base->requests = ngx_triggers_metrics_load(&minute->requests);
        base->errors = ngx_triggers_metrics_load(&minute->errors);
        base->events = ngx_triggers_metrics_load(&minute->events);

        for (n = 0; n < NGX_TRIGGERS_TIMES; n++) {
            for (i = 0; i < NGX_TRIGGERS_BUCKETS; i++) {
                base->times[n][i] = ngx_triggers_metrics_load(
                                        &minute->times[n][i]);
            }
        }

        /* what was copied may have become the oldest, and be overwritten */

    } while (ngx_triggers_metrics_load(&metrics->leader->minutes) != taken);
}


/*
 * The newest that is a minute old, or the oldest one, or NULL: the zone is
 * younger than a minute.  The one that is written next is left aside.
 */

static ngx_triggers_metrics_minute_t *
ngx_triggers_metrics_minute(ngx_triggers_metrics_t *metrics, uint64_t taken,
    uint64_t now)
{
    uint64_t                        i, oldest, at;
    ngx_triggers_metrics_minute_t  *minute;

    oldest = (taken >= metrics->nminutes) ? taken - metrics->nminutes + 1 : 0;
    minute = NULL;

    for (i = taken; i > oldest; i--) {
        minute = &metrics->minutes[(i - 1) % metrics->nminutes];
        at = ngx_triggers_metrics_load(&minute->at);

        if (at + NGX_TRIGGERS_MINUTE <= now) {
            return minute;
        }
    }

    return oldest ? minute : NULL;
}
