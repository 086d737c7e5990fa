/* test_sqlite.c - locks, full disks, damage and kill -9. */
#include "sqlite_fixture.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static void release(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	sql(arg, "COMMIT");
}

static void another_writer_is_waited_for_and_readers_are_not_kept(void **state)
{
	const struct timeval later = { .tv_usec = 200000 };
	struct fixture *f = *state;
	struct exchange x = say(f, "s", "one", "1");
	sqlite3 *db = open_raw(f);
	struct event *timer = evtimer_new(f->base, release, db);
	struct asked *q;

	sql(db, "BEGIN IMMEDIATE");
	q = ask(f, f->st, &(struct call){ .kind = CALL_APPEND, .x = x });
	assert_int_equal(everything(f)->status, 0);
	assert_false(q->done);
	event_add(timer, &later);
	assert_int_equal(wait_for(q)->status, 0);
	event_free(timer);
	sqlite3_close(db);
}

static void a_writer_that_never_ends_is_an_error_until_it_does(void **state)
{
	struct fixture *f = *state;
	struct exchange x = say(f, "s", "one", "1");
	sqlite3 *db = open_raw(f);
	struct store_stats stats;

	sql(db, "BEGIN IMMEDIATE");
	assert_int_equal(append(f, &x, 0, NULL), -EIO);
	store_stats(f->st, &stats);
	assert_int_equal(stats.errors, 1);
	sql(db, "COMMIT");
	assert_int_equal(append(f, &x, 0, NULL), 0);
	sqlite3_close(db);
}

static void what_fails_half_way_is_undone_alone(void **state)
{
	struct fixture *f = *state;
	struct exchange x = say(f, "s", "one", "1"), y = x;
	sqlite3 *db = open_raw(f);
	struct asked *q[2];

	y.partition.user = STR("ben");
	y.state = EXCHANGE_CANCELLED;
	sql(db, "CREATE TRIGGER no BEFORE INSERT ON exchange WHEN NEW.state = 2"
		" BEGIN SELECT RAISE(ABORT, 'no'); END; BEGIN IMMEDIATE");
	q[0] = ask(f, f->st, &(struct call){ .kind = CALL_APPEND, .x = y });
	q[1] = ask(f, f->st, &(struct call){ .kind = CALL_APPEND, .x = x });
	sql(db, "COMMIT");
	sqlite3_close(db);
	assert_int_equal(wait_for(q[0])->status, -EIO);
	assert_int_equal(wait_for(q[1])->status, 0);
	assert_int_equal(
		call(f, &(struct call){ .kind = CALL_READ_SINCE, .x = y })->head.epoch,
		0);
}

static void a_damaged_row_fails_alone(void **state)
{
	struct fixture *f = *state;
	struct exchange x = say(f, "s", "one", "1"), y = say(f, "s", "two", "2"),
			z = say(f, "s", "three", "3");
	sqlite3 *db = open_raw(f);
	struct asked *q[3];

	append(f, &x, 0, NULL);
	sql(db, "UPDATE exchange SET body = x'00'; BEGIN IMMEDIATE");
	q[0] = ask(f, f->st, &(struct call){ .kind = CALL_APPEND, .x = y });
	q[1] = ask(f, f->st, &(struct call){ .kind = CALL_EDIT, .x = x });
	q[2] = ask(f, f->st, &(struct call){ .kind = CALL_APPEND, .x = z });
	sql(db, "COMMIT");
	assert_int_equal(wait_for(q[0])->status, 0);
	assert_int_equal(wait_for(q[1])->status, -EIO);
	assert_int_equal(wait_for(q[2])->status, 0);
	assert_int_equal(call(f, &(struct call){ .kind = CALL_GET, .x = x })->status,
			 -EIO);
	assert_int_equal(call(f, &(struct call){ .kind = CALL_GET, .x = z })->status, 0);
	assert_int_equal(forget_exchange(f, &x), 1);
	assert_int_equal(everything(f)->n_rows, 2);
	sqlite3_close(db);
}

