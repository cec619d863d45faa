
/*
 * Makes and carves the shared-memory zone of a store, checks on a reload that
 * the new configuration fits the zone that is running, and appends records
 * to its ring.  Everything here runs in the master or in event loops.
 */


#include "ngx_triggers_zone.h"
#include "ngx_triggers_clock.h"
#include "ngx_triggers_record.h"

#include <sys/random.h>


#define NGX_TRIGGERS_SLOTS_MIN  64

/*
 * the slots, the results, the feed and, by default, the keys take at most this
 * part of a zone each
 */

#define NGX_TRIGGERS_ZONE_PART  8

/* a bucket for every so many bytes of a zone, or for every key */

#define NGX_TRIGGERS_ZONE_RATE  4096


static ngx_int_t ngx_triggers_zone_init(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_int_t ngx_triggers_zone_reuse(ngx_triggers_zone_t *zone,
    ngx_triggers_zone_t *old);
static ngx_int_t ngx_triggers_zone_check_size(ngx_shm_zone_t *shm_zone);
static ngx_int_t ngx_triggers_zone_create(ngx_triggers_zone_t *zone);
static ngx_int_t ngx_triggers_zone_carve(ngx_triggers_zone_t *zone,
    u_char *p, size_t size);
static size_t ngx_triggers_zone_usable(size_t size);
static ngx_uint_t ngx_triggers_zone_keys(size_t size, ngx_uint_t keys);
static ngx_uint_t ngx_triggers_zone_rates(size_t size, ngx_uint_t keys);


ngx_triggers_zone_t *
ngx_triggers_zone_add(ngx_conf_t *cf, ngx_str_t *name, ngx_str_t *path,
    ngx_str_t *logs, size_t size, ngx_uint_t waiting, ngx_uint_t keys,
    void *tag)
{
    u_char               *p;
    ngx_str_t             shm_name;
    ngx_triggers_zone_t  *zone;

    zone = ngx_pcalloc(cf->pool, sizeof(ngx_triggers_zone_t));
    if (zone == NULL) {
        return NULL;
    }

    shm_name.len = sizeof("triggers_") - 1 + name->len;

    shm_name.data = ngx_pnalloc(cf->pool, shm_name.len);
    if (shm_name.data == NULL) {
        return NULL;
    }

    p = ngx_cpymem(shm_name.data, "triggers_", sizeof("triggers_") - 1);
    ngx_memcpy(p, name->data, name->len);

    zone->name = *name;
    zone->path = *path;
    zone->logs = *logs;
    zone->waiting = waiting;
    zone->keys = keys;

    /* ngx_cycle is still the old one when the zone is made */

    zone->core = (ngx_core_conf_t *) ngx_get_conf(cf->cycle->conf_ctx,
                                                  ngx_core_module);

    zone->shm_zone = ngx_shared_memory_add(cf, &shm_name, size, tag);
    if (zone->shm_zone == NULL) {
        return NULL;
    }

    zone->shm_zone->init = ngx_triggers_zone_init;
    zone->shm_zone->data = zone;

    return zone;
}


size_t
ngx_triggers_zone_record_max(size_t size, ngx_uint_t keys)
{
    size_t  used;

    size = ngx_triggers_zone_usable(size);

    if (size < 2 * NGX_TRIGGERS_ZONE_PART * ngx_pagesize) {
        return 0;
    }

    keys = ngx_triggers_zone_keys(size, keys);

    used = 3 * (size / NGX_TRIGGERS_ZONE_PART)
           + ngx_triggers_metrics_size_max(size)
           + ngx_triggers_keys_size(keys)
           + ngx_triggers_rates_size(ngx_triggers_zone_rates(size, keys))
           + ngx_pagesize;

    return (used < size) ? ngx_triggers_ring_record_max(size - used) : 0;
}


ngx_int_t
ngx_triggers_zone_append(ngx_triggers_zone_t *zone,
    ngx_triggers_batch_t *batch, ngx_triggers_owner_t *owner,
    uint32_t *cells, ngx_uint_t ncells, uint64_t *end)
{
    size_t                         len;
    ngx_triggers_zone_sh_t        *sh;
    ngx_triggers_record_header_t  *header;

    sh = zone->sh;
    len = ngx_triggers_record_length(batch, ncells);

    if (len > ngx_triggers_ring_record_max(sh->ring.size)) {
        return NGX_DECLINED;
    }

    ngx_shmtx_lock(&zone->shpool->mutex);
    header = ngx_triggers_ring_reserve_locked(&sh->ring, len, owner, end);
    ngx_shmtx_unlock(&zone->shpool->mutex);

    if (header == NULL) {
        (void) __atomic_add_fetch(&sh->refused, 1, __ATOMIC_RELAXED);
        return NGX_BUSY;
    }

    ngx_triggers_record_encode(batch, cells, ncells, (u_char *) (header + 1));
    ngx_triggers_ring_ready(header);

    return NGX_OK;
}


ngx_triggers_zone_result_t *
ngx_triggers_zone_result(ngx_triggers_zone_sh_t *sh,
    ngx_triggers_owner_t *owner)
{
    if (owner->slot >= sh->nslots || owner->index >= sh->nresults) {
        return NULL;
    }

    return &sh->results[owner->slot * sh->nresults + owner->index];
}


void
ngx_triggers_zone_set_code(ngx_triggers_zone_result_t *cell, ngx_uint_t i,
    ngx_uint_t code)
{
    u_char      *p;
    ngx_uint_t   shift;

    p = &cell->codes[i % NGX_TRIGGERS_CELL_CODES / 2];
    shift = 4 * (i % 2);

    *p = (u_char) ((*p & ~(0x0f << shift)) | (code << shift));
}


ngx_uint_t
ngx_triggers_zone_code(ngx_triggers_zone_result_t *cell, ngx_uint_t i)
{
    return (cell->codes[i % NGX_TRIGGERS_CELL_CODES / 2] >> (4 * (i % 2)))
           & 0x0f;
}


uint64_t
ngx_triggers_zone_generation(ngx_triggers_zone_sh_t *sh, ngx_str_t *user_id,
    ngx_uint_t any_owner)
{
    uint64_t    *generation;
    ngx_uint_t   i;

    if (any_owner) {
        return __atomic_load_n(&sh->any_generation, __ATOMIC_SEQ_CST);
    }

    i = ngx_triggers_zone_generation_index(user_id);
    generation = &sh->generations[i];

    return __atomic_load_n(generation, __ATOMIC_SEQ_CST)
           + __atomic_load_n(&sh->unknown_generation, __ATOMIC_SEQ_CST);
}


ngx_uint_t
ngx_triggers_zone_generation_index(ngx_str_t *user_id)
{
    return ngx_murmur_hash2(user_id->data, user_id->len)
           % NGX_TRIGGERS_GENERATIONS;
}


ngx_uint_t
ngx_triggers_zone_delivered(ngx_triggers_zone_sh_t *sh)
{
    uint64_t  delivering;

    delivering = __atomic_load_n(&sh->delivering, __ATOMIC_RELAXED);

    return delivering == 0
           || delivering + NGX_TRIGGERS_HEARTBEAT_MAX
              >= ngx_triggers_monotonic_ms();
}


size_t
ngx_triggers_zone_part(ngx_triggers_zone_sh_t *sh,
    ngx_triggers_zone_part_e part)
{
    switch (part) {

    case NGX_TRIGGERS_PART_RING:
        return sh->ring.size;

    case NGX_TRIGGERS_PART_RESULTS:
        return sh->nslots * sh->nresults * sizeof(ngx_triggers_zone_result_t);

    case NGX_TRIGGERS_PART_KEYS:
        return ngx_triggers_keys_size(sh->keys.capacity);

    case NGX_TRIGGERS_PART_RATES:
        return (sh->rates.mask + 1) * sizeof(ngx_triggers_bucket_t);

    case NGX_TRIGGERS_PART_SLOTS:
        return sh->nslots * sizeof(ngx_triggers_slot_t);

    case NGX_TRIGGERS_PART_METRICS:
        return sh->metrics.size;

    default: /* NGX_TRIGGERS_PART_FEED */
        return sh->feed.nplaces * sizeof(ngx_triggers_feed_place_t);
    }
}


void
ngx_triggers_zone_beat(ngx_triggers_zone_sh_t *sh)
{
    __atomic_store_n(&sh->heartbeat, ngx_triggers_monotonic_ms(),
                     __ATOMIC_RELAXED);
}


ngx_uint_t
ngx_triggers_zone_drained(ngx_triggers_zone_sh_t *sh)
{
    uint64_t  heartbeat;

    heartbeat = __atomic_load_n(&sh->heartbeat, __ATOMIC_RELAXED);

    /* the order of the two readings does not matter: it is off by little */

    return heartbeat + NGX_TRIGGERS_HEARTBEAT_MAX
           >= ngx_triggers_monotonic_ms();
}


static ngx_int_t
ngx_triggers_zone_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_triggers_zone_t  *zone;

    zone = shm_zone->data;

    if (data) {
        return ngx_triggers_zone_reuse(zone, data);
    }

    if (ngx_triggers_zone_check_size(shm_zone) != NGX_OK) {
        return NGX_ERROR;
    }

    zone->shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (shm_zone->shm.exists) {
        zone->sh = zone->shpool->data;
        return NGX_OK;
    }

    return ngx_triggers_zone_create(zone);
}


