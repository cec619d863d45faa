
/*
 * Unit tests of what a user_id and the name of a key may be: UTF-8 of RFC 3629
 * without the control characters that JSON has to escape.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "unit.h"
#include "ngx_http_triggers_keys.h"


static void test_texts(void);
static void test_characters(void);

static ngx_uint_t test_is(const char *text, size_t len);
static size_t test_encode(char *text, uint32_t code);


int
main(void)
{
    test_texts();
    test_characters();

    return unit_done();
}


static void
test_texts(void)
{
    ngx_uint_t  i;

    static const char  *texts[] = {
        "shop", "a b", "\"\\", "\x7f", "\xc3\xa4", "a\xe2\x82\xac",
        "\xf0\x9f\x98\x80z"
    };

    static const char  *invalid[] = {
        "\x01", "a\n", "\x1f", "\x80", "a\xbf", "\xc0\x80", "\xc1\xbf",
        "\xc3", "\xc3z", "\xc3\xff", "\xc3\xc3", "\xe2\x82", "\xe2\x82\xc0",
        "\xe2\xff\xac", "\xe0\x80\x80", "\xe0\x9f\xbf", "\xed\xa0\x80",
        "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf", "\xf0\x9f\x98", "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80", "\xf8\x90\x80\x80", "\xf8\x88\x80\x80\x80",
        "\xfe\x90\x80\x80", "\xff"
    };

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        unit_ok(test_is(texts[i], strlen(texts[i])), "text: %d", (int) i);
    }

    for (i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++) {
        unit_ok(!test_is(invalid[i], strlen(invalid[i])), "no text: %d",
                (int) i);
    }

    unit_ok(!test_is("a\0b", 3), "no text: a zero byte");
    unit_ok(test_is("", 0), "text: none");
}


/* each code point once, and with every other byte at each of its places */

static void
test_characters(void)
{
    char         text[4];
    size_t       len, i;
    uint32_t     code;
    ngx_uint_t   wrong, is;

    wrong = 0;

    for (code = 0; code < 0x200000; code++) {
        len = test_encode(text, code);
        is = (code >= 0x20 && code <= 0x10ffff
              && (code < 0xd800 || code > 0xdfff));

        wrong += (test_is(text, len) != is);

        for (i = 1; i < len; i++) {
            text[i] ^= 0x40;
            wrong += test_is(text, len);
            text[i] ^= 0x40;
        }
    }

    unit_ok(wrong == 0, "every character, and each with a wrong byte");
}


/* the text has nothing behind it, for AddressSanitizer */

static ngx_uint_t
test_is(const char *text, size_t len)
{
    ngx_str_t   s;
    ngx_uint_t  is;

    s.len = len;
    s.data = malloc(len);
    ngx_memcpy(s.data, text, len);

    is = ngx_http_triggers_key_is_text(&s);

    free(s.data);

    return is;
}


static size_t
test_encode(char *text, uint32_t code)
{
    size_t  i, len;

    if (code < 0x80) {
        text[0] = (char) code;
        return 1;
    }

    len = (code < 0x800) ? 2 : (code < 0x10000) ? 3 : 4;

    for (i = len - 1; i > 0; i--) {
        text[i] = (char) (0x80 | (code & 0x3f));
        code >>= 6;
    }

    text[0] = (char) ((0xf00 >> len) | code);

    return len;
}
