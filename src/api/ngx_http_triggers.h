
/*
 * The private header of the api room: configuration and the context of a
 * request.  Everything in this room runs in the event loop, but for the few
 * functions that say otherwise.
 */


#ifndef _NGX_HTTP_TRIGGERS_H_INCLUDED_
#define _NGX_HTTP_TRIGGERS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_triggers_worker.h"
#include "ngx_triggers_uuid.h"
#include "ngx_http_triggers_hub.h"
#include "ngx_http_triggers_keys.h"


#define NGX_HTTP_TRIGGERS_VERSION  "0.1.0"


/* what an event's record takes in the ring besides its body */

#define NGX_HTTP_TRIGGERS_RECORD_EXTRA  4096


typedef struct ngx_http_triggers_route_s  ngx_http_triggers_route_t;


typedef struct {
    ngx_str_t                name;
    ngx_str_t                path;             /* of the database, links
                                                  resolved */
    ngx_str_t                logs;             /* of that of its logs,
                                                  likewise */
    ngx_str_t                file;             /* that first names it … */
    ngx_uint_t               line;             /* … and where */
    size_t                   size;             /* of the zone, 0: undeclared */
    ngx_uint_t               waiting;
    ngx_uint_t               keys;
    ngx_array_t              allowed;          /* of ngx_str_t, networks that
                                                  its locations allow */
    ngx_triggers_worker_t    worker;
    ngx_http_triggers_hub_t  hub;              /* of live streams */
} ngx_http_triggers_store_t;


typedef struct {
    ngx_array_t              stores;           /* of …_store_t * */
    ngx_http_triggers_keys_t  keys;
    ngx_triggers_schedule_t  retry_schedule;   /* n is 0: unset */
    ngx_triggers_uuid_gen_t  uuid;             /* of the process */
    ngx_array_t             *deliver;          /* endpoints, as they were
                                                  read */
    ngx_triggers_deliverer_conf_t  delivery;   /* what the stores' begin as */
    ngx_triggers_retention_t retention;        /* of all stores */
    ngx_str_t                archive;          /* directory, terminated; len
                                                  0: none; data NULL: unset */
    ngx_triggers_logger_conf_t  logs;          /* what the stores' begin as */
    unsigned                 retention_set:1;
    unsigned                 logs_set:1;
    unsigned                 logs_off:1;
} ngx_http_triggers_main_conf_t;


typedef struct {
    ngx_http_triggers_store_t  *store;         /* NULL: no API here */
    ngx_str_t                prefix;           /* before the API's paths,
                                                  without a final slash */
    size_t                   event_max_size;
    size_t                   batch_max_size;   /* as set, or UNSET */
    size_t                   batch_size;       /* what it comes to */
    size_t                   response_max_size;
    ngx_msec_t               commit_timeout;
    ngx_msec_t               query_timeout;
    ngx_flag_t               synchronous_commit;
    ngx_uint_t               rate_limit;       /* of keys without their own */
    ngx_array_t             *cors;             /* of ngx_str_t, origins */
    time_t                   key_ttl;          /* of new keys, 0: no end */
    ngx_str_t                backup_path;      /* directory, terminated; len
                                                  0: no backups; data NULL:
                                                  unset */
    ngx_msec_t               backup_timeout;
    size_t                   backup_wal;       /* largest WAL meanwhile */
    ngx_flag_t               status;           /* triggers_status is here */
    ngx_http_triggers_store_t  *status_store;  /* of it; NULL: all */
    ngx_str_t                webhook_allow;    /* networks, packed; data NULL:
                                                  unset */
    ngx_uint_t               lease_attempts;
    size_t                   stream_buffer;    /* of a client */
    ngx_uint_t               stream_clients;   /* of a worker */
    ngx_msec_t               stream_heartbeat;
    ngx_flag_t               debug;
} ngx_http_triggers_loc_conf_t;


/* answers the commit of what a request has submitted; returns as a handler */

typedef ngx_int_t (*ngx_http_triggers_commit_pt)(ngx_http_request_t *r,
    ngx_triggers_result_t *result);


/* what a body is, by its content type and headers */

typedef enum {
    NGX_HTTP_TRIGGERS_MEDIA_JSON = 0,
    NGX_HTTP_TRIGGERS_MEDIA_CLOUDEVENT,        /* structured */
    NGX_HTTP_TRIGGERS_MEDIA_CLOUDEVENT_BINARY,
    NGX_HTTP_TRIGGERS_MEDIA_CLOUDEVENT_BATCH
} ngx_http_triggers_media_e;


