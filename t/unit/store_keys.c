
/*
 * The SQLite store: keys.  What is asked of it and by whom, what the handler
 * of a writer hears, the version, loading, use, and pages.
 */


#include "store_fixture.h"


#define NOW  (FIXTURE_T0 + 1000000)


typedef struct {
    ngx_uint_t          n;
    ngx_uint_t          room;         /* calls that are not refused */
    uint64_t            id[64];
    ngx_triggers_key_t  last;         /* strings are gone */
    char                name[128];
    char                allowed[128];
    char                networks[128];
} seen_t;


static seen_t                     seen;
static ngx_triggers_result_t      result;
static ngx_triggers_key_change_t  asked;


static ngx_int_t
see(void *data, ngx_triggers_key_t *key)
{
    seen_t *s = data;

    if (s->n == s->room) {
        return NGX_BUSY;
    }

    s->id[s->n++ % 64] = fixture_number(key->id);
    s->last = *key;

    snprintf(s->name, sizeof(s->name), "%.*s", (int) key->name.len,
             (char *) key->name.data);
    snprintf(s->allowed, sizeof(s->allowed), "%.*s", (int) key->allowed.len,
             (char *) key->allowed.data);
    snprintf(s->networks, sizeof(s->networks), "%.*s",
             (int) key->networks.len, (char *) key->networks.data);

    return NGX_OK;
}


/* key number n of a user; its digest begins with the number, too */

static void
mutation_of(ngx_triggers_mutation_t *m, ngx_uint_t op, uint64_t n,
    const char *user)
{
    fixture_mutation(m, op, n, user);

    ngx_memzero(&asked, sizeof(asked));

    m->time = NOW;
    m->change = &asked;
    asked.scopes = 0x0f;

    fixture_id(asked.key.id, n);
    ngx_memset(asked.key.digest, 7, NGX_TRIGGERS_KEY_DIGEST_LEN);
    fixture_id(asked.key.digest, n);

    asked.key.user_id = m->user_id;
    ngx_str_set(&asked.key.name, "a name");
    ngx_str_set(&asked.key.prefix, "sk-live-abcd");
    asked.key.scopes = 0x07;
    asked.key.rate = 1000;
    asked.key.active = 1;
    asked.key.created_at = NOW;
    asked.key.updated_at = NOW;
}


static int
apply(ngx_triggers_store_t *store, ngx_triggers_mutation_t *m)
{
    ngx_memzero(&seen, sizeof(seen));
    seen.room = 64;

    if (fixture_write(store, m, &result) != NGX_OK) {
        return -1;
    }

    return (int) result.rc;
}


static int
change(ngx_triggers_store_t *store, ngx_uint_t op, uint64_t n,
    const char *user)
{
    ngx_triggers_mutation_t  m;

    mutation_of(&m, op, n, user);

    return apply(store, &m);
}


/* the key as a reader sees it is left in seen */

static ngx_int_t
get(ngx_triggers_reader_t *reader, uint64_t n, const char *user)
{
    u_char     id[NGX_TRIGGERS_KEY_ID_LEN];
    ngx_str_t  user_id;

    ngx_memzero(&seen, sizeof(seen));
    seen.room = 64;
    fixture_id(id, n);

    user_id.data = (u_char *) user;
    user_id.len = user ? strlen(user) : 0;

    return ngx_triggers_reader_key(reader, &user_id, user == NULL, id, see,
                                   &seen);
}


static ngx_triggers_store_t *
opened(ngx_str_t *path)
{
    uint64_t               position;
    ngx_triggers_store_t  *store;

    store = fixture_store(path);

    if (ngx_triggers_store_open(store) != NGX_OK
        || ngx_triggers_store_lead(store, FIXTURE_NONCE, &position) != NGX_OK)
    {
        exit(2);
    }

    ngx_triggers_store_watch_keys(store, see, &seen);

    return store;
}


