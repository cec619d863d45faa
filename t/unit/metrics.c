
/*
 * Counters: sums over blocks that workers share and have of their own,
 * bounds of buckets, quantiles, what the last minute was, tallies of batches
 * that were rolled back or whose leader has died, and threads that count and
 * read at the same time.
 */


#include "unit.h"
#include "ngx_triggers_metrics.h"

#include <pthread.h>


#define ZONE     (4 * 1024 * 1024)

#define SECOND   1000000ull
#define THREADS  4
#define COUNTS   50000
#define BATCHES  20000


static ngx_triggers_metrics_t  metrics;
static void                   *memory;
static uint32_t                stop;


static void
setup(size_t zone, ngx_uint_t nslots)
{
    size_t  size;

    free(memory);

    size = ngx_triggers_metrics_size(zone, nslots);
    memory = aligned_alloc(128, size);
    ngx_memzero(memory, size);

    ngx_triggers_metrics_init(&metrics, memory, zone, nslots);
    metrics.created = 0;
}


static ngx_triggers_metrics_sums_t *
sums(uint64_t now)
{
    static ngx_triggers_metrics_sums_t  s;

    ngx_triggers_metrics_read(&metrics, now, &s);

    return &s;
}


static void
test_size(void)
{
    ngx_uint_t  i, bad;

    static size_t  zones[] = { 1, 100 * 1024, 1024 * 1024, ZONE,
                               1024 * 1024 * 1024 };

    bad = 0;

    for (i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
        bad += ngx_triggers_metrics_size(zones[i], 1000)
               > ngx_triggers_metrics_size_max(zones[i]);
        bad += ngx_triggers_metrics_size(zones[i], 1000) % 128 != 0;

        setup(zones[i], 48);
        bad += (metrics.nblocks < 1 || metrics.nminutes < 3);
        bad += ((u_char *) (metrics.minutes + metrics.nminutes)
                > (u_char *) metrics.meters.elts);
        bad += ((u_char *) (metrics.meters.elts + metrics.meters.nelts + 1)
                > (u_char *) memory
                  + ngx_triggers_metrics_size(zones[i], 48));
    }

    unit_ok(bad == 0, "sizes");
    unit_ok(ngx_triggers_metrics_size(100 * 1024, 48) <= 20 * 1024,
            "the smallest zone gives %d bytes",
            (int) ngx_triggers_metrics_size(100 * 1024, 48));

    setup(ZONE, 16);
    unit_ok(metrics.nblocks == 16 && metrics.nminutes == 14,
            "a larger one has a block for each slot");
    unit_ok((u_char *) ngx_triggers_metrics_counts(&metrics, 1)
            - (u_char *) ngx_triggers_metrics_counts(&metrics, 0) >= 128
            && (uintptr_t) ngx_triggers_metrics_counts(&metrics, 1) % 128
               == 0, "on cache lines of its own");
}


static void
test_bounds(void)
{
    uint64_t                   bound, last;
    ngx_uint_t                 i, bad;
    ngx_triggers_histogram_t   h;

    bad = 0;
    last = 0;

    for (i = 0; i < NGX_TRIGGERS_BOUNDS; i++) {
        bound = ngx_triggers_metrics_bound(i);

        ngx_memzero(&h, sizeof(h));
        ngx_triggers_metrics_time(&h, bound);
        bad += (h.buckets[i] != 1 || h.sum != bound);

        ngx_triggers_metrics_time(&h, bound + 1);
        bad += (h.buckets[i + 1] != 1);

        ngx_triggers_metrics_time(&h, last + 1);
        bad += (h.buckets[i] != 2);

        bad += (bound <= last || (i && (bound * 100 > last * 126
                                        || bound * 100 < last * 116)));
        last = bound;
    }

    unit_ok(bad == 0, "a bound is the last time of its bucket");
    unit_ok(ngx_triggers_metrics_bound(0) == 100 && last == 10 * SECOND,
            "from 100 us to 10 s");

    ngx_memzero(&h, sizeof(h));
    ngx_triggers_metrics_time(&h, 0);
    ngx_triggers_metrics_time(&h, 1ull << 40);
    unit_ok(h.buckets[0] == 1 && h.buckets[NGX_TRIGGERS_BUCKETS - 1] == 1,
            "and beyond");
}


