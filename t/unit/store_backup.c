
/*
 * The SQLite store: copies.  What one made while the writer commits holds,
 * that two exclude each other, and what is left of those that fail.
 */


#include "store_fixture.h"

#include <dirent.h>
#include <sys/resource.h>
#include <sys/stat.h>


#define EVENTS  1000


typedef struct {
    ngx_triggers_store_t   *store;
    ngx_triggers_reader_t  *second;
    ngx_triggers_backup_t  *other;
    ngx_uint_t              calls;
    ngx_uint_t              stop;         /* call that gives it up, 0: none */
    ngx_int_t               rc;           /* of the other one */
    ngx_int_t               written;      /* by the writer */
} step_t;


static ngx_triggers_backup_t  backup;
static ngx_str_t             *dir;
static ngx_uint_t             copies;


/* between two steps: the writer commits, another copy is asked for */

static ngx_uint_t
step(void *data)
{
    step_t *s = data;

    s->calls++;

    if (s->store) {
        s->written = fixture_create(s->store, EVENTS + s->calls,
                                    EVENTS + s->calls, "bob");
    }

    if (s->second && s->calls == 1) {
        s->rc = ngx_triggers_reader_backup(s->second, s->other);
    }

    return s->calls == s->stop;
}


static void
prepare(ngx_triggers_backup_t *b, const char *name, step_t *s)
{
    ngx_memzero(b, sizeof(ngx_triggers_backup_t));

    b->directory = *dir;
    b->name.data = (u_char *) name;
    b->name.len = strlen(name);
    b->prefix = sizeof("main-") - 1;
    b->stopped = step;
    b->data = s;
}


/* files in the directory; with a suffix, those that end so */

static ngx_uint_t
files(const char *suffix)
{
    DIR            *d;
    size_t          len;
    ngx_uint_t      n;
    struct dirent  *de;

    n = 0;
    d = opendir((char *) dir->data);

    while (d && (de = readdir(d)) != NULL) {
        len = strlen(de->d_name);

        if (de->d_name[0] != '.' && len >= strlen(suffix)
            && strcmp(de->d_name + len - strlen(suffix), suffix) == 0)
        {
            n++;
        }
    }

    (void) closedir(d);

    return n;
}


static void
leave(const char *name)
{
    int         fd;
    ngx_str_t  *path;

    path = fixture_path(name);

    fd = open((char *) path->data, O_CREAT|O_WRONLY, 0600);
    if (fd == -1 || write(fd, "x", 1) != 1 || close(fd) == -1) {
        exit(2);
    }
}


static void
test_whole(ngx_triggers_store_t *store, ngx_triggers_reader_t *reader,
    ngx_triggers_reader_t *second)
{
    step_t                  s;
    struct stat             sb;
    ngx_str_t              *path;
    ngx_triggers_backup_t   other;

    ngx_memzero(&s, sizeof(step_t));

    s.rc = NGX_ERROR;
    s.written = NGX_ERROR;
    s.store = store;
    s.second = second;
    s.other = &other;

    prepare(&backup, "main-1.db", &s);
    prepare(&other, "main-2.db", &s);

    unit_ok(ngx_triggers_reader_backup(reader, &backup) == NGX_OK, "a copy");
    copies++;

    unit_ok(s.calls > 1, "in several steps");
    unit_ok(s.written == NGX_OK, "the writer commits between them");
    unit_ok(s.rc == NGX_DECLINED, "another one meanwhile is refused");
    unit_ok(files("") == copies, "it is the only file");

    path = fixture_path("copies/main-1.db");

    unit_ok(stat((char *) path->data, &sb) == 0
       && (uint64_t) sb.st_size == backup.size, "its size");
    unit_ok((sb.st_mode & 0777) == 0600, "its mode");
    unit_ok(backup.pages * 8192 == backup.size, "its pages");

    unit_ok(fixture_sql(path, "SELECT count(*) FROM events") == EVENTS,
       "what was committed before is in it, and nothing else");
    unit_ok(fixture_sql(path, "SELECT integrity_check = 'ok' "
                         "FROM pragma_integrity_check")
       == 1, "it is sound");

    /* looking at it has made files beside it */

    (void) unlink((char *) fixture_path("copies/main-1.db-wal")->data);
    (void) unlink((char *) fixture_path("copies/main-1.db-shm")->data);

    prepare(&other, "main-2.db", &s);
    s.second = NULL;

    unit_ok(ngx_triggers_reader_backup(second, &other) == NGX_OK,
       "the other one afterwards");
    copies++;
}


