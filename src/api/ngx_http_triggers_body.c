
/*
 * Reads a body into one piece of memory, never into a temporary file, whose
 * writing would block the event loop: nginx is asked not to buffer, and what
 * it hands over is copied into memory that is bounded for each body and for
 * the worker.  A body that came whole with its header, as most do, is used
 * where it lies.
 */


#include "ngx_http_triggers_body.h"
#include "ngx_http_triggers_limit.h"
#include "ngx_http_triggers_response.h"
#include "ngx_http_triggers_router.h"


#define NGX_HTTP_TRIGGERS_BODY_CHUNK      (16 * 1024)
#define NGX_HTTP_TRIGGERS_BODY_POOL       256

/* of bodies that are no events: a thousand ids take some 40 KB */

#define NGX_HTTP_TRIGGERS_BODY_OTHER_MAX  (256 * 1024)


typedef struct {
    ngx_http_client_body_handler_pt  handler;
    u_char                  *last;             /* of what has been copied */
    u_char                  *end;              /* of the memory */
    size_t                   reserved;         /* its size */
} ngx_http_triggers_body_t;


/* what is counted in body_bytes */

typedef struct {
    ngx_triggers_worker_t   *worker;
    size_t                   size;
} ngx_http_triggers_body_memory_t;


static size_t ngx_http_triggers_body_max(ngx_http_request_t *r);
static ngx_int_t ngx_http_triggers_body_media(ngx_http_request_t *r);
static ngx_uint_t ngx_http_triggers_type_is(ngx_str_t *type,
    const char *name);
static ngx_uint_t ngx_http_triggers_is_identity(ngx_str_t *coding);
static ngx_int_t ngx_http_triggers_body_unsupported(ngx_http_request_t *r);
static ngx_int_t ngx_http_triggers_body_refuse(ngx_http_request_t *r,
    ngx_int_t rc);
static void ngx_http_triggers_body_handler(ngx_http_request_t *r);
static void ngx_http_triggers_body_read(ngx_http_request_t *r);
static ngx_int_t ngx_http_triggers_body_collect(ngx_http_request_t *r,
    ngx_http_triggers_body_t *body);
static ngx_int_t ngx_http_triggers_body_grow(ngx_http_request_t *r,
    ngx_http_triggers_body_t *body, size_t size);
static ngx_int_t ngx_http_triggers_body_alloc(ngx_http_request_t *r,
    ngx_http_triggers_body_t *body, size_t size);
static void ngx_http_triggers_body_cleanup(void *data);


ngx_int_t
ngx_http_triggers_read_body(ngx_http_request_t *r,
    ngx_http_client_body_handler_pt handler)
{
    ngx_int_t                  rc;
    ngx_http_triggers_ctx_t   *ctx;
    ngx_http_triggers_body_t  *body;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    if (ngx_http_triggers_body_media(r) != NGX_OK
        || !ngx_http_triggers_is_identity(&ctx->content_encoding))
    {
        return ngx_http_triggers_body_refuse(r,
                                             NGX_HTTP_UNSUPPORTED_MEDIA_TYPE);
    }

    if (r->headers_in.content_length_n
        > (off_t) ngx_http_triggers_body_max(r))
    {
        return ngx_http_triggers_body_refuse(r, NGX_DECLINED);
    }

    body = ngx_pcalloc(r->pool, sizeof(ngx_http_triggers_body_t));
    if (body == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    body->handler = handler;
    ctx->body_state = body;

    r->request_body_no_buffering = 1;

    rc = ngx_http_read_client_request_body(r, ngx_http_triggers_body_handler);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return ngx_http_triggers_body_refuse(r, rc);
    }

    return NGX_DONE;
}


static size_t
ngx_http_triggers_body_max(ngx_http_request_t *r)
{
    ngx_http_triggers_ctx_t       *ctx;
    ngx_http_triggers_loc_conf_t  *tlcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_triggers_module);

    switch (ctx->route->body) {

    case NGX_HTTP_TRIGGERS_BODY_BATCH:
        return tlcf->batch_size;

    case NGX_HTTP_TRIGGERS_BODY_EVENT:
        return (ctx->media == NGX_HTTP_TRIGGERS_MEDIA_CLOUDEVENT_BATCH)
               ? tlcf->batch_size : tlcf->event_max_size;

    default:
        return NGX_HTTP_TRIGGERS_BODY_OTHER_MAX;
    }
}


/* sets ctx->media; NGX_DECLINED: the body is no JSON */

