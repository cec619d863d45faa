
/*
 * POST /events?debug=: failures on demand, for those who test their clients.
 */


#ifndef _NGX_HTTP_TRIGGERS_DEBUG_H_INCLUDED_
#define _NGX_HTTP_TRIGGERS_DEBUG_H_INCLUDED_


#include "ngx_http_triggers.h"


/* what is to happen to an event; in ctx->debug */

typedef enum {
    NGX_HTTP_TRIGGERS_DEBUG_NONE = 0,
    NGX_HTTP_TRIGGERS_DEBUG_VALIDATION,        /* it is refused */
    NGX_HTTP_TRIGGERS_DEBUG_PROCESSING,        /* stored, and answered 500 */
    NGX_HTTP_TRIGGERS_DEBUG_DELAY,             /* answered late */
    NGX_HTTP_TRIGGERS_DEBUG_DEAD_LETTER        /* its processing fails */
} ngx_http_triggers_debug_e;


/*
 * Reads the argument, where the location allows it.  NGX_DECLINED: go on;
 * else it has been answered, as by a handler.
 */

ngx_int_t ngx_http_triggers_debug(ngx_http_request_t *r);

/*
 * Answers a commit as ctx->debug wants it, which may be by handler and not at
 * once; returns as a handler does.
 */

ngx_int_t ngx_http_triggers_debug_commit(ngx_http_request_t *r,
    ngx_triggers_result_t *result, ngx_http_triggers_commit_pt handler);


#endif /* _NGX_HTTP_TRIGGERS_DEBUG_H_INCLUDED_ */