static void limit_files(rlim_t bytes)
{
	struct rlimit limit;

	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = bytes;
	setrlimit(RLIMIT_FSIZE, &limit);
}

/* In a process of its own; 0 where all went as it should. */
static int fill_the_disk(struct fixture *f)
{
	size_t len = 1 << 20;
	char *text = calloc(1, len);
	struct exchange small = say(f, "s", "one", "1"), big = say(f, "s", "two", "2");

	big.user = (struct str){ text, len };
	signal(SIGXFSZ, SIG_IGN);
	if (append(f, &small, 0, NULL) != 0)
		return 1;
	limit_files(256 * 1024);
	if (append(f, &big, 0, NULL) != -EIO || append(f, &big, 0, NULL) != -EIO)
		return 2;
	if (everything(f)->n_rows != 1)
		return 3;
	limit_files(RLIM_INFINITY);
	if (append(f, &big, 0, NULL) != 0 || everything(f)->n_rows != 2)
		return 4;
	return 0;
}

static void a_full_disk_is_an_error_until_there_is_room(void **state)
{
	struct fixture *f = *state;
	pid_t pid;

	store_close(f->st);
	f->st = NULL;
	pid = fork();
	if (pid == 0) {
		open_in_child(f, f->url);
		_exit(fill_the_disk(f));
	}
	f->st = NULL;
	assert_int_equal(exit_code(pid), 0);
	f->st = fixture_open(f, f->url);
	assert_int_equal(everything(f)->n_rows, 2);
}

/* Writes the number of each exchange once it has been told that it is kept. */
struct witness {
	struct call_sink sink;
	uint32_t number;
	int fd;
};

static void bear_witness(struct call_sink *sink, const struct answer *a)
{
	struct witness *w = (struct witness *)sink;

	if (a->status == 0 && write(w->fd, &w->number, sizeof(w->number)) < 0)
		_exit(1);
	free(w);
}

static struct exchange numbered(struct fixture *f, uint32_t number, char text[16])
{
	snprintf(text, 16, "%u", number);
	return say(f, "s", text, text);
}

static void append_for_ever(struct fixture *f, int fd)
{
	char text[16];

	for (uint32_t i = 0;; i++) {
		struct witness *w = calloc(1, sizeof(*w));
		const struct call c = { .kind = CALL_APPEND, .x = numbered(f, i, text) };

		if (w == NULL)
			_exit(1);
		*w = (struct witness){ { bear_witness }, i, fd };
		call_run(f->st, &c, &w->sink);
		event_base_loop(f->base, EVLOOP_NONBLOCK);
	}
}

static void what_was_acknowledged_survives_kill_9(void **state)
{
	enum { ENOUGH = 2000 };
	struct fixture *f = *state;
	uint32_t number, n = 0;
	char text[16];
	int fds[2];
	pid_t pid;

	store_close(f->st);
	f->st = NULL;
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		open_in_child(f, f->url);
		append_for_ever(f, fds[1]);
	}
	close(fds[1]);
	for (; n < ENOUGH; n++)
		assert_int_equal(read(fds[0], &number, sizeof(number)), sizeof(number));
	kill(pid, SIGKILL);
	assert_int_equal(exit_code(pid), 128 + SIGKILL);
	f->st = fixture_open(f, f->url);
	while (read(fds[0], &number, sizeof(number)) == sizeof(number))
		n++;
	for (uint32_t i = 0; i < n; i++) {
		struct exchange x = numbered(f, i, text);
		const struct call c = { .kind = CALL_GET, .x = x };

		assert_int_equal(call(f, &c)->status, 0);
	}
	close(fds[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		OPEN(another_writer_is_waited_for_and_readers_are_not_kept),
		OPEN(a_writer_that_never_ends_is_an_error_until_it_does),
		OPEN(what_fails_half_way_is_undone_alone),
		OPEN(a_damaged_row_fails_alone),
		OPEN(a_full_disk_is_an_error_until_there_is_room),
		OPEN(what_was_acknowledged_survives_kill_9),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
