
/*
 * The stores of the configuration.  Configuration time.
 */


#ifndef _NGX_HTTP_TRIGGERS_STORE_H_INCLUDED_
#define _NGX_HTTP_TRIGGERS_STORE_H_INCLUDED_


#include "ngx_http_triggers.h"


/* The directive "triggers_store". */

char *ngx_http_triggers_store(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/*
 * The store of that name, made if there is none: it may be used before it is
 * declared, and has the size 0 until then.  NULL: no memory.
 */

ngx_http_triggers_store_t *ngx_http_triggers_store_add(ngx_conf_t *cf,
    ngx_str_t *name);


#endif /* _NGX_HTTP_TRIGGERS_STORE_H_INCLUDED_ */
