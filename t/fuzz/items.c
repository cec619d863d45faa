
/*
 * Fuzzes the walk over arrays: it must come to the same end as a validation,
 * and yield the elements that jansson has.
 */


#include "fuzz.h"
#include "ngx_triggers_json.h"


static void fuzz_items(ngx_str_t *text, json_t *json);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t                     *json;
    ngx_int_t                   rc, valid;
    ngx_str_t                   text;
    ngx_uint_t                  type;
    ngx_triggers_json_error_t   error;
    ngx_triggers_json_items_t   items;
    ngx_triggers_json_value_t   value;

    text.data = (u_char *) data;
    text.len = size;

    valid = ngx_triggers_json_validate(&text, &type, &error);

    ngx_triggers_json_items_init(&items, &text);

    do {
        rc = ngx_triggers_json_item(&items, &value);
    } while (rc == NGX_OK);

    fuzz_check(ngx_triggers_json_item(&items, &value) == rc);

    if (valid == NGX_ERROR) {
        fuzz_check(rc == NGX_ERROR);
        fuzz_check(strcmp(items.error.reason, error.reason) == 0);
        fuzz_check(items.error.offset == error.offset);

        return 0;
    }

    if (type != NGX_TRIGGERS_JSON_ARRAY) {
        fuzz_check(rc == NGX_DECLINED);
        return 0;
    }

    fuzz_check(rc == NGX_DONE);

    json = fuzz_load(&text);

    if (json) {
        fuzz_items(&text, json);
        json_decref(json);
    }

    return 0;
}


static void
fuzz_items(ngx_str_t *text, json_t *json)
{
    size_t                      n;
    json_t                     *item;
    ngx_uint_t                  type;
    ngx_triggers_json_error_t   error;
    ngx_triggers_json_items_t   items;
    ngx_triggers_json_value_t   value;

    n = 0;

    ngx_triggers_json_items_init(&items, text);

    while (ngx_triggers_json_item(&items, &value) == NGX_OK) {

        fuzz_check(fuzz_inside(text, &value.text));
        fuzz_check(value.text.len > 0);
        fuzz_check(value.text.data[0] > ' ');
        fuzz_check(value.text.data[value.text.len - 1] > ' ');
        fuzz_check(ngx_triggers_json_validate(&value.text, &type, &error)
                   == NGX_OK);
        fuzz_check(value.type == type);

        item = fuzz_load(&value.text);
        fuzz_check(item != NULL);
        fuzz_check(json_equal(item, json_array_get(json, n)));
        json_decref(item);

        n++;
    }

    fuzz_check(n == json_array_size(json));
}
