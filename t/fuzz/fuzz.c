
/*
 * What the fuzz targets share; the header has the contracts.
 */


#include "fuzz.h"
#include "core.h"


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
