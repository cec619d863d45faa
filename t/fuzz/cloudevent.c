
/*
 * Fuzzes CloudEvents.  The first byte's lowest bit is the mode (fuzz.h has the
 * others), the rest a CloudEvent in JSON, or, in the binary mode, lines
 * "name:value" of headers without "ce-", lines without a colon, the last of
 * which is the content type, and behind the last line feed the body.
 *
 * What is accepted has a payload and metadata that keep the rules of an event,
 * and written back it is a CloudEvent that is accepted, with the same key, and
 * written as the same text again.
 */


#include "fuzz.h"
#include "core.h"
#include "ngx_http_triggers_cloudevent.h"
#include "ngx_triggers_json.h"


#define FUZZ_HEADERS  40


static ngx_int_t fuzz_decode(ngx_pool_t *pool, uint8_t flags,
    ngx_str_t *text, ngx_triggers_event_t *event, ngx_str_t *key,
    ngx_http_triggers_decode_error_t *error);
static void fuzz_accepted(ngx_pool_t *pool, ngx_uint_t binary,
    ngx_triggers_event_t *event, ngx_str_t *key);
static void fuzz_write(ngx_pool_t *pool, ngx_triggers_event_t *event,
    ngx_str_t *written);
static void fuzz_object(ngx_str_t *text, ngx_uint_t flags);
static ngx_uint_t fuzz_has(ngx_str_t *s, const char *text);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ngx_int_t                          rc;
    ngx_str_t                          text, key;
    ngx_uint_t                         limited;
    ngx_pool_t                        *pool;
    ngx_triggers_event_t               event;
    ngx_http_triggers_decode_error_t   error;

    if (size == 0) {
        return 0;
    }

    text.data = (u_char *) data + 1;
    text.len = size - 1;

    ngx_memzero(&event, sizeof(ngx_triggers_event_t));
    memset(&error, 0xa5, sizeof(error));

    pool = unit_pool();

    limited = fuzz_memory(data[0]);

    rc = fuzz_decode(pool, data[0], &text, &event, &key, &error);

    unit_pool_limit(-1);

    switch (rc) {

    case NGX_OK:
        fuzz_accepted(pool, data[0] & 1, &event, &key);
        break;

    case NGX_DECLINED:
        fuzz_check(error.message.data == error.buf && error.message.len);
        fuzz_check(error.message.len <= sizeof(error.buf));

        if (error.field.data) {
            fuzz_touch(&error.field);
        }

        break;

    default:
        fuzz_check(rc == NGX_ERROR && limited);
    }

    ngx_destroy_pool(pool);

    return 0;
}


static ngx_int_t
fuzz_decode(ngx_pool_t *pool, uint8_t flags, ngx_str_t *text,
    ngx_triggers_event_t *event, ngx_str_t *key,
    ngx_http_triggers_decode_error_t *error)
{
    u_char        *p, *end, *colon, *last;
    ngx_str_t      type, body;
    ngx_array_t    attributes;
    ngx_keyval_t   elts[FUZZ_HEADERS];

    if (!(flags & 1)) {
        return ngx_http_triggers_cloudevent_decode(pool, text, event, key,
                                                   error);
    }

    ngx_str_null(&type);
    ngx_memzero(&attributes, sizeof(ngx_array_t));
    attributes.elts = elts;

    last = text->data + text->len;

    for (p = text->data; p < last; p = end + 1) {

        end = memchr(p, '\n', last - p);

        if (end == NULL || attributes.nelts == FUZZ_HEADERS) {
            break;
        }

        colon = memchr(p, ':', end - p);

        if (colon == NULL) {
            type.data = p;
            type.len = end - p;
            continue;
        }

        elts[attributes.nelts].key.data = p;
        elts[attributes.nelts].key.len = colon - p;
        elts[attributes.nelts].value.data = colon + 1;
        elts[attributes.nelts].value.len = end - colon - 1;
        attributes.nelts++;
    }

    body.data = p;
    body.len = last - p;

    return ngx_http_triggers_cloudevent_decode_binary(pool, &attributes,
                                                      &type, &body, event,
                                                      key, error);
}


static void
fuzz_accepted(ngx_pool_t *pool, ngx_uint_t binary,
    ngx_triggers_event_t *event, ngx_str_t *key)
{
    ngx_int_t                          rc;
    ngx_str_t                          written, again, key_again;
    ngx_triggers_event_t               back;
    ngx_http_triggers_decode_error_t   error;

    fuzz_check(fuzz_characters(&event->event_type) - 1 < 100);
    fuzz_check(fuzz_characters(&event->source) - 1 < 100);

    fuzz_object(&event->payload, 0);
    fuzz_object(&event->metadata, NGX_TRIGGERS_JSON_UNIQUE
                                  |NGX_TRIGGERS_JSON_NO_NUL_DEEP);

    fuzz_write(pool, event, &written);

    ngx_memzero(&back, sizeof(ngx_triggers_event_t));

    rc = ngx_http_triggers_cloudevent_decode(pool, &written, &back,
                                             &key_again, &error);

    if (rc == NGX_DECLINED && binary) {

        /* a body is not in an object when it comes, and may be a string */

        fuzz_check(fuzz_has(&error.message, "nesting is too deep")
                   || fuzz_has(&event->payload, "\\u0000"));
        return;
    }

    fuzz_check(rc == NGX_OK);
    fuzz_equal(&key_again, (char *) key->data, key->len);
    fuzz_check(back.priority == event->priority);

    fuzz_write(pool, &back, &again);
    fuzz_equal(&again, (char *) written.data, written.len);
}


static void
fuzz_write(ngx_pool_t *pool, ngx_triggers_event_t *event, ngx_str_t *written)
{
    u_char               *p;
    ngx_chain_t          *cl;
    ngx_triggers_row_t    row;
    ngx_triggers_text_t   text;

    ngx_memzero(&row, sizeof(ngx_triggers_row_t));
    row.event = *event;
    row.event.created_at = 1762778096789ll;

    ngx_triggers_text_init(&text, pool);
    ngx_http_triggers_cloudevent_write(&text, &row);

    fuzz_check(!text.failed);

    written->len = text.size;
    written->data = ngx_pnalloc(pool, text.size);
    p = written->data;

    for (cl = text.first; cl; cl = cl->next) {
        p = ngx_cpymem(p, cl->buf->pos, cl->buf->last - cl->buf->pos);
    }

    fuzz_check(p == written->data + written->len);
}


static void
fuzz_object(ngx_str_t *text, ngx_uint_t flags)
{
    ngx_int_t                   rc;
    ngx_triggers_json_walk_t    walk;
    ngx_triggers_json_member_t  member;

    fuzz_check(text->data[0] == '{' && text->data[text->len - 1] == '}');

    ngx_triggers_json_walk_init(&walk, text, flags);

    do {
        rc = ngx_triggers_json_next(&walk, &member);
    } while (rc == NGX_OK);

    ngx_triggers_json_walk_done(&walk);

    fuzz_check(rc == NGX_DONE);
}


static ngx_uint_t
fuzz_has(ngx_str_t *s, const char *text)
{
    return memmem(s->data, s->len, text, strlen(text)) != NULL;
}
