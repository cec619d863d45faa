
/*
 * What the fuzz targets share: a check that stays in any build, and reading
 * all of a string, so that AddressSanitizer sees where it lies.
 */


#ifndef _FUZZ_H_INCLUDED_
#define _FUZZ_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_triggers_text.h"

#include <jansson.h>
#include <stdio.h>


#define fuzz_check(condition)                                                 \
    if (!(condition)) {                                                       \
        fprintf(stderr, "line %d: %s\n", __LINE__, #condition);               \
        abort();                                                              \
    }


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * The first byte of an input is flags.  Its lowest bit is the target's; the
 * next three are 0, or one more than the number of allocations from pools
 * that succeed.  Returns 1 if a function may fail for want of memory.
 */

ngx_uint_t fuzz_memory(uint8_t flags);

/* Reads the string's bytes. */

void fuzz_touch(ngx_str_t *s);

/* 1 if all of the inner string lies in the outer one. */

ngx_uint_t fuzz_inside(ngx_str_t *outer, ngx_str_t *inner);

/* The characters of a string, 0 if it is not UTF-8 without zero bytes. */

ngx_uint_t fuzz_characters(ngx_str_t *s);

/* 1 if it is UTF-8 without control characters and not empty. */

ngx_uint_t fuzz_printable(ngx_str_t *s);

/* 1 if it is an integer from 0 to max. */

ngx_uint_t fuzz_is_range(json_t *value, json_int_t max);

/* The bit of a scope's name, or 0. */

ngx_uint_t fuzz_scope(const char *name, size_t len);

/* Aborts if the string does not have this text. */

void fuzz_equal(ngx_str_t *s, const char *text, size_t len);

/*
 * Parses with jansson; a text that only its range keeps out gives NULL, any
 * other failure aborts: it is for what our validator has accepted.
 */

json_t *fuzz_load(ngx_str_t *text);

/*
 * The next field of an input: fields end with 0xff or the input.  Moves *pos
 * behind it.
 */

ngx_str_t fuzz_field(u_char **pos, u_char *last);

/*
 * Sets dst to the text's object, as the decoder would keep it, if it is one;
 * flags are those of an object's walk.
 */

void fuzz_keep(ngx_str_t *dst, ngx_str_t *text, ngx_uint_t flags);

/* Makes UTF-8 of Latin-1: strings of the store are UTF-8. */

void fuzz_latin1(ngx_str_t *dst, ngx_pool_t *pool, ngx_str_t *src);

/* A written text in one piece. */

ngx_str_t fuzz_text(ngx_pool_t *pool, ngx_triggers_text_t *text);


#endif /* _FUZZ_H_INCLUDED_ */
