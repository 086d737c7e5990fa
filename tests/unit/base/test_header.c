/* test_header.c - fields by their names, and texts as their values. */
#include "base/header.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void the_first_of_a_name_is_found_in_any_case(void **state)
{
	static const struct header v[] = {
		{ { "Accept", 6 }, { "a", 1 } },
		{ { "X-Id", 4 }, { "first", 5 } },
		{ { "x-id", 4 }, { "second", 6 } },
	};
	struct headers h = { v, 3 };

	(void)state;
	assert_true(str_eq(headers_get(h, STR("x-ID")), STR("first")));
	assert_true(str_eq(headers_get(h, STR("accept")), STR("a")));
}

static void what_is_not_there_is_absent_and_not_empty(void **state)
{
	static const struct header v[] = { { { "X-Empty", 7 }, { "", 0 } } };
	struct headers h = { v, 1 }, none = { NULL, 0 };

	(void)state;
	assert_non_null(headers_get(h, STR("x-empty")).p);
	assert_null(headers_get(h, STR("x-empt")).p);
	assert_null(headers_get(none, STR("x-empty")).p);
}

static void what_a_value_may_hold_stays_as_it_is(void **state)
{
	struct arena *a = arena_new(0);
	struct str s = STR("a b~%41"), absent = { NULL, 0 };

	(void)state;
	assert_ptr_equal(header_safe(s, a).p, s.p);
	assert_null(header_safe(absent, a).p);
	arena_free(a);
}

static void other_bytes_are_percent_encoded(void **state)
{
	struct arena *a = arena_new(0);

	(void)state;
	assert_true(str_eq(header_safe(STR("J\xC3\xA9\r\n\x7F\0."), a),
			   STR("J%C3%A9%0D%0A%7F%00.")));
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_of_a_name_is_found_in_any_case),
		cmocka_unit_test(what_is_not_there_is_absent_and_not_empty),
		cmocka_unit_test(what_a_value_may_hold_stays_as_it_is),
		cmocka_unit_test(other_bytes_are_percent_encoded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
