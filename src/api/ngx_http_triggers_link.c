
/*
 * Makes the link to the next page of a list.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_http_triggers_link.h"


#define NGX_HTTP_TRIGGERS_ARG_LEN  6           /* of both that are left out */


static u_char *ngx_http_triggers_link_copy(u_char *dst, u_char *p,
    u_char *last);
static ngx_uint_t ngx_http_triggers_link_is_position(u_char *p,
    u_char *last);


ngx_int_t
ngx_http_triggers_link_next(ngx_pool_t *pool, ngx_str_t *uri,
    ngx_str_t *cursor, ngx_str_t *value)
{
    u_char  *p, *q, *end, *last;

    /* each byte may become three */

    value->data = ngx_pnalloc(pool, 3 * uri->len + cursor->len
                                    + sizeof("<?cursor=>; rel=\"next\"") - 1);
    if (value->data == NULL) {
        return NGX_ERROR;
    }

    last = uri->data + uri->len;

    p = ngx_strlchr(uri->data, last, '?');
    if (p == NULL) {
        p = last;
    }

    q = value->data;
    *q++ = '<';
    q = ngx_http_triggers_link_copy(q, uri->data, p);
    *q++ = '?';

    for (p++; p < last; p = end + 1) {

        end = ngx_strlchr(p, last, '&');
        if (end == NULL) {
            end = last;
        }

        if (end > p && !ngx_http_triggers_link_is_position(p, end)) {
            q = ngx_http_triggers_link_copy(q, p, end);
            *q++ = '&';
        }
    }

    q = ngx_cpymem(q, "cursor=", sizeof("cursor=") - 1);
    q = ngx_cpymem(q, cursor->data, cursor->len);
    q = ngx_cpymem(q, ">; rel=\"next\"", sizeof(">; rel=\"next\"") - 1);

    value->len = q - value->data;

    return NGX_OK;
}


/* nginx takes characters that no URI has */

static u_char *
ngx_http_triggers_link_copy(u_char *dst, u_char *p, u_char *last)
{
    static u_char  hex[] = "0123456789ABCDEF";

    for ( /* void */ ; p < last; p++) {

        if (*p > ' ' && *p < 0x7f && *p != '<' && *p != '>' && *p != '"') {
            *dst++ = *p;

        } else {
            *dst++ = '%';
            *dst++ = hex[*p >> 4];
            *dst++ = hex[*p & 0x0f];
        }
    }

    return dst;
}


static ngx_uint_t
ngx_http_triggers_link_is_position(u_char *p, u_char *last)
{
    u_char  *eq, *dst, name[3 * NGX_HTTP_TRIGGERS_ARG_LEN];

    eq = ngx_strlchr(p, last, '=');
    if (eq == NULL) {
        eq = last;
    }

    if ((size_t) (eq - p) > sizeof(name)) {
        return 0;
    }

    dst = name;
    ngx_unescape_uri(&dst, &p, eq - p, 0);

    return dst - name == NGX_HTTP_TRIGGERS_ARG_LEN
           && (ngx_strncmp(name, "cursor", NGX_HTTP_TRIGGERS_ARG_LEN) == 0
               || ngx_strncmp(name, "offset", NGX_HTTP_TRIGGERS_ARG_LEN) == 0);
}
