/* test_postgres.c - the PostgreSQL back end where its server is not at its best. */
#include "fixture.h"
#include "pg_server.h"
#include "store/pg_link.h"
#include "store/store_postgres.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct backend postgres = { "postgresql", "postgresql:%s", true,
					 pg_server_start, pg_server_stop };

/* Tests do not wait for long before it connects again. */
static const struct pg_limits eager = {
	.answer_ms = 5000, .stall_ms = 15000, .pause_ms = 5, .pauses_ms = 20
};

/* Nor do those of patience. */
static const struct pg_limits hasty = {
	.answer_ms = 400, .stall_ms = 1200, .pause_ms = 5, .pauses_ms = 20
};

static int open_fixture(void **state)
{
	*state = fixture_new(&postgres);
	return 0;
}

static int open_within(void **state, const struct pg_limits *limits)
{
	struct fixture *f = fixture_new(&postgres);
	char *err = NULL;

	*state = f;
	store_close(f->st);
	f->st = NULL;
	if (store_postgres_open_within(strchr(f->url, ':') + 1, limits, &f->env, &f->st,
				       &err) < 0)
		print_error("%s\n", err);
	free(err);
	return f->st ? 0 : -1;
}

static int eager_fixture(void **state)
{
	return open_within(state, &eager);
}

static int hasty_fixture(void **state)
{
	return open_within(state, &hasty);
}

static int end_fixture(void **state)
{
	fixture_free(*state);
	return 0;
}

static int ping(struct fixture *f)
{
	return call(f, &(struct call){ .kind = CALL_PING })->status;
}

/* Turns the loop until a ping and a read, one for each connection, are answered. */
static void wait_until_it_is_back(struct fixture *f)
{
	const struct call read = { .kind = CALL_READ_SINCE, .x.partition = ann() };
	const struct timeval limit = { .tv_sec = 60 };

	event_base_loopexit(f->base, &limit);
	while (ping(f) < 0 || call(f, &read)->status < 0) {
		assert_int_equal(event_base_loop(f->base, EVLOOP_ONCE), 0);
		assert_false(event_base_got_exit(f->base));
	}
}

/* What opening `url` gives; the text has `part` and not `secret`. */
static int refused(struct fixture *f, const char *url, const char *part,
		   const char *secret)
{
	struct store *st = NULL;
	char *err = NULL;
	int rc = store_open(url, &f->env, &st, &err);

	assert_null(st);
	assert_non_null(err);
	if (strstr(err, part) == NULL || (secret && strstr(err, secret) != NULL))
		fail_msg("%s", err);
	free(err);
	return rc;
}

static void a_server_that_restarts_is_found_again(void **state)
{
	struct fixture *f = *state;
	struct exchange x = say(f, "s", "one", "1"), y = say(f, "s", "two", "2");
	uint64_t seq;

	assert_int_equal(append(f, &x, 0, NULL), 0);
	pg_server_halt();
	/* The first may be on its way to the server that is no more. */
	assert_int_equal(append(f, &y, 1, NULL), -EIO);
	assert_int_equal(append(f, &y, 1, NULL), -EIO);
	assert_int_equal(call(f, &(struct call){ .kind = CALL_GET, .x = x })->status,
			 -EIO);
	pg_server_resume();
	wait_until_it_is_back(f);
	assert_int_equal(append(f, &y, 1, &seq), 0);
	assert_int_equal(seq, 2);
	assert_int_equal(everything(f)->n_rows, 2);
}

static void what_is_on_its_way_when_a_server_dies_is_answered(void **state)
{
	enum { N = 300 };
	struct fixture *f = *state;
	const struct call read = { .kind = CALL_READ_SINCE, .x.partition = ann() };
	struct asked *q[N], *r[N];
	char text[16];

	for (int i = 0; i < N; i++) {
		struct exchange x;

		snprintf(text, sizeof(text), "%d", i);
		x = say(f, "s", text, "r");
		q[i] = ask(f, f->st, &(struct call){ .kind = CALL_APPEND, .x = x });
		r[i] = ask(f, f->st, &read);
	}
	wait_for(q[10]);
	pg_server_halt();
	for (int i = 0; i < N; i++) {
		wait_for(q[i]);
		wait_for(r[i]);
		assert_true(q[i]->a.status == 0 || q[i]->a.status == -EIO);
	}
	pg_server_resume();
	wait_until_it_is_back(f);
	for (int i = 0; i < N; i++) {
		struct exchange x;

		snprintf(text, sizeof(text), "%d", i);
		x = say(f, "s", text, "r");
		assert_int_equal(append(f, &x, 1, NULL), 0);
	}
	assert_int_equal(everything(f)->n_rows, N);
}

