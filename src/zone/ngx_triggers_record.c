
/*
 * Writes mutations into the ring's memory and reads them back.  One table
 * names the strings of an event's mutation, one those of a key's; both
 * directions walk it, so that a new field is one line.
 */


#include "ngx_triggers_record.h"


#define NGX_TRIGGERS_RECORD_ABSENT  0xffffffff


#define ngx_triggers_record_nitems(a)  (sizeof(a) / sizeof((a)[0]))


/* followed by the cells */

typedef struct {
    uint32_t                 n;                /* mutations */
    uint32_t                 ncells;
} ngx_triggers_record_head_t;


/*
 * followed by the part of a key, where it is about one, the lengths of the
 * strings and their bytes
 */

typedef struct {
    u_char                   id[NGX_TRIGGERS_ID_LEN];
    int64_t                  time;
    uint16_t                 op;
    uint8_t                  any_owner;
    uint8_t                  priority;
    uint32_t                 nstrings;
} ngx_triggers_record_fixed_t;


typedef struct {
    const size_t            *strings;          /* offsets in the mutation, or
                                                  in its change of a key */
    ngx_uint_t               n;                /* with user_id, the first */
    size_t                   fixed;            /* bytes before the lengths */
} ngx_triggers_record_form_t;


static size_t ngx_triggers_record_head_length(ngx_uint_t ncells);
static size_t ngx_triggers_record_one_length(
    ngx_triggers_mutation_t *mutation);
static u_char *ngx_triggers_record_one_encode(
    ngx_triggers_mutation_t *mutation, u_char *dst);
static ngx_int_t ngx_triggers_record_one_decode(
    ngx_triggers_record_t *record, ngx_triggers_mutation_t *mutation);
static const ngx_triggers_record_form_t *ngx_triggers_record_form(
    ngx_uint_t op);
static ngx_str_t *ngx_triggers_record_string(
    ngx_triggers_mutation_t *mutation,
    const ngx_triggers_record_form_t *form, ngx_uint_t i);


static const size_t  ngx_triggers_record_event_strings[] = {
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


static const size_t  ngx_triggers_record_key_strings[] = {
    offsetof(ngx_triggers_key_change_t, key.user_id),
    offsetof(ngx_triggers_key_change_t, key.name),
    offsetof(ngx_triggers_key_change_t, key.prefix),
    offsetof(ngx_triggers_key_change_t, key.allowed),
    offsetof(ngx_triggers_key_change_t, key.networks)
};


static const ngx_triggers_record_form_t  ngx_triggers_record_event = {
    ngx_triggers_record_event_strings,
    ngx_triggers_record_nitems(ngx_triggers_record_event_strings) + 1,
    sizeof(ngx_triggers_record_fixed_t)
};


static const ngx_triggers_record_form_t  ngx_triggers_record_key = {
    ngx_triggers_record_key_strings,
    ngx_triggers_record_nitems(ngx_triggers_record_key_strings) + 1,
    sizeof(ngx_triggers_record_fixed_t) + sizeof(ngx_triggers_key_change_t)
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
    size_t                             len;
    ngx_str_t                         *s;
    ngx_uint_t                         i;
    const ngx_triggers_record_form_t  *form;

    form = ngx_triggers_record_form(mutation->op);

    len = form->fixed + form->n * sizeof(uint32_t);

    for (i = 0; i < form->n; i++) {
        s = ngx_triggers_record_string(mutation, form, i);

        if (s->data) {
            len += s->len;
        }
    }

    return ngx_align(len, sizeof(uint64_t));
}


static u_char *
ngx_triggers_record_one_encode(ngx_triggers_mutation_t *mutation, u_char *dst)
{
    u_char                            *p;
    uint32_t                          *lengths;
    ngx_str_t                         *s;
    ngx_uint_t                         i;
    ngx_triggers_record_fixed_t       *fixed;
    const ngx_triggers_record_form_t  *form;

    form = ngx_triggers_record_form(mutation->op);
    fixed = (ngx_triggers_record_fixed_t *) dst;

    ngx_memcpy(fixed->id, mutation->id, NGX_TRIGGERS_ID_LEN);
    fixed->time = mutation->time;
    fixed->op = mutation->op;
    fixed->any_owner = mutation->any_owner;
    fixed->priority = mutation->event.priority;
    fixed->nstrings = form->n;

    if (form == &ngx_triggers_record_key) {
        ngx_memcpy(fixed + 1, mutation->change,
                   sizeof(ngx_triggers_key_change_t));
    }

    lengths = (uint32_t *) (dst + form->fixed);
    p = (u_char *) (lengths + form->n);

    for (i = 0; i < form->n; i++) {
        s = ngx_triggers_record_string(mutation, form, i);

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
    size_t                             len;
    u_char                            *p, *last;
    uint32_t                          *lengths;
    ngx_str_t                         *s;
    ngx_uint_t                         i;
    ngx_triggers_record_fixed_t       *fixed;
    const ngx_triggers_record_form_t  *form;

    fixed = (ngx_triggers_record_fixed_t *) record->pos;
    last = record->last;

    if ((size_t) (last - record->pos) < sizeof(ngx_triggers_record_fixed_t)) {
        return NGX_ERROR;
    }

    form = ngx_triggers_record_form(fixed->op);

    if ((size_t) (last - record->pos)
        < form->fixed + form->n * sizeof(uint32_t)
        || fixed->nstrings != form->n)
    {
        return NGX_ERROR;
    }

    ngx_memzero(mutation, sizeof(ngx_triggers_mutation_t));

    ngx_memcpy(mutation->id, fixed->id, NGX_TRIGGERS_ID_LEN);
    mutation->time = fixed->time;
    mutation->op = fixed->op;
    mutation->any_owner = fixed->any_owner;

    if (form == &ngx_triggers_record_key) {
        mutation->change = &record->change;
        ngx_memcpy(&record->change, fixed + 1,
                   sizeof(ngx_triggers_key_change_t));
    }

    lengths = (uint32_t *) (record->pos + form->fixed);
    p = (u_char *) (lengths + form->n);

    for (i = 0; i < form->n; i++) {
        s = ngx_triggers_record_string(mutation, form, i);

        if (lengths[i] == NGX_TRIGGERS_RECORD_ABSENT) {
            ngx_str_null(s);
            continue;
        }

        if (lengths[i] > (size_t) (last - p)) {
            return NGX_ERROR;
        }

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


static const ngx_triggers_record_form_t *
ngx_triggers_record_form(ngx_uint_t op)
{
    switch (op) {

    case NGX_TRIGGERS_OP_KEY_CREATE:
    case NGX_TRIGGERS_OP_KEY_UPDATE:
    case NGX_TRIGGERS_OP_KEY_ROTATE:
    case NGX_TRIGGERS_OP_KEY_REVOKE:
        return &ngx_triggers_record_key;

    default:
        return &ngx_triggers_record_event;
    }
}


static ngx_str_t *
ngx_triggers_record_string(ngx_triggers_mutation_t *mutation,
    const ngx_triggers_record_form_t *form, ngx_uint_t i)
{
    u_char  *p;

    if (i == 0) {
        return &mutation->user_id;
    }

    p = (form == &ngx_triggers_record_key) ? (u_char *) mutation->change
                                           : (u_char *) mutation;

    return (ngx_str_t *) (p + form->strings[i - 1]);
}
