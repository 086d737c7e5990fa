/* test_fault.c - the table of faults has no gaps. */
#include "base/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void every_fault_is_told_in_full(void **state)
{
	(void)state;
	for (int f = FAULT_NONE + 1; f < FAULT_N; f++) {
		const struct fault_info *i = fault_info((enum fault)f);

		assert_in_range(i->status, 400, 599);
		assert_true(strlen(i->label) > 0);
		assert_true(strlen(i->openai_type) > 0);
		assert_true(strlen(i->openai_code) > 0);
		assert_true(strlen(i->anthropic_type) > 0);
		assert_true(strlen(i->message) > 10);
	}
}

static void labels_differ(void **state)
{
	(void)state;
	for (int f = 0; f < FAULT_N; f++) {
		for (int g = 0; g < f; g++)
			assert_string_not_equal(fault_info((enum fault)f)->label,
						fault_info((enum fault)g)->label);
	}
}

static void a_lost_backend_is_told_as_clients_know_it(void **state)
{
	const struct fault_info *i = fault_info(FAULT_UPSTREAM_CONNECT);

	(void)state;
	assert_int_equal(i->status, 502);
	assert_string_equal(i->openai_type, "connection_error");
	assert_string_equal(i->openai_code, "backend_unavailable");
	i = fault_info(FAULT_UPSTREAM_FIRST_BYTE);
	assert_int_equal(i->status, 504);
	assert_string_equal(i->openai_type, "timeout_error");
	assert_string_equal(i->openai_code, "request_timeout");
}

static void what_is_no_fault_is_told_as_an_internal_one(void **state)
{
	(void)state;
	assert_ptr_equal(fault_info(FAULT_N), fault_info(FAULT_INTERNAL));
	assert_ptr_equal(fault_info((enum fault)1000), fault_info(FAULT_INTERNAL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_fault_is_told_in_full),
		cmocka_unit_test(labels_differ),
		cmocka_unit_test(a_lost_backend_is_told_as_clients_know_it),
		cmocka_unit_test(what_is_no_fault_is_told_as_an_internal_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