/* With the usual patience: a machine that has other things to do is no failure. */
static void assert_kept_in_the_end(struct fixture *f, const struct exchange *x,
				   uint64_t epoch, size_t n)
{
	wait_until_it_is_back(f);
	fixture_reopen(f);
	assert_int_equal(append(f, x, epoch, NULL), 0);
	assert_int_equal(everything(f)->n_rows, n);
}

static void nobody_waits_for_a_lock_for_long(void **state)
{
	struct fixture *f = *state;
	struct exchange x = say(f, "s", "one", "1"), y = say(f, "s", "two", "2");
	const struct call read = { .kind = CALL_READ_SINCE, .x.partition = ann() };
	PGconn *conn = pg_server_connect();
	struct asked *q;

	while (append(f, &x, 0, NULL) < 0)
		;
	pg_do(conn, "BEGIN");
	pg_do(conn, "SELECT FROM memproxy.partition FOR UPDATE");
	q = ask(f, f->st, &(struct call){ .kind = CALL_APPEND, .x = y, .epoch = 1 });
	assert_int_equal(wait_for(q)->status, -ETIMEDOUT);
	/* Reads go on beside it. */
	while (call(f, &read)->status < 0)
		;
	pg_do(conn, "ROLLBACK");
	PQfinish(conn);
	/* What was waited for may come to pass; told again, it is there once. */
	assert_kept_in_the_end(f, &y, 1, 2);
}

static void a_server_without_a_word_counts_as_lost(void **state)
{
	struct fixture *f = *state;
	struct exchange x = say(f, "s", "one", "1");
	PGconn *conn = pg_server_connect();
	struct asked *q[3];

	pg_do(conn, "BEGIN");
	pg_do(conn, "LOCK TABLE memproxy.partition");
	for (size_t i = 0; i < 3; i++)
		q[i] = ask(f, f->st, &(struct call){ .kind = CALL_APPEND, .x = x });
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(wait_for(q[i])->status, -ETIMEDOUT);
	/* Until the connection is given up a ping waits behind them, and then fails at
	 * once. */
	while (ping(f) == -ETIMEDOUT)
		;
	pg_do(conn, "ROLLBACK");
	PQfinish(conn);
	assert_kept_in_the_end(f, &x, 0, 1);
}

static void closing_does_not_wait_for_ever(void **state)
{
	struct fixture *f = *state;
	struct exchange x = say(f, "s", "one", "1");
	PGconn *conn = pg_server_connect();
	struct asked *q;

	pg_do(conn, "BEGIN");
	pg_do(conn, "LOCK TABLE memproxy.partition");
	q = ask(f, f->st, &(struct call){ .kind = CALL_APPEND, .x = x });
	store_close(f->st);
	f->st = NULL;
	assert_true(q->done);
	assert_int_equal(q->a.status, -ETIMEDOUT);
	PQfinish(conn);
}

static void a_read_given_up_while_it_waits_is_not_asked(void **state)
{
	enum { N = 200 };
	struct fixture *f = *state;
	const struct call read = { .kind = CALL_READ_SINCE, .x.partition = ann() };
	struct asked *q[N], *last;

	for (size_t i = 0; i < N; i++)
		q[i] = ask(f, f->st, &read);
	for (size_t i = 0; i < N; i++)
		op_cancel(q[i]->op);
	last = ask(f, f->st, &read);
	assert_int_equal(wait_for(last)->status, 0);
	for (size_t i = 0; i < N; i++)
		assert_false(q[i]->done);
}

