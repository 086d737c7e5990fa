/* alike.c - texts that say the same. */
#include "memory/alike.h"

#include "base/hash.h"
#include "memory/words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	LOOKED_AT = 1024, /* bytes */
	NEAR_BUCKETS = 8, /* for four fifths, eleven are expected to be the same */
};

static unsigned char fold(unsigned char c)
{
	if (c >= 'A' && c <= 'Z')
		return c | 0x20;
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c >= 0x80 ? c : ' ';
}

/* A text's trigrams, one by one, as hashes. */
struct trigrams {
	struct str text;
	size_t at;
	uint32_t last; /* three bytes */
};

static struct trigrams trigrams_of(struct str text)
{
	return (struct trigrams){ .text = str_slice(text, 0, LOOKED_AT), .last = ' ' };
}

static bool next_trigram(struct trigrams *t, uint32_t *ret)
{
	while (t->at < t->text.len) {
		unsigned char c = fold((unsigned char)t->text.p[t->at++]);

		if (c == ' ' && (t->last & 0xff) == ' ')
			continue;
		t->last = (t->last << 8 | c) & 0xffffff;
		if (t->last <= 0xffff)
			continue;
		/* Knuth's multiplicative hashing: the high bits are the mixed ones. */
		*ret = t->last * UINT32_C(2654435769);
		return true;
	}
	return false;
}

void thumb_make(struct str text, struct thumb *ret)
{
	struct trigrams t = trigrams_of(text);
	uint32_t hash;

	memset(ret->least, 0xff, sizeof(ret->least));
	while (next_trigram(&t, &hash)) {
		unsigned char *least = &ret->least[hash >> 28], value = hash >> 20 & 0xff;

		*least = value < *least ? value : *least;
	}
}

bool thumb_near(const struct thumb *a, const struct thumb *b)
{
	unsigned same = 0;

	for (size_t i = 0; i < THUMB_BUCKETS; i++)
		same += a->least[i] == b->least[i];
	return same >= NEAR_BUCKETS;
}

/* A text's different trigrams, a bit each: few share one. */
enum { SKETCH_BITS = 8192, SKETCH_SHIFT = 32 - 13 };

/* How many of them were not there. */
static unsigned add_trigrams(struct str text, uint64_t *bits)
{
	struct trigrams t = trigrams_of(text);
	unsigned n = 0;
	uint32_t hash;

	while (next_trigram(&t, &hash)) {
		uint64_t *word = &bits[(hash >> SKETCH_SHIFT) / 64];
		uint64_t bit = UINT64_C(1) << (hash >> SKETCH_SHIFT) % 64;

		n += !(*word & bit);
		*word |= bit;
	}
	return n;
}

static bool share_four_fifths(struct str a, struct str b)
{
	uint64_t of_a[SKETCH_BITS / 64] = { 0 }, of_b[SKETCH_BITS / 64] = { 0 };
	unsigned na = add_trigrams(a, of_a), nb = add_trigrams(b, of_b);
	unsigned common = nb - add_trigrams(b, of_a);

	return common * 5 >= (na > nb ? na : nb) * 4;
}

struct terms {
	uint64_t *v;
	size_t n;
};

static int add_term(void *arg, struct str term)
{
	struct terms *t = arg;

	if (t->n == ALIKE_TERMS_MAX)
		return -E2BIG;
	t->v[t->n++] = hash128(term).lo;
	return 0;
}

static int compare_terms(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

ssize_t term_set_make(struct words *w, struct str text, uint64_t *room)
{
	struct terms t = { .v = room };
	size_t n = 0;
	int r = words_each(w, text, add_term, &t);

	if (r)
		return r;
	qsort(t.v, t.n, sizeof(*t.v), compare_terms);
	for (size_t i = 0; i < t.n; i++) {
		if (n == 0 || t.v[n - 1] != t.v[i])
			t.v[n++] = t.v[i];
	}
	return (ssize_t)n;
}

static bool has_all(const struct term_set *t, const struct term_set *other)
{
	size_t at = 0;

	if (other->n > t->n)
		return false;
	for (size_t i = 0; i < other->n; i++, at++) {
		while (at < t->n && t->v[at] < other->v[i])
			at++;
		if (at == t->n || t->v[at] != other->v[i])
			return false;
	}
	return true;
}

/* A fifth more letters is a fifth more trigrams, more or less. */
static bool are_as_long(struct str a, struct str b)
{
	size_t less = a.len < b.len ? a.len : b.len, more = a.len > b.len ? a.len : b.len;

	return less + less / 3 + 8 >= more;
}

/* What most pairs differ in comes first. */
bool texts_are_alike(struct str a, const struct term_set *ta, struct str b,
		     const struct term_set *tb)
{
	return are_as_long(a, b) && (has_all(ta, tb) || has_all(tb, ta)) &&
	       (str_eq(a, b) || share_four_fifths(a, b));
}
