
/*
 * Keys of the configuration: reading them, hashing them at once, and finding
 * one by the digest of a token.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_http_triggers_keys.h"
#include "ngx_triggers_rate.h"
#include "ngx_triggers_sha256.h"


#define NGX_HTTP_TRIGGERS_KEYS_FILE_MAX  (16 * 1024 * 1024)
#define NGX_HTTP_TRIGGERS_KEY_ARGS       8
#define NGX_HTTP_TRIGGERS_KEY_ID_LEN     12


typedef struct {
    ngx_str_t                name;
    ngx_uint_t               scope;
} ngx_http_triggers_scope_t;


static ngx_int_t ngx_http_triggers_key_parse(ngx_str_t *value,
    u_char *digest);
static char *ngx_http_triggers_key_set(ngx_conf_t *cf,
    ngx_http_triggers_key_t *key, ngx_str_t *arg);
static char *ngx_http_triggers_key_scopes(ngx_conf_t *cf,
    ngx_http_triggers_key_t *key, ngx_str_t *value);
static char *ngx_http_triggers_keys_line(ngx_conf_t *cf,
    ngx_http_triggers_keys_t *keys, u_char *p, u_char *last);
static ngx_int_t ngx_http_triggers_keys_read(ngx_conf_t *cf, ngx_str_t *path,
    ngx_str_t *text);
static uint64_t ngx_http_triggers_key_hash(u_char *digest);


static const ngx_http_triggers_scope_t  ngx_http_triggers_scopes[] = {
    { ngx_string("events:write"), NGX_HTTP_TRIGGERS_SCOPE_EVENTS_WRITE },
    { ngx_string("events:read"), NGX_HTTP_TRIGGERS_SCOPE_EVENTS_READ },
    { ngx_string("inbox:ack"), NGX_HTTP_TRIGGERS_SCOPE_INBOX_ACK },
    { ngx_string("keys:manage"), NGX_HTTP_TRIGGERS_SCOPE_KEYS_MANAGE },
    { ngx_string("webhooks:manage"), NGX_HTTP_TRIGGERS_SCOPE_WEBHOOKS_MANAGE },
    { ngx_string("metrics:read"), NGX_HTTP_TRIGGERS_SCOPE_METRICS_READ },
    { ngx_string("logs:read"), NGX_HTTP_TRIGGERS_SCOPE_LOGS_READ },
    { ngx_string("admin"), NGX_HTTP_TRIGGERS_SCOPE_ADMIN },
    { ngx_null_string, 0 }
};


ngx_int_t
ngx_http_triggers_keys_create(ngx_http_triggers_keys_t *keys,
    ngx_pool_t *pool)
{
    return ngx_array_init(&keys->keys, pool, 4,
                          sizeof(ngx_http_triggers_key_t *));
}


char *
ngx_http_triggers_keys_add(ngx_conf_t *cf, ngx_http_triggers_keys_t *keys,
    ngx_str_t *args, ngx_uint_t nargs)
{
    char                      *rv;
    u_char                    *p;
    ngx_uint_t                 i;
    ngx_http_triggers_key_t   *key, **other;

    key = ngx_pcalloc(cf->pool, sizeof(ngx_http_triggers_key_t)
                                + NGX_HTTP_TRIGGERS_KEY_ID_LEN);
    if (key == NULL) {
        return NGX_CONF_ERROR;
    }

    key->rate = NGX_CONF_UNSET_UINT;

    if (ngx_http_triggers_key_parse(&args[0], key->digest) != NGX_OK) {
        return "has an invalid key: it must be 1 to 255 printable characters "
               "without spaces, or \"sha256:\" and 64 hexadecimal digits";
    }

    /* neither a core dump nor a configuration dump needs it any more */

    ngx_memset(args[0].data, '*', args[0].len);

    for (i = 1; i < nargs; i++) {
        rv = ngx_http_triggers_key_set(cf, key, &args[i]);

        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    if (key->user_id.len == 0) {
        return "must have the \"user\" parameter";
    }

    if (key->scopes == 0) {
        key->scopes = NGX_HTTP_TRIGGERS_SCOPE_DEFAULT;
    }

    other = keys->keys.elts;

    for (i = 0; i < keys->keys.nelts; i++) {
        if (ngx_memcmp(other[i]->digest, key->digest, sizeof(key->digest))
            == 0)
        {
            return "is duplicate";
        }
    }

    p = (u_char *) (key + 1);
    key->id.data = p;
    key->id.len = NGX_HTTP_TRIGGERS_KEY_ID_LEN;
    (void) ngx_hex_dump(p, key->digest, NGX_HTTP_TRIGGERS_KEY_ID_LEN / 2);

    other = ngx_array_push(&keys->keys);
    if (other == NULL) {
        return NGX_CONF_ERROR;
    }

    *other = key;

    return NGX_CONF_OK;
}


