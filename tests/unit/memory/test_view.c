/* test_view.c - one partition's recall index. */
#include "memory/clean.h"
#include "memory/passages.h"
#include "store/store.h"
#include "view_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void a_fact_told_is_found_by_its_words(void **state)
{
	struct view *v = *state;
	struct found f;

	add(v, 1, "a", "My dog is called Rex.", "A fine name for a dog.");
	add(v, 2, "b", "What is the capital of France?", "Paris.");
	f = search(v, "What are the names of my dogs?");
	assert_int_equal(f.result, VIEW_HITS);
	assert_int_equal(f.n, 1);
	assert_int_equal(f.v[0].seq, 1);
	assert_int_equal(f.v[0].at_ms, NOV_21);
	assert_true(str_eq(f.v[0].session, STR("a")));
	assert_true(str_eq(f.v[0].user, STR("My dog is called Rex.")));
	assert_true(str_eq(f.v[0].reply, STR("A fine name for a dog.")));
	assert_true(f.v[0].user_shown == SHOWN_ENDS && f.v[0].reply_shown == SHOWN_ENDS);
}

struct told {
	const char *fact, *reply, *question;
};

/* Each among the others: the question finds its fact first. */
static void a_fact_is_found_in_any_language(void **state)
{
	static const struct told told[] = {
		{ "Meine Katzen heißen Minka und Mohrle.", "Schöne Namen.",
		  "Wie HEISSEN meine Katzen?" },
		{ "Мою собаку зовут Бобик.", "Хорошо.", "Как зовут моих собак?" },
		{ "Τον σκύλο μου τον λένε Άργο.", "Ωραίο όνομα.",
		  "Πώς λένε τους σκύλους μου;" },
		{ "اسم قطتي لولو.", "جميل.", "ما اسم القطة لولو؟" },
		{ "我的猫叫咪咪。", "好名字。", "猫叫什么名字？" },
		{ "私の犬はポチです。", "いいですね。", "犬はなんですか。" },
		{ "내 고양이의 이름은 나비야.", "좋아요.", "고양이 이름이 뭐였지?" },
		{ "แมวของฉันชื่อส้ม", "น่ารัก", "แมวชื่ออะไร" },
		{ "मेरे कुत्ते का नाम शेरू है।", "ठीक है।", "कुत्ते का नाम क्या था?" },
		{ "Mi perro se llama Canelo, ¡un corazón!", "Vale.",
		  "¿como se llama mi PERRO? corazon" },
	};
	enum { N = sizeof(told) / sizeof(*told) };
	char session[8];

	for (unsigned i = 0; i < N; i++) {
		snprintf(session, sizeof(session), "s%u", i);
		add(*state, i + 1, session, told[i].fact, told[i].reply);
	}
	for (unsigned i = 0; i < N; i++) {
		struct found f = search(*state, told[i].question);

		assert_int_equal(f.result, VIEW_HITS);
		assert_int_equal(f.v[0].seq, i + 1);
	}
}

static void the_text_that_earned_the_place_is_named(void **state)
{
	struct found f;

	add(*state, 1, "a", "And the capital?", "Paris, on the Seine.");
	f = search(*state, "Seine");
	assert_int_equal(f.v[0].user_shown, SHOWN_BRIEF);
	assert_int_equal(f.v[0].reply_shown, SHOWN_ENDS);
}

static void no_terms_and_no_hit_are_told_apart(void **state)
{
	assert_int_equal(search(*state, "dog").result, VIEW_NO_HIT);
	add(*state, 1, "a", "My dog is called Rex.", "Nice.");
	assert_int_equal(search(*state, "hi").result, VIEW_NO_TERMS);
	assert_int_equal(search(*state, "").result, VIEW_NO_TERMS);
	assert_int_equal(search(*state, "submarine").result, VIEW_NO_HIT);
}

