
/*
 * Authentication and scopes.  The answer to a token that is missing, garbled
 * or unknown is one and the same, and no log line ever has a token in it.
 */


#include "ngx_http_triggers_auth.h"
#include "ngx_triggers_networks.h"
#include "ngx_triggers_sha256.h"


static ngx_http_triggers_auth_e ngx_http_triggers_stored_key(
    ngx_http_request_t *r, u_char *digest, ngx_triggers_keys_entry_t *entry);
static ngx_uint_t ngx_http_triggers_from_allowed(ngx_http_request_t *r,
    ngx_triggers_keys_entry_t *entry);
static ngx_http_triggers_key_t *ngx_http_triggers_key_copy(
    ngx_http_request_t *r, ngx_triggers_keys_entry_t *entry);
static ngx_int_t ngx_http_triggers_token(ngx_http_request_t *r,
    ngx_str_t *token);


ngx_http_triggers_auth_e
ngx_http_triggers_authorize(ngx_http_request_t *r, ngx_uint_t scope)
{
    u_char                          digest[NGX_TRIGGERS_SHA256_LEN];
    ngx_str_t                       token;
    ngx_http_triggers_ctx_t        *ctx;
    ngx_http_triggers_auth_e        code;
    ngx_triggers_keys_entry_t       entry;
    ngx_http_triggers_main_conf_t  *tmcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    tmcf = ngx_http_get_module_main_conf(r, ngx_http_triggers_module);

    if (ngx_http_triggers_token(r, &token) != NGX_OK) {
        return NGX_HTTP_TRIGGERS_AUTH_NO_KEY;
    }

    if (ngx_triggers_sha256(&token, digest) != NGX_OK) {
        return NGX_HTTP_TRIGGERS_AUTH_ERROR;
    }

    ctx->key = ngx_http_triggers_keys_find(&tmcf->keys, digest);

    if (ctx->key == NULL) {
        code = ngx_http_triggers_stored_key(r, digest, &entry);

        if (code != NGX_HTTP_TRIGGERS_AUTH_OK) {
            return code;
        }

        ctx->key = ngx_http_triggers_key_copy(r, &entry);
        if (ctx->key == NULL) {
            return NGX_HTTP_TRIGGERS_AUTH_ERROR;
        }

        if (!ngx_http_triggers_from_allowed(r, &entry)) {
            return NGX_HTTP_TRIGGERS_AUTH_ADDRESS;
        }
    }

    if (!(ctx->key->scopes & (scope|NGX_HTTP_TRIGGERS_SCOPE_ADMIN))) {
        return NGX_HTTP_TRIGGERS_AUTH_SCOPE;
    }

    return NGX_HTTP_TRIGGERS_AUTH_OK;
}


ngx_http_triggers_auth_e
ngx_http_triggers_authorize_again(ngx_http_request_t *r, ngx_uint_t scope)
{
    ngx_http_triggers_ctx_t        *ctx;
    ngx_http_triggers_auth_e        code;
    ngx_triggers_keys_entry_t       entry;
    ngx_http_triggers_main_conf_t  *tmcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    tmcf = ngx_http_get_module_main_conf(r, ngx_http_triggers_module);

    if (ngx_http_triggers_keys_find(&tmcf->keys, ctx->key->digest)) {
        return NGX_HTTP_TRIGGERS_AUTH_OK;
    }

    code = ngx_http_triggers_stored_key(r, ctx->key->digest, &entry);

    if (code != NGX_HTTP_TRIGGERS_AUTH_OK) {
        return code;
    }

    if (!ngx_http_triggers_from_allowed(r, &entry)) {
        return NGX_HTTP_TRIGGERS_AUTH_ADDRESS;
    }

    scope |= NGX_HTTP_TRIGGERS_SCOPE_ADMIN;

    if (ctx->key->scopes & ~entry.key.scopes & scope) {
        return NGX_HTTP_TRIGGERS_AUTH_SCOPE;
    }

    return NGX_HTTP_TRIGGERS_AUTH_OK;
}


