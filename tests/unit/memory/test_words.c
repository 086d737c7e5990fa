/* test_words.c - a text as the terms that recall counts. */
#include "memory/words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct heard {
	char terms[4096]; /* each followed by a blank */
	int n, stop_at;
};

static int hear(void *arg, struct str term)
{
	struct heard *h = arg;
	size_t len = strlen(h->terms);

	assert_true(len + term.len + 2 <= sizeof(h->terms));
	memcpy(h->terms + len, term.p, term.len);
	memcpy(h->terms + len + term.len, " ", 2);
	h->n++;
	return h->n == h->stop_at ? -7 : 0;
}

static void assert_terms(void **state, struct str text, const char *expected)
{
	struct heard h = { 0 };

	assert_int_equal(words_each(*state, text, hear, &h), 0);
	assert_string_equal(h.terms, expected);
	/* once more, from what is remembered */
	h = (struct heard){ 0 };
	assert_int_equal(words_each(*state, text, hear, &h), 0);
	assert_string_equal(h.terms, expected);
}

static void words_are_lower_cased_and_stemmed(void **state)
{
	assert_terms(state, STR("Running dogs, RUNNING quickly"), "run dog run quick ");
	assert_terms(state, STR("model-4o v2.5"), "model 4o v2 5 ");
}

static void a_greeting_has_no_terms(void **state)
{
	assert_terms(state, STR("Hi!"), "");
	assert_terms(state, STR("hello, thanks - that's OK"), "");
	assert_terms(state, STR(" \t\n...?!"), "");
	assert_terms(state, STR(""), "");
}

static void what_an_apostrophe_leaves_is_no_term(void **state)
{
	assert_terms(state, STR("I don't; you\u2019ll, Rex's we've"), "rex ");
}

static void the_month_of_may_is_a_term(void **state)
{
	assert_terms(state, STR("in May"), "may ");
}

static void stop_words_count_whole(void **state)
{
	assert_terms(state, STR("thesis also theses"), "thesi these ");
}

static void letters_beyond_ascii_are_letters(void **state)
{
	assert_terms(state, STR("D\u00fcsseldorf \u041c\u043e\u0441\u043a\u0432\u0430"),
		     "d\u00fcsseldorf \u041c\u043e\u0441\u043a\u0432\u0430 ");
}

static void signs_beyond_ascii_part_words(void **state)
{
	assert_terms(state,
		     STR("cake\u2014\u201cparty\u201d\u2026\U0001F389fun\u00a0tea"),
		     "cake parti fun tea ");
	assert_terms(state, STR("\u2615\ufe0f\u3001"), "");
}

static void bytes_that_are_no_utf8_do_no_harm(void **state)
{
	assert_terms(state, STR("tea \xe2"), "tea \xe2 ");
	assert_terms(state, STR("\xf0\x9f"), "\xf0\x9f ");
	assert_terms(state, STR("a\xc2"), "a\xc2 ");
}

static void an_overlong_word_is_cut_between_characters(void **state)
{
	char text[3 * 40], expected[80] = { 0 };

	for (size_t i = 0; i < 40; i++)
		memcpy(text + 3 * i, "\u6f22", 3);
	memcpy(expected, text, (size_t)3 * 21); /* of 64 bytes */
	expected[63] = ' ';
	assert_terms(state, (struct str){ text, sizeof(text) }, expected);
}

static void it_stops_where_the_listener_says(void **state)
{
	struct heard h = { .stop_at = 2 };

	assert_int_equal(words_each(*state, STR("red green blue"), hear, &h), -7);
	assert_string_equal(h.terms, "red green ");
}

/* More different words than it remembers. */
static void what_is_forgotten_is_stemmed_again(void **state)
{
	char text[32], expected[32];

	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 20000; i++) {
			snprintf(text, sizeof(text), "x%dy jumping", i);
			snprintf(expected, sizeof(expected), "x%di jump ", i);
			struct heard h = { 0 };
			words_each(*state, str_from(text), hear, &h);
			assert_string_equal(h.terms, expected);
		}
	}
}

static int set_up(void **state)
{
	*state = words_new();
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	words_free(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_lower_cased_and_stemmed),
		cmocka_unit_test(a_greeting_has_no_terms),
		cmocka_unit_test(what_an_apostrophe_leaves_is_no_term),
		cmocka_unit_test(the_month_of_may_is_a_term),
		cmocka_unit_test(stop_words_count_whole),
		cmocka_unit_test(letters_beyond_ascii_are_letters),
		cmocka_unit_test(signs_beyond_ascii_part_words),
		cmocka_unit_test(bytes_that_are_no_utf8_do_no_harm),
		cmocka_unit_test(an_overlong_word_is_cut_between_characters),
		cmocka_unit_test(it_stops_where_the_listener_says),
		cmocka_unit_test(what_is_forgotten_is_stemmed_again),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
