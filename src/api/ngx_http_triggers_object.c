
/*
 * Reads bodies member by member, and the kinds of values that many members
 * have.  Every refusal names the member and says what it must be.
 */


#include "ngx_http_triggers_object.h"
#include "ngx_triggers_time.h"
#include "ngx_triggers_uuid.h"


#define NGX_HTTP_TRIGGERS_OBJECT_MESSAGE_LEN  256


static ngx_int_t ngx_http_triggers_object_walk(
    ngx_http_triggers_object_t *object, json_t *root,
    const ngx_http_triggers_object_member_t *table, ngx_uint_t on);
static ngx_int_t ngx_http_triggers_object_field(
    ngx_http_triggers_object_t *object, const char *name);


ngx_int_t
ngx_http_triggers_object_read(ngx_http_triggers_object_t *object,
    ngx_str_t *body, const ngx_http_triggers_object_member_t *table,
    ngx_uint_t on)
{
    json_t        *root;
    ngx_int_t      rc;
    json_error_t   error;

    ngx_str_null(&object->field);
    ngx_str_null(&object->message);

    root = json_loadb((char *) body->data, body->len, JSON_REJECT_DUPLICATES,
                      &error);

    if (root == NULL && json_error_code(&error) == json_error_out_of_memory) {
        return NGX_ERROR;
    }

    if (root == NULL && json_error_code(&error) == json_error_duplicate_key) {
        return ngx_http_triggers_object_refuse(object, "a member of the body "
                                               "is there twice");
    }

    if (!json_is_object(root)) {
        json_decref(root);
        return ngx_http_triggers_object_refuse(object, "the body must be a "
                                               "JSON object");
    }

    rc = ngx_http_triggers_object_walk(object, root, table, on);

    json_decref(root);

    return rc;
}


static ngx_int_t
ngx_http_triggers_object_walk(ngx_http_triggers_object_t *object,
    json_t *root, const ngx_http_triggers_object_member_t *table,
    ngx_uint_t on)
{
    json_t                                   *value;
    ngx_int_t                                 rc;
    const char                               *name;
    const ngx_http_triggers_object_member_t  *m;

    json_object_foreach(root, name, value) {

        for (m = table; m->name; m++) {
            if ((m->on & on) && ngx_strcmp(m->name, name) == 0) {
                break;
            }
        }

        if (ngx_http_triggers_object_field(object, name) != NGX_OK) {
            return NGX_ERROR;
        }

        if (m->name == NULL) {
            return ngx_http_triggers_object_refuse(object, "unknown member");
        }

        if (json_is_null(value) && (m->on & NGX_HTTP_TRIGGERS_OBJECT_NULL)) {
            continue;
        }

        object->member = m;

        rc = m->handler(object, value);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    ngx_str_null(&object->field);

    return NGX_OK;
}


/* the name is the body's, which is freed before the answer is made */

static ngx_int_t
ngx_http_triggers_object_field(ngx_http_triggers_object_t *object,
    const char *name)
{
    object->field.len = ngx_strlen(name);
    object->field.data = ngx_pnalloc(object->pool, object->field.len + 1);

    if (object->field.data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(object->field.data, name, object->field.len);

    return NGX_OK;
}


ngx_int_t
ngx_http_triggers_object_refuse(ngx_http_triggers_object_t *object,
    const char *fmt, ...)
{
    u_char   *p;
    va_list   args;

    p = ngx_pnalloc(object->pool, NGX_HTTP_TRIGGERS_OBJECT_MESSAGE_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    object->message.data = p;

    va_start(args, fmt);
    p = ngx_vslprintf(p, p + NGX_HTTP_TRIGGERS_OBJECT_MESSAGE_LEN, fmt, args);
    va_end(args);

    object->message.len = p - object->message.data;

    return NGX_DECLINED;
}


ngx_int_t
ngx_http_triggers_object_missing(ngx_http_triggers_object_t *object,
    const char *name)
{
    if (ngx_http_triggers_object_field(object, name) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_triggers_object_refuse(object, "%s is required", name);
}


ngx_int_t
ngx_http_triggers_object_string(ngx_http_triggers_object_t *object,
    json_t *value, ngx_str_t *dst)
{
    if (!json_is_string(value)) {
        return ngx_http_triggers_object_refuse(object, "%V must be a string",
                                               &object->field);
    }

    dst->len = json_string_length(value);
    dst->data = ngx_pnalloc(object->pool, dst->len + 1);

    if (dst->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(dst->data, json_string_value(value), dst->len);

    return NGX_OK;
}


ngx_int_t
ngx_http_triggers_object_integer(ngx_http_triggers_object_t *object,
    json_t *value, int64_t min, int64_t max, int64_t *dst)
{
    if (!json_is_integer(value) || json_integer_value(value) < min
        || json_integer_value(value) > max)
    {
        return ngx_http_triggers_object_refuse(object, "%V must be an integer "
                                               "from %L to %L",
                                               &object->field, min, max);
    }

    *dst = json_integer_value(value);

    return NGX_OK;
}


ngx_int_t
ngx_http_triggers_object_boolean(ngx_http_triggers_object_t *object,
    json_t *value, uint32_t *dst)
{
    if (!json_is_boolean(value)) {
        return ngx_http_triggers_object_refuse(object, "%V must be true or "
                                               "false", &object->field);
    }

    *dst = json_is_true(value);

    return NGX_OK;
}


ngx_int_t
ngx_http_triggers_object_time(ngx_http_triggers_object_t *object,
    json_t *value, int64_t *dst)
{
    ngx_str_t  text;

    text.data = (u_char *) json_string_value(value);
    text.len = json_string_length(value);

    if (text.data == NULL || ngx_triggers_time_parse(&text, dst) != NGX_OK) {
        return ngx_http_triggers_object_refuse(object, "%V must be an "
                                               "ISO 8601 time",
                                               &object->field);
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_triggers_object_uuid(ngx_http_triggers_object_t *object,
    json_t *value, u_char *id)
{
    ngx_str_t  text;

    text.data = (u_char *) json_string_value(value);
    text.len = json_string_length(value);

    if (text.data == NULL || ngx_triggers_uuid_parse(&text, id) != NGX_OK) {
        return ngx_http_triggers_object_refuse(object, "%V must be a UUID",
                                               &object->field);
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_triggers_object_integer_slot(ngx_http_triggers_object_t *object,
    json_t *value)
{
    char  *p = object->data;

    return ngx_http_triggers_object_integer(object, value, object->member->min,
                                            object->member->max,
                                            (int64_t *)
                                            (p + object->member->offset));
}


ngx_int_t
ngx_http_triggers_object_text_slot(ngx_http_triggers_object_t *object,
    json_t *value)
{
    char  *p = object->data;

    size_t      n;
    ngx_int_t   rc;
    ngx_str_t  *dst;

    dst = (ngx_str_t *) (p + object->member->offset);

    rc = ngx_http_triggers_object_string(object, value, dst);

    if (rc != NGX_OK) {
        return rc;
    }

    n = ngx_utf8_length(dst->data, dst->len);

    if (n == 0 || n > (size_t) object->member->max) {
        return ngx_http_triggers_object_refuse(object, "%V must be a string "
                                               "of 1 to %L characters",
                                               &object->field,
                                               object->member->max);
    }

    return NGX_OK;
}
