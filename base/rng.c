/* rng.c - the kernel's randomness. */
#include "base/rng.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

/* Nothing that asks for secrets or ids can go on without: see rng.h. */
static void system_fill(const struct rng *r, void *p, size_t n)
{
	char *to = p;

	(void)r;
	while (n > 0) {
		ssize_t got = getrandom(to, n, 0);

		if (got < 0 && errno != EINTR)
			abort();
		if (got > 0) {
			to += got;
			n -= (size_t)got;
		}
	}
}

const struct rng rng_system = { system_fill };

void rng_hex(const struct rng *r, char *ret, size_t n_bytes)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char *random = (unsigned char *)ret + n_bytes;

	/* Drawn into the upper half, spread from the start: never overtakes itself. */
	rng_fill(r, random, n_bytes);
	for (size_t i = 0; i < n_bytes; i++) {
		unsigned char b = random[i];

		ret[2 * i] = digits[b >> 4];
		ret[2 * i + 1] = digits[b & 15];
	}
	ret[2 * n_bytes] = '\0';
}
