
/*
 * The ring of records between the workers and the drainer; its layout and
 * its protocol are described in the header.  It is pure: it knows plain
 * memory and no process, so that its tests run it between threads under
 * ThreadSanitizer and between processes that are killed.
 */


#include "ngx_triggers_ring.h"


#define NGX_TRIGGERS_RING_UNIT  sizeof(ngx_triggers_record_header_t)


static uint64_t ngx_triggers_ring_length(size_t len);
static ngx_triggers_record_header_t *ngx_triggers_ring_at(
    ngx_triggers_ring_t *ring, uint64_t position);
static ngx_triggers_record_header_t *ngx_triggers_ring_write_header(
    ngx_triggers_ring_t *ring, uint64_t position, size_t len,
    ngx_uint_t state);


void
ngx_triggers_ring_init(ngx_triggers_ring_t *ring, u_char *data, size_t size)
{
    ngx_memzero(ring, sizeof(ngx_triggers_ring_t));

    ring->data = data;
    ring->size = size - size % NGX_TRIGGERS_RING_UNIT;
}


size_t
ngx_triggers_ring_record_max(size_t size)
{
    size /= 2;
    size -= size % NGX_TRIGGERS_RING_UNIT;

    return size > NGX_TRIGGERS_RING_UNIT ? size - NGX_TRIGGERS_RING_UNIT : 0;
}


ngx_triggers_record_header_t *
ngx_triggers_ring_reserve_locked(ngx_triggers_ring_t *ring, size_t len,
    ngx_triggers_owner_t *owner, uint64_t *end)
{
    uint64_t                       head, tail, need, left;
    ngx_triggers_record_header_t  *header;

    if (len > ngx_triggers_ring_record_max(ring->size)) {
        return NULL;
    }

    head = ring->head;
    tail = __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE);

    need = ngx_triggers_ring_length(len);
    left = ring->size - head % ring->size;

    if (left >= need) {
        left = 0;
    }

    if (head + left + need - tail > ring->size) {
        return NULL;
    }

    if (left) {
        (void) ngx_triggers_ring_write_header(ring, head,
                                         left - NGX_TRIGGERS_RING_UNIT,
                                         NGX_TRIGGERS_RECORD_PADDING);
        head += left;
    }

    header = ngx_triggers_ring_write_header(ring, head, len,
                                            NGX_TRIGGERS_RECORD_RESERVED);
    header->owner = *owner;
    header->number = ring->number + 1;

    /* the one store that makes both headers exist */

    *end = head + need;
    __atomic_store_n(&ring->head, *end, __ATOMIC_RELEASE);

    /* its owner may die here; the next record then has the same number */

    __atomic_store_n(&ring->number, header->number, __ATOMIC_RELAXED);

    return header;
}


void
ngx_triggers_ring_ready(ngx_triggers_record_header_t *header)
{
    __atomic_store_n(&header->state, NGX_TRIGGERS_RECORD_READY,
                     __ATOMIC_RELEASE);
}


ngx_int_t
ngx_triggers_ring_peek(ngx_triggers_ring_t *ring, uint64_t *position,
    ngx_triggers_record_header_t **header)
{
    uint64_t                       head;
    ngx_triggers_record_header_t  *h;

    head = __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE);

    while (*position < head) {
        h = ngx_triggers_ring_at(ring, *position);

        if (h->position != *position
            || *position + ngx_triggers_ring_length(h->len) > head)
        {
            return NGX_ERROR;
        }

        *header = h;

        switch (__atomic_load_n(&h->state, __ATOMIC_ACQUIRE)) {

        case NGX_TRIGGERS_RECORD_READY:
            return NGX_OK;

        case NGX_TRIGGERS_RECORD_RESERVED:
            return NGX_AGAIN;

        case NGX_TRIGGERS_RECORD_PADDING:
            ngx_triggers_ring_step(h, position);
            break;

        default:
            return NGX_ERROR;
        }
    }

    return (*position == head) ? NGX_DONE : NGX_ERROR;
}


void
ngx_triggers_ring_step(ngx_triggers_record_header_t *header,
    uint64_t *position)
{
    *position += ngx_triggers_ring_length(header->len);
}


void
ngx_triggers_ring_commit(ngx_triggers_ring_t *ring, uint64_t position)
{
    __atomic_store_n(&ring->tail, position, __ATOMIC_RELEASE);
}


void
ngx_triggers_ring_done(ngx_triggers_ring_t *ring,
    ngx_triggers_record_header_t *header)
{
    __atomic_store_n(&ring->done, header->number, __ATOMIC_RELAXED);
}


uint64_t
ngx_triggers_ring_committed(ngx_triggers_ring_t *ring)
{
    return __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE);
}


uint64_t
ngx_triggers_ring_depth(ngx_triggers_ring_t *ring)
{
    uint64_t  tail;

    /* the tail first: the other order could make the difference negative */

    tail = __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE);

    return __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE) - tail;
}


ngx_uint_t
ngx_triggers_ring_records(ngx_triggers_ring_t *ring)
{
    int32_t   n;
    uint32_t  done;

    if (ngx_triggers_ring_depth(ring) == 0) {
        return 0;
    }

    done = __atomic_load_n(&ring->done, __ATOMIC_RELAXED);
    n = (int32_t) (__atomic_load_n(&ring->number, __ATOMIC_RELAXED) - done);

    return ngx_max(n, 1);
}


static uint64_t
ngx_triggers_ring_length(size_t len)
{
    return ngx_align(sizeof(ngx_triggers_record_header_t) + (uint64_t) len,
                     NGX_TRIGGERS_RING_UNIT);
}


static ngx_triggers_record_header_t *
ngx_triggers_ring_at(ngx_triggers_ring_t *ring, uint64_t position)
{
    return (ngx_triggers_record_header_t *)
               (ring->data + position % ring->size);
}


static ngx_triggers_record_header_t *
ngx_triggers_ring_write_header(ngx_triggers_ring_t *ring, uint64_t position,
    size_t len, ngx_uint_t state)
{
    ngx_triggers_record_header_t  *header;

    header = ngx_triggers_ring_at(ring, position);

    ngx_memzero(header, sizeof(ngx_triggers_record_header_t));

    header->position = position;
    header->len = len;
    __atomic_store_n(&header->state, state, __ATOMIC_RELAXED);

    return header;
}
