
/*
 * Fuzzes the decoder of batches.  The first byte's lowest bit are CloudEvents
 * (fuzz.h has the others), the second byte is a quarter of the largest size of
 * an event, or 0; the rest is the body.
 *
 * The elements of the array are found here by brackets and quotes alone; each
 * has to be what jansson has there, and to be accepted or refused as if it
 * were the only one.
 */


#include "fuzz.h"
#include "core.h"
#include "ngx_http_triggers_cloudevent.h"
#include "ngx_http_triggers_decode_batch.h"


#define FUZZ_ITEMS  1000


typedef struct {
    ngx_uint_t               cloudevents;
    size_t                   max_size;
} fuzz_batch_t;


static void fuzz_accepted(fuzz_batch_t *b, ngx_str_t *text,
    ngx_array_t *events);
static ngx_str_t fuzz_next(u_char **pos, u_char *last);
static void fuzz_item(fuzz_batch_t *b, ngx_str_t *text,
    ngx_http_triggers_decoded_t *item);
static void fuzz_same(ngx_str_t *one, ngx_str_t *two);
static void fuzz_refused(fuzz_batch_t *b, ngx_str_t *text,
    ngx_http_triggers_decode_error_t *error);
static json_t *fuzz_array(fuzz_batch_t *b, json_t *body);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ngx_int_t                          rc;
    ngx_str_t                          text;
    ngx_uint_t                         limited;
    ngx_pool_t                        *pool;
    ngx_array_t                        events;
    fuzz_batch_t                       b;
    ngx_http_triggers_decode_error_t   error;

    if (size < 2) {
        return 0;
    }

    b.cloudevents = data[0] & 1;
    b.max_size = data[1] ? data[1] * 4 : size;

    text.len = size - 2;
    text.data = malloc(text.len);
    ngx_memcpy(text.data, data + 2, text.len);

    memset(&error, 0xa5, sizeof(error));

    pool = unit_pool();

    fuzz_check(ngx_array_init(&events, pool, 4,
                              sizeof(ngx_http_triggers_decoded_t))
               == NGX_OK);

    limited = fuzz_memory(data[0]);

    rc = ngx_http_triggers_decode_batch(pool, &text, b.cloudevents,
                                        b.max_size, &events, &error);

    fuzz_memory(0);

    switch (rc) {

    case NGX_OK:
        fuzz_accepted(&b, &text, &events);
        break;

    case NGX_DECLINED:
        fuzz_refused(&b, &text, &error);
        break;

    default:
        fuzz_check(rc == NGX_ERROR && limited);
    }

    ngx_destroy_pool(pool);
    free(text.data);

    return 0;
}


static void
fuzz_accepted(fuzz_batch_t *b, ngx_str_t *text, ngx_array_t *events)
{
    u_char                       *pos, *last;
    json_t                       *body, *array, *json;
    ngx_str_t                     item;
    ngx_uint_t                    i;
    ngx_http_triggers_decoded_t  *decoded;

    body = fuzz_load(text);
    array = fuzz_array(b, body);

    fuzz_check(events->nelts >= 1 && events->nelts <= FUZZ_ITEMS);
    fuzz_check(body == NULL || json_array_size(array) == events->nelts);

    /* the name before the array has no bracket */

    last = text->data + text->len;
    pos = memchr(text->data, '[', text->len);
    fuzz_check(pos != NULL);

    decoded = events->elts;

    for (i = 0; i < events->nelts; i++) {
        fuzz_check(*pos == (i ? ',' : '['));
        pos++;

        item = fuzz_next(&pos, last);

        if (body) {
            json = fuzz_load(&item);
            fuzz_check(json_equal(json, json_array_get(array, i)));
            json_decref(json);
        }

        fuzz_item(b, &item, &decoded[i]);
    }

    fuzz_check(*pos == ']');

    json_decref(body);
}


/* an element without white space around it; *pos is then what ends it */

