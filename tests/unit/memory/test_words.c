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
		     "dusseldorf \u043c\u043e\u0441\u043a\u0432 ");
}

static void case_and_accents_do_not_matter(void **state)
{
	assert_terms(state, STR("Café CAFÉ cafe\u0301 cafe"), "cafe cafe cafe cafe ");
	assert_terms(state, STR("ŁÓDŹ Straße STRASSE İzmir Ærø Đà Nẵng"),
		     "lodz strass strass izmir aero da nang ");
	assert_terms(state, STR("Ｔｅａ １２３"), "tea 123 ");
}

/* Twice as the same words in another form: the terms are the same. */
static void assert_same_terms(void **state, const char *a, const char *b)
{
	struct heard h = { 0 };

	assert_int_equal(words_each(*state, str_from(a), hear, &h), 0);
	assert_true(h.n > 0);
	assert_terms(state, str_from(b), h.terms);
}

static void each_script_has_its_stemmer(void **state)
{
	assert_same_terms(state, "собака СОБАКИ", "собаке Собаку");
	assert_same_terms(state, "ΣΚΥΛΟΣ", "σκύλος");
	assert_same_terms(state, "الكتاب", "الكِتَاب");
	assert_same_terms(state, "լեռները", "ԼԵՌՆԵՐԸ");
	assert_terms(state, STR("ספר שָׁלוֹם"), "ספר שלום ");
}

static void the_language_of_latin_letters_is_configured(void **state)
{
	void *german = words_new("german"), *french = words_new("french");

	(void)state;
	assert_same_terms(&german, "Häuser Katze", "haus Katzen");
	assert_same_terms(&french, "chevaux mangées", "cheval manger");
	assert_same_terms(&german, "собака", "собаки");
	words_free(german);
	words_free(french);
	assert_null(words_new("klingon"));
}

static void scripts_without_blanks_give_pairs_of_characters(void **state)
{
	assert_terms(state, STR("猫叫咪咪"), "猫 猫叫 叫 叫咪 咪 咪咪 咪 ");
	assert_terms(state, STR("猫の名前はタマ。"), "猫 名 名前 前 タマ ");
	assert_terms(state, STR("さくら ワ"), "さく くら ワ ");
	assert_terms(state, STR("고양이"), "고양 양이 ");
	assert_terms(state, STR("แมว"), "แม มว ");
	assert_terms(state, STR("Rex犬2024年"), "rex 犬 2024 年 ");
	assert_terms(state, STR("你好！谢谢，안녕"), "");
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
	assert_terms(state, STR("tea \xe2"), "tea ");
	assert_terms(state, STR("\xf0\x9f"), "");
	assert_terms(state, STR("x\xc2tea\xed\xa0\x80z"), "x tea z ");
}

static void an_overlong_word_is_cut_between_characters(void **state)
{
	char text[3 * 40], expected[80] = { 0 };

	for (size_t i = 0; i < 40; i++)
		memcpy(text + 3 * i, "\u0920", 3);
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
	*state = words_new("english");
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
		cmocka_unit_test(case_and_accents_do_not_matter),
		cmocka_unit_test(each_script_has_its_stemmer),
		cmocka_unit_test(the_language_of_latin_letters_is_configured),
		cmocka_unit_test(scripts_without_blanks_give_pairs_of_characters),
		cmocka_unit_test(signs_beyond_ascii_part_words),
		cmocka_unit_test(bytes_that_are_no_utf8_do_no_harm),
		cmocka_unit_test(an_overlong_word_is_cut_between_characters),
		cmocka_unit_test(it_stops_where_the_listener_says),
		cmocka_unit_test(what_is_forgotten_is_stemmed_again),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
