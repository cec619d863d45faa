
/*
 * UUIDs; the header has the contract.  The generator is xoshiro256**
 * (Blackman and Vigna), seeded by the kernel: a system call per id would cost
 * more than the rest of the request's work on it.  UUIDv7 has 48 bits of
 * milliseconds, a 12-bit counter that starts each millisecond at a random
 * value below 2048 (RFC 9562, 6.2, method 1), and 62 random bits.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_triggers_uuid.h"

#include <sys/random.h>


#define NGX_TRIGGERS_UUID_BACK     10000   /* ms that the clock may go back */

#define NGX_TRIGGERS_UUID_COUNTER  0xfff   /* the largest */
#define NGX_TRIGGERS_UUID_FIRST    0x7ff   /* the largest at the start */


static uint64_t ngx_triggers_uuid_random(ngx_triggers_uuid_gen_t *gen);
static void ngx_triggers_uuid_tick(ngx_triggers_uuid_gen_t *gen, int64_t ms);
static void ngx_triggers_uuid_write(u_char *id, uint64_t high, uint64_t low);
static ngx_uint_t ngx_triggers_uuid_hex(u_char c);


ngx_int_t
ngx_triggers_random(u_char *p, size_t len)
{
    ssize_t  n;

    do {
        n = getrandom(p, len, 0);
    } while (n == -1 && ngx_errno == NGX_EINTR);

    return (n == (ssize_t) len) ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_triggers_uuid_seed(ngx_triggers_uuid_gen_t *gen)
{
    ngx_memzero(gen, sizeof(ngx_triggers_uuid_gen_t));

    if (ngx_triggers_random((u_char *) gen->state, sizeof(gen->state))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* the state must not be all zeroes */

    gen->state[0] |= 1;

    return NGX_OK;
}


void
ngx_triggers_uuid_v4(ngx_triggers_uuid_gen_t *gen, u_char *id)
{
    uint64_t  high, low;

    high = ngx_triggers_uuid_random(gen);
    low = ngx_triggers_uuid_random(gen);

    high = (high & 0xffffffffffff0fffull) | 0x4000;
    low = (low >> 2) | 0x8000000000000000ull;

    ngx_triggers_uuid_write(id, high, low);
}


void
ngx_triggers_uuid_v7(ngx_triggers_uuid_gen_t *gen, int64_t ms, u_char *id)
{
    uint64_t  high, low;

    if (ms > gen->ms || gen->ms - ms > NGX_TRIGGERS_UUID_BACK) {
        ngx_triggers_uuid_tick(gen, ms);

    } else if (gen->counter == NGX_TRIGGERS_UUID_COUNTER) {
        ngx_triggers_uuid_tick(gen, gen->ms + 1);

    } else {
        gen->counter++;
    }

    high = ((uint64_t) gen->ms << 16) | 0x7000 | gen->counter;
    low = (ngx_triggers_uuid_random(gen) >> 2) | 0x8000000000000000ull;

    ngx_triggers_uuid_write(id, high, low);
}


ngx_int_t
ngx_triggers_uuid_secret(int64_t ms, u_char *id)
{
    uint64_t  high, low, random[2];

    if (ngx_triggers_random((u_char *) random, sizeof(random)) != NGX_OK) {
        return NGX_ERROR;
    }

    high = ((uint64_t) ms << 16) | 0x7000 | (random[0] & 0x0fff);
    low = (random[1] >> 2) | 0x8000000000000000ull;

    ngx_triggers_uuid_write(id, high, low);

    return NGX_OK;
}


static void
ngx_triggers_uuid_tick(ngx_triggers_uuid_gen_t *gen, int64_t ms)
{
    gen->ms = ms;
    gen->counter = ngx_triggers_uuid_random(gen) & NGX_TRIGGERS_UUID_FIRST;
}


static uint64_t
ngx_triggers_uuid_random(ngx_triggers_uuid_gen_t *gen)
{
    uint64_t  n, t, *s;

    s = gen->state;

    n = s[1] * 5;
    n = ((n << 7) | (n >> 57)) * 9;

    t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = (s[3] << 45) | (s[3] >> 19);

    return n;
}


static void
ngx_triggers_uuid_write(u_char *id, uint64_t high, uint64_t low)
{
    ngx_uint_t  i;

    for (i = 0; i < 8; i++) {
        id[i] = (u_char) (high >> (56 - 8 * i));
        id[8 + i] = (u_char) (low >> (56 - 8 * i));
    }
}


u_char *
ngx_triggers_uuid_format(u_char *dst, u_char *id)
{
    ngx_uint_t  i;

    static const u_char  hex[] = "0123456789abcdef";

    for (i = 0; i < NGX_TRIGGERS_ID_LEN; i++) {

        if (i == 4 || i == 6 || i == 8 || i == 10) {
            *dst++ = '-';
        }

        *dst++ = hex[id[i] >> 4];
        *dst++ = hex[id[i] & 0x0f];
    }

    return dst;
}


ngx_int_t
ngx_triggers_uuid_parse(ngx_str_t *text, u_char *id)
{
    u_char      *p;
    ngx_uint_t   i, high, low;

    if (text->len != NGX_TRIGGERS_UUID_LEN) {
        return NGX_ERROR;
    }

    p = text->data;

    for (i = 0; i < NGX_TRIGGERS_ID_LEN; i++) {

        if (i == 4 || i == 6 || i == 8 || i == 10) {
            if (*p++ != '-') {
                return NGX_ERROR;
            }
        }

        high = ngx_triggers_uuid_hex(*p++);
        low = ngx_triggers_uuid_hex(*p++);

        if (high > 15 || low > 15) {
            return NGX_ERROR;
        }

        id[i] = (u_char) ((high << 4) | low);
    }

    return NGX_OK;
}


/* returns 16 for what is no hexadecimal digit */

static ngx_uint_t
ngx_triggers_uuid_hex(u_char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c |= 0x20;

    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }

    return 16;
}
