
/*
 * The live feed: entries come out as they went in; a reader who is overtaken
 * is told how many he has missed; producers in threads against readers, which
 * is what ThreadSanitizer looks at; producers in processes that are killed at
 * any instruction, after which no entry is torn and every place is used again.
 */


#include "core.h"
#include "unit.h"
#include "ngx_triggers_clock.h"
#include "ngx_triggers_feed.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>


#define PLACES      64
#define PRODUCERS   4
#define READERS     2
#define ENTRIES     20000
#define KILLS       100


typedef struct {
    ngx_triggers_feed_t      feed;
    uint64_t                 over;             /* atomic flag */
    u_char                   data[PLACES * NGX_TRIGGERS_FEED_PLACE]
                                 __attribute__((aligned(128)));
} shared_t;


typedef struct {
    shared_t                *shared;
    ngx_uint_t               slot;
    uint64_t                 seen;
    uint64_t                 missed;
    uint64_t                 wrong;
} worker_t;


static u_char  letters[512];


static shared_t *
shared_create(void)
{
    shared_t  *s;

    s = mmap(NULL, sizeof(shared_t), PROT_READ|PROT_WRITE,
             MAP_SHARED|MAP_ANONYMOUS, -1, 0);

    ngx_triggers_feed_init(&s->feed, s->data, sizeof(s->data));

    return s;
}


/* all of an entry follows from its slot and n */

static void
entry_make(ngx_triggers_entry_t *e, ngx_uint_t slot, uint64_t n)
{
    ngx_memzero(e, sizeof(ngx_triggers_entry_t));

    e->kind = NGX_TRIGGERS_ENTRY_REQUEST;
    e->level = n % NGX_TRIGGERS_NLEVELS;
    e->time = (int64_t) n;
    e->latency = n * 3 + slot;
    e->status = 200 + n % 400;
    e->has_event_id = n % 2;
    ngx_memset(e->event_id, (int) (n % 251), NGX_TRIGGERS_ID_LEN);

    e->user_id.data = letters + n % 17;
    e->user_id.len = 1 + n % 200;

    if (n % 3) {
        e->request_id.data = letters + n % 11;
        e->request_id.len = n % 129;
        e->correlation_id = e->request_id;
    }

    e->message.data = letters + n % 26;
    e->message.len = n % 100;
}


static int
entry_is(ngx_triggers_entry_t *e)
{
    ngx_triggers_entry_t  m;

    entry_make(&m, e->latency - (uint64_t) e->time * 3, (uint64_t) e->time);

#define same(a)                                                               \
    (e->a.len == m.a.len && !e->a.data == !m.a.data                           \
     && (e->a.data == NULL || memcmp(e->a.data, m.a.data, m.a.len) == 0))

    return e->level == m.level && e->status == m.status
           && e->has_event_id == m.has_event_id && !e->has_trace_id
           && memcmp(e->event_id, m.event_id, NGX_TRIGGERS_ID_LEN) == 0
           && same(user_id) && same(key_id) && same(request_id)
           && same(correlation_id) && same(error) && same(message);
}


static void
test_order(void)
{
    shared_t                    *s;
    uint64_t                     n, wrong, words[NGX_TRIGGERS_FEED_WORDS];
    ngx_triggers_entry_t         e;
    ngx_triggers_feed_cursor_t   cursor;

    s = shared_create();
    ngx_triggers_feed_newest(&s->feed, &cursor);

    unit_ok(ngx_triggers_feed_next(&s->feed, &cursor, 1, words, &e)
            == NGX_DONE, "an empty feed has no entry");

    for (n = 0, wrong = 0; n < 1000; n++) {
        entry_make(&e, 3, n);
        wrong += (ngx_triggers_feed_append(&s->feed, 3, &e) != n + 1);
        wrong += (ngx_triggers_feed_next(&s->feed, &cursor, 1, words, &e)
                  != NGX_OK);
        wrong += (!entry_is(&e) || e.time != (int64_t) n);
        wrong += (ngx_triggers_feed_next(&s->feed, &cursor, 1, words, &e)
                  != NGX_DONE);
    }

    unit_ok(wrong == 0, "1000 entries come out as they went in");

    cursor.number = 1;

    unit_ok(ngx_triggers_feed_next(&s->feed, &cursor, 1, words, &e)
            == NGX_DECLINED
            && cursor.missed == 1000 - PLACES / 2
            && cursor.number == 1001 - PLACES / 2,
            "who comes late is told how many he has missed");

    for (n = 0; ngx_triggers_feed_next(&s->feed, &cursor, 1, words, &e)
                == NGX_OK; n++)
    {
        wrong += !entry_is(&e);
    }

    unit_ok(wrong == 0 && n == PLACES / 2, "and reads on from there");

    munmap(s, sizeof(shared_t));
}


