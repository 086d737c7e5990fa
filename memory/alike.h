/*
 * alike.h - texts that say the same: a fact told ten times is recalled once.
 *
 * Two texts are alike if at least four fifths of their trigrams are common and
 * one has all terms of the other: "My dog is called Rex" and "so my dog is
 * called Rex!" are, "My cat is called Rex" is not, nor is another date or number.
 */
#ifndef MEMORY_ALIKE_H
#define MEMORY_ALIKE_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct words;

/*
 * Of a text's trigrams, dealt to so many buckets by their hashes, the least of each:
 * of two texts as many are the same as trigrams are common (MinHash with one
 * permutation: P. Li, A. Owen, C.-H. Zhang, One Permutation Hashing, 2012).
 */
enum { THUMB_BUCKETS = 16 };
struct thumb {
	unsigned char least[THUMB_BUCKETS];
};

/* Of its first kilobyte; ASCII case and what is no letter or digit do not matter. */
void thumb_make(struct str text, struct thumb *ret);
/* True for nearly all that are alike, and for few others. */
bool thumb_near(const struct thumb *a, const struct thumb *b);

enum { ALIKE_TERMS_MAX = 512 };

/* A text's different terms, as hashes in order: made once, compared with many. */
struct term_set {
	const uint64_t *v;
	size_t n;
};

/*
 * Into room for ALIKE_TERMS_MAX; how many. -E2BIG: they are more; -ENOMEM.
 */
ssize_t term_set_make(struct words *w, struct str text, uint64_t *room);

/* Looks at all of both. */
bool texts_are_alike(struct str a, const struct term_set *ta, struct str b,
		     const struct term_set *tb);

#endif
