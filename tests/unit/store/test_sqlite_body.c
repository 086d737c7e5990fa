/* test_sqlite_body.c - texts in one blob. */
#include "store/sqlite_body.h"

#include "base/arena.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { HEADER = 4 + EXCHANGE_HASHES + 7 * 4 };

static int set_up(void **state)
{
	*state = arena_new(4096);
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	arena_free(*state);
	return 0;
}

static void texts_come_back_and_absent_ones_stay_absent(void **state)
{
	struct exchange x = { .session = { "s\0t", 3 },
			      .client = STR(""),
			      .request_id = STR("r"),
			      .user = STR("hello"),
			      .sources = STR("ids"),
			      .user_hash = { 1, 2 },
			      .reply_id = { 3, UINT64_MAX } },
			y;
	struct str body;

	memset(&y, 0x5a, sizeof(y));
	assert_int_equal(body_encode(*state, &x, &body), 0);
	assert_int_equal(body_decode(body, &y), 0);
	assert_int_equal(y.session.len, 3);
	assert_memory_equal(y.session.p, "s\0t", 3);
	assert_non_null(y.client.p);
	assert_int_equal(y.client.len, 0);
	assert_null(y.model.p);
	assert_true(str_eq(y.request_id, STR("r")));
	assert_true(str_eq(y.user, STR("hello")));
	assert_null(y.reply.p);
	assert_true(str_eq(y.sources, STR("ids")));
	assert_true(hash128_eq(y.user_hash, x.user_hash));
	assert_true(hash128_eq(y.reply_id, x.reply_id));
	assert_int_equal(y.prev_hash.lo, 0);
}

static void a_body_of_the_first_version_has_no_hashes(void **state)
{
	const char v1[] = "\1\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
			  "\3\0\0\0\1\0\0\0soneI";
	struct exchange x;

	(void)state;
	memset(&x, 0x5a, sizeof(x));
	assert_int_equal(body_decode((struct str){ v1, sizeof(v1) - 1 }, &x), 0);
	assert_true(str_eq(x.session, STR("s")));
	assert_true(str_eq(x.user, STR("one")));
	assert_true(str_eq(x.reply, STR("I")));
	assert_null(x.model.p);
	assert_null(x.sources.p);
	assert_int_equal(x.user_hash.lo, 0);
}

static void a_body_fills_whole_overflow_pages(void **state)
{
	static char text[3 * BODY_UNIT];

	for (size_t len = 0; len < sizeof(text); len += 17) {
		struct exchange x = { .user = { text, len } };
		struct str body;

		assert_int_equal(body_encode(*state, &x, &body), 0);
		assert_int_equal(body.len % BODY_UNIT, 0);
		assert_true(body.len >= len + HEADER &&
			    body.len < len + HEADER + BODY_UNIT);
	}
}

static void what_is_cut_or_damaged_is_refused(void **state)
{
	struct exchange x = { .user = STR("hello"), .reply = STR("hi") }, y;
	struct str body;
	char bad[BODY_UNIT];

	assert_int_equal(body_encode(*state, &x, &body), 0);
	assert_int_equal(body_decode((struct str){ NULL, 0 }, &y), -EIO);
	for (size_t len = 0; len < HEADER + 7; len++)
		assert_int_equal(body_decode(str_slice(body, 0, len), &y), -EIO);
	memcpy(bad, body.p, sizeof(bad));
	bad[HEADER - 10] = 1; /* the user's text: 65,541 bytes */
	assert_int_equal(body_decode((struct str){ bad, sizeof(bad) }, &y), -EIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			texts_come_back_and_absent_ones_stay_absent, set_up, tear_down),
		cmocka_unit_test(a_body_of_the_first_version_has_no_hashes),
		cmocka_unit_test_setup_teardown(a_body_fills_whole_overflow_pages, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(what_is_cut_or_damaged_is_refused, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
