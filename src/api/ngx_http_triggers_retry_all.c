
/*
 * POST /v1/inbox/retry: brings back all dead letters that match.  There may be
 * millions, so that each commit looks at some of them, and the next one goes
 * on behind those until the store says that there are no more.
 */


#include "ngx_http_triggers_lease.h"
#include "ngx_http_triggers_resources.h"
#include "ngx_http_triggers_response.h"


#define NGX_HTTP_TRIGGERS_RETRY_LOOKS  1000    /* events of one commit */


typedef struct {
    ngx_triggers_lease_change_t  change;
    int64_t                  time;             /* of the first commit: what
                                                  fails again since is left */
    uint64_t                 retried;
} ngx_http_triggers_retry_t;


static ngx_int_t ngx_http_triggers_retry_submit(ngx_http_request_t *r);
static ngx_int_t ngx_http_triggers_retry_done(ngx_http_request_t *r,
    ngx_triggers_result_t *result);


ngx_int_t
ngx_http_triggers_retry_all(ngx_http_request_t *r)
{
    ngx_int_t                        rc;
    ngx_http_triggers_ctx_t         *ctx;
    ngx_http_triggers_retry_t       *retry;
    ngx_http_triggers_lease_body_t   lb;

    rc = ngx_http_triggers_lease_body(r, &lb,
                                      NGX_HTTP_TRIGGERS_LEASE_ON_RETRY);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    retry = ngx_pcalloc(r->pool, sizeof(ngx_http_triggers_retry_t));
    if (retry == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    retry->change.limit = NGX_HTTP_TRIGGERS_RETRY_LOOKS;
    retry->change.from = lb.from;
    retry->change.to = lb.to;
    retry->change.event_type = lb.event_type;
    retry->change.source = lb.source;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    ctx->lease = retry;

    return ngx_http_triggers_retry_submit(r);
}


/* a client that leaves is not called back, which ends it */

static ngx_int_t
ngx_http_triggers_retry_submit(ngx_http_request_t *r)
{
    ngx_triggers_mutation_t     mutation;
    ngx_http_triggers_ctx_t    *ctx;
    ngx_http_triggers_retry_t  *retry;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    retry = ctx->lease;

    ngx_http_triggers_mutation(r, &mutation, NGX_TRIGGERS_OP_RETRY_ALL);

    if (retry->time == 0) {
        retry->time = mutation.time;
    }

    mutation.time = retry->time;
    mutation.lease = &retry->change;

    return ngx_http_triggers_submit_one(r, &mutation, 1,
                                        ngx_http_triggers_retry_done);
}


static ngx_int_t
ngx_http_triggers_retry_done(ngx_http_request_t *r,
    ngx_triggers_result_t *result)
{
    ngx_http_triggers_ctx_t    *ctx;
    ngx_http_triggers_retry_t  *retry;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    retry = ctx->lease;

    retry->retried += result->count;

    if (result->time) {
        retry->change.after = result->time;
        return ngx_http_triggers_retry_submit(r);
    }

    return ngx_http_triggers_send_json(r, NGX_HTTP_OK,
                                       json_pack("{s:I}", "retried",
                                                 (json_int_t) retry->retried),
                                       0);
}
