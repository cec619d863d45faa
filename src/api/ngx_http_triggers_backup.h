
/*
 * The directive "triggers_backup_path".
 */


#ifndef _NGX_HTTP_TRIGGERS_BACKUP_H_INCLUDED_
#define _NGX_HTTP_TRIGGERS_BACKUP_H_INCLUDED_


#include "ngx_http_triggers.h"


char *ngx_http_triggers_backup_path(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


#endif /* _NGX_HTTP_TRIGGERS_BACKUP_H_INCLUDED_ */
