
/*
 * The ring: order, wrapping, fullness; producers in threads against a
 * consumer, which is what ThreadSanitizer looks at; and producers in processes
 * that are killed at any instruction, after which what was marked ready must
 * be there, whole and in order, and nothing may block.
 */


#include "unit.h"
#include "ngx_triggers_ring.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>


#define SIZE        (16 * 1024)
#define PRODUCERS   4
#define RECORDS     50000
#define KILLS       200


typedef struct {
    ngx_triggers_ring_t      ring;
    uint32_t                 lock;          /* pid of the holder */
    u_char                   data[SIZE] __attribute__((aligned(64)));
} shared_t;


typedef struct {
    shared_t                *shared;
    uint32_t                 producer;
    pthread_mutex_t         *mutex;
} producer_t;


static shared_t *
shared_create(void)
{
    shared_t  *s;

    s = mmap(NULL, sizeof(shared_t), PROT_READ|PROT_WRITE,
             MAP_SHARED|MAP_ANONYMOUS, -1, 0);

    ngx_triggers_ring_init(&s->ring, s->data, SIZE);

    return s;
}


/* a record's bytes follow from its producer and number */

static size_t
record_len(uint32_t producer, uint32_t n)
{
    return 8 + (producer * 7919 + n * 104729) % 500;
}


static void
record_fill(u_char *p, uint32_t producer, uint32_t n)
{
    size_t  i, len;

    len = record_len(producer, n);

    ngx_memcpy(p, &producer, 4);
    ngx_memcpy(p + 4, &n, 4);

    for (i = 8; i < len; i++) {
        p[i] = (u_char) (producer + n + i);
    }
}


static int
record_is(ngx_triggers_record_header_t *h, uint32_t *producer, uint32_t *n)
{
    size_t   i;
    u_char  *p;

    p = (u_char *) (h + 1);

    ngx_memcpy(producer, p, 4);
    ngx_memcpy(n, p + 4, 4);

    if (h->len != record_len(*producer, *n)
        || h->owner.slot != *producer || h->owner.index != *n)
    {
        return 0;
    }

    for (i = 8; i < h->len; i++) {
        if (p[i] != (u_char) (*producer + *n + i)) {
            return 0;
        }
    }

    return 1;
}


static void
test_order(void)
{
    shared_t                      *s;
    uint32_t                       producer, n, got;
    uint64_t                       end, position;
    ngx_uint_t                     i, wrong;
    ngx_triggers_owner_t           owner;
    ngx_triggers_record_header_t  *h;

    s = shared_create();
    position = 0;
    wrong = 0;

    unit_ok(ngx_triggers_ring_peek(&s->ring, &position, &h) == NGX_DONE,
            "an empty ring has no record");

    /* many laps, so that padding of every length occurs */

    for (i = 0; i < 20000; i++) {
        owner.slot = 1;
        owner.generation = 0;
        owner.index = i;

        h = ngx_triggers_ring_reserve_locked(&s->ring, record_len(1, i),
                                             &owner, &end);
        if (h == NULL) {
            wrong++;
            break;
        }

        if (i == 0) {
            unit_ok(ngx_triggers_ring_peek(&s->ring, &position, &h)
                    == NGX_AGAIN, "a reserved record is not ready");
        }

        record_fill((u_char *) (h + 1), 1, i);
        ngx_triggers_ring_ready(h);

        if (ngx_triggers_ring_peek(&s->ring, &position, &h) != NGX_OK
            || !record_is(h, &producer, &got) || got != i)
        {
            wrong++;
            break;
        }

        wrong += (ngx_triggers_ring_records(&s->ring) != 1);

        ngx_triggers_ring_step(h, &position);
        wrong += (position != end);
        ngx_triggers_ring_done(&s->ring, h);
        ngx_triggers_ring_commit(&s->ring, position);

        wrong += (ngx_triggers_ring_records(&s->ring) != 0);
    }

    /* its owner died before it had counted it: the next has its number */

    s->ring.number--;

    unit_ok(wrong == 0, "20000 records come out as they went in");
    unit_ok(ngx_triggers_ring_depth(&s->ring) == 0, "the depth is 0 again");

    /* until it is full */

    for (n = 0; n < 100000; n++) {
        owner.index = n;
        h = ngx_triggers_ring_reserve_locked(&s->ring, 100, &owner, &end);

        if (h == NULL) {
            break;
        }
    }

    unit_ok(n > 0 && n <= SIZE / 128, "a full ring refuses, after %d records", (int) n);
    unit_ok(ngx_triggers_ring_records(&s->ring) == n - 1,
            "and counts them, but for one whose owner died as it did");
    unit_ok(ngx_triggers_ring_depth(&s->ring) <= SIZE,
            "it never holds more than its size");

    munmap(s, sizeof(shared_t));
}


