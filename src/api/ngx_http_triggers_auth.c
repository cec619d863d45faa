
/*
 * Authentication and scopes.  The answer to a token that is missing, garbled
 * or unknown is one and the same, and no log line ever has a token in it.
 */


#include "ngx_http_triggers_auth.h"


static ngx_int_t ngx_http_triggers_token(ngx_http_request_t *r,
    ngx_str_t *token);


ngx_int_t
ngx_http_triggers_authorize(ngx_http_request_t *r, ngx_uint_t scope)
{
    ngx_str_t                       token;
    ngx_http_triggers_ctx_t        *ctx;
    ngx_http_triggers_main_conf_t  *tmcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    tmcf = ngx_http_get_module_main_conf(r, ngx_http_triggers_module);

    if (ngx_http_triggers_token(r, &token) == NGX_OK) {
        ctx->key = ngx_http_triggers_keys_find(&tmcf->keys, &token);
    }

    if (ctx->key == NULL) {
        return NGX_DECLINED;
    }

    if (!(ctx->key->scopes & (scope|NGX_HTTP_TRIGGERS_SCOPE_ADMIN))) {
        return NGX_ABORT;
    }

    return NGX_OK;
}


ngx_uint_t
ngx_http_triggers_is_admin(ngx_http_triggers_ctx_t *ctx)
{
    return (ctx->key->scopes & NGX_HTTP_TRIGGERS_SCOPE_ADMIN) ? 1 : 0;
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
