
/*
 * The strict JSON validator of the ingest path; the header has the contract.
 *
 * One pass without recursion: what is open is a stack of the bytes that will
 * close it.  The plain ASCII of strings, most of any text, is skipped eight
 * bytes at a time.  A function that takes a position returns the one after
 * what it has read, or NULL after ngx_triggers_json_fail().
 *
 * Names are one when their code points are.  The first few are compared with
 * each other; further ones are found in a hash table by SipHash-1-3, whose
 * key is drawn for each table, so that whoever chooses the names cannot
 * choose the collisions.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_triggers_json.h"

#include <sys/random.h>


#define NGX_TRIGGERS_JSON_START  0     /* states of a walk */
#define NGX_TRIGGERS_JSON_MORE   1
#define NGX_TRIGGERS_JSON_END    2

#define NGX_TRIGGERS_JSON_SLOTS  64    /* of a new table, a power of two */

#define NGX_TRIGGERS_JSON_ONES   0x0101010101010101ull
#define NGX_TRIGGERS_JSON_HIGHS  0x8080808080808080ull


typedef struct {
    u_char                     *start;
    u_char                     *end;
    ngx_uint_t                  no_nul;    /* flag: \u0000 is refused */
    ngx_uint_t                  escaped;   /* flag: an escape was seen */
    ngx_triggers_json_error_t   error;
} ngx_triggers_json_scan_t;


/* names are raw and end with the quote that ends them in the text */

typedef struct {
    uint64_t                    hash;
    u_char                     *name;      /* NULL: free */
} ngx_triggers_json_slot_t;


typedef struct {
    size_t                      size;      /* slots, a power of two */
    size_t                      n;         /* used slots */
    uint64_t                    key[2];
    ngx_triggers_json_slot_t   *slots;
} ngx_triggers_json_names_t;


static u_char *ngx_triggers_json_walk_start(ngx_triggers_json_walk_t *walk,
    ngx_triggers_json_scan_t *scan);
static u_char *ngx_triggers_json_walk_more(ngx_triggers_json_walk_t *walk,
    ngx_triggers_json_scan_t *scan);
static u_char *ngx_triggers_json_member(ngx_triggers_json_walk_t *walk,
    ngx_triggers_json_scan_t *scan, u_char *p,
    ngx_triggers_json_member_t *member);
static ngx_int_t ngx_triggers_json_unique(ngx_triggers_json_walk_t *walk,
    ngx_triggers_json_member_t *member);

static ngx_int_t ngx_triggers_json_names_create(
    ngx_triggers_json_walk_t *walk);
static ngx_triggers_json_names_t *ngx_triggers_json_names_alloc(size_t size);
static ngx_int_t ngx_triggers_json_names_add(ngx_triggers_json_walk_t *walk,
    u_char *name);
static ngx_int_t ngx_triggers_json_names_grow(ngx_triggers_json_walk_t *walk);
static ngx_triggers_json_slot_t *ngx_triggers_json_names_find(
    ngx_triggers_json_names_t *names, uint64_t hash, u_char *name);
static uint64_t ngx_triggers_json_hash(uint64_t *key, u_char *name);
static ngx_uint_t ngx_triggers_json_same(u_char *a, u_char *b);

static u_char *ngx_triggers_json_items_start(
    ngx_triggers_json_items_t *items, ngx_triggers_json_scan_t *scan);
static u_char *ngx_triggers_json_items_more(ngx_triggers_json_items_t *items,
    ngx_triggers_json_scan_t *scan);
static void ngx_triggers_json_scan_init(ngx_triggers_json_scan_t *scan,
    ngx_str_t *text);
static ngx_uint_t ngx_triggers_json_type(u_char c);
static u_char *ngx_triggers_json_value(ngx_triggers_json_scan_t *scan,
    u_char *p, ngx_uint_t base);
static u_char *ngx_triggers_json_key(ngx_triggers_json_scan_t *scan,
    u_char *p);
static u_char *ngx_triggers_json_name(ngx_triggers_json_scan_t *scan,
    u_char *p);
static u_char *ngx_triggers_json_colon(ngx_triggers_json_scan_t *scan,
    u_char *p);
static u_char *ngx_triggers_json_scalar(ngx_triggers_json_scan_t *scan,
    u_char *p);
static u_char *ngx_triggers_json_literal(ngx_triggers_json_scan_t *scan,
    u_char *p, const char *word);
static u_char *ngx_triggers_json_number(ngx_triggers_json_scan_t *scan,
    u_char *p);
static u_char *ngx_triggers_json_digits(ngx_triggers_json_scan_t *scan,
    u_char *p);
static u_char *ngx_triggers_json_string(ngx_triggers_json_scan_t *scan,
    u_char *p);
static u_char *ngx_triggers_json_escape(ngx_triggers_json_scan_t *scan,
    u_char *p);
static u_char *ngx_triggers_json_unicode(ngx_triggers_json_scan_t *scan,
    u_char *p);
static u_char *ngx_triggers_json_utf8(ngx_triggers_json_scan_t *scan,
    u_char *p);