static void
test_limits(void)
{
    u_char                       text[NGX_TRIGGERS_FEED_PLACE];
    shared_t                    *s;
    uint64_t                     words[NGX_TRIGGERS_FEED_WORDS];
    ngx_triggers_entry_t         e, out;
    ngx_triggers_feed_cursor_t   cursor;

    s = shared_create();
    ngx_triggers_feed_newest(&s->feed, &cursor);

    ngx_memzero(&e, sizeof(e));
    ngx_memset(text, 'x', sizeof(text));

    e.user_id.data = text;
    e.user_id.len = 255;
    e.key_id.data = text + 1;
    e.key_id.len = 36;
    e.request_id.data = text + 2;
    e.request_id.len = 128;
    e.correlation_id.data = text + 3;
    e.correlation_id.len = 128;
    e.error.data = text + 4;
    e.error.len = 30;
    e.message.data = text + 5;
    e.message.len = 100;

    (void) ngx_triggers_feed_append(&s->feed, 0, &e);

    unit_ok(ngx_triggers_feed_next(&s->feed, &cursor, 1, words, &out)
            == NGX_OK && out.user_id.len == 255 && out.key_id.len == 36
            && out.request_id.len == 128 && out.correlation_id.len == 128
            && out.error.len == 30 && out.message.len == 100,
            "the longest ids and a long route fit");

    /* two bytes a character, from an odd place on */

    ngx_memset(text, 0, sizeof(text));

    for (e.message.len = 1; e.message.len < 700; e.message.len += 2) {
        text[e.message.len] = 0xc3;
        text[e.message.len + 1] = 0xa4;
    }

    text[0] = 'x';
    e.user_id.data = NULL;
    e.key_id.data = NULL;
    e.request_id.data = NULL;
    e.correlation_id.data = NULL;
    e.error.data = NULL;
    e.message.data = text;

    (void) ngx_triggers_feed_append(&s->feed, 0, &e);

    unit_ok(ngx_triggers_feed_next(&s->feed, &cursor, 1, words, &out)
            == NGX_OK && out.message.len > 600 && out.message.len < 700
            && out.message.len % 2 == 1 && out.user_id.data == NULL
            && memcmp(out.message.data, text, out.message.len) == 0,
            "a message that is too long ends between two characters");

    munmap(s, sizeof(shared_t));
}


static void *
producer_thread(void *data)
{
    worker_t              *w = data;
    uint64_t               n;
    ngx_triggers_entry_t   e;

    for (n = 0; n < ENTRIES; n++) {
        entry_make(&e, w->slot, n);
        (void) ngx_triggers_feed_append(&w->shared->feed, w->slot, &e);
    }

    return NULL;
}


static void
reader_run(worker_t *w, ngx_triggers_feed_cursor_t *cursor)
{
    ngx_int_t              rc;
    uint64_t               words[NGX_TRIGGERS_FEED_WORDS];
    ngx_triggers_entry_t   e;

    for ( ;; ) {
        rc = ngx_triggers_feed_next(&w->shared->feed, cursor,
                                    ngx_triggers_monotonic_ms(), words, &e);

        if (rc == NGX_DONE) {
            return;
        }

        if (rc == NGX_DECLINED) {
            w->missed += cursor->missed;
            continue;
        }

        w->seen++;
        w->wrong += !entry_is(&e);
    }
}


