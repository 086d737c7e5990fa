/* test_pattern.c - rules, compiled and matched. */
#include "router/pattern.h"

#include "headers.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct patterns *compiled(const struct config_rule *v, size_t n)
{
	struct config_report report = { 0 };
	struct patterns *p = NULL;

	assert_int_equal(patterns_new((struct config_rules){ v, n }, &report, &p), 0);
	assert_int_equal(report.n, 0);
	return p;
}

/* Whether one pattern is found in one value. */
static bool finds(const char *pattern, const char *value)
{
	const struct config_rule rule = { .header = "x", .pattern = pattern };
	const struct header header = { STR("X"), str_from(value) };
	struct patterns *p = compiled(&rule, 1);
	struct str found = { NULL, 0 };
	bool yes = patterns_first(p, (struct headers){ &header, 1 }, &found) != NULL;

	assert_int_equal(patterns_limit_hits(p), 0);
	assert_true(!yes || found.p == value);
	patterns_free(p);
	return yes;
}

static void a_pattern_is_searched_for_in_any_case(void **state)
{
	(void)state;
	assert_true(finds("claude", "X-Claude-Code"));
	assert_true(finds("^OpenAIClientImpl/Java", "openaiclientimpl/java unknown"));
	assert_false(finds("^openai", "x openai"));
	assert_true(finds("openai$", "x OpenAI"));
	assert_true(finds("(^| )ai-sdk/", "x ai-sdk/1"));
	assert_true(finds("[A-Z]{3}", "abc"));
	assert_true(finds("", ""));
	assert_false(finds("x", ""));
}

/* What Python's re means by these. */
static void common_python_syntax_means_the_same(void **state)
{
	(void)state;
	assert_true(finds("(?P<client>codex)[-_ /]", "Codex/1.0"));
	assert_true(finds("(?P<a>x)(?P=a)", "xx"));
	assert_true(finds("(?:a|b)+?\\b", "ab c"));
	assert_true(finds("a(?=b)(?!c)", "ab"));
	assert_true(finds("(?<!x)y", "ay"));
	assert_true(finds("\\d{2,}\\.\\w+\\s", "10.a b"));
	assert_true(finds("(?i)A", "a"));
}

static void bytes_that_are_not_utf8_do_not_stop_a_match(void **state)
{
	(void)state;
	assert_true(finds("claude", "\xFF\xC3 claude \x80"));
	assert_true(finds("Jos\xC3\xA9", "jos\xC3\xA9"));
	assert_true(finds("^.{3}$", "\xFF\xFE\xFD"));
}

static void the_first_rule_in_the_files_order_wins(void **state)
{
	static const struct config_rule rules[] = {
		{ .header = "user-agent", .pattern = "^nothing" },
		{ .header = "X-App", .pattern = "two" },
		{ .header = "x-app", .pattern = "t" },
		{ .header = "User-Agent", .pattern = "curl" },
	};
	struct patterns *p = compiled(rules, 4);
	struct str value = { NULL, 0 };

	(void)state;
	assert_ptr_equal(
		patterns_first(p, HEADERS(H("USER-AGENT", "curl/8"), H("x-app", "two")),
			       &value),
		&rules[1]);
	assert_text(value, "two");
	assert_ptr_equal(
		patterns_first(p, HEADERS(H("x-App", "three"), H("user-agent", "curl/8")),
			       &value),
		&rules[2]);
	assert_text(value, "three");
	assert_ptr_equal(patterns_first(p, HEADERS(H("User-agent", "curl/8")), &value),
			 &rules[3]);
	assert_null(patterns_first(p, (struct headers){ NULL, 0 }, &value));
	patterns_free(p);
}

static void a_rule_without_a_pattern_wants_the_header_only(void **state)
{
	static const struct config_rule rule = { .header = "x-openwebui-chat-id" };
	struct patterns *p = compiled(&rule, 1);
	struct str value;

	(void)state;
	assert_non_null(patterns_first(p, HEADERS(H("X-OpenWebUI-Chat-Id", "")), &value));
	assert_null(patterns_first(p, HEADERS(H("X-OpenWebUI-User-Id", "")), &value));
	patterns_free(p);
}

