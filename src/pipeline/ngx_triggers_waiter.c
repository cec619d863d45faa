
/*
 * Requests that wait for a commit.  A waiter's number is also the number of
 * the result, in the zone, that the drainer writes for it.  A waiter whose
 * client has gone, or whose time is over, keeps its number until its record
 * has been committed, as the drainer will write there.
 */


#include "ngx_triggers_worker.h"
#include "ngx_triggers_clock.h"
#include "ngx_triggers_wake.h"


static ngx_uint_t ngx_triggers_never_opened(ngx_triggers_worker_t *worker);
static ngx_uint_t ngx_triggers_waiter_ncells(ngx_triggers_batch_t *batch);
static ngx_triggers_waiter_t *ngx_triggers_waiter_get(
    ngx_triggers_worker_t *worker, ngx_triggers_batch_t *batch);
static ngx_triggers_waiter_t *ngx_triggers_waiter_pop(
    ngx_triggers_worker_t *worker);
static void ngx_triggers_waiter_free(ngx_triggers_worker_t *worker,
    ngx_triggers_waiter_t *waiter);
static void ngx_triggers_waiter_codes(ngx_triggers_worker_t *worker,
    ngx_triggers_waiter_t *waiter, ngx_triggers_result_t *result);
static void ngx_triggers_tell_leader(ngx_triggers_worker_t *worker);


ngx_int_t
ngx_triggers_submit(ngx_triggers_worker_t *worker,
    ngx_triggers_batch_t *batch, ngx_triggers_waiter_pt handler, void *data,
    ngx_msec_t timeout, ngx_triggers_waiter_t **waiter)
{
    uint64_t                end;
    uint64_t                now;
    ngx_int_t               rc;
    ngx_triggers_owner_t    owner;
    ngx_triggers_waiter_t  *w;

    if (worker->wake == NULL || ngx_triggers_never_opened(worker)) {
        return NGX_ERROR;
    }

    w = NULL;
    owner = worker->owner;
    owner.index = NGX_TRIGGERS_NO_INDEX;

    if (handler) {

        if (ngx_triggers_waiter_ncells(batch) >= worker->zone->sh->nresults) {
            return NGX_DECLINED;
        }

        w = ngx_triggers_waiter_get(worker, batch);
        if (w == NULL) {
            return NGX_BUSY;
        }

        owner.index = w - worker->waiters;
    }

    now = ngx_triggers_monotonic_us();
    batch->submitted = (uint32_t) now;

    rc = ngx_triggers_zone_append(worker->zone, batch, &owner,
                                  w ? w->cells : NULL, w ? w->ncells : 0,
                                  &end);
    if (rc != NGX_OK) {
        if (w) {
            ngx_triggers_waiter_free(worker, w);
        }

        return rc;
    }

    if (w) {
        worker->nwaiting++;

        w->worker = worker;
        w->position = end;
        w->submitted = now;
        w->handler = handler;
        w->data = data;
        w->deadline = ngx_current_msec + timeout;

        ngx_queue_insert_tail(&worker->waiting, &w->queue);
        ngx_triggers_worker_guard(worker);

        *waiter = w;
    }

    ngx_log_debug2(NGX_LOG_DEBUG_CORE, worker->log, 0,
                   "triggers append: until %uL, waits %d", end, w != NULL);

    ngx_triggers_tell_leader(worker);

    return NGX_OK;
}


void
ngx_triggers_waiter_abandon(ngx_triggers_waiter_t *waiter)
{
    if (waiter->handler) {
        waiter->worker->nwaiting--;
    }

    waiter->handler = NULL;
    waiter->data = NULL;
}


/* calls everybody whose record has been committed */

