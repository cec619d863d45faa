
/*
 * The SQLite store when the machine fails: full disk, files that are locked,
 * read-only, missing, deleted or replaced, writers that are killed.
 */


#include "store_fixture.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>


static void test_missing(void);
static void test_busy(void);
static void test_full(void);
static void test_full_growth(void);
static void test_full_checkpoint(void);
static void test_sync(void);
static void test_sync_failed(void);
static void test_read_only(void);
static void test_moved(void);
static void test_replaced(void);
static void test_damaged(void);
static void test_killed(void);
static void test_two_writers(void);
static void limit_file_size(rlim_t size);
static int64_t count(ngx_str_t *path);


/* of fdatasync() below, which SQLite calls */
static int         sync_errno;
static ngx_uint_t  syncs;

/* of pwrite64() below, likewise: of a file that can take no more */
static const char *full_file;
static ngx_uint_t  refusals;


int
main(void)
{
    (void) signal(SIGXFSZ, SIG_IGN);

    fixture_init();

    test_missing();
    test_busy();
    test_full();
    test_full_growth();
    test_full_checkpoint();
    test_sync();
    test_sync_failed();
    test_read_only();
    test_moved();
    test_replaced();
    test_damaged();
    test_killed();
    test_two_writers();

    return fixture_done();
}


static void
test_missing(void)
{
    ngx_str_t             *path, *dir;
    ngx_triggers_store_t  *store;

    path = fixture_path("missing/events.db");
    dir = fixture_path("missing");
    store = fixture_store(path);

    unit_ok(ngx_triggers_store_open(store) == NGX_ERROR
            && ngx_triggers_store_state(store)
               == NGX_TRIGGERS_STORE_OPEN_FAILED, "missing directory");
    unit_ok(ngx_triggers_reader_open(path, unit_log()) == NULL,
            "missing: no reader");

    (void) mkdir((char *) dir->data, 0700);
    unit_ok(ngx_triggers_reader_open(path, unit_log()) == NULL
            && access((char *) path->data, F_OK) == -1,
            "missing: a reader creates nothing");
    unit_ok(ngx_triggers_store_open(store) == NGX_OK
            && ngx_triggers_store_state(store) == NGX_TRIGGERS_STORE_READY,
            "missing: heals");

    ngx_triggers_store_destroy(store);

    /* a directory in the place of the file */

    store = fixture_store(dir);
    unit_ok(ngx_triggers_store_open(store) == NGX_ERROR
            && ngx_triggers_store_state(store)
               == NGX_TRIGGERS_STORE_OPEN_FAILED, "a directory");
    ngx_triggers_store_destroy(store);
}


static void
test_busy(void)
{
    sqlite3                *db;
    uint64_t                position;
    ngx_str_t              *path;
    fixture_rows_t          rows;
    ngx_triggers_page_t     page;
    ngx_triggers_store_t   *store;
    ngx_triggers_query_t    query;
    ngx_triggers_reader_t  *reader;

    path = fixture_path("busy.db");
    store = fixture_store(path);
    (void) ngx_triggers_store_open(store);
    (void) fixture_create(store, 1, 5, "demo");
    reader = ngx_triggers_reader_open(path, unit_log());

    (void) sqlite3_open((char *) path->data, &db);
    (void) sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);

    unit_ok(ngx_triggers_store_begin(store) == NGX_AGAIN
            && ngx_triggers_store_state(store) == NGX_TRIGGERS_STORE_LOCKED
            && ngx_triggers_store_is_open(store), "busy: begin");
    unit_ok(ngx_triggers_store_lead(store, 1, &position) == NGX_AGAIN,
            "busy: lead");
    unit_ok(ngx_triggers_store_maintain(store, 1) == NGX_AGAIN,
            "busy: maintain");

    fixture_query(&query, &rows, NULL);
    unit_ok(ngx_triggers_reader_list(reader, &query, &page) == NGX_OK
            && rows.n == 5, "busy: readers do not care");

    (void) sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    unit_ok(fixture_create(store, 6, 9, "demo") == NGX_OK
            && ngx_triggers_store_state(store) == NGX_TRIGGERS_STORE_READY,
            "busy: heals");

    (void) sqlite3_close(db);
    ngx_triggers_reader_close(reader);
    ngx_triggers_store_destroy(store);
}


