
/*
 * Unit tests of CloudEvents: every refusal with its field and message, every
 * mapping to an event, in both modes, and the way back, also of events that
 * were none.  Texts are copied to memory of their exact size.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "core.h"
#include "unit.h"
#include "ngx_http_triggers_cloudevent.h"

#include <jansson.h>


#define TEST_CE    "\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\","  \
                   "\"type\":\"t\""
#define TEST_META  "\"specversion\":\"1.0\",\"id\":\"1\""
#define TEST_HEAD  "specversion: 1.0\nid: 1\nsource: /s\ntype: t\n"
#define TEST_TIME  "\"time\":\"2025-11-10T12:34:56.789Z\""
#define TEST_UUID  "0193b3a0-0000-7000-8000-00000000000f"

#define TEST_10   "0123456789"
#define TEST_50   TEST_10 TEST_10 TEST_10 TEST_10 TEST_10
#define TEST_100  TEST_50 TEST_50
#define TEST_E100                                                             \
    "\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9"  \
    "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"\
    "\xc3\xa9" TEST_50 TEST_10 TEST_10 TEST_10


/* header lines without "ce-", or NULL: the body is in the structured mode */

typedef struct {
    const char  *headers;
    const char  *content_type;    /* NULL: none */
    const char  *body;
    const char  *field;           /* NULL: none */
    const char  *message;
} test_refusal_t;


typedef struct {
    const char  *headers;
    const char  *content_type;
    const char  *body;
    const char  *metadata;
    const char  *payload;
    const char  *written;         /* after source, type and time */
} test_mapping_t;


typedef struct {
    const char  *event_type;      /* NULL: none, as the others */
    const char  *source;
    const char  *metadata;
    const char  *payload;
    const char  *written;         /* after specversion */
} test_row_t;


typedef struct {
    ngx_pool_t                        *pool;
    ngx_triggers_event_t               event;
    ngx_str_t                          key;
    ngx_http_triggers_decode_error_t   error;
} test_result_t;


static void test_refusals(void);
static void test_mappings(void);
static void test_values(void);
static void test_priorities(void);
static void test_limits(void);
static void test_many(void);
static void test_rows(void);
static void test_sources(void);
static void test_memory(void);

static ngx_int_t test_decode(test_result_t *r, const char *headers,
    const char *content_type, const char *body);
static ngx_int_t test_binary(test_result_t *r, const char *headers,
    const char *content_type, ngx_str_t *body);
static ngx_uint_t test_value(const char *name, const char *value);
static ngx_uint_t test_field_is(test_result_t *r, const char *field);
static ngx_uint_t test_same(const char *sent, ngx_str_t *written);
static void test_write(ngx_pool_t *pool, ngx_triggers_event_t *event,
    ngx_str_t *written);
static ngx_str_t test_copy(ngx_pool_t *pool, const char *s, size_t len);
static ngx_uint_t test_is(ngx_str_t *s, const char *text);


int
main(void)
{
    test_refusals();
    test_mappings();
    test_values();
    test_priorities();
    test_limits();
    test_many();
    test_rows();
    test_sources();
    test_memory();

    return unit_done();
}


