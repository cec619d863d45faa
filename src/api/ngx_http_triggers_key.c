
/*
 * Changing keys: POST, PATCH, DELETE and rotation.  Each is one record through
 * the ring; when it is answered the table of keys that all workers read has
 * been changed.
 *
 * Who is no admin sees the keys of its own user only, and can give a key
 * nothing that it may not do itself.  What a key that is to be changed may do
 * is known to the store alone, which checks that.
 *
 * The plain key is made here of the kernel's random bytes, hashed, put into
 * one answer and wiped with the request.
 */


#include "ngx_http_triggers_auth.h"
#include "ngx_http_triggers_key.h"
#include "ngx_http_triggers_limit.h"
#include "ngx_http_triggers_resources.h"
#include "ngx_http_triggers_response.h"
#include "ngx_triggers_sha256.h"


#define NGX_HTTP_TRIGGERS_KEY_SECRET  32       /* random bytes */


static ngx_int_t ngx_http_triggers_key_body(ngx_http_request_t *r,
    ngx_http_triggers_key_body_t *kb, ngx_uint_t op);
static ngx_int_t ngx_http_triggers_key_check(ngx_http_request_t *r,
    ngx_http_triggers_key_body_t *kb);
static void ngx_http_triggers_key_defaults(ngx_http_request_t *r,
    ngx_http_triggers_key_body_t *kb);
static ngx_uint_t ngx_http_triggers_key_own_rate(ngx_http_request_t *r);
static ngx_http_triggers_key_state_t *ngx_http_triggers_key_make(
    ngx_http_request_t *r, ngx_triggers_key_t *key);
static void ngx_http_triggers_key_cleanup(void *data);
static ngx_int_t ngx_http_triggers_key_submit(ngx_http_request_t *r,
    ngx_uint_t op, ngx_triggers_key_change_t *change,
    ngx_http_triggers_commit_pt handler);
static ngx_int_t ngx_http_triggers_key_create_done(ngx_http_request_t *r,
    ngx_triggers_result_t *result);
static ngx_int_t ngx_http_triggers_key_update_done(ngx_http_request_t *r,
    ngx_triggers_result_t *result);
static ngx_int_t ngx_http_triggers_key_rotate_done(ngx_http_request_t *r,
    ngx_triggers_result_t *result);
static ngx_int_t ngx_http_triggers_key_revoke_done(ngx_http_request_t *r,
    ngx_triggers_result_t *result);
static ngx_int_t ngx_http_triggers_key_refused(ngx_http_request_t *r,
    ngx_triggers_result_t *result);
static ngx_int_t ngx_http_triggers_no_key(ngx_http_request_t *r);


