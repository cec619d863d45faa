
/*
 * CloudEvents 1.0 in JSON and over HTTP: from one to an event, and back.
 *
 * "type" and "source" become the event's, "data" its payload, and all other
 * attributes members of its metadata.  A payload that is not the data itself
 * is told by the metadata's member "ce_data", which no attribute can be named
 * ("_" is not allowed in one):
 *
 *     "none"    there was no data, the payload is {}
 *     "value"   the payload is {"data": …}, as the data is no object
 *     "base64"  the payload is {"data_base64": "…"}
 */


#ifndef _NGX_HTTP_TRIGGERS_CLOUDEVENT_H_INCLUDED_
#define _NGX_HTTP_TRIGGERS_CLOUDEVENT_H_INCLUDED_


#include "ngx_http_triggers_decode.h"
#include "ngx_triggers_text.h"


/*
 * Both fill event_type, source, metadata, payload and priority of the event,
 * and the key under which a repetition is known: source, a NUL, id.  Strings
 * are in what was given or in the pool.  NGX_OK; NGX_DECLINED with *error
 * set: the client's fault; NGX_ERROR: no memory.  Pure but for the pool.
 *
 * The first one reads the JSON format, one event: the structured mode, or one
 * of a batch.
 */

ngx_int_t ngx_http_triggers_cloudevent_decode(ngx_pool_t *pool,
    ngx_str_t *text, ngx_triggers_event_t *event, ngx_str_t *key,
    ngx_http_triggers_decode_error_t *error);

/*
 * The binary mode: attributes are ngx_keyval_t of the headers "ce-…", names in
 * lower case without that prefix, values as they came.  The data of
 * content_type is the attribute datacontenttype and may be NULL.  The body
 * has to be JSON; an empty one is no data.
 */

ngx_int_t ngx_http_triggers_cloudevent_decode_binary(ngx_pool_t *pool,
    ngx_array_t *attributes, ngx_str_t *content_type, ngx_str_t *body,
    ngx_triggers_event_t *event, ngx_str_t *key,
    ngx_http_triggers_decode_error_t *error);

/*
 * Writes an event as a CloudEvent in the JSON format, also one that did not
 * come as such.  Uses the text's pool; any thread.
 */

void ngx_http_triggers_cloudevent_write(ngx_triggers_text_t *text,
    ngx_triggers_row_t *row);


#endif /* _NGX_HTTP_TRIGGERS_CLOUDEVENT_H_INCLUDED_ */