void
ngx_triggers_waiters_wake(ngx_triggers_worker_t *worker)
{
    void                        *data;
    uint64_t                     committed, now;
    ngx_int_t                    rc;
    ngx_queue_t                 *q;
    ngx_triggers_owner_t         owner;
    ngx_triggers_result_t        result;
    ngx_triggers_waiter_t       *w;
    ngx_triggers_waiter_pt       handler;
    ngx_triggers_histogram_t    *times;
    ngx_triggers_zone_result_t  *zr;

    now = 0;
    times = ngx_triggers_metrics_counts(&worker->zone->sh->metrics,
                                        worker->owner.slot)->times;

    owner = worker->owner;
    committed = ngx_triggers_ring_committed(&worker->zone->sh->ring);

    ngx_log_debug2(NGX_LOG_DEBUG_CORE, worker->log, 0,
                   "triggers committed: %uL, waiting %ui", committed,
                   worker->nwaiting);

    /* handlers may submit again, at the tail, and abandon others */

    while (!ngx_queue_empty(&worker->waiting)) {

        q = ngx_queue_head(&worker->waiting);
        w = ngx_queue_data(q, ngx_triggers_waiter_t, queue);

        if (w->position > committed) {
            break;
        }

        owner.index = w - worker->waiters;
        zr = ngx_triggers_zone_result(worker->zone->sh, &owner);

        rc = NGX_OK;
        result = zr->result;

        if (__atomic_load_n(&zr->position, __ATOMIC_ACQUIRE) != w->position) {
            ngx_log_error(NGX_LOG_ALERT, worker->log, 0,
                          "triggers store \"%V\": no result for the record "
                          "at %uL", &worker->zone->name, w->position);
            rc = NGX_ERROR;

        } else if (w->handler && w->codes) {
            ngx_triggers_waiter_codes(worker, w, &result);
        }

        if (w->handler) {

            /* what the handlers before have taken is not waiting */

            now = now ? now : ngx_triggers_monotonic_us();
            ngx_triggers_metrics_time(&times[NGX_TRIGGERS_TIME_COMMIT],
                                      now - w->submitted);
        }

        handler = w->handler;
        data = w->data;

        ngx_queue_remove(q);
        ngx_triggers_waiter_free(worker, w);

        if (handler) {
            handler(data, rc, &result);
        }
    }
}


void
ngx_triggers_waiters_expire(ngx_triggers_worker_t *worker)
{
    void                    *data;
    ngx_uint_t               i;
    ngx_triggers_waiter_t   *w;
    ngx_triggers_waiter_pt   handler;

    /* a handler may change the queue, so that the array is walked instead */

    for (i = 0; i < worker->zone->sh->nresults; i++) {
        w = &worker->waiters[i];

        if (w->handler == NULL
            || (ngx_msec_int_t) (w->deadline - ngx_current_msec) > 0)
        {
            continue;
        }

        (void) __atomic_add_fetch(&worker->zone->sh->timeouts, 1,
                                  __ATOMIC_RELAXED);

        handler = w->handler;
        data = w->data;

        ngx_triggers_waiter_abandon(w);
        handler(data, NGX_ERROR, NULL);
    }
}


/*
 * A store that could not be opened since nginx has started may never be: its
 * clients need not wait for their timeout to hear so.
 */

static ngx_uint_t
ngx_triggers_never_opened(ngx_triggers_worker_t *worker)
{
    ngx_triggers_zone_sh_t  *sh;

    sh = worker->zone->sh;

    return !__atomic_load_n(&sh->readable, __ATOMIC_ACQUIRE)
           && __atomic_load_n(&sh->state, __ATOMIC_RELAXED)
              != NGX_TRIGGERS_STORE_STARTING;
}


/* the results that a batch takes besides its own */

static ngx_uint_t
ngx_triggers_waiter_ncells(ngx_triggers_batch_t *batch)
{
    return (batch->n == 1) ? 0 : (batch->n + NGX_TRIGGERS_CELL_CODES - 1)
                                 / NGX_TRIGGERS_CELL_CODES;
}