static void
test_refusals(void)
{
    ngx_int_t      rc;
    ngx_uint_t     i;
    test_result_t  r;

    static test_refusal_t  tests[] = {

        /* no event at all */

        { NULL, NULL, "[]", NULL, "a CloudEvent must be a JSON object" },
        { NULL, NULL, "null", NULL, "a CloudEvent must be a JSON object" },
        { NULL, NULL, "", NULL,
          "invalid JSON in the CloudEvent: unexpected end at byte 0" },
        { NULL, NULL, "{" TEST_CE, NULL,
          "invalid JSON in the CloudEvent: unexpected end at byte 54" },
        { NULL, NULL, "{" TEST_CE "}x", NULL,
          "invalid JSON in the CloudEvent: trailing data at byte 55" },
        { NULL, NULL, "{\"id\":\"\xff\"}", NULL,
          "invalid JSON in the CloudEvent: invalid UTF-8 at byte 7" },

        /* names */

        { NULL, NULL, "{\"id\":\"1\",\"id\":\"2\"}", NULL,
          "invalid JSON in the CloudEvent: duplicate name at byte 10" },
        { NULL, NULL, "{\"data\":1,\"\\u0064ata\":2}", NULL,
          "invalid JSON in the CloudEvent: duplicate name at byte 10" },
        { NULL, NULL, "{" TEST_CE ",\"Subject\":\"a\"}", "Subject",
          "the name of an attribute must be of a-z and 0-9" },
        { NULL, NULL, "{" TEST_CE ",\"my_name\":null}", "my_name",
          "the name of an attribute must be of a-z and 0-9" },
        { NULL, NULL, "{" TEST_CE ",\"\":\"a\"}", "",
          "the name of an attribute must be of a-z and 0-9" },
        { NULL, NULL, "{" TEST_CE ",\"a\\u002d\":\"a\"}", "a\\u002d",
          "the name of an attribute must be of a-z and 0-9" },
        { NULL, NULL, "{" TEST_CE ",\"a\\n\":\"a\"}", "a\\n",
          "the name of an attribute must be of a-z and 0-9" },
        { NULL, NULL, "{" TEST_CE ",\"" TEST_100 "a\":\"a\"}", TEST_100 "a",
          "the name of an attribute must be of a-z and 0-9" },

        /* required attributes */

        { NULL, NULL, "{}", "specversion", "specversion is required" },
        { NULL, NULL, "{\"specversion\":\"1.0\"}", "id", "id is required" },
        { NULL, NULL, "{\"specversion\":\"1.0\",\"id\":\"1\"}", "source",
          "source is required" },
        { NULL, NULL,
          "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/\"}", "type",
          "type is required" },
        { NULL, NULL, "{\"specversion\":null}", "specversion",
          "specversion is required" },
        { NULL, NULL, "{\"specversion\":\"0.3\"}", "specversion",
          "specversion must be \"1.0\"" },
        { NULL, NULL, "{\"specversion\":\"1.0.1\"}", "specversion",
          "specversion must be \"1.0\"" },
        { NULL, NULL, "{\"specversion\":1.0}", "specversion",
          "specversion must be \"1.0\"" },
        { NULL, NULL, "{\"id\":\"\"}", "id",
          "id must be a string of 1 to 255 characters" },
        { NULL, NULL, "{\"id\":1}", "id",
          "id must be a string of 1 to 255 characters" },
        { NULL, NULL, "{\"id\":\"" TEST_100 TEST_100 TEST_50 "012345\"}",
          "id", "id must be a string of 1 to 255 characters" },
        { NULL, NULL, "{\"source\":\"\"}", "source",
          "source must be a string of 1 to 100 characters" },
        { NULL, NULL, "{\"source\":\"" TEST_100 "0\"}", "source",
          "source must be a string of 1 to 100 characters" },
        { NULL, NULL, "{\"type\":\"\"}", "type",
          "type must be a string of 1 to 100 characters" },
        { NULL, NULL, "{\"type\":\"" TEST_E100 "\\u00e9\"}", "type",
          "type must be a string of 1 to 100 characters" },
        { NULL, NULL, "{\"type\":{}}", "type",
          "type must be a string of 1 to 100 characters" },
        { NULL, NULL, "{\"\\u0069d\":true}", "id",
          "id must be a string of 1 to 255 characters" },

        /* optional attributes */

        { NULL, NULL, "{\"time\":\"yesterday\"}", "time",
          "time must be a time as in RFC 3339" },
        { NULL, NULL, "{\"time\":1762778096}", "time",
          "time must be a time as in RFC 3339" },
        { NULL, NULL, "{\"subject\":\"\"}", "subject",
          "subject must be a non-empty string" },
        { NULL, NULL, "{\"subject\":7}", "subject",
          "subject must be a non-empty string" },
        { NULL, NULL, "{\"dataschema\":\"\"}", "dataschema",
          "dataschema must be a non-empty string" },
        { NULL, NULL, "{\"datacontenttype\":\"\"}", "datacontenttype",
          "datacontenttype must be a non-empty string" },
        { NULL, NULL, "{\"datacontenttype\":[]}", "datacontenttype",
          "datacontenttype must be a non-empty string" },
        { NULL, NULL, "{\"ext\":{}}", "ext",
          "ext must be a string, a boolean or an integer of 32 bits" },
        { NULL, NULL, "{\"subject\":\"a\\nb\"}", "subject",
          "subject must not have control characters or noncharacters" },
        { NULL, NULL, "{\"ext\":\"a\\u0000\"}", NULL,
          "invalid JSON in the CloudEvent: NUL character at byte 9" },

        /* data */

        { NULL, NULL, "{" TEST_CE ",\"data\":1,\"data_base64\":\"\"}",
          "data_base64", "data and data_base64 exclude each other" },
        { NULL, NULL, "{" TEST_CE ",\"data_base64\":\"\",\"data\":null}",
          "data_base64", "data and data_base64 exclude each other" },
        { NULL, NULL, "{" TEST_CE ",\"data_base64\":1}",
          "data_base64", "data_base64 must be a string in base64" },
        { NULL, NULL, "{" TEST_CE ",\"data_base64\":\"YQ\"}",
          "data_base64", "data_base64 must be a string in base64" },
        { NULL, NULL, "{" TEST_CE ",\"data_base64\":\"====\"}",
          "data_base64", "data_base64 must be a string in base64" },
        { NULL, NULL, "{" TEST_CE ",\"data_base64\":\"Y===\"}",
          "data_base64", "data_base64 must be a string in base64" },
        { NULL, NULL, "{" TEST_CE ",\"data_base64\":\"YQ=a\"}",
          "data_base64", "data_base64 must be a string in base64" },
        { NULL, NULL, "{" TEST_CE ",\"data_base64\":\"-_==\"}",
          "data_base64", "data_base64 must be a string in base64" },
        { NULL, NULL, "{" TEST_CE ",\"data_base64\":\"YW\\nJj\"}",
          "data_base64", "data_base64 must be a string in base64" },
        { NULL, NULL, "{" TEST_CE ",\"data\":{\"a\":01}}", NULL,
          "invalid JSON in the CloudEvent: unexpected character at byte 68" },

        /* headers */

        { "", NULL, "{}", "specversion", "specversion is required" },
        { "specversion: 1.0\nid: 1\ntype: t\n", NULL, "{}", "source",
          "source is required" },
        { TEST_HEAD "id: 1\n", NULL, "{}", "id", "id: duplicate name" },
        { "id: 1\nsource: /\nid: 2\ntype: t\n", NULL, "{}", "id",
          "id: duplicate name" },
        { TEST_HEAD "my-name: a\n", NULL, "{}", "my-name",
          "the name of an attribute must be of a-z and 0-9" },
        { TEST_HEAD "" TEST_100 "a: a\n", NULL, "{}", TEST_100 "a",
          "the name of an attribute must be of a-z and 0-9" },
        { TEST_HEAD ": a\n", NULL, "{}", "",
          "the name of an attribute must be of a-z and 0-9" },
        { TEST_HEAD "data: a\n", NULL, "{}", "data",
          "data is no header with \"ce-\"" },
        { TEST_HEAD "datacontenttype: text/xml\n", NULL, "{}",
          "datacontenttype", "datacontenttype is no header with \"ce-\"" },
        { TEST_HEAD "subject: \n", NULL, "{}", "subject",
          "subject must be a non-empty string" },
        { TEST_HEAD "subject: \"\"\n", NULL, "{}", "subject",
          "subject must be a non-empty string" },
        { TEST_HEAD "time: now\n", NULL, "{}", "time",
          "time must be a time as in RFC 3339" },
        { "specversion: 0.3\n", NULL, "{}", "specversion",
          "specversion must be \"1.0\"" },
        { TEST_HEAD, "", "{}", "datacontenttype",
          "datacontenttype must be a non-empty string" },
        { TEST_HEAD, "text/\xff", "{}", "datacontenttype",
          "datacontenttype: invalid UTF-8" },
        { TEST_HEAD, "a/b\tc", "{}", "datacontenttype",
          "datacontenttype must not have control characters or "
          "noncharacters" },

        /* their encoding */

        { TEST_HEAD "subject: 100%\n", NULL, "{}", "subject",
          "subject is not percent-encoded as in the HTTP binding" },
        { TEST_HEAD "subject: 100%2\n", NULL, "{}", "subject",
          "subject is not percent-encoded as in the HTTP binding" },
        { TEST_HEAD "subject: 100%2x\n", NULL, "{}", "subject",
          "subject is not percent-encoded as in the HTTP binding" },
        { TEST_HEAD "subject: \"a\n", NULL, "{}", "subject",
          "subject is not percent-encoded as in the HTTP binding" },
        { TEST_HEAD "subject: \"\n", NULL, "{}", "subject",
          "subject is not percent-encoded as in the HTTP binding" },
        { TEST_HEAD "subject: \"a\\\n", NULL, "{}", "subject",
          "subject is not percent-encoded as in the HTTP binding" },
        { TEST_HEAD "subject: \"a\" b\n", NULL, "{}", "subject",
          "subject is not percent-encoded as in the HTTP binding" },
        { TEST_HEAD "subject: %C0%A0\n", NULL, "{}", "subject",
          "subject: invalid UTF-8" },
        { TEST_HEAD "subject: %e2%82\n", NULL, "{}", "subject",
          "subject: invalid UTF-8" },
        { TEST_HEAD "subject: \xfc\n", NULL, "{}", "subject",
          "subject: invalid UTF-8" },
        { TEST_HEAD "subject: a%00\n", NULL, "{}", "subject",
          "subject: NUL character" },
        { TEST_HEAD "subject: a%0Ab\n", NULL, "{}", "subject",
          "subject must not have control characters or noncharacters" },

        /* the body */

        { TEST_HEAD, NULL, " ", "data",
          "invalid JSON in the body: unexpected end at byte 1" },
        { TEST_HEAD, NULL, "{\"a\":}", "data",
          "invalid JSON in the body: unexpected character at byte 5" },
        { TEST_HEAD, NULL, "plain text", "data",
          "invalid JSON in the body: unexpected character at byte 0" }
    };

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        rc = test_decode(&r, tests[i].headers, tests[i].content_type,
                         tests[i].body);

        if (!unit_ok(rc == NGX_DECLINED
                     && test_field_is(&r, tests[i].field)
                     && test_is(&r.error.message, tests[i].message),
                     "refusal %d: %s", (int) i, tests[i].message)
            && rc == NGX_DECLINED)
        {
            printf("# got \"%.*s\": %.*s\n", (int) r.error.field.len,
                   r.error.field.data, (int) r.error.message.len,
                   r.error.message.data);
        }

        ngx_destroy_pool(r.pool);
    }
}