char *
ngx_http_triggers_keys_load(ngx_conf_t *cf, ngx_http_triggers_keys_t *keys,
    ngx_str_t *path)
{
    char        *rv;
    u_char      *p, *eol, *last;
    ngx_str_t    text;
    ngx_uint_t   line;

    if (ngx_http_triggers_keys_read(cf, path, &text) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    last = text.data + text.len;
    line = 1;
    rv = NGX_CONF_OK;

    for (p = text.data; p < last; p = eol + 1, line++) {

        eol = ngx_strlchr(p, last, '\n');
        if (eol == NULL) {
            eol = last;
        }

        rv = ngx_http_triggers_keys_line(cf, keys, p, eol);

        if (rv != NGX_CONF_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "key in %V:%ui %s", path,
                               line, rv == NGX_CONF_ERROR ? "is invalid" : rv);

            rv = NGX_CONF_ERROR;
            break;
        }
    }

    ngx_explicit_memzero(text.data, text.len);

    return rv;
}


ngx_int_t
ngx_http_triggers_keys_index(ngx_http_triggers_keys_t *keys, ngx_pool_t *pool)
{
    uint64_t                   h;
    ngx_uint_t                 i, n;
    ngx_http_triggers_key_t  **key;

    for (n = 8; n < 2 * keys->keys.nelts; n *= 2) { /* void */ }

    keys->table = ngx_pcalloc(pool, n * sizeof(ngx_http_triggers_key_t *));
    if (keys->table == NULL) {
        return NGX_ERROR;
    }

    keys->mask = n - 1;
    key = keys->keys.elts;

    for (i = 0; i < keys->keys.nelts; i++) {
        h = ngx_http_triggers_key_hash(key[i]->digest) & keys->mask;

        while (keys->table[h]) {
            h = (h + 1) & keys->mask;
        }

        keys->table[h] = key[i];
    }

    return NGX_OK;
}


ngx_http_triggers_key_t *
ngx_http_triggers_keys_find(ngx_http_triggers_keys_t *keys, u_char *digest)
{
    uint64_t                  h;
    ngx_http_triggers_key_t  *key;

    h = ngx_http_triggers_key_hash(digest) & keys->mask;

    for ( ;; ) {
        key = keys->table[h];

        /* who can choose a digest's bytes can tell nothing from the time */

        if (key == NULL
            || ngx_memcmp(key->digest, digest, sizeof(key->digest)) == 0)
        {
            return key;
        }

        h = (h + 1) & keys->mask;
    }
}


static ngx_int_t
ngx_http_triggers_key_parse(ngx_str_t *value, u_char *digest)
{
    ngx_int_t   n;
    ngx_uint_t  i;

    if (value->len > 7 && ngx_strncmp(value->data, "sha256:", 7) == 0) {

        if (value->len != 7 + 2 * NGX_HTTP_TRIGGERS_DIGEST_LEN) {
            return NGX_ERROR;
        }

        for (i = 0; i < NGX_HTTP_TRIGGERS_DIGEST_LEN; i++) {
            n = ngx_hextoi(value->data + 7 + 2 * i, 2);

            if (n == NGX_ERROR) {
                return NGX_ERROR;
            }

            digest[i] = (u_char) n;
        }

        return NGX_OK;
    }

    if (value->len == 0 || value->len > 255
        || ngx_strncmp(value->data, "user=", 5) == 0
        || ngx_strncmp(value->data, "scopes=", 7) == 0
        || ngx_strncmp(value->data, "rate=", 5) == 0)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < value->len; i++) {
        if (value->data[i] <= ' ' || value->data[i] >= 0x7f) {
            return NGX_ERROR;
        }
    }

    return ngx_triggers_sha256(value, digest);
}


static char *
ngx_http_triggers_key_set(ngx_conf_t *cf, ngx_http_triggers_key_t *key,
    ngx_str_t *arg)
{
    ngx_int_t  n;
    ngx_str_t  s;

    if (ngx_strncmp(arg->data, "user=", 5) == 0) {

        s.data = arg->data + 5;
        s.len = arg->len - 5;

        if (s.len == 0 || s.len > NGX_HTTP_TRIGGERS_USER_MAX
            || !ngx_http_triggers_key_is_text(&s))
        {
            return "has an invalid \"user\" parameter: it must be 1 to 255 "
                   "bytes of UTF-8";
        }

        key->user_id.len = s.len;
        key->user_id.data = ngx_pstrdup(cf->pool, &s);

        return key->user_id.data ? NGX_CONF_OK : NGX_CONF_ERROR;
    }

    if (ngx_strncmp(arg->data, "scopes=", 7) == 0) {

        s.data = arg->data + 7;
        s.len = arg->len - 7;

        return ngx_http_triggers_key_scopes(cf, key, &s);
    }

    if (ngx_strncmp(arg->data, "rate=", 5) == 0) {

        n = ngx_atoi(arg->data + 5, arg->len - 5);
        if (n == NGX_ERROR || n > NGX_TRIGGERS_RATE_MAX) {
            return "has an invalid \"rate\" parameter: it must be a number "
                   "of requests a minute, at most "
                   ngx_value(NGX_TRIGGERS_RATE_MAX) ", 0 for no limit";
        }

        key->rate = n;

        return NGX_CONF_OK;
    }

    /* it is not shown: it may be a key in the wrong place */

    return "has an invalid parameter";
}