static void
test_quantiles(void)
{
    int64_t                   error, most;
    uint64_t                  us, q;
    ngx_uint_t                i;
    ngx_triggers_histogram_t  h;

    static ngx_uint_t  permilles[] = { 500, 950, 990, 1000 };

    ngx_memzero(&h, sizeof(h));
    unit_ok(ngx_triggers_metrics_quantile(h.buckets, 500) == 0, "of nothing");

    ngx_triggers_metrics_time(&h, 20 * SECOND);
    unit_ok(ngx_triggers_metrics_quantile(h.buckets, 500) == 10 * SECOND,
            "of what is too long");

    ngx_memzero(&h, sizeof(h));
    ngx_triggers_metrics_time(&h, 1000);
    q = ngx_triggers_metrics_quantile(h.buckets, 990);
    unit_ok(q > 820 && q <= 1000, "of one: %d", (int) q);

    /* 100, 200, ... 1000000 us: the quantile is known */

    ngx_memzero(&h, sizeof(h));
    most = 0;

    for (us = 100; us <= SECOND; us += 100) {
        ngx_triggers_metrics_time(&h, us);
    }

    for (i = 0; i < 4; i++) {
        q = ngx_triggers_metrics_quantile(h.buckets, permilles[i]);
        error = (int64_t) q - (int64_t) (SECOND / 1000 * permilles[i]);
        error = error < 0 ? -error : error;
        most = ngx_max(most, error * 1000 / (int64_t) q);
    }

    unit_ok(most <= 10, "of times spread evenly: off by %d in a thousand",
            (int) most);

    /* one in a hundred is slow */

    ngx_memzero(&h, sizeof(h));

    for (i = 0; i < 990; i++) {
        ngx_triggers_metrics_time(&h, 150);
    }

    for (i = 0; i < 10; i++) {
        ngx_triggers_metrics_time(&h, 2 * SECOND);
    }

    unit_ok(ngx_triggers_metrics_quantile(h.buckets, 990) == 150
            && ngx_triggers_metrics_quantile(h.buckets, 991) > SECOND,
            "a slow one in a hundred");
}


static void
test_codes(void)
{
    ngx_uint_t  i, bad;

    bad = 0;

    for (i = 0; i < NGX_TRIGGERS_CODES - 1; i++) {
        bad += ngx_triggers_metrics_code(ngx_triggers_metrics_status(i)) != i;
    }

    unit_ok(bad == 0, "statuses have places");
    unit_ok(ngx_triggers_metrics_code(418) == NGX_TRIGGERS_CODES - 1
            && ngx_triggers_metrics_code(0) == NGX_TRIGGERS_CODES - 1,
            "unknown ones share one");
}


static void
test_sums(void)
{
    ngx_uint_t                      i;
    ngx_triggers_histogram_t        times;
    ngx_triggers_metrics_sums_t    *s;
    ngx_triggers_metrics_counts_t  *counts;

    setup(ZONE, 8);

    for (i = 0; i < 20; i++) {
        counts = ngx_triggers_metrics_counts(&metrics, i);

        ngx_triggers_metrics_add(&counts->requests[i][i % 4], i);
        ngx_triggers_metrics_add(&counts->codes[3], 1);
        ngx_triggers_metrics_time(&counts->times[NGX_TRIGGERS_TIME_ACK],
                                  100 * i);
    }

    ngx_triggers_metrics_drained(&metrics, NGX_TRIGGERS_TIME_SYNC, 1000);

    ngx_memzero(&times, sizeof(ngx_triggers_histogram_t));
    ngx_triggers_metrics_time(&times, 1000);
    ngx_triggers_metrics_time(&times, 10000001);
    ngx_triggers_metrics_merge(&metrics, NGX_TRIGGERS_TIME_SYNC, &times);

    s = sums(1);

    unit_ok(s->requests == 190 && s->errors == 3 + 7 + 11 + 15 + 19
            && s->counts.codes[3] == 20 && s->counts.requests[6][2] == 6,
            "what more slots than blocks have counted");
    unit_ok(s->times[NGX_TRIGGERS_TIME_ACK].sum == 19000
            && s->times[NGX_TRIGGERS_TIME_ACK].buckets[0] == 2
            && s->times[NGX_TRIGGERS_TIME_INBOX].sum == 0
            && s->times[NGX_TRIGGERS_TIME_SYNC].sum == 10002001
            && s->times[NGX_TRIGGERS_TIME_SYNC].buckets[12] == 2
            && s->times[NGX_TRIGGERS_TIME_SYNC]
                   .buckets[NGX_TRIGGERS_BUCKETS - 1] == 1, "times");
}


