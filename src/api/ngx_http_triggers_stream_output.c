
/*
 * The output of a stream.  Messages are put into blocks, which are given to
 * nginx' filters together, when nothing is on its way any more; meanwhile the
 * next ones are gathered.  Blocks are made as they are needed and used again,
 * and what they hold is bounded: a client that does not read costs that much.
 *
 * The filters are only ever given whole messages, so that what waits behind
 * them can be left out.
 */


#include "ngx_http_triggers_stream.h"


#define NGX_HTTP_TRIGGERS_STREAM_BLOCK  4096

/* room for what tell() says */

#define NGX_HTTP_TRIGGERS_STREAM_LINE   256


static ngx_int_t ngx_http_triggers_stream_room(ngx_http_triggers_stream_t *s,
    size_t len);
static ngx_int_t ngx_http_triggers_stream_write(
    ngx_http_triggers_stream_t *s, u_char *data, size_t len);
static ngx_buf_t *ngx_http_triggers_stream_block(
    ngx_http_triggers_stream_t *s);
static void ngx_http_triggers_stream_watch(ngx_http_triggers_stream_t *s);


ngx_int_t
ngx_http_triggers_stream_append(ngx_http_triggers_stream_t *s,
    ngx_triggers_text_t *text)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    if (ngx_http_triggers_stream_room(s, text->size) != NGX_OK) {
        return s->failed ? NGX_ERROR : NGX_AGAIN;
    }

    for (cl = text->first; cl; cl = cl->next) {
        b = cl->buf;

        if (ngx_http_triggers_stream_write(s, b->pos, b->last - b->pos)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    s->sent = ngx_current_msec;

    return NGX_OK;
}


ngx_int_t
ngx_http_triggers_stream_tell(ngx_http_triggers_stream_t *s, const char *fmt,
    ...)
{
    u_char   *p, line[NGX_HTTP_TRIGGERS_STREAM_LINE];
    va_list   args;

    va_start(args, fmt);
    p = ngx_vslprintf(line, line + sizeof(line), fmt, args);
    va_end(args);

    if (ngx_http_triggers_stream_room(s, p - line) != NGX_OK) {
        return s->failed ? NGX_ERROR : NGX_AGAIN;
    }

    s->sent = ngx_current_msec;

    return ngx_http_triggers_stream_write(s, line, p - line);
}


void
ngx_http_triggers_stream_flush(ngx_http_triggers_stream_t *s)
{
    size_t               bytes;
    ngx_int_t            rc;
    ngx_chain_t         *cl;
    ngx_http_request_t  *r;

    r = s->request;

    rc = ngx_http_output_filter(r, s->out);

    ngx_chain_update_chains(r->pool, &s->free, &s->busy, &s->out,
                            (ngx_buf_tag_t) &ngx_http_triggers_module);
    s->last = NULL;

    if (rc == NGX_ERROR) {
        s->failed = 1;
        return;
    }

    bytes = 0;

    for (cl = s->busy; cl; cl = cl->next) {
        bytes += ngx_buf_size(cl->buf);
    }

    s->bytes = bytes;

    ngx_http_triggers_stream_watch(s);
}


void
ngx_http_triggers_stream_discard(ngx_http_triggers_stream_t *s)
{
    ngx_chain_t  *cl;

    for (cl = s->out; cl; cl = cl->next) {
        s->bytes -= ngx_buf_size(cl->buf);
        cl->buf->pos = cl->buf->last;
    }

    ngx_chain_update_chains(s->request->pool, &s->free, &s->busy, &s->out,
                            (ngx_buf_tag_t) &ngx_http_triggers_module);
    s->last = NULL;
}


ngx_uint_t
ngx_http_triggers_stream_blocked(ngx_http_triggers_stream_t *s)
{
    return s->busy || s->request->connection->buffered;
}


void
ngx_http_triggers_stream_writer(ngx_http_request_t *r)
{
    ngx_event_t                 *wev;
    ngx_http_triggers_ctx_t     *ctx;
    ngx_http_triggers_stream_t  *s;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    s = ctx->stream;
    wev = r->connection->write;

    if (wev->timedout) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, NGX_ETIMEDOUT,
                      "triggers stream: client timed out");

        ngx_triggers_metrics_add(
                   &ngx_http_triggers_hub_counts(s->hub)->streams_dropped, 1);

        r->connection->timedout = 1;
        s->failed = 1;

        ngx_http_triggers_stream_settle(s);
        return;
    }

    if (!wev->delayed) {

        /* it has read something */

        if (wev->timer_set) {
            ngx_del_timer(wev);
        }

        s->full = 0;
    }

    if (s->out || ngx_http_triggers_stream_blocked(s)) {
        ngx_http_triggers_stream_flush(s);
    }

    ngx_http_triggers_stream_settle(s);
}


