/* test_json_scan.c - what is JSON and what is not, and walking over it. */
#include "base/json_scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static enum json_type type_of(const char *text)
{
	return json_scan(str_from(text)).type;
}

/* The text in memory of just its size, so that a read beyond it shows. */
static enum json_type type_of_copy(const char *text, size_t n)
{
	char *p = malloc(n ? n : 1);
	enum json_type t;

	assert_non_null(p);
	memcpy(p, text, n);
	t = json_scan((struct str){ p, n }).type;
	free(p);
	return t;
}

static void each_type_is_told(void **state)
{
	(void)state;
	assert_int_equal(type_of("{}"), JSON_OBJECT);
	assert_int_equal(type_of("[]"), JSON_ARRAY);
	assert_int_equal(type_of("\"\""), JSON_STRING);
	assert_int_equal(type_of("0"), JSON_NUMBER);
	assert_int_equal(type_of("-1.5E-3"), JSON_NUMBER);
	assert_int_equal(type_of("true"), JSON_TRUE);
	assert_int_equal(type_of("false"), JSON_FALSE);
	assert_int_equal(type_of("null"), JSON_NULL);
}

static void blanks_are_allowed_around_every_token(void **state)
{
	struct json_value v = json_scan(STR(" \t\r\n{ \"a\" : [ 1 , { } , [ ] ] } \n"));

	(void)state;
	assert_int_equal(v.type, JSON_OBJECT);
	assert_true(str_eq(v.raw, STR("{ \"a\" : [ 1 , { } , [ ] ] }")));
	assert_int_equal(type_of("\f{}"), JSON_ABSENT);
	assert_int_equal(type_of("\xC2\xA0{}"), JSON_ABSENT);
}

static void numbers_follow_the_grammar(void **state)
{
	static const char *const good[] = {
		"0",    "-0",   "10",   "1.0",    "-1.25",
		"1e2",  "1E+2", "1e-2", "0.0e00", "123456789012345678901234567890",
		"1e999"
	};
	static const char *const bad[] = { "01",  "-",        "+1",  ".5",  "1.",  "1.e1",
					   "1e",  "1e+",      "--1", "0x1", "1,2", "1 2",
					   "NaN", "Infinity", "-a",  "00",  "-01" };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(type_of_copy(good[i], strlen(good[i])), JSON_NUMBER);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(type_of_copy(bad[i], strlen(bad[i])), JSON_ABSENT);
}

static void malformed_texts_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		" ",
		"{",
		"}",
		"[",
		"]",
		"[1",
		"[1,",
		"[1,]",
		"[,1]",
		"[1 2]",
		"[1}",
		"{\"a\"}",
		"{\"a\":",
		"{\"a\":1",
		"{\"a\":1,}",
		"{\"a\":1]",
		"{a:1}",
		"{1:1}",
		"{,}",
		"{\"a\" 1}",
		"{\"a\":1 \"b\":2}",
		"{\"a\"::1}",
		"[[]",
		"tru",
		"truex",
		"True",
		"nul",
		"fals",
		"[] []",
		"{}x",
		"'a'",
		"// c\n1",
		"[1]]",
		"\xEF\xBB\xBF{}",
		"{\"a\":}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(type_of_copy(bad[i], strlen(bad[i])), JSON_ABSENT);
	assert_int_equal(json_scan((struct str){ NULL, 0 }).type, JSON_ABSENT);
}

static void strings_follow_the_grammar(void **state)
{
	static const char *const good[] = {
		"\"\"",
		"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
		"\"\\u00e9\\uD83D\\uDE00\"",
		"\"\\u0000\\ud800\"",
		"\"\x7f\xE2\x82\xAC\xFF\"",
	};
	static const char *const bad[] = {
		"\"",      "\"a",      "\"a\\\"", "\"\\x\"",  "\"\\u12\"", "\"\\u12g4\"",
		"\"\\u\"", "\"a\nb\"", "\"\t\"",  "\"\x01\"", "\"\\\"",    "\"\\u123",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(type_of_copy(good[i], strlen(good[i])), JSON_STRING);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(type_of_copy(bad[i], strlen(bad[i])), JSON_ABSENT);
	assert_int_equal(type_of_copy("\"a\0b\"", 5), JSON_ABSENT);
}

/* Strings are read in blocks: whatever it is must be seen at any place of one. */
static void what_matters_in_a_string_is_seen_at_any_place(void **state)
{
	static const struct {
		const char *piece;
		enum json_type type;
	} rows[] = {
		{ "\\\"", JSON_STRING },     { "\\\\", JSON_STRING },
		{ "\\u00e9", JSON_STRING },  { "\\n\\/", JSON_STRING },
		{ "\\\\\\\"", JSON_STRING }, { "\\q", JSON_ABSENT },
		{ "\n", JSON_ABSENT },       { "\\\n", JSON_ABSENT },
		{ "\\u00g0", JSON_ABSENT },  { "\"", JSON_ABSENT },
		{ "\\\\\"", JSON_ABSENT },
	};
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (size_t at = 1; at < 200; at++) {
			size_t n = strlen(rows[i].piece);

			memset(text, 'x', sizeof(text));
			text[0] = '"';
			memcpy(text + at, rows[i].piece, n);
			text[at + n + 20] = '"';
			assert_int_equal(type_of_copy(text, at + n + 21), rows[i].type);
		}
	}
}

