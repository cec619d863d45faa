
/*
 * The SQLite store: reading the events that are to be archived, for the
 * archiver's thread; ngx_triggers_sqlite_retain.c tells how it goes together.
 *
 * One process at a time, byte 4 of "PATH.lock": during a binary upgrade two
 * trees have an archiver each, and both would write the same file.
 */


#include "ngx_triggers_sqlite.h"


#define NGX_TRIGGERS_SQLITE_LOCK_ARCHIVE  4


static ngx_int_t ngx_triggers_sqlite_archive_file(
    ngx_triggers_reader_t *reader, ngx_triggers_archive_t *archive,
    ngx_triggers_archive_pt handler, void *data);
static ngx_int_t ngx_triggers_sqlite_archive_intent(
    ngx_triggers_reader_t *reader, ngx_triggers_archive_t *archive,
    ngx_str_t *file);
static ngx_int_t ngx_triggers_sqlite_archive_events(
    ngx_triggers_reader_t *reader, ngx_triggers_archive_t *archive,
    ngx_str_t *file, ngx_triggers_archive_pt handler, void *data);
static ngx_int_t ngx_triggers_sqlite_archive_event(
    ngx_triggers_reader_t *reader, int64_t at, int64_t seq, ngx_str_t *file,
    ngx_triggers_archive_pt handler, void *data);
static ngx_int_t ngx_triggers_sqlite_archive_lock(
    ngx_triggers_reader_t *reader, ngx_fd_t *fd);


ngx_int_t
ngx_triggers_reader_archive_plan(ngx_triggers_reader_t *reader,
    ngx_triggers_archive_t *archive, ngx_uint_t events, size_t bytes)
{
    int            code;
    size_t         size;
    ngx_uint_t     n;
    sqlite3_stmt  *stmt;

    if (ngx_triggers_sqlite_reader_moved(reader) != NGX_OK) {
        return NGX_ERROR;
    }

    n = 0;
    size = 0;
    stmt = reader->stmt[NGX_TRIGGERS_SQLITE_READ_DONE_SIZES];

    sqlite3_bind_int64(stmt, 1, archive->through_at);
    sqlite3_bind_int64(stmt, 2, archive->through_seq);

    do {
        code = sqlite3_step(stmt);

        if (code != SQLITE_ROW) {
            break;
        }

        archive->through_at = sqlite3_column_int64(stmt, 0);
        archive->through_seq = sqlite3_column_int64(stmt, 1);

        size += (size_t) sqlite3_column_int64(stmt, 2);
        n++;

    } while (n < events && size < bytes);

    (void) sqlite3_reset(stmt);

    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        return ngx_triggers_sqlite_reader_error(reader, code, "SELECT");
    }

    return n ? NGX_OK : NGX_DECLINED;
}


ngx_int_t
ngx_triggers_reader_archive(ngx_triggers_reader_t *reader,
    ngx_triggers_archive_t *archive, ngx_triggers_archive_pt handler,
    void *data)
{
    ngx_fd_t   fd;
    ngx_int_t  rc;

    rc = ngx_triggers_sqlite_archive_lock(reader, &fd);
    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_triggers_sqlite_reader_begin(reader, 0);

    if (rc == NGX_OK) {
        rc = ngx_triggers_sqlite_reader_end(reader,
                             ngx_triggers_sqlite_archive_file(reader, archive,
                                                              handler, data));
    }

    (void) handler(data, NULL, NULL);

    /* the lock goes with it */

    (void) close(fd);

    return rc;
}


static ngx_int_t
ngx_triggers_sqlite_archive_file(ngx_triggers_reader_t *reader,
    ngx_triggers_archive_t *archive, ngx_triggers_archive_pt handler,
    void *data)
{
    u_char     name[NGX_TRIGGERS_ARCHIVE_NAME];
    ngx_int_t  rc;
    ngx_str_t  file;

    file.data = name;

    rc = ngx_triggers_sqlite_archive_intent(reader, archive, &file);
    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_triggers_sqlite_archive_events(reader, archive, &file, handler,
                                              data);
}


