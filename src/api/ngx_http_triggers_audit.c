
/*
 * GET /v1/audit: who did what, when.  A job goes to a thread, which queries
 * the store and writes the body; the request is parked meanwhile.
 *
 * An entry's id is made of its place in the order, so that none is stored; for
 * the one that says that an event was created, which may be derived from the
 * event and become a row later, it is the event's id in another version.
 */


#include "ngx_http_triggers_args.h"
#include "ngx_http_triggers_auth.h"
#include "ngx_http_triggers_job.h"
#include "ngx_http_triggers_page.h"
#include "ngx_http_triggers_resources.h"
#include "ngx_http_triggers_response.h"
#include "ngx_triggers_args.h"


typedef struct {
    ngx_http_triggers_job_t     base;

    /* copied from the request for the thread */
    u_char                      event_id[NGX_TRIGGERS_ID_LEN];

    ngx_http_triggers_page_t    page;
    ngx_triggers_audit_query_t  query;
    ngx_uint_t                  entries;
    ngx_triggers_text_t         text;
} ngx_http_triggers_audit_job_t;


static ngx_uint_t ngx_http_triggers_audit_allowed(ngx_http_request_t *r);
static ngx_int_t ngx_http_triggers_audit_event_id(void *data, ngx_str_t *value);
static ngx_int_t ngx_http_triggers_audit_action(void *data, ngx_str_t *value);
static ngx_uint_t ngx_http_triggers_audit_word(u_char *p, size_t len);
static ngx_int_t ngx_http_triggers_audit_from(void *data, ngx_str_t *value);
static ngx_int_t ngx_http_triggers_audit_to(void *data, ngx_str_t *value);
static ngx_int_t ngx_http_triggers_audit_limit(void *data, ngx_str_t *value);
static ngx_int_t ngx_http_triggers_audit_cursor(void *data, ngx_str_t *value);
static ngx_int_t ngx_http_triggers_audit_thread(ngx_triggers_job_t *base,
    ngx_triggers_reader_t *reader);
static ngx_int_t ngx_http_triggers_audit_entry(void *data,
    ngx_triggers_audit_t *entry);
static void ngx_http_triggers_audit_id(ngx_triggers_audit_t *entry,
    u_char *id);
static void ngx_http_triggers_audit_page(ngx_http_triggers_audit_job_t *job);
static ngx_int_t ngx_http_triggers_audit_answer(ngx_http_request_t *r,
    ngx_http_triggers_job_t *base);
static u_char *ngx_http_triggers_audit_put(u_char *p, uint64_t n);
static uint64_t ngx_http_triggers_audit_take(u_char *p);


/* in the order of ngx_triggers_audit_e */

static const ngx_str_t  ngx_http_triggers_audit_actions[] = {
    ngx_string("event.created"),
    ngx_string("event.acknowledged"),
    ngx_string("event.delivered"),
    ngx_string("event.failed"),
    ngx_string("event.retried"),
    ngx_string("event.deleted"),
    ngx_string("event.expired"),
    ngx_string("key.created"),
    ngx_string("key.updated"),
    ngx_string("key.rotated"),
    ngx_string("key.revoked"),
    ngx_string("webhook.created"),
    ngx_string("webhook.updated"),
    ngx_string("webhook.rotated"),
    ngx_string("webhook.deleted"),
    ngx_string("webhook.disabled")
};


static const ngx_http_triggers_arg_t  ngx_http_triggers_audit_args[] = {
    { ngx_string("event_id"), ngx_http_triggers_audit_event_id,
      "event_id must be a UUID" },

    { ngx_string("action"), ngx_http_triggers_audit_action,
      "action must be a comma list of actions, such as event.acknowledged or "
      "key.*" },

    { ngx_string("from"), ngx_http_triggers_audit_from,
      "from must be an ISO-8601 time" },

    { ngx_string("to"), ngx_http_triggers_audit_to,
      "to must be an ISO-8601 time" },

    { ngx_string("limit"), ngx_http_triggers_audit_limit,
      NGX_HTTP_TRIGGERS_PAGE_LIMIT_REFUSED },

    { ngx_string("cursor"), ngx_http_triggers_audit_cursor,
      "cursor must be the next_cursor of an answer" },

    { ngx_null_string, NULL, NULL }
};


