
/*
 * The SQLite store: copying the database while it is written.  SQLite's own
 * backup API reads it through a read-only connection, so that nobody opens
 * the database outside SQLite, and writes the copy, a file of its own.
 *
 * The source holds one snapshot all the time.  Without it each commit of the
 * writer would begin the copy anew.  The copy needs no journal, as nobody
 * wants it before it is whole: it is written as "NAME.tmp", synced now and
 * then, so that no long sync is left for the end, and renamed.
 *
 * One copy of a database at a time: byte 2 of "PATH.lock".  A file that is
 * being written is locked too, so that what a killed process has left can be
 * told from what another nginx is writing into the same directory.
 */


#include "ngx_triggers_sqlite.h"

#include <dirent.h>
#include <sys/stat.h>


#define NGX_TRIGGERS_SQLITE_LOCK_BACKUP  2

#define NGX_TRIGGERS_SQLITE_COPY_PAGES   512          /* in a step: 4 MB */
#define NGX_TRIGGERS_SQLITE_COPY_SYNC    16           /* steps */

#define NGX_TRIGGERS_SQLITE_COPY_OPEN    (O_RDWR|O_NOFOLLOW|O_CLOEXEC)


typedef struct {
    ngx_triggers_reader_t   *reader;           /* the source */
    ngx_triggers_backup_t   *backup;
    uint64_t                 deadline;         /* 0: none */

    DIR                     *dir;
    ngx_fd_t                 lock_fd;
    ngx_fd_t                 fd;               /* of the copy */
    sqlite3                 *db;               /* of the copy */

    char                    *path;             /* of the directory, '/', and
                                                  of the copy */
    char                    *tmp;              /* its name, within path */
} ngx_triggers_sqlite_copy_t;


static ngx_int_t ngx_triggers_sqlite_copy(ngx_triggers_sqlite_copy_t *copy);
static ngx_int_t ngx_triggers_sqlite_copy_path(
    ngx_triggers_sqlite_copy_t *copy);
static ngx_int_t ngx_triggers_sqlite_copy_lock(
    ngx_triggers_sqlite_copy_t *copy);
static void ngx_triggers_sqlite_copy_clean(ngx_triggers_sqlite_copy_t *copy);
static void ngx_triggers_sqlite_copy_remove(ngx_triggers_sqlite_copy_t *copy,
    const char *name);
static ngx_int_t ngx_triggers_sqlite_copy_create(
    ngx_triggers_sqlite_copy_t *copy);
static ngx_int_t ngx_triggers_sqlite_copy_snapshot(
    ngx_triggers_sqlite_copy_t *copy);
static ngx_int_t ngx_triggers_sqlite_copy_pages(
    ngx_triggers_sqlite_copy_t *copy);
static ngx_int_t ngx_triggers_sqlite_copy_steps(
    ngx_triggers_sqlite_copy_t *copy, sqlite3_backup *handle);
static ngx_int_t ngx_triggers_sqlite_copy_keep(
    ngx_triggers_sqlite_copy_t *copy);
static void ngx_triggers_sqlite_copy_end(ngx_triggers_sqlite_copy_t *copy);
static ngx_int_t ngx_triggers_sqlite_copy_failed(
    ngx_triggers_sqlite_copy_t *copy, const char *call);
static ngx_int_t ngx_triggers_sqlite_copy_error(
    ngx_triggers_sqlite_copy_t *copy, int code, const char *what);


ngx_int_t
ngx_triggers_reader_backup(ngx_triggers_reader_t *reader,
    ngx_triggers_backup_t *backup)
{
    ngx_int_t                   rc;
    ngx_triggers_sqlite_copy_t  copy;

    ngx_memzero(&copy, sizeof(ngx_triggers_sqlite_copy_t));

    copy.reader = reader;
    copy.backup = backup;
    copy.lock_fd = -1;
    copy.fd = -1;

    if (backup->time_limit) {
        copy.deadline = ngx_triggers_monotonic_ms() + backup->time_limit;
    }

    backup->state = NGX_TRIGGERS_STORE_STARTING;

    rc = ngx_triggers_sqlite_copy(&copy);

    ngx_triggers_sqlite_copy_end(&copy);

    return rc;
}


