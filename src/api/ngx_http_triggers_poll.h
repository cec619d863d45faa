
/*
 * Long polls of requests: waiting, for some time, until there may be
 * something to answer.
 */


#ifndef _NGX_HTTP_TRIGGERS_POLL_H_INCLUDED_
#define _NGX_HTTP_TRIGGERS_POLL_H_INCLUDED_


#include "ngx_http_triggers.h"


/*
 * To be called when the request has looked, has found nothing and may wait
 * until the time (ms, as ngx_current_msec).  generation is that which was
 * read before it looked.  again is called to look once more, and returns as a
 * handler does; after the last time this function declines.  NGX_DONE: it
 * waits; NGX_DECLINED: the time is over; NGX_ERROR: no memory.
 */

ngx_int_t ngx_http_triggers_poll(ngx_http_request_t *r, ngx_msec_t until,
    uint64_t generation, ngx_int_t (*again)(ngx_http_request_t *r));


#endif /* _NGX_HTTP_TRIGGERS_POLL_H_INCLUDED_ */