static void
test_full(void)
{
    uint64_t                n, position;
    ngx_uint_t              i;
    ngx_str_t              *path;
    fixture_rows_t          rows;
    ngx_triggers_page_t     page;
    ngx_triggers_store_t   *store;
    ngx_triggers_query_t    query;
    ngx_triggers_reader_t  *reader, *holder;

    path = fixture_path("full.db");
    store = fixture_store(path);
    (void) ngx_triggers_store_open(store);
    (void) fixture_create(store, 1, 100, "demo");
    reader = ngx_triggers_reader_open(path, unit_log());
    holder = ngx_triggers_reader_open(path, unit_log());

    /* a snapshot, so that the WAL cannot begin again at its start */

    (void) sqlite3_exec(holder->db, "BEGIN; SELECT * FROM store", NULL, NULL,
                        NULL);

    limit_file_size(512 * 1024);

    for (n = 101; n < 100000; n += 100) {
        if (fixture_create(store, n, n + 99, "demo") != NGX_OK) {
            break;
        }
    }

    unit_ok(n < 100000
            && ngx_triggers_store_state(store) == NGX_TRIGGERS_STORE_FULL,
            "full: at event %d", (int) n);

    for (i = 0; i < 3; i++) {
        (void) ngx_triggers_store_open(store);
        (void) ngx_triggers_store_lead(store, FIXTURE_NONCE, &position);
        (void) fixture_create(store, n, n + 99, "demo");
    }

    unit_ok(ngx_triggers_store_state(store) == NGX_TRIGGERS_STORE_FULL,
            "full: stays so while it is tried again");

    fixture_query(&query, &rows, NULL);
    unit_ok(ngx_triggers_reader_list(reader, &query, &page) == NGX_OK
            && page.total == n - 1, "full: readers see what was committed");

    limit_file_size(RLIM_INFINITY);

    (void) sqlite3_exec(holder->db, "COMMIT", NULL, NULL, NULL);
    ngx_triggers_reader_close(holder);

    unit_ok(ngx_triggers_store_open(store) == NGX_OK
            && ngx_triggers_store_lead(store, FIXTURE_NONCE, &position)
               == NGX_OK
            && position == n - 1, "full: the position is the last commit's");
    unit_ok(fixture_create(store, n, n + 99, "demo") == NGX_OK
            && ngx_triggers_store_state(store) == NGX_TRIGGERS_STORE_READY
            && count(path) == (int64_t) n + 99, "full: heals");
    unit_ok(fixture_sql(path, "SELECT count(*) FROM pragma_integrity_check "
                        "WHERE integrity_check = 'ok'") == 1,
            "full: nothing is broken");

    ngx_triggers_reader_close(reader);
    ngx_triggers_store_destroy(store);
}


/* the WAL has room, the database file has not */

static void
test_full_growth(void)
{
    ngx_uint_t             i;
    uint64_t               n, position;
    ngx_str_t             *path;
    ngx_triggers_store_t  *store;

    path = fixture_path("growth.db");
    store = fixture_store(path);
    (void) ngx_triggers_store_open(store);

    n = 1;

    /* sixteen times a page of WAL for each page that is new */

    limit_file_size(6 * 1024 * 1024);

    for (i = 0; i < 4000; i++, n += 20) {
        if (fixture_create(store, n, n + 19, "demo") != NGX_OK
            || ngx_triggers_store_maintain(store, 0) == NGX_ERROR)
        {
            break;
        }
    }

    unit_ok(i < 4000
            && ngx_triggers_store_state(store) == NGX_TRIGGERS_STORE_FULL,
            "growth: full at event %d", (int) n);

    limit_file_size(RLIM_INFINITY);

    unit_ok(ngx_triggers_store_open(store) == NGX_OK
            && ngx_triggers_store_lead(store, FIXTURE_NONCE, &position)
               == NGX_OK
            && count(path) == (int64_t) position
            && ngx_triggers_store_maintain(store, 0) != NGX_ERROR,
            "growth: heals");

    ngx_triggers_store_destroy(store);
}


