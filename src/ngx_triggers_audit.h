
/*
 * The audit: who did what, when.  The words that store and api share; no
 * function.
 */


#ifndef _NGX_TRIGGERS_AUDIT_H_INCLUDED_
#define _NGX_TRIGGERS_AUDIT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* The values are stored in the database. */

typedef enum {
    NGX_TRIGGERS_AUDIT_EVENT_CREATED = 0,
    NGX_TRIGGERS_AUDIT_EVENT_ACKNOWLEDGED,
    NGX_TRIGGERS_AUDIT_EVENT_DELIVERED,
    NGX_TRIGGERS_AUDIT_EVENT_FAILED,
    NGX_TRIGGERS_AUDIT_EVENT_RETRIED,
    NGX_TRIGGERS_AUDIT_EVENT_DELETED,
    NGX_TRIGGERS_AUDIT_EVENT_EXPIRED,

    NGX_TRIGGERS_AUDIT_KEY_CREATED,
    NGX_TRIGGERS_AUDIT_KEY_UPDATED,
    NGX_TRIGGERS_AUDIT_KEY_ROTATED,
    NGX_TRIGGERS_AUDIT_KEY_REVOKED,

    NGX_TRIGGERS_AUDIT_WEBHOOK_CREATED,
    NGX_TRIGGERS_AUDIT_WEBHOOK_UPDATED,
    NGX_TRIGGERS_AUDIT_WEBHOOK_ROTATED,
    NGX_TRIGGERS_AUDIT_WEBHOOK_DELETED,
    NGX_TRIGGERS_AUDIT_WEBHOOK_DISABLED,

    NGX_TRIGGERS_NAUDIT
} ngx_triggers_audit_e;


/*
 * What else happens to an event, and is no entry of the audit: an attempt has
 * failed, and it is tried again.
 */

#define NGX_TRIGGERS_EVENT_RETRYING  NGX_TRIGGERS_NAUDIT


/* bits 1 << action */

#define NGX_TRIGGERS_AUDIT_ALL  ((1 << NGX_TRIGGERS_NAUDIT) - 1)

#define NGX_TRIGGERS_AUDIT_EVENTS                                             \
    ((1 << NGX_TRIGGERS_AUDIT_KEY_CREATED) - 1)

#define NGX_TRIGGERS_AUDIT_KEYS                                               \
    ((1 << NGX_TRIGGERS_AUDIT_WEBHOOK_CREATED)                                \
     - (1 << NGX_TRIGGERS_AUDIT_KEY_CREATED))

#define NGX_TRIGGERS_AUDIT_WEBHOOKS                                           \
    ((1 << NGX_TRIGGERS_NAUDIT) - (1 << NGX_TRIGGERS_AUDIT_WEBHOOK_CREATED))


/*
 * An entry as it is read; strings with no data are absent.  Its place in the
 * order is (at, n), which no other has and which it keeps for ever.
 */

typedef struct {
    int64_t                  at;               /* ms since the epoch */
    int64_t                  n;
    ngx_uint_t               action;           /* ngx_triggers_audit_e */
    u_char                  *event_id;         /* NULL: it is about none */
    ngx_str_t                owner;            /* whose the event or key is */
    ngx_str_t                actor;            /* who asked for it; none: it
                                                  was our own doing */
    ngx_str_t                source_ip;
    ngx_str_t                request_id;
    ngx_str_t                details;          /* JSON object */
} ngx_triggers_audit_t;


#endif /* _NGX_TRIGGERS_AUDIT_H_INCLUDED_ */
