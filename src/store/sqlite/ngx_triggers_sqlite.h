
/*
 * What the files of the SQLite store share: the two handles, the statements
 * of the writer, and the few helpers.  Nothing outside this directory and
 * the unit tests includes it.
 *
 * Only the write connection writes or checkpoints (SQLite before 3.51.3 can
 * corrupt a database when two connections do), and only while it holds the
 * write lock; all connections are opened without SQLite's own mutexes, since
 * a handle belongs to one thread at a time.
 */


#ifndef _NGX_TRIGGERS_SQLITE_H_INCLUDED_
#define _NGX_TRIGGERS_SQLITE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "../ngx_triggers_store.h"
#include "ngx_triggers_clock.h"

#include <sqlite3.h>


#define NGX_TRIGGERS_SQLITE_BUSY       50            /* ms */

#define NGX_TRIGGERS_SQLITE_CACHE      1024          /* owners, a power of 2 */
#define NGX_TRIGGERS_SQLITE_CACHE_LEN  48            /* longest cached name */
#define NGX_TRIGGERS_SQLITE_NAME_LEN   255           /* longest name */

/* of what is told of an event: as long as they can be */
#define NGX_TRIGGERS_SQLITE_TYPE_LEN   400
#define NGX_TRIGGERS_SQLITE_REQUEST_LEN  128

/* webhooks that one event can be for: its owner's and configured ones */

#define NGX_TRIGGERS_SQLITE_TARGETS    (2 * NGX_TRIGGERS_WEBHOOKS_MAX)

#define NGX_TRIGGERS_SQLITE_DELTAS     1024          /* a power of 2 */

/* bits of the filter that estimates the owners in the unmerged tail */
#define NGX_TRIGGERS_SQLITE_TAIL_BITS  8192


/*
 * Lanes of "inbox" and "owner_inbox", see sql/0005_processing.sql: the order
 * of what is ready to be leased is that of the lanes of one priority after
 * the other.
 */

typedef enum {
    NGX_TRIGGERS_LANE_ACKNOWLEDGED = 0,
    NGX_TRIGGERS_LANE_DELIVERED,
    NGX_TRIGGERS_LANE_FAILED,
    NGX_TRIGGERS_LANE_RETRYING_HELD,
    NGX_TRIGGERS_LANE_RETRYING_LOW,
    NGX_TRIGGERS_LANE_RETRYING_NORMAL,
    NGX_TRIGGERS_LANE_RETRYING_HIGH,
    NGX_TRIGGERS_LANE_PENDING_HELD,
    NGX_TRIGGERS_LANE_PENDING_LOW,
    NGX_TRIGGERS_LANE_PENDING_HIGH,
    NGX_TRIGGERS_LANE_PENDING_NORMAL,
    NGX_TRIGGERS_NLANES
} ngx_triggers_lane_e;


/* why an event that is not done cannot be leased; stored in event_state */

typedef enum {
    NGX_TRIGGERS_HOLD_NONE = 0,
    NGX_TRIGGERS_HOLD_LEASE,                   /* somebody has it */
    NGX_TRIGGERS_HOLD_DELAY,                   /* until due_at */
    NGX_TRIGGERS_HOLD_ORDER,                   /* another of its key is */
    NGX_TRIGGERS_HOLD_STEP,                    /* of ours, at due_at */
    NGX_TRIGGERS_HOLD_PUSH                     /* the pusher's */
} ngx_triggers_hold_e;


/* kinds of rows of "due" */

typedef enum {
    NGX_TRIGGERS_DUE_LEASE = 1,
    NGX_TRIGGERS_DUE_EVENT
} ngx_triggers_due_e;


/* the databases, see src/store/sqlite/ngx_triggers_sqlite_schema.c */

typedef enum {
    NGX_TRIGGERS_SQLITE_EVENTS = 0,
    NGX_TRIGGERS_SQLITE_LOGS
} ngx_triggers_sqlite_schema_e;


typedef struct {
    int                          version;
    const char                  *text;
} ngx_triggers_migration_t;


/* statements of the writer, see ngx_triggers_sqlite_statements[] */