static void
test_mappings(void)
{
    char           expected[2048];
    ngx_int_t      rc;
    ngx_str_t      written;
    ngx_uint_t     i;
    test_result_t  r;

    static test_mapping_t  tests[] = {

        /* data */

        { NULL, NULL, "{" TEST_CE "}",
          "{" TEST_META ",\"ce_data\":\"none\"}", "{}", "" },
        { NULL, NULL, " { " TEST_CE " , \"data\" : {\"a\" : 1.50 } } ",
          "{" TEST_META "}", "{\"a\" : 1.50 }",
          ",\"datacontenttype\":\"application/json\""
          ",\"data\":{\"a\" : 1.50 }" },
        { NULL, NULL, "{\"\\u0064ata\":{}," TEST_CE "}",
          "{" TEST_META "}", "{}",
          ",\"datacontenttype\":\"application/json\",\"data\":{}" },
        { NULL, NULL, "{" TEST_CE ",\"data\":[1, 2]}",
          "{" TEST_META ",\"ce_data\":\"value\"}", "{\"data\":[1, 2]}",
          ",\"datacontenttype\":\"application/json\",\"data\":[1, 2]" },
        { NULL, NULL, "{" TEST_CE ",\"data\":null}",
          "{" TEST_META ",\"ce_data\":\"value\"}", "{\"data\":null}",
          ",\"datacontenttype\":\"application/json\",\"data\":null" },
        { NULL, NULL, "{" TEST_CE ",\"data\":\"<a/>\","
          "\"datacontenttype\":\"text/xml\"}",
          "{" TEST_META ",\"datacontenttype\":\"text/xml\","
          "\"ce_data\":\"value\"}", "{\"data\":\"<a/>\"}",
          ",\"datacontenttype\":\"text/xml\",\"data\":\"<a/>\"" },
        { NULL, NULL, "{" TEST_CE ",\"data_base64\":\"YQ==\"}",
          "{" TEST_META ",\"ce_data\":\"base64\"}",
          "{\"data_base64\":\"YQ==\"}", ",\"data_base64\":\"YQ==\"" },
        { NULL, NULL, "{" TEST_CE ",\"data_base64\":\"\\/+Y=\","
          "\"datacontenttype\":\"a/b\"}",
          "{" TEST_META ",\"datacontenttype\":\"a/b\","
          "\"ce_data\":\"base64\"}", "{\"data_base64\":\"\\/+Y=\"}",
          ",\"datacontenttype\":\"a/b\",\"data_base64\":\"\\/+Y=\"" },
        { NULL, NULL, "{" TEST_CE ",\"data_base64\":\"\"}",
          "{" TEST_META ",\"ce_data\":\"base64\"}",
          "{\"data_base64\":\"\"}", ",\"data_base64\":\"\"" },
        { NULL, NULL, "{" TEST_CE ",\"data_base64\":null,\"data\":{}}",
          "{" TEST_META "}", "{}",
          ",\"datacontenttype\":\"application/json\",\"data\":{}" },

        /* an object that looks like something wrapped */

        { NULL, NULL, "{" TEST_CE ",\"data\":{\"data_base64\":\"YQ==\"}}",
          "{" TEST_META "}", "{\"data_base64\":\"YQ==\"}",
          ",\"datacontenttype\":\"application/json\""
          ",\"data\":{\"data_base64\":\"YQ==\"}" },

        /* attributes */

        { NULL, NULL, "{" TEST_CE ",\"subject\":\"\\u00e9 \\\"x\\\"\","
          "\"dataschema\":\"http://a/b\",\"a1\":true,\"b\":false,\"c\":-5,"
          "\"d\":\"\",\"e\":null,\"time\":null}",
          "{" TEST_META ",\"subject\":\"\\u00e9 \\\"x\\\"\","
          "\"dataschema\":\"http://a/b\",\"a1\":true,\"b\":false,\"c\":-5,"
          "\"d\":\"\",\"ce_data\":\"none\"}", "{}",
          ",\"subject\":\"\\u00e9 \\\"x\\\"\","
          "\"dataschema\":\"http://a/b\",\"a1\":true,\"b\":false,\"c\":-5,"
          "\"d\":\"\"" },
        { NULL, NULL, "{" TEST_CE ",\"\\u0061\\u0062\":1}",
          "{" TEST_META ",\"ab\":1,\"ce_data\":\"none\"}", "{}",
          ",\"ab\":1" },
        { NULL, NULL, "{" TEST_CE ",\"" TEST_100 "\":1}",
          "{" TEST_META ",\"" TEST_100 "\":1,\"ce_data\":\"none\"}", "{}",
          ",\"" TEST_100 "\":1" },

        /* headers */

        { TEST_HEAD, NULL, "",
          "{" TEST_META ",\"ce_data\":\"none\"}", "{}", "" },
        { TEST_HEAD, "application/json; charset=\"utf-8\"",
          "\r\n\t {\"a\" : 1} \n",
          "{" TEST_META ",\"datacontenttype\":"
          "\"application/json; charset=\\\"utf-8\\\"\"}", "{\"a\" : 1}",
          ",\"datacontenttype\":\"application/json; charset=\\\"utf-8\\\"\""
          ",\"data\":{\"a\" : 1}" },
        { TEST_HEAD, NULL, " [ ] ",
          "{" TEST_META ",\"ce_data\":\"value\"}", "{\"data\":[ ]}",
          ",\"datacontenttype\":\"application/json\",\"data\":[ ]" },
        { TEST_HEAD, NULL, "null",
          "{" TEST_META ",\"ce_data\":\"value\"}", "{\"data\":null}",
          ",\"datacontenttype\":\"application/json\",\"data\":null" },
        { TEST_HEAD "subject: Euro%20%E2%82%ac%20%F0%9F%98%80\n", NULL, "",
          "{" TEST_META ",\"subject\":\"Euro \xe2\x82\xac \xf0\x9f\x98\x80\""
          ",\"ce_data\":\"none\"}", "{}",
          ",\"subject\":\"Euro \xe2\x82\xac \xf0\x9f\x98\x80\"" },
        { TEST_HEAD "subject: \"a \\\"b\\\" \\\\%41%2541\"\n", NULL, "",
          "{" TEST_META ",\"subject\":\"a \\\"b\\\" \\\\A%41\""
          ",\"ce_data\":\"none\"}", "{}",
          ",\"subject\":\"a \\\"b\\\" \\\\A%41\"" },
        { TEST_HEAD "ext: a \"b\" \xc3\xa9\nn: 5\nt: true\ne: \n", NULL, "",
          "{" TEST_META ",\"ext\":\"a \\\"b\\\" \xc3\xa9\",\"n\":\"5\","
          "\"t\":\"true\",\"e\":\"\",\"ce_data\":\"none\"}", "{}",
          ",\"ext\":\"a \\\"b\\\" \xc3\xa9\",\"n\":\"5\",\"t\":\"true\","
          "\"e\":\"\"" }
    };

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        rc = test_decode(&r, tests[i].headers, tests[i].content_type,
                         tests[i].body);

        if (!unit_ok(rc == NGX_OK
                     && test_is(&r.event.event_type, "t")
                     && test_is(&r.event.source, "/s")
                     && r.event.priority == NGX_TRIGGERS_PRIORITY_NORMAL
                     && r.key.len == 4
                     && ngx_memcmp(r.key.data, "/s\0001", 4) == 0
                     && test_is(&r.event.metadata, tests[i].metadata)
                     && test_is(&r.event.payload, tests[i].payload),
                     "mapping %d", (int) i))
        {
            printf("# got %d, %.*s, %.*s\n", (int) rc,
                   (int) r.event.metadata.len, r.event.metadata.data,
                   (int) r.event.payload.len, r.event.payload.data);
            ngx_destroy_pool(r.pool);
            continue;
        }

        test_write(r.pool, &r.event, &written);

        snprintf(expected, sizeof(expected), "{" TEST_CE "," TEST_TIME "%s}",
                 tests[i].written);

        if (!unit_ok(test_is(&written, expected), "written back %d", (int) i))
        {
            printf("# got %.*s\n", (int) written.len, written.data);
        }

        if (tests[i].headers == NULL) {
            unit_ok(test_same(tests[i].body, &written),
                    "attributes and data are the same %d", (int) i);
        }

        ngx_destroy_pool(r.pool);
    }
}