static ngx_int_t
ngx_triggers_zone_reuse(ngx_triggers_zone_t *zone, ngx_triggers_zone_t *old)
{
    if (ngx_strcmp(zone->path.data, old->sh->path) != 0) {
        ngx_log_error(NGX_LOG_EMERG, zone->shm_zone->shm.log, 0,
                      "triggers store \"%V\" uses the database \"%V\" while "
                      "previously it used \"%s\"; restart nginx to change it",
                      &zone->name, &zone->path, old->sh->path);
        return NGX_ERROR;
    }

    /* two leaders' loggers would take turns by locks of two files */

    if (ngx_strcmp(zone->logs.data, old->sh->logs) != 0) {
        ngx_log_error(NGX_LOG_EMERG, zone->shm_zone->shm.log, 0,
                      "triggers store \"%V\" has its logs in \"%V\" while "
                      "previously it had them in \"%s\"; restart nginx to "
                      "change it", &zone->name, &zone->logs, old->sh->logs);
        return NGX_ERROR;
    }

    if (zone->waiting != old->waiting) {
        ngx_log_error(NGX_LOG_EMERG, zone->shm_zone->shm.log, 0,
                      "parameter \"waiting\" of triggers store \"%V\" cannot "
                      "change on a reload; restart nginx to change it",
                      &zone->name);
        return NGX_ERROR;
    }

    if (zone->keys != old->keys) {
        ngx_log_error(NGX_LOG_EMERG, zone->shm_zone->shm.log, 0,
                      "parameter \"keys\" of triggers store \"%V\" cannot "
                      "change on a reload; restart nginx to change it",
                      &zone->name);
        return NGX_ERROR;
    }

    zone->sh = old->sh;
    zone->shpool = old->shpool;
    zone->cycle = ++zone->sh->cycles;

    return NGX_OK;
}


