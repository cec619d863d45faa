
/*
 * The deliverer's thread.  It sleeps in the sender's epoll and is woken by
 * answers, by commits and by time.  Each round sees to the endpoints for which
 * something has changed; all of them are looked at once a second, and after a
 * commit, but not so often that it would cost more than a tenth of the time.
 *
 * The thread touches what is the thread's in ngx_triggers_push.h, the lists
 * under the mutex, its reader and the zone.
 */


#include "ngx_triggers_push.h"
#include "ngx_triggers_clock.h"
#include "ngx_triggers_wake.h"

#include <signal.h>


#define NGX_TRIGGERS_DELIVERER_TICK     1000   /* ms, all is looked at */
#define NGX_TRIGGERS_DELIVERER_LOCK     200    /* ms between two tries */
#define NGX_TRIGGERS_DELIVERER_GATE     5      /* ms, while readers wait */
#define NGX_TRIGGERS_DELIVERER_SHARE    10     /* of the time */
#define NGX_TRIGGERS_DELIVERER_PAUSE    1000   /* ms, where a commit failed */
#define NGX_TRIGGERS_DELIVERER_END      500    /* ms for what is on its way */
#define NGX_TRIGGERS_DELIVERER_RESTART  1000   /* ms after the thread began */


static void *ngx_triggers_deliverer_thread(void *data);
static void ngx_triggers_deliverer_signals(void);
static void ngx_triggers_deliverer_loop(ngx_triggers_deliverer_t *d);
static ngx_int_t ngx_triggers_deliverer_lock(ngx_triggers_deliverer_t *d);
static ngx_int_t ngx_triggers_deliverer_open(ngx_triggers_deliverer_t *d);
static ngx_int_t ngx_triggers_deliverer_round(ngx_triggers_deliverer_t *d);
static ngx_int_t ngx_triggers_deliverer_pass(ngx_triggers_deliverer_t *d,
    uint64_t now);
static ngx_int_t ngx_triggers_deliverer_serve(ngx_triggers_deliverer_t *d);
static ngx_msec_t ngx_triggers_deliverer_timeout(ngx_triggers_deliverer_t *d);
static void ngx_triggers_deliverer_end(ngx_triggers_deliverer_t *d);
static void ngx_triggers_deliverer_done(void *data,
    ngx_triggers_message_t *message);
static void ngx_triggers_deliverer_beat(ngx_triggers_deliverer_t *d);
static void ngx_triggers_deliverer_tell(ngx_triggers_deliverer_t *d);
static void ngx_triggers_deliverer_forget(ngx_triggers_deliverer_t *d);
static void ngx_triggers_deliverer_over(ngx_triggers_push_t *push);
static ngx_uint_t ngx_triggers_deliverer_stopping(
    ngx_triggers_deliverer_t *d);


ngx_triggers_deliverer_t *
ngx_triggers_deliverer_create(ngx_triggers_zone_t *zone,
    ngx_triggers_deliverer_conf_t *conf, ngx_triggers_owner_t *owner,
    ngx_socket_t fd, ngx_log_t *log)
{
    ngx_triggers_deliverer_t  *d;

    d = ngx_calloc(sizeof(ngx_triggers_deliverer_t), log);
    if (d == NULL) {
        return NULL;
    }

    d->zone = zone;
    d->conf = conf;
    d->owner = owner;
    d->fd = fd;
    d->log = log;
    d->lock_fd = -1;

    ngx_queue_init(&d->outcomes);
    ngx_queue_init(&d->committed);
    ngx_queue_init(&d->endpoints);
    ngx_queue_init(&d->hungry);
    ngx_rbtree_init(&d->tree, &d->sentinel, ngx_rbtree_insert_value);

    d->sender = ngx_triggers_sender_create(&conf->sender,
                                           ngx_triggers_deliverer_done, d,
                                           log);
    if (d->sender == NULL) {
        ngx_free(d);
        return NULL;
    }

    if (pthread_mutex_init(&d->mutex, NULL) != 0) {
        ngx_triggers_sender_destroy(d->sender);
        ngx_free(d);
        return NULL;
    }

    return d;
}


void
ngx_triggers_deliverer_start(ngx_triggers_deliverer_t *d)
{
    int  err;

    if (d->running) {

        if (!__atomic_load_n(&d->ended, __ATOMIC_ACQUIRE)
            || ngx_current_msec - d->started
               < NGX_TRIGGERS_DELIVERER_RESTART)
        {
            return;
        }

        ngx_triggers_deliverer_join(d);
    }

    d->stop = 0;
    d->ended = 0;
    d->started = ngx_current_msec;

    err = pthread_create(&d->thread, NULL, ngx_triggers_deliverer_thread, d);

    if (err) {
        ngx_log_error(NGX_LOG_CRIT, d->log, err,
                      "triggers store \"%V\": pthread_create() failed",
                      &d->zone->name);
        return;
    }

    d->running = 1;
}


