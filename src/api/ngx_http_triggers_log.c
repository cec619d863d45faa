
/*
 * The log phase: when a request of the API is over, one record says what it
 * was and what became of it.  The zone's counters are fed from it, and an
 * entry of the live feed is made of it.  It holds no key, no payload and no
 * header.
 *
 * Nothing may wait here; the request's cleanups have run, its pool is still
 * there.  The access log is written before, from variables.
 */


#include "ngx_http_triggers_log.h"
#include "ngx_http_triggers_resources.h"
#include "ngx_http_triggers_router.h"
#include "ngx_http_triggers_trace.h"
#include "ngx_triggers_clock.h"
#include "ngx_triggers_logger.h"


typedef struct {
    const ngx_http_triggers_route_t  *route;   /* NULL: none */
    ngx_uint_t               status;           /* 0: closed without one */
    uint64_t                 latency;          /* us */
    uint64_t                 received;         /* bytes, header included */
    uint64_t                 sent;
    unsigned                 polled:1;         /* has waited for events */
    unsigned                 early:1;          /* nginx answered it */
} ngx_http_triggers_log_t;


/* what a route's latency is counted as */

typedef struct {
    ngx_int_t              (*handler)(ngx_http_request_t *r);
    ngx_triggers_time_e      time;
} ngx_http_triggers_log_time_t;


/* a route's, with the method before it */

#define NGX_HTTP_TRIGGERS_LOG_MESSAGE  128


static ngx_int_t ngx_http_triggers_log_handler(ngx_http_request_t *r);
static void ngx_http_triggers_log_record(ngx_http_request_t *r,
    ngx_http_triggers_ctx_t *ctx, ngx_http_triggers_log_t *log);
static void ngx_http_triggers_log_count(ngx_http_triggers_log_t *log,
    ngx_triggers_metrics_counts_t *counts);
static void ngx_http_triggers_log_time(ngx_http_triggers_log_t *log,
    ngx_triggers_metrics_counts_t *counts);
static void ngx_http_triggers_log_feed(ngx_http_request_t *r,
    ngx_http_triggers_ctx_t *ctx, ngx_http_triggers_log_t *log);
static ngx_uint_t ngx_http_triggers_log_level(ngx_http_triggers_log_t *log);


static const ngx_http_triggers_log_time_t  ngx_http_triggers_log_times[] = {
    { ngx_http_triggers_event_create, NGX_TRIGGERS_TIME_INGEST },
    { ngx_http_triggers_batch_create, NGX_TRIGGERS_TIME_INGEST },
    { ngx_http_triggers_inbox_list, NGX_TRIGGERS_TIME_INBOX },
    { ngx_http_triggers_event_acknowledge, NGX_TRIGGERS_TIME_ACK },
    { ngx_http_triggers_event_remove, NGX_TRIGGERS_TIME_ACK },
    { ngx_http_triggers_batch_acknowledge, NGX_TRIGGERS_TIME_ACK },
    { ngx_http_triggers_lease_ack, NGX_TRIGGERS_TIME_ACK },
    { NULL, 0 }
};


/* what is asked again and again by machines */

static ngx_int_t  (*const ngx_http_triggers_log_quiet[])(
    ngx_http_request_t *r) =
{
    ngx_http_triggers_health,
    ngx_http_triggers_metrics,
    NULL
};


ngx_int_t
ngx_http_triggers_log_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_LOG_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_triggers_log_handler;

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_log_handler(ngx_http_request_t *r)
{
    ngx_triggers_worker_t    *worker;
    ngx_http_triggers_ctx_t  *ctx;
    ngx_http_triggers_log_t   log;

    if (r != r->main) {
        return NGX_OK;
    }

    ctx = ngx_http_triggers_find_ctx(r);

    /* of static files errors have a context, others none: neither is ours */

    if (ctx == NULL || ctx->file) {
        return NGX_OK;
    }

    ngx_http_triggers_log_record(r, ctx, &log);

    worker = &ctx->store->worker;

    ngx_http_triggers_log_count(&log,
             ngx_triggers_metrics_counts(&worker->zone->sh->metrics,
                                         worker->owner.slot));

    if (worker->wake) {
        ngx_http_triggers_log_feed(r, ctx, &log);
    }

    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "triggers request: route %ui, status %ui, %uL us, "
                   "%uL bytes", ngx_http_triggers_route_number(log.route),
                   log.status, log.latency, log.sent);

    return NGX_OK;
}


