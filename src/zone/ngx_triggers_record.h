
/*
 * The form that a mutation has in the ring: a fixed part with the lengths of
 * the strings, then their bytes.  It lives only between two processes that
 * run the same module, in the byte order of the machine.  Pure: any thread.
 */


#ifndef _NGX_TRIGGERS_RECORD_H_INCLUDED_
#define _NGX_TRIGGERS_RECORD_H_INCLUDED_


#include "ngx_triggers_event.h"


/* The bytes that ngx_triggers_record_encode() will write. */

size_t ngx_triggers_record_length(ngx_triggers_mutation_t *mutation);
void ngx_triggers_record_encode(ngx_triggers_mutation_t *mutation,
    u_char *dst);

/*
 * Fills *mutation; its strings point into the record.  NGX_ERROR when the
 * record is malformed.
 */

ngx_int_t ngx_triggers_record_decode(ngx_triggers_mutation_t *mutation,
    u_char *record, size_t len);


#endif /* _NGX_TRIGGERS_RECORD_H_INCLUDED_ */
