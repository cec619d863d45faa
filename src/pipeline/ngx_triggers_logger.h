
/*
 * The logger: stores what comes through the live feed.  It belongs to the
 * leader; it is a task of the thread pool of its own.
 */


#ifndef _NGX_TRIGGERS_LOGGER_H_INCLUDED_
#define _NGX_TRIGGERS_LOGGER_H_INCLUDED_


#include "ngx_triggers_worker.h"


/*
 * The leader's event loop: posts the logger's task if there is something for
 * it and it is not at work or waiting after a failure.
 */

void ngx_triggers_logger_start(ngx_triggers_worker_t *worker);

/*
 * Event loop: the worker is to lead no more, and closes the database; what is
 * left is its successor's.
 */

void ngx_triggers_logger_resign(ngx_triggers_worker_t *worker);

/*
 * The process ends, and its pool has.  What is left is stored where nobody
 * leads, and the database is closed.
 */

void ngx_triggers_logger_exit(ngx_triggers_worker_t *worker);

/*
 * Any thread, after it has appended the entry of that number to the feed:
 * wakes the leader if the logger falls behind.  fd is the worker's socket to
 * send wake-ups from.
 */

void ngx_triggers_logger_tell(ngx_triggers_zone_sh_t *sh, ngx_socket_t fd,
    uint64_t number);


#endif /* _NGX_TRIGGERS_LOGGER_H_INCLUDED_ */
