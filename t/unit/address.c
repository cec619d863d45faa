
/*
 * Unit tests of what is a public address.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "unit.h"
#include "ngx_triggers_address.h"


static void test_addresses(void);
static void test_families(void);

static ngx_uint_t test_is_public(const char *address);


int
main(void)
{
    test_addresses();
    test_families();

    return unit_done();
}


static void
test_addresses(void)
{
    ngx_uint_t  i;

    static const struct {
        const char  *address;
        ngx_uint_t   is_public;
    } t[] = {
        { "0.0.0.0", 0 }, { "0.255.255.255", 0 }, { "1.0.0.0", 1 },
        { "9.255.255.255", 1 }, { "10.0.0.0", 0 }, { "10.255.255.255", 0 },
        { "11.0.0.0", 1 }, { "100.63.255.255", 1 }, { "100.64.0.0", 0 },
        { "100.100.100.200", 0 }, { "100.127.255.255", 0 },
        { "100.128.0.0", 1 }, { "126.255.255.255", 1 }, { "127.0.0.1", 0 },
        { "127.255.255.255", 0 }, { "128.0.0.0", 1 },
        { "168.63.129.15", 1 }, { "168.63.129.16", 0 },
        { "169.253.255.255", 1 }, { "169.254.0.0", 0 },
        { "169.254.169.254", 0 }, { "169.255.0.0", 1 },
        { "172.15.255.255", 1 }, { "172.16.0.0", 0 },
        { "172.31.255.255", 0 }, { "172.32.0.0", 1 },
        { "192.0.0.192", 0 }, { "192.0.1.0", 1 }, { "192.0.2.1", 0 },
        { "192.88.99.1", 0 }, { "192.167.255.255", 1 },
        { "192.168.0.0", 0 }, { "192.168.255.255", 0 },
        { "192.169.0.0", 1 }, { "198.17.255.255", 1 }, { "198.18.0.0", 0 },
        { "198.19.255.255", 0 }, { "198.20.0.0", 1 },
        { "198.51.100.7", 0 }, { "203.0.113.7", 0 },
        { "223.255.255.255", 1 }, { "224.0.0.1", 0 },
        { "239.255.255.255", 0 }, { "240.0.0.0", 0 },
        { "255.255.255.255", 0 }, { "8.8.8.8", 1 },

        { "::", 0 }, { "::1", 0 }, { "::8.8.8.8", 0 },
        { "::ffff:8.8.8.8", 1 }, { "::ffff:127.0.0.1", 0 },
        { "::ffff:10.0.0.1", 0 }, { "::ffff:169.254.169.254", 0 },
        { "::ffff:0:127.0.0.1", 0 }, { "::ffff:0:8.8.8.8", 0 },
        { "64:ff9b::8.8.8.8", 1 }, { "64:ff9b::127.0.0.1", 0 },
        { "64:ff9b::a9fe:a9fe", 0 }, { "64:ff9b:1::8.8.8.8", 0 },
        { "64:ff9b::1:8.8.8.8", 0 }, { "100::1", 0 },
        { "1fff:ffff::1", 0 }, { "2001::1", 0 },
        { "2001:0:808:808::", 0 }, { "2001:1ff:ffff::1", 0 },
        { "2001:200::1", 1 }, { "2001:db8::1", 0 },
        { "2001:4860:4860::8888", 1 }, { "2002:808:808::1", 1 },
        { "2002:7f00:1::1", 0 }, { "2002:a9fe:a9fe::1", 0 },
        { "2002:c0a8:101::1", 0 }, { "2606:4700::1111", 1 },
        { "2606:4700::5efe:8.8.8.8", 1 },
        { "2606:4700::5efe:10.0.0.1", 0 },
        { "2606:4700::200:5efe:127.0.0.1", 0 },
        { "2606:4700::400:5efe:127.0.0.1", 1 },
        { "3fff:0fff::1", 0 }, { "3fff:1000::1", 1 },
        { "3ffe::1", 1 }, { "4000::1", 0 }, { "5f00::1", 0 },
        { "fc00::1", 0 }, { "fd00:ec2::254", 0 }, { "fe80::1", 0 },
        { "fec0::1", 0 }, { "ff02::1", 0 },
        { "fe80::5efe:8.8.8.8", 0 }
    };

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        unit_ok(test_is_public(t[i].address) == t[i].is_public,
                "%s is %s", t[i].address,
                t[i].is_public ? "public" : "not public");
    }
}


static void
test_families(void)
{
    struct sockaddr_un  sun;

    memset(&sun, 0, sizeof(sun));
    sun.sun_family = AF_UNIX;

    unit_ok(!ngx_triggers_address_is_public((struct sockaddr *) &sun),
            "a Unix socket is not public");
}


static ngx_uint_t
test_is_public(const char *address)
{
    struct sockaddr_in   sin;
    struct sockaddr_in6  sin6;

    memset(&sin, 0, sizeof(sin));
    memset(&sin6, 0, sizeof(sin6));

    sin.sin_family = AF_INET;
    sin6.sin6_family = AF_INET6;

    if (inet_pton(AF_INET, address, &sin.sin_addr) == 1) {
        return ngx_triggers_address_is_public((struct sockaddr *) &sin);
    }

    if (inet_pton(AF_INET6, address, &sin6.sin6_addr) == 1) {
        return ngx_triggers_address_is_public((struct sockaddr *) &sin6);
    }

    return 2;
}