static u_char *ngx_triggers_json_finish(ngx_triggers_json_scan_t *scan,
    u_char *p);
static u_char *ngx_triggers_json_fail(ngx_triggers_json_scan_t *scan,
    u_char *p, const char *reason);

static ngx_uint_t ngx_triggers_json_decoded_is(u_char *p, u_char *last,
    u_char *plain, size_t len);
static uint32_t ngx_triggers_json_code(u_char **pos);
static uint32_t ngx_triggers_json_escaped_code(u_char **pos);
static u_char *ngx_triggers_json_encode(u_char *dst, uint32_t code);
static int32_t ngx_triggers_json_hex4(u_char *p);


static ngx_inline u_char *
ngx_triggers_json_space(u_char *p, u_char *end)
{
    while (p < end
           && (*p == ' ' || *p == LF || *p == CR || *p == '\t'))
    {
        p++;
    }

    return p;
}


/*
 * Skips plain characters of a string: ASCII other than quotes, backslashes
 * and control characters.  In each byte of the word below one of the four
 * terms has the high bit for what stops; a borrow may mark further bytes,
 * but only above the first one.
 */

static ngx_inline u_char *
ngx_triggers_json_plain(u_char *p, u_char *end)
{
    uint64_t  v, stop;

    while (end - p >= (ssize_t) sizeof(uint64_t)) {
        ngx_memcpy(&v, p, sizeof(uint64_t));

        stop = v
               | (v - 0x20 * NGX_TRIGGERS_JSON_ONES)
               | ((v ^ ('"' * NGX_TRIGGERS_JSON_ONES))
                  - NGX_TRIGGERS_JSON_ONES)
               | ((v ^ ('\\' * NGX_TRIGGERS_JSON_ONES))
                  - NGX_TRIGGERS_JSON_ONES);

        stop &= NGX_TRIGGERS_JSON_HIGHS;

        if (stop) {
#if (NGX_HAVE_LITTLE_ENDIAN)
            return p + (__builtin_ctzll(stop) >> 3);
#else
            break;
#endif
        }

        p += sizeof(uint64_t);
    }

    while (p < end && *p >= 0x20 && *p < 0x80 && *p != '"' && *p != '\\') {
        p++;
    }

    return p;
}


static ngx_inline void
ngx_triggers_json_sip_round(uint64_t *v)
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = ((v[1] << 13) | (v[1] >> 51)) ^ v[0];
    v[3] = ((v[3] << 16) | (v[3] >> 48)) ^ v[2];
    v[0] = (v[0] << 32) | (v[0] >> 32);

    v[2] += v[1];
    v[0] += v[3];
    v[1] = ((v[1] << 17) | (v[1] >> 47)) ^ v[2];
    v[3] = ((v[3] << 21) | (v[3] >> 43)) ^ v[0];
    v[2] = (v[2] << 32) | (v[2] >> 32);
}


void
ngx_triggers_json_walk_init(ngx_triggers_json_walk_t *walk, ngx_str_t *text,
    ngx_uint_t flags)
{
    ngx_triggers_json_scan_t  scan;

    ngx_triggers_json_scan_init(&scan, text);

    walk->start = scan.start;
    walk->pos = scan.start;
    walk->end = scan.end;
    walk->flags = flags;
    walk->type = NGX_TRIGGERS_JSON_NONE;
    walk->state = NGX_TRIGGERS_JSON_START;
    walk->rc = NGX_ERROR;
    walk->nnames = 0;
    walk->escapes = 0;
    walk->names = NULL;
    walk->error = scan.error;
}


ngx_int_t
ngx_triggers_json_next(ngx_triggers_json_walk_t *walk,
    ngx_triggers_json_member_t *member)
{
    u_char                    *p;
    ngx_triggers_json_scan_t   scan;

    if (walk->state == NGX_TRIGGERS_JSON_END) {
        return walk->rc;
    }

    scan.start = walk->start;
    scan.end = walk->end;
    scan.error = walk->error;

    if (walk->state == NGX_TRIGGERS_JSON_START) {
        p = ngx_triggers_json_walk_start(walk, &scan);

    } else {
        p = ngx_triggers_json_walk_more(walk, &scan);
    }

    if (p) {
        p = ngx_triggers_json_member(walk, &scan, p, member);
    }

    if (p) {
        walk->pos = p;
        walk->state = NGX_TRIGGERS_JSON_MORE;
        return NGX_OK;
    }

    walk->state = NGX_TRIGGERS_JSON_END;
    walk->error = scan.error;

    return walk->rc;
}


void
ngx_triggers_json_walk_done(ngx_triggers_json_walk_t *walk)
{
    if (walk->names) {
        ngx_free(walk->names);
        walk->names = NULL;
    }

    walk->state = NGX_TRIGGERS_JSON_END;
}


/* returns where the first name has to be; NULL when walk->rc is the answer */

