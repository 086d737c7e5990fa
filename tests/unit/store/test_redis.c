/* test_redis.c - a Redis that dies, hangs, loads, forgets, or is another's. */
#include "base/arena.h"
#include "fixture.h"
#include "net/redis_link.h"
#include "redis_server.h"
#include "store/store_redis.h"

#include <errno.h>
#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OPEN_MS = 10000 };

static const struct call ping = { .kind = CALL_PING };

/* Short where a test waits for it. */
static struct redis_link_limits limits(void)
{
	struct redis_link_limits l = redis_link_limits;

	l.command_ms = 300;
	l.retry_min_ms = 5;
	l.retry_max_ms = 20;
	return l;
}

static int open_with(struct fixture *f, const char *url, unsigned open_ms, char **err)
{
	struct redis_link_limits l = limits();

	*err = NULL;
	return store_redis_open_with(url, &f->env, &l, open_ms, &f->st, err);
}

static struct fixture *begin(const char *config)
{
	struct fixture *f = fixture_new(NULL);

	redis_server_begin(config);
	snprintf(f->url, sizeof(f->url), "redis+unix://%s", redis_server_socket());
	return f;
}

static void reopen(struct fixture *f)
{
	char *err;

	store_close(f->st);
	f->st = NULL;
	if (open_with(f, f->url, OPEN_MS, &err) < 0)
		fail_msg("%s", err);
}

static int set_up(void **state)
{
	struct fixture *f = begin("");

	reopen(f);
	*state = f;
	return 0;
}

static int set_up_with_files(void **state)
{
	struct fixture *f = begin("appendonly yes\nsave 3600 1");

	reopen(f);
	*state = f;
	return 0;
}

static int set_up_closed(void **state)
{
	*state = begin("enable-debug-command local");
	return 0;
}

static int set_up_with_password(void **state)
{
	*state = begin("requirepass s3cret");
	return 0;
}

static int tear_down(void **state)
{
	fixture_free(*state);
	redis_server_stop();
	return 0;
}

/* Each turn of the loop is an attempt to connect, or a part of one. */
static void wait_until_well(struct fixture *f)
{
	while (call(f, &ping)->status != 0)
		event_base_loop(f->base, EVLOOP_ONCE);
}

static void a_server_that_dies_fails_calls_until_it_is_back(void **state)
{
	struct fixture *f = *state;
	struct exchange x = say(f, "s", "one", "1"), y = say(f, "s", "two", "2");

	append(f, &x, 0, NULL);
	redis_do("SAVE");
	redis_server_kill(SIGKILL);
	assert_int_equal(append(f, &y, 0, NULL), -EIO);
	assert_int_equal(call(f, &ping)->status, -EIO);
	redis_server_resume();
	wait_until_well(f);
	assert_int_equal(everything(f)->n_rows, 1);
	assert_int_equal(append(f, &y, 1, NULL), 0);
	assert_int_equal(everything(f)->n_rows, 2);
}

static void what_is_under_way_when_the_server_dies_ends(void **state)
{
	struct fixture *f = *state;
	struct exchange x = say(f, "s", "one", "1");
	struct asked *q[2];

	kill(redis_server_pid(), SIGSTOP);
	q[0] = ask(f, f->st, &(struct call){ .kind = CALL_APPEND, .x = x });
	q[1] = ask(f, f->st, &(struct call){ .kind = CALL_USERS, .limit = 9 });
	redis_server_kill(SIGKILL);
	assert_int_equal(wait_for(q[0])->status, -EIO);
	assert_int_equal(wait_for(q[1])->status, -EIO);
	redis_server_resume();
	wait_until_well(f);
}

static void a_server_that_hangs_is_given_up(void **state)
{
	struct fixture *f = *state;
	struct exchange x = say(f, "s", "one", "1");

	kill(redis_server_pid(), SIGSTOP);
	assert_int_equal(append(f, &x, 0, NULL), -ETIMEDOUT);
	kill(redis_server_pid(), SIGCONT);
	wait_until_well(f);
	/* It may have been kept after all, and telling again does no harm. */
	assert_int_equal(append(f, &x, 0, NULL), 0);
	assert_int_equal(everything(f)->n_rows, 1);
}