/*
 * nginx gives a zone of a changed size to the new workers beside the old one.
 * The old workers' ring would then have no drainer of its own tree, so the
 * change is refused.
 */

static ngx_int_t
ngx_triggers_zone_check_size(ngx_shm_zone_t *shm_zone)
{
    ngx_uint_t        i;
    ngx_shm_zone_t   *old;
    ngx_list_part_t  *part;

    part = (ngx_list_part_t *) &ngx_cycle->shared_memory.part;
    old = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                break;
            }
            part = part->next;
            old = part->elts;
            i = 0;
        }

        if (old[i].tag == shm_zone->tag
            && old[i].shm.name.len == shm_zone->shm.name.len
            && ngx_strncmp(old[i].shm.name.data, shm_zone->shm.name.data,
                           shm_zone->shm.name.len)
               == 0
            && old[i].shm.size != shm_zone->shm.size)
        {
            ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                          "size %uz of zone \"%V\" cannot change on a reload "
                          "from %uz; restart nginx to change it",
                          shm_zone->shm.size, &shm_zone->shm.name,
                          old[i].shm.size);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_triggers_zone_create(ngx_triggers_zone_t *zone)
{
    u_char                  *p;
    size_t                   size;
    ngx_triggers_zone_sh_t  *sh;

    zone->shpool->log_nomem = 0;

    sh = ngx_slab_calloc(zone->shpool, sizeof(ngx_triggers_zone_sh_t)
                                       + zone->path.len + 1
                                       + zone->logs.len + 1);
    if (sh == NULL) {
        goto too_small;
    }

    zone->sh = sh;
    sh->path = (u_char *) (sh + 1);
    ngx_memcpy(sh->path, zone->path.data, zone->path.len);
    sh->logs = sh->path + zone->path.len + 1;
    ngx_memcpy(sh->logs, zone->logs.data, zone->logs.len);

    if (getrandom(&sh->nonce, sizeof(sh->nonce), 0) != sizeof(sh->nonce)) {
        ngx_log_error(NGX_LOG_EMERG, zone->shm_zone->shm.log, ngx_errno,
                      "getrandom() failed");
        return NGX_ERROR;
    }

    size = ngx_triggers_zone_usable(zone->shm_zone->shm.size);

    p = ngx_slab_calloc(zone->shpool, size);
    if (p == NULL) {
        goto too_small;
    }

    if (ngx_triggers_zone_carve(zone, p, size) != NGX_OK) {
        return NGX_ERROR;
    }

    zone->cycle = ++sh->cycles;

    /* last: whoever finds it, finds it whole */

    zone->shpool->data = sh;

    return NGX_OK;

too_small:

    ngx_log_error(NGX_LOG_EMERG, zone->shm_zone->shm.log, 0,
                  "zone \"%V\" is too small", &zone->shm_zone->shm.name);
    return NGX_ERROR;
}


