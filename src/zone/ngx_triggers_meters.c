
/*
 * Meters of endpoints.  Pure: it knows plain memory and no process, so that
 * its tests run it between threads under ThreadSanitizer.
 *
 * Words are stored with release order and loaded with acquire order: whoever
 * has seen a word of the next owner sees too that the generation has moved.
 */


#include "ngx_triggers_meters.h"


/* a meter for every so many bytes of a zone */

#define NGX_TRIGGERS_METERS_PART  8192

/* looks at a meter that changes its owner each time meanwhile */

#define NGX_TRIGGERS_METER_LOOKS  4

/* all words but the generation, which stands first */

#define NGX_TRIGGERS_METER_WORDS                                              \
    (sizeof(ngx_triggers_meter_t) / sizeof(uint64_t))


#define ngx_triggers_meter_load(p)                                            \
    __atomic_load_n(p, __ATOMIC_ACQUIRE)

#define ngx_triggers_meter_store(p, value)                                    \
    __atomic_store_n(p, value, __ATOMIC_RELEASE)


static void ngx_triggers_meter_add(uint64_t *counter, uint64_t n);


static const uint16_t  ngx_triggers_meter_bounds[] = {
    10, 100, 1000, 10000
};

_Static_assert(sizeof(ngx_triggers_meter_bounds) / sizeof(uint16_t)
               == NGX_TRIGGERS_METER_BUCKETS - 1, "a bucket has no bound");


ngx_uint_t
ngx_triggers_meters_number(size_t zone)
{
    ngx_uint_t  n;

    n = ngx_max(zone / NGX_TRIGGERS_METERS_PART, NGX_TRIGGERS_METERS_MIN);

    return ngx_min(n, NGX_TRIGGERS_METERS_MAX);
}


size_t
ngx_triggers_meters_size(ngx_uint_t n)
{
    return (n + 1) * sizeof(ngx_triggers_meter_t);
}


void
ngx_triggers_meters_init(ngx_triggers_meters_t *meters, u_char *p,
    ngx_uint_t n)
{
    meters->elts = (ngx_triggers_meter_t *) p;
    meters->nelts = n;

    ngx_triggers_meter_store(&meters->elts[n].generation, 1);
}


ngx_triggers_meter_t *
ngx_triggers_meters_others(ngx_triggers_meters_t *meters)
{
    return &meters->elts[meters->nelts];
}


ngx_uint_t
ngx_triggers_meter_is_taken(ngx_triggers_meter_t *meter)
{
    return ngx_triggers_meter_load(&meter->generation) % 2;
}


ngx_uint_t
ngx_triggers_meter_owner(ngx_triggers_meter_t *meter, u_char *id)
{
    return ngx_triggers_meter_is_taken(meter)
           && ngx_memcmp(meter->id, id, NGX_TRIGGERS_ID_LEN) == 0;
}


/* a writer that dies before the generation moves has given it to nobody */

void
ngx_triggers_meter_take(ngx_triggers_meter_t *meter, u_char *id)
{
    uint64_t    words[NGX_TRIGGERS_ID_LEN / sizeof(uint64_t)], *p;
    ngx_uint_t  i;

    p = (uint64_t *) meter;

    for (i = 1; i < NGX_TRIGGERS_METER_WORDS; i++) {
        ngx_triggers_meter_store(&p[i], 0);
    }

    ngx_memcpy(words, id, NGX_TRIGGERS_ID_LEN);

    for (i = 0; i < NGX_TRIGGERS_ID_LEN / sizeof(uint64_t); i++) {
        ngx_triggers_meter_store(&meter->id[i], words[i]);
    }

    ngx_triggers_meter_add(&meter->generation, 1);
}


void
ngx_triggers_meter_free(ngx_triggers_meter_t *meter)
{
    if (ngx_triggers_meter_is_taken(meter)) {
        ngx_triggers_meter_add(&meter->generation, 1);
    }
}


void
ngx_triggers_meter_attempt(ngx_triggers_meter_t *meter, ngx_uint_t outcome,
    ngx_msec_t ms)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_TRIGGERS_METER_BUCKETS - 1; i++) {
        if (ms <= ngx_triggers_meter_bounds[i]) {
            break;
        }
    }

    ngx_triggers_meter_add(&meter->attempts[outcome], 1);
    ngx_triggers_meter_add(&meter->time, ms);
    ngx_triggers_meter_add(&meter->buckets[i], 1);
}


void
ngx_triggers_meter_set(ngx_triggers_meter_t *meter, ngx_uint_t sending,
    ngx_uint_t breaker)
{
    ngx_triggers_meter_store(&meter->sending, sending);
    ngx_triggers_meter_store(&meter->breaker, breaker);
}


ngx_int_t
ngx_triggers_meter_read(ngx_triggers_meter_t *meter,
    ngx_triggers_meter_t *copy)
{
    uint64_t    generation, *from, *to;
    ngx_uint_t  i, look;

    from = (uint64_t *) meter;
    to = (uint64_t *) copy;

    for (look = 0; look < NGX_TRIGGERS_METER_LOOKS; look++) {

        generation = ngx_triggers_meter_load(&meter->generation);

        if (generation % 2 == 0) {
            break;
        }

        for (i = 1; i < NGX_TRIGGERS_METER_WORDS; i++) {
            to[i] = ngx_triggers_meter_load(&from[i]);
        }

        if (ngx_triggers_meter_load(&meter->generation) == generation) {
            copy->generation = generation;
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


ngx_msec_t
ngx_triggers_meter_bound(ngx_uint_t i)
{
    return ngx_triggers_meter_bounds[i];
}


/* nobody else writes: no locked instruction is needed */

static void
ngx_triggers_meter_add(uint64_t *counter, uint64_t n)
{
    ngx_triggers_meter_store(counter, ngx_triggers_meter_load(counter) + n);
}
