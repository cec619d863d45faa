
/*
 * Writes mutations into the ring's memory and reads them back.  Tables name
 * the strings of each kind of mutation; both directions walk them, so that a
 * new field is one line.
 */


#include "ngx_triggers_record.h"


#define NGX_TRIGGERS_RECORD_ABSENT  0xffffffff


#define ngx_triggers_record_nitems(a)  (sizeof(a) / sizeof((a)[0]))


/* followed by the cells */

typedef struct {
    uint16_t                 n;                /* mutations */
    uint16_t                 ncells;
    uint32_t                 submitted;        /* us */
} ngx_triggers_record_head_t;


/*
 * followed by the part, where the operation has one, the lengths of the
 * strings and their bytes
 */

typedef struct {
    u_char                   id[NGX_TRIGGERS_ID_LEN];
    int64_t                  time;
    uint8_t                  op;
    uint8_t                  any_owner;
    uint8_t                  fail;
    uint8_t                  priority;
    uint32_t                 nstrings;
} ngx_triggers_record_fixed_t;


/*
 * What is written of an operation: strings of the mutation and, where it has
 * a part, that part and its strings.
 */

typedef struct {
    const size_t            *base;             /* offsets in the mutation */
    ngx_uint_t               nbase;
    const size_t            *strings;          /* offsets in the part */
    ngx_uint_t               n;                /* strings in all */
    size_t                   size;             /* of the part, 0: has none */
    size_t                   part;             /* offset in the mutation of
                                                  the pointer to it */
} ngx_triggers_record_form_t;


#define ngx_triggers_record_part(mutation, form)                              \
    (*(u_char **) ((u_char *) (mutation) + (form)->part))


static size_t ngx_triggers_record_head_length(ngx_uint_t ncells);
static size_t ngx_triggers_record_one_length(
    ngx_triggers_mutation_t *mutation);
static u_char *ngx_triggers_record_one_encode(
    ngx_triggers_mutation_t *mutation, u_char *dst);
static ngx_int_t ngx_triggers_record_one_decode(
    ngx_triggers_record_t *record, ngx_triggers_mutation_t *mutation);
static const ngx_triggers_record_form_t *ngx_triggers_record_form(
    ngx_uint_t op);
static size_t ngx_triggers_record_fixed(
    const ngx_triggers_record_form_t *form);
static ngx_str_t *ngx_triggers_record_string(
    ngx_triggers_mutation_t *mutation,
    const ngx_triggers_record_form_t *form, ngx_uint_t i);


static const size_t  ngx_triggers_record_event_strings[] = {
    offsetof(ngx_triggers_mutation_t, user_id),
    offsetof(ngx_triggers_mutation_t, event.event_type),
    offsetof(ngx_triggers_mutation_t, event.source),
    offsetof(ngx_triggers_mutation_t, event.ordering_key),
    offsetof(ngx_triggers_mutation_t, event.source_ip),
    offsetof(ngx_triggers_mutation_t, event.user_agent),
    offsetof(ngx_triggers_mutation_t, event.api_version),
    offsetof(ngx_triggers_mutation_t, event.correlation_id),
    offsetof(ngx_triggers_mutation_t, event.request_id),
    offsetof(ngx_triggers_mutation_t, event.traceparent),
    offsetof(ngx_triggers_mutation_t, event.tracestate),
    offsetof(ngx_triggers_mutation_t, event.metadata),
    offsetof(ngx_triggers_mutation_t, event.payload),
    offsetof(ngx_triggers_mutation_t, idempotency),
    offsetof(ngx_triggers_mutation_t, target)
};


/* who asks */

static const size_t  ngx_triggers_record_base_strings[] = {
    offsetof(ngx_triggers_mutation_t, user_id),
    offsetof(ngx_triggers_mutation_t, source_ip),
    offsetof(ngx_triggers_mutation_t, request_id),
    offsetof(ngx_triggers_mutation_t, key_id)
};


static const size_t  ngx_triggers_record_key_strings[] = {
    offsetof(ngx_triggers_key_change_t, key.user_id),
    offsetof(ngx_triggers_key_change_t, key.name),
    offsetof(ngx_triggers_key_change_t, key.prefix),
    offsetof(ngx_triggers_key_change_t, key.allowed),
    offsetof(ngx_triggers_key_change_t, key.networks)
};


static const size_t  ngx_triggers_record_lease_strings[] = {
    offsetof(ngx_triggers_lease_change_t, events),
    offsetof(ngx_triggers_lease_change_t, error),
    offsetof(ngx_triggers_lease_change_t, event_type),
    offsetof(ngx_triggers_lease_change_t, source)
};


static const size_t  ngx_triggers_record_delivery_strings[] = {
    offsetof(ngx_triggers_delivery_t, error)
};


static const size_t  ngx_triggers_record_webhook_strings[] = {
    offsetof(ngx_triggers_webhook_change_t, webhook.user_id),
    offsetof(ngx_triggers_webhook_change_t, webhook.url),
    offsetof(ngx_triggers_webhook_change_t, webhook.description),
    offsetof(ngx_triggers_webhook_change_t, webhook.event_types),
    offsetof(ngx_triggers_webhook_change_t, webhook.secret)
};


#define ngx_triggers_record_base                                              \
    ngx_triggers_record_base_strings,                                         \
    ngx_triggers_record_nitems(ngx_triggers_record_base_strings)

