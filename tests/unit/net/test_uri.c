/* test_uri.c - the parts of a URL. */
#include "base/arena.h"
#include "net/uri.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

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

static struct uri parsed(void **state, const char *text)
{
	struct uri u;

	assert_int_equal(uri_parse(*state, str_from(text), &u), 0);
	return u;
}

static void has(struct str s, const char *text)
{
	if (text == NULL)
		assert_null(s.p);
	else
		assert_true(s.p != NULL && str_eq(s, str_from(text)) && !s.p[s.len]);
}

static void all_parts_are_found(void **state)
{
	struct uri u = parsed(state, "redis://ann:pass@example.org:6380/2?a=1");

	has(u.scheme, "redis");
	has(u.user, "ann");
	has(u.password, "pass");
	has(u.host, "example.org");
	assert_int_equal(u.port, 6380);
	has(u.path, "/2");
	has(u.query, "a=1");
}

static void what_is_not_given_is_absent_or_empty(void **state)
{
	struct uri u = parsed(state, "redis://");

	has(u.user, NULL);
	has(u.password, NULL);
	has(u.host, "");
	assert_int_equal(u.port, 0);
	has(u.path, "");
	has(u.query, NULL);
}

static void a_password_needs_no_user(void **state)
{
	struct uri u = parsed(state, "redis://:pass@h");

	has(u.user, "");
	has(u.password, "pass");
	has(parsed(state, "redis://ann@h").password, NULL);
}

static void parts_are_decoded(void **state)
{
	struct uri u = parsed(state, "redis://a%40b:p%3a%2F%25@h%C3%BC/x%20y");

	has(u.user, "a@b");
	has(u.password, "p:/%");
	has(u.host, "h\xc3\xbc");
	has(u.path, "/x y");
}

static void a_password_may_hold_an_at_sign(void **state)
{
	struct uri u = parsed(state, "redis://ann:p@ss@h:1");

	has(u.password, "p@ss");
	has(u.host, "h");
}

static void an_ipv6_address_is_in_brackets(void **state)
{
	struct uri u = parsed(state, "redis://[::1]:7/");

	has(u.host, "::1");
	assert_int_equal(u.port, 7);
	has(parsed(state, "redis://[fe80::2]").host, "fe80::2");
}

static void a_path_may_stand_alone(void **state)
{
	has(parsed(state, "redis+unix:///run/r.sock").path, "/run/r.sock");
}

static void what_is_no_url_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"redis",
		"redis:/x",
		"://h",
		"1a://h",
		"re dis://h",
		"redis://h:0",
		"redis://h:65536",
		"redis://h:x",
		"redis://h:",
		"redis://[::1",
		"redis://[::1]7",
		"redis://h%0",
		"redis://%zz",
		"redis://h/%00",
		"redis://h h",
		"redis://h#f",
		"r://h/\n",
		"r://h?q#f",
	};
	struct uri u;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (uri_parse(*state, str_from(bad[i]), &u) != -EINVAL)
			fail_msg("'%s' is taken", bad[i]);
}

static void parameters_come_one_by_one(void **state)
{
	struct str rest = STR("a=1&&b=x%26y&c"), name, value;

	assert_int_equal(uri_next_param(*state, &rest, &name, &value), 1);
	has(name, "a");
	has(value, "1");
	assert_int_equal(uri_next_param(*state, &rest, &name, &value), 1);
	has(name, "b");
	has(value, "x&y");
	assert_int_equal(uri_next_param(*state, &rest, &name, &value), 1);
	has(name, "c");
	has(value, "");
	assert_int_equal(uri_next_param(*state, &rest, &name, &value), 0);
	rest = STR("a=%");
	assert_int_equal(uri_next_param(*state, &rest, &name, &value), -EINVAL);
}

#define WITH_ARENA(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_ARENA(all_parts_are_found),
		WITH_ARENA(what_is_not_given_is_absent_or_empty),
		WITH_ARENA(a_password_needs_no_user),
		WITH_ARENA(parts_are_decoded),
		WITH_ARENA(a_password_may_hold_an_at_sign),
		WITH_ARENA(an_ipv6_address_is_in_brackets),
		WITH_ARENA(a_path_may_stand_alone),
		WITH_ARENA(what_is_no_url_is_refused),
		WITH_ARENA(parameters_come_one_by_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
