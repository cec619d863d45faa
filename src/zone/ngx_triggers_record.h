
/*
 * The form that a batch of mutations has in the ring: a head, then for each
 * mutation a fixed part with the lengths of its strings and their bytes.  It
 * lives only between two processes that run the same module, in the byte
 * order of the machine.  Pure: any thread.
 */


#ifndef _NGX_TRIGGERS_RECORD_H_INCLUDED_
#define _NGX_TRIGGERS_RECORD_H_INCLUDED_


#include "ngx_triggers_event.h"


/* a record that is being read */

typedef struct {
    u_char                  *pos;
    u_char                  *last;
    ngx_uint_t               n;                /* mutations */
    ngx_uint_t               left;             /* of them still to be read */
    uint32_t                 submitted;        /* as in the batch */
    uint32_t                *cells;            /* for the codes, see
                                                  ngx_triggers_zone.h */
    ngx_uint_t               ncells;

    union {                                    /* of the last mutation */
        ngx_triggers_key_change_t      change;
        ngx_triggers_lease_change_t    lease;
        ngx_triggers_delivery_t        delivery;
        ngx_triggers_webhook_change_t  webhook;
    } part;
} ngx_triggers_record_t;


/* The bytes that ngx_triggers_record_encode() will write. */

size_t ngx_triggers_record_length(ngx_triggers_batch_t *batch,
    ngx_uint_t ncells);
void ngx_triggers_record_encode(ngx_triggers_batch_t *batch, uint32_t *cells,
    ngx_uint_t ncells, u_char *dst);

/*
 * Begin to read a record; read its next mutation, whose strings then point
 * into the record's bytes and its part into *record.  NGX_OK; NGX_DONE:
 * there is no further one; NGX_ERROR: the record is malformed.
 */

ngx_int_t ngx_triggers_record_open(ngx_triggers_record_t *record,
    u_char *data, size_t len);
ngx_int_t ngx_triggers_record_next(ngx_triggers_record_t *record,
    ngx_triggers_mutation_t *mutation);


#endif /* _NGX_TRIGGERS_RECORD_H_INCLUDED_ */