typedef struct {
    ngx_http_request_t      *request;          /* whose it is */
    ngx_http_triggers_store_t  *store;         /* where it began */
    uint64_t                 begun;            /* CLOCK_MONOTONIC, us */

    /* headers of the request, data is NULL where there was none */
    ngx_str_t                x_api_key;
    ngx_str_t                x_request_id;
    ngx_str_t                x_correlation_id;
    ngx_str_t                traceparent;      /* data NULL: or not valid */
    ngx_str_t                tracestate;       /* the same; of all lines */
    ngx_str_t                idempotency_key;
    ngx_str_t                ce_specversion;
    ngx_str_t                origin;
    ngx_str_t                access_control_method;    /* of a preflight */
    ngx_str_t                content_encoding;
    ngx_str_t                last_event_id;    /* of a stream */

    ngx_str_t                request_id;
    ngx_str_t                correlation_id;

    const ngx_http_triggers_route_t  *route;   /* NULL: none matched */
    ngx_http_triggers_key_t  *key;             /* who asks */
    ngx_http_triggers_key_t  *stored_key;      /* memory for a key of the
                                                  store */
    ngx_triggers_rate_t      rate;             /* limit is 0: has none */
    ngx_str_t                id_text;          /* {id} of the path … */
    u_char                   id[NGX_TRIGGERS_ID_LEN];  /* … what it says */

    ngx_uint_t               media;            /* …_media_e of the body */
    ngx_str_t                body;
    void                    *body_state;       /* while it is being read */
    ngx_pool_t              *body_pool;        /* of a large body, which may
                                                  be taken over */

    u_char                   event_id[NGX_TRIGGERS_ID_LEN];
    void                    *batch;            /* …_batch_t, of one */
    void                    *poll;             /* while it waits for events */
    void                    *stream;           /* when it is one */
    void                    *lease;            /* of a request for or about
                                                  leases */
    ngx_msec_t               started;          /* ngx_current_msec */
    ngx_uint_t               debug;            /* …_debug_e */
    void                    *delay;            /* of an answer, by debug */
    void                    *key_state;        /* of a resource that makes a
                                                  secret */
    ngx_triggers_waiter_t   *waiter;
    ngx_http_triggers_commit_pt  commit_handler;
    uint64_t                 submitted;        /* when, monotonic us */
    uint64_t                 commit_time;      /* us it took */

    ngx_str_t                answer_type;      /* its media type; data NULL:
                                                  application/json */
    ngx_str_t                error;            /* code of the answer */
    ngx_chain_t             *replacement;      /* of nginx's error page */

    unsigned                 v1:1;             /* surface */
    unsigned                 has_event_id:1;
    unsigned                 committed:1;
    unsigned                 answered:1;       /* the answer is ours */
    unsigned                 file:1;           /* the path is not the API's */
    unsigned                 early:1;          /* an error before the handler */
    unsigned                 headers_added:1;
    unsigned                 waited:1;         /* for the keys */
    unsigned                 starting:1;       /* the job that waits */
} ngx_http_triggers_ctx_t;


/*
 * The context of a request, made when it is first asked for; NULL when there
 * is no memory.
 */

ngx_http_triggers_ctx_t *ngx_http_triggers_get_ctx(ngx_http_request_t *r);

/*
 * The context if there is one, also after an internal redirect, for which
 * nginx forgets the contexts of modules; NULL otherwise.
 */

ngx_http_triggers_ctx_t *ngx_http_triggers_find_ctx(ngx_http_request_t *r);

/*
 * Makes a mutation of the operation, now, of all that there is to say of who
 * asks for it; the strings are the request's.
 */

void ngx_http_triggers_mutation(ngx_http_request_t *r,
    ngx_triggers_mutation_t *mutation, ngx_uint_t op);

/*
 * Submits what the request asks for; batch->codes, where there are several
 * mutations, is memory of the request.  In the default mode the request then
 * waits, and handler answers it when it has been committed; where nothing is
 * waited for, the handler is called at once.  Returns as a handler does.
 */

ngx_int_t ngx_http_triggers_submit(ngx_http_request_t *r,
    ngx_triggers_batch_t *batch, ngx_uint_t wait,
    ngx_http_triggers_commit_pt handler);

/* The same for one mutation. */

ngx_int_t ngx_http_triggers_submit_one(ngx_http_request_t *r,
    ngx_triggers_mutation_t *mutation, ngx_uint_t wait,
    ngx_http_triggers_commit_pt handler);

/*
 * As ngx_http_triggers_submit() for a request that waits, but what is refused
 * is not answered: NGX_BUSY (there is no room now), NGX_DECLINED (there never
 * will be) or NGX_ERROR (the store is not ready), which refuse() answers.
 */

ngx_int_t ngx_http_triggers_submit_waiting(ngx_http_request_t *r,
    ngx_triggers_batch_t *batch, ngx_http_triggers_commit_pt handler);
ngx_int_t ngx_http_triggers_refuse(ngx_http_request_t *r, ngx_int_t rc);

/* Parks a request that waits for a thread or a commit. */

ngx_int_t ngx_http_triggers_park(ngx_http_request_t *r);

/* Can it be the id of a request, or a correlation id? */

ngx_uint_t ngx_http_triggers_is_request_id(ngx_str_t *value);

/*
 * Writes a store's name as the beginning of a file's, at most FILE_STORE
 * characters of it; returns the position after them.
 */

#define NGX_HTTP_TRIGGERS_FILE_STORE  64

u_char *ngx_http_triggers_file_store(u_char *dst, ngx_str_t *name);

/* The wall clock in ms since the epoch, as nginx has it cached. */

int64_t ngx_http_triggers_now(void);


extern ngx_module_t  ngx_http_triggers_module;


#endif /* _NGX_HTTP_TRIGGERS_H_INCLUDED_ */
