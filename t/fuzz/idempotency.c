
/*
 * Fuzzes the header "Idempotency-Key".  The first byte is flags as fuzz.h has
 * them, the rest is the value.  A string is read here as RFC 8941, section
 * 4.2.5, says it, and what was read is written again by section 4.1.6.
 */


#include "fuzz.h"
#include "core.h"
#include "ngx_http_triggers_idempotency.h"


#define FUZZ_KEY  255


static void fuzz_again(ngx_str_t *key);
static ngx_uint_t fuzz_is_key(ngx_str_t *header, ngx_str_t *expected);
static ngx_uint_t fuzz_is_string(u_char *input, u_char *last,
    ngx_str_t *output);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ngx_int_t    rc;
    ngx_str_t    header, key, expected;
    ngx_uint_t   limited, valid;
    ngx_pool_t  *pool;

    if (size == 0) {
        return 0;
    }

    header.len = size - 1;
    header.data = malloc(header.len);
    ngx_memcpy(header.data, data + 1, header.len);

    expected.data = malloc(size);
    valid = fuzz_is_key(&header, &expected);

    pool = unit_pool();
    limited = fuzz_memory(data[0]);

    rc = ngx_http_triggers_idempotency_key(pool, &header, &key);

    fuzz_memory(0);

    if (rc == NGX_ERROR) {
        fuzz_check(limited && size > 1 && data[1] == '"');

    } else if (valid) {
        fuzz_check(rc == NGX_OK);
        fuzz_equal(&key, (char *) expected.data, expected.len);
        fuzz_again(&key);

    } else {
        fuzz_check(rc == NGX_DECLINED);
    }

    ngx_destroy_pool(pool);
    free(expected.data);
    free(header.data);

    return 0;
}


static void
fuzz_again(ngx_str_t *key)
{
    size_t       i;
    u_char      *p, text[2 * FUZZ_KEY + 2];
    ngx_str_t    header, again;
    ngx_pool_t  *pool;

    p = text;
    *p++ = '"';

    for (i = 0; i < key->len; i++) {

        if (key->data[i] == '"' || key->data[i] == '\\') {
            *p++ = '\\';
        }

        *p++ = key->data[i];
    }

    *p++ = '"';

    header.data = text;
    header.len = p - text;

    pool = unit_pool();

    fuzz_check(ngx_http_triggers_idempotency_key(pool, &header, &again)
               == NGX_OK);
    fuzz_equal(&again, (char *) key->data, key->len);

    ngx_destroy_pool(pool);
}


static ngx_uint_t
fuzz_is_key(ngx_str_t *header, ngx_str_t *expected)
{
    size_t  i;

    if (header->len && header->data[0] == '"') {

        if (!fuzz_is_string(header->data, header->data + header->len,
                            expected))
        {
            return 0;
        }

    } else {
        memcpy(expected->data, header->data, header->len);
        expected->len = header->len;
    }

    for (i = 0; i < expected->len; i++) {
        if (expected->data[i] < 0x20 || expected->data[i] > 0x7e) {
            return 0;
        }
    }

    return expected->len >= 1 && expected->len <= FUZZ_KEY;
}


/* as the steps of the RFC are; nothing may be left of the input */

static ngx_uint_t
fuzz_is_string(u_char *input, u_char *last, ngx_str_t *output)
{
    u_char  c;

    output->len = 0;

    input++;

    while (input < last) {
        c = *input++;

        if (c == '\\') {

            if (input == last) {
                return 0;
            }

            c = *input++;

            if (c != '"' && c != '\\') {
                return 0;
            }

            output->data[output->len++] = c;

        } else if (c == '"') {
            return input == last;

        } else if (c <= 0x1f || c >= 0x7f) {
            return 0;

        } else {
            output->data[output->len++] = c;
        }
    }

    return 0;
}
