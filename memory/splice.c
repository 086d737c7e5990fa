/* splice.c - a body with texts put into it. */
#include "memory/splice.h"

#include <string.h>

void splice_init(struct splice *s, struct str body, const struct insertion *v, size_t n)
{
	*s = (struct splice){ .body = body, .v = v, .n = n };
}

size_t splice_length(const struct splice *s)
{
	size_t sum = s->body.len;

	for (size_t i = 0; i < s->n; i++)
		sum += s->v[i].bytes.len;
	return sum;
}

/* What is read next in one piece: of an insertion that is due, or of the body. */
static struct str piece(const struct splice *s)
{
	if (s->next == s->n)
		return str_slice(s->body, s->pos, s->body.len);
	if (s->pos == s->v[s->next].at)
		return str_slice(s->v[s->next].bytes, s->done, s->v[s->next].bytes.len);
	return str_slice(s->body, s->pos, s->v[s->next].at);
}

static void advance(struct splice *s, size_t n)
{
	if (s->next == s->n || s->pos < s->v[s->next].at) {
		s->pos += n;
		return;
	}
	s->done += n;
	if (s->done < s->v[s->next].bytes.len)
		return;
	s->next++;
	s->done = 0;
}

size_t splice_read(struct splice *s, void *p, size_t room)
{
	size_t n, all = 0;

	while (all < room && (s->pos < s->body.len || s->next < s->n)) {
		struct str from = piece(s);

		n = from.len < room - all ? from.len : room - all;
		if (n)
			memcpy((char *)p + all, from.p, n);
		advance(s, n);
		all += n;
	}
	return all;
}
