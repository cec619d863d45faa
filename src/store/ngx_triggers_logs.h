
/*
 * The interface of stored logs: entries of the live feed, kept for some days
 * in a database file of their own, so that they never slow a commit down.
 *
 * As with the store there are two kinds of handles.  A writer belongs to the
 * leader's logger, which uses it from one thread at a time; leaders of two
 * trees take turns by a lock.  A reader is read-only and is used by one
 * thread at a time.  Nothing here may be called from the event loop, all of
 * it from exit_process.
 *
 * A power cut may lose what was written in the last moments: transactions are
 * not synced, only checkpoints are.
 */


#ifndef _NGX_TRIGGERS_LOGS_H_INCLUDED_
#define _NGX_TRIGGERS_LOGS_H_INCLUDED_


#include "ngx_triggers_log.h"
#include "ngx_triggers_minute.h"


#define NGX_TRIGGERS_LOGS_STEP  512            /* logs that one call of retain
                                                  removes at most */


typedef struct ngx_triggers_logs_s         ngx_triggers_logs_t;
typedef struct ngx_triggers_logs_reader_s  ngx_triggers_logs_reader_t;


typedef struct {
    int64_t                  logs;             /* ms they are kept, 0: for
                                                  ever */
    int64_t                  history;          /* … and minutes */
    off_t                    size;             /* bytes that the database may
                                                  use before the oldest logs
                                                  go, 0: any */
} ngx_triggers_logs_limits_t;


/* one that is read back */

typedef struct {
    ngx_triggers_entry_t     entry;
    int64_t                  number;           /* in the order in which they
                                                  were stored */
} ngx_triggers_logs_row_t;


/*
 * Takes one; strings are valid during the call.  NGX_OK goes on, NGX_DONE ends
 * the page after it, NGX_ERROR ends the query with NGX_ERROR.
 */

typedef ngx_int_t (*ngx_triggers_logs_pt)(void *data,
    ngx_triggers_logs_row_t *row);


/* a page of logs, newest first */

typedef struct {
    ngx_str_t                user_id;          /* owner; see any_owner */
    ngx_uint_t               any_owner;        /* flag */
    ngx_uint_t               level;            /* this one and above */
    int64_t                  since;            /* time >= since, ms */
    ngx_str_t                correlation_id;   /* data NULL: all */
    u_char                  *event_id;         /* NULL: all */
    ngx_str_t                text;             /* in the message, error or
                                                  request id, whatever its
                                                  case (ASCII); data NULL:
                                                  all */
    int64_t                  before;           /* number after which to go on;
                                                  0: the start */
    ngx_uint_t               limit;            /* rows, at least 1 */
    ngx_msec_t               time_limit;       /* ms the query may take */
    ngx_triggers_logs_pt     handler;
    void                    *data;

    ngx_uint_t               has_more;         /* set: more may follow … */
    int64_t                  last;             /* … after this number, which a
                                                  filter may have left out */
} ngx_triggers_logs_query_t;


/*
 * The minutes of the history from a time up to another one, ms since the epoch,
 * oldest first, those of the same minute in the order in which they were
 * stored.  The handler is one as of logs; of a minute that it is given zone,
 * number and ticket are not set.
 */

typedef ngx_int_t (*ngx_triggers_minutes_pt)(void *data,
    ngx_triggers_minute_t *minute);

typedef struct {
    int64_t                  from;
    int64_t                  to;               /* not with it */
    ngx_msec_t               time_limit;       /* ms the query may take */
    ngx_triggers_minutes_pt  handler;
    void                    *data;
} ngx_triggers_minutes_query_t;


/*
 * ngx_triggers_logs_create() allocates a closed writer for the database at the
 * (terminated) path, which must outlive it, as must the limits.  NULL: no
 * memory.  It does not touch the file system.  destroy closes and frees it.
 */

ngx_triggers_logs_t *ngx_triggers_logs_create(ngx_str_t *path,
    ngx_triggers_logs_limits_t *limits, ngx_log_t *log);
void ngx_triggers_logs_destroy(ngx_triggers_logs_t *logs);

/*
 * A batch: begin, add each, commit, release.  begin opens the database, making
 * it where there is none, and takes the lock, which release gives up, so that
 * the caller can say how far it is before somebody else goes on.
 * NGX_OK; NGX_AGAIN: it is another's, or the database is busy; NGX_ERROR:
 * nothing of the batch is stored; it is logged once until it works again.
 * With both of these the lock is given up, too.
 */

ngx_int_t ngx_triggers_logs_begin(ngx_triggers_logs_t *logs);
ngx_int_t ngx_triggers_logs_add(ngx_triggers_logs_t *logs,
    ngx_triggers_entry_t *entry);
ngx_int_t ngx_triggers_logs_commit(ngx_triggers_logs_t *logs);
void ngx_triggers_logs_release(ngx_triggers_logs_t *logs);

/*
 * Whoever has found it another's for too long says so: it is logged as a
 * failure is, once until it works again.
 */

void ngx_triggers_logs_locked(ngx_triggers_logs_t *logs);

/* Within a batch: a minute of the history.  NGX_OK or NGX_ERROR. */

ngx_int_t ngx_triggers_logs_add_minute(ngx_triggers_logs_t *logs,
    ngx_triggers_minute_t *minute);

/*
 * Removes a bounded number of what is too old or too much at now (ms since the
 * epoch), as a batch of its own.  NGX_OK: nothing is left to do; NGX_AGAIN:
 * there is more; NGX_BUSY: it is another's, or the database is busy;
 * NGX_ERROR.
 */

ngx_int_t ngx_triggers_logs_retain(ngx_triggers_logs_t *logs, int64_t now);

/*
 * A reader.  NULL: the database cannot be opened, or there is none.  read
 * returns NGX_OK; NGX_DECLINED: nothing was found within the time limit, and
 * there may be more to look at after query->last; NGX_ERROR.  failed says
 * whether it has logged that something could not be read.
 */

ngx_triggers_logs_reader_t *ngx_triggers_logs_reader_open(ngx_str_t *path,
    ngx_log_t *log);
void ngx_triggers_logs_reader_close(ngx_triggers_logs_reader_t *reader);
ngx_uint_t ngx_triggers_logs_reader_failed(ngx_triggers_logs_reader_t *reader);
ngx_int_t ngx_triggers_logs_read(ngx_triggers_logs_reader_t *reader,
    ngx_triggers_logs_query_t *query);

/* NGX_OK; NGX_AGAIN: it has taken too long; NGX_ERROR. */

ngx_int_t ngx_triggers_logs_read_minutes(ngx_triggers_logs_reader_t *reader,
    ngx_triggers_minutes_query_t *query);


#endif /* _NGX_TRIGGERS_LOGS_H_INCLUDED_ */
