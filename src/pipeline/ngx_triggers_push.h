
/*
 * Pushes and endpoints, as the deliverer has them; private to its files.
 *
 * A push is one event on its way to one endpoint:
 *
 *     ready ──▶ sending ──▶ outcome ──▶ submitted ──▶ committed
 *
 * It belongs to the thread until it has an outcome, to the event loop until
 * that has been committed, and then to the thread again, which forgets it.
 * The lists that are handed over are guarded by the mutex.  As long as it is
 * known here it is not read from the store again.
 */


#ifndef _NGX_TRIGGERS_PUSH_H_INCLUDED_
#define _NGX_TRIGGERS_PUSH_H_INCLUDED_


#include "ngx_triggers_breaker.h"
#include "ngx_triggers_deliverer.h"
#include "ngx_triggers_signature.h"
#include "ngx_triggers_store.h"

#include <pthread.h>


#define NGX_TRIGGERS_PUSHES        4096        /* known at once, at most */
#define NGX_TRIGGERS_PUSHES_HEADS  4096        /* a power of 2 */
#define NGX_TRIGGERS_PUSHES_BYTES  (64 * 1024 * 1024)


typedef struct ngx_triggers_push_s      ngx_triggers_push_t;
typedef struct ngx_triggers_endpoint_s  ngx_triggers_endpoint_t;


/* lies in its pool, and so do its strings */

struct ngx_triggers_push_s {
    ngx_triggers_message_t   message;          /* first: the sender gives it
                                                  back */
    ngx_queue_t              queue;
    ngx_triggers_push_t     *next;             /* of the same hash */
    ngx_triggers_endpoint_t  *endpoint;
    ngx_pool_t              *pool;
    size_t                   size;             /* bytes, about */
    ngx_uint_t               attempts;         /* that have failed before */
    ngx_uint_t               epoch;            /* of the breaker */
    ngx_uint_t               rc;               /* of the outcome's commit;
                                                  ngx_triggers_rc_e */
    u_char                   id[NGX_TRIGGERS_ID_LEN];
    int64_t                  created_at;       /* of the event, ms */
    ngx_str_t                user_id;
    ngx_triggers_delivery_t  delivery;         /* the outcome */
};


/* the thread's */

struct ngx_triggers_endpoint_s {
    ngx_rbtree_node_t        node;             /* by number */
    ngx_queue_t              queue;            /* all endpoints */
    ngx_queue_t              hungry;           /* those to be seen to */
    ngx_triggers_deliverer_t  *deliverer;
    ngx_pool_t              *pool;             /* of webhook's strings */
    ngx_triggers_webhook_t   webhook;
    ngx_triggers_secret_t    secret;
    ngx_triggers_secret_t    old_secret;
    ngx_triggers_breaker_t   breaker;
    ngx_triggers_meter_t    *meter;            /* in the zone; NULL: that of
                                                  all others */

    ngx_queue_t              ready;
    ngx_queue_t              sending;
    ngx_uint_t               nready;
    ngx_uint_t               nsending;
    ngx_uint_t               npending;         /* outcomes not committed */
    ngx_uint_t               window;           /* messages on their way, at
                                                  most, for now */
    ngx_uint_t               rows;             /* of the last page */

    ngx_triggers_due_query_t  query;           /* has the place in its
                                                  queue */
    uint64_t                 rewind;           /* when to begin anew; this and
                                                  the others monotonic ms */
    uint64_t                 paused;           /* until then it wants none */
    unsigned                 is_hungry:1;
    unsigned                 seen:1;           /* by the last refresh */
    unsigned                 deleted:1;        /* what waits is cancelled */
    unsigned                 unusable:1;       /* its secret cannot be read */
    unsigned                 gone:1;           /* inactive, or has answered
                                                  410 */
    unsigned                 empty:1;          /* nothing was due behind the
                                                  place */
};


struct ngx_triggers_deliverer_s {
    /* fixed */
    ngx_triggers_zone_t     *zone;
    ngx_triggers_deliverer_conf_t  *conf;
    ngx_triggers_owner_t    *owner;            /* the worker's slot */
    ngx_socket_t             fd;
    ngx_log_t               *log;
    ngx_triggers_sender_t   *sender;

    /* atomic flags */
    uint32_t                 asked;            /* woken and not yet looked */
    uint32_t                 listening;        /* there are endpoints */
    uint32_t                 refresh;          /* webhooks have changed */
    uint32_t                 stop;
    uint32_t                 ended;            /* the thread has */