ngx_int_t
ngx_http_triggers_key_create(ngx_http_request_t *r)
{
    ngx_int_t                       rc;
    ngx_triggers_key_t             *key;
    ngx_http_triggers_key_body_t    kb;
    ngx_http_triggers_key_state_t  *state;

    rc = ngx_http_triggers_key_body(r, &kb, NGX_TRIGGERS_OP_KEY_CREATE);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    ngx_http_triggers_key_defaults(r, &kb);

    rc = ngx_http_triggers_key_check(r, &kb);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    key = &kb.change.key;
    key->active = 1;
    key->created_at = ngx_http_triggers_now();
    key->updated_at = key->created_at;

    state = ngx_http_triggers_key_make(r, key);
    if (state == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    state->key = *key;

    return ngx_http_triggers_key_submit(r, NGX_TRIGGERS_OP_KEY_CREATE,
                                        &kb.change,
                                        ngx_http_triggers_key_create_done);
}


ngx_int_t
ngx_http_triggers_key_update(ngx_http_request_t *r)
{
    ngx_int_t                      rc;
    ngx_http_triggers_key_body_t   kb;

    rc = ngx_http_triggers_key_body(r, &kb, NGX_TRIGGERS_OP_KEY_UPDATE);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    rc = ngx_http_triggers_key_check(r, &kb);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    return ngx_http_triggers_key_submit(r, NGX_TRIGGERS_OP_KEY_UPDATE,
                                        &kb.change,
                                        ngx_http_triggers_key_update_done);
}


ngx_int_t
ngx_http_triggers_key_rotate(ngx_http_request_t *r)
{
    ngx_int_t                       rc;
    ngx_http_triggers_key_body_t    kb;
    ngx_http_triggers_key_state_t  *state;

    rc = ngx_http_triggers_key_body(r, &kb, NGX_TRIGGERS_OP_KEY_ROTATE);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    state = ngx_http_triggers_key_make(r, &kb.change.key);
    if (state == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    state->key = kb.change.key;

    return ngx_http_triggers_key_submit(r, NGX_TRIGGERS_OP_KEY_ROTATE,
                                        &kb.change,
                                        ngx_http_triggers_key_rotate_done);
}


ngx_int_t
ngx_http_triggers_key_revoke(ngx_http_request_t *r)
{
    ngx_triggers_key_change_t  change;

    ngx_memzero(&change, sizeof(ngx_triggers_key_change_t));

    return ngx_http_triggers_key_submit(r, NGX_TRIGGERS_OP_KEY_REVOKE,
                                        &change,
                                        ngx_http_triggers_key_revoke_done);
}


/* NGX_DECLINED: the body has been read, go on; else as a handler */

static ngx_int_t
ngx_http_triggers_key_body(ngx_http_request_t *r,
    ngx_http_triggers_key_body_t *kb, ngx_uint_t op)
{
    ngx_int_t                 rc;
    ngx_http_triggers_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    rc = ngx_http_triggers_key_body_parse(kb, r->pool, &ctx->body, op,
                                          ngx_http_triggers_now());

    return ngx_http_triggers_charge_body(r, rc, 1, &kb->field, &kb->message);
}


/* NGX_DECLINED: it asks for nothing that the asker may not do, go on */

static ngx_int_t
ngx_http_triggers_key_check(ngx_http_request_t *r,
    ngx_http_triggers_key_body_t *kb)
{
    ngx_str_t                *own;
    ngx_uint_t                lacks, rate;
    ngx_triggers_key_t       *key;
    ngx_http_triggers_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    if (ngx_http_triggers_is_admin(ctx)) {
        return NGX_DECLINED;
    }

    key = &kb->change.key;
    own = &ctx->key->user_id;

    if (kb->has_user
        && (key->user_id.len != own->len
            || ngx_memcmp(key->user_id.data, own->data, own->len) != 0))
    {
        return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_FORBIDDEN,
                                       "user_id", "only an admin makes keys "
                                       "for other users");
    }

    lacks = key->scopes & ~ctx->key->scopes;

    if ((kb->change.members & NGX_TRIGGERS_KEY_SCOPES) && lacks) {
        return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_FORBIDDEN,
                                       "scopes", "your key lacks the scope "
                                       "%V and cannot give it",
                                       ngx_http_triggers_scope_name(&lacks));
    }

    rate = ngx_http_triggers_key_own_rate(r);

    if ((kb->change.members & NGX_TRIGGERS_KEY_RATE) && rate
        && (key->rate == 0 || key->rate > rate))
    {
        return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_FORBIDDEN,
                                       "rate_limit", "your key has a limit of "
                                       "%ui and cannot give a higher one",
                                       rate);
    }

    return NGX_DECLINED;
}


static void
ngx_http_triggers_key_defaults(ngx_http_request_t *r,
    ngx_http_triggers_key_body_t *kb)
{
    ngx_uint_t                     rate, own;
    ngx_triggers_key_t            *key;
    ngx_http_triggers_ctx_t       *ctx;
    ngx_http_triggers_loc_conf_t  *tlcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_triggers_module);

    key = &kb->change.key;

    if (!kb->has_user) {
        key->user_id = ctx->key->user_id;
    }

    if (!(kb->change.members & NGX_TRIGGERS_KEY_SCOPES)) {
        key->scopes = NGX_HTTP_TRIGGERS_SCOPE_DEFAULT;
        kb->change.members |= NGX_TRIGGERS_KEY_SCOPES;
    }

    if (!(kb->change.members & NGX_TRIGGERS_KEY_RATE)) {
        rate = tlcf->rate_limit;
        own = ngx_http_triggers_key_own_rate(r);

        if (own && (rate == 0 || rate > own)
            && !ngx_http_triggers_is_admin(ctx))
        {
            rate = own;
        }

        key->rate = (uint32_t) rate;
    }

    if (!(kb->change.members & NGX_TRIGGERS_KEY_EXPIRES) && tlcf->key_ttl) {
        key->expires_at = ngx_http_triggers_now()
                          + (int64_t) tlcf->key_ttl * 1000;
    }
}


