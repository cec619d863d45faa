
/*
 * Values of directives' parameters, such as "zone=1m".  The prefix is the
 * length of the name with its sign; returns as a directive's handler, having
 * logged what is wrong.  Configuration time.
 */


#ifndef _NGX_HTTP_TRIGGERS_PARAMETER_H_INCLUDED_
#define _NGX_HTTP_TRIGGERS_PARAMETER_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* A number from min to max; a size and a time, in ms, which are not 0. */

char *ngx_http_triggers_set_number(ngx_conf_t *cf, ngx_str_t *value,
    size_t prefix, ngx_uint_t min, ngx_uint_t max, ngx_uint_t *dst);
char *ngx_http_triggers_set_size(ngx_conf_t *cf, ngx_str_t *value,
    size_t prefix, size_t *dst);
char *ngx_http_triggers_set_time(ngx_conf_t *cf, ngx_str_t *value,
    size_t prefix, ngx_msec_t *dst);

/* How long something is kept, in ms; "off" or 0 is for ever, and then 0. */

char *ngx_http_triggers_set_age(ngx_conf_t *cf, ngx_str_t *value,
    size_t prefix, int64_t *dst);


#endif /* _NGX_HTTP_TRIGGERS_PARAMETER_H_INCLUDED_ */
