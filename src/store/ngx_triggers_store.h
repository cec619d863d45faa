
/*
 * The interface of a store: a durable, ordered set of events with their
 * states.  src/store/sqlite is the embedded implementation.  A store knows
 * neither HTTP nor shared memory.
 *
 * There are two kinds of handles.  A writer (ngx_triggers_store_t) belongs to
 * the drainer, which uses it from one thread at a time; at most one writer in
 * the machine holds the write lock of a database and only the holder may
 * begin, commit or checkpoint.  A reader (ngx_triggers_reader_t) is read-only
 * and is used by one thread at a time; there may be many.
 *
 * No function here may be called from the event loop, all of them from
 * exit_process.  All return nginx codes: NGX_OK; NGX_AGAIN when the database
 * is busy or the write lock is another's; NGX_DECLINED for "no such thing";
 * NGX_ERROR after which ngx_triggers_store_state() tells the reason.  A
 * repeated error is logged once per change of state.
 */


#ifndef _NGX_TRIGGERS_STORE_H_INCLUDED_
#define _NGX_TRIGGERS_STORE_H_INCLUDED_


#include "ngx_triggers_audit.h"
#include "ngx_triggers_event.h"


typedef struct ngx_triggers_store_s   ngx_triggers_store_t;
typedef struct ngx_triggers_reader_s  ngx_triggers_reader_t;


#define NGX_TRIGGERS_TOTAL_MAX    10000   /* a filtered total stops here */

#define NGX_TRIGGERS_SCHEDULE_MAX 16      /* pauses of a schedule */


/* pauses between the tries of something, ms */

typedef struct {
    ngx_uint_t               n;
    ngx_msec_t               pauses[NGX_TRIGGERS_SCHEDULE_MAX];
} ngx_triggers_schedule_t;


/*
 * Takes one key; what it points to is valid during the call.  NGX_OK goes
 * on, NGX_ERROR ends the call that it was made from with NGX_ERROR.
 */

typedef ngx_int_t (*ngx_triggers_key_pt)(void *data,
    ngx_triggers_key_t *key);


/* when a key was last used */

typedef struct {
    u_char                   id[NGX_TRIGGERS_KEY_ID_LEN];
    int64_t                  time;             /* ms */
} ngx_triggers_key_use_t;


/* a page of keys, newest first */

typedef struct {
    ngx_str_t                user_id;          /* owner; see any_owner */
    ngx_uint_t               any_owner;        /* flag */
    u_char                   cursor[NGX_TRIGGERS_KEY_ID_LEN];
                                               /* key after which to go on; all
                                                  bits set: the start */
    ngx_uint_t               offset;           /* keys to skip */
    ngx_uint_t               limit;            /* keys, at least 1 */
    ngx_triggers_key_pt      handler;
    void                    *data;
    ngx_uint_t               has_more;         /* set: keys follow the page */
} ngx_triggers_key_query_t;


/*
 * Looks at one row; strings in it are valid during the call.  For a match
 * handler NGX_OK keeps the row, NGX_DECLINED skips it.  For a row handler
 * NGX_OK goes on, NGX_DONE ends the page after this row.  NGX_ERROR ends the
 * query with NGX_ERROR in both.
 */

typedef ngx_int_t (*ngx_triggers_row_pt)(void *data, ngx_triggers_row_t *row);


/* Takes one entry of the audit, as a row handler does. */

typedef ngx_int_t (*ngx_triggers_audit_pt)(void *data,
    ngx_triggers_audit_t *entry);


/* a page of the audit, newest first */

typedef struct {
    ngx_str_t                user_id;          /* owner; see any_owner */
    ngx_uint_t               any_owner;        /* flag */
    ngx_uint_t               actions;          /* bits 1 << action */
    u_char                  *event_id;         /* NULL: all */
    int64_t                  from;             /* at >= from, ms */
    int64_t                  to;               /* at <= to, ms; 0: no */
    int64_t                  before_at;        /* entry after which to go on; */
    int64_t                  before_n;         /* at is 0: the start */
    ngx_uint_t               limit;            /* entries, at least 1 */
    ngx_msec_t               time_limit;       /* ms the query may take */
    ngx_triggers_audit_pt    handler;
    void                    *data;

    ngx_uint_t               has_more;         /* set: more may follow … */
    int64_t                  last_at;          /* … after this entry, which a
                                                  filter may have left out */
    int64_t                  last_n;
} ngx_triggers_audit_query_t;


