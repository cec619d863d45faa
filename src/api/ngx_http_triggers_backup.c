
/*
 * POST /v1/admin/backup: a copy of the store's database, in the directory
 * that "triggers_backup_path" names.  A thread of the worker that has got the
 * request makes it; the request is parked meanwhile.  A copy whose client has
 * gone is given up, and so is one that stands in the way of a fast shutdown,
 * or of the WAL, which cannot be restarted meanwhile.
 *
 * Nothing of the file's name is the client's: it is made of the store's name,
 * the time and a random number.
 */


#include "ngx_http_triggers_backup.h"
#include "ngx_http_triggers_job.h"
#include "ngx_http_triggers_parameter.h"
#include "ngx_http_triggers_resources.h"
#include "ngx_http_triggers_response.h"
#include "ngx_triggers_clock.h"


#define NGX_HTTP_TRIGGERS_BACKUP_TIME    (3600 * 1000)         /* ms */
#define NGX_HTTP_TRIGGERS_BACKUP_WAL     ((size_t) 4 * 1024 * 1024 * 1024)

/* of the WAL: the page size that the store sets */

#define NGX_HTTP_TRIGGERS_BACKUP_FRAME  8192

#define NGX_HTTP_TRIGGERS_BACKUP_REST                                         \
    (sizeof("-20251110T123456Z-0123abcd.db") - 1)


typedef struct {
    ngx_http_triggers_job_t  base;
    ngx_triggers_backup_t    backup;
    int64_t                  now;              /* of the request */
    uint64_t                 duration;         /* ms */
    ngx_triggers_zone_sh_t  *sh;
    ngx_uint_t               slot;             /* of this worker */
    size_t                   wal;              /* bytes it may have */
    ngx_uint_t               grown;            /* flag: it has more */
} ngx_http_triggers_backup_job_t;


static ngx_int_t ngx_http_triggers_backup_name(ngx_http_request_t *r,
    ngx_http_triggers_backup_job_t *job);
static ngx_int_t ngx_http_triggers_backup_thread(ngx_triggers_job_t *base,
    ngx_triggers_reader_t *reader);
static void ngx_http_triggers_backup_tell(
    ngx_http_triggers_backup_job_t *job, ngx_int_t rc);
static ngx_uint_t ngx_http_triggers_backup_stopped(void *data);
static ngx_int_t ngx_http_triggers_backup_answer(ngx_http_request_t *r,
    ngx_http_triggers_job_t *base);
static ngx_int_t ngx_http_triggers_backup_failed(ngx_http_request_t *r,
    ngx_http_triggers_backup_job_t *job);


