
/*
 * Unit tests of the JSON validator: every rule of strictness with the reason
 * and the offset of its refusal, the walk over members, duplicate names,
 * limits of depth, and decoding.  Texts are copied to memory of their exact
 * size, so that a sanitizer or valgrind sees any read beyond them.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "unit.h"
#include "ngx_triggers_json.h"


#define TEST_UNIQUE  NGX_TRIGGERS_JSON_UNIQUE
#define TEST_NO_NUL  NGX_TRIGGERS_JSON_NO_NUL
#define TEST_DEEP    NGX_TRIGGERS_JSON_NO_NUL_DEEP

#define test_text(text)  { sizeof(text) - 1, (u_char *) text }

#define TEST_SAMPLE                                                           \
    " {\"a\\n\\u00e9\" : [1, -0.5e+3, true, false, null, {}, []],\r\n"        \
    "\t\"\xd0\xb6\xe4\xb8\xad\xf0\x9f\x98\x80\": {\"b\":{\"c\":\"\\ud83d"     \
    "\\ude00 and a long plain tail\"}}, \"z\":\"\"} "


typedef struct {
    ngx_str_t    text;
    ngx_uint_t   type;
} test_valid_t;


typedef struct {
    ngx_str_t    text;
    const char  *reason;
    size_t       offset;
} test_invalid_t;


typedef struct {
    ngx_str_t    text;
    ngx_uint_t   flags;
    ngx_int_t    rc;
    const char  *reason;      /* NULL: not refused */
    size_t       offset;
} test_walk_t;


static void test_valid(void);
static void test_invalid(void);
static void test_every_byte(void);
static void test_truncated(void);
static void test_utf8(void);
static void test_surrogates(void);
static void test_depth(void);
static void test_walks(void);
static void test_items(void);
static void test_spans(void);
static void test_not_object(void);
static void test_many(void);
static void test_name_is(void);
static void test_string_is(void);
static void test_unescape(void);
static void test_get(void);

static ngx_str_t test_copy(ngx_str_t *text);
static ngx_int_t test_check(ngx_str_t *text, ngx_uint_t *type,
    ngx_triggers_json_error_t *error);
static ngx_int_t test_string(u_char *bytes, size_t len);
static ngx_int_t test_nested(ngx_uint_t depth, const char *open,
    const char *inner, const char *close, ngx_uint_t walk);
static ngx_int_t test_members(ngx_uint_t n, const char *format,
    const char *last, ngx_uint_t number, ngx_uint_t *seen);
static ngx_uint_t test_utf8_is_valid(u_char *p, size_t len);


int
main(void)
{
    test_valid();
    test_invalid();
    test_every_byte();
    test_truncated();
    test_utf8();
    test_surrogates();
    test_depth();
    test_walks();
    test_items();
    test_spans();
    test_not_object();
    test_many();
    test_name_is();
    test_string_is();
    test_unescape();
    test_get();

    return unit_done();
}


static void
test_valid(void)
{
    ngx_int_t                   rc;
    ngx_uint_t                  i, type;
    ngx_triggers_json_error_t   error;

    static test_valid_t  tests[] = {

        { test_text("null"), NGX_TRIGGERS_JSON_NULL },
        { test_text("false"), NGX_TRIGGERS_JSON_FALSE },
        { test_text("true"), NGX_TRIGGERS_JSON_TRUE },
        { test_text("\"\""), NGX_TRIGGERS_JSON_STRING },
        { test_text("[]"), NGX_TRIGGERS_JSON_ARRAY },
        { test_text("{}"), NGX_TRIGGERS_JSON_OBJECT },

        { test_text(" \t\r\n null \t\r\n "), NGX_TRIGGERS_JSON_NULL },
        { test_text("[ ]"), NGX_TRIGGERS_JSON_ARRAY },
        { test_text("{ }"), NGX_TRIGGERS_JSON_OBJECT },
        { test_text("[ 1 , 2 ]"), NGX_TRIGGERS_JSON_ARRAY },
        { test_text("[ { } , [ ] , \"\" ]"), NGX_TRIGGERS_JSON_ARRAY },
        { test_text("{ \"a\" : 1 , \"b\" : { \"c\" : [ ] } }"),
          NGX_TRIGGERS_JSON_OBJECT },
        { test_text("{\"\":{\"\":{}}}"), NGX_TRIGGERS_JSON_OBJECT },
        { test_text("[{\"a\":1,\"a\":2}]"), NGX_TRIGGERS_JSON_ARRAY },

        { test_text("0"), NGX_TRIGGERS_JSON_NUMBER },
        { test_text("-0"), NGX_TRIGGERS_JSON_NUMBER },
        { test_text("7"), NGX_TRIGGERS_JSON_NUMBER },
        { test_text("-1234567890"), NGX_TRIGGERS_JSON_NUMBER },
        { test_text("0.0"), NGX_TRIGGERS_JSON_NUMBER },
        { test_text("10.25"), NGX_TRIGGERS_JSON_NUMBER },
        { test_text("0e0"), NGX_TRIGGERS_JSON_NUMBER },
        { test_text("1E5"), NGX_TRIGGERS_JSON_NUMBER },
        { test_text("1e+05"), NGX_TRIGGERS_JSON_NUMBER },
        { test_text("-1.5e-7"), NGX_TRIGGERS_JSON_NUMBER },
        { test_text("123456789012345678901234567890"),
          NGX_TRIGGERS_JSON_NUMBER },
        { test_text("1e400"), NGX_TRIGGERS_JSON_NUMBER },

        { test_text("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""),
          NGX_TRIGGERS_JSON_STRING },
        { test_text("\"\\u0041\\uabCD\\uFFFF\""), NGX_TRIGGERS_JSON_STRING },
        { test_text("\"\\u0000\""), NGX_TRIGGERS_JSON_STRING },
        { test_text("\"\x7f\""), NGX_TRIGGERS_JSON_STRING },
        { test_text("\"a long and plain string / of ASCII {}[]:,\""),
          NGX_TRIGGERS_JSON_STRING },
        { test_text(TEST_SAMPLE), NGX_TRIGGERS_JSON_OBJECT }
    };

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        rc = test_check(&tests[i].text, &type, &error);

        unit_ok(rc == NGX_OK && type == tests[i].type, "valid text %d",
                (int) i);
    }
}


