
/*
 * The life of a worker process on one store: it takes a slot of the zone by
 * binding the slot's socket name, is woken through that socket, stands for
 * election when nobody leads, and leaves without dropping what waits.
 *
 * A worker that cannot get its slot stays up and answers 503; it tries again
 * with every tick.
 */


#include "ngx_triggers_clock.h"
#include "ngx_triggers_logger.h"
#include "ngx_triggers_wake.h"


#define NGX_TRIGGERS_TICK         100      /* ms */
#define NGX_TRIGGERS_GUARD        50
#define NGX_TRIGGERS_GUARD_QUICK  10


static ngx_int_t ngx_triggers_worker_attach(ngx_triggers_worker_t *worker);
static ngx_int_t ngx_triggers_worker_take_slot(ngx_triggers_worker_t *worker,
    ngx_socket_t fd);
static ngx_int_t ngx_triggers_worker_listen(ngx_triggers_worker_t *worker,
    ngx_socket_t fd);
static ngx_int_t ngx_triggers_worker_prepare(ngx_triggers_worker_t *worker);
static void ngx_triggers_worker_wake_handler(ngx_event_t *rev);
static void ngx_triggers_worker_look(ngx_triggers_worker_t *worker);
static void ngx_triggers_worker_tell(ngx_triggers_worker_t *worker);
static void ngx_triggers_worker_tick_handler(ngx_event_t *ev);
static void ngx_triggers_worker_guard_handler(ngx_event_t *ev);


void
ngx_triggers_worker_init(ngx_triggers_worker_t *worker, ngx_cycle_t *cycle)
{
    worker->log = cycle->log;
    worker->lead_fd = (ngx_socket_t) -1;

    ngx_queue_init(&worker->free);
    ngx_queue_init(&worker->waiting);
    ngx_queue_init(&worker->polls);

    worker->dummy.fd = (ngx_socket_t) -1;
    worker->dummy.data = worker;

    worker->tick.handler = ngx_triggers_worker_tick_handler;
    worker->tick.data = &worker->dummy;
    worker->tick.log = cycle->log;
    worker->tick.cancelable = 1;

    worker->guard.handler = ngx_triggers_worker_guard_handler;
    worker->guard.data = &worker->dummy;
    worker->guard.log = cycle->log;

    if (ngx_triggers_worker_attach(worker) == NGX_OK) {
        ngx_triggers_lead(worker);
    }

    ngx_add_timer(&worker->tick, NGX_TRIGGERS_TICK);
}


void
ngx_triggers_worker_exit(ngx_triggers_worker_t *worker)
{
    if (worker->wake == NULL) {
        return;
    }

    ngx_triggers_leader_exit(worker);
    ngx_triggers_readers_close(worker->readers);

    (void) ngx_triggers_feed_log(&worker->zone->sh->feed, worker->owner.slot,
                                 NGX_TRIGGERS_LEVEL_INFO, NULL, NULL,
                                 "worker process %P leaves slot %uD", ngx_pid,
                                 worker->owner.slot);

    ngx_triggers_logger_exit(worker);

    __atomic_store_n(&worker->zone->sh->slots[worker->owner.slot].seen, 0,
                     __ATOMIC_RELAXED);

    /* the slot is free from here on */

    ngx_close_connection(worker->wake);
    worker->wake = NULL;
}


/*
 * Not cancelable, unlike the tick: it keeps a worker that is shutting down
 * alive while requests wait, and it answers those whose time is over.
 */

void
ngx_triggers_worker_guard(ngx_triggers_worker_t *worker)
{
    if (!worker->guard.timer_set) {
        ngx_add_timer(&worker->guard, ngx_exiting ? NGX_TRIGGERS_GUARD_QUICK
                                                  : NGX_TRIGGERS_GUARD);
    }
}


