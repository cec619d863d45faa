
/*
 * Stand-ins for functions of nginx' core, written from what it documents and
 * does; formats only as far as the tested files use them.
 */


#include "core.h"

#include <stdarg.h>
#include <stdio.h>


static ngx_int_t  unit_pool_left = -1;


static u_char *unit_put(u_char *p, u_char *last, const void *data,
    size_t len);
static ngx_int_t unit_hex(u_char c);
static ngx_int_t unit_sextet(u_char c);


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
    ngx_pool_large_t    *large, *next;
    ngx_pool_cleanup_t  *cln;

    for (cln = pool->cleanup; cln; cln = cln->next) {
        if (cln->handler) {
            cln->handler(cln->data);
        }
    }

    for (large = pool->large; large; large = next) {
        next = large->next;
        free(large->alloc);
        free(large);
    }

    free(pool);
}


void *
ngx_palloc(ngx_pool_t *pool, size_t size)
{
    ngx_pool_large_t  *large;

    if (unit_pool_left == 0) {
        return NULL;
    }

    if (unit_pool_left > 0) {
        unit_pool_left--;
    }

    large = malloc(sizeof(ngx_pool_large_t));

    if (large == NULL) {
        exit(1);
    }

    large->alloc = malloc(size);
    large->next = pool->large;
    pool->large = large;

    return large->alloc;
}


ngx_pool_cleanup_t *
ngx_pool_cleanup_add(ngx_pool_t *pool, size_t size)
{
    ngx_pool_cleanup_t  *cln;

    cln = ngx_palloc(pool, sizeof(ngx_pool_cleanup_t));
    if (cln == NULL) {
        return NULL;
    }

    cln->data = size ? ngx_palloc(pool, size) : NULL;
    if (size && cln->data == NULL) {
        return NULL;
    }

    cln->handler = NULL;
    cln->next = pool->cleanup;
    pool->cleanup = cln;

    return cln;
}


void *
ngx_pnalloc(ngx_pool_t *pool, size_t size)
{
    return ngx_palloc(pool, size);
}


void *
ngx_pcalloc(ngx_pool_t *pool, size_t size)
{
    void  *p;

    p = ngx_palloc(pool, size);

    if (p) {
        ngx_memzero(p, size);
    }

    return p;
}


