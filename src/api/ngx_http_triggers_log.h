
/*
 * What is told of a request when it is over: one record, made once.
 */


#ifndef _NGX_HTTP_TRIGGERS_LOG_H_INCLUDED_
#define _NGX_HTTP_TRIGGERS_LOG_H_INCLUDED_


#include "ngx_http_triggers.h"


/* Configuration time: puts the handler into the log phase. */

ngx_int_t ngx_http_triggers_log_init(ngx_conf_t *cf);


#endif /* _NGX_HTTP_TRIGGERS_LOG_H_INCLUDED_ */
