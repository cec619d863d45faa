
/*
 * Unit tests of lists of networks: what is one, how few bytes it takes, and
 * which addresses are in it.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "unit.h"
#include "ngx_triggers_networks.h"


#define TEST_MAX  64


typedef struct {
    const char              *text;
    const char              *packed;
    size_t                   len;
} test_packed_t;


typedef struct {
    const char              *networks[4];
    const char              *address;
    ngx_uint_t               in;
} test_match_t;


static void test_packed(void);
static void test_invalid(void);
static void test_full(void);
static void test_match(void);
static void test_broken(void);

static ngx_int_t test_add(ngx_str_t *list, size_t max, const char *text);
static ngx_uint_t test_has(ngx_str_t *list, const char *address);


int
main(void)
{
    test_packed();
    test_invalid();
    test_full();
    test_match();
    test_broken();

    return unit_done();
}


static void
test_packed(void)
{
    u_char      buf[TEST_MAX];
    ngx_str_t   list;
    ngx_uint_t  i;

    static const test_packed_t  valid[] = {
        { "10.1.2.3", "\x20\x0a\x01\x02\x03", 5 },
        { "255.255.255.255", "\x20\xff\xff\xff\xff", 5 },
        { "10.1.2.3/32", "\x20\x0a\x01\x02\x03", 5 },
        { "10.1.2.3/8", "\x08\x0a", 2 },
        { "10.255.2.3/9", "\x09\x0a\x80", 3 },
        { "10.0.0.0/08", "\x08\x0a", 2 },
        { "10.1.2.3/0", "\x00", 1 },
        { "::/0", "\x40", 1 },
        { "2001:DB8::/32", "\x60\x20\x01\x0d\xb8", 5 },
        { "2001:db8:ffff::/33", "\x61\x20\x01\x0d\xb8\x80", 6 },
        { "::1", "\xc0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01", 17 },
        { "::ffff:10.1.2.3", "\x20\x0a\x01\x02\x03", 5 },
        { "::ffff:a01:203/104", "\x08\x0a", 2 },
        { "::ffff:0:0/96", "\x00", 1 },
        { "::ffff:0:0/90", "\x9a\0\0\0\0\0\0\0\0\0\0\xff\xc0", 13 }
    };

    for (i = 0; i < sizeof(valid) / sizeof(valid[0]); i++) {
        list.data = buf;
        list.len = 0;

        unit_ok(test_add(&list, TEST_MAX, valid[i].text) == NGX_OK
                && list.len == valid[i].len
                && memcmp(buf, valid[i].packed, list.len) == 0,
                "packed: %s", valid[i].text);
    }
}


static void
test_invalid(void)
{
    u_char      buf[TEST_MAX];
    ngx_str_t   list, text;
    ngx_uint_t  i;

    static const char  *invalid[] = {
        "", "...", "1..2.3", "10.1", "10.0.0.256", "010.0.0.1", "0x7f.0.0.1",
        "10.0.0.1 ", " 10.0.0.1", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1",
        "10.0.0.0/+8", "10.0.0.0/8/8", "10.0.0.0/255.0.0.0",
        "10.0.0.0/18446744073709551624", "/8", ":", ":::", "::/129",
        ":1:2:3:4:5:6:7:8", "1::2:", "1:2:3:4:5:6:7", "12345::", "::1.2.3",
        "fe80::1%lo", "[::1]", "unix:", "all", "localhost",
        "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000"
    };

    list.data = buf;
    list.len = 0;

    for (i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++) {
        unit_ok(test_add(&list, TEST_MAX, invalid[i]) == NGX_DECLINED
                && list.len == 0,
                "no network: \"%s\"", invalid[i]);
    }

    ngx_str_set(&text, "10.0.0.1\0x");

    unit_ok(ngx_triggers_networks_add(&list, TEST_MAX, &text) == NGX_DECLINED,
            "no network: what goes on behind a zero byte");
}


static void
test_full(void)
{
    u_char     *buf;
    ngx_str_t   list;

    buf = malloc(7);
    if (buf == NULL) {
        exit(1);
    }

    list.data = buf;
    list.len = 0;

    unit_ok(test_add(&list, 7, "10.0.0.1") == NGX_OK, "full: the first");
    unit_ok(test_add(&list, 7, "10.0.0.0/9") == NGX_BUSY && list.len == 5,
            "full: no room for the second");
    unit_ok(test_add(&list, 7, "11.0.0.0/8") == NGX_OK && list.len == 7,
            "full: a shorter one");
    unit_ok(test_add(&list, 7, "0.0.0.0/0") == NGX_BUSY, "full: none more");
    unit_ok(test_add(&list, 7, "...") == NGX_DECLINED,
            "full: what is no network is told first");
    unit_ok(test_has(&list, "10.0.0.1") && test_has(&list, "11.2.3.4")
            && !test_has(&list, "10.0.0.2"), "full: both are there");

    free(buf);
}


static void
test_match(void)
{
    u_char               buf[TEST_MAX];
    ngx_str_t            list;
    ngx_uint_t           i, k, added;
    const test_match_t  *m;

    static const test_match_t  matches[] = {
        { { NULL }, "10.0.0.1", 0 },
        { { "10.0.0.1" }, "10.0.0.1", 1 },
        { { "10.0.0.1" }, "10.0.0.0", 0 },
        { { "10.0.0.1" }, "::ffff:10.0.0.1", 1 },
        { { "10.0.0.1" }, "::10.0.0.1", 0 },
        { { "::ffff:10.0.0.1" }, "10.0.0.1", 1 },
        { { "10.0.0.0/8" }, "10.255.255.255", 1 },
        { { "10.0.0.0/8" }, "11.0.0.0", 0 },
        { { "172.16.0.0/12" }, "172.31.255.255", 1 },
        { { "172.16.0.0/12" }, "172.32.0.0", 0 },
        { { "172.16.0.0/12" }, "172.15.255.255", 0 },
        { { "0.0.0.0/0" }, "192.0.2.1", 1 },
        { { "0.0.0.0/0" }, "::ffff:192.0.2.1", 1 },
        { { "0.0.0.0/0" }, "::1", 0 },
        { { "::/0" }, "::1", 1 },
        { { "::/0" }, "192.0.2.1", 0 },
        { { "::/0" }, "::ffff:192.0.2.1", 0 },
        { { "2001:db8::/33" }, "2001:db8:7fff::1", 1 },
        { { "2001:db8::/33" }, "2001:db8:8000::1", 0 },
        { { "::1" }, "::1", 1 },
        { { "::1" }, "::", 0 },
        { { "10.0.0.0/8", "::1", "192.0.2.0/25" }, "192.0.2.127", 1 },
        { { "10.0.0.0/8", "::1", "192.0.2.0/25" }, "192.0.2.128", 0 },
        { { "10.0.0.0/8", "::1", "192.0.2.0/25" }, "::1", 1 }
    };

    for (i = 0; i < sizeof(matches) / sizeof(matches[0]); i++) {
        m = &matches[i];
        list.data = buf;
        list.len = 0;
        added = 1;

        for (k = 0; m->networks[k]; k++) {
            added &= (test_add(&list, TEST_MAX, m->networks[k]) == NGX_OK);
        }

        unit_ok(added && test_has(&list, m->address) == m->in,
                "match: %s, %s", m->networks[0] ? m->networks[0] : "none",
                m->address);
    }
}


/* prefixes that are longer than an address, or than what is left */

