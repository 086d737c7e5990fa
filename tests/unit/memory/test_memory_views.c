/* test_memory_views.c - the memory service: a store in trouble, cold and warm views. */
#include "memory/sticky.h"
#include "memory_fixture.h"

#include <errno.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void a_failing_store_recalls_nothing(void **state)
{
	struct fixture *f = *state;
	struct exchange x = told("a", "My dog is called Rex.", "Fine.");
	struct heard h;

	fake_log_add(f->log, &x);
	start(f);
	ask(f, "my dog", &h);
	assert_int_equal(h.a.status, RECALL_BLOCK);
	atomic_store(&f->log->status, -EIO);
	ask(f, "my dog", &h);
	assert_int_equal(h.a.status, RECALL_DEGRADED_STORE);
	assert_int_equal(h.a.n_puts, 0);
	assert_string_equal(h.session, "now");
	assert_int_equal(h.a.epoch, 1); /* the last known */
	assert_int_equal(stats(f).store_errors, 1);
	atomic_store(&f->log->status, 0);
	ask(f, "my dog", &h);
	assert_int_equal(h.a.status, RECALL_BLOCK);
}

static void five_failures_leave_the_store_alone_for_a_second(void **state)
{
	struct fixture *f = *state;
	struct heard h;
	unsigned reads;

	start(f);
	atomic_store(&f->log->status, -EIO);
	for (int i = 0; i < 5; i++)
		ask(f, "my dog", &h);
	reads = atomic_load(&f->log->reads);
	assert_int_equal(reads, 5);
	for (int i = 0; i < 5; i++) {
		ask(f, "my dog", &h);
		assert_int_equal(h.a.status, RECALL_DEGRADED_STORE);
	}
	assert_int_equal(atomic_load(&f->log->reads), reads);
	/* after it, one more failure is enough */
	atomic_fetch_add(&f->clock.ahead_us, 1000001);
	ask(f, "my dog", &h);
	ask(f, "my dog", &h);
	assert_int_equal(atomic_load(&f->log->reads), reads + 1);
	atomic_fetch_add(&f->clock.ahead_us, 1000001);
	atomic_store(&f->log->status, 0);
	ask(f, "my dog", &h);
	assert_int_equal(h.a.status, RECALL_NO_HIT);
}

static void a_store_that_never_answers_is_not_waited_for(void **state)
{
	struct fixture *f = *state;
	struct recall_question q = question("my dog");
	struct heard h = { 0 }, late = { 0 };
	struct op *op;

	f->cfg.memory.cold_deadline = 60;
	start(f);
	atomic_store(&f->log->delay_ms, -1);
	op = memory_recall(f->port, &q, on_answer, &h);
	pump_until(f, memory_recall_is_cold(op));
	op_cancel(op);
	ask_for(f, &q, &late);
	assert_int_equal(late.a.status, RECALL_DEGRADED_TIMEOUT);
	assert_string_equal(late.session, "now");
	assert_int_equal(h.times, 0);
	/* given up after two seconds, then tried again */
	atomic_store(&f->log->delay_ms, 0);
	atomic_fetch_add(&f->clock.ahead_us, 2000001);
	ask_for(f, &q, &late);
	assert_int_equal(late.a.status, RECALL_DEGRADED_TIMEOUT);
	ask_for(f, &q, &late);
	assert_int_equal(late.a.status, RECALL_NO_HIT);
}

static void a_large_view_is_built_newest_first_and_answers_in_part(void **state)
{
	struct fixture *f = *state;
	struct recall_question q = question("number1999 number3");
	struct heard h = { 0 };
	struct op *op;

	fill(f->log, 2000, ME);      /* ten pages */
	f->cfg.memory.deadline = 10; /* of a warm view: not in force here */
	f->cfg.memory.cold_deadline = 300;
	atomic_store(&f->log->delay_ms, 50);
	start(f);
	op = memory_recall(f->port, &q, on_answer, &h);
	pump_until(f, memory_recall_is_cold(op));
	pump_until(f, h.times);
	assert_int_equal(h.a.status, RECALL_BLOCK);
	assert_true(h.a.partial);
	assert_non_null(strstr(h.block, "reply1999"));
	assert_null(strstr(h.block, "reply3\n"));
	assert_int_equal(h.a.epoch, 1);
	/* the work goes on by itself */
	pump_until(f, stats(f).views_built == 1);
	memory_set_config(f->m, &(struct config){ .memory = { .deadline = 20000,
							      .cold_deadline = 20000,
							      .view_bytes = 64 << 20 } });
	ask_for(f, &q, &h);
	assert_false(h.a.partial);
	assert_non_null(strstr(h.block, "reply1999"));
	assert_non_null(strstr(h.block, "reply3\n"));
}

