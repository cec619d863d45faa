
/*
 * Reads Accept and Prefer headers, each of which is one list however many
 * lines it is on.
 *
 * The most specific range that matches a type tells its weight; parameters
 * other than the weight are not looked at, and a range whose weight is
 * malformed is passed over.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_http_triggers_accept.h"


#define NGX_HTTP_TRIGGERS_ACCEPT_MAX  1000     /* weight, in thousandths */


/* how a range names a type; a larger one is more specific */

typedef enum {
    NGX_HTTP_TRIGGERS_ACCEPT_NONE = 0,
    NGX_HTTP_TRIGGERS_ACCEPT_ANY,              /* with a wildcard … */
    NGX_HTTP_TRIGGERS_ACCEPT_SUBTYPES,         /* … for the subtype only */
    NGX_HTTP_TRIGGERS_ACCEPT_NAMED
} ngx_http_triggers_accept_e;


typedef struct {
    ngx_str_t                type;
    ngx_uint_t               match;            /* …_accept_e, the best one */
    ngx_int_t                weight;           /* of that */
} ngx_http_triggers_accept_t;


typedef struct {
    ngx_uint_t               known;            /* flag: the first one counts */
    ngx_uint_t               minimal;          /* flag */
} ngx_http_triggers_prefer_t;


typedef void (*ngx_http_triggers_element_pt)(void *data, u_char *p,
    u_char *last);


static void ngx_http_triggers_accept_headers(ngx_list_t *headers,
    const char *name, ngx_http_triggers_element_pt handler, void *data);
static void ngx_http_triggers_accept_line(ngx_str_t *line,
    ngx_http_triggers_element_pt handler, void *data);
static void ngx_http_triggers_accept_range(void *data, u_char *p,
    u_char *last);
static ngx_uint_t ngx_http_triggers_accept_match(ngx_str_t *type, u_char *p,
    u_char *last);
static ngx_int_t ngx_http_triggers_accept_weight(u_char *p, u_char *last);
static void ngx_http_triggers_prefer_element(void *data, u_char *p,
    u_char *last);
static ngx_uint_t ngx_http_triggers_prefer_is(u_char *p, u_char *last,
    const char *word);
static u_char *ngx_http_triggers_accept_find(u_char *p, u_char *last,
    u_char c);
static void ngx_http_triggers_accept_trim(u_char **p, u_char **last);


ngx_uint_t
ngx_http_triggers_accept_cloudevents(ngx_list_t *headers)
{
    ngx_int_t   weight;
    ngx_uint_t  i;

    ngx_http_triggers_accept_t  accept[] = {
        { ngx_string("application/json"), 0, 0 },
        { ngx_string("application/cloudevents+json"), 0, 0 },
        { ngx_string("application/cloudevents-batch+json"), 0, 0 },
        { ngx_null_string, 0, 0 }
    };

    ngx_http_triggers_accept_headers(headers, "accept",
                                     ngx_http_triggers_accept_range, accept);

    weight = 0;

    for (i = 1; i < 3; i++) {
        if (accept[i].match == NGX_HTTP_TRIGGERS_ACCEPT_NAMED) {
            weight = ngx_max(weight, accept[i].weight);
        }
    }

    return weight > 0 && weight >= accept[0].weight;
}


/*
 * Who asks for "application/json, text/plain" is a browser's library, which
 * would not know what to do with the latter.
 */

ngx_http_triggers_format_e
ngx_http_triggers_accept_metrics(ngx_list_t *headers)
{
    ngx_int_t   weight;
    ngx_uint_t  i, format;

    ngx_http_triggers_accept_t  accept[] = {
        { ngx_string("application/json"), 0, 0 },
        { ngx_string("application/openmetrics-text"), 0, 0 },
        { ngx_string("text/plain"), 0, 0 },
        { ngx_null_string, 0, 0 }
    };

    ngx_http_triggers_accept_headers(headers, "accept",
                                     ngx_http_triggers_accept_range, accept);

    format = NGX_HTTP_TRIGGERS_FORMAT_JSON;
    weight = 0;

    for (i = 0; accept[i].type.len; i++) {
        if (accept[i].match == NGX_HTTP_TRIGGERS_ACCEPT_NAMED
            && accept[i].weight > weight)
        {
            format = i;
            weight = accept[i].weight;
        }
    }

    return format;
}


ngx_uint_t
ngx_http_triggers_prefer_minimal(ngx_list_t *headers)
{
    ngx_http_triggers_prefer_t  prefer;

    ngx_memzero(&prefer, sizeof(ngx_http_triggers_prefer_t));

    ngx_http_triggers_accept_headers(headers, "prefer",
                                     ngx_http_triggers_prefer_element,
                                     &prefer);

    return prefer.minimal;
}


/* the handler is called for each element of the list */

static void
ngx_http_triggers_accept_headers(ngx_list_t *headers, const char *name,
    ngx_http_triggers_element_pt handler, void *data)
{
    size_t            len;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    len = ngx_strlen(name);

    for (part = &headers->part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].key.len == len
                && ngx_strncasecmp(h[i].key.data, (u_char *) name, len) == 0)
            {
                ngx_http_triggers_accept_line(&h[i].value, handler, data);
            }
        }
    }
}


