/*
 * sqlite_body.c - what an exchange says as one blob that lies in pages of its own.
 *
 * WITH_HASHES in four bytes, the hashes; seven lengths of four bytes, ABSENT for a
 * text that is not there; then the texts; then zeros up to a multiple of BODY_UNIT.
 * Numbers are little-endian. Bodies of the first version of the schema begin with
 * their lengths, six of them.
 */
#include "store/sqlite_body.h"

#include "base/arena.h"

#include <errno.h>
#include <string.h>

enum { N_TEXTS = 7, N_TEXTS_BEFORE = 6, HASHES_AT = 4 };
enum { LENGTHS_AT = HASHES_AT + EXCHANGE_HASHES, TEXTS_AT = LENGTHS_AT + 4 * N_TEXTS };
#define ABSENT      UINT32_MAX
#define WITH_HASHES (UINT32_MAX - 1) /* no length of a text */

/* The place of a text, by its number in the body. */
static struct str *text_of(struct exchange *x, size_t i)
{
	struct str *const texts[N_TEXTS] = { &x->session,    &x->client, &x->model,
					     &x->request_id, &x->user,   &x->reply,
					     &x->sources };

	return texts[i];
}

static void put_u32(char *p, uint32_t n)
{
	for (size_t i = 0; i < 4; i++)
		p[i] = (char)(unsigned char)(n >> (8 * i));
}

static uint32_t get_u32(const char *p)
{
	uint32_t n = 0;

	for (size_t i = 4; i-- > 0;)
		n = n << 8 | (unsigned char)p[i];
	return n;
}

int body_encode(struct arena *mem, const struct exchange *x, struct str *ret)
{
	struct exchange copy = *x;
	size_t used = TEXTS_AT, size;
	char *p, *to;

	for (size_t i = 0; i < N_TEXTS; i++) {
		if (text_of(&copy, i)->len >= WITH_HASHES)
			return -EINVAL;
		used += text_of(&copy, i)->len;
	}
	size = (used + BODY_UNIT - 1) / BODY_UNIT * BODY_UNIT;
	p = arena_bytes(mem, size);
	if (p == NULL)
		return -ENOMEM;
	put_u32(p, WITH_HASHES);
	exchange_pack_hashes(x, (unsigned char *)p + HASHES_AT);
	to = p + TEXTS_AT;
	for (size_t i = 0; i < N_TEXTS; i++) {
		struct str s = *text_of(&copy, i);

		put_u32(p + LENGTHS_AT + 4 * i, s.p ? (uint32_t)s.len : ABSENT);
		if (s.len > 0)
			memcpy(to, s.p, s.len);
		to += s.len;
	}
	memset(to, 0, size - used);
	*ret = (struct str){ p, size };
	return 0;
}

/* `n` texts; their lengths are at `lengths`. */
static int decode_texts(struct str body, size_t lengths, size_t n, struct exchange *x)
{
	size_t at = lengths + 4 * n;

	if (body.len < at)
		return -EIO;
	for (size_t i = 0; i < n; i++) {
		uint32_t len = get_u32(body.p + lengths + 4 * i);

		*text_of(x, i) = (struct str){ NULL, 0 };
		if (len == ABSENT)
			continue;
		if (len > body.len - at)
			return -EIO;
		*text_of(x, i) = (struct str){ body.p + at, len };
		at += len;
	}
	return 0;
}

int body_decode(struct str body, struct exchange *x)
{
	static const unsigned char no_hashes[EXCHANGE_HASHES];

	if (body.len < 4)
		return -EIO;
	if (get_u32(body.p) != WITH_HASHES) {
		exchange_unpack_hashes(x, no_hashes);
		x->sources = (struct str){ NULL, 0 };
		return decode_texts(body, 0, N_TEXTS_BEFORE, x);
	}
	if (body.len < TEXTS_AT)
		return -EIO;
	exchange_unpack_hashes(x, (const unsigned char *)body.p + HASHES_AT);
	return decode_texts(body, LENGTHS_AT, N_TEXTS, x);
}
