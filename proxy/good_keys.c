/* good_keys.c - keys that LiteLLM has accepted a short while ago. */
#include "proxy/good_keys.h"

#include <stdlib.h>
#include <string.h>

/* Sets of a few, found by a piece of the digest: no chains, nothing to clean up. */
enum { SETS = 512, WAYS = 4 };

struct good_key {
	struct digest digest;
	uint64_t until_ms; /* 0: free */
};

struct good_keys {
	const struct clock *clock;
	struct good_key sets[SETS][WAYS];
};

struct good_keys *good_keys_new(const struct clock *clock)
{
	struct good_keys *g = calloc(1, sizeof(*g));

	if (g)
		g->clock = clock;
	return g;
}

void good_keys_free(struct good_keys *g)
{
	free(g);
}

static size_t set_of(const struct digest *d)
{
	return (size_t)(d->b[0] | d->b[1] << 8) % SETS;
}

void good_keys_add(struct good_keys *g, struct str key)
{
	struct digest d = digest_sha256(key);
	struct good_key *set = g->sets[set_of(&d)], *to = &set[0];

	for (size_t i = 0; i < WAYS; i++) {
		if (digest_eq(&set[i].digest, &d)) {
			to = &set[i];
			break;
		}
		if (set[i].until_ms < to->until_ms)
			to = &set[i];
	}
	*to = (struct good_key){ d, clock_mono_ms(g->clock) + GOOD_KEYS_HOLD_MS };
}

bool good_keys_has(const struct good_keys *g, struct str key)
{
	struct digest d = digest_sha256(key);
	const struct good_key *set = g->sets[set_of(&d)];

	for (size_t i = 0; i < WAYS; i++)
		if (digest_eq(&set[i].digest, &d))
			return clock_mono_ms(g->clock) < set[i].until_ms;
	return false;
}
