
/*
 * Leadership: which worker drains.  The leader holds a socket name that only
 * one process can hold; it posts the drainer's task whenever there is work
 * and resigns when its worker begins to shut down, so that an old worker that
 * a slow client keeps alive does not keep the commits too.
 */


#include "ngx_triggers_archiver.h"
#include "ngx_triggers_clock.h"
#include "ngx_triggers_logger.h"
#include "ngx_triggers_wake.h"


#define NGX_TRIGGERS_HOUSEKEEPING  10      /* ticks */

#define NGX_TRIGGERS_POST_RETRY    10      /* ms */

#define NGX_TRIGGERS_EXIT_TRIES    20
#define NGX_TRIGGERS_EXIT_PAUSE    10      /* ms */


/* of the task; while it is posted only the thread touches it */

typedef struct {
    ngx_triggers_drainer_t  *drainer;
    ngx_uint_t               release;          /* flag: close the store */
    ngx_uint_t               housekeep;        /* flag: a second is over */
    ngx_uint_t               rest;             /* flag: nothing comes in */
    ngx_int_t                rc;               /* NGX_DONE: closed */
    ngx_msec_t               delay;
} ngx_triggers_leader_ctx_t;


static void ngx_triggers_lead_try(ngx_triggers_worker_t *worker);
static void ngx_triggers_lead_tell(ngx_triggers_worker_t *worker,
    const char *what);
static ngx_int_t ngx_triggers_lead_lock(ngx_triggers_worker_t *worker);
static ngx_int_t ngx_triggers_lead_prepare(ngx_triggers_worker_t *worker);
static void ngx_triggers_lead_unlock(ngx_triggers_worker_t *worker);
static ngx_uint_t ngx_triggers_leader_is_due(ngx_triggers_zone_sh_t *sh);
static void ngx_triggers_drain_handler(void *data, ngx_log_t *log);
static void ngx_triggers_drain_done_handler(ngx_event_t *ev);
static void ngx_triggers_drain_retry_handler(ngx_event_t *ev);


ngx_uint_t
ngx_triggers_leading(ngx_triggers_worker_t *worker)
{
    return worker->lead_fd != (ngx_socket_t) -1;
}


/* becomes the leader if nobody is */

void
ngx_triggers_lead(ngx_triggers_worker_t *worker)
{
    if (ngx_triggers_leading(worker)
        || worker->wake == NULL
        || worker->draining)
    {
        return;
    }

    ngx_triggers_lead_try(worker);

    if (!ngx_triggers_leading(worker)) {
        return;
    }

    ngx_log_error(NGX_LOG_INFO, worker->log, 0,
                  "triggers store \"%V\": this worker writes now",
                  &worker->zone->name);

    worker->releasing = 0;
    ngx_triggers_kick(worker);
}


/* makes the drainer run, now or again after the run that is under way */

void
ngx_triggers_kick(ngx_triggers_worker_t *worker)
{
    ngx_triggers_leader_ctx_t  *ctx;

    if (worker->exited || worker->draining || worker->retry.timer_set) {
        worker->kicked = 1;
        return;
    }

    ctx = worker->task->ctx;
    ctx->release = worker->releasing;
    ctx->housekeep = worker->housekeep;
    ctx->rest = worker->rest;

    worker->kicked = 0;
    worker->housekeep = 0;
    worker->rest = 0;

    if (ngx_thread_task_post(worker->thread_pool, worker->task) != NGX_OK) {

        /* the pool's queue is full, which it has logged */

        worker->kicked = 1;
        ngx_add_timer(&worker->retry, NGX_TRIGGERS_POST_RETRY);
        return;
    }

    worker->draining = 1;
}


void
ngx_triggers_leader_tick(ngx_triggers_worker_t *worker)
{
    ngx_triggers_zone_sh_t  *sh;

    sh = worker->zone->sh;

    if (!worker->releasing) {
        ngx_triggers_deliverer_start(worker->deliverer);
    }

    ngx_triggers_delivery_look(worker);

    if (!worker->draining) {

        /* while it runs each batch is a beat: one that hangs has none */

        ngx_triggers_zone_beat(sh);
    }

    ngx_triggers_metrics_tick(&sh->metrics, ngx_triggers_monotonic_us());

    if (++worker->ticks % NGX_TRIGGERS_HOUSEKEEPING == 0) {

        /* under load it comes with the next run, else it would never */

        worker->housekeep = 1;
        ngx_triggers_kick(worker);

    } else if (ngx_triggers_ring_depth(&sh->ring) || worker->kicked
               || ngx_triggers_leader_is_due(sh))
    {

        /* also finds what a worker left that died before it told us */

        ngx_triggers_kick(worker);

    } else if (sh->batches == worker->batches
               && ngx_triggers_drainer_holds(worker->drainer))
    {
        worker->rest = 1;
        ngx_triggers_kick(worker);
    }

    worker->batches = sh->batches;

    ngx_triggers_archiver_start(worker);
    ngx_triggers_logger_start(worker);
}


