
/*
 * W3C Trace Context (https://www.w3.org/TR/trace-context/): what the headers
 * "traceparent" and "tracestate" may say.  The module takes no part in a
 * trace, it passes on what came.  Pure: any thread.
 */


#ifndef _NGX_TRIGGERS_TRACE_H_INCLUDED_
#define _NGX_TRIGGERS_TRACE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_TRIGGERS_TRACE_ID_LEN        16    /* bytes */

#define NGX_TRIGGERS_TRACEPARENT_MAX     256   /* of a later version */

/* 512 have to be kept, and members to be removed are up to 128 long */

#define NGX_TRIGGERS_TRACESTATE_MAX      1024
#define NGX_TRIGGERS_TRACESTATE_MEMBERS  32


/* set to zero to begin with; its members are in the lines it was read from */

typedef struct {
    ngx_uint_t               n;
    size_t                   len;              /* of all, with the commas */
    ngx_str_t                members[NGX_TRIGGERS_TRACESTATE_MEMBERS];
} ngx_triggers_tracestate_t;


/*
 * Is it a valid traceparent of any version?  White space around it is taken
 * off.  NGX_OK or NGX_DECLINED.
 */

ngx_int_t ngx_triggers_traceparent_check(ngx_str_t *value);

/* Writes the NGX_TRIGGERS_TRACE_ID_LEN bytes that a valid one has. */

void ngx_triggers_traceparent_id(ngx_str_t *traceparent, u_char *id);

/*
 * Reads one line of the header; the lines are one list.  NGX_DECLINED: it is
 * not valid, and neither is the whole.
 */

ngx_int_t ngx_triggers_tracestate_add(ngx_triggers_tracestate_t *state,
    ngx_str_t *line);

/*
 * Removes whole members until no more than TRACESTATE_MAX characters are left:
 * those longer than 128 first, from the end.
 */

void ngx_triggers_tracestate_fit(ngx_triggers_tracestate_t *state);

/*
 * Writes state->len characters, the members in their order with nothing but
 * commas between; returns the position after them.
 */

u_char *ngx_triggers_tracestate_write(u_char *dst,
    ngx_triggers_tracestate_t *state);


#endif /* _NGX_TRIGGERS_TRACE_H_INCLUDED_ */
