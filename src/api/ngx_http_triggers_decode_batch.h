
/*
 * From the body of a request to the items of a batch.
 */


#ifndef _NGX_HTTP_TRIGGERS_DECODE_BATCH_H_INCLUDED_
#define _NGX_HTTP_TRIGGERS_DECODE_BATCH_H_INCLUDED_


#include "ngx_http_triggers_decode.h"


/* an event of a batch: either decoded or refused */

typedef struct {
    ngx_triggers_event_t     event;
    ngx_str_t                key;              /* idempotency; may be NULL */
    ngx_str_t                message;          /* of a refusal, else NULL */
    ngx_str_t                field;            /* of it, may be NULL */
    ngx_uint_t               too_large;        /* flag: that is the reason */
} ngx_http_triggers_decoded_t;


/*
 * Fills events, an initialized array of …_decoded_t, from the JSON text: the
 * object {"events": [...]} or, if cloudevents, an array of CloudEvents.  An
 * event of more than max_size bytes is refused.  NGX_OK; NGX_DECLINED with
 * *error set: the batch as a whole is wrong; NGX_ERROR: no memory.  Pure but
 * for the pool; any thread.
 */

ngx_int_t ngx_http_triggers_decode_batch(ngx_pool_t *pool, ngx_str_t *text,
    ngx_uint_t cloudevents, size_t max_size, ngx_array_t *events,
    ngx_http_triggers_decode_error_t *error);


#endif /* _NGX_HTTP_TRIGGERS_DECODE_BATCH_H_INCLUDED_ */