static u_char *
ngx_triggers_json_walk_start(ngx_triggers_json_walk_t *walk,
    ngx_triggers_json_scan_t *scan)
{
    u_char  *p;

    p = ngx_triggers_json_space(walk->pos, scan->end);

    if (p == scan->end) {
        return ngx_triggers_json_fail(scan, p, "unexpected end");
    }

    walk->type = ngx_triggers_json_type(*p);

    if (walk->type != NGX_TRIGGERS_JSON_OBJECT) {
        scan->no_nul = walk->flags & NGX_TRIGGERS_JSON_NO_NUL_DEEP;

        p = ngx_triggers_json_value(scan, p, 0);

        if (p && ngx_triggers_json_finish(scan, p)) {
            walk->rc = NGX_DECLINED;
        }

        return NULL;
    }

    p = ngx_triggers_json_space(p + 1, scan->end);

    if (p < scan->end && *p == '}') {
        if (ngx_triggers_json_finish(scan, p + 1)) {
            walk->rc = NGX_DONE;
        }

        return NULL;
    }

    return p;
}


/* as above, for the names after the first */

static u_char *
ngx_triggers_json_walk_more(ngx_triggers_json_walk_t *walk,
    ngx_triggers_json_scan_t *scan)
{
    u_char  *p;

    p = ngx_triggers_json_space(walk->pos, scan->end);

    if (p == scan->end) {
        return ngx_triggers_json_fail(scan, p, "unexpected end");
    }

    if (*p == ',') {
        return ngx_triggers_json_space(p + 1, scan->end);
    }

    if (*p != '}') {
        return ngx_triggers_json_fail(scan, p, "unexpected character");
    }

    if (ngx_triggers_json_finish(scan, p + 1)) {
        walk->rc = NGX_DONE;
    }

    return NULL;
}


static u_char *
ngx_triggers_json_member(ngx_triggers_json_walk_t *walk,
    ngx_triggers_json_scan_t *scan, u_char *p,
    ngx_triggers_json_member_t *member)
{
    ngx_int_t    rc;
    ngx_uint_t   no_nul, deep;

    deep = walk->flags & NGX_TRIGGERS_JSON_NO_NUL_DEEP;
    no_nul = walk->flags & (NGX_TRIGGERS_JSON_NO_NUL
                            |NGX_TRIGGERS_JSON_NO_NUL_DEEP);

    scan->no_nul = no_nul;
    scan->escaped = 0;

    member->name.data = p + 1;

    p = ngx_triggers_json_name(scan, p);
    if (p == NULL) {
        return NULL;
    }

    member->name.len = p - 1 - member->name.data;
    member->escaped = scan->escaped;

    if (walk->flags & NGX_TRIGGERS_JSON_UNIQUE) {
        rc = ngx_triggers_json_unique(walk, member);

        if (rc != NGX_OK) {
            return ngx_triggers_json_fail(scan, member->name.data - 1,
                               rc == NGX_DECLINED ? "duplicate name" : NULL);
        }
    }

    p = ngx_triggers_json_colon(scan, p);
    if (p == NULL) {
        return NULL;
    }

    p = ngx_triggers_json_space(p, scan->end);
    if (p == scan->end) {
        return ngx_triggers_json_fail(scan, p, "unexpected end");
    }

    scan->no_nul = (*p == '"') ? no_nul : deep;

    member->value.type = ngx_triggers_json_type(*p);
    member->value.text.data = p;

    p = ngx_triggers_json_value(scan, p, 1);
    if (p == NULL) {
        return NULL;
    }

    member->value.text.len = p - member->value.text.data;

    return p;
}


/* NGX_DECLINED for a name that was seen before; NGX_ERROR: no memory */

static ngx_int_t
ngx_triggers_json_unique(ngx_triggers_json_walk_t *walk,
    ngx_triggers_json_member_t *member)
{
    ngx_str_t   *name;
    ngx_uint_t   i;

    if (walk->nnames == NGX_TRIGGERS_JSON_NAMES) {

        if (walk->names == NULL
            && ngx_triggers_json_names_create(walk) != NGX_OK)
        {
            return NGX_ERROR;
        }

        return ngx_triggers_json_names_add(walk, member->name.data);
    }

    for (i = 0; i < walk->nnames; i++) {
        name = &walk->first[i];

        if (name->len == member->name.len
            && ngx_memcmp(name->data, member->name.data, name->len) == 0)
        {
            return NGX_DECLINED;
        }

        if ((member->escaped || (walk->escapes & ((ngx_uint_t) 1 << i)))
            && ngx_triggers_json_same(name->data, member->name.data))
        {
            return NGX_DECLINED;
        }
    }

    walk->first[i] = member->name;
    walk->escapes |= member->escaped << i;
    walk->nnames++;

    return NGX_OK;
}


static ngx_int_t
ngx_triggers_json_names_create(ngx_triggers_json_walk_t *walk)
{
    ngx_uint_t                  i;
    ngx_triggers_json_names_t  *names;

    names = ngx_triggers_json_names_alloc(NGX_TRIGGERS_JSON_SLOTS);
    if (names == NULL) {
        return NGX_ERROR;
    }

    walk->names = names;

    if (getrandom(names->key, sizeof(names->key), 0)
        != (ssize_t) sizeof(names->key))
    {
        return NGX_ERROR;
    }

    for (i = 0; i < walk->nnames; i++) {
        (void) ngx_triggers_json_names_add(walk, walk->first[i].data);
    }

    return NGX_OK;
}


