
/*
 * Unit tests of what is sent to an endpoint: body and headers in both
 * formats, of events that came as CloudEvents and of others.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "core.h"
#include "unit.h"
#include "ngx_http_triggers_message.h"


#define TEST_ID    "\x01\x93\xb3\xa0\0\0\x70\0\x80\0\0\0\0\0\0\x0f"
#define TEST_UUID  "0193b3a0-0000-7000-8000-00000000000f"
#define TEST_MS    1762778096789ll
#define TEST_TIME  "2025-11-10T12:34:56.789Z"

#define TEST_CE    "\"specversion\":\"1.0\",\"id\":\"a b\""


typedef struct {
    const char              *name;
    ngx_uint_t               format;
    const char              *event_type;       /* NULL: none, as the others */
    const char              *source;
    const char              *metadata;
    const char              *payload;
    const char              *traceparent;
    const char              *tracestate;
    const char              *headers;          /* with "\n" behind each */
    const char              *body;
} test_message_t;


static void test_messages(void);
static void test_many(void);
static void test_memory(void);

static ngx_int_t test_make(ngx_pool_t *pool, const test_message_t *t,
    ngx_triggers_message_t *message);
static void test_string(ngx_str_t *s, const char *text);
static char *test_headers(ngx_triggers_message_t *message);


static const test_message_t  test_list[] = {
    { "all there is", NGX_TRIGGERS_WEBHOOK_STANDARD, "order.created",
      "shop \"1\"", "{\"a\": 1}", "{\"b\": 1.0}",
      "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      "congo=t61,rojo= 1",
      "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\n"
      "tracestate: congo=t61,rojo= 1\n"
      "Content-Type: application/json\n",
      "{\"id\":\"" TEST_UUID "\",\"type\":\"order.created\","
      "\"timestamp\":\"" TEST_TIME "\",\"source\":\"shop \\\"1\\\"\","
      "\"metadata\":{\"a\": 1},\"data\":{\"b\": 1.0}}" },

    { "as little as there can be", NGX_TRIGGERS_WEBHOOK_STANDARD, NULL, NULL,
      NULL, "{}", NULL, NULL,
      "Content-Type: application/json\n",
      "{\"id\":\"" TEST_UUID "\",\"type\":\"event\","
      "\"timestamp\":\"" TEST_TIME "\",\"data\":{}}" },

    { "no CloudEvent", NGX_TRIGGERS_WEBHOOK_CLOUDEVENTS, "order.created",
      "shop 1", "{\"correlation_id\": \"x\", \"tenant\": \"a%b\\\"\\u00e9\", "
      "\"n\": 5, \"ok\": true, \"list\": []}", "{\"b\": 1.0}", NULL,
      NULL,
      "ce-specversion: 1.0\n"
      "ce-id: " TEST_UUID "\n"
      "ce-source: shop%25201\n"
      "ce-type: order.created\n"
      "ce-time: " TEST_TIME "\n"
      "Content-Type: application/json\n"
      "ce-tenant: a%25b%22%C3%A9\n"
      "ce-n: 5\n"
      "ce-ok: true\n",
      "{\"b\": 1.0}" },

    { "a CloudEvent", NGX_TRIGGERS_WEBHOOK_CLOUDEVENTS, "t", "/s?a=b",
      "{" TEST_CE ",\"time\":\"2020-01-01T00:00:00Z\","
      "\"datacontenttype\":\"application/x+json; a=b\","
      "\"subject\":\"s\"}", "{\"b\":1}", NULL, NULL,
      "ce-specversion: 1.0\n"
      "ce-id: a%20b\n"
      "ce-source: /s?a=b\n"
      "ce-type: t\n"
      "ce-time: 2020-01-01T00:00:00Z\n"
      "Content-Type: application/x+json; a=b\n"
      "ce-subject: s\n",
      "{\"b\":1}" },

    { "a CloudEvent of a trace", NGX_TRIGGERS_WEBHOOK_CLOUDEVENTS, "t", "/s",
      "{" TEST_CE ",\"time\":\"2020-01-01T00:00:00Z\","
      "\"traceparent\":\"its own\",\"tracestate\":\"a=1,b=2\"}", "{}",
      "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00", NULL,
      "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00\n"
      "ce-specversion: 1.0\n"
      "ce-id: a%20b\n"
      "ce-source: /s\n"
      "ce-type: t\n"
      "ce-time: 2020-01-01T00:00:00Z\n"
      "Content-Type: application/json\n"
      "ce-traceparent: its%20own\n"
      "ce-tracestate: a=1,b=2\n",
      "{}" },

    { "a CloudEvent without data", NGX_TRIGGERS_WEBHOOK_CLOUDEVENTS, "t",
      "/s", "{" TEST_CE ",\"ce_data\":\"none\"}", "{}", NULL, NULL,
      "ce-specversion: 1.0\n"
      "ce-id: a%20b\n"
      "ce-source: /s\n"
      "ce-type: t\n"
      "ce-time: " TEST_TIME "\n"
      "Content-Type:\n",
      "" },

    { "a CloudEvent whose data is no object",
      NGX_TRIGGERS_WEBHOOK_CLOUDEVENTS, "t", "/s",
      "{" TEST_CE ",\"ce_data\":\"value\"}", "{\"data\":[1, 2]}", NULL,
      NULL,
      "ce-specversion: 1.0\n"
      "ce-id: a%20b\n"
      "ce-source: /s\n"
      "ce-type: t\n"
      "ce-time: " TEST_TIME "\n"
      "Content-Type: application/json\n",
      "[1, 2]" },

    { "a CloudEvent whose data is binary",
      NGX_TRIGGERS_WEBHOOK_CLOUDEVENTS, "t", "/s",
      "{" TEST_CE ",\"ce_data\":\"base64\","
      "\"datacontenttype\":\"text/plain\"}",
      "{\"data_base64\":\"aGVsbG8\\u003d\"}", NULL, NULL,
      "ce-specversion: 1.0\n"
      "ce-id: a%20b\n"
      "ce-source: /s\n"
      "ce-type: t\n"
      "ce-time: " TEST_TIME "\n"
      "Content-Type: text/plain\n",
      "hello" },

    { "a CloudEvent that becomes a standard message",
      NGX_TRIGGERS_WEBHOOK_STANDARD, "t", "/s", "{" TEST_CE "}", "{\"b\":1}",
      NULL, NULL,
      "Content-Type: application/json\n",
      "{\"id\":\"" TEST_UUID "\",\"type\":\"t\","
      "\"timestamp\":\"" TEST_TIME "\",\"source\":\"/s\","
      "\"metadata\":{" TEST_CE "},\"data\":{\"b\":1}}" }
};


