
/*
 * Idempotency keys in the SQLite store: first uses and replays, what a
 * rollback, a new leader and another process leave of them, the merge of many
 * keys into the index, expiry, and what a reader is told.
 */


#include "store_fixture.h"
#include "ngx_triggers_sqlite.h"


#define MANY   70000               /* more than one slice */
#define FULL   140000              /* more than a tail holds */


/* when events come in, ms */

static int64_t  present;

static u_char  hashes[NGX_TRIGGERS_KEY_HASH_LEN
                      + NGX_TRIGGERS_REQUEST_HASH_LEN];


/* an event number n with key number key, which says what */

static void
keyed(ngx_triggers_mutation_t *m, uint64_t n, uint64_t key, const char *what)
{
    uint64_t  x;

    fixture_mutation(m, NGX_TRIGGERS_OP_CREATE, n, "demo");
    m->time = present;
    m->event.created_at = present;

    /* the numbers spread as those of a hash */

    x = key * 0x9e3779b97f4a7c15ull;
    ngx_memzero(hashes, sizeof(hashes));
    ngx_memcpy(hashes, &x, sizeof(x));
    ngx_memcpy(hashes + 8, &key, sizeof(key));
    ngx_memcpy(hashes + NGX_TRIGGERS_KEY_HASH_LEN, what, strlen(what));

    m->idempotency.data = hashes;
    m->idempotency.len = sizeof(hashes);
}


/* the code of a batch of one */

static int
put(ngx_triggers_store_t *store, uint64_t n, uint64_t key, const char *what,
    ngx_triggers_result_t *result)
{
    ngx_triggers_mutation_t  m;

    keyed(&m, n, key, what);

    if (fixture_write(store, &m, result) != NGX_OK) {
        return -1;
    }

    return result->rc;
}


/* keys first to last - 1 with the events of their numbers, in large batches */

static int
put_many(ngx_triggers_store_t *store, uint64_t first, uint64_t last,
    ngx_uint_t maintain)
{
    ngx_triggers_result_t    result;
    ngx_triggers_mutation_t  m;

    while (first < last) {

        if (ngx_triggers_store_begin(store) != NGX_OK) {
            return 0;
        }

        do {
            keyed(&m, first, first, "many");

            if (ngx_triggers_store_apply(store, &m, &result) != NGX_OK
                || result.rc != NGX_TRIGGERS_RC_OK)
            {
                return 0;
            }

        } while (++first < last && first % 1000);

        if (ngx_triggers_store_commit(store, 1, first) != NGX_OK) {
            return 0;
        }

        if (maintain
            && ngx_triggers_store_maintain(store, 0) == NGX_ERROR)
        {
            return 0;
        }
    }

    return 1;
}


/* how many of some keys are not answered with their first event */

static int
wrong(ngx_triggers_store_t *store, uint64_t first, uint64_t last,
    uint64_t step)
{
    int                    n;
    ngx_triggers_result_t  result;

    n = 0;

    while (first < last) {
        n += (put(store, 10000000 + first, first, "many", &result)
              != NGX_TRIGGERS_RC_REPLAY
              || fixture_number(result.id) != first);
        first += step;
    }

    return n;
}


