
/*
 * Undoing leases, which must not fail because the store is slow: then the
 * clients that leave are many, and so is what waits in the ring.  What finds
 * no room there has a pool and a timer of its own.
 */


#include "ngx_http_triggers_lease_undo.h"


#define NGX_HTTP_TRIGGERS_UNDO_DELAY  50       /* ms between two tries */


typedef struct {
    ngx_pool_t              *pool;
    ngx_triggers_worker_t   *worker;
    ngx_triggers_mutation_t  mutation;
    ngx_triggers_lease_change_t  change;
    ngx_msec_t               timeout;          /* once the process is to end */
    ngx_msec_t               exit;             /* then: when it gives up */
    ngx_event_t              timer;
} ngx_http_triggers_undo_t;


static ngx_int_t ngx_http_triggers_undo_submit(ngx_triggers_worker_t *worker,
    ngx_triggers_mutation_t *mutation);
static ngx_http_triggers_undo_t *ngx_http_triggers_undo_create(
    ngx_triggers_worker_t *worker, ngx_triggers_mutation_t *mutation);
static void ngx_http_triggers_undo_handler(ngx_event_t *ev);
static ngx_uint_t ngx_http_triggers_undo_is_over(
    ngx_http_triggers_undo_t *undo);


void
ngx_http_triggers_lease_undo(ngx_triggers_worker_t *worker,
    ngx_triggers_mutation_t *mutation, ngx_msec_t timeout)
{
    ngx_http_triggers_undo_t  *undo;

    if (ngx_http_triggers_undo_submit(worker, mutation) != NGX_BUSY) {
        return;
    }

    undo = ngx_http_triggers_undo_create(worker, mutation);
    if (undo == NULL) {
        return;
    }

    undo->timeout = timeout;

    ngx_add_timer(&undo->timer, NGX_HTTP_TRIGGERS_UNDO_DELAY);
}


static ngx_int_t
ngx_http_triggers_undo_submit(ngx_triggers_worker_t *worker,
    ngx_triggers_mutation_t *mutation)
{
    ngx_triggers_batch_t  batch;

    batch.mutations = mutation;
    batch.n = 1;
    batch.codes = NULL;

    return ngx_triggers_submit(worker, &batch, NULL, NULL, 0, NULL);
}


/* NULL: no memory; the lease then runs out */

static ngx_http_triggers_undo_t *
ngx_http_triggers_undo_create(ngx_triggers_worker_t *worker,
    ngx_triggers_mutation_t *mutation)
{
    ngx_str_t                 *user;
    ngx_pool_t                *pool;
    ngx_http_triggers_undo_t  *undo;

    pool = ngx_create_pool(NGX_MIN_POOL_SIZE
                           + sizeof(ngx_http_triggers_undo_t),
                           ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    undo = ngx_pcalloc(pool, sizeof(ngx_http_triggers_undo_t));
    if (undo == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    undo->pool = pool;
    undo->worker = worker;

    undo->mutation.op = mutation->op;
    undo->mutation.time = mutation->time;
    undo->mutation.any_owner = mutation->any_owner;
    undo->mutation.lease = &undo->change;

    ngx_memcpy(undo->mutation.id, mutation->id, NGX_TRIGGERS_ID_LEN);
    ngx_memcpy(undo->change.id, mutation->lease->id, NGX_TRIGGERS_ID_LEN);

    /* who asks is nobody's affair: nothing will have happened */

    user = &undo->mutation.user_id;
    user->len = mutation->user_id.len;
    user->data = ngx_pstrdup(pool, &mutation->user_id);

    if (user->data == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    undo->timer.handler = ngx_http_triggers_undo_handler;
    undo->timer.log = ngx_cycle->log;
    undo->timer.data = &worker->dummy;

    return undo;
}


static void
ngx_http_triggers_undo_handler(ngx_event_t *ev)
{
    ngx_http_triggers_undo_t  *undo;

    undo = (ngx_http_triggers_undo_t *)
               ((u_char *) ev - offsetof(ngx_http_triggers_undo_t, timer));

    if (ngx_http_triggers_undo_submit(undo->worker, &undo->mutation)
        == NGX_BUSY
        && !ngx_http_triggers_undo_is_over(undo))
    {
        ngx_add_timer(ev, NGX_HTTP_TRIGGERS_UNDO_DELAY);
        return;
    }

    ngx_destroy_pool(undo->pool);
}


static ngx_uint_t
ngx_http_triggers_undo_is_over(ngx_http_triggers_undo_t *undo)
{
    if (!ngx_exiting) {
        return 0;
    }

    if (undo->exit == 0) {
        undo->exit = ngx_current_msec + undo->timeout;
    }

    return (ngx_msec_int_t) (undo->exit - ngx_current_msec) <= 0;
}
