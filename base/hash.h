/* hash.h - digests: SHA-256 and HMAC for what is kept, XXH3 for what is not. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/str.h"

#include <stdint.h>

struct digest {
	unsigned char b[32];
};

struct digest digest_sha256(struct str s);
bool digest_eq(const struct digest *a, const struct digest *b); /* constant time */
/* Lower-case hexadecimal and a NUL into ret. */
void digest_hex(const struct digest *d, char ret[65]);
/* False where s is not 64 hexadecimal digits. */
bool digest_from_hex(struct str s, struct digest *ret);

/*
 * HMAC-SHA-256 over a list of parts, each preceded by its length in eight
 * bytes, so that no two lists give the same input. Absent parts count as empty.
 */
struct digest digest_hmac(const struct digest *key, const struct str *parts, size_t n);

/* XXH3-128, for matching within one process; not for what an attacker chooses to collide.
 */
struct hash128 {
	uint64_t lo, hi;
};

struct hash128 hash128(struct str s);

static inline bool hash128_eq(struct hash128 a, struct hash128 b)
{
	return a.lo == b.lo && a.hi == b.hi;
}

#endif