static void
test_replay(void)
{
    int64_t                  time;
    ngx_str_t               *path;
    ngx_triggers_store_t    *store;
    ngx_triggers_result_t    result;
    ngx_triggers_mutation_t  m;

    path = fixture_path("replay.db");
    store = fixture_store(path);
    (void) ngx_triggers_store_open(store);

    unit_ok(put(store, 1, 7, "a", &result) == NGX_TRIGGERS_RC_OK
            && fixture_number(result.id) == 1, "a first use");
    time = result.time;

    unit_ok(put(store, 2, 7, "a", &result) == NGX_TRIGGERS_RC_REPLAY
            && fixture_number(result.id) == 1 && result.time == time,
            "a replay has the first event's id and time");
    unit_ok(put(store, 3, 7, "b", &result) == NGX_TRIGGERS_RC_KEY_REUSED,
            "the key with another request");
    unit_ok(put(store, 4, 8, "b", &result) == NGX_TRIGGERS_RC_OK,
            "another key");
    unit_ok(fixture_sql(path, "SELECT count(*) FROM events") == 2
            && fixture_sql(path, "SELECT count(*) FROM idempotency") == 2,
            "only first uses are stored");

    (void) fixture_do(store, NGX_TRIGGERS_OP_DELETE, 1, "demo");
    unit_ok(put(store, 5, 7, "a", &result) == NGX_TRIGGERS_RC_REPLAY
            && fixture_number(result.id) == 1,
            "a replay after the event has gone");

    /* both in one batch */

    (void) ngx_triggers_store_begin(store);
    keyed(&m, 11, 11, "x");
    (void) ngx_triggers_store_apply(store, &m, &result);
    keyed(&m, 12, 11, "x");
    unit_ok(ngx_triggers_store_apply(store, &m, &result) == NGX_OK
            && result.rc == NGX_TRIGGERS_RC_REPLAY
            && fixture_number(result.id) == 11, "a replay in the same batch");

    ngx_triggers_store_rollback(store);
    unit_ok(put(store, 13, 11, "y", &result) == NGX_TRIGGERS_RC_OK,
            "what was rolled back has not used its key");

    /* a new leader, and one that has the store beside another */

    ngx_triggers_store_close(store);
    unit_ok(ngx_triggers_store_open(store) == NGX_OK
            && put(store, 14, 7, "a", &result) == NGX_TRIGGERS_RC_REPLAY
            && put(store, 15, 11, "y", &result) == NGX_TRIGGERS_RC_REPLAY
            && fixture_number(result.id) == 13,
            "keys survive their process");

    ngx_triggers_store_destroy(store);
}


static void
test_two(void)
{
    ngx_str_t              *path;
    ngx_triggers_store_t   *one, *two;
    ngx_triggers_result_t   result;

    path = fixture_path("two.db");
    one = fixture_store(path);
    two = fixture_store(path);

    (void) ngx_triggers_store_open(one);
    (void) put(one, 1, 1, "a", &result);
    ngx_triggers_store_unlock(one);

    unit_ok(ngx_triggers_store_open(two) == NGX_OK
            && put(two, 2, 1, "a", &result) == NGX_TRIGGERS_RC_REPLAY
            && put(two, 3, 2, "a", &result) == NGX_TRIGGERS_RC_OK,
            "another process sees the keys of the first");
    ngx_triggers_store_unlock(two);

    unit_ok(ngx_triggers_store_open(one) == NGX_OK
            && put(one, 4, 2, "a", &result) == NGX_TRIGGERS_RC_REPLAY
            && fixture_number(result.id) == 3,
            "and the first those of the other");

    ngx_triggers_store_destroy(one);
    ngx_triggers_store_destroy(two);
}


/* as many events of another process as of a batch that was rolled back */

static void
test_two_rollback(void)
{
    ngx_str_t                *path;
    ngx_triggers_store_t     *one, *two;
    ngx_triggers_result_t     result;
    ngx_triggers_mutation_t   m;

    path = fixture_path("two_rollback.db");
    one = fixture_store(path);
    two = fixture_store(path);

    (void) ngx_triggers_store_open(one);
    (void) put(one, 1, 1, "a", &result);

    (void) ngx_triggers_store_begin(one);
    keyed(&m, 2, 2, "a");
    (void) ngx_triggers_store_apply(one, &m, &result);
    ngx_triggers_store_unlock(one);

    (void) ngx_triggers_store_open(two);
    unit_ok(put(two, 3, 3, "a", &result) == NGX_TRIGGERS_RC_OK,
            "another process goes on after a rollback");
    ngx_triggers_store_unlock(two);

    unit_ok(ngx_triggers_store_open(one) == NGX_OK
            && put(one, 4, 3, "a", &result) == NGX_TRIGGERS_RC_REPLAY
            && fixture_number(result.id) == 3,
            "and the first knows its key");

    ngx_triggers_store_destroy(one);
    ngx_triggers_store_destroy(two);
}


