
/*
 * Opens the database of the logs, which may not have been made yet.
 */


#include "ngx_triggers_logs_open.h"


ngx_int_t
ngx_triggers_logs_open(ngx_str_t *path, ngx_triggers_zone_sh_t *sh,
    ngx_triggers_logs_reader_t **reader)
{
    ngx_uint_t       state;
    ngx_file_info_t  fi;

    state = __atomic_load_n(&sh->log_state, __ATOMIC_RELAXED);

    /* before the first log there is no database, or there can be none */

    if (ngx_file_info(path->data, &fi) == NGX_FILE_ERROR
        && ngx_errno == NGX_ENOENT)
    {
        return (state == NGX_TRIGGERS_LOG_FAILED) ? NGX_ERROR : NGX_DECLINED;
    }

    *reader = ngx_triggers_logs_reader_open(path, ngx_cycle->log);

    return *reader ? NGX_OK : NGX_ERROR;
}
