
/*
 * Reads where a page begins and how long it is, and writes where the next one
 * does.
 */


#include "ngx_http_triggers_page.h"
#include "ngx_http_triggers_args.h"


#define NGX_HTTP_TRIGGERS_PAGE_OFFSET_MAX  1000000000

#define NGX_HTTP_TRIGGERS_PAGE_CURSOR  (1 + NGX_HTTP_TRIGGERS_PAGE_PLACE)


static ngx_int_t ngx_http_triggers_page_arg_limit(void *data,
    ngx_str_t *value);
static ngx_int_t ngx_http_triggers_page_arg_offset(void *data,
    ngx_str_t *value);
static ngx_int_t ngx_http_triggers_page_arg_cursor(void *data,
    ngx_str_t *value);
static ngx_int_t ngx_http_triggers_page_integer(ngx_str_t *value,
    ngx_int_t min, ngx_int_t max, ngx_uint_t *dst);


static const ngx_http_triggers_arg_t  ngx_http_triggers_page_args[] = {
    { ngx_string("limit"), ngx_http_triggers_page_arg_limit,
      NGX_HTTP_TRIGGERS_PAGE_LIMIT_REFUSED },

    { ngx_string("offset"), ngx_http_triggers_page_arg_offset,
      "offset must be a number or a cursor" },

    { ngx_string("cursor"), ngx_http_triggers_page_arg_cursor,
      "cursor must be the next_cursor of an answer" },

    { ngx_null_string, NULL, NULL }
};


ngx_int_t
ngx_http_triggers_page_read(ngx_http_request_t *r,
    ngx_http_triggers_page_t *page, u_char kind)
{
    ngx_memzero(page, sizeof(ngx_http_triggers_page_t));

    page->kind = kind;
    page->limit = NGX_HTTP_TRIGGERS_PAGE_LIMIT;

    return ngx_http_triggers_args_read(r, r->pool,
                                       ngx_http_triggers_page_args, page);
}


static ngx_int_t
ngx_http_triggers_page_arg_limit(void *data, ngx_str_t *value)
{
    ngx_http_triggers_page_t *page = data;

    return ngx_http_triggers_page_limit(value, &page->limit);
}


static ngx_int_t
ngx_http_triggers_page_arg_offset(void *data, ngx_str_t *value)
{
    ngx_http_triggers_page_t *page = data;

    if (ngx_http_triggers_page_integer(value, 0,
                                       NGX_HTTP_TRIGGERS_PAGE_OFFSET_MAX,
                                       &page->offset)
        == NGX_OK)
    {
        return NGX_OK;
    }

    return ngx_http_triggers_page_cursor(page, value);
}


static ngx_int_t
ngx_http_triggers_page_arg_cursor(void *data, ngx_str_t *value)
{
    ngx_http_triggers_page_t *page = data;

    return ngx_http_triggers_page_cursor(page, value);
}


ngx_int_t
ngx_http_triggers_page_limit(ngx_str_t *value, ngx_uint_t *limit)
{
    return ngx_http_triggers_page_integer(value, 1,
                                          NGX_HTTP_TRIGGERS_PAGE_LIMIT_MAX,
                                          limit);
}


ngx_int_t
ngx_http_triggers_page_cursor(ngx_http_triggers_page_t *page,
    ngx_str_t *value)
{
    u_char     buf[ngx_base64_decoded_length(
                                ngx_base64_encoded_length(
                                    NGX_HTTP_TRIGGERS_PAGE_CURSOR))];
    ngx_str_t  text;

    if (value->len > ngx_base64_encoded_length(NGX_HTTP_TRIGGERS_PAGE_CURSOR))
    {
        return NGX_ERROR;
    }

    text.data = buf;

    if (ngx_decode_base64url(&text, value) != NGX_OK
        || text.len != NGX_HTTP_TRIGGERS_PAGE_CURSOR || buf[0] != page->kind)
    {
        return NGX_ERROR;
    }

    ngx_memcpy(page->place, buf + 1, NGX_HTTP_TRIGGERS_PAGE_PLACE);
    page->has_place = 1;

    return NGX_OK;
}


void
ngx_http_triggers_page_write(ngx_triggers_text_t *text,
    ngx_http_triggers_page_t *page, u_char *next)
{
    u_char     cursor[NGX_HTTP_TRIGGERS_PAGE_CURSOR];
    u_char     buf[ngx_base64_encoded_length(NGX_HTTP_TRIGGERS_PAGE_CURSOR)];
    ngx_str_t  src, dst;

    ngx_str_null(&dst);

    if (next) {
        cursor[0] = page->kind;
        ngx_memcpy(cursor + 1, next, NGX_HTTP_TRIGGERS_PAGE_PLACE);

        src.data = cursor;
        src.len = sizeof(cursor);
        dst.data = buf;
        ngx_encode_base64url(&dst, &src);
    }

    ngx_triggers_text_puts(text, "],\"pagination\":{\"limit\":");
    ngx_triggers_text_number(text, page->limit);
    ngx_triggers_text_puts(text, ",\"offset\":");
    ngx_triggers_text_string(text, &dst);
    ngx_triggers_text_puts(text, ",\"has_more\":");
    ngx_triggers_text_puts(text, next ? "true" : "false");
    ngx_triggers_text_puts(text, ",\"next_cursor\":");
    ngx_triggers_text_string(text, &dst);
    ngx_triggers_text_puts(text, "}");
}


void
ngx_http_triggers_page_place(u_char *place, int64_t number)
{
    ngx_memzero(place, NGX_HTTP_TRIGGERS_PAGE_PLACE);
    ngx_memcpy(place, &number, sizeof(int64_t));
}


int64_t
ngx_http_triggers_page_number(ngx_http_triggers_page_t *page)
{
    int64_t  number;

    ngx_memcpy(&number, page->place, sizeof(int64_t));

    /* whatever somebody has made of a cursor */

    return page->has_place ? ngx_max(number, 1) : 0;
}


static ngx_int_t
ngx_http_triggers_page_integer(ngx_str_t *value, ngx_int_t min, ngx_int_t max,
    ngx_uint_t *dst)
{
    ngx_int_t  n;

    n = ngx_atoi(value->data, value->len);

    if (n == NGX_ERROR || n < min || n > max) {
        return NGX_ERROR;
    }

    *dst = n;

    return NGX_OK;
}