static ngx_int_t
ngx_triggers_worker_attach(ngx_triggers_worker_t *worker)
{
    ngx_socket_t  fd;

    fd = ngx_triggers_wake_socket(worker->log);
    if (fd == (ngx_socket_t) -1) {
        return NGX_ERROR;
    }

    if (ngx_triggers_worker_take_slot(worker, fd) != NGX_OK
        || ngx_triggers_worker_prepare(worker) != NGX_OK
        || ngx_triggers_worker_listen(worker, fd) != NGX_OK)
    {
        (void) ngx_close_socket(fd);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_triggers_worker_take_slot(ngx_triggers_worker_t *worker, ngx_socket_t fd)
{
    ngx_int_t                rc;
    ngx_uint_t               i;
    ngx_triggers_slot_t     *slot;
    ngx_triggers_zone_sh_t  *sh;

    sh = worker->zone->sh;

    for (i = 0; i < sh->nslots; i++) {

        rc = ngx_triggers_wake_bind(fd, sh->nonce, i, worker->log);

        if (rc == NGX_BUSY) {
            continue;
        }

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        slot = &sh->slots[i];
        slot->pid = ngx_pid;

        worker->owner.slot = i;
        worker->owner.generation = __atomic_add_fetch(&slot->generation, 1,
                                                      __ATOMIC_ACQ_REL);

        __atomic_store_n(&slot->pending, 0, __ATOMIC_SEQ_CST);
        slot->polling = 0;

        ngx_triggers_feed_release(&sh->feed, i);

        (void) ngx_triggers_feed_log(&sh->feed, i, NGX_TRIGGERS_LEVEL_INFO,
                                     NULL, NULL, "worker process %P has taken "
                                     "slot %ui", ngx_pid, i);

        worker->homeless = 0;

        return NGX_OK;
    }

    if (worker->homeless) {
        return NGX_ERROR;
    }

    worker->homeless = 1;

    ngx_log_error(NGX_LOG_CRIT, worker->log, 0,
                  "triggers store \"%V\": all %uD worker slots of its zone "
                  "are taken, restart nginx after worker_processes has grown "
                  "so much", &worker->zone->name, sh->nslots);

    return NGX_ERROR;
}


static ngx_int_t
ngx_triggers_worker_prepare(ngx_triggers_worker_t *worker)
{
    ngx_uint_t  i, n;

    if (worker->waiters) {
        return NGX_OK;
    }

    n = worker->zone->sh->nresults;

    worker->readers = ngx_triggers_readers_create(worker, 0);
    if (worker->readers == NULL) {
        return NGX_ERROR;
    }

    worker->storeless = ngx_triggers_readers_create(worker, 1);
    if (worker->storeless == NULL) {
        return NGX_ERROR;
    }

    worker->waiters = ngx_calloc(n * sizeof(ngx_triggers_waiter_t),
                                 worker->log);
    if (worker->waiters == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        ngx_queue_insert_tail(&worker->free, &worker->waiters[i].queue);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_triggers_worker_listen(ngx_triggers_worker_t *worker, ngx_socket_t fd)
{
    ngx_connection_t  *c;

    c = ngx_get_connection(fd, worker->log);
    if (c == NULL) {
        return NGX_ERROR;
    }

    c->data = worker;
    c->log = worker->log;
    c->read->log = worker->log;
    c->read->handler = ngx_triggers_worker_wake_handler;
    c->write->log = worker->log;

    /* calls the handler when the worker begins to shut down */

    c->idle = 1;

    /* spares it the alert about open sockets at exit */

    c->read->channel = 1;

    if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        ngx_free_connection(c);
        return NGX_ERROR;
    }

    worker->wake = c;

    return NGX_OK;
}


static void
ngx_triggers_worker_wake_handler(ngx_event_t *rev)
{
    ngx_connection_t       *c;
    ngx_triggers_worker_t  *worker;

    c = rev->data;
    worker = c->data;

    if (c->close) {
        c->close = 0;
        c->idle = 0;
        ngx_triggers_polls_end(worker);
        ngx_triggers_resign(worker);
    }

    /*
     * In this order.  Were the flag cleared first, a datagram sent after it
     * would be drained here and the position it told of never looked at.
     */

    ngx_triggers_wake_drain(c->fd);

    ngx_triggers_worker_look(worker);
    ngx_triggers_readers_resume(worker->readers);
    ngx_triggers_readers_resume(worker->storeless);
    ngx_triggers_delivery_look(worker);

    if (ngx_triggers_leading(worker)) {
        if (__atomic_load_n(&worker->zone->sh->wanted, __ATOMIC_SEQ_CST)) {
            ngx_triggers_kick(worker);
        }

        if (__atomic_load_n(&worker->zone->sh->log_wanted, __ATOMIC_RELAXED)) {
            ngx_triggers_logger_start(worker);
        }

    } else if (worker->zone->sh->leader == NGX_TRIGGERS_LEADER
               && !ngx_exiting)
    {
        ngx_triggers_lead(worker);
    }

    if (ngx_handle_read_event(rev, 0) != NGX_OK) {
        ngx_log_error(NGX_LOG_ALERT, worker->log, 0,
                      "triggers: the wake-up socket cannot be watched");
    }
}


static void
ngx_triggers_worker_look(ngx_triggers_worker_t *worker)
{
    ngx_triggers_slot_t  *slot;

    slot = &worker->zone->sh->slots[worker->owner.slot];

    __atomic_store_n(&slot->pending, 0, __ATOMIC_SEQ_CST);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);

    ngx_triggers_waiters_wake(worker);
    ngx_triggers_polls_wake(worker);
}


/* what the metrics show of this worker */

static void
ngx_triggers_worker_tell(ngx_triggers_worker_t *worker)
{
    ngx_uint_t            reading, queries, storeless, waiting;
    ngx_triggers_slot_t  *slot;

    slot = &worker->zone->sh->slots[worker->owner.slot];

    ngx_triggers_readers_count(worker->readers, &reading, &queries);
    ngx_triggers_readers_count(worker->storeless, &storeless, &waiting);

    __atomic_store_n(&slot->body_bytes, worker->body_bytes, __ATOMIC_RELAXED);
    __atomic_store_n(&slot->waiting, worker->nwaiting, __ATOMIC_RELAXED);
    __atomic_store_n(&slot->reading, reading + storeless, __ATOMIC_RELAXED);
    __atomic_store_n(&slot->queries, queries + waiting, __ATOMIC_RELAXED);
    __atomic_store_n(&slot->polls, worker->npolls, __ATOMIC_RELAXED);
    __atomic_store_n(&slot->streams, worker->nstreams, __ATOMIC_RELAXED);

    __atomic_store_n(&slot->seen, ngx_triggers_monotonic_ms(),
                     __ATOMIC_RELAXED);
}


static void
ngx_triggers_worker_tick_handler(ngx_event_t *ev)
{
    ngx_connection_t       *c;
    ngx_triggers_worker_t  *worker;

    c = ev->data;
    worker = c->data;

    if (ngx_exiting || ngx_terminate) {
        return;
    }

    if (worker->wake || ngx_triggers_worker_attach(worker) == NGX_OK) {

        if (ngx_triggers_leading(worker)) {
            ngx_triggers_leader_tick(worker);

        } else {
            ngx_triggers_lead(worker);
        }

        ngx_triggers_worker_tell(worker);
    }

    ngx_add_timer(ev, NGX_TRIGGERS_TICK);
}


static void
ngx_triggers_worker_guard_handler(ngx_event_t *ev)
{
    ngx_connection_t       *c;
    ngx_triggers_worker_t  *worker;

    c = ev->data;
    worker = c->data;

    /* a leader that died between its commit and its datagram woke nobody */

    ngx_triggers_worker_look(worker);

    ngx_triggers_waiters_expire(worker);
    ngx_triggers_readers_resume(worker->readers);
    ngx_triggers_readers_resume(worker->storeless);
    ngx_triggers_worker_tell(worker);

    if (ngx_exiting && worker->nwaiting && !ngx_triggers_leading(worker)) {

        /* the whole tree is quitting, and nobody else is left to lead */

        ngx_triggers_lead(worker);
    }

    if (worker->nwaiting
        || ngx_triggers_readers_busy(worker->readers)
        || ngx_triggers_readers_busy(worker->storeless))
    {
        ngx_triggers_worker_guard(worker);
    }
}
