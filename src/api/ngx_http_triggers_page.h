
/*
 * Pages of resources that are few and stored in the order in which they are
 * listed: keys, webhooks, what was pushed to one, the audit, and logs.  A
 * cursor is a letter, which says of what, and the bytes that name the last row,
 * in base64url.
 */


#ifndef _NGX_HTTP_TRIGGERS_PAGE_H_INCLUDED_
#define _NGX_HTTP_TRIGGERS_PAGE_H_INCLUDED_


#include "ngx_http_triggers.h"
#include "ngx_triggers_text.h"


#define NGX_HTTP_TRIGGERS_PAGE_PLACE  16       /* bytes that name a row */
#define NGX_HTTP_TRIGGERS_PAGE_LIMIT  50       /* rows, by default */
#define NGX_HTTP_TRIGGERS_PAGE_LIMIT_MAX  1000

#define NGX_HTTP_TRIGGERS_PAGE_LIMIT_REFUSED                                  \
    "limit must be a number from 1 to "                                       \
    ngx_value(NGX_HTTP_TRIGGERS_PAGE_LIMIT_MAX)


typedef struct {
    ngx_uint_t               limit;
    ngx_uint_t               offset;
    ngx_uint_t               has_place;        /* flag: a cursor was sent */
    u_char                   place[NGX_HTTP_TRIGGERS_PAGE_PLACE];
                                               /* what it says */
    u_char                   kind;             /* the letter */
} ngx_http_triggers_page_t;


/*
 * Reads the parameters limit, offset and cursor.  NGX_DECLINED: they are good,
 * go on; else as a handler, which has refused them.
 */

ngx_int_t ngx_http_triggers_page_read(ngx_http_request_t *r,
    ngx_http_triggers_page_t *page, u_char kind);

/* Reads a number of rows, from 1 to LIMIT_MAX; NGX_ERROR: it is none. */

ngx_int_t ngx_http_triggers_page_limit(ngx_str_t *value, ngx_uint_t *limit);

/* Reads a cursor of the page's kind; NGX_ERROR: it is none. */

ngx_int_t ngx_http_triggers_page_cursor(ngx_http_triggers_page_t *page,
    ngx_str_t *value);

/*
 * Closes the array of rows and writes the member "pagination"; next is the
 * place of the last row, NULL: no rows follow.  Any thread.
 */

void ngx_http_triggers_page_write(ngx_triggers_text_t *text,
    ngx_http_triggers_page_t *page, u_char *next);

/* A place that is a number, such as rows are found by. */

void ngx_http_triggers_page_place(u_char *place, int64_t number);
int64_t ngx_http_triggers_page_number(ngx_http_triggers_page_t *page);


#endif /* _NGX_HTTP_TRIGGERS_PAGE_H_INCLUDED_ */
