/* test_json_str.c - what strings in a JSON text mean. */
#include "base/buf.h"
#include "base/json_scan.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void escapes_are_decoded_to_utf8(void **state)
{
	static const struct {
		struct str raw, meaning;
	} rows[] = {
		{ { "\"\"", 2 }, { "", 0 } },
		{ { "\"plain\"", 7 }, { "plain", 5 } },
		{ { "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", 18 }, { "\"\\/\b\f\n\r\t", 8 } },
		{ { "\"a\\u0041b\"", 10 }, { "aAb", 3 } },
		{ { "\"\\u00e9\\u20AC\"", 14 }, { "\xC3\xA9\xE2\x82\xAC", 5 } },
		{ { "\"\\ud83d\\ude00\"", 14 }, { "\xF0\x9F\x98\x80", 4 } },
		{ { "\"\\u0000x\"", 9 }, { "\0x", 2 } },
		{ { "\"\xE2\x82\xAC\"", 5 }, { "\xE2\x82\xAC", 3 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf b;

		buf_init(&b, 100);
		assert_int_equal(json_str_decode(rows[i].raw, &b), 0);
		assert_true(str_eq(buf_str(&b), rows[i].meaning));
		assert_true(json_str_is(rows[i].raw, rows[i].meaning));
		buf_done(&b);
	}
}

static void what_is_no_text_becomes_the_replacement_character(void **state)
{
	static const struct {
		const char *raw, *meaning;
	} rows[] = {
		{ "\"\\ud83d\"", "\xEF\xBF\xBD" },
		{ "\"\\ude00x\"", "\xEF\xBF\xBDx" },
		{ "\"\\ud83dx\\ude00\"", "\xEF\xBF\xBDx\xEF\xBF\xBD" },
		{ "\"\\ud83d\\u0041\"", "\xEF\xBF\xBD"
					"A" },
		{ "\"\\ud83d\\ud83d\\ude00\"", "\xEF\xBF\xBD\xF0\x9F\x98\x80" },
		{ "\"a\xFF"
		  "b\xC3\"",
		  "a\xEF\xBF\xBD"
		  "b\xEF\xBF\xBD" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf b;

		buf_init(&b, 100);
		assert_int_equal(json_str_decode(str_from(rows[i].raw), &b), 0);
		assert_string_equal(b.p, rows[i].meaning);
		buf_done(&b);
	}
}

static void decoding_appends_and_a_failure_leaves_what_was_there(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 6);
	assert_int_equal(json_str_decode(STR("\"ab\""), &b), 0);
	assert_int_equal(json_str_decode(STR("\"c\""), &b), 0);
	assert_string_equal(b.p, "abc");
	assert_int_equal(json_str_decode(STR("\"12\\n34\""), &b), -E2BIG);
	assert_string_equal(b.p, "abc");
	buf_done(&b);
}

static void names_are_compared_by_what_they_mean(void **state)
{
	(void)state;
	assert_true(json_str_is(STR("\"messages\""), STR("messages")));
	assert_true(json_str_is(STR("\"mess\\u0061ges\""), STR("messages")));
	assert_true(json_str_is(STR("\"\\u006dessage\\u0073\""), STR("messages")));
	assert_false(json_str_is(STR("\"mess\\u0061ge\""), STR("messages")));
	assert_false(json_str_is(STR("\"mess\\u0061gess\""), STR("messages")));
	assert_false(json_str_is(STR("\"message\""), STR("messages")));
	assert_false(json_str_is(STR("\"messagess\""), STR("messages")));
	assert_false(json_str_is(STR("\"\""), STR("a")));
	assert_true(json_str_is(STR("\"\""), STR("")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(escapes_are_decoded_to_utf8),
		cmocka_unit_test(what_is_no_text_becomes_the_replacement_character),
		cmocka_unit_test(decoding_appends_and_a_failure_leaves_what_was_there),
		cmocka_unit_test(names_are_compared_by_what_they_mean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
