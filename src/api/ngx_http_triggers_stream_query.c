
/*
 * What a stream is asked for: its parameters, one function for each and one
 * table that names them, and whether an entry is of that.
 */


#include "ngx_http_triggers_stream.h"
#include "ngx_http_triggers_args.h"
#include "ngx_http_triggers_auth.h"
#include "ngx_http_triggers_log_json.h"
#include "ngx_http_triggers_response.h"


#define NGX_HTTP_TRIGGERS_STREAM_LIMIT_MAX    1000000
#define NGX_HTTP_TRIGGERS_STREAM_TIMEOUT_MAX  86400    /* s */

#define NGX_HTTP_TRIGGERS_STREAM_NONCE        16       /* digits of an id */


typedef struct {
    ngx_str_t                name;
    ngx_uint_t               bit;
    ngx_uint_t               scope;
} ngx_http_triggers_stream_type_t;


static ngx_uint_t ngx_http_triggers_stream_matches(
    ngx_http_triggers_stream_query_t *q, ngx_str_t *event_type);
static ngx_int_t ngx_http_triggers_stream_scopes(ngx_http_request_t *r,
    ngx_http_triggers_stream_query_t *q);
static ngx_int_t ngx_http_triggers_stream_types(void *data, ngx_str_t *value);
static ngx_int_t ngx_http_triggers_stream_level(void *data, ngx_str_t *value);
static ngx_int_t ngx_http_triggers_stream_event_type(void *data,
    ngx_str_t *value);
static ngx_int_t ngx_http_triggers_stream_limit(void *data, ngx_str_t *value);
static ngx_int_t ngx_http_triggers_stream_timeout(void *data, ngx_str_t *value);
static ngx_int_t ngx_http_triggers_stream_resume(void *data, ngx_str_t *value);


static const char  ngx_http_triggers_stream_no_id[] =
    "not an id of this stream";


static const ngx_http_triggers_arg_t  ngx_http_triggers_stream_args[] = {
    { ngx_string("types"), ngx_http_triggers_stream_types,
      "types must be a comma list of log, event, metrics and "
      "pipeline-update" },
    { ngx_string("level"), ngx_http_triggers_stream_level,
      "level must be debug, info, warn or error" },
    { ngx_string("event_type"), ngx_http_triggers_stream_event_type,
      "event_type must not be empty" },
    { ngx_string("limit"), ngx_http_triggers_stream_limit,
      "limit must be a number from 1 to 1000000" },
    { ngx_string("timeout"), ngx_http_triggers_stream_timeout,
      "timeout must be a number of seconds from 1 to 86400" },
    { ngx_string("last_event_id"), ngx_http_triggers_stream_resume,
      ngx_http_triggers_stream_no_id },
    { ngx_null_string, NULL, NULL }
};


static const ngx_http_triggers_stream_type_t
    ngx_http_triggers_stream_table[] =
{
    { ngx_string("log"), NGX_HTTP_TRIGGERS_STREAM_LOG,
      NGX_HTTP_TRIGGERS_SCOPE_LOGS_READ },
    { ngx_string("event"), NGX_HTTP_TRIGGERS_STREAM_EVENT,
      NGX_HTTP_TRIGGERS_SCOPE_EVENTS_READ },
    { ngx_string("metrics"), NGX_HTTP_TRIGGERS_STREAM_METRICS,
      NGX_HTTP_TRIGGERS_SCOPE_METRICS_READ },
    { ngx_string("pipeline-update"), NGX_HTTP_TRIGGERS_STREAM_PIPELINE,
      NGX_HTTP_TRIGGERS_SCOPE_METRICS_READ },
    { ngx_null_string, 0, 0 }
};


ngx_int_t
ngx_http_triggers_stream_parse(ngx_http_request_t *r,
    ngx_http_triggers_stream_query_t *q)
{
    ngx_int_t                 rc;
    ngx_http_triggers_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    ngx_memzero(q, sizeof(ngx_http_triggers_stream_query_t));

    /* those below are what machines ask for again and again */

    q->level = NGX_TRIGGERS_LEVEL_INFO;

    rc = ngx_http_triggers_args_read(r, r->pool, ngx_http_triggers_stream_args,
                                     q);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    /* of a client that comes again, with the parameters that it first had */

    if (ctx->last_event_id.len
        && ngx_http_triggers_stream_resume(q, &ctx->last_event_id) != NGX_OK)
    {
        return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_BAD_PARAMETER,
                                       "Last-Event-ID", "%s",
                                       ngx_http_triggers_stream_no_id);
    }

    return ngx_http_triggers_stream_scopes(r, q);
}


ngx_uint_t
ngx_http_triggers_stream_allowed(ngx_uint_t scopes)
{
    ngx_uint_t                              types;
    const ngx_http_triggers_stream_type_t  *type;

    types = 0;

    for (type = ngx_http_triggers_stream_table; type->bit; type++) {
        if (scopes & (type->scope|NGX_HTTP_TRIGGERS_SCOPE_ADMIN)) {
            types |= type->bit;
        }
    }

    return types;
}


