/* buf.h - growing bytes with an upper bound. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/str.h"

#include <stdint.h>

/*
 * A failed call (bound passed, or out of memory) leaves the content as it was
 * and sets `failed`, so that a writer may check once at the end.
 */
struct buf {
	char *p; /* owned; a NUL follows the content once something was added */
	size_t len, cap, max;
	bool failed;
};

/* Allocates nothing. */
void buf_init(struct buf *b, size_t max);
void buf_done(struct buf *b);                        /* frees; b is as after buf_init */
void buf_reset(struct buf *b);                       /* empties, keeps the memory */
void buf_cut(struct buf *b, size_t len);             /* back to a length it had */
int buf_add(struct buf *b, const void *p, size_t n); /* 0, -E2BIG or -ENOMEM */
int buf_add_str(struct buf *b, struct str s);
int buf_add_char(struct buf *b, char c);
int buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/*
 * As the inside of a JSON string: quotes, backslashes and control characters
 * escaped, everything else as it is. s must be valid UTF-8.
 */
int buf_add_json(struct buf *b, struct str s);
struct str buf_str(const struct buf *b); /* borrowed until the next call */
/* The content, NUL-terminated, now the caller's to free(); NULL where failed. */
char *buf_take(struct buf *b);

#endif
