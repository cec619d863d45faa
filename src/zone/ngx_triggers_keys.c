
/*
 * The table of keys; its layout and its protocol are described in the header.
 * It is pure: it knows plain memory and no process, so that its tests run it
 * between threads under ThreadSanitizer and between processes that are
 * killed.
 *
 * Entries are written and copied word by word, with release and acquire
 * order: who has read a word of an entry's new contents sees that the index
 * does not name the entry by the old word any more.
 */


#include "ngx_triggers_keys.h"


#define NGX_TRIGGERS_KEYS_EMPTY  0
#define NGX_TRIGGERS_KEYS_HOLE   0xffffffff

#define NGX_TRIGGERS_KEYS_DIGEST  (NGX_TRIGGERS_KEY_DIGEST_LEN / 8)

#define NGX_TRIGGERS_KEYS_HEAD                                                \
    (offsetof(ngx_triggers_keys_entry_t, key.text) / 8)


static uint64_t ngx_triggers_keys_hash(u_char *digest);
static ngx_int_t ngx_triggers_keys_copy(ngx_triggers_keys_entry_t *shared,
    u_char *digest, ngx_triggers_keys_entry_t *entry);
static ngx_uint_t ngx_triggers_keys_words(ngx_triggers_keys_entry_t *entry);
static uint64_t ngx_triggers_keys_lookup(ngx_triggers_keys_t *keys,
    u_char *digest, ngx_uint_t *found);
static void ngx_triggers_keys_write(ngx_triggers_keys_entry_t *shared,
    ngx_triggers_keys_entry_t *entry);
static void ngx_triggers_keys_store(ngx_triggers_keys_t *keys, uint64_t i,
    uint32_t n);
static void ngx_triggers_keys_drop(ngx_triggers_keys_writer_t *writer,
    uint64_t i);
static void ngx_triggers_keys_close(ngx_triggers_keys_t *keys,
    uint64_t hole);
static void ngx_triggers_keys_repair(ngx_triggers_keys_writer_t *writer);


size_t
ngx_triggers_keys_size(ngx_uint_t capacity)
{
    uint64_t  n;

    for (n = 2; n < 2 * (uint64_t) capacity; n *= 2) { /* void */ }

    return n * sizeof(uint64_t)
           + (capacity + 1) * sizeof(ngx_triggers_keys_entry_t);
}


ngx_uint_t
ngx_triggers_keys_capacity(size_t size)
{
    ngx_uint_t  low, high, middle;

    low = 0;
    high = size / sizeof(ngx_triggers_keys_entry_t);

    while (low < high) {
        middle = (low + high + 1) / 2;

        if (ngx_triggers_keys_size(middle) <= size) {
            low = middle;

        } else {
            high = middle - 1;
        }
    }

    return low;
}


void
ngx_triggers_keys_init(ngx_triggers_keys_t *keys, u_char *data,
    ngx_uint_t capacity)
{
    uint64_t  n;

    ngx_memzero(keys, sizeof(ngx_triggers_keys_t));

    for (n = 2; n < 2 * (uint64_t) capacity; n *= 2) { /* void */ }

    keys->index = (uint64_t *) data;
    keys->mask = n - 1;
    keys->entries = (ngx_triggers_keys_entry_t *) (keys->index + n);
    keys->capacity = (uint32_t) capacity;
}


ngx_int_t
ngx_triggers_keys_find(ngx_triggers_keys_t *keys, u_char *digest,
    ngx_triggers_keys_entry_t *entry)
{
    uint32_t   n;
    uint64_t   i, word, moves, tries;
    ngx_int_t  rc;

    do {
        moves = __atomic_load_n(&keys->moves, __ATOMIC_ACQUIRE);

        i = ngx_triggers_keys_hash(digest) & keys->mask;

        for (tries = 0; tries <= keys->mask; /* void */) {

            word = __atomic_load_n(&keys->index[i], __ATOMIC_ACQUIRE);
            n = (uint32_t) word;

            if (n == NGX_TRIGGERS_KEYS_EMPTY) {
                break;
            }

            if (n != NGX_TRIGGERS_KEYS_HOLE) {
                rc = ngx_triggers_keys_copy(&keys->entries[n - 1], digest,
                                            entry);

                if (__atomic_load_n(&keys->index[i], __ATOMIC_ACQUIRE) != word)
                {
                    /* it may have been another key's by then */
                    continue;
                }

                if (rc == NGX_OK) {
                    return NGX_OK;
                }
            }

            i = (i + 1) & keys->mask;
            tries++;
        }

    } while (__atomic_load_n(&keys->moves, __ATOMIC_ACQUIRE) != moves);

    return NGX_DECLINED;
}


