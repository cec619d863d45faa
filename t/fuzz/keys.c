
/*
 * Fuzzes files of keys.  The first byte is flags as fuzz.h has them, the rest
 * is the file.  Its lines are read a second time here, by the documentation:
 * a file that has a bad one is refused; otherwise each of its keys must be
 * found by its digest, with what its line says.
 */


#include "fuzz.h"
#include "core.h"
#include "ngx_http_triggers_keys.h"

#include <openssl/sha.h>


#define FUZZ_ARGS  8
#define FUZZ_TEXT  255
#define FUZZ_RATE  1000000000


typedef struct {
    u_char                   digest[32];
    ngx_str_t                user;
    ngx_uint_t               scopes;
    ngx_uint_t               rate;
} fuzz_key_t;


static ngx_int_t fuzz_lines(ngx_str_t *text, fuzz_key_t *keys);
static ngx_uint_t fuzz_words(ngx_str_t *line, ngx_str_t *words);
static ngx_uint_t fuzz_key(fuzz_key_t *key, ngx_str_t *words, ngx_uint_t n);
static ngx_uint_t fuzz_digest(fuzz_key_t *key, ngx_str_t *word);
static ngx_uint_t fuzz_parameter(fuzz_key_t *key, ngx_str_t *word);
static ngx_uint_t fuzz_value(ngx_str_t *word, const char *name,
    ngx_str_t *value);
static ngx_uint_t fuzz_scopes(ngx_str_t *value, ngx_uint_t *scopes);
static ngx_uint_t fuzz_rate(ngx_str_t *value, ngx_uint_t *rate);
static void fuzz_find(ngx_http_triggers_keys_t *keys, fuzz_key_t *expected);
static ngx_str_t fuzz_file(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char                      *rv;
    ngx_int_t                  i, n;
    ngx_str_t                  path, text;
    ngx_conf_t                 cf;
    fuzz_key_t                *expected;
    ngx_uint_t                 limited;
    ngx_http_triggers_keys_t   keys;

    if (size == 0) {
        return 0;
    }

    path = fuzz_file(data + 1, size - 1);

    text.data = (u_char *) data + 1;
    text.len = size - 1;

    /* a key takes two bytes at the very least, and a line ends */

    expected = malloc((size / 2 + 1) * sizeof(fuzz_key_t));
    n = fuzz_lines(&text, expected);

    ngx_memzero(&cf, sizeof(ngx_conf_t));
    cf.pool = unit_pool();
    cf.temp_pool = unit_pool();

    fuzz_check(ngx_http_triggers_keys_create(&keys, cf.pool) == NGX_OK);

    limited = fuzz_memory(data[0]);

    rv = ngx_http_triggers_keys_load(&cf, &keys, &path);

    fuzz_memory(0);

    if (n == NGX_ERROR) {
        fuzz_check(rv == NGX_CONF_ERROR);

    } else if (rv == NGX_CONF_OK) {
        fuzz_check(keys.keys.nelts == (ngx_uint_t) n);
        fuzz_check(ngx_http_triggers_keys_index(&keys, cf.pool) == NGX_OK);

        for (i = 0; i < n; i++) {
            fuzz_find(&keys, &expected[i]);
        }

        if (n) {
            expected[0].digest[31] ^= 1;
            fuzz_check(ngx_http_triggers_keys_find(&keys, expected[0].digest)
                       == NULL
                       || n > 1);
        }

    } else {
        fuzz_check(rv == NGX_CONF_ERROR && limited);
    }

    ngx_destroy_pool(cf.temp_pool);
    ngx_destroy_pool(cf.pool);
    free(expected);

    return 0;
}


/* the number of keys, NGX_ERROR if there is a bad one */

static ngx_int_t
fuzz_lines(ngx_str_t *text, fuzz_key_t *keys)
{
    u_char      *p, *last;
    ngx_int_t    i, n;
    ngx_str_t    line, words[FUZZ_ARGS + 1];
    ngx_uint_t   nwords;

    n = 0;
    p = text->data;
    last = p + text->len;

    while (p < last) {
        line.data = p;

        while (p < last && *p != '\n') {
            p++;
        }

        line.len = p - line.data;
        p++;

        nwords = fuzz_words(&line, words);

        if (nwords == 0) {
            continue;
        }

        if (nwords > FUZZ_ARGS || !fuzz_key(&keys[n], words, nwords)) {
            return NGX_ERROR;
        }

        for (i = 0; i < n; i++) {
            if (memcmp(keys[i].digest, keys[n].digest, 32) == 0) {
                return NGX_ERROR;
            }
        }

        n++;
    }

    return n;
}


/* at most one more than there may be */

static ngx_uint_t
fuzz_words(ngx_str_t *line, ngx_str_t *words)
{
    size_t      i;
    ngx_uint_t  n, inside;

    n = 0;
    inside = 0;

    for (i = 0; i < line->len; i++) {

        if (line->data[i] == ' ' || line->data[i] == '\t'
            || line->data[i] == '\r')
        {
            inside = 0;
            continue;
        }

        if (inside) {
            words[n - 1].len++;
            continue;
        }

        if (line->data[i] == '#' || n > FUZZ_ARGS) {
            break;
        }

        words[n].data = &line->data[i];
        words[n].len = 1;
        n++;
        inside = 1;
    }

    return n;
}


