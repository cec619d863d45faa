
/*
 * Fuzzes CloudEvents.  The first byte is flags: the lowest bit is the binary
 * mode, fuzz.h has the next, and 0x40 are events that were no CloudEvents.
 *
 * In the structured mode the rest is the event.  In the binary mode it is
 * fields (see fuzz.h): the content type, the body, then names and values of
 * the attributes in turn.  Otherwise it is fields too: payload, metadata,
 * event_type, source.
 *
 * What is accepted must be an event that can be stored.  What is written of
 * any event must be a CloudEvent that is accepted, and written the same again.
 */


#include "fuzz.h"
#include "core.h"
#include "ngx_http_triggers_cloudevent.h"
#include "ngx_triggers_json.h"


#define FUZZ_NATIVE  0x40
#define FUZZ_NAME    100
#define FUZZ_FLAGS   (NGX_TRIGGERS_JSON_UNIQUE|NGX_TRIGGERS_JSON_NO_NUL_DEEP)


static void fuzz_sent(ngx_pool_t *pool, uint8_t flags, u_char *pos,
    u_char *last);
static ngx_int_t fuzz_binary(ngx_pool_t *pool, u_char *pos, u_char *last,
    ngx_triggers_event_t *event, ngx_str_t *key,
    ngx_http_triggers_decode_error_t *error);
static void fuzz_native(ngx_pool_t *pool, u_char *pos, u_char *last);
static void fuzz_accepted(ngx_triggers_event_t *event, ngx_str_t *key);
static void fuzz_refused(ngx_http_triggers_decode_error_t *error);
static ngx_uint_t fuzz_is_object(ngx_str_t *text, ngx_uint_t flags);
static void fuzz_back(ngx_pool_t *pool, ngx_triggers_event_t *event,
    ngx_str_t *key);
static ngx_str_t fuzz_write(ngx_pool_t *pool, ngx_triggers_event_t *event);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char      *pos, *last;
    ngx_pool_t  *pool;

    if (size == 0) {
        return 0;
    }

    pool = unit_pool();
    pos = (u_char *) data + 1;
    last = (u_char *) data + size;

    if (data[0] & FUZZ_NATIVE) {
        fuzz_native(pool, pos, last);

    } else {
        fuzz_sent(pool, data[0], pos, last);
    }

    ngx_destroy_pool(pool);

    return 0;
}


static void
fuzz_sent(ngx_pool_t *pool, uint8_t flags, u_char *pos, u_char *last)
{
    ngx_int_t                          rc;
    ngx_str_t                          text, key;
    ngx_uint_t                         limited;
    ngx_triggers_event_t               event;
    ngx_http_triggers_decode_error_t   error;

    ngx_memzero(&event, sizeof(ngx_triggers_event_t));
    memset(&error, 0xa5, sizeof(error));

    limited = fuzz_memory(flags);

    if (flags & 1) {
        rc = fuzz_binary(pool, pos, last, &event, &key, &error);

    } else {
        text.data = pos;
        text.len = last - pos;

        rc = ngx_http_triggers_cloudevent_decode(pool, &text, &event, &key,
                                                 &error);
    }

    fuzz_memory(0);

    switch (rc) {

    case NGX_OK:
        fuzz_accepted(&event, &key);
        fuzz_back(pool, &event, &key);
        break;

    case NGX_DECLINED:
        fuzz_refused(&error);
        break;

    default:
        fuzz_check(rc == NGX_ERROR && limited);
    }
}


static ngx_int_t
fuzz_binary(ngx_pool_t *pool, u_char *pos, u_char *last,
    ngx_triggers_event_t *event, ngx_str_t *key,
    ngx_http_triggers_decode_error_t *error)
{
    size_t         i;
    ngx_str_t      type, body;
    ngx_array_t   *attributes;
    ngx_keyval_t  *attribute;

    type = fuzz_field(&pos, last);
    body = fuzz_field(&pos, last);

    if (type.len == 0) {
        ngx_str_null(&type);
    }

    attributes = ngx_array_create(pool, 4, sizeof(ngx_keyval_t));
    if (attributes == NULL) {
        return NGX_ERROR;
    }

    while (pos < last) {
        attribute = ngx_array_push(attributes);
        if (attribute == NULL) {
            return NGX_ERROR;
        }

        attribute->key = fuzz_field(&pos, last);
        attribute->value = fuzz_field(&pos, last);

        /* nginx lets no others into a header */

        for (i = 0; i < attribute->key.len; i++) {
            if (attribute->key.data[i] <= ' '
                || attribute->key.data[i] >= 0x7f
                || strchr("\":\\", attribute->key.data[i])
                || (attribute->key.data[i] >= 'A'
                    && attribute->key.data[i] <= 'Z'))
            {
                attributes->nelts--;
                break;
            }
        }
    }

    return ngx_http_triggers_cloudevent_decode_binary(pool, attributes,
                                                      &type, &body, event,
                                                      key, error);
}


