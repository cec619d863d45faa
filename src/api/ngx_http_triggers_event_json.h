
/*
 * An event as the API shows it.
 */


#ifndef _NGX_HTTP_TRIGGERS_EVENT_JSON_H_INCLUDED_
#define _NGX_HTTP_TRIGGERS_EVENT_JSON_H_INCLUDED_


#include "ngx_triggers_event.h"
#include "ngx_triggers_text.h"


/*
 * Writes the event's object without its closing brace, so that the caller may
 * add members.  v1 is the surface, retention how long events are kept when
 * they are done, in ms, 0: for ever.  Any thread.
 */

void ngx_http_triggers_event_write(ngx_triggers_text_t *text,
    ngx_triggers_row_t *row, ngx_uint_t v1, int64_t retention);

/* Writes an attempt's object.  Any thread. */

void ngx_http_triggers_attempt_write(ngx_triggers_text_t *text,
    ngx_triggers_attempt_t *attempt);

/* The end of such an object: what has become of the attempt, and the brace. */

void ngx_http_triggers_attempt_write_outcome(ngx_triggers_text_t *text,
    ngx_triggers_attempt_t *attempt);

/* The contract's name of a status. */

const char *ngx_http_triggers_status_name(ngx_uint_t status);


#endif /* _NGX_HTTP_TRIGGERS_EVENT_JSON_H_INCLUDED_ */
