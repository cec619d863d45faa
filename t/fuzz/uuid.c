
/*
 * Fuzzes the text of UUIDs: what is accepted is written back as it was, in
 * lower case; any sixteen bytes are written and read back.
 */


#include "fuzz.h"
#include "ngx_triggers_uuid.h"

#include <ctype.h>


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t      i;
    u_char      id[NGX_TRIGGERS_ID_LEN], again[NGX_TRIGGERS_ID_LEN];
    u_char      out[NGX_TRIGGERS_UUID_LEN];
    ngx_str_t   text;

    text.data = (u_char *) data;
    text.len = size;

    if (ngx_triggers_uuid_parse(&text, id) == NGX_OK) {
        fuzz_check(size == NGX_TRIGGERS_UUID_LEN);
        fuzz_check(ngx_triggers_uuid_format(out, id) == out + sizeof(out));

        for (i = 0; i < size; i++) {
            fuzz_check(out[i] == tolower(data[i]));
        }
    }

    if (size < NGX_TRIGGERS_ID_LEN) {
        return 0;
    }

    memcpy(id, data, NGX_TRIGGERS_ID_LEN);
    (void) ngx_triggers_uuid_format(out, id);

    text.data = out;
    text.len = sizeof(out);

    fuzz_check(ngx_triggers_uuid_parse(&text, again) == NGX_OK);
    fuzz_check(memcmp(id, again, NGX_TRIGGERS_ID_LEN) == 0);

    return 0;
}
