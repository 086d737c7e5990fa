/* chat_request.h - the request half of dialect_chat.c: see struct dialect. */
#ifndef MEMORY_CHAT_REQUEST_H
#define MEMORY_CHAT_REQUEST_H

#include "memory/dialect.h"

int chat_read(struct str body, struct arena *a, struct request_view *ret);
struct str chat_splice(const struct request_view *v, struct str block, struct arena *a);

#endif