static ngx_int_t
ngx_triggers_sqlite_copy(ngx_triggers_sqlite_copy_t *copy)
{
    ngx_int_t  rc;

    if (ngx_triggers_sqlite_reader_moved(copy->reader) != NGX_OK) {
        copy->backup->state = NGX_TRIGGERS_STORE_MOVED;
        return NGX_ERROR;
    }

    rc = ngx_triggers_sqlite_copy_path(copy);
    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_triggers_sqlite_copy_lock(copy);
    if (rc != NGX_OK) {
        return rc;
    }

    ngx_triggers_sqlite_copy_clean(copy);

    rc = ngx_triggers_sqlite_copy_create(copy);
    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_triggers_sqlite_copy_snapshot(copy);
    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_triggers_sqlite_copy_keep(copy);
}


static ngx_int_t
ngx_triggers_sqlite_copy_path(ngx_triggers_sqlite_copy_t *copy)
{
    u_char     *p;
    ngx_str_t  *dir, *name;

    dir = &copy->backup->directory;
    name = &copy->backup->name;

    copy->path = ngx_alloc(dir->len + 1 + name->len + sizeof(".tmp"),
                           copy->reader->log);
    if (copy->path == NULL) {
        return ngx_triggers_sqlite_copy_failed(copy, "malloc()");
    }

    p = ngx_cpymem(copy->path, dir->data, dir->len);
    *p++ = '/';

    copy->tmp = (char *) p;

    p = ngx_cpymem(p, name->data, name->len);
    ngx_memcpy(p, ".tmp", sizeof(".tmp"));

    copy->dir = opendir((char *) dir->data);
    if (copy->dir == NULL) {
        return ngx_triggers_sqlite_copy_failed(copy, "opendir()");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_triggers_sqlite_copy_lock(ngx_triggers_sqlite_copy_t *copy)
{
    char       *path;
    short       type;
    ngx_int_t   rc;

    path = ngx_triggers_sqlite_lock_path(&copy->reader->path,
                                         copy->reader->log);
    if (path == NULL) {
        return ngx_triggers_sqlite_copy_failed(copy, "malloc()");
    }

    copy->lock_fd = open(path, O_RDWR|O_CREAT|O_CLOEXEC, 0600);

    ngx_free(path);

    if (copy->lock_fd == -1) {
        return ngx_triggers_sqlite_copy_failed(copy, "open() of the lock");
    }

    type = F_WRLCK;
    rc = ngx_triggers_sqlite_lock_byte(copy->lock_fd, F_OFD_SETLK, &type,
                                       NGX_TRIGGERS_SQLITE_LOCK_BACKUP);

    if (rc == NGX_AGAIN) {
        return NGX_DECLINED;
    }

    return (rc == NGX_OK) ? NGX_OK
                          : ngx_triggers_sqlite_copy_failed(copy,
                                                       "fcntl(F_OFD_SETLK)");
}


/* removes what killed processes have left: names as long as the copy's */

static void
ngx_triggers_sqlite_copy_clean(ngx_triggers_sqlite_copy_t *copy)
{
    size_t          len;
    struct dirent  *de;

    len = copy->backup->name.len;

    for ( ;; ) {
        de = readdir(copy->dir);
        if (de == NULL) {
            return;
        }

        if (ngx_strlen(de->d_name) == len + sizeof(".tmp") - 1
            && ngx_strncmp(de->d_name, copy->tmp, copy->backup->prefix) == 0
            && ngx_strcmp(de->d_name + len, ".tmp") == 0)
        {
            ngx_triggers_sqlite_copy_remove(copy, de->d_name);
        }
    }
}


static void
ngx_triggers_sqlite_copy_remove(ngx_triggers_sqlite_copy_t *copy,
    const char *name)
{
    short     type;
    ngx_fd_t  fd;

    fd = openat(dirfd(copy->dir), name,
                NGX_TRIGGERS_SQLITE_COPY_OPEN|O_NONBLOCK);
    if (fd == -1) {
        return;
    }

    type = F_WRLCK;

    if (ngx_triggers_sqlite_lock_byte(fd, F_OFD_SETLK, &type, 0) == NGX_OK
        && unlinkat(dirfd(copy->dir), name, 0) == 0)
    {
        ngx_log_error(NGX_LOG_NOTICE, copy->reader->log, 0,
                      "triggers store \"%V\": the unfinished backup \"%s\" "
                      "has been removed", &copy->reader->path, name);
    }

    (void) close(fd);
}


static ngx_int_t
ngx_triggers_sqlite_copy_create(ngx_triggers_sqlite_copy_t *copy)
{
    int    code;
    short  type;

    copy->fd = openat(dirfd(copy->dir), copy->tmp,
                      NGX_TRIGGERS_SQLITE_COPY_OPEN|O_CREAT|O_EXCL, 0600);
    if (copy->fd == -1) {
        return ngx_triggers_sqlite_copy_failed(copy, "openat()");
    }

    type = F_WRLCK;

    if (ngx_triggers_sqlite_lock_byte(copy->fd, F_OFD_SETLK, &type, 0)
        != NGX_OK)
    {
        return ngx_triggers_sqlite_copy_failed(copy, "fcntl(F_OFD_SETLK)");
    }

    code = sqlite3_open_v2(copy->path, &copy->db,
                           SQLITE_OPEN_READWRITE|SQLITE_OPEN_NOMUTEX, NULL);

    if (code == SQLITE_OK) {
        (void) sqlite3_extended_result_codes(copy->db, 1);

        code = sqlite3_exec(copy->db,
                            "PRAGMA journal_mode = OFF;"
                            "PRAGMA synchronous = OFF",
                            NULL, NULL, NULL);
    }

    return (code == SQLITE_OK) ? NGX_OK
                               : ngx_triggers_sqlite_copy_error(copy, code,
                                                          "opening the copy");
}


static ngx_int_t
ngx_triggers_sqlite_copy_snapshot(ngx_triggers_sqlite_copy_t *copy)
{
    int                     code;
    ngx_int_t               rc;
    ngx_triggers_reader_t  *reader;

    reader = copy->reader;

    code = ngx_triggers_sqlite_exec(
                                 reader->stmt[NGX_TRIGGERS_SQLITE_READ_BEGIN]);

    if (code == SQLITE_OK) {
        code = ngx_triggers_sqlite_exec(
                                 reader->stmt[NGX_TRIGGERS_SQLITE_READ_STORE]);
    }

    if (code != SQLITE_OK) {
        copy->backup->state = ngx_triggers_sqlite_classify(reader->db, code);
        (void) ngx_triggers_sqlite_reader_error(reader, code, "BEGIN");
        rc = NGX_ERROR;

    } else {
        rc = ngx_triggers_sqlite_copy_pages(copy);
    }

    if (!sqlite3_get_autocommit(reader->db)) {
        (void) ngx_triggers_sqlite_exec(
                                   reader->stmt[NGX_TRIGGERS_SQLITE_READ_END]);
    }

    return rc;
}


static ngx_int_t
ngx_triggers_sqlite_copy_pages(ngx_triggers_sqlite_copy_t *copy)
{
    int              code;
    ngx_int_t        rc;
    sqlite3_backup  *handle;

    handle = sqlite3_backup_init(copy->db, "main", copy->reader->db, "main");

    if (handle == NULL) {
        return ngx_triggers_sqlite_copy_error(copy,
                                    sqlite3_extended_errcode(copy->db),
                                    "sqlite3_backup_init()");
    }

    rc = ngx_triggers_sqlite_copy_steps(copy, handle);

    copy->backup->pages = sqlite3_backup_pagecount(handle);

    /* tells of a failed step once more */

    code = sqlite3_backup_finish(handle);

    if (rc == NGX_OK && code != SQLITE_OK) {
        return ngx_triggers_sqlite_copy_error(copy, code,
                                              "sqlite3_backup_finish()");
    }

    return rc;
}


static ngx_int_t
ngx_triggers_sqlite_copy_steps(ngx_triggers_sqlite_copy_t *copy,
    sqlite3_backup *handle)
{
    int         code;
    ngx_uint_t  n;

    for (n = 1; /* void */ ; n++) {

        code = sqlite3_backup_step(handle, NGX_TRIGGERS_SQLITE_COPY_PAGES);

        if (code == SQLITE_DONE) {
            return NGX_OK;
        }

        if (code != SQLITE_OK) {
            return ngx_triggers_sqlite_copy_error(copy, code,
                                                  "sqlite3_backup_step()");
        }

        if (n % NGX_TRIGGERS_SQLITE_COPY_SYNC == 0
            && fdatasync(copy->fd) == -1)
        {
            return ngx_triggers_sqlite_copy_failed(copy, "fdatasync()");
        }

        if (copy->backup->stopped(copy->backup->data)) {
            return NGX_DONE;
        }

        if (copy->deadline && ngx_triggers_monotonic_ms() >= copy->deadline) {
            return NGX_AGAIN;
        }
    }
}


/* from here on it is there, whatever happens to the machine */

static ngx_int_t
ngx_triggers_sqlite_copy_keep(ngx_triggers_sqlite_copy_t *copy)
{
    struct stat  sb;

    (void) sqlite3_close(copy->db);
    copy->db = NULL;

    if (fsync(copy->fd) == -1) {
        return ngx_triggers_sqlite_copy_failed(copy, "fsync()");
    }

    if (fstat(copy->fd, &sb) == -1) {
        return ngx_triggers_sqlite_copy_failed(copy, "fstat()");
    }

    copy->backup->size = sb.st_size;

    if (renameat(dirfd(copy->dir), copy->tmp, dirfd(copy->dir),
                 (char *) copy->backup->name.data)
        == -1)
    {
        return ngx_triggers_sqlite_copy_failed(copy, "renameat()");
    }

    if (fsync(dirfd(copy->dir)) == -1) {
        (void) ngx_triggers_sqlite_copy_failed(copy,
                                               "fsync() of the directory");

        (void) unlinkat(dirfd(copy->dir), (char *) copy->backup->name.data,
                        0);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* nothing is left under the first name: the file has another, or goes */

static void
ngx_triggers_sqlite_copy_end(ngx_triggers_sqlite_copy_t *copy)
{
    if (copy->db) {
        (void) sqlite3_close(copy->db);
    }

    if (copy->fd != -1) {
        (void) unlinkat(dirfd(copy->dir), copy->tmp, 0);
        (void) close(copy->fd);
    }

    if (copy->lock_fd != -1) {
        (void) close(copy->lock_fd);
    }

    if (copy->dir) {
        (void) closedir(copy->dir);
    }

    if (copy->path) {
        ngx_free(copy->path);
    }
}


/* a system call */

static ngx_int_t
ngx_triggers_sqlite_copy_failed(ngx_triggers_sqlite_copy_t *copy,
    const char *call)
{
    ngx_err_t  err;

    err = ngx_errno;

    switch (err) {

    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        copy->backup->state = NGX_TRIGGERS_STORE_FULL;
        break;

    case EROFS:
        copy->backup->state = NGX_TRIGGERS_STORE_READ_ONLY;
        break;

    case EIO:
        copy->backup->state = NGX_TRIGGERS_STORE_IO_ERROR;
        break;

    default:
        copy->backup->state = NGX_TRIGGERS_STORE_OPEN_FAILED;
    }

    ngx_log_error(NGX_LOG_ERR, copy->reader->log, err,
                  "triggers store \"%V\": backup to \"%V/%V\", %s failed",
                  &copy->reader->path, &copy->backup->directory,
                  &copy->backup->name, call);

    return NGX_ERROR;
}


/* a call of SQLite; those for copying tell in the copy what went wrong */

static ngx_int_t
ngx_triggers_sqlite_copy_error(ngx_triggers_sqlite_copy_t *copy, int code,
    const char *what)
{
    copy->backup->state = ngx_triggers_sqlite_classify(copy->db, code);

    ngx_log_error(NGX_LOG_ERR, copy->reader->log, 0,
                  "triggers store \"%V\": backup to \"%V/%V\", %s failed "
                  "(%d: %s)", &copy->reader->path, &copy->backup->directory,
                  &copy->backup->name, what, code, sqlite3_errstr(code));

    return NGX_ERROR;
}
