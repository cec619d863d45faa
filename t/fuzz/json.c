
/*
 * Fuzzes the JSON validator with jansson as the oracle.  Both must accept the
 * same texts, but for what the two are known to differ in: jansson refuses
 * numbers out of its range and names with NUL characters, and lets zero bytes
 * pass between tokens; the validator refuses what is nested deeper than its
 * limit.  Then spans, decoded strings, duplicates and look-ups are compared.
 * Any other difference aborts.
 */


#include "fuzz.h"
#include "ngx_triggers_json.h"


static void fuzz_refused(ngx_str_t *text, ngx_triggers_json_error_t *error,
    json_t *json);
static ngx_uint_t fuzz_depth(ngx_str_t *text);
static void fuzz_nul(ngx_str_t *text, json_t *json);
static void fuzz_walk(ngx_str_t *text, json_t *json);
static ngx_uint_t fuzz_member(ngx_triggers_json_member_t *member,
    json_t *object);
static void fuzz_get(ngx_str_t *text, json_t *object);
static void fuzz_value(ngx_str_t *text, ngx_uint_t type, json_t *json);
static void fuzz_string(ngx_str_t *text, json_t *json);
static ngx_int_t fuzz_next_all(ngx_str_t *text, ngx_uint_t flags,
    ngx_triggers_json_walk_t *walk);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t                      *json;
    ngx_int_t                    rc;
    ngx_str_t                    text;
    ngx_uint_t                   type;
    json_error_t                 jerror;
    enum json_error_code         code;
    ngx_triggers_json_walk_t     walk;
    ngx_triggers_json_error_t    error;

    text.data = (u_char *) data;
    text.len = size;

    rc = ngx_triggers_json_validate(&text, &type, &error);

    json = json_loadb((const char *) data, size,
                      JSON_DECODE_ANY|JSON_ALLOW_NUL, &jerror);

    /* a walk must come to the same end as the validation */

    if (fuzz_next_all(&text, 0, &walk) == NGX_ERROR) {
        fuzz_check(rc == NGX_ERROR);
        fuzz_check(walk.error.reason == error.reason);
        fuzz_check(walk.error.offset == error.offset);

    } else {
        fuzz_check(rc == NGX_OK);
        fuzz_check(walk.type == type);
    }

    if (rc == NGX_ERROR) {
        fuzz_refused(&text, &error, json);
        json_decref(json);
        return 0;
    }

    if (json == NULL) {
        code = json_error_code(&jerror);

        fuzz_check(code == json_error_numeric_overflow
                   || code == json_error_null_byte_in_key);
        return 0;
    }

    fuzz_nul(&text, json);
    fuzz_value(&text, type, json);

    if (type == NGX_TRIGGERS_JSON_OBJECT) {
        fuzz_walk(&text, json);
        fuzz_get(&text, json);
    }

    json_decref(json);

    return 0;
}


static void
fuzz_refused(ngx_str_t *text, ngx_triggers_json_error_t *error, json_t *json)
{
    fuzz_check(error->reason != NULL);
    fuzz_check(error->offset <= text->len);

    if (json == NULL) {
        return;
    }

    /* jansson skips a zero byte after a number, or takes it for the end */

    if (error->offset < text->len && text->data[error->offset] == '\0') {
        return;
    }

    fuzz_check(strcmp(error->reason, "nesting is too deep") == 0);
    fuzz_check(fuzz_depth(text) > NGX_TRIGGERS_JSON_DEPTH);
}


/* of a text that jansson has accepted */

static ngx_uint_t
fuzz_depth(ngx_str_t *text)
{
    u_char      *p, *last;
    ngx_uint_t   depth, deepest, quoted;

    depth = 0;
    deepest = 0;
    quoted = 0;
    last = text->data + text->len;

    for (p = text->data; p < last; p++) {

        if (*p == '"') {
            quoted = !quoted;

        } else if (quoted) {
            p += (*p == '\\');

        } else if (*p == '[' || *p == '{') {
            depth++;
            deepest = ngx_max(deepest, depth);

        } else if (*p == ']' || *p == '}') {
            depth--;
        }
    }

    return deepest;
}


/* without JSON_ALLOW_NUL jansson refuses NUL characters at any depth */

static void
fuzz_nul(ngx_str_t *text, json_t *json)
{
    json_t                    *strict;
    ngx_int_t                  rc;
    json_error_t               error;
    ngx_triggers_json_walk_t   walk;

    strict = json_loadb((const char *) text->data, text->len,
                        JSON_DECODE_ANY, &error);

    rc = fuzz_next_all(text, NGX_TRIGGERS_JSON_NO_NUL_DEEP, &walk);

    if (strict) {
        fuzz_check(rc != NGX_ERROR);
        fuzz_check(json_equal(strict, json));
        json_decref(strict);
        return;
    }

    fuzz_check(json_error_code(&error) == json_error_null_character);
    fuzz_check(rc == NGX_ERROR);
    fuzz_check(strcmp(walk.error.reason, "NUL character") == 0);
    fuzz_check(ngx_strncmp(text->data + walk.error.offset, "\\u0000", 6)
               == 0);
}


