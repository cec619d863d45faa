
/*
 * The table of keys: putting, replacing and removing against a model; its
 * bounds; readers in threads against the writer, which is what
 * ThreadSanitizer looks at; and writers in processes that are killed at any
 * instruction, after which the table must be whole and no entry be lost.
 */


#include "unit.h"
#include "ngx_triggers_keys.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>


#define CAPACITY  500
#define KEYS      1000                      /* that the tests know */
#define STEADY    50                        /* of them never removed */
#define OPS       200000
#define READERS   3
#define KILLS     200


typedef struct {
    ngx_triggers_keys_t      keys;

    /* what a writer that may be killed is about to do, and has done */
    uint32_t                 op;            /* key + 1; 0: none */
    uint32_t                 op_version;    /* 0: removed */
    uint32_t                 versions[KEYS];

    uint64_t                 data[1];
} shared_t;


typedef struct {
    shared_t                *shared;
    uint32_t                 stop;
    uint32_t                 torn;
    uint32_t                 missed;
    uint32_t                 back;
    uint64_t                 found;
} reader_t;


static uint64_t  seed = 1;


static uint32_t
random_below(uint32_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;

    return (uint32_t) (seed >> 33) % n;
}


static shared_t *
shared_create(ngx_uint_t capacity)
{
    shared_t  *s;

    s = mmap(NULL, sizeof(shared_t) + ngx_triggers_keys_size(capacity),
             PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS, -1, 0);

    ngx_triggers_keys_init(&s->keys, (u_char *) s->data, capacity);

    return s;
}


/* a digest begins with few different words, so that chains are long */

static void
digest_of(u_char *digest, uint32_t n)
{
    uint64_t  hash;

    ngx_memset(digest, (int) (n * 31), NGX_TRIGGERS_KEY_DIGEST_LEN);

    hash = n % 97 * 7;
    ngx_memcpy(digest, &hash, sizeof(hash));
    ngx_memcpy(digest + 8, &n, sizeof(n));
}


/* what is in an entry follows from its key's number and version */

static void
entry_of(ngx_triggers_keys_entry_t *entry, uint32_t n, uint32_t version)
{
    u_char              user[NGX_TRIGGERS_KEYS_TEXT];
    u_char              networks[NGX_TRIGGERS_KEYS_TEXT];
    ngx_triggers_key_t  key;

    ngx_memzero(&key, sizeof(ngx_triggers_key_t));

    digest_of(key.digest, n);
    ngx_memcpy(key.id, &version, sizeof(version));
    key.expires_at = version;
    key.scopes = n ^ version;
    key.rate = n;

    key.user_id.data = user;
    key.user_id.len = 1 + (n + version) % 200;
    ngx_memset(user, (int) (n + version), key.user_id.len);

    key.networks.data = networks;
    key.networks.len = version % 200;
    ngx_memset(networks, (int) (n - version), key.networks.len);

    (void) ngx_triggers_keys_fill(entry, &key);
}


static ngx_uint_t
entry_words(ngx_triggers_keys_entry_t *entry)
{
    return (offsetof(ngx_triggers_keys_entry_t, key.text)
            + entry->key.user_len + entry->key.networks_len + 7) / 8;
}


/* the version of the key's entry, 0 where there is none, -1 if it is torn */

static int64_t
version_of(ngx_triggers_keys_t *keys, uint32_t n)
{
    u_char                     digest[NGX_TRIGGERS_KEY_DIGEST_LEN];
    uint32_t                   version;
    ngx_triggers_keys_entry_t  entry, expected;

    digest_of(digest, n);

    if (ngx_triggers_keys_find(keys, digest, &entry) != NGX_OK) {
        return 0;
    }

    ngx_memcpy(&version, entry.key.id, sizeof(version));
    entry_of(&expected, n, version);

    return memcmp(&entry, &expected, 8 * entry_words(&expected)) == 0
           ? (int64_t) version : -1;
}


static ngx_int_t
put(ngx_triggers_keys_writer_t *writer, uint32_t n, uint32_t version)
{
    ngx_triggers_keys_entry_t  entry;

    entry_of(&entry, n, version);

    return ngx_triggers_keys_put(writer, &entry);
}


