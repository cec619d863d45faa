
/*
 * Fuzzes the writing of an event: whatever its strings are, jansson accepts
 * the text and reads them back from it.  The input is a byte of flags and
 * fields (see fuzz.h): a payload and metadata, as JSON, then the strings.
 */


#include "fuzz.h"
#include "core.h"
#include "ngx_http_triggers_event_json.h"
#include "ngx_triggers_json.h"


#define FUZZ_RETENTION  86400000

#define FUZZ_NSTRINGS  10


typedef struct {
    const char              *name;
    const char              *parent;           /* NULL: the event itself */
    size_t                   offset;           /* in the row */
} fuzz_string_t;


static void fuzz_fill(ngx_triggers_row_t *row, ngx_pool_t *pool, u_char *pos,
    u_char *last);
static json_t *fuzz_write(ngx_triggers_row_t *row, ngx_pool_t *pool,
    ngx_uint_t v1);
static void fuzz_compare(json_t *json, ngx_triggers_row_t *row,
    ngx_uint_t v1);
static void fuzz_metadata(json_t *metadata, ngx_triggers_row_t *row,
    json_t *context);
static void fuzz_is(json_t *value, ngx_str_t *s);


static const fuzz_string_t  fuzz_strings[FUZZ_NSTRINGS] = {
    { "user_id", NULL, offsetof(ngx_triggers_row_t, event.user_id) },
    { "event_type", NULL, offsetof(ngx_triggers_row_t, event.event_type) },
    { "source", NULL, offsetof(ngx_triggers_row_t, event.source) },
    { "error_message", NULL, offsetof(ngx_triggers_row_t, error_message) },
    { "source_ip", "context",
      offsetof(ngx_triggers_row_t, event.source_ip) },
    { "user_agent", "context",
      offsetof(ngx_triggers_row_t, event.user_agent) },
    { "api_version", "context",
      offsetof(ngx_triggers_row_t, event.api_version) },
    { "correlation_id", "context",
      offsetof(ngx_triggers_row_t, event.correlation_id) },
    { "traceparent", "context",
      offsetof(ngx_triggers_row_t, event.traceparent) },
    { "tracestate", "context",
      offsetof(ngx_triggers_row_t, event.tracestate) }
};


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t              *json;
    ngx_uint_t           v1;
    ngx_pool_t          *pool;
    ngx_triggers_row_t   row;

    if (size == 0) {
        return 0;
    }

    pool = unit_pool();

    ngx_memzero(&row, sizeof(ngx_triggers_row_t));

    row.status = data[0] % NGX_TRIGGERS_NSTATUS;
    row.retry_count = data[0];
    row.event.priority = data[0] % 3;
    row.event.created_at = (int64_t) size * 1000000007;
    row.done_at = (data[0] & 1) ? row.event.created_at : 0;
    memset(row.event.id, data[0], NGX_TRIGGERS_ID_LEN);

    fuzz_fill(&row, pool, (u_char *) data + 1, (u_char *) data + size);

    for (v1 = 0; v1 < 2; v1++) {
        json = fuzz_write(&row, pool, v1);

        if (json) {
            fuzz_compare(json, &row, v1);
            json_decref(json);
        }
    }

    ngx_destroy_pool(pool);

    return 0;
}


static void
fuzz_fill(ngx_triggers_row_t *row, ngx_pool_t *pool, u_char *pos,
    u_char *last)
{
    ngx_str_t   field;
    ngx_uint_t  i;

    /* every event has a payload */

    ngx_str_set(&row->event.payload, "{}");

    field = fuzz_field(&pos, last);
    fuzz_keep(&row->event.payload, &field, 0);

    field = fuzz_field(&pos, last);
    fuzz_keep(&row->event.metadata, &field, NGX_TRIGGERS_JSON_UNIQUE
                                              |NGX_TRIGGERS_JSON_NO_NUL_DEEP);

    for (i = 0; i < FUZZ_NSTRINGS && pos < last; i++) {
        field = fuzz_field(&pos, last);
        fuzz_latin1((ngx_str_t *) ((u_char *) row + fuzz_strings[i].offset),
                    pool, &field);
    }
}


/* NULL where jansson cannot read a number or a name */

static json_t *
fuzz_write(ngx_triggers_row_t *row, ngx_pool_t *pool, ngx_uint_t v1)
{
    ngx_str_t             whole;
    ngx_triggers_text_t   text;

    ngx_triggers_text_init(&text, pool);
    ngx_http_triggers_event_write(&text, row, v1, FUZZ_RETENTION);
    ngx_triggers_text_puts(&text, "}");

    whole = fuzz_text(pool, &text);

    return fuzz_load(&whole);
}


static void
fuzz_compare(json_t *json, ngx_triggers_row_t *row, ngx_uint_t v1)
{
    json_t               *object, *parent;
    ngx_str_t            *s;
    ngx_uint_t            i;
    const fuzz_string_t  *string;

    fuzz_check(json_is_object(json));
    fuzz_check(json_object_size(json) == 19);

    for (i = 0; i < FUZZ_NSTRINGS; i++) {
        string = &fuzz_strings[i];
        parent = string->parent ? json_object_get(json, string->parent)
                                : json;
        s = (ngx_str_t *) ((u_char *) row + string->offset);

        fuzz_is(json_object_get(parent, string->name), s);
    }

    object = json_object_get(json, "ttl");
    fuzz_check(row->done_at ? json_integer_value(object) * 1000
                              >= row->done_at + FUZZ_RETENTION
                            : json_is_null(object));

    object = fuzz_load(&row->event.payload);
    fuzz_check(json_equal(json_object_get(json, "payload"), object));
    json_decref(object);

    object = json_object_get(json, "metadata");

    if (v1) {
        fuzz_metadata(object, row, json_object_get(json, "context"));

    } else if (row->event.metadata.data == NULL) {
        fuzz_check(json_is_null(object));

    } else {
        parent = fuzz_load(&row->event.metadata);
        fuzz_check(json_equal(object, parent));
        json_decref(parent);
    }
}


/* the client's members as they were, and the context's where it had none */

static void
fuzz_metadata(json_t *metadata, ngx_triggers_row_t *row, json_t *context)
{
    json_t      *expected, *value;
    ngx_str_t    empty;
    const char  *name;

    ngx_str_set(&empty, "{}");

    expected = fuzz_load(row->event.metadata.data ? &row->event.metadata
                                                  : &empty);

    json_object_foreach(context, name, value) {

        if (strncmp(name, "trace", sizeof("trace") - 1) != 0
            && json_object_get(expected, name) == NULL)
        {
            fuzz_check(json_object_set(expected, name, value) == 0);
        }
    }

    fuzz_check(json_equal(metadata, expected));

    json_decref(expected);
}


static void
fuzz_is(json_t *value, ngx_str_t *s)
{
    if (s->data == NULL) {
        fuzz_check(json_is_null(value));
        return;
    }

    fuzz_check(json_is_string(value));
    fuzz_equal(s, json_string_value(value), json_string_length(value));
}
