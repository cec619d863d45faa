
/*
 * JSON objects that clients send as bodies, but for events, by jansson: a
 * table names the members that there may be, and who reads each.  Pure but
 * for the pool: any thread.
 */


#ifndef _NGX_HTTP_TRIGGERS_OBJECT_H_INCLUDED_
#define _NGX_HTTP_TRIGGERS_OBJECT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include <jansson.h>


typedef struct ngx_http_triggers_object_s  ngx_http_triggers_object_t;


/* NGX_OK; NGX_DECLINED: the value is refused; NGX_ERROR: no memory */

typedef ngx_int_t (*ngx_http_triggers_object_pt)(
    ngx_http_triggers_object_t *object, json_t *value);


/* of a member for which null is as good as none */

#define NGX_HTTP_TRIGGERS_OBJECT_NULL  0x8000


typedef struct {
    const char              *name;             /* NULL ends a table */
    ngx_uint_t               on;               /* bits: bodies that have it */
    ngx_http_triggers_object_pt  handler;

    /* for the handlers that are slots: the place in data, and the range */
    size_t                   offset;
    int64_t                  min;
    int64_t                  max;
} ngx_http_triggers_object_member_t;


struct ngx_http_triggers_object_s {
    ngx_pool_t              *pool;             /* takes all strings */
    void                    *data;             /* of the handlers */
    const ngx_http_triggers_object_member_t  *member;  /* that is read */

    /* while it is read, the member; then what is refused, and why */
    ngx_str_t                field;            /* data NULL: the body */
    ngx_str_t                message;
};


/*
 * Calls the handler of each member of the body, in their order; on is one bit
 * of those in the table.  NGX_OK; NGX_DECLINED: refused, field and message
 * tell why; NGX_ERROR: no memory.
 */

ngx_int_t ngx_http_triggers_object_read(ngx_http_triggers_object_t *object,
    ngx_str_t *body, const ngx_http_triggers_object_member_t *table,
    ngx_uint_t on);

/*
 * Both return as a handler: refuse what is being read, with a message in the
 * format of ngx_slprintf(); refuse the body for want of a member.
 */

ngx_int_t ngx_http_triggers_object_refuse(ngx_http_triggers_object_t *object,
    const char *fmt, ...);
ngx_int_t ngx_http_triggers_object_missing(
    ngx_http_triggers_object_t *object, const char *name);

/*
 * Values that many members have, likewise: any string; an integer in a range;
 * true or false; an ISO 8601 time, in ms; a UUID.
 */

ngx_int_t ngx_http_triggers_object_string(ngx_http_triggers_object_t *object,
    json_t *value, ngx_str_t *dst);
ngx_int_t ngx_http_triggers_object_integer(
    ngx_http_triggers_object_t *object, json_t *value, int64_t min,
    int64_t max, int64_t *dst);
ngx_int_t ngx_http_triggers_object_boolean(
    ngx_http_triggers_object_t *object, json_t *value, uint32_t *dst);
ngx_int_t ngx_http_triggers_object_time(ngx_http_triggers_object_t *object,
    json_t *value, int64_t *dst);
ngx_int_t ngx_http_triggers_object_uuid(ngx_http_triggers_object_t *object,
    json_t *value, u_char *id);

/*
 * Handlers that set what the member's offset tells: an int64_t from min to
 * max; an ngx_str_t of 1 to max characters.
 */

ngx_int_t ngx_http_triggers_object_integer_slot(
    ngx_http_triggers_object_t *object, json_t *value);
ngx_int_t ngx_http_triggers_object_text_slot(
    ngx_http_triggers_object_t *object, json_t *value);


#endif /* _NGX_HTTP_TRIGGERS_OBJECT_H_INCLUDED_ */