static void
batch(ngx_uint_t op, ngx_uint_t rc, ngx_uint_t count, uint64_t position)
{
    ngx_triggers_tally_t     *tally;
    ngx_triggers_result_t     result;
    ngx_triggers_mutation_t   mutation;

    ngx_memzero(&mutation, sizeof(mutation));
    ngx_memzero(&result, sizeof(result));

    mutation.op = op;
    result.rc = rc;
    result.count = count;

    tally = ngx_triggers_tally_begin(&metrics);
    ngx_triggers_tally_count(tally, &mutation, &result);

    if (position) {
        ngx_triggers_tally_ready(tally, position, 1);
    }
}


/* what is moved is in the batch, too, or of none */

static void
moves(ngx_triggers_moves_t *m, uint64_t n)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_TRIGGERS_NSTATUS; i++) {
        m->entered[i] = n * (i + 1);
    }

    m->expired = n * (i + 1);
}


static void
moving(uint64_t n, uint64_t position)
{
    ngx_triggers_moves_t   m;
    ngx_triggers_tally_t  *tally;

    moves(&m, n);

    tally = ngx_triggers_tally_begin(&metrics);
    ngx_triggers_moves_add(&tally->moves, &m);
    ngx_triggers_tally_ready(tally, position, 1);
}


static int
moved(uint64_t n)
{
    ngx_triggers_moves_t  m;

    moves(&m, n);

    return memcmp(&m, &sums(1)->moves, sizeof(ngx_triggers_moves_t)) == 0;
}


static void
test_moves(void)
{
    ngx_triggers_moves_t  m;

    setup(ZONE, 8);

    moving(1, 64);
    unit_ok(moved(0), "nothing is moved before the commit");

    ngx_triggers_tally_done(&metrics);
    unit_ok(moved(1), "it is after it");

    moving(10, 128);
    moving(100, 128);
    ngx_triggers_tally_recover(&metrics, 64);
    unit_ok(moved(1), "nor by whoever died before it");

    ngx_triggers_tally_recover(&metrics, 128);
    ngx_triggers_tally_recover(&metrics, 128);
    unit_ok(moved(101), "whoever died after it has moved it once");

    moves(&m, 1000);
    ngx_triggers_moves_add(&metrics.leader->moves, &m);
    moving(10000, 192);
    unit_ok(moved(1101), "what is of no batch is counted at once");

    ngx_triggers_tally_done(&metrics);
    unit_ok(moved(11101), "both together");
}


static uint64_t
created(void)
{
    return sums(1)->tally.ops[NGX_TRIGGERS_OP_CREATE][NGX_TRIGGERS_RC_OK];
}


static void
test_tally(void)
{
    ngx_triggers_metrics_sums_t  *s;

    setup(ZONE, 8);

    batch(NGX_TRIGGERS_OP_CREATE, NGX_TRIGGERS_RC_OK, 0, 64);
    unit_ok(created() == 0, "a batch is not counted before its commit");

    ngx_triggers_tally_done(&metrics);
    unit_ok(created() == 1, "it is after it");

    batch(NGX_TRIGGERS_OP_CREATE, NGX_TRIGGERS_RC_OK, 0, 128);
    batch(NGX_TRIGGERS_OP_CREATE, NGX_TRIGGERS_RC_OK, 0, 160);
    ngx_triggers_tally_done(&metrics);
    unit_ok(created() == 2 && sums(1)->tally.batches == 2,
            "one that was rolled back is not");

    batch(NGX_TRIGGERS_OP_CREATE, NGX_TRIGGERS_RC_OK, 0, 192);
    ngx_triggers_tally_recover(&metrics, 160);
    unit_ok(created() == 2, "nor one whose leader died before its commit");

    ngx_triggers_tally_recover(&metrics, 192);
    ngx_triggers_tally_recover(&metrics, 192);
    unit_ok(created() == 3, "one whose leader died after it is, once");

    batch(NGX_TRIGGERS_OP_CREATE, NGX_TRIGGERS_RC_OK, 0, 0);
    ngx_triggers_tally_recover(&metrics, 0);
    ngx_triggers_tally_recover(&metrics, 192);
    unit_ok(created() == 3, "nor one that was half made");

    batch(NGX_TRIGGERS_OP_LEASE, NGX_TRIGGERS_RC_OK, 7, 256);
    ngx_triggers_tally_done(&metrics);
    batch(NGX_TRIGGERS_OP_RETRY_ALL, NGX_TRIGGERS_RC_OK, 5, 288);
    ngx_triggers_tally_done(&metrics);
    batch(NGX_TRIGGERS_OP_RETRY, NGX_TRIGGERS_RC_OK, 2, 320);
    ngx_triggers_tally_done(&metrics);
    batch(NGX_TRIGGERS_OP_RETRY, NGX_TRIGGERS_RC_CONFLICT, 2, 352);
    ngx_triggers_tally_done(&metrics);

    s = sums(1);
    unit_ok(s->tally.leased == 7 && s->tally.retried == 6
            && s->tally.ops[NGX_TRIGGERS_OP_RETRY][NGX_TRIGGERS_RC_CONFLICT]
               == 1, "events of leases and retries");

    batch(NGX_TRIGGERS_NOPS, 0, 0, 384);
    batch(NGX_TRIGGERS_OP_CREATE, NGX_TRIGGERS_RC_MAX, 0, 384);
    ngx_triggers_tally_done(&metrics);
    unit_ok(created() == 3, "what is unknown is not counted");
}