ngx_uint_t
ngx_http_triggers_stream_wants(ngx_http_triggers_stream_t *s,
    ngx_triggers_entry_t *entry)
{
    ngx_str_t                         *user_id;
    ngx_http_triggers_ctx_t           *ctx;
    ngx_http_triggers_stream_query_t  *q;

    q = &s->query;

    switch (entry->kind) {

    case NGX_TRIGGERS_ENTRY_GAP:

        /* it is whoever's */

        return (q->types & NGX_HTTP_TRIGGERS_STREAM_EVENT) ? 1 : 0;

    case NGX_TRIGGERS_ENTRY_EVENT:
        if (!(q->types & NGX_HTTP_TRIGGERS_STREAM_EVENT)
            || !ngx_http_triggers_stream_matches(q, &entry->message))
        {
            return 0;
        }

        break;

    default:
        if (!(q->types & NGX_HTTP_TRIGGERS_STREAM_LOG)
            || entry->level < q->level)
        {
            return 0;
        }
    }

    ctx = ngx_http_get_module_ctx(s->request, ngx_http_triggers_module);

    if (ngx_http_triggers_is_admin(ctx)) {
        return 1;
    }

    user_id = &ctx->key->user_id;

    return entry->user_id.data
           && entry->user_id.len == user_id->len
           && ngx_memcmp(entry->user_id.data, user_id->data, user_id->len)
              == 0;
}


static ngx_uint_t
ngx_http_triggers_stream_matches(ngx_http_triggers_stream_query_t *q,
    ngx_str_t *event_type)
{
    if (q->event_type.data == NULL) {
        return 1;
    }

    return (event_type->len == q->event_type.len
            || (event_type->len > q->event_type.len && q->prefix))
           && ngx_memcmp(event_type->data, q->event_type.data,
                         q->event_type.len)
              == 0;
}


/* all that the key may have, where nothing is named */

static ngx_int_t
ngx_http_triggers_stream_scopes(ngx_http_request_t *r,
    ngx_http_triggers_stream_query_t *q)
{
    ngx_uint_t                allowed;
    ngx_http_triggers_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    allowed = ngx_http_triggers_stream_allowed(ctx->key->scopes);

    if (q->types == 0) {
        q->types = allowed;
    }

    if (q->types & ~allowed) {
        return ngx_http_triggers_refuse_key(r, NGX_HTTP_TRIGGERS_AUTH_SCOPE);
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_triggers_stream_types(void *data, ngx_str_t *value)
{
    ngx_http_triggers_stream_query_t *q = data;

    u_char                                 *p, *comma, *last;
    const ngx_http_triggers_stream_type_t  *type;

    q->types = 0;
    last = value->data + value->len;

    for (p = value->data; p <= last; p = comma + 1) {

        comma = ngx_strlchr(p, last, ',');
        if (comma == NULL) {
            comma = last;
        }

        for (type = ngx_http_triggers_stream_table; type->bit; type++) {
            if (type->name.len == (size_t) (comma - p)
                && ngx_strncmp(type->name.data, p, type->name.len) == 0)
            {
                break;
            }
        }

        if (type->bit == 0) {
            return NGX_ERROR;
        }

        q->types |= type->bit;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_stream_level(void *data, ngx_str_t *value)
{
    ngx_http_triggers_stream_query_t *q = data;

    return ngx_http_triggers_level_parse(value, &q->level);
}


/* exact, or "order.*" */

static ngx_int_t
ngx_http_triggers_stream_event_type(void *data, ngx_str_t *value)
{
    ngx_http_triggers_stream_query_t *q = data;

    if (value->len == 0) {
        return NGX_ERROR;
    }

    q->event_type = *value;
    q->prefix = (value->data[value->len - 1] == '*');
    q->event_type.len -= q->prefix;

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_stream_limit(void *data, ngx_str_t *value)
{
    ngx_http_triggers_stream_query_t *q = data;

    ngx_int_t  n;

    n = ngx_atoi(value->data, value->len);

    if (n < 1 || n > NGX_HTTP_TRIGGERS_STREAM_LIMIT_MAX) {
        return NGX_ERROR;
    }

    q->limit = n;

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_stream_timeout(void *data, ngx_str_t *value)
{
    ngx_http_triggers_stream_query_t *q = data;

    ngx_int_t  n;

    n = ngx_atoi(value->data, value->len);

    if (n < 1 || n > NGX_HTTP_TRIGGERS_STREAM_TIMEOUT_MAX) {
        return NGX_ERROR;
    }

    q->timeout = (ngx_msec_t) n * 1000;

    return NGX_OK;
}


/* the halves of a nonce: ngx_hextoi() is for what has a sign */

static ngx_int_t
ngx_http_triggers_stream_resume(void *data, ngx_str_t *value)
{
    ngx_http_triggers_stream_query_t *q = data;

    u_char     *p;
    size_t      half;
    ngx_int_t   high, low, n;

    p = value->data;
    half = NGX_HTTP_TRIGGERS_STREAM_NONCE / 2;

    if (value->len < NGX_HTTP_TRIGGERS_STREAM_NONCE + 2 || p[2 * half] != '-')
    {
        return NGX_ERROR;
    }

    high = ngx_hextoi(p, half);
    low = ngx_hextoi(p + half, half);
    n = ngx_atoi(p + 2 * half + 1, value->len - 2 * half - 1);

    if (high == NGX_ERROR || low == NGX_ERROR || n == NGX_ERROR) {
        return NGX_ERROR;
    }

    q->nonce = ((uint64_t) high << 32) | (uint64_t) low;
    q->number = n;
    q->resumes = 1;

    return NGX_OK;
}
