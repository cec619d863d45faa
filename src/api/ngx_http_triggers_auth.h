
/*
 * Who is asking: RFC 6750 bearer tokens or X-API-Key.
 */


#ifndef _NGX_HTTP_TRIGGERS_AUTH_H_INCLUDED_
#define _NGX_HTTP_TRIGGERS_AUTH_H_INCLUDED_


#include "ngx_http_triggers.h"


/* who asks may go on, or why not */

typedef enum {
    NGX_HTTP_TRIGGERS_AUTH_OK = 0,
    NGX_HTTP_TRIGGERS_AUTH_NO_KEY,             /* none that is valid */
    NGX_HTTP_TRIGGERS_AUTH_NOT_LOADED,         /* it may be one of the store,
                                                  whose keys are not there */
    NGX_HTTP_TRIGGERS_AUTH_ADDRESS,            /* not from this address */
    NGX_HTTP_TRIGGERS_AUTH_SCOPE,              /* it lacks the scope */
    NGX_HTTP_TRIGGERS_AUTH_ERROR               /* no memory */
} ngx_http_triggers_auth_e;


/*
 * Looks for the key of the request's token among those of the configuration,
 * then those of the location's store.  ctx->key is set where the code is OK,
 * ADDRESS or SCOPE.  Nothing is sent.
 */

ngx_http_triggers_auth_e ngx_http_triggers_authorize(ngx_http_request_t *r,
    ngx_uint_t scope);

/*
 * Answers a code other than OK and NOT_LOADED; returns as a handler does.
 */

ngx_int_t ngx_http_triggers_refuse_key(ngx_http_request_t *r,
    ngx_http_triggers_auth_e code);

/* Does the asker see all owners? */

ngx_uint_t ngx_http_triggers_is_admin(ngx_http_triggers_ctx_t *ctx);


#endif /* _NGX_HTTP_TRIGGERS_AUTH_H_INCLUDED_ */