void
ngx_triggers_deliverer_stop(ngx_triggers_deliverer_t *d)
{
    __atomic_store_n(&d->stop, 1, __ATOMIC_RELAXED);
    ngx_triggers_sender_wake(d->sender);
}


void
ngx_triggers_deliverer_join(ngx_triggers_deliverer_t *d)
{
    if (d->running) {
        (void) pthread_join(d->thread, NULL);
        d->running = 0;
    }
}


void
ngx_triggers_deliverer_wake(ngx_triggers_deliverer_t *d, ngx_uint_t webhooks)
{
    if (webhooks) {
        __atomic_store_n(&d->refresh, 1, __ATOMIC_RELAXED);

    } else if (!__atomic_load_n(&d->listening, __ATOMIC_RELAXED)) {
        return;
    }

    if (__atomic_exchange_n(&d->asked, 1, __ATOMIC_SEQ_CST) == 0) {
        ngx_triggers_sender_wake(d->sender);
    }
}


/* the worker is told once a round */

void
ngx_triggers_deliverer_outcome(ngx_triggers_push_t *push)
{
    ngx_triggers_deliverer_t  *d;

    d = push->endpoint->deliverer;

    push->endpoint->npending++;
    d->npending++;
    d->told = 0;

    (void) pthread_mutex_lock(&d->mutex);
    ngx_queue_insert_tail(&d->outcomes, &push->queue);
    (void) pthread_mutex_unlock(&d->mutex);
}


static void *
ngx_triggers_deliverer_thread(void *data)
{
    ngx_triggers_deliverer_t *d = data;

    ngx_triggers_deliverer_signals();

    /* what was known of endpoints may have changed since it ran last */

    d->refreshed = 0;
    d->look_at = 0;
    d->told = 1;

    ngx_triggers_deliverer_loop(d);
    ngx_triggers_deliverer_end(d);

    __atomic_store_n(&d->ended, 1, __ATOMIC_RELEASE);

    (void) ngx_triggers_wake_send(d->fd, d->zone->sh->nonce, d->owner->slot);

    return NULL;
}


/* they are the event loop's, but for those that are about this thread */

static void
ngx_triggers_deliverer_signals(void)
{
    sigset_t  set;

    (void) sigfillset(&set);

    (void) sigdelset(&set, SIGILL);
    (void) sigdelset(&set, SIGFPE);
    (void) sigdelset(&set, SIGSEGV);
    (void) sigdelset(&set, SIGBUS);

    (void) pthread_sigmask(SIG_BLOCK, &set, NULL);
}


static void
ngx_triggers_deliverer_loop(ngx_triggers_deliverer_t *d)
{
    ngx_int_t   rc;
    ngx_msec_t  timeout;

    while (!ngx_triggers_deliverer_stopping(d)) {

        rc = ngx_triggers_deliverer_lock(d);

        if (rc == NGX_OK) {
            rc = ngx_triggers_deliverer_open(d);
        }

        timeout = NGX_TRIGGERS_DELIVERER_LOCK;

        if (rc == NGX_OK) {
            rc = ngx_triggers_deliverer_round(d);
            timeout = ngx_triggers_deliverer_timeout(d);
        }

        if (rc == NGX_ERROR) {

            /* what is on its way goes on meanwhile */

            if (d->reader) {
                ngx_triggers_reader_close(d->reader);
                d->reader = NULL;
            }

            timeout = NGX_TRIGGERS_DELIVERER_TICK;
        }

        ngx_triggers_deliverer_beat(d);
        ngx_triggers_deliverer_tell(d);

        if (ngx_triggers_sender_run(d->sender, timeout) != NGX_OK) {
            return;
        }

        ngx_triggers_deliverer_forget(d);
    }
}


static ngx_int_t
ngx_triggers_deliverer_lock(ngx_triggers_deliverer_t *d)
{
    if (d->lock_fd != -1) {
        return NGX_OK;
    }

    if (!__atomic_load_n(&d->zone->sh->readable, __ATOMIC_ACQUIRE)) {
        return NGX_AGAIN;
    }

    return ngx_triggers_store_delivery_lock(&d->zone->path, &d->lock_fd,
                                            d->log);
}


/*
 * After a change of leaders the database may be another one.  What keeps the
 * leader from it has been told by him, and no outcome could be stored.
 */