static void
ngx_http_triggers_log_record(ngx_http_request_t *r,
    ngx_http_triggers_ctx_t *ctx, ngx_http_triggers_log_t *log)
{
    log->route = ctx->route;
    log->status = r->err_status ? r->err_status : r->headers_out.status;
    log->latency = ngx_triggers_monotonic_us() - ctx->begun;
    log->received = r->request_length;
    log->sent = r->connection->sent;
    log->polled = (ctx->poll != NULL);
    log->early = ctx->early;
}


static void
ngx_http_triggers_log_count(ngx_http_triggers_log_t *log,
    ngx_triggers_metrics_counts_t *counts)
{
    ngx_uint_t  route, class, code;

    route = ngx_http_triggers_route_number(log->route);

    /* whoever got no status has closed the connection, as with 499 */

    class = (log->status < NGX_HTTP_OK) ? 2 : log->status / 100 - 2;
    class = ngx_min(class, NGX_TRIGGERS_CLASSES - 1);

    code = ngx_triggers_metrics_code(log->status);

    ngx_triggers_metrics_add(&counts->requests[route][class], 1);
    ngx_triggers_metrics_add(&counts->codes[code], 1);
    ngx_triggers_metrics_add(&counts->received, log->received);
    ngx_triggers_metrics_add(&counts->sent, log->sent);

    if (log->route) {
        ngx_http_triggers_log_time(log, counts);
    }
}


/*
 * A request that was refused, by limit_req too, or was asked to wait for
 * events, took as long as it did by no fault of ours.  One that failed is
 * counted: a store that does not commit shows here too.
 */

static void
ngx_http_triggers_log_time(ngx_http_triggers_log_t *log,
    ngx_triggers_metrics_counts_t *counts)
{
    const ngx_http_triggers_log_time_t  *t;

    if (log->polled || log->early
        || (log->status >= NGX_HTTP_SPECIAL_RESPONSE
            && log->status < NGX_HTTP_INTERNAL_SERVER_ERROR))
    {
        return;
    }

    for (t = ngx_http_triggers_log_times; t->handler; t++) {

        if (t->handler == log->route->handler) {
            ngx_triggers_metrics_time(&counts->times[t->time], log->latency);
            return;
        }
    }
}


static void
ngx_http_triggers_log_feed(ngx_http_request_t *r, ngx_http_triggers_ctx_t *ctx,
    ngx_http_triggers_log_t *log)
{
    u_char                 message[NGX_HTTP_TRIGGERS_LOG_MESSAGE];
    uint64_t               number;
    ngx_triggers_entry_t   entry;
    ngx_triggers_worker_t  *worker;

    ngx_memzero(&entry, sizeof(ngx_triggers_entry_t));

    entry.kind = NGX_TRIGGERS_ENTRY_REQUEST;
    entry.level = ngx_http_triggers_log_level(log);
    entry.time = ngx_http_triggers_now();
    entry.status = log->status;
    entry.latency = log->latency;
    entry.request_id = ctx->request_id;
    entry.correlation_id = ctx->correlation_id;
    entry.error = ctx->error;

    if (ctx->key) {
        entry.user_id = ctx->key->user_id;
        entry.key_id = ctx->key->id;
    }

    if (ctx->has_event_id) {
        ngx_memcpy(entry.event_id, ctx->event_id, NGX_TRIGGERS_ID_LEN);
        entry.has_event_id = 1;
    }

    if (ngx_http_triggers_trace_id(r, entry.trace_id) == NGX_OK) {
        entry.has_trace_id = 1;
    }

    if (log->route) {
        entry.message.data = message;
        entry.message.len = ngx_snprintf(message, sizeof(message), "%V %V",
                                         &r->method_name, &log->route->path)
                            - message;

    } else {
        ngx_str_set(&entry.message, "no such route");
    }

    worker = &ctx->store->worker;

    number = ngx_triggers_feed_append(&worker->zone->sh->feed,
                                      worker->owner.slot, &entry);

    ngx_triggers_logger_tell(worker->zone->sh, worker->wake->fd, number);
}


static ngx_uint_t
ngx_http_triggers_log_level(ngx_http_triggers_log_t *log)
{
    ngx_uint_t  i;

    if (log->status >= NGX_HTTP_INTERNAL_SERVER_ERROR) {
        return NGX_TRIGGERS_LEVEL_ERROR;
    }

    if (log->status >= NGX_HTTP_BAD_REQUEST
        && log->status != NGX_HTTP_CLIENT_CLOSED_REQUEST)
    {
        return NGX_TRIGGERS_LEVEL_WARN;
    }

    for (i = 0; log->route && ngx_http_triggers_log_quiet[i]; i++) {

        if (log->route->handler == ngx_http_triggers_log_quiet[i]) {
            return NGX_TRIGGERS_LEVEL_DEBUG;
        }
    }

    return NGX_TRIGGERS_LEVEL_INFO;
}
