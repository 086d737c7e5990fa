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
#include <stdint.h>

struct words;

/* A text's trigrams, hashed to a bit each. */
enum { SKETCH_WORDS = 16 };
struct sketch {
	uint64_t bits[SKETCH_WORDS];
	unsigned n;
};

/* Of its first kilobyte; ASCII case and what is no letter or digit do not matter. */
void sketch_make(struct str text, struct sketch *ret);
/* Quick, and true for all that are alike, but for others too. */
bool sketch_near(const struct sketch *a, const struct sketch *b);

/* Looks at all of both. False also where there is no memory, or a text is too long. */
bool texts_are_alike(struct words *w, struct str a, struct str b);

#endif
