
/*
 * Token buckets: what passes and what does not, the numbers told, debts of
 * batches, limits that change, places in the table, and threads that take
 * from one bucket at the same time, which must not get one token too many.
 */


#include "unit.h"
#include "ngx_triggers_rate.h"

#include <pthread.h>


#define SECOND    1000000000ull
#define START     (1000 * SECOND)

#define THREADS   4
#define TAKES     20000


static ngx_triggers_bucket_t  shared;


static void
test_limit(void)
{
    ngx_uint_t             i, passed;
    ngx_triggers_rate_t    rate;
    ngx_triggers_bucket_t  bucket;

    static ngx_uint_t  limits[] = { 1, 7, 60, 1000, 99999 };

    for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        ngx_memzero(&bucket, sizeof(bucket));
        passed = 0;

        while (ngx_triggers_rate_take(&bucket, limits[i], 1, START, &rate)
               == NGX_OK)
        {
            passed++;

            if (rate.remaining != limits[i] - passed) {
                break;
            }
        }

        unit_ok(passed == limits[i] && rate.remaining == 0,
                "a full bucket gives %d", (int) limits[i]);
        unit_ok(rate.reset >= 59 && rate.reset <= 60 && rate.limit == limits[i],
                "and is full again in a minute");
    }
}


static void
test_refill(void)
{
    ngx_triggers_rate_t    rate;
    ngx_triggers_bucket_t  bucket;

    ngx_memzero(&bucket, sizeof(bucket));

    unit_ok(ngx_triggers_rate_take(&bucket, 60, 60, START, &rate) == NGX_OK
            && rate.remaining == 0 && rate.reset == 60, "all at once");
    unit_ok(ngx_triggers_rate_take(&bucket, 60, 1, START, &rate) == NGX_BUSY
            && rate.retry_after == 1, "then none, and in a second one");
    unit_ok(ngx_triggers_rate_check(&bucket, 60, START, &rate) == NGX_BUSY
            && rate.retry_after == 1, "as a look says too");
    unit_ok(ngx_triggers_rate_take(&bucket, 60, 10, START, &rate) == NGX_BUSY
            && rate.retry_after == 10, "ten in ten");
    unit_ok(ngx_triggers_rate_take(&bucket, 60, 1, START + SECOND - 1, &rate)
            == NGX_BUSY, "not a moment before");
    unit_ok(ngx_triggers_rate_check(&bucket, 60, START + SECOND, &rate)
            == NGX_OK && rate.remaining == 1, "it is seen to be there");
    unit_ok(ngx_triggers_rate_take(&bucket, 60, 1, START + SECOND, &rate)
            == NGX_OK && rate.remaining == 0, "and taken");
    unit_ok(ngx_triggers_rate_take(&bucket, 60, 1, START + 1000 * SECOND,
                                   &rate)
            == NGX_OK && rate.remaining == 59,
            "time does not fill it above its limit");
}


static void
test_debt(void)
{
    ngx_triggers_rate_t    rate;
    ngx_triggers_bucket_t  bucket;

    ngx_memzero(&bucket, sizeof(bucket));

    unit_ok(ngx_triggers_rate_take(&bucket, 60, 180, START, &rate) == NGX_OK
            && rate.remaining == 0 && rate.reset == 180,
            "a full bucket gives more than it holds");
    unit_ok(ngx_triggers_rate_take(&bucket, 60, 1, START + 60 * SECOND, &rate)
            == NGX_BUSY && rate.retry_after == 61, "the debt is paid off");
    unit_ok(ngx_triggers_rate_take(&bucket, 60, 1, START + 121 * SECOND,
                                   &rate)
            == NGX_OK, "and then it gives again");
    unit_ok(ngx_triggers_rate_take(&bucket, 60, 61, START + 122 * SECOND,
                                   &rate)
            == NGX_BUSY && rate.retry_after == 59,
            "too many must wait until it is full");

    ngx_memzero(&bucket, sizeof(bucket));

    unit_ok(ngx_triggers_rate_take(&bucket, NGX_TRIGGERS_RATE_MAX, 1000, START,
                                   &rate)
            == NGX_OK && rate.remaining == NGX_TRIGGERS_RATE_MAX - 1000,
            "the largest limit");
    unit_ok(ngx_triggers_rate_take(&bucket, 1, 1000, START + SECOND, &rate)
            == NGX_OK && rate.reset == 60000, "the longest debt");
}


