
/*
 * The state of a store's pipeline, as streams show it when it has changed.  All
 * of it comes from the zone.  Event loop.
 */


#ifndef _NGX_HTTP_TRIGGERS_PIPELINE_H_INCLUDED_
#define _NGX_HTTP_TRIGGERS_PIPELINE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_triggers_text.h"
#include "ngx_triggers_zone.h"


/* of words, so that two of them can be compared byte by byte */

typedef struct {
    uint64_t                 state;            /* …_store_state_e */
    uint64_t                 leader;           /* process id, 0: nobody */
    uint64_t                 records;          /* not committed yet */
    uint64_t                 used;             /* bytes of the ring */
    uint64_t                 size;
    uint64_t                 events[NGX_TRIGGERS_NSTATUS];
    uint64_t                 endpoints[NGX_TRIGGERS_NBREAKERS];
} ngx_http_triggers_pipeline_t;


void ngx_http_triggers_pipeline_read(ngx_http_triggers_pipeline_t *pipeline,
    ngx_triggers_zone_sh_t *sh);

/* Writes it as an object, with the time. */

void ngx_http_triggers_pipeline_write(ngx_triggers_text_t *text,
    ngx_http_triggers_pipeline_t *pipeline, int64_t time);


#endif /* _NGX_HTTP_TRIGGERS_PIPELINE_H_INCLUDED_ */
