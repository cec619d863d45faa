
/*
 * Unit tests of content negotiation: Accept headers that ask for CloudEvents,
 * and those that do not; what is preferred.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "unit.h"
#include "ngx_http_triggers_accept.h"


#define TEST_CE     "application/cloudevents+json"
#define TEST_BATCH  "application/cloudevents-batch+json"
#define TEST_JSON   "application/json"


typedef struct {
    const char  *lines[2];        /* NULL: no such header */
    ngx_uint_t   cloudevents;
} test_accept_t;


static void test_accept(void);
static void test_metrics(void);
static void test_prefer(void);
static void test_lists(void);

static void test_header(ngx_table_elt_t *h, const char *name,
    const char *value);


int
main(void)
{
    test_accept();
    test_metrics();
    test_prefer();
    test_lists();

    return unit_done();
}


static void
test_accept(void)
{
    ngx_list_t       list;
    ngx_uint_t       i, n;
    ngx_table_elt_t  h[2];

    static test_accept_t  tests[] = {

        { { NULL, NULL }, 0 },
        { { "", NULL }, 0 },
        { { "*/*", NULL }, 0 },
        { { "application/*", NULL }, 0 },
        { { TEST_JSON, NULL }, 0 },
        { { "text/html, */*;q=0.8", NULL }, 0 },

        { { TEST_CE, NULL }, 1 },
        { { TEST_BATCH, NULL }, 1 },
        { { "Application/CloudEvents+JSON", NULL }, 1 },
        { { "text/html," TEST_CE, NULL }, 1 },
        { { " ,, \t" TEST_CE " \t,", NULL }, 1 },
        { { TEST_CE ";charset=utf-8", NULL }, 1 },
        { { TEST_CE ";x=\"a,b;q=0\\\";q=0\"", NULL }, 1 },
        { { TEST_CE "x", NULL }, 0 },
        { { "application/cloudevents", NULL }, 0 },
        { { "x=\"," TEST_CE ",\"", NULL }, 0 },

        { { TEST_CE "," TEST_JSON, NULL }, 1 },
        { { TEST_JSON "," TEST_CE, NULL }, 1 },
        { { TEST_JSON, TEST_CE }, 1 },
        { { TEST_JSON, TEST_CE ";q=0.9" }, 0 },
        { { TEST_JSON ";q=0.9", TEST_CE }, 1 },
        { { TEST_JSON ";q=0.5," TEST_CE ";q=0.5", NULL }, 1 },
        { { TEST_JSON ";q=0.501," TEST_CE ";q=0.5", NULL }, 0 },
        { { TEST_CE ";q=0.5," TEST_BATCH ";q=0.7," TEST_JSON ";q=0.6",
            NULL }, 1 },

        { { TEST_CE ";q=0", NULL }, 0 },
        { { TEST_CE ";q=0.000", NULL }, 0 },
        { { TEST_CE ";q=0.001", NULL }, 1 },
        { { TEST_CE ";q=1.000", NULL }, 1 },
        { { TEST_CE ";q=0.", NULL }, 0 },
        { { TEST_CE ";q=1.", NULL }, 1 },
        { { TEST_CE " ; Q=0 ", NULL }, 0 },
        { { TEST_CE ";a=b;q=0", NULL }, 0 },
        { { TEST_CE ";q=1;q=0", NULL }, 1 },
        { { TEST_CE ";q=0, */*", NULL }, 0 },
        { { TEST_CE ", */*", NULL }, 1 },
        { { TEST_CE ";q=0.5, */*", NULL }, 0 },
        { { TEST_CE ";q=0.5, */*, " TEST_JSON ";q=0.1", NULL }, 1 },
        { { TEST_CE ";q=0.5, */*, application/*;q=0.4", NULL }, 1 },
        { { "application/*, " TEST_CE ";q=0.5", NULL }, 0 },
        { { "application/*;q=0.4, */*, " TEST_CE ";q=0.5", NULL }, 1 },

        /* malformed weights */

        { { TEST_CE ";q=", NULL }, 0 },
        { { TEST_CE ";q=2", NULL }, 0 },
        { { TEST_CE ";q=1.001", NULL }, 0 },
        { { TEST_CE ";q=0.1234", NULL }, 0 },
        { { TEST_CE ";q=.5", NULL }, 0 },
        { { TEST_CE ";q=0,5", NULL }, 0 },
        { { TEST_CE ";q=0a5", NULL }, 0 },
        { { TEST_CE ";q=0.a", NULL }, 0 },
        { { TEST_CE ";q=\"1\"", NULL }, 0 },
        { { TEST_JSON ";q=x, " TEST_CE ";q=0.1", NULL }, 1 }
    };

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {

        for (n = 0; n < 2 && tests[i].lines[n]; n++) {
            test_header(&h[n], n ? "ACCEPT" : "Accept", tests[i].lines[n]);
        }

        ngx_memzero(&list, sizeof(ngx_list_t));
        list.part.elts = h;
        list.part.nelts = n;

        unit_ok(ngx_http_triggers_accept_cloudevents(&list)
                == tests[i].cloudevents,
                "%s: %s%s%s", tests[i].cloudevents ? "CloudEvents" : "JSON",
                n ? tests[i].lines[0] : "nothing", (n == 2) ? ", " : "",
                (n == 2) ? tests[i].lines[1] : "");

        while (n) {
            free(h[--n].value.data);
        }
    }
}


