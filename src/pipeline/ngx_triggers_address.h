
/*
 * Which addresses an endpoint may have that somebody has named through the
 * API: those of the public Internet, so that nobody can make this machine
 * talk to itself or to its neighbours.  Pure: any thread.
 */


#ifndef _NGX_TRIGGERS_ADDRESS_H_INCLUDED_
#define _NGX_TRIGGERS_ADDRESS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * Is it a global unicast address?  One that carries an IPv4 address, mapped
 * or for a translator or tunnel, is what that one is.  What is not IPv4 or
 * IPv6 is not.
 */

ngx_uint_t ngx_triggers_address_is_public(struct sockaddr *sockaddr);


#endif /* _NGX_TRIGGERS_ADDRESS_H_INCLUDED_ */
