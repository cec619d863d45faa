
/*
 * Networks; the header has their form.  nginx's own ngx_cidr_match() wants an
 * array of structures, which would be made anew for each request.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_triggers_networks.h"


#define NGX_TRIGGERS_NETWORKS_IPV6  64         /* added to the length */


static ngx_uint_t ngx_triggers_networks_bits(u_char *mask, size_t len);
static ngx_uint_t ngx_triggers_networks_has(u_char *network,
    ngx_uint_t bits, u_char *address);


ngx_int_t
ngx_triggers_networks_add(ngx_str_t *networks, size_t max, ngx_str_t *text)
{
    u_char      *p, *address;
    size_t       bytes;
    ngx_int_t    rc;
    ngx_uint_t   bits, ipv6;
    ngx_cidr_t   cidr;

    rc = ngx_ptocidr(text, &cidr);

    if (rc == NGX_ERROR) {
        return NGX_DECLINED;
    }

    ipv6 = 0;

    switch (cidr.family) {

    case AF_INET:
        address = (u_char *) &cidr.u.in.addr;
        bits = ngx_triggers_networks_bits((u_char *) &cidr.u.in.mask, 4);
        break;

#if (NGX_HAVE_INET6)
    case AF_INET6:
        address = cidr.u.in6.addr.s6_addr;
        bits = ngx_triggers_networks_bits(cidr.u.in6.mask.s6_addr, 16);

        if (bits >= 96 && IN6_IS_ADDR_V4MAPPED(&cidr.u.in6.addr)) {
            address += 12;
            bits -= 96;
            break;
        }

        ipv6 = NGX_TRIGGERS_NETWORKS_IPV6;
        break;
#endif

    default:
        return NGX_DECLINED;
    }

    bytes = (bits + 7) / 8;

    if (networks->len + 1 + bytes > max) {
        return NGX_BUSY;
    }

    p = networks->data + networks->len;
    *p++ = (u_char) (ipv6 + bits);
    ngx_memcpy(p, address, bytes);

    networks->len += 1 + bytes;

    return NGX_OK;
}


ngx_uint_t
ngx_triggers_networks_match(u_char *networks, size_t len,
    struct sockaddr *sockaddr)
{
    u_char                *p, *last, *address;
    ngx_uint_t             bits, ipv6;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6   *sin6;
#endif

    ipv6 = 0;

    switch (sockaddr->sa_family) {

    case AF_INET:
        address = (u_char *) &((struct sockaddr_in *) sockaddr)->sin_addr;
        break;

#if (NGX_HAVE_INET6)
    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) sockaddr;
        address = sin6->sin6_addr.s6_addr;

        if (IN6_IS_ADDR_V4MAPPED(&sin6->sin6_addr)) {
            address += 12;
            break;
        }

        ipv6 = NGX_TRIGGERS_NETWORKS_IPV6;
        break;
#endif

    default:
        return 0;
    }

    last = networks + len;

    for (p = networks; p < last; p += 1 + (bits + 7) / 8) {

        bits = *p;

        if (bits >= NGX_TRIGGERS_NETWORKS_IPV6) {
            bits -= NGX_TRIGGERS_NETWORKS_IPV6;
        }

        if ((*p >= NGX_TRIGGERS_NETWORKS_IPV6) == (ipv6 != 0)
            && p + 1 + (bits + 7) / 8 <= last
            && ngx_triggers_networks_has(p + 1, bits, address))
        {
            return 1;
        }
    }

    return 0;
}


static ngx_uint_t
ngx_triggers_networks_bits(u_char *mask, size_t len)
{
    size_t      i;
    ngx_uint_t  bits;

    bits = 0;

    for (i = 0; i < len; i++) {
        bits += __builtin_popcount(mask[i]);
    }

    return bits;
}


static ngx_uint_t
ngx_triggers_networks_has(u_char *network, ngx_uint_t bits, u_char *address)
{
    u_char  mask;
    size_t  bytes;

    bytes = bits / 8;

    if (ngx_memcmp(network, address, bytes) != 0) {
        return 0;
    }

    if (bits % 8 == 0) {
        return 1;
    }

    mask = (u_char) (0xff << (8 - bits % 8));

    return ((network[bytes] ^ address[bytes]) & mask) == 0;
}
