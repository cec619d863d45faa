
/*
 * A circuit breaker: keeps an endpoint that does not work from being tried
 * with every message.  After NGX_TRIGGERS_BREAKER_FAILURES failures without a
 * success it opens, for half a minute and then for longer each time; when
 * that is over it lets one message through, the probe, whose success closes
 * it.  Pure; times are monotonic milliseconds of the caller's.
 *
 *     closed ──failures──▶ open ──time──▶ half-open ──success──▶ closed
 *                           ▲                 │
 *                           └─────failure─────┘
 */


#ifndef _NGX_TRIGGERS_BREAKER_H_INCLUDED_
#define _NGX_TRIGGERS_BREAKER_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_triggers_metrics.h"


#define NGX_TRIGGERS_BREAKER_FAILURES  5
#define NGX_TRIGGERS_BREAKER_MIN       30000       /* ms */
#define NGX_TRIGGERS_BREAKER_MAX       600000


/*
 * All zero: closed and new.  What has to outlive a process are failures and,
 * if it is open, until when.
 */

typedef struct {
    ngx_uint_t               failures;         /* in a row; from
                                                  …_BREAKER_FAILURES on it is
                                                  not closed */
    uint64_t                 until;            /* open until then */
    ngx_uint_t               probing;          /* flag: half-open */
    ngx_uint_t               epoch;            /* changes of the state */
} ngx_triggers_breaker_t;


/*
 * May a message be sent?  NGX_OK: yes, and the one who asks has to tell its
 * result with this epoch, as a message that was sent before the state has
 * changed says nothing about the new one; NGX_DECLINED: not now.
 */

ngx_int_t ngx_triggers_breaker_take(ngx_triggers_breaker_t *breaker,
    uint64_t now, ngx_uint_t *epoch);

/* NGX_OK: a success; NGX_ERROR: a failure; NGX_DECLINED: it was not sent. */

void ngx_triggers_breaker_result(ngx_triggers_breaker_t *breaker,
    ngx_uint_t epoch, ngx_int_t rc, uint64_t now);

/* Its state, an ngx_triggers_breaker_state_e. */

ngx_uint_t ngx_triggers_breaker_state(ngx_triggers_breaker_t *breaker);

/* How many ms until take() may allow something; 0: now, or after a result. */

uint64_t ngx_triggers_breaker_wait(ngx_triggers_breaker_t *breaker,
    uint64_t now);


#endif /* _NGX_TRIGGERS_BREAKER_H_INCLUDED_ */
