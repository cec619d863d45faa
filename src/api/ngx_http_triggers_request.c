
/*
 * What every request of the API has: its context, the headers that the
 * contract names, the request id, and waiting for a commit.
 */


#include "ngx_http_triggers_auth.h"
#include "ngx_http_triggers_response.h"
#include "ngx_http_triggers_trace.h"
#include "ngx_triggers_clock.h"


#define NGX_HTTP_TRIGGERS_REQUEST_ID_MAX  128


typedef struct {
    ngx_str_t                name;             /* in lower case */
    size_t                   offset;           /* in the context */
} ngx_http_triggers_header_t;


static void ngx_http_triggers_ctx_cleanup(void *data);
static uint64_t ngx_http_triggers_begun(ngx_http_request_t *r);
static void ngx_http_triggers_scan_headers(ngx_http_request_t *r,
    ngx_http_triggers_ctx_t *ctx);
static ngx_int_t ngx_http_triggers_set_ids(ngx_http_request_t *r,
    ngx_http_triggers_ctx_t *ctx);
static void ngx_http_triggers_commit_handler(void *data, ngx_int_t rc,
    ngx_triggers_result_t *result);
static void ngx_http_triggers_wait_cleanup(void *data);


static const ngx_http_triggers_header_t  ngx_http_triggers_headers[] = {
    { ngx_string("x-api-key"),
      offsetof(ngx_http_triggers_ctx_t, x_api_key) },
    { ngx_string("x-request-id"),
      offsetof(ngx_http_triggers_ctx_t, x_request_id) },
    { ngx_string("x-correlation-id"),
      offsetof(ngx_http_triggers_ctx_t, x_correlation_id) },
    { ngx_string("traceparent"),
      offsetof(ngx_http_triggers_ctx_t, traceparent) },
    { ngx_string("idempotency-key"),
      offsetof(ngx_http_triggers_ctx_t, idempotency_key) },
    { ngx_string("ce-specversion"),
      offsetof(ngx_http_triggers_ctx_t, ce_specversion) },
    { ngx_string("origin"),
      offsetof(ngx_http_triggers_ctx_t, origin) },
    { ngx_string("access-control-request-method"),
      offsetof(ngx_http_triggers_ctx_t, access_control_method) },
    { ngx_string("content-encoding"),
      offsetof(ngx_http_triggers_ctx_t, content_encoding) },
    { ngx_string("last-event-id"),
      offsetof(ngx_http_triggers_ctx_t, last_event_id) },
    { ngx_null_string, 0 }
};


ngx_http_triggers_ctx_t *
ngx_http_triggers_get_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t            *cln;
    ngx_http_triggers_ctx_t       *ctx;
    ngx_http_triggers_loc_conf_t  *tlcf;

    ctx = ngx_http_triggers_find_ctx(r);

    if (ctx) {
        return ctx;
    }

    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_triggers_module);

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_triggers_ctx_t));
    if (cln == NULL) {
        return NULL;
    }

    ctx = cln->data;
    ngx_memzero(ctx, sizeof(ngx_http_triggers_ctx_t));

    cln->handler = ngx_http_triggers_ctx_cleanup;
    ctx->request = r;
    ctx->store = tlcf->store;
    ctx->begun = ngx_http_triggers_begun(r);
    ctx->started = ngx_current_msec;

    ngx_http_triggers_scan_headers(r, ctx);

    if (ctx->traceparent.data
        && ngx_http_triggers_trace_read(r, ctx) != NGX_OK)
    {
        return NULL;
    }

    if (ngx_http_triggers_set_ids(r, ctx) != NGX_OK) {
        return NULL;
    }

    ngx_http_set_ctx(r, ctx, ngx_http_triggers_module);

    return ctx;
}


ngx_http_triggers_ctx_t *
ngx_http_triggers_find_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t       *cln;
    ngx_http_triggers_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    if (ctx || !r->internal) {
        return ctx;
    }

    for (cln = r->pool->cleanup; cln; cln = cln->next) {

        if (cln->handler != ngx_http_triggers_ctx_cleanup) {
            continue;
        }

        ctx = cln->data;

        /* subrequests share the pool */

        if (ctx->request == r) {
            ngx_http_set_ctx(r, ctx, ngx_http_triggers_module);
            return ctx;
        }
    }

    return NULL;
}


