
/*
 * Variables: what a log_format needs to know of an API request.
 */


#ifndef _NGX_HTTP_TRIGGERS_VARIABLES_H_INCLUDED_
#define _NGX_HTTP_TRIGGERS_VARIABLES_H_INCLUDED_


#include "ngx_http_triggers.h"


/* Preconfiguration. */

ngx_int_t ngx_http_triggers_add_variables(ngx_conf_t *cf);


#endif /* _NGX_HTTP_TRIGGERS_VARIABLES_H_INCLUDED_ */
