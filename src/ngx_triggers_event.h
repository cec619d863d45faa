
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


#define NGX_TRIGGERS_ID_LEN       16      /* bytes of a UUID */

#define NGX_TRIGGERS_MAX_RETRIES  3       /* manual retries of one event */

#define NGX_TRIGGERS_BATCH_MAX    1000    /* mutations of one batch */

#define NGX_TRIGGERS_KEY_HASH_LEN      16 /* of an idempotency key */
#define NGX_TRIGGERS_REQUEST_HASH_LEN  32


/*
 * States of an event.  The values are stored in the database.  "pending" is
 * the largest, so that new events are inserted at the right edge of the
 * tables that are ordered by (status, seq).
 */

typedef enum {
    NGX_TRIGGERS_ACKNOWLEDGED = 0,
    NGX_TRIGGERS_DELIVERED,
    NGX_TRIGGERS_FAILED,
    NGX_TRIGGERS_RETRYING,
    NGX_TRIGGERS_PENDING,
    NGX_TRIGGERS_NSTATUS
} ngx_triggers_status_e;


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
    ngx_str_t                metadata;         /* JSON object as sent */
    ngx_str_t                payload;          /* JSON object as sent */

    /* what the server saw */
    ngx_str_t                source_ip;
    ngx_str_t                user_agent;
    ngx_str_t                api_version;
    ngx_str_t                correlation_id;
    ngx_str_t                traceparent;
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
    ngx_str_t                error_message;
} ngx_triggers_row_t;


typedef enum {
    NGX_TRIGGERS_OP_CREATE = 1,    /* store the event */
    NGX_TRIGGERS_OP_ACKNOWLEDGE,   /* -> acknowledged; conflict if it was */
    NGX_TRIGGERS_OP_DELETE,        /* remove the event */
    NGX_TRIGGERS_OP_RETRY,         /* failed -> retrying; else conflict */
    NGX_TRIGGERS_OP_KEY_CREATE,    /* store the key */
    NGX_TRIGGERS_OP_KEY_UPDATE,    /* change members of a key */
    NGX_TRIGGERS_OP_KEY_ROTATE,    /* store a key like another one, which
                                      then expires */
    NGX_TRIGGERS_OP_KEY_REVOKE     /* for ever; again is no conflict */
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
 * One write.  Strings point into memory of whoever made it and are valid
 * until it has been applied.
 */

typedef struct {
    ngx_uint_t               op;               /* ngx_triggers_op_e */
    u_char                   id[NGX_TRIGGERS_ID_LEN];
    ngx_str_t                user_id;          /* who asks */
    ngx_uint_t               any_owner;        /* asker sees all owners */
    int64_t                  time;             /* ms since the epoch */
    ngx_triggers_event_t     event;            /* OP_CREATE */

    /*
     * OP_CREATE with an idempotency key: the first bytes of the SHA-256 over
     * owner and key, then the SHA-256 over what the event says
     */
    ngx_str_t                idempotency;

    ngx_triggers_key_change_t  *change;        /* OP_KEY_… */
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
    NGX_TRIGGERS_RC_NO_ROOM,       /* OP_KEY_…: for one more usable key */
    NGX_TRIGGERS_RC_MAX            /* a code fits into four bits */
} ngx_triggers_rc_e;


/*
 * What became of one mutation, or of a batch; fixed size, it travels through
 * the zone.  A batch's rc is OK, its count is the number of its mutations
 * whose own code is another.
 */

typedef struct {
    uint32_t                 rc;               /* ngx_triggers_rc_e */
    uint32_t                 count;            /* OP_RETRY: new retry_count */
    int64_t                  time;             /* ms: created_at,
                                                  acknowledged_at,
                                                  revoked_at, … */
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
