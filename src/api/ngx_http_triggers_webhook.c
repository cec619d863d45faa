
/*
 * Changing webhooks: POST, PATCH, DELETE, rotation of the secret, and the
 * event that tries one.  Each is one record through the ring; when it is
 * answered, the events that come after are matched against what it has made.
 *
 * The secret is told in the answer that makes it, once, and wiped with the
 * request.  A text of a request's body that has one is wiped as well.
 */


#include "ngx_http_triggers_auth.h"
#include "ngx_http_triggers_event.h"
#include "ngx_http_triggers_key.h"
#include "ngx_http_triggers_limit.h"
#include "ngx_http_triggers_resources.h"
#include "ngx_http_triggers_response.h"
#include "ngx_http_triggers_webhook.h"
#include "ngx_triggers_signature.h"


static ngx_int_t ngx_http_triggers_webhook_body(ngx_http_request_t *r,
    ngx_http_triggers_webhook_body_t *wb, ngx_uint_t op);
static ngx_http_triggers_webhook_state_t *ngx_http_triggers_webhook_make(
    ngx_http_request_t *r, ngx_triggers_webhook_t *webhook);
static void ngx_http_triggers_webhook_cleanup(void *data);
static ngx_int_t ngx_http_triggers_webhook_submit(ngx_http_request_t *r,
    ngx_uint_t op, ngx_triggers_webhook_change_t *change,
    ngx_http_triggers_commit_pt handler);
static ngx_int_t ngx_http_triggers_webhook_create_done(
    ngx_http_request_t *r, ngx_triggers_result_t *result);
static ngx_int_t ngx_http_triggers_webhook_change_done(
    ngx_http_request_t *r, ngx_triggers_result_t *result);
static ngx_int_t ngx_http_triggers_webhook_delete_done(
    ngx_http_request_t *r, ngx_triggers_result_t *result);
static ngx_int_t ngx_http_triggers_webhook_test_done(ngx_http_request_t *r,
    ngx_triggers_result_t *result);
static ngx_int_t ngx_http_triggers_webhook_refused(ngx_http_request_t *r,
    ngx_triggers_result_t *result, const char *conflict);


