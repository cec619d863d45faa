
/*
 * CORS.  Keys travel in headers that a page has to set itself, never in
 * cookies, so credentials in the sense of CORS are not allowed and any origin
 * may be.
 */


#include "ngx_http_triggers_cors.h"
#include "ngx_http_triggers_response.h"


/* how long a browser may remember a preflight's answer, in seconds */

#define NGX_HTTP_TRIGGERS_CORS_MAX_AGE  "86400"


static ngx_uint_t ngx_http_triggers_cors_allowed(ngx_http_request_t *r);
static ngx_int_t ngx_http_triggers_cors_preflight(ngx_http_request_t *r,
    ngx_str_t *methods);
static ngx_int_t ngx_http_triggers_cors_header(ngx_http_request_t *r,
    const char *name, const char *value);
static char *ngx_http_triggers_cors_origin(ngx_conf_t *cf, ngx_str_t *value);
static ngx_uint_t ngx_http_triggers_is_origin(ngx_str_t *value);
static ngx_int_t ngx_http_triggers_origin_port(ngx_str_t *value);
static ngx_int_t ngx_http_triggers_default_port(ngx_str_t *value);


char *
ngx_http_triggers_cors(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_triggers_loc_conf_t *tlcf = conf;

    ngx_str_t   *value, *origin;
    ngx_uint_t   i;

    if (tlcf->cors) {
        return "is duplicate";
    }

    value = cf->args->elts;

    tlcf->cors = ngx_array_create(cf->pool, cf->args->nelts - 1,
                                  sizeof(ngx_str_t));
    if (tlcf->cors == NULL) {
        return NGX_CONF_ERROR;
    }

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        return NGX_CONF_OK;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_http_triggers_cors_origin(cf, &value[i]) != NGX_CONF_OK) {
            return NGX_CONF_ERROR;
        }

        if (value[i].len == 1 && cf->args->nelts > 2) {
            return "is wrong: \"*\" must stand alone";
        }

        origin = ngx_array_push(tlcf->cors);
        if (origin == NULL) {
            return NGX_CONF_ERROR;
        }

        *origin = value[i];
    }

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_triggers_options(ngx_http_request_t *r, ngx_uint_t methods)
{
    ngx_int_t                 rc;
    ngx_str_t                 allow;
    ngx_http_triggers_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    if (ngx_http_triggers_allow(r, methods, &allow) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ctx->access_control_method.data && ngx_http_triggers_cors_allowed(r)) {
        rc = ngx_http_triggers_cors_preflight(r, &allow);

    } else {
        rc = ngx_http_triggers_add_header(r, "Allow", &allow) ? NGX_OK
                                                              : NGX_ERROR;
    }

    if (rc != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_http_triggers_send_empty(r);
}


ngx_int_t
ngx_http_triggers_cors_headers(ngx_http_request_t *r)
{
    ngx_str_t                     *origin;
    ngx_http_triggers_ctx_t       *ctx;
    ngx_http_triggers_loc_conf_t  *tlcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_triggers_module);

    if (tlcf->cors == NULL || tlcf->cors->nelts == 0) {
        return NGX_OK;
    }

    origin = tlcf->cors->elts;

    if (origin->len == 1) {

        /* "*" */

        if (ctx->origin.data == NULL) {
            return NGX_OK;
        }

        if (ngx_http_triggers_cors_header(r, "Access-Control-Allow-Origin",
                                          "*")
            != NGX_OK)
        {
            return NGX_ERROR;
        }

    } else {

        /* a cache must not give the answer to another origin */

        if (ngx_http_triggers_cors_header(r, "Vary", "Origin") != NGX_OK) {
            return NGX_ERROR;
        }

        if (!ngx_http_triggers_cors_allowed(r)) {
            return NGX_OK;
        }

        if (ngx_http_triggers_add_header(r, "Access-Control-Allow-Origin",
                                         &ctx->origin)
            == NULL)
        {
            return NGX_ERROR;
        }
    }

    return ngx_http_triggers_cors_header(r, "Access-Control-Expose-Headers",
                                  "X-Request-ID, X-Correlation-ID, Location, "
                                  "Link, Retry-After, Idempotent-Replayed, "
                                  "X-RateLimit-Limit, X-RateLimit-Remaining, "
                                  "X-RateLimit-Reset, RateLimit, "
                                  "RateLimit-Policy, Preference-Applied, "
                                  "Allow, Accept-Encoding, WWW-Authenticate");
}


/* does the request come from an origin that is listed? */