static void
test_limits(void)
{
    size_t                         max;
    shared_t                      *s;
    uint64_t                       end, position;
    ngx_uint_t                     lap, refused;
    ngx_triggers_owner_t           owner;
    ngx_triggers_record_header_t  *h;

    s = shared_create();
    max = ngx_triggers_ring_record_max(SIZE);
    ngx_memzero(&owner, sizeof(owner));
    refused = 0;
    position = 0;

    /* the longest record fits into an empty ring wherever its head stands */

    for (lap = 0; lap < 1000; lap++) {
        h = ngx_triggers_ring_reserve_locked(&s->ring, 32 * (lap % 7) + 1,
                                             &owner, &end);
        ngx_triggers_ring_ready(h);
        ngx_triggers_ring_commit(&s->ring, end);

        h = ngx_triggers_ring_reserve_locked(&s->ring, max, &owner, &end);

        if (h == NULL) {
            refused++;
            continue;
        }

        ngx_triggers_ring_ready(h);
        position = ngx_triggers_ring_committed(&s->ring);

        if (ngx_triggers_ring_peek(&s->ring, &position, &h) != NGX_OK
            || h->len != max)
        {
            refused++;
        }

        ngx_triggers_ring_commit(&s->ring, end);
    }

    unit_ok(refused == 0, "a record of record_max() bytes always fits");

    h = ngx_triggers_ring_reserve_locked(&s->ring, max + 1, &owner, &end);
    unit_ok(h == NULL, "one byte more is refused");

    /* what does not look like a record is an error, not a loop or a crash */

    h = ngx_triggers_ring_reserve_locked(&s->ring, 10, &owner, &end);
    position = ngx_triggers_ring_committed(&s->ring);
    h->position++;
    unit_ok(ngx_triggers_ring_peek(&s->ring, &position, &h) == NGX_ERROR,
            "a wrong position is noticed");

    munmap(s, sizeof(shared_t));
}


static void *
producer_thread(void *data)
{
    producer_t                    *p = data;
    uint32_t                       n;
    uint64_t                       end;
    ngx_triggers_owner_t           owner;
    ngx_triggers_record_header_t  *h;

    owner.slot = p->producer;
    owner.generation = 0;

    for (n = 0; n < RECORDS; /* void */ ) {
        owner.index = n;

        pthread_mutex_lock(p->mutex);
        h = ngx_triggers_ring_reserve_locked(&p->shared->ring,
                                             record_len(p->producer, n),
                                             &owner, &end);
        pthread_mutex_unlock(p->mutex);

        if (h == NULL) {
            sched_yield();
            continue;
        }

        record_fill((u_char *) (h + 1), p->producer, n);
        ngx_triggers_ring_ready(h);
        n++;
    }

    return NULL;
}