static void
test_values(void)
{
    ngx_uint_t  i;

    static struct {
        const char  *name;
        const char  *value;
        ngx_uint_t   valid;
    } tests[] = {
        { "n", "0", 1 },
        { "n", "-0", 1 },
        { "n", "2147483647", 1 },
        { "n", "2147483648", 0 },
        { "n", "-2147483648", 1 },
        { "n", "-2147483649", 0 },
        { "n", "99999999999999999999999999", 0 },
        { "n", "1.0", 0 },
        { "n", "1e2", 0 },
        { "n", "[]", 0 },
        { "n", "{}", 0 },
        { "n", "true", 1 },
        { "n", "false", 1 },
        { "n", "null", 1 },
        { "n", "\"\"", 1 },

        { "n", "\"\\u001f\"", 0 },
        { "n", "\" ~\"", 1 },
        { "n", "\"\x7f\"", 0 },
        { "n", "\"\\t\"", 0 },
        { "n", "\"\xc2\x80\"", 0 },
        { "n", "\"\xc2\x9f\"", 0 },
        { "n", "\"\xc2\xa0\"", 1 },
        { "n", "\"\\u0085\"", 0 },
        { "n", "\"\xef\xb7\x8f\"", 1 },
        { "n", "\"\xef\xb7\x90\"", 0 },
        { "n", "\"\xef\xb7\xaf\"", 0 },
        { "n", "\"\xef\xb7\xb0\"", 1 },
        { "n", "\"\xef\xbf\xbd\"", 1 },
        { "n", "\"\xef\xbf\xbe\"", 0 },
        { "n", "\"\\uffff\"", 0 },
        { "n", "\"\xf0\x9f\xbf\xbd\"", 1 },
        { "n", "\"\xf0\x9f\xbf\xbe\"", 0 },
        { "n", "\"\xf4\x8f\xbf\xbf\"", 0 },
        { "n", "\"\xf0\x8f\xbf\xbf\"", 0 },
        { "n", "\"\xf0\x90\xbf\xbf\"", 1 },
        { "n", "\"\\ud83d\\ude00\"", 1 },

        { "time", "\"2025-11-10T12:34:56Z\"", 1 },
        { "time", "\"2025-11-10t12:34:56z\"", 1 },
        { "time", "\"2025-11-10T12:34:56.123456789Z\"", 1 },
        { "time", "\"2025-11-10T12:34:56+02:00\"", 1 },
        { "time", "\"2025-11-10T12:34:56.5-02:00\"", 1 },
        { "time", "\"2025-11-10\"", 0 },
        { "time", "\"2025-11-10 12:34:56Z\"", 0 },
        { "time", "\"2025-11-10T12:34Z\"", 0 },
        { "time", "\"2025-11-10T12:34+02:00\"", 0 },
        { "time", "\"2025-11-10T12:34:56\"", 0 },
        { "time", "\"2025-11-10T12:34:56.789\"", 0 },
        { "time", "\"2025-11-10T12:34:56,5Z\"", 0 },
        { "time", "\"2025-11-10T12:34:56+0200\"", 0 },
        { "time", "\"2025-11-10T12:34:56.1+0200\"", 0 },
        { "time", "\"2025-11-10T12:34:56+02\"", 0 },
        { "time", "\"2025-11-10T12:34:56.789+02\"", 0 },
        { "time", "\"2025-13-10T12:34:56Z\"", 0 },
        { "time", "\"\"", 0 },
        { "time", "null", 1 }
    };

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        unit_ok(test_value(tests[i].name, tests[i].value) == tests[i].valid,
                "%s: %s", tests[i].name, tests[i].value);
    }
}


