/*
 * refusal.h - a reply that refuses a request into which memory has put something.
 *
 * LiteLLM, or the provider behind it, may answer 400, 413 or 422 because of what was
 * put in: a context window that is full, a chat template that takes no further part.
 * Such a reply is held back until it is known whether it is about the body at all.
 */
#ifndef PROXY_REFUSAL_H
#define PROXY_REFUSAL_H

#include "base/arena.h"
#include "base/buf.h"
#include "net/upstream.h"

#include <stdbool.h>

struct refusal {
	struct upstream_reply reply; /* texts in the arena */
	struct buf body;             /* of the reply, REFUSAL_MAX at most */
};

#define REFUSAL_MAX (256u << 10)

/* Whether a reply of that status may be one. */
bool refusal_may_be(int status);
/* Copies the head; in the arena but for its body. NULL: out of memory. */
struct refusal *refusal_new(const struct upstream_reply *reply, struct arena *a);
void refusal_done(struct refusal *r); /* NULL is fine */

void refusal_add(struct refusal *r, const void *p, size_t n);
/* Once the reply has ended. False: it is about the key, whatever the body. */
bool refusal_is_about_the_body(const struct refusal *r);

#endif
