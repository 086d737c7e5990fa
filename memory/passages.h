/*
 * passages.h - a long text as passages, each indexed and shown by itself.
 *
 * A pure function of the text: who has its number can cut a passage out again.
 */
#ifndef MEMORY_PASSAGES_H
#define MEMORY_PASSAGES_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

enum {
	/* A text of so many bytes, about 200 tokens of English, is one passage. */
	PASSAGE_WHOLE = 800,
	/* A longer one's have this or less, but for the last, and but for a text so
	 * long that they would be too many. */
	PASSAGE_BYTES = 600,
	PASSAGES_MAX = 250,
};

struct passages {
	struct str text;
	size_t at, size;
};

struct passages passages_of(struct str text);
/*
 * The next one; false at the end. They end where a paragraph, a line, a sentence
 * or a word does, whichever of these is found first. Together they are the text.
 */
bool passages_next(struct passages *p, struct str *ret);

size_t passages_count(struct str text);                  /* 0 for no text */
struct str passages_get(struct str text, size_t number); /* absent: there is none */

#endif
