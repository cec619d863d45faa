
/*
 * Authentication and scopes.  The answer to a token that is missing, garbled
 * or unknown is one and the same, and no log line ever has a token in it.
 */


#include "ngx_http_triggers_auth.h"
#include "ngx_http_triggers_response.h"
#include "ngx_triggers_networks.h"
#include "ngx_triggers_sha256.h"


static ngx_http_triggers_auth_e ngx_http_triggers_stored_key(
    ngx_http_request_t *r, u_char *digest);
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
        code = ngx_http_triggers_stored_key(r, digest);

        if (code != NGX_HTTP_TRIGGERS_AUTH_OK) {
            return code;
        }
    }

    if (!(ctx->key->scopes & (scope|NGX_HTTP_TRIGGERS_SCOPE_ADMIN))) {
        return NGX_HTTP_TRIGGERS_AUTH_SCOPE;
    }

    return NGX_HTTP_TRIGGERS_AUTH_OK;
}


ngx_int_t
ngx_http_triggers_refuse_key(ngx_http_request_t *r,
    ngx_http_triggers_auth_e code)
{
    switch (code) {

    case NGX_HTTP_TRIGGERS_AUTH_NO_KEY:
        return ngx_http_triggers_unauthorized(r);

    case NGX_HTTP_TRIGGERS_AUTH_ADDRESS:
        return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_FORBIDDEN, NULL,
                                       "the key is not valid for your "
                                       "address");

    case NGX_HTTP_TRIGGERS_AUTH_SCOPE:
        return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_FORBIDDEN, NULL,
                                       "the key lacks the scope for this");

    default: /* NGX_HTTP_TRIGGERS_AUTH_ERROR */
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
}


ngx_uint_t
ngx_http_triggers_is_admin(ngx_http_triggers_ctx_t *ctx)
{
    return (ctx->key->scopes & NGX_HTTP_TRIGGERS_SCOPE_ADMIN) ? 1 : 0;
}


static ngx_http_triggers_auth_e
ngx_http_triggers_stored_key(ngx_http_request_t *r, u_char *digest)
{
    ngx_triggers_keys_t           *keys;
    ngx_http_triggers_ctx_t       *ctx;
    ngx_triggers_keys_entry_t      entry;
    ngx_http_triggers_loc_conf_t  *tlcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_triggers_module);

    keys = &tlcf->store->worker.zone->sh->keys;

    if (ngx_triggers_keys_find(keys, digest, &entry) != NGX_OK) {
        return __atomic_load_n(&keys->loaded, __ATOMIC_ACQUIRE)
               ? NGX_HTTP_TRIGGERS_AUTH_NO_KEY
               : NGX_HTTP_TRIGGERS_AUTH_NOT_LOADED;
    }

    /* its entry goes when the drainer has time */

    if (entry.key.expires_at
        && entry.key.expires_at <= ngx_http_triggers_now())
    {
        return NGX_HTTP_TRIGGERS_AUTH_NO_KEY;
    }

    ctx->key = ngx_http_triggers_key_copy(r, &entry);
    if (ctx->key == NULL) {
        return NGX_HTTP_TRIGGERS_AUTH_ERROR;
    }

    /* the address that realip has settled, where it is used */

    if (entry.key.networks_len
        && !ngx_triggers_networks_match(entry.key.text + entry.key.user_len,
                                        entry.key.networks_len,
                                        r->connection->sockaddr))
    {
        return NGX_HTTP_TRIGGERS_AUTH_ADDRESS;
    }

    return NGX_HTTP_TRIGGERS_AUTH_OK;
}


/* who waits for events is looked up again and again, in the same memory */

static ngx_http_triggers_key_t *
ngx_http_triggers_key_copy(ngx_http_request_t *r,
    ngx_triggers_keys_entry_t *entry)
{
    u_char                   *p;
    ngx_http_triggers_ctx_t  *ctx;
    ngx_http_triggers_key_t  *key;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    key = ctx->stored_key;

    if (key == NULL || key->user_id.len != entry->key.user_len) {
        key = ngx_palloc(r->pool, sizeof(ngx_http_triggers_key_t)
                                  + NGX_TRIGGERS_UUID_LEN
                                  + entry->key.user_len);
        if (key == NULL) {
            return NULL;
        }

        ctx->stored_key = key;
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
