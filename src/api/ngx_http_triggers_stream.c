
/*
 * GET /api/stream: opens a stream, looks after it while it is open, and ends
 * it.  What is sent comes from the hub.
 */


#include "ngx_http_triggers_stream.h"
#include "ngx_http_triggers_auth.h"
#include "ngx_http_triggers_resources.h"
#include "ngx_http_triggers_response.h"
#include "ngx_http_triggers_router.h"
#include "ngx_triggers_clock.h"


#define NGX_HTTP_TRIGGERS_STREAM_CHECK   1000      /* ms between two looks at
                                                      the key */

/* how long a client that does not read holds up an end, ms */

#define NGX_HTTP_TRIGGERS_STREAM_LINGER  2000


static ngx_http_triggers_stream_t *ngx_http_triggers_stream_create(
    ngx_http_request_t *r, ngx_http_triggers_stream_query_t *q);
static ngx_int_t ngx_http_triggers_stream_header(ngx_http_request_t *r);
static ngx_int_t ngx_http_triggers_stream_start(
    ngx_http_triggers_stream_t *s);
static void ngx_http_triggers_stream_last(ngx_http_triggers_stream_t *s,
    const char *event, const char *reason);
static void ngx_http_triggers_stream_begin(ngx_http_triggers_stream_t *s);
static const char *ngx_http_triggers_stream_check(
    ngx_http_triggers_stream_t *s);
static void ngx_http_triggers_stream_heartbeat(
    ngx_http_triggers_stream_t *s);
static uint64_t ngx_http_triggers_stream_position(
    ngx_http_triggers_stream_t *s);
static void ngx_http_triggers_stream_cleanup(void *data);


ngx_int_t
ngx_http_triggers_stream(ngx_http_request_t *r)
{
    ngx_int_t                          rc;
    ngx_http_triggers_stream_t        *s;
    ngx_http_triggers_loc_conf_t      *tlcf;
    ngx_http_triggers_stream_query_t   q;

    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_triggers_module);

    if (r != r->main) {
        return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_BAD_PARAMETER,
                                       NULL, "a stream cannot be a part of "
                                       "another answer");
    }

    if (tlcf->stream_clients == 0) {

        /* a 503 would have browsers come again for ever */

        return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_NOT_FOUND, NULL,
                                       "no streams are given here");
    }

    rc = ngx_http_triggers_stream_parse(r, &q);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    if (ngx_exiting
        || tlcf->store->worker.nstreams >= tlcf->stream_clients)
    {
        return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_UNAVAILABLE, NULL,
                                       ngx_exiting ? "the process is ending"
                                       : "too many streams are open");
    }

    s = ngx_http_triggers_stream_create(r, &q);
    if (s == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_triggers_stream_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    return ngx_http_triggers_stream_start(s);
}


void
ngx_http_triggers_stream_end(ngx_http_triggers_stream_t *s,
    const char *reason)
{
    ngx_http_triggers_stream_last(s, "end", reason);
}


void
ngx_http_triggers_stream_drop(ngx_http_triggers_stream_t *s)
{
    ngx_log_error(NGX_LOG_INFO, s->request->connection->log, 0,
                  "triggers stream dropped: the client reads too slowly");

    ngx_triggers_metrics_add(
                   &ngx_http_triggers_hub_counts(s->hub)->streams_dropped, 1);

    ngx_http_triggers_stream_discard(s);
    ngx_http_triggers_stream_last(s, "dropped", "slow");
}


ngx_int_t
ngx_http_triggers_stream_gap(ngx_http_triggers_stream_t *s, uint64_t missed,
    const char *reason)
{
    ngx_int_t                       rc;
    u_char                          n[NGX_INT64_LEN + 1];
    ngx_triggers_metrics_counts_t  *counts;

    if (missed) {
        (void) ngx_sprintf(n, "%uL%Z", missed);

    } else {
        (void) ngx_sprintf(n, "null%Z");
    }

    rc = ngx_http_triggers_stream_tell(s, NGX_HTTP_TRIGGERS_STREAM_ID
                                       "event: gap\ndata: {\"missed\":%s,"
                                       "\"reason\":\"%s\"}\n\n",
                                       s->hub->worker->zone->sh->nonce,
                                       ngx_http_triggers_stream_position(s),
                                       n, reason);

    if (rc == NGX_OK) {
        counts = ngx_http_triggers_hub_counts(s->hub);
        ngx_triggers_metrics_add(&counts->stream_gaps, 1);
    }

    return rc;
}