static void
test_metrics(void)
{
    ngx_uint_t        i;
    ngx_list_t        list;
    ngx_table_elt_t   h;

    static const struct {
        const char  *line;
        ngx_uint_t   format;
    } tests[] = {
        { "", NGX_HTTP_TRIGGERS_FORMAT_JSON },
        { "*/*", NGX_HTTP_TRIGGERS_FORMAT_JSON },
        { "text/*", NGX_HTTP_TRIGGERS_FORMAT_JSON },
        { "application/*", NGX_HTTP_TRIGGERS_FORMAT_JSON },
        { "text/html, */*", NGX_HTTP_TRIGGERS_FORMAT_JSON },
        { TEST_JSON, NGX_HTTP_TRIGGERS_FORMAT_JSON },
        { "text/plain", NGX_HTTP_TRIGGERS_FORMAT_TEXT },
        { "Text/Plain; version=0.0.4", NGX_HTTP_TRIGGERS_FORMAT_TEXT },
        { "text/plain, */*", NGX_HTTP_TRIGGERS_FORMAT_TEXT },
        { "text/plain;q=0.1, */*", NGX_HTTP_TRIGGERS_FORMAT_TEXT },
        { "text/plain;q=0", NGX_HTTP_TRIGGERS_FORMAT_JSON },
        { TEST_JSON ", text/plain, */*", NGX_HTTP_TRIGGERS_FORMAT_JSON },
        { TEST_JSON ";q=0.9, text/plain", NGX_HTTP_TRIGGERS_FORMAT_TEXT },
        { "application/openmetrics-text",
          NGX_HTTP_TRIGGERS_FORMAT_OPENMETRICS },
        { "text/plain, application/openmetrics-text",
          NGX_HTTP_TRIGGERS_FORMAT_OPENMETRICS },
        { "text/plain, application/openmetrics-text;q=0.9",
          NGX_HTTP_TRIGGERS_FORMAT_TEXT },
        { "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;"
          "version=0.0.4;q=0.4,*/*;q=0.1",
          NGX_HTTP_TRIGGERS_FORMAT_OPENMETRICS }
    };

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        test_header(&h, "Accept", tests[i].line);

        ngx_memzero(&list, sizeof(ngx_list_t));
        list.part.elts = &h;
        list.part.nelts = 1;

        unit_ok(ngx_http_triggers_accept_metrics(&list) == tests[i].format,
                "metrics: %s", tests[i].line);

        free(h.value.data);
    }
}


