
/*
 * Sends answers.  One table holds the contract's errors.  jansson writes all
 * bodies but two, which are long or frequent: that of an ingested event, and
 * those that hold events.
 */


#include "ngx_http_triggers_cors.h"
#include "ngx_http_triggers_limit.h"
#include "ngx_http_triggers_response.h"
#include "ngx_triggers_time.h"


#define NGX_HTTP_TRIGGERS_MESSAGE_LEN  256
#define NGX_HTTP_TRIGGERS_FIELD_LEN    100

/* RFC 9110, section 15.5.21; nginx has no name for it */

#define NGX_HTTP_TRIGGERS_UNPROCESSABLE  422


typedef struct {
    ngx_uint_t               status;
    ngx_str_t                code;
    ngx_str_t                v1_code;          /* where it differs */
    ngx_str_t                message;          /* of nginx' own errors */
} ngx_http_triggers_error_t;


typedef struct {
    ngx_uint_t               bit;
    const char              *name;
} ngx_http_triggers_method_t;


static ngx_int_t ngx_http_triggers_send(ngx_http_request_t *r,
    ngx_uint_t status, ngx_chain_t *out, off_t len);
static ngx_buf_t *ngx_http_triggers_json_body(ngx_http_request_t *r,
    json_t *object, int64_t time);
static json_t *ngx_http_triggers_json_text(ngx_str_t *s);
static json_t *ngx_http_triggers_json_time(int64_t time);
static ngx_uint_t ngx_http_triggers_retry_after(ngx_http_triggers_ctx_t *ctx);


static const ngx_http_triggers_error_t  ngx_http_triggers_errors[] = {

    { NGX_HTTP_BAD_REQUEST, ngx_string("INVALID_PAYLOAD"),
      ngx_string("VALIDATION_ERROR"), ngx_string("bad request") },

    { NGX_HTTP_BAD_REQUEST, ngx_string("INVALID_PARAMETER"),
      ngx_string("VALIDATION_ERROR"), ngx_string("bad request") },

    { NGX_HTTP_UNAUTHORIZED, ngx_string("UNAUTHORIZED"),
      ngx_null_string, ngx_string("authentication is required") },

    { NGX_HTTP_FORBIDDEN, ngx_string("FORBIDDEN"),
      ngx_null_string, ngx_string("access is forbidden") },

    { NGX_HTTP_NOT_FOUND, ngx_string("NOT_FOUND"),
      ngx_null_string, ngx_string("no such resource") },

    { NGX_HTTP_NOT_ALLOWED, ngx_string("METHOD_NOT_ALLOWED"),
      ngx_null_string, ngx_string("the method is not allowed here") },

    { NGX_HTTP_CONFLICT, ngx_string("CONFLICT"),
      ngx_null_string, ngx_string("the request is in conflict") },

    { NGX_HTTP_REQUEST_ENTITY_TOO_LARGE, ngx_string("PAYLOAD_TOO_LARGE"),
      ngx_null_string, ngx_string("the request body is too large") },

    { NGX_HTTP_UNSUPPORTED_MEDIA_TYPE, ngx_string("UNSUPPORTED_MEDIA_TYPE"),
      ngx_null_string, ngx_string("the media type is not supported") },

    { NGX_HTTP_TRIGGERS_UNPROCESSABLE, ngx_string("IDEMPOTENCY_KEY_REUSED"),
      ngx_null_string, ngx_string("the idempotency key was used before") },

    { NGX_HTTP_TOO_MANY_REQUESTS, ngx_string("RATE_LIMIT_EXCEEDED"),
      ngx_null_string, ngx_string("too many requests") },

    { NGX_HTTP_INTERNAL_SERVER_ERROR, ngx_string("INTERNAL_ERROR"),
      ngx_null_string, ngx_string("internal error") },

    { NGX_HTTP_SERVICE_UNAVAILABLE, ngx_string("SERVICE_UNAVAILABLE"),
      ngx_null_string, ngx_string("the service is unavailable") },

    { 0, ngx_string("HTTP_ERROR"),
      ngx_null_string, ngx_string("the request was refused") }
};


/* len bytes, of which the last buffer is marked last_buf */

static ngx_int_t
ngx_http_triggers_send(ngx_http_request_t *r, ngx_uint_t status,
    ngx_chain_t *out, off_t len)
{
    ngx_int_t                 rc;
    ngx_http_triggers_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    ctx->answered = 1;

    r->headers_out.status = status;
    r->headers_out.content_length_n = len;

    if (status == NGX_HTTP_TRIGGERS_UNPROCESSABLE) {
        ngx_str_set(&r->headers_out.status_line, "422 Unprocessable Content");
    }

    ngx_str_set(&r->headers_out.content_type, "application/json");

    if (ctx->answer_type.data) {
        r->headers_out.content_type = ctx->answer_type;
    }

    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    return ngx_http_output_filter(r, out);
}


