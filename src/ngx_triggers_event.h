
/*
 * The words that every room shares: what an event is, what can be asked of a
 * store (a mutation) and what it answers (a result).  This header knows
 * neither HTTP, nor shared memory, nor SQLite, and declares no function.
 */


#ifndef _NGX_TRIGGERS_EVENT_H_INCLUDED_
#define _NGX_TRIGGERS_EVENT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_triggers_key.h"
#include "ngx_triggers_webhook.h"


#define NGX_TRIGGERS_ID_LEN       16      /* bytes of a UUID */

#define NGX_TRIGGERS_MAX_RETRIES  3       /* manual retries of one event */

#define NGX_TRIGGERS_BATCH_MAX    1000    /* mutations of one batch */

#define NGX_TRIGGERS_KEY_HASH_LEN      16 /* of an idempotency key */
#define NGX_TRIGGERS_REQUEST_HASH_LEN  32

#define NGX_TRIGGERS_LEASE_MAX    100     /* events of one lease */


/* States of an event.  The values are stored in the database. */

typedef enum {
    NGX_TRIGGERS_ACKNOWLEDGED = 0,
    NGX_TRIGGERS_DELIVERED,
    NGX_TRIGGERS_FAILED,
    NGX_TRIGGERS_RETRYING,
    NGX_TRIGGERS_PENDING,
    NGX_TRIGGERS_NSTATUS
} ngx_triggers_status_e;


/* what has become of events */

typedef struct {
    uint64_t                 entered[NGX_TRIGGERS_NSTATUS];
                                               /* that came into a state */
    uint64_t                 expired;          /* whose lease ran out */
} ngx_triggers_moves_t;


typedef enum {
    NGX_TRIGGERS_PRIORITY_LOW = 0,
    NGX_TRIGGERS_PRIORITY_NORMAL,
    NGX_TRIGGERS_PRIORITY_HIGH
} ngx_triggers_priority_e;


/* an event as it was sent; strings with no data are absent values */

typedef struct {
    u_char                   id[NGX_TRIGGERS_ID_LEN];
    int64_t                  created_at;       /* ms since the epoch */
    ngx_uint_t               priority;         /* ngx_triggers_priority_e */
    ngx_str_t                user_id;
    ngx_str_t                event_type;
    ngx_str_t                source;
    ngx_str_t                ordering_key;
    ngx_str_t                metadata;         /* JSON object as sent */
    ngx_str_t                payload;          /* JSON object as sent */

    /* what the server saw */
    ngx_str_t                source_ip;
    ngx_str_t                user_agent;
    ngx_str_t                api_version;
    ngx_str_t                correlation_id;
    ngx_str_t                request_id;       /* data NULL: is the
                                                  correlation id */
    ngx_str_t                traceparent;
    ngx_str_t                tracestate;       /* data NULL without that */
} ngx_triggers_event_t;


/* an event as it is read back; times are ms since the epoch, 0 is absent */

typedef struct {
    ngx_triggers_event_t     event;
    int64_t                  seq;              /* position in commit order */
    ngx_uint_t               status;           /* ngx_triggers_status_e */
    ngx_uint_t               retry_count;
    int64_t                  updated_at;
    int64_t                  last_retry_at;
    int64_t                  delivered_at;
    int64_t                  acknowledged_at;
    int64_t                  leased_until;
    int64_t                  done_at;          /* acknowledged, delivered or
                                                  failed */
    ngx_str_t                error_message;
} ngx_triggers_row_t;


/* what became of an attempt; the values are stored */

typedef enum {
    NGX_TRIGGERS_ATTEMPT_DELIVERED = 0,        /* the endpoint took it */
    NGX_TRIGGERS_ATTEMPT_FAILED,               /* … did not, or a step of
                                                  ours failed */
    NGX_TRIGGERS_ATTEMPT_RELEASED,             /* given back by a consumer */
    NGX_TRIGGERS_ATTEMPT_EXPIRED,              /* its lease ran out */
    NGX_TRIGGERS_ATTEMPT_CANCELLED             /* the endpoint is no more */
} ngx_triggers_attempt_e;


/* one attempt as it is read back */

typedef struct {
    int64_t                  number;           /* grows with time */
    int64_t                  at;               /* ms since the epoch */
    ngx_uint_t               outcome;          /* ngx_triggers_attempt_e */
    ngx_uint_t               status_code;      /* 0: no answer, no push */
    int64_t                  duration;         /* ms, -1: none */
    ngx_uint_t               pushed;           /* flag: to an endpoint … */
    ngx_str_t                url;              /* … that has it; data NULL:
                                                  it is no more, no push */
    u_char                   webhook_id[NGX_TRIGGERS_ID_LEN];
    u_char                   event_id[NGX_TRIGGERS_ID_LEN];
    ngx_str_t                error;
} ngx_triggers_attempt_t;


