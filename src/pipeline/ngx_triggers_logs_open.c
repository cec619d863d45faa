
/*
 * Opens the database of the logs, which may not have been made yet.
 */


#include "ngx_triggers_logs_open.h"


/* logs nothing */

static ngx_log_t  ngx_triggers_logs_silence;


ngx_int_t
ngx_triggers_logs_open(ngx_str_t *path, ngx_triggers_zone_sh_t *sh,
    ngx_triggers_logs_reader_t **reader)
{
    ngx_log_t       *log;
    ngx_uint_t       state;
    ngx_file_info_t  fi;

    state = __atomic_load_n(&sh->log_state, __ATOMIC_RELAXED);

    /* before the first log there is no database, or there can be none */

    if (ngx_file_info(path->data, &fi) == NGX_FILE_ERROR
        && ngx_errno == NGX_ENOENT)
    {
        return (state == NGX_TRIGGERS_LOG_FAILED) ? NGX_ERROR : NGX_DECLINED;
    }

    log = ngx_cycle->log;

    if (__atomic_load_n(&sh->log_unread, __ATOMIC_RELAXED)) {
        log = &ngx_triggers_logs_silence;
    }

    *reader = ngx_triggers_logs_reader_open(path, log);

    if (*reader == NULL) {
        __atomic_store_n(&sh->log_unread, 1, __ATOMIC_RELAXED);
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
ngx_triggers_logs_close(ngx_str_t *path, ngx_triggers_zone_sh_t *sh,
    ngx_triggers_logs_reader_t *reader)
{
    uint32_t  failed, before;

    failed = (uint32_t) ngx_triggers_logs_reader_failed(reader);

    ngx_triggers_logs_reader_close(reader);

    before = __atomic_exchange_n(&sh->log_unread, failed, __ATOMIC_RELAXED);

    if (before && !failed) {
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "triggers logs \"%V\": read again", path);
    }
}
