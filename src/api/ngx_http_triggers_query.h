
/*
 * The query string of GET /inbox: the contract's parameters.
 */


#ifndef _NGX_HTTP_TRIGGERS_QUERY_H_INCLUDED_
#define _NGX_HTTP_TRIGGERS_QUERY_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_triggers_store.h"


#define NGX_HTTP_TRIGGERS_FILTERS     10
#define NGX_HTTP_TRIGGERS_CURSOR_LEN  32       /* room for a cursor's text */


/* metadata.<key>=… or payload.<key>=… */

typedef struct {
    ngx_uint_t               payload;          /* flag: of the payload */
    ngx_str_t                key;
    ngx_str_t                value;
} ngx_http_triggers_filter_t;


typedef struct {
    ngx_triggers_query_t     query;
    ngx_uint_t               wait;             /* s, with nothing to return */
    ngx_http_triggers_filter_t  filters[NGX_HTTP_TRIGGERS_FILTERS];
    ngx_uint_t               nfilters;

    /* why it was refused: the parameter's name, static or the client's */
    ngx_str_t                field;
    const char              *message;
} ngx_http_triggers_inbox_query_t;


/*
 * Fills q from the arguments; strings are in the pool.  v1 is the surface: it
 * has another default for "status" and takes a cursor as "offset".  NGX_OK;
 * NGX_DECLINED: refused, q->field and q->message tell; NGX_ERROR: no memory.
 */

ngx_int_t ngx_http_triggers_query_parse(ngx_http_triggers_inbox_query_t *q,
    ngx_pool_t *pool, ngx_str_t *args, ngx_uint_t v1);

/* Writes the cursor behind which the next page begins; returns its end. */

u_char *ngx_http_triggers_cursor_write(u_char *p, int64_t seq,
    ngx_uint_t ascending);

/* Does the row pass the filters on members?  As a match handler; any thread. */

ngx_int_t ngx_http_triggers_query_match(ngx_http_triggers_inbox_query_t *q,
    ngx_triggers_row_t *row);


#endif /* _NGX_HTTP_TRIGGERS_QUERY_H_INCLUDED_ */