void
ngx_http_triggers_stream_turn(ngx_http_triggers_stream_t *s)
{
    const char                    *reason;
    ngx_http_request_t            *r;
    ngx_http_triggers_loc_conf_t  *tlcf;

    r = s->request;
    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_triggers_module);

    ngx_http_set_log_request(r->connection->log, r);

    if (!s->ending && ngx_exiting) {
        ngx_http_triggers_stream_end(s, "reload");
    }

    if (!s->ending && s->timed
        && (ngx_msec_int_t) (ngx_current_msec - s->until) >= 0)
    {
        ngx_http_triggers_stream_end(s, "timeout");
    }

    if (!s->ending
        && ngx_current_msec - s->checked >= NGX_HTTP_TRIGGERS_STREAM_CHECK)
    {
        s->checked = ngx_current_msec;
        reason = ngx_http_triggers_stream_check(s);

        if (reason) {
            ngx_http_triggers_stream_end(s, reason);
        }
    }

    if (!s->ending && ngx_current_msec - s->sent >= tlcf->stream_heartbeat) {
        ngx_http_triggers_stream_heartbeat(s);
    }

    if (s->out && !ngx_http_triggers_stream_blocked(s)) {
        ngx_http_triggers_stream_flush(s);
    }

    ngx_http_triggers_stream_settle(s);
}


void
ngx_http_triggers_stream_settle(ngx_http_triggers_stream_t *s)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = s->request;
    c = r->connection;

    if (s->ending && ngx_http_triggers_stream_blocked(s)
        && (ngx_msec_int_t) (ngx_current_msec - s->until) >= 0)
    {
        s->failed = 1;
    }

    if (!s->failed
        && (!s->ending || ngx_http_triggers_stream_blocked(s)))
    {
        return;
    }

    /* nginx may go on with the request: a body, a connection that lingers */

    ngx_http_triggers_hub_leave(s);
    r->write_event_handler = ngx_http_request_empty_handler;

    ngx_http_finalize_request(r, s->failed ? NGX_ERROR : NGX_OK);
    ngx_http_run_posted_requests(c);
}


static ngx_http_triggers_stream_t *
ngx_http_triggers_stream_create(ngx_http_request_t *r,
    ngx_http_triggers_stream_query_t *q)
{
    ngx_http_cleanup_t            *cln;
    ngx_http_triggers_ctx_t       *ctx;
    ngx_http_triggers_stream_t    *s;
    ngx_http_triggers_loc_conf_t  *tlcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_triggers_module);

    s = ngx_pcalloc(r->pool, sizeof(ngx_http_triggers_stream_t));
    if (s == NULL) {
        return NULL;
    }

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        return NULL;
    }

    cln->handler = ngx_http_triggers_stream_cleanup;
    cln->data = s;

    s->request = r;
    s->query = *q;
    s->size = tlcf->stream_buffer;
    s->sent = ngx_current_msec;
    s->checked = ngx_current_msec;

    if (q->timeout) {
        s->until = ngx_current_msec + q->timeout;
        s->timed = 1;
    }

    ctx->stream = s;

    return s;
}


