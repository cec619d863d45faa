
/*
 * Fuzzes the choice between JSON and CloudEvents: the fields of the input
 * (see fuzz.h) are "Accept" headers.  White space around a header, another
 * header in between and one that accepts all change nothing.
 */


#include "fuzz.h"
#include "core.h"
#include "ngx_http_triggers_accept.h"


#define FUZZ_HEADERS  16


static void fuzz_header(ngx_table_elt_t *header, const char *name,
    ngx_str_t *value);
static ngx_uint_t fuzz_choose(ngx_table_elt_t *headers, ngx_uint_t n);


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

    return 0;
}


static void
fuzz_header(ngx_table_elt_t *header, const char *name, ngx_str_t *value)
{
    ngx_memzero(header, sizeof(ngx_table_elt_t));

    header->hash = 1;
    header->key.data = (u_char *) name;
    header->key.len = strlen(name);
    header->lowcase_key = (u_char *) (name[0] == 'A' ? "accept" : "x-accept");
    header->value = *value;
}


static ngx_uint_t
fuzz_choose(ngx_table_elt_t *headers, ngx_uint_t n)
{
    ngx_list_t  list;

    ngx_memzero(&list, sizeof(ngx_list_t));

    list.part.elts = headers;
    list.part.nelts = n;
    list.last = &list.part;
    list.size = sizeof(ngx_table_elt_t);
    list.nalloc = n;

    return ngx_http_triggers_accept_cloudevents(&list);
}
