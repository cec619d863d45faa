
/*
 * The header Link, RFC 8288.
 */


#ifndef _NGX_HTTP_TRIGGERS_LINK_H_INCLUDED_
#define _NGX_HTTP_TRIGGERS_LINK_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * Sets value to the header that names the next page: the URI of this one, as
 * it was sent, with the cursor, in place of another or of an offset.  The
 * value is in the pool.  NGX_OK; NGX_ERROR: no memory.
 */

ngx_int_t ngx_http_triggers_link_next(ngx_pool_t *pool, ngx_str_t *uri,
    ngx_str_t *cursor, ngx_str_t *value);


#endif /* _NGX_HTTP_TRIGGERS_LINK_H_INCLUDED_ */
