
/*
 * The way to the database of the logs, for who reads what is in it.
 */


#ifndef _NGX_TRIGGERS_LOGS_OPEN_H_INCLUDED_
#define _NGX_TRIGGERS_LOGS_OPEN_H_INCLUDED_


#include "ngx_triggers_logs.h"
#include "ngx_triggers_zone.h"


/*
 * In a thread of the pool: open opens the database at the (terminated) path,
 * which the logger of the zone makes.  NGX_OK, *reader is to be closed by
 * close; NGX_DECLINED: there is nothing yet; NGX_ERROR: it cannot be read.
 * Why that is, or why reading fails later, is logged once until it works
 * again.
 */

ngx_int_t ngx_triggers_logs_open(ngx_str_t *path,
    ngx_triggers_zone_sh_t *sh, ngx_triggers_logs_reader_t **reader);
void ngx_triggers_logs_close(ngx_str_t *path, ngx_triggers_zone_sh_t *sh,
    ngx_triggers_logs_reader_t *reader);


#endif /* _NGX_TRIGGERS_LOGS_OPEN_H_INCLUDED_ */
