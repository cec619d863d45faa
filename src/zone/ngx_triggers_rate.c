
/*
 * Token buckets.  The debt of a bucket is the time until it is full: none is
 * a full bucket, the window an empty one, more than that a batch which is
 * still being paid off.
 */


#include "ngx_triggers_rate.h"


#define NGX_TRIGGERS_RATE_NS      (NGX_TRIGGERS_RATE_WINDOW * 1000000000LL)

#define NGX_TRIGGERS_RATE_PROBES  16
#define NGX_TRIGGERS_RATE_MIN     16           /* buckets */


static ngx_triggers_bucket_t *ngx_triggers_rates_replace(
    ngx_triggers_bucket_t *bucket, uint64_t tag);
static ngx_uint_t ngx_triggers_rates_number(ngx_uint_t keys);
static void ngx_triggers_rate_set(ngx_triggers_rate_t *rate,
    ngx_uint_t limit, int64_t debt);
static ngx_uint_t ngx_triggers_rate_seconds(int64_t ns);


size_t
ngx_triggers_rates_size(ngx_uint_t keys)
{
    return ngx_triggers_rates_number(keys) * sizeof(ngx_triggers_bucket_t);
}


void
ngx_triggers_rates_init(ngx_triggers_rates_t *rates, u_char *memory,
    ngx_uint_t keys)
{
    rates->buckets = (ngx_triggers_bucket_t *) memory;
    rates->mask = ngx_triggers_rates_number(keys) - 1;
}


ngx_triggers_bucket_t *
ngx_triggers_rates_find(ngx_triggers_rates_t *rates, u_char *digest)
{
    uint64_t                tag, free, full_at, oldest;
    ngx_uint_t              i;
    ngx_triggers_bucket_t  *bucket, *victim;

    ngx_memcpy(&tag, digest, sizeof(tag));
    tag |= 1;

    victim = NULL;
    oldest = 0;

    for (i = 0; i < NGX_TRIGGERS_RATE_PROBES; i++) {
        bucket = &rates->buckets[((tag >> 1) + i) & rates->mask];
        free = __atomic_load_n(&bucket->tag, __ATOMIC_ACQUIRE);

        if (free == 0
            && __atomic_compare_exchange_n(&bucket->tag, &free, tag, 0,
                                           __ATOMIC_ACQ_REL,
                                           __ATOMIC_ACQUIRE))
        {
            return bucket;
        }

        /* the exchange that failed has told whose it is now */

        if (free == tag) {
            return bucket;
        }

        full_at = __atomic_load_n(&bucket->full_at, __ATOMIC_RELAXED);

        if (victim == NULL || full_at < oldest) {
            victim = bucket;
            oldest = full_at;
        }
    }

    return ngx_triggers_rates_replace(victim, tag);
}


uint64_t
ngx_triggers_rates_last_used(ngx_triggers_rates_t *rates, u_char *digest)
{
    uint64_t                tag, other;
    ngx_uint_t              i;
    ngx_triggers_bucket_t  *bucket;

    ngx_memcpy(&tag, digest, sizeof(tag));
    tag |= 1;

    for (i = 0; i < NGX_TRIGGERS_RATE_PROBES; i++) {
        bucket = &rates->buckets[((tag >> 1) + i) & rates->mask];
        other = __atomic_load_n(&bucket->tag, __ATOMIC_ACQUIRE);

        if (other == tag) {
            return __atomic_load_n(&bucket->last_used, __ATOMIC_RELAXED);
        }

        if (other == 0) {
            break;
        }
    }

    return 0;
}


/*
 * A process that is using the old key's bucket in this very moment takes its
 * tokens out of the new one's; that key was idle, so it does not matter.
 */

static ngx_triggers_bucket_t *
ngx_triggers_rates_replace(ngx_triggers_bucket_t *bucket, uint64_t tag)
{
    __atomic_store_n(&bucket->tag, tag, __ATOMIC_RELEASE);
    __atomic_store_n(&bucket->full_at, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&bucket->last_used, 0, __ATOMIC_RELAXED);

    return bucket;
}


ngx_int_t
ngx_triggers_rate_take(ngx_triggers_bucket_t *bucket, ngx_uint_t limit,
    ngx_uint_t n, uint64_t now, ngx_triggers_rate_t *rate)
{
    int64_t   debt, cost;
    uint64_t  full_at;

    cost = (int64_t) (n * (uint64_t) NGX_TRIGGERS_RATE_NS / limit);
    full_at = __atomic_load_n(&bucket->full_at, __ATOMIC_RELAXED);

    do {
        debt = (full_at > now) ? (int64_t) (full_at - now) : 0;

        if (debt && debt + cost > NGX_TRIGGERS_RATE_NS) {
            ngx_triggers_rate_set(rate, limit, debt);

            /* what does not fit into the bucket has to wait until it is full */

            rate->retry_after = ngx_triggers_rate_seconds(
                                    (cost > NGX_TRIGGERS_RATE_NS)
                                    ? debt
                                    : debt + cost - NGX_TRIGGERS_RATE_NS);
            return NGX_BUSY;
        }

    } while (!__atomic_compare_exchange_n(&bucket->full_at, &full_at,
                                          now + debt + cost, 1,
                                          __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));

    ngx_triggers_rate_set(rate, limit, debt + cost);

    return NGX_OK;
}


ngx_int_t
ngx_triggers_rate_check(ngx_triggers_bucket_t *bucket, ngx_uint_t limit,
    uint64_t now, ngx_triggers_rate_t *rate)
{
    int64_t   debt, cost;
    uint64_t  full_at;

    cost = NGX_TRIGGERS_RATE_NS / limit;
    full_at = __atomic_load_n(&bucket->full_at, __ATOMIC_RELAXED);
    debt = (full_at > now) ? (int64_t) (full_at - now) : 0;

    ngx_triggers_rate_set(rate, limit, debt);

    if (debt == 0 || debt + cost <= NGX_TRIGGERS_RATE_NS) {
        return NGX_OK;
    }

    rate->retry_after = ngx_triggers_rate_seconds(debt + cost
                                                  - NGX_TRIGGERS_RATE_NS);
    return NGX_BUSY;
}


/* twice as many, since they are found by a hash */

static ngx_uint_t
ngx_triggers_rates_number(ngx_uint_t keys)
{
    ngx_uint_t  n;

    for (n = NGX_TRIGGERS_RATE_MIN; n < 2 * keys; n *= 2) { /* void */ }

    return n;
}


static void
ngx_triggers_rate_set(ngx_triggers_rate_t *rate, ngx_uint_t limit,
    int64_t debt)
{
    int64_t  cost;

    cost = NGX_TRIGGERS_RATE_NS / (int64_t) limit;

    rate->limit = limit;
    rate->remaining = 0;
    rate->reset = ngx_triggers_rate_seconds(debt);
    rate->retry_after = 0;

    if (debt < NGX_TRIGGERS_RATE_NS) {
        rate->remaining = ngx_min((uint64_t) (NGX_TRIGGERS_RATE_NS - debt)
                                  / cost, limit);
    }
}


/* rounded up: who waits that long finds what was promised */

static ngx_uint_t
ngx_triggers_rate_seconds(int64_t ns)
{
    return (ngx_uint_t) ((ns + 999999999) / 1000000000);
}