static void
test_change(void)
{
    ngx_triggers_rate_t    rate;
    ngx_triggers_bucket_t  bucket;

    ngx_memzero(&bucket, sizeof(bucket));

    (void) ngx_triggers_rate_take(&bucket, 60, 60, START, &rate);

    unit_ok(ngx_triggers_rate_take(&bucket, 600, 1, START, &rate) == NGX_BUSY
            && ngx_triggers_rate_take(&bucket, 600, 10, START + SECOND, &rate)
               == NGX_OK && rate.limit == 600,
            "a higher limit lets them come faster");
    unit_ok(ngx_triggers_rate_take(&bucket, 6, 1, START + 10 * SECOND, &rate)
            == NGX_BUSY
            && ngx_triggers_rate_take(&bucket, 6, 1, START + 11 * SECOND,
                                      &rate)
               == NGX_OK,
            "a lower one slower");
}


static void
test_table(void)
{
    u_char                  digest[8], *memory;
    ngx_uint_t              i, same;
    ngx_triggers_rate_t     rate;
    ngx_triggers_rates_t    rates;
    ngx_triggers_bucket_t  *bucket, *first;

    memory = calloc(1, ngx_triggers_rates_size(100));
    ngx_triggers_rates_init(&rates, memory, 100);

    unit_ok(ngx_triggers_rates_size(100) == 256 * sizeof(*bucket),
            "a table has twice as many places, and a power of two");

    ngx_memzero(digest, sizeof(digest));
    first = ngx_triggers_rates_find(&rates, digest);

    unit_ok(ngx_triggers_rates_last_used(&rates, digest) == 0,
            "a key that was never used");
    first->last_used = 1762778096000;
    unit_ok(ngx_triggers_rates_last_used(&rates, digest) == 1762778096000,
            "a key that was");
    unit_ok(ngx_triggers_rates_find(&rates, digest) == first,
            "a key finds its bucket again");

    (void) ngx_triggers_rate_take(first, 60, 60, START, &rate);

    /* keys of one place: they move on, and at last take an idle one's */

    same = 0;

    for (i = 1; i < 200; i++) {
        digest[4] = i;
        bucket = ngx_triggers_rates_find(&rates, digest);
        same += (bucket == first);
    }

    unit_ok(same == 0, "the bucket of a busy key is not given away");

    unit_ok(ngx_triggers_rates_find(&rates, digest)
            == ngx_triggers_rates_find(&rates, digest),
            "a key that took an idle one's place finds it");

    free(memory);
}


static void *
take(void *data)
{
    ngx_uint_t           *passed = data;

    ngx_uint_t            i;
    ngx_triggers_rate_t   rate;

    for (i = 0; i < TAKES; i++) {
        *passed += (ngx_triggers_rate_take(&shared, TAKES, 1, START, &rate)
                    == NGX_OK);
    }

    return NULL;
}


static void
test_threads(void)
{
    pthread_t   threads[THREADS];
    ngx_uint_t  i, sum, passed[THREADS];

    for (i = 0; i < THREADS; i++) {
        passed[i] = 0;
        pthread_create(&threads[i], NULL, take, &passed[i]);
    }

    sum = 0;

    for (i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        sum += passed[i];
    }

    unit_ok(sum == TAKES, "threads get as many as there are: %d", (int) sum);
}


int
main(void)
{
    test_limit();
    test_refill();
    test_debt();
    test_change();
    test_table();
    test_threads();

    return unit_done();
}
