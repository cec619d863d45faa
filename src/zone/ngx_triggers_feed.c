
/*
 * The live feed; its protocol is described in the header.  The state before
 * and after the words tells whether they belong together, as in a sequence
 * lock: whoever has read a word of a later entry sees its state, too, since
 * each word is stored with release order and read with acquire order.
 */


#include "ngx_triggers_feed.h"
#include "ngx_triggers_clock.h"


#define NGX_TRIGGERS_FEED_WRITER   0xffff      /* of a state: slot + 1 */
#define NGX_TRIGGERS_FEED_SHIFT    16          /* … of its number */

#define NGX_TRIGGERS_FEED_STRINGS  6
#define NGX_TRIGGERS_FEED_ABSENT   0xffff      /* a length */
#define NGX_TRIGGERS_FEED_SAME     0xfffe      /* … as the string before it */

#define NGX_TRIGGERS_FEED_LINE     512         /* of a formatted message */


/* what stands in a place, before the strings */

typedef struct {
    int64_t                  time;
    uint64_t                 latency;
    u_char                   event_id[NGX_TRIGGERS_ID_LEN];
    u_char                   trace_id[NGX_TRIGGERS_TRACE_ID_LEN];
    uint16_t                 size;             /* of all, in words */
    uint16_t                 status;
    u_char                   kind;
    u_char                   level;
    u_char                   action;
    u_char                   event_status;
    u_char                   has_event_id;
    u_char                   has_trace_id;
    uint16_t                 lengths[NGX_TRIGGERS_FEED_STRINGS];
} ngx_triggers_feed_header_t;


typedef union {
    ngx_triggers_feed_header_t  header;
    uint64_t                 words[NGX_TRIGGERS_FEED_WORDS];
    u_char                   bytes[NGX_TRIGGERS_FEED_WORDS * 8];
} ngx_triggers_feed_image_t;


static uint64_t ngx_triggers_feed_put(ngx_triggers_feed_t *feed,
    ngx_uint_t slot, ngx_triggers_feed_image_t *image);
static ngx_uint_t ngx_triggers_feed_is_slot(void *data, ngx_uint_t slot);
static ngx_int_t ngx_triggers_feed_copy(ngx_triggers_feed_place_t *place,
    uint64_t state, uint64_t *words);
static ngx_int_t ngx_triggers_feed_decode(ngx_triggers_feed_image_t *image,
    ngx_triggers_entry_t *entry);
static void ngx_triggers_feed_strings(ngx_triggers_entry_t *entry,
    ngx_str_t **strings);


void
ngx_triggers_feed_init(ngx_triggers_feed_t *feed, u_char *p, size_t size)
{
    feed->nplaces = size / sizeof(ngx_triggers_feed_place_t);
    feed->places = (ngx_triggers_feed_place_t *) p;
    feed->head = 1;
}


uint64_t
ngx_triggers_feed_append(ngx_triggers_feed_t *feed, ngx_uint_t slot,
    ngx_triggers_entry_t *entry)
{
    ngx_triggers_feed_image_t  image;

    (void) ngx_triggers_feed_encode(entry, image.words);

    return ngx_triggers_feed_put(feed, slot, &image);
}


void
ngx_triggers_feed_append_encoded(ngx_triggers_feed_t *feed, ngx_uint_t slot,
    uint64_t *words, ngx_uint_t n)
{
    uint64_t                   *last;
    ngx_triggers_feed_image_t  *image;

    for (last = words + n; words < last; words += image->header.size) {
        image = (ngx_triggers_feed_image_t *) words;
        (void) ngx_triggers_feed_put(feed, slot, image);
    }
}


