/*
 * fuzz_words.c - texts of anybody's as terms: bytes that are no UTF-8 among them.
 *
 * The first byte chooses the language. Terms are neither empty nor longer than a word
 * may become, they are UTF-8, and the same text has the same terms again.
 */
#include "base/hash.h"
#include "memory/passages.h"
#include "memory/words.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

struct heard {
	size_t n;
	uint64_t sum;
};

static int hear(void *arg, struct str term)
{
	struct heard *h = arg;
	size_t n;

	must(term.len > 0 && term.len <= 128);
	h->sum = h->sum * 31 + hash128(term).lo;
	h->n++;
	for (size_t i = 0; i < term.len; i += n) {
		n = str_utf8_len(str_slice(term, i, term.len));
		must(n > 0);
	}
	return 0;
}

static void check_passages(struct str text)
{
	struct passages p = passages_of(text);
	struct str passage;
	size_t at = 0, n = 0;

	while (passages_next(&p, &passage)) {
		must(passage.p == text.p + at && passage.len > 0);
		at += passage.len;
		n++;
	}
	must(at == text.len && n <= PASSAGES_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const languages[] = { "english", "german", "french", "turkish",
						 "finnish" };
	struct heard h = { 0 }, again = { 0 };
	struct words *w;
	struct str text;

	if (size == 0)
		return 0;
	text = (struct str){ (const char *)data + 1, size - 1 };
	w = words_new(languages[data[0] % (sizeof(languages) / sizeof(*languages))]);
	must(w && words_each(w, text, hear, &h) == 0);
	must(words_each(w, text, hear, &again) == 0);
	must(h.n == again.n && h.sum == again.sum);
	words_free(w);
	check_passages(text);
	return 0;
}