static void *
reader_thread(void *data)
{
    worker_t                    *w = data;
    uint64_t                     head;
    ngx_triggers_feed_cursor_t   cursor;

    ngx_memzero(&cursor, sizeof(cursor));
    cursor.number = 1;

    while (!__atomic_load_n(&w->shared->over, __ATOMIC_ACQUIRE)) {
        reader_run(w, &cursor);
    }

    /* the last ones; those that were lost are passed by after a while */

    head = __atomic_load_n(&w->shared->feed.head, __ATOMIC_ACQUIRE);

    while (cursor.number < head) {
        reader_run(w, &cursor);
    }

    return NULL;
}


static void
test_threads(void)
{
    shared_t    *s;
    uint64_t     all;
    worker_t     workers[PRODUCERS + READERS];
    pthread_t    threads[PRODUCERS + READERS];
    ngx_uint_t   i, wrong;

    s = shared_create();
    ngx_memzero(workers, sizeof(workers));

    for (i = 0; i < PRODUCERS + READERS; i++) {
        workers[i].shared = s;
        workers[i].slot = i;
        pthread_create(&threads[i], NULL, i < PRODUCERS ? producer_thread
                                                        : reader_thread,
                       &workers[i]);
    }

    for (i = 0; i < PRODUCERS + READERS; i++) {

        if (i == PRODUCERS) {
            __atomic_store_n(&s->over, 1, __ATOMIC_RELEASE);
        }

        pthread_join(threads[i], NULL);
    }

    all = PRODUCERS * ENTRIES;

    for (wrong = 0; i > PRODUCERS; i--) {
        wrong += workers[i - 1].wrong;
        wrong += (workers[i - 1].seen + workers[i - 1].missed != all);
        wrong += (workers[i - 1].seen == 0);
    }

    unit_ok(wrong == 0, "%d threads: each entry is seen whole or is missed",
            PRODUCERS);

    munmap(s, sizeof(shared_t));
}


/* what is encoded first and appended together */

static void
test_encoded(void)
{
    shared_t                    *s;
    uint64_t                     n, used, wrong;
    uint64_t                     words[10 * NGX_TRIGGERS_FEED_WORDS];
    ngx_triggers_entry_t         e;
    ngx_triggers_feed_cursor_t   cursor;

    s = shared_create();
    ngx_triggers_feed_newest(&s->feed, &cursor);

    used = 0;

    for (n = 1; n <= 10; n++) {
        entry_make(&e, 1, n);
        used += ngx_triggers_feed_encode(&e, words + used);
    }

    ngx_triggers_feed_append_encoded(&s->feed, 1, words, 0);

    unit_ok(ngx_triggers_feed_next(&s->feed, &cursor, 1, words, &e)
            == NGX_DONE,
            "encoded: none");

    ngx_triggers_feed_append_encoded(&s->feed, 1, words, used);

    wrong = 0;

    for (n = 1; n <= 10; n++) {
        wrong += (ngx_triggers_feed_next(&s->feed, &cursor, 1, words, &e)
                  != NGX_OK
                  || e.time != (int64_t) n || !entry_is(&e));
    }

    unit_ok(wrong == 0
            && ngx_triggers_feed_next(&s->feed, &cursor, 1, words, &e)
               == NGX_DONE,
            "encoded: ten, in their order");

    (void) munmap(s, sizeof(shared_t));
}


static void
test_limit(void)
{
    ngx_uint_t                 i, n;
    ngx_triggers_feed_limit_t  limit;

    ngx_memzero(&limit, sizeof(ngx_triggers_feed_limit_t));

    n = 0;

    for (i = 0; i < 3 * NGX_TRIGGERS_FEED_LIMIT; i++) {
        n += ngx_triggers_feed_may(&limit, 5000 + i);
    }

    unit_ok(n == NGX_TRIGGERS_FEED_LIMIT, "limit: so many in a second");
    unit_ok(ngx_triggers_feed_rest(&limit, 5999) == 0,
            "limit: the second is not over");
    unit_ok(ngx_triggers_feed_may(&limit, 6000) == 1,
            "limit: the next second");
    unit_ok(ngx_triggers_feed_rest(&limit, 7000)
            == 2 * NGX_TRIGGERS_FEED_LIMIT
            && ngx_triggers_feed_rest(&limit, 8000) == 0,
            "limit: the rest, once");
}