static void
test_invalid(void)
{
    ngx_int_t                   rc;
    ngx_uint_t                  i, type;
    ngx_triggers_json_error_t   error;

    static test_invalid_t  tests[] = {

        { test_text(""), "unexpected end", 0 },
        { test_text(" \n"), "unexpected end", 2 },
        { test_text("nul"), "unexpected end", 3 },
        { test_text("nulL"), "unexpected character", 3 },
        { test_text("True"), "unexpected character", 0 },
        { test_text("truefalse"), "trailing data", 4 },
        { test_text("NaN"), "unexpected character", 0 },
        { test_text("Infinity"), "unexpected character", 0 },
        { test_text("-Infinity"), "invalid number", 1 },
        { test_text("undefined"), "unexpected character", 0 },
        { test_text("'a'"), "unexpected character", 0 },
        { test_text("\xef\xbb\xbf{}"), "unexpected character", 0 },
        { test_text("\v1"), "unexpected character", 0 },
        { test_text("\f1"), "unexpected character", 0 },
        { test_text("\xc2\xa0" "1"), "unexpected character", 0 },
        { test_text("1\0"), "trailing data", 1 },
        { test_text("\0"), "unexpected character", 0 },
        { test_text("/* */1"), "unexpected character", 0 },
        { test_text("[1 // 2\n]"), "unexpected character", 3 },

        { test_text("1 2"), "trailing data", 2 },
        { test_text("{}{}"), "trailing data", 2 },
        { test_text("[],"), "trailing data", 2 },
        { test_text("[]]"), "trailing data", 2 },
        { test_text("\"\"\""), "trailing data", 2 },

        { test_text("["), "unexpected end", 1 },
        { test_text("[1"), "unexpected end", 2 },
        { test_text("[1,"), "unexpected end", 3 },
        { test_text("[1,]"), "unexpected character", 3 },
        { test_text("[,1]"), "unexpected character", 1 },
        { test_text("[1,,2]"), "unexpected character", 3 },
        { test_text("[1 2]"), "unexpected character", 3 },
        { test_text("[1:2]"), "unexpected character", 2 },
        { test_text("[1}"), "unexpected character", 2 },
        { test_text("[}"), "unexpected character", 1 },
        { test_text("]"), "unexpected character", 0 },
        { test_text("[\"a\":1]"), "unexpected character", 4 },

        { test_text("{"), "unexpected end", 1 },
        { test_text("{]"), "unexpected character", 1 },
        { test_text("{1:2}"), "unexpected character", 1 },
        { test_text("{a:2}"), "unexpected character", 1 },
        { test_text("{null:2}"), "unexpected character", 1 },
        { test_text("{\"a\""), "unexpected end", 4 },
        { test_text("{\"a\"}"), "unexpected character", 4 },
        { test_text("{\"a\" 1}"), "unexpected character", 5 },
        { test_text("{\"a\",1}"), "unexpected character", 4 },
        { test_text("{\"a\":"), "unexpected end", 5 },
        { test_text("{\"a\":}"), "unexpected character", 5 },
        { test_text("{\"a\":1"), "unexpected end", 6 },
        { test_text("{\"a\":1]"), "unexpected character", 6 },
        { test_text("{\"a\":1,"), "unexpected end", 7 },
        { test_text("{\"a\":1,}"), "unexpected character", 7 },
        { test_text("{,\"a\":1}"), "unexpected character", 1 },
        { test_text("{\"a\":1 \"b\":2}"), "unexpected character", 7 },
        { test_text("{\"a\"::1}"), "unexpected character", 5 },
        { test_text("{\"a\":1,,\"b\":2}"), "unexpected character", 7 },
        { test_text("{\"a\":[}]"), "unexpected character", 6 },

        { test_text("-"), "unexpected end", 1 },
        { test_text("--1"), "invalid number", 1 },
        { test_text("+1"), "unexpected character", 0 },
        { test_text("01"), "trailing data", 1 },
        { test_text("-01"), "trailing data", 2 },
        { test_text(".5"), "unexpected character", 0 },
        { test_text("-.5"), "invalid number", 1 },
        { test_text("1."), "unexpected end", 2 },
        { test_text("[1.]"), "invalid number", 3 },
        { test_text("1.e1"), "invalid number", 2 },
        { test_text("1e"), "unexpected end", 2 },
        { test_text("1e+"), "unexpected end", 3 },
        { test_text("[1e-]"), "invalid number", 4 },
        { test_text("1.2.3"), "trailing data", 3 },
        { test_text("1e1.5"), "trailing data", 3 },
        { test_text("0x10"), "trailing data", 1 },
        { test_text("1_000"), "trailing data", 1 },

        { test_text("\""), "unexpected end", 1 },
        { test_text("\"abc"), "unexpected end", 4 },
        { test_text("\"abcdefghijkl"), "unexpected end", 13 },
        { test_text("\"\\\""), "unexpected end", 3 },
        { test_text("\"a\\"), "unexpected end", 3 },
        { test_text("\"\\a\""), "invalid escape", 1 },
        { test_text("\"\\'\""), "invalid escape", 1 },
        { test_text("\"\\0\""), "invalid escape", 1 },
        { test_text("\"\\x41\""), "invalid escape", 1 },
        { test_text("\"\\U0041\""), "invalid escape", 1 },
        { test_text("\"ab\\u\""), "invalid escape", 3 },
        { test_text("\"\\u004\""), "invalid escape", 1 },
        { test_text("\"\\u004g\""), "invalid escape", 1 },
        { test_text("\"\\u 041\""), "invalid escape", 1 },
        { test_text("\"\\u-041\""), "invalid escape", 1 },
        { test_text("{\"\\q\":1}"), "invalid escape", 2 },
        { test_text("{\"a\":1,\"\xff\":1}"), "invalid UTF-8", 8 },
        { test_text("[\"plain then bad: \xc0\xaf\"]"), "invalid UTF-8", 18 }
    };

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        rc = test_check(&tests[i].text, &type, &error);

        if (!unit_ok(rc == NGX_ERROR
                     && strcmp(error.reason, tests[i].reason) == 0
                     && error.offset == tests[i].offset,
                     "invalid text %d: %s", (int) i, tests[i].reason)
            && rc == NGX_ERROR)
        {
            printf("# got %s at %d\n", error.reason, (int) error.offset);
        }
    }
}


