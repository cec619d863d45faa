
/*
 * The strict JSON validator of the ingest path: RFC 8259, no tree, no
 * allocation.  It yields byte spans of what the caller asks for, so that a
 * payload is stored exactly as it was sent.  Pure: any thread.
 *
 * Strictness: UTF-8 must be well-formed (RFC 3629: no overlong forms, no
 * surrogates, nothing above U+10FFFF); \u escapes must not make lone
 * surrogates; nesting is at most NGX_TRIGGERS_JSON_DEPTH; nothing but white
 * space may follow the value.  Numbers keep their text, whatever their range.
 */


#ifndef _NGX_TRIGGERS_JSON_H_INCLUDED_
#define _NGX_TRIGGERS_JSON_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_TRIGGERS_JSON_DEPTH  128   /* arrays and objects open at once */


typedef enum {
    NGX_TRIGGERS_JSON_NONE = 0,        /* member is absent */
    NGX_TRIGGERS_JSON_NULL,
    NGX_TRIGGERS_JSON_FALSE,
    NGX_TRIGGERS_JSON_TRUE,
    NGX_TRIGGERS_JSON_NUMBER,
    NGX_TRIGGERS_JSON_STRING,
    NGX_TRIGGERS_JSON_ARRAY,
    NGX_TRIGGERS_JSON_OBJECT
} ngx_triggers_json_type_e;


/*
 * Flags of an object's walk: what is refused besides invalid JSON.  UNIQUE
 * looks at the object's own names; objects inside of it may repeat theirs.
 */

#define NGX_TRIGGERS_JSON_UNIQUE       0x1  /* two members of one name */
#define NGX_TRIGGERS_JSON_NO_NUL       0x2  /* \u0000 in its names and in the
                                               strings that are its values */
#define NGX_TRIGGERS_JSON_NO_NUL_DEEP  0x4  /* \u0000 in any name or string,
                                               at any depth */


typedef struct {
    ngx_uint_t               type;     /* ngx_triggers_json_type_e */
    ngx_str_t                text;     /* the value's bytes as sent, without
                                          white space around it; a string's
                                          with its quotes */
} ngx_triggers_json_value_t;


typedef struct {
    ngx_str_t                name;     /* raw bytes between the quotes */
    ngx_uint_t               escaped;  /* flag: name has escapes */
    ngx_triggers_json_value_t  value;
} ngx_triggers_json_member_t;


/* why and where a text was refused */

typedef struct {
    const char              *reason;   /* static text, lower case: "invalid
                                          UTF-8", "unexpected end", … */
    size_t                   offset;   /* of the first offending byte, or of
                                          the character or the escape it
                                          belongs to */
} ngx_triggers_json_error_t;


/*
 * A walk over the members of one object.  Usage:
 *
 *     ngx_triggers_json_walk_init(&walk, text, flags);
 *     while ((rc = ngx_triggers_json_next(&walk, &member)) == NGX_OK) { … }
 *
 * next returns NGX_OK with a member that has been validated to its end,
 * NGX_DONE after the last one (the whole text is then valid), NGX_DECLINED
 * when the text is valid JSON but not an object (walk->type tells), and
 * NGX_ERROR with walk->error set; its reason is NULL when it was not the text
 * but memory or the system's random numbers that failed.  After an answer
 * other than NGX_OK it is repeated.  The text may have white space around it.
 * Duplicates are found by the decoded names: "a" and "\u0061" are one name.
 * Finding them is linear for few members and never quadratic for many: above
 * NGX_TRIGGERS_JSON_NAMES members a hash table in `names` is used, which is
 * allocated with ngx_alloc() and must be given back by
 * ngx_triggers_json_walk_done() (which is needed in any case and cheap).
 */

#define NGX_TRIGGERS_JSON_NAMES  16

typedef struct {
    u_char                  *start;
    u_char                  *pos;
    u_char                  *end;
    ngx_uint_t               flags;
    ngx_uint_t               type;     /* of the outermost value */
    ngx_uint_t               state;
    ngx_int_t                rc;       /* the last answer, once it is known */
    ngx_uint_t               nnames;   /* in first[] */
    ngx_uint_t               escapes;  /* bits: first[i] has escapes */
    ngx_str_t                first[NGX_TRIGGERS_JSON_NAMES];
    void                    *names;    /* of further members */
    ngx_triggers_json_error_t  error;
} ngx_triggers_json_walk_t;


void ngx_triggers_json_walk_init(ngx_triggers_json_walk_t *walk,
    ngx_str_t *text, ngx_uint_t flags);
ngx_int_t ngx_triggers_json_next(ngx_triggers_json_walk_t *walk,
    ngx_triggers_json_member_t *member);
void ngx_triggers_json_walk_done(ngx_triggers_json_walk_t *walk);

/*
 * A walk over the elements of one array, in the same way:
 *
 *     ngx_triggers_json_items_init(&items, text);
 *     while ((rc = ngx_triggers_json_item(&items, &value)) == NGX_OK) { … }
 *
 * with the answers of ngx_triggers_json_next(); NGX_DECLINED: no array.
 */

typedef struct {
    u_char                  *start;
    u_char                  *pos;
    u_char                  *end;
    ngx_uint_t               state;
    ngx_int_t                rc;       /* the last answer, once it is known */
    ngx_triggers_json_error_t  error;
} ngx_triggers_json_items_t;


void ngx_triggers_json_items_init(ngx_triggers_json_items_t *items,
    ngx_str_t *text);
ngx_int_t ngx_triggers_json_item(ngx_triggers_json_items_t *items,
    ngx_triggers_json_value_t *value);

/*
 * Validates a whole text.  NGX_OK with *type set, or NGX_ERROR with *error.
 */

ngx_int_t ngx_triggers_json_validate(ngx_str_t *text, ngx_uint_t *type,
    ngx_triggers_json_error_t *error);

/*
 * Compares a member's name, or a string value (text with quotes), with a
 * plain UTF-8 text, escapes decoded.  1 if equal, else 0.  The JSON must have
 * been validated.
 */

ngx_uint_t ngx_triggers_json_name_is(ngx_triggers_json_member_t *member,
    const char *name, size_t len);
ngx_uint_t ngx_triggers_json_string_is(ngx_str_t *text, u_char *plain,
    size_t len);

/*
 * Decodes a validated string value (text with quotes) into dst, which has
 * room for text->len bytes; returns the decoded length in bytes and sets
 * *chars, if not NULL, to the number of code points.
 */

size_t ngx_triggers_json_unescape(u_char *dst, ngx_str_t *text,
    ngx_uint_t *chars);

/*
 * Finds the member of that plain name in a validated object: a value of type
 * NONE when there is none; the last of several, as jansson and JavaScript
 * have it.
 */

void ngx_triggers_json_get(ngx_str_t *object, u_char *name, size_t len,
    ngx_triggers_json_value_t *value);


#endif /* _NGX_TRIGGERS_JSON_H_INCLUDED_ */
