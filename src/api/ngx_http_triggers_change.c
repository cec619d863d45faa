
/*
 * What changes one event that is stored: acknowledge, retry, remove.  Each is
 * one record through the ring, answered after its effect is committed,
 * whatever mode the location has for events.
 */


#include "ngx_http_triggers_auth.h"
#include "ngx_http_triggers_resources.h"
#include "ngx_http_triggers_response.h"


static ngx_int_t ngx_http_triggers_change(ngx_http_request_t *r,
    ngx_uint_t op, ngx_http_triggers_commit_pt handler);
static ngx_int_t ngx_http_triggers_acknowledged(ngx_http_request_t *r,
    ngx_triggers_result_t *result);
static ngx_int_t ngx_http_triggers_retried(ngx_http_request_t *r,
    ngx_triggers_result_t *result);
static ngx_int_t ngx_http_triggers_removed(ngx_http_request_t *r,
    ngx_triggers_result_t *result);
static ngx_int_t ngx_http_triggers_deleted(ngx_http_request_t *r,
    ngx_triggers_result_t *result);
static ngx_int_t ngx_http_triggers_no_event(ngx_http_request_t *r);
static ngx_int_t ngx_http_triggers_no_content(ngx_http_request_t *r);
static ngx_buf_t *ngx_http_triggers_change_body(ngx_http_request_t *r,
    const char *status);


ngx_int_t
ngx_http_triggers_event_acknowledge(ngx_http_request_t *r)
{
    return ngx_http_triggers_change(r, NGX_TRIGGERS_OP_ACKNOWLEDGE,
                                    ngx_http_triggers_acknowledged);
}


ngx_int_t
ngx_http_triggers_event_retry(ngx_http_request_t *r)
{
    return ngx_http_triggers_change(r, NGX_TRIGGERS_OP_RETRY,
                                    ngx_http_triggers_retried);
}


ngx_int_t
ngx_http_triggers_event_remove(ngx_http_request_t *r)
{
    return ngx_http_triggers_change(r, NGX_TRIGGERS_OP_DELETE,
                                    ngx_http_triggers_removed);
}


ngx_int_t
ngx_http_triggers_event_delete(ngx_http_request_t *r)
{
    return ngx_http_triggers_change(r, NGX_TRIGGERS_OP_DELETE,
                                    ngx_http_triggers_deleted);
}


static ngx_int_t
ngx_http_triggers_change(ngx_http_request_t *r, ngx_uint_t op,
    ngx_http_triggers_commit_pt handler)
{
    ngx_triggers_mutation_t   mutation;
    ngx_http_triggers_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    ngx_memzero(&mutation, sizeof(ngx_triggers_mutation_t));

    mutation.op = op;
    mutation.time = ngx_http_triggers_now();
    mutation.user_id = ctx->key->user_id;
    mutation.any_owner = ngx_http_triggers_is_admin(ctx);
    ngx_memcpy(mutation.id, ctx->event_id, NGX_TRIGGERS_ID_LEN);

    return ngx_http_triggers_submit(r, &mutation, 1, handler);
}


static ngx_int_t
ngx_http_triggers_acknowledged(ngx_http_request_t *r,
    ngx_triggers_result_t *result)
{
    ngx_buf_t  *b;

    if (result->rc == NGX_TRIGGERS_RC_NOT_FOUND) {
        return ngx_http_triggers_no_event(r);
    }

    if (result->rc != NGX_TRIGGERS_RC_OK) {
        return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_CONFLICT, NULL,
                                       "the event is acknowledged already");
    }

    b = ngx_http_triggers_change_body(r, "acknowledged");
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b->last = ngx_http_triggers_write_time(b->last, "acknowledged_at",
                                           result->time);
    b->last = ngx_slprintf(b->last, b->end,
                           ",\"message\":\"Event acknowledged\"");

    return ngx_http_triggers_send_object(r, NGX_HTTP_OK, b,
                                         ngx_http_triggers_now());
}


