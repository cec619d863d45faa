
/*
 * Walks the arguments of a query string.
 */


#include "ngx_triggers_args.h"
#include "ngx_triggers_time.h"


static ngx_int_t ngx_triggers_args_unescape(ngx_pool_t *pool, u_char *p,
    u_char *last, ngx_str_t *dst);


ngx_int_t
ngx_triggers_args_next(ngx_pool_t *pool, ngx_str_t *args, ngx_str_t *name,
    ngx_str_t *value)
{
    u_char  *p, *amp, *eq, *last;

    if (args->len == 0) {
        return NGX_DONE;
    }

    p = args->data;
    last = p + args->len;

    amp = ngx_strlchr(p, last, '&');
    if (amp == NULL) {
        amp = last;
    }

    eq = ngx_strlchr(p, amp, '=');
    if (eq == NULL) {
        eq = amp;
    }

    args->data = ngx_min(amp + 1, last);
    args->len = last - args->data;

    if (ngx_triggers_args_unescape(pool, p, eq, name) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_triggers_args_unescape(pool, ngx_min(eq + 1, amp), amp, value);
}


/* the blank between a date and its time stays one */

ngx_int_t
ngx_triggers_args_time(ngx_str_t *value, int64_t *ms)
{
    size_t  i;

    for (i = value->len; i > sizeof("yyyy-mm-dd"); i--) {

        if (value->data[i - 1] == ' ') {
            value->data[i - 1] = '+';
            break;
        }
    }

    return ngx_triggers_time_parse(value, ms);
}


static ngx_int_t
ngx_triggers_args_unescape(ngx_pool_t *pool, u_char *p, u_char *last,
    ngx_str_t *dst)
{
    u_char  *d, *s;

    d = ngx_pnalloc(pool, last - p + 1);
    if (d == NULL) {
        return NGX_ERROR;
    }

    dst->data = d;

    /* forms write a space as "+"; ngx_unescape_uri() leaves that to us */

    for (s = p; s < last; s++) {
        *d++ = (*s == '+') ? ' ' : *s;
    }

    s = dst->data;
    d = dst->data;
    ngx_unescape_uri(&d, &s, last - p, 0);

    dst->len = d - dst->data;

    return NGX_OK;
}
