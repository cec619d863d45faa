
/*
 * Answers: JSON bodies, the errors of the contract, and the headers that all
 * of them carry.
 */


#ifndef _NGX_HTTP_TRIGGERS_RESPONSE_H_INCLUDED_
#define _NGX_HTTP_TRIGGERS_RESPONSE_H_INCLUDED_


#include "ngx_http_triggers.h"
#include "ngx_triggers_text.h"

#include <jansson.h>


#define NGX_HTTP_TRIGGERS_UUID_LEN  36


/* each is one row of the contract's table of errors */

typedef enum {
    NGX_HTTP_TRIGGERS_BAD_BODY = 0,
    NGX_HTTP_TRIGGERS_BAD_PARAMETER,
    NGX_HTTP_TRIGGERS_UNAUTHORIZED,
    NGX_HTTP_TRIGGERS_FORBIDDEN,
    NGX_HTTP_TRIGGERS_NOT_FOUND,
    NGX_HTTP_TRIGGERS_METHOD,
    NGX_HTTP_TRIGGERS_CONFLICT,
    NGX_HTTP_TRIGGERS_TOO_LARGE,
    NGX_HTTP_TRIGGERS_BAD_TYPE,
    NGX_HTTP_TRIGGERS_KEY_REUSED,
    NGX_HTTP_TRIGGERS_RATE_LIMIT,
    NGX_HTTP_TRIGGERS_INTERNAL,
    NGX_HTTP_TRIGGERS_UNAVAILABLE,
    NGX_HTTP_TRIGGERS_OTHER                    /* of nginx' own errors */
} ngx_http_triggers_error_e;


/*
 * What sends returns what a handler returns, never a status.  The media type
 * is JSON's unless ctx->answer_type names another.
 *
 * Sends a body that has been written between b->pos and b->last, with the
 * members "request_id" and, where time is not 0, "timestamp" appended and the
 * object closed.  The buffer must have NGX_HTTP_TRIGGERS_TAIL bytes left.
 */

#define NGX_HTTP_TRIGGERS_TAIL  256

ngx_int_t ngx_http_triggers_send_object(ngx_http_request_t *r,
    ngx_uint_t status, ngx_buf_t *b, int64_t time);

/*
 * Sends an object, whose reference is taken over; it may be NULL, where there
 * was no memory.  "request_id" is added, and "timestamp" where time is not 0.
 */

ngx_int_t ngx_http_triggers_send_json(ngx_http_request_t *r,
    ngx_uint_t status, json_t *object, int64_t time);

/* Sends 204. */

ngx_int_t ngx_http_triggers_send_empty(ngx_http_request_t *r);

/*
 * Ends the object of an answer that is written as a text: "timestamp", where
 * time is not 0, "request_id" and the brace.  Any thread.
 */

void ngx_http_triggers_text_end(ngx_triggers_text_t *text, int64_t time,
    ngx_str_t *request_id);

/* Sends a text that has been written in the request's memory. */

ngx_int_t ngx_http_triggers_send_text(ngx_http_request_t *r,
    ngx_uint_t status, ngx_triggers_text_t *text);

/*
 * Sends an error.  field, if not NULL, goes into "details" and may come from
 * the client.  The message is a format of ngx_slprintf().
 */

ngx_int_t ngx_http_triggers_error(ngx_http_request_t *r,
    ngx_http_triggers_error_e error, const char *field, const char *fmt, ...);
ngx_int_t ngx_http_triggers_error_field(ngx_http_request_t *r,
    ngx_http_triggers_error_e error, ngx_str_t *field, ngx_str_t *message);

/* The answer 401, with its header. */

ngx_int_t ngx_http_triggers_unauthorized(ngx_http_request_t *r);
ngx_int_t ngx_http_triggers_not_allowed(ngx_http_request_t *r,
    ngx_uint_t methods);

/* The names of methods, and OPTIONS; NGX_ERROR: no memory. */

ngx_int_t ngx_http_triggers_allow(ngx_http_request_t *r, ngx_uint_t methods,
    ngx_str_t *value);

/* Adds "Allow" to a 405 of what can only be read; NGX_ERROR: no memory. */

ngx_int_t ngx_http_triggers_allow_reading(ngx_http_request_t *r);

/*
 * The body of an error, for answers whose status line is another's; NULL when
 * there is no memory.
 */

ngx_buf_t *ngx_http_triggers_error_body(ngx_http_request_t *r,
    ngx_str_t *code, ngx_str_t *message, ngx_str_t *field);

/* What stands in an answer's member "error"; NULL: no memory. */

json_t *ngx_http_triggers_error_object(ngx_http_request_t *r,
    ngx_str_t *code, ngx_str_t *message, ngx_str_t *field);

/* Cuts a client's text that an error repeats, never within a character. */

void ngx_http_triggers_clip(ngx_str_t *s);

/* The code that the contract has for a status which nginx made itself. */

ngx_http_triggers_error_e ngx_http_triggers_error_of(ngx_uint_t status);
void ngx_http_triggers_error_text(ngx_http_triggers_error_e error,
    ngx_uint_t v1, ngx_str_t *code, ngx_str_t *message);

/* Adds a header to the answer. */

ngx_table_elt_t *ngx_http_triggers_add_header(ngx_http_request_t *r,
    const char *name, ngx_str_t *value);

/* Adds "Location": the path of a resource, without the id, and that. */

ngx_int_t ngx_http_triggers_add_location(ngx_http_request_t *r,
    const char *path, u_char *id);

/* Adds the headers that every answer carries, once. */

ngx_int_t ngx_http_triggers_add_headers(ngx_http_request_t *r,
    ngx_uint_t status);

/* Writes ,"name":"2025-…Z", or null for 0; returns the end. */

u_char *ngx_http_triggers_write_time(u_char *p, const char *name,
    int64_t time);


#endif /* _NGX_HTTP_TRIGGERS_RESPONSE_H_INCLUDED_ */
