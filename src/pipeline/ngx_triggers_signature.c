
/*
 * Secrets and signatures of Standard Webhooks, by OpenSSL.  The algorithm is
 * fetched and the context made once in each thread, which costs several times
 * as much as signing a short message.
 */


#include "ngx_triggers_signature.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sys/random.h>


#define NGX_TRIGGERS_SIGNATURE_HASH  32        /* bytes of SHA-256 */

/* base64 of the longest secret */

#define NGX_TRIGGERS_SECRET_BASE64                                            \
    ngx_base64_encoded_length(NGX_TRIGGERS_SECRET_MAX)


static EVP_MAC_CTX *ngx_triggers_signature_context(void);


ngx_int_t
ngx_triggers_secret_create(u_char *text)
{
    u_char  *p, key[NGX_TRIGGERS_SECRET_MIN];
    u_char   base64[NGX_TRIGGERS_SECRET_MIN / 3 * 4 + 1];

    if (getrandom(key, sizeof(key), 0) != sizeof(key)) {
        return NGX_ERROR;
    }

    (void) EVP_EncodeBlock(base64, key, sizeof(key));

    p = ngx_cpymem(text, NGX_TRIGGERS_SECRET_PREFIX,
                   sizeof(NGX_TRIGGERS_SECRET_PREFIX) - 1);
    ngx_memcpy(p, base64, sizeof(base64) - 1);

    OPENSSL_cleanse(key, sizeof(key));
    OPENSSL_cleanse(base64, sizeof(base64));

    return NGX_OK;
}


/*
 * Encoded again it has to be the same text: OpenSSL skips white space, and
 * takes the padding for zero bytes.
 */

ngx_int_t
ngx_triggers_secret_parse(ngx_str_t *text, ngx_triggers_secret_t *secret)
{
    int         n;
    u_char      key[NGX_TRIGGERS_SECRET_BASE64];
    u_char      again[NGX_TRIGGERS_SECRET_BASE64 + 1];
    ngx_str_t   base64;

    if (text->len <= sizeof(NGX_TRIGGERS_SECRET_PREFIX) - 1
        || ngx_memcmp(text->data, NGX_TRIGGERS_SECRET_PREFIX,
                      sizeof(NGX_TRIGGERS_SECRET_PREFIX) - 1)
           != 0)
    {
        return NGX_DECLINED;
    }

    base64.data = text->data + sizeof(NGX_TRIGGERS_SECRET_PREFIX) - 1;
    base64.len = text->len - (sizeof(NGX_TRIGGERS_SECRET_PREFIX) - 1);

    if (base64.len > NGX_TRIGGERS_SECRET_BASE64) {
        return NGX_DECLINED;
    }

    n = EVP_DecodeBlock(key, base64.data, base64.len);

    if (n > 0 && base64.data[base64.len - 1] == '=') {
        n -= (base64.data[base64.len - 2] == '=') ? 2 : 1;
    }

    if (n < NGX_TRIGGERS_SECRET_MIN
        || n > NGX_TRIGGERS_SECRET_MAX
        || EVP_EncodeBlock(again, key, n) != (int) base64.len
        || ngx_memcmp(again, base64.data, base64.len) != 0)
    {
        return NGX_DECLINED;
    }

    secret->len = n;
    ngx_memcpy(secret->key, key, n);

    OPENSSL_cleanse(key, sizeof(key));
    OPENSSL_cleanse(again, sizeof(again));

    return NGX_OK;
}


u_char *
ngx_triggers_signature(u_char *dst, ngx_triggers_secret_t *secret,
    ngx_str_t *id, int64_t timestamp, ngx_str_t *body)
{
    int           n;
    u_char        hash[NGX_TRIGGERS_SIGNATURE_HASH];
    u_char        base64[NGX_TRIGGERS_SIGNATURE_LEN + 1];
    u_char        time[sizeof("..") - 1 + NGX_INT64_LEN];
    size_t        len;
    EVP_MAC_CTX  *ctx;

    len = ngx_sprintf(time, ".%L.", timestamp) - time;

    ctx = ngx_triggers_signature_context();

    if (ctx == NULL
        || EVP_MAC_init(ctx, secret->key, secret->len, NULL) != 1
        || EVP_MAC_update(ctx, id->data, id->len) != 1
        || EVP_MAC_update(ctx, time, len) != 1
        || EVP_MAC_update(ctx, body->data, body->len) != 1
        || EVP_MAC_final(ctx, hash, &len, sizeof(hash)) != 1)
    {
        return NULL;
    }

    n = EVP_EncodeBlock(base64, hash, sizeof(hash));

    dst = ngx_cpymem(dst, "v1,", sizeof("v1,") - 1);

    return ngx_cpymem(dst, base64, n);
}


static EVP_MAC_CTX *
ngx_triggers_signature_context(void)
{
    EVP_MAC     *mac;
    OSSL_PARAM   params[2];

    static __thread EVP_MAC_CTX  *ctx;

    if (ctx) {
        return ctx;
    }

    mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    if (mac == NULL) {
        return NULL;
    }

    ctx = EVP_MAC_CTX_new(mac);
    EVP_MAC_free(mac);

    if (ctx == NULL) {
        return NULL;
    }

    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
                                                 (char *) "SHA256", 0);
    params[1] = OSSL_PARAM_construct_end();

    if (EVP_MAC_CTX_set_params(ctx, params) != 1) {
        EVP_MAC_CTX_free(ctx);
        ctx = NULL;
    }

    return ctx;
}
