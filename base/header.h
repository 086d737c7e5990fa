/* header.h - one field of an HTTP head, and a list of them. */
#ifndef BASE_HEADER_H
#define BASE_HEADER_H

#include "base/arena.h"
#include "base/str.h"

/* Name in the spelling received; value without blanks at its ends. Borrowed. */
struct header {
	struct str name, value;
};

/* In the order received, repetitions included. Borrowed. */
struct headers {
	const struct header *v;
	size_t n;
};

/* The first value under a name (any case); .p is NULL where there is none. */
struct str headers_get(struct headers h, struct str name);

/*
 * A text as a value that any header may carry: bytes other than blanks and
 * visible ASCII as %XX. In the arena, or `text` itself where nothing had to
 * change; .p is NULL when out of memory.
 */
struct str header_safe(struct str text, struct arena *a);

#endif
