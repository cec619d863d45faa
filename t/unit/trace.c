
/*
 * Unit tests of the headers of W3C Trace Context: what is valid, and what of
 * it is passed on.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "unit.h"
#include "ngx_triggers_trace.h"


#define TEST_ID    "0af7651916cd43dd8448eb211c80319c"
#define TEST_SPAN  "b7ad6b7169203331"
#define TEST_REST  TEST_ID "-" TEST_SPAN "-01"

#define TEST_LINES  3


/* lines of a request, and what they come to: NULL if it is nothing valid */

typedef struct {
    const char              *lines[TEST_LINES];
    const char              *list;
} test_state_t;


static void test_parents(void);
static void test_parent_length(void);
static void test_states(void);
static void test_lengths(void);
static void test_number(void);
static void test_characters(void);
static void test_fit(void);

static ngx_uint_t test_is_parent(const char *text);
static const char *test_list(const char *const *lines, ngx_uint_t n);
static ngx_uint_t test_is(const char *line, const char *list);


int
main(void)
{
    test_parents();
    test_parent_length();
    test_states();
    test_lengths();
    test_number();
    test_characters();
    test_fit();

    return unit_done();
}


static void
test_parents(void)
{
    u_char      id[NGX_TRIGGERS_TRACE_ID_LEN];
    ngx_str_t   value;
    ngx_uint_t  i;

    static const char *const  valid[] = {
        "00-" TEST_REST,
        "00-" TEST_ID "-" TEST_SPAN "-00",
        "00-" TEST_ID "-" TEST_SPAN "-ff",
        "00-00000000000000000000000000000001-0000000000000001-00",
        "00-80000000000000000000000000000000-8000000000000000-00",
        " \t00-" TEST_REST "\t ",
        "01-" TEST_REST,
        "fe-" TEST_REST,
        "cc-" TEST_REST "-",
        "cc-" TEST_REST "-what-the~future.will_be=like"
    };

    static const char *const  invalid[] = {
        "",
        "-",
        "00-" TEST_ID "-" TEST_SPAN "-0",
        "00-" TEST_ID "-" TEST_SPAN "-",
        "00-" TEST_REST "-",
        "00-" TEST_REST "-more",
        "00-" TEST_REST "0",
        "cc-" TEST_REST ".more",
        "cc-" TEST_REST "0",
        "cc-" TEST_REST "-mo re",
        "cc-" TEST_REST "-mo\x7fre",
        "cc-" TEST_REST "-mo\xc3\xa4re",
        "cc-" TEST_ID "-" TEST_SPAN,
        "ff-" TEST_REST,
        "ff-" TEST_REST "-more",
        "0-" TEST_REST,
        "0g-" TEST_REST,
        "CC-" TEST_REST,
        ".0-" TEST_REST,
        "00." TEST_REST,
        "00-00000000000000000000000000000000-" TEST_SPAN "-01",
        "cc-00000000000000000000000000000000-" TEST_SPAN "-01",
        "00-" TEST_ID "-0000000000000000-01",
        "00-0AF7651916CD43DD8448EB211C80319C-" TEST_SPAN "-01",
        "00-0af7651916cd43dd8448eb211c80319g-" TEST_SPAN "-01",
        "00-0af7651916cd43dd8448eb211c80319-" TEST_SPAN "-010",
        "00-" TEST_ID "-B7AD6B7169203331-01",
        "00-" TEST_ID "-b7ad6b716920333.-01",
        "00-" TEST_ID "." TEST_SPAN "-01",
        "00-" TEST_ID "-" TEST_SPAN ".01",
        "00-" TEST_ID "-" TEST_SPAN "-0A",
        "00-" TEST_ID "-" TEST_SPAN "-.1",
        "00-" TEST_REST ",00-" TEST_REST
    };

    for (i = 0; i < sizeof(valid) / sizeof(valid[0]); i++) {
        unit_ok(test_is_parent(valid[i]), "traceparent: \"%s\"", valid[i]);
    }

    for (i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++) {
        unit_ok(!test_is_parent(invalid[i]), "no traceparent: \"%s\"",
                invalid[i]);
    }

    ngx_str_set(&value, " \t00-" TEST_REST "\t ");

    unit_ok(ngx_triggers_traceparent_check(&value) == NGX_OK
            && value.len == sizeof("00-" TEST_REST) - 1
            && ngx_memcmp(value.data, "00-" TEST_REST, value.len) == 0,
            "traceparent: white space is taken off");

    ngx_triggers_traceparent_id(&value, id);

    unit_ok(ngx_memcmp(id, "\x0a\xf7\x65\x19\x16\xcd\x43\xdd"
                       "\x84\x48\xeb\x21\x1c\x80\x31\x9c", sizeof(id))
            == 0, "traceparent: the bytes of its id");
}