static void
test_priorities(void)
{
    char           body[256];
    ngx_uint_t     i;
    test_result_t  r;

    static struct {
        const char  *value;
        ngx_uint_t   priority;
    } tests[] = {
        { "\"low\"", NGX_TRIGGERS_PRIORITY_LOW },
        { "\"normal\"", NGX_TRIGGERS_PRIORITY_NORMAL },
        { "\"\\u0068igh\"", NGX_TRIGGERS_PRIORITY_HIGH },
        { "\"urgent\"", NGX_TRIGGERS_PRIORITY_NORMAL },
        { "\"\"", NGX_TRIGGERS_PRIORITY_NORMAL },
        { "5", NGX_TRIGGERS_PRIORITY_NORMAL }
    };

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        sprintf(body, "{" TEST_CE ",\"priority\":%s}", tests[i].value);

        unit_ok(test_decode(&r, NULL, NULL, body) == NGX_OK
                && r.event.priority == tests[i].priority,
                "priority %s", tests[i].value);

        ngx_destroy_pool(r.pool);
    }

    unit_ok(test_decode(&r, TEST_HEAD "priority: high\n", NULL, "") == NGX_OK
            && r.event.priority == NGX_TRIGGERS_PRIORITY_HIGH,
            "priority of a header");

    ngx_destroy_pool(r.pool);
}


/* the longest that is accepted */

