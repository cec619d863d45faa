
/*
 * The context attributes of CloudEvents 1.0, their names, types and rules;
 * "CloudEvents", sections "Type System" and "Context Attributes".  Pure but
 * for the pools that take decoded strings: any thread.
 */


#ifndef _NGX_HTTP_TRIGGERS_ATTRIBUTE_H_INCLUDED_
#define _NGX_HTTP_TRIGGERS_ATTRIBUTE_H_INCLUDED_


#include "ngx_triggers_json.h"


/* attributes that have rules of their own; those before TIME are required */

typedef enum {
    NGX_HTTP_TRIGGERS_CE_SPECVERSION = 0,
    NGX_HTTP_TRIGGERS_CE_ID,
    NGX_HTTP_TRIGGERS_CE_SOURCE,
    NGX_HTTP_TRIGGERS_CE_TYPE,
    NGX_HTTP_TRIGGERS_CE_TIME,
    NGX_HTTP_TRIGGERS_CE_DATACONTENTTYPE,
    NGX_HTTP_TRIGGERS_CE_DATASCHEMA,
    NGX_HTTP_TRIGGERS_CE_SUBJECT,
    NGX_HTTP_TRIGGERS_CE_EXTENSION
} ngx_http_triggers_ce_e;


typedef struct {
    ngx_str_t                name;             /* data NULL: not one */
    ngx_uint_t               known;            /* ngx_http_triggers_ce_e */
    ngx_str_t                text;             /* the value in JSON */
    ngx_str_t                plain;            /* a string's, decoded; data
                                                  NULL where it is none */
    const char              *rule;             /* that is not kept */
} ngx_http_triggers_attribute_t;


/*
 * Reads a validated member as an attribute.  NGX_OK; NGX_DONE: its value is
 * null, which stands for no attribute; NGX_DECLINED: it is none, a->rule says
 * what it must be, the name where a->name.data is NULL and else the value;
 * NGX_ERROR: no memory.
 */

ngx_int_t ngx_http_triggers_attribute_read(ngx_pool_t *pool,
    ngx_triggers_json_member_t *member, ngx_http_triggers_attribute_t *a);

/*
 * Decodes a validated JSON string, in place where it has no escapes.  NGX_OK;
 * NGX_DECLINED: it has characters that the type String has not; NGX_ERROR.
 */

ngx_int_t ngx_http_triggers_attribute_string(ngx_pool_t *pool,
    ngx_str_t *text, ngx_str_t *plain);

/* The name of one with rules of its own. */

const char *ngx_http_triggers_attribute_of(ngx_uint_t known);

/*
 * 1 or 0: may it be an attribute's name; is valid UTF-8 of the type String;
 * is it base64 (RFC 4648, section 4); are the two the same.
 */

ngx_uint_t ngx_http_triggers_attribute_is_name(ngx_str_t *s);
ngx_uint_t ngx_http_triggers_attribute_is_string(ngx_str_t *s);
ngx_uint_t ngx_http_triggers_attribute_is_base64(ngx_str_t *s);
ngx_uint_t ngx_http_triggers_str_is(ngx_str_t *s, const char *text);


#endif /* _NGX_HTTP_TRIGGERS_ATTRIBUTE_H_INCLUDED_ */