static void neighbours_of_a_hit_are_lifted(void **state)
{
	struct view *v = *state;
	struct found f;

	add(v, 1, "a", "one", "uno");
	add(v, 2, "a", "two", "due");
	add(v, 3, "a", "ficus", "Water it on Fridays.");
	add(v, 4, "a", "four", "quattro");
	add(v, 5, "a", "five", "cinque");
	add(v, 6, "b", "six", "sei");
	f = search(v, "ficus");
	/* Two texts away at most; 2's reply is nearer to 3's question than 4's question.
	 */
	assert_found(&f, 3, (const uint64_t[]){ 3, 2, 4 });
	assert_true(f.v[1].user_shown == SHOWN_BRIEF &&
		    f.v[1].reply_shown == SHOWN_BRIEF);
}

static void a_session_about_the_subject_goes_first(void **state)
{
	struct view *v = *state;
	struct found f;

	add(v, 1, "garden", "ficus", "leaf");
	add(v, 2, "garden", "roses, tulips", "bloom");
	add(v, 3, "garden", "soil", "earth");
	add(v, 4, "garden", "ficus", "pot");
	add(v, 5, "kitchen", "cake", "sugar");
	add(v, 6, "kitchen", "bread, butter", "flour");
	add(v, 7, "kitchen", "soup", "salt");
	add(v, 8, "kitchen", "ficus", "oven");
	f = search(v, "ficus");
	assert_true(f.n >= 3);
	assert_int_equal(f.v[0].seq, 4);
	assert_int_equal(f.v[1].seq, 1);
	assert_int_equal(f.v[2].seq, 8);
}

static void of_equals_the_newer_goes_first(void **state)
{
	struct found f;

	add(*state, 1, "a", "ficus one", NULL);
	add(*state, 2, "b", "ficus two", NULL);
	f = search(*state, "ficus");
	assert_found(&f, 2, (const uint64_t[]){ 2, 1 });
}

static void what_the_request_holds_is_left_out(void **state)
{
	struct view *v = *state;
	struct sent_text sent[2];
	struct view_query q = { .text = STR("ficus"), .sent = sent, .n_sent = 1 };
	struct found f;

	add(v, 1, "a", "ficus question", "one reply");
	add(v, 2, "b", "two question", "ficus reply");
	sent[0] = (struct sent_text){ true, turn_hash(STR("ficus   question")) };
	f = search_for(v, &q, MANY);
	assert_found(&f, 1, (const uint64_t[]){ 2 });
	sent[0] = (struct sent_text){ false, turn_hash(STR("ficus reply")) };
	f = search_for(v, &q, MANY);
	assert_found(&f, 1, (const uint64_t[]){ 1 });
	/* the other role said it: not the same */
	sent[0] = (struct sent_text){ false, turn_hash(STR("ficus question")) };
	sent[1] = (struct sent_text){ true, turn_hash(STR("ficus reply")) };
	q.n_sent = 2;
	assert_int_equal(search_for(v, &q, MANY).n, 2);
	sent[0].from_user = true;
	sent[1].from_user = false;
	assert_int_equal(search_for(v, &q, MANY).result, VIEW_NO_HIT);
}

static void duplicates_are_recalled_once_and_the_newest(void **state)
{
	struct view *v = *state;
	struct found f;

	add(v, 5, "b", "My ficus is dry.", "Water it.");
	add(v, 9, "c", "My ficus is dry.", "Water it.");
	add(v, 2, "a", "My ficus is dry.", "Water it.");
	f = search(v, "ficus");
	assert_found(&f, 1, (const uint64_t[]){ 9 });
}

static void a_fact_told_ten_times_is_recalled_once_and_the_newest(void **state)
{
	static const char *const nods[] = { "Noted!", "Got it, thanks.", "OK.",
					    "Rex is a great name for a dog!", "Nice." };
	struct view *v = *state;
	struct view_hit all[20];
	struct found f;
	size_t n = 0;

	for (unsigned i = 1; i <= 10; i++)
		add(v, i, "a",
		    i % 2 ? "My dog is called Rex." : "so my dog is called Rex!",
		    nods[i % 5]);
	f = search(v, "What is my dog called?");
	assert_found(&f, 1, (const uint64_t[]){ 10 });
	assert_int_equal(view_unsent(v, &(struct view_query){ 0 }, all, 20, &n),
			 VIEW_HITS);
	assert_int_equal(n, 1);
	assert_int_equal(all[0].seq, 10);
}