static ngx_uint_t
ngx_http_triggers_key_own_rate(ngx_http_request_t *r)
{
    ngx_http_triggers_ctx_t       *ctx;
    ngx_http_triggers_loc_conf_t  *tlcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_triggers_module);

    return (ctx->key->rate == NGX_CONF_UNSET_UINT) ? tlcf->rate_limit
                                                   : ctx->key->rate;
}


/* gives the key its id, digest and prefix; NULL: logged */

static ngx_http_triggers_key_state_t *
ngx_http_triggers_key_make(ngx_http_request_t *r, ngx_triggers_key_t *key)
{
    u_char                         *p, secret[NGX_HTTP_TRIGGERS_KEY_SECRET];
    ngx_str_t                       src, dst;
    ngx_int_t                       rc;
    ngx_pool_cleanup_t             *cln;
    ngx_http_triggers_ctx_t        *ctx;
    ngx_http_triggers_key_state_t  *state;
    ngx_http_triggers_main_conf_t  *tmcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    tmcf = ngx_http_get_module_main_conf(r, ngx_http_triggers_module);

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_triggers_key_state_t));
    if (cln == NULL) {
        return NULL;
    }

    state = cln->data;
    ngx_memzero(state, sizeof(ngx_http_triggers_key_state_t));

    cln->handler = ngx_http_triggers_key_cleanup;
    ctx->key_state = state;

    if (ngx_triggers_random(secret, sizeof(secret)) != NGX_OK) {
        ngx_log_error(NGX_LOG_CRIT, r->connection->log, ngx_errno,
                      "getrandom() failed");
        return NULL;
    }

    p = ngx_cpymem(state->plain, "sk-live-", sizeof("sk-live-") - 1);

    src.data = secret;
    src.len = sizeof(secret);
    dst.data = p;
    ngx_encode_base64url(&dst, &src);

    ngx_explicit_memzero(secret, sizeof(secret));

    src.data = state->plain;
    src.len = NGX_HTTP_TRIGGERS_KEY_LEN;

    rc = ngx_triggers_sha256(&src, key->digest);
    if (rc != NGX_OK) {
        return NULL;
    }

    key->prefix.data = state->plain;
    key->prefix.len = NGX_TRIGGERS_KEY_PREFIX_LEN;

    ngx_triggers_uuid_v7(&tmcf->uuid, ngx_http_triggers_now(), key->id);

    return state;
}


static void
ngx_http_triggers_key_cleanup(void *data)
{
    ngx_http_triggers_key_state_t *state = data;

    ngx_explicit_memzero(state->plain, sizeof(state->plain));
}


static ngx_int_t
ngx_http_triggers_key_submit(ngx_http_request_t *r, ngx_uint_t op,
    ngx_triggers_key_change_t *change, ngx_http_triggers_commit_pt handler)
{
    ngx_triggers_mutation_t   mutation;
    ngx_http_triggers_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    change->scopes = (uint32_t) ctx->key->scopes;
    change->rate = (uint32_t) ngx_http_triggers_key_own_rate(r);

    ngx_http_triggers_mutation(r, &mutation, op);

    mutation.change = change;
    ngx_memcpy(mutation.id, ctx->id, NGX_TRIGGERS_ID_LEN);

    return ngx_http_triggers_submit_one(r, &mutation, 1, handler);
}