typedef enum {
    NGX_TRIGGERS_SQLITE_BEGIN = 0,
    NGX_TRIGGERS_SQLITE_COMMIT,
    NGX_TRIGGERS_SQLITE_LOAD,
    NGX_TRIGGERS_SQLITE_SAVE,
    NGX_TRIGGERS_SQLITE_EPOCH,
    NGX_TRIGGERS_SQLITE_RING_LEAD,
    NGX_TRIGGERS_SQLITE_RING_PRUNE,
    NGX_TRIGGERS_SQLITE_RING_FIND,
    NGX_TRIGGERS_SQLITE_RING_SAVE,
    NGX_TRIGGERS_SQLITE_OWNER_FIND,
    NGX_TRIGGERS_SQLITE_OWNER_ADD,
    NGX_TRIGGERS_SQLITE_OWNER_NAME,
    NGX_TRIGGERS_SQLITE_EVENT_ADD,
    NGX_TRIGGERS_SQLITE_EVENT_BY_ID,
    NGX_TRIGGERS_SQLITE_EVENT_BY_SEQ,
    NGX_TRIGGERS_SQLITE_EVENT_FILTER,
    NGX_TRIGGERS_SQLITE_EVENT_DELETE,
    NGX_TRIGGERS_SQLITE_STATE_SET,
    NGX_TRIGGERS_SQLITE_STATE_DELETE,
    NGX_TRIGGERS_SQLITE_INBOX_ADD,
    NGX_TRIGGERS_SQLITE_INBOX_MOVE,
    NGX_TRIGGERS_SQLITE_INBOX_DELETE,
    NGX_TRIGGERS_SQLITE_OWNED_MOVE,
    NGX_TRIGGERS_SQLITE_OWNED_DELETE,
    NGX_TRIGGERS_SQLITE_INBOX_LANE,
    NGX_TRIGGERS_SQLITE_OWNED_LANE,
    NGX_TRIGGERS_SQLITE_DONE_ADD,
    NGX_TRIGGERS_SQLITE_ATTEMPT_ADD,
    NGX_TRIGGERS_SQLITE_ATTEMPT_DELETE,
    NGX_TRIGGERS_SQLITE_ORDER_ADD,
    NGX_TRIGGERS_SQLITE_ORDER_DELETE,
    NGX_TRIGGERS_SQLITE_ORDER_FIRST,
    NGX_TRIGGERS_SQLITE_ORDER_SET,
    NGX_TRIGGERS_SQLITE_LEASE_ADD,
    NGX_TRIGGERS_SQLITE_LEASE_BY_ID,
    NGX_TRIGGERS_SQLITE_LEASE_BY_NUMBER,
    NGX_TRIGGERS_SQLITE_LEASE_SET,
    NGX_TRIGGERS_SQLITE_LEASE_DELETE,
    NGX_TRIGGERS_SQLITE_DUE_ADD,
    NGX_TRIGGERS_SQLITE_DUE_DELETE,
    NGX_TRIGGERS_SQLITE_DUE_FIRST,
    NGX_TRIGGERS_SQLITE_COUNT_ADD,
    NGX_TRIGGERS_SQLITE_COUNTS,
    NGX_TRIGGERS_SQLITE_MERGE,
    NGX_TRIGGERS_SQLITE_KEY_ADD,
    NGX_TRIGGERS_SQLITE_KEY_READ,
    NGX_TRIGGERS_SQLITE_KEY_INDEXED,
    NGX_TRIGGERS_SQLITE_KEY_TAIL,
    NGX_TRIGGERS_SQLITE_KEY_MERGE,
    NGX_TRIGGERS_SQLITE_KEY_OLDEST,
    NGX_TRIGGERS_SQLITE_KEY_EXPIRE,
    NGX_TRIGGERS_SQLITE_KEY_SWEEP_END,
    NGX_TRIGGERS_SQLITE_KEY_SWEEP,
    NGX_TRIGGERS_SQLITE_API_KEY_ADD,
    NGX_TRIGGERS_SQLITE_API_KEY_FIND,
    NGX_TRIGGERS_SQLITE_API_KEY_TAKEN,
    NGX_TRIGGERS_SQLITE_API_KEY_SET,
    NGX_TRIGGERS_SQLITE_API_KEY_USED,
    NGX_TRIGGERS_SQLITE_API_KEYS_LOAD,
    NGX_TRIGGERS_SQLITE_API_KEYS_CHANGED,
    NGX_TRIGGERS_SQLITE_AUDIT_ADD,
    NGX_TRIGGERS_SQLITE_AUDIT_WEBHOOK,
    NGX_TRIGGERS_SQLITE_AUDIT_CREATED,
    NGX_TRIGGERS_SQLITE_DONE_LIST,
    NGX_TRIGGERS_SQLITE_DONE_DELETE,
    NGX_TRIGGERS_SQLITE_ATTEMPT_OLD,
    NGX_TRIGGERS_SQLITE_ATTEMPT_EXPIRE,
    NGX_TRIGGERS_SQLITE_AUDIT_OLD,
    NGX_TRIGGERS_SQLITE_AUDIT_EXPIRE,
    NGX_TRIGGERS_SQLITE_ARCHIVE_ADD,
    NGX_TRIGGERS_SQLITE_ARCHIVE_WRITTEN,
    NGX_TRIGGERS_SQLITE_ARCHIVE_END,
    NGX_TRIGGERS_SQLITE_WEBHOOK_ADD,
    NGX_TRIGGERS_SQLITE_WEBHOOK_FIND,
    NGX_TRIGGERS_SQLITE_WEBHOOK_COUNT,
    NGX_TRIGGERS_SQLITE_WEBHOOK_SET,
    NGX_TRIGGERS_SQLITE_WEBHOOK_DELETE,
    NGX_TRIGGERS_SQLITE_WEBHOOK_RESULT,
    NGX_TRIGGERS_SQLITE_WEBHOOK_GONE,
    NGX_TRIGGERS_SQLITE_WEBHOOK_EXISTS,
    NGX_TRIGGERS_SQLITE_WEBHOOKS_LOAD,
    NGX_TRIGGERS_SQLITE_WEBHOOKS_CONFIGURED,
    NGX_TRIGGERS_SQLITE_WEBHOOKS_CHANGED,
    NGX_TRIGGERS_SQLITE_PUSH_ADD,
    NGX_TRIGGERS_SQLITE_PUSH_FIND,
    NGX_TRIGGERS_SQLITE_PUSH_SET,
    NGX_TRIGGERS_SQLITE_PUSH_DELETE,
    NGX_TRIGGERS_SQLITE_PUSH_LIST,
    NGX_TRIGGERS_SQLITE_PUSH_COUNT,
    NGX_TRIGGERS_SQLITE_PUSH_DROP,
    NGX_TRIGGERS_SQLITE_PUSH_QUEUE,
    NGX_TRIGGERS_SQLITE_PUSH_UNQUEUE,
    NGX_TRIGGERS_SQLITE_DATA_VERSION,
    NGX_TRIGGERS_SQLITE_NSTMT
} ngx_triggers_sqlite_stmt_e;


typedef struct {
    int64_t                      owner;        /* 0: free */
    size_t                       len;
    u_char                       name[NGX_TRIGGERS_SQLITE_CACHE_LEN];
} ngx_triggers_sqlite_owner_t;


typedef struct {
    int64_t                      owner;        /* 0: free */
    int64_t                      n[NGX_TRIGGERS_NSTATUS];
} ngx_triggers_sqlite_delta_t;


/*
 * One event, as of the transaction: what is not going to change of it, and its
 * row of "event_state".  Times are ms, 0: NULL.
 */

