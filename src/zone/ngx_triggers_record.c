
/*
 * Writes mutations into the ring's memory and reads them back.  One table
 * names the strings of a mutation; both directions walk it, so that a new
 * field is one line.
 */


#include "ngx_triggers_record.h"


#define NGX_TRIGGERS_RECORD_ABSENT  0xffffffff

#define NGX_TRIGGERS_RECORD_NSTRINGS                                         \
    (sizeof(ngx_triggers_record_strings) / sizeof(size_t))


/* followed by the cells */

typedef struct {
    uint32_t                 n;                /* mutations */
    uint32_t                 ncells;
} ngx_triggers_record_head_t;


/* followed by the lengths of the strings and their bytes */

typedef struct {
    u_char                   id[NGX_TRIGGERS_ID_LEN];
    int64_t                  time;
    uint16_t                 op;
    uint8_t                  any_owner;
    uint8_t                  priority;
    uint32_t                 nstrings;
} ngx_triggers_record_fixed_t;


static size_t ngx_triggers_record_head_length(ngx_uint_t ncells);
static size_t ngx_triggers_record_one_length(
    ngx_triggers_mutation_t *mutation);
static u_char *ngx_triggers_record_one_encode(
    ngx_triggers_mutation_t *mutation, u_char *dst);
static ngx_int_t ngx_triggers_record_one_decode(
    ngx_triggers_record_t *record, ngx_triggers_mutation_t *mutation);
static ngx_str_t *ngx_triggers_record_string(
    ngx_triggers_mutation_t *mutation, ngx_uint_t i);


static const size_t  ngx_triggers_record_strings[] = {
    offsetof(ngx_triggers_mutation_t, user_id),
    offsetof(ngx_triggers_mutation_t, event.event_type),
    offsetof(ngx_triggers_mutation_t, event.source),
    offsetof(ngx_triggers_mutation_t, event.source_ip),
    offsetof(ngx_triggers_mutation_t, event.user_agent),
    offsetof(ngx_triggers_mutation_t, event.api_version),
    offsetof(ngx_triggers_mutation_t, event.correlation_id),
    offsetof(ngx_triggers_mutation_t, event.traceparent),
    offsetof(ngx_triggers_mutation_t, event.metadata),
    offsetof(ngx_triggers_mutation_t, event.payload),
    offsetof(ngx_triggers_mutation_t, idempotency)
};


size_t
ngx_triggers_record_length(ngx_triggers_batch_t *batch, ngx_uint_t ncells)
{
    size_t      len;
    ngx_uint_t  i;

    len = ngx_triggers_record_head_length(ncells);

    for (i = 0; i < batch->n; i++) {
        len += ngx_triggers_record_one_length(&batch->mutations[i]);
    }

    return len;
}


void
ngx_triggers_record_encode(ngx_triggers_batch_t *batch, uint32_t *cells,
    ngx_uint_t ncells, u_char *dst)
{
    u_char                      *p;
    ngx_uint_t                   i;
    ngx_triggers_record_head_t  *head;

    /* the ring aligns records; every part keeps the alignment */

    head = (ngx_triggers_record_head_t *) dst;
    head->n = batch->n;
    head->ncells = ncells;

    if (ncells) {
        ngx_memcpy(head + 1, cells, ncells * sizeof(uint32_t));
    }

    p = dst + ngx_triggers_record_head_length(ncells);

    for (i = 0; i < batch->n; i++) {
        p = ngx_triggers_record_one_encode(&batch->mutations[i], p);
    }
}


ngx_int_t
ngx_triggers_record_open(ngx_triggers_record_t *record, u_char *data,
    size_t len)
{
    size_t                       size;
    ngx_triggers_record_head_t  *head;

    ngx_memzero(record, sizeof(ngx_triggers_record_t));

    head = (ngx_triggers_record_head_t *) data;

    if (len < sizeof(ngx_triggers_record_head_t)
        || head->n == 0 || head->n > NGX_TRIGGERS_BATCH_MAX
        || head->ncells > NGX_TRIGGERS_BATCH_MAX)
    {
        return NGX_ERROR;
    }

    size = ngx_triggers_record_head_length(head->ncells);

    if (size > len) {
        return NGX_ERROR;
    }

    record->n = head->n;
    record->left = head->n;
    record->cells = (uint32_t *) (head + 1);
    record->ncells = head->ncells;
    record->pos = data + size;
    record->last = data + len;

    return NGX_OK;
}


ngx_int_t
ngx_triggers_record_next(ngx_triggers_record_t *record,
    ngx_triggers_mutation_t *mutation)
{
    if (record->left == 0) {
        return NGX_DONE;
    }

    record->left--;

    return ngx_triggers_record_one_decode(record, mutation);
}


