
/*
 * Signatures of messages, as Standard Webhooks 1.0 has them: the base64 of an
 * HMAC-SHA-256 over "ID.TIMESTAMP.BODY", with "v1," before it.  A secret is
 * "whsec_" and the base64 of 24 to 64 bytes.  Any thread.
 */


#ifndef _NGX_TRIGGERS_SIGNATURE_H_INCLUDED_
#define _NGX_TRIGGERS_SIGNATURE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_TRIGGERS_SECRET_PREFIX     "whsec_"
#define NGX_TRIGGERS_SECRET_MIN        24      /* bytes; that of ours */
#define NGX_TRIGGERS_SECRET_MAX        64

/* the text of a secret of ours */

#define NGX_TRIGGERS_SECRET_TEXT_LEN                                          \
    (sizeof(NGX_TRIGGERS_SECRET_PREFIX) - 1 + NGX_TRIGGERS_SECRET_MIN / 3 * 4)

#define NGX_TRIGGERS_SIGNATURE_LEN     (sizeof("v1,") - 1 + 44)


typedef struct {
    size_t                   len;              /* 0: there is none */
    u_char                   key[NGX_TRIGGERS_SECRET_MAX];
} ngx_triggers_secret_t;


/*
 * Makes a secret: writes NGX_TRIGGERS_SECRET_TEXT_LEN characters.  NGX_ERROR:
 * the system has no random bytes.
 */

ngx_int_t ngx_triggers_secret_create(u_char *text);

/* NGX_OK; NGX_DECLINED: the text is no secret. */

ngx_int_t ngx_triggers_secret_parse(ngx_str_t *text,
    ngx_triggers_secret_t *secret);

/*
 * Writes NGX_TRIGGERS_SIGNATURE_LEN characters and returns the position after
 * them; NULL: OpenSSL has no HMAC or no memory.
 */

u_char *ngx_triggers_signature(u_char *dst, ngx_triggers_secret_t *secret,
    ngx_str_t *id, int64_t timestamp, ngx_str_t *body);


#endif /* _NGX_TRIGGERS_SIGNATURE_H_INCLUDED_ */