static void
test_watch(void)
{
    shared_t  *s;

    s = shared_create();

    unit_ok(!ngx_triggers_feed_is_watched(&s->feed, 1000), "watch: nobody");

    ngx_triggers_feed_watch(&s->feed, 1000);

    unit_ok(ngx_triggers_feed_is_watched(&s->feed, 1000)
            && ngx_triggers_feed_is_watched(&s->feed,
                                            NGX_TRIGGERS_FEED_WATCH + 999)
            && !ngx_triggers_feed_is_watched(&s->feed,
                                             NGX_TRIGGERS_FEED_WATCH + 1000),
            "watch: for a time");

    (void) munmap(s, sizeof(shared_t));
}


/* a message that is too long ends with a whole character */

static void
test_cut(void)
{
    size_t                       i;
    shared_t                    *s;
    uint64_t                     words[NGX_TRIGGERS_FEED_WORDS];
    char                         text[1024];
    ngx_triggers_entry_t         e;
    ngx_triggers_feed_cursor_t   cursor;

    s = shared_create();
    ngx_triggers_feed_newest(&s->feed, &cursor);

    for (i = 0; i < 400; i++) {
        strcpy(text + 2 * i, "ü");
    }

    (void) ngx_triggers_feed_log(&s->feed, 0, 1, NULL, NULL, "x%s", text);

    unit_ok(ngx_triggers_feed_next(&s->feed, &cursor, 1, words, &e) == NGX_OK
            && e.message.len == 511
            && memcmp(e.message.data + 509, "ü", 2) == 0,
            "log: no character is cut");

    (void) munmap(s, sizeof(shared_t));
}


static void
test_kills(void)
{
    pid_t                        pid;
    shared_t                    *s;
    uint64_t                     n, head;
    worker_t                     w;
    ngx_uint_t                   i, taken, most;
    ngx_triggers_entry_t         e;
    ngx_triggers_feed_cursor_t   cursor;

    s = shared_create();
    ngx_memzero(&w, sizeof(w));
    w.shared = s;
    ngx_triggers_feed_newest(&s->feed, &cursor);
    most = 0;

    for (i = 0; i < KILLS; i++) {
        pid = fork();

        if (pid == 0) {
            for (n = 0; /* void */ ; n++) {
                entry_make(&e, 7, n);
                (void) ngx_triggers_feed_append(&s->feed, 7, &e);
            }
        }

        head = __atomic_load_n(&s->feed.head, __ATOMIC_ACQUIRE);

        while (__atomic_load_n(&s->feed.head, __ATOMIC_ACQUIRE)
               < head + 100 + i * 7)
        {
            reader_run(&w, &cursor);
        }

        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);

        for (n = 0, taken = 0; n < PLACES; n++) {
            taken += (s->feed.places[n].state & 0xffff) != 0;
        }

        most = ngx_max(most, taken);
        ngx_triggers_feed_release(&s->feed, 7);
    }

    unit_ok(w.wrong == 0 && w.seen, "%d kills: no entry is torn", KILLS);
    unit_ok(most <= 1, "each leaves one place taken at most");

    /* as if it had been killed while it wrote, and then another one came */

    ngx_triggers_feed_newest(&s->feed, &cursor);
    n = cursor.number % PLACES;
    s->feed.places[n].state = (cursor.number << 16) | 8;
    s->feed.head++;

    reader_run(&w, &cursor);
    unit_ok(cursor.number == s->feed.head - 1, "an entry that is being "
            "written is waited for");

    head = cursor.number + PLACES;

    for (w.missed = 0; s->feed.head <= head; /* void */ ) {
        entry_make(&e, 1, 1);

        if (ngx_triggers_feed_append(&s->feed, 1, &e) == 0) {
            w.missed++;
        }
    }

    unit_ok(w.missed == 1 && s->feed.lost >= 1,
            "nobody else writes where one is written");

    ngx_triggers_feed_release(&s->feed, 7);

    for (w.missed = 0; s->feed.head <= head + PLACES; /* void */ ) {
        w.missed += (ngx_triggers_feed_append(&s->feed, 1, &e) == 0);
    }

    unit_ok(w.missed == 0, "until who wrote is known to be dead");

    munmap(s, sizeof(shared_t));
}