ngx_int_t
ngx_http_triggers_webhook_create(ngx_http_request_t *r)
{
    ngx_int_t                           rc;
    ngx_triggers_webhook_t             *webhook;
    ngx_http_triggers_ctx_t            *ctx;
    ngx_http_triggers_main_conf_t      *tmcf;
    ngx_http_triggers_webhook_body_t    wb;
    ngx_http_triggers_webhook_state_t  *state;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    tmcf = ngx_http_get_module_main_conf(r, ngx_http_triggers_module);

    rc = ngx_http_triggers_webhook_body(r, &wb,
                                        NGX_TRIGGERS_OP_WEBHOOK_CREATE);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    webhook = &wb.change.webhook;

    webhook->user_id = ctx->key->user_id;
    webhook->created_at = ngx_http_triggers_now();
    webhook->updated_at = webhook->created_at;

    ngx_triggers_uuid_v7(&tmcf->uuid, webhook->created_at, webhook->id);

    state = ngx_http_triggers_webhook_make(r, webhook);
    if (state == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    state->webhook = *webhook;

    return ngx_http_triggers_webhook_submit(r, NGX_TRIGGERS_OP_WEBHOOK_CREATE,
                                       &wb.change,
                                       ngx_http_triggers_webhook_create_done);
}


ngx_int_t
ngx_http_triggers_webhook_update(ngx_http_request_t *r)
{
    ngx_int_t                         rc;
    ngx_http_triggers_webhook_body_t  wb;

    rc = ngx_http_triggers_webhook_body(r, &wb,
                                        NGX_TRIGGERS_OP_WEBHOOK_UPDATE);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    return ngx_http_triggers_webhook_submit(r, NGX_TRIGGERS_OP_WEBHOOK_UPDATE,
                                       &wb.change,
                                       ngx_http_triggers_webhook_change_done);
}


ngx_int_t
ngx_http_triggers_webhook_rotate(ngx_http_request_t *r)
{
    ngx_int_t                         rc;
    ngx_http_triggers_webhook_body_t  wb;

    rc = ngx_http_triggers_webhook_body(r, &wb,
                                        NGX_TRIGGERS_OP_WEBHOOK_ROTATE);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    if (ngx_http_triggers_webhook_make(r, &wb.change.webhook) == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_triggers_webhook_submit(r, NGX_TRIGGERS_OP_WEBHOOK_ROTATE,
                                       &wb.change,
                                       ngx_http_triggers_webhook_change_done);
}


ngx_int_t
ngx_http_triggers_webhook_delete(ngx_http_request_t *r)
{
    ngx_triggers_webhook_change_t  change;

    ngx_memzero(&change, sizeof(ngx_triggers_webhook_change_t));

    return ngx_http_triggers_webhook_submit(r, NGX_TRIGGERS_OP_WEBHOOK_DELETE,
                                       &change,
                                       ngx_http_triggers_webhook_delete_done);
}


/* an event like any other, but for this one endpoint */

ngx_int_t
ngx_http_triggers_webhook_test(ngx_http_request_t *r)
{
    u_char                   *p;
    ngx_str_t                *payload;
    ngx_triggers_mutation_t   mutation;
    ngx_http_triggers_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    ngx_memzero(&mutation, sizeof(ngx_triggers_mutation_t));

    payload = &mutation.event.payload;

    payload->len = sizeof("{\"webhook_id\":\"\"}") - 1
                   + NGX_HTTP_TRIGGERS_UUID_LEN;

    payload->data = ngx_pnalloc(r->pool, payload->len);
    if (payload->data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    p = ngx_cpymem(payload->data, "{\"webhook_id\":\"",
                   sizeof("{\"webhook_id\":\"") - 1);
    p = ngx_triggers_uuid_format(p, ctx->id);
    *p++ = '"';
    *p = '}';

    ngx_str_set(&mutation.event.event_type, "webhook.test");
    mutation.event.priority = NGX_TRIGGERS_PRIORITY_NORMAL;

    ngx_http_triggers_event_mutation(r, &mutation);

    mutation.any_owner = ngx_http_triggers_is_admin(ctx);
    mutation.target.data = ctx->id;
    mutation.target.len = NGX_TRIGGERS_WEBHOOK_ID_LEN;

    ngx_memcpy(ctx->event_id, mutation.id, NGX_TRIGGERS_ID_LEN);
    ctx->has_event_id = 1;

    return ngx_http_triggers_submit_one(r, &mutation, 1,
                                        ngx_http_triggers_webhook_test_done);
}


/* NGX_DECLINED: the body has been read, go on; else as a handler */

static ngx_int_t
ngx_http_triggers_webhook_body(ngx_http_request_t *r,
    ngx_http_triggers_webhook_body_t *wb, ngx_uint_t op)
{
    ngx_int_t                      rc;
    ngx_http_triggers_ctx_t       *ctx;
    ngx_http_triggers_loc_conf_t  *tlcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_triggers_module);

    wb->allow = tlcf->webhook_allow;

    rc = ngx_http_triggers_webhook_body_parse(wb, r->pool, &ctx->body, op);

    return ngx_http_triggers_charge_body(r, rc, 1, &wb->field, &wb->message);
}


/* gives the webhook a secret, unless it has one; NULL: logged */

static ngx_http_triggers_webhook_state_t *
ngx_http_triggers_webhook_make(ngx_http_request_t *r,
    ngx_triggers_webhook_t *webhook)
{
    ngx_str_t                          *secret;
    ngx_pool_cleanup_t                 *cln;
    ngx_http_triggers_ctx_t            *ctx;
    ngx_http_triggers_webhook_state_t  *state;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    cln = ngx_pool_cleanup_add(r->pool,
                               sizeof(ngx_http_triggers_webhook_state_t));
    if (cln == NULL) {
        return NULL;
    }

    state = cln->data;
    ngx_memzero(state, sizeof(ngx_http_triggers_webhook_state_t));

    cln->handler = ngx_http_triggers_webhook_cleanup;
    ctx->key_state = state;

    secret = &webhook->secret;

    if (secret->data) {
        ngx_memcpy(state->secret, secret->data, secret->len);
        ngx_explicit_memzero(secret->data, secret->len);

    } else {
        secret->len = NGX_TRIGGERS_SECRET_TEXT_LEN;

        if (ngx_triggers_secret_create(state->secret) != NGX_OK) {
            ngx_log_error(NGX_LOG_CRIT, r->connection->log, ngx_errno,
                          "getrandom() failed");
            return NULL;
        }
    }

    secret->data = state->secret;
    state->webhook.secret = *secret;

    return state;
}


static void
ngx_http_triggers_webhook_cleanup(void *data)
{
    ngx_http_triggers_webhook_state_t *state = data;

    ngx_explicit_memzero(state->secret, sizeof(state->secret));
}


static ngx_int_t
ngx_http_triggers_webhook_submit(ngx_http_request_t *r, ngx_uint_t op,
    ngx_triggers_webhook_change_t *change, ngx_http_triggers_commit_pt handler)
{
    ngx_triggers_mutation_t   mutation;
    ngx_http_triggers_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    ngx_http_triggers_mutation(r, &mutation, op);

    mutation.webhook = change;
    ngx_memcpy(mutation.id, ctx->id, NGX_TRIGGERS_ID_LEN);

    return ngx_http_triggers_submit_one(r, &mutation, 1, handler);
}


static ngx_int_t
ngx_http_triggers_webhook_create_done(ngx_http_request_t *r,
    ngx_triggers_result_t *result)
{
    ngx_triggers_text_t                *text;
    ngx_http_triggers_ctx_t            *ctx;
    ngx_http_triggers_webhook_state_t  *state;

    if (result->rc != NGX_TRIGGERS_RC_OK) {
        return ngx_http_triggers_webhook_refused(r, result, NULL);
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    state = ctx->key_state;

    text = &state->text;
    ngx_triggers_text_init(text, r->pool);

    if (ngx_triggers_text_wipe(text) != NGX_OK
        || ngx_http_triggers_add_location(r, "/v1/webhooks/",
                                          state->webhook.id)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_triggers_webhook_write(text, &state->webhook,
                                    ngx_http_triggers_now());
    ngx_triggers_text_puts(text, ",\"secret\":");
    ngx_triggers_text_string(text, &state->webhook.secret);
    ngx_http_triggers_text_end(text, ngx_http_triggers_now(),
                               &ctx->request_id);

    return ngx_http_triggers_send_text(r, NGX_HTTP_CREATED, text);
}


static ngx_int_t
ngx_http_triggers_webhook_change_done(ngx_http_request_t *r,
    ngx_triggers_result_t *result)
{
    ngx_http_triggers_ctx_t  *ctx;

    if (result->rc != NGX_TRIGGERS_RC_OK) {
        return ngx_http_triggers_webhook_refused(r, result, NULL);
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    return ngx_http_triggers_webhook_answer(r, ctx->key_state);
}


/* idempotent: a webhook that is not there is as good as deleted */

static ngx_int_t
ngx_http_triggers_webhook_delete_done(ngx_http_request_t *r,
    ngx_triggers_result_t *result)
{
    u_char                    id[NGX_HTTP_TRIGGERS_UUID_LEN];
    ngx_uint_t                deleted;
    ngx_http_triggers_ctx_t  *ctx;

    if (result->rc != NGX_TRIGGERS_RC_OK
        && result->rc != NGX_TRIGGERS_RC_NOT_FOUND)
    {
        return ngx_http_triggers_webhook_refused(r, result, NULL);
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    deleted = (result->rc == NGX_TRIGGERS_RC_OK);

    (void) ngx_triggers_uuid_format(id, ctx->id);

    return ngx_http_triggers_send_json(r, NGX_HTTP_OK,
                                       json_pack("{s:s%, s:s, s:b, s:s}",
                                                 "webhook_id", id, sizeof(id),
                                                 "status", "deleted",
                                                 "deleted", (int) deleted,
                                                 "message",
                                                 deleted
                                                 ? "Webhook deleted"
                                                 : "There is no such webhook"),
                                       ngx_http_triggers_now());
}


static ngx_int_t
ngx_http_triggers_webhook_test_done(ngx_http_request_t *r,
    ngx_triggers_result_t *result)
{
    u_char                    id[NGX_HTTP_TRIGGERS_UUID_LEN];
    u_char                    event_id[NGX_HTTP_TRIGGERS_UUID_LEN];
    ngx_http_triggers_ctx_t  *ctx;

    if (result->rc != NGX_TRIGGERS_RC_OK) {
        return ngx_http_triggers_webhook_refused(r, result,
                                                 "the webhook is not active");
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    (void) ngx_triggers_uuid_format(id, ctx->id);
    (void) ngx_triggers_uuid_format(event_id, ctx->event_id);

    return ngx_http_triggers_send_json(r, NGX_HTTP_ACCEPTED,
                                       json_pack("{s:s%, s:s%, s:s, s:s}",
                                                 "webhook_id", id, sizeof(id),
                                                 "event_id", event_id,
                                                 sizeof(event_id), "status",
                                                 "pending", "message",
                                                 "Event on its way"),
                                       result->time);
}


/* conflict says what that means, NULL: the webhook is one of a directive */

static ngx_int_t
ngx_http_triggers_webhook_refused(ngx_http_request_t *r,
    ngx_triggers_result_t *result, const char *conflict)
{
    switch (result->rc) {

    case NGX_TRIGGERS_RC_NOT_FOUND:
        return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_NOT_FOUND, NULL,
                                       "there is no such webhook");

    case NGX_TRIGGERS_RC_CONFLICT:
        return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_CONFLICT, NULL,
                                       conflict ? conflict
                                       : "the webhook is one of the "
                                         "configuration, which alone can "
                                         "change it");

    case NGX_TRIGGERS_RC_NO_ROOM:
        return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_CONFLICT, NULL,
                                       "you have %d webhooks, which is the "
                                       "most: delete some",
                                       NGX_TRIGGERS_WEBHOOKS_MAX);

    default:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
}
