/* test_spool.c - what waits: that it arrives, can be read, and can be forgotten. */
#include "spool_fixture.h"

#include "store/store_faulty.h"

#include <errno.h>
#include <string.h>

static void what_was_told_while_the_store_was_away_arrives_in_order(void **state)
{
	enum { N = 300 };
	struct spooled *s = *state;
	struct spool_stats stats;

	plan(s, "fail=all");
	assert_int_equal(tell(s, s->f->st, 0, N), 0);
	pump_until_tried(s, 3);
	assert_int_equal(log_rows(s), 0);
	s->f->time.now_ms += 1500;
	stats = spool_stats_of(s->f->st);
	assert_int_equal(stats.waiting, N);
	assert_true(stats.bytes > N * 1024);
	assert_int_equal(stats.oldest_ms, 1500);

	plan(s, "");
	pump_until_sent(s, s->f->st);
	assert_log_has(s, 0, N);
	stats = spool_stats_of(s->f->st);
	assert_int_equal(stats.sent, N);
	assert_int_equal(stats.delay_us, N * UINT64_C(1500000));
	assert_int_equal(stats.dropped + stats.dead + stats.unwanted + stats.oldest_ms,
			 0);
}

static void an_answer_that_gets_lost_makes_nothing_twice(void **state)
{
	struct spooled *s = *state;

	plan(s, "fail=append");
	tell(s, s->f->st, 0, 20);
	/* As when a connection breaks after the store has done it. */
	store_close(s->f->st);
	s->f->st = NULL;
	for (unsigned n = 0; n < 10; n++) {
		struct store *past = fixture_open(s->f, s->url);
		struct exchange x = numbered(s, n);

		call_on(s->f, past, &(struct call){ .kind = CALL_APPEND, .x = x });
		store_close(past);
	}
	s->f->st = spooled_open(s, &s->faulty);
	pump_until_sent(s, s->f->st);
	assert_log_has(s, 0, 20);
}

static void a_full_spool_refuses_and_counts(void **state)
{
	enum { N = 200 };
	struct spooled *s = *state;
	unsigned refused;

	store_close(s->f->st);
	s->o.max_bytes = 100 * 1276; /* one exchange: a page of text and 256 */
	s->f->st = spooled_open(s, &s->faulty);
	plan(s, "fail=all");
	refused = tell(s, s->f->st, 0, N);
	assert_int_equal(refused, 100);
	assert_int_equal(spool_stats_of(s->f->st).dropped, refused);
	plan(s, "");
	pump_until_sent(s, s->f->st);
	assert_log_has(s, 0, N - refused);
}

static void what_could_be_told_again_makes_room_for_what_is_new(void **state)
{
	struct spooled *s = *state;

	store_close(s->f->st);
	s->o.max_bytes = 50 * 1276;
	s->f->st = spooled_open(s, &s->faulty);
	for (unsigned n = 0; n < 200; n += 10) {
		assert_int_equal(tell(s, s->f->st, n, n + 10), 0);
		pump_until_sent(s, s->f->st);
		assert_true(spool_stats_of(s->f->st).bytes <= 60 * 1276);
	}
	assert_log_has(s, 0, 200);
}

/* The store can be read, but not written: a full disk, a replica. */
static void reads_are_completed_with_what_waits(void **state)
{
	struct spooled *s = *state;
	const struct answer *a;

	tell(s, s->f->st, 0, 3);
	pump_until_sent(s, s->f->st);
	plan(s, "fail=append");
	tell(s, s->f->st, 3, 6);

	a = everything(s->f);
	assert_int_equal(a->n_rows, 6);
	assert_int_equal(a->head.head, 3);
	for (unsigned i = 0; i < 6; i++) {
		struct exchange x = numbered(s, i);

		assert_true(exchange_id_eq(&a->exchanges[i].id, &x.id));
		assert_int_equal(a->exchanges[i].seq >= STORE_SEQ_PROVISIONAL, i >= 3);
		assert_same_text(a->exchanges[i].user, x.user);
		assert_same_text(a->exchanges[i].partition.user, x.partition.user);
	}
	assert_int_equal(since(s->f, 3, 1)->n_rows, 3);
	assert_int_equal(since(s->f, 1, 1)->n_rows, 1);
	a = before(s->f, UINT64_MAX, SIZE_MAX);
	assert_int_equal(a->n_rows, 6);
	assert_int_equal(a->exchanges[0].seq, STORE_SEQ_PROVISIONAL + 6);
	assert_int_equal(a->exchanges[5].seq, 1);

	plan(s, "");
	pump_until_sent(s, s->f->st);
	a = since(s->f, 3, SIZE_MAX);
	assert_int_equal(a->n_rows, 3);
	assert_int_equal(a->exchanges[0].seq, 4);
}

