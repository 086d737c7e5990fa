/* api_error.h - errors of ours in OpenAI's shape: see struct dialect. */
#ifndef MEMORY_API_ERROR_H
#define MEMORY_API_ERROR_H

#include "memory/dialect.h"

struct str api_error_message(const struct api_error *e);
/*
 * {"message":…,"type":…,"param":null,"code":…}, with `code` as a string, as LiteLLM
 * sends it. In the arena, NUL-terminated; .p NULL: out of memory.
 */
struct str api_error_object(const struct api_error *e, struct arena *a);
/* {"error":<the object>} */
struct str api_error_body(const struct api_error *e, struct arena *a);

#endif
