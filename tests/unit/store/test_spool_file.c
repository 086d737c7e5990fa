/* test_spool_file.c - a spool's file: ends of processes, other processes, failovers. */
#include "spool_fixture.h"
#include "sqlite_fixture.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* In a child: a spool whose store is away takes from … to - 1, and the process is gone.
 */
static void tell_and_die(struct spooled *s, unsigned spools, unsigned each)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid > 0) {
		assert_int_equal(exit_code(pid), 0);
		return;
	}
	event_reinit(s->f->base);
	for (unsigned i = 0; i < spools; i++) {
		struct store *st = spooled_open(s, &s->faulty);

		plan(s, "fail=all");
		s->f->st = st; /* for ids */
		if (tell(s, st, i * each, (i + 1) * each) > 0)
			_exit(1);
	}
	_exit(0);
}

static void what_waits_survives_the_end_of_the_process(void **state)
{
	struct spooled *s = *state;

	spooled_close(s);
	tell_and_die(s, 1, 100);
	s->f->st = spooled_open(s, &s->faulty);
	assert_int_equal(spool_stats_of(s->f->st).waiting, 100);
	pump_until_sent(s, s->f->st);
	assert_log_has(s, 0, 100);
}

static void what_waits_survives_a_stop(void **state)
{
	struct spooled *s = *state;

	plan(s, "fail=all");
	tell(s, s->f->st, 0, 30);
	spooled_reopen(s);
	tell(s, s->f->st, 30, 40);
	pump_until_sent(s, s->f->st);
	assert_log_has(s, 0, 40);
}

static bool exists(struct spooled *s, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", s->f->dir, name);
	return access(path, F_OK) == 0;
}

static void two_at_once_have_a_file_each(void **state)
{
	struct spooled *s = *state;
	struct store *second;

	plan(s, "fail=append");
	tell(s, s->f->st, 0, 5);
	second = spooled_open(s, NULL);
	assert_true(exists(s, "spool-2.db"));
	tell(s, second, 5, 10);
	pump_until_sent(s, second);
	assert_log_has(s, 5, 10);
	/* A file that somebody has is not adopted. */
	assert_int_equal(call_on(s->f, second,
				 &(struct call){ .kind = CALL_EXPIRE,
						 .now_ms = s->f->time.now_ms })
				 ->status,
			 0);
	assert_int_equal(spool_stats_of(second).waiting, 0);
	plan(s, "");
	pump_until_sent(s, s->f->st);
	assert_int_equal(log_rows(s), 10);
	store_close(second);
}

static void files_that_nobody_has_are_adopted(void **state)
{
	enum { EACH = 450 }; /* more than one slice */
	struct spooled *s = *state;

	spooled_close(s);
	tell_and_die(s, 3, EACH);
	assert_true(exists(s, "spool-2.db") && exists(s, "spool-3.db"));
	s->f->st = spooled_open(s, &s->faulty);
	while (exists(s, "spool-2.db") || exists(s, "spool-3.db"))
		call(s->f, &(struct call){ .kind = CALL_PING });
	pump_until_sent(s, s->f->st);
	assert_int_equal(log_rows(s), 3 * EACH);
	assert_int_equal(spool_stats_of(s->f->st).sent, 3 * EACH);
}

static void one_left_later_is_adopted_by_the_next_expire(void **state)
{
	struct spooled *s = *state;
	struct store *second = spooled_open(s, NULL);

	store_close(s->f->st);
	s->f->st = spooled_open(s, &s->faulty);
	plan(s, "fail=append");
	tell(s, s->f->st, 0, 5);
	store_close(s->f->st);
	s->f->st = second;
	expire(s->f);
	while (exists(s, "spool.db"))
		call(s->f, &(struct call){ .kind = CALL_PING });
	pump_until_sent(s, second);
	assert_log_has(s, 0, 5);
}

