/*
 * fuzz_original_import.c - a blob of the original project's.
 *
 * Whatever it is, what comes out could have come from a client: a session, words of the
 * user's, a reply where it is complete, and each after the one before.
 */
#include "memory/clean.h"
#include "memory/original_import.h"

#include <stdlib.h>

static void must(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *mem = arena_new(1024);
	struct original_session s;
	static const struct digest none;

	must(mem != NULL);
	if (original_parse(STR("litellm:session:k"),
			   (struct str){ (const char *)data, size }, mem, &s) == 0) {
		must(s.id.len > 0);
		for (size_t i = 0; i < s.n; i++) {
			const struct exchange *x = &s.v[i];

			must(x->user.len > 0 && str_eq(x->session, s.id));
			must((x->state == EXCHANGE_COMPLETE) == (x->reply.p != NULL));
			must(x->state == EXCHANGE_COMPLETE || i + 1 == s.n);
			must(str_trim(x->user).len == x->user.len);
			must(i == 0 || !digest_eq(&x->prev, &none));
			must(digest_eq(&x->prev, &none) ==
			     hash128_eq(x->prev_hash, (struct hash128){ 0, 0 }));
		}
	}
	arena_free(mem);
	return 0;
}
