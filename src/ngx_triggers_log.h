
/*
 * The words of the live feed and the stored logs, which all rooms share: a
 * record of a request, one of what is done in the background, and a change of
 * an event.  This header declares no function.
 */


#ifndef _NGX_TRIGGERS_LOG_H_INCLUDED_
#define _NGX_TRIGGERS_LOG_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_triggers_event.h"


#define NGX_TRIGGERS_TRACE_ID_LEN  16


/* the values are stored */

typedef enum {
    NGX_TRIGGERS_LEVEL_DEBUG = 0,
    NGX_TRIGGERS_LEVEL_INFO,
    NGX_TRIGGERS_LEVEL_WARN,
    NGX_TRIGGERS_LEVEL_ERROR,
    NGX_TRIGGERS_NLEVELS
} ngx_triggers_level_e;


/* the first two are stored as logs, with these values */

typedef enum {
    NGX_TRIGGERS_ENTRY_REQUEST = 0,
    NGX_TRIGGERS_ENTRY_BACKGROUND,
    NGX_TRIGGERS_ENTRY_EVENT,
    NGX_TRIGGERS_ENTRY_GAP                     /* changes of events are missing
                                                  here, it is not known how
                                                  many */
} ngx_triggers_entry_e;


/*
 * One entry.  Strings without data are absent values; none of them is a key, a
 * payload or a header, but for the ids, whose characters are limited.
 */

typedef struct {
    ngx_uint_t               kind;             /* ngx_triggers_entry_e */
    ngx_uint_t               level;            /* ngx_triggers_level_e */
    int64_t                  time;             /* ms since the epoch */
    ngx_str_t                message;          /* REQUEST: method and route;
                                                  BACKGROUND: what happened;
                                                  EVENT: its type */
    ngx_str_t                user_id;          /* whose it is; absent: only
                                                  for who sees all owners */
    ngx_str_t                key_id;
    ngx_str_t                request_id;
    ngx_str_t                correlation_id;
    ngx_str_t                error;            /* code of the answer */

    u_char                   event_id[NGX_TRIGGERS_ID_LEN];
    u_char                   trace_id[NGX_TRIGGERS_TRACE_ID_LEN];
    unsigned                 has_event_id:1;
    unsigned                 has_trace_id:1;

    ngx_uint_t               status;           /* REQUEST: of the answer, 0:
                                                  closed without one */
    uint64_t                 latency;          /* REQUEST: us */

    ngx_uint_t               action;           /* EVENT: ngx_triggers_audit_e,
                                                  of the first, EVENT_… ones,
                                                  or EVENT_RETRYING */
    ngx_uint_t               event_status;     /* EVENT: what it is now,
                                                  NGX_TRIGGERS_NSTATUS: gone */
} ngx_triggers_entry_t;


#endif /* _NGX_TRIGGERS_LOG_H_INCLUDED_ */