static void
test_broken(void)
{
    u_char      buf[32];
    ngx_str_t   list;
    ngx_uint_t  i, found;

    ngx_memzero(buf, sizeof(buf));

    list.data = buf;
    list.len = sizeof(buf);
    found = 0;

    for (i = 33; i < 64; i++) {
        buf[0] = (u_char) i;
        list.len = 1 + (i + 7) / 8;
        found += test_has(&list, "0.0.0.0");
    }

    for (i = 64 + 129; i < 256; i++) {
        buf[0] = (u_char) i;
        list.len = 1 + (i - 64 + 7) / 8;
        found += test_has(&list, "::");
    }

    unit_ok(found == 0, "broken: prefixes beyond an address match none");

    buf[0] = 32;
    list.len = 4;

    unit_ok(!test_has(&list, "0.0.0.0"), "broken: a cut one matches none");
}


static ngx_int_t
test_add(ngx_str_t *list, size_t max, const char *text)
{
    ngx_str_t  s;

    s.data = (u_char *) text;
    s.len = strlen(text);

    return ngx_triggers_networks_add(list, max, &s);
}


static ngx_uint_t
test_has(ngx_str_t *list, const char *address)
{
    struct sockaddr_in   sin;
    struct sockaddr_in6  sin6;

    ngx_memzero(&sin, sizeof(struct sockaddr_in));
    ngx_memzero(&sin6, sizeof(struct sockaddr_in6));

    if (inet_pton(AF_INET, address, &sin.sin_addr) == 1) {
        sin.sin_family = AF_INET;

        return ngx_triggers_networks_match(list->data, list->len,
                                           (struct sockaddr *) &sin);
    }

    if (inet_pton(AF_INET6, address, &sin6.sin6_addr) != 1) {
        exit(1);
    }

    sin6.sin6_family = AF_INET6;

    return ngx_triggers_networks_match(list->data, list->len,
                                       (struct sockaddr *) &sin6);
}