ngx_int_t
ngx_triggers_keys_fill(ngx_triggers_keys_entry_t *entry,
    ngx_triggers_key_t *key)
{
    u_char  *p;

    if (key->user_id.len + key->networks.len > NGX_TRIGGERS_KEYS_TEXT) {
        return NGX_DECLINED;
    }

    ngx_memzero(entry, sizeof(ngx_triggers_keys_entry_t));

    ngx_memcpy(entry->key.digest, key->digest, NGX_TRIGGERS_KEY_DIGEST_LEN);
    ngx_memcpy(entry->key.id, key->id, NGX_TRIGGERS_KEY_ID_LEN);
    entry->key.expires_at = key->expires_at;
    entry->key.scopes = key->scopes;
    entry->key.rate = key->rate;
    entry->key.user_len = (uint16_t) key->user_id.len;
    entry->key.networks_len = (uint16_t) key->networks.len;

    p = ngx_cpymem(entry->key.text, key->user_id.data, key->user_id.len);

    if (key->networks.len) {
        ngx_memcpy(p, key->networks.data, key->networks.len);
    }

    return NGX_OK;
}


ngx_int_t
ngx_triggers_keys_create_writer(ngx_triggers_keys_writer_t *writer,
    ngx_triggers_keys_t *keys, ngx_log_t *log)
{
    ngx_uint_t  n;

    n = keys->capacity + 1;

    ngx_memzero(writer, sizeof(ngx_triggers_keys_writer_t));

    writer->free = ngx_alloc(n * (sizeof(uint32_t) + 1), log);
    if (writer->free == NULL) {
        return NGX_ERROR;
    }

    writer->keys = keys;
    writer->seen = (u_char *) (writer->free + n);

    ngx_triggers_keys_attach(writer);

    return NGX_OK;
}


void
ngx_triggers_keys_destroy_writer(ngx_triggers_keys_writer_t *writer)
{
    ngx_free(writer->free);
}


void
ngx_triggers_keys_attach(ngx_triggers_keys_writer_t *writer)
{
    uint32_t              n, count;
    uint64_t              i;
    ngx_triggers_keys_t  *keys;

    keys = writer->keys;

    ngx_triggers_keys_repair(writer);

    ngx_memzero(writer->seen, keys->capacity + 1);
    count = 0;

    for (i = 0; i <= keys->mask; i++) {
        n = (uint32_t) keys->index[i];

        if (n != NGX_TRIGGERS_KEYS_EMPTY) {
            writer->seen[n - 1] = 1;
            count++;
        }
    }

    writer->nfree = 0;

    for (n = keys->capacity + 1; n; n--) {
        if (!writer->seen[n - 1]) {
            writer->free[writer->nfree++] = n - 1;
        }
    }

    __atomic_store_n(&keys->count, count, __ATOMIC_RELAXED);
}


ngx_int_t
ngx_triggers_keys_put(ngx_triggers_keys_writer_t *writer,
    ngx_triggers_keys_entry_t *entry)
{
    uint32_t              n, old;
    uint64_t              i;
    ngx_uint_t            found;
    ngx_triggers_keys_t  *keys;

    keys = writer->keys;

    i = ngx_triggers_keys_lookup(keys, entry->key.digest, &found);

    if (!found && keys->count == keys->capacity) {
        return NGX_BUSY;
    }

    old = (uint32_t) keys->index[i] - 1;

    if (found
        && ngx_memcmp(&keys->entries[old], entry,
                      8 * ngx_triggers_keys_words(entry))
           == 0)
    {
        writer->seen[old] = 1;
        return NGX_OK;
    }

    /* one entry more than the capacity: there always is a spare one */

    n = writer->free[--writer->nfree];

    ngx_triggers_keys_write(&keys->entries[n], entry);
    ngx_triggers_keys_store(keys, i, n + 1);

    writer->seen[n] = 1;

    if (found) {
        writer->free[writer->nfree++] = old;

    } else {
        __atomic_store_n(&keys->count, keys->count + 1, __ATOMIC_RELAXED);
    }

    return NGX_OK;
}