static void
test_life(void)
{
    ngx_str_t                *path;
    ngx_triggers_store_t     *store;
    ngx_triggers_reader_t    *reader;
    ngx_triggers_mutation_t   m;

    path = fixture_path("life.db");
    store = opened(path);
    reader = ngx_triggers_reader_open(path, unit_log());

    unit_ok(ngx_triggers_store_keys_version(store) == 0, "life: version 0");

    mutation_of(&m, NGX_TRIGGERS_OP_KEY_CREATE, 1, "alice");
    ngx_str_set(&asked.key.allowed, "10.0.0.0/8,::1");
    ngx_str_set(&asked.key.networks, "packed");
    asked.key.expires_at = NOW + 5000;

    unit_ok(apply(store, &m) == NGX_TRIGGERS_RC_OK && seen.n == 1
            && seen.last.expires_at == NOW + 5000, "life: created and told");
    unit_ok(ngx_triggers_store_keys_version(store) == 1, "life: version 1");
    unit_ok(apply(store, &m) == NGX_TRIGGERS_RC_FAILED && seen.n == 0,
            "life: not twice");
    unit_ok(ngx_triggers_store_keys_version(store) == 1,
            "life: a refusal is no change");

    unit_ok(get(reader, 1, "alice") == NGX_OK && seen.last.scopes == 7
            && seen.last.rate == 1000 && seen.last.active == 1
            && seen.last.created_at == NOW && seen.last.revoked_at == 0
            && seen.last.rotated == 0
            && strcmp(seen.name, "a name") == 0
            && strcmp(seen.allowed, "10.0.0.0/8,::1") == 0
            && strcmp(seen.networks, "packed") == 0, "life: read");
    unit_ok(get(reader, 1, "bob") == NGX_DECLINED, "life: not by another");
    unit_ok(get(reader, 1, NULL) == NGX_OK, "life: by who sees all");
    unit_ok(get(reader, 2, NULL) == NGX_DECLINED, "life: no such key");

    mutation_of(&m, NGX_TRIGGERS_OP_KEY_UPDATE, 1, "alice");
    asked.members = NGX_TRIGGERS_KEY_NAME|NGX_TRIGGERS_KEY_EXPIRES
                |NGX_TRIGGERS_KEY_ALLOWED;
    m.time = NOW + 1;
    ngx_str_set(&asked.key.name, "another");

    unit_ok(apply(store, &m) == NGX_TRIGGERS_RC_OK && seen.n == 1
            && get(reader, 1, "alice") == NGX_OK
            && strcmp(seen.name, "another") == 0
            && seen.last.expires_at == 0 && seen.allowed[0] == '\0'
            && seen.networks[0] == '\0' && seen.last.scopes == 7
            && seen.last.created_at == NOW
            && seen.last.updated_at == NOW + 1,
            "life: changed where asked for");

    asked.members = 0;
    unit_ok(apply(store, &m) == NGX_TRIGGERS_RC_OK && seen.n == 0
            && ngx_triggers_store_keys_version(store) == 2,
            "life: no change at all");

    unit_ok(change(store, NGX_TRIGGERS_OP_KEY_REVOKE, 1, "bob")
            == NGX_TRIGGERS_RC_NOT_FOUND, "life: not revoked by another");
    unit_ok(change(store, NGX_TRIGGERS_OP_KEY_REVOKE, 1, "alice")
            == NGX_TRIGGERS_RC_OK && seen.last.revoked_at == NOW
            && result.time == NOW, "life: revoked");

    mutation_of(&m, NGX_TRIGGERS_OP_KEY_REVOKE, 1, "alice");
    m.time = NOW + 77;
    unit_ok(apply(store, &m) == NGX_TRIGGERS_RC_OK && seen.n == 0
            && result.time == NOW, "life: revoked again, at the same time");

    unit_ok(change(store, NGX_TRIGGERS_OP_KEY_UPDATE, 1, "alice")
            == NGX_TRIGGERS_RC_CONFLICT
            && change(store, NGX_TRIGGERS_OP_KEY_ROTATE, 1, "alice")
               == NGX_TRIGGERS_RC_CONFLICT,
            "life: a revoked key is not changed");
    unit_ok(change(store, NGX_TRIGGERS_OP_KEY_CREATE, 1, "alice")
            == NGX_TRIGGERS_RC_FAILED, "life: and does not come back");

    ngx_triggers_reader_close(reader);
    ngx_triggers_store_destroy(store);

    store = opened(path);
    unit_ok(ngx_triggers_store_keys_version(store) == 3,
            "life: the version is kept");
    ngx_triggers_store_destroy(store);
}


