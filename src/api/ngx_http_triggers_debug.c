
/*
 * Debug flags.  A late answer waits as a long poll does, so that the client
 * may leave and the process may end; what wakes it before its time makes it
 * wait again.
 */


#include "ngx_http_triggers_args.h"
#include "ngx_http_triggers_auth.h"
#include "ngx_http_triggers_debug.h"
#include "ngx_http_triggers_limit.h"
#include "ngx_http_triggers_poll.h"
#include "ngx_http_triggers_response.h"


#define NGX_HTTP_TRIGGERS_DEBUG_TIME  2000     /* ms */


/* an answer that waits */

typedef struct {
    ngx_triggers_result_t    result;
    ngx_http_triggers_commit_pt  handler;
    ngx_msec_t               until;
} ngx_http_triggers_debug_t;


static ngx_int_t ngx_http_triggers_debug_arg(void *data, ngx_str_t *value);
static ngx_int_t ngx_http_triggers_debug_delay(ngx_http_request_t *r,
    ngx_triggers_result_t *result, ngx_http_triggers_commit_pt handler);
static ngx_int_t ngx_http_triggers_debug_wait(ngx_http_request_t *r);


/* what it says is looked at when the request has been charged for */

static const ngx_http_triggers_arg_t  ngx_http_triggers_debug_args[] = {
    { ngx_string("debug"), ngx_http_triggers_debug_arg, NULL },
    { ngx_null_string, NULL, NULL }
};


/* in the order of ngx_http_triggers_debug_e */

static const ngx_str_t  ngx_http_triggers_debug_names[] = {
    ngx_string("validation_error"),
    ngx_string("processing_error"),
    ngx_string("queue_delay"),
    ngx_string("dlq_routing"),
    ngx_null_string
};


ngx_int_t
ngx_http_triggers_debug(ngx_http_request_t *r)
{
    ngx_int_t                      rc;
    ngx_str_t                      value;
    ngx_uint_t                     i;
    const ngx_str_t               *name;
    ngx_http_triggers_ctx_t       *ctx;
    ngx_http_triggers_loc_conf_t  *tlcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_triggers_module);

    if (!tlcf->debug) {
        return NGX_DECLINED;
    }

    ngx_str_null(&value);

    rc = ngx_http_triggers_args_read(r, r->pool, ngx_http_triggers_debug_args,
                                     &value);

    if (rc != NGX_DECLINED || value.data == NULL) {
        return rc;
    }

    name = ngx_http_triggers_debug_names;

    for (i = 0; name[i].len; i++) {
        if (name[i].len == value.len
            && ngx_strncmp(name[i].data, value.data, value.len) == 0)
        {
            break;
        }
    }

    if (name[i].len
        && i + 1 != NGX_HTTP_TRIGGERS_DEBUG_VALIDATION)
    {
        ctx->debug = i + 1;
        return NGX_DECLINED;
    }

    if (ngx_http_triggers_charge(r, 1) != NGX_OK) {
        return ngx_http_triggers_limited(r);
    }

    if (name[i].len) {
        return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_BAD_BODY, "debug",
                                       "refused, as \"debug\" wants it");
    }

    return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_BAD_PARAMETER,
                                   "debug", "debug must be validation_error, "
                                   "processing_error, queue_delay or "
                                   "dlq_routing");
}


static ngx_int_t
ngx_http_triggers_debug_arg(void *data, ngx_str_t *value)
{
    ngx_str_t *debug = data;

    *debug = *value;

    return NGX_OK;
}


ngx_int_t
ngx_http_triggers_debug_commit(ngx_http_request_t *r,
    ngx_triggers_result_t *result, ngx_http_triggers_commit_pt handler)
{
    ngx_http_triggers_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    switch (ctx->debug) {

    case NGX_HTTP_TRIGGERS_DEBUG_PROCESSING:
        return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_INTERNAL, NULL,
                                       "failed, as \"debug\" wants it");

    case NGX_HTTP_TRIGGERS_DEBUG_DELAY:
        return ngx_http_triggers_debug_delay(r, result, handler);

    default:
        return handler(r, result);
    }
}


static ngx_int_t
ngx_http_triggers_debug_delay(ngx_http_request_t *r,
    ngx_triggers_result_t *result, ngx_http_triggers_commit_pt handler)
{
    ngx_http_triggers_ctx_t    *ctx;
    ngx_http_triggers_debug_t  *delay;

    delay = ngx_palloc(r->pool, sizeof(ngx_http_triggers_debug_t));
    if (delay == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    delay->result = *result;
    delay->handler = handler;
    delay->until = ngx_current_msec + NGX_HTTP_TRIGGERS_DEBUG_TIME;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    ctx->delay = delay;

    return ngx_http_triggers_debug_wait(r);
}


static ngx_int_t
ngx_http_triggers_debug_wait(ngx_http_request_t *r)
{
    uint64_t                       generation;
    ngx_int_t                      rc;
    ngx_http_triggers_ctx_t       *ctx;
    ngx_http_triggers_debug_t     *delay;
    ngx_http_triggers_loc_conf_t  *tlcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_triggers_module);

    delay = ctx->delay;
    generation = ngx_triggers_poll_generation(&tlcf->store->worker,
                                              &ctx->key->user_id,
                                              ngx_http_triggers_is_admin(ctx));

    rc = ngx_http_triggers_poll(r, delay->until, generation,
                                ngx_http_triggers_debug_wait);

    if (rc == NGX_DECLINED) {
        return delay->handler(r, &delay->result);
    }

    return (rc == NGX_ERROR) ? NGX_HTTP_INTERNAL_SERVER_ERROR : rc;
}