typedef struct {
    ngx_str_t                user_id;          /* owner; see any_owner */
    ngx_uint_t               any_owner;        /* flag */
    ngx_uint_t               statuses;         /* bits 1 << status */
    ngx_uint_t               priorities;       /* bits 1 << priority, 0: all */
    ngx_str_t                event_type;       /* data NULL: all */
    ngx_uint_t               event_type_prefix;  /* flag */
    ngx_str_t                source;           /* data NULL: all */
    int64_t                  from;             /* created_at >= from, ms */
    int64_t                  to;               /* created_at <= to, ms; 0 no */
    int64_t                  cursor;           /* seq after which to go on,
                                                  in the order; 0: start */
    ngx_uint_t               ascending;        /* flag */
    ngx_uint_t               offset;           /* matching rows to skip */
    ngx_uint_t               limit;            /* rows, at least 1 */
    ngx_msec_t               time_limit;       /* ms the query may take */

    ngx_triggers_row_pt      match;            /* further filter or NULL */
    ngx_triggers_row_pt      row;              /* takes each row of the page */
    void                    *data;             /* of both */
} ngx_triggers_query_t;


typedef struct {
    uint64_t                 total;            /* matches, cursor and offset
                                                  left aside */
    ngx_uint_t               total_is_capped;  /* flag: there may be more */
    ngx_uint_t               has_more;         /* flag: rows follow the page */
    int64_t                  last_seq;         /* of the page, 0 if empty */
} ngx_triggers_page_t;


/*
 * How long things are kept, ms, 0: for ever.  Events are kept that long after
 * they were acknowledged, delivered or have failed.
 */

typedef struct {
    int64_t                  events;
    int64_t                  attempts;
    int64_t                  audit;
    ngx_uint_t               archive;          /* flag: events are written to
                                                  a file before they go */
    ngx_str_t                name;             /* that names of these files
                                                  begin with */
} ngx_triggers_retention_t;


/*
 * What a writer and its archiver tell each other.  The state says whose the
 * other members are, the archiver's while it is PLAN or WRITE, and is stored
 * last.
 */

typedef enum {
    NGX_TRIGGERS_ARCHIVE_IDLE = 0,
    NGX_TRIGGERS_ARCHIVE_PLAN,                 /* how far is a file to reach? */
    NGX_TRIGGERS_ARCHIVE_PLANNED,
    NGX_TRIGGERS_ARCHIVE_WRITE,                /* write it */
    NGX_TRIGGERS_ARCHIVE_WRITTEN
} ngx_triggers_archive_state_e;


#define NGX_TRIGGERS_ARCHIVE_NAME  128         /* a file's, terminated */


typedef struct {
    ngx_uint_t               state;            /* atomic */

    /* events that were done up to a time, and of that time up to a number */
    int64_t                  through_at;
    int64_t                  through_seq;
} ngx_triggers_archive_t;


/*
 * ngx_triggers_store_create() allocates a closed writer for the database at
 * the (terminated) path; the string is not copied and must outlive the
 * writer.  NULL when there is no memory.  It does not touch the file system.
 * ngx_triggers_store_destroy() closes and frees it.
 */

ngx_triggers_store_t *ngx_triggers_store_create(ngx_str_t *path,
    ngx_log_t *log);
void ngx_triggers_store_destroy(ngx_triggers_store_t *store);

/* How long idempotency keys are kept, ms; 24 hours unless it is called. */

void ngx_triggers_store_keep_keys(ngx_triggers_store_t *store, int64_t ttl);

/* How long the rest is kept: for ever, unless it is called. */

void ngx_triggers_store_retain(ngx_triggers_store_t *store,
    ngx_triggers_retention_t *retention);

