
/*
 * The handlers of the routes; see ngx_http_triggers_router.h for their
 * contract.
 */


#ifndef _NGX_HTTP_TRIGGERS_RESOURCES_H_INCLUDED_
#define _NGX_HTTP_TRIGGERS_RESOURCES_H_INCLUDED_


#include "ngx_http_triggers.h"


/* ngx_http_triggers_event.c: getting events in */

ngx_int_t ngx_http_triggers_event_create(ngx_http_request_t *r);

/* ngx_http_triggers_event_batch.c, ngx_http_triggers_ack_batch.c: many */

ngx_int_t ngx_http_triggers_batch_create(ngx_http_request_t *r);
ngx_int_t ngx_http_triggers_batch_acknowledge(ngx_http_request_t *r);

/* ngx_http_triggers_change.c: what changes one event */

ngx_int_t ngx_http_triggers_event_acknowledge(ngx_http_request_t *r);
ngx_int_t ngx_http_triggers_event_retry(ngx_http_request_t *r);
ngx_int_t ngx_http_triggers_event_remove(ngx_http_request_t *r);
ngx_int_t ngx_http_triggers_event_delete(ngx_http_request_t *r);

/* ngx_http_triggers_lease.c, ngx_http_triggers_lease_change.c: consuming */

ngx_int_t ngx_http_triggers_lease(ngx_http_request_t *r);
ngx_int_t ngx_http_triggers_lease_ack(ngx_http_request_t *r);
ngx_int_t ngx_http_triggers_lease_release(ngx_http_request_t *r);
ngx_int_t ngx_http_triggers_lease_extend(ngx_http_request_t *r);

/* ngx_http_triggers_retry_all.c: dead letters */

ngx_int_t ngx_http_triggers_retry_all(ngx_http_request_t *r);

/* ngx_http_triggers_inbox.c: reading */

ngx_int_t ngx_http_triggers_inbox_list(ngx_http_request_t *r);
ngx_int_t ngx_http_triggers_event_get(ngx_http_request_t *r);
ngx_int_t ngx_http_triggers_event_status(ngx_http_request_t *r);

/* ngx_http_triggers_key.c: keys of the store */

ngx_int_t ngx_http_triggers_key_create(ngx_http_request_t *r);
ngx_int_t ngx_http_triggers_key_list(ngx_http_request_t *r);
ngx_int_t ngx_http_triggers_key_get(ngx_http_request_t *r);
ngx_int_t ngx_http_triggers_key_update(ngx_http_request_t *r);
ngx_int_t ngx_http_triggers_key_rotate(ngx_http_request_t *r);
ngx_int_t ngx_http_triggers_key_revoke(ngx_http_request_t *r);

/* ngx_http_triggers_audit.c: who did what */

ngx_int_t ngx_http_triggers_audit_list(ngx_http_request_t *r);

/* ngx_http_triggers_logs_read.c: what was stored of the live feed */

ngx_int_t ngx_http_triggers_logs_list(ngx_http_request_t *r);

/* ngx_http_triggers_webhook.c: endpoints that events are pushed to */

ngx_int_t ngx_http_triggers_webhook_create(ngx_http_request_t *r);
ngx_int_t ngx_http_triggers_webhook_list(ngx_http_request_t *r);
ngx_int_t ngx_http_triggers_webhook_get(ngx_http_request_t *r);
ngx_int_t ngx_http_triggers_webhook_update(ngx_http_request_t *r);
ngx_int_t ngx_http_triggers_webhook_delete(ngx_http_request_t *r);
ngx_int_t ngx_http_triggers_webhook_test(ngx_http_request_t *r);
ngx_int_t ngx_http_triggers_webhook_rotate(ngx_http_request_t *r);
ngx_int_t ngx_http_triggers_webhook_deliveries(ngx_http_request_t *r);

/* ngx_http_triggers_backup.c: a copy of the store */

ngx_int_t ngx_http_triggers_backup(ngx_http_request_t *r);

/* ngx_http_triggers_health.c */

ngx_int_t ngx_http_triggers_health(ngx_http_request_t *r);

/* ngx_http_triggers_metrics.c */

ngx_int_t ngx_http_triggers_metrics(ngx_http_request_t *r);

/* ngx_http_triggers_history.c: what they were */

ngx_int_t ngx_http_triggers_history_list(ngx_http_request_t *r);

/* ngx_http_triggers_stream.c: what happens, as it does */

ngx_int_t ngx_http_triggers_stream(ngx_http_request_t *r);

/* ngx_http_triggers_openapi.c */

ngx_int_t ngx_http_triggers_openapi(ngx_http_request_t *r);


#endif /* _NGX_HTTP_TRIGGERS_RESOURCES_H_INCLUDED_ */