/* every byte at every place of a string, so at every place of a word */

static void
test_every_byte(void)
{
    u_char      s[24];
    ngx_uint_t  c, i, len, wrong;

    wrong = 0;

    for (len = 1; len <= 24; len++) {
        for (i = 0; i < len; i++) {
            for (c = 0; c < 256; c++) {
                ngx_memset(s, 'a', sizeof(s));
                s[i] = (u_char) c;

                if ((test_string(s, len) == NGX_OK)
                    != (c >= 0x20 && c < 0x80 && c != '"' && c != '\\'))
                {
                    wrong++;
                }
            }
        }
    }

    unit_ok(wrong == 0, "every byte at every place of a string");

    /* two bytes that stop in one word: the first one counts */

    wrong = 0;

    for (i = 0; i < 8; i++) {
        for (c = 0; c < 8; c++) {
            ngx_memset(s, 0x20, sizeof(s));
            s[i] = 0x01;
            s[c] = 0xff;

            wrong += (test_string(s, sizeof(s)) == NGX_OK);
        }
    }

    unit_ok(wrong == 0, "two bad bytes in a word");
}


static void
test_truncated(void)
{
    size_t                      i;
    ngx_str_t                   part;
    ngx_uint_t                  type, wrong;
    ngx_triggers_json_error_t   error;

    static ngx_str_t  text = test_text(TEST_SAMPLE);

    wrong = 0;
    part = text;

    for (i = 0; i < text.len - 1; i++) {
        part.len = i;

        if (test_check(&part, &type, &error) != NGX_ERROR
            || error.offset > i)
        {
            wrong++;
        }
    }

    unit_ok(wrong == 0, "a text is refused wherever it is cut");

    part.len = text.len - 1;

    unit_ok(test_check(&part, &type, &error) == NGX_OK,
            "white space may be cut");
}


/* all two-byte, and all three- and four-byte sequences at their boundaries */

static void
test_utf8(void)
{
    u_char      s[5];
    ngx_uint_t  a, b, c, d, wrong;

    static u_char  edges[] = {
        0x22, 0x41, 0x7f, 0x80, 0x81, 0x8f, 0x90, 0x9f, 0xa0, 0xbe, 0xbf,
        0xc0, 0xc2, 0xe0, 0xf0, 0xff
    };

    wrong = 0;

    for (a = 0x80; a < 256; a++) {
        s[0] = (u_char) a;

        wrong += (test_string(s, 1) == NGX_OK);

        for (b = 0x80; b < 256; b++) {
            s[1] = (u_char) b;

            wrong += ((test_string(s, 2) == NGX_OK)
                      != test_utf8_is_valid(s, 2));
        }
    }

    unit_ok(wrong == 0, "UTF-8 of one and two bytes");

    wrong = 0;

    for (a = 0xc0; a < 256; a++) {
        for (b = 0; b < sizeof(edges); b++) {
            for (c = 0; c < sizeof(edges); c++) {
                s[0] = (u_char) a;
                s[1] = edges[b];
                s[2] = edges[c];

                wrong += ((test_string(s, 3) == NGX_OK)
                          != test_utf8_is_valid(s, 3));

                for (d = 0; d < sizeof(edges); d++) {
                    s[3] = edges[d];

                    wrong += ((test_string(s, 4) == NGX_OK)
                              != test_utf8_is_valid(s, 4));
                }
            }
        }
    }

    unit_ok(wrong == 0, "UTF-8 of three and four bytes");

    unit_ok(test_string((u_char *) "\xed\x9f\xbf\xee\x80\x80", 6) == NGX_OK,
            "the neighbours of the surrogates");
    unit_ok(test_string((u_char *) "\xed\xa0\x80", 3) == NGX_ERROR,
            "a surrogate in UTF-8");
    unit_ok(test_string((u_char *) "\xef\xbf\xbe\xef\xbf\xbf", 6) == NGX_OK,
            "noncharacters are characters");
    unit_ok(test_string((u_char *) "\xf4\x8f\xbf\xbf", 4) == NGX_OK,
            "U+10FFFF");
    unit_ok(test_string((u_char *) "\xf4\x90\x80\x80", 4) == NGX_ERROR,
            "U+110000");
    unit_ok(test_string((u_char *) "\xc1\xbf", 2) == NGX_ERROR,
            "overlong form");
}


