/* rng.h - randomness, injected so that tests can repeat it. */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stddef.h>

struct rng {
	void (*fill)(const struct rng *r, void *p, size_t n); /* cannot fail */
};

/* getrandom(2); ends the process where the kernel has none to give. */
extern const struct rng rng_system;

static inline void rng_fill(const struct rng *r, void *p, size_t n)
{
	r->fill(r, p, n);
}

/* Lower-case hexadecimal of n_bytes random bytes, and a NUL: 2 * n_bytes + 1 chars. */
void rng_hex(const struct rng *r, char *ret, size_t n_bytes);

#endif
