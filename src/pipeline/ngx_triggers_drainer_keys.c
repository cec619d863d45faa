
/*
 * Keeps the zone's table of keys the same as the store's keys, as far as they
 * can be used: what is revoked, inactive or expired has no place in it.
 *
 * Nothing here allocates after a commit, so that what has been committed is
 * put into the table for certain.
 */


#include "ngx_triggers_drainer_keys.h"
#include "ngx_triggers_clock.h"


#define NGX_TRIGGERS_KEYS_CHANGES  16          /* room at first */

#define NGX_TRIGGERS_KEYS_SWEEP    4096        /* words of the index a second */
#define NGX_TRIGGERS_KEYS_STEP     16384

#define NGX_TRIGGERS_KEYS_USES     512         /* in one transaction */

#define NGX_TRIGGERS_KEYS_PASS     60000       /* ms from pass to pass */

/* a use has the time of its second, and of the worker's cached clock */

#define NGX_TRIGGERS_KEYS_SLACK    3000        /* ms */


static ngx_int_t ngx_triggers_drainer_keys_load(
    ngx_triggers_drainer_keys_t *dk);
static ngx_int_t ngx_triggers_drainer_keys_load_handler(void *data,
    ngx_triggers_key_t *key);
static ngx_int_t ngx_triggers_drainer_keys_change_handler(void *data,
    ngx_triggers_key_t *key);
static ngx_uint_t ngx_triggers_drainer_keys_has(
    ngx_triggers_drainer_keys_t *dk, u_char *digest);
static ngx_int_t ngx_triggers_drainer_keys_grow(
    ngx_triggers_drainer_keys_t *dk);
static void ngx_triggers_drainer_keys_tell(ngx_triggers_drainer_keys_t *dk,
    ngx_uint_t level, const char *fmt, ngx_uint_t n);
static ngx_uint_t ngx_triggers_drainer_keys_usable(ngx_triggers_key_t *key);
static void ngx_triggers_drainer_keys_version(
    ngx_triggers_drainer_keys_t *dk, uint64_t version);
static ngx_int_t ngx_triggers_drainer_keys_uses(
    ngx_triggers_drainer_keys_t *dk, uint64_t last);


ngx_int_t
ngx_triggers_drainer_keys_create(ngx_triggers_drainer_keys_t *dk,
    ngx_triggers_zone_t *zone, ngx_triggers_owner_t *owner,
    ngx_triggers_store_t *store, ngx_log_t *log)
{
    dk->zone = zone;
    dk->owner = owner;
    dk->store = store;
    dk->log = log;
    dk->pass = ngx_triggers_monotonic_ms() + NGX_TRIGGERS_KEYS_PASS;

    ngx_triggers_store_watch_keys(store,
                                  ngx_triggers_drainer_keys_change_handler,
                                  dk);

    return ngx_triggers_keys_create_writer(&dk->writer, &zone->sh->keys, log);
}


ngx_int_t
ngx_triggers_drainer_keys_lead(ngx_triggers_drainer_keys_t *dk)
{
    ngx_triggers_keys_attach(&dk->writer);

    if (!dk->writer.keys->loaded) {
        return ngx_triggers_drainer_keys_load(dk);
    }

    return ngx_triggers_drainer_keys_check(dk);
}


ngx_int_t
ngx_triggers_drainer_keys_check(ngx_triggers_drainer_keys_t *dk)
{
    if (dk->writer.keys->version == ngx_triggers_store_keys_version(dk->store))
    {
        return NGX_OK;
    }

    return ngx_triggers_drainer_keys_load(dk);
}


void
ngx_triggers_drainer_keys_forget(ngx_triggers_drainer_keys_t *dk)
{
    ngx_triggers_drainer_keys_version(dk, (uint64_t) -1);
}


void
ngx_triggers_drainer_keys_begin(ngx_triggers_drainer_keys_t *dk)
{
    dk->nchanges = 0;
    dk->more = 0;
}


void
ngx_triggers_drainer_keys_publish(ngx_triggers_drainer_keys_t *dk)
{
    ngx_uint_t                   i;
    ngx_triggers_drainer_key_t  *change;

    if (dk->nchanges == 0) {
        return;
    }

    for (i = 0; i < dk->nchanges; i++) {
        change = &dk->changes[i];

        if (!change->usable) {
            ngx_triggers_keys_remove(&dk->writer, change->entry.key.digest);
            continue;
        }

        if (ngx_triggers_keys_put(&dk->writer, &change->entry) != NGX_OK) {

            /* its room was counted before */

            ngx_log_error(NGX_LOG_ALERT, dk->log, 0,
                          "triggers store \"%V\": the table of keys is full",
                          &dk->zone->name);
        }
    }

    dk->nchanges = 0;

    ngx_triggers_drainer_keys_version(dk,
                                  ngx_triggers_store_keys_version(dk->store));
}