typedef struct {
    u_char                       id[NGX_TRIGGERS_ID_LEN];
    int64_t                      seq;          /* 0: there is none */
    int64_t                      owner;
    int64_t                      created_at;
    ngx_uint_t                   priority;

    ngx_uint_t                   status;       /* ngx_triggers_status_e */
    ngx_uint_t                   hold;         /* ngx_triggers_hold_e */
    int64_t                      updated_at;
    int64_t                      retry_count;
    int64_t                      manual_retries;
    int64_t                      attempts;
    int64_t                      last_retry_at;
    int64_t                      delivered_at;
    int64_t                      acknowledged_at;
    int64_t                      leased_until;
    int64_t                      lease;        /* number, 0: none */
    int64_t                      due_at;
    int64_t                      done_at;
    ngx_str_t                    error;        /* that is to be set */

    ngx_uint_t                   lane;         /* where the tables have it */
    ngx_uint_t                   counted;      /* the status it counts as */

    unsigned                     keyed:1;      /* has an ordering key */
    unsigned                     new_error:1;  /* error is to be set */

    /* for those who watch; data is NULL or the buffer */
    ngx_str_t                    event_type;
    ngx_str_t                    correlation_id;
    u_char                       type[NGX_TRIGGERS_SQLITE_TYPE_LEN];
    u_char                       request[NGX_TRIGGERS_SQLITE_REQUEST_LEN];
} ngx_triggers_sqlite_event_t;


/* one lease, as of the transaction */

typedef struct {
    int64_t                      number;       /* 0: there is none */
    u_char                       id[NGX_TRIGGERS_ID_LEN];
    int64_t                      owner;        /* 0: an admin's */
    int64_t                      until;        /* ms */
    int64_t                      max_attempts;
    int64_t                      remaining;
    ngx_uint_t                   n;            /* events it was given for */
    int64_t                      seqs[NGX_TRIGGERS_LEASE_MAX];
    unsigned                     changed:1;    /* in remaining */
} ngx_triggers_sqlite_lease_t;


typedef struct ngx_triggers_sqlite_keys_s  ngx_triggers_sqlite_keys_t;
typedef struct ngx_triggers_sqlite_webhooks_s  ngx_triggers_sqlite_webhooks_t;


struct ngx_triggers_store_s {
    ngx_str_t                    path;
    char                        *lock_path;
    char                        *uri;          /* of the database */
    ngx_log_t                   *log;

    sqlite3                     *db;
    sqlite3_stmt                *stmt[NGX_TRIGGERS_SQLITE_NSTMT];

    /* read by other threads */
    ngx_uint_t                   state;
    ngx_uint_t                   frames;       /* in the WAL */

    ngx_fd_t                     lock_fd;
    uint64_t                     deferred;     /* when we first let another
                                                  waiter pass, 0: did not */

    /* the row of table "store", as of the transaction */
    int64_t                      next_seq;
    int64_t                      total_events;
    int64_t                      merged_through;
    int64_t                      last_created_at;
    int64_t                      indexed_through;
    uint64_t                     ring_nonce;   /* of the last batch */
    uint64_t                     ring_position;
    int64_t                      next_audit;

    /* … and of table "archive"; archive_at is 0: it has none */
    int64_t                      archive_at;
    int64_t                      archive_seq;
    ngx_uint_t                   archive_written;

    /* who asks for what is being changed; NULL: nobody does */
    ngx_triggers_mutation_t     *asker;

    ngx_triggers_retention_t     retention;
    ngx_triggers_archive_t       archiver;     /* shared with its thread */

    int64_t                      expire_at;    /* ms: no look at events … */
    int64_t                      others_at;    /* … and at the rest before */

    /* of a step of removing events: from "done" up to a place, as many rows
       as have arrived, up to a limit while there is time */
    int64_t                      expire_through_at;
    int64_t                      expire_through_seq;
    int64_t                      expire_rows;
    int64_t                      expire_limit;
    ngx_uint_t                   expire_more;  /* set: there are more */
    int64_t                      expire_seq;   /* next_seq at the last step */

    /* the last attempt and entry of the audit that are to go, 0: none */
    int64_t                      old_attempts;
    int64_t                      old_audit_at;
    int64_t                      old_audit_n;

    int64_t                      vacuum_at;    /* ms: no look before */
    int64_t                      vacuum_free;  /* pages before the last step */
    ngx_uint_t                   shrunk;       /* flag: pages were given back
                                                  since the last checkpoint */

    /* of idempotency keys, NULL: to be loaded by the next transaction */
    ngx_triggers_sqlite_keys_t  *keys;
    int64_t                      keys_ttl;     /* ms */
    int64_t                      api_keys_version;

    ngx_uint_t                   api_keys_changed;  /* flag: by the
                                                       transaction */
    ngx_triggers_key_pt          api_keys_handler;
    void                        *api_keys_data;
    ngx_triggers_key_use_t      *uses;         /* that are being written */
    ngx_uint_t                   nuses;

    /* those that are active, NULL: to be loaded by the next transaction */
    ngx_triggers_sqlite_webhooks_t  *webhooks;
    int64_t                      webhooks_version;
    ngx_uint_t                   webhooks_changed;  /* flag: by the
                                                       transaction */
    ngx_triggers_webhook_t      *configured;   /* those of the configuration */
    ngx_uint_t                   nconfigured;
    ngx_uint_t                   pushing;      /* bits NGX_TRIGGERS_PUSHED_…
                                                  of the transaction */
    ngx_uint_t                   pushed;       /* of those committed */

    /* changes of table "counts" that the transaction has yet to make */
    ngx_triggers_sqlite_delta_t  deltas[NGX_TRIGGERS_SQLITE_DELTAS];
    ngx_triggers_sqlite_delta_t *used[NGX_TRIGGERS_SQLITE_DELTAS / 2];
    ngx_uint_t                   nused;
    int64_t                      sums[NGX_TRIGGERS_NSTATUS];

    /* what is committed, and what the transaction adds to it */
    ngx_triggers_totals_t        totals;
    int64_t                      added[NGX_TRIGGERS_NSTATUS];
    ngx_triggers_moves_t         moves;

    ngx_triggers_sqlite_owner_t  owners[NGX_TRIGGERS_SQLITE_CACHE];
    uint16_t                     places[NGX_TRIGGERS_SQLITE_CACHE];
                                               /* in owners, by number */
    u_char                       name[NGX_TRIGGERS_SQLITE_NAME_LEN];
                                               /* that is too long for it */

    ngx_triggers_watcher_t       watcher;

    /* the lease that was used last; what has changed is yet to be written */
    ngx_triggers_sqlite_lease_t  lease;

    int64_t                      clock;        /* ms: of the last sweep */
    int64_t                      next_due;     /* ms: nothing is due before, 0:
                                                  to be read, INT64_MAX: none */
    ngx_uint_t                   swept;        /* events that it changed */

