
/*
 * The ring: a queue of records in shared memory, many producers (the event
 * loops of the workers), one consumer (the drainer's thread).
 *
 * Positions are byte offsets that only grow; a record stands at its position
 * modulo the ring's size and is always contiguous: where the end of the
 * memory is too near, a padding record fills it.  Every size is a multiple of
 * the header's, so that padding always has room for its header.
 *
 *          tail                        head
 *           v                           v
 *     ......[rec ready][rec reserved][rec ready].......
 *
 * A producer reserves under the zone's mutex: it writes the headers and then
 * publishes the new head with a single store.  It copies its record outside
 * the lock and marks it ready.  A process that is killed before the head is
 * published has done nothing; one killed later leaves a record that is never
 * ready, which the consumer skips once it knows that the owner, named in the
 * header, is dead.  The consumer takes no lock: it moves the tail when the
 * records before it need not be kept any more, that is, when they have been
 * committed.
 */


#ifndef _NGX_TRIGGERS_RING_H_INCLUDED_
#define _NGX_TRIGGERS_RING_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_TRIGGERS_NO_INDEX     0xffffffff


typedef enum {
    NGX_TRIGGERS_RECORD_RESERVED = 1,
    NGX_TRIGGERS_RECORD_READY,
    NGX_TRIGGERS_RECORD_PADDING
} ngx_triggers_record_state_e;


/* who appended a record, and which of its results it waits at */

typedef struct {
    uint32_t                 slot;
    uint32_t                 generation;
    uint32_t                 index;         /* or NGX_TRIGGERS_NO_INDEX */
} ngx_triggers_owner_t;


typedef struct {
    uint64_t                 position;      /* of this header */
    uint32_t                 len;           /* of the record that follows */
    uint32_t                 state;         /* atomic */
    ngx_triggers_owner_t     owner;
    uint32_t                 number;        /* one more than that of the
                                               record before */
} ngx_triggers_record_header_t;


typedef struct {
    /* fixed after init */
    u_char                  *data;
    uint64_t                 size;

    /* written under the mutex */
    uint64_t                 head  __attribute__((aligned(128)));
    uint32_t                 number;        /* of the last record */

    /* written by the consumer only */
    uint64_t                 tail  __attribute__((aligned(128)));
    uint32_t                 done;          /* number of the last record that
                                               was committed */
} ngx_triggers_ring_t;


/*
 * Prepares an empty ring over size bytes at data, which is aligned to the
 * header's size; the size is rounded down to a multiple of it.
 */

void ngx_triggers_ring_init(ngx_triggers_ring_t *ring, u_char *data,
    size_t size);

/* The longest record that the ring takes: half of it, less a header. */

size_t ngx_triggers_ring_record_max(size_t size);

/*
 * Reserves room for a record of len bytes; the caller holds the zone's mutex.
 * NULL when the ring is full.  The record's bytes begin behind the returned
 * header.  *end is the position that the tail must reach for the record to be
 * committed.
 */

ngx_triggers_record_header_t *ngx_triggers_ring_reserve_locked(
    ngx_triggers_ring_t *ring, size_t len, ngx_triggers_owner_t *owner,
    uint64_t *end);

/* Marks a reserved record ready.  No lock. */

void ngx_triggers_ring_ready(ngx_triggers_record_header_t *header);

/*
 * Consumer: looks at the record at *position, stepping over padding.  NGX_OK:
 * *header is a ready record; NGX_AGAIN: *header is reserved, not yet ready;
 * NGX_DONE: there is none; NGX_ERROR: the ring's contents are broken.
 * ngx_triggers_ring_step() moves *position behind a record.
 */

ngx_int_t ngx_triggers_ring_peek(ngx_triggers_ring_t *ring,
    uint64_t *position, ngx_triggers_record_header_t **header);
void ngx_triggers_ring_step(ngx_triggers_record_header_t *header,
    uint64_t *position);

/*
 * Consumer: everything before position is committed; producers may use its
 * room from now on.
 */

void ngx_triggers_ring_commit(ngx_triggers_ring_t *ring, uint64_t position);

/*
 * Consumer: the records up to this one are committed, or are about to be; it
 * is called before the position is, as the record may be gone then.
 */

void ngx_triggers_ring_done(ngx_triggers_ring_t *ring,
    ngx_triggers_record_header_t *header);

/*
 * Any process: the committed position, and the bytes not yet committed; how
 * many records these are, which a process that died may leave wrong by one
 * until the next commit.
 */

uint64_t ngx_triggers_ring_committed(ngx_triggers_ring_t *ring);
uint64_t ngx_triggers_ring_depth(ngx_triggers_ring_t *ring);
ngx_uint_t ngx_triggers_ring_records(ngx_triggers_ring_t *ring);


#endif /* _NGX_TRIGGERS_RING_H_INCLUDED_ */
