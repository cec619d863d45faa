
/*
 * The archiver: writes the files of events that are about to be removed.  It
 * belongs to the leader; it is a task of the thread pool of its own.
 */


#ifndef _NGX_TRIGGERS_ARCHIVER_H_INCLUDED_
#define _NGX_TRIGGERS_ARCHIVER_H_INCLUDED_


#include "ngx_triggers_worker.h"


/*
 * Event loop.  start makes the archiver post its task if the drainer has
 * something for it and it is not at work or waiting after a failure; it does
 * nothing where no directory is configured.
 */

void ngx_triggers_archiver_start(ngx_triggers_worker_t *worker);


#endif /* _NGX_TRIGGERS_ARCHIVER_H_INCLUDED_ */