    ngx_triggers_schedule_t      schedule;     /* of steps */

    uint64_t                     tail[NGX_TRIGGERS_SQLITE_TAIL_BITS / 64];
    ngx_uint_t                   tail_owners;  /* bits set in tail */

    ngx_uint_t                   copied;       /* frames checkpointed */
    uint64_t                     no_room;      /* CLOCK_MONOTONIC, ms: there
                                                  was none to checkpoint */

    unsigned                     locked:1;     /* byte 0 is ours */
    unsigned                     waiting:1;    /* byte 1 is ours */
    unsigned                     suspect:1;    /* a write or sync has failed
                                                  since the last commit */
    unsigned                     expected:1;   /* it has been there: make no
                                                  new one in its place */
};


/* statements of a reader's streams; each lane has its own set */

typedef enum {
    NGX_TRIGGERS_SQLITE_INBOX_DESC = 0,
    NGX_TRIGGERS_SQLITE_INBOX_ASC,
    NGX_TRIGGERS_SQLITE_OWNED_DESC,
    NGX_TRIGGERS_SQLITE_OWNED_ASC,
    NGX_TRIGGERS_SQLITE_NSTREAM
} ngx_triggers_sqlite_stream_e;


/* the other statements of a reader */

typedef enum {
    NGX_TRIGGERS_SQLITE_READ_BEGIN = 0,
    NGX_TRIGGERS_SQLITE_READ_END,
    NGX_TRIGGERS_SQLITE_READ_STORE,
    NGX_TRIGGERS_SQLITE_READ_OWNER,
    NGX_TRIGGERS_SQLITE_READ_COUNTS,
    NGX_TRIGGERS_SQLITE_READ_TIME,
    NGX_TRIGGERS_SQLITE_READ_FILTER,
    NGX_TRIGGERS_SQLITE_READ_BY_SEQ,
    NGX_TRIGGERS_SQLITE_READ_BY_ID,
    NGX_TRIGGERS_SQLITE_READ_INDEXED,
    NGX_TRIGGERS_SQLITE_READ_TAIL,
    NGX_TRIGGERS_SQLITE_READ_KEY,
    NGX_TRIGGERS_SQLITE_READ_API_KEY,
    NGX_TRIGGERS_SQLITE_READ_API_KEYS,
    NGX_TRIGGERS_SQLITE_READ_API_KEYS_OWNED,
    NGX_TRIGGERS_SQLITE_READ_WEBHOOK,
    NGX_TRIGGERS_SQLITE_READ_WEBHOOKS,
    NGX_TRIGGERS_SQLITE_READ_WEBHOOKS_OWNED,
    NGX_TRIGGERS_SQLITE_READ_ENDPOINTS,
    NGX_TRIGGERS_SQLITE_READ_ORPHANS,
    NGX_TRIGGERS_SQLITE_READ_DUE,
    NGX_TRIGGERS_SQLITE_READ_DUE_NEXT,
    NGX_TRIGGERS_SQLITE_READ_DELIVERIES,
    NGX_TRIGGERS_SQLITE_READ_LEASE,
    NGX_TRIGGERS_SQLITE_READ_LEASED,
    NGX_TRIGGERS_SQLITE_READ_ATTEMPTS,
    NGX_TRIGGERS_SQLITE_READ_AUDIT,
    NGX_TRIGGERS_SQLITE_READ_AUDIT_OWNED,
    NGX_TRIGGERS_SQLITE_READ_AUDIT_EVENT,
    NGX_TRIGGERS_SQLITE_READ_AUDIT_OTHER,
    NGX_TRIGGERS_SQLITE_READ_AUDIT_SEQ,
    NGX_TRIGGERS_SQLITE_READ_AUDIT_DERIVED,
    NGX_TRIGGERS_SQLITE_READ_DONE_SIZES,
    NGX_TRIGGERS_SQLITE_READ_DONE,
    NGX_TRIGGERS_SQLITE_READ_ARCHIVE,
    NGX_TRIGGERS_SQLITE_NREAD
} ngx_triggers_sqlite_read_e;


struct ngx_triggers_reader_s {
    const char            *what;               /* "store" or "logs" */
    ngx_str_t              path;
    ngx_log_t             *log;

    sqlite3               *db;
    sqlite3_stmt          *stmt[NGX_TRIGGERS_SQLITE_NREAD];
    sqlite3_stmt          *streams[NGX_TRIGGERS_NLANES]
                                  [NGX_TRIGGERS_SQLITE_NSTREAM];

    int                    error;              /* the last one logged */

    uint64_t               deadline;           /* 0: none */
    ngx_uint_t             ticks;
};


/* what the row of a key is read by, see ngx_triggers_sqlite_api_key_row() */

#define NGX_TRIGGERS_SQLITE_API_KEY                                       \
    "key_id, digest, user_id, name, prefix, scopes, rate_limit, is_active, "  \
        "created_at, updated_at, expires_at, last_used_at, revoked_at, "      \
        "rotated_from, allowed_ips, networks"


/*
 * An entry of the audit as it is derived from an event e, in the order of the
 * columns of "audit"; n is the event's number below zero.
 */

#define NGX_TRIGGERS_SQLITE_AUDIT_DERIVED                                     \
    "e.created_at, e.seq - 4611686018427387904, e.owner, 0, e.id, "           \
        "(SELECT user_id FROM owners WHERE owner = e.owner), e.source_ip, "   \
        "coalesce(e.request_id, e.correlation_id), "                          \
        "CASE WHEN e.event_type IS NOT NULL "                                 \
            "THEN json_object('event_type', e.event_type) END"


/* what the row of an event is read by, see ngx_triggers_sqlite_event_row() */

#define NGX_TRIGGERS_SQLITE_EVENT                                             \
    "SELECT e.seq, e.id, e.owner, e.created_at, e.priority, "                 \
        "e.ordering_key IS NOT NULL, coalesce(s.status, 4), s.hold, "         \
        "coalesce(s.updated_at, e.created_at), s.retry_count, "               \
        "s.manual_retries, s.attempts, s.last_retry_at, s.delivered_at, "     \
        "s.acknowledged_at, s.leased_until, s.lease, s.due_at, s.done_at, "   \
        "e.event_type, e.correlation_id "                                     \
        "FROM events e LEFT JOIN event_state s ON s.seq = e.seq "


