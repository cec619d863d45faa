
/*
 * Cross-origin requests of browsers, by the Fetch standard
 * (fetch.spec.whatwg.org, "HTTP CORS protocol"), and OPTIONS in general.
 */


#ifndef _NGX_HTTP_TRIGGERS_CORS_H_INCLUDED_
#define _NGX_HTTP_TRIGGERS_CORS_H_INCLUDED_


#include "ngx_http_triggers.h"


/* Configuration: the directive "triggers_cors". */

char *ngx_http_triggers_cors(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* Answers OPTIONS for a path that has these methods (bits NGX_HTTP_GET, …). */

ngx_int_t ngx_http_triggers_options(ngx_http_request_t *r,
    ngx_uint_t methods);

/* Adds what lets a page of another origin read the answer, where it may. */

ngx_int_t ngx_http_triggers_cors_headers(ngx_http_request_t *r);


#endif /* _NGX_HTTP_TRIGGERS_CORS_H_INCLUDED_ */