static ngx_triggers_json_names_t *
ngx_triggers_json_names_alloc(size_t size)
{
    size_t                      len;
    ngx_log_t                   log;
    ngx_triggers_json_names_t  *names;

    /* ngx_alloc() wants a log; this one is silent at every level */

    ngx_memzero(&log, sizeof(ngx_log_t));

    len = sizeof(ngx_triggers_json_names_t)
          + size * sizeof(ngx_triggers_json_slot_t);

    names = ngx_alloc(len, &log);
    if (names == NULL) {
        return NULL;
    }

    ngx_memzero(names, len);

    names->size = size;
    names->slots = (ngx_triggers_json_slot_t *) (names + 1);

    return names;
}


static ngx_int_t
ngx_triggers_json_names_add(ngx_triggers_json_walk_t *walk, u_char *name)
{
    uint64_t                    hash;
    ngx_triggers_json_slot_t   *slot;
    ngx_triggers_json_names_t  *names;

    names = walk->names;

    if (names->n >= names->size / 2) {
        if (ngx_triggers_json_names_grow(walk) != NGX_OK) {
            return NGX_ERROR;
        }

        names = walk->names;
    }

    hash = ngx_triggers_json_hash(names->key, name);

    slot = ngx_triggers_json_names_find(names, hash, name);

    if (slot->name) {
        return NGX_DECLINED;
    }

    slot->hash = hash;
    slot->name = name;
    names->n++;

    return NGX_OK;
}


static ngx_int_t
ngx_triggers_json_names_grow(ngx_triggers_json_walk_t *walk)
{
    size_t                      i;
    ngx_triggers_json_slot_t   *slot;
    ngx_triggers_json_names_t  *names, *old;

    old = walk->names;

    names = ngx_triggers_json_names_alloc(old->size * 2);
    if (names == NULL) {
        return NGX_ERROR;
    }

    names->n = old->n;
    names->key[0] = old->key[0];
    names->key[1] = old->key[1];

    for (i = 0; i < old->size; i++) {
        if (old->slots[i].name == NULL) {
            continue;
        }

        slot = ngx_triggers_json_names_find(names, old->slots[i].hash,
                                            old->slots[i].name);
        *slot = old->slots[i];
    }

    ngx_free(old);

    walk->names = names;

    return NGX_OK;
}


/* returns the slot of the name, or the free one where it belongs */

static ngx_triggers_json_slot_t *
ngx_triggers_json_names_find(ngx_triggers_json_names_t *names, uint64_t hash,
    u_char *name)
{
    size_t                     i;
    ngx_triggers_json_slot_t  *slot;

    for (i = hash & (names->size - 1);
         /* void */ ;
         i = (i + 1) & (names->size - 1))
    {
        slot = &names->slots[i];

        if (slot->name == NULL) {
            return slot;
        }

        if (slot->hash == hash && ngx_triggers_json_same(slot->name, name)) {
            return slot;
        }
    }
}


/* SipHash-1-3 of the code points, two to a word, and of their number */

static uint64_t
ngx_triggers_json_hash(uint64_t *key, u_char *name)
{
    uint64_t    word, v[4];
    ngx_uint_t  i, n;

    v[0] = key[0] ^ 0x736f6d6570736575ull;
    v[1] = key[1] ^ 0x646f72616e646f6dull;
    v[2] = key[0] ^ 0x6c7967656e657261ull;
    v[3] = key[1] ^ 0x7465646279746573ull;

    n = 0;

    while (*name != '"') {
        word = ngx_triggers_json_code(&name);
        n++;

        if (*name != '"') {
            word |= (uint64_t) ngx_triggers_json_code(&name) << 32;
            n++;
        }

        v[3] ^= word;
        ngx_triggers_json_sip_round(v);
        v[0] ^= word;
    }

    v[3] ^= n;
    ngx_triggers_json_sip_round(v);
    v[0] ^= n;

    v[2] ^= 0xff;

    for (i = 0; i < 3; i++) {
        ngx_triggers_json_sip_round(v);
    }

    return v[0] ^ v[1] ^ v[2] ^ v[3];
}


/* compares two raw names up to the quotes that end them */

static ngx_uint_t
ngx_triggers_json_same(u_char *a, u_char *b)
{
    while (*a != '"' && *b != '"') {
        if (ngx_triggers_json_code(&a) != ngx_triggers_json_code(&b)) {
            return 0;
        }
    }

    return *a == *b;
}


void
ngx_triggers_json_items_init(ngx_triggers_json_items_t *items,
    ngx_str_t *text)
{
    ngx_triggers_json_scan_t  scan;

    ngx_triggers_json_scan_init(&scan, text);

    items->start = scan.start;
    items->pos = scan.start;
    items->end = scan.end;
    items->state = NGX_TRIGGERS_JSON_START;
    items->rc = NGX_ERROR;
    items->error = scan.error;
}


