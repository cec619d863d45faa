
/*
 * Lists of IPv4 and IPv6 networks in few bytes: for each network one byte, the
 * length of its prefix, 64 more for IPv6, and as many bytes of the address as
 * the prefix has.  Any thread.
 */


#ifndef _NGX_TRIGGERS_NETWORKS_H_INCLUDED_
#define _NGX_TRIGGERS_NETWORKS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * Appends the network that text says, an address as inet_pton() reads it or
 * ADDRESS/LENGTH; bits of the address behind the prefix are ignored, and
 * ::ffff:a.b.c.d is IPv4.  NGX_OK; NGX_DECLINED: it says none; NGX_BUSY: more
 * than max bytes.
 */

ngx_int_t ngx_triggers_networks_add(ngx_str_t *networks, size_t max,
    ngx_str_t *text);

/*
 * Is the address in one of the networks?  An IPv4-mapped IPv6 address is the
 * IPv4 address; one of another family is in none.  Whatever the bytes are,
 * nothing beyond them and the address is read.
 */

ngx_uint_t ngx_triggers_networks_match(u_char *networks, size_t len,
    struct sockaddr *sockaddr);


#endif /* _NGX_TRIGGERS_NETWORKS_H_INCLUDED_ */