/*
 * It will stand in JSON.  ngx_utf8_decode() takes any byte of 0x80 and above
 * for a continuation, and ignores bits of the first one.
 */

ngx_uint_t
ngx_http_triggers_key_is_text(ngx_str_t *s)
{
    u_char    *p, *last, *c;
    uint32_t   ch;

    p = s->data;
    last = p + s->len;

    while (p < last) {
        c = p;
        ch = (*p < 0x80) ? *p++ : ngx_utf8_decode(&p, last - p);

        if (ch < 0x20 || ch > 0x10ffff || (ch >= 0xd800 && ch <= 0xdfff)
            || *c > 0xf4)
        {
            return 0;
        }

        while (++c < p) {
            if ((*c & 0xc0) != 0x80) {
                return 0;
            }
        }
    }

    return 1;
}


static char *
ngx_http_triggers_key_scopes(ngx_conf_t *cf, ngx_http_triggers_key_t *key,
    ngx_str_t *value)
{
    u_char      *p, *comma, *last;
    ngx_str_t    s;
    ngx_uint_t   scope;

    last = value->data + value->len;

    for (p = value->data; p <= last; p = comma + 1) {

        comma = ngx_strlchr(p, last, ',');
        if (comma == NULL) {
            comma = last;
        }

        s.data = p;
        s.len = comma - p;

        scope = ngx_http_triggers_scope(&s);

        if (scope == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "unknown scope \"%V\" of a triggers key", &s);
            return NGX_CONF_ERROR;
        }

        key->scopes |= scope;
    }

    return NGX_CONF_OK;
}


ngx_uint_t
ngx_http_triggers_scope(ngx_str_t *name)
{
    const ngx_http_triggers_scope_t  *scope;

    for (scope = ngx_http_triggers_scopes; scope->scope; scope++) {
        if (scope->name.len == name->len
            && ngx_strncmp(scope->name.data, name->data, name->len) == 0)
        {
            break;
        }
    }

    return scope->scope;
}


const ngx_str_t *
ngx_http_triggers_scope_name(ngx_uint_t *scopes)
{
    const ngx_http_triggers_scope_t  *scope;

    for (scope = ngx_http_triggers_scopes; scope->scope; scope++) {
        if (*scopes & scope->scope) {
            *scopes &= ~scope->scope;
            return &scope->name;
        }
    }

    return NULL;
}


static char *
ngx_http_triggers_keys_line(ngx_conf_t *cf, ngx_http_triggers_keys_t *keys,
    u_char *p, u_char *last)
{
    ngx_str_t   args[NGX_HTTP_TRIGGERS_KEY_ARGS];
    ngx_uint_t  n;

    n = 0;

    for ( ;; ) {

        while (p < last && (*p == ' ' || *p == '\t' || *p == '\r')) {
            p++;
        }

        if (p == last || *p == '#') {
            break;
        }

        if (n == NGX_HTTP_TRIGGERS_KEY_ARGS) {
            return "has too many parameters";
        }

        args[n].data = p;

        while (p < last && *p != ' ' && *p != '\t' && *p != '\r') {
            p++;
        }

        args[n].len = p - args[n].data;
        n++;

        /* values of directives are terminated, and these are used as such */

        if (p < last) {
            *p++ = '\0';
        }
    }

    if (n == 0) {
        return NGX_CONF_OK;
    }

    /* also the last one: there is a byte behind it */

    *last = '\0';

    return ngx_http_triggers_keys_add(cf, keys, args, n);
}


static ngx_int_t
ngx_http_triggers_keys_read(ngx_conf_t *cf, ngx_str_t *path, ngx_str_t *text)
{
    ssize_t          n;
    ngx_fd_t         fd;
    ngx_file_info_t  fi;

    fd = ngx_open_file(path->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_open_file_n " \"%V\" failed", path);
        return NGX_ERROR;
    }

    if (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR
        || ngx_file_size(&fi) > NGX_HTTP_TRIGGERS_KEYS_FILE_MAX)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "\"%V\" is no file or is too large", path);
        goto failed;
    }

    text->len = ngx_file_size(&fi);

    text->data = ngx_pnalloc(cf->temp_pool, text->len + 1);
    if (text->data == NULL) {
        goto failed;
    }

    n = ngx_read_fd(fd, text->data, text->len);

    if (n < 0 || (size_t) n != text->len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_read_fd_n " \"%V\" failed", path);
        goto failed;
    }

    (void) ngx_close_file(fd);

    return NGX_OK;

failed:

    (void) ngx_close_file(fd);

    return NGX_ERROR;
}


static uint64_t
ngx_http_triggers_key_hash(u_char *digest)
{
    uint64_t  h;

    ngx_memcpy(&h, digest, sizeof(h));

    return h;
}
