
/*
 * Idempotency keys in the SQLite store against a model: two writers that take
 * turns, batches that are rolled back or meet a full disk, steps of the merge
 * between them, closes; with a tail so short (see the Makefile) that all of it
 * happens often.  A key must be answered with its first event, and only with
 * that.
 */


#include "store_fixture.h"
#include "ngx_triggers_sqlite.h"


#define SEEDS    6
#define STEPS    3000
#define BATCH    60
#define RECENT   1024

#define KEEP     (1000 * 1000)     /* ms, where keys expire */
#define FOREVER  (24 * 3600 * 1000)


/* what a key that has been used stands for, by its number */

typedef struct {
    uint64_t                 event;
    int64_t                  time;
} used_t;


static used_t                 used[SEEDS * STEPS * BATCH];
static uint64_t               nused;   /* keys, and events, from 1 */

static ngx_triggers_store_t  *writers[2];
static ngx_triggers_store_t  *store;   /* the one whose turn it is */
static int64_t                present;
static int64_t                last;    /* created_at, committed */
static int64_t                ttl;

static u_char  hashes[NGX_TRIGGERS_KEY_HASH_LEN
                      + NGX_TRIGGERS_REQUEST_HASH_LEN];


/* one in n */

static ngx_uint_t
chance(ngx_uint_t n)
{
    return random() % n == 0;
}


/* more pages than that and the disk is full; 0: it is large */

static void
limit(ngx_uint_t more)
{
    char     sql[64];
    int64_t  pages;

    if (store->db == NULL) {
        return;
    }

    (void) ngx_triggers_sqlite_integer(store->db, "PRAGMA page_count",
                                       &pages);
    (void) snprintf(sql, sizeof(sql), "PRAGMA max_page_count = %ld",
                    more ? (long) pages + (long) more - 1 : 1000000);
    (void) sqlite3_exec(store->db, sql, NULL, NULL, NULL);
}


/* 0: the store's answer is wrong; *rc is that of applying it */

static ngx_uint_t
apply(uint64_t event, uint64_t key, int64_t now, ngx_int_t *rc)
{
    uint64_t                 x;
    ngx_uint_t               over, forgotten;
    ngx_triggers_result_t    result;
    ngx_triggers_mutation_t  m;

    fixture_mutation(&m, NGX_TRIGGERS_OP_CREATE, event, "demo");
    m.time = present;
    m.event.created_at = present;

    x = key * 0x9e3779b97f4a7c15ull;
    ngx_memcpy(hashes, &x, sizeof(x));
    ngx_memcpy(hashes + 8, &key, sizeof(key));

    m.idempotency.data = hashes;
    m.idempotency.len = sizeof(hashes);

    *rc = ngx_triggers_store_apply(store, &m, &result);

    if (*rc != NGX_OK) {
        return 1;
    }

    /* expired for the event, or by now, so that its row may be gone */

    over = (used[key].time <= now - ttl);
    forgotten = (used[key].time <= ngx_triggers_wall_ms() - ttl);

    if (result.rc == NGX_TRIGGERS_RC_REPLAY) {
        return used[key].event && !over
               && fixture_number(result.id) == used[key].event;
    }

    if (result.rc != NGX_TRIGGERS_RC_OK
        || (used[key].event && !over && !forgotten))
    {
        return 0;
    }

    used[key].event = event;
    used[key].time = now;

    return 1;
}


/* 0: an answer was wrong */

static ngx_uint_t
batch(void)
{
    int64_t          now;
    uint64_t         key[BATCH];
    ngx_int_t        rc;
    ngx_uint_t       i, n, ok, full;
    used_t           before[BATCH];
    static uint64_t  position;

    ok = 1;
    full = chance(12);
    now = ngx_max(present, last);

    if (full) {
        limit(1 + random() % 3);
    }

    rc = ngx_triggers_store_begin(store);

    for (n = 0; n < BATCH && rc == NGX_OK && ok && !chance(30); n++) {
        nused++;

        key[n] = (nused > RECENT && chance(2)) ? nused - random() % RECENT
                                               : nused;
        before[n] = used[key[n]];
        ok = apply(nused, key[n], now, &rc);
    }

    if (rc == NGX_OK && chance(6)) {
        ngx_triggers_store_rollback(store);
        rc = NGX_ERROR;

    } else if (rc == NGX_OK) {
        rc = ngx_triggers_store_commit(store, 1, ++position);
    }

    if (rc == NGX_OK) {
        last = n ? now : last;

    } else {
        for (i = n; i; i--) {
            used[key[i - 1]] = before[i - 1];
        }
    }

    if (full) {
        limit(0);
    }

    return ok;
}


static ngx_uint_t
step(void)
{
    ngx_uint_t  n, full;

    n = random() % 100;

    if (ngx_triggers_store_open(store) != NGX_OK) {
        return 0;
    }

    if (n < 40) {
        return batch();
    }

    if (n < 85) {
        full = chance(10);

        if (full) {
            limit(1);
        }

        (void) ngx_triggers_store_maintain(store, random() % 2);

        if (full) {
            limit(0);
        }

        return 1;
    }

    if (n < 97) {
        ngx_triggers_store_unlock(store);

    } else {
        ngx_triggers_store_close(store);
    }

    store = writers[random() % 2];

    return 1;
}


static void
run(unsigned seed, ngx_uint_t expiry)
{
    char        name[32];
    ngx_str_t  *path;
    ngx_uint_t  i, n;

    (void) snprintf(name, sizeof(name), "model%u.db", seed);
    path = fixture_path(name);

    srandom(seed);

    ttl = expiry ? KEEP : FOREVER;
    present = ngx_triggers_wall_ms() - (expiry ? KEEP + KEEP / 2 : 0);
    last = 0;

    for (i = 0; i < 2; i++) {
        writers[i] = fixture_store(path);
        ngx_triggers_store_keep_keys(writers[i], ttl);
    }

    store = writers[0];

    for (n = 0; n < STEPS && step(); n++) {
        present += expiry ? random() % (2 * KEEP / STEPS) : 0;
    }

    unit_ok(n == STEPS, "seed %u: right answers, %d steps", seed, (int) n);
    unit_ok(fixture_sql(path, "SELECT indexed_through FROM store") > 1000,
            "seed %u: many merges", seed);

    ngx_triggers_store_destroy(writers[0]);
    ngx_triggers_store_destroy(writers[1]);
}


int
main(void)
{
    unsigned  seed;

    fixture_init();

    /* a key is known by its number in one database only */

    for (seed = 1; seed <= SEEDS; seed++) {
        nused += RECENT;
        run(seed, seed % 3 == 0);
    }

    return fixture_done();
}