/* A block that has the oldest exchange in it, put into the turn before this one. */
static void put_block(struct fixture *f, const struct turn_key *turn)
{
	static char sources[1 + sizeof(struct exchange_id) + VIEW_SHOWN_BYTES];
	struct exchange x = { .partition = ME,
			      .session = STR("now"),
			      .state = EXCHANGE_BLOCK,
			      .at_ms = NOV_21,
			      .user_hash = turn->user,
			      .prev_hash = turn->prev };

	f->log->v[0].id.b[0] = 1;
	sources[0] = STICKY_VERSION;
	sources[1] = 1;
	x.sources = (struct str){ sources, sizeof(sources) };
	x.id.b[0] = 2;
	fake_log_add(f->log, &x);
}

static void a_block_is_whole_though_its_sources_have_not_been_come_to(void **state)
{
	struct turn_key turns[2] = { { { 1, 2 }, { 0, 0 } }, { { 3, 4 }, { 5, 6 } } };
	struct recall_question q = question("number1999");
	struct fixture *f = *state;
	struct heard h = { 0 };

	fill(f->log, 2000, ME);
	put_block(f, &turns[0]);
	f->cfg.memory.cold_deadline = 600;
	atomic_store(&f->log->delay_ms, 40);
	q.turns = turns;
	q.n_turns = 2;
	start(f);
	memory_recall(f->port, &q, on_answer, &h);
	pump_until(f, h.times);
	assert_true(h.a.partial);
	assert_int_equal(h.a.n_puts, 2);
	assert_true(h.a.puts[0].resent);
	assert_non_null(strstr(h.blocks[0], "reply1\n"));
}

static void a_block_is_left_out_where_its_sources_do_not_come(void **state)
{
	struct turn_key turns[2] = { { { 1, 2 }, { 0, 0 } }, { { 3, 4 }, { 5, 6 } } };
	struct recall_question q = question("number1999");
	struct fixture *f = *state;
	struct heard h = { 0 };

	fill(f->log, 2000, ME);
	put_block(f, &turns[0]);
	f->cfg.memory.cold_deadline = 300;
	atomic_store(&f->log->delay_ms, 50); /* more than what is left of it */
	q.turns = turns;
	q.n_turns = 2;
	start(f);
	memory_recall(f->port, &q, on_answer, &h);
	pump_until(f, h.times);
	assert_true(h.a.partial);
	assert_int_equal(h.a.n_puts, 1);
	assert_false(h.a.puts[0].resent);
	pump_until(f, stats(f).views_built == 1);
}

/* The store answers inline, and yet others get their turn between two pages. */
static void a_long_building_holds_nobody_up(void **state)
{
	struct fixture *f = *state;
	struct recall_question big = question("number1999"), small = question("number2");
	struct heard first = { 0 }, second = { 0 };
	struct str other = STR("other");

	fill(f->log, 9000, ME);
	fill(f->log, 3, (struct partition){ STR("tenant"), other });
	start(f);
	small.partition.user = other;
	memory_recall(f->port, &big, on_answer, &first);
	memory_recall(f->port, &small, on_answer, &second);
	pump_until(f, second.times);
	assert_int_equal(second.a.status, RECALL_BLOCK);
	assert_int_equal(stats(f).views_built, 1);
	pump_until(f, first.times);
	assert_int_equal(first.a.status, RECALL_BLOCK);
	assert_false(first.a.partial);
}

static void questions_of_one_user_share_a_reading(void **state)
{
	struct fixture *f = *state;
	struct recall_question q = question("number3");
	struct heard *h = calloc(50, sizeof(*h));
	int answered = 0;

	assert_non_null(h);
	fill(f->log, 5, ME);
	atomic_store(&f->log->delay_ms, 100);
	start(f);
	for (int i = 0; i < 50; i++)
		assert_non_null(memory_recall(f->port, &q, on_answer, &h[i]));
	while (answered < 50) {
		pump(f->base);
		answered = 0;
		for (int i = 0; i < 50; i++)
			answered += h[i].times;
	}
	/* one that the first began, and one that began after the others had asked */
	assert_in_range(atomic_load(&f->log->reads), 2, 10);
	assert_int_equal(h[49].a.status, RECALL_BLOCK);
	free(h);
}