/* … and an attempt, see ngx_triggers_sqlite_attempt_row() */

#define NGX_TRIGGERS_SQLITE_ATTEMPT                                           \
    "SELECT a.attempt, a.at, a.outcome, a.status_code, a.duration, a.error, " \
        "e.id, w.url, w.webhook_id, a.webhook IS NOT NULL "                   \
        "FROM attempts a JOIN events e ON e.seq = a.seq "                     \
        "LEFT JOIN webhooks w ON w.webhook = a.webhook "


/* … and a webhook, see ngx_triggers_sqlite_webhook_row() */

#define NGX_TRIGGERS_SQLITE_WEBHOOK                                       \
    "webhook, webhook_id, user_id, configured, url, description, "            \
        "event_types, format, secret, old_secret, old_secret_until, "         \
        "is_active, created_at, updated_at, disabled_at, failures, "          \
        "open_until, last_success_at, last_failure_at, last_error, "          \
        "generation"


/* The lane of an event. */

ngx_uint_t ngx_triggers_sqlite_lane(ngx_uint_t status, ngx_uint_t hold,
    ngx_uint_t priority);

/* Steps a statement that returns no row and resets it; a SQLite code. */

int ngx_triggers_sqlite_exec(sqlite3_stmt *stmt);

/* Prepares n statements, or frees them, prepared or not; a SQLite code. */

int ngx_triggers_sqlite_prepare(sqlite3 *db, const char *const *sql,
    sqlite3_stmt **stmt, ngx_uint_t n);
void ngx_triggers_sqlite_finalize(sqlite3_stmt **stmt, ngx_uint_t n);

/* Runs one statement without parameters that returns an integer or nothing. */

int ngx_triggers_sqlite_integer(sqlite3 *db, const char *sql, int64_t *value);

/*
 * src/store/sqlite/ngx_triggers_sqlite_schema.c.  identify reads whose database
 * this is.  On SQLITE_OK *state is READY (a schema that this module has, or an
 * older one), STARTING (empty), NEWER or FOREIGN.  version is that of the last
 * migration.  configure is for a writer that has just opened a database, which
 * is empty or not, and migrate brings its schema up from a version; SQLite
 * codes.
 */

int ngx_triggers_sqlite_identify(sqlite3 *db,
    ngx_triggers_sqlite_schema_e schema, ngx_triggers_store_state_e *state,
    int64_t *version);
int64_t ngx_triggers_sqlite_version(ngx_triggers_sqlite_schema_e schema);
int ngx_triggers_sqlite_configure(sqlite3 *db,
    ngx_triggers_sqlite_schema_e schema, ngx_uint_t empty);
int ngx_triggers_sqlite_migrate(sqlite3 *db,
    ngx_triggers_sqlite_schema_e schema, int64_t version);

/* Reads the row of table "store" into the writer; a SQLite code. */

int ngx_triggers_sqlite_load(ngx_triggers_store_t *store);
int ngx_triggers_sqlite_save(ngx_triggers_store_t *store);

/*
 * Totals: reads them, the write lock just taken, a SQLite code; adds what the
 * transaction has changed, which has been committed.
 */

int ngx_triggers_sqlite_totals_load(ngx_triggers_store_t *store);
void ngx_triggers_sqlite_totals_commit(ngx_triggers_store_t *store);

/*
 * Writes what changes of events have left in memory, counts and a lease, as
 * every transaction that changes events must before it commits.
 */

int ngx_triggers_sqlite_flush(ngx_triggers_store_t *store);

/* *owner is 0 if the name is unknown and is not to be created. */

int ngx_triggers_sqlite_owner_find(ngx_triggers_store_t *store,
    ngx_str_t *user_id, ngx_uint_t create, int64_t *owner);

/* The name by the number, until the next call of either; len 0: none. */

int ngx_triggers_sqlite_owner_name(ngx_triggers_store_t *store, int64_t owner,
    ngx_str_t *user_id);

/* Adds n to the owner's events of a status. */

int ngx_triggers_sqlite_count(ngx_triggers_store_t *store, int64_t owner,
    ngx_uint_t status, int64_t n);

/* The owner has an event in the tail that is yet to be merged. */

void ngx_triggers_sqlite_tail_add(ngx_triggers_store_t *store,
    int64_t owner);

/* The file is not where it was: sets and logs the state.  NGX_ERROR. */

ngx_int_t ngx_triggers_sqlite_moved(ngx_triggers_store_t *store);

/*
 * What every failed call ends in: sets and logs the state, rolls back, and
 * closes the connection when it can't be trusted any more.  Returns NGX_AGAIN
 * when the database is busy, else NGX_ERROR.
 */

ngx_int_t ngx_triggers_sqlite_error(ngx_triggers_store_t *store, int rc,
    const char *what);

/*
 * Idempotency keys, src/store/sqlite/ngx_triggers_sqlite_idempotency.c; the
 * functions return a SQLite code.  load reads the tail of keys that are not in
 * the index, within a transaction; find sets *result to REPLAY or KEY_REUSED
 * where the mutation's key is in use; add makes it so, for store->next_seq.
 * commit and rollback tell how the transaction has ended.  check drops them,
 * to be loaded again, when another process has written since.  maintain does a
 * step of what is behind the answers, as ngx_triggers_store_maintain() does.
 */

int ngx_triggers_sqlite_keys_load(ngx_triggers_store_t *store);
void ngx_triggers_sqlite_keys_free(ngx_triggers_store_t *store);
int ngx_triggers_sqlite_key_find(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, int64_t now,
    ngx_triggers_result_t *result);
int ngx_triggers_sqlite_key_add(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, int64_t created_at);
void ngx_triggers_sqlite_keys_commit(ngx_triggers_store_t *store);
void ngx_triggers_sqlite_keys_check(ngx_triggers_store_t *store);
void ngx_triggers_sqlite_keys_rollback(ngx_triggers_store_t *store);
ngx_int_t ngx_triggers_sqlite_keys_maintain(ngx_triggers_store_t *store,
    ngx_uint_t idle);