typedef enum {
    NGX_TRIGGERS_OP_CREATE = 1,    /* store the event */
    NGX_TRIGGERS_OP_ACKNOWLEDGE,   /* -> acknowledged; conflict if it was */
    NGX_TRIGGERS_OP_DELETE,        /* remove the event */
    NGX_TRIGGERS_OP_RETRY,         /* failed -> retrying, or delivered where
                                      no webhook is left but one has it; else
                                      conflict */
    NGX_TRIGGERS_OP_KEY_CREATE,    /* store the key */
    NGX_TRIGGERS_OP_KEY_UPDATE,    /* change members of a key */
    NGX_TRIGGERS_OP_KEY_ROTATE,    /* store a key like another one, which
                                      then expires */
    NGX_TRIGGERS_OP_KEY_REVOKE,    /* for ever; again is no conflict */

    NGX_TRIGGERS_OP_LEASE,         /* hand out what is ready */
    NGX_TRIGGERS_OP_LEASE_ACK,     /* one event of a lease -> acknowledged */
    NGX_TRIGGERS_OP_LEASE_RELEASE, /* one event of a lease is given back */
    NGX_TRIGGERS_OP_LEASE_EXTEND,  /* another end for a lease */
    NGX_TRIGGERS_OP_LEASE_UNDO,    /* as if it had not been given */
    NGX_TRIGGERS_OP_RETRY_ALL,     /* failed ones that match -> retrying */

    NGX_TRIGGERS_OP_DELIVERY,      /* what became of a push */

    NGX_TRIGGERS_OP_WEBHOOK_CREATE,
    NGX_TRIGGERS_OP_WEBHOOK_UPDATE,
    NGX_TRIGGERS_OP_WEBHOOK_ROTATE,
    NGX_TRIGGERS_OP_WEBHOOK_DELETE
} ngx_triggers_op_e;


/*
 * What is asked of a key.  OP_KEY_CREATE: the key; OP_KEY_UPDATE: its new
 * members; OP_KEY_ROTATE: id, digest and prefix of the new key.  The id in the
 * mutation names the key it is about.
 */

typedef struct {
    ngx_triggers_key_t       key;
    ngx_uint_t               members;          /* OP_KEY_UPDATE: bits
                                                  NGX_TRIGGERS_KEY_… */
    int64_t                  grace;            /* OP_KEY_ROTATE: ms */

    /*
     * what the asker may do, who does not see all owners: it cannot change or
     * rotate a key that may do more
     */
    uint32_t                 scopes;
    uint32_t                 rate;
} ngx_triggers_key_change_t;


/*
 * What is asked of leases.  OP_LEASE takes limit events until the time given,
 * the named ones that are ready or, with none named, the most urgent and
 * oldest; the lease is named by the mutation's id.  The other operations name
 * the lease here and, where they are about one event, that in the mutation.
 */

typedef struct {
    u_char                   id[NGX_TRIGGERS_ID_LEN];
    int64_t                  until;            /* LEASE, EXTEND: ms since the
                                                  epoch, if applied at once */
    int64_t                  delay;            /* RELEASE: ms */
    uint32_t                 limit;            /* LEASE: events, or RETRY_ALL:
                                                  events it may look at */
    uint32_t                 max_attempts;     /* LEASE */

    /* RETRY_ALL: a filter, and where to go on */
    int64_t                  from;             /* created_at >= from, ms */
    int64_t                  to;               /* created_at <= to; 0: any */
    int64_t                  after;            /* seq */

    ngx_str_t                events;           /* LEASE: ids of candidates */
    ngx_str_t                error;            /* RELEASE */
    ngx_str_t                event_type;       /* RETRY_ALL; data NULL: any */
    ngx_str_t                source;
} ngx_triggers_lease_change_t;


/* what became of one push of the mutation's event to an endpoint */

typedef struct {
    int64_t                  webhook;          /* its number */
    int64_t                  seq;              /* of the event */
    int64_t                  at;               /* when it was begun, ms; if
                                                  that is before it was due,
                                                  it is an older outcome */
    int64_t                  duration;         /* ms */
    int64_t                  next_at;          /* next attempt, 0: no more */
    int64_t                  open_until;       /* of the breaker, 0: closed */
    uint32_t                 generation;       /* of the webhook, as it was
                                                  begun: what is told of a
                                                  former one does not count */
    uint32_t                 failures;         /* of the endpoint, in a row */
    uint32_t                 outcome;          /* ngx_triggers_attempt_e */
    uint32_t                 status_code;
    uint32_t                 gone;             /* flag: disable it */
    ngx_str_t                error;
} ngx_triggers_delivery_t;


/*
 * One write.  Strings point into memory of whoever made it and are valid
 * until it has been applied.  At most one of the last four pointers is set,
 * as the operation says.
 */