static void a_password_is_needed_and_never_shown(void **state)
{
	struct fixture *f = *state;
	PGconn *conn = pg_server_connect();
	char url[256];
	struct store *st;

	pg_do(conn, "DROP ROLE IF EXISTS guarded");
	pg_do(conn, "CREATE ROLE guarded SUPERUSER LOGIN PASSWORD 'a/b@c:d'");
	PQfinish(conn);
	snprintf(url, sizeof(url), "postgresql://guarded:hunter2@/postgres?host=%s",
		 pg_server_dir());
	assert_int_equal(refused(f, url, "password authentication failed", "hunter2"),
			 -EIO);
	snprintf(url, sizeof(url),
		 "postgres://guarded:a%%2Fb%%40c%%3Ad@/postgres?host=%s",
		 pg_server_dir());
	st = fixture_open(f, url);
	assert_string_equal(st->ops->name, "postgresql");
	store_close(st);
}

static void a_url_that_cannot_be_read_is_not_repeated(void **state)
{
	static const char *const urls[] = {
		"postgresql:hunter2",
		"postgresql://me:hunter2@[host/db",
		"postgresql://me:hunter2%zz@host/db",
		"postgresql://me:hunter2/tail@host/db",
		"postgres://me@host/db?password=%zzhunter2",
		"postgresql://host/db?hunter2=1",
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++)
		assert_int_equal(refused(f, urls[i], "cannot be read", "hunter2"),
				 -EINVAL);
}

static void nobody_there_is_an_error_that_names_the_place(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(refused(f, "postgresql:///db?host=/nowhere", "/nowhere", NULL),
			 -EIO);
}

static void a_newer_programs_schema_is_refused(void **state)
{
	struct fixture *f = *state;
	PGconn *conn = pg_server_connect();

	pg_do(conn, "UPDATE memproxy.meta SET version = 1000");
	PQfinish(conn);
	assert_int_equal(refused(f, f->url, "version 1000", NULL), -EINVAL);
}

static void a_schema_given_by_an_administrator_will_do(void **state)
{
	struct fixture *f = *state;
	PGconn *conn = pg_server_connect();
	char url[256];

	pg_do(conn, "DROP SCHEMA memproxy CASCADE");
	pg_do(conn, "DROP ROLE IF EXISTS humble");
	pg_do(conn, "CREATE ROLE humble LOGIN");
	snprintf(url, sizeof(url), "postgresql://humble@/postgres?host=%s",
		 pg_server_dir());
	assert_int_equal(refused(f, url, "permission denied", NULL), -EIO);
	pg_do(conn, "CREATE SCHEMA memproxy AUTHORIZATION humble");
	PQfinish(conn);
	store_close(f->st);
	f->st = fixture_open(f, url);
	assert_int_equal(ping(f), 0);
	conn = pg_server_connect();
	pg_do(conn, "DROP SCHEMA memproxy CASCADE");
	PQfinish(conn);
}

/* Where several use one database, and may make functions in the schema public. */
static void somebody_elses_functions_are_not_called(void **state)
{
	struct fixture *f = *state;
	PGconn *conn = pg_server_connect();
	struct exchange x = say(f, "s", "one", "1");
	struct store_stats stats;

	pg_do(conn, "DROP SCHEMA memproxy CASCADE");
	pg_do(conn, "CREATE FUNCTION public.pg_total_relation_size(text) RETURNS bigint"
		    " LANGUAGE sql IMMUTABLE AS 'SELECT 1000000000'");
	pg_do(conn, "CREATE AGGREGATE public.array_agg(bigint)"
		    " (SFUNC = pg_catalog.array_append, STYPE = bigint[],"
		    "  INITCOND = '{-1}')");
	fixture_reopen(f);
	assert_int_equal(append(f, &x, 0, NULL), 0);
	x.expires_ms = f->time.now_ms - 1;
	x.session = STR("t");
	set_id(f, &x);
	assert_int_equal(append(f, &x, 0, NULL), 0);
	assert_int_equal(expire(f), 1);
	store_stats(f->st, &stats);
	assert_in_range(stats.bytes, 1, 999999999);
	pg_do(conn, "DROP FUNCTION public.pg_total_relation_size(text)");
	pg_do(conn, "DROP AGGREGATE public.array_agg(bigint)");
	PQfinish(conn);
}