static uint64_t
ngx_triggers_feed_put(ngx_triggers_feed_t *feed, ngx_uint_t slot,
    ngx_triggers_feed_image_t *image)
{
    uint64_t                    number, old, state;
    ngx_uint_t                  i, n;
    ngx_triggers_feed_place_t  *place;

    number = __atomic_fetch_add(&feed->head, 1, __ATOMIC_RELAXED);
    place = &feed->places[number % feed->nplaces];

    state = number << NGX_TRIGGERS_FEED_SHIFT;
    old = __atomic_load_n(&place->state, __ATOMIC_RELAXED);

    /*
     * Somebody writes there who was overtaken by all others, or has died; or
     * it is we who were.
     */

    if ((old & NGX_TRIGGERS_FEED_WRITER)
        || old >= state
        || !__atomic_compare_exchange_n(&place->state, &old, state | (slot + 1),
                                        0, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED))
    {
        (void) __atomic_fetch_add(&feed->lost, 1, __ATOMIC_RELAXED);
        return 0;
    }

    n = image->header.size;

    for (i = 0; i < n; i++) {
        __atomic_store_n(&place->words[i], image->words[i], __ATOMIC_RELEASE);
    }

    __atomic_store_n(&place->state, state, __ATOMIC_RELEASE);

    return number;
}


uint64_t ngx_cdecl
ngx_triggers_feed_log(ngx_triggers_feed_t *feed, ngx_uint_t slot,
    ngx_uint_t level, u_char *event_id, ngx_str_t *user_id, const char *fmt,
    ...)
{
    u_char                line[NGX_TRIGGERS_FEED_LINE + 1];
    va_list               args;
    ngx_triggers_entry_t  entry;

    ngx_memzero(&entry, sizeof(ngx_triggers_entry_t));

    va_start(args, fmt);
    entry.message.len = ngx_vslprintf(line, line + sizeof(line), fmt, args)
                        - line;
    va_end(args);

    entry.message.data = line;
    entry.message.len = ngx_triggers_feed_cut(&entry.message,
                                              NGX_TRIGGERS_FEED_LINE);

    entry.kind = NGX_TRIGGERS_ENTRY_BACKGROUND;
    entry.level = level;
    entry.time = ngx_triggers_wall_ms();

    if (event_id) {
        ngx_memcpy(entry.event_id, event_id, NGX_TRIGGERS_ID_LEN);
        entry.has_event_id = 1;
    }

    if (user_id && user_id->len) {
        entry.user_id = *user_id;
    }

    return ngx_triggers_feed_append(feed, slot, &entry);
}


ngx_uint_t
ngx_triggers_feed_may(ngx_triggers_feed_limit_t *limit, uint64_t now)
{
    if (limit->second != now / 1000) {
        limit->second = now / 1000;
        limit->n = 0;
    }

    if (limit->n == NGX_TRIGGERS_FEED_LIMIT) {
        limit->rest++;
        return 0;
    }

    limit->n++;

    return 1;
}


ngx_uint_t
ngx_triggers_feed_rest(ngx_triggers_feed_limit_t *limit, uint64_t now)
{
    ngx_uint_t  rest;

    if (limit->second == now / 1000) {
        return 0;
    }

    rest = limit->rest;
    limit->rest = 0;

    return rest;
}


void
ngx_triggers_feed_watch(ngx_triggers_feed_t *feed, uint64_t now)
{
    __atomic_store_n(&feed->watched, now + NGX_TRIGGERS_FEED_WATCH,
                     __ATOMIC_SEQ_CST);
}


ngx_uint_t
ngx_triggers_feed_is_watched(ngx_triggers_feed_t *feed, uint64_t now)
{
    return __atomic_load_n(&feed->watched, __ATOMIC_SEQ_CST) > now;
}


void
ngx_triggers_feed_release(ngx_triggers_feed_t *feed, ngx_uint_t slot)
{
    ngx_triggers_feed_reclaim(feed, ngx_triggers_feed_is_slot, &slot);
}


void
ngx_triggers_feed_reclaim(ngx_triggers_feed_t *feed,
    ngx_triggers_feed_free_pt is_free, void *data)
{
    uint64_t    state, writer;
    ngx_uint_t  i;

    for (i = 0; i < feed->nplaces; i++) {
        state = __atomic_load_n(&feed->places[i].state, __ATOMIC_ACQUIRE);
        writer = state & NGX_TRIGGERS_FEED_WRITER;

        if (writer == 0 || !is_free(data, writer - 1)) {
            continue;
        }

        /* two may do this at once, and somebody else write there already */

        (void) __atomic_compare_exchange_n(&feed->places[i].state, &state, 0,
                                           0, __ATOMIC_RELAXED,
                                           __ATOMIC_RELAXED);
    }
}