ngx_int_t
ngx_http_triggers_audit_list(ngx_http_request_t *r)
{
    ngx_int_t                       rc;
    ngx_http_triggers_loc_conf_t   *tlcf;
    ngx_http_triggers_audit_job_t  *job;

    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_triggers_module);

    job = ngx_http_triggers_job_query(r,
                                      sizeof(ngx_http_triggers_audit_job_t));
    if (job == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    job->page.kind = 'l';

    job->query.user_id = job->base.asker.user_id;
    job->query.any_owner = job->base.asker.any_owner;
    job->query.actions = NGX_TRIGGERS_AUDIT_ALL;
    job->query.limit = NGX_HTTP_TRIGGERS_PAGE_LIMIT;
    job->query.time_limit = tlcf->query_timeout;
    job->query.handler = ngx_http_triggers_audit_entry;
    job->query.data = job;

    rc = ngx_http_triggers_args_read(r, r->pool, ngx_http_triggers_audit_args,
                                     job);

    if (rc != NGX_DECLINED) {
        ngx_http_triggers_job_free(&job->base);
        return rc;
    }

    job->query.actions &= ngx_http_triggers_audit_allowed(r);

    ngx_triggers_text_init(&job->text, job->base.pool);

    job->base.job.run = ngx_http_triggers_audit_thread;
    job->base.answer = ngx_http_triggers_audit_answer;

    return ngx_http_triggers_job_start(r, &job->base);
}


/* what the asker may see: who manages keys sees what was done to keys */

static ngx_uint_t
ngx_http_triggers_audit_allowed(ngx_http_request_t *r)
{
    ngx_uint_t                actions, scopes;
    ngx_http_triggers_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    scopes = ctx->key->scopes;

    if (scopes & (NGX_HTTP_TRIGGERS_SCOPE_LOGS_READ
                  |NGX_HTTP_TRIGGERS_SCOPE_ADMIN))
    {
        return NGX_TRIGGERS_AUDIT_ALL;
    }

    actions = 0;

    if (scopes & NGX_HTTP_TRIGGERS_SCOPE_KEYS_MANAGE) {
        actions |= NGX_TRIGGERS_AUDIT_KEYS;
    }

    if (scopes & NGX_HTTP_TRIGGERS_SCOPE_WEBHOOKS_MANAGE) {
        actions |= NGX_TRIGGERS_AUDIT_WEBHOOKS;
    }

    return actions;
}


static ngx_int_t
ngx_http_triggers_audit_event_id(void *data, ngx_str_t *value)
{
    ngx_http_triggers_audit_job_t *job = data;

    job->query.event_id = job->event_id;

    return ngx_triggers_uuid_parse(value, job->event_id);
}