void
ngx_http_triggers_mutation(ngx_http_request_t *r,
    ngx_triggers_mutation_t *mutation, ngx_uint_t op)
{
    ngx_http_triggers_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    ngx_memzero(mutation, sizeof(ngx_triggers_mutation_t));

    mutation->op = op;
    mutation->time = ngx_http_triggers_now();
    mutation->user_id = ctx->key->user_id;
    mutation->any_owner = ngx_http_triggers_is_admin(ctx);
    mutation->source_ip = r->connection->addr_text;
    mutation->request_id = ctx->request_id;
    mutation->key_id = ctx->key->id;
}


ngx_int_t
ngx_http_triggers_submit(ngx_http_request_t *r, ngx_triggers_batch_t *batch,
    ngx_uint_t wait, ngx_http_triggers_commit_pt handler)
{
    ngx_int_t                      rc;
    ngx_triggers_result_t          result;
    ngx_http_triggers_loc_conf_t  *tlcf;

    if (!wait) {
        tlcf = ngx_http_get_module_loc_conf(r, ngx_http_triggers_module);

        rc = ngx_triggers_submit(&tlcf->store->worker, batch, NULL, NULL, 0,
                                 NULL);
        if (rc != NGX_OK) {
            return ngx_http_triggers_refuse(r, rc);
        }

        ngx_memzero(&result, sizeof(ngx_triggers_result_t));
        result.time = batch->mutations[0].time;
        ngx_memcpy(result.id, batch->mutations[0].id, NGX_TRIGGERS_ID_LEN);

        return handler(r, &result);
    }

    rc = ngx_http_triggers_submit_waiting(r, batch, handler);

    switch (rc) {

    case NGX_BUSY:
    case NGX_DECLINED:
    case NGX_ERROR:
        return ngx_http_triggers_refuse(r, rc);

    default:
        return rc;
    }
}


ngx_int_t
ngx_http_triggers_submit_one(ngx_http_request_t *r,
    ngx_triggers_mutation_t *mutation, ngx_uint_t wait,
    ngx_http_triggers_commit_pt handler)
{
    ngx_triggers_batch_t  batch;

    batch.mutations = mutation;
    batch.n = 1;
    batch.codes = NULL;

    return ngx_http_triggers_submit(r, &batch, wait, handler);
}


ngx_int_t
ngx_http_triggers_submit_waiting(ngx_http_request_t *r,
    ngx_triggers_batch_t *batch, ngx_http_triggers_commit_pt handler)
{
    ngx_int_t                      rc;
    ngx_http_cleanup_t            *cln;
    ngx_http_triggers_ctx_t       *ctx;
    ngx_http_triggers_loc_conf_t  *tlcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_triggers_module);

    ctx->commit_handler = handler;
    ctx->submitted = ngx_triggers_monotonic_us();

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_triggers_submit(&tlcf->store->worker, batch,
                             ngx_http_triggers_commit_handler, r,
                             tlcf->commit_timeout, &ctx->waiter);
    if (rc != NGX_OK) {
        return rc;
    }

    cln->handler = ngx_http_triggers_wait_cleanup;
    cln->data = ctx;

    return ngx_http_triggers_park(r);
}


ngx_int_t
ngx_http_triggers_park(ngx_http_request_t *r)
{
    r->write_event_handler = ngx_http_request_empty_handler;

    if (r->discard_body) {

        /* the rest of a body that nobody wants is still coming in */

        return NGX_DONE;
    }

    r->read_event_handler = ngx_http_test_reading;

    if (ngx_handle_read_event(r->connection->read, 0) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_DONE;
}


int64_t
ngx_http_triggers_now(void)
{
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    return (int64_t) tp->sec * 1000 + tp->msec;
}


/* find_ctx() knows the context by this name */

static void
ngx_http_triggers_ctx_cleanup(void *data)
{
    ngx_http_triggers_ctx_t *ctx = data;

    if (ctx->body_pool) {
        ngx_destroy_pool(ctx->body_pool);
    }
}


/* nginx knows the ms when the request's first bytes came, and no less */

static uint64_t
ngx_http_triggers_begun(ngx_http_request_t *r)
{
    int64_t      ms;
    ngx_time_t  *tp;

    tp = ngx_timeofday();
    ms = (int64_t) (tp->sec - r->start_sec) * 1000
         + ((int64_t) tp->msec - (int64_t) r->start_msec);

    return ngx_triggers_monotonic_us() - (uint64_t) ngx_max(ms, 0) * 1000;
}


static void
ngx_http_triggers_scan_headers(ngx_http_request_t *r,
    ngx_http_triggers_ctx_t *ctx)
{
    ngx_str_t                         *value;
    ngx_uint_t                         i;
    ngx_list_part_t                   *part;
    ngx_table_elt_t                   *h;
    const ngx_http_triggers_header_t  *known;

    part = &r->headers_in.headers.part;
    h = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                return;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        for (known = ngx_http_triggers_headers; known->name.len; known++) {

            if (h[i].key.len != known->name.len
                || ngx_strncmp(h[i].lowcase_key, known->name.data,
                               known->name.len)
                   != 0)
            {
                continue;
            }

            value = (ngx_str_t *) ((u_char *) ctx + known->offset);

            if (value->data == NULL) {
                *value = h[i].value;
            }

            break;
        }
    }
}


