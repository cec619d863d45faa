
/*
 * Public addresses, by IANA's registries of special-purpose addresses: of
 * IPv4 all that are not listed here, of IPv6 only what is allocated for
 * global unicast, 2000::/3, without what is listed here, and the prefix of
 * NAT64.
 */


#include "ngx_triggers_address.h"
#include "ngx_triggers_networks.h"


/* packed as ngx_triggers_networks.h says: length, then the prefix's bytes */

static u_char  ngx_triggers_address_special[] = {
    8, 0,                              /* this network */
    8, 10,                             /* private */
    10, 100, 64,                       /* shared, of carriers */
    8, 127,                            /* loopback */
    16, 169, 254,                      /* link local; metadata of clouds */
    12, 172, 16,                       /* private */
    24, 192, 0, 0,                     /* protocol assignments */
    24, 192, 0, 2,                     /* documentation */
    24, 192, 88, 99,                   /* relays of 6to4 */
    16, 192, 168,                      /* private */
    15, 198, 18,                       /* benchmarks */
    24, 198, 51, 100,                  /* documentation */
    24, 203, 0, 113,                   /* documentation */
    4, 224,                            /* multicast */
    4, 240,                            /* reserved; broadcast */
    32, 168, 63, 129, 16,              /* a public one, by which Azure's
                                          machines reach their host */
    64 + 23, 0x20, 0x01, 0x00,         /* protocol assignments; Teredo */
    64 + 32, 0x20, 0x01, 0x0d, 0xb8,   /* documentation */
    64 + 20, 0x3f, 0xff, 0x00          /* documentation */
};


static u_char *ngx_triggers_address_embedded(u_char *address);


ngx_uint_t
ngx_triggers_address_is_public(struct sockaddr *sockaddr)
{
    u_char               *embedded, *address;
    struct sockaddr_in    sin;
    struct sockaddr_in6  *sin6;

    if (ngx_triggers_networks_match(ngx_triggers_address_special,
                                    sizeof(ngx_triggers_address_special),
                                    sockaddr))
    {
        return 0;
    }

    if (sockaddr->sa_family == AF_INET) {
        return 1;
    }

    if (sockaddr->sa_family != AF_INET6) {
        return 0;
    }

    sin6 = (struct sockaddr_in6 *) sockaddr;
    address = sin6->sin6_addr.s6_addr;

    embedded = ngx_triggers_address_embedded(address);

    if (embedded == NULL) {
        return (address[0] & 0xe0) == 0x20;
    }

    ngx_memzero(&sin, sizeof(struct sockaddr_in));

    sin.sin_family = AF_INET;
    ngx_memcpy(&sin.sin_addr, embedded, 4);

    return ngx_triggers_address_is_public((struct sockaddr *) &sin);
}


/* the IPv4 address that an IPv6 address stands for, or NULL */

static u_char *
ngx_triggers_address_embedded(u_char *address)
{
    static u_char  mapped[] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
    static u_char  nat64[] = { 0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0 };

    if (ngx_memcmp(address, mapped, sizeof(mapped)) == 0
        || ngx_memcmp(address, nat64, sizeof(nat64)) == 0)
    {
        return address + 12;
    }

    /* 6to4, 2002::/16 */

    if (address[0] == 0x20 && address[1] == 0x02) {
        return address + 2;
    }

    /* ISATAP: the bit that differs says that the address is unique */

    if ((address[8] & 0xfc) == 0 && address[9] == 0
        && address[10] == 0x5e && address[11] == 0xfe
        && (address[0] & 0xe0) == 0x20)
    {
        return address + 12;
    }

    return NULL;
}
