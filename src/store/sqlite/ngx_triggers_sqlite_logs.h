
/*
 * What the files of the logs database share.  Nothing outside this directory
 * and the unit tests includes it.
 *
 * Only who holds the lock, byte 0 of "PATH.lock", writes, checkpoints, opens
 * or closes with a checkpoint; it is held for one transaction.
 */


#ifndef _NGX_TRIGGERS_SQLITE_LOGS_H_INCLUDED_
#define _NGX_TRIGGERS_SQLITE_LOGS_H_INCLUDED_


#include "../ngx_triggers_logs.h"
#include "ngx_triggers_sqlite.h"


/* statements of the writer, see ngx_triggers_sqlite_logs_statements[] */

typedef enum {
    NGX_TRIGGERS_LOGS_BEGIN = 0,
    NGX_TRIGGERS_LOGS_COMMIT,
    NGX_TRIGGERS_LOGS_LOAD,
    NGX_TRIGGERS_LOGS_SAVE,
    NGX_TRIGGERS_LOGS_ADD,
    NGX_TRIGGERS_LOGS_OLDEST,
    NGX_TRIGGERS_LOGS_REMOVE,
    NGX_TRIGGERS_LOGS_ADD_MINUTE,
    NGX_TRIGGERS_LOGS_REMOVE_MINUTES,
    NGX_TRIGGERS_LOGS_NSTMT
} ngx_triggers_sqlite_logs_stmt_e;


/*
 * Of a reader, see ngx_triggers_sqlite_logs_read_statements[]; the first two
 * are those of any reader.
 */

typedef enum {
    NGX_TRIGGERS_LOGS_READ_TIME = NGX_TRIGGERS_SQLITE_READ_END + 1,
    NGX_TRIGGERS_LOGS_READ_NEWEST,
    NGX_TRIGGERS_LOGS_READ_ALL,
    NGX_TRIGGERS_LOGS_READ_WARN,
    NGX_TRIGGERS_LOGS_READ_OWNED,
    NGX_TRIGGERS_LOGS_READ_EVENT,
    NGX_TRIGGERS_LOGS_READ_CORRELATION,
    NGX_TRIGGERS_LOGS_READ_MINUTES,
    NGX_TRIGGERS_LOGS_NREAD
} ngx_triggers_sqlite_logs_read_e;


struct ngx_triggers_logs_s {
    ngx_str_t                    path;
    char                        *lock_path;
    char                        *uri;
    ngx_triggers_logs_limits_t  *limits;
    ngx_log_t                   *log;

    sqlite3                     *db;
    sqlite3_stmt                *stmt[NGX_TRIGGERS_LOGS_NSTMT];
    ngx_fd_t                     lock_fd;      /* -1: it is not ours */

    /* as of the transaction */
    int64_t                      next_log;
    int64_t                      latest;       /* ms: the newest time of all,
                                                  0: there are none */

    ngx_uint_t                   frames;       /* in the WAL … */
    ngx_uint_t                   copied;       /* … and of them, checkpointed */

    unsigned                     active:1;     /* in a transaction */
    unsigned                     failed:1;     /* and has been logged */
    unsigned                     shrunk:1;     /* pages were given back since
                                                  the last checkpoint … */
    unsigned                     settle:1;     /* … which is to come with this
                                                  transaction */
};


struct ngx_triggers_logs_reader_s {
    ngx_triggers_reader_t        reader;
};


/*
 * What a failed call ends in: logs it, once until it works again, rolls back,
 * closes the connection where it did not just find the database busy, and
 * gives up the lock.  Returns NGX_AGAIN or NGX_ERROR.
 */

ngx_int_t ngx_triggers_sqlite_logs_error(ngx_triggers_logs_t *logs, int rc,
    const char *what);


#endif /* _NGX_TRIGGERS_SQLITE_LOGS_H_INCLUDED_ */
