
/*
 * Meters of endpoints: what they count, that the next owner begins at zero,
 * that one which was given half is nobody's, and that readers never see the
 * counts of two owners as those of one.
 */


#include "unit.h"
#include "ngx_triggers_meters.h"

#include <pthread.h>


#define METERS   16
#define COUNTS   5

#ifdef __SANITIZE_THREAD__
#define READS    200000
#else
#define READS    3000000
#endif


static ngx_triggers_meters_t  meters;
static void                  *memory;
static uint32_t               stop;


static void
setup(void)
{
    size_t  size;

    free(memory);

    size = ngx_triggers_meters_size(METERS);
    memory = aligned_alloc(8, size);
    ngx_memzero(memory, size);

    ngx_triggers_meters_init(&meters, memory, METERS);
}


/* an id whose every byte is the same, never zero */

static u_char *
id(ngx_uint_t n)
{
    static u_char  bytes[NGX_TRIGGERS_ID_LEN];

    ngx_memset(bytes, n % 250 + 1, sizeof(bytes));

    return bytes;
}


static void
test_number(void)
{
    unit_ok(ngx_triggers_meters_number(1) == NGX_TRIGGERS_METERS_MIN
            && ngx_triggers_meters_number(1024 * 1024) == 128
            && ngx_triggers_meters_number(1024 * 1024 * 1024)
               == NGX_TRIGGERS_METERS_MAX, "as many as the zone allows");
    unit_ok(ngx_triggers_meters_size(NGX_TRIGGERS_METERS_MAX) < 32 * 1024
            && ngx_triggers_meters_size(NGX_TRIGGERS_METERS_MIN) < 2048,
            "they are small");
}


static void
test_counts(void)
{
    ngx_uint_t             i;
    ngx_triggers_meter_t  *m, copy;

    static ngx_msec_t  times[] = { 0, 10, 11, 100, 1000, 1001, 10000, 10001 };

    setup();
    m = &meters.elts[3];

    unit_ok(ngx_triggers_meter_read(m, &copy) == NGX_DECLINED
            && !ngx_triggers_meter_is_taken(m), "nobody's");

    ngx_triggers_meter_free(m);
    unit_ok(!ngx_triggers_meter_is_taken(m), "nor by being freed");

    ngx_triggers_meter_take(m, id(7));
    unit_ok(ngx_triggers_meter_owner(m, id(7))
            && !ngx_triggers_meter_owner(m, id(8)), "an owner");

    for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        ngx_triggers_meter_attempt(m, i == 0 ? NGX_TRIGGERS_ATTEMPT_FAILED
                                             : NGX_TRIGGERS_ATTEMPT_DELIVERED,
                                   times[i]);
    }

    ngx_triggers_meter_set(m, 4, 1);

    unit_ok(ngx_triggers_meter_read(m, &copy) == NGX_OK
            && ngx_memcmp(copy.id, id(7), NGX_TRIGGERS_ID_LEN) == 0
            && copy.attempts[NGX_TRIGGERS_ATTEMPT_DELIVERED] == 7
            && copy.attempts[NGX_TRIGGERS_ATTEMPT_FAILED] == 1
            && copy.sending == 4 && copy.breaker == 1, "what it was told");

    unit_ok(copy.buckets[0] == 2 && copy.buckets[1] == 2
            && copy.buckets[2] == 1 && copy.buckets[3] == 2
            && copy.buckets[4] == 1 && copy.time == 22123,
            "a bound is the last time of its bucket");

    unit_ok(ngx_triggers_meter_bound(0) == 10
            && ngx_triggers_meter_bound(NGX_TRIGGERS_METER_BUCKETS - 2)
               == 10000, "bounds");
}


static void
test_owners(void)
{
    ngx_triggers_meter_t  *m, copy;

    setup();
    m = &meters.elts[0];

    ngx_triggers_meter_take(m, id(1));
    ngx_triggers_meter_attempt(m, NGX_TRIGGERS_ATTEMPT_FAILED, 5);
    ngx_triggers_meter_set(m, 1, 2);
    ngx_triggers_meter_free(m);

    unit_ok(!ngx_triggers_meter_owner(m, id(1))
            && ngx_triggers_meter_read(m, &copy) == NGX_DECLINED,
            "who is gone has none");

    ngx_triggers_meter_take(m, id(2));

    unit_ok(ngx_triggers_meter_read(m, &copy) == NGX_OK
            && copy.attempts[NGX_TRIGGERS_ATTEMPT_FAILED] == 0
            && copy.time == 0 && copy.buckets[0] == 0 && copy.sending == 0
            && copy.breaker == 0, "the next one begins at zero");

    /* its writer dies while it is given away: all but the generation */

    ngx_triggers_meter_free(m);
    ngx_memset(&m->id, 0x5a, sizeof(*m) - sizeof(m->generation));

    unit_ok(ngx_triggers_meter_read(m, &copy) == NGX_DECLINED
            && !ngx_triggers_meter_owner(m, (u_char *) m->id),
            "given half, it is nobody's");

    ngx_triggers_meter_take(m, id(3));
    unit_ok(ngx_triggers_meter_read(m, &copy) == NGX_OK && copy.time == 0
            && ngx_triggers_meter_owner(m, id(3)), "and free for another");
}


static void
test_others(void)
{
    ngx_triggers_meter_t  *m, copy;

    setup();
    m = ngx_triggers_meters_others(&meters);

    ngx_triggers_meter_attempt(m, NGX_TRIGGERS_ATTEMPT_DELIVERED, 1);

    unit_ok(m == &meters.elts[METERS]
            && ngx_triggers_meter_read(m, &copy) == NGX_OK
            && copy.attempts[NGX_TRIGGERS_ATTEMPT_DELIVERED] == 1,
            "one for all others");
}


/* each owner counts COUNTS times that tell whose they are */

static void *
own(void *data)
{
    ngx_uint_t             n, i;
    ngx_triggers_meter_t  *m;

    m = &meters.elts[0];

    for (n = 0; !__atomic_load_n(&stop, __ATOMIC_RELAXED); n++) {
        ngx_triggers_meter_take(m, id(n));

        for (i = 0; i < COUNTS; i++) {
            ngx_triggers_meter_attempt(m, NGX_TRIGGERS_ATTEMPT_DELIVERED,
                                       n % 250 + 1);
        }

        ngx_triggers_meter_free(m);
    }

    return data;
}


static void
test_threads(void)
{
    pthread_t              thread;
    ngx_uint_t             seen, torn, back, n;
    ngx_triggers_meter_t   copy, last;

    setup();
    ngx_memzero(&last, sizeof(last));

    seen = 0;
    torn = 0;
    back = 0;

    pthread_create(&thread, NULL, own, NULL);

    while (seen < READS) {

        if (ngx_triggers_meter_read(&meters.elts[0], &copy) != NGX_OK) {
            continue;
        }

        seen++;
        n = copy.id[0] & 0xff;

        torn += copy.id[0] != copy.id[1] || n == 0
                || copy.time % n != 0 || copy.time > COUNTS * n
                || copy.attempts[NGX_TRIGGERS_ATTEMPT_DELIVERED] > COUNTS;

        back += copy.generation < last.generation
                || (copy.generation == last.generation
                    && copy.time < last.time);

        last = copy;
    }

    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    pthread_join(thread, NULL);

    unit_ok(torn == 0, "what is read is of one owner");
    unit_ok(back == 0, "nothing goes back while it is");
}


int
main(void)
{
    test_number();
    test_counts();
    test_owners();
    test_others();
    test_threads();

    free(memory);

    return unit_done();
}
