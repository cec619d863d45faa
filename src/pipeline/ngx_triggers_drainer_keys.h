
/*
 * The drainer's part in keys: the zone's table of them follows the store's.
 * Everything here is called by whoever runs the drainer.
 *
 * What a batch changes is remembered while it is applied, and put into the
 * table when it has been committed and before it is published, so that an
 * answer is never ahead of the table.  A leader that dies between finds a
 * successor that loads all keys, as their version has changed; so does a
 * change that another tree has made.
 */


#ifndef _NGX_TRIGGERS_DRAINER_KEYS_H_INCLUDED_
#define _NGX_TRIGGERS_DRAINER_KEYS_H_INCLUDED_


#include "ngx_triggers_zone.h"
#include "ngx_triggers_store.h"


/* a key as it will be */

typedef struct {
    ngx_uint_t               usable;           /* flag: to be in the table */
    ngx_triggers_keys_entry_t  entry;
} ngx_triggers_drainer_key_t;


typedef struct {
    ngx_triggers_zone_t     *zone;
    ngx_triggers_owner_t    *owner;            /* this worker's slot */
    ngx_triggers_store_t    *store;
    ngx_log_t               *log;
    ngx_triggers_keys_writer_t  writer;

    /* of the batch */
    ngx_triggers_drainer_key_t  *changes;
    ngx_uint_t               nchanges;
    ngx_uint_t               size;             /* changes there is room for */
    ngx_int_t                more;             /* keys in the table after it,
                                                  less those before */

    ngx_uint_t               missing;          /* keys that did not fit when
                                                  they were loaded */

    /* the pass that writes when keys were last used */
    uint64_t                 cursor;           /* in the table's index */
    uint64_t                 pass;             /* when it is due, monotonic
                                                  ms */
    int64_t                  started;          /* ms since the epoch */
    int64_t                  since;            /* what is older is written */

    unsigned                 crowded:1;        /* some would fit into a
                                                  table with room */
    unsigned                 full:1;           /* and logged so */
} ngx_triggers_drainer_keys_t;


/* Event loop.  NGX_ERROR: no memory. */

ngx_int_t ngx_triggers_drainer_keys_create(ngx_triggers_drainer_keys_t *dk,
    ngx_triggers_zone_t *zone, ngx_triggers_owner_t *owner,
    ngx_triggers_store_t *store, ngx_log_t *log);

/*
 * A new leader, before it publishes anything; and whenever the write lock is
 * held and no transaction open.  Both load the keys where the table is not
 * the store's.  Return what the store returns.
 */

ngx_int_t ngx_triggers_drainer_keys_lead(ngx_triggers_drainer_keys_t *dk);
ngx_int_t ngx_triggers_drainer_keys_check(ngx_triggers_drainer_keys_t *dk);

/* The database may be another one now: the next check loads the keys. */

void ngx_triggers_drainer_keys_forget(ngx_triggers_drainer_keys_t *dk);

/* A batch begins; it has been committed. */

void ngx_triggers_drainer_keys_begin(ngx_triggers_drainer_keys_t *dk);
void ngx_triggers_drainer_keys_publish(ngx_triggers_drainer_keys_t *dk);

/*
 * With the write lock: every second, removes some keys that have expired and
 * writes when some were last used, so that all have their turn each minute;
 * before the store is closed, writes the rest.
 */

void ngx_triggers_drainer_keys_tick(ngx_triggers_drainer_keys_t *dk);
void ngx_triggers_drainer_keys_close(ngx_triggers_drainer_keys_t *dk);


#endif /* _NGX_TRIGGERS_DRAINER_KEYS_H_INCLUDED_ */
