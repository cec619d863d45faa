
/*
 * Idempotency keys of requests.  The store never sees a key, only the hash of
 * it and its owner, and the hash of what the request would store.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_http_triggers_idempotency.h"
#include "ngx_http_triggers_decode.h"
#include "ngx_triggers_sha256.h"


#define NGX_HTTP_TRIGGERS_HASHES_LEN                                         \
    (NGX_TRIGGERS_KEY_HASH_LEN + NGX_TRIGGERS_REQUEST_HASH_LEN)


static ngx_int_t ngx_http_triggers_idempotency_unquote(ngx_pool_t *pool,
    ngx_str_t *value, ngx_str_t *key);


ngx_int_t
ngx_http_triggers_idempotency_key(ngx_pool_t *pool, ngx_str_t *header,
    ngx_str_t *key)
{
    ngx_int_t   rc;
    ngx_uint_t  i;

    *key = *header;

    if (key->data == NULL) {
        return NGX_OK;
    }

    if (key->len && key->data[0] == '"') {
        rc = ngx_http_triggers_idempotency_unquote(pool, header, key);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (key->len == 0 || key->len > NGX_HTTP_TRIGGERS_IDEMPOTENCY_KEY_MAX) {
        return NGX_DECLINED;
    }

    /* as in a string of RFC 8941 */

    for (i = 0; i < key->len; i++) {
        if (key->data[i] < 0x20 || key->data[i] >= 0x7f) {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_triggers_idempotency_hash(ngx_pool_t *pool, ngx_str_t *user_id,
    ngx_triggers_event_t *event, ngx_str_t *key)
{
    u_char     *p;
    u_char      digest[NGX_TRIGGERS_SHA256_LEN];
    ngx_str_t  *named[2], *said[4];

    p = ngx_pnalloc(pool, NGX_HTTP_TRIGGERS_HASHES_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    named[0] = user_id;
    named[1] = key;

    said[0] = &event->event_type;
    said[1] = &event->source;
    said[2] = &event->payload;
    said[3] = &event->metadata;

    if (ngx_triggers_sha256_texts(named, 2, digest) != NGX_OK
        || ngx_triggers_sha256_texts(said, 4, p + NGX_TRIGGERS_KEY_HASH_LEN)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_memcpy(p, digest, NGX_TRIGGERS_KEY_HASH_LEN);

    key->data = p;
    key->len = NGX_HTTP_TRIGGERS_HASHES_LEN;

    return NGX_OK;
}


/* a string of RFC 8941, section 3.3.3, without parameters */

static ngx_int_t
ngx_http_triggers_idempotency_unquote(ngx_pool_t *pool, ngx_str_t *value,
    ngx_str_t *key)
{
    u_char  *p, *last, *dst;

    dst = ngx_pnalloc(pool, value->len);
    if (dst == NULL) {
        return NGX_ERROR;
    }

    key->data = dst;

    p = value->data + 1;
    last = value->data + value->len;

    while (p < last && *p != '"') {

        if (*p == '\\') {
            p++;

            if (p == last || (*p != '"' && *p != '\\')) {
                return NGX_DECLINED;
            }
        }

        *dst++ = *p++;
    }

    key->len = dst - key->data;

    return (p + 1 == last) ? NGX_OK : NGX_DECLINED;
}