/*
 * Strings are as long as the decoder lets them be; of the source six
 * characters may be written for one, as percent-encoded UTF-8.
 */

static void
fuzz_native(ngx_pool_t *pool, u_char *pos, u_char *last)
{
    ngx_str_t              field;
    ngx_triggers_event_t   event;

    ngx_memzero(&event, sizeof(ngx_triggers_event_t));
    ngx_str_set(&event.payload, "{}");

    field = fuzz_field(&pos, last);
    fuzz_keep(&event.payload, &field, 0);

    field = fuzz_field(&pos, last);
    fuzz_keep(&event.metadata, &field, FUZZ_FLAGS);

    if (pos < last) {
        field = fuzz_field(&pos, last);
        field.len = ngx_min(field.len, FUZZ_NAME);
        fuzz_latin1(&event.event_type, pool, &field);
    }

    if (pos < last) {
        field = fuzz_field(&pos, last);
        field.len = ngx_min(field.len, FUZZ_NAME / 6);
        fuzz_latin1(&event.source, pool, &field);
    }

    fuzz_back(pool, &event, NULL);
}


static void
fuzz_accepted(ngx_triggers_event_t *event, ngx_str_t *key)
{
    ngx_uint_t  n;

    n = fuzz_characters(&event->event_type);
    fuzz_check(n >= 1 && n <= FUZZ_NAME);

    n = fuzz_characters(&event->source);
    fuzz_check(n >= 1 && n <= FUZZ_NAME);

    fuzz_check(event->priority <= NGX_TRIGGERS_PRIORITY_HIGH);

    fuzz_check(key->len >= event->source.len + 2);
    fuzz_check(memcmp(key->data, event->source.data, event->source.len) == 0);
    fuzz_check(key->data[event->source.len] == '\0');

    fuzz_check(fuzz_is_object(&event->payload, 0));
    fuzz_check(fuzz_is_object(&event->metadata, FUZZ_FLAGS));
}


static void
fuzz_refused(ngx_http_triggers_decode_error_t *error)
{
    fuzz_check(error->message.data == error->buf);
    fuzz_check(error->message.len > 0);
    fuzz_check(error->message.len < sizeof(error->buf));
    fuzz_check(fuzz_characters(&error->message) > 0);
    fuzz_touch(&error->field);
}


/* an object without white space around it */

static ngx_uint_t
fuzz_is_object(ngx_str_t *text, ngx_uint_t flags)
{
    ngx_str_t  kept;

    ngx_str_null(&kept);
    fuzz_keep(&kept, text, flags);

    return kept.data == text->data && kept.len == text->len;
}


/* key is NULL where the event was no CloudEvent */

static void
fuzz_back(ngx_pool_t *pool, ngx_triggers_event_t *event, ngx_str_t *key)
{
    ngx_int_t                          rc;
    ngx_str_t                          text, again, key_again;
    ngx_triggers_event_t               read;
    ngx_http_triggers_decode_error_t   error;

    event->created_at = 1762778096789;

    text = fuzz_write(pool, event);

    json_decref(fuzz_load(&text));

    ngx_memzero(&read, sizeof(ngx_triggers_event_t));

    rc = ngx_http_triggers_cloudevent_decode(pool, &text, &read, &key_again,
                                             &error);

    if (rc != NGX_OK) {
        fprintf(stderr, "%.*s\n%.*s\n", (int) text.len, text.data,
                (int) error.message.len, error.message.data);
    }

    fuzz_check(rc == NGX_OK);
    fuzz_accepted(&read, &key_again);

    if (key) {
        fuzz_equal(key, (char *) key_again.data, key_again.len);
        fuzz_equal(&event->payload, (char *) read.payload.data,
                   read.payload.len);
    }

    read.created_at = event->created_at;
    again = fuzz_write(pool, &read);

    if (again.len != text.len || memcmp(again.data, text.data, text.len)) {
        fprintf(stderr, "%.*s\n%.*s\n", (int) text.len, text.data,
                (int) again.len, again.data);
    }

    fuzz_equal(&again, (char *) text.data, text.len);
}


static ngx_str_t
fuzz_write(ngx_pool_t *pool, ngx_triggers_event_t *event)
{
    ngx_triggers_row_t    row;
    ngx_triggers_text_t   text;

    ngx_memzero(&row, sizeof(ngx_triggers_row_t));
    row.event = *event;

    ngx_triggers_text_init(&text, pool);
    ngx_http_triggers_cloudevent_write(&text, &row);

    return fuzz_text(pool, &text);
}
