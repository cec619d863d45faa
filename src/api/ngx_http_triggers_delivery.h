
/*
 * The directives of push delivery.  Configuration time.
 */


#ifndef _NGX_HTTP_TRIGGERS_DELIVERY_H_INCLUDED_
#define _NGX_HTTP_TRIGGERS_DELIVERY_H_INCLUDED_


#include "ngx_http_triggers.h"


char *ngx_http_triggers_deliver(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_triggers_delivery_schedule(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_triggers_delivery_certificate(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
char *ngx_http_triggers_webhook_allow(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* A location of a store: its deliverer may reach what the location allows. */

ngx_int_t ngx_http_triggers_delivery_allow(ngx_conf_t *cf,
    ngx_http_triggers_store_t *store, ngx_str_t *networks);

/*
 * When all has been read and merged: gives each store what its deliverer
 * needs.  NGX_ERROR, logged.
 */

ngx_int_t ngx_http_triggers_delivery_init(ngx_conf_t *cf,
    ngx_http_triggers_main_conf_t *tmcf);


#endif /* _NGX_HTTP_TRIGGERS_DELIVERY_H_INCLUDED_ */
