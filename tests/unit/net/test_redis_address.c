/* test_redis_address.c - where a Redis is, and as whom to speak to it. */
#include "base/arena.h"
#include "net/redis_address.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

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

static struct redis_address parsed(void **state, const char *url)
{
	struct redis_address a;
	const char *why = NULL;

	if (redis_address_parse(*state, str_from(url), &a, &why) < 0)
		fail_msg("%s: %s", url, why);
	return a;
}

static void has(struct str s, const char *text)
{
	if (text == NULL)
		assert_null(s.p);
	else
		assert_true(s.p != NULL && str_eq(s, str_from(text)));
}

static void what_is_left_out_is_redis_default(void **state)
{
	struct redis_address a = parsed(state, "redis://");

	has(a.host, "127.0.0.1");
	assert_int_equal(a.port, 6379);
	assert_int_equal(a.db, 0);
	has(a.user, NULL);
	has(a.password, NULL);
	has(a.socket, NULL);
	assert_int_equal(parsed(state, "redis://h/").db, 0);
}

static void a_whole_url_is_read(void **state)
{
	struct redis_address a = parsed(state, "redis://mem:p%40ss@[::1]:7000/12");

	has(a.host, "::1");
	assert_int_equal(a.port, 7000);
	assert_int_equal(a.db, 12);
	has(a.user, "mem");
	has(a.password, "p@ss");
}

static void a_password_goes_without_a_user(void **state)
{
	struct redis_address a = parsed(state, "redis://:pass@h");

	has(a.user, NULL);
	has(a.password, "pass");
	has(parsed(state, "redis://:@h").password, NULL);
}

static void a_socket_is_a_path(void **state)
{
	struct redis_address a = parsed(state, "redis+unix://:p@/run/a%20b.sock?db=3");

	has(a.socket, "/run/a b.sock");
	has(a.password, "p");
	assert_int_equal(a.db, 3);
}

static void what_cannot_be_is_told_why(void **state)
{
	static const char *const bad[] = {
		"redis:/h",
		"redis://h/x",
		"redis://h/1/2",
		"redis://h/99999999",
		"redis://h?x=1",
		"redis://ann@h",
		"redis+unix://h/path",
		"redis+unix:///",
		"redis+unix:///a?x=1",
		"redis+unix:///a?db=x",
		"rediss://h",
		"redis://:a b@h",
	};
	char long_path[200] = "redis+unix:///";
	struct redis_address a;
	const char *why;

	memset(long_path + 14, 'x', 120);
	for (size_t i = 0; i <= sizeof(bad) / sizeof(*bad); i++) {
		const char *url = i < sizeof(bad) / sizeof(*bad) ? bad[i] : long_path;

		why = NULL;
		if (redis_address_parse(*state, str_from(url), &a, &why) != -EINVAL)
			fail_msg("'%s' is taken", url);
		assert_non_null(why);
	}
}

static void its_name_has_no_password(void **state)
{
	struct redis_address a = parsed(state, "redis://u:pass@[::1]:7000/12");

	has(redis_address_name(*state, &a), "[::1]:7000/12");
	a = parsed(state, "redis://:pass@h");
	has(redis_address_name(*state, &a), "h:6379/0");
	a = parsed(state, "redis+unix://:pass@/run/s?db=2");
	has(redis_address_name(*state, &a), "/run/s/2");
}

#define WITH_ARENA(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_ARENA(what_is_left_out_is_redis_default),
		WITH_ARENA(a_whole_url_is_read),
		WITH_ARENA(a_password_goes_without_a_user),
		WITH_ARENA(a_socket_is_a_path),
		WITH_ARENA(what_cannot_be_is_told_why),
		WITH_ARENA(its_name_has_no_password),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