static void a_cancelled_call_is_not_called_back(void **state)
{
	struct fixture *f = *state;
	struct exchange x = say(f, "s", "one", "1");
	struct asked *q = ask(f, f->st, &(struct call){ .kind = CALL_APPEND, .x = x });

	op_cancel(q->op);
	assert_int_equal(everything(f)->n_rows, 1);
	assert_false(q->done);
}

static void a_wrong_password_is_told_and_not_shown(void **state)
{
	struct fixture *f = *state;
	char url[160], *err;

	snprintf(url, sizeof(url), "redis+unix://:wr0ng@%s", redis_server_socket());
	assert_int_equal(open_with(f, url, OPEN_MS, &err), -EACCES);
	assert_non_null(strstr(err, "WRONGPASS"));
	assert_non_null(strstr(err, redis_server_socket()));
	assert_null(strstr(err, "wr0ng"));
	free(err);
	assert_int_equal(open_with(f, f->url, OPEN_MS, &err), -EACCES);
	assert_non_null(strstr(err, "NOAUTH"));
	free(err);
	snprintf(url, sizeof(url), "redis+unix://:s3cret@%s", redis_server_socket());
	assert_int_equal(open_with(f, url, OPEN_MS, &err), 0);
	assert_int_equal(call(f, &ping)->status, 0);
}

static void a_user_of_its_own_and_another_database_will_do(void **state)
{
	struct fixture *f = *state;
	struct exchange x;
	char url[160], *err;

	redis_do("ACL SETUSER mem on >p@ss ~memproxy:* +@all -@dangerous +info");
	snprintf(url, sizeof(url), "redis+unix://mem:p%%40ss@%s?db=3",
		 redis_server_socket());
	assert_int_equal(open_with(f, url, OPEN_MS, &err), 0);
	x = say(f, "s", "one", "1");
	assert_int_equal(append(f, &x, 0, NULL), 0);
	/* Not allowed to have files written anew, it can forget all the same. */
	assert_int_equal(forget_exchange(f, &x), 1);
	assert_int_equal(everything(f)->n_rows, 0);
}

static void where_nobody_listens_opening_gives_up(void **state)
{
	struct fixture *f = *state;
	char *err;

	redis_server_kill(SIGKILL);
	assert_int_equal(open_with(f, f->url, 60, &err), -EIO);
	assert_non_null(strstr(err, redis_server_socket()));
	free(err);
	assert_int_equal(open_with(f, "redis://:s3cret@127.0.0.1:1", 60, &err), -EIO);
	assert_non_null(strstr(err, "127.0.0.1:1/0"));
	assert_non_null(strstr(err, "refused"));
	assert_null(strstr(err, "s3cret"));
	free(err);
}

static void a_replica_is_left_until_it_takes_writes(void **state)
{
	struct fixture *f = *state;
	struct exchange x = say(f, "s", "one", "1");

	redis_do("REPLICAOF 127.0.0.1 1");
	assert_int_equal(append(f, &x, 0, NULL), -EIO);
	event_base_loop(f->base, EVLOOP_ONCE);
	redis_do("REPLICAOF NO ONE");
	wait_until_well(f);
	assert_int_equal(append(f, &x, 0, NULL), 0);
}

static void a_server_that_loads_is_waited_for(void **state)
{
	struct fixture *f = *state;
	char *err;

	redis_do("DEBUG POPULATE 200");
	redis_do("SAVE");
	redis_server_kill(SIGKILL);
	redis_server_resume_loading();
	assert_int_equal(open_with(f, f->url, OPEN_MS, &err), 0);
	assert_int_equal(call(f, &ping)->status, 0);
}

