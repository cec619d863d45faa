
/*
 * A line of an archive's file: the event as the root of the API shows it, with
 * its attempts.
 */


#include "ngx_http_triggers_archive.h"
#include "ngx_http_triggers_event_json.h"


typedef struct {
    ngx_triggers_text_t      text;
    ngx_uint_t               attempts;
} ngx_http_triggers_archive_line_t;


static ngx_int_t ngx_http_triggers_archive_attempt(void *data,
    ngx_triggers_attempt_t *attempt);


ngx_int_t
ngx_http_triggers_archive_line(ngx_pool_t *pool,
    ngx_triggers_reader_t *reader, ngx_triggers_row_t *row, ngx_chain_t **cl)
{
    ngx_int_t                         rc;
    ngx_http_triggers_archive_line_t  line;

    ngx_triggers_text_init(&line.text, pool);
    line.attempts = 0;

    ngx_http_triggers_event_write(&line.text, row, 0, 0);
    ngx_triggers_text_puts(&line.text, ",\"attempts\":[");

    rc = ngx_triggers_reader_attempts(reader, row->seq,
                                      ngx_http_triggers_archive_attempt,
                                      &line);
    if (rc != NGX_OK) {
        return rc;
    }

    ngx_triggers_text_puts(&line.text, "]}\n");

    *cl = line.text.first;

    return line.text.failed ? NGX_ERROR : NGX_OK;
}


static ngx_int_t
ngx_http_triggers_archive_attempt(void *data, ngx_triggers_attempt_t *attempt)
{
    ngx_http_triggers_archive_line_t *line = data;

    if (line->attempts++) {
        ngx_triggers_text_puts(&line->text, ",");
    }

    ngx_http_triggers_attempt_write(&line->text, attempt);

    return NGX_OK;
}