/* slots below are owned */

static ngx_uint_t
is_free(void *data, ngx_uint_t slot)
{
    ngx_uint_t *owned = data;

    return slot >= *owned;
}


/* somebody else has reclaimed it, and a third one writes there */

static ngx_uint_t
is_free_late(void *data, ngx_uint_t slot)
{
    shared_t *s = data;

    (void) slot;

    s->feed.places[5].state = (uint64_t) 69 << 16 | 2;

    return 1;
}


static void
test_reclaim(void)
{
    shared_t              *s;
    uint64_t               n, lost;
    ngx_uint_t             owned;
    ngx_triggers_entry_t   e;

    s = shared_create();
    entry_make(&e, 1, 1);

    for (n = 0; n < PLACES; n++) {
        (void) ngx_triggers_feed_append(&s->feed, 1, &e);
    }

    /* writers that were killed, of slots that nobody takes, and one at work */

    s->feed.places[5].state |= 4;
    s->feed.places[6].state |= 8;
    s->feed.places[7].state |= 2;

    owned = 2;
    ngx_triggers_feed_reclaim(&s->feed, is_free, &owned);

    unit_ok(s->feed.places[5].state == 0 && s->feed.places[6].state == 0,
            "reclaim: places of those who have died");
    unit_ok((s->feed.places[7].state & 0xffff) == 2
            && s->feed.places[8].state == (uint64_t) 8 << 16,
            "reclaim: not of others");

    lost = s->feed.lost;

    for (n = 0; n < PLACES; n++) {
        (void) ngx_triggers_feed_append(&s->feed, 1, &e);
    }

    unit_ok(s->feed.lost == lost + 1, "reclaim: they are used again");

    s->feed.places[5].state |= 4;
    ngx_triggers_feed_reclaim(&s->feed, is_free_late, s);

    unit_ok(s->feed.places[5].state == ((uint64_t) 69 << 16 | 2),
            "reclaim: not who writes there meanwhile");

    munmap(s, sizeof(shared_t));
}


static void
test_log(void)
{
    shared_t                    *s;
    uint64_t                     words[NGX_TRIGGERS_FEED_WORDS];
    ngx_str_t                    user = ngx_string("alice");
    ngx_triggers_entry_t         e;
    ngx_triggers_feed_cursor_t   cursor;

    s = shared_create();
    ngx_triggers_feed_newest(&s->feed, &cursor);

    (void) ngx_triggers_feed_log(&s->feed, 2, NGX_TRIGGERS_LEVEL_WARN, NULL,
                                 &user, "%s happened", "it");

    unit_ok(ngx_triggers_feed_next(&s->feed, &cursor, 1, words, &e) == NGX_OK
            && e.kind == NGX_TRIGGERS_ENTRY_BACKGROUND
            && e.level == NGX_TRIGGERS_LEVEL_WARN && !e.has_event_id
            && e.user_id.len == 5 && e.time > 0
            && e.message.len == sizeof("it happened") - 1
            && memcmp(e.message.data, "it happened", e.message.len) == 0,
            "an entry of the background");

    munmap(s, sizeof(shared_t));
}


int
main(void)
{
    ngx_uint_t  i;

    for (i = 0; i < sizeof(letters); i++) {
        letters[i] = 'a' + i % 26;
    }

    test_order();
    test_limits();
    test_threads();
    test_encoded();
    test_limit();
    test_watch();
    test_cut();
    test_kills();
    test_reclaim();
    test_log();

    return unit_done();
}
