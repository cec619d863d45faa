
/*
 * What the fuzz targets share; the header has the contracts.
 */


#include "fuzz.h"
#include "core.h"
#include "ngx_http_triggers_keys.h"
#include "ngx_triggers_json.h"


ngx_uint_t
fuzz_memory(uint8_t flags)
{
    ngx_int_t  n;

    n = ((flags >> 1) & 7) - 1;

    unit_pool_limit(n);

    return n >= 0;
}


void
fuzz_touch(ngx_str_t *s)
{
    size_t           i;
    volatile u_char  c;

    for (i = 0; i < s->len; i++) {
        c = s->data[i];
        (void) c;
    }
}


ngx_uint_t
fuzz_inside(ngx_str_t *outer, ngx_str_t *inner)
{
    return inner->data >= outer->data
           && inner->len <= outer->len
           && inner->data + inner->len <= outer->data + outer->len;
}


/* jansson checks the UTF-8 */

ngx_uint_t
fuzz_characters(ngx_str_t *s)
{
    size_t       i;
    json_t      *json;
    ngx_uint_t   n;

    json = json_stringn((char *) s->data, s->len);

    if (json == NULL || memchr(s->data, '\0', s->len)) {
        json_decref(json);
        return 0;
    }

    json_decref(json);

    for (i = 0, n = 0; i < s->len; i++) {
        n += ((s->data[i] & 0xc0) != 0x80);
    }

    return n;
}


void
fuzz_equal(ngx_str_t *s, const char *text, size_t len)
{
    fuzz_check(s->data != NULL);
    fuzz_check(s->len == len);
    fuzz_check(memcmp(s->data, text, len) == 0);
}


ngx_uint_t
fuzz_scope(const char *name, size_t len)
{
    ngx_uint_t  i;

    static const struct {
        const char          *name;
        ngx_uint_t           bit;
    } scopes[] = {
        { "events:write", NGX_HTTP_TRIGGERS_SCOPE_EVENTS_WRITE },
        { "events:read", NGX_HTTP_TRIGGERS_SCOPE_EVENTS_READ },
        { "inbox:ack", NGX_HTTP_TRIGGERS_SCOPE_INBOX_ACK },
        { "keys:manage", NGX_HTTP_TRIGGERS_SCOPE_KEYS_MANAGE },
        { "webhooks:manage", NGX_HTTP_TRIGGERS_SCOPE_WEBHOOKS_MANAGE },
        { "metrics:read", NGX_HTTP_TRIGGERS_SCOPE_METRICS_READ },
        { "logs:read", NGX_HTTP_TRIGGERS_SCOPE_LOGS_READ },
        { "admin", NGX_HTTP_TRIGGERS_SCOPE_ADMIN }
    };

    for (i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++) {
        if (strlen(scopes[i].name) == len
            && memcmp(scopes[i].name, name, len) == 0)
        {
            return scopes[i].bit;
        }
    }

    return 0;
}


ngx_uint_t
fuzz_printable(ngx_str_t *s)
{
    size_t  i;

    for (i = 0; i < s->len; i++) {
        if (s->data[i] < 0x20) {
            return 0;
        }
    }

    return s->len > 0 && fuzz_characters(s) > 0;
}


json_t *
fuzz_load(ngx_str_t *text)
{
    json_t                *json;
    json_error_t           error;
    enum json_error_code   code;

    json = json_loadb((const char *) text->data, text->len,
                      JSON_DECODE_ANY|JSON_ALLOW_NUL, &error);

    if (json == NULL) {
        code = json_error_code(&error);

        fuzz_check(code == json_error_numeric_overflow
                   || code == json_error_null_byte_in_key);
    }

    return json;
}


ngx_str_t
fuzz_field(u_char **pos, u_char *last)
{
    u_char     *end;
    ngx_str_t   field;

    end = memchr(*pos, 0xff, last - *pos);
    if (end == NULL) {
        end = last;
    }

    field.data = *pos;
    field.len = end - *pos;

    *pos = (end < last) ? end + 1 : last;

    return field;
}


void
fuzz_keep(ngx_str_t *dst, ngx_str_t *text, ngx_uint_t flags)
{
    ngx_int_t                    rc;
    ngx_triggers_json_walk_t     walk;
    ngx_triggers_json_member_t   member;

    ngx_triggers_json_walk_init(&walk, text, flags);

    do {
        rc = ngx_triggers_json_next(&walk, &member);
    } while (rc == NGX_OK);

    ngx_triggers_json_walk_done(&walk);

    if (rc != NGX_DONE) {
        return;
    }

    *dst = *text;

    while (dst->data[0] != '{') {
        dst->data++;
        dst->len--;
    }

    while (dst->data[dst->len - 1] != '}') {
        dst->len--;
    }
}


void
fuzz_latin1(ngx_str_t *dst, ngx_pool_t *pool, ngx_str_t *src)
{
    size_t   i;
    u_char  *p;

    dst->data = ngx_pnalloc(pool, 2 * src->len);
    fuzz_check(dst->data != NULL);

    p = dst->data;

    for (i = 0; i < src->len; i++) {

        if (src->data[i] < 0x80) {
            *p++ = src->data[i];
            continue;
        }

        *p++ = (u_char) (0xc0 | (src->data[i] >> 6));
        *p++ = (u_char) (0x80 | (src->data[i] & 0x3f));
    }

    dst->len = p - dst->data;
}


ngx_str_t
fuzz_text(ngx_pool_t *pool, ngx_triggers_text_t *text)
{
    size_t        size;
    ngx_str_t     whole;
    ngx_chain_t  *cl;

    fuzz_check(!text->failed);

    whole.data = ngx_pnalloc(pool, text->size);
    whole.len = 0;
    fuzz_check(whole.data != NULL);

    for (cl = text->first; cl; cl = cl->next) {
        size = cl->buf->last - cl->buf->pos;
        fuzz_check(whole.len + size <= text->size);

        memcpy(whole.data + whole.len, cl->buf->pos, size);
        whole.len += size;
    }

    fuzz_check(whole.len == text->size);

    return whole;
}


ngx_uint_t
fuzz_is_range(json_t *value, json_int_t max)
{
    return json_is_integer(value)
           && json_integer_value(value) >= 0
           && json_integer_value(value) <= max;
}
