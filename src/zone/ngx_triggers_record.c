
/*
 * Writes a mutation into the ring's memory and reads it back.  One table
 * names the strings of a mutation; both directions walk it, so that a new
 * field is one line.
 */


#include "ngx_triggers_record.h"


#define NGX_TRIGGERS_RECORD_ABSENT  0xffffffff

#define NGX_TRIGGERS_RECORD_NSTRINGS                                         \
    (sizeof(ngx_triggers_record_strings) / sizeof(size_t))


typedef struct {
    u_char                   id[NGX_TRIGGERS_ID_LEN];
    int64_t                  time;
    uint16_t                 op;
    uint8_t                  any_owner;
    uint8_t                  priority;
    uint32_t                 nstrings;
} ngx_triggers_record_t;


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
    offsetof(ngx_triggers_mutation_t, event.payload)
};


size_t
ngx_triggers_record_length(ngx_triggers_mutation_t *mutation)
{
    size_t      len;
    ngx_str_t  *s;
    ngx_uint_t  i;

    len = sizeof(ngx_triggers_record_t)
          + NGX_TRIGGERS_RECORD_NSTRINGS * sizeof(uint32_t);

    for (i = 0; i < NGX_TRIGGERS_RECORD_NSTRINGS; i++) {
        s = ngx_triggers_record_string(mutation, i);

        if (s->data) {
            len += s->len;
        }
    }

    return len;
}


void
ngx_triggers_record_encode(ngx_triggers_mutation_t *mutation, u_char *dst)
{
    u_char                 *p;
    uint32_t               *lengths;
    ngx_str_t              *s;
    ngx_uint_t              i;
    ngx_triggers_record_t  *rec;

    /* the ring aligns records; the fixed part keeps the lengths aligned */

    rec = (ngx_triggers_record_t *) dst;

    ngx_memcpy(rec->id, mutation->id, NGX_TRIGGERS_ID_LEN);
    rec->time = mutation->time;
    rec->op = mutation->op;
    rec->any_owner = mutation->any_owner;
    rec->priority = mutation->event.priority;
    rec->nstrings = NGX_TRIGGERS_RECORD_NSTRINGS;

    lengths = (uint32_t *) (rec + 1);
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
}


ngx_int_t
ngx_triggers_record_decode(ngx_triggers_mutation_t *mutation, u_char *record,
    size_t len)
{
    u_char                 *p, *last;
    uint32_t               *lengths;
    ngx_str_t              *s;
    ngx_uint_t              i;
    ngx_triggers_record_t  *rec;

    rec = (ngx_triggers_record_t *) record;
    lengths = (uint32_t *) (rec + 1);
    p = (u_char *) (lengths + NGX_TRIGGERS_RECORD_NSTRINGS);
    last = record + len;

    if ((size_t) (p - record) > len
        || rec->nstrings != NGX_TRIGGERS_RECORD_NSTRINGS)
    {
        return NGX_ERROR;
    }

    ngx_memzero(mutation, sizeof(ngx_triggers_mutation_t));

    ngx_memcpy(mutation->id, rec->id, NGX_TRIGGERS_ID_LEN);
    mutation->time = rec->time;
    mutation->op = rec->op;
    mutation->any_owner = rec->any_owner;

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

    ngx_memcpy(mutation->event.id, rec->id, NGX_TRIGGERS_ID_LEN);
    mutation->event.created_at = rec->time;
    mutation->event.priority = rec->priority;
    mutation->event.user_id = mutation->user_id;

    return NGX_OK;
}


static ngx_str_t *
ngx_triggers_record_string(ngx_triggers_mutation_t *mutation, ngx_uint_t i)
{
    return (ngx_str_t *) ((u_char *) mutation
                          + ngx_triggers_record_strings[i]);
}