static void
test_parent_length(void)
{
    char        text[NGX_TRIGGERS_TRACEPARENT_MAX + 2];
    ngx_uint_t  len;

    len = sprintf(text, "cc-" TEST_REST "-");
    memset(text + len, 'x', sizeof(text) - len);

    text[NGX_TRIGGERS_TRACEPARENT_MAX + 1] = '\0';
    unit_ok(!test_is_parent(text), "no traceparent: too long");

    text[NGX_TRIGGERS_TRACEPARENT_MAX] = '\0';
    unit_ok(test_is_parent(text), "traceparent: as long as it may be");
}


static void
test_states(void)
{
    ngx_uint_t   i;
    const char  *list;

    static const test_state_t  tests[] = {
        { { "congo=t61rcWkgMzE" }, "congo=t61rcWkgMzE" },
        { { "a=1,b=2" }, "a=1,b=2" },
        { { "b=2,a=1" }, "b=2,a=1" },
        { { "a=1", "b=2", "c=3" }, "a=1,b=2,c=3" },
        { { "a=1,b=2", "c=3" }, "a=1,b=2,c=3" },
        { { " \ta=1\t ,\t b=2 \t" }, "a=1,b=2" },
        { { "a= 1 2" }, "a= 1 2" },
        { { "", "a=1", "" }, "a=1" },
        { { ",,a=1, ,\t,b=2," }, "a=1,b=2" },
        { { "a=1,a=2" }, "a=1,a=2" },
        { { "fw529a3039@dt=FfLxKAECAwQ" }, "fw529a3039@dt=FfLxKAECAwQ" },
        { { "0tenant@sys=1,9=2" }, "0tenant@sys=1,9=2" },
        { { "az09_-*/@=1" }, "az09_-*/@=1" },
        { { "" }, "" },
        { { " , ", "\t" }, "" },

        { { "a" }, NULL },
        { { "a=" }, NULL },
        { { "a= " }, NULL },
        { { "a=,b=1" }, NULL },
        { { "=1" }, NULL },
        { { "=" }, NULL },
        { { "a=1=2" }, NULL },
        { { "a =1" }, NULL },
        { { "a b=1" }, NULL },
        { { "A=1" }, NULL },
        { { "aB=1" }, NULL },
        { { "@a=1" }, NULL },
        { { "_a=1" }, NULL },
        { { "a.b=1" }, NULL },
        { { "\xc3\xa4=1" }, NULL },
        { { "a=1\t2" }, NULL },
        { { "a=\xc3\xa4" }, NULL },
        { { "a=1;b=2,c=\x7f" }, NULL },
        { { "a=1", "b", "c=3" }, NULL },
        { { "a=1,", ",b" }, NULL }
    };

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        list = test_list(tests[i].lines, TEST_LINES);

        unit_ok(tests[i].list ? list && strcmp(list, tests[i].list) == 0
                              : list == NULL,
                "tracestate: \"%s\"%s", tests[i].lines[0],
                tests[i].lines[1] ? " …" : "");
    }
}


/* keys and values of 256 characters, and not of more */

static void
test_lengths(void)
{
    char        text[1024];
    ngx_uint_t  n, m;

    for (n = 255; n <= 257; n++) {
        for (m = 255; m <= 257; m++) {
            memset(text, 'k', n);
            text[n] = '=';
            memset(text + n + 1, 'v', m);
            text[n + 1 + m] = '\0';

            unit_ok(test_is(text, (n > 256 || m > 256) ? NULL : text),
                    "tracestate: a key of %d, a value of %d", (int) n,
                    (int) m);
        }
    }
}


/* thirty-two members, however they are spread over lines */