/* commits go on meanwhile, and not each one tries to copy all of the WAL */

static void
test_full_checkpoint(void)
{
    uint64_t               n;
    ngx_str_t             *path;
    ngx_uint_t             i, tried;
    ngx_triggers_store_t  *store;

    path = fixture_path("room.db");
    store = fixture_store(path);
    (void) ngx_triggers_store_open(store);

    for (n = 1; store->frames < 4000; n += 20) {
        if (fixture_create(store, n, n + 19, "demo") != NGX_OK) {
            break;
        }
    }

    full_file = (char *) path->data;
    refusals = 0;

    unit_ok(ngx_triggers_store_maintain(store, 0) != NGX_ERROR
            && refusals != 0
            && ngx_triggers_store_state(store) == NGX_TRIGGERS_STORE_READY,
            "no room: the WAL stays");

    tried = refusals;

    unit_ok(fixture_create(store, n, n, "demo") == NGX_OK
            && ngx_triggers_store_maintain(store, 0) != NGX_ERROR
            && refusals == tried, "no room: it is not tried with each commit");

    full_file = NULL;

    for (i = 0; store->frames && i < 6000; i++) {
        (void) ngx_triggers_store_maintain(store, 0);
        (void) usleep(10000);
    }

    unit_ok(store->frames == 0 && count(path) == (int64_t) n,
            "no room: copied when there is");

    ngx_triggers_store_destroy(store);
}


static void
test_sync(void)
{
    uint64_t               position;
    ngx_str_t             *path;
    ngx_triggers_store_t  *store;

    path = fixture_path("sync.db");
    store = fixture_store(path);
    (void) ngx_triggers_store_open(store);
    (void) ngx_triggers_store_lead(store, FIXTURE_NONCE, &position);

    syncs = 0;
    (void) ngx_triggers_store_lead(store, FIXTURE_NONCE, &position);
    unit_ok(syncs >= 1, "sync: a leader, with nothing to write");

    syncs = 0;
    (void) fixture_create(store, 1, 600, "demo");
    unit_ok(syncs >= 1, "sync: a batch");

    syncs = 0;
    (void) ngx_triggers_store_maintain(store, 0);
    unit_ok(syncs == 0 && fixture_sql(path, "SELECT merged_through FROM store")
                          == 600, "sync: not a merge");

    (void) fixture_create(store, 601, 602, "demo");
    unit_ok(syncs >= 1, "sync: the batch after it");

    ngx_triggers_store_destroy(store);
}


/* with and without a reader that keeps the index of the WAL alive */

static void
test_sync_failed(void)
{
    uint64_t                position;
    ngx_uint_t              i;
    ngx_str_t              *path;
    ngx_triggers_store_t   *store;
    ngx_triggers_reader_t  *reader;

    for (i = 0; i < 2; i++) {
        path = fixture_path(i ? "sync1.db" : "sync0.db");
        store = fixture_store(path);
        (void) ngx_triggers_store_open(store);
        (void) fixture_create(store, 1, 10, "demo");
        reader = i ? ngx_triggers_reader_open(path, unit_log()) : NULL;

        sync_errno = EIO;

        unit_ok(fixture_create(store, 11, 20, "demo") == NGX_ERROR
                && ngx_triggers_store_state(store)
                   == NGX_TRIGGERS_STORE_IO_ERROR
                && !ngx_triggers_store_is_open(store),
                "sync failed: closed");

        unit_ok((ngx_triggers_store_open(store) != NGX_OK
                 || ngx_triggers_store_lead(store, FIXTURE_NONCE, &position)
                    != NGX_OK)
                && ngx_triggers_store_state(store)
                   == NGX_TRIGGERS_STORE_IO_ERROR, "sync failed: again");

        sync_errno = 0;

        unit_ok(ngx_triggers_store_open(store) == NGX_OK
                && ngx_triggers_store_lead(store, FIXTURE_NONCE, &position)
                   == NGX_OK
                && ngx_triggers_store_state(store)
                   == NGX_TRIGGERS_STORE_READY
                && (position == 10 || position == 20)
                && count(path) == (int64_t) position,
                "sync failed: heals, batch %s",
                position == 20 ? "stored" : "not stored");

        if (reader) {
            ngx_triggers_reader_close(reader);
        }

        ngx_triggers_store_destroy(store);
    }
}


