
/*
 * What is sent to an endpoint for an event; docs/directives.md tells it to
 * those who receive it.  Any thread.
 */


#ifndef _NGX_HTTP_TRIGGERS_MESSAGE_H_INCLUDED_
#define _NGX_HTTP_TRIGGERS_MESSAGE_H_INCLUDED_


#include "ngx_triggers_event.h"
#include "ngx_triggers_sender.h"


/* headers of it; the others are for who signs it */

#define NGX_TRIGGERS_MESSAGE_HEADERS  (NGX_TRIGGERS_SENDER_HEADERS - 3)


/*
 * Fills body and headers of the message, in the webhook's format, with memory
 * of the pool; the payload is copied.  NGX_ERROR: no memory.
 */

ngx_int_t ngx_http_triggers_message(ngx_pool_t *pool,
    ngx_triggers_row_t *row, ngx_triggers_webhook_t *webhook,
    ngx_triggers_message_t *message);

/* The same for the format CloudEvents: the binary mode. */

ngx_int_t ngx_http_triggers_cloudevent_message(ngx_pool_t *pool,
    ngx_triggers_row_t *row, ngx_triggers_message_t *message);

/*
 * Adds a header, unless there is no room for one more: terminated name, value
 * in the characters that a header may have.
 */

ngx_int_t ngx_http_triggers_message_header(ngx_pool_t *pool,
    ngx_triggers_message_t *message, const char *name, ngx_str_t *value);


#endif /* _NGX_HTTP_TRIGGERS_MESSAGE_H_INCLUDED_ */
