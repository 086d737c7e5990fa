/*
 * fuzz_memory_api.c - paths, queries and import lines of the memory API.
 *
 * What is taken for an id is one; a line that is taken is told again as JSON and
 * taken for the same exchange.
 */
#include "proxy/api_json.h"
#include "proxy/api_path.h"
#include "router/id.h"

#include <stdlib.h>
#include <string.h>

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void fuzz_target(struct str target, struct arena *a)
{
	static const char *const patterns[] = {
		"/memory/api/users/{user}/exchanges/{id}",
		"/memory/api/users/{user}",
		"/v1/sessions/{session}",
	};
	struct str path = str_before(target, '?'), value;
	struct str query = str_slice(target, path.len + 1, target.len);
	struct str ids[API_PARAMS_MAX];

	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		memset(ids, 0, sizeof(ids));
		if (api_path_match(patterns[i], path, a, ids) != PATH_MATCHES)
			continue;
		must(id_is_usable(ids[0]));
		must(!ids[1].p || id_is_usable(ids[1]));
	}
	if (api_query_get(query, STR("q"), a, &value) == 0 && value.p)
		must(value.len <= query.len);
}

static void same(const struct exchange *x, const struct exchange *y)
{
	must(exchange_id_eq(&x->id, &y->id));
	must(x->at_ms == y->at_ms && x->state == y->state);
	must(str_eq(x->session, y->session) && str_eq(x->user, y->user));
	must(!x->reply.p == !y->reply.p && str_eq(x->reply, y->reply));
}

static void told_again(const struct exchange *x, struct arena *a)
{
	struct api_line again;
	struct buf b;

	buf_init(&b, SIZE_MAX / 2);
	api_add_json(&b, api_exchange(x));
	must(!b.failed);
	must(!api_line_parse(buf_str(&b), 1, a, &again) && again.n == 1);
	same(x, &again.v[0]);
	json_decref(again.doc);
	buf_done(&b);
}

static void fuzz_line(struct str line, struct arena *a)
{
	struct api_line l;

	if (api_line_parse(line, 1, a, &l))
		return;
	for (size_t i = 0; i < l.n; i++) {
		must(l.v[i].user.len > 0 && id_is_usable(l.v[i].session));
		/* A year beyond 9999 is no time of RFC 3339. */
		if (l.v[i].at_ms < UINT64_C(253402300800000))
			told_again(&l.v[i], a);
	}
	json_decref(l.doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte chooses: '/' begins a target. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, size };
	struct arena *a = arena_new(4096);

	must(a != NULL);
	if (size > 0 && data[0] == '/')
		fuzz_target(text, a);
	else if (size > 0)
		fuzz_line(text, a);
	arena_free(a);
	return 0;
}
