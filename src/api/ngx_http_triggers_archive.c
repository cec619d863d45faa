
/*
 * A line of an archive file: the event as the API shows it, and its attempts.
 */


#include "ngx_http_triggers_archive.h"
#include "ngx_http_triggers_event_json.h"


static ngx_int_t ngx_http_triggers_archive_attempt(void *data,
    ngx_triggers_attempt_t *attempt);


ngx_int_t
ngx_http_triggers_archive_line(ngx_pool_t *pool,
    ngx_triggers_reader_t *reader, ngx_triggers_row_t *row, ngx_chain_t **cl)
{
    ngx_int_t            rc;
    ngx_triggers_text_t  text;

    ngx_triggers_text_init(&text, pool);

    ngx_http_triggers_event_write(&text, row, 0);
    ngx_triggers_text_puts(&text, ",\"attempts\":[");

    rc = ngx_triggers_reader_attempts(reader, row->seq,
                                      ngx_http_triggers_archive_attempt,
                                      &text);
    if (rc != NGX_OK) {
        return rc;
    }

    ngx_triggers_text_puts(&text, "]}\n");

    *cl = text.first;

    return text.failed ? NGX_ERROR : NGX_OK;
}