static void pages_backwards_meet_each_exchange_once(void **state)
{
	struct spooled *s = *state;
	uint64_t cursor = UINT64_MAX;

	tell(s, s->f->st, 0, 7);
	pump_until_sent(s, s->f->st);
	plan(s, "fail=append");
	tell(s, s->f->st, 7, 20);
	for (unsigned left = 20; left > 0;) {
		const struct answer *a = before(s->f, cursor, 700);

		assert_in_range(a->n_rows, 1, left);
		for (size_t i = 0; i < a->n_rows; i++) {
			struct exchange x = numbered(s, --left);

			assert_true(exchange_id_eq(&a->exchanges[i].id, &x.id));
		}
		cursor = a->exchanges[a->n_rows - 1].seq;
	}
	assert_int_equal(before(s->f, cursor, 700)->n_rows, 0);
}

static void one_that_waits_can_be_got(void **state)
{
	struct spooled *s = *state;
	struct exchange x = numbered(s, 1), none = numbered(s, 2);
	const struct answer *a;

	plan(s, "fail=append");
	tell(s, s->f->st, 0, 2);
	a = call(s->f, &(struct call){ .kind = CALL_GET, .x = x });
	assert_int_equal(a->status, 0);
	assert_int_equal(a->n_rows, 1);
	assert_same_text(a->exchanges[0].user, x.user);
	/* Of a partition that the log does not have. */
	assert_int_equal(a->head.epoch, 0);
	assert_int_equal(
		call(s->f, &(struct call){ .kind = CALL_GET, .x = none })->status,
		-ENOENT);
}

static void a_forget_takes_its_place_behind_what_waits(void **state)
{
	struct spooled *s = *state;
	struct exchange x = numbered(s, 1);
	struct asked *q[4];

	for (unsigned i = 0; i < 4; i++)
		q[i] = ask(s->f, s->f->st,
			   &(struct call){ .kind = CALL_APPEND, .x = numbered(s, i) });
	assert_int_equal(forget_exchange(s->f, &x), 1);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(wait_for(q[i])->status, 0);
	assert_false(in_files(s, "spool", "NUMBER-1."));
	assert_true(in_files(s, "spool", "NUMBER-2."));
	assert_int_equal(log_rows(s), 3);
	/* A retry of the client's. */
	assert_int_equal(append(s->f, &x, 0, NULL), 0);
	pump_until_sent(s, s->f->st);
	assert_int_equal(log_rows(s), 3);
	assert_int_equal(spool_stats_of(s->f->st).unwanted, 1);
}

static void a_forget_that_fails_leaves_nothing_here(void **state)
{
	struct spooled *s = *state;
	struct exchange x = numbered(s, 5);

	tell(s, s->f->st, 0, 4);
	pump_until_sent(s, s->f->st);
	plan(s, "fail=all");
	tell(s, s->f->st, 4, 8);
	assert_int_equal(forget_exchange(s->f, &x), -EIO);
	assert_false(in_files(s, "spool", "NUMBER-5."));
	assert_true(in_files(s, "spool", "NUMBER-6."));
	assert_int_equal(forget_session(s->f, "s"), -EIO);
	assert_false(in_files(s, "spool", "NUMBER"));
	plan(s, "");
	pump_until_sent(s, s->f->st);
	assert_log_has(s, 0, 4);
	assert_int_equal(forget_session(s->f, "s"), 4);
	assert_int_equal(log_rows(s), 0);
}

/* Those have a turn each when the store is tried again; who forgets is not to wait so
 * long. */
static void a_forget_is_answered_however_many_users_wait_for_the_store(void **state)
{
	enum { USERS = 20 };
	struct spooled *s = *state;
	struct exchange x;

	spooled_close(s);
	s->o.retry_ms = s->o.retry_max_ms = UINT64_C(3600) * 1000;
	s->f->st = spooled_open(s, &s->faulty);
	plan(s, "fail=all");
	for (unsigned n = 0; n < USERS; n++) {
		x = numbered(s, n);
		x.partition.user = (struct str){ &"abcdefghijklmnopqrst"[n], 1 };
		set_id(s->f, &x);
		assert_int_equal(append(s->f, &x, 0, NULL), 0);
	}
	pump_until_tried(s, 1);
	tell(s, s->f->st, 100, 102);
	x = numbered(s, 100);
	assert_int_equal(forget_exchange(s->f, &x), -EIO);
	assert_false(in_files(s, "spool", "NUMBER-100."));
	assert_true(in_files(s, "spool", "NUMBER-101."));
}