static void
cut(ngx_triggers_keys_writer_t *writer, uint32_t n)
{
    u_char  digest[NGX_TRIGGERS_KEY_DIGEST_LEN];

    digest_of(digest, n);
    ngx_triggers_keys_remove(writer, digest);
}


/* words of the index that neither are empty nor name an entry */

static ngx_uint_t
holes(ngx_triggers_keys_t *keys)
{
    uint64_t    i;
    ngx_uint_t  n;

    n = 0;

    for (i = 0; i <= keys->mask; i++) {
        n += ((uint32_t) keys->index[i] == 0xffffffff);
    }

    return n;
}


static void
test_bounds(void)
{
    uint32_t                     n;
    ngx_uint_t                   wrong;
    shared_t                    *s;
    ngx_triggers_key_t           key;
    ngx_triggers_keys_entry_t    entry;
    ngx_triggers_keys_writer_t   w;

    wrong = 0;

    for (n = 1; n < 5000; n++) {
        if (ngx_triggers_keys_capacity(ngx_triggers_keys_size(n)) < n
            || ngx_triggers_keys_size(
                   ngx_triggers_keys_capacity(n * 1000)) > n * 1000)
        {
            wrong++;
        }
    }

    unit_ok(wrong == 0, "bounds: size and capacity agree");
    unit_ok(ngx_triggers_keys_size(100000) < 100000 * 540,
            "bounds: a key takes less than 540 bytes");

    s = shared_create(3);
    (void) ngx_triggers_keys_create_writer(&w, &s->keys, unit_log());

    unit_ok(version_of(&s->keys, 1) == 0, "bounds: empty");

    unit_ok(put(&w, 1, 1) == NGX_OK && put(&w, 2, 1) == NGX_OK
            && put(&w, 3, 1) == NGX_OK, "bounds: as many as there is room");
    unit_ok(put(&w, 4, 1) == NGX_BUSY, "bounds: full");
    unit_ok(put(&w, 2, 7) == NGX_OK && version_of(&s->keys, 2) == 7,
            "bounds: a full table still takes changes");

    cut(&w, 1);
    unit_ok(version_of(&s->keys, 1) == 0 && put(&w, 4, 2) == NGX_OK
            && version_of(&s->keys, 4) == 2, "bounds: room again");

    cut(&w, 2);
    cut(&w, 3);
    cut(&w, 4);
    cut(&w, 4);
    unit_ok(s->keys.count == 0 && w.nfree == 4 && holes(&s->keys) == 0,
            "bounds: all removed, no hole left");

    ngx_memzero(&key, sizeof(key));
    key.user_id.len = 300;
    key.user_id.data = (u_char *) s->data;
    key.networks.data = (u_char *) s->data;

    key.networks.len = NGX_TRIGGERS_KEYS_TEXT - 300;
    unit_ok(ngx_triggers_keys_fill(&entry, &key) == NGX_OK,
            "bounds: the longest texts");
    key.networks.len++;
    unit_ok(ngx_triggers_keys_fill(&entry, &key) == NGX_DECLINED,
            "bounds: texts that are too long");

    ngx_triggers_keys_destroy_writer(&w);

    /* no room for any key is a table, too */

    s = shared_create(0);
    (void) ngx_triggers_keys_create_writer(&w, &s->keys, unit_log());
    unit_ok(put(&w, 1, 1) == NGX_BUSY && version_of(&s->keys, 1) == 0,
            "bounds: a table without room");
    ngx_triggers_keys_destroy_writer(&w);
}


static ngx_uint_t
differences(ngx_triggers_keys_t *keys, uint32_t *model)
{
    uint32_t    n;
    ngx_uint_t  wrong;

    wrong = 0;

    for (n = 0; n < KEYS; n++) {
        wrong += (version_of(keys, n) != (int64_t) model[n]);
    }

    return wrong;
}