static void what_is_for_another_store_is_left_alone(void **state)
{
	struct spooled *s = *state;

	plan(s, "fail=all");
	tell(s, s->f->st, 0, 3);
	spooled_close(s);
	snprintf(s->url, sizeof(s->url), "sqlite:%s/other.db", s->f->dir);
	s->f->st = spooled_open(s, &s->faulty);
	assert_true(exists(s, "spool-2.db"));
	tell(s, s->f->st, 7, 9);
	pump_until_sent(s, s->f->st);
	assert_log_has(s, 7, 9);
	spooled_close(s);
	snprintf(s->url, sizeof(s->url), "sqlite:%s", s->log);
	s->f->st = spooled_open(s, &s->faulty);
	pump_until_sent(s, s->f->st);
	assert_int_equal(log_rows(s), 3);
}

static void a_log_is_no_spool_and_a_spool_no_log(void **state)
{
	struct spooled *s = *state;
	struct store *st = NULL, *inner = fixture_open(s->f, "memory:");
	char url[160], *err = NULL;

	snprintf(url, sizeof(url), "sqlite:%s", s->path);
	assert_int_equal(store_open(url, &s->f->env, &st, &err), -EINVAL);
	free(err);
	s->o.path = s->log;
	assert_int_equal(store_spool_new(inner, &s->o, &s->f->env, &st, &err), -EINVAL);
	assert_non_null(strstr(err, "is no spool"));
	free(err);
	store_close(inner);
}

/* Takes what came after `seq` out of the log, as if a replica had not had it yet. */
static void lose_after(struct spooled *s, unsigned seq)
{
	sqlite3 *db;
	char text[200];

	assert_int_equal(sqlite3_open(s->log, &db), SQLITE_OK);
	snprintf(text, sizeof(text),
		 "DELETE FROM exchange WHERE (k & 4294967295) > %u;"
		 "UPDATE partition SET head = %u;",
		 seq, seq);
	sql(db, text);
	sqlite3_close(db);
}

static void what_a_failover_lost_is_told_again(void **state)
{
	struct spooled *s = *state;

	tell(s, s->f->st, 0, 10);
	pump_until_sent(s, s->f->st);
	lose_after(s, 4);
	assert_int_equal(log_rows(s), 4);
	assert_int_equal(everything(s->f)->head.head, 4); /* by which it is noticed */
	while (spool_stats_of(s->f->st).replayed < 10)
		call(s->f, &(struct call){ .kind = CALL_PING });
	assert_log_has(s, 0, 10);
}

static void what_is_there_is_not_made_twice_when_the_store_comes_back(void **state)
{
	struct spooled *s = *state;

	tell(s, s->f->st, 0, 10);
	pump_until_sent(s, s->f->st);
	plan(s, "fail=append");
	tell(s, s->f->st, 10, 12);
	pump_until_tried(s, 12);
	lose_after(s, 7);
	plan(s, "");
	pump_until_sent(s, s->f->st);
	while (spool_stats_of(s->f->st).replayed < 10)
		call(s->f, &(struct call){ .kind = CALL_PING });
	assert_int_equal(log_rows(s), 12);
}

static void a_start_after_a_bad_end_tells_again(void **state)
{
	struct spooled *s = *state;
	pid_t pid;

	spooled_close(s);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		event_reinit(s->f->base);
		s->f->st = spooled_open(s, &s->faulty);
		tell(s, s->f->st, 0, 5);
		pump_until_sent(s, s->f->st);
		/* Behind it in the lane: what is noted of the five is in the file. */
		_exit(forget_session(s->f, "none") == -ENOENT ? 0 : 1);
	}
	assert_int_equal(exit_code(pid), 0);
	lose_after(s, 3);
	s->f->st = spooled_open(s, &s->faulty);
	tell(s, s->f->st, 5, 6);
	while (spool_stats_of(s->f->st).replayed < 5)
		call(s->f, &(struct call){ .kind = CALL_PING });
	assert_int_equal(log_rows(s), 6);
	/* After a good one it does not. */
	spooled_reopen(s);
	tell(s, s->f->st, 6, 7);
	pump_until_sent(s, s->f->st);
	assert_int_equal(spool_stats_of(s->f->st).replayed, 0);
}