static void
test_limits(void)
{
    ngx_uint_t     i;
    test_result_t  r;
    u_char         body[300];

    unit_ok(test_decode(&r, NULL, NULL,
                        "{\"specversion\":\"1.0\",\"id\":\"" TEST_100 TEST_100
                        TEST_50 "\\u00e9\xc3\xa9" "345\",\"source\":\""
                        TEST_100 "\",\"type\":\"" TEST_E100 "\"}")
            == NGX_OK
            && r.event.source.len == 100
            && r.event.event_type.len == 120
            && r.key.len == 100 + 1 + 257,
            "id, source and type of full length");

    ngx_destroy_pool(r.pool);

    /* what is wrapped is one level deeper */

    for (i = 127; i < 129; i++) {
        ngx_memset(body, '[', i);
        ngx_memset(body + i, ']', i);
        body[2 * i] = '\0';

        unit_ok(test_decode(&r, TEST_HEAD, NULL, (char *) body)
                == ((i < 128) ? NGX_OK : NGX_DECLINED),
                "%d arrays", (int) i);

        ngx_destroy_pool(r.pool);
    }
}


static void
test_many(void)
{
    char           *p, *body, *headers;
    ngx_str_t       written;
    ngx_uint_t      i;
    test_result_t   r;

    body = malloc(20000);
    headers = malloc(20000);

    if (body == NULL || headers == NULL) {
        exit(1);
    }

    p = body + sprintf(body, "{" TEST_CE);

    for (i = 0; i < 1000; i++) {
        p += sprintf(p, ",\"a%d\":%d", (int) i, (int) i);
    }

    sprintf(p, "}");

    unit_ok(test_decode(&r, NULL, NULL, body) == NGX_OK, "1000 attributes");

    test_write(r.pool, &r.event, &written);

    unit_ok(test_same(body, &written), "1000 attributes are the same");

    ngx_destroy_pool(r.pool);

    p = headers + sprintf(headers, TEST_HEAD);

    for (i = 0; i < 1000; i++) {
        p += sprintf(p, "a%d: %d\n", (int) i, (int) i);
    }

    unit_ok(test_decode(&r, headers, NULL, "") == NGX_OK, "1000 headers");

    ngx_destroy_pool(r.pool);

    sprintf(p, "a500: \n");

    unit_ok(test_decode(&r, headers, NULL, "") == NGX_DECLINED
            && test_field_is(&r, "a500"), "a duplicate among 1000 headers");

    ngx_destroy_pool(r.pool);
    free(headers);
    free(body);
}


/* what came otherwise, or says untrue things of itself */

static void
test_rows(void)
{
    char                   expected[2048];
    ngx_str_t              written;
    ngx_uint_t             i;
    ngx_pool_t            *pool;
    ngx_triggers_event_t   event;

    static test_row_t  tests[] = {

        { NULL, NULL, NULL, "{}",
          "\"id\":\"" TEST_UUID "\",\"source\":\"/\",\"type\":\"event\","
          TEST_TIME ",\"datacontenttype\":\"application/json\",\"data\":{}" },
        { "order.created", "shop", "{}", "{\"n\": 1}",
          "\"id\":\"" TEST_UUID "\",\"source\":\"shop\","
          "\"type\":\"order.created\"," TEST_TIME
          ",\"datacontenttype\":\"application/json\",\"data\":{\"n\": 1}" },
        { "a\nb", NULL, NULL, "{}",
          "\"id\":\"" TEST_UUID "\",\"source\":\"/\",\"type\":\"event\","
          TEST_TIME ",\"datacontenttype\":\"application/json\",\"data\":{}" },
        { "t", "/s", "{\"correlation_id\":\"c\",\"priority\":\"low\",\"A\":1,"
          "\"n\":7,\"f\":1.5,\"o\":{},\"a\":[],\"z\":null,\"l\":\"a\\nb\","
          "\"b\":true,\"subject\":\"\",\"\\u0078y\":\"q\","
          "\"dataschema\":\"v1\"}", "{}",
          "\"id\":\"" TEST_UUID "\",\"source\":\"/s\",\"type\":\"t\","
          TEST_TIME ",\"priority\":\"low\",\"n\":7,\"b\":true,\"xy\":\"q\","
          "\"datacontenttype\":\"application/json\",\"data\":{}" },
        { "t", "/s", "{\"id\":\"5\",\"source\":\"x\",\"type\":\"y\","
          "\"data\":\"z\",\"data_base64\":\"YQ==\",\"specversion\":\"2\","
          "\"datacontenttype\":\"text/xml\",\"ce_data\":\"none\","
          "\"subject\":\"s\",\"dataschema\":\"urn:a:b\","
          "\"time\":\"2020-01-01T00:00:00+01:00\"}", "{\"a\":1}",
          "\"id\":\"" TEST_UUID "\",\"source\":\"/s\",\"type\":\"t\","
          "\"time\":\"2020-01-01T00:00:00+01:00\",\"subject\":\"s\","
          "\"dataschema\":\"urn:a:b\","
          "\"datacontenttype\":\"application/json\",\"data\":{\"a\":1}" },
        { "t", "/s", "{\"time\":\"2020-01-01\"}", "{}",
          "\"id\":\"" TEST_UUID "\",\"source\":\"/s\",\"type\":\"t\","
          TEST_TIME ",\"datacontenttype\":\"application/json\",\"data\":{}" },
        { "t", "/s", "{\"specversion\":\"1.0\",\"id\":7}", "{}",
          "\"id\":\"" TEST_UUID "\",\"source\":\"/s\",\"type\":\"t\","
          TEST_TIME ",\"datacontenttype\":\"application/json\",\"data\":{}" },

        /* the payload is not what ce_data says */

        { "t", "/s", "{" TEST_META ",\"ce_data\":\"none\"}", "{\"a\":1}",
          "\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\"," TEST_TIME
          ",\"datacontenttype\":\"application/json\",\"data\":{\"a\":1}" },
        { "t", "/s", "{" TEST_META ",\"ce_data\":\"value\"}", "{\"a\":1}",
          "\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\"," TEST_TIME
          ",\"datacontenttype\":\"application/json\",\"data\":{\"a\":1}" },
        { "t", "/s", "{" TEST_META ",\"ce_data\":\"base64\"}",
          "{\"data_base64\":\"#\"}",
          "\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\"," TEST_TIME
          ",\"datacontenttype\":\"application/json\""
          ",\"data\":{\"data_base64\":\"#\"}" },
        { "t", "/s", "{" TEST_META ",\"ce_data\":\"base64\"}",
          "{\"data_base64\":\"a\\n==\"}",
          "\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\"," TEST_TIME
          ",\"datacontenttype\":\"application/json\""
          ",\"data\":{\"data_base64\":\"a\\n==\"}" },
        { "t", "/s", "{" TEST_META ",\"ce_data\":\"base64\"}",
          "{\"data_base64\":1}",
          "\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\"," TEST_TIME
          ",\"datacontenttype\":\"application/json\""
          ",\"data\":{\"data_base64\":1}" },
        { "t", "/s", "{" TEST_META ",\"ce_data\":1}", "{}",
          "\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\"," TEST_TIME
          ",\"datacontenttype\":\"application/json\",\"data\":{}" },
        { "t", "/s", "{" TEST_META ",\"ce_data\":\"other\"}", "{}",
          "\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\"," TEST_TIME
          ",\"datacontenttype\":\"application/json\",\"data\":{}" }
    };

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        pool = unit_pool();
        ngx_memzero(&event, sizeof(ngx_triggers_event_t));

        if (tests[i].event_type) {
            event.event_type = test_copy(pool, tests[i].event_type,
                                         strlen(tests[i].event_type));
        }

        if (tests[i].source) {
            event.source = test_copy(pool, tests[i].source,
                                     strlen(tests[i].source));
        }

        if (tests[i].metadata) {
            event.metadata = test_copy(pool, tests[i].metadata,
                                       strlen(tests[i].metadata));
        }

        event.payload = test_copy(pool, tests[i].payload,
                                  strlen(tests[i].payload));

        test_write(pool, &event, &written);

        snprintf(expected, sizeof(expected), "{\"specversion\":\"1.0\",%s}",
                 tests[i].written);

        if (!unit_ok(test_is(&written, expected), "row %d", (int) i)) {
            printf("# got %.*s\n", (int) written.len, written.data);
        }

        ngx_destroy_pool(pool);
    }
}


