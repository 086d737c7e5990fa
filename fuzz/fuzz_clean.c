/*
 * fuzz_clean.c - cleaning, redacting and capping a text.
 *
 * Of UTF-8 they make UTF-8; what is cleaned is no longer than before and has no
 * blanks at its ends; a capped text keeps its bound. The first byte is the bound.
 */
#include "memory/clean.h"

#include <stdlib.h>

static void must(bool holds)
{
	if (!holds)
		abort();
}

static bool is_utf8(struct str s)
{
	while (s.len > 0) {
		size_t n = str_utf8_len(s);

		if (n == 0)
			return false;
		s = str_slice(s, n, s.len);
	}
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct str text = { (const char *)data + 1, size - 1 };
	struct arena *a = arena_new(1024);

	must(a != NULL);
	struct str cleaned = clean_text(text, a);
	must(cleaned.p != NULL && cleaned.len <= text.len);
	must(str_trim(cleaned).len == cleaned.len);
	struct str redacted = redact_text(cleaned, a);
	must(redacted.p != NULL);
	struct str capped = cap_text(redacted, data[0], a);
	must(capped.p != NULL && capped.len <= data[0]);
	if (is_utf8(text))
		must(is_utf8(cleaned) && is_utf8(redacted) && is_utf8(capped));
	struct digest once = turn_digest(cleaned), again = turn_digest(cleaned);
	must(digest_eq(&once, &again));
	must(hash128_eq(turn_hash(cleaned), turn_hash(str_trim(cleaned))));
	arena_free(a);
	return 0;
}
