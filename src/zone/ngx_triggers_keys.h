
/*
 * The keys of a store in its zone: a table that every worker reads for each
 * request and that the drainer alone writes.  It holds the keys that can be
 * used now; one that is revoked, inactive or expired need not be here.
 *
 * Two arrays: entries of 512 bytes, and an index of words, at least twice as
 * many, with open addressing by the digest.  A word is
 *
 *     bits 63..32  generation, one more with each change of the word
 *     bits 31..0   0: empty; 0xffffffff: a hole; else entry number + 1
 *
 * To put a key, an entry that no word names is written first; then one word
 * is stored.  A change of a key takes another entry and flips the same word.
 * A removal makes a hole, and closes it as linear probing without tombstones
 * does, so that chains stay short for ever: a word from behind is stored in
 * the hole too, "moves" is counted, and then that word becomes the hole.
 *
 * A reader loads a word, copies the entry out and loads the word again: were
 * the entry given to another key meanwhile, the word has changed and it looks
 * again.  So it does where it has found nothing and "moves" has changed: the
 * word may have passed it.  It takes no lock and waits for nobody.  A writer
 * that dies between any two steps leaves a table whose every key is found;
 * its successor walks through the index, closes a hole, forgets one of two
 * words for one entry, and knows the free entries.
 */


#ifndef _NGX_TRIGGERS_KEYS_H_INCLUDED_
#define _NGX_TRIGGERS_KEYS_H_INCLUDED_


#include "ngx_triggers_key.h"


#define NGX_TRIGGERS_KEYS_WORDS  64        /* of 8 bytes, in an entry */

/* bytes that a key's user_id and networks may have together */

#define NGX_TRIGGERS_KEYS_TEXT   440


typedef union {
    uint64_t                 words[NGX_TRIGGERS_KEYS_WORDS];

    struct {
        u_char               digest[NGX_TRIGGERS_KEY_DIGEST_LEN];
        u_char               id[NGX_TRIGGERS_KEY_ID_LEN];
        int64_t              expires_at;
        uint32_t             scopes;
        uint32_t             rate;
        uint16_t             user_len;
        uint16_t             networks_len;
        uint32_t             reserved;     /* zero */
        u_char               text[NGX_TRIGGERS_KEYS_TEXT];
                                           /* user_id, networks, zeroes */
    } key;
} ngx_triggers_keys_entry_t;


typedef struct {
    /* fixed after init */
    uint64_t                *index;
    ngx_triggers_keys_entry_t  *entries;
    uint64_t                 mask;         /* words of the index less one */
    uint32_t                 capacity;     /* entries less one, the spare */

    /* written by the drainer only; read by all */
    uint32_t                 count  __attribute__((aligned(128)));
    uint32_t                 loaded;       /* flag: all keys of the store are
                                              here */
    uint64_t                 moves;        /* of words to other places */
    uint64_t                 version;      /* of the store's keys */
} ngx_triggers_keys_t;


/* the drainer's own, in its memory */

typedef struct {
    ngx_triggers_keys_t     *keys;
    uint32_t                *free;         /* entries that no word names */
    uint32_t                 nfree;
    u_char                  *seen;         /* of each entry; see below */
    uint64_t                 cursor;       /* of the sweep, in the index */
} ngx_triggers_keys_writer_t;


/*
 * Bytes that a table for so many keys takes, its start aligned to 8 bytes;
 * and how many keys so many bytes are enough for.
 */

size_t ngx_triggers_keys_size(ngx_uint_t capacity);
ngx_uint_t ngx_triggers_keys_capacity(size_t size);

/* Prepares an empty table over zeroed memory. */

void ngx_triggers_keys_init(ngx_triggers_keys_t *keys, u_char *data,
    ngx_uint_t capacity);

/*
 * Any thread: copies the entry of a digest, up to its last text.  NGX_OK, or
 * NGX_DECLINED when the table has none.
 */

ngx_int_t ngx_triggers_keys_find(ngx_triggers_keys_t *keys, u_char *digest,
    ngx_triggers_keys_entry_t *entry);

/*
 * Any thread: fills an entry.  NGX_DECLINED when user_id and networks are
 * longer together than an entry has room for.
 */

ngx_int_t ngx_triggers_keys_fill(ngx_triggers_keys_entry_t *entry,
    ngx_triggers_key_t *key);


/*
 * The rest is the writer's.  attach() repairs what another writer has left
 * and finds the free entries; it must be called when there may have been one
 * since.  NGX_ERROR from create_writer(), which attaches: no memory.
 */

ngx_int_t ngx_triggers_keys_create_writer(ngx_triggers_keys_writer_t *writer,
    ngx_triggers_keys_t *keys, ngx_log_t *log);
void ngx_triggers_keys_destroy_writer(ngx_triggers_keys_writer_t *writer);
void ngx_triggers_keys_attach(ngx_triggers_keys_writer_t *writer);

/*
 * Puts an entry, in place of the one with the same digest if there is one.
 * NGX_BUSY: it would be a new one and there is no room.
 */

ngx_int_t ngx_triggers_keys_put(ngx_triggers_keys_writer_t *writer,
    ngx_triggers_keys_entry_t *entry);
void ngx_triggers_keys_remove(ngx_triggers_keys_writer_t *writer,
    u_char *digest);

/*
 * Replacing all, while it is read: begin(), put() of each, end(), which
 * removes those that were not put since.
 */

void ngx_triggers_keys_begin(ngx_triggers_keys_writer_t *writer);
void ngx_triggers_keys_end(ngx_triggers_keys_writer_t *writer);

/*
 * Looks at the next n words of the index and removes those entries that had
 * expired at the time now.
 */

void ngx_triggers_keys_sweep(ngx_triggers_keys_writer_t *writer, int64_t now,
    ngx_uint_t n);

/*
 * The entry that the word number i names, or NULL; valid until the next
 * change.
 */

ngx_triggers_keys_entry_t *ngx_triggers_keys_at(
    ngx_triggers_keys_writer_t *writer, uint64_t i);


#endif /* _NGX_TRIGGERS_KEYS_H_INCLUDED_ */
