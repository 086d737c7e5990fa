/*
 * fuzz_h1.c - the verdict on bytes must not depend on how they come.
 *
 * The first byte says in what pieces the rest is given. Heads and bodies are
 * looked at in memory of just their size, so that the sanitizer sees a read
 * beyond it.
 */
#include "net/h1.h"

#include <stdlib.h>
#include <string.h>

static const struct h1_limits limits = { .line = 200, .head = 1000, .headers = 20 };

static void must(bool holds)
{
	if (!holds)
		abort();
}

static char *copy(const char *p, size_t n)
{
	char *c = malloc(n ? n : 1);

	must(c != NULL);
	if (n > 0)
		memcpy(c, p, n);
	return c;
}

/* From 1 to 16 bytes, another number each time. */
static size_t next_piece(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u; /* Numerical Recipes, 7.1 */
	return 1 + (*seed >> 28);
}

static ptrdiff_t end_in_pieces(const char *p, size_t n, uint32_t seed)
{
	size_t scanned = 0, have = 0;
	ptrdiff_t end = 0;

	while (have < n && end == 0) {
		char *c;

		have += next_piece(&seed);
		if (have > n)
			have = n;
		c = copy(p, have);
		end = h1_head_end(c, have, &scanned, &limits);
		free(c);
		must(scanned <= have);
	}
	return end;
}

static void must_lie_within(struct str s, const char *p, size_t n)
{
	must(s.p >= p && s.len <= n && s.p + s.len <= p + n);
}

static void check_fields(const struct h1_head *head, const char *p, size_t n)
{
	must(head->n_headers <= limits.headers);
	for (size_t i = 0; i < head->n_headers; i++) {
		const struct header *h = &head->headers[i];

		must_lie_within(h->name, p, n);
		must_lie_within(h->value, p, n);
		must(h->name.len > 0);
		must(!memchr(h->value.p, '\r', h->value.len));
		must(!memchr(h->value.p, '\n', h->value.len));
		must(!memchr(h->value.p, '\0', h->value.len));
	}
}

static void check_head(const char *bytes, size_t n)
{
	char *p = copy(bytes, n);
	struct h1_head *head = malloc(sizeof(*head)); /* holds garbage, as allowed */
	const char *why = NULL;

	must(head != NULL);
	if (h1_parse_request(p, n, &limits, head, &why) == FAULT_NONE) {
		check_fields(head, p, n);
		must_lie_within(head->method, p, n);
		must(head->target.p[0] == '/' || head->target.p[0] == '*');
		must(head->minor == 0 || head->authority.len > 0);
		must(head->body != H1_BODY_UNTIL_CLOSE);
	}
	must(why != NULL);
	if (h1_parse_reply(p, n, &limits, false, head, &why) == FAULT_NONE) {
		check_fields(head, p, n);
		must_lie_within(head->reason, p, n);
		must(head->status >= 100 && head->status <= 999);
		must(head->body != H1_BODY_UNTIL_CLOSE || !head->keep_alive);
	}
	must(why != NULL);
	free(head);
	free(p);
}

static void check_heads(const char *p, size_t n, uint32_t seed)
{
	size_t scanned = 0, skip = h1_leading_crlf(p, n);
	ptrdiff_t end;

	p += skip;
	n -= skip;
	end = h1_head_end(p, n, &scanned, &limits);
	must(end_in_pieces(p, n, seed) == end);
	check_head(p, end > 0 ? (size_t)end : n);
}

struct decoded {
	enum h1_chunk_event last;
	size_t taken;    /* bytes of the body's framing and content */
	uint64_t sum, n; /* of the content */
};

static size_t decode(struct h1_chunked *c, const char *p, size_t n, struct decoded *d)
{
	size_t at = 0;

	while (at < n && d->last < H1_CHUNK_END) {
		size_t consumed;
		uint64_t len = 0;

		d->last = h1_chunked_feed(c, p + at, n - at, &consumed, &len);
		must(consumed <= n - at);
		at += consumed;
		if (d->last != H1_CHUNK_DATA)
			continue;
		must(at < n && len > 0);
		if (len > n - at)
			len = n - at;
		for (uint64_t i = 0; i < len; i++)
			d->sum = d->sum * 31 + (unsigned char)p[at + i];
		d->n += len;
		at += len;
		h1_chunked_took(c, len);
	}
	return at;
}

static struct decoded decode_in_pieces(const char *p, size_t n, uint32_t seed)
{
	struct decoded d = { .last = H1_CHUNK_MORE };
	struct h1_chunked c;

	h1_chunked_init(&c);
	while (n > 0 && d.last < H1_CHUNK_END) {
		size_t piece = next_piece(&seed);
		char *bytes;

		if (piece > n)
			piece = n;
		bytes = copy(p, piece);
		d.taken += decode(&c, bytes, piece, &d);
		free(bytes);
		p += piece;
		n -= piece;
	}
	return d;
}

static void check_chunks(const char *p, size_t n, uint32_t seed)
{
	struct decoded whole = { .last = H1_CHUNK_MORE };
	struct decoded pieces = decode_in_pieces(p, n, seed);
	struct h1_chunked c;

	h1_chunked_init(&c);
	whole.taken = decode(&c, p, n, &whole);
	must(whole.taken == pieces.taken && whole.n == pieces.n &&
	     whole.sum == pieces.sum);
	must((whole.last == H1_CHUNK_END) == (pieces.last == H1_CHUNK_END));
	must((whole.last == H1_CHUNK_BAD) == (pieces.last == H1_CHUNK_BAD));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	check_heads((const char *)data + 1, size - 1, data[0]);
	check_chunks((const char *)data + 1, size - 1, data[0]);
	return 0;
}