/*
 * Work that nobody waits for, as a transaction without a sync: it lies in the
 * WAL before the next batch, whose sync makes it durable, or is lost with it.
 * The row of table "store" is saved with it.
 */

ngx_int_t ngx_triggers_sqlite_unsynced(ngx_triggers_store_t *store,
    int (*work)(ngx_triggers_store_t *store));

/* The same with a sync. */

ngx_int_t ngx_triggers_sqlite_synced(ngx_triggers_store_t *store,
    int (*work)(ngx_triggers_store_t *store));

/* Reads a row of NGX_TRIGGERS_SQLITE_ROW, whose strings the statement has. */

void ngx_triggers_sqlite_row(sqlite3_stmt *stmt, ngx_triggers_row_t *row);

/*
 * Allocates a reader, connects it to a database of the schema and prepares its
 * n statements; NULL, logged.  It is ngx_triggers_reader_close()d.  Its first
 * two statements are those that begin and end a snapshot.
 */

ngx_triggers_reader_t *ngx_triggers_sqlite_reader_open(ngx_str_t *path,
    ngx_triggers_sqlite_schema_e schema, const char *const *sql, ngx_uint_t n,
    ngx_log_t *log);

/* What a reader's failed call ends in: logs, and returns an nginx code. */

ngx_int_t ngx_triggers_sqlite_reader_error(ngx_triggers_reader_t *reader,
    int rc, const char *what);

/*
 * A reader's snapshot: begin, with the time the query may take (0: any), and
 * end, which passes the query's outcome on.  …_time() is NGX_AGAIN when that
 * time is over; it counts ticks, of which a fetched event is 16.
 */

ngx_int_t ngx_triggers_sqlite_reader_begin(ngx_triggers_reader_t *reader,
    ngx_msec_t time_limit);
ngx_int_t ngx_triggers_sqlite_reader_end(ngx_triggers_reader_t *reader,
    ngx_int_t rc);
ngx_int_t ngx_triggers_sqlite_reader_time(ngx_triggers_reader_t *reader,
    ngx_uint_t ticks);

/*
 * Binary search among numbers of rows, low to high, whose time does not go back
 * as they grow: *n is the first one that is not older than at, or high.  The
 * statement returns the time of the first row that is not before ?1.  A SQLite
 * code.
 */

int ngx_triggers_sqlite_search(sqlite3_stmt *stmt, int64_t low, int64_t high,
    int64_t at, int64_t *n);

/*
 * Calls handler for the number of each event of the query's owner and range,
 * in the query's order, within a snapshot; NGX_DONE from it ends the walk.
 */

ngx_int_t ngx_triggers_sqlite_walk_seqs(ngx_triggers_reader_t *reader,
    ngx_triggers_query_t *query,
    ngx_int_t (*handler)(void *data, int64_t seq), void *data);

/*
 * Steps a reader's statement, which is bound, for one row more than limit, and
 * calls handler for each row up to that: it returns a SQLite code, and sets
 * *rc to end the page with it.  *has_more says that a row follows.
 */

typedef int (*ngx_triggers_sqlite_page_pt)(void *data, sqlite3_stmt *stmt,
    ngx_int_t *rc);

ngx_int_t ngx_triggers_sqlite_page(ngx_triggers_reader_t *reader,
    sqlite3_stmt *stmt, ngx_uint_t limit, ngx_triggers_sqlite_page_pt handler,
    void *data, ngx_uint_t *has_more);

/* Called after each commit that has been synced. */

void ngx_triggers_sqlite_healthy(ngx_triggers_store_t *store);

/* Sets the state; 1 if it has changed, so that the caller logs why. */

ngx_uint_t ngx_triggers_sqlite_change(ngx_triggers_store_t *store,
    ngx_triggers_store_state_e state);

/* Closes the connection and keeps the locks; does not checkpoint. */

void ngx_triggers_sqlite_disconnect(ngx_triggers_store_t *store);

/* The state that a SQLite code means, with the errno that came with it. */

ngx_triggers_store_state_e ngx_triggers_sqlite_classify(sqlite3 *db, int rc);

/*
 * Binds a text, or NULL where data is NULL, a SQLite code; a time or a number,
 * or NULL for 0.
 */

int ngx_triggers_sqlite_bind_text(sqlite3_stmt *stmt, int n,
    ngx_str_t *text);
void ngx_triggers_sqlite_bind_time(sqlite3_stmt *stmt, int n, int64_t time);

/* A column's bytes, which the statement has; data NULL: NULL. */

void ngx_triggers_sqlite_column_text(sqlite3_stmt *stmt, int n,
    ngx_str_t *text);
void ngx_triggers_sqlite_column_blob(sqlite3_stmt *stmt, int n,
    ngx_str_t *blob);

/* Are they the same, or both absent? */

ngx_uint_t ngx_triggers_sqlite_equal(ngx_str_t *a, ngx_str_t *b);

/* Is what belongs to owner the user's? */

ngx_uint_t ngx_triggers_sqlite_is_owner(ngx_str_t *owner, ngx_str_t *user_id);

/* NGX_OK while the path still names the file that the reader reads. */

ngx_int_t ngx_triggers_sqlite_reader_moved(ngx_triggers_reader_t *reader);

/*
 * "PATH.lock", and the database's name for sqlite3_open_v2(), with which it and
 * its WAL are made with the mode of that file; both are allocated with
 * ngx_alloc(), NULL: no memory.
 */

char *ngx_triggers_sqlite_lock_path(ngx_str_t *path, ngx_log_t *log);
char *ngx_triggers_sqlite_uri(ngx_str_t *path, ngx_log_t *log);


/* src/store/sqlite/ngx_triggers_sqlite_lock.c */

/*
 * Takes the write lock, or the place of who waits for it: NGX_OK, NGX_AGAIN
 * where another has it, NGX_ERROR, logged; never blocks.  Releases both.
 */

ngx_int_t ngx_triggers_sqlite_lock(ngx_triggers_store_t *store);
void ngx_triggers_sqlite_unlock(ngx_triggers_store_t *store);

/*
 * An OFD lock on one byte of any file but the database's own; cmd and *type
 * are those of fcntl(2).  NGX_OK, NGX_AGAIN where another holds it, or
 * NGX_ERROR with errno set.
 */

