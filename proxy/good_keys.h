/*
 * good_keys.h - keys that LiteLLM has accepted a short while ago.
 *
 * By their digests, never the keys themselves. Of a bounded size: where a new key
 * has no room, the oldest of a few gives way, and is asked about again.
 */
#ifndef PROXY_GOOD_KEYS_H
#define PROXY_GOOD_KEYS_H

#include "base/clock.h"
#include "base/hash.h"

#include <stdbool.h>

/* How long an answer holds: so long a key works here after LiteLLM has revoked it. */
#define GOOD_KEYS_HOLD_MS 60000

struct good_keys;

struct good_keys *good_keys_new(const struct clock *clock); /* NULL: out of memory */
void good_keys_free(struct good_keys *g);                   /* NULL is fine */
/* LiteLLM answered a request with this key by a 2xx, now. */
void good_keys_add(struct good_keys *g, struct str key);
bool good_keys_has(const struct good_keys *g, struct str key);

#endif