/* root may write everything: the test becomes somebody else */

static void
test_read_only(void)
{
    int                    status;
    pid_t                  pid;
    ngx_uint_t             bad;
    ngx_str_t             *path;
    ngx_triggers_store_t  *store;

    path = fixture_path("read_only.db");
    store = fixture_store(path);
    (void) ngx_triggers_store_open(store);
    (void) fixture_create(store, 1, 5, "demo");
    ngx_triggers_store_destroy(store);

    (void) chmod((char *) path->data, 0444);
    (void) chmod((char *) fixture_path("read_only.db.lock")->data, 0666);
    (void) chmod(fixture_dir, 0777);

    (void) fflush(stdout);
    pid = fork();

    if (pid == 0) {
        bad = (geteuid() == 0 && setuid(65534) == -1);

        store = fixture_store(path);
        bad += (ngx_triggers_store_open(store) != NGX_ERROR);
        bad += (ngx_triggers_store_state(store)
                != NGX_TRIGGERS_STORE_READ_ONLY);

        _exit((int) bad);
    }

    (void) waitpid(pid, &status, 0);
    (void) chmod((char *) path->data, 0600);
    (void) chmod(fixture_dir, 0700);

    unit_ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "read-only");

    store = fixture_store(path);
    unit_ok(ngx_triggers_store_open(store) == NGX_OK
            && count(path) == 5, "read-only: heals");
    ngx_triggers_store_destroy(store);
}


static void
test_moved(void)
{
    ngx_str_t              *path;
    fixture_rows_t          rows;
    ngx_triggers_page_t     page;
    ngx_triggers_store_t   *store;
    ngx_triggers_query_t    query;
    ngx_triggers_reader_t  *reader;

    path = fixture_path("moved.db");
    store = fixture_store(path);
    (void) ngx_triggers_store_open(store);
    (void) fixture_create(store, 1, 5, "demo");
    reader = ngx_triggers_reader_open(path, unit_log());

    unit_ok(ngx_triggers_store_check(store) == NGX_OK, "moved: not yet");

    (void) unlink((char *) path->data);
    (void) unlink((char *) fixture_path("moved.db-wal")->data);
    (void) unlink((char *) fixture_path("moved.db-shm")->data);

    unit_ok(ngx_triggers_store_check(store) == NGX_ERROR
            && ngx_triggers_store_state(store) == NGX_TRIGGERS_STORE_MOVED
            && !ngx_triggers_store_is_open(store), "moved: seen");

    fixture_query(&query, &rows, NULL);
    unit_ok(ngx_triggers_reader_list(reader, &query, &page) == NGX_ERROR
            && rows.n == 0, "moved: readers refuse");
    ngx_triggers_reader_close(reader);

    unit_ok(ngx_triggers_store_open(store) == NGX_ERROR
            && ngx_triggers_store_open(store) == NGX_ERROR
            && ngx_triggers_store_state(store) == NGX_TRIGGERS_STORE_MOVED
            && access((char *) path->data, F_OK) == -1,
            "moved: none is made in its place");

    ngx_triggers_store_destroy(store);
    store = fixture_store(path);
    ngx_triggers_store_expect(store);
    unit_ok(ngx_triggers_store_open(store) == NGX_ERROR
            && ngx_triggers_store_state(store) == NGX_TRIGGERS_STORE_MOVED
            && access((char *) path->data, F_OK) == -1,
            "moved: nor by another one who knows of it");

    (void) fclose(fopen((char *) path->data, "w"));

    unit_ok(ngx_triggers_store_open(store) == NGX_OK
            && ngx_triggers_store_state(store) == NGX_TRIGGERS_STORE_READY
            && ngx_triggers_store_check(store) == NGX_OK
            && count(path) == 0, "moved: what is put there is used");
    unit_ok(fixture_create(store, 1, 3, "demo") == NGX_OK
            && count(path) == 3, "moved: goes on");

    ngx_triggers_store_destroy(store);
}