ngx_int_t
ngx_http_triggers_send_object(ngx_http_request_t *r, ngx_uint_t status,
    ngx_buf_t *b, int64_t time)
{
    ngx_chain_t               out;
    ngx_http_triggers_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    if (time) {
        b->last = ngx_http_triggers_write_time(b->last, "timestamp", time);
    }

    b->last = ngx_cpymem(b->last, ",\"request_id\":\"",
                         sizeof(",\"request_id\":\"") - 1);
    b->last = ngx_cpymem(b->last, ctx->request_id.data, ctx->request_id.len);
    *b->last++ = '"';
    *b->last++ = '}';

    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_triggers_send(r, status, &out, b->last - b->pos);
}


ngx_int_t
ngx_http_triggers_send_empty(ngx_http_request_t *r)
{
    ngx_http_triggers_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    ctx->answered = 1;

    r->headers_out.status = NGX_HTTP_NO_CONTENT;
    r->header_only = 1;

    return ngx_http_send_header(r);
}


void
ngx_http_triggers_text_end(ngx_triggers_text_t *text, int64_t time,
    ngx_str_t *request_id)
{
    if (time) {
        ngx_triggers_text_member_time(text, "timestamp", time);
    }

    ngx_triggers_text_puts(text, ",\"request_id\":");
    ngx_triggers_text_string(text, request_id);
    ngx_triggers_text_puts(text, "}");
}


ngx_int_t
ngx_http_triggers_send_text(ngx_http_request_t *r, ngx_uint_t status,
    ngx_triggers_text_t *text)
{
    ngx_buf_t  *b;

    if (text->failed) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b = text->last->buf;
    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;

    return ngx_http_triggers_send(r, status, text->first, text->size);
}


ngx_int_t
ngx_http_triggers_error(ngx_http_request_t *r,
    ngx_http_triggers_error_e error, const char *field, const char *fmt, ...)
{
    u_char     buf[NGX_HTTP_TRIGGERS_MESSAGE_LEN];
    va_list    args;
    ngx_str_t  f, message;

    va_start(args, fmt);
    message.data = buf;
    message.len = ngx_vslprintf(buf, buf + sizeof(buf), fmt, args) - buf;
    va_end(args);

    if (field == NULL) {
        return ngx_http_triggers_error_field(r, error, NULL, &message);
    }

    f.data = (u_char *) field;
    f.len = ngx_strlen(field);

    return ngx_http_triggers_error_field(r, error, &f, &message);
}


ngx_int_t
ngx_http_triggers_error_field(ngx_http_request_t *r,
    ngx_http_triggers_error_e error, ngx_str_t *field, ngx_str_t *message)
{
    ngx_str_t                 code, unused;
    ngx_buf_t                *b;
    ngx_chain_t               out;
    ngx_http_triggers_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    ngx_http_triggers_error_text(error, ctx->v1, &code, &unused);
    ctx->error = code;

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "triggers answered %V: %V", &code, message);

    /*
     * A body that has not been read is in the way of the next request, but
     * a client that waits with it must not be told to send it.
     */

    r->expect_tested = 1;

    if (ngx_http_discard_request_body(r) != NGX_OK) {
        r->keepalive = 0;
    }

    b = ngx_http_triggers_error_body(r, &code, message, field);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    out.buf = b;
    out.next = NULL;

    return ngx_http_triggers_send(r, ngx_http_triggers_errors[error].status,
                                  &out, b->last - b->pos);
}


ngx_int_t
ngx_http_triggers_unauthorized(ngx_http_request_t *r)
{
    ngx_str_t         value;
    ngx_table_elt_t  *h;

    ngx_str_set(&value, "Bearer realm=\"triggers\"");

    h = ngx_http_triggers_add_header(r, "WWW-Authenticate", &value);
    if (h == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.www_authenticate = h;

    return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_UNAUTHORIZED, NULL,
                                   "a valid key is required");
}


ngx_int_t
ngx_http_triggers_not_allowed(ngx_http_request_t *r, ngx_uint_t methods)
{
    ngx_str_t  value;

    if (ngx_http_triggers_allow(r, methods, &value) != NGX_OK
        || ngx_http_triggers_add_header(r, "Allow", &value) == NULL)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_METHOD, NULL,
                                   "the method is not allowed here");
}