static ngx_int_t
ngx_http_triggers_body_media(ngx_http_request_t *r)
{
    u_char                   *p;
    ngx_str_t                 type;
    ngx_http_triggers_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    ngx_str_null(&type);

    if (r->headers_in.content_type) {
        type = r->headers_in.content_type->value;

        p = ngx_strlchr(type.data, type.data + type.len, ';');
        type.len = p ? (size_t) (p - type.data) : type.len;
    }

    while (type.len && (type.data[type.len - 1] == ' '
                        || type.data[type.len - 1] == '\t'))
    {
        type.len--;
    }

    if (ngx_http_triggers_type_is(&type, "application/cloudevents+json")) {
        ctx->media = NGX_HTTP_TRIGGERS_MEDIA_CLOUDEVENT;
        return NGX_OK;
    }

    if (ngx_http_triggers_type_is(&type,
                                  "application/cloudevents-batch+json"))
    {
        ctx->media = NGX_HTTP_TRIGGERS_MEDIA_CLOUDEVENT_BATCH;
        return NGX_OK;
    }

    if (ctx->ce_specversion.data) {
        ctx->media = NGX_HTTP_TRIGGERS_MEDIA_CLOUDEVENT_BINARY;
    }

    if (type.len == 0 || ngx_http_triggers_type_is(&type, "application/json"))
    {
        return NGX_OK;
    }

    if (type.len > sizeof("+json") - 1
        && ngx_strncasecmp(type.data + type.len - (sizeof("+json") - 1),
                           (u_char *) "+json", sizeof("+json") - 1)
           == 0)
    {
        return NGX_OK;
    }

    return NGX_DECLINED;
}


static ngx_uint_t
ngx_http_triggers_type_is(ngx_str_t *type, const char *name)
{
    return type->len == ngx_strlen(name)
           && ngx_strncasecmp(type->data, (u_char *) name, type->len) == 0;
}


static ngx_uint_t
ngx_http_triggers_is_identity(ngx_str_t *coding)
{
    return coding->len == 0 || ngx_http_triggers_type_is(coding, "identity");
}


static ngx_int_t
ngx_http_triggers_body_unsupported(ngx_http_request_t *r)
{
    ngx_str_t                 value;
    ngx_http_triggers_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    if (ngx_http_triggers_is_identity(&ctx->content_encoding)) {
        return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_BAD_TYPE, NULL,
                                       "the content type must be "
                                       "application/json");
    }

    /* RFC 9110, section 12.5.3: with a 415 the header is about requests */

    ngx_str_set(&value, "identity");

    if (ngx_http_triggers_add_header(r, "Accept-Encoding", &value) == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_BAD_TYPE, NULL,
                                   "the body must not be compressed: no "
                                   "content encoding is supported");
}


static void
ngx_http_triggers_body_handler(ngx_http_request_t *r)
{
    ngx_chain_t               *cl;
    ngx_http_triggers_ctx_t   *ctx;
    ngx_http_triggers_body_t  *body;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    body = ctx->body_state;

    cl = r->request_body->bufs;

    if (!r->reading_body
        && (cl == NULL || (cl->next == NULL && ngx_buf_in_memory(cl->buf))))
    {

        if (cl) {
            ctx->body.data = cl->buf->pos;
            ctx->body.len = cl->buf->last - cl->buf->pos;
        }

        body->handler(r);
        return;
    }

    r->read_event_handler = ngx_http_triggers_body_read;
    ngx_http_triggers_body_read(r);
}


static void
ngx_http_triggers_body_read(ngx_http_request_t *r)
{
    ngx_int_t                  rc;
    ngx_http_triggers_ctx_t   *ctx;
    ngx_http_triggers_body_t  *body;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    body = ctx->body_state;

    for ( ;; ) {

        rc = ngx_http_triggers_body_collect(r, body);

        if (rc != NGX_OK) {
            ngx_http_finalize_request(r,
                                      ngx_http_triggers_body_refuse(r, rc));
            return;
        }

        if (!r->reading_body) {
            break;
        }

        rc = ngx_http_read_unbuffered_request_body(r);

        if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
            ngx_http_finalize_request(r,
                                      ngx_http_triggers_body_refuse(r, rc));
            return;
        }

        /* AGAIN may also mean that nginx' buffer was full before this */

        if (rc == NGX_AGAIN && r->request_body->bufs == NULL) {
            return;
        }
    }

    r->read_event_handler = ngx_http_block_reading;
    ctx->body.len = body->last - ctx->body.data;

    body->handler(r);
}


/*
 * Of a code of ours, or of the status that nginx' reader has returned.  What
 * a body costs is taken when it is decoded; one that is refused before that
 * for a fault of the client's costs as any request does.
 */