static void
test_surrogates(void)
{
    char        s[32];
    size_t      len;
    ngx_uint_t  code, wrong;

    static test_invalid_t  pairs[] = {
        { test_text("\\ud800\\udc00"), NULL, 0 },
        { test_text("\\uDBFF\\uDFFF"), NULL, 0 },
        { test_text("\\ud83d\\ude00\\ud83d\\ude01"), NULL, 0 },
        { test_text("\\ud800"), "lone", 0 },
        { test_text("\\ud800a"), "lone", 0 },
        { test_text("\\ud800 and more text"), "lone", 0 },
        { test_text("\\ud800\\n and more text"), "lone", 0 },
        { test_text("\\ud800\\u0041"), "lone", 0 },
        { test_text("\\ud800\\ud800"), "lone", 0 },
        { test_text("\\ud800\\ue000"), "lone", 0 },
        { test_text("\\ud800\\udc0g"), "lone", 0 },
        { test_text("\\ud800\\udc0"), "lone", 0 },
        { test_text("\\ud800/udc00"), "lone", 0 },
        { test_text("\\udc00"), "lone", 0 },
        { test_text("\\udfff\\ud800"), "lone", 0 }
    };

    wrong = 0;

    for (code = 0; code < 0x10000; code++) {
        len = sprintf(s, (code & 1) ? "\\u%04x" : "\\u%04X",
                      (unsigned) code);

        wrong += ((test_string((u_char *) s, len) == NGX_OK)
                  != (code < 0xd800 || code > 0xdfff));
    }

    unit_ok(wrong == 0, "every \\u escape alone");

    for (code = 0; code < sizeof(pairs) / sizeof(pairs[0]); code++) {
        unit_ok((test_string(pairs[code].text.data, pairs[code].text.len)
                 == NGX_OK) == (pairs[code].reason == NULL),
                "surrogates %d", (int) code);
    }
}


static void
test_depth(void)
{
    unit_ok(test_nested(128, "[", "", "]", 0) == NGX_OK, "128 arrays");
    unit_ok(test_nested(129, "[", "", "]", 0) == NGX_ERROR, "129 arrays");
    unit_ok(test_nested(128, "[", "1", "]", 0) == NGX_OK,
            "128 arrays and a number");
    unit_ok(test_nested(127, "[", "{\"a\":1}", "]", 0) == NGX_OK,
            "127 arrays and an object");
    unit_ok(test_nested(128, "[", "{}", "]", 0) == NGX_ERROR,
            "128 arrays and an object");

    unit_ok(test_nested(128, "{\"a\":", "1", "}", 0) == NGX_OK,
            "128 objects");
    unit_ok(test_nested(129, "{\"a\":", "1", "}", 0) == NGX_ERROR,
            "129 objects");
    unit_ok(test_nested(64, "[{\"a\":", "1", "}]", 0) == NGX_OK,
            "64 arrays and objects");
    unit_ok(test_nested(100000, "[", "", "]", 0) == NGX_ERROR,
            "100000 arrays");

    unit_ok(test_nested(127, "[1,[2],", "3", "]", 0) == NGX_OK,
            "siblings do not add up");

    unit_ok(test_nested(128, "{\"a\":", "1", "}", 1) == NGX_DONE,
            "128 objects in a walk");
    unit_ok(test_nested(129, "{\"a\":", "1", "}", 1) == NGX_ERROR,
            "129 objects in a walk");
    unit_ok(test_nested(128, "[", "", "]", 1) == NGX_DECLINED,
            "128 arrays in a walk");
}


static void
test_items(void)
{
    int                         rc;
    size_t                      i, n;
    ngx_str_t                   text;
    ngx_triggers_json_items_t   items;
    ngx_triggers_json_value_t   value;

    static struct {
        const char  *text;
        int          rc;
        size_t       n;            /* elements before that */
        const char  *last;         /* the last of them */
        const char  *reason;
        size_t       offset;
    } tests[] = {
        { "[]", NGX_DONE, 0, NULL, NULL, 0 },
        { " [ ] ", NGX_DONE, 0, NULL, NULL, 0 },
        { "[1]", NGX_DONE, 1, "1", NULL, 0 },
        { "[ {\"a\":[1,2]} , \"x\" ]", NGX_DONE, 2, "\"x\"", NULL, 0 },
        { "[[],[[]],null]\n", NGX_DONE, 3, "null", NULL, 0 },
        { "{}", NGX_DECLINED, 0, NULL, NULL, 0 },
        { "12", NGX_DECLINED, 0, NULL, NULL, 0 },
        { "", NGX_ERROR, 0, NULL, "unexpected end", 0 },
        { "[", NGX_ERROR, 0, NULL, "unexpected end", 1 },
        { "[1", NGX_ERROR, 1, "1", "unexpected end", 2 },
        { "[1,", NGX_ERROR, 1, "1", "unexpected end", 3 },
        { "[1 2]", NGX_ERROR, 1, "1", "unexpected character", 3 },
        { "[1,]", NGX_ERROR, 1, "1", "unexpected character", 3 },
        { "[,1]", NGX_ERROR, 0, NULL, "unexpected character", 1 },
        { "[1}", NGX_ERROR, 1, "1", "unexpected character", 2 },
        { "[] x", NGX_ERROR, 0, NULL, "trailing data", 3 },
        { "[1] x", NGX_ERROR, 1, "1", "trailing data", 4 },
        { "{} x", NGX_ERROR, 0, NULL, "trailing data", 3 }
    };

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        text.data = (u_char *) tests[i].text;
        text.len = strlen(tests[i].text);

        ngx_triggers_json_items_init(&items, &text);
        ngx_str_null(&value.text);

        n = 0;

        while ((rc = ngx_triggers_json_item(&items, &value)) == NGX_OK) {
            n++;
        }

        unit_ok(rc == tests[i].rc && n == tests[i].n
                && (n == 0 || (value.text.len == strlen(tests[i].last)
                               && memcmp(value.text.data, tests[i].last,
                                         value.text.len) == 0))
                && (rc != NGX_ERROR
                    || (strcmp(items.error.reason, tests[i].reason) == 0
                        && items.error.offset == tests[i].offset))
                && ngx_triggers_json_item(&items, &value) == rc,
                "items %d", (int) i);

        if (rc == NGX_ERROR) {
            printf("# got %s at %d\n", items.error.reason,
                   (int) items.error.offset);
        }
    }
}