/* a source of any text is written as a URI reference */

static void
test_sources(void)
{
    char                   expected[256];
    ngx_str_t              written;
    ngx_uint_t             i;
    ngx_pool_t            *pool;
    ngx_triggers_event_t   event;

    static struct {
        const char  *source;
        const char  *written;
    } tests[] = {
        { "shop", "shop" },
        { "/a/b?c=d#e", "/a/b?c=d#e" },
        { "https://user@host:80/a;b,c=(1)!*'$&+%20", NULL },
        { "urn:uuid:6e8bc430", NULL },
        { "a+b-c.d:e", NULL },
        { "a/b:c", NULL },
        { "?a:b", NULL },
        { "my shop", "my%20shop" },
        { "caf\xc3\xa9/x", "caf%C3%A9/x" },
        { "1:2", "1%3A2" },
        { ":a", "%3Aa" },
        { "+a:b", "%2Ba%3Ab" },
        { "a_b:c", "a_b%3Ac" },
        { "a%b:c", "a%25b%3Ac" },
        { "100%", "100%25" },
        { "a#b#c", "a%23b%23c" },
        { "<a>\"b\"{c}|\\^`", "%3Ca%3E%22b%22%7Bc%7D%7C%5C%5E%60" },
        { "a\nb", "a%0Ab" },
        { "http://[::1]/", "http%3A//%5B%3A%3A1%5D/" }
    };

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        pool = unit_pool();
        ngx_memzero(&event, sizeof(ngx_triggers_event_t));

        event.source = test_copy(pool, tests[i].source,
                                 strlen(tests[i].source));
        event.payload = test_copy(pool, "{}", 2);

        test_write(pool, &event, &written);

        snprintf(expected, sizeof(expected), ",\"source\":\"%s\",\"type\"",
                 tests[i].written ? tests[i].written : tests[i].source);

        if (!unit_ok(memmem(written.data, written.len, expected,
                            strlen(expected))
                     != NULL,
                     "source %d becomes %s", (int) i, expected))
        {
            printf("# got %.*s\n", (int) written.len, written.data);
        }

        ngx_destroy_pool(pool);
    }
}


/* whatever allocation fails: no memory, and no other answer */

static void
test_memory(void)
{
    ngx_int_t              rc;
    ngx_str_t              written;
    ngx_uint_t             i, n;
    ngx_pool_t            *pool;
    test_result_t          r;
    ngx_triggers_event_t   event;

    static const char  *headers[] = { NULL, TEST_HEAD "n: %41\n" };

    static const char  *bodies[] = {
        "{\"\\u0061b\":\"\\u0061\",\"c\":1,\"d\":1,\"e\":1,\"f\":1," TEST_CE
        ",\"data_base64\":\"\\u0061aaa\"}",
        "[]"
    };

    for (i = 0; i < 2; i++) {

        for (n = 0; n < 100; n++) {
            unit_pool_limit(n);
            rc = test_decode(&r, headers[i], "a/b", bodies[i]);
            unit_pool_limit(-1);

            ngx_destroy_pool(r.pool);

            if (rc != NGX_ERROR) {
                break;
            }
        }

        unit_ok(rc == NGX_OK && n > 5, "%d allocations fail", (int) n);
    }

    pool = unit_pool();
    ngx_memzero(&event, sizeof(ngx_triggers_event_t));

    event.source = test_copy(pool, "my shop", 7);
    event.payload = test_copy(pool, "{}", 2);
    event.metadata = test_copy(pool, "{\"a\":\"\\u0061\"}", 14);

    for (n = 0; n < 100; n++) {
        unit_pool_limit(n);
        test_write(pool, &event, &written);
        unit_pool_limit(-1);

        if (written.data) {
            break;
        }
    }

    unit_ok(written.data && n > 4, "%d allocations of the writer fail",
            (int) n);

    ngx_destroy_pool(pool);
}


