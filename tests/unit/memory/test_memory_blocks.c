/* test_memory_blocks.c - blocks put back with their turns, and sessions given back. */
#include "memory/clean.h"
#include "memory/sticky.h"
#include "memory_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* A conversation as a client resends it: user texts, and replies between them. */
struct talk {
	const char *session; /* NULL: not named */
	const char *texts[2 * HEARD_MAX];
	size_t n;
	bool in_loop;            /* the last message is a tool's */
	size_t backfill, budget; /* 0: the fixture's */
	struct turn_key turns[HEARD_MAX];
	struct sent_text sent[2 * HEARD_MAX];
};

static struct recall_question ask_in(struct talk *t)
{
	size_t turns = (t->n + 1) / 2;
	struct recall_question q = question(t->texts[t->n - 1]);

	for (size_t i = 0; i < t->n; i++) {
		struct hash128 h = turn_hash(str_from(t->texts[i]));

		t->sent[i] = (struct sent_text){ i % 2 == 0, h };
		if (i % 2 == 0)
			t->turns[i / 2].user = h;
		else
			t->turns[i / 2 + 1].prev = h;
	}
	q.session = str_from(t->session);
	q.find_session = !t->session;
	q.want_block = !t->in_loop;
	q.sent = t->sent;
	q.n_sent = t->n;
	q.turns = t->turns;
	q.n_turns = turns;
	if (turns > 1)
		q.last_reply = t->turns[turns - 1].prev;
	q.backfill = t->backfill;
	if (t->budget)
		q.budget_tokens = t->budget;
	return q;
}

/* As a request does: asks, and has what was put in recorded. */
static void put_in(struct fixture *f, struct talk *t, struct heard *h)
{
	struct recall_question q = ask_in(t);
	struct exchange x = { .partition = ME, .state = EXCHANGE_BLOCK, .at_ms = NOV_21 };

	ask_for(f, &q, h);
	if (!h->a.sources.p)
		return;
	x.session = h->a.session;
	x.user_hash = q.turns[q.n_turns - 1].user;
	x.prev_hash = q.turns[q.n_turns - 1].prev;
	x.sources = h->a.sources;
	assert_int_equal(keep(f, &x, h->a.epoch), 0);
}

static void tell_of_animals(struct fixture *f)
{
	char text[64];

	tell(f, "a", "My dog is called Rex.", "A fine name!");
	tell(f, "b", "My cat is called Biscuit.", "Sweet.");
	for (int i = 0; i < 70; i++) { /* so that not all of it fits */
		snprintf(text, sizeof(text), "Lecture %d was about canals.", i);
		tell(f, "c", text, "I see.");
	}
}

static void a_block_is_put_back_with_its_turn(void **state)
{
	struct talk t = { .session = "now", .texts = { "How is my dog?" }, .n = 1 };
	struct fixture *f = *state;
	struct heard first, second;

	tell_of_animals(f);
	put_in(f, &t, &first);
	assert_int_equal(first.a.status, RECALL_BLOCK);
	assert_non_null(strstr(first.block, "Rex"));
	t.texts[1] = "Rex.";
	t.texts[2] = "And my cat?";
	t.n = 3;
	put_in(f, &t, &second);
	assert_int_equal(second.a.n_puts, 2);
	assert_int_equal(second.a.puts[0].turn, 0);
	assert_true(second.a.puts[0].resent);
	assert_string_equal(second.blocks[0], first.block);
	assert_int_equal(second.a.puts[1].turn, 1);
	assert_false(second.a.puts[1].resent);
	assert_non_null(strstr(second.blocks[1], "Biscuit"));
	assert_null(strstr(second.blocks[1], "Rex"));
	assert_int_equal(second.a.n_exchanges, 2);
}

static void the_same_request_again_has_the_same_block(void **state)
{
	struct talk t = { .session = "now", .texts = { "How is my dog?" }, .n = 1 };
	struct fixture *f = *state;
	struct heard first, again;

	tell_of_animals(f);
	put_in(f, &t, &first);
	tell(f, "d", "My dog Rex has a brother called Max.", "Good to know.");
	put_in(f, &t, &again);
	assert_int_equal(again.a.n_puts, 1);
	assert_true(again.a.puts[0].resent);
	assert_null(again.a.sources.p);
	assert_string_equal(again.block, first.block);
}

static void the_same_words_in_another_conversation_get_a_new_block(void **state)
{
	struct talk t = { .session = "now", .texts = { "How is my dog?" }, .n = 1 };
	struct fixture *f = *state;
	struct heard first, other;

	tell_of_animals(f);
	put_in(f, &t, &first);
	tell(f, "d", "My dog Rex has a brother called Max.", "Good to know.");
	t.session = NULL;
	put_in(f, &t, &other);
	assert_false(other.a.puts[0].resent);
	assert_non_null(strstr(other.block, "Max"));
}

/* The store was late, or the block refused: the next request begins as this one did. */
static void a_turn_that_went_without_gets_no_block_of_another_conversation(void **state)
{
	struct talk t = { .session = "other", .texts = { "How is my dog?" }, .n = 1 };
	struct fixture *f = *state;
	struct heard first, h;

	tell_of_animals(f);
	put_in(f, &t, &first);
	assert_int_equal(first.a.n_puts, 1);
	tell(f, "now", "How is my dog?", "He is well.");
	t.session = "now";
	t.texts[1] = "He is well.";
	t.texts[2] = "And my cat?";
	t.n = 3;
	put_in(f, &t, &h);
	assert_int_equal(h.a.n_puts, 1);
	assert_int_equal(h.a.puts[0].turn, 1);
	/* taken over into a session of another name, it stays */
	t.session = "resumed";
	t.texts[1] = "Rex is well.";
	put_in(f, &t, &h);
	assert_int_equal(h.a.puts[0].turn, 0);
	assert_string_equal(h.blocks[0], first.block);
}