int ngx_triggers_sqlite_lock_byte(ngx_fd_t fd, int cmd, short *type,
    off_t byte);

/*
 * A lock on a file that the path no longer names excludes nobody: NGX_OK if it
 * is the same file, NGX_DECLINED, or NGX_ERROR with errno set.
 */

ngx_int_t ngx_triggers_sqlite_lock_named(ngx_fd_t fd, const char *path);


/* src/store/sqlite/ngx_triggers_sqlite_keys.c; SQLite codes */

int ngx_triggers_sqlite_api_key_apply(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, ngx_triggers_result_t *result);
int ngx_triggers_sqlite_api_keys_save(ngx_triggers_store_t *store);


/*
 * src/store/sqlite/ngx_triggers_sqlite_audit.c: entries of the audit, to be
 * written in the transaction of the change; SQLite codes.  mutation is that of
 * who asked, whose time the entry gets; NULL where nobody did, which was then
 * done by ourselves at the time "at".  reason is a word or two of ours that
 * need no escaping ("lease", "delivery", "retention", "step"), or NULL.
 *
 * …_audit_event() is about an event, and also tells the watcher; status is
 * what the event is about to be.  …_audit_end() tells that one is about to
 * be acknowledged, delivered or to fail, by the store's asker;
 * …_audit_subject() is about the key or webhook with the id, which belongs to
 * user_id, …_audit_webhook() about a webhook, by its number, with which we
 * have done something.
 * …_audit_created() makes a row of the entry that says that the event was
 * created, which was derived from it, and is called for every event that is
 * about to be removed.
 */

int ngx_triggers_sqlite_audit_event(ngx_triggers_store_t *store,
    ngx_uint_t action, ngx_triggers_mutation_t *mutation,
    ngx_triggers_sqlite_event_t *event, ngx_uint_t status, int64_t at,
    const char *reason);
int ngx_triggers_sqlite_audit_end(ngx_triggers_store_t *store,
    ngx_triggers_sqlite_event_t *event, ngx_uint_t status, int64_t now);
int ngx_triggers_sqlite_audit_subject(ngx_triggers_store_t *store,
    ngx_uint_t action, ngx_triggers_mutation_t *mutation, ngx_str_t *user_id,
    u_char *id, int64_t at, const char *reason);
int ngx_triggers_sqlite_audit_webhook(ngx_triggers_store_t *store,
    ngx_uint_t action, int64_t number, int64_t at, const char *reason);
int ngx_triggers_sqlite_audit_created(ngx_triggers_store_t *store,
    int64_t seq);


/*
 * Whoever watches events, src/store/sqlite/ngx_triggers_sqlite_watch.c: is told
 * of a change of one, before anything of it is changed, a SQLite code; that
 * one was created; how the transaction has ended.
 */

int ngx_triggers_sqlite_watch_event(ngx_triggers_store_t *store,
    ngx_uint_t action, ngx_triggers_sqlite_event_t *event, ngx_uint_t status,
    int64_t time, ngx_str_t *error);
void ngx_triggers_sqlite_watch_created(ngx_triggers_store_t *store,
    ngx_triggers_event_t *event, int64_t created_at);
void ngx_triggers_sqlite_watch_commit(ngx_triggers_store_t *store);
void ngx_triggers_sqlite_watch_rollback(ngx_triggers_store_t *store);


/*
 * Retention and the archive, src/store/sqlite/ngx_triggers_sqlite_retain.c.  A
 * step of work behind the answers, as ngx_triggers_store_maintain() does.  Is
 * an event that was done at a time one of those that are about to go with the
 * archive?  The time at which an event may be done, which is none of those.
 */

ngx_int_t ngx_triggers_sqlite_retain(ngx_triggers_store_t *store,
    ngx_uint_t idle);
ngx_uint_t ngx_triggers_sqlite_archived(ngx_triggers_store_t *store,
    int64_t done_at, int64_t seq);
int64_t ngx_triggers_sqlite_done_time(ngx_triggers_store_t *store,
    int64_t now);

/* Gives free pages back, src/store/sqlite/ngx_triggers_sqlite_vacuum.c. */

ngx_int_t ngx_triggers_sqlite_vacuum(ngx_triggers_store_t *store,
    ngx_uint_t idle);


/*
 * One event's life, src/store/sqlite/ngx_triggers_sqlite_event.c; SQLite
 * codes.  An event is found, the members of the struct are changed, and it is
 * saved, which also moves it between lanes and counts.  "now" is ms.
 */

int ngx_triggers_sqlite_event_create(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, ngx_triggers_result_t *result);
int ngx_triggers_sqlite_event_acknowledge(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, ngx_triggers_result_t *result);
int ngx_triggers_sqlite_event_delete(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, ngx_triggers_result_t *result);
int ngx_triggers_sqlite_event_retry(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, ngx_triggers_result_t *result);
int ngx_triggers_sqlite_event_retry_all(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, ngx_triggers_result_t *result);

/*
 * The event that the mutation names; result->rc becomes NOT_FOUND if there is
 * none, or none that the asker may see.  By id and by number: seq is 0 then.
 */

int ngx_triggers_sqlite_event_find(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, ngx_triggers_sqlite_event_t *event,
    ngx_triggers_result_t *result);
int ngx_triggers_sqlite_event_find_id(ngx_triggers_store_t *store, u_char *id,
    ngx_triggers_sqlite_event_t *event);
int ngx_triggers_sqlite_event_find_seq(ngx_triggers_store_t *store,
    int64_t seq, ngx_triggers_sqlite_event_t *event);

int ngx_triggers_sqlite_event_save(ngx_triggers_store_t *store,
    ngx_triggers_sqlite_event_t *event);

/*
 * Numbers of up to *n events of a lane after one, oldest first; owner 0: of
 * all.  Sets *n to how many there are.
 */

int ngx_triggers_sqlite_event_lane(ngx_triggers_store_t *store,
    ngx_uint_t lane, int64_t owner, int64_t after, int64_t *seqs,
    ngx_uint_t *n);

/* Can it be leased? */

ngx_uint_t ngx_triggers_sqlite_event_is_ready(
    ngx_triggers_sqlite_event_t *event);

