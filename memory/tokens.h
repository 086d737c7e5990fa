/* tokens.h - how many tokens a text will cost, without a tokenizer. */
#ifndef MEMORY_TOKENS_H
#define MEMORY_TOKENS_H

#include "base/str.h"

#include <stddef.h>

/*
 * An estimate by classes of characters (letter runs, digits, punctuation, other
 * scripts) with ten per cent on top, so that it is seldom under: measured
 * against cl100k and o200k in docs/architecture/RECALL.md. Never more for a
 * text than for the sum of its lines.
 */
size_t tokens_estimate(struct str text);

#endif
