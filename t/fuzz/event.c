
/*
 * Fuzzes the decoder of events.  The first byte's lowest bit is the surface
 * (fuzz.h has the others), the rest is the body.  The contract's rules are
 * applied a second time here, to the tree that jansson makes of the body: both
 * must accept the same bodies and read the same event, but for what json.c
 * lists, and for duplicate names, which the tree no longer has.
 */


#include "fuzz.h"
#include "core.h"
#include "ngx_http_triggers_decode.h"
#include "ngx_triggers_json.h"


#define FUZZ_NAME  100
#define FUZZ_KEY   255


static void fuzz_accepted(ngx_str_t *text, ngx_uint_t strict,
    ngx_triggers_event_t *event, ngx_str_t *key);
static void fuzz_object(ngx_str_t *text, ngx_str_t *span, json_t *expected);
static void fuzz_names(ngx_triggers_event_t *event, json_t *body,
    ngx_uint_t strict);
static void fuzz_refused(ngx_str_t *text, ngx_uint_t strict,
    ngx_http_triggers_decode_error_t *error);
static ngx_uint_t fuzz_is_body(json_t *body, ngx_uint_t strict);
static ngx_uint_t fuzz_is_metadata(json_t *metadata);
static ngx_uint_t fuzz_is_string(json_t *object, const char *name,
    ngx_uint_t max);
static ngx_uint_t fuzz_is_text(json_t *value, ngx_uint_t max);
static ngx_uint_t fuzz_has_nul(json_t *value, ngx_uint_t deep);
static ngx_uint_t fuzz_is_absent(json_t *value);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ngx_int_t                          rc;
    ngx_str_t                          text, key;
    ngx_uint_t                         strict, limited;
    ngx_pool_t                        *pool;
    ngx_triggers_event_t               event;
    ngx_http_triggers_decode_error_t   error;

    if (size == 0) {
        return 0;
    }

    strict = data[0] & 1;
    text.data = (u_char *) data + 1;
    text.len = size - 1;

    ngx_str_null(&key);
    ngx_memzero(&event, sizeof(ngx_triggers_event_t));
    memset(&error, 0xa5, sizeof(error));

    pool = unit_pool();

    limited = fuzz_memory(data[0]);

    rc = ngx_http_triggers_decode_event(pool, &text, strict, &event, &key,
                                        &error);

    switch (rc) {

    case NGX_OK:
        fuzz_accepted(&text, strict, &event, &key);
        break;

    case NGX_DECLINED:
        fuzz_refused(&text, strict, &error);
        break;

    default:
        fuzz_check(rc == NGX_ERROR && limited);
    }

    ngx_destroy_pool(pool);

    return 0;
}


static void
fuzz_accepted(ngx_str_t *text, ngx_uint_t strict, ngx_triggers_event_t *event,
    ngx_str_t *key)
{
    json_t  *body, *value;

    body = fuzz_load(text);

    if (body) {
        fuzz_check(fuzz_is_body(body, strict));
        fuzz_names(event, body, strict);

        value = json_object_get(json_object_get(body, "metadata"),
                                "idempotency_key");

        if (fuzz_is_absent(value)) {
            fuzz_check(key->data == NULL);

        } else {
            fuzz_equal(key, json_string_value(value),
                       json_string_length(value));
        }
    }

    fuzz_object(text, &event->payload, json_object_get(body, "payload"));

    if (event->metadata.data) {
        fuzz_object(text, &event->metadata,
                    json_object_get(body, "metadata"));
    }

    if (strict || event->event_type.data) {
        fuzz_check(fuzz_characters(&event->event_type) >= 1);
        fuzz_check(fuzz_characters(&event->event_type) <= FUZZ_NAME);
    }

    if (event->source.data) {
        fuzz_check(fuzz_characters(&event->source) >= 1);
        fuzz_check(fuzz_characters(&event->source) <= FUZZ_NAME);
    }

    fuzz_check(event->priority <= NGX_TRIGGERS_PRIORITY_HIGH);

    json_decref(body);
}


/* expected is NULL where jansson could not read the body */

static void
fuzz_object(ngx_str_t *text, ngx_str_t *span, json_t *expected)
{
    json_t                     *json;
    ngx_uint_t                  type;
    ngx_triggers_json_error_t   error;

    fuzz_check(fuzz_inside(text, span));
    fuzz_check(span->len >= 2);
    fuzz_check(span->data[0] == '{' && span->data[span->len - 1] == '}');
    fuzz_check(ngx_triggers_json_validate(span, &type, &error) == NGX_OK);
    fuzz_check(type == NGX_TRIGGERS_JSON_OBJECT);

    json = fuzz_load(span);

    if (expected) {
        fuzz_check(json_equal(json, expected));
    }

    json_decref(json);
}


