/* test_buf.c - growing bytes with an upper bound. */
#include "base/buf.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void bytes_are_added_and_end_in_nul(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	assert_int_equal(buf_str(&b).len, 0);
	assert_non_null(buf_str(&b).p);
	assert_int_equal(buf_add(&b, "ab", 2), 0);
	assert_int_equal(buf_add_str(&b, STR("cd")), 0);
	assert_int_equal(buf_add_char(&b, 'e'), 0);
	assert_int_equal(buf_printf(&b, "%d", 42), 0);
	assert_string_equal(b.p, "abcde42");
	assert_int_equal(b.len, 7);
	buf_done(&b);
}

static void adding_nothing_is_fine(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 0);
	assert_int_equal(buf_add(&b, NULL, 0), 0);
	assert_int_equal(buf_add_str(&b, (struct str){ NULL, 0 }), 0);
	assert_int_equal(buf_add_json(&b, (struct str){ NULL, 0 }), 0);
	assert_false(b.failed);
	buf_done(&b);
}

static void the_bound_can_be_reached_but_not_passed(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 5);
	assert_int_equal(buf_add(&b, "abcd", 4), 0);
	assert_int_equal(buf_add(&b, "ef", 2), -E2BIG);
	assert_true(b.failed);
	assert_string_equal(b.p, "abcd");
	assert_int_equal(buf_add(&b, "e", 1), 0);
	assert_string_equal(b.p, "abcde");
	assert_int_equal(buf_add(&b, "x", SIZE_MAX), -E2BIG);
	assert_int_equal(buf_printf(&b, "%s", "long"), -E2BIG);
	assert_string_equal(b.p, "abcde");
	buf_done(&b);
}

static void it_grows_to_megabytes(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, SIZE_MAX);
	for (int i = 0; i < 100000; i++)
		assert_int_equal(buf_printf(&b, "%010d;", i), 0);
	assert_int_equal(b.len, 1100000);
	assert_memory_equal(b.p + 11 * 99999, "0000099999;", 12);
	buf_done(&b);
}

static void a_reset_forgets_content_and_failure(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 3);
	buf_add(&b, "abc", 3);
	buf_add_char(&b, 'd');
	buf_reset(&b);
	assert_false(b.failed);
	assert_int_equal(b.len, 0);
	assert_string_equal(b.p, "");
	buf_done(&b);
}

static void a_cut_goes_back_to_an_earlier_length(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 10);
	buf_cut(&b, 0);
	buf_add(&b, "abc", 3);
	buf_cut(&b, 1);
	assert_string_equal(b.p, "a");
	buf_done(&b);
}

static void json_text_is_escaped(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	assert_int_equal(
		buf_add_json(&b, STR("a\"b\\c\n\t\r\b\f\x01\x1f\0z\x7f/\xE2\x82\xAC")),
		0);
	assert_string_equal(
		b.p, "a\\\"b\\\\c\\n\\t\\r\\b\\f\\u0001\\u001f\\u0000z\x7f/\xE2\x82\xAC");
	buf_done(&b);
}

static void a_json_text_that_does_not_fit_leaves_nothing(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 6);
	buf_add(&b, "[", 1);
	assert_int_equal(buf_add_json(&b, STR("abc\n\nd")), -E2BIG);
	assert_string_equal(b.p, "[");
	assert_true(b.failed);
	buf_done(&b);
}

static void what_is_taken_is_the_callers(void **state)
{
	struct buf b;
	char *p;

	(void)state;
	buf_init(&b, 10);
	p = buf_take(&b);
	assert_string_equal(p, "");
	free(p);
	buf_add(&b, "abc", 3);
	p = buf_take(&b);
	assert_string_equal(p, "abc");
	assert_null(b.p);
	assert_int_equal(b.len, 0);
	free(p);
}

static void nothing_can_be_taken_after_a_failure(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 2);
	buf_add(&b, "ab", 2);
	buf_add(&b, "c", 1);
	assert_null(buf_take(&b));
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_are_added_and_end_in_nul),
		cmocka_unit_test(adding_nothing_is_fine),
		cmocka_unit_test(the_bound_can_be_reached_but_not_passed),
		cmocka_unit_test(it_grows_to_megabytes),
		cmocka_unit_test(a_reset_forgets_content_and_failure),
		cmocka_unit_test(a_cut_goes_back_to_an_earlier_length),
		cmocka_unit_test(json_text_is_escaped),
		cmocka_unit_test(a_json_text_that_does_not_fit_leaves_nothing),
		cmocka_unit_test(what_is_taken_is_the_callers),
		cmocka_unit_test(nothing_can_be_taken_after_a_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