#define ngx_triggers_record_part_form(strings, type, member)                  \
    { ngx_triggers_record_base, strings,                                      \
      ngx_triggers_record_nitems(ngx_triggers_record_base_strings)            \
      + ngx_triggers_record_nitems(strings),                                  \
      sizeof(type), offsetof(ngx_triggers_mutation_t, member) }


static const ngx_triggers_record_form_t  ngx_triggers_record_event = {
    ngx_triggers_record_event_strings,
    ngx_triggers_record_nitems(ngx_triggers_record_event_strings), NULL,
    ngx_triggers_record_nitems(ngx_triggers_record_event_strings), 0, 0
};


static const ngx_triggers_record_form_t  ngx_triggers_record_plain = {
    ngx_triggers_record_base, NULL,
    ngx_triggers_record_nitems(ngx_triggers_record_base_strings), 0, 0
};


static const ngx_triggers_record_form_t  ngx_triggers_record_key =
    ngx_triggers_record_part_form(ngx_triggers_record_key_strings,
                                  ngx_triggers_key_change_t, change);


static const ngx_triggers_record_form_t  ngx_triggers_record_lease =
    ngx_triggers_record_part_form(ngx_triggers_record_lease_strings,
                                  ngx_triggers_lease_change_t, lease);


static const ngx_triggers_record_form_t  ngx_triggers_record_delivery =
    ngx_triggers_record_part_form(ngx_triggers_record_delivery_strings,
                                  ngx_triggers_delivery_t, delivery);


static const ngx_triggers_record_form_t  ngx_triggers_record_webhook =
    ngx_triggers_record_part_form(ngx_triggers_record_webhook_strings,
                                  ngx_triggers_webhook_change_t, webhook);


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
    head->submitted = batch->submitted;

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
    record->submitted = head->submitted;
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

    len = ngx_triggers_record_fixed(form) + form->n * sizeof(uint32_t);

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
    fixed->fail = mutation->fail;
    fixed->priority = mutation->event.priority;
    fixed->nstrings = form->n;

    if (form->size) {
        ngx_memcpy(fixed + 1, ngx_triggers_record_part(mutation, form),
                   form->size);
    }

    lengths = (uint32_t *) (dst + ngx_triggers_record_fixed(form));
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
        < ngx_triggers_record_fixed(form) + form->n * sizeof(uint32_t)
        || fixed->nstrings != form->n)
    {
        return NGX_ERROR;
    }

    ngx_memzero(mutation, sizeof(ngx_triggers_mutation_t));

    ngx_memcpy(mutation->id, fixed->id, NGX_TRIGGERS_ID_LEN);
    mutation->time = fixed->time;
    mutation->op = fixed->op;
    mutation->any_owner = fixed->any_owner;
    mutation->fail = fixed->fail;

    if (form->size) {
        ngx_triggers_record_part(mutation, form) = (u_char *) &record->part;
        ngx_memcpy(&record->part, fixed + 1, form->size);
    }

    lengths = (uint32_t *) (record->pos + ngx_triggers_record_fixed(form));
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

    case NGX_TRIGGERS_OP_ACKNOWLEDGE:
    case NGX_TRIGGERS_OP_DELETE:
    case NGX_TRIGGERS_OP_RETRY:
        return &ngx_triggers_record_plain;

    case NGX_TRIGGERS_OP_KEY_CREATE:
    case NGX_TRIGGERS_OP_KEY_UPDATE:
    case NGX_TRIGGERS_OP_KEY_ROTATE:
    case NGX_TRIGGERS_OP_KEY_REVOKE:
        return &ngx_triggers_record_key;

    case NGX_TRIGGERS_OP_LEASE:
    case NGX_TRIGGERS_OP_LEASE_ACK:
    case NGX_TRIGGERS_OP_LEASE_RELEASE:
    case NGX_TRIGGERS_OP_LEASE_EXTEND:
    case NGX_TRIGGERS_OP_LEASE_UNDO:
    case NGX_TRIGGERS_OP_RETRY_ALL:
        return &ngx_triggers_record_lease;

    case NGX_TRIGGERS_OP_DELIVERY:
        return &ngx_triggers_record_delivery;

    case NGX_TRIGGERS_OP_WEBHOOK_CREATE:
    case NGX_TRIGGERS_OP_WEBHOOK_UPDATE:
    case NGX_TRIGGERS_OP_WEBHOOK_ROTATE:
    case NGX_TRIGGERS_OP_WEBHOOK_DELETE:
        return &ngx_triggers_record_webhook;

    default:
        return &ngx_triggers_record_event;
    }
}


/* the bytes before the lengths; sizes of parts keep the alignment */

static size_t
ngx_triggers_record_fixed(const ngx_triggers_record_form_t *form)
{
    return sizeof(ngx_triggers_record_fixed_t) + form->size;
}


static ngx_str_t *
ngx_triggers_record_string(ngx_triggers_mutation_t *mutation,
    const ngx_triggers_record_form_t *form, ngx_uint_t i)
{
    u_char  *part;

    if (i < form->nbase) {
        return (ngx_str_t *) ((u_char *) mutation + form->base[i]);
    }

    part = ngx_triggers_record_part(mutation, form);

    return (ngx_str_t *) (part + form->strings[i - form->nbase]);
}