/*
 * The end of an event that is acknowledged, delivered or has failed: it leaves
 * what holds it, lets its ordering key go, and is saved.
 */

int ngx_triggers_sqlite_event_end(ngx_triggers_store_t *store,
    ngx_triggers_sqlite_event_t *event, ngx_uint_t status, int64_t now);

/* Removes an event and all that belongs to it. */

int ngx_triggers_sqlite_event_remove(ngx_triggers_store_t *store,
    ngx_triggers_sqlite_event_t *event);

/*
 * Takes an event that is not done out of its lease, its delay or its step.  It
 * keeps its place in its ordering key and is not saved.
 */

int ngx_triggers_sqlite_event_release(ngx_triggers_store_t *store,
    ngx_triggers_sqlite_event_t *event);

/*
 * Makes an event ready that was done, in a step or the pusher's, or lets it
 * wait for its ordering key, which it joins; it is not saved.
 */

int ngx_triggers_sqlite_event_ready(ngx_triggers_store_t *store,
    ngx_triggers_sqlite_event_t *event);

/*
 * An attempt of an event that is in a lease or a step has failed, which is the
 * caller's to record: after max_attempts the event fails with the error, else
 * it is to be tried again at a time, 0: at once.  Saves it.
 */

int ngx_triggers_sqlite_event_again(ngx_triggers_store_t *store,
    ngx_triggers_sqlite_event_t *event, int64_t max_attempts, int64_t at,
    ngx_str_t *error, int64_t now);


/*
 * Leases, src/store/sqlite/ngx_triggers_sqlite_lease.c; SQLite codes.  apply
 * takes the operations on a lease that was given.  leave: an event goes out of
 * its lease.  expire: a row of "due" says that the lease ends at that time.
 * flush writes what has changed of the present one.
 */

int ngx_triggers_sqlite_lease_give(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, ngx_triggers_result_t *result);
int ngx_triggers_sqlite_lease_apply(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, ngx_triggers_result_t *result);
int ngx_triggers_sqlite_lease_leave(ngx_triggers_store_t *store,
    ngx_triggers_sqlite_event_t *event);
int ngx_triggers_sqlite_lease_expire(ngx_triggers_store_t *store,
    int64_t number, int64_t at);
int ngx_triggers_sqlite_lease_flush(ngx_triggers_store_t *store);


/* src/store/sqlite/ngx_triggers_sqlite_due.c; SQLite codes */

int ngx_triggers_sqlite_due_add(ngx_triggers_store_t *store, int64_t at,
    ngx_uint_t kind, int64_t ref);
int ngx_triggers_sqlite_due_delete(ngx_triggers_store_t *store, int64_t at,
    ngx_uint_t kind, int64_t ref);


/*
 * Stores an attempt; of the struct are used at, outcome, status_code, duration
 * and error.  webhook is its number, 0: it was no push.  A SQLite code; in
 * src/store/sqlite/ngx_triggers_sqlite_attempts.c.
 */

int ngx_triggers_sqlite_attempt_add(ngx_triggers_store_t *store, int64_t seq,
    int64_t webhook, ngx_triggers_attempt_t *attempt);

/* Reads what NGX_TRIGGERS_SQLITE_ATTEMPT selects. */

void ngx_triggers_sqlite_attempt_row(sqlite3_stmt *stmt,
    ngx_triggers_attempt_t *attempt);


/*
 * src/store/sqlite/ngx_triggers_sqlite_webhooks.c; SQLite codes.  load reads
 * the active ones, within a transaction, where they are not known or another
 * process has changed them; lead makes the table say what is configured.  save
 * is part of every commit; commit and rollback tell how it has ended.
 *
 * targets finds the webhooks that an event is for, into an array that is valid
 * until the next call; where one is named that cannot be, it sets result->rc.
 * result is the endpoint's part of an outcome, alive asks whether there is
 * an active one of that number.  row reads the columns named above, for
 * readers too.
 */

int ngx_triggers_sqlite_webhooks_load(ngx_triggers_store_t *store);
int ngx_triggers_sqlite_webhooks_lead(ngx_triggers_store_t *store);
int ngx_triggers_sqlite_webhooks_save(ngx_triggers_store_t *store);
void ngx_triggers_sqlite_webhooks_commit(ngx_triggers_store_t *store);
void ngx_triggers_sqlite_webhooks_rollback(ngx_triggers_store_t *store);
void ngx_triggers_sqlite_webhooks_free(ngx_triggers_store_t *store);
int ngx_triggers_sqlite_webhook_apply(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, ngx_triggers_result_t *result);
int ngx_triggers_sqlite_webhook_targets(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, int64_t owner,
    ngx_triggers_result_t *result, int64_t **targets, ngx_uint_t *n);
int ngx_triggers_sqlite_webhook_result(ngx_triggers_store_t *store,
    ngx_triggers_delivery_t *delivery);
int ngx_triggers_sqlite_webhook_row(sqlite3_stmt *stmt,
    ngx_triggers_webhook_t *webhook);
int ngx_triggers_sqlite_webhook_exists(ngx_triggers_store_t *store,
    int64_t number, ngx_uint_t *exists);


/*
 * Pushes, src/store/sqlite/ngx_triggers_sqlite_deliveries.c; SQLite codes.  add
 * queues a new event for its targets; the caller holds it.  drop ends what is
 * there for an event that is acknowledged or removed.  retry queues what has
 * failed again where its webhook is still there, active or not, and forgets
 * the others; *queued 0: nobody is left to get it, and *taken tells whether one
 * has got it.  apply takes an outcome.
 */

int ngx_triggers_sqlite_deliveries_add(ngx_triggers_store_t *store,
    int64_t seq, int64_t at, int64_t *targets, ngx_uint_t n);
int ngx_triggers_sqlite_deliveries_drop(ngx_triggers_store_t *store,
    int64_t seq);
int ngx_triggers_sqlite_deliveries_retry(ngx_triggers_store_t *store,
    int64_t seq, int64_t at, ngx_uint_t *queued, ngx_uint_t *taken);
int ngx_triggers_sqlite_delivery_apply(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, ngx_triggers_result_t *result);


#endif /* _NGX_TRIGGERS_SQLITE_H_INCLUDED_ */
