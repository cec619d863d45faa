
/*
 * Reading a request's body into one piece of memory.
 */


#ifndef _NGX_HTTP_TRIGGERS_BODY_H_INCLUDED_
#define _NGX_HTTP_TRIGGERS_BODY_H_INCLUDED_


#include "ngx_http_triggers.h"


/*
 * Checks the media type and the content coding, reads the body into ctx->body
 * and calls handler, or answers 413, 415 or 503.  Returns what a content
 * handler returns; the reference that reading holds is the handler's to
 * finalize.
 */

ngx_int_t ngx_http_triggers_read_body(ngx_http_request_t *r,
    ngx_http_client_body_handler_pt handler);


#endif /* _NGX_HTTP_TRIGGERS_BODY_H_INCLUDED_ */