static void another_epoch_drops_the_view(void **state)
{
	struct fixture *f = *state;
	struct heard h;

	fill(f->log, 3, ME);
	start(f);
	ask(f, "number2", &h);
	assert_non_null(strstr(h.block, "reply2"));
	/* forgotten, as another process would have it done; nothing reads meanwhile */
	f->log->v[1].seq = 0;
	atomic_store(&f->log->epoch, 2);
	ask(f, "number2 gardening", &h);
	assert_null(strstr(h.block, "reply2"));
	assert_non_null(strstr(h.block, "reply3"));
	assert_int_equal(h.a.epoch, 2);
	assert_int_equal(stats(f).views_built, 2);
}

/* A replica took over that had not got the last two: the epoch is the same. */
static void a_log_that_has_become_shorter_drops_the_view(void **state)
{
	struct fixture *f = *state;
	struct exchange x = told("a", "The gardening of number77 is new.", "reply77");
	struct heard h;

	fill(f->log, 5, ME);
	start(f);
	ask(f, "number5", &h);
	assert_non_null(strstr(h.block, "reply5"));
	/* and since then one has come, whose seq the view has been through */
	f->log->n = 3;
	fake_log_add(f->log, &x);
	ask(f, "number5 number77", &h);
	assert_null(strstr(h.block, "reply5"));
	assert_non_null(strstr(h.block, "reply77"));
	assert_non_null(strstr(h.block, "reply3"));
	assert_int_equal(stats(f).views_built, 2);
	ask(f, "number77", &h);
	assert_int_equal(stats(f).views_built, 2);
}

static void the_expired_oldest_leave_the_view(void **state)
{
	struct fixture *f = *state;
	struct heard h;

	fill(f->log, 3, ME);
	start(f);
	ask(f, "gardening", &h);
	assert_int_equal(h.a.n_exchanges, 3);
	f->log->v[0].seq = f->log->v[1].seq = 0; /* `first` is 3 now */
	ask(f, "gardening", &h);
	assert_int_equal(h.a.n_exchanges, 1);
	assert_int_equal(stats(f).views_built, 1);
}

static void views_out_of_use_go_when_there_are_too_many(void **state)
{
	struct fixture *f = *state;
	struct recall_question q = question("number2");
	char user[16];
	struct heard h;

	for (int i = 0; i < 30; i++) {
		snprintf(user, sizeof(user), "user%d", i);
		fill(f->log, 20, (struct partition){ STR("tenant"), str_from(user) });
	}
	f->cfg.memory.view_bytes = 200000;
	start(f);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 30; i++) {
			snprintf(user, sizeof(user), "user%d", i);
			q.partition.user = str_from(user);
			ask_for(f, &q, &h);
			assert_int_equal(h.a.status, RECALL_BLOCK);
		}
	}
	pump_until(f, stats(f).view_bytes <= 200000);
	assert_true(stats(f).views < 30);
	assert_true(stats(f).views_evicted > 30);
}

static void a_user_with_more_than_fits_keeps_the_newest(void **state)
{
	struct fixture *f = *state;
	struct heard h;

	fill(f->log, 2000, ME);
	f->cfg.memory.view_bytes = 1 << 20;
	start(f);
	ask(f, "number1999", &h);
	assert_non_null(strstr(h.block, "reply1999"));
	ask(f, "number3", &h);
	assert_int_equal(h.a.status, RECALL_NO_HIT);
	pump_until(f, stats(f).view_bytes <= 1 << 20);
	assert_int_equal(stats(f).views_evicted, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fake_test(a_failing_store_recalls_nothing),
		fake_test(five_failures_leave_the_store_alone_for_a_second),
		fake_test(a_store_that_never_answers_is_not_waited_for),
		fake_test(a_large_view_is_built_newest_first_and_answers_in_part),
		fake_test(a_block_is_whole_though_its_sources_have_not_been_come_to),
		fake_test(a_block_is_left_out_where_its_sources_do_not_come),
		fake_test(a_long_building_holds_nobody_up),
		fake_test(questions_of_one_user_share_a_reading),
		fake_test(another_epoch_drops_the_view),
		fake_test(a_log_that_has_become_shorter_drops_the_view),
		fake_test(the_expired_oldest_leave_the_view),
		fake_test(views_out_of_use_go_when_there_are_too_many),
		fake_test(a_user_with_more_than_fits_keeps_the_newest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
