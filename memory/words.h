/*
 * words.h - a text as the terms that recall counts.
 *
 * Lower-case words of letters and digits, without stop words, stemmed by Snowball's
 * algorithm for their script, without accents. Of Chinese, Japanese, Korean, Thai and
 * other scripts that do not part words as a term is parted, the pairs of characters.
 */
#ifndef MEMORY_WORDS_H
#define MEMORY_WORDS_H

#include "base/str.h"

#include <stddef.h>

struct words; /* stemmers and what they remember, 130 kB; one thread */

/*
 * `latin`: by which of Snowball's algorithms words of Latin letters are stemmed
 * ("english"). NULL when out of memory, or there is no such algorithm.
 */
struct words *words_new(const char *latin);
void words_free(struct words *w);

/* Stops where it returns nonzero. The term is borrowed for the call. */
typedef int words_fn(void *arg, struct str term);

/*
 * Calls fn with each term, in order. Of an overlong word (encoded data, a text
 * without blanks) the first bytes count. 0, what fn returned, or -ENOMEM.
 */
int words_each(struct words *w, struct str text, words_fn *fn, void *arg);

#endif
