
/*
 * The keys of the configuration: who may ask for what.  They live in the
 * cycle, so that a failed reload changes nothing; only their SHA-256 is kept.
 * Also what they have in common with those of a store: scopes, and the struct
 * that a request has of either.
 */


#ifndef _NGX_HTTP_TRIGGERS_KEYS_H_INCLUDED_
#define _NGX_HTTP_TRIGGERS_KEYS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_HTTP_TRIGGERS_DIGEST_LEN  32       /* SHA-256 */


#define NGX_HTTP_TRIGGERS_SCOPE_EVENTS_WRITE     0x0001
#define NGX_HTTP_TRIGGERS_SCOPE_EVENTS_READ      0x0002
#define NGX_HTTP_TRIGGERS_SCOPE_INBOX_ACK        0x0004
#define NGX_HTTP_TRIGGERS_SCOPE_KEYS_MANAGE      0x0008
#define NGX_HTTP_TRIGGERS_SCOPE_WEBHOOKS_MANAGE  0x0010
#define NGX_HTTP_TRIGGERS_SCOPE_METRICS_READ     0x0020
#define NGX_HTTP_TRIGGERS_SCOPE_LOGS_READ        0x0040
#define NGX_HTTP_TRIGGERS_SCOPE_ADMIN            0x8000

/* of a key that names none */

#define NGX_HTTP_TRIGGERS_SCOPE_DEFAULT                                       \
    (NGX_HTTP_TRIGGERS_SCOPE_EVENTS_WRITE                                     \
     |NGX_HTTP_TRIGGERS_SCOPE_EVENTS_READ                                     \
     |NGX_HTTP_TRIGGERS_SCOPE_INBOX_ACK)

#define NGX_HTTP_TRIGGERS_USER_MAX    255      /* bytes of a user_id */


typedef struct {
    u_char                   digest[NGX_HTTP_TRIGGERS_DIGEST_LEN];
    ngx_str_t                id;               /* first digits of the digest */
    ngx_str_t                user_id;
    ngx_uint_t               scopes;
    ngx_uint_t               rate;             /* requests a minute, 0: no
                                                  limit, UNSET: the default */
} ngx_http_triggers_key_t;


typedef struct {
    ngx_array_t              keys;             /* of …_key_t * */
    ngx_http_triggers_key_t **table;           /* open addressing */
    ngx_uint_t               mask;
} ngx_http_triggers_keys_t;


/*
 * Configuration: an empty set; one key from the arguments of a directive or
 * of a file's line ("KEY", "user=...", ...), the plain key is wiped from args;
 * a file of such lines; and, when all are there, the table.  The functions that
 * return text return NGX_CONF_OK, NGX_CONF_ERROR or what is wrong.
 */

ngx_int_t ngx_http_triggers_keys_create(ngx_http_triggers_keys_t *keys,
    ngx_pool_t *pool);
char *ngx_http_triggers_keys_add(ngx_conf_t *cf,
    ngx_http_triggers_keys_t *keys, ngx_str_t *args, ngx_uint_t nargs);
char *ngx_http_triggers_keys_load(ngx_conf_t *cf,
    ngx_http_triggers_keys_t *keys, ngx_str_t *path);
ngx_int_t ngx_http_triggers_keys_index(ngx_http_triggers_keys_t *keys,
    ngx_pool_t *pool);

/* Event loop: the key of a token's digest, or NULL. */

ngx_http_triggers_key_t *ngx_http_triggers_keys_find(
    ngx_http_triggers_keys_t *keys, u_char *digest);

/*
 * Any thread: the bit of a scope's name, 0 for no such; the name of one of the
 * bits, which is taken out of them, or NULL.
 */

ngx_uint_t ngx_http_triggers_scope(ngx_str_t *name);
const ngx_str_t *ngx_http_triggers_scope_name(ngx_uint_t *scopes);

/* Is it UTF-8 without control characters?  A user_id or a name has to be. */

ngx_uint_t ngx_http_triggers_key_is_text(ngx_str_t *s);


#endif /* _NGX_HTTP_TRIGGERS_KEYS_H_INCLUDED_ */