void
ngx_triggers_drainer_keys_tick(ngx_triggers_drainer_keys_t *dk)
{
    uint64_t              now, last;
    ngx_triggers_keys_t  *keys;

    keys = dk->writer.keys;

    ngx_triggers_keys_sweep(&dk->writer, ngx_triggers_wall_ms(),
                            NGX_TRIGGERS_KEYS_SWEEP);

    if (dk->crowded && keys->count < keys->capacity) {
        (void) ngx_triggers_drainer_keys_load(dk);
    }

    now = ngx_triggers_monotonic_ms();

    if (now < dk->pass) {
        return;
    }

    if (dk->cursor == 0) {
        dk->started = ngx_triggers_wall_ms();
    }

    last = ngx_min(dk->cursor + NGX_TRIGGERS_KEYS_STEP, keys->mask + 1);

    if (ngx_triggers_drainer_keys_uses(dk, last) != NGX_OK
        || last <= keys->mask)
    {
        return;
    }

    dk->cursor = 0;
    dk->since = dk->started - NGX_TRIGGERS_KEYS_SLACK;
    dk->pass = now + NGX_TRIGGERS_KEYS_PASS;
}


void
ngx_triggers_drainer_keys_close(ngx_triggers_drainer_keys_t *dk)
{
    dk->cursor = 0;

    (void) ngx_triggers_drainer_keys_uses(dk, dk->writer.keys->mask + 1);

    dk->cursor = 0;
}


/*
 * Twice where some did not fit: the first time those that are gone from the
 * store may have been in the way.
 */

static ngx_int_t
ngx_triggers_drainer_keys_load(ngx_triggers_drainer_keys_t *dk)
{
    uint64_t              version;
    ngx_int_t             rc;
    ngx_uint_t            i, missing;
    ngx_triggers_keys_t  *keys;

    keys = dk->writer.keys;
    missing = dk->missing;
    version = ngx_triggers_store_keys_version(dk->store);

    for (i = 0; i < 2; i++) {
        dk->missing = 0;
        dk->crowded = 0;

        ngx_triggers_keys_begin(&dk->writer);

        rc = ngx_triggers_store_keys_load(dk->store,
                                      ngx_triggers_drainer_keys_load_handler,
                                      dk);
        if (rc != NGX_OK) {
            dk->missing = missing;
            dk->crowded = (missing != 0);
            return rc;
        }

        ngx_triggers_keys_end(&dk->writer);

        if (!dk->crowded) {
            break;
        }
    }

    if (dk->missing && dk->missing != missing) {
        ngx_log_error(NGX_LOG_ERR, dk->log, 0,
                      "triggers store \"%V\": %ui keys do not fit into the "
                      "zone, which has room for %uD; make the parameter "
                      "\"keys\" of the store larger",
                      &dk->zone->name, dk->missing, keys->capacity);

        ngx_triggers_drainer_keys_tell(dk, NGX_TRIGGERS_LEVEL_ERROR,
                                       "%ui keys do not fit into the zone",
                                       dk->missing);

    } else if (dk->missing == 0) {
        ngx_triggers_drainer_keys_tell(dk, NGX_TRIGGERS_LEVEL_INFO,
                                       "%ui keys have been loaded",
                                       (ngx_uint_t) keys->count);
    }

    __atomic_store_n(&keys->loaded, dk->missing == 0, __ATOMIC_RELEASE);
    ngx_triggers_drainer_keys_version(dk, version);

    return NGX_OK;
}