static void
test_rotate(void)
{
    ngx_str_t                *path;
    ngx_triggers_store_t     *store;
    ngx_triggers_reader_t    *reader;
    ngx_triggers_mutation_t   m;

    path = fixture_path("rotate.db");
    store = opened(path);
    reader = ngx_triggers_reader_open(path, unit_log());

    (void) change(store, NGX_TRIGGERS_OP_KEY_CREATE, 1, "alice");

    mutation_of(&m, NGX_TRIGGERS_OP_KEY_ROTATE, 2, "alice");
    fixture_id(m.id, 1);
    m.time = NOW + 10;
    asked.grace = 1000;
    ngx_str_set(&asked.key.name, "ignored");

    unit_ok(apply(store, &m) == NGX_TRIGGERS_RC_OK && seen.n == 2
            && seen.id[0] == 2 && seen.id[1] == 1
            && seen.last.expires_at == NOW + 1010, "rotate: both are told");
    unit_ok(ngx_triggers_store_keys_version(store) == 2,
            "rotate: one change");
    unit_ok(get(reader, 2, "alice") == NGX_OK && seen.last.rotated
            && fixture_number(seen.last.rotated_from) == 1
            && seen.last.scopes == 7 && seen.last.expires_at == 0
            && seen.last.created_at == NOW + 10
            && strcmp(seen.name, "a name") == 0, "rotate: the new key");
    unit_ok(get(reader, 1, "alice") == NGX_OK
            && seen.last.expires_at == NOW + 1010
            && seen.last.revoked_at == 0, "rotate: the old key");

    mutation_of(&m, NGX_TRIGGERS_OP_KEY_ROTATE, 3, "alice");
    fixture_id(m.id, 1);
    asked.grace = 100000;
    unit_ok(apply(store, &m) == NGX_TRIGGERS_RC_OK
            && get(reader, 1, "alice") == NGX_OK
            && seen.last.expires_at == NOW + 1010,
            "rotate: grace does not lengthen a life");
    unit_ok(get(reader, 3, "alice") == NGX_OK
            && seen.last.expires_at == NOW + 1010,
            "rotate: nor does the new key");

    mutation_of(&m, NGX_TRIGGERS_OP_KEY_ROTATE, 4, "alice");
    fixture_id(m.id, 1);
    m.time = NOW + 1010;
    unit_ok(apply(store, &m) == NGX_TRIGGERS_RC_EXPIRED && seen.n == 0,
            "rotate: not of an expired key");

    ngx_triggers_reader_close(reader);
    ngx_triggers_store_destroy(store);
}


static void
test_refusals(void)
{
    int                       rc;
    ngx_str_t                *path;
    ngx_triggers_store_t     *store;
    ngx_triggers_mutation_t   m;

    path = fixture_path("refusals.db");
    store = opened(path);

    mutation_of(&m, NGX_TRIGGERS_OP_KEY_CREATE, 1, "alice");
    asked.key.scopes = 0x8000;
    (void) apply(store, &m);

    unit_ok(change(store, NGX_TRIGGERS_OP_KEY_ROTATE, 1, "alice")
            == NGX_TRIGGERS_RC_FORBIDDEN
            && change(store, NGX_TRIGGERS_OP_KEY_UPDATE, 1, "alice")
               == NGX_TRIGGERS_RC_FORBIDDEN && seen.n == 0,
            "refusals: a key with more scopes");

    mutation_of(&m, NGX_TRIGGERS_OP_KEY_CREATE, 2, "alice");
    asked.key.rate = 0;
    (void) apply(store, &m);

    mutation_of(&m, NGX_TRIGGERS_OP_KEY_UPDATE, 2, "alice");
    asked.rate = 5000;
    rc = apply(store, &m);
    asked.rate = 0;
    unit_ok(rc == NGX_TRIGGERS_RC_FORBIDDEN
            && apply(store, &m) == NGX_TRIGGERS_RC_OK,
            "refusals: a key with a higher limit");

    mutation_of(&m, NGX_TRIGGERS_OP_KEY_UPDATE, 1, "bob");
    m.any_owner = 1;
    asked.rate = 1;
    asked.scopes = 0;
    unit_ok(apply(store, &m) == NGX_TRIGGERS_RC_OK, "refusals: not of admin");

    unit_ok(change(store, NGX_TRIGGERS_OP_KEY_REVOKE, 1, "alice")
            == NGX_TRIGGERS_RC_OK, "refusals: revoking is always allowed");

    /* the handler has no room */

    ngx_memzero(&seen, sizeof(seen));
    mutation_of(&m, NGX_TRIGGERS_OP_KEY_CREATE, 3, "alice");
    unit_ok(fixture_write(store, &m, &result) == NGX_OK
            && result.rc == NGX_TRIGGERS_RC_NO_ROOM
            && fixture_sql(path, "SELECT count(*) FROM keys") == 2,
            "refusals: no room, nothing is written");

    mutation_of(&m, NGX_TRIGGERS_OP_KEY_ROTATE, 4, "alice");
    fixture_id(m.id, 2);
    unit_ok(fixture_write(store, &m, &result) == NGX_OK
            && result.rc == NGX_TRIGGERS_RC_NO_ROOM
            && fixture_sql(path, "SELECT count(*) FROM keys "
                                 "WHERE expires_at IS NOT NULL") == 0,
            "refusals: no room for a rotation");

    /* what was rolled back is no change */

    (void) ngx_triggers_store_begin(store);
    mutation_of(&m, NGX_TRIGGERS_OP_KEY_CREATE, 5, "alice");
    seen.room = 64;
    (void) ngx_triggers_store_apply(store, &m, &result);
    ngx_triggers_store_rollback(store);
    (void) fixture_do(store, NGX_TRIGGERS_OP_CREATE, 1000, "alice");
    unit_ok(ngx_triggers_store_keys_version(store) == 3
            && fixture_sql(path, "SELECT keys_version FROM store") == 3,
            "refusals: rolled back");

    ngx_triggers_store_destroy(store);
}


