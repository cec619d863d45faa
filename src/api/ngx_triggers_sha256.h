
/*
 * SHA-256 (FIPS 180-4) by OpenSSL.  Any thread.
 */


#ifndef _NGX_TRIGGERS_SHA256_H_INCLUDED_
#define _NGX_TRIGGERS_SHA256_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_TRIGGERS_SHA256_LEN  32


/*
 * The digest of one text; of n texts, which is another one for every other
 * division of the same bytes, absent texts (data is NULL) and empty ones
 * being different.  NGX_ERROR: OpenSSL has no SHA-256 or no memory.
 */

ngx_int_t ngx_triggers_sha256(ngx_str_t *text, u_char *digest);
ngx_int_t ngx_triggers_sha256_texts(ngx_str_t **texts, ngx_uint_t n,
    u_char *digest);


#endif /* _NGX_TRIGGERS_SHA256_H_INCLUDED_ */
