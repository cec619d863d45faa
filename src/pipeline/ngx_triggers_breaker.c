
/*
 * The circuit breaker; the header has its states.
 */


#include "ngx_triggers_breaker.h"


static ngx_uint_t ngx_triggers_breaker_closed(
    ngx_triggers_breaker_t *breaker);
static void ngx_triggers_breaker_open(ngx_triggers_breaker_t *breaker,
    uint64_t now);
static void ngx_triggers_breaker_close(ngx_triggers_breaker_t *breaker);


ngx_int_t
ngx_triggers_breaker_take(ngx_triggers_breaker_t *breaker, uint64_t now,
    ngx_uint_t *epoch)
{
    if (!ngx_triggers_breaker_closed(breaker)) {

        if (breaker->probing || now < breaker->until) {
            return NGX_DECLINED;
        }

        breaker->probing = 1;
        breaker->epoch++;
    }

    *epoch = breaker->epoch;

    return NGX_OK;
}


void
ngx_triggers_breaker_result(ngx_triggers_breaker_t *breaker,
    ngx_uint_t epoch, ngx_int_t rc, uint64_t now)
{
    if (epoch != breaker->epoch) {
        return;
    }

    if (rc == NGX_OK) {
        ngx_triggers_breaker_close(breaker);
        return;
    }

    if (rc == NGX_DECLINED) {

        /* the next one is the probe */

        breaker->probing = 0;
        return;
    }

    breaker->failures++;

    if (!ngx_triggers_breaker_closed(breaker)) {
        ngx_triggers_breaker_open(breaker, now);
    }
}


ngx_uint_t
ngx_triggers_breaker_state(ngx_triggers_breaker_t *breaker)
{
    if (breaker->failures < NGX_TRIGGERS_BREAKER_FAILURES) {
        return NGX_TRIGGERS_BREAKER_CLOSED;
    }

    return breaker->probing ? NGX_TRIGGERS_BREAKER_HALF_OPEN
                            : NGX_TRIGGERS_BREAKER_OPEN;
}


uint64_t
ngx_triggers_breaker_wait(ngx_triggers_breaker_t *breaker, uint64_t now)
{
    if (ngx_triggers_breaker_closed(breaker) || breaker->probing
        || now >= breaker->until)
    {
        return 0;
    }

    return breaker->until - now;
}


static ngx_uint_t
ngx_triggers_breaker_closed(ngx_triggers_breaker_t *breaker)
{
    return breaker->failures < NGX_TRIGGERS_BREAKER_FAILURES;
}


static void
ngx_triggers_breaker_open(ngx_triggers_breaker_t *breaker, uint64_t now)
{
    uint64_t    period;
    ngx_uint_t  n;

    period = NGX_TRIGGERS_BREAKER_MIN;

    for (n = breaker->failures;
         n > NGX_TRIGGERS_BREAKER_FAILURES
         && period < NGX_TRIGGERS_BREAKER_MAX;
         n--)
    {
        period *= 2;
    }

    breaker->until = now + ngx_min(period, NGX_TRIGGERS_BREAKER_MAX);
    breaker->probing = 0;
    breaker->epoch++;
}


static void
ngx_triggers_breaker_close(ngx_triggers_breaker_t *breaker)
{
    if (!ngx_triggers_breaker_closed(breaker)) {
        breaker->until = 0;
        breaker->probing = 0;
        breaker->epoch++;
    }

    breaker->failures = 0;
}