typedef struct {
    ngx_uint_t               op;               /* ngx_triggers_op_e */
    u_char                   id[NGX_TRIGGERS_ID_LEN];
    ngx_str_t                user_id;          /* who asks */
    ngx_uint_t               any_owner;        /* asker sees all owners */
    int64_t                  time;             /* ms since the epoch */
    ngx_triggers_event_t     event;            /* OP_CREATE */

    /* for the audit, of all but OP_CREATE, whose event has them */
    ngx_str_t                source_ip;
    ngx_str_t                request_id;
    ngx_str_t                key_id;           /* that was used */

    /*
     * OP_CREATE with an idempotency key: the first bytes of the SHA-256 over
     * owner and key, then the SHA-256 over what the event says
     */
    ngx_str_t                idempotency;

    /* OP_CREATE: the id of the one webhook that it is for, or none */
    ngx_str_t                target;

    ngx_uint_t               fail;             /* OP_CREATE: every step of its
                                                  processing is to fail */

    ngx_triggers_key_change_t      *change;    /* OP_KEY_… */
    ngx_triggers_lease_change_t    *lease;     /* OP_LEASE…, RETRY_ALL */
    ngx_triggers_delivery_t        *delivery;  /* OP_DELIVERY */
    ngx_triggers_webhook_change_t  *webhook;   /* OP_WEBHOOK_… */
} ngx_triggers_mutation_t;


/*
 * What is committed together or not at all.  codes has room for n bytes, in
 * which each mutation's ngx_triggers_rc_e comes back; it may be NULL for a
 * single one, whose result has it.
 */

typedef struct {
    ngx_triggers_mutation_t *mutations;
    ngx_uint_t               n;
    u_char                  *codes;
    uint32_t                 submitted;        /* CLOCK_MONOTONIC, us, the low
                                                  bits; set by who submits */
} ngx_triggers_batch_t;


typedef enum {
    NGX_TRIGGERS_RC_OK = 0,
    NGX_TRIGGERS_RC_NOT_FOUND,
    NGX_TRIGGERS_RC_CONFLICT,      /* wrong state */
    NGX_TRIGGERS_RC_EXHAUSTED,     /* manual retries used up */
    NGX_TRIGGERS_RC_FAILED,        /* this mutation alone cannot be applied */
    NGX_TRIGGERS_RC_REPLAY,        /* OP_CREATE: the key's event was there */
    NGX_TRIGGERS_RC_KEY_REUSED,    /* OP_CREATE: … and it was another one */
    NGX_TRIGGERS_RC_FORBIDDEN,     /* OP_KEY_…: it may do more */
    NGX_TRIGGERS_RC_EXPIRED,       /* OP_KEY_ROTATE: the key has */
    NGX_TRIGGERS_RC_NO_ROOM,       /* OP_KEY_…: for one more usable key;
                                      OP_WEBHOOK_CREATE: for one more */
    NGX_TRIGGERS_RC_LEASE_OVER,    /* OP_LEASE_…: there is no such lease */
    NGX_TRIGGERS_RC_NOT_LEASED,    /* OP_LEASE_…: there is, and the event is
                                      not in it */
    NGX_TRIGGERS_RC_MAX            /* a code fits into four bits */
} ngx_triggers_rc_e;


/*
 * What became of one mutation, or of a batch; fixed size, it travels through
 * the zone.  A batch's rc is OK, its count is the number of its mutations
 * whose own code is another, its time that of those whose code is OK.
 */

typedef struct {
    uint32_t                 rc;               /* ngx_triggers_rc_e */
    uint32_t                 count;            /* OP_RETRY: new retry_count;
                                                  OP_LEASE, RETRY_ALL: events */
    int64_t                  time;             /* ms: created_at,
                                                  acknowledged_at,
                                                  revoked_at, …; RETRY_ALL: the
                                                  seq to go on after, 0: done */
    u_char                   id[NGX_TRIGGERS_ID_LEN];
                                               /* of the event; that of the
                                                  first one for a replay */
} ngx_triggers_result_t;


/* how a store is; the order is not stored anywhere */

typedef enum {
    NGX_TRIGGERS_STORE_STARTING = 0,
    NGX_TRIGGERS_STORE_READY,
    NGX_TRIGGERS_STORE_OPEN_FAILED,
    NGX_TRIGGERS_STORE_LOCKED,
    NGX_TRIGGERS_STORE_FULL,
    NGX_TRIGGERS_STORE_READ_ONLY,
    NGX_TRIGGERS_STORE_IO_ERROR,
    NGX_TRIGGERS_STORE_MOVED,      /* file deleted or replaced */
    NGX_TRIGGERS_STORE_NEWER,      /* schema of a newer module */
    NGX_TRIGGERS_STORE_FOREIGN,    /* not a database of this module */
    NGX_TRIGGERS_STORE_CORRUPT
} ngx_triggers_store_state_e;


#endif /* _NGX_TRIGGERS_EVENT_H_INCLUDED_ */