/* the worker shuts down: another shall lead */

void
ngx_triggers_resign(ngx_triggers_worker_t *worker)
{
    if (!ngx_triggers_leading(worker)) {
        return;
    }

    worker->releasing = 1;
    ngx_triggers_delivery_resign(worker);
    ngx_triggers_logger_resign(worker);
    ngx_triggers_drainer_stop(worker->drainer);

    if (worker->retry.timer_set) {
        ngx_del_timer(&worker->retry);
    }

    /* the store is closed in the thread: it may have to write */

    ngx_triggers_kick(worker);
}


/*
 * The pool has ended, and its threads with it.  What is in the ring and has
 * no other drainer is committed here.
 */

void
ngx_triggers_leader_exit(ngx_triggers_worker_t *worker)
{
    ngx_uint_t               tries;
    ngx_msec_t               delay;
    ngx_triggers_zone_sh_t  *sh;

    sh = worker->zone->sh;

    worker->exited = 1;

    ngx_triggers_delivery_exit(worker);

    for (tries = 0; tries < NGX_TRIGGERS_EXIT_TRIES; tries++) {

        if (!ngx_triggers_leading(worker)) {

            if (ngx_triggers_ring_depth(&sh->ring) == 0) {
                break;
            }

            ngx_triggers_lead_try(worker);

            if (!ngx_triggers_leading(worker)) {
                ngx_msleep(NGX_TRIGGERS_EXIT_PAUSE);
                continue;
            }
        }

        while (ngx_triggers_drainer_run(worker->drainer, &delay) == NGX_AGAIN
               && delay == 0)
        {
            /* void */
        }

        if (ngx_triggers_ring_depth(&sh->ring) == 0) {
            break;
        }

        ngx_msleep(NGX_TRIGGERS_EXIT_PAUSE);
    }

    if (ngx_triggers_leading(worker)) {

        if (ngx_triggers_ring_depth(&sh->ring)) {
            ngx_log_error(NGX_LOG_WARN, worker->log, 0,
                          "triggers store \"%V\": %uL bytes of records could "
                          "not be committed before the exit",
                          &worker->zone->name,
                          ngx_triggers_ring_depth(&sh->ring));
        }

        ngx_triggers_drainer_close(worker->drainer);
        ngx_triggers_lead_tell(worker, "writes no more");
        ngx_triggers_lead_unlock(worker);
    }
}


static void
ngx_triggers_lead_try(ngx_triggers_worker_t *worker)
{
    if (ngx_triggers_lead_lock(worker) != NGX_OK) {
        return;
    }

    if (ngx_triggers_lead_prepare(worker) != NGX_OK) {
        ngx_triggers_lead_unlock(worker);
        return;
    }

    ngx_triggers_lead_tell(worker, "writes now");
}


static void
ngx_triggers_lead_tell(ngx_triggers_worker_t *worker, const char *what)
{
    (void) ngx_triggers_feed_log(&worker->zone->sh->feed, worker->owner.slot,
                                 NGX_TRIGGERS_LEVEL_INFO, NULL, NULL,
                                 "worker process %P %s", ngx_pid, what);
}


static ngx_int_t
ngx_triggers_lead_lock(ngx_triggers_worker_t *worker)
{
    ngx_int_t                rc;
    ngx_socket_t             fd;
    ngx_triggers_zone_sh_t  *sh;

    sh = worker->zone->sh;

    fd = ngx_triggers_wake_socket(worker->log);
    if (fd == (ngx_socket_t) -1) {
        return NGX_ERROR;
    }

    rc = ngx_triggers_wake_bind(fd, sh->nonce, NGX_TRIGGERS_LEADER,
                                worker->log);
    if (rc != NGX_OK) {
        (void) ngx_close_socket(fd);
        return rc;
    }

    worker->lead_fd = fd;
    sh->elections++;

    __atomic_store_n(&sh->leader, worker->owner.slot, __ATOMIC_RELEASE);
    ngx_triggers_zone_beat(sh);

    return NGX_OK;
}