static ngx_int_t
ngx_http_triggers_audit_action(void *data, ngx_str_t *value)
{
    ngx_http_triggers_audit_job_t *job = data;

    u_char      *p, *comma, *last;
    ngx_uint_t   bits;

    job->query.actions = 0;
    last = value->data + value->len;

    for (p = value->data; p <= last; p = comma + 1) {

        comma = ngx_strlchr(p, last, ',');
        if (comma == NULL) {
            comma = last;
        }

        bits = ngx_http_triggers_audit_word(p, comma - p);

        if (bits == 0) {
            return NGX_ERROR;
        }

        job->query.actions |= bits;
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_triggers_audit_word(u_char *p, size_t len)
{
    ngx_uint_t        i, bits, prefix;
    const ngx_str_t  *name;

    bits = 0;
    prefix = (len > 2 && p[len - 1] == '*' && p[len - 2] == '.');

    len -= prefix;

    for (i = 0; i < NGX_TRIGGERS_NAUDIT; i++) {
        name = &ngx_http_triggers_audit_actions[i];

        if ((prefix ? name->len > len : name->len == len)
            && ngx_strncmp(name->data, p, len) == 0)
        {
            bits |= (ngx_uint_t) 1 << i;
        }
    }

    return bits;
}


static ngx_int_t
ngx_http_triggers_audit_from(void *data, ngx_str_t *value)
{
    ngx_http_triggers_audit_job_t *job = data;

    return ngx_triggers_args_time(value, &job->query.from);
}


static ngx_int_t
ngx_http_triggers_audit_to(void *data, ngx_str_t *value)
{
    ngx_http_triggers_audit_job_t *job = data;

    if (ngx_triggers_args_time(value, &job->query.to) != NGX_OK) {
        return NGX_ERROR;
    }

    /* 0 would mean no bound */

    job->query.to = ngx_max(job->query.to, 1);

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_audit_limit(void *data, ngx_str_t *value)
{
    ngx_http_triggers_audit_job_t *job = data;

    return ngx_http_triggers_page_limit(value, &job->query.limit);
}


static ngx_int_t
ngx_http_triggers_audit_cursor(void *data, ngx_str_t *value)
{
    ngx_http_triggers_audit_job_t *job = data;

    u_char  *place;

    if (ngx_http_triggers_page_cursor(&job->page, value) != NGX_OK) {
        return NGX_ERROR;
    }

    place = job->page.place;

    job->query.before_at = (int64_t) ngx_http_triggers_audit_take(place);
    job->query.before_n = (int64_t) ngx_http_triggers_audit_take(place + 8);

    return job->query.before_at > 0 ? NGX_OK : NGX_ERROR;
}


/* in a thread of the pool */

static ngx_int_t
ngx_http_triggers_audit_thread(ngx_triggers_job_t *base,
    ngx_triggers_reader_t *reader)
{
    ngx_int_t                       rc;
    ngx_http_triggers_audit_job_t  *job;

    job = (ngx_http_triggers_audit_job_t *) base;

    ngx_triggers_text_puts(&job->text, "{\"entries\":[");

    rc = ngx_triggers_reader_audit(reader, &job->query);

    if (rc == NGX_OK) {
        ngx_http_triggers_audit_page(job);
    }

    return rc;
}


/* in a thread of the pool */

static ngx_int_t
ngx_http_triggers_audit_entry(void *data, ngx_triggers_audit_t *entry)
{
    ngx_http_triggers_audit_job_t *job = data;

    u_char                id[NGX_TRIGGERS_ID_LEN];
    const ngx_str_t      *action;
    ngx_triggers_text_t  *text;

    text = &job->text;
    action = &ngx_http_triggers_audit_actions[entry->action];
    ngx_http_triggers_audit_id(entry, id);

    ngx_triggers_text_puts(text, job->entries++ ? ",{\"log_id\":"
                                                : "{\"log_id\":");
    ngx_triggers_text_uuid(text, id);
    ngx_triggers_text_puts(text, ",\"event_id\":");

    if (entry->event_id) {
        ngx_triggers_text_uuid(text, entry->event_id);

    } else {
        ngx_triggers_text_puts(text, "null");
    }

    ngx_triggers_text_puts(text, ",\"user_id\":");
    ngx_triggers_text_string(text, &entry->actor);
    ngx_triggers_text_puts(text, ",\"owner\":");
    ngx_triggers_text_string(text, &entry->owner);
    ngx_triggers_text_puts(text, ",\"action\":\"");
    ngx_triggers_text_add(text, action->data, action->len);
    ngx_triggers_text_puts(text, "\",\"timestamp\":");
    ngx_triggers_text_time(text, entry->at);
    ngx_triggers_text_puts(text, ",\"details\":");

    if (entry->details.data) {
        ngx_triggers_text_add(text, entry->details.data, entry->details.len);

    } else {
        ngx_triggers_text_puts(text, "{}");
    }

    ngx_triggers_text_puts(text, ",\"ip_address\":");
    ngx_triggers_text_string(text, &entry->source_ip);
    ngx_triggers_text_puts(text, ",\"request_id\":");
    ngx_triggers_text_string(text, &entry->request_id);
    ngx_triggers_text_puts(text, "}");

    return text->failed ? NGX_ERROR : NGX_OK;
}


/* of version 8: its 48 bits of time and 62 others are the place */

static void
ngx_http_triggers_audit_id(ngx_triggers_audit_t *entry, u_char *id)
{
    if (entry->action == NGX_TRIGGERS_AUDIT_EVENT_CREATED && entry->event_id) {
        ngx_memcpy(id, entry->event_id, NGX_TRIGGERS_ID_LEN);

    } else {
        (void) ngx_http_triggers_audit_put(id, (uint64_t) entry->at << 16);
        (void) ngx_http_triggers_audit_put(id + 8, (uint64_t) entry->n);
        id[8] = (u_char) ((id[8] & 0x3f) | 0x80);
    }

    id[6] = (u_char) ((id[6] & 0x0f) | 0x80);
}


/* in a thread of the pool */

static void
ngx_http_triggers_audit_page(ngx_http_triggers_audit_job_t *job)
{
    u_char  *p, place[NGX_HTTP_TRIGGERS_PAGE_PLACE];

    p = ngx_http_triggers_audit_put(place, (uint64_t) job->query.last_at);
    (void) ngx_http_triggers_audit_put(p, (uint64_t) job->query.last_n);

    job->page.limit = job->query.limit;

    ngx_http_triggers_page_write(&job->text, &job->page,
                                 job->query.has_more ? place : NULL);

    ngx_http_triggers_text_end(&job->text, job->base.asker.now,
                               &job->base.asker.request_id);
}


static ngx_int_t
ngx_http_triggers_audit_answer(ngx_http_request_t *r,
    ngx_http_triggers_job_t *base)
{
    ngx_http_triggers_audit_job_t  *job;

    job = (ngx_http_triggers_audit_job_t *) base;

    if (base->job.rc != NGX_OK) {
        return ngx_http_triggers_job_unanswered(r, base,
                                                "there is no audit");
    }

    return ngx_http_triggers_send_text(r, NGX_HTTP_OK, &job->text);
}


static u_char *
ngx_http_triggers_audit_put(u_char *p, uint64_t n)
{
    ngx_uint_t  i;

    for (i = 0; i < 8; i++) {
        *p++ = (u_char) (n >> (56 - 8 * i));
    }

    return p;
}


static uint64_t
ngx_http_triggers_audit_take(u_char *p)
{
    uint64_t    n;
    ngx_uint_t  i;

    n = 0;

    for (i = 0; i < 8; i++) {
        n = n << 8 | *p++;
    }

    return n;
}