static void
test_model(void)
{
    uint32_t                     n, version, count, i;
    ngx_int_t                    rc;
    ngx_uint_t                   wrong;
    shared_t                    *s;
    ngx_triggers_keys_writer_t   w;
    static uint32_t              model[KEYS];

    s = shared_create(CAPACITY);
    (void) ngx_triggers_keys_create_writer(&w, &s->keys, unit_log());

    count = 0;
    wrong = 0;

    for (i = 1; i <= OPS; i++) {
        n = random_below(KEYS);

        if (random_below(2)) {
            rc = put(&w, n, i);

            if (rc != (model[n] || count < CAPACITY ? NGX_OK : NGX_BUSY)) {
                wrong++;
            }

            if (rc == NGX_OK) {
                count += !model[n];
                model[n] = i;
            }

        } else {
            cut(&w, n);
            count -= !!model[n];
            model[n] = 0;
        }

        if (i % 20000 == 0) {
            wrong += differences(&s->keys, model);
            ngx_triggers_keys_attach(&w);
        }
    }

    unit_ok(wrong == 0 && s->keys.count == count
            && w.nfree + count == CAPACITY + 1, "model: all as it should be");

    /* replaced as a whole: a part stays, a part changes, new ones come */

    ngx_triggers_keys_begin(&w);

    for (n = 0; n < KEYS; n++) {
        version = (n % 3 == 0) ? 0 : (n % 3 == 1) ? model[n] : OPS + n;
        model[n] = 0;

        if (version && put(&w, n, version) == NGX_OK) {
            model[n] = version;
        }
    }

    ngx_triggers_keys_end(&w);

    for (count = 0, n = 0; n < KEYS; n++) {
        count += !!model[n];
    }

    unit_ok(differences(&s->keys, model) == 0 && s->keys.count == count
            && w.nfree + count == CAPACITY + 1, "model: replaced");

    /* an entry's version is its expires_at */

    for (n = 0; n < KEYS; n++) {
        if (model[n] && model[n] <= OPS) {
            model[n] = 0;
        }
    }

    for (i = 0; i < s->keys.mask + 1; i += 10) {
        ngx_triggers_keys_sweep(&w, OPS, 10);
    }

    unit_ok(differences(&s->keys, model) == 0, "model: swept");

    for (n = 0; n < KEYS; n++) {
        cut(&w, n);
    }

    unit_ok(s->keys.count == 0 && holes(&s->keys) == 0,
            "model: emptied, no hole left");

    ngx_triggers_keys_destroy_writer(&w);
}


/*
 * Years of changes at full load must not make the chains long: words that a
 * look for an unknown key passes, on the average, with random digests.
 */

static void
test_churn(void)
{
    uint64_t                     i, k, digest, looks, *alive;
    shared_t                    *s;
    ngx_triggers_keys_entry_t    entry;
    ngx_triggers_keys_writer_t   w;

    s = shared_create(1024);
    (void) ngx_triggers_keys_create_writer(&w, &s->keys, unit_log());

    alive = calloc(1024, sizeof(uint64_t));
    ngx_memzero(&entry, sizeof(entry));

    for (i = 0; i < 500000; i++) {
        k = random_below(1024);

        if (alive[k]) {
            ngx_memcpy(entry.key.digest, &alive[k], 8);
            ngx_triggers_keys_remove(&w, entry.key.digest);
        }

        digest = (uint64_t) random_below(0x7fffffff) << 31;
        alive[k] = digest | random_below(0x7fffffff) | 1ULL << 63;
        ngx_memcpy(entry.key.digest, &alive[k], 8);
        (void) ngx_triggers_keys_put(&w, &entry);
    }

    looks = 0;

    for (i = 0; i <= s->keys.mask; i++) {
        for (k = i; (uint32_t) s->keys.index[k & s->keys.mask]; k++) {
            looks++;
        }
    }

    printf("# churn: %.2f looks, %u holes of %u words\n",
           (double) looks / (s->keys.mask + 1),
           (unsigned) holes(&s->keys), (unsigned) s->keys.mask + 1);

    unit_ok(s->keys.count == 1024 && looks < 3 * (s->keys.mask + 1),
            "churn: chains stay short");

    free(alive);
    ngx_triggers_keys_destroy_writer(&w);
}


/* the first keys only get newer: they are always there */

static void *
reader(void *data)
{
    reader_t *r = data;

    uint32_t        n;
    int64_t         version;
    static int64_t  none[KEYS];
    int64_t         last[KEYS];

    ngx_memcpy(last, none, sizeof(last));

    for (n = 0; !__atomic_load_n(&r->stop, __ATOMIC_RELAXED);
         n = (n + 1) % KEYS)
    {
        version = version_of(&r->shared->keys, n);

        r->torn += (version == -1);
        r->missed += (n < STEADY && version == 0);

        if (version > 0) {
            r->back += (version < last[n]);
            last[n] = version;
            r->found++;
        }
    }

    return NULL;
}


