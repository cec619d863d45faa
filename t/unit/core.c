
/*
 * Stand-ins for functions of nginx' core; formats only as far as the tested
 * files use them.
 */


#include "core.h"

#include <stdarg.h>
#include <stdio.h>


static ngx_int_t  unit_pool_left = -1;


static u_char *unit_put(u_char *buf, u_char *last, const void *data,
    size_t len);


ngx_pool_t *
unit_pool(void)
{
    ngx_pool_t  *pool;

    pool = calloc(1, sizeof(ngx_pool_t));

    if (pool == NULL) {
        exit(1);
    }

    return pool;
}


void
unit_pool_limit(ngx_int_t n)
{
    unit_pool_left = n;
}


void
ngx_destroy_pool(ngx_pool_t *pool)
{
    ngx_pool_large_t  *l, *next;

    for (l = pool->large; l; l = next) {
        next = l->next;
        free(l->alloc);
        free(l);
    }

    free(pool);
}


void *
ngx_palloc(ngx_pool_t *pool, size_t size)
{
    ngx_pool_large_t  *l;

    if (unit_pool_left == 0) {
        return NULL;
    }

    if (unit_pool_left > 0) {
        unit_pool_left--;
    }

    l = malloc(sizeof(ngx_pool_large_t));

    if (l == NULL) {
        exit(1);
    }

    l->alloc = malloc(size);
    l->next = pool->large;
    pool->large = l;

    return l->alloc;
}


void *
ngx_pnalloc(ngx_pool_t *pool, size_t size)
{
    return ngx_palloc(pool, size);
}


ngx_array_t *
ngx_array_create(ngx_pool_t *p, ngx_uint_t n, size_t size)
{
    ngx_array_t  *a;

    a = ngx_palloc(p, sizeof(ngx_array_t));

    if (a == NULL || ngx_array_init(a, p, n, size) != NGX_OK) {
        return NULL;
    }

    return a;
}


void *
ngx_array_push(ngx_array_t *a)
{
    void  *elts;

    if (a->nelts == a->nalloc) {

        elts = ngx_palloc(a->pool, 2 * a->size * a->nalloc);
        if (elts == NULL) {
            return NULL;
        }

        ngx_memcpy(elts, a->elts, a->size * a->nelts);

        a->elts = elts;
        a->nalloc *= 2;
    }

    return (u_char *) a->elts + a->size * a->nelts++;
}


ngx_buf_t *
ngx_create_temp_buf(ngx_pool_t *pool, size_t size)
{
    ngx_buf_t  *b;

    b = ngx_palloc(pool, sizeof(ngx_buf_t));
    if (b == NULL) {
        return NULL;
    }

    ngx_memzero(b, sizeof(ngx_buf_t));

    b->start = ngx_palloc(pool, size);
    if (b->start == NULL) {
        return NULL;
    }

    b->pos = b->start;
    b->last = b->start;
    b->end = b->start + size;

    return b;
}


ngx_chain_t *
ngx_alloc_chain_link(ngx_pool_t *pool)
{
    return ngx_palloc(pool, sizeof(ngx_chain_t));
}


ngx_int_t
ngx_strncasecmp(u_char *s1, u_char *s2, size_t n)
{
    return strncasecmp((char *) s1, (char *) s2, n);
}


ngx_int_t
ngx_hextoi(u_char *line, size_t n)
{
    char   hex[16], *end;
    long   value;

    if (n == 0 || n >= sizeof(hex)) {
        return NGX_ERROR;
    }

    ngx_memcpy(hex, line, n);
    hex[n] = '\0';

    if (strspn(hex, "0123456789abcdefABCDEF") != n) {
        return NGX_ERROR;
    }

    value = strtol(hex, &end, 16);

    return value;
}


uintptr_t
ngx_escape_json(u_char *dst, u_char *src, size_t size)
{
    char        buf[8];
    size_t      i, len;
    ngx_uint_t  extra;

    extra = 0;

    for (i = 0; i < size; i++) {

        if (src[i] < 0x20) {
            len = sprintf(buf, "\\u%04x", src[i]);

        } else if (src[i] == '"' || src[i] == '\\') {
            len = sprintf(buf, "\\%c", src[i]);

        } else {
            len = sprintf(buf, "%c", src[i]);
        }

        extra += len - 1;

        if (dst) {
            dst = ngx_cpymem(dst, buf, len);
        }
    }

    return dst ? (uintptr_t) dst : extra;
}


u_char *
ngx_sprintf(u_char *buf, const char *fmt, ...)
{
    u_char   *p;
    va_list   args;

    va_start(args, fmt);
    p = ngx_vslprintf(buf, buf + NGX_INT64_LEN, fmt, args);
    va_end(args);

    return p;
}


u_char *
ngx_vslprintf(u_char *buf, u_char *last, const char *fmt, va_list args)
{
    int          len;
    char         number[NGX_INT64_LEN + 1];
    const char  *s;
    ngx_str_t   *v;

    while (*fmt) {

        if (*fmt != '%') {
            buf = unit_put(buf, last, fmt++, 1);
            continue;
        }

        switch (*++fmt) {

        case 'V':
            v = va_arg(args, ngx_str_t *);
            buf = unit_put(buf, last, v->data, v->len);
            break;

        case 's':
            s = va_arg(args, const char *);
            buf = unit_put(buf, last, s, strlen(s));
            break;

        case 'L':
            len = snprintf(number, sizeof(number), "%lld",
                           (long long) va_arg(args, int64_t));
            buf = unit_put(buf, last, number, len);
            break;

        case 'u':

            /* %ui and %uz */

            fmt++;
            len = snprintf(number, sizeof(number), "%lu",
                           (unsigned long) va_arg(args, ngx_uint_t));
            buf = unit_put(buf, last, number, len);
            break;

        default:
            fprintf(stderr, "the format \"%%%s\" is not known here\n", fmt);
            exit(1);
        }

        fmt++;
    }

    return buf;
}


static u_char *
unit_put(u_char *buf, u_char *last, const void *data, size_t len)
{
    len = ngx_min(len, (size_t) (last - buf));

    return ngx_cpymem(buf, data, len);
}