static void
test_many(void)
{
    uint64_t                   n, wrong;
    ngx_str_t                 *path;
    ngx_triggers_store_t      *store;
    ngx_triggers_reader_t     *reader;
    ngx_triggers_key_use_t     uses[3];
    ngx_triggers_key_query_t   query;

    path = fixture_path("many.db");
    store = opened(path);
    reader = ngx_triggers_reader_open(path, unit_log());

    for (n = 1; n <= 30; n++) {
        (void) change(store, NGX_TRIGGERS_OP_KEY_CREATE, n,
                      n % 3 ? "alice" : "bob");
    }

    (void) change(store, NGX_TRIGGERS_OP_KEY_REVOKE, 10, "alice");
    (void) change(store, NGX_TRIGGERS_OP_KEY_REVOKE, 20, "alice");

    ngx_memzero(&seen, sizeof(seen));
    seen.room = 64;
    unit_ok(ngx_triggers_store_keys_load(store, see, &seen) == NGX_OK
            && seen.n == 28, "many: loaded those that are not revoked");

    seen.n = 0;
    seen.room = 5;
    unit_ok(ngx_triggers_store_keys_load(store, see, &seen) == NGX_BUSY,
            "many: the handler ends the loading");

    /* last use */

    for (n = 0; n < 3; n++) {
        fixture_id(uses[n].id, n + 29);
        uses[n].time = NOW + 5;
    }

    unit_ok(ngx_triggers_store_keys_used(store, uses, 3) == NGX_OK
            && get(reader, 30, NULL) == NGX_OK
            && seen.last.last_used_at == NOW + 5
            && ngx_triggers_store_keys_version(store) == 32,
            "many: use is written and no change");

    uses[1].time = NOW + 4;
    (void) ngx_triggers_store_keys_used(store, uses, 3);
    unit_ok(get(reader, 30, NULL) == NGX_OK
            && seen.last.last_used_at == NOW + 5, "many: no time goes back");
    unit_ok(fixture_sql(path, "PRAGMA wal_checkpoint") >= 0
            && ngx_triggers_store_begin(store) == NGX_OK
            && ngx_triggers_store_commit(store, FIXTURE_NONCE, 1) == NGX_OK,
            "many: the writer goes on");

    /* pages */

    ngx_memzero(&query, sizeof(query));
    ngx_memset(query.cursor, 0xff, NGX_TRIGGERS_KEY_ID_LEN);
    ngx_memzero(&seen, sizeof(seen));
    seen.room = 64;

    query.any_owner = 1;
    query.limit = 20;
    query.handler = see;
    query.data = &seen;

    wrong = 0;
    unit_ok(ngx_triggers_reader_keys(reader, &query) == NGX_OK
            && query.has_more && seen.n == 20, "many: the first page");
    fixture_id(query.cursor, seen.id[19]);
    unit_ok(ngx_triggers_reader_keys(reader, &query) == NGX_OK
            && !query.has_more && seen.n == 30, "many: the second and last");

    for (n = 0; n < 30; n++) {
        wrong += (seen.id[n] != 30 - n);
    }

    unit_ok(wrong == 0, "many: newest first");

    ngx_memset(query.cursor, 0xff, NGX_TRIGGERS_KEY_ID_LEN);
    seen.n = 0;
    query.any_owner = 0;
    ngx_str_set(&query.user_id, "bob");
    query.offset = 2;
    query.limit = 8;
    unit_ok(ngx_triggers_reader_keys(reader, &query) == NGX_OK
            && !query.has_more && seen.n == 8 && seen.id[0] == 24
            && seen.id[7] == 3, "many: of one owner, with an offset");

    ngx_triggers_reader_close(reader);
    ngx_triggers_store_destroy(store);
}


int
main(void)
{
    fixture_init();

    test_life();
    test_rotate();
    test_refusals();
    test_many();

    return fixture_done();
}