static void a_tool_loop_keeps_its_block_and_its_session(void **state)
{
	struct talk t = { .texts = { "How is my dog?" }, .n = 1 };
	struct fixture *f = *state;
	struct heard first, loop;

	tell_of_animals(f);
	put_in(f, &t, &first);
	t.in_loop = true;
	put_in(f, &t, &loop);
	assert_int_equal(loop.a.n_puts, 1);
	assert_true(loop.a.puts[0].resent);
	assert_string_equal(loop.block, first.block);
	assert_string_equal(loop.session, first.session);
}

static void a_refused_block_is_not_put_back(void **state)
{
	struct talk t = { .session = "now", .texts = { "How is my dog?" }, .n = 1 };
	struct fixture *f = *state;
	struct exchange x = { .partition = ME,
			      .session = STR("now"),
			      .state = EXCHANGE_BLOCK,
			      .at_ms = NOV_21 + 1,
			      .sources = STR("") };
	struct heard h;

	tell_of_animals(f);
	put_in(f, &t, &h);
	x.user_hash = t.turns[0].user;
	assert_int_equal(keep(f, &x, h.a.epoch), 0);
	t.texts[1] = "I do not know.";
	t.texts[2] = "Why not?";
	t.n = 3;
	put_in(f, &t, &h);
	assert_true(h.a.n_puts == 0 || !h.a.puts[0].resent);
}

static void blocks_do_not_pile_up_in_a_conversation(void **state)
{
	static const char *const questions[] = {
		"Which lectures were there?", "More of the lectures?",
		"Even more lectures?", "Are there further lectures?", "Any lectures left?"
	};
	struct talk t = { .session = "now", .budget = 250 };
	struct fixture *f = *state;
	struct heard h;
	bool capped = false;

	tell_of_animals(f);
	for (size_t i = 0; i < 5 && !capped; i++) {
		t.texts[2 * i] = questions[i];
		t.texts[2 * i + 1] = "No.";
		t.n = 2 * i + 1;
		put_in(f, &t, &h);
		assert_true(h.a.tokens <= 3 * 250);
		capped = h.a.status == RECALL_CAP;
		assert_true(capped || h.a.status == RECALL_BLOCK);
	}
	assert_true(capped);
}

/* Turns that were asked about one by one, and then sent as if they were one conversation:
 * what that costs has a bound, and one that a lowered budget does not come to. */
static void what_is_put_back_has_a_bound(void **state)
{
	static const unsigned budgets[] = { 1000, 250, 50 };
	struct talk t = { .texts = { "x", "No.", "Which lectures were there?" }, .n = 3 };
	struct fixture *f = *state;
	struct heard h;

	tell_of_animals(f);
	put_in(f, &t, &h);
	assert_true(h.a.tokens > 600);
	t.texts[1] = "Nor now.";
	t.texts[2] = "Which other lectures?";
	put_in(f, &t, &h);
	assert_true(h.a.tokens > 600);
	t = (struct talk){ .texts = { "x", "No.", "Which lectures were there?",
				      "Nor now.", "Which other lectures?" },
			   .n = 5,
			   .in_loop = true };
	for (size_t i = 0; i < sizeof(budgets) / sizeof(*budgets); i++) {
		t.budget = budgets[i];
		put_in(f, &t, &h);
		assert_int_equal(h.a.n_puts, budgets[i] == 50 ? 1 : 2);
	}
}

static void a_client_without_history_gets_its_session_back(void **state)
{
	struct talk t = { .session = "a", .texts = { "Yes." }, .n = 1, .backfill = 10 };
	struct fixture *f = *state;
	struct heard h;

	tell_of_animals(f);
	put_in(f, &t, &h);
	assert_int_equal(h.a.status, RECALL_BLOCK);
	assert_true(h.a.backfilled);
	assert_non_null(strstr(h.block, "Rex"));
	assert_null(strstr(h.block, "canals"));
	t.backfill = 0;
	t.texts[0] = "OK.";
	put_in(f, &t, &h);
	assert_int_equal(h.a.status, RECALL_NO_TERMS);
	assert_false(h.a.backfilled);
}

static void what_the_api_holds_itself_is_left_out(void **state)
{
	struct talk t = { .texts = { "My dog and my cat?" }, .n = 1 };
	struct exchange x = told("a", "The dog is old.", "Poor dog.");
	struct fixture *f = *state;
	struct recall_question q;
	struct heard h;

	tell_of_animals(f);
	x.reply_id = hash128(STR("resp_1"));
	ask(f, "dog", &h);
	assert_int_equal(keep(f, &x, h.a.epoch), 0);
	q = ask_in(&t);
	q.reply_id = x.reply_id;
	ask_for(f, &q, &h);
	assert_string_equal(h.session, "a");
	assert_null(strstr(h.block, "Rex"));
	assert_non_null(strstr(h.block, "Biscuit"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		real_test(a_block_is_put_back_with_its_turn),
		real_test(the_same_request_again_has_the_same_block),
		real_test(the_same_words_in_another_conversation_get_a_new_block),
		real_test(a_turn_that_went_without_gets_no_block_of_another_conversation),
		real_test(a_tool_loop_keeps_its_block_and_its_session),
		real_test(a_refused_block_is_not_put_back),
		real_test(blocks_do_not_pile_up_in_a_conversation),
		real_test(what_is_put_back_has_a_bound),
		real_test(a_client_without_history_gets_its_session_back),
		real_test(what_the_api_holds_itself_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