static void a_server_that_only_reads_is_read(void **state)
{
	struct fixture *f = *state;
	struct exchange x = say(f, "s", "one", "1"), y = say(f, "s", "two", "2");
	PGconn *conn = pg_server_connect();

	append(f, &x, 0, NULL);
	pg_do(conn, "ALTER DATABASE postgres SET default_transaction_read_only = on");
	fixture_reopen(f);
	assert_int_equal(everything(f)->n_rows, 1);
	assert_int_equal(ping(f), -EIO);
	assert_int_equal(append(f, &y, 1, NULL), -EIO);
	/* It looks for a better one, and finds it once it is there. */
	pg_do(conn, "SET default_transaction_read_only = off");
	pg_do(conn, "ALTER DATABASE postgres RESET default_transaction_read_only");
	PQfinish(conn);
	wait_until_it_is_back(f);
	while (append(f, &y, 1, NULL) == -EIO)
		event_base_loop(f->base, EVLOOP_ONCE);
	assert_int_equal(everything(f)->n_rows, 2);
}

/* As fixture_open(), in a child: no test may fail there, it would go on with the next. */
static void open_and_tell_the_secret(struct fixture *f, int to)
{
	struct store *st;
	char *err = NULL;

	event_reinit(f->base);
	if (store_open(f->url, &f->env, &st, &err) < 0) {
		print_error("%s\n", err);
		_exit(1);
	}
	if (write(to, store_secret(st)->b, 32) != 32)
		_exit(2);
	store_close(st);
	_exit(0);
}

static void processes_that_migrate_at_once_agree(void **state)
{
	enum { N = 5 };
	struct fixture *f = *state;
	struct digest first, other;
	PGconn *conn = pg_server_connect();
	pid_t pids[N];
	int pipes[2], status;

	store_close(f->st);
	f->st = NULL;
	pg_do(conn, "DROP SCHEMA memproxy CASCADE");
	PQfinish(conn);
	assert_int_equal(pipe(pipes), 0);
	for (size_t i = 0; i < N; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			open_and_tell_the_secret(f, pipes[1]);
	}
	for (size_t i = 0; i < N; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
		assert_int_equal(read(pipes[0], other.b, 32), 32);
		first = i == 0 ? other : first;
		assert_true(digest_eq(&first, &other));
	}
	close(pipes[0]);
	close(pipes[1]);
}

/* Two proxies on one partition, in a database where transactions that meet fail. */
static void conflicts_are_tried_again(void **state)
{
	enum { N = 120 };
	struct fixture *f = *state;
	PGconn *conn = pg_server_connect();
	struct store *other;
	struct asked *q[N];
	bool seen[N + 1] = { false };
	char text[16];

	pg_do(conn, "ALTER DATABASE postgres SET default_transaction_isolation = "
		    "'repeatable read'");
	fixture_reopen(f);
	other = fixture_open(f, f->url);
	for (int i = 0; i < N; i++) {
		struct exchange x;

		snprintf(text, sizeof(text), "%d", i);
		x = say(f, "s", text, "r");
		q[i] = ask(f, i % 2 ? other : f->st,
			   &(struct call){ .kind = CALL_APPEND, .x = x });
	}
	for (int i = 0; i < N; i++) {
		assert_int_equal(wait_for(q[i])->status, 0);
		assert_in_range(q[i]->a.n, 1, N);
		assert_false(seen[q[i]->a.n]);
		seen[q[i]->a.n] = true;
	}
	assert_int_equal(everything(f)->n_rows, N);
	store_close(other);
	PQfinish(conn);
}

static void two_that_change_the_same_users_do_not_deadlock(void **state)
{
	enum { N = 400 };
	struct fixture *f = *state;
	struct store *other = fixture_open(f, f->url);
	struct asked *q[N];
	char text[16];

	for (int i = 0; i < N; i++) {
		const char *users[] = { "ann", "ben", "eve" };
		struct call c = { .kind = CALL_APPEND, .epoch = 1 };

		snprintf(text, sizeof(text), "%d", i);
		c.x = say(f, "s", text, "r");
		c.x.partition.user = str_from(users[i % 3]);
		c.x.expires_ms = f->time.now_ms;
		set_id(f, &c.x);
		if (i % 10 == 9)
			c = (struct call){ .kind = CALL_EXPIRE,
					   .now_ms = f->time.now_ms };
		q[i] = ask(f, i % 2 ? other : f->st, &c);
	}
	for (int i = 0; i < N; i++)
		assert_int_equal(wait_for(q[i])->status, 0);
	assert_true(expire(f) >= 0);
	assert_int_equal(
		call(f, &(struct call){ .kind = CALL_USERS, .limit = 9 })->n_rows, 0);
	store_close(other);
}