static void a_script_that_was_flushed_is_loaded_again_in_order(void **state)
{
	enum { N = 20 };
	struct fixture *f = *state;
	struct asked *q[N + 1];

	redis_do("SCRIPT FLUSH SYNC");
	for (int i = 0; i < N; i++) {
		struct exchange x = say(f, "s", arena_printf(f->mem, "%d", i).p, "r");

		q[i] = ask(f, f->st, &(struct call){ .kind = CALL_APPEND, .x = x });
		if (i == N / 2) /* some replies are there, others are on their way */
			event_base_loop(f->base, EVLOOP_ONCE);
	}
	q[N] = ask(f, f->st, &(struct call){ .kind = CALL_USERS, .limit = 9 });
	assert_int_equal(wait_for(q[N])->n_rows, 1);
	for (int i = 0; i < N; i++) {
		assert_int_equal(wait_for(q[i])->status, 0);
		assert_int_equal(q[i]->a.n, i + 1);
	}
	redis_do("SCRIPT FLUSH SYNC");
	assert_int_equal(expire(f), 0);
	redis_do("SCRIPT FLUSH SYNC");
	assert_int_equal(forget_ann(f), N);
}

static void huge_texts_come_back_whole(void **state)
{
	enum { SIZE = 20 << 20 };
	struct fixture *f = *state;
	struct exchange x = say(f, "s", "one", "1");
	char *text = malloc(SIZE);
	const struct answer *a;

	store_close(f->st); /* for one with longer deadlines */
	f->st = fixture_open(f, f->url);
	assert_non_null(text);
	for (size_t i = 0; i < SIZE; i++)
		text[i] = (char)(unsigned char)(i * 7);
	x.user = (struct str){ text, SIZE };
	set_id(f, &x);
	assert_int_equal(append(f, &x, 0, NULL), 0);
	a = everything(f);
	assert_int_equal(a->n_rows, 1);
	assert_same_text(a->exchanges[0].user, x.user);
	assert_int_equal(edit(f, &x, NULL, "other"), 0);
	a = everything(f);
	assert_same_text(a->exchanges[0].user, x.user);
	assert_same_text(a->exchanges[0].reply, STR("other"));
	free(text);
}

static void what_is_queued_at_the_close_is_kept(void **state)
{
	enum { N = 300 };
	struct fixture *f = *state;
	struct asked *q[N];

	for (int i = 0; i < N; i++) {
		char text[16];

		snprintf(text, sizeof(text), "%d", i);
		q[i] = ask(f, f->st,
			   &(struct call){ .kind = CALL_APPEND,
					   .x = say(f, "s", text, "r") });
	}
	reopen(f);
	for (int i = 0; i < N; i++)
		assert_int_equal(q[i]->a.status, 0);
	assert_int_equal(everything(f)->n_rows, N);
}

static void closing_ends_what_only_reads_and_what_cannot_be_written(void **state)
{
	struct fixture *f = *state;
	struct exchange x = say(f, "s", "one", "1");
	struct asked *q[2];

	kill(redis_server_pid(), SIGSTOP);
	q[0] = ask(f, f->st,
		   &(struct call){ .kind = CALL_READ_SINCE, .x.partition = ann() });
	q[1] = ask(f, f->st, &(struct call){ .kind = CALL_APPEND, .x = x });
	store_close(f->st);
	f->st = NULL;
	assert_int_equal(q[0]->a.status, -ECANCELED);
	assert_int_equal(q[1]->a.status, -ETIMEDOUT);
	kill(redis_server_pid(), SIGCONT);
}

static void two_proxies_agree(void **state)
{
	struct fixture *f = *state;
	struct exchange x = say(f, "s", "one", "1");
	struct store *other = fixture_open(f, f->url);
	struct call read = { .kind = CALL_READ_SINCE,
			     .x.partition = ann(),
			     .bytes = SIZE_MAX };
	uint64_t epoch;

	assert_true(digest_eq(store_secret(f->st), store_secret(other)));
	append(f, &x, 0, NULL);
	epoch = call_on(f, other, &read)->head.epoch;
	assert_int_equal(call_on(f, other, &read)->n_rows, 1);
	assert_int_equal(forget_ann(f), 1);
	assert_int_equal(
		call_on(f, other,
			&(struct call){ .kind = CALL_APPEND, .x = x, .epoch = epoch })
			->status,
		-ESTALE);
	assert_int_equal(call_on(f, other, &read)->n_rows, 0);
	store_close(other);
}