ngx_int_t
ngx_triggers_json_item(ngx_triggers_json_items_t *items,
    ngx_triggers_json_value_t *value)
{
    u_char                    *p, *last;
    ngx_triggers_json_scan_t   scan;

    if (items->state == NGX_TRIGGERS_JSON_END) {
        return items->rc;
    }

    scan.start = items->start;
    scan.end = items->end;
    scan.no_nul = 0;
    scan.escaped = 0;
    scan.error = items->error;

    if (items->state == NGX_TRIGGERS_JSON_START) {
        p = ngx_triggers_json_items_start(items, &scan);

    } else {
        p = ngx_triggers_json_items_more(items, &scan);
    }

    last = p ? ngx_triggers_json_value(&scan, p, 1) : NULL;

    if (last) {
        value->type = ngx_triggers_json_type(*p);
        value->text.data = p;
        value->text.len = last - p;

        items->pos = last;
        items->state = NGX_TRIGGERS_JSON_MORE;
        return NGX_OK;
    }

    items->state = NGX_TRIGGERS_JSON_END;
    items->error = scan.error;

    return items->rc;
}


/* returns where the first element begins; NULL: items->rc is the answer */

static u_char *
ngx_triggers_json_items_start(ngx_triggers_json_items_t *items,
    ngx_triggers_json_scan_t *scan)
{
    u_char  *p;

    p = ngx_triggers_json_space(items->pos, scan->end);

    if (p == scan->end) {
        return ngx_triggers_json_fail(scan, p, "unexpected end");
    }

    if (*p != '[') {
        p = ngx_triggers_json_value(scan, p, 0);

        if (p && ngx_triggers_json_finish(scan, p)) {
            items->rc = NGX_DECLINED;
        }

        return NULL;
    }

    p = ngx_triggers_json_space(p + 1, scan->end);

    if (p < scan->end && *p == ']') {
        if (ngx_triggers_json_finish(scan, p + 1)) {
            items->rc = NGX_DONE;
        }

        return NULL;
    }

    return p;
}


/* as above, for the elements after the first */

static u_char *
ngx_triggers_json_items_more(ngx_triggers_json_items_t *items,
    ngx_triggers_json_scan_t *scan)
{
    u_char  *p;

    p = ngx_triggers_json_space(items->pos, scan->end);

    if (p == scan->end) {
        return ngx_triggers_json_fail(scan, p, "unexpected end");
    }

    if (*p == ',') {
        return ngx_triggers_json_space(p + 1, scan->end);
    }

    if (*p != ']') {
        return ngx_triggers_json_fail(scan, p, "unexpected character");
    }

    if (ngx_triggers_json_finish(scan, p + 1)) {
        items->rc = NGX_DONE;
    }

    return NULL;
}


ngx_int_t
ngx_triggers_json_validate(ngx_str_t *text, ngx_uint_t *type,
    ngx_triggers_json_error_t *error)
{
    u_char                    *p;
    ngx_triggers_json_scan_t   scan;

    ngx_triggers_json_scan_init(&scan, text);

    p = ngx_triggers_json_space(scan.start, scan.end);

    *type = (p < scan.end) ? ngx_triggers_json_type(*p)
                           : NGX_TRIGGERS_JSON_NONE;

    p = ngx_triggers_json_value(&scan, p, 0);

    if (p && ngx_triggers_json_finish(&scan, p)) {
        return NGX_OK;
    }

    *error = scan.error;

    return NGX_ERROR;
}


static void
ngx_triggers_json_scan_init(ngx_triggers_json_scan_t *scan, ngx_str_t *text)
{
    scan->start = text->data;
    scan->end = text->data;

    if (text->len) {
        scan->end += text->len;
    }

    scan->no_nul = 0;
    scan->escaped = 0;
    scan->error.reason = NULL;
    scan->error.offset = 0;
}


/* tells by the first byte what a value is, if it is valid at all */

static ngx_uint_t
ngx_triggers_json_type(u_char c)
{
    switch (c) {

    case '{':
        return NGX_TRIGGERS_JSON_OBJECT;

    case '[':
        return NGX_TRIGGERS_JSON_ARRAY;

    case '"':
        return NGX_TRIGGERS_JSON_STRING;

    case 't':
        return NGX_TRIGGERS_JSON_TRUE;

    case 'f':
        return NGX_TRIGGERS_JSON_FALSE;

    case 'n':
        return NGX_TRIGGERS_JSON_NULL;

    default:
        return NGX_TRIGGERS_JSON_NUMBER;
    }
}


/* reads one value inside of `base` open containers */