/*
 * When a step of ours is tried again; after the last pause the event fails.  2,
 * 4 and 8 seconds unless it is called.
 */

void ngx_triggers_store_retry_schedule(ngx_triggers_store_t *store,
    ngx_triggers_schedule_t *schedule);

/*
 * Opens the lock file "PATH.lock", takes the write lock, opens the database
 * (creating it), recovers it, applies the migrations that are missing.
 * NGX_OK leaves it open and the write lock held.  NGX_AGAIN: another process
 * holds the write lock, which has now been asked for.  Calling it on an open
 * store only takes the write lock.  The database is created unless it has been
 * open before, or expect() has said that it was: then it was moved or deleted,
 * and a new one beside what is left of its WAL would be its end.
 */

ngx_int_t ngx_triggers_store_open(ngx_triggers_store_t *store);
void ngx_triggers_store_expect(ngx_triggers_store_t *store);
void ngx_triggers_store_close(ngx_triggers_store_t *store);

/*
 * The write lock is an OFD lock (fcntl(2), F_OFD_SETLK) on byte 0 of
 * "PATH.lock"; whoever waits for it holds byte 1 while it waits, so that
 * the holder can see that it is wanted (ngx_triggers_store_wanted(): 1 or 0)
 * and gives it up between two batches.  The kernel releases both with the
 * process.
 */

void ngx_triggers_store_unlock(ngx_triggers_store_t *store);
ngx_uint_t ngx_triggers_store_wanted(ngx_triggers_store_t *store);

/*
 * First act of a new leader of the ring named nonce: commits, synced, a row
 * of its own, so that whatever a killed predecessor left in the WAL is
 * durable, and then sets *position to the ring position up to which records
 * have been committed (0 if the ring is unknown to the database).
 */

ngx_int_t ngx_triggers_store_lead(ngx_triggers_store_t *store,
    uint64_t nonce, uint64_t *position);

/*
 * A batch: begin, apply each, commit.  ngx_triggers_store_apply() sets
 * *result; NGX_OK even where the result is a refusal.  After NGX_ERROR or
 * NGX_AGAIN from any of the three the transaction has been rolled back and
 * nothing of the batch is stored; when a sync failed the connection has also
 * been closed (open and lead again).  commit stores (nonce, position) in the
 * same transaction.  One exception: after NGX_ERROR from commit the outcome
 * is unknown and the caller learns it from ngx_triggers_store_lead().
 */

ngx_int_t ngx_triggers_store_begin(ngx_triggers_store_t *store);
ngx_int_t ngx_triggers_store_apply(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, ngx_triggers_result_t *result);
ngx_int_t ngx_triggers_store_commit(ngx_triggers_store_t *store,
    uint64_t nonce, uint64_t position);
void ngx_triggers_store_rollback(ngx_triggers_store_t *store);

/*
 * What happens by itself: leases that run out, delays that are over, the next
 * try of a step.  sweep does a bounded step of what is due at now (ms since
 * the epoch) in a transaction of its own that is not synced, and adds to
 * *changed the number of events that it has changed; with nothing due it costs
 * nothing.  It is to be called before every batch, which takes its time for
 * the present.  next_due tells before when there is nothing to do, as far as
 * this writer knows; more is due already while that is not later than now.
 * Both need the write lock and no transaction.
 */

ngx_int_t ngx_triggers_store_sweep(ngx_triggers_store_t *store, int64_t now,
    ngx_uint_t *changed);
int64_t ngx_triggers_store_next_due(ngx_triggers_store_t *store);

/*
 * Keys.  ngx_triggers_store_watch_keys() sets a handler that apply then calls
 * for each key before it is changed, as it will be once the transaction has
 * been committed; NGX_BUSY from it refuses the mutation with RC_NO_ROOM.
 *
 * ngx_triggers_store_keys_version() is a number that differs when another
 * holder of the write lock has changed keys; it is read whenever the lock is
 * taken, and grows by one with each commit that changes keys.
 *
 * ngx_triggers_store_keys_load() calls handler for every key that has not
 * been revoked.  ngx_triggers_store_keys_used() writes when keys were last
 * used, in a transaction of its own that is not synced; keys that are not
 * there are skipped, and no time goes back.  Both need the write lock and no
 * transaction.
 */