static void
test_threads(void)
{
    shared_t                      *s;
    uint32_t                       producer, n, next[PRODUCERS];
    uint64_t                       position;
    ngx_int_t                      rc;
    ngx_uint_t                     i, total, wrong;
    pthread_t                      threads[PRODUCERS];
    producer_t                     producers[PRODUCERS];
    pthread_mutex_t                mutex;
    ngx_triggers_record_header_t  *h;

    s = shared_create();
    pthread_mutex_init(&mutex, NULL);
    ngx_memzero(next, sizeof(next));

    for (i = 0; i < PRODUCERS; i++) {
        producers[i].shared = s;
        producers[i].producer = i;
        producers[i].mutex = &mutex;
        pthread_create(&threads[i], NULL, producer_thread, &producers[i]);
    }

    position = 0;
    wrong = 0;
    total = 0;

    while (total < PRODUCERS * RECORDS && wrong == 0) {

        rc = ngx_triggers_ring_peek(&s->ring, &position, &h);

        if (rc != NGX_OK) {
            wrong += (rc == NGX_ERROR);
            sched_yield();
            continue;
        }

        if (!record_is(h, &producer, &n) || n != next[producer]) {
            wrong++;
            break;
        }

        next[producer]++;
        ngx_triggers_ring_step(h, &position);

        if (++total % 5 == 0 || total > PRODUCERS * RECORDS - 100) {
            ngx_triggers_ring_commit(&s->ring, position);

        } else if (ngx_triggers_ring_depth(&s->ring) > SIZE / 2) {
            ngx_triggers_ring_commit(&s->ring, position);
        }
    }

    unit_ok(wrong == 0 && total == PRODUCERS * RECORDS,
            "%d threads: every record once, whole, in its thread's order",
            PRODUCERS);

    for (i = 0; i < PRODUCERS; i++) {
        pthread_join(threads[i], NULL);
    }

    munmap(s, sizeof(shared_t));
}


/* the parent plays nginx' master: it frees the lock of a dead process */

static void
producer_process(shared_t *s, uint32_t producer)
{
    uint32_t                       n, zero, pid;
    uint64_t                       end;
    ngx_triggers_owner_t           owner;
    ngx_triggers_record_header_t  *h;

    pid = getpid();
    owner.slot = producer;
    owner.generation = 0;

    for (n = 0; /* void */ ; n++) {
        owner.index = n;

        do {
            zero = 0;
        } while (!__atomic_compare_exchange_n(&s->lock, &zero, pid, 0,
                                              __ATOMIC_ACQUIRE,
                                              __ATOMIC_RELAXED));

        h = ngx_triggers_ring_reserve_locked(&s->ring,
                                             record_len(producer, n), &owner,
                                             &end);
        __atomic_store_n(&s->lock, 0, __ATOMIC_RELEASE);

        if (h == NULL) {
            n--;
            continue;
        }

        record_fill((u_char *) (h + 1), producer, n);
        ngx_triggers_ring_ready(h);
    }
}


static void
test_kills(void)
{
    pid_t                          pid;
    shared_t                      *s;
    uint32_t                       producer, n, next, held;
    uint64_t                       position;
    ngx_int_t                      rc;
    ngx_uint_t                     kill_no, wrong, skipped, total, until;
    ngx_triggers_record_header_t  *h;

    s = shared_create();
    position = 0;
    wrong = 0;
    skipped = 0;
    total = 0;

    for (kill_no = 0; kill_no < KILLS && wrong == 0; kill_no++) {

        fflush(stdout);
        pid = fork();

        if (pid == 0) {
            producer_process(s, kill_no);
        }

        next = 0;
        until = 50 + kill_no % 97;

        for ( ;; ) {
            rc = ngx_triggers_ring_peek(&s->ring, &position, &h);

            if (rc == NGX_OK) {
                if (!record_is(h, &producer, &n) || producer != kill_no
                    || n != next++)
                {
                    wrong++;
                    break;
                }

                ngx_triggers_ring_step(h, &position);
                ngx_triggers_ring_commit(&s->ring, position);
                total++;

                if (pid && next == until) {
                    kill(pid, SIGKILL);
                    waitpid(pid, NULL, 0);

                    held = pid;
                    (void) __atomic_compare_exchange_n(&s->lock, &held, 0, 0,
                                                       __ATOMIC_RELEASE,
                                                       __ATOMIC_RELAXED);
                    pid = 0;
                }

                continue;
            }

            if (rc == NGX_ERROR) {
                wrong++;
                break;
            }

            if (pid) {
                continue;
            }

            if (rc == NGX_AGAIN) {

                /* the owner is dead: what it had reserved is skipped */

                skipped++;
                ngx_triggers_ring_step(h, &position);
                ngx_triggers_ring_commit(&s->ring, position);
                continue;
            }

            break;
        }
    }

    unit_ok(wrong == 0 && total >= KILLS * 50,
            "%d killed producers leave a ring that goes on (%d records, %d "
            "of them unfinished)", KILLS, (int) total, (int) skipped);

    munmap(s, sizeof(shared_t));
}


int
main(void)
{
    test_order();
    test_limits();
    test_threads();
    test_kills();

    return unit_done();
}
