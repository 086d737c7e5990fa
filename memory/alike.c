/* alike.c - texts that say the same. */
#include "memory/alike.h"

#include "base/hash.h"
#include "memory/words.h"

#include <errno.h>
#include <stdlib.h>

enum { SKETCHED_BYTES = 1024, SKETCH_BITS = 64 * SKETCH_WORDS };

static unsigned char fold(unsigned char c)
{
	if (c >= 'A' && c <= 'Z')
		return c | 0x20;
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c >= 0x80 ? c : ' ';
}

static void set_bit(struct sketch *s, uint32_t trigram)
{
	/* Knuth's multiplicative hashing: the high bits are the mixed ones. */
	uint32_t bit = trigram * UINT32_C(2654435769) >> 22;

	_Static_assert(SKETCH_BITS == 1 << 10, "of 32 bits the upper ten are taken");
	s->bits[bit / 64] |= UINT64_C(1) << bit % 64;
}

void sketch_make(struct str text, struct sketch *ret)
{
	uint32_t trigram = ' ', c;
	size_t end = text.len < SKETCHED_BYTES ? text.len : SKETCHED_BYTES;

	*ret = (struct sketch){ .n = 0 };
	for (size_t i = 0; i < end; i++) {
		c = fold((unsigned char)text.p[i]);
		if (c == ' ' && (trigram & 0xff) == ' ')
			continue;
		trigram = (trigram << 8 | c) & 0xffffff;
		if (trigram > 0xffff)
			set_bit(ret, trigram);
	}
	for (size_t i = 0; i < SKETCH_WORDS; i++)
		ret->n += (unsigned)__builtin_popcountll(ret->bits[i]);
}

bool sketch_near(const struct sketch *a, const struct sketch *b)
{
	unsigned common = 0, more = a->n > b->n ? a->n : b->n;

	if ((a->n < b->n ? a->n : b->n) * 5 < more * 4)
		return false;
	for (size_t i = 0; i < SKETCH_WORDS; i++)
		common += (unsigned)__builtin_popcountll(a->bits[i] & b->bits[i]);
	return common * 5 >= more * 4;
}

enum { TERMS_MAX = 512 };

struct terms {
	uint64_t v[TERMS_MAX]; /* hashes */
	size_t n;
};

static int add_term(void *arg, struct str term)
{
	struct terms *t = arg;

	if (t->n == TERMS_MAX)
		return -E2BIG;
	t->v[t->n++] = hash128(term).lo;
	return 0;
}

static int compare_terms(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void sort_out(struct terms *t)
{
	size_t n = 0;

	qsort(t->v, t->n, sizeof(*t->v), compare_terms);
	for (size_t i = 0; i < t->n; i++) {
		if (n == 0 || t->v[n - 1] != t->v[i])
			t->v[n++] = t->v[i];
	}
	t->n = n;
}

static bool has_all(const struct terms *t, const struct terms *other)
{
	size_t at = 0;

	for (size_t i = 0; i < other->n; i++, at++) {
		while (at < t->n && t->v[at] < other->v[i])
			at++;
		if (at == t->n || t->v[at] != other->v[i])
			return false;
	}
	return true;
}

bool texts_are_alike(struct words *w, struct str a, struct str b)
{
	struct sketch sa, sb;
	struct terms ta = { .n = 0 }, tb = { .n = 0 };

	if (str_eq(a, b))
		return true;
	sketch_make(a, &sa);
	sketch_make(b, &sb);
	if (!sketch_near(&sa, &sb) || words_each(w, a, add_term, &ta) ||
	    words_each(w, b, add_term, &tb))
		return false;
	sort_out(&ta);
	sort_out(&tb);
	return has_all(&ta, &tb) || has_all(&tb, &ta);
}
