/* test_h1_chunked.c - the chunked coding, whole and in pieces. */
#include "net/h1.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct decoder {
	struct h1_chunked c;
	char content[256];
	size_t n;
	enum h1_chunk_event last; /* END and BAD stay */
	size_t behind;            /* bytes given that are not the body's */
};

static void decoder_init(struct decoder *d)
{
	h1_chunked_init(&d->c);
	d->n = d->behind = 0;
	d->last = H1_CHUNK_MORE;
}

/* Gives one piece, from memory of just its size. */
static void give(struct decoder *d, const char *bytes, size_t n)
{
	char *p = malloc(n ? n : 1);
	size_t at = 0;

	assert_non_null(p);
	memcpy(p, bytes, n);
	while (at < n && d->last < H1_CHUNK_END) {
		size_t consumed;
		uint64_t len;

		d->last = h1_chunked_feed(&d->c, p + at, n - at, &consumed, &len);
		assert_true(consumed <= n - at);
		at += consumed;
		if (d->last != H1_CHUNK_DATA) {
			assert_true(d->last != H1_CHUNK_MORE || at == n);
			continue;
		}
		assert_true(at < n && len > 0);
		if (len > n - at)
			len = n - at;
		assert_true(d->n + len <= sizeof(d->content));
		memcpy(d->content + d->n, p + at, len);
		d->n += len;
		at += len;
		h1_chunked_took(&d->c, len);
	}
	d->behind += n - at;
	free(p);
}

struct row {
	const char *name, *bytes;
	size_t n;
	enum h1_chunk_event end;
	const char *content;
	size_t behind;
};

#define ROW(name, bytes, ...)                               \
	{                                                   \
		name, bytes, sizeof(bytes) - 1, __VA_ARGS__ \
	}
#define BAD          H1_CHUNK_BAD, NULL, 0
#define CUT(content) H1_CHUNK_MORE, content, 0

static const struct row rows[] = {
	ROW("one chunk", "3\r\nabc\r\n0\r\n\r\n", H1_CHUNK_END, "abc", 0),
	ROW("three chunks", "3\r\nabc\r\n1\r\nd\r\nA\r\n0123456789\r\n0\r\n\r\n",
	    H1_CHUNK_END, "abcd0123456789", 0),
	ROW("empty", "0\r\n\r\n", H1_CHUNK_END, "", 0),
	ROW("the next request behind it", "1\r\na\r\n0\r\n\r\nGET /", H1_CHUNK_END, "a",
	    5),
	ROW("leading zeros", "0003\r\nabc\r\n000\r\n\r\n", H1_CHUNK_END, "abc", 0),
	ROW("hexadecimal in both cases",
	    "a\r\n0123456789\r\n0A\r\n0123456789\r\n0\r\n\r\n", H1_CHUNK_END,
	    "01234567890123456789", 0),
	ROW("content that looks like framing", "5\r\n0\r\n\r\n\r\n0\r\n\r\n",
	    H1_CHUNK_END, "0\r\n\r\n", 0),
	ROW("extension", "3;a=b\r\nabc\r\n0;c\r\n\r\n", H1_CHUNK_END, "abc", 0),
	ROW("extension with a quoted value", "3;a=\"b;\t\xff\"\r\nabc\r\n0\r\n\r\n",
	    H1_CHUNK_END, "abc", 0),
	ROW("extension behind blanks", "3 \t;a\r\nabc\r\n0\r\n\r\n", H1_CHUNK_END, "abc",
	    0),
	ROW("trailers", "1\r\na\r\n0\r\nX: y\r\nZ:\r\n\r\n", H1_CHUNK_END, "a", 0),
	ROW("cut in the content", "3\r\nab", CUT("ab")),
	ROW("cut before the last CRLF", "1\r\na\r\n0\r\n", CUT("a")),
	ROW("cut behind the content", "1\r\na", CUT("a")),

	ROW("size +3", "+3\r\nabc\r\n0\r\n\r\n", BAD),
	ROW("size -3", "-3\r\nabc\r\n0\r\n\r\n", BAD),
	ROW("size 0x3", "0x3\r\nabc\r\n0\r\n\r\n", BAD),
	ROW("blank before the size", " 3\r\nabc\r\n0\r\n\r\n", BAD),
	ROW("blank behind the size", "3 \r\nabc\r\n0\r\n\r\n", BAD),
	ROW("size 3 xyz", "3 xyz\r\nabc\r\n0\r\n\r\n", BAD),
	ROW("no size", "\r\nabc\r\n0\r\n\r\n", BAD),
	ROW("extension without a size", ";a\r\nabc\r\n0\r\n\r\n", BAD),
	ROW("size of letters", "xyz\r\nabc\r\n0\r\n\r\n", BAD),
	ROW("size beyond 2^64", "10000000000000003\r\nabc\r\n0\r\n\r\n", BAD),
	ROW("size 2^64 - 1", "ffffffffffffffff\r\nabc\r\n0\r\n\r\n", BAD),
	ROW("bare LF behind the size", "3\nabc\r\n0\r\n\r\n", BAD),
	ROW("bare CR behind the size", "3\rabc\r\n0\r\n\r\n", BAD),
	ROW("bare LF behind the content", "3\r\nabc\n0\r\n\r\n", BAD),
	ROW("no CRLF behind the content", "3\r\nabc0\r\n\r\n", BAD),
	ROW("content longer than its size", "3\r\nabcd\r\n0\r\n\r\n", BAD),
	ROW("stray CRLF between chunks", "1\r\na\r\n\r\n1\r\nb\r\n0\r\n\r\n", BAD),
	ROW("LF for every CRLF", "3\nabc\n0\n\n", BAD),
	ROW("bare LF in an extension", "3;a\nabc\r\n0\r\n\r\n", BAD),
	ROW("NUL in an extension", "3;a\0b\r\nabc\r\n0\r\n\r\n", BAD),
	ROW("bare CR in an extension", "3;a\rb\r\nabc\r\n0\r\n\r\n", BAD),
	ROW("bare LF at the end", "0\r\n\n", BAD),
	ROW("something for the last CRLF", "0\r\n\rX", BAD),
	ROW("trailer without a colon", "0\r\nX\r\n\r\n", BAD),
	ROW("trailer with a blank before its colon", "0\r\nX : y\r\n\r\n", BAD),
	ROW("trailer without a name", "0\r\n: y\r\n\r\n", BAD),
	ROW("folded trailer", "0\r\nX: y\r\n z\r\n\r\n", BAD),
	ROW("trailer with a control", "0\r\nX: \x01\r\n\r\n", BAD),
	ROW("trailer that ends in LF", "0\r\nX: y\n\r\n", BAD),
};