static ngx_int_t
ngx_http_triggers_key_create_done(ngx_http_request_t *r,
    ngx_triggers_result_t *result)
{
    ngx_str_t                       plain;
    ngx_triggers_text_t            *text;
    ngx_http_triggers_ctx_t        *ctx;
    ngx_http_triggers_key_state_t  *state;

    if (result->rc != NGX_TRIGGERS_RC_OK) {
        return ngx_http_triggers_key_refused(r, result);
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    state = ctx->key_state;

    plain.data = state->plain;
    plain.len = sizeof(state->plain);

    text = &state->text;
    ngx_triggers_text_init(text, r->pool);

    if (ngx_triggers_text_wipe(text) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_triggers_key_write(text, &state->key, ngx_http_triggers_now());
    ngx_triggers_text_puts(text, ",\"key\":");
    ngx_triggers_text_string(text, &plain);
    ngx_http_triggers_text_end(text, ngx_http_triggers_now(),
                               &ctx->request_id);

    return ngx_http_triggers_key_created(r, &state->key, text);
}


static ngx_int_t
ngx_http_triggers_key_update_done(ngx_http_request_t *r,
    ngx_triggers_result_t *result)
{
    ngx_http_triggers_ctx_t  *ctx;

    if (result->rc != NGX_TRIGGERS_RC_OK) {
        return ngx_http_triggers_key_refused(r, result);
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    return ngx_http_triggers_key_answer(r, ctx->id, NULL);
}


static ngx_int_t
ngx_http_triggers_key_rotate_done(ngx_http_request_t *r,
    ngx_triggers_result_t *result)
{
    ngx_http_triggers_ctx_t        *ctx;
    ngx_http_triggers_key_state_t  *state;

    if (result->rc != NGX_TRIGGERS_RC_OK) {
        return ngx_http_triggers_key_refused(r, result);
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    state = ctx->key_state;

    return ngx_http_triggers_key_answer(r, state->key.id, state);
}


/* idempotent: a key that is not there is as good as revoked */

static ngx_int_t
ngx_http_triggers_key_revoke_done(ngx_http_request_t *r,
    ngx_triggers_result_t *result)
{
    u_char                    id[NGX_HTTP_TRIGGERS_UUID_LEN];
    ngx_uint_t                revoked;
    ngx_http_triggers_ctx_t  *ctx;

    revoked = (result->rc == NGX_TRIGGERS_RC_OK);

    if (!revoked && result->rc != NGX_TRIGGERS_RC_NOT_FOUND) {
        return ngx_http_triggers_key_refused(r, result);
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    (void) ngx_triggers_uuid_format(id, ctx->id);

    return ngx_http_triggers_send_json(r, NGX_HTTP_OK,
                                       json_pack("{s:s%, s:s, s:b, s:s}",
                                                 "key_id", id, sizeof(id),
                                                 "status", "revoked",
                                                 "revoked", (int) revoked,
                                                 "message",
                                                 revoked
                                                 ? "Key revoked"
                                                 : "There is no such key"),
                                       ngx_http_triggers_now());
}


static ngx_int_t
ngx_http_triggers_key_refused(ngx_http_request_t *r,
    ngx_triggers_result_t *result)
{
    switch (result->rc) {

    case NGX_TRIGGERS_RC_NOT_FOUND:
        return ngx_http_triggers_no_key(r);

    case NGX_TRIGGERS_RC_CONFLICT:
        return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_CONFLICT, NULL,
                                       "the key is revoked");

    case NGX_TRIGGERS_RC_EXPIRED:
        return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_CONFLICT, NULL,
                                       "the key has expired");

    case NGX_TRIGGERS_RC_FORBIDDEN:
        return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_FORBIDDEN, NULL,
                                       "the key may do more than yours, which "
                                       "cannot change or rotate it");

    default: /* NGX_TRIGGERS_RC_NO_ROOM */
        return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_UNAVAILABLE, NULL,
                                       "the store has no room for more usable "
                                       "keys: revoke some, or make its "
                                       "parameter \"keys=\" larger");
    }
}


static ngx_int_t
ngx_http_triggers_no_key(ngx_http_request_t *r)
{
    return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_NOT_FOUND, NULL,
                                   "there is no such key");
}
