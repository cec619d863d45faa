
/*
 * From a decoded event to what the drainer is asked for; what single events
 * and batches share.
 */


#ifndef _NGX_HTTP_TRIGGERS_EVENT_H_INCLUDED_
#define _NGX_HTTP_TRIGGERS_EVENT_H_INCLUDED_


#include "ngx_http_triggers.h"


/*
 * Completes a mutation whose event has been decoded: a new id, the time, the
 * owner, and what the server saw.  Event loop.
 */

void ngx_http_triggers_event_mutation(ngx_http_request_t *r,
    ngx_triggers_mutation_t *mutation);


#endif /* _NGX_HTTP_TRIGGERS_EVENT_H_INCLUDED_ */