/* sends, if need be, what is in the way */

static ngx_int_t
ngx_http_triggers_stream_room(ngx_http_triggers_stream_t *s, size_t len)
{
    if (s->bytes + len <= s->size) {
        return NGX_OK;
    }

    if (!ngx_http_triggers_stream_blocked(s)) {
        ngx_http_triggers_stream_flush(s);
    }

    return (!s->failed && s->bytes + len <= s->size) ? NGX_OK : NGX_AGAIN;
}


static ngx_int_t
ngx_http_triggers_stream_write(ngx_http_triggers_stream_t *s, u_char *data,
    size_t len)
{
    size_t      n;
    ngx_buf_t  *b;

    while (len) {
        b = ngx_http_triggers_stream_block(s);
        if (b == NULL) {
            s->failed = 1;
            return NGX_ERROR;
        }

        n = ngx_min(len, (size_t) (b->end - b->last));

        b->last = ngx_cpymem(b->last, data, n);
        data += n;
        len -= n;
        s->bytes += n;
    }

    return NGX_OK;
}


/* the last one of those that are filled, or another one, with room in it */

static ngx_buf_t *
ngx_http_triggers_stream_block(ngx_http_triggers_stream_t *s)
{
    ngx_buf_t    *b;
    ngx_pool_t   *pool;
    ngx_chain_t  *cl;

    if (s->last) {
        b = s->last->buf;

        if (b->last < b->end) {
            return b;
        }
    }

    pool = s->request->pool;

    cl = ngx_chain_get_free_buf(pool, &s->free);
    if (cl == NULL) {
        return NULL;
    }

    b = cl->buf;

    if (b->start == NULL) {
        b->start = ngx_palloc(pool, NGX_HTTP_TRIGGERS_STREAM_BLOCK);
        if (b->start == NULL) {
            return NULL;
        }

        b->end = b->start + NGX_HTTP_TRIGGERS_STREAM_BLOCK;
        b->pos = b->start;
        b->last = b->start;
        b->tag = (ngx_buf_tag_t) &ngx_http_triggers_module;
        b->temporary = 1;
        b->flush = 1;
    }

    if (s->last) {
        s->last->next = cl;

    } else {
        s->out = cl;
    }

    s->last = cl;

    return b;
}


/* a timer runs while the client reads nothing */

static void
ngx_http_triggers_stream_watch(ngx_http_triggers_stream_t *s)
{
    ngx_event_t               *wev;
    ngx_http_request_t        *r;
    ngx_http_core_loc_conf_t  *clcf;

    r = s->request;
    wev = r->connection->write;

    if (!ngx_http_triggers_stream_blocked(s)) {
        s->full = 0;

        if (wev->timer_set && !wev->delayed) {
            ngx_del_timer(wev);
        }

        return;
    }

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (!wev->timer_set && !wev->delayed) {
        ngx_add_timer(wev, clcf->send_timeout);
    }

    if (ngx_handle_write_event(wev, clcf->send_lowat) != NGX_OK) {
        s->failed = 1;
    }
}