/* the whole directory, with the lock file in it */

static void
test_replaced(void)
{
    ngx_str_t             *path;
    ngx_triggers_store_t  *a, *b;

    (void) mkdir((char *) fixture_path("dir")->data, 0700);

    path = fixture_path("dir/events.db");
    a = fixture_store(path);
    b = fixture_store(path);
    (void) ngx_triggers_store_open(a);
    (void) fixture_create(a, 1, 5, "demo");
    (void) ngx_triggers_store_open(b);

    (void) rename((char *) fixture_path("dir")->data,
                  (char *) fixture_path("old")->data);
    (void) mkdir((char *) fixture_path("dir")->data, 0700);

    unit_ok(ngx_triggers_store_check(a) == NGX_ERROR, "replaced: seen");
    (void) fclose(fopen((char *) path->data, "w"));
    unit_ok(ngx_triggers_store_open(a) == NGX_OK
            && fixture_create(a, 1, 3, "demo") == NGX_OK,
            "replaced: a new one");
    unit_ok(ngx_triggers_store_open(b) == NGX_AGAIN
            && ngx_triggers_store_open(b) == NGX_AGAIN
            && ngx_triggers_store_wanted(a),
            "replaced: a lock on the old file is worth nothing");
    ngx_triggers_store_unlock(a);
    unit_ok(ngx_triggers_store_open(b) == NGX_OK
            && fixture_create(b, 4, 5, "demo") == NGX_OK
            && count(path) == 5, "replaced: the waiter finds the new one");

    ngx_triggers_store_destroy(a);
    ngx_triggers_store_destroy(b);
}


static void
test_damaged(void)
{
    FILE                  *f;
    ngx_uint_t             i;
    ngx_str_t             *path;
    ngx_triggers_store_t  *store;

    path = fixture_path("damaged.db");
    store = fixture_store(path);
    (void) ngx_triggers_store_open(store);
    (void) fixture_create(store, 1, 2000, "demo");
    ngx_triggers_store_close(store);

    f = fopen((char *) path->data, "r+");
    (void) fseek(f, 4096, SEEK_SET);

    for (i = 0; i < 200000; i++) {
        (void) fputc(0xa5, f);
    }

    (void) fclose(f);

    if (ngx_triggers_store_open(store) == NGX_OK) {
        (void) fixture_create(store, 3000, 3001, "demo");
    }

    unit_ok(ngx_triggers_store_state(store) == NGX_TRIGGERS_STORE_CORRUPT
            && !ngx_triggers_store_is_open(store), "damaged");

    ngx_triggers_store_destroy(store);
}


/* what the killed one has committed is there, its open batch is not */

