/*
 * splice.h - a body with texts put into it, read piece by piece: the body is not
 * copied, and never rewritten.
 */
#ifndef MEMORY_SPLICE_H
#define MEMORY_SPLICE_H

#include "base/str.h"

#include <stddef.h>

struct insertion {
	size_t at; /* in front of which byte of the body; at most its length */
	struct str bytes;
};

/* All that it points to is borrowed until the last read. */
struct splice {
	struct str body;
	const struct insertion *v; /* in order of `at` */
	size_t n;
	/* reading */
	size_t pos;  /* in the body */
	size_t next; /* the insertion that comes next, */
	size_t done; /* and how much of it has been read */
};

void splice_init(struct splice *s, struct str body, const struct insertion *v, size_t n);
size_t splice_length(const struct splice *s);
/* The next bytes, as many as there is room for. How many; 0: the end. */
size_t splice_read(struct splice *s, void *p, size_t room);

#endif
