/* test_header.c - looking a field up by its name. */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_of_a_name_is_found_in_any_case),
		cmocka_unit_test(what_is_not_there_is_absent_and_not_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