/* with the results that a batch needs for its codes */

static ngx_triggers_waiter_t *
ngx_triggers_waiter_get(ngx_triggers_worker_t *worker,
    ngx_triggers_batch_t *batch)
{
    ngx_uint_t              n;
    ngx_triggers_waiter_t  *w, *cell;

    w = ngx_triggers_waiter_pop(worker);
    if (w == NULL) {
        return NULL;
    }

    w->codes = batch->codes;
    w->ncodes = batch->n;
    w->ncells = 0;

    n = ngx_triggers_waiter_ncells(batch);

    while (w->ncells < n) {

        cell = ngx_triggers_waiter_pop(worker);
        if (cell == NULL) {
            ngx_triggers_waiter_free(worker, w);
            return NULL;
        }

        w->cells[w->ncells++] = cell - worker->waiters;
    }

    return w;
}


static ngx_triggers_waiter_t *
ngx_triggers_waiter_pop(ngx_triggers_worker_t *worker)
{
    ngx_queue_t  *q;

    if (ngx_queue_empty(&worker->free)) {
        (void) __atomic_add_fetch(&worker->zone->sh->refused, 1,
                                  __ATOMIC_RELAXED);
        return NULL;
    }

    /* the one freed last: its memory is the warmest */

    q = ngx_queue_head(&worker->free);
    ngx_queue_remove(q);

    return ngx_queue_data(q, ngx_triggers_waiter_t, queue);
}


static void
ngx_triggers_waiter_free(ngx_triggers_worker_t *worker,
    ngx_triggers_waiter_t *waiter)
{
    ngx_triggers_waiter_t  *cell;

    ngx_triggers_waiter_abandon(waiter);

    while (waiter->ncells) {
        cell = &worker->waiters[waiter->cells[--waiter->ncells]];
        ngx_queue_insert_head(&worker->free, &cell->queue);
    }

    ngx_queue_insert_head(&worker->free, &waiter->queue);
}


static void
ngx_triggers_waiter_codes(ngx_triggers_worker_t *worker,
    ngx_triggers_waiter_t *waiter, ngx_triggers_result_t *result)
{
    ngx_uint_t                   i;
    ngx_triggers_owner_t         owner;
    ngx_triggers_zone_result_t  *cell;

    if (waiter->ncells == 0) {

        /* a single mutation's code is its result's */

        waiter->codes[0] = result->rc;
        return;
    }

    owner = worker->owner;
    cell = NULL;

    for (i = 0; i < waiter->ncodes; i++) {

        if (i % NGX_TRIGGERS_CELL_CODES == 0) {
            owner.index = waiter->cells[i / NGX_TRIGGERS_CELL_CODES];
            cell = ngx_triggers_zone_result(worker->zone->sh, &owner);
        }

        waiter->codes[i] = ngx_triggers_zone_code(cell, i);
    }
}


/* the other half of this protocol is in ngx_triggers_drainer_idle() */

static void
ngx_triggers_tell_leader(ngx_triggers_worker_t *worker)
{
    uint32_t                 leader;
    ngx_triggers_zone_sh_t  *sh;

    sh = worker->zone->sh;

    __atomic_thread_fence(__ATOMIC_SEQ_CST);

    if (__atomic_load_n(&sh->wanted, __ATOMIC_SEQ_CST)
        || __atomic_exchange_n(&sh->wanted, 1, __ATOMIC_SEQ_CST))
    {
        return;
    }

    if (ngx_triggers_leading(worker)) {
        ngx_triggers_kick(worker);
        return;
    }

    leader = __atomic_load_n(&sh->leader, __ATOMIC_ACQUIRE);

    if ((leader == NGX_TRIGGERS_LEADER
         || ngx_triggers_wake_send(worker->wake->fd, sh->nonce, leader)
            != NGX_OK)
        && !ngx_exiting)
    {
        ngx_triggers_lead(worker);
    }
}