ngx_uint_t
ngx_http_triggers_is_admin(ngx_http_triggers_ctx_t *ctx)
{
    return (ctx->key->scopes & NGX_HTTP_TRIGGERS_SCOPE_ADMIN) ? 1 : 0;
}


static ngx_http_triggers_auth_e
ngx_http_triggers_stored_key(ngx_http_request_t *r, u_char *digest,
    ngx_triggers_keys_entry_t *entry)
{
    ngx_triggers_keys_t           *keys;
    ngx_http_triggers_loc_conf_t  *tlcf;

    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_triggers_module);

    keys = &tlcf->store->worker.zone->sh->keys;

    if (ngx_triggers_keys_find(keys, digest, entry) != NGX_OK) {
        return __atomic_load_n(&keys->loaded, __ATOMIC_ACQUIRE)
               ? NGX_HTTP_TRIGGERS_AUTH_NO_KEY
               : NGX_HTTP_TRIGGERS_AUTH_NOT_LOADED;
    }

    /* its entry goes when the drainer has time */

    if (entry->key.expires_at
        && entry->key.expires_at <= ngx_http_triggers_now())
    {
        return NGX_HTTP_TRIGGERS_AUTH_NO_KEY;
    }

    return NGX_HTTP_TRIGGERS_AUTH_OK;
}


/* the address is the one that realip has settled, where it is used */

static ngx_uint_t
ngx_http_triggers_from_allowed(ngx_http_request_t *r,
    ngx_triggers_keys_entry_t *entry)
{
    if (entry->key.networks_len == 0) {
        return 1;
    }

    return ngx_triggers_networks_match(entry->key.text + entry->key.user_len,
                                       entry->key.networks_len,
                                       r->connection->sockaddr);
}


static ngx_http_triggers_key_t *
ngx_http_triggers_key_copy(ngx_http_request_t *r,
    ngx_triggers_keys_entry_t *entry)
{
    u_char                   *p;
    ngx_http_triggers_key_t  *key;

    key = ngx_palloc(r->pool, sizeof(ngx_http_triggers_key_t)
                              + NGX_TRIGGERS_UUID_LEN + entry->key.user_len);
    if (key == NULL) {
        return NULL;
    }

    p = (u_char *) (key + 1);

    ngx_memcpy(key->digest, entry->key.digest, NGX_TRIGGERS_KEY_DIGEST_LEN);
    key->scopes = entry->key.scopes;
    key->rate = entry->key.rate;

    key->id.data = p;
    key->id.len = NGX_TRIGGERS_UUID_LEN;
    p = ngx_triggers_uuid_format(p, entry->key.id);

    key->user_id.data = p;
    key->user_id.len = entry->key.user_len;
    ngx_memcpy(p, entry->key.text, entry->key.user_len);

    return key;
}


static ngx_int_t
ngx_http_triggers_token(ngx_http_request_t *r, ngx_str_t *token)
{
    ngx_str_t                *value;
    ngx_http_triggers_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    if (r->headers_in.authorization == NULL) {
        *token = ctx->x_api_key;
        return token->len ? NGX_OK : NGX_DECLINED;
    }

    value = &r->headers_in.authorization->value;

    if (value->len <= sizeof("Bearer ") - 1
        || ngx_strncasecmp(value->data, (u_char *) "Bearer ",
                           sizeof("Bearer ") - 1)
           != 0)
    {
        /* such as Basic, which may be meant for a proxy before us */

        *token = ctx->x_api_key;
        return token->len ? NGX_OK : NGX_DECLINED;
    }

    token->data = value->data + sizeof("Bearer ") - 1;
    token->len = value->len - (sizeof("Bearer ") - 1);

    while (token->len && *token->data == ' ') {
        token->data++;
        token->len--;
    }

    return token->len ? NGX_OK : NGX_DECLINED;
}
