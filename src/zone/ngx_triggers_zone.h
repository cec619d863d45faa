
/*
 * The shared-memory zone of one store: everything that workers, drainer and
 * readers of one nginx tree share.  It is carved once, when the zone is
 * fresh; nothing is allocated in it afterwards, and a reload touches nothing.
 *
 * Its parts: the ring; the slots, one for each worker process that is alive;
 * the results, a fixed array for each slot; the table of keys; the buckets of
 * rate limits; the generations, which tell that something has changed; the
 * state that the drainer tells; metrics, and those of the last minute that was
 * stored; the live feed.
 */


#ifndef _NGX_TRIGGERS_ZONE_H_INCLUDED_
#define _NGX_TRIGGERS_ZONE_H_INCLUDED_


#include "ngx_triggers_event.h"
#include "ngx_triggers_feed.h"
#include "ngx_triggers_history.h"
#include "ngx_triggers_keys.h"
#include "ngx_triggers_metrics.h"
#include "ngx_triggers_rate.h"
#include "ngx_triggers_ring.h"


#define NGX_TRIGGERS_ZONE_MIN      (128 * 1024)

#define NGX_TRIGGERS_WAITING       1024    /* waiting requests of a worker */

#define NGX_TRIGGERS_GENERATIONS   256     /* owners share them by a hash */

#define NGX_TRIGGERS_HEARTBEAT_MAX  5000   /* ms, of who is at work */

#define NGX_TRIGGERS_CELL_CODES    128     /* codes in a cell, two in a byte */
#define NGX_TRIGGERS_CELLS_MAX     8       /* for a batch of BATCH_MAX */


/*
 * One worker process.  Whoever has bound the slot's socket name (see
 * ngx_triggers_wake.h) owns it; the kernel frees the name with the process.
 */

typedef struct {
    /* written by the owner when it takes the slot */
    uint32_t                 generation;
    uint32_t                 pid;

    /* written by the owner with every tick; atomic: what is in use */
    uint64_t                 seen;             /* CLOCK_MONOTONIC, ms */
    uint64_t                 body_bytes;
    uint32_t                 waiting;          /* requests, for a commit */
    uint32_t                 reading;          /* queries that run */
    uint32_t                 queries;          /* that wait for a reader */
    uint32_t                 polls;
    uint32_t                 streams;

    /* atomic: a wake-up is under way and has not been seen */
    uint32_t                 pending  __attribute__((aligned(128)));

    /* written by the owner: it has requests that wait for a generation */
    uint32_t                 polling;
} ngx_triggers_slot_t;


/*
 * The outcome of one record.  Written by the drainer before the commit,
 * position last; valid for the worker once the ring's committed position has
 * passed its record and the position here is its record's end.
 *
 * The codes of a batch, four bits each, stand in further cells of the same
 * slot's array; the record names them.
 */

typedef union {
    struct {
        uint64_t               position;
        ngx_triggers_result_t  result;
    };
    u_char                   codes[NGX_TRIGGERS_CELL_CODES / 2];
} ngx_triggers_zone_result_t;


/* how the logger's last run has ended */

typedef enum {
    NGX_TRIGGERS_LOG_STARTING = 0,         /* there was none */
    NGX_TRIGGERS_LOG_READY,
    NGX_TRIGGERS_LOG_FAILED
} ngx_triggers_log_state_e;


struct ngx_triggers_zone_sh_s {
    /* fixed after init */
    uint64_t                 nonce;        /* names this zone for ever */
    uint32_t                 nslots;
    uint32_t                 nresults;     /* of each slot */
    ngx_triggers_slot_t     *slots;
    ngx_triggers_zone_result_t  *results;
    u_char                  *path;         /* of the database, terminated */
    u_char                  *logs;         /* of that of the logs, likewise */

    /* written by the master only */
    uint64_t                 cycles;       /* that have had the zone */

    /* atomic: somebody has told the leader that there is work */
    uint32_t                 wanted  __attribute__((aligned(128)));

    /* written by the leader only, read by all */
    uint32_t                 leader  __attribute__((aligned(128)));
                                           /* its slot */
    uint32_t                 state;        /* ngx_triggers_store_state_e */
    uint32_t                 readable;     /* the schema has been prepared */
    uint32_t                 wal_frames;
    uint64_t                 heartbeat;    /* CLOCK_MONOTONIC, ms */
    uint64_t                 delivering;   /* likewise, of the deliverer; 0:
                                              there are no endpoints */
    uint64_t                 gate;         /* CLOCK_MONOTONIC, ms: until then
                                              new reads wait */
    int64_t                  next_due;     /* ms since the epoch: something
                                              happens by itself then */
    uint64_t                 commit_time;  /* of the last batch, us */
    uint64_t                 batches;
    uint64_t                 elections;    /* of leaders since the zone is */
    uint64_t                 leaders;      /* that have opened the store */
    uint64_t                 opened;       /* the last cycle of one that did */
    uint32_t                 untold;       /* flag: events may have changed
                                              of which the feed knows nothing
                                              yet */

    /* atomic counters of the workers */
    uint64_t                 refused  __attribute__((aligned(128)));
                                           /* no room: 503 */
    uint64_t                 timeouts;     /* commit timeout: 503 */

