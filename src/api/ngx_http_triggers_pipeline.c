
/*
 * Reads the state of a store's pipeline from the zone and writes it as JSON.
 */


#include "ngx_http_triggers_pipeline.h"
#include "ngx_http_triggers_event_json.h"
#include "ngx_http_triggers_metrics.h"


static void ngx_http_triggers_pipeline_number(ngx_triggers_text_t *text,
    const char *before, const char *name, uint64_t n);


void
ngx_http_triggers_pipeline_read(ngx_http_triggers_pipeline_t *pipeline,
    ngx_triggers_zone_sh_t *sh)
{
    uint32_t                        slot;
    ngx_uint_t                      i;
    ngx_triggers_metrics_leader_t  *leader;

    ngx_memzero(pipeline, sizeof(ngx_http_triggers_pipeline_t));

    leader = sh->metrics.leader;
    slot = __atomic_load_n(&sh->leader, __ATOMIC_RELAXED);

    if (slot < sh->nslots && ngx_triggers_zone_drained(sh)) {
        pipeline->leader = __atomic_load_n(&sh->slots[slot].pid,
                                           __ATOMIC_RELAXED);
    }

    pipeline->state = __atomic_load_n(&sh->state, __ATOMIC_RELAXED);
    pipeline->records = ngx_triggers_ring_records(&sh->ring);
    pipeline->used = ngx_triggers_ring_depth(&sh->ring);
    pipeline->size = sh->ring.size;

    for (i = 0; i < NGX_TRIGGERS_NSTATUS; i++) {
        pipeline->events[i] = __atomic_load_n(&leader->events[i],
                                              __ATOMIC_RELAXED);
    }

    for (i = 0; i < NGX_TRIGGERS_NBREAKERS; i++) {
        pipeline->endpoints[i] = __atomic_load_n(&leader->endpoints[i],
                                                 __ATOMIC_RELAXED);
    }
}


void
ngx_http_triggers_pipeline_write(ngx_triggers_text_t *text,
    ngx_http_triggers_pipeline_t *pipeline, int64_t time)
{
    ngx_uint_t  i;

    ngx_triggers_text_puts(text, "{\"store\":\"");
    ngx_triggers_text_puts(text,
                           ngx_http_triggers_store_name(pipeline->state));
    ngx_triggers_text_puts(text, "\",\"leader\":");

    if (pipeline->leader) {
        ngx_triggers_text_number(text, pipeline->leader);

    } else {
        ngx_triggers_text_puts(text, "null");
    }

    ngx_triggers_text_puts(text, ",\"queue\":");
    ngx_http_triggers_pipeline_number(text, "{", "records",
                                      pipeline->records);
    ngx_http_triggers_pipeline_number(text, ",", "used_bytes",
                                      pipeline->used);
    ngx_http_triggers_pipeline_number(text, ",", "size_bytes",
                                      pipeline->size);
    ngx_triggers_text_puts(text, "},\"events\":");

    for (i = 0; i < NGX_TRIGGERS_NSTATUS; i++) {
        ngx_http_triggers_pipeline_number(text, i ? "," : "{",
                                          ngx_http_triggers_status_name(i),
                                          pipeline->events[i]);
    }

    ngx_triggers_text_puts(text, "},\"endpoints\":");

    for (i = 0; i < NGX_TRIGGERS_NBREAKERS; i++) {
        ngx_http_triggers_pipeline_number(text, i ? "," : "{",
                                          ngx_http_triggers_breaker_name(i),
                                          pipeline->endpoints[i]);
    }

    ngx_triggers_text_puts(text, "}");
    ngx_triggers_text_member_time(text, "timestamp", time);
    ngx_triggers_text_puts(text, "}");
}


static void
ngx_http_triggers_pipeline_number(ngx_triggers_text_t *text,
    const char *before, const char *name, uint64_t n)
{
    ngx_triggers_text_puts(text, before);
    ngx_triggers_text_puts(text, "\"");
    ngx_triggers_text_puts(text, name);
    ngx_triggers_text_puts(text, "\":");
    ngx_triggers_text_number(text, n);
}