static void check(const struct row *r, const struct decoder *d, size_t cut)
{
	enum h1_chunk_event last = d->last == H1_CHUNK_DATA ? H1_CHUNK_MORE : d->last;

	if (last != r->end)
		fail_msg("%s, split at %zu: ends with %d", r->name, cut, (int)d->last);
	if (r->end == H1_CHUNK_BAD)
		return;
	if (d->n != strlen(r->content) || memcmp(d->content, r->content, d->n) != 0)
		fail_msg("%s, split at %zu: '%.*s'", r->name, cut, (int)d->n, d->content);
	if (d->behind != r->behind)
		fail_msg("%s, split at %zu: %zu behind", r->name, cut, d->behind);
}

static void every_split_decodes_alike(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		for (size_t cut = 0; cut <= rows[i].n; cut++) {
			struct decoder d;

			decoder_init(&d);
			give(&d, rows[i].bytes, cut);
			give(&d, rows[i].bytes + cut, rows[i].n - cut);
			check(&rows[i], &d, cut);
		}
	}
}

static void single_bytes_decode_alike(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct decoder d;

		decoder_init(&d);
		for (size_t k = 0; k < rows[i].n; k++)
			give(&d, rows[i].bytes + k, 1);
		check(&rows[i], &d, 1);
	}
}

static enum h1_chunk_event feed(struct h1_chunked *c, const char *text, uint64_t *len)
{
	size_t consumed;

	return h1_chunked_feed(c, text, strlen(text), &consumed, len);
}

static void the_size_of_a_large_chunk_is_told_at_once(void **state)
{
	struct h1_chunked c;
	uint64_t len = 0;

	(void)state;
	h1_chunked_init(&c);
	assert_int_equal(feed(&c, "fffffffffffffff\r\nx", &len), H1_CHUNK_DATA);
	assert_true(len == UINT64_C(0xfffffffffffffff));
	h1_chunked_took(&c, 1);
	assert_int_equal(feed(&c, "x", &len), H1_CHUNK_DATA);
	assert_true(len == UINT64_C(0xffffffffffffffe));
}

/* How many chunks of one byte with an extension of `n` are taken, up to `max`. */
static size_t chunks_taken(size_t n, size_t max)
{
	struct h1_chunked c;
	uint64_t len;

	h1_chunked_init(&c);
	for (size_t i = 0; i < max; i++) {
		if (feed(&c, "1;", &len) == H1_CHUNK_BAD)
			return i;
		for (size_t k = 0; k < n; k++)
			if (feed(&c, "a", &len) == H1_CHUNK_BAD)
				return i;
		assert_int_equal(feed(&c, "\r\nx", &len), H1_CHUNK_DATA);
		h1_chunked_took(&c, 1);
		assert_int_equal(feed(&c, "\r\n", &len), H1_CHUNK_MORE);
	}
	return max;
}

static void extensions_may_not_outgrow_the_content(void **state)
{
	(void)state;
	assert_int_equal(chunks_taken(1, 100000), 100000);
	assert_true(chunks_taken(101, 100000) < 200);
	assert_int_equal(chunks_taken(17000, 2), 0);
}

static void trailers_are_bounded(void **state)
{
	struct h1_chunked c;
	enum h1_chunk_event ev = H1_CHUNK_MORE;
	uint64_t len;
	size_t n = 0;

	(void)state;
	h1_chunked_init(&c);
	assert_int_equal(feed(&c, "0\r\n", &len), H1_CHUNK_MORE);
	for (; ev == H1_CHUNK_MORE && n < 100000; n++)
		ev = feed(&c, "x: y\r\n", &len);
	assert_int_equal(ev, H1_CHUNK_BAD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_split_decodes_alike),
		cmocka_unit_test(single_bytes_decode_alike),
		cmocka_unit_test(the_size_of_a_large_chunk_is_told_at_once),
		cmocka_unit_test(extensions_may_not_outgrow_the_content),
		cmocka_unit_test(trailers_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