/* The operator restarts memproxy while the store is away, as operators do. */
static void a_stop_while_the_store_is_away_does_not_forgo_the_replay(void **state)
{
	struct spooled *s = *state;

	tell(s, s->f->st, 0, 5);
	pump_until_sent(s, s->f->st);
	plan(s, "fail=append");
	tell(s, s->f->st, 5, 6);
	pump_until_tried(s, 6);
	spooled_close(s);
	lose_after(s, 3);
	s->f->st = spooled_open(s, &s->faulty);
	pump_until_sent(s, s->f->st);
	while (spool_stats_of(s->f->st).replayed < 5)
		call(s->f, &(struct call){ .kind = CALL_PING });
	assert_int_equal(log_rows(s), 6);
}

/* Another process, whose end was a bad one, and with it perhaps the store's. */
static void what_was_left_by_a_bad_end_is_told_again_by_who_adopts_it(void **state)
{
	struct spooled *s = *state;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		event_reinit(s->f->base);
		s->f->st = spooled_open(s, &s->faulty);
		tell(s, s->f->st, 0, 5);
		pump_until_sent(s, s->f->st);
		_exit(forget_session(s->f, "none") == -ENOENT ? 0 : 1);
	}
	assert_int_equal(exit_code(pid), 0);
	assert_true(exists(s, "spool-2.db"));
	lose_after(s, 3);
	expire(s->f);
	while (spool_stats_of(s->f->st).replayed < 5)
		call(s->f, &(struct call){ .kind = CALL_PING });
	assert_int_equal(log_rows(s), 5);
}

static void what_was_forgotten_is_not_told_again(void **state)
{
	struct spooled *s = *state;
	struct exchange x = numbered(s, 2);

	tell(s, s->f->st, 0, 5);
	assert_int_equal(forget_exchange(s->f, &x), 1);
	plan(s, "fail=append");
	tell(s, s->f->st, 5, 6);
	pump_until_tried(s, 6);
	plan(s, "");
	pump_until_sent(s, s->f->st);
	while (spool_stats_of(s->f->st).replayed < 4)
		call(s->f, &(struct call){ .kind = CALL_PING });
	assert_int_equal(log_rows(s), 5);
}

static void what_is_refused_for_good_is_put_aside(void **state)
{
	struct spooled *s = *state;
	struct spool_stats stats;

	plan(s, "fail=append,status=ENOENT,only=NUMBER-1.");
	tell(s, s->f->st, 0, 3);
	pump_until_sent(s, s->f->st);
	assert_int_equal(call(s->f, &(struct call){ .kind = CALL_PING })->status, 0);
	assert_int_equal(forget_session(s->f, "none"), -ENOENT); /* the note is made */
	stats = spool_stats_of(s->f->st);
	assert_int_equal(stats.refused, 1);
	assert_int_equal(stats.dead, 1);
	assert_int_equal(log_rows(s), 2);
	/* The next start tries it once more. */
	spooled_reopen(s);
	pump_until_sent(s, s->f->st);
	assert_int_equal(log_rows(s), 3);
	assert_int_equal(spool_stats_of(s->f->st).dead, 0);
}

static void one_that_fails_while_others_do_not_is_put_aside(void **state)
{
	struct spooled *s = *state;
	unsigned n = 2;

	plan(s, "fail=append,only=NUMBER-1.");
	tell(s, s->f->st, 1, 2);
	while (spool_stats_of(s->f->st).refused == 0) {
		struct exchange x = numbered(s, n++);

		x.partition.user = STR("ben");
		set_id(s->f, &x);
		assert_int_equal(append(s->f, &x, 0, NULL), 0);
		pump_until_tried(s, n);
		assert_true(n < 1000);
	}
	assert_true(n > 6); /* not at the first failure */
	pump_until_sent(s, s->f->st);
	assert_int_equal(forget_session(s->f, "none"), -ENOENT);
	assert_int_equal(spool_stats_of(s->f->st).dead, 1);
	assert_int_equal(spool_stats_of(s->f->st).sent, n - 2);
}