static void
test_threads(void)
{
    uint32_t                     n, i;
    reader_t                     r[READERS];
    shared_t                    *s;
    pthread_t                    threads[READERS];
    ngx_triggers_keys_writer_t   w;

    s = shared_create(CAPACITY);
    (void) ngx_triggers_keys_create_writer(&w, &s->keys, unit_log());

    for (n = 0; n < STEADY; n++) {
        (void) put(&w, n, 1);
    }

    ngx_memzero(r, sizeof(r));

    for (i = 0; i < READERS; i++) {
        r[i].shared = s;
        pthread_create(&threads[i], NULL, reader, &r[i]);
    }

    for (i = 2; i < 2 * OPS; i++) {
        n = random_below(KEYS);

        if (n < STEADY || random_below(2)) {
            (void) put(&w, n, i);

        } else {
            cut(&w, n);
        }
    }

    for (i = 0; i < READERS; i++) {
        __atomic_store_n(&r[i].stop, 1, __ATOMIC_RELAXED);
        pthread_join(threads[i], NULL);

        unit_ok(r[i].torn == 0 && r[i].missed == 0 && r[i].back == 0
                && r[i].found > 0,
                "threads: reader %u: %u torn, %u missed, %u went back",
                i, r[i].torn, r[i].missed, r[i].back);
    }

    ngx_triggers_keys_destroy_writer(&w);
}


/* in a process that is to be killed: what is done is written down around it */

static void
write_until_killed(shared_t *s, ngx_triggers_keys_writer_t *w, uint32_t first)
{
    uint32_t  n, version;

    for (version = first; /* void */ ; version++) {
        n = random_below(KEYS);

        __atomic_store_n(&s->op_version, random_below(3) ? version : 0,
                         __ATOMIC_SEQ_CST);
        __atomic_store_n(&s->op, n + 1, __ATOMIC_SEQ_CST);

        if (s->op_version == 0) {
            cut(w, n);

        } else if (put(w, n, s->op_version) != NGX_OK) {
            __atomic_store_n(&s->op, 0, __ATOMIC_SEQ_CST);
            continue;
        }

        __atomic_store_n(&s->versions[n], s->op_version, __ATOMIC_SEQ_CST);
        __atomic_store_n(&s->op, 0, __ATOMIC_SEQ_CST);
    }
}


static void
test_kills(void)
{
    pid_t                        pid;
    int64_t                      version;
    uint32_t                     i, n;
    ngx_uint_t                   wrong, lost, under;
    shared_t                    *s;
    ngx_triggers_keys_writer_t   w;

    s = shared_create(CAPACITY);
    (void) ngx_triggers_keys_create_writer(&w, &s->keys, unit_log());

    wrong = 0;
    lost = 0;
    under = 0;

    for (i = 0; i < KILLS; i++) {
        pid = fork();

        if (pid == 0) {
            seed = 88172645463325252ULL + i;
            write_until_killed(s, &w, 1 + i * 10000000);
        }

        usleep(500 + random_below(3000));
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);

        /* the successor; before it has done anything, the readers */

        for (n = 0; n < KEYS; n++) {
            version = version_of(&s->keys, n);

            if (s->op == n + 1) {
                under++;
                wrong += (version != s->versions[n]
                          && version != s->op_version);
                s->versions[n] = (uint32_t) version;

            } else {
                wrong += (version != s->versions[n]);
            }
        }

        s->op = 0;

        ngx_triggers_keys_attach(&w);
        lost += (w.nfree + s->keys.count != CAPACITY + 1);
    }

    unit_ok(under > KILLS / 4, "kills: most are in the middle of a change");
    unit_ok(wrong == 0, "kills: every key is as it was before or after");
    unit_ok(lost == 0, "kills: no entry is lost or named twice");

    ngx_triggers_keys_destroy_writer(&w);
}


int
main(void)
{
    test_bounds();
    test_model();
    test_churn();
    test_threads();
    test_kills();

    return unit_done();
}
