
/*
 * Who is asking: RFC 6750 bearer tokens or X-API-Key.
 */


#ifndef _NGX_HTTP_TRIGGERS_AUTH_H_INCLUDED_
#define _NGX_HTTP_TRIGGERS_AUTH_H_INCLUDED_


#include "ngx_http_triggers.h"


/*
 * NGX_OK with ctx->key set when the request's token has the scope;
 * NGX_DECLINED: there is no valid token; NGX_ABORT: it lacks the scope.
 * Nothing is sent.
 */

ngx_int_t ngx_http_triggers_authorize(ngx_http_request_t *r,
    ngx_uint_t scope);

/* Does the asker see all owners? */

ngx_uint_t ngx_http_triggers_is_admin(ngx_http_triggers_ctx_t *ctx);


#endif /* _NGX_HTTP_TRIGGERS_AUTH_H_INCLUDED_ */