static ngx_int_t
ngx_http_triggers_body_refuse(ngx_http_request_t *r, ngx_int_t rc)
{
    if (rc == NGX_HTTP_BAD_REQUEST) {

        /* where the next request begins cannot be known */

        r->keepalive = 0;
    }

    if ((rc == NGX_DECLINED || rc == NGX_HTTP_BAD_REQUEST
         || rc == NGX_HTTP_UNSUPPORTED_MEDIA_TYPE)
        && ngx_http_triggers_charge(r, 1) != NGX_OK)
    {
        return ngx_http_triggers_limited(r);
    }

    switch (rc) {

    case NGX_HTTP_UNSUPPORTED_MEDIA_TYPE:
        return ngx_http_triggers_body_unsupported(r);

    case NGX_DECLINED:
        return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_TOO_LARGE, NULL,
                                       "the body is larger than %uz bytes",
                                       ngx_http_triggers_body_max(r));

    case NGX_BUSY:
        return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_UNAVAILABLE, NULL,
                                       "too many request bodies at once");

    case NGX_ERROR:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;

    case NGX_HTTP_BAD_REQUEST:
        return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_BAD_BODY, NULL,
                                       "the request body is malformed");

    default:
        return rc;
    }
}


/*
 * Copies what nginx has read and gives its buffers back.  NGX_DECLINED: the
 * body is too large; NGX_BUSY: the worker's memory for bodies is used up.
 */

static ngx_int_t
ngx_http_triggers_body_collect(ngx_http_request_t *r,
    ngx_http_triggers_body_t *body)
{
    size_t        size;
    ngx_int_t     rc;
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    for (cl = r->request_body->bufs; cl; cl = cl->next) {

        b = cl->buf;
        size = ngx_buf_size(b);

        if (size == 0) {
            continue;
        }

        if (size > (size_t) (body->end - body->last)) {
            rc = ngx_http_triggers_body_grow(r, body, size);

            if (rc != NGX_OK) {
                return rc;
            }
        }

        if (ngx_buf_in_memory(b)) {
            body->last = ngx_cpymem(body->last, b->pos, size);
            b->pos = b->last;

        } else {

            /* another module has read the body before us, into a file */

            if (ngx_read_file(b->file, body->last, size, b->file_pos)
                != (ssize_t) size)
            {
                return NGX_ERROR;
            }

            body->last += size;
            b->file_pos = b->file_last;
        }
    }

    r->request_body->bufs = NULL;

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_body_grow(ngx_http_request_t *r,
    ngx_http_triggers_body_t *body, size_t size)
{
    size_t                    len, max;
    u_char                   *old;
    ngx_int_t                 rc;
    ngx_pool_t               *old_pool;
    ngx_http_triggers_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    max = ngx_http_triggers_body_max(r);
    old = ctx->body.data;
    len = body->last - old;

    if (len + size > max) {
        return NGX_DECLINED;
    }

    /* of a chunked body it is what has come so far */

    if (!r->headers_in.chunked && r->headers_in.content_length_n > 0) {
        size = r->headers_in.content_length_n;

    } else {
        size = ngx_max(len + size, ngx_max(2 * len,
                                           NGX_HTTP_TRIGGERS_BODY_CHUNK));
        size = ngx_min(size, max);
    }

    old_pool = ctx->body_pool;

    rc = ngx_http_triggers_body_alloc(r, body, size);

    if (rc != NGX_OK) {
        return rc;
    }

    if (old_pool) {
        body->last = ngx_cpymem(body->last, old, len);
        ngx_destroy_pool(old_pool);
    }

    return NGX_OK;
}


/*
 * The memory is a pool of its own, which lives as long as the request or
 * whoever takes it over, and is counted as long.
 */

static ngx_int_t
ngx_http_triggers_body_alloc(ngx_http_request_t *r,
    ngx_http_triggers_body_t *body, size_t size)
{
    ngx_pool_t                       *pool;
    ngx_pool_cleanup_t               *cln;
    ngx_triggers_worker_t            *worker;
    ngx_http_triggers_ctx_t          *ctx;
    ngx_http_triggers_loc_conf_t     *tlcf;
    ngx_http_triggers_body_memory_t  *memory;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_triggers_module);
    worker = &tlcf->store->worker;

    if (worker->body_bytes + size - body->reserved > worker->body_memory) {
        return NGX_BUSY;
    }

    pool = ngx_create_pool(NGX_HTTP_TRIGGERS_BODY_POOL, ngx_cycle->log);
    if (pool == NULL) {
        return NGX_ERROR;
    }

    cln = ngx_pool_cleanup_add(pool, sizeof(ngx_http_triggers_body_memory_t));
    if (cln == NULL) {
        goto failed;
    }

    ctx->body.data = ngx_pnalloc(pool, size);
    if (ctx->body.data == NULL) {
        goto failed;
    }

    cln->handler = ngx_http_triggers_body_cleanup;

    memory = cln->data;
    memory->worker = worker;
    memory->size = size;

    worker->body_bytes += size;

    ctx->body_pool = pool;
    body->reserved = size;
    body->last = ctx->body.data;
    body->end = body->last + size;

    return NGX_OK;

failed:

    ngx_destroy_pool(pool);

    return NGX_ERROR;
}


static void
ngx_http_triggers_body_cleanup(void *data)
{
    ngx_http_triggers_body_memory_t *memory = data;

    memory->worker->body_bytes -= memory->size;
}
