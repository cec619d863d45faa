
/*
 * The routes: one table is the API.
 */


#ifndef _NGX_HTTP_TRIGGERS_ROUTER_H_INCLUDED_
#define _NGX_HTTP_TRIGGERS_ROUTER_H_INCLUDED_


#include "ngx_http_triggers.h"


/* what a route wants of the body, and so how long it may be */

typedef enum {
    NGX_HTTP_TRIGGERS_BODY_NONE = 0,
    NGX_HTTP_TRIGGERS_BODY_EVENT,              /* or a batch of CloudEvents */
    NGX_HTTP_TRIGGERS_BODY_BATCH,
    NGX_HTTP_TRIGGERS_BODY_OTHER               /* no events */
} ngx_http_triggers_route_body_e;


/*
 * A handler is called when the request is authorized and, where the route
 * says so, its body is in ctx->body.  It returns NGX_DONE when it will
 * finalize the request later, otherwise what is to be finalized with.
 */

struct ngx_http_triggers_route_s {
    ngx_uint_t               method;           /* NGX_HTTP_GET, … */
    ngx_str_t                path;             /* may have one "{…}" */
    ngx_uint_t               scope;            /* 0: open to all */
    ngx_uint_t               body;             /* …_route_body_e */
    ngx_int_t              (*handler)(ngx_http_request_t *r);
};


/*
 * The number of a route, from 1; 0 is that of none.  The route of a number, or
 * NULL.
 */

ngx_uint_t ngx_http_triggers_route_number(
    const ngx_http_triggers_route_t *route);
const ngx_http_triggers_route_t *ngx_http_triggers_route_of(ngx_uint_t n);

/* The content handler of a location with "triggers". */

ngx_int_t ngx_http_triggers_handler(ngx_http_request_t *r);

/*
 * For an error that nginx has made before the handler, or of a static file:
 * says so in the request's context, which is new, with its route if it has one.
 */

void ngx_http_triggers_find_early(ngx_http_request_t *r);


#endif /* _NGX_HTTP_TRIGGERS_ROUTER_H_INCLUDED_ */
