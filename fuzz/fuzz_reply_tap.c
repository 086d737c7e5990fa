/*
 * fuzz_reply_tap.c - a reply says the same in whatever pieces it comes.
 *
 * The first byte chooses stream or plain, the dialect, the limit and the split: the rest,
 * fed whole and fed in pieces, must give one verdict and one text, and the same place
 * from which on bytes are held.
 */
#include "memory/dialect.h"
#include "memory/reply_tap.h"

#include <stdlib.h>
#include <string.h>

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* From an allocation of just its size, gone after the call. */
static size_t feed(struct reply_tap *t, struct str piece)
{
	char *copy = malloc(piece.len ? piece.len : 1);

	must(copy != NULL);
	if (piece.len > 0)
		memcpy(copy, piece.p, piece.len);
	size_t pass = reply_tap_feed(t, copy, piece.len);
	free(copy);
	must(pass <= piece.len);
	return pass;
}

/* Pieces of 1 to 16 bytes. `hold` is where bytes are held from on; none: bytes.len. */
static void feed_split(struct reply_tap *t, struct str bytes, unsigned seed, size_t hold)
{
	for (size_t at = 0; at < bytes.len;) {
		seed = seed * 1664525u + 1013904223u; /* Numerical Recipes */
		struct str piece = str_slice(bytes, at, at + 1 + (seed >> 28));
		size_t pass = feed(t, piece);
		size_t free_bytes = hold > at ? hold - at : 0;

		if (!reply_tap_finishing(t))
			must(pass == piece.len);
		else
			must(pass == (free_bytes < piece.len ? free_bytes : piece.len));
		at += piece.len;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	const struct dialect *dialects[] = { &dialect_chat, &dialect_messages,
					     &dialect_responses, &dialect_cursor };
	const struct dialect *d = dialects[data[0] >> 1 & 3];
	bool stream = data[0] & 1;
	size_t limit = (size_t)1 << (data[0] >> 4);
	struct str bytes = { (const char *)data + 1, size - 1 };
	struct str text_a = { NULL, 0 }, text_b = { NULL, 0 };
	struct reply_tap *a = reply_tap_new(d, stream, limit);
	struct reply_tap *b = reply_tap_new(d, stream, limit);

	must(a != NULL && b != NULL);
	feed_split(b, bytes, data[0], feed(a, bytes));
	must(reply_tap_finishing(a) == reply_tap_finishing(b));
	must(reply_tap_closed(a) == reply_tap_closed(b));
	must(reply_tap_verdict(a, &text_a) == reply_tap_verdict(b, &text_b));
	must(str_eq(text_a, text_b));
	must(str_eq(reply_tap_id(a), reply_tap_id(b)));
	while (text_a.len > 0) {
		must(str_utf8_len(text_a) > 0);
		text_a = str_slice(text_a, str_utf8_len(text_a), text_a.len);
	}
	reply_tap_free(a);
	reply_tap_free(b);
	return 0;
}
