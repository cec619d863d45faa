
/*
 * Unit tests of the UUIDs: bits that RFC 9562 fixes, order and uniqueness of
 * what one generator makes, and the text in both directions.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "unit.h"
#include "ngx_triggers_uuid.h"

#include <ctype.h>


#define TEST_IDS  20000
#define TEST_MS   1762778096789ll      /* 2025-11-10T12:34:56.789Z */


static void test_v4(void);
static void test_v7(void);
static void test_v7_clock(void);
static void test_v7_overflow(void);
static void test_secret(void);
static void test_generators(void);
static void test_text(void);
static void test_parse(void);

static void test_seed(ngx_triggers_uuid_gen_t *gen);
static int64_t test_ms(u_char *id);
static int test_compare(const void *one, const void *two);


int
main(void)
{
    test_v4();
    test_v7();
    test_v7_clock();
    test_v7_overflow();
    test_secret();
    test_generators();
    test_text();
    test_parse();

    return unit_done();
}


static void
test_v4(void)
{
    u_char                   *ids, any[NGX_TRIGGERS_ID_LEN];
    u_char                    all[NGX_TRIGGERS_ID_LEN];
    ngx_uint_t                i, k, wrong;
    ngx_triggers_uuid_gen_t   gen;

    test_seed(&gen);

    ids = malloc(TEST_IDS * NGX_TRIGGERS_ID_LEN);
    if (ids == NULL) {
        exit(1);
    }

    wrong = 0;
    ngx_memzero(any, sizeof(any));
    ngx_memset(all, 0xff, sizeof(all));

    for (i = 0; i < TEST_IDS * NGX_TRIGGERS_ID_LEN; i += 16) {
        ngx_triggers_uuid_v4(&gen, &ids[i]);

        wrong += (ids[i + 6] >> 4 != 4 || ids[i + 8] >> 6 != 2);

        for (k = 0; k < 16; k++) {
            any[k] |= ids[i + k];
            all[k] &= ids[i + k];
        }
    }

    unit_ok(wrong == 0, "v4 has its version and variant");

    wrong = 0;

    for (k = 0; k < 16; k++) {
        wrong += (any[k] != (k == 6 ? 0x4f : k == 8 ? 0xbf : 0xff));
        wrong += (all[k] != (k == 6 ? 0x40 : k == 8 ? 0x80 : 0));
    }

    unit_ok(wrong == 0, "every other bit of v4 is seen as 0 and as 1");

    qsort(ids, TEST_IDS, NGX_TRIGGERS_ID_LEN, test_compare);

    for (i = 1; i < TEST_IDS; i++) {
        wrong += (test_compare(&ids[i * 16], &ids[i * 16 - 16]) == 0);
    }

    unit_ok(wrong == 0, "v4 are unique");

    free(ids);
}


static void
test_v7(void)
{
    u_char                    id[NGX_TRIGGERS_ID_LEN];
    u_char                    last[NGX_TRIGGERS_ID_LEN];
    int64_t                   ms;
    ngx_uint_t                i, order, bits, time;
    ngx_triggers_uuid_gen_t   gen;

    test_seed(&gen);

    order = 0;
    bits = 0;
    time = 0;
    ngx_memzero(last, sizeof(last));

    for (i = 0; i < TEST_IDS; i++) {
        ms = TEST_MS + i / 100;

        ngx_triggers_uuid_v7(&gen, ms, id);

        order += (test_compare(last, id) >= 0);
        bits += (id[6] >> 4 != 7 || id[8] >> 6 != 2);
        time += (test_ms(id) != ms);

        ngx_memcpy(last, id, sizeof(id));
    }

    unit_ok(bits == 0, "v7 has its version and variant");
    unit_ok(time == 0, "v7 has its time");
    unit_ok(order == 0, "v7 grow");

    ngx_triggers_uuid_v7(&gen, 0xffffffffffffll, id);

    unit_ok(test_ms(id) == 0xffffffffffffll, "v7 of the largest time");
}


