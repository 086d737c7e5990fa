/* test_str.c - borrowed text with a length. */
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct str absent;

static void a_null_pointer_is_the_absent_text(void **state)
{
	(void)state;
	assert_null(str_from(NULL).p);
	assert_int_equal(str_from(NULL).len, 0);
	assert_non_null(str_from("").p);
	assert_int_equal(str_from("abc").len, 3);
}

static void texts_are_equal_by_their_bytes(void **state)
{
	(void)state;
	assert_true(str_eq(STR("abc"), str_from("abc")));
	assert_false(str_eq(STR("abc"), STR("abd")));
	assert_false(str_eq(STR("abc"), STR("ab")));
	assert_true(str_eq(STR("a\0b"), STR("a\0b")));
	assert_false(str_eq(STR("a\0b"), STR("a\0c")));
	assert_true(str_eq(absent, STR("")));
}

static void case_is_ignored_for_ascii_letters_only(void **state)
{
	(void)state;
	assert_true(str_ieq(STR("X-API-Key"), STR("x-api-kEY")));
	assert_false(str_ieq(STR("@"), STR("`")));
	assert_false(str_ieq(STR("["), STR("{")));
	assert_false(str_ieq(STR("\xC4"), STR("\xE4")));
	assert_false(str_ieq(STR("ab"), STR("abc")));
}

static void a_prefix_may_be_the_whole_text_or_nothing(void **state)
{
	(void)state;
	assert_true(str_has_prefix(STR("abc"), STR("ab")));
	assert_true(str_has_prefix(STR("abc"), STR("abc")));
	assert_true(str_has_prefix(absent, absent));
	assert_false(str_has_prefix(STR("ab"), STR("abc")));
	assert_false(str_has_prefix(STR("Abc"), STR("ab")));
	assert_true(str_has_iprefix(STR("Bearer x"), STR("bearer ")));
	assert_false(str_has_iprefix(STR("Beare"), STR("bearer")));
}

static void a_slice_stays_within_the_text(void **state)
{
	(void)state;
	assert_true(str_eq(str_slice(STR("abcdef"), 1, 3), STR("bc")));
	assert_true(str_eq(str_slice(STR("abc"), 1, 100), STR("bc")));
	assert_int_equal(str_slice(STR("abc"), 5, 7).len, 0);
	assert_int_equal(str_slice(STR("abc"), 2, 1).len, 0);
	assert_null(str_slice(absent, 0, 1).p);
}

static void a_text_can_be_cut_before_a_character(void **state)
{
	(void)state;
	assert_true(str_eq(str_before(STR("/a?b?c"), '?'), STR("/a")));
	assert_true(str_eq(str_before(STR("/a"), '?'), STR("/a")));
	assert_int_equal(str_before(STR("?b"), '?').len, 0);
	assert_null(str_before(absent, '?').p);
}

static void blanks_are_trimmed_at_both_ends(void **state)
{
	(void)state;
	assert_true(str_eq(str_trim(STR(" \t a b\r\n")), STR("a b")));
	assert_int_equal(str_trim(STR("  ")).len, 0);
	assert_non_null(str_trim(STR("  ")).p);
	assert_null(str_trim(absent).p);
}

static void a_list_is_walked_without_its_empty_items(void **state)
{
	struct str rest = STR(", a ,,b b,\t,c"), item;

	(void)state;
	assert_true(str_next_item(&rest, ',', &item));
	assert_true(str_eq(item, STR("a")));
	assert_true(str_next_item(&rest, ',', &item));
	assert_true(str_eq(item, STR("b b")));
	assert_true(str_next_item(&rest, ',', &item));
	assert_true(str_eq(item, STR("c")));
	assert_false(str_next_item(&rest, ',', &item));
	assert_true(str_eq(item, STR("c")));
	rest = absent;
	assert_false(str_next_item(&rest, ',', &item));
}

static void a_number_is_digits_that_fit(void **state)
{
	static const char *const bad[] = { "",   "-1",  "+1", " 1",
					   "1 ", "0x1", "1.", "18446744073709551616" };
	uint64_t v = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(str_to_u64(str_from(bad[i]), &v));
	assert_int_equal(v, 7);
	assert_true(str_to_u64(STR("18446744073709551615"), &v));
	assert_true(v == UINT64_MAX);
	assert_true(str_to_u64(STR("007"), &v));
	assert_int_equal(v, 7);
}

static void hexadecimal_digits_have_values(void **state)
{
	(void)state;
	assert_int_equal(str_hex_value('0'), 0);
	assert_int_equal(str_hex_value('f'), 15);
	assert_int_equal(str_hex_value('A'), 10);
	assert_int_equal(str_hex_value('g'), -1);
	assert_int_equal(str_hex_value('@'), -1);
	assert_int_equal(str_hex_value('\0'), -1);
}

static void only_well_formed_utf8_has_a_length(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} rows[] = {
		{ "", 0 },
		{ "a", 1 },
		{ "\xC2\x80", 2 },
		{ "\xE2\x82\xAC", 3 },
		{ "\xED\x9F\xBF", 3 },
		{ "\xF0\x9F\x98\x80", 4 },
		{ "\xF4\x8F\xBF\xBF", 4 },
		{ "\x80", 0 },             /* continuation */
		{ "\xC0\x80", 0 },         /* overlong */
		{ "\xC1\xBF", 0 },         /* overlong */
		{ "\xE0\x9F\xBF", 0 },     /* overlong */
		{ "\xF0\x8F\xBF\xBF", 0 }, /* overlong */
		{ "\xED\xA0\x80", 0 },     /* surrogate */
		{ "\xF4\x90\x80\x80", 0 }, /* above U+10FFFF */
		{ "\xF5\x80\x80\x80", 0 },
		{ "\xE2\x82", 0 }, /* cut */
		{ "\xE2\x82\x28", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(str_utf8_len(str_from(rows[i].bytes)), rows[i].len);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_null_pointer_is_the_absent_text),
		cmocka_unit_test(texts_are_equal_by_their_bytes),
		cmocka_unit_test(case_is_ignored_for_ascii_letters_only),
		cmocka_unit_test(a_prefix_may_be_the_whole_text_or_nothing),
		cmocka_unit_test(a_slice_stays_within_the_text),
		cmocka_unit_test(a_text_can_be_cut_before_a_character),
		cmocka_unit_test(blanks_are_trimmed_at_both_ends),
		cmocka_unit_test(a_list_is_walked_without_its_empty_items),
		cmocka_unit_test(a_number_is_digits_that_fit),
		cmocka_unit_test(hexadecimal_digits_have_values),
		cmocka_unit_test(only_well_formed_utf8_has_a_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