/* Whether what pg_dump writes has the text in it, as bytea is written. */
static bool is_dumped(const char *text)
{
	const char *const dump[] = { "pg_dump",       "-U",       "memproxy", "-h",
				     pg_server_dir(), "postgres", NULL };
	char hex[200] = "", *all = calloc(1, 1 << 20);
	FILE *f = tmpfile();
	bool found;
	int status;
	pid_t pid;

	assert_true(all && f);
	pid = pg_server_spawn(dump, fileno(f));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	rewind(f);
	assert_true(fread(all, 1, (1 << 20) - 1, f) > 0);
	fclose(f);
	for (size_t i = 0; text[i] != '\0'; i++)
		snprintf(hex + 2 * i, 3, "%02x", (unsigned char)text[i]);
	found = strstr(all, hex) != NULL || strstr(all, text) != NULL;
	free(all);
	return found;
}

static void what_is_forgotten_is_in_no_dump(void **state)
{
	struct fixture *f = *state;
	struct exchange x = say(f, "chat-of-ann", "the vault opens with 4711", "noted");

	append(f, &x, 0, NULL);
	assert_true(is_dumped("the vault opens"));
	assert_true(is_dumped("chat-of-ann"));
	assert_int_equal(edit(f, &x, "nothing", "at all"), 0);
	assert_false(is_dumped("the vault opens"));
	assert_int_equal(forget_session(f, "chat-of-ann"), 1);
	assert_false(is_dumped("nothing"));
	assert_false(is_dumped("chat-of-ann"));
}

static void names_of_any_length_are_kept_apart(void **state)
{
	enum { LONG = 20000 };
	struct fixture *f = *state;
	struct exchange x = say(f, "s", "one", "1"), y;
	char *a = malloc(LONG), *b = malloc(LONG);
	const struct answer *users;

	assert_true(a && b);
	for (size_t i = 0; i < LONG; i++)
		a[i] = b[i] = (char)('a' + i * i % 23);
	b[LONG - 1]++;
	x.partition.user = (struct str){ a, LONG };
	x.session = (struct str){ b, LONG };
	set_id(f, &x);
	y = x;
	y.partition.user = (struct str){ b, LONG };
	set_id(f, &y);
	assert_int_equal(append(f, &y, 0, NULL), 0);
	assert_int_equal(append(f, &x, 0, NULL), 0);
	users = call(f, &(struct call){ .kind = CALL_USERS, .limit = 9 });
	assert_int_equal(users->n_rows, 2);
	assert_same_text(users->users[0].partition.user, x.partition.user);
	users = call(f, &(struct call){ .kind = CALL_USERS,
					.has_after = true,
					.x.partition = x.partition,
					.limit = 9 });
	assert_int_equal(users->n_rows, 1);
	assert_same_text(users->users[0].partition.user, y.partition.user);
	free(a);
	free(b);
}

#define OPEN(test)  cmocka_unit_test_setup_teardown(test, open_fixture, end_fixture)
#define EAGER(test) cmocka_unit_test_setup_teardown(test, eager_fixture, end_fixture)
#define HASTY(test) cmocka_unit_test_setup_teardown(test, hasty_fixture, end_fixture)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EAGER(a_server_that_restarts_is_found_again),
		EAGER(what_is_on_its_way_when_a_server_dies_is_answered),
		HASTY(nobody_waits_for_a_lock_for_long),
		HASTY(a_server_without_a_word_counts_as_lost),
		HASTY(closing_does_not_wait_for_ever),
		OPEN(a_read_given_up_while_it_waits_is_not_asked),
		OPEN(a_password_is_needed_and_never_shown),
		OPEN(a_url_that_cannot_be_read_is_not_repeated),
		OPEN(nobody_there_is_an_error_that_names_the_place),
		OPEN(a_newer_programs_schema_is_refused),
		OPEN(a_schema_given_by_an_administrator_will_do),
		OPEN(somebody_elses_functions_are_not_called),
		OPEN(a_server_that_only_reads_is_read),
		OPEN(processes_that_migrate_at_once_agree),
		OPEN(conflicts_are_tried_again),
		OPEN(two_that_change_the_same_users_do_not_deadlock),
		OPEN(what_is_forgotten_is_in_no_dump),
		OPEN(names_of_any_length_are_kept_apart),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	pg_server_stop();
	return failed;
}
