/* test_api.c - the memory API's parts that need no program: keys, times, pages. */
#include "proxy/api_docs.h"
#include "proxy/good_keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* --- keys that were good ----------------------------------------------------- */

struct moved_clock {
	struct clock clock; /* first */
	uint64_t us;
};

static uint64_t mono_us(const struct clock *c)
{
	return ((const struct moved_clock *)(const void *)c)->us;
}

static void a_good_key_is_good_for_a_minute(void **state)
{
	struct moved_clock c = { { mono_us, NULL }, 5000000 };
	struct good_keys *g = good_keys_new(&c.clock);

	(void)state;
	assert_non_null(g);
	assert_false(good_keys_has(g, STR("sk-one")));
	good_keys_add(g, STR("sk-one"));
	assert_true(good_keys_has(g, STR("sk-one")));
	assert_false(good_keys_has(g, STR("sk-two")));
	assert_false(good_keys_has(g, STR("sk-on")));
	c.us += 59999000;
	assert_true(good_keys_has(g, STR("sk-one")));
	c.us += 1000;
	assert_false(good_keys_has(g, STR("sk-one")));
	good_keys_add(g, STR("sk-one"));
	assert_true(good_keys_has(g, STR("sk-one")));
	good_keys_free(g);
}

static void many_keys_take_no_more_room_and_the_newest_are_known(void **state)
{
	struct moved_clock c = { { mono_us, NULL }, 0 };
	struct good_keys *g = good_keys_new(&c.clock);
	unsigned known = 0;
	char key[32];

	(void)state;
	assert_non_null(g);
	for (unsigned i = 0; i < 100000; i++) {
		struct str s = { key, (size_t)snprintf(key, sizeof(key), "sk-%u", i) };

		c.us += 1000;
		good_keys_add(g, s);
		assert_true(good_keys_has(g, s));
	}
	for (unsigned i = 0; i < 100000; i++) {
		struct str s = { key, (size_t)snprintf(key, sizeof(key), "sk-%u", i) };

		known += good_keys_has(g, s);
	}
	assert_in_range(known, 1000, 2048);
	good_keys_free(g);
}

/* --- times ------------------------------------------------------------------- */

static uint64_t time_of(const char *text)
{
	uint64_t ms = UINT64_MAX;

	assert_true(api_time_parse(str_from(text), &ms));
	return ms;
}

static void times_are_read_as_they_are_written(void **state)
{
	static const uint64_t times[] = {
		0, 1, 999, 1795219200000, 951782400123, 253402300799999
	};

	(void)state;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		json_t *j = api_time(times[i]);

		assert_int_equal(time_of(json_string_value(j)), times[i]);
		json_decref(j);
	}
}

static void the_forms_of_rfc_3339_are_read(void **state)
{
	(void)state;
	assert_int_equal(time_of("2026-11-21T00:00:00Z"), 1795219200000);
	assert_int_equal(time_of("2026-11-21t02:00:00.5+02:00"), 1795219200500);
	assert_int_equal(time_of("2026-11-20 23:00:00.1239-01:00"), 1795219200123);
	assert_int_equal(time_of("1970-01-01T00:00:00z"), 0);
}

static void what_is_no_time_is_none(void **state)
{
	static const char *const bad[] = {
		"",
		"now",
		"2026-11-21",
		"2026-11-21T00:00:00",
		"2026-11-21T00:00Z",
		"2026-11-21T00:00:00.Z",
		"2026-11-21T24:00:00Z",
		"2026-11-21T00:60:00Z",
		"2026-13-21T00:00:00Z",
		"2026-00-21T00:00:00Z",
		"2026-11-00T00:00:00Z",
		"2026-11-32T00:00:00Z",
		"2026-11-21T00:00:00+2:00",
		"2026-11-21T00:00:00+24:00",
		"2026-11-21T00:00:00Zx",
		"1969-12-31T23:59:59Z",
		"1970-01-01T00:00:00+01:00",
		"+026-11-21T00:00:00Z",
	};
	uint64_t ms;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(api_time_parse(str_from(bad[i]), &ms));
}

