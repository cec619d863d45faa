
/*
 * What changes one event that is stored: acknowledge, retry, remove.  Each is
 * one record through the ring, answered after its effect is committed,
 * whatever mode the location has for events.
 */


#include "ngx_http_triggers_accept.h"
#include "ngx_http_triggers_resources.h"
#include "ngx_http_triggers_response.h"
#include "ngx_triggers_time.h"


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
static ngx_int_t ngx_http_triggers_changed(ngx_http_request_t *r,
    const char *status, json_t *members);


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

    ngx_http_triggers_mutation(r, &mutation, op);
    ngx_memcpy(mutation.id, ctx->event_id, NGX_TRIGGERS_ID_LEN);

    return ngx_http_triggers_submit_one(r, &mutation, 1, handler);
}


static ngx_int_t
ngx_http_triggers_acknowledged(ngx_http_request_t *r,
    ngx_triggers_result_t *result)
{
    u_char  time[NGX_TRIGGERS_TIME_LEN];

    if (result->rc == NGX_TRIGGERS_RC_NOT_FOUND) {
        return ngx_http_triggers_no_event(r);
    }

    if (result->rc != NGX_TRIGGERS_RC_OK) {
        return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_CONFLICT, NULL,
                                       "the event is acknowledged already");
    }

    (void) ngx_triggers_time_format(time, result->time);

    return ngx_http_triggers_changed(r, "acknowledged",
                                     json_pack("{s:s%, s:s}",
                                               "acknowledged_at",
                                               time, sizeof(time), "message",
                                               "Event acknowledged"));
}


static ngx_int_t
ngx_http_triggers_retried(ngx_http_request_t *r,
    ngx_triggers_result_t *result)
{
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

    return ngx_http_triggers_changed(r, "retrying",
                                     json_pack("{s:i}", "new_attempt",
                                               (int) result->count));
}


static ngx_int_t
ngx_http_triggers_removed(ngx_http_request_t *r,
    ngx_triggers_result_t *result)
{
    if (result->rc == NGX_TRIGGERS_RC_NOT_FOUND) {
        return ngx_http_triggers_no_event(r);
    }

    return ngx_http_triggers_changed(r, "deleted", json_object());
}


/* idempotent: an event that is not there is as good as deleted */

static ngx_int_t
ngx_http_triggers_deleted(ngx_http_request_t *r,
    ngx_triggers_result_t *result)
{
    ngx_uint_t  deleted;

    if (ngx_http_triggers_prefer_minimal(&r->headers_in.headers)) {
        return ngx_http_triggers_no_content(r);
    }

    deleted = (result->rc == NGX_TRIGGERS_RC_OK);

    return ngx_http_triggers_changed(r, "deleted",
                                     json_pack("{s:b, s:s}",
                                               "deleted", (int) deleted,
                                               "message",
                                               deleted
                                               ? "Event deleted"
                                               : "There is no such event"));
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
    ngx_str_t  value;

    ngx_str_set(&value, "return=minimal");

    if (ngx_http_triggers_add_header(r, "Preference-Applied", &value) == NULL)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_triggers_send_empty(r);
}


/* takes the reference to members over */

static ngx_int_t
ngx_http_triggers_changed(ngx_http_request_t *r, const char *status,
    json_t *members)
{
    u_char                    id[NGX_HTTP_TRIGGERS_UUID_LEN];
    json_t                   *body;
    ngx_http_triggers_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    (void) ngx_triggers_uuid_format(id, ctx->event_id);

    body = json_pack("{s:s%, s:s}", "event_id", id, sizeof(id), "status",
                     status);

    if (body == NULL || json_object_update(body, members) != 0) {
        json_decref(body);
        json_decref(members);

        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    json_decref(members);

    return ngx_http_triggers_send_json(r, NGX_HTTP_OK, body,
                                       ngx_http_triggers_now());
}