ngx_int_t
ngx_http_triggers_backup(ngx_http_request_t *r)
{
    ngx_http_triggers_loc_conf_t    *tlcf;
    ngx_http_triggers_backup_job_t  *job;

    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_triggers_module);

    if (tlcf->backup_path.len == 0) {
        return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_NOT_FOUND, NULL,
                                       "backups are off here: there is no "
                                       "\"triggers_backup_path\"");
    }

    job = ngx_http_triggers_job_create(r,
                                       sizeof(ngx_http_triggers_backup_job_t));
    if (job == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    job->now = ngx_http_triggers_now();

    if (ngx_http_triggers_backup_name(r, job) != NGX_OK) {
        ngx_http_triggers_job_free(&job->base);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    job->sh = tlcf->store->worker.zone->sh;
    job->slot = tlcf->store->worker.owner.slot;
    job->wal = tlcf->backup_wal;

    job->backup.time_limit = tlcf->backup_timeout;
    job->backup.stopped = ngx_http_triggers_backup_stopped;
    job->backup.data = job;

    job->base.job.run = ngx_http_triggers_backup_thread;
    job->base.job.apart = 1;
    job->base.answer = ngx_http_triggers_backup_answer;

    return ngx_http_triggers_job_start(r, &job->base);
}


static ngx_int_t
ngx_http_triggers_backup_name(ngx_http_request_t *r,
    ngx_http_triggers_backup_job_t *job)
{
    u_char                         *p;
    ngx_tm_t                        tm;
    ngx_str_t                      *name, *dir;
    ngx_http_triggers_loc_conf_t   *tlcf;
    ngx_http_triggers_main_conf_t  *tmcf;
    u_char                          id[NGX_TRIGGERS_ID_LEN];

    tmcf = ngx_http_get_module_main_conf(r, ngx_http_triggers_module);
    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_triggers_module);

    dir = &job->backup.directory;
    name = &job->backup.name;

    dir->len = tlcf->backup_path.len;
    dir->data = ngx_pnalloc(job->base.pool, dir->len + 1);

    name->data = ngx_pnalloc(job->base.pool,
                             NGX_HTTP_TRIGGERS_FILE_STORE
                             + NGX_HTTP_TRIGGERS_BACKUP_REST + 1);

    if (dir->data == NULL || name->data == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_cpystrn(dir->data, tlcf->backup_path.data, dir->len + 1);

    p = ngx_http_triggers_file_store(name->data, &tlcf->store->name);
    *p++ = '-';

    job->backup.prefix = p - name->data;

    ngx_gmtime(job->now / 1000, &tm);
    ngx_triggers_uuid_v4(&tmcf->uuid, id);

    p = ngx_sprintf(p, "%4d%02d%02dT%02d%02d%02dZ-", tm.ngx_tm_year,
                    tm.ngx_tm_mon, tm.ngx_tm_mday, tm.ngx_tm_hour,
                    tm.ngx_tm_min, tm.ngx_tm_sec);
    p = ngx_hex_dump(p, id, 4);
    p = ngx_cpymem(p, ".db", sizeof(".db"));

    name->len = p - name->data - 1;

    return NGX_OK;
}


/* a store may be called anything */

u_char *
ngx_http_triggers_file_store(u_char *dst, ngx_str_t *name)
{
    u_char      c;
    ngx_uint_t  i;

    for (i = 0; i < name->len && i < NGX_HTTP_TRIGGERS_FILE_STORE; i++) {
        c = name->data[i];

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
            || (c >= '0' && c <= '9') || (i && (c == '.' || c == '-')))
        {
            *dst++ = c;

        } else {
            *dst++ = '_';
        }
    }

    return dst;
}


/* in a thread of the pool, as the next */

static ngx_int_t
ngx_http_triggers_backup_thread(ngx_triggers_job_t *base,
    ngx_triggers_reader_t *reader)
{
    ngx_int_t                        rc;
    uint64_t                         started;
    ngx_http_triggers_backup_job_t  *job;

    job = (ngx_http_triggers_backup_job_t *) base;

    started = ngx_triggers_monotonic_ms();

    rc = ngx_triggers_reader_backup(reader, &job->backup);

    job->duration = ngx_triggers_monotonic_ms() - started;

    ngx_http_triggers_backup_tell(job, rc);

    return rc;
}


/* for the live feed */

static void
ngx_http_triggers_backup_tell(ngx_http_triggers_backup_job_t *job,
    ngx_int_t rc)
{
    const char  *reason;

    switch (rc) {

    case NGX_OK:
        (void) ngx_triggers_feed_log(&job->sh->feed, job->slot,
                                     NGX_TRIGGERS_LEVEL_INFO, NULL, NULL,
                                     "backup %V has been made, %uL bytes in "
                                     "%uL ms", &job->backup.name,
                                     job->backup.size, job->duration);
        return;

    case NGX_DECLINED:

        /* another one is being made, which will be told */

        return;

    case NGX_AGAIN:
        reason = "it took too long";
        break;

    case NGX_DONE:
        reason = job->grown ? "too much was written meanwhile"
                            : "nobody waited for it any longer";
        break;

    default:
        reason = "it could not be written";
    }

    (void) ngx_triggers_feed_log(&job->sh->feed, job->slot,
                                 NGX_TRIGGERS_LEVEL_ERROR, NULL, NULL,
                                 "backup %V failed: %s", &job->backup.name,
                                 reason);
}


