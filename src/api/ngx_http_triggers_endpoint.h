
/*
 * What names an endpoint, in the configuration as through the API: its URL,
 * and the types of events that it wants.  Pure: any thread.
 */


#ifndef _NGX_HTTP_TRIGGERS_ENDPOINT_H_INCLUDED_
#define _NGX_HTTP_TRIGGERS_ENDPOINT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_HTTP_TRIGGERS_URL_MAX  2048        /* bytes */


/*
 * Is the terminated text the URL of an endpoint, as the sender will read it?
 * NULL if it is, else what it must be, as in "must be …".
 */

const char *ngx_http_triggers_endpoint_url(ngx_str_t *url);

/*
 * May the endpoint of the terminated URL, which is a good one, be reached by
 * its name?  Not if that is an address which is neither public nor in one of
 * the networks, packed; what a name stands for is known when it is connected.
 */

ngx_uint_t ngx_http_triggers_endpoint_allowed(ngx_str_t *url,
    ngx_str_t *networks);

/*
 * May it be among the types that an endpoint wants: 1 to 100 characters, "*"
 * only as the last one, after a "."?
 */

ngx_uint_t ngx_http_triggers_endpoint_type(ngx_str_t *type);


#endif /* _NGX_HTTP_TRIGGERS_ENDPOINT_H_INCLUDED_ */