int
main(void)
{
    test_messages();
    test_many();
    test_memory();

    return unit_done();
}


static void
test_messages(void)
{
    ngx_uint_t               i;
    ngx_pool_t              *pool;
    const test_message_t    *t;
    ngx_triggers_message_t   message;

    for (i = 0; i < sizeof(test_list) / sizeof(test_list[0]); i++) {
        t = &test_list[i];
        pool = unit_pool();

        unit_ok(test_make(pool, t, &message) == NGX_OK, "%s", t->name);

        unit_ok(strcmp(test_headers(&message), t->headers) == 0,
                "%s: headers", t->name);

        unit_ok(message.body.len == strlen(t->body)
                && memcmp(message.body.len ? message.body.data
                                           : (u_char *) "",
                          t->body, message.body.len)
                   == 0,
                "%s: body", t->name);

        ngx_destroy_pool(pool);
    }
}


/* more extensions than a message has headers */

static void
test_many(void)
{
    char                    *p, metadata[4096];
    ngx_uint_t               i;
    ngx_pool_t              *pool;
    test_message_t           t;
    ngx_triggers_message_t   message;

    p = metadata + sprintf(metadata, "{");

    for (i = 0; i < 2 * NGX_TRIGGERS_SENDER_HEADERS; i++) {
        p += sprintf(p, "\"x%d\":\"%d\",", (int) i, (int) i);
    }

    sprintf(p, "\"z\":1}");

    t = test_list[2];
    t.metadata = metadata;

    pool = unit_pool();

    unit_ok(test_make(pool, &t, &message) == NGX_OK
            && message.nheaders == NGX_TRIGGERS_MESSAGE_HEADERS,
            "many: as many as there is room for");

    ngx_destroy_pool(pool);
}


static void
test_memory(void)
{
    ngx_int_t                rc;
    ngx_uint_t               i, n;
    ngx_pool_t              *pool;
    ngx_triggers_message_t   message;

    for (i = 0; i < sizeof(test_list) / sizeof(test_list[0]); i++) {

        for (n = 0; /* void */ ; n++) {
            pool = unit_pool();
            unit_pool_limit(n);
            rc = test_make(pool, &test_list[i], &message);
            unit_pool_limit(-1);
            ngx_destroy_pool(pool);

            if (rc != NGX_ERROR) {
                break;
            }
        }

        unit_ok(rc == NGX_OK && n > 0, "memory: %s, %d allocations",
                test_list[i].name, (int) n);
    }
}


static ngx_int_t
test_make(ngx_pool_t *pool, const test_message_t *t,
    ngx_triggers_message_t *message)
{
    ngx_triggers_row_t       row;
    ngx_triggers_webhook_t   webhook;

    memset(&row, 0, sizeof(row));
    memset(&webhook, 0, sizeof(webhook));
    memset(message, 0, sizeof(*message));

    memcpy(row.event.id, TEST_ID, NGX_TRIGGERS_ID_LEN);
    row.event.created_at = TEST_MS;

    test_string(&row.event.event_type, t->event_type);
    test_string(&row.event.source, t->source);
    test_string(&row.event.metadata, t->metadata);
    test_string(&row.event.payload, t->payload);
    test_string(&row.event.traceparent, t->traceparent);
    test_string(&row.event.tracestate, t->tracestate);

    webhook.format = t->format;

    return ngx_http_triggers_message(pool, &row, &webhook, message);
}


static void
test_string(ngx_str_t *s, const char *text)
{
    s->data = (u_char *) text;
    s->len = text ? strlen(text) : 0;
}


static char *
test_headers(ngx_triggers_message_t *message)
{
    char        *p;
    ngx_uint_t   i;

    static char  text[8192];

    p = text;
    *p = '\0';

    for (i = 0; i < message->nheaders; i++) {
        p += sprintf(p, "%s\n", message->headers[i]);
    }

    return text;
}