static ngx_int_t
test_decode(test_result_t *r, const char *headers, const char *content_type,
    const char *body)
{
    ngx_str_t  text;

    ngx_memzero(r, sizeof(test_result_t));

    r->pool = unit_pool();
    text = test_copy(r->pool, body, strlen(body));

    if (headers) {
        return test_binary(r, headers, content_type, &text);
    }

    return ngx_http_triggers_cloudevent_decode(r->pool, &text, &r->event,
                                               &r->key, &r->error);
}


static ngx_int_t
test_binary(test_result_t *r, const char *headers, const char *content_type,
    ngx_str_t *body)
{
    ngx_str_t     type;
    const char   *p, *colon, *end;
    ngx_array_t   attributes;
    ngx_keyval_t  elts[1100];

    ngx_memzero(&attributes, sizeof(ngx_array_t));
    attributes.elts = elts;

    for (p = headers; *p; p = end + 1) {
        colon = strstr(p, ": ");
        end = strchr(p, '\n');

        elts[attributes.nelts].key = test_copy(r->pool, p, colon - p);
        elts[attributes.nelts].value = test_copy(r->pool, colon + 2,
                                                 end - colon - 2);
        attributes.nelts++;
    }

    ngx_str_null(&type);

    if (content_type) {
        type = test_copy(r->pool, content_type, strlen(content_type));
    }

    return ngx_http_triggers_cloudevent_decode_binary(r->pool, &attributes,
                                                      &type, body, &r->event,
                                                      &r->key, &r->error);
}


/* is the value of the attribute accepted? */

static ngx_uint_t
test_value(const char *name, const char *value)
{
    char           body[256];
    ngx_int_t      rc;
    test_result_t  r;

    sprintf(body, "{" TEST_CE ",\"%s\":%s}", name, value);

    rc = test_decode(&r, NULL, NULL, body);

    ngx_destroy_pool(r.pool);

    return rc == NGX_OK;
}


static ngx_uint_t
test_field_is(test_result_t *r, const char *field)
{
    if (field == NULL) {
        return r->error.field.data == NULL;
    }

    return r->error.field.data && test_is(&r->error.field, field);
}


/*
 * Compares members, but for null, which stands for none, and for what was
 * made up where there was none.
 */

static ngx_uint_t
test_same(const char *sent, ngx_str_t *written)
{
    void        *next;
    json_t      *a, *b, *value;
    ngx_uint_t   same;
    const char  *name;

    a = json_loads(sent, 0, NULL);
    b = json_loadb((char *) written->data, written->len,
                   JSON_REJECT_DUPLICATES, NULL);

    json_object_foreach_safe(a, next, name, value) {
        if (json_is_null(value) && strcmp(name, "data") != 0) {
            json_object_del(a, name);
        }
    }

    if (json_object_get(a, "time") == NULL) {
        json_object_del(b, "time");
    }

    if (json_object_get(a, "datacontenttype") == NULL) {
        json_object_del(b, "datacontenttype");
    }

    same = json_equal(a, b);

    json_decref(a);
    json_decref(b);

    return same;
}


/* data is NULL when there was no memory */

static void
test_write(ngx_pool_t *pool, ngx_triggers_event_t *event, ngx_str_t *written)
{
    ngx_chain_t          *cl;
    ngx_triggers_row_t    row;
    ngx_triggers_text_t   text;

    static u_char  id[NGX_TRIGGERS_ID_LEN] = {
        0x01, 0x93, 0xb3, 0xa0, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 0x0f
    };

    ngx_memzero(&row, sizeof(ngx_triggers_row_t));
    row.event = *event;
    row.event.created_at = 1762778096789ll;
    ngx_memcpy(row.event.id, id, sizeof(id));

    ngx_triggers_text_init(&text, pool);
    ngx_http_triggers_cloudevent_write(&text, &row);

    ngx_str_null(written);

    if (text.failed) {
        return;
    }

    *written = test_copy(pool, "", 0);
    written->data = realloc(pool->large->alloc, text.size + 1);

    if (written->data == NULL) {
        exit(1);
    }

    pool->large->alloc = written->data;

    for (cl = text.first; cl; cl = cl->next) {
        ngx_memcpy(written->data + written->len, cl->buf->pos,
                   cl->buf->last - cl->buf->pos);
        written->len += cl->buf->last - cl->buf->pos;
    }
}


/* memory of the exact size, which a limit of the pool does not count */

static ngx_str_t
test_copy(ngx_pool_t *pool, const char *s, size_t len)
{
    ngx_str_t          copy;
    ngx_pool_large_t  *l;

    l = malloc(sizeof(ngx_pool_large_t));
    copy.data = malloc(len);
    copy.len = len;

    if (l == NULL || (copy.data == NULL && len)) {
        exit(1);
    }

    ngx_memcpy(copy.data, s, len);

    l->alloc = copy.data;
    l->next = pool->large;
    pool->large = l;

    return copy;
}


static ngx_uint_t
test_is(ngx_str_t *s, const char *text)
{
    return s->len == strlen(text) && ngx_memcmp(s->data, text, s->len) == 0;
}
