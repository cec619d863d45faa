
/*
 * Opens the database of the logs, which may not have been made yet.
 */


#include "ngx_http_triggers_logs_open.h"


#define NGX_HTTP_TRIGGERS_LOGS_PAUSE   20      /* ms */
#define NGX_HTTP_TRIGGERS_LOGS_PAUSES  50


static ngx_uint_t ngx_http_triggers_logs_wait(ngx_triggers_zone_sh_t *sh);


ngx_int_t
ngx_http_triggers_logs_open(ngx_str_t *path, ngx_triggers_zone_sh_t *sh,
    ngx_triggers_logs_reader_t **reader)
{
    ngx_uint_t       state;
    ngx_file_info_t  fi;

    state = ngx_http_triggers_logs_wait(sh);

    /* before the first log there is no database, or there can be none */

    if (ngx_file_info(path->data, &fi) == NGX_FILE_ERROR
        && ngx_errno == NGX_ENOENT)
    {
        return (state == NGX_TRIGGERS_LOG_FAILED) ? NGX_ERROR : NGX_DECLINED;
    }

    *reader = ngx_triggers_logs_reader_open(path, ngx_cycle->log);

    return *reader ? NGX_OK : NGX_ERROR;
}


/* the logger's first run, just after the start, may make the database */

static ngx_uint_t
ngx_http_triggers_logs_wait(ngx_triggers_zone_sh_t *sh)
{
    ngx_uint_t  i, state;

    for (i = 0; /* void */ ; i++) {
        state = __atomic_load_n(&sh->log_state, __ATOMIC_RELAXED);

        if (state != NGX_TRIGGERS_LOG_STARTING
            || i == NGX_HTTP_TRIGGERS_LOGS_PAUSES)
        {
            return state;
        }

        ngx_msleep(NGX_HTTP_TRIGGERS_LOGS_PAUSE);
    }
}