static ngx_int_t
ngx_triggers_deliverer_open(ngx_triggers_deliverer_t *d)
{
    uint64_t  leaders;

    leaders = __atomic_load_n(&d->zone->sh->leaders, __ATOMIC_ACQUIRE);

    if (d->reader && d->leaders != leaders) {
        ngx_triggers_reader_close(d->reader);
        d->reader = NULL;
    }

    if (d->reader == NULL) {

        switch (__atomic_load_n(&d->zone->sh->state, __ATOMIC_RELAXED)) {

        case NGX_TRIGGERS_STORE_READY:
        case NGX_TRIGGERS_STORE_LOCKED:
        case NGX_TRIGGERS_STORE_FULL:
        case NGX_TRIGGERS_STORE_READ_ONLY:
            break;

        default:
            return NGX_AGAIN;
        }

        d->reader = ngx_triggers_reader_open(&d->zone->path, d->log);
        d->leaders = leaders;
        d->refreshed = 0;
        d->look_at = 0;
    }

    return d->reader ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_triggers_deliverer_round(ngx_triggers_deliverer_t *d)
{
    uint64_t   now;
    ngx_int_t  rc;

    now = ngx_triggers_monotonic_ms();

    if (__atomic_load_n(&d->zone->sh->gate, __ATOMIC_RELAXED) > now) {

        /* readers are to wait until the WAL has been restarted */

        d->look_at = ngx_min(d->look_at, now + NGX_TRIGGERS_DELIVERER_GATE);
        return NGX_OK;
    }

    rc = NGX_OK;

    if (d->look_at <= now
        || (__atomic_load_n(&d->asked, __ATOMIC_SEQ_CST)
            && now - d->looked >= d->pause))
    {
        rc = ngx_triggers_deliverer_pass(d, now);
    }

    return (rc == NGX_OK) ? ngx_triggers_deliverer_serve(d) : rc;
}


/* looks at all endpoints */

static ngx_int_t
ngx_triggers_deliverer_pass(ngx_triggers_deliverer_t *d, uint64_t now)
{
    ngx_int_t                 rc;
    ngx_queue_t              *q;
    ngx_triggers_endpoint_t  *endpoint;

    /* cleared before the look: what is committed after it asks again */

    __atomic_store_n(&d->asked, 0, __ATOMIC_SEQ_CST);

    d->look_at = now + NGX_TRIGGERS_DELIVERER_TICK;

    if (__atomic_exchange_n(&d->refresh, 0, __ATOMIC_RELAXED)
        || now - d->refreshed >= NGX_TRIGGERS_DELIVERER_TICK)
    {
        d->refreshed = now;

        if (ngx_triggers_endpoints_refresh(d) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    ngx_triggers_push_rest(d, now);

    for (q = ngx_queue_head(&d->endpoints);
         q != ngx_queue_sentinel(&d->endpoints);
         q = ngx_queue_next(q))
    {
        endpoint = ngx_queue_data(q, ngx_triggers_endpoint_t, queue);
        endpoint->empty = 0;
        ngx_triggers_endpoint_hungry(endpoint);
    }

    ngx_triggers_endpoints_count(d);

    rc = ngx_triggers_deliverer_serve(d);

    d->looked = ngx_triggers_monotonic_ms();
    d->pause = (d->looked - now) * NGX_TRIGGERS_DELIVERER_SHARE + 1;

    return rc;
}


/*
 * Those that find no room are the first ones the next time.  The others have
 * their turn nevertheless: it is what they send, or drop, that makes room.
 */

static ngx_int_t
ngx_triggers_deliverer_serve(ngx_triggers_deliverer_t *d)
{
    ngx_int_t                 rc;
    ngx_queue_t              *q, *next;
    ngx_triggers_endpoint_t  *endpoint;

    for (q = ngx_queue_head(&d->hungry);
         q != ngx_queue_sentinel(&d->hungry);
         q = next)
    {
        next = ngx_queue_next(q);
        endpoint = ngx_queue_data(q, ngx_triggers_endpoint_t, hungry);

        rc = ngx_triggers_endpoint_serve(endpoint);

        if (rc == NGX_BUSY) {
            continue;
        }

        ngx_queue_remove(&endpoint->hungry);
        endpoint->is_hungry = 0;

        if (rc != NGX_OK) {
            return rc;
        }
    }

    return NGX_OK;
}


static ngx_msec_t
ngx_triggers_deliverer_timeout(ngx_triggers_deliverer_t *d)
{
    uint64_t  now, at;

    now = ngx_triggers_monotonic_ms();
    at = d->look_at;

    if (__atomic_load_n(&d->asked, __ATOMIC_SEQ_CST)) {
        at = ngx_min(at, d->looked + d->pause);
    }

    at = ngx_min(at, now + NGX_TRIGGERS_DELIVERER_TICK);

    return (at > now) ? at - now : 0;
}


/*
 * What is on its way has a moment to come back; what does not will be sent
 * again by the next leader.
 */

static void
ngx_triggers_deliverer_end(ngx_triggers_deliverer_t *d)
{
    uint64_t                  until, now;
    ngx_queue_t              *q;
    ngx_triggers_endpoint_t  *endpoint;

    until = ngx_triggers_monotonic_ms() + NGX_TRIGGERS_DELIVERER_END;

    for ( ;; ) {
        now = ngx_triggers_monotonic_ms();

        if (ngx_terminate || now >= until
            || ngx_triggers_sender_busy(d->sender) == 0
            || ngx_triggers_sender_run(d->sender, until - now) != NGX_OK)
        {
            break;
        }
    }

    for (q = ngx_queue_head(&d->endpoints);
         q != ngx_queue_sentinel(&d->endpoints);
         q = ngx_queue_next(q))
    {
        endpoint = ngx_queue_data(q, ngx_triggers_endpoint_t, queue);
        ngx_triggers_endpoint_drop(endpoint);
        ngx_triggers_endpoint_abandon(endpoint);
    }

    if (d->reader) {
        ngx_triggers_reader_close(d->reader);
        d->reader = NULL;
    }

    if (d->lock_fd != -1) {
        ngx_triggers_endpoints_count(d);

        (void) ngx_close_file(d->lock_fd);
        d->lock_fd = -1;
    }
}


/* a message has come back */

static void
ngx_triggers_deliverer_done(void *data, ngx_triggers_message_t *message)
{
    ngx_triggers_push_t  *push;

    push = (ngx_triggers_push_t *) message;

    ngx_queue_remove(&push->queue);
    push->endpoint->nsending--;

    ngx_triggers_push_result(push, ngx_triggers_monotonic_ms());
    ngx_triggers_endpoint_hungry(push->endpoint);

    ngx_triggers_deliverer_outcome(push);
}


static void
ngx_triggers_deliverer_beat(ngx_triggers_deliverer_t *d)
{
    __atomic_store_n(&d->zone->sh->delivering,
                     d->nendpoints ? ngx_triggers_monotonic_ms() : 0,
                     __ATOMIC_RELAXED);
}


static void
ngx_triggers_deliverer_tell(ngx_triggers_deliverer_t *d)
{
    if (d->told) {
        return;
    }

    d->told = 1;

    (void) ngx_triggers_wake_send(d->fd, d->zone->sh->nonce, d->owner->slot);
}


/*
 * What has been committed may go: the store does not say any more that it is
 * due.  Where it was not taken the store still does, and it would be sent
 * again at once.
 */

static void
ngx_triggers_deliverer_forget(ngx_triggers_deliverer_t *d)
{
    ngx_queue_t               committed, *q;
    ngx_triggers_push_t      *push;

    ngx_queue_init(&committed);

    (void) pthread_mutex_lock(&d->mutex);

    if (!ngx_queue_empty(&d->committed)) {
        ngx_queue_add(&committed, &d->committed);
        ngx_queue_init(&d->committed);
    }

    (void) pthread_mutex_unlock(&d->mutex);

    while (!ngx_queue_empty(&committed)) {
        q = ngx_queue_head(&committed);
        ngx_queue_remove(q);

        push = ngx_queue_data(q, ngx_triggers_push_t, queue);
        ngx_triggers_deliverer_over(push);
    }
}


static void
ngx_triggers_deliverer_over(ngx_triggers_push_t *push)
{
    int64_t                    wait;
    uint64_t                   now;
    ngx_triggers_endpoint_t   *endpoint;
    ngx_triggers_deliverer_t  *d;

    endpoint = push->endpoint;
    d = endpoint->deliverer;
    now = ngx_triggers_monotonic_ms();

    endpoint->npending--;
    d->npending--;

    if (push->rc != NGX_TRIGGERS_RC_OK
        && push->rc != NGX_TRIGGERS_RC_NOT_FOUND)
    {
        endpoint->rewind = 0;
        endpoint->paused = ngx_max(endpoint->paused,
                                   now + NGX_TRIGGERS_DELIVERER_PAUSE);
    }

    if (push->delivery.next_at) {
        wait = push->delivery.next_at - ngx_triggers_wall_ms();
        d->look_at = ngx_min(d->look_at, now + ngx_max(wait, 0));
    }

    ngx_triggers_endpoint_hungry(endpoint);
    ngx_triggers_push_free(push);
}


static ngx_uint_t
ngx_triggers_deliverer_stopping(ngx_triggers_deliverer_t *d)
{
    return ngx_terminate || __atomic_load_n(&d->stop, __ATOMIC_RELAXED);
}