static ngx_uint_t
ngx_triggers_feed_is_slot(void *data, ngx_uint_t slot)
{
    ngx_uint_t *own = data;

    return slot == *own;
}


ngx_int_t
ngx_triggers_feed_next(ngx_triggers_feed_t *feed,
    ngx_triggers_feed_cursor_t *cursor, uint64_t now,
    uint64_t words[NGX_TRIGGERS_FEED_WORDS], ngx_triggers_entry_t *entry)
{
    uint64_t                    head, state;
    ngx_triggers_feed_place_t  *place;

    for ( ;; ) {
        head = __atomic_load_n(&feed->head, __ATOMIC_ACQUIRE);

        if (cursor->number >= head) {
            cursor->stuck = 0;
            return NGX_DONE;
        }

        if (head - cursor->number > feed->nplaces) {

            /* not to the oldest, which is the next to be overwritten */

            cursor->missed = head - feed->nplaces / 2 - cursor->number;
            break;
        }

        place = &feed->places[cursor->number % feed->nplaces];
        state = __atomic_load_n(&place->state, __ATOMIC_ACQUIRE);

        if (state == cursor->number << NGX_TRIGGERS_FEED_SHIFT) {

            if (ngx_triggers_feed_copy(place, state, words) != NGX_OK) {
                continue;
            }

            cursor->number++;
            cursor->stuck = 0;

            return ngx_triggers_feed_decode(
                                 (ngx_triggers_feed_image_t *) words, entry);
        }

        if (state >> NGX_TRIGGERS_FEED_SHIFT > cursor->number) {
            continue;
        }

        if (cursor->stuck == 0) {
            cursor->stuck = now;
        }

        if (now - cursor->stuck < NGX_TRIGGERS_FEED_STUCK) {
            return NGX_DONE;
        }

        cursor->missed = 1;
        break;
    }

    cursor->number += cursor->missed;
    cursor->stuck = 0;

    return NGX_DECLINED;
}


void
ngx_triggers_feed_newest(ngx_triggers_feed_t *feed,
    ngx_triggers_feed_cursor_t *cursor)
{
    ngx_memzero(cursor, sizeof(ngx_triggers_feed_cursor_t));

    cursor->number = __atomic_load_n(&feed->head, __ATOMIC_ACQUIRE);
}


ngx_uint_t
ngx_triggers_feed_encode(ngx_triggers_entry_t *entry,
    uint64_t words[NGX_TRIGGERS_FEED_WORDS])
{
    size_t                       len;
    u_char                      *p, *last;
    ngx_str_t                   *strings[NGX_TRIGGERS_FEED_STRINGS], *s;
    ngx_uint_t                   i;
    ngx_triggers_feed_image_t   *image;
    ngx_triggers_feed_header_t  *h;

    image = (ngx_triggers_feed_image_t *) words;
    h = &image->header;

    h->time = entry->time;
    h->latency = entry->latency;
    ngx_memcpy(h->event_id, entry->event_id, NGX_TRIGGERS_ID_LEN);
    ngx_memcpy(h->trace_id, entry->trace_id, NGX_TRIGGERS_TRACE_ID_LEN);
    h->status = (uint16_t) entry->status;
    h->kind = (u_char) entry->kind;
    h->level = (u_char) entry->level;
    h->action = (u_char) entry->action;
    h->event_status = (u_char) entry->event_status;
    h->has_event_id = entry->has_event_id;
    h->has_trace_id = entry->has_trace_id;

    ngx_triggers_feed_strings(entry, strings);

    p = image->bytes + sizeof(ngx_triggers_feed_header_t);
    last = image->bytes + sizeof(image->bytes);

    for (i = 0; i < NGX_TRIGGERS_FEED_STRINGS; i++) {
        s = strings[i];

        if (s->data == NULL) {
            h->lengths[i] = NGX_TRIGGERS_FEED_ABSENT;
            continue;
        }

        if (i && s->data == strings[i - 1]->data
            && s->len == strings[i - 1]->len)
        {
            h->lengths[i] = NGX_TRIGGERS_FEED_SAME;
            continue;
        }

        len = ngx_triggers_feed_cut(s, last - p);
        p = ngx_cpymem(p, s->data, len);
        h->lengths[i] = (uint16_t) len;
    }

    len = p - image->bytes;
    ngx_memzero(p, ngx_align(len, 8) - len);

    h->size = (uint16_t) (ngx_align(len, 8) / 8);

    return h->size;
}