static ngx_int_t
ngx_triggers_sqlite_archive_intent(ngx_triggers_reader_t *reader,
    ngx_triggers_archive_t *archive, ngx_str_t *file)
{
    int            code;
    ngx_int_t      rc;
    ngx_str_t      text;
    sqlite3_stmt  *stmt;

    rc = NGX_DECLINED;
    stmt = reader->stmt[NGX_TRIGGERS_SQLITE_READ_ARCHIVE];

    code = sqlite3_step(stmt);

    if (code == SQLITE_ROW && sqlite3_column_int64(stmt, 3) == 0) {
        ngx_triggers_sqlite_column_text(stmt, 0, &text);

        if (text.len < NGX_TRIGGERS_ARCHIVE_NAME) {
            ngx_memcpy(file->data, text.data, text.len);
            file->data[text.len] = '\0';
            file->len = text.len;
            rc = NGX_OK;
        }

        archive->through_at = sqlite3_column_int64(stmt, 1);
        archive->through_seq = sqlite3_column_int64(stmt, 2);
    }

    (void) sqlite3_reset(stmt);

    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        return ngx_triggers_sqlite_reader_error(reader, code, "SELECT");
    }

    return rc;
}


static ngx_int_t
ngx_triggers_sqlite_archive_events(ngx_triggers_reader_t *reader,
    ngx_triggers_archive_t *archive, ngx_str_t *file,
    ngx_triggers_archive_pt handler, void *data)
{
    int            code;
    ngx_int_t      rc;
    ngx_uint_t     n;
    sqlite3_stmt  *stmt;

    n = 0;
    rc = NGX_OK;
    stmt = reader->stmt[NGX_TRIGGERS_SQLITE_READ_DONE];

    sqlite3_bind_int64(stmt, 1, archive->through_at);
    sqlite3_bind_int64(stmt, 2, archive->through_seq);

    while (rc == NGX_OK) {
        code = sqlite3_step(stmt);

        if (code != SQLITE_ROW) {
            break;
        }

        rc = ngx_triggers_sqlite_archive_event(reader,
                                               sqlite3_column_int64(stmt, 0),
                                               sqlite3_column_int64(stmt, 1),
                                               file, handler, data);
        if (rc == NGX_DECLINED) {
            rc = NGX_OK;
            continue;
        }

        n++;
    }

    (void) sqlite3_reset(stmt);

    if (rc != NGX_OK) {
        return rc;
    }

    if (code != SQLITE_DONE) {
        return ngx_triggers_sqlite_reader_error(reader, code, "SELECT");
    }

    return n ? handler(data, file, NULL) : NGX_OK;
}


/* NGX_DECLINED: the row of "done" is stale */

static ngx_int_t
ngx_triggers_sqlite_archive_event(ngx_triggers_reader_t *reader, int64_t at,
    int64_t seq, ngx_str_t *file, ngx_triggers_archive_pt handler, void *data)
{
    int                  code;
    ngx_int_t            rc;
    sqlite3_stmt        *stmt;
    ngx_triggers_row_t   row;

    rc = NGX_DECLINED;
    stmt = reader->stmt[NGX_TRIGGERS_SQLITE_READ_BY_SEQ];

    sqlite3_bind_int64(stmt, 1, seq);

    code = sqlite3_step(stmt);

    if (code == SQLITE_ROW) {
        ngx_triggers_sqlite_row(stmt, &row);

        if (row.done_at == at) {
            rc = handler(data, file, &row);
        }
    }

    (void) sqlite3_reset(stmt);

    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        return ngx_triggers_sqlite_reader_error(reader, code, "SELECT");
    }

    return rc;
}


static ngx_int_t
ngx_triggers_sqlite_archive_lock(ngx_triggers_reader_t *reader, ngx_fd_t *fd)
{
    char       *path;
    short       type;
    ngx_int_t   rc;

    path = ngx_triggers_sqlite_lock_path(&reader->path, reader->log);
    if (path == NULL) {
        return NGX_ERROR;
    }

    *fd = open(path, O_RDWR|O_CREAT|O_CLOEXEC, 0600);

    ngx_free(path);

    if (*fd == -1) {
        ngx_log_error(NGX_LOG_ERR, reader->log, ngx_errno,
                      "triggers store \"%V\": open() of the lock failed",
                      &reader->path);
        return NGX_ERROR;
    }

    type = F_WRLCK;

    rc = ngx_triggers_sqlite_lock_byte(*fd, F_OFD_SETLK, &type,
                                       NGX_TRIGGERS_SQLITE_LOCK_ARCHIVE);
    if (rc == NGX_OK) {
        return NGX_OK;
    }

    if (rc == NGX_ERROR) {
        ngx_log_error(NGX_LOG_ERR, reader->log, ngx_errno,
                      "triggers store \"%V\": fcntl(F_OFD_SETLK) failed",
                      &reader->path);
    }

    (void) close(*fd);

    return rc;
}