static ngx_int_t
ngx_triggers_zone_carve(ngx_triggers_zone_t *zone, u_char *p, size_t size)
{
    size_t                   part, left, nkeys, nrates;
    ngx_uint_t               n, keys, rates;
    ngx_core_conf_t         *ccf;
    ngx_triggers_zone_sh_t  *sh;

    sh = zone->sh;
    left = size;
    part = size / NGX_TRIGGERS_ZONE_PART;

    ccf = zone->core;

    /* reloads and upgrades run two sets of workers; leave room for more */

    n = ngx_max(NGX_TRIGGERS_SLOTS_MIN, 4 * ccf->worker_processes);
    sh->nslots = ngx_min(n, part / sizeof(ngx_triggers_slot_t));

    sh->slots = (ngx_triggers_slot_t *) p;
    n = sh->nslots * sizeof(ngx_triggers_slot_t);
    p += n;
    left -= n;

    ngx_triggers_metrics_init(&sh->metrics, p, size, sh->nslots);
    n = ngx_triggers_metrics_size(size, sh->nslots);
    p += n;
    left -= n;

    ngx_triggers_history_init(&sh->history, sh->metrics.started,
                              sh->metrics.created / 1000);

    n = part - part % sizeof(ngx_triggers_feed_place_t);
    ngx_triggers_feed_init(&sh->feed, p, n);
    sh->log_number = 1;
    p += n;
    left -= n;

    n = part / sizeof(ngx_triggers_zone_result_t) / sh->nslots;

    if (zone->waiting != NGX_CONF_UNSET_UINT && zone->waiting > n) {
        ngx_log_error(NGX_LOG_EMERG, zone->shm_zone->shm.log, 0,
                      "zone \"%V\" is too small for %ui waiting requests of "
                      "each worker, it has room for %ui",
                      &zone->shm_zone->shm.name, zone->waiting, n);
        return NGX_ERROR;
    }

    sh->nresults = ngx_min(n, NGX_TRIGGERS_WAITING);

    if (zone->waiting != NGX_CONF_UNSET_UINT) {
        sh->nresults = zone->waiting;
    }

    sh->results = (ngx_triggers_zone_result_t *) p;
    n = ngx_align(sh->nslots * sh->nresults
                  * sizeof(ngx_triggers_zone_result_t),
                  sizeof(ngx_triggers_record_header_t));
    p += n;
    left -= n;

    keys = ngx_triggers_zone_keys(size, zone->keys);
    rates = ngx_triggers_zone_rates(size, keys);

    nkeys = ngx_align(ngx_triggers_keys_size(keys),
                      sizeof(ngx_triggers_record_header_t));
    nrates = ngx_triggers_rates_size(rates);

    if (nkeys + nrates + part > left) {
        ngx_log_error(NGX_LOG_EMERG, zone->shm_zone->shm.log, 0,
                      "zone \"%V\" is too small for %ui keys, which take %uz "
                      "bytes", &zone->shm_zone->shm.name, keys,
                      nkeys + nrates);
        return NGX_ERROR;
    }

    ngx_triggers_keys_init(&sh->keys, p, keys);
    p += nkeys;
    left -= nkeys;

    ngx_triggers_rates_init(&sh->rates, p, rates);
    p += nrates;
    left -= nrates;

    ngx_triggers_ring_init(&sh->ring, p, left);

    return NGX_OK;
}


/* what is sure to be left of a zone by the slab allocator and the header */

static size_t
ngx_triggers_zone_usable(size_t size)
{
    size_t  overhead;

    overhead = size / 64 + 6 * ngx_pagesize;

    if (size <= overhead) {
        return 0;
    }

    size -= overhead;

    return size - size % ngx_pagesize;
}


static ngx_uint_t
ngx_triggers_zone_keys(size_t size, ngx_uint_t keys)
{
    return (keys == NGX_CONF_UNSET_UINT)
           ? ngx_triggers_keys_capacity(size / NGX_TRIGGERS_ZONE_PART) : keys;
}


static ngx_uint_t
ngx_triggers_zone_rates(size_t size, ngx_uint_t keys)
{
    return ngx_max(size / NGX_TRIGGERS_ZONE_RATE, keys);
}
