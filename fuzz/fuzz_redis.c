/*
 * fuzz_redis.c - what comes out of a Redis: an entry, a name of the list of users, the
 * text of INFO, and a URL of one. The first byte says which.
 *
 * What is read of an entry lies inside it; a name that is read is written the same again.
 */
#include "base/arena.h"
#include "net/redis_address.h"
#include "store/redis_entry.h"
#include "store/redis_run.h"

#include <stdlib.h>
#include <string.h>

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void inside(struct str part, struct str whole)
{
	must(part.p == NULL || (part.p >= whole.p && part.len <= whole.len &&
				part.p + part.len <= whole.p + whole.len));
}

static void entry(struct str text)
{
	struct exchange x;

	if (redis_entry_decode(text, &x) < 0)
		return;
	inside(x.session, text);
	inside(x.client, text);
	inside(x.model, text);
	inside(x.request_id, text);
	inside(x.sources, text);
	inside(x.user, text);
	inside(x.reply, text);
}

static void name(struct arena *mem, struct str text)
{
	struct partition p;
	struct str again;

	if (redis_name_decode(mem, text, &p) < 0)
		return;
	must(redis_name_encode(mem, &p, &again) == 0);
	must(str_eq(text, again));
}

static void address(struct arena *mem, struct str text)
{
	struct redis_address a;
	const char *why = NULL;
	int rc = redis_address_parse(mem, text, &a, &why);

	must(rc == 0 || why != NULL);
	if (rc == 0) {
		must(a.socket.p != NULL ? a.socket.len < 108 : a.host.len > 0);
		must(redis_address_name(mem, &a).p != NULL);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data + 1, size - 1 };
	struct arena *mem = arena_new(1024);

	must(mem != NULL);
	if (size > 0 && data[0] == 'e')
		entry(text);
	else if (size > 0 && data[0] == 'n')
		name(mem, text);
	else if (size > 0 && data[0] == 'i')
		inside(redis_info_field(text, STR("role")), text);
	else if (size > 0)
		address(mem, text);
	arena_free(mem);
	return 0;
}
