
/*
 * The directives "triggers_retention" and "triggers_archive": how long things
 * are kept, and what becomes of events then.  Configuration time.
 */


#ifndef _NGX_HTTP_TRIGGERS_RETENTION_H_INCLUDED_
#define _NGX_HTTP_TRIGGERS_RETENTION_H_INCLUDED_


#include "ngx_http_triggers.h"


char *ngx_http_triggers_retention(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_triggers_archive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* Sets what holds without the directives. */

void ngx_http_triggers_retention_create(ngx_http_triggers_main_conf_t *tmcf);

/* When all has been read: gives it to a store.  NGX_ERROR: no memory. */

ngx_int_t ngx_http_triggers_retention_init(ngx_conf_t *cf,
    ngx_http_triggers_main_conf_t *tmcf, ngx_http_triggers_store_t *store);


#endif /* _NGX_HTTP_TRIGGERS_RETENTION_H_INCLUDED_ */
