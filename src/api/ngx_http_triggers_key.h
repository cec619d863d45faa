
/*
 * The resource "keys": what its files share.  The bodies of its requests are
 * read by ngx_http_triggers_key_body.c, its changes made by
 * ngx_http_triggers_key.c, and keys are read and written out by
 * ngx_http_triggers_key_read.c.
 */


#ifndef _NGX_HTTP_TRIGGERS_KEY_H_INCLUDED_
#define _NGX_HTTP_TRIGGERS_KEY_H_INCLUDED_


#include "ngx_http_triggers.h"
#include "ngx_triggers_text.h"


/* the plain key: a prefix and 32 random bytes in base64url */

#define NGX_HTTP_TRIGGERS_KEY_LEN  (sizeof("sk-live-") - 1 + 43)


/* a request's body, or what is wrong with it */

typedef struct {
    ngx_triggers_key_change_t  change;
    ngx_uint_t               has_user;         /* flag: user_id was there */
    int64_t                  now;              /* ms, of the reading */
    ngx_str_t                field;
    ngx_str_t                message;
} ngx_http_triggers_key_body_t;


/* of a request that makes a key; wiped when the request ends */

typedef struct {
    ngx_triggers_key_t       key;
    u_char                   plain[NGX_HTTP_TRIGGERS_KEY_LEN];
    ngx_triggers_text_t      text;             /* of the answer */
} ngx_http_triggers_key_state_t;


/*
 * Reads the body of OP_KEY_CREATE, OP_KEY_UPDATE or OP_KEY_ROTATE at the time
 * now; strings are in the pool.  change.members has a bit for each member that
 * is there, where both have it.  NGX_OK; NGX_DECLINED: field and message tell
 * what is wrong; NGX_ERROR: no memory.
 */

ngx_int_t ngx_http_triggers_key_body_parse(
    ngx_http_triggers_key_body_t *kb, ngx_pool_t *pool, ngx_str_t *body,
    ngx_uint_t op, int64_t now);

/*
 * Writes a key's object without its last brace, as it is at the time now.  Any
 * thread.
 */

void ngx_http_triggers_key_write(ngx_triggers_text_t *text,
    ngx_triggers_key_t *key, int64_t now);

/*
 * Answers with the stored key that has the id, after it was changed: 200, or
 * 201 with the plain key, if there is one.  Returns as a handler does.
 */

ngx_int_t ngx_http_triggers_key_answer(ngx_http_request_t *r, u_char *id,
    ngx_http_triggers_key_state_t *state);

/* The answer 201. */

ngx_int_t ngx_http_triggers_key_created(ngx_http_request_t *r,
    ngx_triggers_key_t *key, ngx_triggers_text_t *text);


#endif /* _NGX_HTTP_TRIGGERS_KEY_H_INCLUDED_ */