    /*
     * Atomic, moved by the drainer before it wakes anybody: the number of
     * commits that have changed events of an owner, of anybody, or of an
     * owner that is not known.  See ngx_triggers_zone_generation().
     */
    uint64_t                 generations[NGX_TRIGGERS_GENERATIONS]
                                 __attribute__((aligned(128)));
    uint64_t                 any_generation;
    uint64_t                 unknown_generation;

    /* atomic: of the logger */
    uint64_t                 log_number  __attribute__((aligned(128)));
                                           /* of the feed's entry that it
                                              reads next */
    uint32_t                 log_wanted;   /* it has been told to hurry */
    uint32_t                 log_state;    /* ngx_triggers_log_state_e */

    uint32_t                 log_unread;   /* atomic flag: they cannot be read,
                                              and this has been told */

    ngx_triggers_metrics_t   metrics;
    ngx_triggers_history_t   history;
    ngx_triggers_feed_t      feed;
    ngx_triggers_keys_t      keys;
    ngx_triggers_rates_t     rates;
    ngx_triggers_ring_t      ring;
};


/* what the zone is used for */

typedef enum {
    NGX_TRIGGERS_PART_RING = 0,
    NGX_TRIGGERS_PART_RESULTS,
    NGX_TRIGGERS_PART_KEYS,
    NGX_TRIGGERS_PART_RATES,
    NGX_TRIGGERS_PART_SLOTS,
    NGX_TRIGGERS_PART_METRICS,
    NGX_TRIGGERS_PART_FEED,
    NGX_TRIGGERS_NPARTS
} ngx_triggers_zone_part_e;


/* this cycle's view of the zone */

typedef struct {
    ngx_triggers_zone_sh_t  *sh;
    ngx_slab_pool_t         *shpool;
    ngx_shm_zone_t          *shm_zone;
    ngx_str_t                name;         /* of the store */
    ngx_str_t                path;         /* of the database, terminated */
    ngx_str_t                logs;         /* of that of the logs, likewise,
                                              whether any are stored or not */
    ngx_core_conf_t         *core;         /* of this cycle */
    ngx_uint_t               waiting;      /* as configured, or UNSET */
    ngx_uint_t               keys;         /* as configured, or UNSET */
    uint64_t                 cycle;        /* 1, 2, … of those that have had
                                              the zone */
} ngx_triggers_zone_t;


/*
 * Configuration time: registers the zone "triggers_NAME".  The zone's init
 * refuses, with a message, a size or settings that differ from those of the
 * running zone, and a zone that is too small.  NULL on an error, logged.
 */

ngx_triggers_zone_t *ngx_triggers_zone_add(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *path, ngx_str_t *logs, size_t size, ngx_uint_t waiting,
    ngx_uint_t keys, void *tag);

/*
 * Any thread: the longest record that a zone of that size, with room for so
 * many keys (or UNSET), is sure to take, whatever the number of workers.
 */

size_t ngx_triggers_zone_record_max(size_t size, ngx_uint_t keys);

/*
 * Event loop.  Appends a record: reserves under the mutex, encodes outside.
 * cells are the numbers of the results that take the batch's codes.  NGX_OK
 * sets *end; NGX_BUSY: the ring is full; NGX_DECLINED: the record would never
 * fit into it.
 */

ngx_int_t ngx_triggers_zone_append(ngx_triggers_zone_t *zone,
    ngx_triggers_batch_t *batch, ngx_triggers_owner_t *owner,
    uint32_t *cells, ngx_uint_t ncells, uint64_t *end);

/* Any thread: the result that a slot's waiter number index reads. */

ngx_triggers_zone_result_t *ngx_triggers_zone_result(
    ngx_triggers_zone_sh_t *sh, ngx_triggers_owner_t *owner);

/* Any thread: the code number i of a batch in its cell; four bits. */

void ngx_triggers_zone_set_code(ngx_triggers_zone_result_t *cell,
    ngx_uint_t i, ngx_uint_t code);
ngx_uint_t ngx_triggers_zone_code(ngx_triggers_zone_result_t *cell,
    ngx_uint_t i);

/*
 * Event loop: a number that grows with every commit that has changed what the
 * owner can see, now and then also with another's; any_owner is for who sees
 * all.  To wait for a change, read it, look, and read it again.
 *
 * Drainer: ngx_triggers_zone_generation_index() is the place of an owner, to
 * be counted after the commit.
 */

uint64_t ngx_triggers_zone_generation(ngx_triggers_zone_sh_t *sh,
    ngx_str_t *user_id, ngx_uint_t any_owner);
ngx_uint_t ngx_triggers_zone_generation_index(ngx_str_t *user_id);

/*
 * Any process: 1 if the deliverer has been at work in the last five seconds,
 * or if there are no endpoints, else 0.
 */

ngx_uint_t ngx_triggers_zone_delivered(ngx_triggers_zone_sh_t *sh);

/* Any process: the bytes of the zone that are for something. */

size_t ngx_triggers_zone_part(ngx_triggers_zone_sh_t *sh,
    ngx_triggers_zone_part_e part);

/*
 * beat(): the leader, any of its threads, is at work on the queue.  drained(),
 * any process: 1 if it has been in the last five seconds, else 0.
 */

void ngx_triggers_zone_beat(ngx_triggers_zone_sh_t *sh);
ngx_uint_t ngx_triggers_zone_drained(ngx_triggers_zone_sh_t *sh);


#endif /* _NGX_TRIGGERS_ZONE_H_INCLUDED_ */