static void another_fact_is_no_duplicate(void **state)
{
	struct view *v = *state;

	add(v, 1, "a", "My daughter plays the violin in the school orchestra.", "OK.");
	add(v, 2, "b", "My son plays the violin in the school orchestra.", "OK.");
	add(v, 3, "c", "I was born in 1984 in the town of Augsburg.", "OK.");
	add(v, 4, "d", "I was born in 1985 in the town of Augsburg.", "OK.");
	assert_int_equal(search(v, "violin").n, 2);
	assert_int_equal(search(v, "Augsburg").n, 2);
}

static void a_question_asked_again_has_another_answer(void **state)
{
	struct view *v = *state;

	add(v, 1, "a", "What shall I cook today?", "Pasta carbonara.");
	add(v, 2, "b", "What shall I cook today?", "Lentil soup.");
	add(v, 3, "c", "Tell me a joke about physicists.",
	    "Heisenberg gets stopped by the police: do you know how fast you went?");
	add(v, 4, "d", "Tell me a joke about physicists.",
	    "Two photons walk into a bar, and out of both doors at once, laughing.");
	assert_int_equal(search(v, "cook").n, 2);
	assert_int_equal(search(v, "physicists").n, 2);
}

/* Some forty paragraphs, of which one has the word. */
static void a_long_reply_is_found_by_one_passage(void **state)
{
	char text[8000] = "";
	struct str passage;
	struct found f;

	for (unsigned i = 0; i < 40; i++)
		snprintf(text + strlen(text), 200,
			 "Paragraph %u is about gardens, and of what grows in them "
			 "%s.\n\n",
			 i, i == 25 ? "only the kumquat is named" : "it names nothing");
	add(*state, 1, "a", "Tell me of gardens", text);
	add(*state, 2, "b", "Bread", "Salt");
	f = search(*state, "kumquat");
	assert_found(&f, 1, (const uint64_t[]){ 1 });
	assert_int_equal(f.v[0].user_shown, SHOWN_BRIEF);
	assert_true(f.v[0].reply_shown >= SHOWN_PASSAGE);
	passage = passages_get(f.v[0].reply, f.v[0].reply_shown - SHOWN_PASSAGE);
	assert_non_null(memmem(passage.p, passage.len, "kumquat", 7));
	assert_true(passage.len <= PASSAGE_BYTES);
}

static void the_expired_are_passed_over(void **state)
{
	struct exchange x = told(1, "a", "ficus", "green");
	struct view_query q = { .text = STR("ficus"), .now_ms = 999 };

	x.expires_ms = 1000;
	assert_int_equal(view_add(*state, &x), 0);
	assert_int_equal(search_for(*state, &q, MANY).n, 1);
	q.now_ms = 1000;
	assert_int_equal(search_for(*state, &q, MANY).n, 0);
}

static void an_earlier_text_helps_a_short_question_but_asks_nothing_alone(void **state)
{
	struct view_query q = { .text = STR("And Rex?"),
				.earlier_text = STR("My ficus") };
	struct found f;

	add(*state, 1, "a", "ficus", "green");
	add(*state, 2, "b", "Rex barks", "loud");
	f = search_for(*state, &q, MANY);
	assert_int_equal(f.n, 2);
	assert_int_equal(f.v[0].seq, 2);
	q.text = STR("Rex, rabbit, horse");
	f = search_for(*state, &q, MANY);
	assert_found(&f, 1, (const uint64_t[]){ 2 });
	q.text = STR("thanks");
	assert_int_equal(search_for(*state, &q, MANY).result, VIEW_NO_TERMS);
}

static void a_date_is_found_by_its_words(void **state)
{
	struct exchange x = told(1, "a", "Rex", "barks");

	x.at_ms = UINT64_C(1778846400000); /* 2026-05-15, a Friday */
	assert_int_equal(view_add(*state, &x), 0);
	assert_int_equal(search(*state, "in May").n, 1);
	assert_int_equal(search(*state, "Friday").n, 1);
	assert_int_equal(search(*state, "the 15th, 15").n, 1);
	assert_int_equal(search(*state, "June").n, 0);
}

