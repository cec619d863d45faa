
/*
 * Output filters of locations with "triggers".
 */


#ifndef _NGX_HTTP_TRIGGERS_FILTER_H_INCLUDED_
#define _NGX_HTTP_TRIGGERS_FILTER_H_INCLUDED_


#include "ngx_http_triggers.h"


/* Postconfiguration: puts the filters into nginx' chains. */

void ngx_http_triggers_filter_init(void);


#endif /* _NGX_HTTP_TRIGGERS_FILTER_H_INCLUDED_ */
