/* test_api_path.c - paths and queries of the memory API. */
#include "proxy/api_path.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define PATTERN "/memory/api/users/{user}/sessions/{session}"

static int set_up(void **state)
{
	*state = arena_new(1024);
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	arena_free(*state);
	return 0;
}

static void assert_str(struct str s, const char *want)
{
	assert_non_null(s.p);
	assert_int_equal(s.len, strlen(want));
	assert_memory_equal(s.p, want, s.len);
}

static enum path_match match(struct arena *a, const char *path,
			     struct str ret[API_PARAMS_MAX])
{
	return api_path_match(PATTERN, str_from(path), a, ret);
}

static void a_path_of_the_form_matches(void **state)
{
	struct str p[API_PARAMS_MAX];

	assert_int_equal(match(*state, "/memory/api/users/anna/sessions/s1", p),
			 PATH_MATCHES);
	assert_str(p[0], "anna");
	assert_str(p[1], "s1");
}

static void names_are_decoded_after_the_path_was_split(void **state)
{
	struct str p[API_PARAMS_MAX];

	assert_int_equal(match(*state, "/memory/api/users/a%2Fb%20+c/sessions/%c3%bc", p),
			 PATH_MATCHES);
	assert_str(p[0], "a/b +c"); /* a plus is a plus in a path */
	assert_str(p[1], "\xc3\xbc");
	/* An escaped letter of a fixed part is not that part. */
	assert_int_equal(match(*state, "/memory/api/user%73/a/sessions/b", p),
			 PATH_OTHER);
}

static void another_form_is_another_path(void **state)
{
	static const char *const others[] = {
		"",
		"/",
		"*",
		"/memory/api/users",
		"/memory/api/users/a/sessions",
		"/memory/api/users/a/sessions/",
		"/memory/api/users//sessions/b",
		"/memory/api/users/a/sessions/b/",
		"/memory/api/users/a/sessions/b/c",
		"/memory/api/users/a/exchanges/b",
		"//memory/api/users/a/sessions/b",
	};
	struct str p[API_PARAMS_MAX];

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(match(*state, others[i], p), PATH_OTHER);
}

static void what_is_no_id_is_bad(void **state)
{
	static const char *const bad[] = {
		"%",   "%4",     "%4g", "%g4", "%00",       "%0a",
		"%7f", "%c2%80", "%ff", "%c3", "%ed%a0%80", /* a surrogate */
	};
	struct str p[API_PARAMS_MAX];
	char path[128];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(path, sizeof(path), "/memory/api/users/%s/sessions/b", bad[i]);
		assert_int_equal(match(*state, path, p), PATH_BAD);
	}
}

static void an_id_is_at_most_256_bytes(void **state)
{
	struct str p[API_PARAMS_MAX];
	char path[512];

	snprintf(path, sizeof(path), "/memory/api/users/%0256d/sessions/b", 1);
	assert_int_equal(match(*state, path, p), PATH_MATCHES);
	snprintf(path, sizeof(path), "/memory/api/users/%0257d/sessions/b", 1);
	assert_int_equal(match(*state, path, p), PATH_BAD);
}

static int get(struct arena *a, const char *query, const char *name, struct str *ret)
{
	return api_query_get(str_from(query), str_from(name), a, ret);
}

static void the_first_parameter_of_a_name_counts(void **state)
{
	struct str s;

	assert_int_equal(get(*state, "q=a&limit=5&q=b", "q", &s), 0);
	assert_str(s, "a");
	assert_int_equal(get(*state, "q=a&limit=5&q=b", "limit", &s), 0);
	assert_str(s, "5");
	assert_int_equal(get(*state, "qq=a&xq=b", "q", &s), 0);
	assert_null(s.p);
	assert_int_equal(get(*state, "", "q", &s), 0);
	assert_null(s.p);
}

static void values_are_decoded_and_a_plus_is_a_blank(void **state)
{
	struct str s;

	assert_int_equal(get(*state, "q=a+b%2Bc%26d=e", "q", &s), 0);
	assert_str(s, "a b+c&d=e");
	assert_int_equal(get(*state, "a&q", "q", &s), 0);
	assert_str(s, "");
	assert_int_equal(get(*state, "q=", "q", &s), 0);
	assert_str(s, "");
	assert_int_equal(get(*state, "q=%", "q", &s), -EINVAL);
	assert_int_equal(get(*state, "q=%e4", "q", &s), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_path_of_the_form_matches),
		cmocka_unit_test(names_are_decoded_after_the_path_was_split),
		cmocka_unit_test(another_form_is_another_path),
		cmocka_unit_test(what_is_no_id_is_bad),
		cmocka_unit_test(an_id_is_at_most_256_bytes),
		cmocka_unit_test(the_first_parameter_of_a_name_counts),
		cmocka_unit_test(values_are_decoded_and_a_plus_is_a_blank),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