static ngx_str_t
fuzz_next(u_char **pos, u_char *last)
{
    u_char      *p, *end;
    ngx_str_t    item;
    ngx_uint_t   depth, quoted;

    p = *pos;
    end = p;
    depth = 0;
    quoted = 0;

    ngx_str_null(&item);

    for ( /* void */ ; p < last; p++) {

        if (!quoted && depth == 0 && (*p == ',' || *p == ']')) {
            break;
        }

        if (*p <= ' ') {
            continue;
        }

        if (item.data == NULL) {
            item.data = p;
        }

        if (*p == '"') {
            quoted = !quoted;

        } else if (quoted) {
            p += (*p == '\\');

        } else if (*p == '[' || *p == '{') {
            depth++;

        } else if (*p == ']' || *p == '}') {
            depth--;
        }

        end = p + 1;
    }

    fuzz_check(p < last && item.data != NULL);

    item.len = end - item.data;
    *pos = p;

    return item;
}


static void
fuzz_item(fuzz_batch_t *b, ngx_str_t *text, ngx_http_triggers_decoded_t *item)
{
    ngx_int_t                          rc;
    ngx_str_t                          key;
    ngx_pool_t                        *pool;
    ngx_triggers_event_t               event;
    ngx_http_triggers_decode_error_t   error;

    fuzz_check(item->too_large == (text->len > b->max_size));

    if (item->too_large) {
        fuzz_check(item->message.data != NULL && item->message.len > 0);
        fuzz_touch(&item->message);
        return;
    }

    ngx_memzero(&event, sizeof(ngx_triggers_event_t));
    ngx_str_null(&key);

    pool = unit_pool();

    if (b->cloudevents) {
        rc = ngx_http_triggers_cloudevent_decode(pool, text, &event, &key,
                                                 &error);
    } else {
        rc = ngx_http_triggers_decode_event(pool, text, 1, &event, &key,
                                            &error);
    }

    if (rc == NGX_OK) {
        fuzz_check(item->message.data == NULL);
        fuzz_check(item->event.priority == event.priority);
        fuzz_same(&item->event.event_type, &event.event_type);
        fuzz_same(&item->event.source, &event.source);
        fuzz_same(&item->event.metadata, &event.metadata);
        fuzz_same(&item->event.payload, &event.payload);
        fuzz_same(&item->key, &key);

    } else {
        fuzz_check(rc == NGX_DECLINED);
        fuzz_same(&item->message, &error.message);
        fuzz_same(&item->field, &error.field);
    }

    ngx_destroy_pool(pool);
}


static void
fuzz_same(ngx_str_t *one, ngx_str_t *two)
{
    fuzz_check((one->data == NULL) == (two->data == NULL));

    if (one->data) {
        fuzz_equal(one, (char *) two->data, two->len);
    }
}


static void
fuzz_refused(fuzz_batch_t *b, ngx_str_t *text,
    ngx_http_triggers_decode_error_t *error)
{
    char     message[sizeof(error->buf) + 1];
    size_t   n;
    json_t  *body;

    fuzz_check(error->message.data == error->buf);
    fuzz_check(error->message.len > 0);
    fuzz_check(error->message.len < sizeof(error->buf));
    fuzz_check(fuzz_characters(&error->message) == error->message.len);
    fuzz_touch(&error->field);

    ngx_memzero(message, sizeof(message));
    memcpy(message, error->message.data, error->message.len);

    if (strstr(message, "duplicate name")
        || strstr(message, "nesting is too deep")
        || memchr(text->data, '\0', text->len))
    {
        return;
    }

    body = json_loadb((const char *) text->data, text->len,
                      JSON_DECODE_ANY|JSON_ALLOW_NUL, NULL);

    n = json_array_size(fuzz_array(b, body));
    fuzz_check(n == 0 || n > FUZZ_ITEMS);

    json_decref(body);
}


/* NULL: the body is no batch */

static json_t *
fuzz_array(fuzz_batch_t *b, json_t *body)
{
    if (b->cloudevents) {
        return body;
    }

    return (json_object_size(body) == 1) ? json_object_get(body, "events")
                                         : NULL;
}
