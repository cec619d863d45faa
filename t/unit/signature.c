
/*
 * Unit tests of signatures: the vector of the Standard Webhooks libraries,
 * what another tool computes, and which texts are secrets.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "unit.h"
#include "ngx_triggers_signature.h"


static void test_vectors(void);
static void test_secrets(void);
static void test_create(void);

static ngx_int_t test_parse(const char *text, ngx_triggers_secret_t *secret);
static ngx_uint_t test_sign(const char *text, const char *id,
    int64_t timestamp, const char *body, const char *expected);


int
main(void)
{
    test_vectors();
    test_secrets();
    test_create();

    return unit_done();
}


/* the first one is that of the tests of the reference libraries */

static void
test_vectors(void)
{
    unit_ok(test_sign("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                      "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
                      "{\"test\": 2432232314}",
                      "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
            "signature: the vector of the specification's libraries");

    unit_ok(test_sign("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
                      "0", 0, "",
                      "v1,GErNg1Ns65IIh10uGI8XXMtiqkQa82yHvpuV0FCL9Ak="),
            "signature: no body, a secret with padding");
}


static void
test_secrets(void)
{
    u_char                 max[sizeof("whsec_") + 88];
    ngx_uint_t             i;
    ngx_triggers_secret_t  secret;

    static const char  *invalid[] = {
        "", "whsec", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa==",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS ",
        "whsec_ MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n\n\n\n",
        "whsec_MfKQ9r8GKYqr-_jUPD8ILPZIo2LaLaSw",
        "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=",
        "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
        "whsec_================================"
    };

    for (i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++) {
        unit_ok(test_parse(invalid[i], &secret) == NGX_DECLINED,
                "no secret: \"%s\"", invalid[i]);
    }

    unit_ok(test_parse("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
                       &secret) == NGX_OK
            && secret.len == 32 && secret.key[31] == 31,
            "secret: one character of padding");

    unit_ok(test_parse("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGA==", &secret)
            == NGX_OK
            && secret.len == 25 && secret.key[24] == 24,
            "secret: two characters of padding");

    memset(max, 'A', sizeof(max));
    memcpy(max, "whsec_", 6);
    memcpy(max + 6 + 86, "==", 3);

    unit_ok(test_parse((char *) max, &secret) == NGX_OK && secret.len == 64,
            "secret: the longest one");

    memcpy(max + 6 + 86, "A=", 3);

    unit_ok(test_parse((char *) max, &secret) == NGX_DECLINED,
            "no secret: one byte more");
}


static void
test_create(void)
{
    u_char                 text[NGX_TRIGGERS_SECRET_TEXT_LEN + 1];
    u_char                 other[NGX_TRIGGERS_SECRET_TEXT_LEN + 1];
    ngx_triggers_secret_t  secret;

    text[NGX_TRIGGERS_SECRET_TEXT_LEN] = '\0';
    other[NGX_TRIGGERS_SECRET_TEXT_LEN] = '\0';

    unit_ok(ngx_triggers_secret_create(text) == NGX_OK
            && ngx_triggers_secret_create(other) == NGX_OK
            && strlen((char *) text) == NGX_TRIGGERS_SECRET_TEXT_LEN,
            "create: two secrets");

    unit_ok(strcmp((char *) text, (char *) other) != 0,
            "create: they differ");

    unit_ok(test_parse((char *) text, &secret) == NGX_OK
            && secret.len == NGX_TRIGGERS_SECRET_MIN,
            "create: it can be read");
}


static ngx_int_t
test_parse(const char *text, ngx_triggers_secret_t *secret)
{
    ngx_str_t  s;

    s.data = (u_char *) text;
    s.len = strlen(text);

    return ngx_triggers_secret_parse(&s, secret);
}


static ngx_uint_t
test_sign(const char *text, const char *id, int64_t timestamp,
    const char *body, const char *expected)
{
    u_char                 *p, signature[NGX_TRIGGERS_SIGNATURE_LEN];
    ngx_str_t               id_text, body_text;
    ngx_triggers_secret_t   secret;

    id_text.data = (u_char *) id;
    id_text.len = strlen(id);
    body_text.data = (u_char *) body;
    body_text.len = strlen(body);

    if (test_parse(text, &secret) != NGX_OK) {
        return 0;
    }

    p = ngx_triggers_signature(signature, &secret, &id_text, timestamp,
                               &body_text);

    return p == signature + NGX_TRIGGERS_SIGNATURE_LEN
           && strlen(expected) == NGX_TRIGGERS_SIGNATURE_LEN
           && memcmp(signature, expected, NGX_TRIGGERS_SIGNATURE_LEN) == 0;
}