ngx_int_t
ngx_http_triggers_allow(ngx_http_request_t *r, ngx_uint_t methods,
    ngx_str_t *value)
{
    u_char                            *p;
    const ngx_http_triggers_method_t  *method;

    static const ngx_http_triggers_method_t  names[] = {
        { NGX_HTTP_GET, "GET, HEAD, " },
        { NGX_HTTP_POST, "POST, " },
        { NGX_HTTP_PATCH, "PATCH, " },
        { NGX_HTTP_DELETE, "DELETE, " },
        { NGX_HTTP_OPTIONS, "OPTIONS" },
        { 0, NULL }
    };

    value->data = ngx_pnalloc(r->pool,
                              sizeof("GET, HEAD, POST, PATCH, DELETE, "
                                     "OPTIONS"));
    if (value->data == NULL) {
        return NGX_ERROR;
    }

    p = value->data;

    for (method = names; method->name; method++) {
        if (method->bit & (methods|NGX_HTTP_OPTIONS)) {
            p = ngx_cpymem(p, method->name, ngx_strlen(method->name));
        }
    }

    value->len = p - value->data;

    return NGX_OK;
}


ngx_int_t
ngx_http_triggers_allow_reading(ngx_http_request_t *r)
{
    ngx_str_t  value;

    ngx_str_set(&value, "GET, HEAD");

    return ngx_http_triggers_add_header(r, "Allow", &value) ? NGX_OK
                                                            : NGX_ERROR;
}


ngx_buf_t *
ngx_http_triggers_error_body(ngx_http_request_t *r, ngx_str_t *code,
    ngx_str_t *message, ngx_str_t *field)
{
    json_t  *error;

    error = ngx_http_triggers_error_object(r, code, message, field);
    if (error == NULL) {
        return NULL;
    }

    return ngx_http_triggers_json_body(r, json_pack("{s:o}", "error", error),
                                       0);
}


json_t *
ngx_http_triggers_error_object(ngx_http_request_t *r, ngx_str_t *code,
    ngx_str_t *message, ngx_str_t *field)
{
    json_t                   *details;
    ngx_str_t                 clipped;
    ngx_http_triggers_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    details = json_object();

    if (field) {
        clipped = *field;
        ngx_http_triggers_clip(&clipped);

        (void) json_object_set_new(details, "field",
                                   ngx_http_triggers_json_text(&clipped));
    }

    if (ctx->rate.retry_after) {
        (void) json_object_set_new(details, "retry_after",
                                   json_integer(ctx->rate.retry_after));
    }

    return json_pack("{s:s%, s:o, s:o, s:o, s:s%, s:s%}",
                     "code", code->data, code->len,
                     "message", ngx_http_triggers_json_text(message),
                     "details", details,
                     "timestamp", ngx_http_triggers_json_time(
                                      ngx_http_triggers_now()),
                     "request_id", ctx->request_id.data, ctx->request_id.len,
                     "correlation_id", ctx->correlation_id.data,
                                       ctx->correlation_id.len);
}


static ngx_buf_t *
ngx_http_triggers_json_body(ngx_http_request_t *r, json_t *object,
    int64_t time)
{
    size_t                    len;
    ngx_buf_t                *b;
    ngx_http_triggers_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    if (object == NULL) {
        return NULL;
    }

    b = NULL;

    if (time) {
        (void) json_object_set_new(object, "timestamp",
                                   ngx_http_triggers_json_time(time));
    }

    if (json_object_set_new(object, "request_id",
                            json_stringn((char *) ctx->request_id.data,
                                         ctx->request_id.len))
        == 0)
    {
        len = json_dumpb(object, NULL, 0, JSON_COMPACT);
        b = len ? ngx_create_temp_buf(r->pool, len) : NULL;
    }

    if (b) {
        b->last += json_dumpb(object, (char *) b->last, len, JSON_COMPACT);
        b->last_buf = (r == r->main) ? 1 : 0;
        b->last_in_chain = 1;
    }

    json_decref(object);

    return b;
}


ngx_int_t
ngx_http_triggers_send_json(ngx_http_request_t *r, ngx_uint_t status,
    json_t *object, int64_t time)
{
    ngx_buf_t    *b;
    ngx_chain_t   out;

    b = ngx_http_triggers_json_body(r, object, time);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    out.buf = b;
    out.next = NULL;

    return ngx_http_triggers_send(r, status, &out, b->last - b->pos);
}


ngx_http_triggers_error_e
ngx_http_triggers_error_of(ngx_uint_t status)
{
    ngx_uint_t  i;

    if (status == NGX_HTTP_BAD_REQUEST) {
        return NGX_HTTP_TRIGGERS_BAD_PARAMETER;
    }

    for (i = 0; i < NGX_HTTP_TRIGGERS_OTHER; i++) {
        if (ngx_http_triggers_errors[i].status == status) {
            return i;
        }
    }

    return NGX_HTTP_TRIGGERS_OTHER;
}