static void
test_deliveries(void)
{
    ngx_triggers_tally_t     *tally;
    ngx_triggers_result_t     result;
    ngx_triggers_delivery_t   delivery;
    ngx_triggers_mutation_t   mutation;

    setup(ZONE, 8);

    ngx_memzero(&mutation, sizeof(mutation));
    ngx_memzero(&result, sizeof(result));
    ngx_memzero(&delivery, sizeof(delivery));

    mutation.op = NGX_TRIGGERS_OP_DELIVERY;
    mutation.delivery = &delivery;

    tally = ngx_triggers_tally_begin(&metrics);

    ngx_triggers_tally_count(tally, &mutation, &result);
    delivery.outcome = NGX_TRIGGERS_ATTEMPT_FAILED;
    ngx_triggers_tally_count(tally, &mutation, &result);
    ngx_triggers_tally_count(tally, &mutation, &result);
    delivery.outcome = NGX_TRIGGERS_NATTEMPTS;
    ngx_triggers_tally_count(tally, &mutation, &result);

    ngx_triggers_tally_ready(tally, 32, 1);
    ngx_triggers_tally_done(&metrics);

    tally = &sums(1)->tally;
    unit_ok(tally->attempts[NGX_TRIGGERS_ATTEMPT_DELIVERED] == 1
            && tally->attempts[NGX_TRIGGERS_ATTEMPT_FAILED] == 2,
            "attempts by outcome");
}


static void
test_sizes(void)
{
    uint64_t  *sizes;

    setup(ZONE, 8);
    sizes = metrics.leader->sizes;

    ngx_triggers_metrics_batch(&metrics, 1);
    ngx_triggers_metrics_batch(&metrics, 2);
    ngx_triggers_metrics_batch(&metrics, 3);
    ngx_triggers_metrics_batch(&metrics, 4);
    ngx_triggers_metrics_batch(&metrics, 8192);
    ngx_triggers_metrics_batch(&metrics, 8193);
    ngx_triggers_metrics_batch(&metrics, 100000);

    unit_ok(sizes[0] == 1 && sizes[1] == 1 && sizes[2] == 2
            && sizes[NGX_TRIGGERS_SIZES - 2] == 1
            && sizes[NGX_TRIGGERS_SIZES - 1] == 2, "sizes of batches");
}


/* one request a second, one in ten an error, with ticks ten times as often */

static void
run(uint64_t *now, ngx_uint_t seconds)
{
    ngx_uint_t                      i;
    ngx_triggers_metrics_counts_t  *counts;

    counts = ngx_triggers_metrics_counts(&metrics, 3);

    while (seconds--) {
        *now += SECOND;

        ngx_triggers_metrics_add(
            &counts->requests[1][(*now / SECOND) % 10 ? 0 : 3], 1);
        ngx_triggers_metrics_time(&counts->times[NGX_TRIGGERS_TIME_INBOX],
                                  *now < 1000 * SECOND ? 50000 : 200);

        for (i = 0; i < 10; i++) {
            ngx_triggers_metrics_tick(&metrics, *now + i * SECOND / 10);
        }
    }
}