static ngx_int_t
ngx_http_triggers_set_ids(ngx_http_request_t *r, ngx_http_triggers_ctx_t *ctx)
{
    u_char                          id[NGX_TRIGGERS_ID_LEN];
    ngx_uint_t                      first, second;
    ngx_http_triggers_main_conf_t  *tmcf;

    first = ngx_http_triggers_is_request_id(&ctx->x_request_id);
    second = ngx_http_triggers_is_request_id(&ctx->x_correlation_id);

    if (first) {
        ctx->request_id = ctx->x_request_id;
        ctx->correlation_id = second ? ctx->x_correlation_id
                                     : ctx->x_request_id;
        return NGX_OK;
    }

    if (second) {
        ctx->request_id = ctx->x_correlation_id;
        ctx->correlation_id = ctx->x_correlation_id;
        return NGX_OK;
    }

    tmcf = ngx_http_get_module_main_conf(r, ngx_http_triggers_module);

    ctx->request_id.len = NGX_HTTP_TRIGGERS_UUID_LEN;
    ctx->request_id.data = ngx_pnalloc(r->pool, NGX_HTTP_TRIGGERS_UUID_LEN);

    if (ctx->request_id.data == NULL) {
        return NGX_ERROR;
    }

    ngx_triggers_uuid_v4(&tmcf->uuid, id);
    (void) ngx_triggers_uuid_format(ctx->request_id.data, id);

    ctx->correlation_id = ctx->request_id;

    return NGX_OK;
}


ngx_uint_t
ngx_http_triggers_is_request_id(ngx_str_t *value)
{
    u_char      ch;
    ngx_uint_t  i;

    if (value->len == 0 || value->len > NGX_HTTP_TRIGGERS_REQUEST_ID_MAX) {
        return 0;
    }

    for (i = 0; i < value->len; i++) {
        ch = value->data[i];

        if (!((ch >= '0' && ch <= ':')
              || (ch >= 'A' && ch <= 'Z')
              || (ch >= 'a' && ch <= 'z')
              || ch == '.' || ch == '_' || ch == '-'))
        {
            return 0;
        }
    }

    return 1;
}


static void
ngx_http_triggers_commit_handler(void *data, ngx_int_t rc,
    ngx_triggers_result_t *result)
{
    ngx_http_request_t *r = data;

    ngx_connection_t         *c;
    ngx_http_triggers_ctx_t  *ctx;

    c = r->connection;
    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    ngx_http_set_log_request(c->log, r);

    ctx->waiter = NULL;

    if (rc == NGX_OK && result->rc != NGX_TRIGGERS_RC_FAILED) {
        ctx->committed = 1;
        ctx->commit_time = ngx_triggers_monotonic_us() - ctx->submitted;

        rc = ctx->commit_handler(r, result);

        if (rc == NGX_DONE) {

            /* there is more to be found out for the answer */

            return;
        }

    } else if (rc == NGX_OK) {
        rc = ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_INTERNAL, NULL,
                                     "the store refused the record");

    } else {
        rc = ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_UNAVAILABLE, NULL,
                                     "the store did not commit in time, the "
                                     "outcome is unknown");
    }

    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(c);
}


ngx_int_t
ngx_http_triggers_refuse(ngx_http_request_t *r, ngx_int_t rc)
{
    if (rc == NGX_DECLINED) {
        return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_TOO_LARGE, NULL,
                                       "the batch is larger than the queue "
                                       "can take");
    }

    return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_UNAVAILABLE, NULL,
                                   rc == NGX_BUSY ? "the queue is full"
                                                  : "the store is not ready");
}


static void
ngx_http_triggers_wait_cleanup(void *data)
{
    ngx_http_triggers_ctx_t *ctx = data;

    if (ctx->waiter) {
        ngx_triggers_waiter_abandon(ctx->waiter);
        ctx->waiter = NULL;
    }
}
