/*
 * sqlite_body.c - the texts of an exchange as one blob that lies in pages of its own.
 *
 * Six lengths of four bytes, little-endian, ABSENT for a text that is not there;
 * then the texts; then zeros up to a multiple of BODY_UNIT.
 */
#include "store/sqlite_body.h"

#include "base/arena.h"

#include <errno.h>
#include <string.h>

enum { N_TEXTS = 6, HEADER = 4 * N_TEXTS };
#define ABSENT UINT32_MAX

/* The place of a text, by its number in the body. */
static struct str *text_of(struct exchange *x, size_t i)
{
	struct str *const texts[N_TEXTS] = { &x->session,    &x->client, &x->model,
					     &x->request_id, &x->user,   &x->reply };

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
	size_t used = HEADER, size;
	char *p, *to;

	for (size_t i = 0; i < N_TEXTS; i++) {
		if (text_of(&copy, i)->len >= ABSENT)
			return -EINVAL;
		used += text_of(&copy, i)->len;
	}
	size = (used + BODY_UNIT - 1) / BODY_UNIT * BODY_UNIT;
	p = arena_bytes(mem, size);
	if (p == NULL)
		return -ENOMEM;
	to = p + HEADER;
	for (size_t i = 0; i < N_TEXTS; i++) {
		struct str s = *text_of(&copy, i);

		put_u32(p + 4 * i, s.p ? (uint32_t)s.len : ABSENT);
		if (s.len > 0)
			memcpy(to, s.p, s.len);
		to += s.len;
	}
	memset(to, 0, size - used);
	*ret = (struct str){ p, size };
	return 0;
}

int body_decode(struct str body, struct exchange *x)
{
	size_t at = HEADER;

	if (body.len < HEADER)
		return -EIO;
	for (size_t i = 0; i < N_TEXTS; i++) {
		uint32_t len = get_u32(body.p + 4 * i);

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