static ngx_uint_t
fuzz_key(fuzz_key_t *key, ngx_str_t *words, ngx_uint_t n)
{
    ngx_uint_t  i;

    ngx_str_null(&key->user);
    key->scopes = 0;
    key->rate = NGX_CONF_UNSET_UINT;

    if (!fuzz_digest(key, &words[0])) {
        return 0;
    }

    for (i = 1; i < n; i++) {
        if (!fuzz_parameter(key, &words[i])) {
            return 0;
        }
    }

    if (key->scopes == 0) {
        key->scopes = fuzz_scope("events:write", 12)
                      | fuzz_scope("events:read", 11)
                      | fuzz_scope("inbox:ack", 9);
    }

    return key->user.data != NULL;
}


static ngx_uint_t
fuzz_digest(fuzz_key_t *key, ngx_str_t *word)
{
    char        hex[3];
    size_t      i;
    ngx_str_t   value;

    if (fuzz_value(word, "sha256:", &value) && value.len > 0) {

        if (value.len != 64) {
            return 0;
        }

        ngx_memzero(hex, sizeof(hex));

        for (i = 0; i < 64; i += 2) {
            memcpy(hex, &value.data[i], 2);

            if (strspn(hex, "0123456789abcdefABCDEF") != 2) {
                return 0;
            }

            key->digest[i / 2] = (u_char) strtoul(hex, NULL, 16);
        }

        return 1;
    }

    if (word->len > FUZZ_TEXT
        || fuzz_value(word, "user=", &value)
        || fuzz_value(word, "scopes=", &value)
        || fuzz_value(word, "rate=", &value))
    {
        return 0;
    }

    for (i = 0; i < word->len; i++) {
        if (word->data[i] < 0x21 || word->data[i] > 0x7e) {
            return 0;
        }
    }

    (void) SHA256(word->data, word->len, key->digest);

    return 1;
}


static ngx_uint_t
fuzz_parameter(fuzz_key_t *key, ngx_str_t *word)
{
    ngx_str_t  value;

    if (fuzz_value(word, "user=", &value)) {
        key->user = value;
        return value.len <= FUZZ_TEXT && fuzz_printable(&value);
    }

    if (fuzz_value(word, "scopes=", &value)) {
        return fuzz_scopes(&value, &key->scopes);
    }

    if (fuzz_value(word, "rate=", &value)) {
        return fuzz_rate(&value, &key->rate);
    }

    return 0;
}


static ngx_uint_t
fuzz_value(ngx_str_t *word, const char *name, ngx_str_t *value)
{
    size_t  len;

    len = strlen(name);

    if (word->len < len || memcmp(word->data, name, len) != 0) {
        return 0;
    }

    value->data = word->data + len;
    value->len = word->len - len;

    return 1;
}


static ngx_uint_t
fuzz_scopes(ngx_str_t *value, ngx_uint_t *scopes)
{
    size_t      i, start;
    ngx_uint_t  bit;

    start = 0;

    for (i = 0; i <= value->len; i++) {

        if (i < value->len && value->data[i] != ',') {
            continue;
        }

        bit = fuzz_scope((char *) &value->data[start], i - start);

        if (bit == 0) {
            return 0;
        }

        *scopes |= bit;
        start = i + 1;
    }

    return 1;
}


static ngx_uint_t
fuzz_rate(ngx_str_t *value, ngx_uint_t *rate)
{
    size_t  i;

    *rate = 0;

    for (i = 0; i < value->len; i++) {

        if (value->data[i] < '0' || value->data[i] > '9') {
            return 0;
        }

        *rate = *rate * 10 + value->data[i] - '0';

        if (*rate > FUZZ_RATE) {
            return 0;
        }
    }

    return value->len > 0;
}


static void
fuzz_find(ngx_http_triggers_keys_t *keys, fuzz_key_t *expected)
{
    char                      id[13];
    ngx_uint_t                i;
    ngx_http_triggers_key_t  *key;

    key = ngx_http_triggers_keys_find(keys, expected->digest);

    fuzz_check(key != NULL);
    fuzz_check(memcmp(key->digest, expected->digest, 32) == 0);
    fuzz_equal(&key->user_id, (char *) expected->user.data,
               expected->user.len);
    fuzz_check(key->scopes == expected->scopes);
    fuzz_check(key->rate == expected->rate);

    for (i = 0; i < 6; i++) {
        sprintf(&id[2 * i], "%02x", expected->digest[i]);
    }

    fuzz_equal(&key->id, id, 12);
}


/* the path of a file, one in memory, that has this text */

static ngx_str_t
fuzz_file(const uint8_t *data, size_t size)
{
    ngx_str_t  path;

    static int   fd = -1;
    static char  name[32];

    if (fd == -1) {
        fd = memfd_create("keys", 0);
        fuzz_check(fd != -1);
        sprintf(name, "/proc/self/fd/%d", fd);
    }

    fuzz_check(ftruncate(fd, 0) == 0);
    fuzz_check(pwrite(fd, data, size, 0) == (ssize_t) size);

    path.data = (u_char *) name;
    path.len = strlen(name);

    return path;
}
