
/*
 * Networks; the header has their form.  nginx's own ngx_cidr_match() wants an
 * array of structures, which would be made anew for each request, and its
 * ngx_ptocidr() takes "..." and "010.0.0.1" for addresses, but not
 * 255.255.255.255: a list of who is let in is read by inet_pton().
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_triggers_networks.h"


#define NGX_TRIGGERS_NETWORKS_IPV6     64      /* added to the length */
#define NGX_TRIGGERS_NETWORKS_ADDRESS  16      /* bytes, the longest one */

/* the bits of a prefix in the last of its bytes */

#define ngx_triggers_networks_mask(bits)                                      \
    ((u_char) (0xff << (8 - (bits) % 8)))


static ngx_int_t ngx_triggers_networks_parse(ngx_str_t *text,
    u_char *address, ngx_uint_t *bits, ngx_uint_t *ipv6);
static ngx_uint_t ngx_triggers_networks_has(u_char *network,
    ngx_uint_t bits, u_char *address);


ngx_int_t
ngx_triggers_networks_add(ngx_str_t *networks, size_t max, ngx_str_t *text)
{
    u_char      *p, address[NGX_TRIGGERS_NETWORKS_ADDRESS];
    size_t       bytes;
    ngx_uint_t   bits, ipv6;

    if (ngx_triggers_networks_parse(text, address, &bits, &ipv6) != NGX_OK) {
        return NGX_DECLINED;
    }

    bytes = (bits + 7) / 8;

    if (networks->len + 1 + bytes > max) {
        return NGX_BUSY;
    }

    p = networks->data + networks->len;
    *p++ = (u_char) (ipv6 + bits);
    ngx_memcpy(p, address, bytes);

    if (bits % 8) {
        p[bytes - 1] &= ngx_triggers_networks_mask(bits);
    }

    networks->len += 1 + bytes;

    return NGX_OK;
}


ngx_uint_t
ngx_triggers_networks_match(u_char *networks, size_t len,
    struct sockaddr *sockaddr)
{
    u_char                *p, *last, *address;
    ngx_uint_t             bits, max, ipv6;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6   *sin6;
#endif

    ipv6 = 0;
    max = 32;

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
        max = 128;
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
            && bits <= max
            && p + 1 + (bits + 7) / 8 <= last
            && ngx_triggers_networks_has(p + 1, bits, address))
        {
            return 1;
        }
    }

    return 0;
}


/* the address starts at the first byte; ipv6 is what the length is more by */

static ngx_int_t
ngx_triggers_networks_parse(ngx_str_t *text, u_char *address,
    ngx_uint_t *bits, ngx_uint_t *ipv6)
{
    char              host[INET6_ADDRSTRLEN];
    u_char           *slash, *last;
    size_t            len;
    ngx_int_t         n, max;
    struct in6_addr   in6;

    last = text->data + text->len;
    slash = ngx_strlchr(text->data, last, '/');
    len = (slash ? slash : last) - text->data;

    if (len >= sizeof(host) || memchr(text->data, '\0', len)) {
        return NGX_DECLINED;
    }

    ngx_memcpy(host, text->data, len);
    host[len] = '\0';

    if (inet_pton(AF_INET, host, address) == 1) {
        max = 32;

    } else if (inet_pton(AF_INET6, host, &in6) == 1) {
        max = 128;

    } else {
        return NGX_DECLINED;
    }

    n = slash ? ngx_atoi(slash + 1, last - slash - 1) : max;

    if (n == NGX_ERROR || n > max) {
        return NGX_DECLINED;
    }

    *bits = n;
    *ipv6 = 0;

    if (max == 32) {
        return NGX_OK;
    }

    if (n >= 96 && IN6_IS_ADDR_V4MAPPED(&in6)) {
        ngx_memcpy(address, &in6.s6_addr[12], 4);
        *bits -= 96;

    } else {
        ngx_memcpy(address, in6.s6_addr, NGX_TRIGGERS_NETWORKS_ADDRESS);
        *ipv6 = NGX_TRIGGERS_NETWORKS_IPV6;
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_triggers_networks_has(u_char *network, ngx_uint_t bits, u_char *address)
{
    size_t  bytes;

    bytes = bits / 8;

    if (ngx_memcmp(network, address, bytes) != 0) {
        return 0;
    }

    if (bits % 8 == 0) {
        return 1;
    }

    return ((network[bytes] ^ address[bytes])
            & ngx_triggers_networks_mask(bits))
           == 0;
}