static ngx_int_t
ngx_http_triggers_retried(ngx_http_request_t *r,
    ngx_triggers_result_t *result)
{
    ngx_buf_t  *b;

    if (result->rc == NGX_TRIGGERS_RC_NOT_FOUND) {
        return ngx_http_triggers_no_event(r);
    }

    if (result->rc == NGX_TRIGGERS_RC_EXHAUSTED) {
        return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_CONFLICT, NULL,
                                       "the event has been retried %d times "
                                       "already", NGX_TRIGGERS_MAX_RETRIES);
    }

    if (result->rc != NGX_TRIGGERS_RC_OK) {
        return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_CONFLICT, NULL,
                                       "only a failed event can be retried");
    }

    b = ngx_http_triggers_change_body(r, "retrying");
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b->last = ngx_slprintf(b->last, b->end, ",\"new_attempt\":%uD",
                           result->count);

    return ngx_http_triggers_send_object(r, NGX_HTTP_OK, b,
                                         ngx_http_triggers_now());
}


static ngx_int_t
ngx_http_triggers_removed(ngx_http_request_t *r,
    ngx_triggers_result_t *result)
{
    ngx_buf_t  *b;

    if (result->rc == NGX_TRIGGERS_RC_NOT_FOUND) {
        return ngx_http_triggers_no_event(r);
    }

    b = ngx_http_triggers_change_body(r, "deleted");
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_triggers_send_object(r, NGX_HTTP_OK, b,
                                         ngx_http_triggers_now());
}


/* idempotent: an event that is not there is as good as deleted */

static ngx_int_t
ngx_http_triggers_deleted(ngx_http_request_t *r,
    ngx_triggers_result_t *result)
{
    ngx_buf_t                *b;
    ngx_http_triggers_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    if (ngx_strlcasestrn(ctx->prefer.data,
                         ctx->prefer.data + ctx->prefer.len,
                         (u_char *) "return=minimal",
                         sizeof("return=minimal") - 2))
    {
        return ngx_http_triggers_no_content(r);
    }

    b = ngx_http_triggers_change_body(r, "deleted");
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (result->rc == NGX_TRIGGERS_RC_OK) {
        b->last = ngx_slprintf(b->last, b->end, ",\"deleted\":true,"
                               "\"message\":\"Event deleted\"");

    } else {
        b->last = ngx_slprintf(b->last, b->end, ",\"deleted\":false,"
                               "\"message\":\"There is no such event\"");
    }

    return ngx_http_triggers_send_object(r, NGX_HTTP_OK, b,
                                         ngx_http_triggers_now());
}


static ngx_int_t
ngx_http_triggers_no_event(ngx_http_request_t *r)
{
    return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_NOT_FOUND, NULL,
                                   "there is no such event");
}


static ngx_int_t
ngx_http_triggers_no_content(ngx_http_request_t *r)
{
    ngx_str_t                 value;
    ngx_http_triggers_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    ctx->answered = 1;

    ngx_str_set(&value, "return=minimal");

    if (ngx_http_triggers_add_header(r, "Preference-Applied", &value) == NULL)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.status = NGX_HTTP_NO_CONTENT;
    r->header_only = 1;

    return ngx_http_send_header(r);
}


static ngx_buf_t *
ngx_http_triggers_change_body(ngx_http_request_t *r, const char *status)
{
    u_char                    id[NGX_HTTP_TRIGGERS_UUID_LEN];
    ngx_buf_t                *b;
    ngx_http_triggers_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    b = ngx_create_temp_buf(r->pool, 2 * NGX_HTTP_TRIGGERS_TAIL);
    if (b == NULL) {
        return NULL;
    }

    (void) ngx_triggers_uuid_format(id, ctx->event_id);

    b->last = ngx_slprintf(b->last, b->end,
                           "{\"event_id\":\"%*s\",\"status\":\"%s\"",
                           sizeof(id), id, status);

    return b;
}