void
ngx_http_triggers_error_text(ngx_http_triggers_error_e error, ngx_uint_t v1,
    ngx_str_t *code, ngx_str_t *message)
{
    const ngx_http_triggers_error_t  *e;

    e = &ngx_http_triggers_errors[error];

    *code = (v1 && e->v1_code.len) ? e->v1_code : e->code;
    *message = e->message;
}


ngx_table_elt_t *
ngx_http_triggers_add_header(ngx_http_request_t *r, const char *name,
    ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NULL;
    }

    h->hash = 1;
#if (nginx_version >= 1023000)
    h->next = NULL;
#endif
    h->key.data = (u_char *) name;
    h->key.len = ngx_strlen(name);
    h->value = *value;

    return h;
}


/* not r->headers_out.location: nginx would make it absolute */

ngx_int_t
ngx_http_triggers_add_location(ngx_http_request_t *r, const char *path,
    u_char *id)
{
    u_char                        *p;
    size_t                         len;
    ngx_str_t                      value;
    ngx_http_triggers_loc_conf_t  *tlcf;

    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_triggers_module);

    len = ngx_strlen(path);
    value.len = tlcf->prefix.len + len + NGX_HTTP_TRIGGERS_UUID_LEN;

    value.data = ngx_pnalloc(r->pool, value.len);
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(value.data, tlcf->prefix.data, tlcf->prefix.len);
    p = ngx_cpymem(p, path, len);
    (void) ngx_triggers_uuid_format(p, id);

    return ngx_http_triggers_add_header(r, "Location", &value) ? NGX_OK
                                                               : NGX_ERROR;
}


ngx_int_t
ngx_http_triggers_add_headers(ngx_http_request_t *r, ngx_uint_t status)
{
    ngx_str_t                 value;
    ngx_http_triggers_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    if (ctx->headers_added) {
        return NGX_OK;
    }

    ctx->headers_added = 1;

    if (ngx_http_triggers_add_header(r, "X-Request-ID", &ctx->request_id)
        == NULL
        || ngx_http_triggers_add_header(r, "X-Correlation-ID",
                                        &ctx->correlation_id)
           == NULL)
    {
        return NGX_ERROR;
    }

    if (status == NGX_HTTP_SERVICE_UNAVAILABLE
        || status == NGX_HTTP_TOO_MANY_REQUESTS)
    {
        value.data = ngx_pnalloc(r->pool, NGX_INT_T_LEN);
        if (value.data == NULL) {
            return NGX_ERROR;
        }

        value.len = ngx_sprintf(value.data, "%ui",
                                ngx_http_triggers_retry_after(ctx))
                    - value.data;

        if (ngx_http_triggers_add_header(r, "Retry-After", &value) == NULL) {
            return NGX_ERROR;
        }
    }

    /* of nginx' static module; other handlers say themselves what they take */

    if (status == NGX_HTTP_NOT_ALLOWED && !ctx->answered
        && r->content_handler == NULL
        && ngx_http_triggers_allow_reading(r) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_http_triggers_cors_headers(r) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_triggers_limit_headers(r);
}


static ngx_uint_t
ngx_http_triggers_retry_after(ngx_http_triggers_ctx_t *ctx)
{
    return ctx->rate.retry_after ? ctx->rate.retry_after : 1;
}


u_char *
ngx_http_triggers_write_time(u_char *p, const char *name, int64_t time)
{
    *p++ = ',';
    *p++ = '"';
    p = ngx_cpymem(p, name, ngx_strlen(name));

    if (time == 0) {
        return ngx_cpymem(p, "\":null", sizeof("\":null") - 1);
    }

    p = ngx_cpymem(p, "\":\"", sizeof("\":\"") - 1);
    p = ngx_triggers_time_format(p, time);
    *p++ = '"';

    return p;
}


void
ngx_http_triggers_clip(ngx_str_t *s)
{
    if (s->len <= NGX_HTTP_TRIGGERS_FIELD_LEN) {
        return;
    }

    s->len = NGX_HTTP_TRIGGERS_FIELD_LEN;

    while (s->len && (s->data[s->len] & 0xc0) == 0x80) {
        s->len--;
    }
}


/* what is not UTF-8 is no JSON and becomes "?" */

static json_t *
ngx_http_triggers_json_text(ngx_str_t *s)
{
    json_t  *text;

    text = json_stringn((char *) s->data, s->len);

    return text ? text : json_string("?");
}


static json_t *
ngx_http_triggers_json_time(int64_t time)
{
    u_char  buf[NGX_TRIGGERS_TIME_LEN];

    (void) ngx_triggers_time_format(buf, time);

    return json_stringn((char *) buf, sizeof(buf));
}