static void
fuzz_walk(ngx_str_t *text, json_t *json)
{
    ngx_int_t                    rc;
    ngx_uint_t                   n, nul;
    ngx_triggers_json_walk_t     walk;
    ngx_triggers_json_member_t   member;

    n = 0;
    nul = 0;

    ngx_triggers_json_walk_init(&walk, text, 0);

    while (ngx_triggers_json_next(&walk, &member) == NGX_OK) {
        n++;
        nul |= fuzz_member(&member, json);
    }

    ngx_triggers_json_walk_done(&walk);

    /* there are duplicates if and only if jansson kept fewer members */

    rc = fuzz_next_all(text, NGX_TRIGGERS_JSON_UNIQUE, &walk);

    if (n == json_object_size(json)) {
        fuzz_check(rc == NGX_DONE);

    } else {
        fuzz_check(rc == NGX_ERROR);
        fuzz_check(strcmp(walk.error.reason, "duplicate name") == 0);
        fuzz_check(text->data[walk.error.offset] == '"');
    }

    rc = fuzz_next_all(text, NGX_TRIGGERS_JSON_NO_NUL, &walk);

    fuzz_check(rc == (nul ? NGX_ERROR : NGX_DONE));
}


/* returns 1 if the value is a string with a NUL character */

static ngx_uint_t
fuzz_member(ngx_triggers_json_member_t *member, json_t *object)
{
    size_t       len;
    u_char      *name;
    json_t      *json;
    ngx_str_t   *text, quoted;
    ngx_uint_t   nul;

    text = &member->value.text;

    json = json_loadb((const char *) text->data, text->len,
                      JSON_DECODE_ANY|JSON_ALLOW_NUL, NULL);
    fuzz_check(json != NULL);

    fuzz_value(text, member->value.type, json);

    nul = json_is_string(json)
          && memchr(json_string_value(json), '\0', json_string_length(json));

    json_decref(json);

    quoted.data = member->name.data - 1;
    quoted.len = member->name.len + 2;

    fuzz_check(member->escaped
               == (memchr(quoted.data, '\\', quoted.len) != NULL));

    name = calloc(1, quoted.len);
    fuzz_check(name != NULL);

    len = ngx_triggers_json_unescape(name, &quoted, NULL);

    fuzz_check(json_object_get(object, (char *) name) != NULL);
    fuzz_check(ngx_triggers_json_name_is(member, (char *) name, len));
    fuzz_check(!ngx_triggers_json_name_is(member, (char *) name, len + 1));
    fuzz_check(len == 0
               || !ngx_triggers_json_name_is(member, (char *) name, len - 1));

    free(name);

    return nul;
}


static void
fuzz_get(ngx_str_t *text, json_t *object)
{
    json_t                     *json, *value;
    const char                 *name;
    ngx_triggers_json_value_t   found;

    json_object_foreach(object, name, value) {

        ngx_triggers_json_get(text, (u_char *) name, strlen(name), &found);

        fuzz_check(found.type != NGX_TRIGGERS_JSON_NONE);

        json = json_loadb((const char *) found.text.data, found.text.len,
                          JSON_DECODE_ANY|JSON_ALLOW_NUL, NULL);

        fuzz_check(json != NULL);
        fuzz_check(json_equal(json, value));

        json_decref(json);
    }

    ngx_triggers_json_get(text, (u_char *) "\xff", 1, &found);

    fuzz_check(found.type == NGX_TRIGGERS_JSON_NONE);
}


static void
fuzz_value(ngx_str_t *text, ngx_uint_t type, json_t *json)
{
    ngx_uint_t                  own;
    ngx_triggers_json_error_t   error;

    static const json_type  types[] = {
        JSON_NULL,                         /* not used: JSON_NONE */
        JSON_NULL,
        JSON_FALSE,
        JSON_TRUE,
        JSON_REAL,
        JSON_STRING,
        JSON_ARRAY,
        JSON_OBJECT
    };

    fuzz_check(type != NGX_TRIGGERS_JSON_NONE);
    fuzz_check(ngx_triggers_json_validate(text, &own, &error) == NGX_OK);
    fuzz_check(own == type);

    if (type == NGX_TRIGGERS_JSON_NUMBER) {
        fuzz_check(json_is_number(json));

    } else {
        fuzz_check(json_typeof(json) == types[type]);
    }

    if (type == NGX_TRIGGERS_JSON_STRING) {
        fuzz_string(text, json);
    }
}


static void
fuzz_string(ngx_str_t *text, json_t *json)
{
    size_t       len;
    u_char      *dst, *p, *value;
    ngx_str_t    trimmed;
    ngx_uint_t   chars;

    /* the outermost value may have white space around it */

    trimmed.data = memchr(text->data, '"', text->len);
    trimmed.len = text->data + text->len - trimmed.data;

    while (trimmed.data[trimmed.len - 1] != '"') {
        trimmed.len--;
    }

    dst = malloc(trimmed.len);
    fuzz_check(dst != NULL);

    len = ngx_triggers_json_unescape(dst, &trimmed, &chars);
    value = (u_char *) json_string_value(json);

    fuzz_check(len == json_string_length(json));
    fuzz_check(memcmp(dst, value, len) == 0);

    for (p = dst; p < dst + len; p++) {
        chars -= ((*p & 0xc0) != 0x80);
    }

    fuzz_check(chars == 0);
    fuzz_check(ngx_triggers_json_string_is(&trimmed, dst, len));

    if (len) {
        fuzz_check(!ngx_triggers_json_string_is(&trimmed, dst, len - 1));

        dst[len / 2] ^= 0x01;
        fuzz_check(!ngx_triggers_json_string_is(&trimmed, dst, len));
    }

    free(dst);
}


static ngx_int_t
fuzz_next_all(ngx_str_t *text, ngx_uint_t flags,
    ngx_triggers_json_walk_t *walk)
{
    ngx_int_t                    rc;
    ngx_triggers_json_member_t   member;

    ngx_triggers_json_walk_init(walk, text, flags);

    do {
        rc = ngx_triggers_json_next(walk, &member);
    } while (rc == NGX_OK);

    ngx_triggers_json_walk_done(walk);

    return rc;
}
