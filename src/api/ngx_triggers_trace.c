
/*
 * W3C Trace Context: the grammar of its two headers.  Keys are those of the
 * second level of the recommendation, which include those of the first.
 */


#include "ngx_triggers_trace.h"


/* version, trace-id, parent-id and flags, of every version */

#define NGX_TRIGGERS_TRACEPARENT_LEN       55

#define NGX_TRIGGERS_TRACESTATE_KEY        256
#define NGX_TRIGGERS_TRACESTATE_VALUE      256
#define NGX_TRIGGERS_TRACESTATE_LONG       128 /* such are removed first */


static ngx_uint_t ngx_triggers_trace_is_hex(u_char *p, size_t n);
static ngx_uint_t ngx_triggers_trace_is_id(u_char *p, size_t n);
static void ngx_triggers_trace_trim(ngx_str_t *s);
static ngx_uint_t ngx_triggers_tracestate_is_member(ngx_str_t *s);
static ngx_uint_t ngx_triggers_tracestate_is_key(u_char *p, u_char *last);
static ngx_uint_t ngx_triggers_tracestate_is_value(u_char *p, u_char *last);


ngx_int_t
ngx_triggers_traceparent_check(ngx_str_t *value)
{
    u_char  *p, *last;

    ngx_triggers_trace_trim(value);

    p = value->data;

    if (value->len < NGX_TRIGGERS_TRACEPARENT_LEN
        || value->len > NGX_TRIGGERS_TRACEPARENT_MAX
        || !ngx_triggers_trace_is_hex(p, 2) || p[2] != '-'
        || !ngx_triggers_trace_is_id(p + 3, 32) || p[35] != '-'
        || !ngx_triggers_trace_is_id(p + 36, 16) || p[52] != '-'
        || !ngx_triggers_trace_is_hex(p + 53, 2)
        || (p[0] == 'f' && p[1] == 'f'))
    {
        return NGX_DECLINED;
    }

    if (value->len == NGX_TRIGGERS_TRACEPARENT_LEN) {
        return NGX_OK;
    }

    /* only later versions have more, and nobody knows what */

    if ((p[0] == '0' && p[1] == '0')
        || p[NGX_TRIGGERS_TRACEPARENT_LEN] != '-')
    {
        return NGX_DECLINED;
    }

    last = p + value->len;

    for (p += NGX_TRIGGERS_TRACEPARENT_LEN; p < last; p++) {
        if (*p <= ' ' || *p >= 0x7f) {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


void
ngx_triggers_traceparent_id(ngx_str_t *traceparent, u_char *id)
{
    u_char      *p;
    ngx_uint_t   i;

    p = traceparent->data + sizeof("00-") - 1;

    for (i = 0; i < NGX_TRIGGERS_TRACE_ID_LEN; i++) {
        id[i] = (u_char) ngx_hextoi(p + 2 * i, 2);
    }
}


ngx_int_t
ngx_triggers_tracestate_add(ngx_triggers_tracestate_t *state, ngx_str_t *line)
{
    u_char     *p, *last;
    ngx_str_t   member;

    last = line->data + line->len;
    p = line->data;

    while (p < last) {
        member.data = p;
        p = ngx_strlchr(p, last, ',');

        if (p == NULL) {
            p = last;
        }

        member.len = p++ - member.data;

        ngx_triggers_trace_trim(&member);

        if (member.len == 0) {

            /* allowed: lines that are joined may have nothing to say */

            continue;
        }

        if (state->n == NGX_TRIGGERS_TRACESTATE_MEMBERS
            || !ngx_triggers_tracestate_is_member(&member))
        {
            return NGX_DECLINED;
        }

        state->len += member.len + (state->n != 0);
        state->members[state->n++] = member;
    }

    return NGX_OK;
}


void
ngx_triggers_tracestate_fit(ngx_triggers_tracestate_t *state)
{
    ngx_uint_t  i;

    while (state->len > NGX_TRIGGERS_TRACESTATE_MAX) {

        for (i = state->n; i > 0; i--) {
            if (state->members[i - 1].len > NGX_TRIGGERS_TRACESTATE_LONG) {
                break;
            }
        }

        if (i == 0) {
            i = state->n;
        }

        /* one alone is never too long, so there is a comma to go with it */

        state->len -= state->members[i - 1].len + sizeof(",") - 1;
        state->n--;

        ngx_memmove(&state->members[i - 1], &state->members[i],
                    (state->n - (i - 1)) * sizeof(ngx_str_t));
    }
}


u_char *
ngx_triggers_tracestate_write(u_char *dst, ngx_triggers_tracestate_t *state)
{
    ngx_uint_t  i;

    for (i = 0; i < state->n; i++) {

        if (i) {
            *dst++ = ',';
        }

        dst = ngx_cpymem(dst, state->members[i].data, state->members[i].len);
    }

    return dst;
}


static ngx_uint_t
ngx_triggers_trace_is_hex(u_char *p, size_t n)
{
    u_char  *last;

    for (last = p + n; p < last; p++) {
        if (!((*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'f'))) {
            return 0;
        }
    }

    return 1;
}


/* all zeroes is none */

static ngx_uint_t
ngx_triggers_trace_is_id(u_char *p, size_t n)
{
    size_t  i;

    for (i = 0; i < n && p[i] == '0'; i++) { /* void */ }

    return i < n && ngx_triggers_trace_is_hex(p, n);
}


/* optional white space, of which nginx takes off spaces only */

static void
ngx_triggers_trace_trim(ngx_str_t *s)
{
    while (s->len && (s->data[0] == ' ' || s->data[0] == '\t')) {
        s->data++;
        s->len--;
    }

    while (s->len
           && (s->data[s->len - 1] == ' ' || s->data[s->len - 1] == '\t'))
    {
        s->len--;
    }
}


static ngx_uint_t
ngx_triggers_tracestate_is_member(ngx_str_t *s)
{
    u_char  *p, *last;

    last = s->data + s->len;
    p = ngx_strlchr(s->data, last, '=');

    return p != NULL
           && ngx_triggers_tracestate_is_key(s->data, p)
           && ngx_triggers_tracestate_is_value(p + 1, last);
}


static ngx_uint_t
ngx_triggers_tracestate_is_key(u_char *p, u_char *last)
{
    u_char  *first;

    if (p == last || last - p > NGX_TRIGGERS_TRACESTATE_KEY) {
        return 0;
    }

    for (first = p; p < last; p++) {

        if ((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9')) {
            continue;
        }

        if (p == first || (*p != '_' && *p != '-' && *p != '*' && *p != '/'
                           && *p != '@'))
        {
            return 0;
        }
    }

    return 1;
}


/* spaces may stand before and within it; those behind it are gone */

static ngx_uint_t
ngx_triggers_tracestate_is_value(u_char *p, u_char *last)
{
    if (p == last || last - p > NGX_TRIGGERS_TRACESTATE_VALUE) {
        return 0;
    }

    for ( /* void */ ; p < last; p++) {
        if (*p < ' ' || *p >= 0x7f || *p == '=') {
            return 0;
        }
    }

    return 1;
}