/* --- lines of an import
 * ----------------------------------------------------------------- */

static void a_line_is_an_exchange(void **state)
{
	const struct str line = STR(
		"{\"id\":\"00112233445566778899aabbccddeeff\",\"session\":\"s\","
		"\"user\":\"a\\u0000b\",\"reply\":null,\"at\":\"1970-01-01T00:00:01Z\","
		"\"state\":\"cancelled\",\"seq\":9,\"more\":{}}");
	struct arena *a = arena_new(1024);
	struct api_line l;

	(void)state;
	assert_non_null(a);
	assert_null(api_line_parse(line, 5, a, &l));
	assert_int_equal(l.n, 1);
	assert_int_equal(l.v[0].id.b[15], 0xff);
	assert_int_equal(l.v[0].user.len, 3);
	assert_null(l.v[0].reply.p);
	assert_int_equal(l.v[0].at_ms, 1000);
	assert_int_equal(l.v[0].state, EXCHANGE_CANCELLED);
	assert_int_equal(l.v[0].seq, 0);
	assert_null(l.v[0].partition.tenant.p);
	json_decref(l.doc);
	arena_free(a);
}

static void what_a_line_leaves_out_is_made_up(void **state)
{
	struct arena *a = arena_new(1024);
	struct api_line l;

	(void)state;
	assert_non_null(a);
	assert_null(api_line_parse(
		STR("{\"session\":\"s\",\"user\":\"a\",\"reply\":\"b\"}"), 5, a, &l));
	assert_int_equal(l.v[0].at_ms, 5);
	assert_int_equal(l.v[0].state, EXCHANGE_COMPLETE);
	assert_false(l.v[0].session_named); /* it supersedes nothing */
	json_decref(l.doc);
	arena_free(a);
}

/* --- the tables
 * ----------------------------------------------------------------------------- */

static char *read_whole(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = calloc(1, 1 << 20);

	assert_non_null(f);
	assert_non_null(text);
	assert_in_range(fread(text, 1, (1 << 20) - 1, f), 1, (1 << 20) - 2);
	fclose(f);
	return text;
}

static void the_page_follows_from_the_tables(void **state)
{
	char *page = read_whole("docs/reference/API.md"), *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	(void)state;
	assert_non_null(f);
	api_reference(f);
	fclose(f);
	if (strcmp(page, text) != 0)
		fail_msg("docs/reference/API.md is not what the tables say: run `ninja "
			 "reference`");
	free(text);
	free(page);
}

static bool has_schema(const char *name)
{
	for (size_t i = 0; i < api_n_members; i++)
		if (strcmp(api_members[i].schema, name) == 0)
			return true;
	return api_is_lines(name);
}

static void every_name_of_a_document_is_one(void **state)
{
	(void)state;
	for (size_t i = 0; i < api_n_routes; i++) {
		const struct api_route *r = &api_routes[i];

		assert_true(has_schema(r->answer));
		assert_true(!r->body || has_schema(r->body));
	}
	for (size_t i = 0; i < api_n_members; i++) {
		const char *type = api_members[i].type;

		type += type[0] == '[';
		assert_true(api_type_find(type) || has_schema(type));
	}
}

static void the_description_is_made(void **state)
{
	json_t *doc = api_openapi_document();

	(void)state;
	assert_non_null(doc);
	assert_int_equal(json_object_size(json_object_get(
				 json_object_get(doc, "components"), "schemas")) > 20,
			 1);
	json_decref(doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_key_is_good_for_a_minute),
		cmocka_unit_test(many_keys_take_no_more_room_and_the_newest_are_known),
		cmocka_unit_test(times_are_read_as_they_are_written),
		cmocka_unit_test(the_forms_of_rfc_3339_are_read),
		cmocka_unit_test(what_is_no_time_is_none),
		cmocka_unit_test(a_line_is_an_exchange),
		cmocka_unit_test(what_a_line_leaves_out_is_made_up),
		cmocka_unit_test(the_page_follows_from_the_tables),
		cmocka_unit_test(every_name_of_a_document_is_one),
		cmocka_unit_test(the_description_is_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
