
/*
 * Arguments of queries, by a table that names those there may be, and who
 * reads each.  Event loop.
 */


#ifndef _NGX_HTTP_TRIGGERS_ARGS_H_INCLUDED_
#define _NGX_HTTP_TRIGGERS_ARGS_H_INCLUDED_


#include "ngx_http_triggers.h"


/*
 * data is what the caller of read passes; called once more for each argument
 * that repeats the name, and the last is to count.  NGX_ERROR: the value is
 * refused.
 */

typedef struct {
    ngx_str_t                name;             /* data NULL ends a table */
    ngx_int_t              (*handler)(void *data, ngx_str_t *value);
    const char              *message;          /* why it is refused */
} ngx_http_triggers_arg_t;


/*
 * Has each argument that was sent read, decoded into memory of the pool.
 * NGX_DECLINED: they are good, go on; else as a handler, which has refused
 * one.
 */

ngx_int_t ngx_http_triggers_args_read(ngx_http_request_t *r,
    ngx_pool_t *pool, const ngx_http_triggers_arg_t *args, void *data);


#endif /* _NGX_HTTP_TRIGGERS_ARGS_H_INCLUDED_ */
