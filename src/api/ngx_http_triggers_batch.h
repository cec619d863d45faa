
/*
 * What the batches of the API share: their items, what became of each, and
 * the answer.
 */


#ifndef _NGX_HTTP_TRIGGERS_BATCH_H_INCLUDED_
#define _NGX_HTTP_TRIGGERS_BATCH_H_INCLUDED_


#include "ngx_http_triggers.h"
#include "ngx_http_triggers_response.h"
#include "ngx_triggers_text.h"


typedef struct {
    ngx_str_t                name;             /* as the client calls it: its
                                                  id; data NULL: it has none */
    ngx_uint_t               refused;          /* flag: by us, as follows */
    ngx_http_triggers_error_e  error;
    ngx_str_t                message;
    ngx_str_t                field;            /* data NULL: none */

    ngx_uint_t               mutation;         /* its number, not refused */
} ngx_http_triggers_item_t;


typedef struct {
    ngx_array_t              items;            /* of …_item_t */
    ngx_array_t              mutations;        /* of ngx_triggers_mutation_t */
    u_char                  *codes;            /* of the mutations */
    ngx_triggers_replay_t   *replays;          /* of the mutations; NULL: no
                                                  code is a replay */
    int64_t                  time;             /* created_at of its new
                                                  events, ms */
    ngx_uint_t               succeeded;        /* items */
} ngx_http_triggers_batch_t;


/* An empty batch in the request's pool; NULL when there is no memory. */

ngx_http_triggers_batch_t *ngx_http_triggers_batch_alloc(
    ngx_http_request_t *r);

/*
 * Adds an item: one that is asked for, whose zeroed mutation is returned; one
 * that is refused, whose message and field are copied.  NULL, or NGX_ERROR:
 * no memory.
 */

ngx_triggers_mutation_t *ngx_http_triggers_batch_push(
    ngx_http_triggers_batch_t *batch, ngx_str_t *name);
ngx_int_t ngx_http_triggers_batch_refuse(ngx_http_request_t *r,
    ngx_http_triggers_batch_t *batch, ngx_str_t *name,
    ngx_http_triggers_error_e error, ngx_str_t *field, ngx_str_t *message);

/*
 * Submits the mutations, of which there is at least one, for handler to
 * answer; as ngx_http_triggers_submit().
 */

ngx_int_t ngx_http_triggers_batch_submit(ngx_http_request_t *r,
    ngx_http_triggers_batch_t *batch, ngx_uint_t wait,
    ngx_http_triggers_commit_pt handler);

/* Sets the error of each item whose mutation was refused, and succeeded. */

void ngx_http_triggers_batch_judge(ngx_http_triggers_batch_t *batch);

/* Writes the members "event_id", where there is one, and "error" of an item. */

void ngx_http_triggers_batch_write_error(ngx_http_request_t *r,
    ngx_http_triggers_item_t *item, ngx_triggers_text_t *text);

/* Writes what an item that succeeded says behind its index. */

typedef void (*ngx_http_triggers_item_pt)(ngx_http_request_t *r,
    ngx_http_triggers_batch_t *batch, ngx_http_triggers_item_t *item,
    ngx_triggers_text_t *text);

/*
 * Answers with the result of each item; with failed, that status and an error
 * of the whole when none has succeeded.
 */

ngx_int_t ngx_http_triggers_batch_send(ngx_http_request_t *r,
    ngx_http_triggers_batch_t *batch, ngx_uint_t status, ngx_uint_t failed,
    ngx_http_triggers_item_pt write);


#endif /* _NGX_HTTP_TRIGGERS_BATCH_H_INCLUDED_ */