static void
test_number(void)
{
    char         all[512], half[512];
    const char  *lines[2];
    ngx_uint_t   n;
    char        *p;

    for (n = 31; n <= 33; n++) {
        for (p = all; p < all + 4 * n; p += 4) {
            ngx_memcpy(p, "a=1,", 4);
        }

        p[-1] = '\0';

        unit_ok(test_is(all, n > 32 ? NULL : all), "tracestate: %d members",
                (int) n);
    }

    all[4 * 16 - 1] = '\0';
    strcpy(half, all);
    lines[0] = all;
    lines[1] = half;

    unit_ok(test_list(lines, 2) != NULL, "tracestate: two lines of 16");

    strcat(half, ",b=2");

    unit_ok(test_list(lines, 2) == NULL, "tracestate: lines of 16 and 17");
}


static void
test_characters(void)
{
    u_char      c;
    char        text[sizeof("a=1x2")];
    ngx_uint_t  i, wrong;

    wrong = 0;

    for (i = 1; i < 256; i++) {
        c = (u_char) i;
        sprintf(text, "a=1%c2", c);

        /* a comma ends the member, and "2" is none */

        wrong += test_is(text, (c < ' ' || c >= 0x7f || c == ',' || c == '=')
                               ? NULL : text)
                 == 0;
    }

    unit_ok(wrong == 0, "tracestate: the characters of a value");
}


/* whole members go: the long ones, then others, each time the last */

static void
test_fit(void)
{
    char                        text[4096], value[256], *p;
    u_char                      list[NGX_TRIGGERS_TRACESTATE_MAX];
    ngx_str_t                   line;
    ngx_uint_t                  i;
    ngx_triggers_tracestate_t   state;

    static const char  expected[] = "abcdefghj";

    memset(value, 'v', sizeof(value));

    /* of 128 characters but for two: "c" has 129, "i" has more */

    for (i = 0, p = text; i < 10; i++) {
        p += sprintf(p, "%s%c=%.*s", i ? "," : "", (int) ('a' + i),
                     i == 2 ? 127 : i == 8 ? 200 : 126, value);
    }

    line.data = (u_char *) text;
    line.len = p - text;

    ngx_memzero(&state, sizeof(state));

    unit_ok(ngx_triggers_tracestate_add(&state, &line) == NGX_OK
            && state.n == 10 && state.len == line.len,
            "fit: before, %d characters", (int) state.len);

    ngx_triggers_tracestate_fit(&state);

    /* eight of 128 with seven commas would be 1031 */

    unit_ok(state.n == 7 && state.len == 7 * 128 + 6,
            "fit: after, %d characters", (int) state.len);

    for (i = 0; i < state.n; i++) {
        unit_ok(state.members[i].data[0] == expected[i + (i >= 2)],
                "fit: %c is left", state.members[i].data[0]);
    }

    unit_ok(ngx_triggers_tracestate_write(list, &state) == list + state.len,
            "fit: what is written");
}


static ngx_uint_t
test_is_parent(const char *text)
{
    ngx_str_t  value;

    value.data = (u_char *) text;
    value.len = strlen(text);

    return ngx_triggers_traceparent_check(&value) == NGX_OK;
}


/* what is passed on of the lines; NULL if one of them is not valid */

static const char *
test_list(const char *const *lines, ngx_uint_t n)
{
    u_char                     *p;
    ngx_str_t                   line;
    ngx_uint_t                  i;
    ngx_triggers_tracestate_t   state;

    static char  text[NGX_TRIGGERS_TRACESTATE_MAX + 1];

    ngx_memzero(&state, sizeof(state));

    for (i = 0; i < n && lines[i]; i++) {
        line.data = (u_char *) lines[i];
        line.len = strlen(lines[i]);

        if (ngx_triggers_tracestate_add(&state, &line) != NGX_OK) {
            return NULL;
        }
    }

    p = ngx_triggers_tracestate_write((u_char *) text, &state);
    *p = '\0';

    return (p - (u_char *) text == (ptrdiff_t) state.len) ? text : NULL;
}


static ngx_uint_t
test_is(const char *line, const char *list)
{
    const char  *found;

    found = test_list(&line, 1);

    return list ? found && strcmp(found, list) == 0 : found == NULL;
}
