
/*
 * Fuzzes the headers of W3C Trace Context.  An input is fields (see fuzz.h):
 * the first one is a traceparent, the others are the lines of a tracestate.
 * Here they are compared with regular expressions, and what is written is
 * read again.
 */


#include "fuzz.h"
#include "ngx_triggers_trace.h"

#include <regex.h>


/* of all versions; whose version and ids are none is seen elsewhere */

#define FUZZ_PARENT                                                           \
    "^[ \t]*[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-[!-~]*)?"      \
    "[ \t]*$"

#define FUZZ_MEMBER                                                           \
    "^[ \t]*[a-z0-9][a-z0-9_*/@-]{0,255}="                                    \
    "[ -+.-<>-~-]{0,255}[!-+.-<>-~-][ \t]*$"

#define FUZZ_EMPTY  "^[ \t]*$"


int LLVMFuzzerInitialize(int *argc, char ***argv);

static void fuzz_parent(ngx_str_t *field);
static void fuzz_state(u_char *pos, u_char *last);
static ngx_uint_t fuzz_members(char *text, ngx_uint_t *valid);
static void fuzz_rewrite(ngx_triggers_tracestate_t *state);
static ngx_uint_t fuzz_matches(regex_t *regex, const char *text);
static char *fuzz_copy(ngx_str_t *s);


static regex_t  fuzz_regex_parent;
static regex_t  fuzz_regex_member;
static regex_t  fuzz_regex_empty;


int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void) argc;
    (void) argv;

    fuzz_check(regcomp(&fuzz_regex_parent, FUZZ_PARENT,
                       REG_EXTENDED|REG_NOSUB) == 0);
    fuzz_check(regcomp(&fuzz_regex_member, FUZZ_MEMBER,
                       REG_EXTENDED|REG_NOSUB) == 0);
    fuzz_check(regcomp(&fuzz_regex_empty, FUZZ_EMPTY,
                       REG_EXTENDED|REG_NOSUB) == 0);

    return 0;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char     *pos, *last;
    ngx_str_t   field;

    pos = (u_char *) data;
    last = pos + size;

    field = fuzz_field(&pos, last);

    fuzz_parent(&field);
    fuzz_state(pos, last);

    return 0;
}


static void
fuzz_parent(ngx_str_t *field)
{
    char        *text, *p;
    u_char       id[NGX_TRIGGERS_TRACE_ID_LEN];
    u_char       hex[2 * NGX_TRIGGERS_TRACE_ID_LEN];
    size_t       len;
    ngx_str_t    value;
    ngx_uint_t   valid;

    text = fuzz_copy(field);
    p = text + strspn(text, " \t");
    len = strcspn(p, " \t");

    valid = fuzz_matches(&fuzz_regex_parent, text)
            && strncmp(p, "ff", 2) != 0
            && strspn(p + 3, "0") < 32
            && strspn(p + 36, "0") < 16
            && (strncmp(p, "00", 2) != 0 || len == 55)
            && len <= NGX_TRIGGERS_TRACEPARENT_MAX;

    value.data = (u_char *) text;
    value.len = field->len;

    fuzz_check((ngx_triggers_traceparent_check(&value) == NGX_OK) == valid);

    if (valid) {
        fuzz_check(value.data == (u_char *) p && value.len == len);

        ngx_triggers_traceparent_id(&value, id);
        (void) ngx_hex_dump(hex, id, sizeof(id));

        fuzz_check(memcmp(p + 3, hex, sizeof(hex)) == 0);
    }

    free(text);
}


static void
fuzz_state(u_char *pos, u_char *last)
{
    char                       *text;
    ngx_int_t                   rc;
    ngx_str_t                   line;
    ngx_uint_t                  n, valid;
    ngx_triggers_tracestate_t   state;

    ngx_memzero(&state, sizeof(ngx_triggers_tracestate_t));

    n = 0;
    rc = NGX_OK;
    valid = 1;

    while (pos < last && rc == NGX_OK) {
        line = fuzz_field(&pos, last);
        rc = ngx_triggers_tracestate_add(&state, &line);

        text = fuzz_copy(&line);
        n += fuzz_members(text, &valid);
        free(text);

        valid &= (n <= NGX_TRIGGERS_TRACESTATE_MEMBERS);

        fuzz_check((rc == NGX_OK) == valid);
    }

    if (valid) {
        fuzz_check(state.n == n);
        fuzz_rewrite(&state);
    }
}


static ngx_uint_t
fuzz_members(char *text, ngx_uint_t *valid)
{
    char        *p, *next;
    ngx_uint_t   n;

    n = 0;

    for (p = text; p; p = next) {
        next = strchr(p, ',');

        if (next) {
            *next++ = '\0';
        }

        if (!fuzz_matches(&fuzz_regex_empty, p)) {
            n++;
            *valid &= fuzz_matches(&fuzz_regex_member, p);
        }
    }

    return n;
}


/* what is passed on fits, is valid, and stays as it is from then on */

static void
fuzz_rewrite(ngx_triggers_tracestate_t *state)
{
    u_char                      first[NGX_TRIGGERS_TRACESTATE_MAX];
    u_char                      second[NGX_TRIGGERS_TRACESTATE_MAX];
    ngx_str_t                   line;
    ngx_triggers_tracestate_t   again;

    ngx_triggers_tracestate_fit(state);

    fuzz_check(state->len <= NGX_TRIGGERS_TRACESTATE_MAX);
    fuzz_check(ngx_triggers_tracestate_write(first, state)
               == first + state->len);

    line.data = first;
    line.len = state->len;

    ngx_memzero(&again, sizeof(ngx_triggers_tracestate_t));

    fuzz_check(ngx_triggers_tracestate_add(&again, &line) == NGX_OK);
    ngx_triggers_tracestate_fit(&again);

    fuzz_check(again.n == state->n && again.len == state->len);
    fuzz_check(ngx_triggers_tracestate_write(second, &again)
               == second + again.len);
    fuzz_check(ngx_memcmp(first, second, again.len) == 0);
}


static ngx_uint_t
fuzz_matches(regex_t *regex, const char *text)
{
    return regexec(regex, text, 0, NULL, 0) == 0;
}


/* terminated; zero bytes, valid nowhere, become others that are not */

static char *
fuzz_copy(ngx_str_t *s)
{
    char    *text;
    size_t   i;

    text = malloc(s->len + 1);

    for (i = 0; i < s->len; i++) {
        text[i] = s->data[i] ? s->data[i] : 0x01;
    }

    text[s->len] = '\0';

    return text;
}