static ngx_uint_t
ngx_http_triggers_cors_allowed(ngx_http_request_t *r)
{
    ngx_str_t                     *origin;
    ngx_uint_t                     i;
    ngx_http_triggers_ctx_t       *ctx;
    ngx_http_triggers_loc_conf_t  *tlcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_triggers_module);

    if (tlcf->cors == NULL || ctx->origin.data == NULL) {
        return 0;
    }

    origin = tlcf->cors->elts;

    for (i = 0; i < tlcf->cors->nelts; i++) {

        if (origin[i].len == 1) {

            /* any */

            return 1;
        }

        if (origin[i].len == ctx->origin.len
            && ngx_strncasecmp(origin[i].data, ctx->origin.data,
                               ctx->origin.len)
               == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* the origin's header is added to every answer, see above */

static ngx_int_t
ngx_http_triggers_cors_preflight(ngx_http_request_t *r, ngx_str_t *methods)
{
    if (ngx_http_triggers_add_header(r, "Access-Control-Allow-Methods",
                                     methods)
        == NULL)
    {
        return NGX_ERROR;
    }

    if (ngx_http_triggers_cors_header(r, "Access-Control-Allow-Headers",
                                 "Authorization, X-API-Key, Content-Type, "
                                 "Accept, Idempotency-Key, Prefer, "
                                 "X-Request-ID, X-Correlation-ID, "
                                 "traceparent, tracestate, Last-Event-ID, "
                                 "ce-id, ce-source, ce-type, ce-specversion, "
                                 "ce-time, ce-subject, ce-dataschema")
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_triggers_cors_header(r, "Access-Control-Max-Age",
                                         NGX_HTTP_TRIGGERS_CORS_MAX_AGE);
}


static ngx_int_t
ngx_http_triggers_cors_header(ngx_http_request_t *r, const char *name,
    const char *value)
{
    ngx_str_t  s;

    s.data = (u_char *) value;
    s.len = ngx_strlen(value);

    return ngx_http_triggers_add_header(r, name, &s) ? NGX_OK : NGX_ERROR;
}


/* what no browser would send is refused, as it would never match */

static char *
ngx_http_triggers_cors_origin(ngx_conf_t *cf, ngx_str_t *value)
{
    ngx_int_t  port;

    if (!ngx_http_triggers_is_origin(value)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid origin \"%V\", it must be \"*\" or "
                           "like \"https://example.com\", without a path",
                           value);
        return NGX_CONF_ERROR;
    }

    if (value->len == 1) {
        return NGX_CONF_OK;
    }

    port = ngx_http_triggers_origin_port(value);

    if (port == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid host or port in origin \"%V\"", value);
        return NGX_CONF_ERROR;
    }

    if (port && port == ngx_http_triggers_default_port(value)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "port %i of origin \"%V\" is the default one, "
                           "which browsers leave out: leave it out here too",
                           port, value);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* RFC 6454, section 6.2, or "*" */

static ngx_uint_t
ngx_http_triggers_is_origin(ngx_str_t *value)
{
    u_char  *p, *last;

    if (value->len == 1) {
        return value->data[0] == '*';
    }

    last = value->data + value->len;
    p = ngx_strnstr(value->data, "://", value->len);

    if (p == NULL || p == value->data || p + 3 == last) {
        return 0;
    }

    for (p += 3; p < last; p++) {
        if (*p <= ' ' || *p >= 0x7f || ngx_strchr("/?#@,\"\\*", *p)) {
            return 0;
        }
    }

    return 1;
}


/* 0: there is none */

static ngx_int_t
ngx_http_triggers_origin_port(ngx_str_t *value)
{
    u_char     *p, *host, *last;
    ngx_int_t   port;

    last = value->data + value->len;
    host = ngx_strnstr(value->data, "://", value->len) + 3;
    p = host;

    if (*p == '[') {
        p = ngx_strlchr(p, last, ']');

        if (p == NULL) {
            return NGX_ERROR;
        }

        p++;

        if (p < last && *p != ':') {
            return NGX_ERROR;
        }

    } else {
        p = ngx_strlchr(p, last, ':');
    }

    if (p == NULL || p == last) {
        return 0;
    }

    if (p == host) {
        return NGX_ERROR;
    }

    p++;
    port = ngx_atoi(p, last - p);

    return (port > 0 && port <= 65535 && *p != '0') ? port : NGX_ERROR;
}


static ngx_int_t
ngx_http_triggers_default_port(ngx_str_t *value)
{
    if (ngx_strncasecmp(value->data, (u_char *) "http:", 5) == 0) {
        return 80;
    }

    if (ngx_strncasecmp(value->data, (u_char *) "https:", 6) == 0) {
        return 443;
    }

    return 0;
}