static void a_forget_reaches_what_was_put_aside(void **state)
{
	struct spooled *s = *state;
	struct exchange x = numbered(s, 0);

	plan(s, "fail=append,status=ENOENT");
	tell(s, s->f->st, 0, 2);
	pump_until_sent(s, s->f->st);
	assert_int_equal(forget_exchange(s->f, &x), 1);
	assert_false(in_files(s, "spool", "NUMBER-0."));
	assert_int_equal(forget_ann(s->f), 1);
	assert_false(in_files(s, "spool", "NUMBER"));
	assert_int_equal(spool_stats_of(s->f->st).dead, 0);
	assert_int_equal(spool_stats_of(s->f->st).bytes, 0);
}

/* Its words were forgotten through another proxy, of which this process never hears. */
static void what_was_sent_long_ago_is_in_no_file_here(void **state)
{
	struct spooled *s = *state;
	struct exchange x = numbered(s, 1);
	struct store *past = fixture_open(s->f, s->url);

	tell(s, s->f->st, 1, 2);
	pump_until_sent(s, s->f->st);
	call_on(s->f, past, &(struct call){ .kind = CALL_FORGET, .x.partition = ann() });
	store_close(past);
	assert_true(in_files(s, "spool", "NUMBER-1."));
	s->f->time.now_ms += s->o.replay_ms + 1;
	/* Behind the note of its being sent, and before what is told next. */
	call(s->f, &(struct call){ .kind = CALL_PING });
	expire(s->f);
	x = numbered(s, 2);
	x.partition.user = STR("ben");
	set_id(s->f, &x);
	assert_int_equal(append(s->f, &x, 0, NULL), 0);
	assert_false(in_files(s, "spool", "NUMBER-1."));
}

static void dead_letters_that_are_too_many_are_counted_as_lost(void **state)
{
	enum { MOST = 1000 };
	struct spooled *s = *state;

	plan(s, "fail=append,status=ENOENT");
	tell(s, s->f->st, 0, MOST + 3);
	pump_until_sent(s, s->f->st);
	assert_int_equal(forget_session(s->f, "none"), -ENOENT); /* the notes are made */
	assert_int_equal(spool_stats_of(s->f->st).dead, MOST + 3);
	assert_int_equal(spool_stats_of(s->f->st).dropped, 0);
	expire(s->f);
	assert_int_equal(forget_session(s->f, "none"), -ENOENT);
	assert_int_equal(spool_stats_of(s->f->st).dead, MOST);
	assert_int_equal(spool_stats_of(s->f->st).dropped, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SPOOLED(what_waits_survives_the_end_of_the_process),
		SPOOLED(what_waits_survives_a_stop),
		SPOOLED(two_at_once_have_a_file_each),
		SPOOLED(files_that_nobody_has_are_adopted),
		SPOOLED(one_left_later_is_adopted_by_the_next_expire),
		SPOOLED(what_is_for_another_store_is_left_alone),
		SPOOLED(a_log_is_no_spool_and_a_spool_no_log),
		SPOOLED(what_a_failover_lost_is_told_again),
		SPOOLED(what_is_there_is_not_made_twice_when_the_store_comes_back),
		SPOOLED(a_start_after_a_bad_end_tells_again),
		SPOOLED(a_stop_while_the_store_is_away_does_not_forgo_the_replay),
		SPOOLED(what_was_left_by_a_bad_end_is_told_again_by_who_adopts_it),
		SPOOLED(what_was_forgotten_is_not_told_again),
		SPOOLED(what_is_refused_for_good_is_put_aside),
		SPOOLED(one_that_fails_while_others_do_not_is_put_aside),
		SPOOLED(a_forget_reaches_what_was_put_aside),
		SPOOLED(what_was_sent_long_ago_is_in_no_file_here),
		SPOOLED(dead_letters_that_are_too_many_are_counted_as_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
