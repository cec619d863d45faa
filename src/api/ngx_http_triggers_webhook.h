
/*
 * The resource "webhooks": what its files share.  The bodies of its requests
 * are read by ngx_http_triggers_webhook_body.c, its changes made by
 * ngx_http_triggers_webhook.c, and webhooks are read and written out by
 * ngx_http_triggers_webhook_read.c.
 */


#ifndef _NGX_HTTP_TRIGGERS_WEBHOOK_H_INCLUDED_
#define _NGX_HTTP_TRIGGERS_WEBHOOK_H_INCLUDED_


#include "ngx_http_triggers.h"
#include "ngx_triggers_text.h"


/* the text of the longest secret */

#define NGX_HTTP_TRIGGERS_SECRET_MAX  (sizeof("whsec_") - 1 + 88)


/* a request's body, or what is wrong with it */

typedef struct {
    ngx_triggers_webhook_change_t  change;
    ngx_str_t                allow;            /* in: networks, packed, that an
                                                  address may be in which is
                                                  not public */
    ngx_str_t                field;
    ngx_str_t                message;
} ngx_http_triggers_webhook_body_t;


/* of a request that makes a secret; wiped when the request ends */

typedef struct {
    ngx_triggers_webhook_t   webhook;
    u_char                   secret[NGX_HTTP_TRIGGERS_SECRET_MAX];
    ngx_triggers_text_t      text;             /* of the answer */
} ngx_http_triggers_webhook_state_t;


/*
 * Reads the body of OP_WEBHOOK_CREATE, _UPDATE or _ROTATE; strings are in the
 * pool.  change.members has a bit for each member that is there.  NGX_OK;
 * NGX_DECLINED: field and message tell what is wrong; NGX_ERROR: no memory.
 */

ngx_int_t ngx_http_triggers_webhook_body_parse(
    ngx_http_triggers_webhook_body_t *wb, ngx_pool_t *pool, ngx_str_t *body,
    ngx_uint_t op);

/*
 * Writes a webhook's object without its last brace, as it is at the time now.
 * Any thread.
 */

void ngx_http_triggers_webhook_write(ngx_triggers_text_t *text,
    ngx_triggers_webhook_t *webhook, int64_t now);

/*
 * Answers 200 with the stored webhook that the path names, after it was
 * changed; and with its new secret, if there is one.  Returns as a handler
 * does.
 */

ngx_int_t ngx_http_triggers_webhook_answer(ngx_http_request_t *r,
    ngx_http_triggers_webhook_state_t *state);


#endif /* _NGX_HTTP_TRIGGERS_WEBHOOK_H_INCLUDED_ */