static void what_comes_after_a_forget_stays(void **state)
{
	struct spooled *s = *state;
	struct asked *q, *later;

	tell(s, s->f->st, 0, 4);
	q = ask(s->f, s->f->st,
		&(struct call){ .kind = CALL_FORGET, .x.partition = ann() });
	later = ask(
		s->f, s->f->st,
		&(struct call){ .kind = CALL_APPEND, .x = numbered(s, 9), .epoch = 99 });
	assert_int_equal(wait_for(q)->n, 4);
	assert_int_equal(wait_for(later)->status, 0);
	pump_until_sent(s, s->f->st);
	assert_log_has(s, 9, 10);
	assert_true(in_files(s, "spool", "NUMBER-9."));
	assert_false(in_files(s, "spool", "NUMBER-1."));
}

static void an_edit_leaves_no_old_words_here(void **state)
{
	struct spooled *s = *state;
	struct exchange x = numbered(s, 1);

	tell(s, s->f->st, 0, 3);
	assert_int_equal(edit(s->f, &x, "harmless", NULL), 0);
	assert_false(in_files(s, "spool", "NUMBER-1."));
	assert_int_equal(log_rows(s), 3);
}

static void what_another_proxy_forgot_is_not_sent(void **state)
{
	struct spooled *s = *state;
	struct store *past = fixture_open(s->f, s->url);
	const struct answer *a;

	plan(s, "fail=append");
	tell(s, s->f->st, 0, 5);
	a = call_on(s->f, past,
		    &(struct call){ .kind = CALL_FORGET, .x.partition = ann() });
	assert_int_equal(a->status, -ENOENT);
	plan(s, "");
	pump_until_sent(s, s->f->st);
	assert_int_equal(log_rows(s), 0);
	assert_int_equal(spool_stats_of(s->f->st).unwanted, 5);
	assert_int_equal(spool_stats_of(s->f->st).dead, 0);
	assert_int_equal(call(s->f, &(struct call){ .kind = CALL_PING })->status, 0);
	store_close(past);
}

static void what_comes_while_paused_is_not_kept(void **state)
{
	struct spooled *s = *state;

	assert_int_equal(pause_memory(s->f, true), 0);
	tell(s, s->f->st, 0, 2);
	pump_until_sent(s, s->f->st);
	assert_int_equal(spool_stats_of(s->f->st).unwanted, 2);
	assert_int_equal(pause_memory(s->f, false), 0);
	assert_int_equal(log_rows(s), 0);
}

static void what_expires_while_it_waits_goes(void **state)
{
	struct spooled *s = *state;
	struct exchange x = numbered(s, 1);

	x.expires_ms = s->f->time.now_ms + 10;
	plan(s, "fail=append");
	assert_int_equal(append(s->f, &x, 0, NULL), 0);
	tell(s, s->f->st, 2, 4);
	s->f->time.now_ms += 20;
	expire(s->f);
	plan(s, "");
	pump_until_sent(s, s->f->st);
	assert_log_has(s, 2, 4);
	assert_false(in_files(s, "spool", "NUMBER-1."));
}

static void what_was_sent_is_kept_for_two_minutes(void **state)
{
	struct spooled *s = *state;

	tell(s, s->f->st, 0, 2);
	pump_until_sent(s, s->f->st);
	s->f->time.now_ms += 119000;
	expire(s->f);
	assert_true(spool_stats_of(s->f->st).bytes > 0);
	s->f->time.now_ms += 2000;
	expire(s->f);
	/* The store's answer does not wait for the file's: a forget comes after it. */
	assert_int_equal(forget_session(s->f, "none"), -ENOENT);
	assert_int_equal(spool_stats_of(s->f->st).bytes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SPOOLED(what_was_told_while_the_store_was_away_arrives_in_order),
		SPOOLED(an_answer_that_gets_lost_makes_nothing_twice),
		SPOOLED(a_full_spool_refuses_and_counts),
		SPOOLED(what_could_be_told_again_makes_room_for_what_is_new),
		SPOOLED(reads_are_completed_with_what_waits),
		SPOOLED(pages_backwards_meet_each_exchange_once),
		SPOOLED(one_that_waits_can_be_got),
		SPOOLED(a_forget_takes_its_place_behind_what_waits),
		SPOOLED(a_forget_that_fails_leaves_nothing_here),
		SPOOLED(a_forget_is_answered_however_many_users_wait_for_the_store),
		SPOOLED(what_comes_after_a_forget_stays),
		SPOOLED(an_edit_leaves_no_old_words_here),
		SPOOLED(what_another_proxy_forgot_is_not_sent),
		SPOOLED(what_comes_while_paused_is_not_kept),
		SPOOLED(what_expires_while_it_waits_goes),
		SPOOLED(what_was_sent_is_kept_for_two_minutes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