void ngx_triggers_store_watch_keys(ngx_triggers_store_t *store,
    ngx_triggers_key_pt handler, void *data);
uint64_t ngx_triggers_store_keys_version(ngx_triggers_store_t *store);
ngx_int_t ngx_triggers_store_keys_load(ngx_triggers_store_t *store,
    ngx_triggers_key_pt handler, void *data);
ngx_int_t ngx_triggers_store_keys_used(ngx_triggers_store_t *store,
    ngx_triggers_key_use_t *uses, ngx_uint_t n);

/*
 * Changes of events.  ngx_triggers_store_watch_events() sets whom to tell: of
 * each change within the transaction that makes it, in the order in which they
 * are made; and how that has ended, as all that was told since the last end has
 * been committed, or has not happened after all.  Transactions of our own, of
 * sweep and maintain, are told as those of batches are.  The handlers are
 * called in the thread that calls the store, which they must not.
 *
 * Where the outcome of a commit is not known the changes are said not to have
 * happened; whether they have is found out by taking the lead again.
 */

typedef struct {
    ngx_uint_t               action;           /* ngx_triggers_audit_e, of
                                                  EVENT_…, or
                                                  NGX_TRIGGERS_EVENT_… */
    ngx_uint_t               status;           /* what it is now;
                                                  NGX_TRIGGERS_NSTATUS: gone */
    ngx_uint_t               outcome;          /* of the attempt, where that is
                                                  why it has failed or is
                                                  retried by itself */
    int64_t                  time;             /* ms since the epoch */
    u_char                  *id;
    ngx_str_t                user_id;          /* whose it is */
    ngx_str_t                event_type;
    ngx_str_t                correlation_id;
    ngx_str_t                error;            /* of the attempt, if it is at
                                                  hand */
} ngx_triggers_change_t;


typedef struct {
    void                   (*change)(void *data,
                                     ngx_triggers_change_t *change);
    void                   (*commit)(void *data);
    void                   (*rollback)(void *data);
    void                    *data;
} ngx_triggers_watcher_t;


void ngx_triggers_store_watch_events(ngx_triggers_store_t *store,
    ngx_triggers_watcher_t *watcher);

/*
 * Webhooks.  ngx_triggers_store_configure() names those of the configuration,
 * at most 100, which must outlive the writer: id, url, event_types, format and
 * secret of each.  A new leader makes them known and forgets those that are
 * not named any more.
 *
 * ngx_triggers_store_pushed() tells what the transactions since it was last
 * called have done that concerns the deliverer: it is to be called after each
 * commit, and after the lead has been taken.
 */

#define NGX_TRIGGERS_PUSHED           0x01     /* something is to be pushed */
#define NGX_TRIGGERS_PUSHED_WEBHOOKS  0x02     /* webhooks have changed */

void ngx_triggers_store_configure(ngx_triggers_store_t *store,
    ngx_triggers_webhook_t *webhooks, ngx_uint_t n);
ngx_uint_t ngx_triggers_store_pushed(ngx_triggers_store_t *store);

/*
 * Work behind the answers, in bounded steps, for a holder of the write lock
 * outside a transaction: merges rows into the tables that lead with the
 * owner, checkpoints when the WAL has grown.  idle says that nothing waits,
 * so that it may tidy up more.  NGX_AGAIN: there is more to do; NGX_OK: not.
 */

ngx_int_t ngx_triggers_store_maintain(ngx_triggers_store_t *store,
    ngx_uint_t idle);

/*
 * NGX_OK while the path still names the open database; NGX_ERROR, with the
 * state MOVED and the connection closed, when it was deleted or replaced.
 * To be asked about once a second.
 */

ngx_int_t ngx_triggers_store_check(ngx_triggers_store_t *store);

/* Any thread: what the archiver shares with it, as long as the writer lives. */

