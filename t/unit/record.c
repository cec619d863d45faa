
/*
 * Records: what is encoded is decoded again, absent strings stay absent, and
 * a record that is cut short or lies about its lengths is refused.
 */


#include "unit.h"
#include "ngx_triggers_record.h"


static u_char  buf[4096] __attribute__((aligned(32)));


static void
fill(ngx_triggers_mutation_t *m)
{
    ngx_memzero(m, sizeof(ngx_triggers_mutation_t));

    m->op = NGX_TRIGGERS_OP_CREATE;
    m->time = 1762778096789;
    m->any_owner = 1;
    ngx_memset(m->id, 0x5a, NGX_TRIGGERS_ID_LEN);

    ngx_str_set(&m->user_id, "demo");
    ngx_str_set(&m->event.event_type, "order.created");
    ngx_str_set(&m->event.payload, "{\"a\": 1.10}");
    ngx_str_set(&m->event.metadata, "");
    ngx_str_set(&m->event.traceparent, "00-01");
    m->event.priority = NGX_TRIGGERS_PRIORITY_HIGH;
}


static int
same(ngx_str_t *a, ngx_str_t *b)
{
    return a->len == b->len && (a->data == NULL) == (b->data == NULL)
           && (a->len == 0 || ngx_memcmp(a->data, b->data, a->len) == 0);
}


static void
test_round_trip(void)
{
    size_t                   len;
    ngx_triggers_mutation_t  in, out;

    fill(&in);
    len = ngx_triggers_record_length(&in);
    ngx_triggers_record_encode(&in, buf);

    unit_ok(ngx_triggers_record_decode(&out, buf, len) == NGX_OK,
            "a record is decoded");
    unit_ok(out.op == in.op && out.time == in.time && out.any_owner == 1
            && out.event.priority == NGX_TRIGGERS_PRIORITY_HIGH
            && ngx_memcmp(out.id, in.id, NGX_TRIGGERS_ID_LEN) == 0,
            "the fixed part is as it was");
    unit_ok(same(&out.user_id, &in.user_id)
            && same(&out.event.event_type, &in.event.event_type)
            && same(&out.event.payload, &in.event.payload)
            && same(&out.event.traceparent, &in.event.traceparent),
            "the strings are as they were");
    unit_ok(out.event.source.data == NULL
            && out.event.correlation_id.data == NULL,
            "absent strings are absent");
    unit_ok(out.event.metadata.data != NULL && out.event.metadata.len == 0,
            "an empty string is not absent");
    unit_ok(same(&out.event.user_id, &in.user_id)
            && out.event.created_at == in.time
            && ngx_memcmp(out.event.id, in.id, NGX_TRIGGERS_ID_LEN) == 0,
            "the event has its owner, time and id");
}


static void
test_malformed(void)
{
    size_t                   len, i;
    ngx_uint_t               accepted;
    ngx_triggers_mutation_t  in, out;

    fill(&in);
    len = ngx_triggers_record_length(&in);
    accepted = 0;

    for (i = 0; i < len; i++) {
        ngx_triggers_record_encode(&in, buf);
        accepted += (ngx_triggers_record_decode(&out, buf, i) == NGX_OK);
    }

    unit_ok(accepted == 0, "a record that is cut short is refused");

    ngx_triggers_record_encode(&in, buf);
    buf[NGX_TRIGGERS_ID_LEN + 8 + 4]++;
    unit_ok(ngx_triggers_record_decode(&out, buf, len) == NGX_ERROR,
            "a record of another version is refused");
}


int
main(void)
{
    test_round_trip();
    test_malformed();

    return unit_done();
}