static ngx_uint_t
ngx_http_triggers_backup_stopped(void *data)
{
    ngx_http_triggers_backup_job_t *job = data;

    if (__atomic_load_n(&job->sh->wal_frames, __ATOMIC_RELAXED)
        > job->wal / NGX_HTTP_TRIGGERS_BACKUP_FRAME)
    {
        job->grown = 1;
        return 1;
    }

    return ngx_terminate || __atomic_load_n(&job->base.gone, __ATOMIC_RELAXED);
}


static ngx_int_t
ngx_http_triggers_backup_answer(ngx_http_request_t *r,
    ngx_http_triggers_job_t *base)
{
    json_t                          *body;
    ngx_triggers_backup_t           *backup;
    ngx_http_triggers_loc_conf_t    *tlcf;
    ngx_http_triggers_backup_job_t  *job;

    job = (ngx_http_triggers_backup_job_t *) base;
    backup = &job->backup;

    switch (base->job.rc) {

    case NGX_OK:
        break;

    case NGX_DECLINED:
        return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_CONFLICT, NULL,
                                       "another backup of this store is "
                                       "being made");

    case NGX_BUSY:
        return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_UNAVAILABLE, NULL,
                                       "no thread is free");

    case NGX_AGAIN:
        return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_UNAVAILABLE, NULL,
                                       "the backup took too long");

    default:
        return ngx_http_triggers_backup_failed(r, job);
    }

    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_triggers_module);

    ngx_log_error(NGX_LOG_NOTICE, r->connection->log, 0,
                  "triggers store \"%V\": backup \"%V\" has been made, %uL "
                  "bytes in %uL ms", &tlcf->store->name, &backup->name,
                  backup->size, job->duration);

    body = json_pack("{s:s%, s:I, s:I, s:I}",
                     "backup", backup->name.data, backup->name.len,
                     "size_bytes", (json_int_t) backup->size,
                     "pages", (json_int_t) backup->pages,
                     "duration_ms", (json_int_t) job->duration);

    return ngx_http_triggers_send_json(r, NGX_HTTP_OK, body, job->now);
}


/* the log knows more, paths among it */

static ngx_int_t
ngx_http_triggers_backup_failed(ngx_http_request_t *r,
    ngx_http_triggers_backup_job_t *job)
{
    const char  *message;

    if (job->grown) {
        return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_UNAVAILABLE, NULL,
                                       "too much was written meanwhile");
    }

    switch (job->backup.state) {

    case NGX_TRIGGERS_STORE_STARTING:
    case NGX_TRIGGERS_STORE_MOVED:
        message = "the store cannot be read";
        break;

    case NGX_TRIGGERS_STORE_FULL:
        message = "there is no space left for the backup";
        break;

    case NGX_TRIGGERS_STORE_CORRUPT:
        message = "the database is corrupt";
        break;

    default:
        message = "the backup could not be written";
    }

    return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_UNAVAILABLE, NULL,
                                   "%s", message);
}


char *
ngx_http_triggers_backup_path(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_triggers_loc_conf_t *tlcf = conf;

    char        *rv;
    ngx_str_t   *value;
    ngx_uint_t   i;

    if (tlcf->backup_path.data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    tlcf->backup_path = value[1];
    tlcf->backup_timeout = NGX_HTTP_TRIGGERS_BACKUP_TIME;
    tlcf->backup_wal = NGX_HTTP_TRIGGERS_BACKUP_WAL;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        tlcf->backup_path.len = 0;

        return (cf->args->nelts == 2) ? NGX_CONF_OK
                                      : "has no parameters when it is off";
    }

    if (value[1].len == 0) {
        return "needs the path of a directory";
    }

    if (ngx_conf_full_name(cf->cycle, &tlcf->backup_path, 0) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    rv = NGX_CONF_OK;

    for (i = 2; rv == NGX_CONF_OK && i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "timeout=", 8) == 0) {
            rv = ngx_http_triggers_set_time(cf, &value[i], 8,
                                            &tlcf->backup_timeout);
            continue;
        }

        if (ngx_strncmp(value[i].data, "wal=", 4) == 0) {
            rv = ngx_http_triggers_set_size(cf, &value[i], 4,
                                            &tlcf->backup_wal);
            continue;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid parameter \"%V\"",
                           &value[i]);
        rv = NGX_CONF_ERROR;
    }

    return rv;
}
