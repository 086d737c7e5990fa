/* error_body.h - errors as the clients of each API expect them. */
#ifndef PROXY_ERROR_BODY_H
#define PROXY_ERROR_BODY_H

#include "base/arena.h"
#include "base/fault.h"

/*
 * The body of a reply to a request for `path` (absent: not known), in the shape of
 * the API that lives there. `detail` may be NULL: the fault's own text; `id` is
 * the request's, absent: none. In the arena, NUL-terminated; .p is NULL when out of
 * memory.
 */
struct str error_body(struct str path, enum fault fault, const char *detail,
		      struct str id, struct arena *a);

#endif