static void a_run_of_backslashes_is_told_odd_from_even(void **state)
{
	char text[400];

	(void)state;
	for (size_t at = 1; at < 70; at++) {
		for (size_t n = 0; n < 140; n++) {
			memset(text, 'x', sizeof(text));
			text[0] = '"';
			memset(text + at, '\\', n);
			text[at + n] = '"';
			assert_int_equal(type_of_copy(text, at + n + 1),
					 n % 2 ? JSON_ABSENT : JSON_STRING);
		}
	}
}

static void nesting_is_bounded(void **state)
{
	char text[2 * JSON_SCAN_DEPTH + 2];

	(void)state;
	memset(text, '[', JSON_SCAN_DEPTH);
	memset(text + JSON_SCAN_DEPTH, ']', JSON_SCAN_DEPTH);
	assert_int_equal(type_of_copy(text, sizeof(text) - 2), JSON_ARRAY);
	memset(text, '[', JSON_SCAN_DEPTH + 1);
	memset(text + JSON_SCAN_DEPTH + 1, ']', JSON_SCAN_DEPTH + 1);
	assert_int_equal(type_of_copy(text, sizeof(text)), JSON_ABSENT);
	assert_int_equal(type_of("[{\"a\":[{\"b\":{}}]},{},[[]]]"), JSON_ARRAY);
	assert_int_equal(type_of("[{\"a\":[{\"b\":{}]}]}"), JSON_ABSENT);
}

static void the_items_of_an_array_are_walked_in_order(void **state)
{
	static const char *const want[] = { "1", "\"a,]\"", "{\"x\":[1,2]}", "[ ]",
					    "null" };
	struct json_value v;
	struct json_iter it =
		json_iter(json_scan(STR("[1, \"a,]\" ,{\"x\":[1,2]},[ ],null ]")));

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		assert_true(json_next_item(&it, &v));
		assert_true(str_eq(v.raw, str_from(want[i])));
	}
	assert_false(json_next_item(&it, &v));
	assert_false(json_next_item(&it, &v));
}

static void the_members_of_an_object_are_walked_in_order(void **state)
{
	struct json_value v;
	struct str key;
	struct json_iter it = json_iter(json_scan(STR("{ \"a\" : 1, \"\\\"}\":{} }")));

	(void)state;
	assert_true(json_next_member(&it, &key, &v));
	assert_true(str_eq(key, STR("\"a\"")));
	assert_true(str_eq(v.raw, STR("1")));
	assert_true(json_next_member(&it, &key, &v));
	assert_true(str_eq(key, STR("\"\\\"}\"")));
	assert_int_equal(v.type, JSON_OBJECT);
	assert_false(json_next_member(&it, &key, &v));
}

static void there_is_nothing_to_walk_in_a_scalar(void **state)
{
	static const char *const texts[] = { "1", "\"[1]\"", "null", "[]", "{}", "x" };
	struct json_value v;
	struct str key;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct json_iter it = json_iter(json_scan(str_from(texts[i])));

		assert_false(json_next_item(&it, &v));
		assert_false(json_next_member(&it, &key, &v));
	}
}

static void the_last_of_equal_names_counts(void **state)
{
	struct json_value o = json_scan(
		STR("{\"a\":1,\"b\":{\"a\":9},\"\\u0061\":2,\"ab\":3,\"a\":\"4\"}"));

	(void)state;
	assert_true(str_eq(json_get(o, STR("a")).raw, STR("\"4\"")));
	assert_true(str_eq(json_get(o, STR("ab")).raw, STR("3")));
	assert_int_equal(json_get(o, STR("c")).type, JSON_ABSENT);
	assert_int_equal(json_get(o, STR("")).type, JSON_ABSENT);
	assert_int_equal(json_get(json_scan(STR("[\"a\",1]")), STR("a")).type,
			 JSON_ABSENT);
	assert_int_equal(json_get((struct json_value){ 0 }, STR("a")).type, JSON_ABSENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_type_is_told),
		cmocka_unit_test(blanks_are_allowed_around_every_token),
		cmocka_unit_test(numbers_follow_the_grammar),
		cmocka_unit_test(malformed_texts_are_refused),
		cmocka_unit_test(strings_follow_the_grammar),
		cmocka_unit_test(what_matters_in_a_string_is_seen_at_any_place),
		cmocka_unit_test(a_run_of_backslashes_is_told_odd_from_even),
		cmocka_unit_test(nesting_is_bounded),
		cmocka_unit_test(the_items_of_an_array_are_walked_in_order),
		cmocka_unit_test(the_members_of_an_object_are_walked_in_order),
		cmocka_unit_test(there_is_nothing_to_walk_in_a_scalar),
		cmocka_unit_test(the_last_of_equal_names_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
