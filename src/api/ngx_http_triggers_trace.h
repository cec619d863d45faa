
/*
 * The trace that a request belongs to, as its headers say; a request of no
 * trace has neither header.  Event loop.
 */


#ifndef _NGX_HTTP_TRIGGERS_TRACE_H_INCLUDED_
#define _NGX_HTTP_TRIGGERS_TRACE_H_INCLUDED_


#include "ngx_http_triggers.h"
#include "ngx_triggers_trace.h"


/*
 * Replaces the first "traceparent" in the context by what the request's
 * headers say, ctx->traceparent and ctx->tracestate: what is not valid has no
 * data.  NGX_ERROR: no memory.
 */

ngx_int_t ngx_http_triggers_trace_read(ngx_http_request_t *r,
    ngx_http_triggers_ctx_t *ctx);

/*
 * Writes the NGX_TRIGGERS_TRACE_ID_LEN bytes of the trace's id; also after an
 * internal redirect and in the log phase.  NGX_DECLINED: there is none.
 */

ngx_int_t ngx_http_triggers_trace_id(ngx_http_request_t *r, u_char *id);


#endif /* _NGX_HTTP_TRIGGERS_TRACE_H_INCLUDED_ */
