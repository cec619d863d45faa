
/*
 * Fuzzes the choice between JSON and CloudEvents: the fields of the input
 * (see fuzz.h) are "Accept" headers.  White space around a header, another
 * header in between and one that accepts all change nothing.  As "Prefer"
 * headers they change nothing behind one that has told.
 */


#include "fuzz.h"
#include "core.h"
#include "ngx_http_triggers_accept.h"


#define FUZZ_HEADERS  16


static void fuzz_header(ngx_table_elt_t *header, const char *name,
    ngx_str_t *value);
static ngx_uint_t fuzz_choose(ngx_table_elt_t *headers, ngx_uint_t n);
static void fuzz_prefer(ngx_table_elt_t *headers, ngx_uint_t n);
static void fuzz_list(ngx_list_t *list, ngx_table_elt_t *headers,
    ngx_uint_t n);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char            *pos, *last;
    ngx_str_t          value;
    ngx_uint_t         n, chosen;
    ngx_table_elt_t    headers[FUZZ_HEADERS + 2];

    pos = (u_char *) data;
    last = pos + size;

    for (n = 0; n < FUZZ_HEADERS && pos < last; n++) {
        value = fuzz_field(&pos, last);
        fuzz_header(&headers[n], "Accept", &value);
    }

    chosen = fuzz_choose(headers, n);
    fuzz_check(chosen <= 1);

    ngx_str_set(&value, "application/cloudevents+json");
    fuzz_header(&headers[n], "X-Accept", &value);
    fuzz_check(fuzz_choose(headers, n + 1) == chosen);

    ngx_str_set(&value, " , ,, ");
    fuzz_header(&headers[n + 1], "Accept", &value);
    fuzz_check(fuzz_choose(headers, n + 2) == chosen);

    fuzz_prefer(headers, n);

    return 0;
}


static void
fuzz_header(ngx_table_elt_t *header, const char *name, ngx_str_t *value)
{
    ngx_memzero(header, sizeof(ngx_table_elt_t));

    header->hash = 1;
    header->key.data = (u_char *) name;
    header->key.len = strlen(name);
    header->value = *value;
}


static ngx_uint_t
fuzz_choose(ngx_table_elt_t *headers, ngx_uint_t n)
{
    ngx_list_t  list;

    fuzz_list(&list, headers, n);

    return ngx_http_triggers_accept_cloudevents(&list);
}


static void
fuzz_prefer(ngx_table_elt_t *headers, ngx_uint_t n)
{
    ngx_str_t        value;
    ngx_uint_t       i;
    ngx_list_t       list;
    ngx_table_elt_t  prefer[FUZZ_HEADERS + 1];

    for (i = 0; i < n; i++) {
        fuzz_header(&prefer[i + 1], "Prefer", &headers[i].value);
    }

    fuzz_list(&list, prefer + 1, n);
    fuzz_check(ngx_http_triggers_prefer_minimal(&list) <= 1);

    fuzz_list(&list, prefer, n + 1);

    ngx_str_set(&value, "return=minimal");
    fuzz_header(&prefer[0], "Prefer", &value);
    fuzz_check(ngx_http_triggers_prefer_minimal(&list));

    ngx_str_set(&value, "return=representation");
    fuzz_header(&prefer[0], "Prefer", &value);
    fuzz_check(!ngx_http_triggers_prefer_minimal(&list));
}


static void
fuzz_list(ngx_list_t *list, ngx_table_elt_t *headers, ngx_uint_t n)
{
    ngx_memzero(list, sizeof(ngx_list_t));

    list->part.elts = headers;
    list->part.nelts = n;
    list->last = &list->part;
    list->size = sizeof(ngx_table_elt_t);
    list->nalloc = n;
}
