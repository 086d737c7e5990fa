/* fuzz_uri.c - a URL's parts: inside their bounds, no longer than the text, without NUL.
 */
#include "base/arena.h"
#include "net/uri.h"

#include <stdlib.h>
#include <string.h>

static void check(struct str part, size_t max)
{
	if (part.len > max || (part.p != NULL && part.p[part.len] != '\0') ||
	    (part.len > 0 && memchr(part.p, '\0', part.len) != NULL))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *mem = arena_new(1024);
	struct str text = { (const char *)data, size }, name, value;
	struct uri u;

	if (mem != NULL && uri_parse(mem, text, &u) == 0) {
		struct str rest = u.query;

		check(u.scheme, size);
		check(u.user, size);
		check(u.password, size);
		check(u.host, size);
		check(u.path, size);
		if (u.port > 65535 || u.scheme.len == 0)
			abort();
		while (uri_next_param(mem, &rest, &name, &value) > 0) {
			check(name, size);
			check(value, size);
		}
	}
	arena_free(mem);
	return 0;
}
