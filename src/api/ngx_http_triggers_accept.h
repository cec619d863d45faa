
/*
 * Content negotiation: what a request's Accept and Prefer headers ask for.
 * Pure; the headers are a list of ngx_table_elt_t.
 */


#ifndef _NGX_HTTP_TRIGGERS_ACCEPT_H_INCLUDED_
#define _NGX_HTTP_TRIGGERS_ACCEPT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * 1 if events are to be answered as CloudEvents: one of their media types is
 * named, no wildcard, and is not wanted less than application/json; else 0.
 * RFC 9110, section 12.5.1.
 */

ngx_uint_t ngx_http_triggers_accept_cloudevents(ngx_list_t *headers);


/* formats of metrics, in the order in which they are preferred */

typedef enum {
    NGX_HTTP_TRIGGERS_FORMAT_JSON = 0,
    NGX_HTTP_TRIGGERS_FORMAT_OPENMETRICS,
    NGX_HTTP_TRIGGERS_FORMAT_TEXT              /* of Prometheus */
} ngx_http_triggers_format_e;


/*
 * What metrics are to be answered as: JSON unless one of the other types is
 * named, no wildcard, and application/json is not, or is wanted less.
 */

ngx_http_triggers_format_e ngx_http_triggers_accept_metrics(
    ngx_list_t *headers);

/* 1 if return=minimal is preferred, else 0; RFC 7240. */

ngx_uint_t ngx_http_triggers_prefer_minimal(ngx_list_t *headers);


#endif /* _NGX_HTTP_TRIGGERS_ACCEPT_H_INCLUDED_ */