static void
test_walks(void)
{
    ngx_int_t                    rc;
    ngx_str_t                    text;
    ngx_uint_t                   i;
    ngx_triggers_json_walk_t     walk;
    ngx_triggers_json_member_t   member;

    static test_walk_t  tests[] = {

        { test_text("{\"a\":1,\"b\":2}"), TEST_UNIQUE, NGX_DONE, NULL, 0 },
        { test_text("{\"a\":1,\"a\":2}"), 0, NGX_DONE, NULL, 0 },
        { test_text("{\"a\":1, \"a\":2}"), TEST_UNIQUE, NGX_ERROR,
          "duplicate name", 8 },
        { test_text("{\"a\":1,\"b\":2,\"a\":3}"), TEST_UNIQUE, NGX_ERROR,
          "duplicate name", 13 },
        { test_text("{\"\":1,\"\":2}"), TEST_UNIQUE, NGX_ERROR,
          "duplicate name", 6 },
        { test_text("{\"a\":1,\"A\":2,\"aa\":3,\"\":4}"), TEST_UNIQUE,
          NGX_DONE, NULL, 0 },
        { test_text("{\"a\":1,\"\\u0061\":2}"), TEST_UNIQUE, NGX_ERROR,
          "duplicate name", 7 },
        { test_text("{\"\\u0061\":1,\"a\":2}"), TEST_UNIQUE, NGX_ERROR,
          "duplicate name", 12 },
        { test_text("{\"\\u006A\":1,\"\\u006a\":2}"), TEST_UNIQUE, NGX_ERROR,
          "duplicate name", 12 },
        { test_text("{\"/\":1,\"\\/\":2}"), TEST_UNIQUE, NGX_ERROR,
          "duplicate name", 7 },
        { test_text("{\"\\n\":1,\"\\u000a\":2}"), TEST_UNIQUE, NGX_ERROR,
          "duplicate name", 8 },
        { test_text("{\"\xc3\xa9\":1,\"\\u00e9\":2}"), TEST_UNIQUE,
          NGX_ERROR, "duplicate name", 8 },
        { test_text("{\"\xe2\x82\xac\":1,\"\\u20ac\":2}"), TEST_UNIQUE,
          NGX_ERROR, "duplicate name", 9 },
        { test_text("{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":2}"),
          TEST_UNIQUE, NGX_ERROR, "duplicate name", 18 },
        { test_text("{\"\\u0061b\":1,\"a\":2,\"ab\\u0063\":3}"), TEST_UNIQUE,
          NGX_DONE, NULL, 0 },
        { test_text("{\"a\\u0000\":1,\"a\":2}"), TEST_UNIQUE, NGX_DONE,
          NULL, 0 },
        { test_text("{\"\\\"\":1,\"\\\"\\\"\":2}"), TEST_UNIQUE, NGX_DONE,
          NULL, 0 },
        { test_text("{\"\\\"a\":1,\"\\u0022a\":2}"), TEST_UNIQUE, NGX_ERROR,
          "duplicate name", 9 },

        { test_text("{\"p\":{\"a\":1,\"a\":2}}"), TEST_UNIQUE, NGX_DONE,
          NULL, 0 },
        { test_text("{\"p\":[{\"a\":1,\"a\":2}],\"a\":1}"), TEST_UNIQUE,
          NGX_DONE, NULL, 0 },

        { test_text("{\"a\\u0000\":\"\\u0000\"}"), TEST_UNIQUE, NGX_DONE,
          NULL, 0 },
        { test_text("{\"a\\u0000\":1}"), TEST_NO_NUL, NGX_ERROR,
          "NUL character", 3 },
        { test_text("{\"a\":\"b\\u0000\"}"), TEST_NO_NUL, NGX_ERROR,
          "NUL character", 7 },
        { test_text("{\"a\":{\"b\":\"\\u0000\"}}"), TEST_NO_NUL, NGX_DONE,
          NULL, 0 },
        { test_text("{\"a\":{\"\\u0000\":1}}"), TEST_NO_NUL, NGX_DONE,
          NULL, 0 },
        { test_text("{\"a\":[\"\\u0000\"], \"b\":\"\\u0000\"}"), TEST_NO_NUL,
          NGX_ERROR, "NUL character", 22 },
        { test_text("{\"a\\u0000\":1}"), TEST_DEEP, NGX_ERROR,
          "NUL character", 3 },
        { test_text("{\"a\":\"\\u0000\"}"), TEST_DEEP, NGX_ERROR,
          "NUL character", 6 },
        { test_text("{\"a\":{\"b\":\"\\u0000\"}}"), TEST_DEEP, NGX_ERROR,
          "NUL character", 11 },
        { test_text("{\"a\":[{\"\\u0000\":1}]}"), TEST_DEEP, NGX_ERROR,
          "NUL character", 8 },
        { test_text("{\"a\":\"\\\\u0000\\u0001\"}"), TEST_DEEP, NGX_DONE,
          NULL, 0 },
        { test_text("{\"a\":{\"b\":\"\0\"}}"), 0, NGX_ERROR,
          "control character in a string", 11 },
        { test_text("[\"\\u0000\"]"), TEST_NO_NUL, NGX_DECLINED, NULL, 0 },
        { test_text("[\"\\u0000\"]"), TEST_DEEP, NGX_ERROR,
          "NUL character", 2 },

        { test_text("{}"), TEST_UNIQUE, NGX_DONE, NULL, 0 },
        { test_text(" { } \n"), TEST_UNIQUE, NGX_DONE, NULL, 0 },
        { test_text("{} x"), 0, NGX_ERROR, "trailing data", 3 },
        { test_text("{\"a\":1} x"), 0, NGX_ERROR, "trailing data", 8 },
        { test_text("[1] x"), 0, NGX_ERROR, "trailing data", 4 },
        { test_text("{\"a\":1,}"), 0, NGX_ERROR, "unexpected character", 7 },
        { test_text("{,"), 0, NGX_ERROR, "unexpected character", 1 },
        { test_text("{\"a\":1;"), 0, NGX_ERROR, "unexpected character", 6 },
        { test_text("{\"a\":1"), 0, NGX_ERROR, "unexpected end", 6 },
        { test_text("{\"a\":1,"), 0, NGX_ERROR, "unexpected end", 7 },
        { test_text("{\"a\":"), 0, NGX_ERROR, "unexpected end", 5 },
        { test_text("{\"a\""), 0, NGX_ERROR, "unexpected end", 4 },
        { test_text("{"), 0, NGX_ERROR, "unexpected end", 1 },
        { test_text("{\"a\":1]"), 0, NGX_ERROR, "unexpected character", 6 },
        { test_text(""), 0, NGX_ERROR, "unexpected end", 0 }
    };

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        text = test_copy(&tests[i].text);

        ngx_triggers_json_walk_init(&walk, &text, tests[i].flags);

        do {
            rc = ngx_triggers_json_next(&walk, &member);
        } while (rc == NGX_OK);

        if (!unit_ok(rc == tests[i].rc
                     && (rc != NGX_ERROR
                         || (strcmp(walk.error.reason, tests[i].reason) == 0
                             && walk.error.offset == tests[i].offset))
                     && ngx_triggers_json_next(&walk, &member) == rc,
                     "walk %d", (int) i)
            && rc == NGX_ERROR)
        {
            printf("# got %s at %d\n", walk.error.reason,
                   (int) walk.error.offset);
        }

        ngx_triggers_json_walk_done(&walk);

        free(text.data);
    }
}


