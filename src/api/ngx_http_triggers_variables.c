
/*
 * The variables $triggers_…; each is "not found" where it does not apply, so
 * that a log shows "-".
 */


#include "ngx_http_triggers_variables.h"
#include "ngx_http_triggers_response.h"
#include "ngx_http_triggers_router.h"
#include "ngx_http_triggers_trace.h"
#include "ngx_triggers_clock.h"


/* of what has to be written: an id is the longest */

#define NGX_HTTP_TRIGGERS_VAR_LEN  NGX_HTTP_TRIGGERS_UUID_LEN


static ngx_int_t ngx_http_triggers_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_triggers_variable_write(ngx_http_request_t *r,
    ngx_http_triggers_ctx_t *ctx, uintptr_t data, ngx_str_t *s);
static ngx_int_t ngx_http_triggers_variable_depth(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static void ngx_http_triggers_variable_set(ngx_http_variable_value_t *v,
    ngx_str_t *s);


typedef enum {
    NGX_HTTP_TRIGGERS_VAR_EVENT_ID,
    NGX_HTTP_TRIGGERS_VAR_USER,
    NGX_HTTP_TRIGGERS_VAR_KEY_ID,
    NGX_HTTP_TRIGGERS_VAR_REQUEST_ID,
    NGX_HTTP_TRIGGERS_VAR_ERROR,
    NGX_HTTP_TRIGGERS_VAR_ROUTE,
    NGX_HTTP_TRIGGERS_VAR_STORE,
    NGX_HTTP_TRIGGERS_VAR_TRACE_ID,
    NGX_HTTP_TRIGGERS_VAR_LATENCY,
    NGX_HTTP_TRIGGERS_VAR_COMMIT_TIME
} ngx_http_triggers_variable_e;


static ngx_http_variable_t  ngx_http_triggers_vars[] = {

    { ngx_string("triggers_event_id"), NULL, ngx_http_triggers_variable,
      NGX_HTTP_TRIGGERS_VAR_EVENT_ID, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("triggers_user"), NULL, ngx_http_triggers_variable,
      NGX_HTTP_TRIGGERS_VAR_USER, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("triggers_key_id"), NULL, ngx_http_triggers_variable,
      NGX_HTTP_TRIGGERS_VAR_KEY_ID, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("triggers_request_id"), NULL, ngx_http_triggers_variable,
      NGX_HTTP_TRIGGERS_VAR_REQUEST_ID, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("triggers_error"), NULL, ngx_http_triggers_variable,
      NGX_HTTP_TRIGGERS_VAR_ERROR, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("triggers_route"), NULL, ngx_http_triggers_variable,
      NGX_HTTP_TRIGGERS_VAR_ROUTE, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("triggers_store"), NULL, ngx_http_triggers_variable,
      NGX_HTTP_TRIGGERS_VAR_STORE, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("triggers_trace_id"), NULL, ngx_http_triggers_variable,
      NGX_HTTP_TRIGGERS_VAR_TRACE_ID, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("triggers_latency"), NULL, ngx_http_triggers_variable,
      NGX_HTTP_TRIGGERS_VAR_LATENCY, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("triggers_commit_time"), NULL, ngx_http_triggers_variable,
      NGX_HTTP_TRIGGERS_VAR_COMMIT_TIME, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("triggers_queue_depth"), NULL,
      ngx_http_triggers_variable_depth, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


ngx_int_t
ngx_http_triggers_add_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_http_triggers_vars; v->name.len; v++) {
        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                 s;
    ngx_http_triggers_ctx_t  *ctx;

    ctx = ngx_http_triggers_find_ctx(r);

    ngx_str_null(&s);

    if (ctx == NULL) {
        ngx_http_triggers_variable_set(v, &s);
        return NGX_OK;
    }

    switch (data) {

    case NGX_HTTP_TRIGGERS_VAR_USER:
        if (ctx->key) {
            s = ctx->key->user_id;
        }

        break;

    case NGX_HTTP_TRIGGERS_VAR_KEY_ID:
        if (ctx->key) {
            s = ctx->key->id;
        }

        break;

    case NGX_HTTP_TRIGGERS_VAR_REQUEST_ID:
        s = ctx->request_id;
        break;

    case NGX_HTTP_TRIGGERS_VAR_ERROR:
        s = ctx->error;
        break;

    case NGX_HTTP_TRIGGERS_VAR_ROUTE:
        if (ctx->route) {
            s = ctx->route->path;
        }

        break;

    case NGX_HTTP_TRIGGERS_VAR_STORE:
        s = ctx->store->name;
        break;

    default:
        if (ngx_http_triggers_variable_write(r, ctx, data, &s) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    ngx_http_triggers_variable_set(v, &s);

    return NGX_OK;
}


/* those that are no strings yet; what has no value leaves *s as it is */

static ngx_int_t
ngx_http_triggers_variable_write(ngx_http_request_t *r,
    ngx_http_triggers_ctx_t *ctx, uintptr_t data, ngx_str_t *s)
{
    u_char    *p, id[NGX_TRIGGERS_TRACE_ID_LEN];
    uint64_t   us;

    if ((data == NGX_HTTP_TRIGGERS_VAR_EVENT_ID && !ctx->has_event_id)
        || (data == NGX_HTTP_TRIGGERS_VAR_COMMIT_TIME && !ctx->committed)
        || (data == NGX_HTTP_TRIGGERS_VAR_TRACE_ID
            && ngx_http_triggers_trace_id(r, id) != NGX_OK))
    {
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, NGX_HTTP_TRIGGERS_VAR_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    s->data = p;

    switch (data) {

    case NGX_HTTP_TRIGGERS_VAR_LATENCY:
        us = ngx_triggers_monotonic_us() - ctx->begun;
        p = ngx_sprintf(p, "%uL.%06uL", us / 1000000, us % 1000000);
        break;

    case NGX_HTTP_TRIGGERS_VAR_EVENT_ID:
        p = ngx_triggers_uuid_format(p, ctx->event_id);
        break;

    case NGX_HTTP_TRIGGERS_VAR_TRACE_ID:
        p = ngx_hex_dump(p, id, NGX_TRIGGERS_TRACE_ID_LEN);
        break;

    default: /* NGX_HTTP_TRIGGERS_VAR_COMMIT_TIME */
        us = ctx->commit_time;
        p = ngx_sprintf(p, "%uL.%03uL", us / 1000000, us / 1000 % 1000);
    }

    s->len = p - s->data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_variable_depth(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                        *p;
    ngx_str_t                      s;
    ngx_http_triggers_loc_conf_t  *tlcf;

    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_triggers_module);

    ngx_str_null(&s);

    if (tlcf->store) {
        p = ngx_pnalloc(r->pool, NGX_INT64_LEN);
        if (p == NULL) {
            return NGX_ERROR;
        }

        s.data = p;
        s.len = ngx_sprintf(p, "%uL",
                            ngx_triggers_ring_depth(
                                &tlcf->store->worker.zone->sh->ring))
                - p;
    }

    ngx_http_triggers_variable_set(v, &s);

    return NGX_OK;
}


static void
ngx_http_triggers_variable_set(ngx_http_variable_value_t *v, ngx_str_t *s)
{
    if (s->data == NULL) {
        v->not_found = 1;
        return;
    }

    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
    v->len = s->len;
    v->data = s->data;
}