static u_char *
ngx_triggers_json_value(ngx_triggers_json_scan_t *scan, u_char *p,
    ngx_uint_t base)
{
    u_char      c, *end;
    ngx_uint_t  depth;
    u_char      closing[NGX_TRIGGERS_JSON_DEPTH + 1];

    end = scan->end;
    depth = base;

    for ( ;; ) {
        p = ngx_triggers_json_space(p, end);

        if (p == end) {
            return ngx_triggers_json_fail(scan, p, "unexpected end");
        }

        c = *p;

        if (c == '{' || c == '[') {

            if (depth == NGX_TRIGGERS_JSON_DEPTH) {
                return ngx_triggers_json_fail(scan, p, "nesting is too deep");
            }

            /* in ASCII both closing brackets stand two after the opening */

            closing[++depth] = c + 2;

            p = ngx_triggers_json_space(p + 1, end);

            if (p == end || *p != closing[depth]) {

                if (c == '{') {
                    p = ngx_triggers_json_key(scan, p);
                    if (p == NULL) {
                        return NULL;
                    }
                }

                continue;
            }

        } else {
            p = ngx_triggers_json_scalar(scan, p);
            if (p == NULL) {
                return NULL;
            }
        }

        /* the value has ended, and with it perhaps what it stands in */

        for ( ;; ) {

            if (depth == base) {
                return p;
            }

            p = ngx_triggers_json_space(p, end);

            if (p == end) {
                return ngx_triggers_json_fail(scan, p, "unexpected end");
            }

            c = *p;

            if (c != closing[depth]) {
                break;
            }

            p++;
            depth--;
        }

        if (c != ',') {
            return ngx_triggers_json_fail(scan, p, "unexpected character");
        }

        p++;

        if (closing[depth] == '}') {
            p = ngx_triggers_json_key(scan, p);
            if (p == NULL) {
                return NULL;
            }
        }
    }
}


/* a name and its colon */

static u_char *
ngx_triggers_json_key(ngx_triggers_json_scan_t *scan, u_char *p)
{
    p = ngx_triggers_json_name(scan, ngx_triggers_json_space(p, scan->end));

    if (p == NULL) {
        return NULL;
    }

    return ngx_triggers_json_colon(scan, p);
}


static u_char *
ngx_triggers_json_name(ngx_triggers_json_scan_t *scan, u_char *p)
{
    if (p == scan->end) {
        return ngx_triggers_json_fail(scan, p, "unexpected end");
    }

    if (*p != '"') {
        return ngx_triggers_json_fail(scan, p, "unexpected character");
    }

    return ngx_triggers_json_string(scan, p + 1);
}


static u_char *
ngx_triggers_json_colon(ngx_triggers_json_scan_t *scan, u_char *p)
{
    p = ngx_triggers_json_space(p, scan->end);

    if (p == scan->end) {
        return ngx_triggers_json_fail(scan, p, "unexpected end");
    }

    if (*p != ':') {
        return ngx_triggers_json_fail(scan, p, "unexpected character");
    }

    return p + 1;
}


static u_char *
ngx_triggers_json_scalar(ngx_triggers_json_scan_t *scan, u_char *p)
{
    switch (*p) {

    case '"':
        return ngx_triggers_json_string(scan, p + 1);

    case 't':
        return ngx_triggers_json_literal(scan, p, "true");

    case 'f':
        return ngx_triggers_json_literal(scan, p, "false");

    case 'n':
        return ngx_triggers_json_literal(scan, p, "null");

    default:
        return ngx_triggers_json_number(scan, p);
    }
}


static u_char *
ngx_triggers_json_literal(ngx_triggers_json_scan_t *scan, u_char *p,
    const char *word)
{
    for ( /* void */ ; *word; p++, word++) {

        if (p == scan->end) {
            return ngx_triggers_json_fail(scan, p, "unexpected end");
        }

        if (*p != (u_char) *word) {
            return ngx_triggers_json_fail(scan, p, "unexpected character");
        }
    }

    return p;
}


static u_char *
ngx_triggers_json_number(ngx_triggers_json_scan_t *scan, u_char *p)
{
    u_char  *end;

    end = scan->end;

    if (*p == '-') {
        p++;

    } else if (*p < '0' || *p > '9') {
        return ngx_triggers_json_fail(scan, p, "unexpected character");
    }

    if (p < end && *p == '0') {
        p++;

    } else {
        p = ngx_triggers_json_digits(scan, p);
        if (p == NULL) {
            return NULL;
        }
    }

    if (p < end && *p == '.') {
        p = ngx_triggers_json_digits(scan, p + 1);
        if (p == NULL) {
            return NULL;
        }
    }

    if (p == end || (*p != 'e' && *p != 'E')) {
        return p;
    }

    p++;

    if (p < end && (*p == '+' || *p == '-')) {
        p++;
    }

    return ngx_triggers_json_digits(scan, p);
}


/* at least one digit */

static u_char *
ngx_triggers_json_digits(ngx_triggers_json_scan_t *scan, u_char *p)
{
    u_char  *first;

    first = p;

    while (p < scan->end && *p >= '0' && *p <= '9') {
        p++;
    }

    if (p > first) {
        return p;
    }

    if (p == scan->end) {
        return ngx_triggers_json_fail(scan, p, "unexpected end");
    }

    return ngx_triggers_json_fail(scan, p, "invalid number");
}


/* p is after the opening quote */