/* The files are written anew in the background, and old ones removed there too. */
static void wait_until_gone(struct fixture *f, const char *text)
{
	for (int i = 0; i < 3000 && redis_files_have(text); i++) {
		assert_int_equal(call(f, &ping)->status, 0);
		redis_wait_for_files();
		usleep(1000);
	}
	assert_false(redis_files_have(text));
}

static void what_is_forgotten_leaves_the_servers_files(void **state)
{
	struct fixture *f = *state;
	struct exchange x = say(f, "s", "the word is xyzzy", "plugh it is"),
			y = say(f, "s", "this stays", "for good");

	append(f, &x, 0, NULL);
	append(f, &y, 0, NULL);
	redis_do("SAVE");
	assert_true(redis_files_have("xyzzy"));
	assert_int_equal(forget_exchange(f, &x), 1);
	wait_until_gone(f, "xyzzy");
	wait_until_gone(f, "plugh");
	assert_true(redis_files_have("this stays"));
	redis_server_kill(SIGKILL);
	redis_server_resume();
	wait_until_well(f);
	assert_int_equal(everything(f)->n_rows, 1);
}

static void a_forget_right_before_the_close_counts_as_well(void **state)
{
	struct fixture *f = *state;
	struct exchange x = say(f, "s", "the word is xyzzy", "1"),
			y = say(f, "s", "the word is plugh", "2");

	append(f, &x, 0, NULL);
	append(f, &y, 0, NULL);
	assert_int_equal(forget_exchange(f, &x), 1);
	redis_wait_for_files();
	ask(f, f->st,
	    &(struct call){ .kind = CALL_FORGET,
			    .x = { .partition = ann(), .id = y.id },
			    .has_id = true });
	reopen(f);
	wait_until_gone(f, "plugh");
}

static void with_its_memory_full_it_still_reads_and_forgets(void **state)
{
	struct fixture *f = *state;
	struct exchange x = say(f, "s", "one", "1"), y = say(f, "s", "two", "2");

	append(f, &x, 0, NULL);
	redis_do("CONFIG SET maxmemory 1");
	assert_int_equal(append(f, &y, 0, NULL), -EIO);
	assert_int_equal(everything(f)->n_rows, 1);
	forget_exchange(f, &x);
	redis_do("CONFIG SET maxmemory 0");
	assert_int_equal(everything(f)->n_rows, 0);
}

static void a_newer_schema_and_a_foreign_one_are_refused(void **state)
{
	struct fixture *f = *state;
	char *err;

	redis_do("HSET memproxy:{store} version 99");
	assert_int_equal(open_with(f, f->url, OPEN_MS, &err), -EINVAL);
	assert_non_null(strstr(err, "newer"));
	free(err);
	redis_do("HSET memproxy:{store} version 1 secret short");
	assert_int_equal(open_with(f, f->url, OPEN_MS, &err), -EINVAL);
	assert_non_null(strstr(err, "damaged"));
	free(err);
}

static void a_server_that_lost_all_gets_the_secret_it_had(void **state)
{
	struct fixture *f = *state;
	struct digest secret = *store_secret(f->st);
	struct exchange x = say(f, "s", "one", "1");

	append(f, &x, 0, NULL);
	redis_server_kill(SIGKILL); /* nothing was saved */
	assert_int_equal(call(f, &ping)->status, -EIO);
	redis_server_resume();
	wait_until_well(f);
	assert_int_equal(everything(f)->n_rows, 0);
	assert_int_equal(append(f, &x, 1, NULL), 0);
	reopen(f);
	assert_true(digest_eq(store_secret(f->st), &secret));
}