static void
test_killed(void)
{
    int                    fds[2], status;
    char                   c;
    pid_t                  pid;
    uint64_t               position;
    ngx_str_t             *path;
    ngx_triggers_store_t  *store;

    path = fixture_path("killed.db");

    (void) pipe(fds);
    (void) fflush(stdout);
    pid = fork();

    if (pid == 0) {
        store = fixture_store(path);
        (void) ngx_triggers_store_open(store);
        (void) ngx_triggers_store_lead(store, FIXTURE_NONCE, &position);
        (void) fixture_create(store, 1, 600, "demo");
        (void) ngx_triggers_store_maintain(store, 0);
        (void) fixture_create(store, 601, 700, "demo");
        (void) ngx_triggers_store_begin(store);
        (void) write(fds[1], "x", 1);
        (void) pause();
        _exit(0);
    }

    (void) read(fds[0], &c, 1);

    store = fixture_store(path);
    unit_ok(ngx_triggers_store_open(store) == NGX_AGAIN,
            "killed: alive it holds the lock");

    (void) kill(pid, SIGKILL);
    (void) waitpid(pid, &status, 0);

    unit_ok(ngx_triggers_store_open(store) == NGX_OK,
            "killed: the lock is free");
    unit_ok(ngx_triggers_store_lead(store, FIXTURE_NONCE, &position) == NGX_OK
            && position == 700 && count(path) == 700,
            "killed: its commits are there");

    (void) close(fds[0]);
    (void) close(fds[1]);
    ngx_triggers_store_destroy(store);
}


/* two processes that hand the lock to each other; every commit counts once */

static void
test_two_writers(void)
{
    int                    status;
    pid_t                  pid;
    uint64_t               n;
    ngx_uint_t             i, side, turns;
    ngx_str_t             *path;
    ngx_triggers_store_t  *store;

    path = fixture_path("two.db");

    (void) fflush(stdout);
    pid = fork();
    side = (pid == 0);

    store = fixture_store(path);
    turns = 0;

    for (i = 0; i < 300; /* void */ ) {

        if (ngx_triggers_store_open(store) != NGX_OK) {
            usleep(200);
            continue;
        }

        turns++;

        while (i < 300 && !ngx_triggers_store_wanted(store)) {
            n = 1 + side * 1000000 + 10 * i;

            if (fixture_create(store, n, n + 9, side ? "b" : "a") == NGX_OK) {
                i++;
            }

            (void) ngx_triggers_store_maintain(store, 0);
        }

        ngx_triggers_store_unlock(store);
    }

    ngx_triggers_store_destroy(store);

    if (pid == 0) {
        _exit(0);
    }

    (void) waitpid(pid, &status, 0);

    unit_ok(count(path) == 6000
            && fixture_sql(path, "SELECT sum(n) FROM counts "
                           "WHERE owner > 0") == 6000
            && fixture_sql(path, "SELECT total_events FROM store") == 6000
            && fixture_sql(path, "SELECT count(*) FROM pragma_integrity_check "
                           "WHERE integrity_check = 'ok'") == 1,
            "two writers: nothing lost in %d turns", (int) turns);
    unit_ok(turns > 1, "two writers: in turns");
}


/* takes the place of libc's */

int
fdatasync(int fd)
{
    syncs++;

    if (sync_errno) {
        errno = sync_errno;
        return -1;
    }

    return (int) syscall(SYS_fdatasync, fd);
}


ssize_t
pwrite64(int fd, const void *data, size_t len, off64_t offset)
{
    char     link[64], file[NGX_MAX_PATH];
    ssize_t  n;

    if (full_file) {
        (void) snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        n = readlink(link, file, sizeof(file) - 1);

        if (n > 0) {
            file[n] = '\0';

            if (strcmp(file, full_file) == 0) {
                refusals++;
                errno = ENOSPC;
                return -1;
            }
        }
    }

    return syscall(SYS_pwrite64, fd, data, len, offset);
}


static void
limit_file_size(rlim_t size)
{
    struct rlimit  limit;

    (void) getrlimit(RLIMIT_FSIZE, &limit);

    limit.rlim_cur = ngx_min(size, limit.rlim_max);

    (void) setrlimit(RLIMIT_FSIZE, &limit);
}


static int64_t
count(ngx_str_t *path)
{
    return fixture_sql(path, "SELECT count(*) FROM events");
}