static void
test_prefer(void)
{
    ngx_uint_t       i, n;
    ngx_list_t       list;
    ngx_table_elt_t  h[2];

    static const struct {
        const char  *lines[2];    /* NULL: no such header */
        ngx_uint_t   minimal;
    } tests[] = {
        { { NULL, NULL }, 0 },
        { { "", NULL }, 0 },
        { { "return", NULL }, 0 },
        { { "return=", NULL }, 0 },
        { { "minimal", NULL }, 0 },
        { { "return=minimal", NULL }, 1 },
        { { "return=\"minimal\"", NULL }, 1 },
        { { "return = minimal", NULL }, 1 },
        { { "return\t=\t\"minimal\" ", NULL }, 1 },
        { { "Return=Minimal", NULL }, 1 },
        { { "return=minimal; foo=\"some, parameter\"", NULL }, 1 },
        { { "return=minimal;", NULL }, 1 },
        { { "respond-async, wait=10, return=minimal", NULL }, 1 },
        { { "respond-async,, ,return=minimal,", NULL }, 1 },
        { { "foo=\"a\\\",b\", return=minimal", NULL }, 1 },
        { { "respond-async", "return=minimal" }, 1 },
        { { "return=minimal", "return=representation" }, 1 },
        { { "return=representation", "return=minimal" }, 0 },
        { { "return, return=minimal", NULL }, 0 },
        { { "return=minimalist", NULL }, 0 },
        { { "return=mini", NULL }, 0 },
        { { "no-return=minimal", NULL }, 0 },
        { { "return=\"\"", NULL }, 0 },
        { { "return=\"minimal", NULL }, 0 },
        { { "return=minimal\"", NULL }, 0 },
        { { "return=\"", NULL }, 0 },
        { { "return=\" minimal\"", NULL }, 0 },
        { { "return==minimal", NULL }, 0 },
        { { "foo=\"return=minimal\"", NULL }, 0 },
        { { "foo=\", return=minimal\"", NULL }, 0 },
        { { "foo; return=minimal", NULL }, 0 },
        { { "=minimal", NULL }, 0 }
    };

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {

        for (n = 0; n < 2 && tests[i].lines[n]; n++) {
            test_header(&h[n], n ? "PREFER" : "Prefer", tests[i].lines[n]);
        }

        ngx_memzero(&list, sizeof(ngx_list_t));
        list.part.elts = h;
        list.part.nelts = n;

        unit_ok(ngx_http_triggers_prefer_minimal(&list) == tests[i].minimal,
                "%s: %s%s%s", tests[i].minimal ? "minimal" : "not minimal",
                n ? tests[i].lines[0] : "nothing", (n == 2) ? ", " : "",
                (n == 2) ? tests[i].lines[1] : "");

        while (n) {
            free(h[--n].value.data);
        }
    }
}


/* headers are a list of arrays, and others are among them */

static void
test_lists(void)
{
    ngx_list_t       list;
    ngx_list_part_t  part;
    ngx_table_elt_t  h[3];

    test_header(&h[0], "Accept-Encoding", TEST_CE);
    test_header(&h[1], "Accepts", TEST_CE);
    test_header(&h[2], "accept", TEST_CE);

    ngx_memzero(&list, sizeof(ngx_list_t));
    ngx_memzero(&part, sizeof(ngx_list_part_t));

    list.part.elts = h;
    list.part.nelts = 2;

    unit_ok(!ngx_http_triggers_accept_cloudevents(&list), "other headers");

    list.part.next = &part;
    part.elts = &h[2];
    part.nelts = 1;

    unit_ok(ngx_http_triggers_accept_cloudevents(&list),
            "a header in another part of the list");

    free(h[0].value.data);
    free(h[1].value.data);
    free(h[2].value.data);
}


/* the value in memory of its exact size */

static void
test_header(ngx_table_elt_t *h, const char *name, const char *value)
{
    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->key.data = (u_char *) name;
    h->key.len = strlen(name);
    h->value.len = strlen(value);
    h->value.data = malloc(h->value.len);

    if (h->value.data == NULL && h->value.len) {
        exit(1);
    }

    ngx_memcpy(h->value.data, value, h->value.len);
}