static void
test_v7_clock(void)
{
    u_char                    a[NGX_TRIGGERS_ID_LEN];
    u_char                    b[NGX_TRIGGERS_ID_LEN];
    ngx_triggers_uuid_gen_t   gen;

    test_seed(&gen);

    ngx_triggers_uuid_v7(&gen, TEST_MS, a);
    ngx_triggers_uuid_v7(&gen, TEST_MS - 10000, b);

    unit_ok(test_compare(a, b) < 0 && test_ms(b) == TEST_MS,
            "v7 keep the last time when the clock goes back a little");

    ngx_triggers_uuid_v7(&gen, TEST_MS - 10001, a);

    unit_ok(test_ms(a) == TEST_MS - 10001,
            "v7 follow a clock that goes back further");

    ngx_triggers_uuid_v7(&gen, TEST_MS - 10000, b);

    unit_ok(test_compare(a, b) < 0 && test_ms(b) == TEST_MS - 10000,
            "v7 go on from there");
}


/* more ids than one millisecond has counters: they borrow the next ones */

static void
test_v7_overflow(void)
{
    u_char                    id[NGX_TRIGGERS_ID_LEN];
    u_char                    last[NGX_TRIGGERS_ID_LEN];
    ngx_uint_t                i, order;
    ngx_triggers_uuid_gen_t   gen;

    test_seed(&gen);

    order = 0;
    ngx_memzero(last, sizeof(last));

    for (i = 0; i < TEST_IDS; i++) {
        ngx_triggers_uuid_v7(&gen, TEST_MS, id);

        order += (test_compare(last, id) >= 0);

        ngx_memcpy(last, id, sizeof(id));
    }

    unit_ok(order == 0, "v7 grow beyond the counter of a millisecond");
    unit_ok(test_ms(id) > TEST_MS && test_ms(id) <= TEST_MS + TEST_IDS / 2048,
            "their time runs ahead by no more than it must");
}


static void
test_secret(void)
{
    u_char      id[NGX_TRIGGERS_ID_LEN], any[NGX_TRIGGERS_ID_LEN];
    u_char      all[NGX_TRIGGERS_ID_LEN];
    ngx_uint_t  i, k, wrong, time;

    wrong = 0;
    time = 0;
    ngx_memzero(any, sizeof(any));
    ngx_memset(all, 0xff, sizeof(all));

    for (i = 0; i < 1000; i++) {
        wrong += (ngx_triggers_uuid_secret(TEST_MS, id) != NGX_OK);
        time += (test_ms(id) != TEST_MS);

        for (k = 6; k < NGX_TRIGGERS_ID_LEN; k++) {
            any[k] |= id[k];
            all[k] &= id[k];
        }
    }

    unit_ok(wrong == 0 && time == 0, "a secret id has its time");

    for (k = 6; k < NGX_TRIGGERS_ID_LEN; k++) {
        wrong += (any[k] != (k == 6 ? 0x7f : k == 8 ? 0xbf : 0xff));
        wrong += (all[k] != (k == 6 ? 0x70 : k == 8 ? 0x80 : 0));
    }

    unit_ok(wrong == 0, "its other bits are random, but version and variant");
}


static void
test_generators(void)
{
    u_char                    ids[2][NGX_TRIGGERS_ID_LEN];
    ngx_uint_t                i, same;
    ngx_triggers_uuid_gen_t   one, two;

    test_seed(&one);
    test_seed(&two);

    same = 0;

    for (i = 0; i < 1000; i++) {
        ngx_triggers_uuid_v7(&one, TEST_MS, ids[0]);
        ngx_triggers_uuid_v7(&two, TEST_MS, ids[1]);

        same += (memcmp(&ids[0][8], &ids[1][8], 8) == 0);
    }

    unit_ok(same == 0, "two generators differ");
}


