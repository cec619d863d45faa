
/*
 * Entries of the live feed and of the stored logs as the API shows them.
 */


#ifndef _NGX_HTTP_TRIGGERS_LOG_JSON_H_INCLUDED_
#define _NGX_HTTP_TRIGGERS_LOG_JSON_H_INCLUDED_


#include "ngx_triggers_log.h"
#include "ngx_triggers_text.h"


/*
 * Writes an entry's object; what a change of an event looks like differs from
 * what a log does.  any_owner is a flag: the reader sees all owners and is
 * told whose it is.  Any thread.
 */

void ngx_http_triggers_log_write(ngx_triggers_text_t *text,
    ngx_triggers_entry_t *entry, ngx_uint_t any_owner);

/* Reads the name of a level; NGX_ERROR: it is none.  Any thread. */

ngx_int_t ngx_http_triggers_level_parse(ngx_str_t *name, ngx_uint_t *level);


#endif /* _NGX_HTTP_TRIGGERS_LOG_JSON_H_INCLUDED_ */