static void no_more_than_asked_for_come_back(void **state)
{
	char text[32];
	struct view_query q = { .text = STR("ficus") };
	struct found f;

	for (unsigned i = 1; i <= 30; i++) {
		snprintf(text, sizeof(text), "ficus %u", i);
		add(*state, i, text, text, NULL);
	}
	f = search_for(*state, &q, 25);
	assert_int_equal(f.n, 25);
	for (size_t i = 1; i < f.n; i++)
		assert_true(f.v[i - 1].score >= f.v[i].score);
}

static void the_same_seq_again_is_passed_over(void **state)
{
	size_t bytes;

	add(*state, 4, "a", "ficus", "green");
	bytes = view_bytes(*state);
	add(*state, 4, "a", "ficus", "green");
	assert_int_equal(view_exchanges(*state), 1);
	assert_int_equal(view_bytes(*state), bytes);
}

static void the_session_of_a_reply_is_that_of_the_newest(void **state)
{
	struct view *v = *state;

	add(v, 7, "late", "u", "Hello there.");
	add(v, 3, "early", "u2", "Hello  there.");
	add(v, 9, "other", "u3", NULL);
	assert_true(str_eq(view_session_of_reply(v, turn_hash(STR("Hello there."))),
			   STR("late")));
	assert_null(view_session_of_reply(v, turn_hash(STR("Good bye."))).p);
	assert_null(view_session_of_reply(v, (struct hash128){ 0, 0 }).p);
	view_trim(v, 8);
	assert_null(view_session_of_reply(v, turn_hash(STR("Hello there."))).p);
}

static void the_trimmed_are_gone_and_give_back_their_memory(void **state)
{
	struct view *v = *state;
	char text[600];
	size_t bytes;

	memset(text, 'x', sizeof(text));
	for (unsigned i = 1; i <= 300; i++) {
		snprintf(text + 500, 100, " ficus number%u", i);
		add(v, i, i % 2 ? "a" : "b", text, NULL);
	}
	bytes = view_bytes(v);
	view_trim(v, 291);
	assert_int_equal(view_exchanges(v), 10);
	assert_int_equal(search(v, "ficus").n, 10);
	assert_int_equal(search(v, "number7").n, 0);
	assert_true(view_bytes(v) < bytes / 5);
	add(v, 301, "a", "ficus number301", NULL);
	assert_int_equal(search(v, "number301").v[0].seq, 301);
	view_trim(v, UINT64_MAX);
	assert_int_equal(view_exchanges(v), 0);
	assert_int_equal(search(v, "ficus").result, VIEW_NO_HIT);
}

static void all_that_was_not_sent_can_be_had(void **state)
{
	struct view *v = *state;
	struct sent_text sent = { true, turn_hash(STR("two")) };
	struct view_query q = { .sent = &sent, .n_sent = 1 };
	struct view_hit hits[3];
	size_t n = 0;

	assert_int_equal(view_unsent(v, &q, hits, 3, &n), VIEW_NO_HIT);
	add(v, 1, "a", "one", "r");
	add(v, 2, "a", "two", "r2");
	add(v, 3, "a", "one", "r");
	add(v, 4, "b", "four", NULL);
	assert_int_equal(view_unsent(v, &q, hits, 3, &n), VIEW_HITS);
	assert_int_equal(n, 2);
	assert_int_equal(hits[0].seq, 4);
	assert_int_equal(hits[1].seq, 3);
	assert_int_equal(view_unsent(v, &q, hits, 1, &n), VIEW_NO_HIT);
}

static void a_rebuilt_view_is_as_one_built_of_what_is_left(void **state)
{
	struct view *trimmed = view_new(*state), *fresh = view_new(*state);
	struct found a, b;
	char text[32];

	for (unsigned i = 1; i <= 200; i++) {
		snprintf(text, sizeof(text), "ficus leaf%u", i % 7);
		add(trimmed, i, i % 3 ? "a" : "b", text, "green");
		if (i >= 140)
			add(fresh, i, i % 3 ? "a" : "b", text, "green");
	}
	view_trim(trimmed, 140); /* more than half: worth it */
	a = search(trimmed, "leaf4 in green");
	b = search(fresh, "leaf4 in green");
	assert_same(&a, &b);
	view_free(trimmed);
	view_free(fresh);
}

