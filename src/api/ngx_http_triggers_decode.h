
/*
 * From the body of a request to an event: the rules of the contract.
 */


#ifndef _NGX_HTTP_TRIGGERS_DECODE_H_INCLUDED_
#define _NGX_HTTP_TRIGGERS_DECODE_H_INCLUDED_


#include "ngx_triggers_event.h"


#define NGX_HTTP_TRIGGERS_IDEMPOTENCY_KEY_MAX  255    /* characters */


/* what is wrong with a body; the strings are the client's or static */

typedef struct {
    ngx_str_t                field;            /* data NULL: none */
    ngx_str_t                message;
    u_char                   buf[160];         /* room for the message */
} ngx_http_triggers_decode_error_t;


/*
 * Fills event_type, source, metadata, payload and priority of the event from
 * the JSON text, and *key from metadata.idempotency_key, if it is there;
 * strings point into the text or into the pool.  strict is the v1 surface:
 * event_type is required and other members are refused.  NGX_OK; NGX_DECLINED
 * with *error set: the client's fault; NGX_ERROR: no memory.  Pure but for
 * the pool.
 */

ngx_int_t ngx_http_triggers_decode_event(ngx_pool_t *pool, ngx_str_t *text,
    ngx_uint_t strict, ngx_triggers_event_t *event, ngx_str_t *key,
    ngx_http_triggers_decode_error_t *error);

/*
 * Sets *error: the field, which is static, or NULL; the message in the format
 * of ngx_slprintf().  Returns NGX_DECLINED.
 */

ngx_int_t ngx_http_triggers_decode_refuse(
    ngx_http_triggers_decode_error_t *error, const char *field,
    const char *fmt, ...);


#endif /* _NGX_HTTP_TRIGGERS_DECODE_H_INCLUDED_ */