static void
fuzz_names(ngx_triggers_event_t *event, json_t *body, ngx_uint_t strict)
{
    json_t      *metadata, *payload, *value;
    ngx_uint_t   i, priority;

    static const char  *priorities[] = { "low", "normal", "high" };

    metadata = json_object_get(body, "metadata");
    payload = json_object_get(body, "payload");

    value = json_object_get(body, "event_type");

    if (fuzz_is_absent(value) && !strict) {
        value = json_object_get(metadata, "event_type");

        if (!json_is_string(value)) {
            value = json_object_get(payload, "event_type");

            if (!fuzz_is_text(value, FUZZ_NAME)) {
                value = NULL;
            }
        }
    }

    if (value) {
        fuzz_equal(&event->event_type, json_string_value(value),
                   json_string_length(value));

    } else {
        fuzz_check(event->event_type.data == NULL);
    }

    value = json_object_get(body, "source");

    if (fuzz_is_absent(value)) {
        value = json_object_get(metadata, "source");
    }

    if (fuzz_is_absent(value)) {
        fuzz_check(event->source.data == NULL);

    } else {
        fuzz_equal(&event->source, json_string_value(value),
                   json_string_length(value));
    }

    value = json_object_get(metadata, "priority");
    priority = NGX_TRIGGERS_PRIORITY_NORMAL;

    for (i = 0; i < 3 && json_is_string(value); i++) {
        if (strcmp(json_string_value(value), priorities[i]) == 0) {
            priority = i;
        }
    }

    fuzz_check(event->priority == priority);
}


static void
fuzz_refused(ngx_str_t *text, ngx_uint_t strict,
    ngx_http_triggers_decode_error_t *error)
{
    char     message[sizeof(error->buf) + 1];
    json_t  *body;

    fuzz_check(error->message.data == error->buf);
    fuzz_check(error->message.len > 0);
    fuzz_check(error->message.len < sizeof(error->buf));

    ngx_memzero(message, sizeof(message));
    memcpy(message, error->message.data, error->message.len);

    fuzz_check(fuzz_characters(&error->message) == error->message.len);
    fuzz_touch(&error->field);

    if (strstr(message, "duplicate name")
        || strstr(message, "nesting is too deep")
        || memchr(text->data, '\0', text->len))
    {
        return;
    }

    body = json_loadb((const char *) text->data, text->len,
                      JSON_DECODE_ANY|JSON_ALLOW_NUL, NULL);

    fuzz_check(body == NULL || !fuzz_is_body(body, strict));

    json_decref(body);
}


static ngx_uint_t
fuzz_is_body(json_t *body, ngx_uint_t strict)
{
    json_t      *value;
    const char  *name;

    if (!json_is_object(body) || fuzz_has_nul(body, 0)) {
        return 0;
    }

    json_object_foreach(body, name, value) {

        if (strict
            && strcmp(name, "payload") != 0
            && strcmp(name, "event_type") != 0
            && strcmp(name, "source") != 0
            && strcmp(name, "metadata") != 0)
        {
            return 0;
        }
    }

    if (strict && fuzz_is_absent(json_object_get(body, "event_type"))) {
        return 0;
    }

    return json_is_object(json_object_get(body, "payload"))
           && fuzz_is_string(body, "event_type", FUZZ_NAME)
           && fuzz_is_string(body, "source", FUZZ_NAME)
           && fuzz_is_metadata(json_object_get(body, "metadata"));
}


static ngx_uint_t
fuzz_is_metadata(json_t *metadata)
{
    json_t      *value;
    const char  *s;

    if (fuzz_is_absent(metadata)) {
        return 1;
    }

    if (!json_is_object(metadata) || fuzz_has_nul(metadata, 1)) {
        return 0;
    }

    value = json_object_get(metadata, "priority");

    if (!fuzz_is_absent(value)) {
        s = json_string_value(value);

        if (s == NULL
            || (strcmp(s, "low") != 0
                && strcmp(s, "normal") != 0
                && strcmp(s, "high") != 0))
        {
            return 0;
        }
    }

    return fuzz_is_string(metadata, "idempotency_key", FUZZ_KEY)
           && fuzz_is_string(metadata, "ordering_key", FUZZ_KEY)
           && fuzz_is_string(metadata, "correlation_id", FUZZ_KEY)
           && fuzz_is_string(metadata, "event_type", FUZZ_NAME)
           && fuzz_is_string(metadata, "source", FUZZ_NAME);
}


static ngx_uint_t
fuzz_is_string(json_t *object, const char *name, ngx_uint_t max)
{
    json_t  *value;

    value = json_object_get(object, name);

    return fuzz_is_absent(value) || fuzz_is_text(value, max);
}


static ngx_uint_t
fuzz_is_text(json_t *value, ngx_uint_t max)
{
    ngx_str_t    s;
    ngx_uint_t   n;

    if (!json_is_string(value)) {
        return 0;
    }

    s.data = (u_char *) json_string_value(value);
    s.len = json_string_length(value);
    n = fuzz_characters(&s);

    return n >= 1 && n <= max;
}


/* in the object's own strings, or in those of any depth */

static ngx_uint_t
fuzz_has_nul(json_t *value, ngx_uint_t deep)
{
    size_t       i;
    json_t      *item;
    const char  *name;

    if (json_is_string(value)) {
        return memchr(json_string_value(value), '\0',
                      json_string_length(value))
               != NULL;
    }

    json_object_foreach(value, name, item) {
        if ((deep || json_is_string(item)) && fuzz_has_nul(item, deep)) {
            return 1;
        }
    }

    json_array_foreach(value, i, item) {
        if (fuzz_has_nul(item, deep)) {
            return 1;
        }
    }

    return 0;
}


static ngx_uint_t
fuzz_is_absent(json_t *value)
{
    return value == NULL || json_is_null(value);
}