ngx_triggers_archive_t *ngx_triggers_store_archive(
    ngx_triggers_store_t *store);

ngx_uint_t ngx_triggers_store_is_open(ngx_triggers_store_t *store);
ngx_triggers_store_state_e ngx_triggers_store_state(
    ngx_triggers_store_t *store);

/* Any thread: a state in words. */

const char *ngx_triggers_store_state_name(ngx_uint_t state);

/*
 * Of an open store: another number than before says that somebody else has
 * committed something since; our own commits do not change it.
 */

int64_t ngx_triggers_store_foreign(ngx_triggers_store_t *store);

/*
 * What the store holds, as of the last commit or taking of the write lock.
 * The moves are those of the writer since it was made; moves() are those of its
 * last transaction, of an open one those so far.
 */

typedef struct {
    uint64_t                 total_events;     /* ever stored */
    uint64_t                 events[NGX_TRIGGERS_NSTATUS];
    ngx_triggers_moves_t     moves;
} ngx_triggers_totals_t;


ngx_triggers_totals_t *ngx_triggers_store_totals(ngx_triggers_store_t *store);
ngx_triggers_moves_t *ngx_triggers_store_moves(ngx_triggers_store_t *store);

/* The size of the database without its WAL, bytes; 0 if it is not open. */

uint64_t ngx_triggers_store_size(ngx_triggers_store_t *store);

/*
 * Frames in the WAL that a restart of it would give back, after the last
 * commit or checkpoint.
 */

ngx_uint_t ngx_triggers_store_wal_frames(ngx_triggers_store_t *store);


/*
 * Readers.  ngx_triggers_reader_open() opens the database read-only (it must
 * exist and have the schema of this module); NULL on an error, logged.
 * ngx_triggers_reader_list() calls query->row for each row of one page and
 * fills page, all in one snapshot.  NGX_AGAIN: the time limit passed before
 * the page was found.  When it passes while only the total is counted, the
 * total is capped instead.  ngx_triggers_reader_get() calls handler once
 * with the event; NGX_DECLINED when there is none that the owner may see.
 * ngx_triggers_reader_replays() looks up the keys of n replays, of which it
 * changes the order; one may have expired since the writer has found it.
 * ngx_triggers_reader_keys() and ngx_triggers_reader_key() do for API keys,
 * revoked ones included, what list and get do for events.
 *
 * ngx_triggers_reader_lease() calls handler for each event that is still in a
 * lease, in the order in which they were handed out; NGX_DECLINED: the owner
 * has no such lease.  ngx_triggers_reader_candidates() finds events that can
 * be leased, in the order in which they would be: of the query owner, type,
 * limit and time limit are used, ids has room for limit ids, and *n is set to
 * how many were found, even with NGX_AGAIN: the time limit has passed.
 * ngx_triggers_reader_attempts() calls handler for each attempt of one event,
 * oldest first.
 */

typedef ngx_int_t (*ngx_triggers_attempt_pt)(void *data,
    ngx_triggers_attempt_t *attempt);


/* what an idempotency key stands for; created_at is 0 if it is not known */

typedef struct {
    u_char                   key_hash[NGX_TRIGGERS_KEY_HASH_LEN];
    u_char                   id[NGX_TRIGGERS_ID_LEN];
    int64_t                  created_at;       /* ms */
} ngx_triggers_replay_t;


ngx_triggers_reader_t *ngx_triggers_reader_open(ngx_str_t *path,
    ngx_log_t *log);
void ngx_triggers_reader_close(ngx_triggers_reader_t *reader);
ngx_int_t ngx_triggers_reader_list(ngx_triggers_reader_t *reader,
    ngx_triggers_query_t *query, ngx_triggers_page_t *page);
ngx_int_t ngx_triggers_reader_get(ngx_triggers_reader_t *reader,
    ngx_str_t *user_id, ngx_uint_t any_owner, u_char *id,
    ngx_triggers_row_pt handler, void *data);
ngx_int_t ngx_triggers_reader_replays(ngx_triggers_reader_t *reader,
    ngx_triggers_replay_t **replays, ngx_uint_t n);