static void another_stores_secret_is_not_taken_on_while_running(void **state)
{
	struct fixture *f = *state;

	redis_do("HSET memproxy:{store} secret 0123456789abcdef0123456789abcdef");
	redis_do("CLIENT KILL TYPE normal SKIPME yes");
	for (int i = 0; i < 20; i++) {
		event_base_loop(f->base, EVLOOP_ONCE);
		assert_int_not_equal(call(f, &ping)->status, 0);
	}
	reopen(f);
	assert_int_equal(call(f, &ping)->status, 0);
	assert_memory_equal(store_secret(f->st)->b, "0123456789abcdef", 16);
}

static void a_user_missing_from_the_list_is_put_back_by_a_change(void **state)
{
	struct fixture *f = *state;
	struct exchange x = say(f, "s", "one", "1"), y = say(f, "s", "two", "2");
	const struct call users = { .kind = CALL_USERS, .limit = 9 };

	append(f, &x, 0, NULL);
	redis_do("DEL memproxy:{users}:names memproxy:{users}:due");
	redis_do("DEL memproxy:{users}:counts memproxy:{users}:total");
	assert_int_equal(call(f, &users)->n_rows, 0);
	append(f, &y, 0, NULL);
	assert_int_equal(call(f, &users)->n_rows, 1);
	expire(f);
	reopen(f);
	assert_int_equal(call(f, &users)->users[0].exchanges, 2);
}

static void many_users_are_listed_page_by_page(void **state)
{
	enum { N = 300 };
	struct fixture *f = *state;
	struct call users = { .kind = CALL_USERS, .limit = SIZE_MAX };
	const struct answer *a;

	for (int i = 0; i < N; i++) {
		char name[16];
		struct exchange x = say(f, "s", "one", "1");

		snprintf(name, sizeof(name), "u%03d", i);
		x.partition.user = str_from(name);
		set_id(f, &x);
		append(f, &x, 0, NULL);
		if (i % 3 == 0)
			call(f, &(struct call){ .kind = CALL_FORGET,
						.x.partition = x.partition });
	}
	a = call(f, &users);
	assert_int_equal(a->n_rows, N - N / 3);
	assert_same_text(a->users[0].partition.user, STR("u001"));
	assert_same_text(a->users[a->n_rows - 1].partition.user, STR("u299"));
	f->time.now_ms += STORE_FORGET_MEMORY_MS + 2;
	expire(f);
	assert_int_equal(call(f, &users)->n_rows, N - N / 3);
}

#define TEST(test)   cmocka_unit_test_setup_teardown(test, set_up, tear_down)
#define CLOSED(test) cmocka_unit_test_setup_teardown(test, set_up_closed, tear_down)
#define LOCKED(test) \
	cmocka_unit_test_setup_teardown(test, set_up_with_password, tear_down)
#define FILES(test) cmocka_unit_test_setup_teardown(test, set_up_with_files, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_server_that_dies_fails_calls_until_it_is_back),
		TEST(what_is_under_way_when_the_server_dies_ends),
		TEST(a_server_that_hangs_is_given_up),
		TEST(a_cancelled_call_is_not_called_back),
		LOCKED(a_wrong_password_is_told_and_not_shown),
		CLOSED(a_user_of_its_own_and_another_database_will_do),
		CLOSED(where_nobody_listens_opening_gives_up),
		TEST(a_replica_is_left_until_it_takes_writes),
		CLOSED(a_server_that_loads_is_waited_for),
		TEST(a_script_that_was_flushed_is_loaded_again_in_order),
		TEST(huge_texts_come_back_whole),
		TEST(what_is_queued_at_the_close_is_kept),
		TEST(closing_ends_what_only_reads_and_what_cannot_be_written),
		TEST(two_proxies_agree),
		FILES(what_is_forgotten_leaves_the_servers_files),
		FILES(a_forget_right_before_the_close_counts_as_well),
		TEST(with_its_memory_full_it_still_reads_and_forgets),
		CLOSED(a_newer_schema_and_a_foreign_one_are_refused),
		TEST(a_server_that_lost_all_gets_the_secret_it_had),
		TEST(another_stores_secret_is_not_taken_on_while_running),
		TEST(a_user_missing_from_the_list_is_put_back_by_a_change),
		TEST(many_users_are_listed_page_by_page),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
