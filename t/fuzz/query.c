
/*
 * Fuzzes the query string of the inbox.  The first byte's lowest bit is the
 * surface (fuzz.h has the others), the rest is the query string.  What is
 * accepted must be within the contract's limits and usable as a filter; the
 * cursor of the same text, and one that is written for any number, must be
 * read back.
 */


#include "fuzz.h"
#include "core.h"
#include "ngx_http_triggers_query.h"
#include "ngx_triggers_time.h"


#define FUZZ_STATUSES    ((1 << NGX_TRIGGERS_NSTATUS) - 1)
#define FUZZ_PRIORITIES  7


static void fuzz_parse(ngx_str_t *args, ngx_uint_t v1, ngx_uint_t limited);
static void fuzz_accepted(ngx_http_triggers_inbox_query_t *q);
static void fuzz_match(ngx_http_triggers_inbox_query_t *q);
static void fuzz_cursor(int64_t seq, ngx_uint_t ascending);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t    seq;
    ngx_str_t  args;

    if (size == 0) {
        return 0;
    }

    args.data = (u_char *) data + 1;
    args.len = size - 1;

    fuzz_parse(&args, data[0] & 1, fuzz_memory(data[0]));
    fuzz_memory(0);

    if (size > sizeof(int64_t)) {
        memcpy(&seq, data + 1, sizeof(int64_t));
        seq &= INT64_MAX;

        fuzz_cursor(seq, data[0] & 1);
    }

    return 0;
}


static void
fuzz_parse(ngx_str_t *args, ngx_uint_t v1, ngx_uint_t limited)
{
    ngx_int_t                         rc;
    ngx_pool_t                       *pool;
    ngx_http_triggers_inbox_query_t   q;

    ngx_memzero(&q, sizeof(ngx_http_triggers_inbox_query_t));

    pool = unit_pool();

    rc = ngx_http_triggers_query_parse(&q, pool, args, v1);

    if (rc == NGX_OK) {
        fuzz_accepted(&q);
        fuzz_match(&q);

    } else if (rc == NGX_ERROR) {
        fuzz_check(limited);

    } else {
        fuzz_check(rc == NGX_DECLINED);
        fuzz_check(q.message != NULL && q.message[0] != '\0');
        fuzz_check(q.field.data != NULL && q.field.len > 0);
        fuzz_touch(&q.field);
    }

    ngx_destroy_pool(pool);
}


static void
fuzz_accepted(ngx_http_triggers_inbox_query_t *q)
{
    ngx_uint_t             i;
    ngx_triggers_query_t  *query;

    query = &q->query;

    fuzz_check(query->limit >= 1 && query->limit <= 1000);
    fuzz_check(query->offset <= 1000000000);
    fuzz_check(query->statuses != 0);
    fuzz_check((query->statuses & ~FUZZ_STATUSES) == 0);
    fuzz_check((query->priorities & ~FUZZ_PRIORITIES) == 0);
    fuzz_check(query->ascending <= 1);
    fuzz_check(query->cursor >= 0);
    fuzz_check(query->from >= NGX_TRIGGERS_TIME_MIN
               && query->from <= NGX_TRIGGERS_TIME_MAX);
    fuzz_check(query->to >= 0 && query->to <= NGX_TRIGGERS_TIME_MAX);
    fuzz_check(query->event_type.data == NULL
               || query->event_type.len + query->event_type_prefix > 0);
    fuzz_check(query->source.data == NULL || query->source.len > 0);

    fuzz_touch(&query->event_type);
    fuzz_touch(&query->source);

    fuzz_check(q->wait <= 60);
    fuzz_check(q->nfilters <= NGX_HTTP_TRIGGERS_FILTERS);

    for (i = 0; i < q->nfilters; i++) {
        fuzz_check(q->filters[i].payload <= 1);
        fuzz_touch(&q->filters[i].key);
        fuzz_touch(&q->filters[i].value);
    }
}


/*
 * A row that is made for the first filter passes if the others allow, and not
 * without that member.
 */

static void
fuzz_match(ngx_http_triggers_inbox_query_t *q)
{
    char                        *text;
    json_t                      *json, *value;
    ngx_str_t                   *object;
    ngx_uint_t                   n;
    ngx_triggers_row_t           row;
    ngx_http_triggers_filter_t  *f;

    ngx_memzero(&row, sizeof(ngx_triggers_row_t));
    ngx_str_set(&row.event.payload, "{\"a\":1,\"b\":[],\"c\":\"x\\u00e4\"}");
    ngx_str_set(&row.event.metadata, "{\"a\":null,\"n\":{\"a\":1}}");

    n = q->nfilters;

    (void) ngx_http_triggers_query_match(q, &row);

    f = &q->filters[0];
    q->nfilters = ngx_min(n, 1);

    value = json_stringn((char *) f->value.data, f->value.len);
    json = json_object();

    if (n && value && memchr(f->key.data, '\0', f->key.len) == NULL
        && json_object_setn(json, (char *) f->key.data, f->key.len, value)
           == 0)
    {
        text = json_dumps(json, JSON_ENSURE_ASCII);
        fuzz_check(text != NULL);

        object = f->payload ? &row.event.payload : &row.event.metadata;
        object->data = (u_char *) text;
        object->len = strlen(text);

        fuzz_check(ngx_http_triggers_query_match(q, &row) == NGX_OK);

        ngx_str_set(object, "{}");
        fuzz_check(ngx_http_triggers_query_match(q, &row) == NGX_DECLINED);

        ngx_str_null(object);
        fuzz_check(ngx_http_triggers_query_match(q, &row) == NGX_DECLINED);

        free(text);
    }

    json_decref(value);
    json_decref(json);
}


static void
fuzz_cursor(int64_t seq, ngx_uint_t ascending)
{
    u_char                           *p, text[128];
    ngx_int_t                         rc;
    ngx_str_t                         args;
    ngx_pool_t                       *pool;
    ngx_http_triggers_inbox_query_t   q;

    p = ngx_cpymem(text, "order=asc&cursor=", sizeof("order=asc&cursor=") - 1);
    args.data = text;

    if (!ascending) {
        p = ngx_cpymem(text, "cursor=", sizeof("cursor=") - 1);
    }

    args.len = ngx_http_triggers_cursor_write(p, seq, ascending) - text;
    fuzz_check(text + args.len - p < NGX_HTTP_TRIGGERS_CURSOR_LEN);

    ngx_memzero(&q, sizeof(ngx_http_triggers_inbox_query_t));

    pool = unit_pool();

    rc = ngx_http_triggers_query_parse(&q, pool, &args, 0);

    if (seq == 0) {
        fuzz_check(rc == NGX_DECLINED);

    } else {
        fuzz_check(rc == NGX_OK);
        fuzz_check(q.query.cursor == seq);
        fuzz_check(q.query.ascending == ascending);
    }

    ngx_destroy_pool(pool);
}
