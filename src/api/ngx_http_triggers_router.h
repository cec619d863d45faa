
/*
 * The routes: one table is the API.
 */


#ifndef _NGX_HTTP_TRIGGERS_ROUTER_H_INCLUDED_
#define _NGX_HTTP_TRIGGERS_ROUTER_H_INCLUDED_


#include "ngx_http_triggers.h"


/*
 * A handler is called when the request is authorized and, where the route
 * says so, its body is in ctx->body.  It returns NGX_DONE when it will
 * finalize the request later, otherwise what is to be finalized with.
 */

struct ngx_http_triggers_route_s {
    ngx_uint_t               method;           /* NGX_HTTP_GET, … */
    ngx_str_t                path;             /* may have one "{id}" */
    ngx_uint_t               scope;            /* 0: open to all */
    ngx_uint_t               body;             /* flag: wants the body */
    ngx_int_t              (*handler)(ngx_http_request_t *r);
};


/* The content handler of a location with "triggers". */

ngx_int_t ngx_http_triggers_handler(ngx_http_request_t *r);


#endif /* _NGX_HTTP_TRIGGERS_ROUTER_H_INCLUDED_ */
