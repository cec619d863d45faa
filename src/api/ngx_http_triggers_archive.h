
/*
 * What a file of the archive holds.
 */


#ifndef _NGX_HTTP_TRIGGERS_ARCHIVE_H_INCLUDED_
#define _NGX_HTTP_TRIGGERS_ARCHIVE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_triggers_store.h"


/*
 * Writes the line of an event into buffers of the pool, in the archiver's
 * thread.  NGX_OK, or a code of the reader.
 */

ngx_int_t ngx_http_triggers_archive_line(ngx_pool_t *pool,
    ngx_triggers_reader_t *reader, ngx_triggers_row_t *row,
    ngx_chain_t **cl);


#endif /* _NGX_HTTP_TRIGGERS_ARCHIVE_H_INCLUDED_ */