static ngx_int_t
ngx_triggers_lead_prepare(ngx_triggers_worker_t *worker)
{
    ngx_pool_t                 *pool;
    ngx_triggers_leader_ctx_t  *ctx;

    if (worker->drainer == NULL) {
        worker->drainer = ngx_triggers_drainer_create(worker->zone,
                                      &worker->drainer_conf, &worker->owner,
                                      worker->wake->fd, worker->log);
        if (worker->drainer == NULL) {
            return NGX_ERROR;
        }
    }

    if (worker->deliverer == NULL) {

        if (ngx_triggers_delivery_prepare(worker) != NGX_OK) {
            return NGX_ERROR;
        }

        ngx_triggers_drainer_watch(worker->drainer, worker->deliverer);
    }

    if (worker->task) {
        return NGX_OK;
    }

    /* the cycle's pool: the task lives as long as the process */

    pool = ngx_cycle->pool;

    worker->task = ngx_thread_task_alloc(pool,
                                         sizeof(ngx_triggers_leader_ctx_t));
    if (worker->task == NULL) {
        return NGX_ERROR;
    }

    ctx = worker->task->ctx;
    ctx->drainer = worker->drainer;

    worker->task->handler = ngx_triggers_drain_handler;
    worker->task->event.handler = ngx_triggers_drain_done_handler;
    worker->task->event.data = worker;
    worker->task->event.log = worker->log;

    worker->retry.handler = ngx_triggers_drain_retry_handler;
    worker->retry.data = &worker->dummy;
    worker->retry.log = worker->log;
    worker->retry.cancelable = 1;

    return NGX_OK;
}


/* wakes everybody: those who wait may have to lead */

static void
ngx_triggers_lead_unlock(ngx_triggers_worker_t *worker)
{
    ngx_uint_t               i;
    ngx_triggers_zone_sh_t  *sh;

    sh = worker->zone->sh;

    __atomic_store_n(&sh->leader, NGX_TRIGGERS_LEADER, __ATOMIC_RELEASE);

    (void) ngx_close_socket(worker->lead_fd);
    worker->lead_fd = (ngx_socket_t) -1;

    for (i = 0; i < sh->nslots; i++) {
        if (i != worker->owner.slot && sh->slots[i].generation) {
            (void) ngx_triggers_wake_send(worker->wake->fd, sh->nonce, i);
        }
    }
}


/* has the time of a lease's end, or the like, come? */

static ngx_uint_t
ngx_triggers_leader_is_due(ngx_triggers_zone_sh_t *sh)
{
    int64_t      now;
    ngx_time_t  *tp;

    tp = ngx_timeofday();
    now = (int64_t) tp->sec * 1000 + (int64_t) tp->msec;

    return __atomic_load_n(&sh->next_due, __ATOMIC_RELAXED) <= now;
}


/* in a thread of the pool */

static void
ngx_triggers_drain_handler(void *data, ngx_log_t *log)
{
    ngx_triggers_leader_ctx_t *ctx = data;

    if (ctx->release) {
        ngx_triggers_drainer_close(ctx->drainer);
        ctx->rc = NGX_DONE;
        return;
    }

    if (ctx->housekeep) {
        ngx_triggers_drainer_tick(ctx->drainer);
    }

    ctx->rc = ngx_triggers_drainer_run(ctx->drainer, &ctx->delay);

    if (ctx->rest && ctx->rc == NGX_OK) {
        ngx_triggers_drainer_rest(ctx->drainer);
    }
}


static void
ngx_triggers_drain_done_handler(ngx_event_t *ev)
{
    ngx_triggers_worker_t      *worker;
    ngx_triggers_leader_ctx_t  *ctx;

    worker = ev->data;
    ctx = worker->task->ctx;

    worker->draining = 0;

    ngx_log_debug2(NGX_LOG_DEBUG_CORE, worker->log, 0,
                   "triggers drained: %i, again after %M", ctx->rc,
                   ctx->delay);

    if (ctx->rc == NGX_DONE) {
        worker->kicked = 0;
        ngx_triggers_lead_tell(worker, "writes no more");
        ngx_triggers_lead_unlock(worker);
        return;
    }

    if (ngx_exiting && ctx->rc == NGX_OK) {
        worker->releasing = 1;
    }

    ngx_triggers_archiver_start(worker);

    if (worker->releasing) {
        ngx_triggers_kick(worker);
        return;
    }

    if (ctx->rc == NGX_AGAIN && ctx->delay) {
        ngx_add_timer(&worker->retry, ctx->delay);
        return;
    }

    if (ctx->rc == NGX_AGAIN || worker->kicked) {
        ngx_triggers_kick(worker);
    }
}


static void
ngx_triggers_drain_retry_handler(ngx_event_t *ev)
{
    ngx_connection_t  *c;

    c = ev->data;

    ngx_triggers_kick(c->data);
}