static ngx_int_t
ngx_http_triggers_stream_header(ngx_http_request_t *r)
{
    ngx_str_t                 value;
    ngx_http_triggers_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    ctx->answered = 1;

    ngx_str_set(&value, "no-cache");

    if (ngx_http_triggers_add_header(r, "Cache-Control", &value) == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* another nginx before this one is not to gather what is sent */

    ngx_str_set(&value, "no");

    if (ngx_http_triggers_add_header(r, "X-Accel-Buffering", &value) == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.status = NGX_HTTP_OK;
    ngx_http_clear_content_length(r);

    ngx_str_set(&r->headers_out.content_type, "text/event-stream");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;
    ngx_str_set(&r->headers_out.charset, "utf-8");

#if (NGX_HTTP_GZIP)

    /* messages would come out of it late, and each with a block of its own */

    r->gzip_tested = 1;
    r->gzip_ok = 0;

#endif

    return ngx_http_send_header(r);
}


static ngx_int_t
ngx_http_triggers_stream_start(ngx_http_triggers_stream_t *s)
{
    ngx_connection_t          *c;
    ngx_http_request_t        *r;
    ngx_http_core_loc_conf_t  *clcf;

    r = s->request;
    c = r->connection;
    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (clcf->tcp_nodelay && ngx_tcp_nodelay(c) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_http_triggers_park(r) != NGX_DONE) {
        return NGX_ERROR;
    }

    r->write_event_handler = ngx_http_triggers_stream_writer;

    ngx_http_triggers_hub_join(s);
    ngx_http_triggers_stream_begin(s);
    ngx_http_triggers_stream_flush(s);

    return s->failed ? NGX_ERROR : NGX_DONE;
}


/* where it goes on, and that it cannot go on from where the client was */

static void
ngx_http_triggers_stream_begin(ngx_http_triggers_stream_t *s)
{
    ngx_triggers_zone_sh_t            *sh;
    ngx_http_triggers_stream_query_t  *q;

    q = &s->query;
    sh = s->hub->worker->zone->sh;

    if (!(q->types & NGX_HTTP_TRIGGERS_STREAM_ENTRIES)) {
        (void) ngx_http_triggers_stream_tell(s, "retry: %d\n\n",
                                             NGX_HTTP_TRIGGERS_STREAM_RETRY);
        return;
    }

    if (q->types & NGX_HTTP_TRIGGERS_STREAM_EVENT) {
        ngx_triggers_feed_watch(&sh->feed, ngx_triggers_monotonic_ms());
    }

    ngx_triggers_feed_newest(&sh->feed, &s->cursor);

    (void) ngx_http_triggers_stream_tell(s, "retry: %d\n",
                                         NGX_HTTP_TRIGGERS_STREAM_RETRY);

    if (q->resumes && q->nonce != sh->nonce) {
        (void) ngx_http_triggers_stream_gap(s, 0, "restarted");

    } else if (q->resumes && q->number >= s->cursor.number) {
        (void) ngx_http_triggers_stream_gap(s, 0, "unknown");

    } else {

        if (q->resumes) {
            s->cursor.number = q->number + 1;
        }

        (void) ngx_http_triggers_stream_tell(s,
                                  NGX_HTTP_TRIGGERS_STREAM_ID "\n", sh->nonce,
                                  ngx_http_triggers_stream_position(s));
    }
}


/* clients come again at different times, after a reload all at once */

static void
ngx_http_triggers_stream_last(ngx_http_triggers_stream_t *s,
    const char *event, const char *reason)
{
    ngx_uint_t  retry;

    retry = NGX_HTTP_TRIGGERS_STREAM_RETRY
            + (ngx_uint_t) ngx_random() % NGX_HTTP_TRIGGERS_STREAM_RETRY;

    s->ending = 1;
    s->live = 0;
    s->due = 0;
    s->until = ngx_current_msec + NGX_HTTP_TRIGGERS_STREAM_LINGER;

    /* it always has room */

    s->size = NGX_MAX_SIZE_T_VALUE;

    if (ngx_http_triggers_stream_tell(s, "retry: %ui\nevent: %s\n"
                                      "data: {\"reason\":\"%s\"}\n\n",
                                      retry, event, reason)
        != NGX_OK)
    {
        return;
    }

    s->last->buf->last_buf = 1;
    s->request->keepalive = 0;

    ngx_http_triggers_stream_flush(s);
}


/* NULL: it may go on; else why it may not */

static const char *
ngx_http_triggers_stream_check(ngx_http_triggers_stream_t *s)
{
    ngx_http_request_t       *r;
    ngx_http_triggers_ctx_t  *ctx;

    r = s->request;
    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    switch (ngx_http_triggers_authorize(r, ctx->route->scope)) {

    case NGX_HTTP_TRIGGERS_AUTH_OK:
        return (s->query.types
                & ~ngx_http_triggers_stream_allowed(ctx->key->scopes))
               ? "forbidden" : NULL;

    case NGX_HTTP_TRIGGERS_AUTH_NO_KEY:
        return "revoked";

    case NGX_HTTP_TRIGGERS_AUTH_ADDRESS:
    case NGX_HTTP_TRIGGERS_AUTH_SCOPE:
        return "forbidden";

    default: /* NGX_HTTP_TRIGGERS_AUTH_NOT_LOADED, …_ERROR */
        return "unavailable";
    }
}


/*
 * A comment; but an id too, so that a client for whom there was nothing goes on
 * from here when it comes again.
 */

static void
ngx_http_triggers_stream_heartbeat(ngx_http_triggers_stream_t *s)
{
    if (ngx_http_triggers_stream_blocked(s)) {
        return;
    }

    if (!(s->query.types & NGX_HTTP_TRIGGERS_STREAM_ENTRIES)) {
        (void) ngx_http_triggers_stream_tell(s, ": heartbeat\n\n");
        return;
    }

    (void) ngx_http_triggers_stream_tell(s, ": heartbeat\n"
                                         NGX_HTTP_TRIGGERS_STREAM_ID "\n",
                                         s->hub->worker->zone->sh->nonce,
                                         ngx_http_triggers_stream_position(s));
}


/* all up to this number was given to it, or is none of its business */

static uint64_t
ngx_http_triggers_stream_position(ngx_http_triggers_stream_t *s)
{
    return (s->live ? s->hub->cursor.number : s->cursor.number) - 1;
}


static void
ngx_http_triggers_stream_cleanup(void *data)
{
    ngx_http_triggers_stream_t *s = data;

    if (s->hub) {
        ngx_http_triggers_hub_leave(s);
    }
}