static void
test_restored(void)
{
    ngx_triggers_store_t  *store;

    store = fixture_store(fixture_path("copies/main-2.db"));

    unit_ok(ngx_triggers_store_open(store) == NGX_OK, "a copy is a database");
    unit_ok(fixture_create(store, 900000, 900000, "bob") == NGX_OK,
       "that takes events");

    ngx_triggers_store_destroy(store);

    (void) unlink((char *) fixture_path("copies/main-2.db-wal")->data);
    (void) unlink((char *) fixture_path("copies/main-2.db-shm")->data);
    (void) unlink((char *) fixture_path("copies/main-2.db.lock")->data);
}


static void
test_given_up(ngx_triggers_reader_t *reader)
{
    step_t  s;

    ngx_memzero(&s, sizeof(step_t));
    s.stop = 2;

    prepare(&backup, "main-3.db", &s);

    unit_ok(ngx_triggers_reader_backup(reader, &backup) == NGX_DONE
       && s.calls == 2, "given up");
    unit_ok(files("") == copies, "no file is left");

    s.stop = 0;
    backup.time_limit = 1;

    unit_ok(ngx_triggers_reader_backup(reader, &backup) == NGX_AGAIN,
       "took too long");
    unit_ok(files("") == copies, "no file is left");
}


static void
test_failed(ngx_triggers_reader_t *reader)
{
    step_t         s;
    ngx_str_t     *there;
    struct rlimit  limit, small;

    ngx_memzero(&s, sizeof(step_t));
    prepare(&backup, "main-4.db", &s);

    (void) signal(SIGXFSZ, SIG_IGN);
    (void) getrlimit(RLIMIT_FSIZE, &limit);

    small = limit;
    small.rlim_cur = 100000;
    (void) setrlimit(RLIMIT_FSIZE, &small);

    unit_ok(ngx_triggers_reader_backup(reader, &backup) == NGX_ERROR
       && backup.state == NGX_TRIGGERS_STORE_FULL, "no space");

    (void) setrlimit(RLIMIT_FSIZE, &limit);

    unit_ok(files("") == copies, "no file is left");

    there = dir;
    dir = fixture_path("nowhere");
    prepare(&backup, "main-4.db", &s);

    unit_ok(ngx_triggers_reader_backup(reader, &backup) == NGX_ERROR
       && backup.state == NGX_TRIGGERS_STORE_OPEN_FAILED, "no directory");

    dir = there;
    prepare(&backup, "main-4.db", &s);

    unit_ok(ngx_triggers_reader_backup(reader, &backup) == NGX_OK,
       "the next one is made");
    copies++;
}


/* what others have left, and what is not to be touched */

static void
test_left(ngx_triggers_reader_t *reader)
{
    int     fd;
    short   type;
    step_t  s;

    ngx_memzero(&s, sizeof(step_t));
    prepare(&backup, "main-5.db", &s);

    leave("copies/main-a.db.tmp");
    leave("copies/main-b.db.tmp");
    leave("copies/main-long.db.tmp");
    leave("copies/mine-a.db.tmp");
    leave("copies/main-a.db.txt");

    fd = open((char *) fixture_path("copies/main-b.db.tmp")->data, O_RDWR);
    type = F_WRLCK;

    unit_ok(ngx_triggers_sqlite_lock_byte(fd, F_OFD_SETLK, &type, 0) == NGX_OK,
       "one of them is being written");
    unit_ok(ngx_triggers_reader_backup(reader, &backup) == NGX_OK, "a copy");
    copies++;

    unit_ok(files("main-a.db.tmp") == 0, "what is left over is removed");
    unit_ok(files("main-b.db.tmp") == 1, "what is being written is not");
    unit_ok(files("") == copies + 4, "nor is what no backup has written");

    (void) close(fd);
}


int
main(void)
{
    ngx_str_t              *path;
    ngx_triggers_store_t   *store;
    ngx_triggers_reader_t  *reader, *second;

    fixture_init();

    path = fixture_path("events.db");
    dir = fixture_path("copies");

    store = fixture_store(path);

    if (mkdir((char *) dir->data, 0700) == -1
        || ngx_triggers_store_open(store) != NGX_OK
        || fixture_create(store, 1, EVENTS, "alice") != NGX_OK)
    {
        return 2;
    }

    /* what makes it large enough for several steps */

    ngx_triggers_store_close(store);

    (void) fixture_sql(path, "CREATE TABLE ballast (x);"
                             "INSERT INTO ballast "
                             "VALUES (randomblob(20000000))");

    if (ngx_triggers_store_open(store) != NGX_OK) {
        return 2;
    }

    reader = ngx_triggers_reader_open(path, unit_log());
    second = ngx_triggers_reader_open(path, unit_log());

    if (reader == NULL || second == NULL) {
        return 2;
    }

    test_whole(store, reader, second);
    test_restored();
    test_given_up(reader);
    test_failed(reader);
    test_left(reader);

    ngx_triggers_reader_close(reader);
    ngx_triggers_reader_close(second);
    ngx_triggers_store_destroy(store);

    return fixture_done();
}