static void
test_minute(size_t zone, uint64_t longest)
{
    uint64_t                      now, q;
    ngx_triggers_metrics_sums_t  *s;

    setup(zone, 8);
    now = 0;

    unit_ok(sums(0)->elapsed == 1 && sums(0)->last_requests == 0,
            "a minute that has just begun, %d kept", (int) metrics.nminutes);

    run(&now, 30);
    s = sums(now);
    unit_ok(s->last_requests == 30 && s->last_errors == 3
            && s->elapsed == 30 * SECOND, "half of the first one");

    run(&now, 970);
    s = sums(now);
    q = ngx_triggers_metrics_quantile(s->last[NGX_TRIGGERS_TIME_INBOX], 500);
    unit_ok(s->elapsed >= 60 * SECOND && s->elapsed <= longest,
            "a minute of %d s", (int) (s->elapsed / SECOND));
    unit_ok(s->last_requests == s->elapsed / SECOND
            && s->requests == 1000, "has what was then");
    unit_ok(q > 39000, "and how long it took");

    run(&now, longest / SECOND);
    s = sums(now);
    unit_ok(ngx_triggers_metrics_quantile(s->last[NGX_TRIGGERS_TIME_INBOX],
                                          990) <= 220
            && ngx_triggers_metrics_quantile(
                   s->times[NGX_TRIGGERS_TIME_INBOX].buckets, 500) > 39000,
            "what was before is forgotten by it, and by nothing else");

    now += 3600 * SECOND;
    s = sums(now);
    unit_ok(s->elapsed >= 3600 * SECOND
            && s->last_requests * SECOND * 60 < s->elapsed * 2,
            "an hour without a leader is a long minute");
}


static void *
count(void *data)
{
    ngx_uint_t *slot = data;

    ngx_uint_t                      i;
    ngx_triggers_metrics_counts_t  *counts;

    counts = ngx_triggers_metrics_counts(&metrics, *slot);

    for (i = 0; i < COUNTS; i++) {
        ngx_triggers_metrics_add(&counts->requests[i % 3][0], 1);
        ngx_triggers_metrics_time(&counts->times[NGX_TRIGGERS_TIME_COMMIT],
                                  i);
    }

    return NULL;
}


/* every third batch is rolled back; each has as many of one as of another */

static void *
drain(void *data)
{
    ngx_uint_t                i;
    ngx_triggers_tally_t     *tally;
    ngx_triggers_result_t     result;
    ngx_triggers_mutation_t   mutation;

    ngx_memzero(&mutation, sizeof(mutation));
    ngx_memzero(&result, sizeof(result));

    for (i = 0; i < BATCHES; i++) {
        tally = ngx_triggers_tally_begin(&metrics);

        mutation.op = NGX_TRIGGERS_OP_CREATE;
        ngx_triggers_tally_count(tally, &mutation, &result);
        mutation.op = NGX_TRIGGERS_OP_DELETE;
        ngx_triggers_tally_count(tally, &mutation, &result);

        ngx_triggers_tally_ready(tally, 64 * (i + 1), 1);

        if (i % 3) {
            ngx_triggers_tally_done(&metrics);
        }

        ngx_triggers_metrics_tick(&metrics, (i + 1) * SECOND);
    }

    __atomic_store_n(&stop, 1, __ATOMIC_RELEASE);

    return data;
}


static void
test_threads(void)
{
    uint64_t                      now, seen;
    pthread_t                     threads[THREADS + 1];
    ngx_uint_t                    i, torn, back, slots[THREADS];
    ngx_triggers_metrics_sums_t  *s;

    setup(ZONE, 2);

    for (i = 0; i < THREADS; i++) {
        slots[i] = i;
        pthread_create(&threads[i], NULL, count, &slots[i]);
    }

    pthread_create(&threads[THREADS], NULL, drain, NULL);

    torn = 0;
    back = 0;
    seen = 0;
    now = 0;

    while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
        s = sums(++now * SECOND);

        torn += s->tally.ops[NGX_TRIGGERS_OP_CREATE][NGX_TRIGGERS_RC_OK]
                != s->tally.ops[NGX_TRIGGERS_OP_DELETE][NGX_TRIGGERS_RC_OK];
        torn += s->last_requests > s->requests;
        back += s->requests + s->tally.batches < seen;
        seen = s->requests + s->tally.batches;
    }

    for (i = 0; i < THREADS + 1; i++) {
        pthread_join(threads[i], NULL);
    }

    s = sums(now);

    unit_ok(s->requests == THREADS * COUNTS, "nothing is lost: %d",
            (int) s->requests);
    unit_ok(s->tally.batches == BATCHES - (BATCHES + 2) / 3,
            "nor of the drainer's: %d", (int) s->tally.batches);
    unit_ok(torn == 0, "what is read is of one moment");
    unit_ok(back == 0, "nothing goes back");
}


int
main(void)
{
    test_size();
    test_bounds();
    test_quantiles();
    test_codes();
    test_sums();
    test_tally();
    test_moves();
    test_deliveries();
    test_sizes();
    test_minute(ZONE, 66 * SECOND);
    test_minute(100 * 1024, 121 * SECOND);
    test_threads();

    free(memory);

    return unit_done();
}
