
/*
 * The clocks.  nginx's cached time stands still while the event loop sleeps,
 * and is not for threads.  Any thread.
 */


#ifndef _NGX_TRIGGERS_CLOCK_H_INCLUDED_
#define _NGX_TRIGGERS_CLOCK_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* CLOCK_MONOTONIC in milliseconds, in microseconds, in nanoseconds. */

uint64_t ngx_triggers_monotonic_ms(void);
uint64_t ngx_triggers_monotonic_us(void);
uint64_t ngx_triggers_monotonic_ns(void);

/* CLOCK_REALTIME: milliseconds since the epoch. */

int64_t ngx_triggers_wall_ms(void);


#endif /* _NGX_TRIGGERS_CLOCK_H_INCLUDED_ */