static void
test_spans(void)
{
    ngx_str_t                   *v, text;
    ngx_uint_t                   i;
    ngx_triggers_json_walk_t     walk;
    ngx_triggers_json_member_t   member;

    static ngx_str_t  sample = test_text(
        "\n{ \"n\" : null , \"f\":false,\"t\":true\t,\"\":-1.50E+2 ,"
        "\"s\\t\": \"a \\\" b\" ,\"a\" : [ 1 , [ ] ] , "
        "\"o\":\r{ \"x\" : { } }\r} ");

    static struct {
        ngx_str_t    name;
        ngx_uint_t   escaped;
        ngx_uint_t   type;
        ngx_str_t    value;
    } members[] = {
        { test_text("n"), 0, NGX_TRIGGERS_JSON_NULL, test_text("null") },
        { test_text("f"), 0, NGX_TRIGGERS_JSON_FALSE, test_text("false") },
        { test_text("t"), 0, NGX_TRIGGERS_JSON_TRUE, test_text("true") },
        { test_text(""), 0, NGX_TRIGGERS_JSON_NUMBER,
          test_text("-1.50E+2") },
        { test_text("s\\t"), 1, NGX_TRIGGERS_JSON_STRING,
          test_text("\"a \\\" b\"") },
        { test_text("a"), 0, NGX_TRIGGERS_JSON_ARRAY,
          test_text("[ 1 , [ ] ]") },
        { test_text("o"), 0, NGX_TRIGGERS_JSON_OBJECT,
          test_text("{ \"x\" : { } }") }
    };

    text = test_copy(&sample);

    ngx_triggers_json_walk_init(&walk, &text, TEST_UNIQUE);

    for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {

        if (!unit_ok(ngx_triggers_json_next(&walk, &member) == NGX_OK,
                     "member %d is found", (int) i))
        {
            break;
        }

        v = &member.value.text;

        unit_ok(member.name.len == members[i].name.len
                && memcmp(member.name.data, members[i].name.data,
                          member.name.len) == 0
                && member.escaped == members[i].escaped,
                "its name");

        unit_ok(member.value.type == members[i].type
                && v->len == members[i].value.len
                && v->data > text.data && v->data < text.data + text.len
                && memcmp(v->data, members[i].value.data, v->len) == 0,
                "its value");
    }

    unit_ok(ngx_triggers_json_next(&walk, &member) == NGX_DONE
            && walk.type == NGX_TRIGGERS_JSON_OBJECT, "no more members");

    ngx_triggers_json_walk_done(&walk);

    free(text.data);
}


static void
test_not_object(void)
{
    ngx_str_t                    text;
    ngx_uint_t                   i;
    ngx_triggers_json_walk_t     walk;
    ngx_triggers_json_member_t   member;

    static test_valid_t  tests[] = {
        { test_text(" null"), NGX_TRIGGERS_JSON_NULL },
        { test_text("false "), NGX_TRIGGERS_JSON_FALSE },
        { test_text("true"), NGX_TRIGGERS_JSON_TRUE },
        { test_text(" 12 "), NGX_TRIGGERS_JSON_NUMBER },
        { test_text("\"{}\""), NGX_TRIGGERS_JSON_STRING },
        { test_text("[{}]"), NGX_TRIGGERS_JSON_ARRAY }
    };

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        text = test_copy(&tests[i].text);

        ngx_triggers_json_walk_init(&walk, &text, TEST_UNIQUE);

        unit_ok(ngx_triggers_json_next(&walk, &member) == NGX_DECLINED
                && walk.type == tests[i].type, "not an object %d", (int) i);

        ngx_triggers_json_walk_done(&walk);

        free(text.data);
    }
}


/*
 * If the search were quadratic, the largest of these would take minutes,
 * and the alarm would end the test.
 */

static void
test_many(void)
{
    ngx_uint_t  n, seen, wrong;

    alarm(60);

    wrong = 0;

    for (n = 1; n < 300; n++) {
        wrong += (test_members(n, "name%d", "name%d", n, &seen) != NGX_DONE
                  || seen != n);
        wrong += (test_members(n + 1, "name%d", "name%d", 0, &seen)
                  != NGX_ERROR || seen != n);
        wrong += (test_members(n + 1, "name%d", "\\u006eame%d", n / 2, &seen)
                  != NGX_ERROR || seen != n);
        wrong += (test_members(n + 1, "n\\u0061me%d", "name%d", n - 1, &seen)
                  != NGX_ERROR || seen != n);
    }

    unit_ok(wrong == 0, "duplicates among up to 300 members");

    unit_ok(test_members(300000, "%d", "%d", 300000, &seen) == NGX_DONE
            && seen == 300000, "300000 members");
    unit_ok(test_members(300000, "a%d", "\\u0061%d", 299998, &seen)
            == NGX_ERROR && seen == 299999,
            "the last of 300000 members is a duplicate");

    alarm(0);
}