ngx_int_t ngx_triggers_reader_keys(ngx_triggers_reader_t *reader,
    ngx_triggers_key_query_t *query);
ngx_int_t ngx_triggers_reader_key(ngx_triggers_reader_t *reader,
    ngx_str_t *user_id, ngx_uint_t any_owner, u_char *id,
    ngx_triggers_key_pt handler, void *data);

ngx_int_t ngx_triggers_reader_lease(ngx_triggers_reader_t *reader,
    ngx_str_t *user_id, ngx_uint_t any_owner, u_char *id,
    ngx_triggers_row_pt handler, void *data);
ngx_int_t ngx_triggers_reader_candidates(ngx_triggers_reader_t *reader,
    ngx_triggers_query_t *query, u_char *ids, ngx_uint_t *n);
ngx_int_t ngx_triggers_reader_attempts(ngx_triggers_reader_t *reader,
    int64_t seq, ngx_triggers_attempt_pt handler, void *data);


/*
 * Calls query->handler for each entry of one page of the audit.  When the time
 * is over the page ends early, and may be empty, but the next one goes on;
 * NGX_AGAIN where not even one entry could be looked at.
 */

ngx_int_t ngx_triggers_reader_audit(ngx_triggers_reader_t *reader,
    ngx_triggers_audit_query_t *query);


/*
 * For the archiver.  ngx_triggers_reader_archive_plan() finds out how far the
 * next file is to reach: not beyond archive's place, and not beyond so many
 * events and bytes, at least one.  It sets the place; NGX_DECLINED: there is
 * nothing to be archived.
 *
 * ngx_triggers_reader_archive() calls handler for each event that the present
 * file is to hold, in the order in which they were done, and then once more
 * without an event, if there was one; it sets archive's place to the file's.
 * All in one snapshot, and by one process at a time.  In the end, whatever has
 * come of it, handler is called without a file and an event, to tidy up while
 * no other process can have begun.  NGX_DECLINED: no file is to be written, or
 * no more; NGX_AGAIN: another process is writing it, handler is not called.
 */

typedef ngx_int_t (*ngx_triggers_archive_pt)(void *data, ngx_str_t *file,
    ngx_triggers_row_t *row);


ngx_int_t ngx_triggers_reader_archive_plan(ngx_triggers_reader_t *reader,
    ngx_triggers_archive_t *archive, ngx_uint_t events, size_t bytes);
ngx_int_t ngx_triggers_reader_archive(ngx_triggers_reader_t *reader,
    ngx_triggers_archive_t *archive, ngx_triggers_archive_pt handler,
    void *data);


/*
 * For the deliverer.  ngx_triggers_reader_endpoints() calls handler for every
 * webhook there is, secrets included, and for each that is no more but has
 * pushes waiting, of which only the number is set.
 * ngx_triggers_reader_due() calls handler for each push to one webhook that
 * is due, in the order of its time, from a place on, which is that of the row
 * while the handler has it; what the deliverer is sending already is among
 * them until the outcome has been committed.  The handler may end the page
 * after its row with NGX_DONE, which is then returned.
 */

typedef ngx_int_t (*ngx_triggers_webhook_pt)(void *data,
    ngx_triggers_webhook_t *webhook);

/* attempts: how often it has been tried since it came or was retried by hand */

typedef ngx_int_t (*ngx_triggers_push_pt)(void *data, ngx_triggers_row_t *row,
    ngx_uint_t attempts);


typedef struct {
    int64_t                  webhook;          /* number */
    int64_t                  now;              /* ms: due is what is not
                                                  later */
    int64_t                  after_at;         /* the place: in, that of the
                                                  last one; set: likewise */
    int64_t                  after_seq;
    ngx_uint_t               limit;            /* pushes, at least 1 */
    int64_t                  next_at;          /* set: ms, when the first one
                                                  is due that is not yet; 0:
                                                  there is none */
    ngx_triggers_push_pt     handler;
    void                    *data;
} ngx_triggers_due_query_t;


