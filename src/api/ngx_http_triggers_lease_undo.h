
/*
 * Gives back a lease that its client does not have.
 */


#ifndef _NGX_HTTP_TRIGGERS_LEASE_UNDO_H_INCLUDED_
#define _NGX_HTTP_TRIGGERS_LEASE_UNDO_H_INCLUDED_


#include "ngx_http_triggers.h"


/*
 * Submits the mutation, OP_LEASE_UNDO, without waiting for it.  When there is
 * no room in the ring a copy is kept and tried again until there is: at most
 * until the lease's end and, once the process is to end, for timeout ms.
 */

void ngx_http_triggers_lease_undo(ngx_triggers_worker_t *worker,
    ngx_triggers_mutation_t *mutation, ngx_msec_t timeout);


#endif /* _NGX_HTTP_TRIGGERS_LEASE_UNDO_H_INCLUDED_ */
