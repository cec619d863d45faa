
/*
 * Reading keys: GET /v1/keys, one key, and the key that has just been changed.
 * A job goes to a thread, which queries the store and writes the body; the
 * request is parked meanwhile.
 *
 * When a key was last used is written to the store once a minute; the bucket
 * of its rate limit in the zone may know better.
 */


#include "ngx_http_triggers_auth.h"
#include "ngx_http_triggers_job.h"
#include "ngx_http_triggers_key.h"
#include "ngx_http_triggers_page.h"
#include "ngx_http_triggers_resources.h"
#include "ngx_http_triggers_response.h"


typedef struct {
    ngx_http_triggers_job_t  base;

    /* copied from the request for the thread */
    ngx_triggers_rates_t    *rates;            /* of the zone */
    ngx_uint_t               changed;          /* flag: it is an answer to a
                                                  change */
    u_char                   id[NGX_TRIGGERS_KEY_ID_LEN];

    ngx_http_triggers_page_t  page;
    ngx_triggers_key_query_t  query;
    ngx_uint_t               rows;
    u_char                   last[NGX_TRIGGERS_KEY_ID_LEN];
    ngx_triggers_text_t      text;

    ngx_http_triggers_key_state_t  *state;     /* NULL: no plain key; of the
                                                  request, not the thread's */
} ngx_http_triggers_key_job_t;


static ngx_int_t ngx_http_triggers_key_read(ngx_http_request_t *r, u_char *id,
    ngx_uint_t changed, ngx_http_triggers_key_state_t *state);