    /* under the mutex */
    pthread_mutex_t          mutex;
    ngx_queue_t              outcomes;         /* for the event loop */
    ngx_queue_t              committed;        /* for the thread */

    /* the event loop's */
    pthread_t                thread;
    ngx_uint_t               running;          /* flag: has to be joined */
    ngx_msec_t               started;          /* ngx_current_msec */

    /* the thread's */
    ngx_fd_t                 lock_fd;          /* byte 3, or -1 */
    ngx_triggers_reader_t   *reader;
    uint64_t                 leaders;          /* when it was opened */
    uint64_t                 refreshed;        /* monotonic ms, as below */
    uint64_t                 looked;
    uint64_t                 look_at;          /* the next pass */
    uint64_t                 pause;            /* between two passes */
    ngx_rbtree_t             tree;             /* of the endpoints */
    ngx_rbtree_node_t        sentinel;
    ngx_queue_t              endpoints;
    ngx_queue_t              hungry;
    ngx_triggers_feed_limit_t  failures;       /* records of them */
    ngx_uint_t               nendpoints;
    ngx_uint_t               npushes;
    ngx_uint_t               npending;         /* outcomes not committed */
    size_t                   bytes;            /* of pushes */
    ngx_uint_t               told;             /* flag: outcomes were added
                                                  since the worker was told */
    ngx_triggers_push_t     *heads[NGX_TRIGGERS_PUSHES_HEADS];
    ngx_triggers_endpoint_t  *metered[NGX_TRIGGERS_METERS_MAX];
                                               /* who has the zone's meter of
                                                  this number */
};


/* The thread: pushes. */

ngx_triggers_push_t *ngx_triggers_push_create(
    ngx_triggers_endpoint_t *endpoint, ngx_triggers_row_t *row);
void ngx_triggers_push_free(ngx_triggers_push_t *push);
ngx_triggers_push_t *ngx_triggers_push_find(ngx_triggers_deliverer_t *d,
    int64_t webhook, int64_t seq);

/* Signs it: adds the headers that depend on the time. */

ngx_int_t ngx_triggers_push_sign(ngx_triggers_push_t *push, int64_t now);

/*
 * What has become of it, from what the sender says: fills the outcome, and
 * tells the breaker.
 */

void ngx_triggers_push_result(ngx_triggers_push_t *push, uint64_t now);

/*
 * Records for the live feed; what is a few words about the endpoint's webhook.
 * user_id is whose the webhook is, as push_owner() tells: NULL, nobody's, where
 * it is one of the configuration.  rest() is called every second.
 */

void ngx_triggers_endpoint_tell(ngx_triggers_endpoint_t *endpoint,
    ngx_uint_t level, ngx_str_t *user_id, const char *what);
ngx_str_t *ngx_triggers_push_owner(ngx_triggers_push_t *push);
void ngx_triggers_push_rest(ngx_triggers_deliverer_t *d, uint64_t now);


/* The thread: endpoints. */

ngx_int_t ngx_triggers_endpoints_refresh(ngx_triggers_deliverer_t *d);

/* It is to be seen to by the next round. */

void ngx_triggers_endpoint_hungry(ngx_triggers_endpoint_t *endpoint);

/* Reads what is due, as far as there is room, and sends what may be sent. */

ngx_int_t ngx_triggers_endpoint_serve(ngx_triggers_endpoint_t *endpoint);

/*
 * Forgets what is ready; or what is on its way, which the endpoint may have
 * got nevertheless.  Both are read again.
 */

void ngx_triggers_endpoint_drop(ngx_triggers_endpoint_t *endpoint);
void ngx_triggers_endpoint_abandon(ngx_triggers_endpoint_t *endpoint);

/*
 * The thread, while it has the lock: metrics of endpoints.  Gives them meters
 * after a refresh; takes that of one away, which is deleted; counts an attempt,
 * delivered or failed, and its duration; tells how all are now.
 */

void ngx_triggers_endpoints_meter(ngx_triggers_deliverer_t *d);
void ngx_triggers_endpoint_unmeter(ngx_triggers_endpoint_t *endpoint);
void ngx_triggers_endpoint_attempt(ngx_triggers_endpoint_t *endpoint,
    ngx_uint_t outcome, ngx_msec_t ms);
void ngx_triggers_endpoints_count(ngx_triggers_deliverer_t *d);

/* Hands a push with its outcome over to the event loop. */

void ngx_triggers_deliverer_outcome(ngx_triggers_push_t *push);


#endif /* _NGX_TRIGGERS_PUSH_H_INCLUDED_ */