static ngx_int_t
ngx_triggers_drainer_keys_load_handler(void *data, ngx_triggers_key_t *key)
{
    ngx_triggers_drainer_keys_t *dk = data;

    ngx_triggers_keys_entry_t  entry;

    if (!ngx_triggers_drainer_keys_usable(key)) {
        return NGX_OK;
    }

    if (ngx_triggers_keys_fill(&entry, key) != NGX_OK) {

        /* not one of the api's: somebody has written it by hand */

        dk->missing++;
        return NGX_OK;
    }

    if (ngx_triggers_keys_put(&dk->writer, &entry) != NGX_OK) {
        dk->missing++;
        dk->crowded = 1;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_triggers_drainer_keys_change_handler(void *data, ngx_triggers_key_t *key)
{
    ngx_triggers_drainer_keys_t *dk = data;

    ngx_uint_t                   usable, had;
    ngx_triggers_keys_t         *keys;
    ngx_triggers_drainer_key_t  *change;

    keys = dk->writer.keys;

    if (dk->nchanges == dk->size
        && ngx_triggers_drainer_keys_grow(dk) != NGX_OK)
    {
        return NGX_ERROR;
    }

    change = &dk->changes[dk->nchanges];

    usable = ngx_triggers_drainer_keys_usable(key);
    had = ngx_triggers_drainer_keys_has(dk, key->digest);

    if (ngx_triggers_keys_fill(&change->entry, key) != NGX_OK
        || (usable && !had
            && (ngx_int_t) keys->count + dk->more
               >= (ngx_int_t) keys->capacity))
    {
        if (!dk->full) {
            dk->full = 1;
            ngx_log_error(NGX_LOG_WARN, dk->log, 0,
                          "triggers store \"%V\": its zone has no room for "
                          "more than %uD usable keys; make the parameter "
                          "\"keys\" of the store larger",
                          &dk->zone->name, keys->capacity);

            ngx_triggers_drainer_keys_tell(dk, NGX_TRIGGERS_LEVEL_WARN,
                                           "the zone has no room for more "
                                           "than %ui usable keys",
                                           (ngx_uint_t) keys->capacity);
        }

        return NGX_BUSY;
    }

    dk->more += (ngx_int_t) usable - (ngx_int_t) had;
    dk->nchanges++;
    change->usable = usable;

    if (!usable) {
        dk->full = 0;
    }

    return NGX_OK;
}


/* will the table have the digest, as far as the batch has come? */

static ngx_uint_t
ngx_triggers_drainer_keys_has(ngx_triggers_drainer_keys_t *dk, u_char *digest)
{
    ngx_uint_t                   i;
    ngx_triggers_keys_entry_t    entry;
    ngx_triggers_drainer_key_t  *change;

    for (i = dk->nchanges; i; i--) {
        change = &dk->changes[i - 1];

        if (ngx_memcmp(change->entry.key.digest, digest,
                       NGX_TRIGGERS_KEY_DIGEST_LEN)
            == 0)
        {
            return change->usable;
        }
    }

    return ngx_triggers_keys_find(dk->writer.keys, digest, &entry) == NGX_OK;
}


static ngx_int_t
ngx_triggers_drainer_keys_grow(ngx_triggers_drainer_keys_t *dk)
{
    ngx_uint_t                   size;
    ngx_triggers_drainer_key_t  *changes;

    size = ngx_max(2 * dk->size, NGX_TRIGGERS_KEYS_CHANGES);

    changes = ngx_alloc(size * sizeof(ngx_triggers_drainer_key_t), dk->log);
    if (changes == NULL) {
        return NGX_ERROR;
    }

    if (dk->changes) {
        ngx_memcpy(changes, dk->changes,
                   dk->nchanges * sizeof(ngx_triggers_drainer_key_t));
        ngx_free(dk->changes);
    }

    dk->changes = changes;
    dk->size = size;

    return NGX_OK;
}


static void
ngx_triggers_drainer_keys_tell(ngx_triggers_drainer_keys_t *dk,
    ngx_uint_t level, const char *fmt, ngx_uint_t n)
{
    (void) ngx_triggers_feed_log(&dk->zone->sh->feed, dk->owner->slot, level,
                                 NULL, NULL, fmt, n);
}


static ngx_uint_t
ngx_triggers_drainer_keys_usable(ngx_triggers_key_t *key)
{
    return key->active && key->revoked_at == 0
           && (key->expires_at == 0
               || key->expires_at > ngx_triggers_wall_ms());
}


static void
ngx_triggers_drainer_keys_version(ngx_triggers_drainer_keys_t *dk,
    uint64_t version)
{
    __atomic_store_n(&dk->writer.keys->version, version, __ATOMIC_RELEASE);
}


/* from the cursor to the word last; stays at the cursor after an error */

static ngx_int_t
ngx_triggers_drainer_keys_uses(ngx_triggers_drainer_keys_t *dk, uint64_t last)
{
    int64_t                     used;
    uint64_t                    i;
    ngx_int_t                   rc;
    ngx_uint_t                  n;
    ngx_triggers_rates_t       *rates;
    ngx_triggers_keys_entry_t  *entry;
    ngx_triggers_key_use_t      uses[NGX_TRIGGERS_KEYS_USES];

    rates = &dk->zone->sh->rates;
    i = dk->cursor;

    do {
        for (n = 0; i < last && n < NGX_TRIGGERS_KEYS_USES; i++) {

            entry = ngx_triggers_keys_at(&dk->writer, i);
            if (entry == NULL) {
                continue;
            }

            used = (int64_t) ngx_triggers_rates_last_used(rates,
                                                          entry->key.digest);
            if (used == 0 || used < dk->since) {
                continue;
            }

            ngx_memcpy(uses[n].id, entry->key.id, NGX_TRIGGERS_KEY_ID_LEN);
            uses[n++].time = used;
        }

        rc = n ? ngx_triggers_store_keys_used(dk->store, uses, n) : NGX_OK;

        if (rc != NGX_OK) {
            return rc;
        }

        dk->cursor = i;

    } while (i < last);

    return NGX_OK;
}