static void
test_name_is(void)
{
    ngx_triggers_json_member_t  member;

    ngx_str_set(&member.name, "event_type");
    member.escaped = 0;

    unit_ok(ngx_triggers_json_name_is(&member, "event_type", 10),
            "name is the same");
    unit_ok(!ngx_triggers_json_name_is(&member, "event_typo", 10)
            && !ngx_triggers_json_name_is(&member, "event_typ", 9)
            && !ngx_triggers_json_name_is(&member, "event_types", 11)
            && !ngx_triggers_json_name_is(&member, "", 0),
            "name is another");

    ngx_str_set(&member.name, "\\u0065vent\\u005ftype");
    member.escaped = 1;

    unit_ok(ngx_triggers_json_name_is(&member, "event_type", 10),
            "escaped name is the same");
    unit_ok(!ngx_triggers_json_name_is(&member, "event_typo", 10)
            && !ngx_triggers_json_name_is(&member, "event_typ", 9)
            && !ngx_triggers_json_name_is(&member, "event_types", 11)
            && !ngx_triggers_json_name_is(&member, "", 0)
            && !ngx_triggers_json_name_is(&member, "\\u0065vent\\u005ftype",
                                          20),
            "escaped name is another");
}


static void
test_string_is(void)
{
    ngx_uint_t  i;

    static struct {
        ngx_str_t    text;
        ngx_str_t    plain;
        ngx_uint_t   equal;
    } tests[] = {
        { test_text("\"\""), test_text(""), 1 },
        { test_text("\"\""), test_text("a"), 0 },
        { test_text("\"high\""), test_text("high"), 1 },
        { test_text("\"high\""), test_text("hig"), 0 },
        { test_text("\"high\""), test_text("higher"), 0 },
        { test_text("\"hi\\u0067h\""), test_text("high"), 1 },
        { test_text("\"hi\\u0067h\""), test_text("hig"), 0 },
        { test_text("\"hi\\u0067h\""), test_text("higher"), 0 },
        { test_text("\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\""),
          test_text("a\"\\/\b\f\n\r\t"), 1 },
        { test_text("\"\\u0000\""), test_text("\0"), 1 },
        { test_text("\"\\u0000\""), test_text(""), 0 },
        { test_text("\"\\u00e9\xc3\xa9\""), test_text("\xc3\xa9\xc3\xa9"),
          1 },
        { test_text("\"\\u00e9\""), test_text("\xc3"), 0 },
        { test_text("\"\\ud83d\\ude00\""), test_text("\xf0\x9f\x98\x80"),
          1 },
        { test_text("\"\\u20ac\""), test_text("\xe2\x82\xac"), 1 },
        { test_text("\"\\u20ac\""), test_text("\xff\xff\xff"), 0 }
    };

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        unit_ok(ngx_triggers_json_string_is(&tests[i].text,
                                            tests[i].plain.data,
                                            tests[i].plain.len)
                == tests[i].equal, "string is %d", (int) i);
    }
}


static void
test_unescape(void)
{
    size_t       len;
    u_char      *dst;
    ngx_uint_t   i, chars;

    static struct {
        ngx_str_t    text;
        ngx_str_t    plain;
        ngx_uint_t   chars;
    } tests[] = {
        { test_text("\"\""), test_text(""), 0 },
        { test_text("\"plain\""), test_text("plain"), 5 },
        { test_text("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""),
          test_text("\"\\/\b\f\n\r\t"), 8 },
        { test_text("\"a\\u0000b\""), test_text("a\0b"), 3 },
        { test_text("\"\\u007f\\u0080\\u07ff\\u0800\\uffff\""),
          test_text("\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf"), 5 },
        { test_text("\"\\ud800\\udc00\\udbff\\udfff\""),
          test_text("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"), 2 },
        { test_text("\"\xd0\xb6\xe4\xb8\xad\xf0\x9f\x98\x80.\""),
          test_text("\xd0\xb6\xe4\xb8\xad\xf0\x9f\x98\x80."), 4 },
        { test_text("\"one \\n two \\u0433 three\""),
          test_text("one \n two \xd0\xb3 three"), 17 }
    };

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        dst = malloc(tests[i].text.len);
        if (dst == NULL) {
            exit(1);
        }

        len = ngx_triggers_json_unescape(dst, &tests[i].text, &chars);

        unit_ok(len == tests[i].plain.len && chars == tests[i].chars
                && memcmp(dst, tests[i].plain.data, len) == 0
                && ngx_triggers_json_unescape(dst, &tests[i].text, NULL)
                   == len,
                "unescape %d", (int) i);

        free(dst);
    }
}


static void
test_get(void)
{
    ngx_uint_t                  i;
    ngx_triggers_json_value_t   value;

    static ngx_str_t  object = test_text(
        " {\"a\":1, \"b\" : {\"a\":2} ,\"\\u0063\":\"3\",\"a\": [4]} ");

    static ngx_str_t  array = test_text("[\"a\",1]");

    static struct {
        ngx_str_t    name;
        ngx_uint_t   type;
        ngx_str_t    text;
    } tests[] = {
        { test_text("a"), NGX_TRIGGERS_JSON_ARRAY, test_text("[4]") },
        { test_text("b"), NGX_TRIGGERS_JSON_OBJECT, test_text("{\"a\":2}") },
        { test_text("c"), NGX_TRIGGERS_JSON_STRING, test_text("\"3\"") },
        { test_text("d"), NGX_TRIGGERS_JSON_NONE, test_text("") },
        { test_text(""), NGX_TRIGGERS_JSON_NONE, test_text("") },
        { test_text("\\u0063"), NGX_TRIGGERS_JSON_NONE, test_text("") }
    };

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        ngx_triggers_json_get(&object, tests[i].name.data, tests[i].name.len,
                              &value);

        unit_ok(value.type == tests[i].type
                && value.text.len == tests[i].text.len
                && (value.text.len == 0
                    || memcmp(value.text.data, tests[i].text.data,
                              value.text.len) == 0),
                "get %d", (int) i);
    }

    ngx_triggers_json_get(&array, (u_char *) "a", 1, &value);

    unit_ok(value.type == NGX_TRIGGERS_JSON_NONE, "get from an array");
}


