
/*
 * The directive "triggers_logs": which logs are stored, and for how long.
 * Configuration time.
 */


#ifndef _NGX_HTTP_TRIGGERS_LOGS_H_INCLUDED_
#define _NGX_HTTP_TRIGGERS_LOGS_H_INCLUDED_


#include "ngx_http_triggers.h"


char *ngx_http_triggers_logs(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* Sets what holds without the directive. */

void ngx_http_triggers_logs_create(ngx_http_triggers_main_conf_t *tmcf);

/* When all has been read: gives it to a store. */

void ngx_http_triggers_logs_init(ngx_http_triggers_main_conf_t *tmcf,
    ngx_http_triggers_store_t *store);


#endif /* _NGX_HTTP_TRIGGERS_LOGS_H_INCLUDED_ */