static void of_a_repeated_header_the_first_counts(void **state)
{
	static const struct config_rule rule = { .header = "x", .pattern = "two" };
	struct patterns *p = compiled(&rule, 1);
	struct str value;

	(void)state;
	assert_null(patterns_first(p, HEADERS(H("x", "one"), H("x", "two")), &value));
	assert_non_null(patterns_first(p, HEADERS(H("x", "two"), H("x", "one")), &value));
	patterns_free(p);
}

static void each_bad_pattern_is_reported_at_its_line(void **state)
{
	static const struct config_rule rules[] = {
		{ { "config.yaml", 12 }, "user-agent", "(abc", "u", false },
		{ { "config.yaml", 15 }, "user-agent", "fine", "u", false },
		{ { "config.yaml", 18 }, "x-app", "[z-a]", "u", false },
		{ { "config.yaml", 21 }, "x-app", "(*UTF)a", "u", false },
		{ { "config.yaml", 24 }, "x-app", "a\\C", "u", false },
	};
	static const unsigned lines[] = { 12, 18, 21, 24 };
	struct config_report report = { 0 };
	struct patterns *p = NULL;

	(void)state;
	assert_int_equal(patterns_new((struct config_rules){ rules, 5 }, &report, &p),
			 -EINVAL);
	assert_null(p);
	assert_int_equal(report.n, 4);
	assert_int_equal(report.n_errors, 4);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(report.v[i].at.line, lines[i]);
		assert_string_equal(report.v[i].at.file, "config.yaml");
	}
	assert_non_null(strstr(report.v[0].text, "\"(abc\""));
	assert_non_null(strstr(report.v[0].text, "user-agent"));
	assert_non_null(strstr(report.v[0].text, "missing closing parenthesis"));
	assert_non_null(strstr(report.v[0].text, "offset 4"));
	config_report_done(&report);
}

static void a_runaway_pattern_is_given_up_and_counted(void **state)
{
	static const struct config_rule rules[] = {
		{ .header = "x", .pattern = "^(a+)+$" },
		{ .header = "x", .pattern = "a!" },
	};
	struct headers h = HEADERS(H("x", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"));
	struct patterns *p = compiled(rules, 2);
	struct str value;

	(void)state;
	assert_ptr_equal(patterns_first(p, h, &value), &rules[1]);
	assert_int_equal(patterns_limit_hits(p), 1);
	patterns_first(p, h, &value);
	assert_int_equal(patterns_limit_hits(p), 2);
	patterns_free(p);
}

/* 2,000 repetitions of a group are more than the stack of PCRE2's JIT holds. */
static void a_full_stack_is_not_a_missing_match(void **state)
{
	char value[2001];

	(void)state;
	memset(value, 'a', 2000);
	value[2000] = '\0';
	assert_true(finds("^(a|b)+$", value));
}

static void no_rules_match_nothing(void **state)
{
	struct patterns *p = compiled(NULL, 0);
	struct str value;

	(void)state;
	assert_null(patterns_first(p, HEADERS(H("x", "y")), &value));
	patterns_free(p);
	patterns_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pattern_is_searched_for_in_any_case),
		cmocka_unit_test(common_python_syntax_means_the_same),
		cmocka_unit_test(bytes_that_are_not_utf8_do_not_stop_a_match),
		cmocka_unit_test(the_first_rule_in_the_files_order_wins),
		cmocka_unit_test(a_rule_without_a_pattern_wants_the_header_only),
		cmocka_unit_test(of_a_repeated_header_the_first_counts),
		cmocka_unit_test(each_bad_pattern_is_reported_at_its_line),
		cmocka_unit_test(a_runaway_pattern_is_given_up_and_counted),
		cmocka_unit_test(a_full_stack_is_not_a_missing_match),
		cmocka_unit_test(no_rules_match_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
