
/*
 * A minute of the history: what was counted in it, which all rooms share.  The
 * zone makes it, the store keeps it, the API adds several up.  This header
 * declares no function.
 */


#ifndef _NGX_TRIGGERS_MINUTE_H_INCLUDED_
#define _NGX_TRIGGERS_MINUTE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_TRIGGERS_MINUTE_MS     60000

#define NGX_TRIGGERS_MINUTE_TIMES  8192        /* bytes: any fit */


/* in the order of the columns of table "minutes" */

typedef enum {
    NGX_TRIGGERS_MINUTE_REQUESTS = 0,
    NGX_TRIGGERS_MINUTE_ERRORS,                /* of them, 5xx */
    NGX_TRIGGERS_MINUTE_ACCEPTED,              /* events */
    NGX_TRIGGERS_MINUTE_ACKNOWLEDGED,
    NGX_TRIGGERS_MINUTE_DELIVERED,
    NGX_TRIGGERS_MINUTE_FAILED,
    NGX_TRIGGERS_MINUTE_RETRIED,
    NGX_TRIGGERS_MINUTE_ATTEMPTS,              /* of deliveries */
    NGX_TRIGGERS_MINUTE_FAILED_ATTEMPTS,       /* of them */
    NGX_TRIGGERS_MINUTE_COMMITS,
    NGX_TRIGGERS_MINUTE_COUNTS,

    /* how it was at the end */
    NGX_TRIGGERS_MINUTE_PENDING = NGX_TRIGGERS_MINUTE_COUNTS,
    NGX_TRIGGERS_MINUTE_RETRYING,
    NGX_TRIGGERS_MINUTE_DEAD,
    NGX_TRIGGERS_MINUTE_QUEUED,                /* records in the ring */
    NGX_TRIGGERS_MINUTE_VALUES
} ngx_triggers_minute_e;


/*
 * One that ended, or what of one a zone has counted.  Who takes one and dies
 * may have stored it or not: the next one has the same zone and number then,
 * and takes its place.
 */

typedef struct {
    int64_t                  minute;           /* ms since the epoch: when it
                                                  began */
    uint64_t                 zone;             /* nonce */
    uint64_t                 number;           /* of those of the zone */
    uint64_t                 values[NGX_TRIGGERS_MINUTE_VALUES];
    ngx_str_t                times;            /* histograms, as in
                                                  zone/ngx_triggers_history.h */
    u_char                   buffer[NGX_TRIGGERS_MINUTE_TIMES];
                                               /* where times may lie */
} ngx_triggers_minute_t;


#endif /* _NGX_TRIGGERS_MINUTE_H_INCLUDED_ */