/* a page of webhooks or of what was pushed to one, newest first */

typedef struct {
    ngx_str_t                user_id;          /* owner; see any_owner */
    ngx_uint_t               any_owner;        /* flag */
    int64_t                  cursor;           /* number after which to go on,
                                                  0: the start */
    ngx_uint_t               offset;           /* webhooks to skip */
    ngx_uint_t               limit;            /* webhooks, at least 1 */
    ngx_triggers_webhook_pt  handler;
    void                    *data;
    ngx_uint_t               has_more;         /* set: some follow the page */
} ngx_triggers_webhook_query_t;


typedef struct {
    int64_t                  webhook;          /* number */
    int64_t                  cursor;           /* that of an attempt */
    ngx_uint_t               offset;
    ngx_uint_t               limit;
    ngx_triggers_attempt_pt  handler;
    void                    *data;
    ngx_uint_t               has_more;
} ngx_triggers_delivery_query_t;


/*
 * The right to deliver what is in a database: an OFD lock on byte 3 of
 * "PATH.lock", so that of two trees one delivers.  NGX_OK sets *fd, whose
 * ngx_close_file() gives it back; NGX_AGAIN: it is another's; NGX_ERROR,
 * logged.
 */

ngx_int_t ngx_triggers_store_delivery_lock(ngx_str_t *path, ngx_fd_t *fd,
    ngx_log_t *log);

ngx_int_t ngx_triggers_reader_endpoints(ngx_triggers_reader_t *reader,
    ngx_triggers_webhook_pt handler, void *data);
ngx_int_t ngx_triggers_reader_due(ngx_triggers_reader_t *reader,
    ngx_triggers_due_query_t *query);

/*
 * ngx_triggers_reader_webhooks() and ngx_triggers_reader_webhook() do for
 * webhooks what their likes do for keys; those of the configuration are seen
 * by who sees all owners.  ngx_triggers_reader_deliveries() lists the attempts
 * of one.
 */

ngx_int_t ngx_triggers_reader_webhooks(ngx_triggers_reader_t *reader,
    ngx_triggers_webhook_query_t *query);
ngx_int_t ngx_triggers_reader_webhook(ngx_triggers_reader_t *reader,
    ngx_str_t *user_id, ngx_uint_t any_owner, u_char *id,
    ngx_triggers_webhook_pt handler, void *data);
ngx_int_t ngx_triggers_reader_deliveries(ngx_triggers_reader_t *reader,
    ngx_triggers_delivery_query_t *query);


/* a copy of the whole database */

typedef struct {
    ngx_str_t                directory;        /* terminated */
    ngx_str_t                name;             /* of the file, not there yet */
    size_t                   prefix;           /* bytes of the name that all
                                                  copies of the store have */
    ngx_msec_t               time_limit;       /* ms it may take, 0: any */
    ngx_uint_t             (*stopped)(void *data);
                                               /* asked between two steps:
                                                  shall it be given up? */
    void                    *data;             /* its */

    uint64_t                 size;             /* set: bytes … */
    uint64_t                 pages;            /* … and pages of the copy */
    ngx_triggers_store_state_e  state;         /* set with NGX_ERROR: why;
                                                  STARTING: not begun */
} ngx_triggers_backup_t;

/*
 * Copies the database, as it is at the beginning of the call, to a new file.
 * It is written as "NAME.tmp", synced, and then takes its name, so that a file
 * of that name is whole and durable.  What a process that was killed has left
 * of such files is removed first.  Writers go on meanwhile; as with any long
 * reader, the WAL grows with what they write.
 *
 * NGX_OK; NGX_DECLINED: another copy of the database is being made;
 * NGX_AGAIN: the time limit has passed; NGX_DONE: it was to be given up;
 * NGX_ERROR, logged.  In all but the first case it leaves no file.
 */

ngx_int_t ngx_triggers_reader_backup(ngx_triggers_reader_t *reader,
    ngx_triggers_backup_t *backup);


#endif /* _NGX_TRIGGERS_STORE_H_INCLUDED_ */
