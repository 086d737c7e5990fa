/*
 * probe.h - is LiteLLM there? Asks GET /health/liveliness, which costs it
 * nothing (its /health calls every model). Answers are kept for a second, and
 * those who ask meanwhile share one question.
 */
#ifndef PROXY_PROBE_H
#define PROXY_PROBE_H

#include "base/clock.h"
#include "base/op.h"

#include <stdbool.h>

struct event_base;
struct probe;
struct upstream;

/* NULL when out of memory. Everything is borrowed for its life. */
struct probe *probe_new(struct event_base *base, struct upstream *litellm,
			const struct clock *clock);
/* No op may be under way. NULL is fine. */
void probe_free(struct probe *p);

typedef void probe_cb(void *arg, bool up);
/* Inline, and NULL, where the last answer still holds (or memory is out: then "down"). */
struct op *probe_ask(struct probe *p, probe_cb *cb, void *arg);

#endif
