
/*
 * Writes JSON into a chain of buffers that grows.  Readers' threads use it on
 * a pool of their job's own.
 */


#include "ngx_triggers_text.h"
#include "ngx_triggers_time.h"
#include "ngx_triggers_uuid.h"


#define NGX_TRIGGERS_TEXT_FIRST  4000
#define NGX_TRIGGERS_TEXT_NEXT   (64 * 1024)

#define NGX_TRIGGERS_UUID_TEXT   36


static u_char *ngx_triggers_text_reserve(ngx_triggers_text_t *text,
    size_t len);
static void ngx_triggers_text_commit(ngx_triggers_text_t *text, u_char *last);
static void ngx_triggers_text_cleanup(void *data);


void
ngx_triggers_text_init(ngx_triggers_text_t *text, ngx_pool_t *pool)
{
    ngx_memzero(text, sizeof(ngx_triggers_text_t));

    text->pool = pool;
}


void
ngx_triggers_text_add(ngx_triggers_text_t *text, u_char *data, size_t len)
{
    u_char  *p;

    p = ngx_triggers_text_reserve(text, len);
    if (p == NULL) {
        return;
    }

    ngx_triggers_text_commit(text, ngx_cpymem(p, data, len));
}


void
ngx_triggers_text_puts(ngx_triggers_text_t *text, const char *s)
{
    ngx_triggers_text_add(text, (u_char *) s, ngx_strlen(s));
}


void
ngx_triggers_text_number(ngx_triggers_text_t *text, int64_t n)
{
    u_char  *p;

    p = ngx_triggers_text_reserve(text, NGX_INT64_LEN);
    if (p == NULL) {
        return;
    }

    ngx_triggers_text_commit(text, ngx_sprintf(p, "%L", n));
}


void
ngx_triggers_text_string(ngx_triggers_text_t *text, ngx_str_t *s)
{
    size_t   escape;
    u_char  *p;

    if (s->data == NULL) {
        ngx_triggers_text_puts(text, "null");
        return;
    }

    escape = ngx_escape_json(NULL, s->data, s->len);

    p = ngx_triggers_text_reserve(text, s->len + escape + 2);
    if (p == NULL) {
        return;
    }

    *p++ = '"';

    if (escape) {
        p = (u_char *) ngx_escape_json(p, s->data, s->len);

    } else {
        p = ngx_cpymem(p, s->data, s->len);
    }

    *p++ = '"';

    ngx_triggers_text_commit(text, p);
}


void
ngx_triggers_text_time(ngx_triggers_text_t *text, int64_t ms)
{
    u_char  *p;

    if (ms == 0) {
        ngx_triggers_text_puts(text, "null");
        return;
    }

    p = ngx_triggers_text_reserve(text, NGX_TRIGGERS_TIME_LEN + 2);
    if (p == NULL) {
        return;
    }

    *p++ = '"';
    p = ngx_triggers_time_format(p, ms);
    *p++ = '"';

    ngx_triggers_text_commit(text, p);
}


void
ngx_triggers_text_uuid(ngx_triggers_text_t *text, u_char *id)
{
    u_char  *p;

    p = ngx_triggers_text_reserve(text, NGX_TRIGGERS_UUID_TEXT + 2);
    if (p == NULL) {
        return;
    }

    *p++ = '"';
    p = ngx_triggers_uuid_format(p, id);
    *p++ = '"';

    ngx_triggers_text_commit(text, p);
}


void
ngx_triggers_text_member_time(ngx_triggers_text_t *text, const char *name,
    int64_t ms)
{
    ngx_triggers_text_puts(text, ",\"");
    ngx_triggers_text_puts(text, name);
    ngx_triggers_text_puts(text, "\":");
    ngx_triggers_text_time(text, ms);
}


ngx_int_t
ngx_triggers_text_wipe(ngx_triggers_text_t *text)
{
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(text->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_triggers_text_cleanup;
    cln->data = text;

    return NGX_OK;
}


static u_char *
ngx_triggers_text_reserve(ngx_triggers_text_t *text, size_t len)
{
    size_t        size;
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    if (text->failed) {
        return NULL;
    }

    if (text->last) {
        b = text->last->buf;

        if ((size_t) (b->end - b->last) >= len) {
            return b->last;
        }
    }

    size = text->last ? NGX_TRIGGERS_TEXT_NEXT : NGX_TRIGGERS_TEXT_FIRST;

    b = ngx_create_temp_buf(text->pool, ngx_max(size, len));
    if (b == NULL) {
        goto failed;
    }

    cl = ngx_alloc_chain_link(text->pool);
    if (cl == NULL) {
        goto failed;
    }

    cl->buf = b;
    cl->next = NULL;

    if (text->last) {
        text->last->next = cl;

    } else {
        text->first = cl;
    }

    text->last = cl;

    return b->last;

failed:

    text->failed = 1;

    return NULL;
}


static void
ngx_triggers_text_commit(ngx_triggers_text_t *text, u_char *last)
{
    ngx_buf_t  *b;

    b = text->last->buf;
    text->size += last - b->last;
    b->last = last;
}


static void
ngx_triggers_text_cleanup(void *data)
{
    ngx_triggers_text_t *text = data;

    ngx_chain_t  *cl;

    for (cl = text->first; cl; cl = cl->next) {
        ngx_explicit_memzero(cl->buf->start, cl->buf->end - cl->buf->start);
    }
}