u_char *
ngx_pstrdup(ngx_pool_t *pool, ngx_str_t *src)
{
    u_char  *dst;

    dst = ngx_pnalloc(pool, src->len);

    if (dst) {
        ngx_memcpy(dst, src->data, src->len);
    }

    return dst;
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


ngx_chain_t *
ngx_alloc_chain_link(ngx_pool_t *pool)
{
    return ngx_palloc(pool, sizeof(ngx_chain_t));
}


ngx_buf_t *
ngx_create_temp_buf(ngx_pool_t *pool, size_t size)
{
    ngx_buf_t  *b;

    b = ngx_pcalloc(pool, sizeof(ngx_buf_t));
    if (b == NULL) {
        return NULL;
    }

    b->start = ngx_palloc(pool, size);
    if (b->start == NULL) {
        return NULL;
    }

    b->pos = b->start;
    b->last = b->start;
    b->end = b->start + size;
    b->temporary = 1;

    return b;
}


u_char *
ngx_sprintf(u_char *buf, const char *fmt, ...)
{
    u_char   *p;
    va_list   args;

    va_start(args, fmt);
    p = ngx_vslprintf(buf, (u_char *) -1, fmt, args);
    va_end(args);

    return p;
}


/* %V %s %c %d %i %ui %uz %L, the last three also as %03uL */

u_char *
ngx_vslprintf(u_char *buf, u_char *last, const char *fmt, va_list args)
{
    int          width;
    char         text[NGX_INT64_LEN + 1];
    size_t       len;
    ngx_int_t    usign;
    ngx_str_t   *s;
    const char  *p;

    for ( /* void */ ; *fmt; fmt++) {

        if (*fmt != '%') {
            buf = unit_put(buf, last, fmt, 1);
            continue;
        }

        width = 0;

        if (fmt[1] == '0') {
            width = fmt[2] - '0';
            fmt += 2;
        }

        usign = (fmt[1] == 'u');
        fmt += 1 + usign;

        switch (*fmt) {

        case 'V':
            s = va_arg(args, ngx_str_t *);
            buf = unit_put(buf, last, s->data, s->len);
            continue;

        case 's':
            p = va_arg(args, const char *);
            buf = unit_put(buf, last, p, strlen(p));
            continue;

        case 'c':
            text[0] = (char) va_arg(args, int);
            buf = unit_put(buf, last, text, 1);
            continue;

        case 'd':
            len = sprintf(text, "%d", va_arg(args, int));
            break;

        case 'i':
        case 'z':
        case 'L':
            len = sprintf(text, usign ? "%0*llu" : "%0*lld", width,
                          va_arg(args, long long));
            break;

        default:
            fprintf(stderr, "the format \"%%%s\" is not known here\n", fmt);
            exit(1);
        }

        buf = unit_put(buf, last, text, len);
    }

    return buf;
}


static u_char *
unit_put(u_char *p, u_char *last, const void *data, size_t len)
{
    len = ngx_min(len, (size_t) (last - p));

    return ngx_cpymem(p, data, len);
}


ngx_int_t
ngx_atoi(u_char *line, size_t n)
{
    ngx_int_t  value;

    if (n == 0) {
        return NGX_ERROR;
    }

    for (value = 0; n; n--, line++) {

        if (*line < '0' || *line > '9'
            || value > (NGX_MAX_INT_T_VALUE - (*line - '0')) / 10)
        {
            return NGX_ERROR;
        }

        value = value * 10 + (*line - '0');
    }

    return value;
}


ngx_int_t
ngx_hextoi(u_char *line, size_t n)
{
    ngx_int_t  value;

    if (n == 0) {
        return NGX_ERROR;
    }

    for (value = 0; n; n--, line++) {

        if (unit_hex(*line) == NGX_ERROR || value > NGX_MAX_INT_T_VALUE / 16)
        {
            return NGX_ERROR;
        }

        value = value * 16 + unit_hex(*line);
    }

    return value;
}


ngx_int_t
ngx_strncasecmp(u_char *s1, u_char *s2, size_t n)
{
    return strncasecmp((char *) s1, (char *) s2, n);
}


u_char *
ngx_strlcasestrn(u_char *s1, u_char *last, u_char *s2, size_t n)
{
    u_char  *p;

    for (p = s1; p + n < last; p++) {
        if (strncasecmp((char *) p, (char *) s2, n + 1) == 0) {
            return p;
        }
    }

    return NULL;
}


/*
 * Of type 0.  As nginx has it: what is no digit ends an escape and stands for
 * itself after the "%", and is lost after the first digit.
 */

void
ngx_unescape_uri(u_char **dst, u_char **src, size_t size, ngx_uint_t type)
{
    u_char     *d, *s, *last;
    ngx_int_t   high, low;

    (void) type;

    d = *dst;
    last = *src + size;

    for (s = *src; s < last; s++) {

        if (*s != '%') {
            *d++ = *s;
            continue;
        }

        if (++s == last) {
            break;
        }

        high = unit_hex(*s);

        if (high == NGX_ERROR) {
            *d++ = *s;
            continue;
        }

        if (++s == last) {
            break;
        }

        low = unit_hex(*s);

        if (low != NGX_ERROR) {
            *d++ = (u_char) (high * 16 + low);
        }
    }

    *dst = d;
    *src = s;
}


static ngx_int_t
unit_hex(u_char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c |= 0x20;

    return (c >= 'a' && c <= 'f') ? c - 'a' + 10 : NGX_ERROR;
}


u_char *
ngx_hex_dump(u_char *dst, u_char *src, size_t len)
{
    char  text[3];

    for ( /* void */ ; len; len--, src++) {
        sprintf(text, "%02x", *src);
        dst = ngx_cpymem(dst, text, 2);
    }

    return dst;
}


void
ngx_explicit_memzero(void *buf, size_t n)
{
    explicit_bzero(buf, n);
}


/*
 * As lenient as nginx's: any byte of 0x80 and above continues a character,
 * and the first byte has no upper end.
 */

uint32_t
ngx_utf8_decode(u_char **p, size_t n)
{
    u_char    c;
    size_t    i, len;
    uint32_t  code;

    static const uint32_t  least[] = { 0, 0x80, 0x800, 0x10000 };

    c = **p;
    len = (c >= 0xf0) ? 3 : (c >= 0xe0) ? 2 : (c >= 0xc2) ? 1 : 0;

    if (len == 0) {
        (*p)++;
        return 0xffffffff;
    }

    if (n <= len) {
        return 0xfffffffe;
    }

    code = c & (0x3f >> len);

    for (i = 1; i <= len; i++) {
        c = (*p)[i];

        if (c < 0x80) {
            *p += i + 1;
            return 0xffffffff;
        }

        code = (code << 6) | (c & 0x3f);
    }

    *p += len + 1;

    return (code >= least[len]) ? code : 0xffffffff;
}


size_t
ngx_utf8_length(u_char *p, size_t n)
{
    u_char  *last;
    size_t   len;

    last = p + n;

    for (len = 0; p < last; len++) {

        if (*p < 0x80) {
            p++;

        } else if (ngx_utf8_decode(&p, last - p) > 0x10ffff) {
            return n;
        }
    }

    return len;
}


/* nobody reads it */

void
ngx_conf_log_error(ngx_uint_t level, ngx_conf_t *cf, ngx_err_t err,
    const char *fmt, ...)
{
    (void) level;
    (void) cf;
    (void) err;
    (void) fmt;
}


static const u_char  unit_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";


void
ngx_encode_base64url(ngx_str_t *dst, ngx_str_t *src)
{
    size_t      i;
    u_char     *d;
    ngx_uint_t  bits, n;

    d = dst->data;
    bits = 0;
    n = 0;

    for (i = 0; i < src->len; i++) {
        bits = (bits << 8) | src->data[i];

        for (n += 8; n >= 6; n -= 6) {
            *d++ = unit_alphabet[(bits >> (n - 6)) & 0x3f];
        }
    }

    if (n) {
        *d++ = unit_alphabet[(bits << (6 - n)) & 0x3f];
    }

    dst->len = d - dst->data;
}


/* "=" ends the text, whatever follows it */

ngx_int_t
ngx_decode_base64url(ngx_str_t *dst, ngx_str_t *src)
{
    size_t      i;
    u_char     *d;
    ngx_int_t   c;
    ngx_uint_t  bits, n;

    d = dst->data;
    bits = 0;
    n = 0;

    for (i = 0; i < src->len && src->data[i] != '='; i++) {
        c = unit_sextet(src->data[i]);

        if (c == NGX_ERROR) {
            return NGX_ERROR;
        }

        bits = (bits << 6) | c;
        n += 6;

        if (n >= 8) {
            n -= 8;
            *d++ = (u_char) (bits >> n);
        }
    }

    if (i % 4 == 1) {
        return NGX_ERROR;
    }

    dst->len = d - dst->data;

    return NGX_OK;
}


/* the other alphabet differs in two characters */

ngx_int_t
ngx_decode_base64(ngx_str_t *dst, ngx_str_t *src)
{
    size_t      i;
    ngx_int_t   rc;
    ngx_str_t   url;

    url.len = src->len;
    url.data = malloc(src->len + 1);

    if (url.data == NULL) {
        exit(1);
    }

    for (i = 0; i < src->len; i++) {
        url.data[i] = (src->data[i] == '+') ? '-'
                      : (src->data[i] == '/') ? '_' : src->data[i];
    }

    rc = ngx_decode_base64url(dst, &url);
    free(url.data);

    return rc;
}


static ngx_int_t
unit_sextet(u_char c)
{
    u_char  *p;

    p = memchr(unit_alphabet, c, 64);

    return p ? p - unit_alphabet : NGX_ERROR;
}


/* with dst NULL the number of bytes that are added */

uintptr_t
ngx_escape_json(u_char *dst, u_char *src, size_t size)
{
    char         text[8];
    size_t       len, extra;
    u_char       c;
    const char  *p;

    static const char  plain[] = "\"\\\n\r\t\b\f";
    static const char  letters[] = "\"\\nrtbf";

    for (extra = 0; size; size--) {
        c = *src++;

        p = c ? strchr(plain, c) : NULL;

        if (p) {
            len = sprintf(text, "\\%c", letters[p - plain]);

        } else if (c < 0x20) {
            len = sprintf(text, "\\u%04x", c);

        } else {
            len = 1;
            text[0] = (char) c;
        }

        if (dst) {
            dst = ngx_cpymem(dst, text, len);
        }

        extra += len - 1;
    }

    return dst ? (uintptr_t) dst : extra;
}