static void
test_text(void)
{
    u_char                   *p, buf[NGX_TRIGGERS_UUID_LEN + 1];
    u_char                    id[NGX_TRIGGERS_ID_LEN];
    u_char                    back[NGX_TRIGGERS_ID_LEN];
    ngx_str_t                 text;
    ngx_uint_t                i, k, wrong;
    ngx_triggers_uuid_gen_t   gen;

    for (i = 0; i < NGX_TRIGGERS_ID_LEN; i++) {
        id[i] = (u_char) (0xf0 - 0x0f * i);
    }

    buf[NGX_TRIGGERS_UUID_LEN] = '!';

    p = ngx_triggers_uuid_format(buf, id);

    unit_ok(p == buf + NGX_TRIGGERS_UUID_LEN && *p == '!'
            && memcmp(buf, "f0e1d2c3-b4a5-9687-7869-5a4b3c2d1e0f", 36) == 0,
            "a UUID as text");

    test_seed(&gen);

    wrong = 0;
    text.data = buf;
    text.len = NGX_TRIGGERS_UUID_LEN;

    for (i = 0; i < TEST_IDS; i++) {
        ngx_triggers_uuid_v4(&gen, id);
        ngx_triggers_uuid_format(buf, id);

        for (k = 0; (i & 1) && k < NGX_TRIGGERS_UUID_LEN; k++) {
            buf[k] = ngx_toupper(buf[k]);
        }

        wrong += (ngx_triggers_uuid_parse(&text, back) != NGX_OK
                  || memcmp(back, id, NGX_TRIGGERS_ID_LEN) != 0);
    }

    unit_ok(wrong == 0, "text is read back in either case");
}


static void
test_parse(void)
{
    u_char      id[NGX_TRIGGERS_ID_LEN], buf[NGX_TRIGGERS_UUID_LEN];
    ngx_str_t   text;
    ngx_uint_t  i, c, wrong;

    static ngx_str_t  valid[] = {
        ngx_string("00000000-0000-0000-0000-000000000000"),
        ngx_string("ffffffff-ffff-ffff-ffff-ffffffffffff"),
        ngx_string("C232AB00-9414-11EC-B3C8-9F6BDECED846"),
        ngx_string("017f22e2-79b0-7cc3-98c4-dc0c0c07398f")
    };

    static ngx_str_t  invalid[] = {
        ngx_string(""),
        ngx_string("017f22e2-79b0-7cc3-98c4-dc0c0c07398"),
        ngx_string("017f22e2-79b0-7cc3-98c4-dc0c0c07398f0"),
        ngx_string("017f22e279b07cc398c4dc0c0c07398f"),
        ngx_string("{17f22e2-79b0-7cc3-98c4-dc0c0c07398}"),
        ngx_string("017f22e27-9b0-7cc3-98c4-dc0c0c07398f"),
        ngx_string("017f22e2-79b0-7cc3-98c4-dc0c0c07398g"),
        ngx_string("017f22e2-79b0-7cc3-98c4_dc0c0c07398f"),
        ngx_string(" 17f22e2-79b0-7cc3-98c4-dc0c0c07398f")
    };

    for (i = 0; i < sizeof(valid) / sizeof(valid[0]); i++) {
        unit_ok(ngx_triggers_uuid_parse(&valid[i], id) == NGX_OK,
                "%s is valid", valid[i].data);
    }

    for (i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++) {
        unit_ok(ngx_triggers_uuid_parse(&invalid[i], id) == NGX_ERROR,
                "\"%s\" is invalid", invalid[i].data);
    }

    wrong = 0;
    text.data = buf;
    text.len = NGX_TRIGGERS_UUID_LEN;

    for (i = 0; i < NGX_TRIGGERS_UUID_LEN; i++) {
        for (c = 0; c < 256; c++) {
            ngx_memcpy(buf, valid[0].data, NGX_TRIGGERS_UUID_LEN);

            buf[i] = (u_char) c;

            wrong += ((ngx_triggers_uuid_parse(&text, id) == NGX_OK)
                      != (valid[0].data[i] == '-' ? c == '-'
                                                  : isxdigit(c) != 0));
        }
    }

    unit_ok(wrong == 0, "every byte at every place");
}


static void
test_seed(ngx_triggers_uuid_gen_t *gen)
{
    if (ngx_triggers_uuid_seed(gen) != NGX_OK) {
        unit_ok(0, "seed");
        exit(1);
    }
}


static int64_t
test_ms(u_char *id)
{
    int64_t     ms;
    ngx_uint_t  i;

    ms = 0;

    for (i = 0; i < 6; i++) {
        ms = (ms << 8) | id[i];
    }

    return ms;
}


static int
test_compare(const void *one, const void *two)
{
    return memcmp(one, two, NGX_TRIGGERS_ID_LEN);
}
