
/*
 * What the metrics show of endpoints: which of them has a meter of its own,
 * and what is counted there.  In the deliverer's thread, which alone writes
 * to meters while it holds the lock of deliveries.
 *
 * Meters are given to the oldest active endpoints.  A new leader finds those
 * of its predecessor by their ids, so that counts go on; those of endpoints
 * that have gone meanwhile are freed.
 */


#include "ngx_triggers_push.h"


static ngx_uint_t ngx_triggers_endpoints_strays(ngx_triggers_deliverer_t *d);
static void ngx_triggers_endpoints_adopt(ngx_triggers_deliverer_t *d);
static ngx_uint_t ngx_triggers_endpoints_free_meters(
    ngx_triggers_deliverer_t *d);
static void ngx_triggers_endpoints_give(ngx_triggers_deliverer_t *d,
    ngx_uint_t nfree);
static void ngx_triggers_endpoint_own(ngx_triggers_endpoint_t *endpoint,
    ngx_uint_t i);


void
ngx_triggers_endpoints_meter(ngx_triggers_deliverer_t *d)
{
    ngx_uint_t  nfree;

    if (ngx_triggers_endpoints_strays(d)) {
        ngx_triggers_endpoints_adopt(d);
    }

    nfree = ngx_triggers_endpoints_free_meters(d);

    if (nfree) {
        ngx_triggers_endpoints_give(d, nfree);
    }
}


void
ngx_triggers_endpoint_unmeter(ngx_triggers_endpoint_t *endpoint)
{
    ngx_triggers_meters_t     *meters;
    ngx_triggers_deliverer_t  *d;

    if (endpoint->meter == NULL) {
        return;
    }

    d = endpoint->deliverer;
    meters = &d->zone->sh->metrics.meters;

    d->metered[endpoint->meter - meters->elts] = NULL;

    ngx_triggers_meter_free(endpoint->meter);
    endpoint->meter = NULL;
}


void
ngx_triggers_endpoint_attempt(ngx_triggers_endpoint_t *endpoint,
    ngx_uint_t outcome, ngx_msec_t ms)
{
    ngx_triggers_meter_t   *meter;
    ngx_triggers_meters_t  *meters;

    meters = &endpoint->deliverer->zone->sh->metrics.meters;
    meter = endpoint->meter ? endpoint->meter
                            : ngx_triggers_meters_others(meters);

    ngx_triggers_meter_attempt(meter, outcome, ms);
}


void
ngx_triggers_endpoints_count(ngx_triggers_deliverer_t *d)
{
    uint64_t                 *endpoints, n[NGX_TRIGGERS_NBREAKERS];
    ngx_uint_t                i, state, others;
    ngx_queue_t              *q;
    ngx_triggers_metrics_t   *metrics;
    ngx_triggers_endpoint_t  *endpoint;

    others = 0;
    metrics = &d->zone->sh->metrics;

    ngx_memzero(n, sizeof(n));

    for (q = ngx_queue_head(&d->endpoints);
         q != ngx_queue_sentinel(&d->endpoints);
         q = ngx_queue_next(q))
    {
        endpoint = ngx_queue_data(q, ngx_triggers_endpoint_t, queue);
        state = ngx_triggers_breaker_state(&endpoint->breaker);

        if (endpoint->webhook.active && !endpoint->deleted) {
            n[state]++;
        }

        if (endpoint->meter) {
            ngx_triggers_meter_set(endpoint->meter, endpoint->nsending, state);

        } else {
            others += endpoint->nsending;
        }
    }

    ngx_triggers_meter_set(ngx_triggers_meters_others(&metrics->meters),
                           others, NGX_TRIGGERS_BREAKER_CLOSED);

    endpoints = metrics->leader->endpoints;

    for (i = 0; i < NGX_TRIGGERS_NBREAKERS; i++) {
        __atomic_store_n(&endpoints[i], n[i], __ATOMIC_RELAXED);
    }
}


/* meters whose owner is not known here: of a leader before this one */

static ngx_uint_t
ngx_triggers_endpoints_strays(ngx_triggers_deliverer_t *d)
{
    ngx_uint_t              i, n;
    ngx_triggers_meters_t  *meters;

    meters = &d->zone->sh->metrics.meters;
    n = 0;

    for (i = 0; i < meters->nelts; i++) {
        if (d->metered[i] == NULL
            && ngx_triggers_meter_is_taken(&meters->elts[i]))
        {
            n++;
        }
    }

    return n;
}


static void
ngx_triggers_endpoints_adopt(ngx_triggers_deliverer_t *d)
{
    ngx_uint_t                i;
    ngx_queue_t              *q;
    ngx_triggers_meters_t    *meters;
    ngx_triggers_endpoint_t  *endpoint;

    meters = &d->zone->sh->metrics.meters;

    for (q = ngx_queue_head(&d->endpoints);
         q != ngx_queue_sentinel(&d->endpoints);
         q = ngx_queue_next(q))
    {
        endpoint = ngx_queue_data(q, ngx_triggers_endpoint_t, queue);

        if (endpoint->meter || endpoint->deleted) {
            continue;
        }

        for (i = 0; i < meters->nelts; i++) {
            if (d->metered[i] == NULL
                && ngx_triggers_meter_owner(&meters->elts[i],
                                            endpoint->webhook.id))
            {
                ngx_triggers_endpoint_own(endpoint, i);
                break;
            }
        }
    }
}


/* how many there are; what nobody has claimed is among them */

static ngx_uint_t
ngx_triggers_endpoints_free_meters(ngx_triggers_deliverer_t *d)
{
    ngx_uint_t              i, n;
    ngx_triggers_meters_t  *meters;

    meters = &d->zone->sh->metrics.meters;
    n = 0;

    for (i = 0; i < meters->nelts; i++) {
        if (d->metered[i] == NULL) {
            ngx_triggers_meter_free(&meters->elts[i]);
            n++;
        }
    }

    return n;
}


static void
ngx_triggers_endpoints_give(ngx_triggers_deliverer_t *d, ngx_uint_t nfree)
{
    ngx_uint_t                i;
    ngx_queue_t              *q;
    ngx_triggers_meters_t    *meters;
    ngx_triggers_endpoint_t  *endpoint;

    meters = &d->zone->sh->metrics.meters;
    i = 0;

    for (q = ngx_queue_head(&d->endpoints);
         q != ngx_queue_sentinel(&d->endpoints) && nfree;
         q = ngx_queue_next(q))
    {
        endpoint = ngx_queue_data(q, ngx_triggers_endpoint_t, queue);

        if (endpoint->meter || endpoint->deleted
            || !endpoint->webhook.active)
        {
            continue;
        }

        while (d->metered[i]) {
            i++;
        }

        ngx_triggers_meter_take(&meters->elts[i], endpoint->webhook.id);
        ngx_triggers_endpoint_own(endpoint, i);
        nfree--;
    }
}


static void
ngx_triggers_endpoint_own(ngx_triggers_endpoint_t *endpoint, ngx_uint_t i)
{
    ngx_triggers_deliverer_t  *d;

    d = endpoint->deliverer;

    d->metered[i] = endpoint;
    endpoint->meter = &d->zone->sh->metrics.meters.elts[i];
}
