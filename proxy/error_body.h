/* error_body.h - errors as the clients of each API expect them. */
#ifndef PROXY_ERROR_BODY_H
#define PROXY_ERROR_BODY_H

#include "base/arena.h"
#include "base/fault.h"

/*
 * {"message":…,"type":…,"param":null,"code":…}: OpenAI's error object, with
 * `code` as a string, as LiteLLM sends it. `detail` may be NULL: the fault's
 * own text. In the arena, NUL-terminated; .p is NULL when out of memory.
 */
struct str error_object(enum fault fault, const char *detail, struct arena *a);
/* {"error":<the object>}: the body of a reply. */
struct str error_body(enum fault fault, const char *detail, struct arena *a);

#endif
