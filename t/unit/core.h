
/*
 * Stand-ins for what the api room's pure parts use of nginx' core: pools,
 * arrays, buffers, formatted, escaped and UTF-8 text.  Every allocation is
 * malloc's, so that a sanitizer sees what goes beyond it.
 */


#ifndef _UNIT_CORE_H_INCLUDED_
#define _UNIT_CORE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* A pool, to be destroyed by ngx_destroy_pool(). */

ngx_pool_t *unit_pool(void);

/* Lets n allocations from pools succeed and all later ones fail; -1: none. */

void unit_pool_limit(ngx_int_t n);


#endif /* _UNIT_CORE_H_INCLUDED_ */