void
ngx_triggers_keys_remove(ngx_triggers_keys_writer_t *writer, u_char *digest)
{
    uint64_t    i;
    ngx_uint_t  found;

    i = ngx_triggers_keys_lookup(writer->keys, digest, &found);

    if (found) {
        ngx_triggers_keys_drop(writer, i);
    }
}


void
ngx_triggers_keys_begin(ngx_triggers_keys_writer_t *writer)
{
    ngx_triggers_keys_attach(writer);
    ngx_memzero(writer->seen, writer->keys->capacity + 1);
}


void
ngx_triggers_keys_end(ngx_triggers_keys_writer_t *writer)
{
    uint32_t              n;
    uint64_t              i;
    ngx_triggers_keys_t  *keys;

    keys = writer->keys;

    for (i = 0; i <= keys->mask; /* void */) {
        n = (uint32_t) keys->index[i];

        if (n == NGX_TRIGGERS_KEYS_EMPTY || writer->seen[n - 1]) {
            i++;
            continue;
        }

        /* another word may have come here */

        ngx_triggers_keys_drop(writer, i);
    }
}


void
ngx_triggers_keys_sweep(ngx_triggers_keys_writer_t *writer, int64_t now,
    ngx_uint_t n)
{
    ngx_triggers_keys_entry_t  *entry;

    for (n = ngx_min(n, writer->keys->mask + 1); n; n--) {

        entry = ngx_triggers_keys_at(writer, writer->cursor);

        if (entry && entry->key.expires_at && entry->key.expires_at <= now) {
            ngx_triggers_keys_drop(writer, writer->cursor);
            continue;
        }

        writer->cursor = (writer->cursor + 1) & writer->keys->mask;
    }
}


ngx_triggers_keys_entry_t *
ngx_triggers_keys_at(ngx_triggers_keys_writer_t *writer, uint64_t i)
{
    uint32_t              n;
    ngx_triggers_keys_t  *keys;

    keys = writer->keys;
    n = (uint32_t) keys->index[i & keys->mask];

    return (n == NGX_TRIGGERS_KEYS_EMPTY) ? NULL : &keys->entries[n - 1];
}


/* a digest is as good as random already */

static uint64_t
ngx_triggers_keys_hash(u_char *digest)
{
    uint64_t  hash;

    ngx_memcpy(&hash, digest, sizeof(hash));

    return hash;
}


/* NGX_DECLINED: it is another digest's, or changes just now */

static ngx_int_t
ngx_triggers_keys_copy(ngx_triggers_keys_entry_t *shared, u_char *digest,
    ngx_triggers_keys_entry_t *entry)
{
    ngx_uint_t  i, words;

    for (i = 0; i < NGX_TRIGGERS_KEYS_DIGEST; i++) {
        entry->words[i] = __atomic_load_n(&shared->words[i],
                                          __ATOMIC_ACQUIRE);
    }

    if (ngx_memcmp(entry->key.digest, digest, NGX_TRIGGERS_KEY_DIGEST_LEN)
        != 0)
    {
        return NGX_DECLINED;
    }

    for ( /* void */ ; i < NGX_TRIGGERS_KEYS_HEAD; i++) {
        entry->words[i] = __atomic_load_n(&shared->words[i],
                                          __ATOMIC_ACQUIRE);
    }

    words = ngx_triggers_keys_words(entry);

    for ( /* void */ ; i < words; i++) {
        entry->words[i] = __atomic_load_n(&shared->words[i],
                                          __ATOMIC_ACQUIRE);
    }

    return NGX_OK;
}


/* words of an entry that have a meaning; what was torn may say anything */

static ngx_uint_t
ngx_triggers_keys_words(ngx_triggers_keys_entry_t *entry)
{
    ngx_uint_t  words;

    words = NGX_TRIGGERS_KEYS_HEAD
            + (entry->key.user_len + entry->key.networks_len + 7) / 8;

    return ngx_min(words, NGX_TRIGGERS_KEYS_WORDS);
}


/* the word of the digest, or the empty one that an entry of it would take */

