
/*
 * A text that grows: a chain of buffers in a pool, into which JSON is
 * written.  Whoever owns the pool owns the text; any one thread at a time.
 * A failed allocation is remembered, and everything after it ignored.
 */


#ifndef _NGX_TRIGGERS_TEXT_H_INCLUDED_
#define _NGX_TRIGGERS_TEXT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


typedef struct {
    ngx_pool_t              *pool;
    ngx_chain_t             *first;
    ngx_chain_t             *last;
    size_t                   size;             /* bytes so far */
    ngx_uint_t               failed;           /* flag: no memory */
} ngx_triggers_text_t;


void ngx_triggers_text_init(ngx_triggers_text_t *text, ngx_pool_t *pool);

/* Appends bytes; a terminated text; a number. */

void ngx_triggers_text_add(ngx_triggers_text_t *text, u_char *data,
    size_t len);
void ngx_triggers_text_puts(ngx_triggers_text_t *text, const char *s);
void ngx_triggers_text_number(ngx_triggers_text_t *text, int64_t n);

/*
 * Append the value of a member: a JSON string, or null where data is NULL; a
 * time in ms, or null for 0; a UUID of 16 bytes.
 */

void ngx_triggers_text_string(ngx_triggers_text_t *text, ngx_str_t *s);
void ngx_triggers_text_time(ngx_triggers_text_t *text, int64_t ms);
void ngx_triggers_text_uuid(ngx_triggers_text_t *text, u_char *id);

/* Appends ,"name": and a time. */

void ngx_triggers_text_member_time(ngx_triggers_text_t *text,
    const char *name, int64_t ms);

/*
 * For a text with a secret: its buffers are wiped when the pool goes.
 * NGX_ERROR: no memory.
 */

ngx_int_t ngx_triggers_text_wipe(ngx_triggers_text_t *text);


#endif /* _NGX_TRIGGERS_TEXT_H_INCLUDED_ */