size_t
ngx_triggers_feed_cut(ngx_str_t *s, size_t room)
{
    size_t  len;

    if (s->len <= room) {
        return s->len;
    }

    for (len = room; len && (s->data[len] & 0xc0) == 0x80; len--) {
        /* void */
    }

    return len;
}


/* NGX_DECLINED: it was overwritten meanwhile */

static ngx_int_t
ngx_triggers_feed_copy(ngx_triggers_feed_place_t *place, uint64_t state,
    uint64_t *words)
{
    ngx_uint_t                  i, n;
    ngx_triggers_feed_image_t  *image;

    n = sizeof(ngx_triggers_feed_header_t) / 8;

    for (i = 0; i < n; i++) {
        words[i] = __atomic_load_n(&place->words[i], __ATOMIC_ACQUIRE);
    }

    image = (ngx_triggers_feed_image_t *) words;
    n = ngx_min(image->header.size, NGX_TRIGGERS_FEED_WORDS);

    for ( /* void */ ; i < n; i++) {
        words[i] = __atomic_load_n(&place->words[i], __ATOMIC_ACQUIRE);
    }

    return (__atomic_load_n(&place->state, __ATOMIC_RELAXED) == state)
           ? NGX_OK : NGX_DECLINED;
}


static ngx_int_t
ngx_triggers_feed_decode(ngx_triggers_feed_image_t *image,
    ngx_triggers_entry_t *entry)
{
    u_char                      *p;
    ngx_str_t                   *strings[NGX_TRIGGERS_FEED_STRINGS], *s;
    ngx_uint_t                   i;
    ngx_triggers_feed_header_t  *h;

    h = &image->header;

    ngx_memzero(entry, sizeof(ngx_triggers_entry_t));

    entry->time = h->time;
    entry->latency = h->latency;
    ngx_memcpy(entry->event_id, h->event_id, NGX_TRIGGERS_ID_LEN);
    ngx_memcpy(entry->trace_id, h->trace_id, NGX_TRIGGERS_TRACE_ID_LEN);
    entry->status = h->status;
    entry->kind = h->kind;
    entry->level = h->level;
    entry->action = h->action;
    entry->event_status = h->event_status;
    entry->has_event_id = h->has_event_id;
    entry->has_trace_id = h->has_trace_id;

    ngx_triggers_feed_strings(entry, strings);

    p = image->bytes + sizeof(ngx_triggers_feed_header_t);

    for (i = 0; i < NGX_TRIGGERS_FEED_STRINGS; i++) {
        s = strings[i];

        if (h->lengths[i] == NGX_TRIGGERS_FEED_ABSENT) {
            continue;
        }

        if (h->lengths[i] == NGX_TRIGGERS_FEED_SAME) {
            *s = *strings[i - 1];
            continue;
        }

        s->data = p;
        s->len = h->lengths[i];
        p += s->len;
    }

    return NGX_OK;
}


/* the message is last: it gets the room that the others leave */

static void
ngx_triggers_feed_strings(ngx_triggers_entry_t *entry, ngx_str_t **strings)
{
    strings[0] = &entry->user_id;
    strings[1] = &entry->key_id;
    strings[2] = &entry->request_id;
    strings[3] = &entry->correlation_id;
    strings[4] = &entry->error;
    strings[5] = &entry->message;
}