static u_char *
ngx_triggers_json_string(ngx_triggers_json_scan_t *scan, u_char *p)
{
    u_char  *end;

    end = scan->end;

    for ( ;; ) {
        p = ngx_triggers_json_plain(p, end);

        if (p == end) {
            return ngx_triggers_json_fail(scan, p, "unexpected end");
        }

        if (*p == '"') {
            return p + 1;
        }

        if (*p == '\\') {
            p = ngx_triggers_json_escape(scan, p);

        } else if (*p >= 0x80) {
            p = ngx_triggers_json_utf8(scan, p);

        } else {
            return ngx_triggers_json_fail(scan, p,
                                          "control character in a string");
        }

        if (p == NULL) {
            return NULL;
        }
    }
}


static u_char *
ngx_triggers_json_escape(ngx_triggers_json_scan_t *scan, u_char *p)
{
    scan->escaped = 1;

    if (scan->end - p < 2) {
        return ngx_triggers_json_fail(scan, scan->end, "unexpected end");
    }

    switch (p[1]) {

    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        return p + 2;

    case 'u':
        return ngx_triggers_json_unicode(scan, p);

    default:
        return ngx_triggers_json_fail(scan, p, "invalid escape");
    }
}


static u_char *
ngx_triggers_json_unicode(ngx_triggers_json_scan_t *scan, u_char *p)
{
    int32_t  code, low;

    code = NGX_ERROR;

    if (scan->end - p >= 6) {
        code = ngx_triggers_json_hex4(p + 2);
    }

    if (code == NGX_ERROR) {
        return ngx_triggers_json_fail(scan, p, "invalid escape");
    }

    if (code == 0 && scan->no_nul) {
        return ngx_triggers_json_fail(scan, p, "NUL character");
    }

    if (code < 0xd800 || code > 0xdfff) {
        return p + 6;
    }

    /* a high surrogate needs a low one, as the next escape */

    low = NGX_ERROR;

    if (code < 0xdc00 && scan->end - p >= 12 && p[6] == '\\' && p[7] == 'u') {
        low = ngx_triggers_json_hex4(p + 8);
    }

    if (low < 0xdc00 || low > 0xdfff) {
        return ngx_triggers_json_fail(scan, p, "lone surrogate");
    }

    return p + 12;
}


/* reads characters beyond ASCII up to the next one in ASCII; RFC 3629, 4 */

static u_char *
ngx_triggers_json_utf8(ngx_triggers_json_scan_t *scan, u_char *p)
{
    u_char   c, low, high;
    ssize_t  i, n;

    while (p < scan->end && *p >= 0x80) {
        c = *p;
        low = 0x80;
        high = 0xbf;

        if (c >= 0xc2 && c <= 0xdf) {
            n = 2;

        } else if (c >= 0xe0 && c <= 0xef) {
            n = 3;
            low = (c == 0xe0) ? 0xa0 : low;      /* overlong */
            high = (c == 0xed) ? 0x9f : high;    /* surrogates */

        } else if (c >= 0xf0 && c <= 0xf4) {
            n = 4;
            low = (c == 0xf0) ? 0x90 : low;      /* overlong */
            high = (c == 0xf4) ? 0x8f : high;    /* above U+10FFFF */

        } else {
            return ngx_triggers_json_fail(scan, p, "invalid UTF-8");
        }

        if (scan->end - p < n || p[1] < low || p[1] > high) {
            return ngx_triggers_json_fail(scan, p, "invalid UTF-8");
        }

        for (i = 2; i < n; i++) {
            if ((p[i] & 0xc0) != 0x80) {
                return ngx_triggers_json_fail(scan, p, "invalid UTF-8");
            }
        }

        p += n;
    }

    return p;
}


/* nothing but white space may be left */

static u_char *
ngx_triggers_json_finish(ngx_triggers_json_scan_t *scan, u_char *p)
{
    p = ngx_triggers_json_space(p, scan->end);

    if (p != scan->end) {
        return ngx_triggers_json_fail(scan, p, "trailing data");
    }

    return p;
}


static u_char *
ngx_triggers_json_fail(ngx_triggers_json_scan_t *scan, u_char *p,
    const char *reason)
{
    scan->error.reason = reason;
    scan->error.offset = p - scan->start;

    return NULL;
}


ngx_uint_t
ngx_triggers_json_name_is(ngx_triggers_json_member_t *member,
    const char *name, size_t len)
{
    ngx_str_t  *raw;

    raw = &member->name;

    if (member->escaped) {
        return ngx_triggers_json_decoded_is(raw->data, raw->data + raw->len,
                                            (u_char *) name, len);
    }

    return raw->len == len && ngx_memcmp(raw->data, name, len) == 0;
}


ngx_uint_t
ngx_triggers_json_string_is(ngx_str_t *text, u_char *plain, size_t len)
{
    size_t   n;
    u_char  *p;

    p = text->data + 1;
    n = text->len - 2;

    if (memchr(p, '\\', n)) {
        return ngx_triggers_json_decoded_is(p, p + n, plain, len);
    }

    return n == len && ngx_memcmp(p, plain, len) == 0;
}


