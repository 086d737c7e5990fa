/*
 * hash.c - digests: SHA-256 and HMAC for what is kept, XXH3 for what is not.
 *
 * libcrypto's SHA256_Update() family, though OpenSSL 3 prefers EVP: EVP
 * fetches and allocates, so it can fail, and a digest that may fail would
 * have to be handled wherever an id is made. These work on the stack, and in
 * 70 ns for a key of 40 bytes where EVP_Digest() takes 420 (OpenSSL 3.0, EPYC).
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "base/hash.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <string.h>
#include <xxhash.h>

enum { HMAC_BLOCK = 64 }; /* SHA-256's block: RFC 2104, section 2 */

static void update(SHA256_CTX *c, const void *p, size_t n)
{
	if (n > 0)
		SHA256_Update(c, p, n);
}

struct digest digest_sha256(struct str s)
{
	SHA256_CTX c;
	struct digest d;

	SHA256_Init(&c);
	update(&c, s.p, s.len);
	SHA256_Final(d.b, &c);
	return d;
}

bool digest_eq(const struct digest *a, const struct digest *b)
{
	return CRYPTO_memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

void digest_hex(const struct digest *d, char ret[65])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < sizeof(d->b); i++) {
		ret[2 * i] = digits[d->b[i] >> 4];
		ret[2 * i + 1] = digits[d->b[i] & 15];
	}
	ret[64] = '\0';
}

bool digest_from_hex(struct str s, struct digest *ret)
{
	struct digest d;

	if (s.len != 2 * sizeof(d.b))
		return false;
	for (size_t i = 0; i < sizeof(d.b); i++) {
		int high = str_hex_value(s.p[2 * i]), low = str_hex_value(s.p[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		d.b[i] = (unsigned char)(high << 4 | low);
	}
	*ret = d;
	return true;
}

/* One of HMAC's two passes: the key (32 bytes, then zeros) under a mask goes first. */
static void hmac_begin(SHA256_CTX *c, const struct digest *key, unsigned char mask)
{
	unsigned char pad[HMAC_BLOCK];

	memset(pad, mask, sizeof(pad));
	for (size_t i = 0; i < sizeof(key->b); i++)
		pad[i] ^= key->b[i];
	SHA256_Init(c);
	SHA256_Update(c, pad, sizeof(pad));
	OPENSSL_cleanse(pad, sizeof(pad));
}

static void hmac_part(SHA256_CTX *c, struct str s)
{
	unsigned char len[8];

	for (size_t i = 0; i < sizeof(len); i++)
		len[i] = (unsigned char)((uint64_t)s.len >> (56 - 8 * i));
	SHA256_Update(c, len, sizeof(len));
	update(c, s.p, s.len);
}

struct digest digest_hmac(const struct digest *key, const struct str *parts, size_t n)
{
	SHA256_CTX c;
	struct digest d;

	hmac_begin(&c, key, 0x36);
	for (size_t i = 0; i < n; i++)
		hmac_part(&c, parts[i]);
	SHA256_Final(d.b, &c);
	hmac_begin(&c, key, 0x5c);
	SHA256_Update(&c, d.b, sizeof(d.b));
	SHA256_Final(d.b, &c);
	OPENSSL_cleanse(&c, sizeof(c));
	return d;
}

struct hash128 hash128(struct str s)
{
	XXH128_hash_t h = XXH3_128bits(s.len ? s.p : "", s.len);

	return (struct hash128){ h.low64, h.high64 };
}