static void
test_merge(void)
{
    int64_t                rows;
    ngx_str_t             *path;
    ngx_uint_t             i;
    ngx_triggers_store_t  *store;

    path = fixture_path("merge.db");
    store = fixture_store(path);
    (void) ngx_triggers_store_open(store);

    unit_ok(put_many(store, 1, MANY, 1), "many keys");
    unit_ok(wrong(store, 1, MANY, 97) == 0, "are known while they are merged");

    for (i = 0; i < 1000; i++) {
        if (ngx_triggers_store_maintain(store, 1) != NGX_AGAIN) {
            break;
        }
    }

    rows = fixture_sql(path, "SELECT count(*) FROM idempotency_index");

    unit_ok(rows > 60000 && rows < MANY
            && fixture_sql(path, "SELECT indexed_through FROM store") == rows,
            "a slice of them is in the index: %d", (int) rows);
    unit_ok(wrong(store, 1, MANY, 89) == 0, "all are known then");

    ngx_triggers_store_close(store);
    (void) ngx_triggers_store_open(store);
    unit_ok(wrong(store, 1, MANY, 83) == 0, "and to a new leader");

    /* without any maintenance the tail would never end */

    unit_ok(put_many(store, MANY, MANY + FULL, 0), "more than a tail holds");
    unit_ok(wrong(store, 1, MANY + FULL, 997) == 0, "all are known");

    ngx_triggers_store_destroy(store);
}


/* a slice that ends within a batch which is then rolled back */

static void
test_merge_rollback(void)
{
    uint64_t                 n;
    ngx_str_t               *path;
    ngx_triggers_store_t    *store;
    ngx_triggers_result_t    result;
    ngx_triggers_mutation_t  m;

    path = fixture_path("ahead.db");
    store = fixture_store(path);
    (void) ngx_triggers_store_open(store);

    unit_ok(put_many(store, 1, 100000, 0), "keys of a long tail");
    (void) ngx_triggers_store_begin(store);

    for (n = 100000; n < FULL; n++) {
        keyed(&m, n, n, "many");
        (void) ngx_triggers_store_apply(store, &m, &result);
    }

    ngx_triggers_store_rollback(store);

    unit_ok(fixture_sql(path, "SELECT count(*) FROM idempotency_index") == 0
            && wrong(store, 1, 100000, 499) == 0,
            "are known after the rollback of what merged them");
    unit_ok(put(store, 100001, 100001, "many", &result) == NGX_TRIGGERS_RC_OK,
            "those that were rolled back are not");

    ngx_triggers_store_destroy(store);
}


/* a slice that has entries of a batch that was rolled back */

static void
test_merge_stale(void)
{
    uint64_t                 n;
    ngx_str_t               *path;
    ngx_uint_t               i;
    ngx_triggers_store_t    *store;
    ngx_triggers_result_t    result;
    ngx_triggers_mutation_t  m;

    path = fixture_path("stale.db");
    store = fixture_store(path);
    (void) ngx_triggers_store_open(store);

    (void) put_many(store, 1, 66000, 0);
    (void) ngx_triggers_store_begin(store);

    for (n = 66000; n < 67000; n++) {
        keyed(&m, n, n, "many");
        (void) ngx_triggers_store_apply(store, &m, &result);
    }

    ngx_triggers_store_rollback(store);

    /* the merge begins before their numbers are given to others */

    (void) ngx_triggers_store_maintain(store, 0);
    unit_ok(put_many(store, 68000, 69000, 0), "keys after a rollback");

    for (i = 0; i < 1000; i++) {
        if (ngx_triggers_store_maintain(store, 0) == NGX_ERROR
            || fixture_sql(path, "SELECT indexed_through FROM store"))
        {
            break;
        }
    }

    ngx_triggers_store_close(store);
    (void) ngx_triggers_store_open(store);

    unit_ok(wrong(store, 1, 66000, 499) == 0
            && wrong(store, 68000, 69000, 7) == 0,
            "are known to a new leader");

    ngx_triggers_store_destroy(store);
}


