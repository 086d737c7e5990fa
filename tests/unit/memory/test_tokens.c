/* test_tokens.c - how many tokens a text will cost. */
#include "memory/tokens.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void nothing_costs_nothing(void **state)
{
	(void)state;
	assert_int_equal(tokens_estimate((struct str){ NULL, 0 }), 0);
	assert_int_equal(tokens_estimate(STR("  ")), 0);
}

static void a_word_is_a_token_and_a_margin(void **state)
{
	(void)state;
	assert_int_equal(tokens_estimate(STR("word")), 2); /* 1.1 */
	assert_int_equal(tokens_estimate(STR("a b c d e f g h i j")), 11);
}

struct known {
	struct str text;
	size_t tokens; /* by OpenAI's cl100k */
};

static void it_is_near_a_tokenizer_and_seldom_under(void **state)
{
	const struct known known[] = {
		{ STR("I went to a support group yesterday and it was so powerful."),
		  13 },
		{ STR("{\"model\":\"gpt-4o\",\"max_tokens\":1024,\"stream\":true}"), 19 },
		{ STR("for (size_t i = 0; i < n; i++)\n\tsum += v[i].cost;\n"), 22 },
		{ STR("Internationalization of 1234567 configurations"), 8 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		size_t got = tokens_estimate(known[i].text);

		assert_in_range(got, known[i].tokens, known[i].tokens * 3 / 2);
	}
}

static void other_scripts_cost_by_the_character(void **state)
{
	(void)state;
	assert_int_equal(tokens_estimate(STR("\u6f22\u5b57\u4eee\u540d\u3067\u3059")), 7);
	assert_int_equal(tokens_estimate(STR("\u041c\u043e\u0441\u043a\u0432\u0430")), 4);
	assert_int_equal(tokens_estimate(STR("\U0001F389")), 3);
}

static void lines_together_never_cost_more_than_apart(void **state)
{
	static const char letters[] = "ab 1.,\n<\xc3\xa9";
	char text[64];

	(void)state;
	srand(1);
	for (int round = 0; round < 5000; round++) {
		size_t n = (size_t)rand() % sizeof(text), sum = 0, from = 0;

		for (size_t i = 0; i < n; i++)
			text[i] = letters[(size_t)rand() % (sizeof(letters) - 1)];
		for (size_t i = 0; i < n; i++) {
			if (text[i] != '\n' && i + 1 < n)
				continue;
			sum += tokens_estimate((struct str){ text + from, i + 1 - from });
			from = i + 1;
		}
		assert_true(tokens_estimate((struct str){ text, n }) <= sum);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_costs_nothing),
		cmocka_unit_test(a_word_is_a_token_and_a_margin),
		cmocka_unit_test(it_is_near_a_tokenizer_and_seldom_under),
		cmocka_unit_test(other_scripts_cost_by_the_character),
		cmocka_unit_test(lines_together_never_cost_more_than_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
