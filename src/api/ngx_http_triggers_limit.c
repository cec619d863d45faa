
/*
 * Rate limits of keys.  One request costs one token, a batch as many as it
 * has events.
 */


#include "ngx_http_triggers_limit.h"
#include "ngx_http_triggers_response.h"
#include "ngx_triggers_clock.h"


/* room for the numbers of all headers */

#define NGX_HTTP_TRIGGERS_LIMIT_LEN  256


static ngx_uint_t ngx_http_triggers_limit(ngx_http_request_t *r,
    ngx_triggers_bucket_t **bucket);
static ngx_int_t ngx_http_triggers_limit_header(ngx_http_request_t *r,
    const char *name, u_char **p, const char *fmt, ...);


ngx_int_t
ngx_http_triggers_charge(ngx_http_request_t *r, ngx_uint_t n)
{
    uint64_t                  now;
    ngx_uint_t                limit;
    ngx_triggers_bucket_t    *bucket;
    ngx_http_triggers_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    limit = ngx_http_triggers_limit(r, &bucket);

    if (limit == 0) {
        return NGX_OK;
    }

    now = ngx_triggers_monotonic_ns();

    if (n == 0) {
        return ngx_triggers_rate_check(bucket, limit, now, &ctx->rate);
    }

    return ngx_triggers_rate_take(bucket, limit, n, now, &ctx->rate);
}


ngx_int_t
ngx_http_triggers_charge_body(ngx_http_request_t *r, ngx_int_t rc,
    ngx_uint_t n, ngx_str_t *field, ngx_str_t *message)
{
    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_http_triggers_charge(r, (rc == NGX_OK) ? n : 1) != NGX_OK) {
        return ngx_http_triggers_limited(r);
    }

    if (rc == NGX_DECLINED) {
        return ngx_http_triggers_error_field(r, NGX_HTTP_TRIGGERS_BAD_BODY,
                                             field->data ? field : NULL,
                                             message);
    }

    return NGX_DECLINED;
}


ngx_int_t
ngx_http_triggers_limited(ngx_http_request_t *r)
{
    ngx_http_triggers_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_RATE_LIMIT, NULL,
                                   "the key's limit of %ui requests a minute "
                                   "is used up", ctx->rate.limit);
}


ngx_int_t
ngx_http_triggers_limit_headers(ngx_http_request_t *r)
{
    u_char                   *p;
    ngx_triggers_rate_t      *rate;
    ngx_http_triggers_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    rate = &ctx->rate;

    if (rate->limit == 0) {
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, NGX_HTTP_TRIGGERS_LIMIT_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_triggers_limit_header(r, "X-RateLimit-Limit", &p, "%ui",
                                       rate->limit)
           != NGX_OK
        || ngx_http_triggers_limit_header(r, "X-RateLimit-Remaining", &p,
                                          "%ui", rate->remaining)
           != NGX_OK
        || ngx_http_triggers_limit_header(r, "X-RateLimit-Reset", &p, "%T",
                                          ngx_time() + (time_t) rate->reset)
           != NGX_OK
        || ngx_http_triggers_limit_header(r, "RateLimit-Policy", &p,
                                          "\"default\";q=%ui;w=%d",
                                          rate->limit,
                                          NGX_TRIGGERS_RATE_WINDOW)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_triggers_limit_header(r, "RateLimit", &p,
                                          "\"default\";r=%ui;t=%ui",
                                          rate->remaining, rate->reset);
}


/* the limit, 0 for none, and the key's bucket */

static ngx_uint_t
ngx_http_triggers_limit(ngx_http_request_t *r, ngx_triggers_bucket_t **bucket)
{
    uint64_t                       now;
    ngx_uint_t                     rate;
    ngx_http_triggers_ctx_t       *ctx;
    ngx_http_triggers_loc_conf_t  *tlcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_triggers_module);

    *bucket = ngx_triggers_rates_find(&tlcf->store->worker.zone->sh->rates,
                                      ctx->key->digest);

    /* a line of the cache that all workers share is not written for nothing */

    now = (uint64_t) ngx_time() * 1000;

    if (__atomic_load_n(&(*bucket)->last_used, __ATOMIC_RELAXED) != now) {
        __atomic_store_n(&(*bucket)->last_used, now, __ATOMIC_RELAXED);
    }

    rate = ctx->key->rate;

    return (rate == NGX_CONF_UNSET_UINT) ? tlcf->rate_limit : rate;
}


static ngx_int_t
ngx_http_triggers_limit_header(ngx_http_request_t *r, const char *name,
    u_char **p, const char *fmt, ...)
{
    va_list    args;
    ngx_str_t  value;

    va_start(args, fmt);
    value.data = *p;
    *p = ngx_vslprintf(*p, *p + NGX_HTTP_TRIGGERS_LIMIT_LEN / 5, fmt, args);
    va_end(args);

    value.len = *p - value.data;

    return ngx_http_triggers_add_header(r, name, &value) ? NGX_OK : NGX_ERROR;
}
