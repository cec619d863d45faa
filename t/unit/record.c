
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
    ngx_str_set(&m->event.tracestate, "a=1");
    ngx_str_set(&m->idempotency, "hashes");
    m->event.priority = NGX_TRIGGERS_PRIORITY_HIGH;
}


static int
same(ngx_str_t *a, ngx_str_t *b)
{
    return a->len == b->len && (a->data == NULL) == (b->data == NULL)
           && (a->len == 0 || ngx_memcmp(a->data, b->data, a->len) == 0);
}


static size_t
encode(ngx_triggers_mutation_t *m, ngx_uint_t n, uint32_t *cells,
    ngx_uint_t ncells)
{
    size_t                len;
    ngx_triggers_batch_t  batch;

    batch.mutations = m;
    batch.n = n;
    batch.submitted = 0xfedcba98;

    len = ngx_triggers_record_length(&batch, ncells);

    ngx_memset(buf, 0xa5, sizeof(buf));
    ngx_triggers_record_encode(&batch, cells, ncells, buf);

    return len;
}


static ngx_int_t
decode(ngx_triggers_mutation_t *m, size_t len)
{
    ngx_triggers_record_t  record;

    if (ngx_triggers_record_open(&record, buf, len) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_triggers_record_next(&record, m);
}


static void
test_round_trip(void)
{
    size_t                   len;
    ngx_triggers_mutation_t  in, out;

    fill(&in);
    len = encode(&in, 1, NULL, 0);

    unit_ok(decode(&out, len) == NGX_OK, "a record is decoded");
    unit_ok(out.op == in.op && out.time == in.time && out.any_owner == 1
            && out.event.priority == NGX_TRIGGERS_PRIORITY_HIGH
            && ngx_memcmp(out.id, in.id, NGX_TRIGGERS_ID_LEN) == 0,
            "the fixed part is as it was");
    unit_ok(same(&out.user_id, &in.user_id)
            && same(&out.event.event_type, &in.event.event_type)
            && same(&out.event.payload, &in.event.payload)
            && same(&out.event.traceparent, &in.event.traceparent)
            && same(&out.event.tracestate, &in.event.tracestate)
            && same(&out.idempotency, &in.idempotency),
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
test_batch(void)
{
    size_t                   len, bytes;
    ngx_uint_t               i, wrong;
    ngx_triggers_record_t    record;
    ngx_triggers_mutation_t  in[5], out;

    static uint32_t  cells[] = { 7, 900, 3 };

    /* sources of all lengths modulo the alignment */

    for (i = 0; i < 5; i++) {
        fill(&in[i]);
        in[i].event.source.data = (u_char *) "abcdefgh";
        in[i].event.source.len = i + 1;
        in[i].id[0] = i;
    }

    len = encode(in, 5, cells, 3);

    unit_ok(ngx_triggers_record_open(&record, buf, len) == NGX_OK
            && record.n == 5 && record.ncells == 3
            && record.submitted == 0xfedcba98
            && ngx_memcmp(record.cells, cells, sizeof(cells)) == 0,
            "a batch has its number and its cells");

    wrong = 0;

    for (i = 0; i < 5; i++) {
        wrong += (ngx_triggers_record_next(&record, &out) != NGX_OK)
                 || out.id[0] != i
                 || !same(&out.event.source, &in[i].event.source)
                 || !same(&out.event.payload, &in[i].event.payload);
    }

    unit_ok(wrong == 0, "its mutations come in order");
    unit_ok(ngx_triggers_record_next(&record, &out) == NGX_DONE,
            "and end");

    wrong = 0;

    for (bytes = 0; bytes < len; bytes++) {
        if (ngx_triggers_record_open(&record, buf, bytes) != NGX_OK) {
            continue;
        }

        for (i = 0; i < 5; i++) {
            if (ngx_triggers_record_next(&record, &out) != NGX_OK) {
                break;
            }
        }

        wrong += (i == 5);
    }

    unit_ok(wrong == 0, "a batch that is cut short is refused");
}


static void
test_key(void)
{
    size_t                     len, bytes;
    ngx_uint_t                 i, accepted;
    ngx_triggers_record_t      record;
    ngx_triggers_mutation_t    in[2], out;
    ngx_triggers_key_change_t  change;

    fill(&in[0]);
    fill(&in[1]);

    ngx_memzero(&change, sizeof(change));
    ngx_memset(change.key.digest, 0xd1, NGX_TRIGGERS_KEY_DIGEST_LEN);
    ngx_str_set(&change.key.name, "a name");
    ngx_str_set(&change.key.networks, "packed");
    change.key.scopes = 0x8001;
    change.members = NGX_TRIGGERS_KEY_NAME;
    change.grace = 3600000;

    in[0].op = NGX_TRIGGERS_OP_KEY_ROTATE;
    in[0].change = &change;

    len = encode(in, 2, NULL, 0);

    unit_ok(ngx_triggers_record_open(&record, buf, len) == NGX_OK
            && ngx_triggers_record_next(&record, &out) == NGX_OK
            && out.op == NGX_TRIGGERS_OP_KEY_ROTATE
            && out.change != &change && out.change->key.scopes == 0x8001
            && out.change->members == NGX_TRIGGERS_KEY_NAME
            && out.change->grace == 3600000
            && ngx_memcmp(out.change->key.digest, change.key.digest,
                          NGX_TRIGGERS_KEY_DIGEST_LEN)
               == 0,
            "the change of a key is as it was");
    unit_ok(same(&out.user_id, &in[0].user_id)
            && same(&out.change->key.name, &change.key.name)
            && same(&out.change->key.networks, &change.key.networks)
            && out.change->key.name.data != change.key.name.data
            && out.change->key.allowed.data == NULL,
            "its strings, too");
    unit_ok(ngx_triggers_record_next(&record, &out) == NGX_OK
            && out.op == NGX_TRIGGERS_OP_CREATE && out.change == NULL
            && same(&out.event.payload, &in[1].event.payload),
            "an event follows it");

    accepted = 0;

    for (bytes = 0; bytes < len; bytes++) {
        if (ngx_triggers_record_open(&record, buf, bytes) != NGX_OK) {
            continue;
        }

        for (i = 0; i < 2; i++) {
            if (ngx_triggers_record_next(&record, &out) != NGX_OK) {
                break;
            }
        }

        accepted += (i == 2);
    }

    unit_ok(accepted == 0, "cut short it is refused");
}


static void
test_malformed(void)
{
    size_t                   len, i;
    ngx_uint_t               accepted;
    ngx_triggers_mutation_t  in, out;

    fill(&in);
    len = encode(&in, 1, NULL, 0);
    accepted = 0;

    for (i = 0; i < len; i++) {
        accepted += (decode(&out, i) == NGX_OK);
    }

    unit_ok(accepted == 0, "a record that is cut short is refused");

    buf[2 * sizeof(uint32_t) + NGX_TRIGGERS_ID_LEN + 8 + 4]++;
    unit_ok(decode(&out, len) == NGX_ERROR,
            "a record of another version is refused");

    (void) encode(&in, 1, NULL, 0);
    buf[0] = 0;
    unit_ok(decode(&out, len) == NGX_ERROR,
            "a record of no mutation is refused");
}


int
main(void)
{
    test_round_trip();
    test_batch();
    test_key();
    test_malformed();

    return unit_done();
}
