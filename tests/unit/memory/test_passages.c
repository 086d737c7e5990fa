/* test_passages.c - a long text as passages. */
#include "memory/passages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void a_short_text_is_one_passage(void **state)
{
	char text[PASSAGE_WHOLE + 1];

	(void)state;
	memset(text, 'x', sizeof(text));
	assert_int_equal(passages_count((struct str){ NULL, 0 }), 0);
	assert_int_equal(passages_count(STR("tea")), 1);
	assert_int_equal(passages_count((struct str){ text, PASSAGE_WHOLE }), 1);
	assert_int_equal(passages_count((struct str){ text, PASSAGE_WHOLE + 1 }), 2);
}

static void assert_first_ends_at(char *text, size_t n, size_t at, const char *with)
{
	size_t len = strlen(with);
	struct str first;

	memset(text, 'x', n);
	memcpy(text + at - len, with, len);
	first = passages_get((struct str){ text, n }, 0);
	assert_int_equal(first.len, at);
}

static void they_end_where_sentences_do(void **state)
{
	char text[2000];

	(void)state;
	assert_first_ends_at(text, sizeof(text), 400, "\n\n");
	assert_first_ends_at(text, sizeof(text), 410, "\n");
	assert_first_ends_at(text, sizeof(text), 420, ". ");
	assert_first_ends_at(text, sizeof(text), 432, "\xe3\x80\x82");
	assert_first_ends_at(text, sizeof(text), 430, " ");
	/* a paragraph's end counts more than a later word's */
	memset(text, 'x', sizeof(text));
	memcpy(text + 350, "\n\n", 2);
	text[500] = ' ';
	assert_int_equal(passages_get((struct str){ text, sizeof(text) }, 0).len, 352);
}

static void characters_stay_whole(void **state)
{
	char text[3 * 700];
	struct passages p;
	struct str passage;

	(void)state;
	for (size_t i = 0; i < 700; i++)
		memcpy(text + 3 * i, "\xe6\xbc\xa2", 3);
	p = passages_of((struct str){ text, sizeof(text) });
	while (passages_next(&p, &passage))
		assert_int_equal(passage.len % 3, 0);
}

static void together_they_are_the_text_and_never_too_many(void **state)
{
	static const char letters[] = "abcdefgh  .\n\xc3\xa9";
	size_t max = 300000;
	char *text = malloc(max);

	(void)state;
	assert_non_null(text);
	srand(5);
	for (int round = 0; round < 60; round++) {
		size_t n = (size_t)rand() % max, at = 0, count = 0;
		struct str whole = { text, n }, passage;
		struct passages p = passages_of(whole);

		for (size_t i = 0; i < n; i++)
			text[i] = letters[(size_t)rand() % (sizeof(letters) - 1)];
		while (passages_next(&p, &passage)) {
			assert_ptr_equal(passage.p, text + at);
			assert_true(passage.len > 0);
			assert_true(str_eq(passages_get(whole, count), passage));
			at += passage.len;
			count++;
		}
		assert_int_equal(at, n);
		assert_int_equal(passages_count(whole), count);
		assert_true(count <= PASSAGES_MAX);
		assert_null(passages_get(whole, count).p);
	}
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_short_text_is_one_passage),
		cmocka_unit_test(they_end_where_sentences_do),
		cmocka_unit_test(characters_stay_whole),
		cmocka_unit_test(together_they_are_the_text_and_never_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
