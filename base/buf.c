/* buf.c - growing bytes with an upper bound. */
#include "base/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAP = 128 };

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max };
}

void buf_done(struct buf *b)
{
	free(b->p);
	buf_init(b, b->max);
}

void buf_cut(struct buf *b, size_t len)
{
	b->len = len;
	if (b->p != NULL)
		b->p[len] = '\0';
}

void buf_reset(struct buf *b)
{
	buf_cut(b, 0);
	b->failed = false;
}

static int fail(struct buf *b, int err)
{
	b->failed = true;
	return err;
}

/* Room for n more bytes and a NUL. */
static int reserve(struct buf *b, size_t n)
{
	size_t cap = b->cap ? b->cap : FIRST_CAP;
	char *p;

	if (n > b->max - b->len)
		return fail(b, -E2BIG);
	if (b->p != NULL && n <= b->cap - b->len)
		return 0;
	while (cap < b->len + n)
		cap = cap > SIZE_MAX / 2 ? SIZE_MAX : 2 * cap;
	if (cap > b->max)
		cap = b->max;
	if (cap == SIZE_MAX || (p = realloc(b->p, cap + 1)) == NULL)
		return fail(b, -ENOMEM);
	b->p = p;
	b->cap = cap;
	return 0;
}

int buf_add(struct buf *b, const void *p, size_t n)
{
	int err = reserve(b, n);

	if (err)
		return err;
	if (n > 0)
		memcpy(b->p + b->len, p, n);
	b->len += n;
	b->p[b->len] = '\0';
	return 0;
}

int buf_add_str(struct buf *b, struct str s)
{
	return buf_add(b, s.p, s.len);
}

int buf_add_char(struct buf *b, char c)
{
	return buf_add(b, &c, 1);
}

int buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int n, err;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return fail(b, -EINVAL);
	err = reserve(b, (size_t)n);
	if (err)
		return err;
	va_start(ap, fmt);
	vsnprintf(b->p + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
	return 0;
}

static bool needs_escape(char c)
{
	return (unsigned char)c < 0x20 || c == '"' || c == '\\';
}

static int add_escaped(struct buf *b, char c)
{
	static const char short_form[] = "\b\t\n\f\r\"\\", letters[] = "btnfr\"\\";
	const char *found = c ? strchr(short_form, c) : NULL;

	if (found != NULL)
		return buf_add(b, (char[]){ '\\', letters[found - short_form] }, 2);
	return buf_printf(b, "\\u%04x", (unsigned)(unsigned char)c);
}

int buf_add_json(struct buf *b, struct str s)
{
	size_t before = b->len, done = 0;
	int err = 0;

	for (size_t i = 0; !err && i < s.len; i++) {
		if (!needs_escape(s.p[i]))
			continue;
		err = buf_add(b, s.p + done, i - done);
		if (!err)
			err = add_escaped(b, s.p[i]);
		done = i + 1;
	}
	if (!err)
		err = buf_add(b, s.p ? s.p + done : NULL, s.len - done);
	if (err)
		buf_cut(b, before);
	return err;
}

struct str buf_str(const struct buf *b)
{
	return (struct str){ b->p ? b->p : "", b->len };
}

char *buf_take(struct buf *b)
{
	char *p = NULL;

	if (!b->failed && reserve(b, 0) == 0) {
		p = b->p;
		p[b->len] = '\0';
		b->p = NULL;
	}
	buf_done(b);
	return p;
}