static void
test_expiry(void)
{
    ngx_str_t              *path;
    ngx_uint_t              i;
    ngx_triggers_store_t   *store;
    ngx_triggers_result_t   result;

    path = fixture_path("expiry.db");
    store = fixture_store(path);
    ngx_triggers_store_keep_keys(store, 3600 * 1000);
    (void) ngx_triggers_store_open(store);

    present = ngx_triggers_wall_ms() - 3 * 3600 * 1000;

    (void) put(store, 1, 1, "a", &result);
    present += 3600 * 1000 - 1;
    unit_ok(put(store, 2, 1, "a", &result) == NGX_TRIGGERS_RC_REPLAY,
            "a key is kept for its time");
    present += 1;
    unit_ok(put(store, 3, 1, "b", &result) == NGX_TRIGGERS_RC_OK
            && put(store, 4, 1, "b", &result) == NGX_TRIGGERS_RC_REPLAY
            && fixture_number(result.id) == 3,
            "and then free for another event");

    unit_ok(put_many(store, 10, MANY, 1), "keys of old events");

    for (i = 0; i < 1000; i++) {
        if (ngx_triggers_store_maintain(store, 1) != NGX_AGAIN) {
            break;
        }
    }

    unit_ok(fixture_sql(path, "SELECT count(*) FROM idempotency") == 0,
            "their rows are removed");
    unit_ok(put(store, MANY + 1, 20, "b", &result) == NGX_TRIGGERS_RC_OK,
            "and the keys are free again");

    /* the next slices take the rest out of the index */

    unit_ok(put_many(store, MANY + 2, 3 * MANY, 1), "more keys");

    for (i = 0; i < 1000; i++) {
        if (ngx_triggers_store_maintain(store, 1) != NGX_AGAIN) {
            break;
        }
    }

    unit_ok(fixture_sql(path, "SELECT count(*) FROM idempotency_index")
            < 2 * MANY, "the index does not grow for ever");

    ngx_triggers_store_destroy(store);
}


static void
test_reader(void)
{
    ngx_str_t               *path;
    ngx_uint_t               i, n;
    ngx_triggers_store_t    *store;
    ngx_triggers_reader_t   *reader;
    ngx_triggers_replay_t    replays[6], *asked[6];
    ngx_triggers_mutation_t  m;

    static uint64_t  keys[] = { 5, MANY - 1, 999999999, 5, 66000, 12 };

    path = fixture_path("reader.db");
    store = fixture_store(path);
    (void) ngx_triggers_store_open(store);

    (void) put_many(store, 1, MANY, 1);
    while (ngx_triggers_store_maintain(store, 1) == NGX_AGAIN) { /* void */ }

    reader = ngx_triggers_reader_open(path, unit_log());

    for (i = 0; i < 6; i++) {
        keyed(&m, 1, keys[i], "");
        ngx_memcpy(replays[i].key_hash, hashes, NGX_TRIGGERS_KEY_HASH_LEN);
        asked[i] = &replays[i];
    }

    unit_ok(ngx_triggers_reader_replays(reader, asked, 6) == NGX_OK,
            "a reader looks keys up");

    n = 0;

    for (i = 0; i < 6; i++) {
        n += (i == 2) ? (replays[i].created_at == 0)
                      : (replays[i].created_at != 0
                         && fixture_number(replays[i].id) == keys[i]);
    }

    unit_ok(n == 6, "in the index and in the tail, twice, and unknown ones");

    ngx_triggers_reader_close(reader);
    ngx_triggers_store_destroy(store);
}


int
main(void)
{
    fixture_init();

    present = ngx_triggers_wall_ms();

    test_replay();
    test_two();
    test_two_rollback();
    test_merge();
    test_merge_rollback();
    test_merge_stale();
    test_reader();
    test_expiry();

    return fixture_done();
}