static uint64_t
ngx_triggers_keys_lookup(ngx_triggers_keys_t *keys, u_char *digest,
    ngx_uint_t *found)
{
    uint32_t  n;
    uint64_t  i;

    i = ngx_triggers_keys_hash(digest) & keys->mask;

    for ( ;; ) {
        n = (uint32_t) keys->index[i];

        if (n == NGX_TRIGGERS_KEYS_EMPTY) {
            *found = 0;
            return i;
        }

        if (ngx_memcmp(keys->entries[n - 1].key.digest, digest,
                       NGX_TRIGGERS_KEY_DIGEST_LEN)
            == 0)
        {
            *found = 1;
            return i;
        }

        i = (i + 1) & keys->mask;
    }
}


static void
ngx_triggers_keys_write(ngx_triggers_keys_entry_t *shared,
    ngx_triggers_keys_entry_t *entry)
{
    ngx_uint_t  k, words;

    words = ngx_triggers_keys_words(entry);

    for (k = 0; k < words; k++) {
        __atomic_store_n(&shared->words[k], entry->words[k],
                         __ATOMIC_RELEASE);
    }
}


static void
ngx_triggers_keys_store(ngx_triggers_keys_t *keys, uint64_t i, uint32_t n)
{
    uint64_t  generation;

    generation = (keys->index[i] >> 32) + 1;

    __atomic_store_n(&keys->index[i], generation << 32 | n, __ATOMIC_RELEASE);
}


static void
ngx_triggers_keys_drop(ngx_triggers_keys_writer_t *writer, uint64_t i)
{
    uint32_t              n;
    ngx_triggers_keys_t  *keys;

    keys = writer->keys;
    n = (uint32_t) keys->index[i];

    ngx_triggers_keys_store(keys, i, NGX_TRIGGERS_KEYS_HOLE);
    ngx_triggers_keys_close(keys, i);

    writer->free[writer->nfree++] = n - 1;
    __atomic_store_n(&keys->count, keys->count - 1, __ATOMIC_RELAXED);
}


/*
 * Closes a hole with the words behind it that may stand there, each leaving
 * its hole (Knuth, The Art of Computer Programming, 6.4, algorithm R).
 */

static void
ngx_triggers_keys_close(ngx_triggers_keys_t *keys, uint64_t hole)
{
    uint32_t  n;
    uint64_t  i, home;

    i = hole;

    for ( ;; ) {
        i = (i + 1) & keys->mask;
        n = (uint32_t) keys->index[i];

        if (n == NGX_TRIGGERS_KEYS_EMPTY) {
            ngx_triggers_keys_store(keys, hole, NGX_TRIGGERS_KEYS_EMPTY);
            return;
        }

        if (n == NGX_TRIGGERS_KEYS_HOLE) {
            continue;
        }

        home = ngx_triggers_keys_hash(keys->entries[n - 1].key.digest);

        if (((i - home) & keys->mask) < ((i - hole) & keys->mask)) {
            continue;
        }

        ngx_triggers_keys_store(keys, hole, n);
        __atomic_store_n(&keys->moves, keys->moves + 1, __ATOMIC_RELEASE);
        ngx_triggers_keys_store(keys, i, NGX_TRIGGERS_KEYS_HOLE);

        hole = i;
    }
}


/*
 * After a writer that died in the middle of a removal: of two words for one
 * entry the one farther from its home becomes a hole, then holes are closed.
 */

static void
ngx_triggers_keys_repair(ngx_triggers_keys_writer_t *writer)
{
    uint32_t              n;
    uint64_t              i, k;
    ngx_uint_t            words;
    ngx_triggers_keys_t  *keys;

    keys = writer->keys;
    ngx_memzero(writer->seen, keys->capacity + 1);

    for (i = 0; i <= keys->mask; i++) {
        n = (uint32_t) keys->index[i];

        if (n == NGX_TRIGGERS_KEYS_EMPTY || n == NGX_TRIGGERS_KEYS_HOLE
            || !writer->seen[n - 1]++)
        {
            continue;
        }

        k = ngx_triggers_keys_hash(keys->entries[n - 1].key.digest);

        for (words = 0; words < 2; k++) {
            words += ((uint32_t) keys->index[k & keys->mask] == n);
        }

        __atomic_store_n(&keys->moves, keys->moves + 1, __ATOMIC_RELEASE);
        ngx_triggers_keys_store(keys, (k - 1) & keys->mask,
                                NGX_TRIGGERS_KEYS_HOLE);
    }

    for (i = 0; i <= keys->mask; i++) {
        if ((uint32_t) keys->index[i] == NGX_TRIGGERS_KEYS_HOLE) {
            ngx_triggers_keys_close(keys, i);
        }
    }
}