static ngx_str_t
test_copy(ngx_str_t *text)
{
    ngx_str_t  copy;

    copy.len = text->len;
    copy.data = malloc(text->len);

    if (copy.data == NULL && text->len) {
        exit(1);
    }

    if (text->len) {
        ngx_memcpy(copy.data, text->data, text->len);
    }

    return copy;
}


static ngx_int_t
test_check(ngx_str_t *text, ngx_uint_t *type,
    ngx_triggers_json_error_t *error)
{
    ngx_int_t  rc;
    ngx_str_t  copy;

    copy = test_copy(text);

    rc = ngx_triggers_json_validate(&copy, type, error);

    free(copy.data);

    return rc;
}


/* validates the bytes between quotes */

static ngx_int_t
test_string(u_char *bytes, size_t len)
{
    u_char                      *p;
    ngx_int_t                    rc;
    ngx_str_t                    text;
    ngx_uint_t                   type;
    ngx_triggers_json_error_t    error;

    text.len = len + 2;
    text.data = malloc(text.len);
    if (text.data == NULL) {
        exit(1);
    }

    p = text.data;
    *p++ = '"';
    p = ngx_cpymem(p, bytes, len);
    *p = '"';

    rc = ngx_triggers_json_validate(&text, &type, &error);

    free(text.data);

    return rc;
}


static ngx_int_t
test_nested(ngx_uint_t depth, const char *open, const char *inner,
    const char *close, ngx_uint_t walked)
{
    u_char                      *p;
    ngx_int_t                    rc;
    ngx_str_t                    text;
    ngx_uint_t                   i, type;
    ngx_triggers_json_walk_t     walk;
    ngx_triggers_json_error_t    error;
    ngx_triggers_json_member_t   member;

    text.len = depth * (strlen(open) + strlen(close)) + strlen(inner);
    text.data = malloc(text.len);
    if (text.data == NULL) {
        exit(1);
    }

    p = text.data;

    for (i = 0; i < depth; i++) {
        p = ngx_cpymem(p, open, strlen(open));
    }

    p = ngx_cpymem(p, inner, strlen(inner));

    for (i = 0; i < depth; i++) {
        p = ngx_cpymem(p, close, strlen(close));
    }

    if (walked) {
        ngx_triggers_json_walk_init(&walk, &text, TEST_UNIQUE);

        do {
            rc = ngx_triggers_json_next(&walk, &member);
        } while (rc == NGX_OK);

        error = walk.error;
        ngx_triggers_json_walk_done(&walk);

    } else {
        rc = ngx_triggers_json_validate(&text, &type, &error);
    }

    if (rc == NGX_ERROR && strcmp(error.reason, "nesting is too deep") != 0) {
        rc = NGX_ABORT;
    }

    free(text.data);

    return rc;
}


/*
 * Walks over n members, named by the format and their index, the last one by
 * a format and a number of its own; counts those it has seen.
 */

static ngx_int_t
test_members(ngx_uint_t n, const char *format, const char *last,
    ngx_uint_t number, ngx_uint_t *seen)
{
    u_char                      *p;
    ngx_int_t                    rc;
    ngx_str_t                    text;
    ngx_uint_t                   i;
    ngx_triggers_json_walk_t     walk;
    ngx_triggers_json_member_t   member;

    text.data = malloc(n * 32 + 2);
    if (text.data == NULL) {
        exit(1);
    }

    p = text.data;
    *p++ = '{';

    for (i = 0; i < n; i++) {
        *p++ = '"';

        if (i == n - 1) {
            p += sprintf((char *) p, last, (int) number);

        } else {
            p += sprintf((char *) p, format, (int) i);
        }

        p = ngx_cpymem(p, "\":0,", 4);
    }

    p[-1] = '}';
    text.len = p - text.data;

    *seen = 0;

    ngx_triggers_json_walk_init(&walk, &text, TEST_UNIQUE);

    while ((rc = ngx_triggers_json_next(&walk, &member)) == NGX_OK) {
        (*seen)++;
    }

    if (rc == NGX_ERROR
        && strcmp(walk.error.reason, "duplicate name") != 0)
    {
        rc = NGX_ABORT;
    }

    ngx_triggers_json_walk_done(&walk);

    free(text.data);

    return rc;
}


/* decodes by the ranges of code points, unlike the code under test */

static ngx_uint_t
test_utf8_is_valid(u_char *p, size_t len)
{
    u_char      *last;
    uint32_t     code;
    ngx_uint_t   n;

    last = p + len;

    while (p < last) {

        if (*p < 0x80) {
            if (*p < 0x20 || *p == '"' || *p == '\\') {
                return 0;
            }

            p++;
            continue;
        }

        n = (*p >= 0xf8) ? 0 : (*p >= 0xf0) ? 4 : (*p >= 0xe0) ? 3
            : (*p >= 0xc0) ? 2 : 0;

        if (n == 0 || (size_t) (last - p) < n) {
            return 0;
        }

        code = *p++ & (0xff >> (n + 1));

        for (len = 1; len < n; len++) {
            if ((*p & 0xc0) != 0x80) {
                return 0;
            }

            code = (code << 6) | (*p++ & 0x3f);
        }

        if (code > 0x10ffff
            || (code >= 0xd800 && code <= 0xdfff)
            || code < ((n == 2) ? 0x80u : (n == 3) ? 0x800u : 0x10000u))
        {
            return 0;
        }
    }

    return 1;
}
