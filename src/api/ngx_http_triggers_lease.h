
/*
 * Consuming by leases: what the files of these routes share.  The bodies of
 * their requests are read by ngx_http_triggers_lease_body.c; leases are given
 * by ngx_http_triggers_lease.c, acknowledged, released and extended by
 * ngx_http_triggers_lease_change.c; ngx_http_triggers_retry_all.c brings back
 * what has failed.
 */


#ifndef _NGX_HTTP_TRIGGERS_LEASE_H_INCLUDED_
#define _NGX_HTTP_TRIGGERS_LEASE_H_INCLUDED_


#include "ngx_http_triggers.h"
#include "ngx_http_triggers_object.h"


/* whose body it is, and so what members it has */

#define NGX_HTTP_TRIGGERS_LEASE_ON_LEASE    0x01
#define NGX_HTTP_TRIGGERS_LEASE_ON_ACK      0x02
#define NGX_HTTP_TRIGGERS_LEASE_ON_RELEASE  0x04
#define NGX_HTTP_TRIGGERS_LEASE_ON_EXTEND   0x08
#define NGX_HTTP_TRIGGERS_LEASE_ON_RETRY    0x10


/* what a body asks for; members that are not there have their default */

typedef struct {
    u_char                   lease_id[NGX_TRIGGERS_ID_LEN];
    u_char                  *ids;              /* of events, none of them
                                                  twice; NULL: all */
    ngx_uint_t               nids;
    int64_t                  limit;            /* events */
    int64_t                  seconds;          /* of the lease */
    int64_t                  wait;             /* s */
    int64_t                  delay;            /* s */
    int64_t                  from;             /* ms */
    int64_t                  to;               /* ms, 0: any */
    ngx_str_t                event_type;       /* data NULL: any */
    ngx_str_t                source;           /* data NULL: any */
    ngx_str_t                error;            /* data NULL: none */
    ngx_uint_t               has_lease_id;     /* flag */
} ngx_http_triggers_lease_body_t;


/*
 * Reads a body, whose strings are then in the object's pool.  NGX_OK;
 * NGX_DECLINED: the object tells what is wrong; NGX_ERROR: no memory.  Pure
 * but for the pool.
 */

ngx_int_t ngx_http_triggers_lease_body_parse(
    ngx_http_triggers_lease_body_t *lb, ngx_http_triggers_object_t *object,
    ngx_str_t *body, ngx_uint_t on);

/*
 * Reads the request's body and charges for the request.  NGX_DECLINED: go on;
 * else it has been answered, as by a handler.
 */

ngx_int_t ngx_http_triggers_lease_body(ngx_http_request_t *r,
    ngx_http_triggers_lease_body_t *lb, ngx_uint_t on);


#endif /* _NGX_HTTP_TRIGGERS_LEASE_H_INCLUDED_ */
