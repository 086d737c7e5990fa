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
	assert_int_equal(tokens_estimate(STR("word")), 2);
	assert_int_equal(tokens_estimate(STR("to the of and is it you for my that")), 11);
}

struct known {
	struct str text;
	size_t tokens; /* by OpenAI's cl100k or o200k, whichever gives more */
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

/* Never under; over by as much as half where the tokenizer knows the words well. */
static void other_languages_are_not_under(void **state)
{
	const struct known known[] = {
		{ STR("Вчера мы с сестрой ездили на дачу и сажали помидоры, а вечером "
		      "смотрели старый фильм про космонавтов."),
		  50 },
		{ STR("Вчора ми з сестрою їздили на дачу й садили помідори, а ввечері "
		      "дивилися старий фільм про космонавтів."),
		  62 },
		{ STR("Χθες πήγα με την αδελφή μου στο χωριό και φυτέψαμε ντομάτες."),
		  51 },
		{ STR("ذهبت أمس مع أختي إلى القرية وزرعنا الطماطم في الحديقة."), 38 },
		{ STR("אתמול נסעתי עם אחותי לכפר ושתלנו עגבניות בגינה."), 50 },
		{ STR("कल मैं अपनी बहन के साथ गाँव गया और हमने बगीचे में टमाटर लगाए।"), 63 },
		{ STR("เมื่อวานฉันไปที่หมู่บ้านกับน้องสาวและปลูกมะเขือเทศในสวน หมาของฉันชื่อบ"), 64 },
		{ STR("昨天我和妹妹去乡下，在院子里种了西红柿。"), 27 },
		{ STR("昨天我和妹妹去鄉下，在院子裡種了番茄。"), 28 },
		{ STR("昨日は妹と田舎へ行って、庭にトマトを植えました。"), 30 },
		{ STR("어제 여동생과 시골에 가서 마당에 토마토를 심었습니다."), 29 },
		{ STR("Gestern bin ich mit meiner Schwester aufs Land gefahren, wo wir "
		      "Tomaten gepflanzt haben."),
		  25 },
		{ STR("Hier je suis allé à la campagne avec ma sœur et nous avons planté "
		      "des tomates."),
		  22 },
		{ STR("Tegnap a húgommal vidékre mentünk, és paradicsomot ültettünk a "
		      "kertben."),
		  27 },
		{ STR("Dün kız kardeşimle köye gittik ve bahçeye domates diktik."), 24 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		size_t got = tokens_estimate(known[i].text);

		assert_in_range(got, known[i].tokens, known[i].tokens * 8 / 5);
	}
}

static void encoded_data_is_not_under(void **state)
{
	const struct known known[] = {
		{ STR("/T/rPJJQt5dKm1KLaWNjIaRhtV71W3vq/YCamp6SW3mmNC+g/biylNl/"
		      "xhA9kgibJfpeA59SqOipX2TWWJwfeEQGZULsOACN"),
		  67 },
		{ STR("3f0a500bbf85e09aef00529d1f7bfac23934810b2bd0b7600cb7ebb7bcad1c96"),
		  39 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		size_t got = tokens_estimate(known[i].text);

		assert_in_range(got, known[i].tokens, known[i].tokens * 8 / 5);
	}
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
		cmocka_unit_test(other_languages_are_not_under),
		cmocka_unit_test(encoded_data_is_not_under),
		cmocka_unit_test(lines_together_never_cost_more_than_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