static size_t
ngx_triggers_record_head_length(ngx_uint_t ncells)
{
    size_t  len;

    len = sizeof(ngx_triggers_record_head_t) + ncells * sizeof(uint32_t);

    return ngx_align(len, sizeof(uint64_t));
}


static size_t
ngx_triggers_record_one_length(ngx_triggers_mutation_t *mutation)
{
    size_t      len;
    ngx_str_t  *s;
    ngx_uint_t  i;

    len = sizeof(ngx_triggers_record_fixed_t)
          + NGX_TRIGGERS_RECORD_NSTRINGS * sizeof(uint32_t);

    for (i = 0; i < NGX_TRIGGERS_RECORD_NSTRINGS; i++) {
        s = ngx_triggers_record_string(mutation, i);

        if (s->data) {
            len += s->len;
        }
    }

    return ngx_align(len, sizeof(uint64_t));
}


static u_char *
ngx_triggers_record_one_encode(ngx_triggers_mutation_t *mutation, u_char *dst)
{
    u_char                       *p;
    uint32_t                     *lengths;
    ngx_str_t                    *s;
    ngx_uint_t                    i;
    ngx_triggers_record_fixed_t  *fixed;

    fixed = (ngx_triggers_record_fixed_t *) dst;

    ngx_memcpy(fixed->id, mutation->id, NGX_TRIGGERS_ID_LEN);
    fixed->time = mutation->time;
    fixed->op = mutation->op;
    fixed->any_owner = mutation->any_owner;
    fixed->priority = mutation->event.priority;
    fixed->nstrings = NGX_TRIGGERS_RECORD_NSTRINGS;

    lengths = (uint32_t *) (fixed + 1);
    p = (u_char *) (lengths + NGX_TRIGGERS_RECORD_NSTRINGS);

    for (i = 0; i < NGX_TRIGGERS_RECORD_NSTRINGS; i++) {
        s = ngx_triggers_record_string(mutation, i);

        if (s->data == NULL) {
            lengths[i] = NGX_TRIGGERS_RECORD_ABSENT;
            continue;
        }

        lengths[i] = s->len;
        p = ngx_cpymem(p, s->data, s->len);
    }

    return dst + ngx_align((size_t) (p - dst), sizeof(uint64_t));
}


static ngx_int_t
ngx_triggers_record_one_decode(ngx_triggers_record_t *record,
    ngx_triggers_mutation_t *mutation)
{
    size_t                        len;
    u_char                       *p, *last;
    uint32_t                     *lengths;
    ngx_str_t                    *s;
    ngx_uint_t                    i;
    ngx_triggers_record_fixed_t  *fixed;

    fixed = (ngx_triggers_record_fixed_t *) record->pos;
    lengths = (uint32_t *) (fixed + 1);
    p = (u_char *) (lengths + NGX_TRIGGERS_RECORD_NSTRINGS);
    last = record->last;

    if (p > last || fixed->nstrings != NGX_TRIGGERS_RECORD_NSTRINGS) {
        return NGX_ERROR;
    }

    ngx_memzero(mutation, sizeof(ngx_triggers_mutation_t));

    ngx_memcpy(mutation->id, fixed->id, NGX_TRIGGERS_ID_LEN);
    mutation->time = fixed->time;
    mutation->op = fixed->op;
    mutation->any_owner = fixed->any_owner;

    for (i = 0; i < NGX_TRIGGERS_RECORD_NSTRINGS; i++) {

        if (lengths[i] == NGX_TRIGGERS_RECORD_ABSENT) {
            continue;
        }

        if (lengths[i] > (size_t) (last - p)) {
            return NGX_ERROR;
        }

        s = ngx_triggers_record_string(mutation, i);
        s->len = lengths[i];
        s->data = p;
        p += lengths[i];
    }

    ngx_memcpy(mutation->event.id, fixed->id, NGX_TRIGGERS_ID_LEN);
    mutation->event.created_at = fixed->time;
    mutation->event.priority = fixed->priority;
    mutation->event.user_id = mutation->user_id;

    len = ngx_align((size_t) (p - record->pos), sizeof(uint64_t));

    if (len > (size_t) (last - record->pos)) {
        return NGX_ERROR;
    }

    record->pos += len;

    return NGX_OK;
}


static ngx_str_t *
ngx_triggers_record_string(ngx_triggers_mutation_t *mutation, ngx_uint_t i)
{
    return (ngx_str_t *) ((u_char *) mutation
                          + ngx_triggers_record_strings[i]);
}
