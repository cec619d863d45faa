
/*
 * Unit tests of the circuit breaker: when it opens, for how long, and who is
 * the probe.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "unit.h"
#include "ngx_triggers_breaker.h"


static void test_opens(void);
static void test_states(void);
static void test_periods(void);
static void test_probe(void);
static void test_late(void);

static void test_fail(ngx_triggers_breaker_t *b, ngx_uint_t n, uint64_t now);
static ngx_uint_t test_send(ngx_triggers_breaker_t *b, ngx_int_t rc,
    uint64_t now);


int
main(void)
{
    test_opens();
    test_states();
    test_periods();
    test_probe();
    test_late();

    return unit_done();
}


static void
test_opens(void)
{
    ngx_uint_t              epoch;
    ngx_triggers_breaker_t  b;

    ngx_memzero(&b, sizeof(b));

    test_fail(&b, NGX_TRIGGERS_BREAKER_FAILURES - 1, 1000);
    unit_ok(test_send(&b, NGX_OK, 1000), "closed after four failures");

    test_fail(&b, NGX_TRIGGERS_BREAKER_FAILURES - 1, 1000);
    unit_ok(ngx_triggers_breaker_take(&b, 1000, &epoch) == NGX_OK,
            "a success between them is a new start");

    ngx_triggers_breaker_result(&b, epoch, NGX_ERROR, 1000);
    unit_ok(ngx_triggers_breaker_take(&b, 1000, &epoch) == NGX_DECLINED,
            "open after five in a row");

    unit_ok(ngx_triggers_breaker_wait(&b, 1000) == NGX_TRIGGERS_BREAKER_MIN
            && ngx_triggers_breaker_wait(&b, 11000)
               == NGX_TRIGGERS_BREAKER_MIN - 10000,
            "and tells for how long");

    unit_ok(!test_send(&b, NGX_OK, 1000 + NGX_TRIGGERS_BREAKER_MIN - 1),
            "open until the last moment");
    unit_ok(test_send(&b, NGX_OK, 1000 + NGX_TRIGGERS_BREAKER_MIN),
            "then the probe may go");
    unit_ok(test_send(&b, NGX_ERROR, 1000 + NGX_TRIGGERS_BREAKER_MIN)
            && test_send(&b, NGX_ERROR, 1000 + NGX_TRIGGERS_BREAKER_MIN),
            "whose success closes it");
}


static void
test_states(void)
{
    uint64_t                now;
    ngx_uint_t              epoch;
    ngx_triggers_breaker_t  b;

    ngx_memzero(&b, sizeof(b));
    now = 1000 + NGX_TRIGGERS_BREAKER_MIN;

    unit_ok(ngx_triggers_breaker_state(&b) == NGX_TRIGGERS_BREAKER_CLOSED,
            "a new one is closed");

    test_fail(&b, NGX_TRIGGERS_BREAKER_FAILURES, 1000);
    unit_ok(ngx_triggers_breaker_state(&b) == NGX_TRIGGERS_BREAKER_OPEN,
            "one that has failed is open");

    (void) ngx_triggers_breaker_take(&b, now, &epoch);
    unit_ok(ngx_triggers_breaker_state(&b) == NGX_TRIGGERS_BREAKER_HALF_OPEN,
            "one that is probed is half-open");

    ngx_triggers_breaker_result(&b, epoch, NGX_OK, now);
    unit_ok(ngx_triggers_breaker_state(&b) == NGX_TRIGGERS_BREAKER_CLOSED,
            "and then closed");
}


static void
test_periods(void)
{
    uint64_t                now, wait, expected;
    ngx_uint_t              i, good;
    ngx_triggers_breaker_t  b;

    ngx_memzero(&b, sizeof(b));

    now = 5000;
    good = 1;
    expected = NGX_TRIGGERS_BREAKER_MIN;

    test_fail(&b, NGX_TRIGGERS_BREAKER_FAILURES, now);

    for (i = 0; i < 10; i++) {
        wait = ngx_triggers_breaker_wait(&b, now);
        good &= (wait == expected);

        now += wait;
        good &= test_send(&b, NGX_ERROR, now);

        expected = ngx_min(2 * expected, NGX_TRIGGERS_BREAKER_MAX);
    }

    unit_ok(good && expected == NGX_TRIGGERS_BREAKER_MAX,
            "periods double to their maximum");

    now += ngx_triggers_breaker_wait(&b, now);

    unit_ok(test_send(&b, NGX_OK, now), "a probe succeeds");

    test_fail(&b, NGX_TRIGGERS_BREAKER_FAILURES, now);

    unit_ok(ngx_triggers_breaker_wait(&b, now) == NGX_TRIGGERS_BREAKER_MIN,
            "periods begin anew");
}


static void
test_probe(void)
{
    uint64_t                now;
    ngx_uint_t              epoch, other;
    ngx_triggers_breaker_t  b;

    ngx_memzero(&b, sizeof(b));

    test_fail(&b, NGX_TRIGGERS_BREAKER_FAILURES, 0);
    now = NGX_TRIGGERS_BREAKER_MIN;

    unit_ok(ngx_triggers_breaker_take(&b, now, &epoch) == NGX_OK
            && ngx_triggers_breaker_take(&b, now, &other) == NGX_DECLINED
            && ngx_triggers_breaker_wait(&b, now) == 0,
            "half-open: one probe at a time");

    ngx_triggers_breaker_result(&b, epoch, NGX_DECLINED, now);

    unit_ok(ngx_triggers_breaker_take(&b, now, &epoch) == NGX_OK,
            "half-open: another one if it could not be sent");

    ngx_triggers_breaker_result(&b, epoch, NGX_ERROR, now);

    unit_ok(ngx_triggers_breaker_wait(&b, now)
            == 2 * NGX_TRIGGERS_BREAKER_MIN,
            "half-open: one failure opens it");
}


/* what was sent before the state has changed */

static void
test_late(void)
{
    uint64_t                now;
    ngx_uint_t              old, epoch;
    ngx_triggers_breaker_t  b;

    ngx_memzero(&b, sizeof(b));

    (void) ngx_triggers_breaker_take(&b, 0, &old);

    test_fail(&b, NGX_TRIGGERS_BREAKER_FAILURES, 0);
    ngx_triggers_breaker_result(&b, old, NGX_OK, 0);

    unit_ok(ngx_triggers_breaker_wait(&b, 0) == NGX_TRIGGERS_BREAKER_MIN,
            "late: a success does not close it");

    now = NGX_TRIGGERS_BREAKER_MIN;

    unit_ok(ngx_triggers_breaker_take(&b, now, &epoch) == NGX_OK,
            "late: the probe goes");

    ngx_triggers_breaker_result(&b, old, NGX_ERROR, now);
    ngx_triggers_breaker_result(&b, epoch, NGX_OK, now);

    unit_ok(test_send(&b, NGX_OK, now) && b.failures == 0,
            "late: a failure is not the probe's");
}


static void
test_fail(ngx_triggers_breaker_t *b, ngx_uint_t n, uint64_t now)
{
    while (n--) {
        (void) test_send(b, NGX_ERROR, now);
    }
}


static ngx_uint_t
test_send(ngx_triggers_breaker_t *b, ngx_int_t rc, uint64_t now)
{
    ngx_uint_t  epoch;

    if (ngx_triggers_breaker_take(b, now, &epoch) != NGX_OK) {
        return 0;
    }

    ngx_triggers_breaker_result(b, epoch, rc, now);

    return 1;
}
