
/*
 * What the unit tests share: TAP output and the few functions of nginx that
 * the pure parts of the module call, so that a test links without nginx.
 */


#ifndef _UNIT_H_INCLUDED_
#define _UNIT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include <stdio.h>


/* Prints "ok" or "not ok" with the formatted name; returns the condition. */

int unit_ok(int condition, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Prints the plan; returns the exit code of the program. */

int unit_done(void);

/* A log that writes to standard error; its level can be changed. */

ngx_log_t *unit_log(void);


#endif /* _UNIT_H_INCLUDED_ */
