
/*
 * What a stored event is as a CloudEvent, for those who write one; the
 * mapping is in ngx_http_triggers_cloudevent.h.  Metadata may be any client's,
 * whether the event came as a CloudEvent or not: all that it says is checked
 * again.  Any thread.
 */


#ifndef _NGX_HTTP_TRIGGERS_CLOUDEVENT_STORED_H_INCLUDED_
#define _NGX_HTTP_TRIGGERS_CLOUDEVENT_STORED_H_INCLUDED_


#include "ngx_triggers_event.h"
#include "ngx_http_triggers_attribute.h"


typedef enum {
    NGX_HTTP_TRIGGERS_CE_OBJECT = 0,           /* the payload is the data */
    NGX_HTTP_TRIGGERS_CE_NONE,
    NGX_HTTP_TRIGGERS_CE_VALUE,
    NGX_HTTP_TRIGGERS_CE_BASE64
} ngx_http_triggers_ce_data_e;


typedef struct {
    ngx_uint_t               is_cloudevent;    /* flag: it came as one */
    ngx_str_t                known[NGX_HTTP_TRIGGERS_CE_EXTENSION];
                                               /* attributes, in JSON … */
    ngx_str_t                plain[NGX_HTTP_TRIGGERS_CE_EXTENSION];
                                               /* … and decoded */
    ngx_str_t                type;             /* that of the event, or one
                                                  for it */
    ngx_uint_t               kind;             /* …_ce_data_e */
    ngx_str_t                data;             /* in JSON */
} ngx_http_triggers_stored_t;


/*
 * Strings are in the event or in the pool.  NGX_ERROR: no memory.  The second
 * one tells the event's source, a URI reference.
 */

ngx_int_t ngx_http_triggers_stored_read(ngx_pool_t *pool,
    ngx_triggers_event_t *event, ngx_http_triggers_stored_t *stored);
ngx_int_t ngx_http_triggers_stored_source(ngx_pool_t *pool,
    ngx_triggers_event_t *event, ngx_http_triggers_stored_t *stored,
    ngx_str_t *source);

/*
 * Is a member of the metadata an attribute besides those that the caller has
 * written by themselves?  NGX_OK; NGX_DECLINED; NGX_ERROR: no memory.
 */

ngx_int_t ngx_http_triggers_stored_attribute(ngx_pool_t *pool,
    ngx_http_triggers_stored_t *stored, ngx_triggers_json_member_t *member,
    ngx_http_triggers_attribute_t *a);


#endif /* _NGX_HTTP_TRIGGERS_CLOUDEVENT_STORED_H_INCLUDED_ */