/* the plain text may be any bytes */

static ngx_uint_t
ngx_triggers_json_decoded_is(u_char *p, u_char *last, u_char *plain,
    size_t len)
{
    size_t  n;
    u_char  utf8[4];

    while (p < last) {
        n = ngx_triggers_json_encode(utf8, ngx_triggers_json_code(&p)) - utf8;

        if (n > len || ngx_memcmp(plain, utf8, n) != 0) {
            return 0;
        }

        plain += n;
        len -= n;
    }

    return len == 0;
}


size_t
ngx_triggers_json_unescape(u_char *dst, ngx_str_t *text, ngx_uint_t *chars)
{
    u_char      *p, *q, *last, *start;
    ngx_uint_t   n;

    start = dst;
    p = text->data + 1;
    last = text->data + text->len - 1;

    while (p < last) {
        q = memchr(p, '\\', last - p);

        if (q == NULL) {
            dst = ngx_cpymem(dst, p, last - p);
            break;
        }

        dst = ngx_cpymem(dst, p, q - p);
        dst = ngx_triggers_json_encode(dst, ngx_triggers_json_code(&q));
        p = q;
    }

    if (chars) {
        n = 0;

        for (q = start; q < dst; q++) {
            n += ((*q & 0xc0) != 0x80);
        }

        *chars = n;
    }

    return dst - start;
}


void
ngx_triggers_json_get(ngx_str_t *object, u_char *name, size_t len,
    ngx_triggers_json_value_t *value)
{
    ngx_triggers_json_walk_t    walk;
    ngx_triggers_json_member_t  member;

    value->type = NGX_TRIGGERS_JSON_NONE;
    ngx_str_null(&value->text);

    ngx_triggers_json_walk_init(&walk, object, 0);

    while (ngx_triggers_json_next(&walk, &member) == NGX_OK) {

        if (ngx_triggers_json_name_is(&member, (char *) name, len)) {
            *value = member.value;
        }
    }

    ngx_triggers_json_walk_done(&walk);
}


/* decodes one character of validated text, raw or escaped */

static uint32_t
ngx_triggers_json_code(u_char **pos)
{
    u_char    *p;
    uint32_t   code;

    p = *pos;

    if (*p == '\\') {
        return ngx_triggers_json_escaped_code(pos);
    }

    if (*p < 0x80) {
        *pos = p + 1;
        return *p;
    }

    if (*p < 0xe0) {
        code = *p++ & 0x1f;

    } else if (*p < 0xf0) {
        code = *p++ & 0x0f;
        code = (code << 6) | (*p++ & 0x3f);

    } else {
        code = *p++ & 0x07;
        code = (code << 6) | (*p++ & 0x3f);
        code = (code << 6) | (*p++ & 0x3f);
    }

    code = (code << 6) | (*p++ & 0x3f);

    *pos = p;

    return code;
}


static uint32_t
ngx_triggers_json_escaped_code(u_char **pos)
{
    u_char    *p;
    uint32_t   code, low;

    p = *pos;
    *pos = p + 2;

    switch (p[1]) {

    case 'b':
        return '\b';

    case 'f':
        return '\f';

    case 'n':
        return LF;

    case 'r':
        return CR;

    case 't':
        return '\t';

    case 'u':
        break;

    default:
        return p[1];
    }

    *pos = p + 6;
    code = ngx_triggers_json_hex4(p + 2);

    if (code < 0xd800 || code > 0xdfff) {
        return code;
    }

    *pos = p + 12;
    low = ngx_triggers_json_hex4(p + 8);

    return 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
}


static u_char *
ngx_triggers_json_encode(u_char *dst, uint32_t code)
{
    if (code < 0x80) {
        *dst++ = (u_char) code;
        return dst;
    }

    if (code < 0x800) {
        *dst++ = (u_char) (0xc0 | (code >> 6));

    } else if (code < 0x10000) {
        *dst++ = (u_char) (0xe0 | (code >> 12));
        *dst++ = (u_char) (0x80 | ((code >> 6) & 0x3f));

    } else {
        *dst++ = (u_char) (0xf0 | (code >> 18));
        *dst++ = (u_char) (0x80 | ((code >> 12) & 0x3f));
        *dst++ = (u_char) (0x80 | ((code >> 6) & 0x3f));
    }

    *dst++ = (u_char) (0x80 | (code & 0x3f));

    return dst;
}


/* NGX_ERROR when one of the four is no hexadecimal digit */

static int32_t
ngx_triggers_json_hex4(u_char *p)
{
    u_char      c;
    int32_t     code;
    ngx_uint_t  i;

    code = 0;

    for (i = 0; i < 4; i++) {
        c = p[i];

        if (c >= '0' && c <= '9') {
            code = (code << 4) | (c - '0');
            continue;
        }

        c |= 0x20;

        if (c < 'a' || c > 'f') {
            return NGX_ERROR;
        }

        code = (code << 4) | (c - 'a' + 10);
    }

    return code;
}