static ngx_http_triggers_key_job_t *ngx_http_triggers_key_job_create(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_triggers_key_list_thread(ngx_triggers_job_t *base,
    ngx_triggers_reader_t *reader);
static ngx_int_t ngx_http_triggers_key_list_row(void *data,
    ngx_triggers_key_t *key);
static ngx_int_t ngx_http_triggers_key_get_thread(ngx_triggers_job_t *base,
    ngx_triggers_reader_t *reader);
static ngx_int_t ngx_http_triggers_key_get_row(void *data,
    ngx_triggers_key_t *key);
static void ngx_http_triggers_key_refresh(ngx_http_triggers_key_job_t *job,
    ngx_triggers_key_t *key);
static ngx_int_t ngx_http_triggers_key_job_answer(ngx_http_request_t *r,
    ngx_http_triggers_job_t *base);
static ngx_int_t ngx_http_triggers_key_rotated(ngx_http_request_t *r,
    ngx_http_triggers_key_job_t *job);
static const char *ngx_http_triggers_key_status(ngx_triggers_key_t *key,
    int64_t now);
static void ngx_http_triggers_key_write_scopes(ngx_triggers_text_t *text,
    ngx_triggers_key_t *key);
static void ngx_http_triggers_key_write_allowed(ngx_triggers_text_t *text,
    ngx_triggers_key_t *key);


ngx_int_t
ngx_http_triggers_key_list(ngx_http_request_t *r)
{
    ngx_int_t                     rc;
    ngx_http_triggers_key_job_t  *job;

    job = ngx_http_triggers_key_job_create(r);
    if (job == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_triggers_page_read(r, &job->page, 'k');

    if (rc != NGX_DECLINED) {
        ngx_http_triggers_job_free(&job->base);
        return rc;
    }

    job->query.user_id = job->base.asker.user_id;
    job->query.any_owner = job->base.asker.any_owner;
    job->query.limit = job->page.limit;
    job->query.offset = job->page.offset;
    job->query.handler = ngx_http_triggers_key_list_row;
    job->query.data = job;

    if (job->page.has_place) {
        ngx_memcpy(job->query.cursor, job->page.place,
                   NGX_TRIGGERS_KEY_ID_LEN);

    } else {
        ngx_memset(job->query.cursor, 0xff, NGX_TRIGGERS_KEY_ID_LEN);
    }

    job->base.job.run = ngx_http_triggers_key_list_thread;

    return ngx_http_triggers_job_start(r, &job->base);
}


ngx_int_t
ngx_http_triggers_key_get(ngx_http_request_t *r)
{
    ngx_http_triggers_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    return ngx_http_triggers_key_read(r, ctx->id, 0, NULL);
}


ngx_int_t
ngx_http_triggers_key_answer(ngx_http_request_t *r, u_char *id,
    ngx_http_triggers_key_state_t *state)
{
    return ngx_http_triggers_key_read(r, id, 1, state);
}


void
ngx_http_triggers_key_write(ngx_triggers_text_t *text,
    ngx_triggers_key_t *key, int64_t now)
{
    ngx_triggers_text_puts(text, "{\"key_id\":");
    ngx_triggers_text_uuid(text, key->id);
    ngx_triggers_text_puts(text, ",\"name\":");
    ngx_triggers_text_string(text, &key->name);
    ngx_triggers_text_puts(text, ",\"user_id\":");
    ngx_triggers_text_string(text, &key->user_id);

    ngx_http_triggers_key_write_scopes(text, key);

    ngx_triggers_text_puts(text, ",\"rate_limit\":");
    ngx_triggers_text_number(text, key->rate);

    ngx_http_triggers_key_write_allowed(text, key);

    ngx_triggers_text_puts(text, ",\"is_active\":");
    ngx_triggers_text_puts(text, key->active ? "true" : "false");
    ngx_triggers_text_puts(text, ",\"status\":\"");
    ngx_triggers_text_puts(text, ngx_http_triggers_key_status(key, now));
    ngx_triggers_text_puts(text, "\",\"prefix\":");
    ngx_triggers_text_string(text, &key->prefix);

    ngx_triggers_text_member_time(text, "created_at", key->created_at);
    ngx_triggers_text_member_time(text, "updated_at", key->updated_at);
    ngx_triggers_text_member_time(text, "expires_at", key->expires_at);
    ngx_triggers_text_member_time(text, "last_used_at", key->last_used_at);
    ngx_triggers_text_member_time(text, "revoked_at", key->revoked_at);

    ngx_triggers_text_puts(text, ",\"rotated_from\":");

    if (key->rotated) {
        ngx_triggers_text_uuid(text, key->rotated_from);

    } else {
        ngx_triggers_text_puts(text, "null");
    }
}


ngx_int_t
ngx_http_triggers_key_created(ngx_http_request_t *r, ngx_triggers_key_t *key,
    ngx_triggers_text_t *text)
{
    if (ngx_http_triggers_add_location(r, "/v1/keys/", key->id) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_triggers_send_text(r, NGX_HTTP_CREATED, text);
}


static ngx_int_t
ngx_http_triggers_key_read(ngx_http_request_t *r, u_char *id,
    ngx_uint_t changed, ngx_http_triggers_key_state_t *state)
{
    ngx_http_triggers_key_job_t  *job;

    job = ngx_http_triggers_key_job_create(r);
    if (job == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memcpy(job->id, id, NGX_TRIGGERS_KEY_ID_LEN);
    job->changed = changed;
    job->state = state;

    if (state && ngx_triggers_text_wipe(&job->text) != NGX_OK) {
        ngx_http_triggers_job_free(&job->base);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    job->base.job.run = ngx_http_triggers_key_get_thread;

    return ngx_http_triggers_job_start(r, &job->base);
}


static ngx_http_triggers_key_job_t *
ngx_http_triggers_key_job_create(ngx_http_request_t *r)
{
    ngx_http_triggers_key_job_t   *job;
    ngx_http_triggers_loc_conf_t  *tlcf;

    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_triggers_module);

    job = ngx_http_triggers_job_query(r,
                                      sizeof(ngx_http_triggers_key_job_t));
    if (job == NULL) {
        return NULL;
    }

    job->base.answer = ngx_http_triggers_key_job_answer;

    job->rates = &tlcf->store->worker.zone->sh->rates;

    ngx_triggers_text_init(&job->text, job->base.pool);

    return job;
}


/* in a thread of the pool */

static ngx_int_t
ngx_http_triggers_key_list_thread(ngx_triggers_job_t *base,
    ngx_triggers_reader_t *reader)
{
    ngx_int_t                     rc;
    ngx_http_triggers_key_job_t  *job;

    job = (ngx_http_triggers_key_job_t *) base;

    ngx_triggers_text_puts(&job->text, "{\"keys\":[");

    rc = ngx_triggers_reader_keys(reader, &job->query);

    if (rc == NGX_OK) {
        ngx_http_triggers_page_write(&job->text, &job->page,
                                     job->query.has_more ? job->last : NULL);
        ngx_http_triggers_text_end(&job->text, job->base.asker.now,
                                   &job->base.asker.request_id);
    }

    return rc;
}


/* in a thread of the pool */

static ngx_int_t
ngx_http_triggers_key_list_row(void *data, ngx_triggers_key_t *key)
{
    ngx_http_triggers_key_job_t *job = data;

    if (job->rows++) {
        ngx_triggers_text_puts(&job->text, ",");
    }

    ngx_http_triggers_key_refresh(job, key);
    ngx_http_triggers_key_write(&job->text, key, job->base.asker.now);
    ngx_triggers_text_puts(&job->text, "}");

    ngx_memcpy(job->last, key->id, NGX_TRIGGERS_KEY_ID_LEN);

    return job->text.failed ? NGX_ERROR : NGX_OK;
}


/* in a thread of the pool */

static ngx_int_t
ngx_http_triggers_key_get_thread(ngx_triggers_job_t *base,
    ngx_triggers_reader_t *reader)
{
    ngx_http_triggers_key_job_t  *job;

    job = (ngx_http_triggers_key_job_t *) base;

    return ngx_triggers_reader_key(reader, &job->base.asker.user_id,
                                   job->base.asker.any_owner, job->id,
                                   ngx_http_triggers_key_get_row, job);
}


/* in a thread of the pool */

static ngx_int_t
ngx_http_triggers_key_get_row(void *data, ngx_triggers_key_t *key)
{
    ngx_http_triggers_key_job_t *job = data;

    ngx_http_triggers_key_refresh(job, key);
    ngx_http_triggers_key_write(&job->text, key, job->base.asker.now);

    return NGX_OK;
}


static void
ngx_http_triggers_key_refresh(ngx_http_triggers_key_job_t *job,
    ngx_triggers_key_t *key)
{
    int64_t  used;

    used = (int64_t) ngx_triggers_rates_last_used(job->rates, key->digest);

    if (used > key->last_used_at) {
        key->last_used_at = used;
    }
}


static ngx_int_t
ngx_http_triggers_key_job_answer(ngx_http_request_t *r,
    ngx_http_triggers_job_t *base)
{
    ngx_http_triggers_key_job_t  *job;

    job = (ngx_http_triggers_key_job_t *) base;

    if (job->state) {
        return ngx_http_triggers_key_rotated(r, job);
    }

    if (base->job.rc != NGX_OK && base->job.rc != NGX_DECLINED
        && job->changed)
    {
        return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_UNAVAILABLE, NULL,
                                       "the key has been changed, but the "
                                       "store cannot be read");
    }

    if (base->job.rc != NGX_OK) {
        return ngx_http_triggers_job_unanswered(r, base,
                                                "there is no such key");
    }

    if (job->query.handler == NULL) {
        ngx_http_triggers_text_end(&job->text, job->base.asker.now,
                                   &job->base.asker.request_id);
    }

    return ngx_http_triggers_send_text(r, NGX_HTTP_OK, &job->text);
}


/*
 * The old key has been given an end: its owner gets the new one, whatever can
 * be said of it.
 */

static ngx_int_t
ngx_http_triggers_key_rotated(ngx_http_request_t *r,
    ngx_http_triggers_key_job_t *job)
{
    ngx_str_t             plain;
    ngx_triggers_text_t  *text;

    text = &job->text;

    if (job->base.job.rc != NGX_OK) {
        ngx_triggers_text_init(text, job->base.pool);
        ngx_triggers_text_puts(text, "{\"key_id\":");
        ngx_triggers_text_uuid(text, job->id);
    }

    plain.data = job->state->plain;
    plain.len = sizeof(job->state->plain);

    ngx_triggers_text_puts(text, ",\"key\":");
    ngx_triggers_text_string(text, &plain);

    ngx_http_triggers_text_end(text, job->base.asker.now,
                               &job->base.asker.request_id);

    return ngx_http_triggers_key_created(r, &job->state->key, text);
}


static const char *
ngx_http_triggers_key_status(ngx_triggers_key_t *key, int64_t now)
{
    if (key->revoked_at) {
        return "revoked";
    }

    if (key->expires_at && key->expires_at <= now) {
        return "expired";
    }

    return key->active ? "active" : "inactive";
}


static void
ngx_http_triggers_key_write_scopes(ngx_triggers_text_t *text,
    ngx_triggers_key_t *key)
{
    ngx_uint_t        scopes;
    const char       *before;
    const ngx_str_t  *name;

    scopes = key->scopes;
    before = ",\"scopes\":[\"";

    for ( ;; ) {
        name = ngx_http_triggers_scope_name(&scopes);

        if (name == NULL) {
            break;
        }

        ngx_triggers_text_puts(text, before);
        ngx_triggers_text_add(text, name->data, name->len);
        before = "\",\"";
    }

    ngx_triggers_text_puts(text, "\"]");
}


static void
ngx_http_triggers_key_write_allowed(ngx_triggers_text_t *text,
    ngx_triggers_key_t *key)
{
    u_char     *p, *comma, *last;
    ngx_str_t   network;

    ngx_triggers_text_puts(text, ",\"allowed_ips\":[");

    last = key->allowed.data + key->allowed.len;

    for (p = key->allowed.data; p < last; p = comma + 1) {

        comma = ngx_strlchr(p, last, ',');
        if (comma == NULL) {
            comma = last;
        }

        network.data = p;
        network.len = comma - p;

        if (p != key->allowed.data) {
            ngx_triggers_text_puts(text, ",");
        }

        ngx_triggers_text_string(text, &network);
    }

    ngx_triggers_text_puts(text, "]");
}