static void
ngx_http_triggers_accept_line(ngx_str_t *line,
    ngx_http_triggers_element_pt handler, void *data)
{
    u_char  *p, *end, *last;

    last = line->data + line->len;

    for (p = line->data; p < last; p = end + 1) {
        end = ngx_http_triggers_accept_find(p, last, ',');
        handler(data, p, end);
    }
}


static void
ngx_http_triggers_accept_range(void *data, u_char *p, u_char *last)
{
    ngx_http_triggers_accept_t *accept = data;

    u_char      *end;
    ngx_int_t    weight;
    ngx_uint_t   match;

    end = ngx_http_triggers_accept_find(p, last, ';');
    weight = ngx_http_triggers_accept_weight(end, last);

    if (weight == NGX_ERROR) {
        return;
    }

    ngx_http_triggers_accept_trim(&p, &end);

    for ( /* void */ ; accept->type.len; accept++) {

        match = ngx_http_triggers_accept_match(&accept->type, p, end);

        if (match > accept->match) {
            accept->match = match;
            accept->weight = weight;

        } else if (match && match == accept->match) {
            accept->weight = ngx_max(accept->weight, weight);
        }
    }
}


static ngx_uint_t
ngx_http_triggers_accept_match(ngx_str_t *type, u_char *p, u_char *last)
{
    size_t  len;

    len = last - p;

    if (len == type->len && ngx_strncasecmp(p, type->data, len) == 0) {
        return NGX_HTTP_TRIGGERS_ACCEPT_NAMED;
    }

    /* of a text type this is not said, but it names none anyway */

    if (len == sizeof("application/*") - 1
        && ngx_strncasecmp(p, (u_char *) "application/*", len) == 0)
    {
        return NGX_HTTP_TRIGGERS_ACCEPT_SUBTYPES;
    }

    if (len == sizeof("*/*") - 1 && ngx_strncmp(p, "*/*", len) == 0) {
        return NGX_HTTP_TRIGGERS_ACCEPT_ANY;
    }

    return NGX_HTTP_TRIGGERS_ACCEPT_NONE;
}


/* among the parameters, each with its semicolon; NGX_ERROR: malformed */

static ngx_int_t
ngx_http_triggers_accept_weight(u_char *p, u_char *last)
{
    u_char     *q, *end;
    ngx_int_t   weight, digit;

    for ( /* void */ ; p < last; p = end) {
        end = ngx_http_triggers_accept_find(p + 1, last, ';');

        q = p + 1;
        p = end;
        ngx_http_triggers_accept_trim(&q, &p);

        if (p - q < 2 || (*q | 0x20) != 'q' || q[1] != '=') {
            continue;
        }

        q += 2;

        if (p - q < 1 || p - q > 5 || (*q != '0' && *q != '1')
            || (p - q > 1 && q[1] != '.'))
        {
            return NGX_ERROR;
        }

        weight = (*q - '0') * NGX_HTTP_TRIGGERS_ACCEPT_MAX;
        digit = NGX_HTTP_TRIGGERS_ACCEPT_MAX / 10;

        for (q += 2; q < p; q++, digit /= 10) {

            if (*q < '0' || *q > '9') {
                return NGX_ERROR;
            }

            weight += (*q - '0') * digit;
        }

        return (weight > NGX_HTTP_TRIGGERS_ACCEPT_MAX) ? NGX_ERROR : weight;
    }

    return NGX_HTTP_TRIGGERS_ACCEPT_MAX;
}


/* a name, perhaps a value, and perhaps parameters, which mean nothing here */

static void
ngx_http_triggers_prefer_element(void *data, u_char *p, u_char *last)
{
    ngx_http_triggers_prefer_t *prefer = data;

    u_char  *end, *value;

    last = ngx_http_triggers_accept_find(p, last, ';');
    end = ngx_http_triggers_accept_find(p, last, '=');
    value = (end < last) ? end + 1 : last;

    ngx_http_triggers_accept_trim(&p, &end);
    ngx_http_triggers_accept_trim(&value, &last);

    if (prefer->known || !ngx_http_triggers_prefer_is(p, end, "return")) {
        return;
    }

    prefer->known = 1;

    if (last - value > 1 && *value == '"' && last[-1] == '"') {
        value++;
        last--;
    }

    prefer->minimal = ngx_http_triggers_prefer_is(value, last, "minimal");
}


static ngx_uint_t
ngx_http_triggers_prefer_is(u_char *p, u_char *last, const char *word)
{
    size_t  len;

    len = ngx_strlen(word);

    return (size_t) (last - p) == len
           && ngx_strncasecmp(p, (u_char *) word, len) == 0;
}


/* the next c that is in no quoted string, or last */

static u_char *
ngx_http_triggers_accept_find(u_char *p, u_char *last, u_char c)
{
    ngx_uint_t  quoted;

    quoted = 0;

    for ( /* void */ ; p < last; p++) {

        if (*p == '"') {
            quoted = !quoted;

        } else if (*p == '\\' && quoted && p + 1 < last) {
            p++;

        } else if (*p == c && !quoted) {
            return p;
        }
    }

    return last;
}


static void
ngx_http_triggers_accept_trim(u_char **p, u_char **last)
{
    while (*p < *last && (**p == ' ' || **p == '\t')) {
        (*p)++;
    }

    while (*p < *last && ((*last)[-1] == ' ' || (*last)[-1] == '\t')) {
        (*last)--;
    }
}