static struct exchange with_id(struct exchange x, unsigned char id)
{
	x.id.b[0] = id;
	return x;
}

static void a_provisional_one_gets_its_place_in_the_log(void **state)
{
	struct view *v = *state;
	struct exchange x =
		with_id(told(STORE_SEQ_PROVISIONAL + 7, "a", "ficus one", "r"), 1);
	struct found f;

	add(v, 10, "a", "ficus zero", "z");
	assert_int_equal(view_add(v, &x), 0);
	assert_int_equal(search(v, "ficus").n, 2);
	add(v, 12, "b", "ficus two", "t");
	x.seq = 11;
	assert_int_equal(view_add(v, &x), 0);
	view_settle(v, NULL, 0);
	f = search(v, "one");
	assert_int_equal(f.v[0].seq, 11);
	assert_int_equal(view_exchanges(v), 3);
	view_trim(v, 12); /* it lies in order */
	assert_int_equal(view_exchanges(v), 1);
	assert_int_equal(search(v, "one").n, 0);
}

static void a_provisional_one_is_not_taken_beside_the_one_in_the_log(void **state)
{
	struct view *v = *state;
	struct exchange x = with_id(told(5, "a", "ficus one", "r"), 1);

	assert_int_equal(view_add(v, &x), 0);
	x.seq = STORE_SEQ_PROVISIONAL + 1;
	assert_int_equal(view_add(v, &x), 0);
	assert_int_equal(view_exchanges(v), 1);
	assert_int_equal(search(v, "ficus").v[0].seq, 5);
}

static void a_provisional_one_that_is_told_no_more_goes(void **state)
{
	struct view *v = *state;
	struct exchange a =
		with_id(told(STORE_SEQ_PROVISIONAL + 1, "a", "ficus", "r"), 1);
	struct exchange b =
		with_id(told(STORE_SEQ_PROVISIONAL + 2, "a", "tulip", "r"), 2);

	add(v, 3, "a", "ficus", "r"); /* gives way to the same said later */
	assert_int_equal(view_add(v, &a), 0);
	assert_int_equal(view_add(v, &b), 0);
	assert_int_equal(search(v, "ficus").v[0].seq, a.seq);
	view_settle(v, &b, 1);
	assert_int_equal(view_exchanges(v), 2);
	assert_int_equal(search(v, "ficus").v[0].seq, 3);
	assert_int_equal(search(v, "tulip").v[0].seq, b.seq);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		view_test(a_fact_told_is_found_by_its_words),
		view_test(a_fact_is_found_in_any_language),
		view_test(the_text_that_earned_the_place_is_named),
		view_test(no_terms_and_no_hit_are_told_apart),
		view_test(neighbours_of_a_hit_are_lifted),
		view_test(a_session_about_the_subject_goes_first),
		view_test(of_equals_the_newer_goes_first),
		view_test(what_the_request_holds_is_left_out),
		view_test(duplicates_are_recalled_once_and_the_newest),
		view_test(a_fact_told_ten_times_is_recalled_once_and_the_newest),
		view_test(another_fact_is_no_duplicate),
		view_test(a_question_asked_again_has_another_answer),
		view_test(a_long_reply_is_found_by_one_passage),
		view_test(the_expired_are_passed_over),
		view_test(an_earlier_text_helps_a_short_question_but_asks_nothing_alone),
		view_test(a_date_is_found_by_its_words),
		view_test(no_more_than_asked_for_come_back),
		view_test(the_same_seq_again_is_passed_over),
		view_test(the_session_of_a_reply_is_that_of_the_newest),
		view_test(the_trimmed_are_gone_and_give_back_their_memory),
		view_test(all_that_was_not_sent_can_be_had),
		view_test(a_provisional_one_gets_its_place_in_the_log),
		view_test(a_provisional_one_is_not_taken_beside_the_one_in_the_log),
		view_test(a_provisional_one_that_is_told_no_more_goes),
		cmocka_unit_test(a_rebuilt_view_is_as_one_built_of_what_is_left),
	};

	return cmocka_run_group_tests(tests, words_up, words_down);
}
