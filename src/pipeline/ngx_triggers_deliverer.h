
/*
 * The deliverer: sends events to the endpoints that want them.  It is a thread
 * of the worker that leads, one in the machine for a store: byte 3 of
 * "PATH.lock".  It reads what is due with a reader of its own, sends it, and
 * hands the outcomes to its worker's event loop, which submits them as it does
 * everything that changes the store.  An event is sent again until its
 * outcome has been committed: at least once.
 *
 * A thread of its own, rather than a task of the pool: it never ends by
 * itself, and a pool of one thread would have none left for the drainer.
 */


#ifndef _NGX_TRIGGERS_DELIVERER_H_INCLUDED_
#define _NGX_TRIGGERS_DELIVERER_H_INCLUDED_


#include "ngx_triggers_event.h"
#include "ngx_triggers_sender.h"
#include "ngx_triggers_zone.h"


#define NGX_TRIGGERS_DELIVERY_RETRIES  32      /* at most, in a schedule */


typedef struct ngx_triggers_deliverer_s  ngx_triggers_deliverer_t;


/*
 * Makes the message for an event: body and headers, in memory of the pool.
 * Called in the deliverer's thread.  NGX_ERROR: no memory.
 */

typedef ngx_int_t (*ngx_triggers_message_pt)(ngx_pool_t *pool,
    ngx_triggers_row_t *row, ngx_triggers_webhook_t *webhook,
    ngx_triggers_message_t *message);


/* set by the configuration */

typedef struct {
    ngx_triggers_sender_conf_t  sender;
    ngx_uint_t               concurrency;      /* messages on their way to
                                                  one endpoint */
    ngx_uint_t               nschedule;        /* retries */
    ngx_msec_t               schedule[NGX_TRIGGERS_DELIVERY_RETRIES];
    ngx_triggers_message_pt  message;
} ngx_triggers_deliverer_conf_t;


/*
 * Event loop.  create() makes one that does not run yet; NULL on an error,
 * logged.  It tells the worker that there are outcomes by a datagram from fd
 * to its slot.
 */

ngx_triggers_deliverer_t *ngx_triggers_deliverer_create(
    ngx_triggers_zone_t *zone, ngx_triggers_deliverer_conf_t *conf,
    ngx_triggers_owner_t *owner, ngx_socket_t fd, ngx_log_t *log);

/*
 * Event loop.  start() makes the thread run, if it does not; the thread may
 * end by itself after an error, and is then started again by a later call.
 * stop() tells it to end, which takes half a second at most, for the sake of
 * what is on its way.  join() waits for that.
 */

void ngx_triggers_deliverer_start(ngx_triggers_deliverer_t *d);
void ngx_triggers_deliverer_stop(ngx_triggers_deliverer_t *d);
void ngx_triggers_deliverer_join(ngx_triggers_deliverer_t *d);

/*
 * Any thread: events have been committed; or webhooks have been changed.  It
 * costs nothing where there are no endpoints.
 */

void ngx_triggers_deliverer_wake(ngx_triggers_deliverer_t *d,
    ngx_uint_t webhooks);


#endif /* _NGX_TRIGGERS_DELIVERER_H_INCLUDED_ */
