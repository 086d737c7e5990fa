/*
 * words.h - a text as the terms that recall counts.
 *
 * Lower-case words of letters and digits, without stop words, stemmed by
 * Snowball's Porter2. Characters beyond ASCII count as letters, except for
 * punctuation, symbols and emoji; only ASCII is lower-cased.
 */
#ifndef MEMORY_WORDS_H
#define MEMORY_WORDS_H

#include "base/str.h"

#include <stddef.h>

struct words; /* a stemmer and what it remembers, 130 kB; one thread */

struct words *words_new(void); /* NULL when out of memory */
void words_free(struct words *w);

/* Stops where it returns nonzero. The term is borrowed for the call. */
typedef int words_fn(void *arg, struct str term);

/*
 * Calls fn with each term, in order. Of an overlong word (encoded data, a text
 * without blanks) the first bytes count. 0, what fn returned, or -ENOMEM.
 */
int words_each(struct words *w, struct str text, words_fn *fn, void *arg);

#endif
