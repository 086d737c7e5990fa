/* test_sqlite_open.c - files new, shared, private, foreign, damaged and impossible. */
#include "sqlite_fixture.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void files_are_their_owners_alone(void **state)
{
	struct fixture *f = *state;
	mode_t mask = umask(0);
	struct stat st;
	char path[256];

	store_close(f->st);
	snprintf(f->url, sizeof(f->url), "sqlite:%s/own/log.db", f->dir);
	f->st = fixture_open(f, f->url);
	umask(mask);
	snprintf(path, sizeof(path), "%s/own", f->dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	snprintf(path, sizeof(path), "%s/own/log.db", f->dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	strcat(path, "-wal");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void processes_that_open_a_new_file_agree(void **state)
{
	enum { N = 6 };
	struct fixture *f = *state;
	struct digest secrets[N];
	int start[2], done[2];
	pid_t pids[N];
	char url[128];

	snprintf(url, sizeof(url), "sqlite:%s/new.db", f->dir);
	assert_int_equal(pipe(start), 0);
	assert_int_equal(pipe(done), 0);
	for (size_t i = 0; i < N; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			struct pollfd go = { .fd = start[0], .events = POLLIN };

			close(start[1]);
			poll(&go, 1, -1);
			open_in_child(f, url);
			_exit(write(done[1], store_secret(f->st), 32) == 32 ? 0 : 1);
		}
	}
	close(start[1]);
	for (size_t i = 0; i < N; i++)
		assert_int_equal(read(done[0], &secrets[i], 32), 32);
	for (size_t i = 0; i < N; i++) {
		assert_int_equal(exit_code(pids[i]), 0);
		assert_true(digest_eq(&secrets[0], &secrets[i]));
	}
	close(start[0]);
	close(done[0]);
	close(done[1]);
}

struct opener {
	pthread_t thread;
	pthread_barrier_t *start;
	struct store_env env;
	const char *url;
	struct digest secret;
	int rc;
};

static void *open_and_close(void *arg)
{
	struct opener *o = arg;
	struct store *st;
	char *err = NULL;

	o->env.base = event_base_new();
	pthread_barrier_wait(o->start);
	o->rc = store_open(o->url, &o->env, &st, &err);
	if (o->rc == 0) {
		o->secret = *store_secret(st);
		store_close(st);
	}
	free(err);
	event_base_free(o->env.base);
	return NULL;
}

static void threads_that_open_a_new_file_agree(void **state)
{
	enum { N = 4 };
	struct fixture *f = *state;
	struct opener v[N];
	pthread_barrier_t start;
	char url[128];

	snprintf(url, sizeof(url), "sqlite:%s/new.db", f->dir);
	pthread_barrier_init(&start, NULL, N);
	for (size_t i = 0; i < N; i++) {
		v[i] = (struct opener){ .start = &start, .env = f->env, .url = url };
		assert_int_equal(
			pthread_create(&v[i].thread, NULL, open_and_close, &v[i]), 0);
	}
	for (size_t i = 0; i < N; i++) {
		pthread_join(v[i].thread, NULL);
		assert_int_equal(v[i].rc, 0);
		assert_true(digest_eq(&v[0].secret, &v[i].secret));
	}
	pthread_barrier_destroy(&start);
}

static const char *in_dir(struct fixture *f, const char *name)
{
	snprintf(f->url, sizeof(f->url), "%s/%s", f->dir, name);
	return f->url;
}

/* That it fails, with these words. */
static int refused(struct fixture *f, const char *path, const char *words)
{
	char url[256], *err = NULL;
	struct store *st;
	int rc;

	snprintf(url, sizeof(url), "sqlite:%s", path);
	rc = store_open(url, &f->env, &st, &err);
	assert_true(rc < 0);
	assert_non_null(err);
	if (strstr(err, words) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", err, words);
	free(err);
	return rc;
}

static void write_file(const char *path, const char *text)
{
	FILE *to = fopen(path, "w");

	assert_non_null(to);
	fputs(text, to);
	fclose(to);
}

static void a_file_that_is_no_database_is_refused(void **state)
{
	struct fixture *f = *state;
	const char *path = in_dir(f, "notes.txt");
	char text[2000];
	FILE *from;

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	write_file(path, text);
	assert_int_equal(refused(f, path, "not a database"), -EIO);
	from = fopen(path, "r");
	assert_non_null(from);
	assert_int_equal(fgetc(from), 'x');
	fclose(from);
}

static void another_programs_database_is_refused_and_left_alone(void **state)
{
	struct fixture *f = *state;
	const char *path = in_dir(f, "other.db");
	sqlite3_stmt *stmt;
	sqlite3 *db;

	sqlite3_open(path, &db);
	sql(db, "CREATE TABLE recipes (name TEXT)");
	assert_int_equal(refused(f, path, "another program"), -EINVAL);
	sqlite3_prepare_v2(db, "SELECT count(*) FROM sqlite_schema", -1, &stmt, NULL);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	assert_int_equal(sqlite3_column_int(stmt, 0), 1);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
}

static void a_newer_programs_file_is_refused(void **state)
{
	struct fixture *f = *state;
	sqlite3 *db = open_raw(f);

	store_close(f->st);
	f->st = NULL;
	sql(db, "PRAGMA user_version = 7");
	sqlite3_close(db);
	assert_int_equal(refused(f, strchr(f->url, ':') + 1, "version 7"), -EINVAL);
}

/* What version 1 would have written: its tables, and its body of the one exchange. */
static void make_it_version_1(sqlite3 *db)
{
	sql(db, "DROP TRIGGER exchange_gone");
	sql(db, "DROP INDEX exchange_session");
	sql(db, "DROP INDEX exchange_reply");
	sql(db, "ALTER TABLE partition DROP COLUMN blocks");
	sql(db, "CREATE INDEX exchange_session ON exchange (p, session, prev, at_ms)");
	sql(db, "CREATE TRIGGER exchange_gone AFTER DELETE ON exchange BEGIN"
		" UPDATE partition SET n = n - 1 WHERE p = OLD.p; END");
	sql(db, "UPDATE exchange SET body = x'01000000ffffffffffffffffffffffff03000000"
		"01000000' || 'sone1'");
	sql(db, "PRAGMA user_version = 1");
}

static void an_older_programs_file_is_brought_up(void **state)
{
	struct fixture *f = *state;
	struct exchange x = say(f, "s", "one", "1"), b = block(f, "s", "ids");
	const struct answer *a;
	sqlite3 *db;

	append(f, &x, 0, NULL);
	db = open_raw(f);
	store_close(f->st);
	make_it_version_1(db);
	sqlite3_close(db);
	f->st = fixture_open(f, f->url);
	x.seq = 1;
	a = everything(f);
	assert_int_equal(a->n_rows, 1);
	assert_same_exchange(&a->exchanges[0], &x);
	assert_int_equal(append(f, &b, 1, NULL), 0);
	assert_int_equal(edit(f, &x, "uno", "1"), 0);
	assert_int_equal(forget_session(f, "s"), 1);
	assert_int_equal(everything(f)->n_rows, 0);
}

static void a_damaged_file_is_an_error_and_no_crash(void **state)
{
	struct fixture *f = *state;
	const char *path = strchr(f->url, ':') + 1;
	struct exchange x = say(f, "s", "one", "1");
	char rubbish[8192];
	int fd;

	append(f, &x, 0, NULL);
	store_close(f->st);
	f->st = NULL;
	memset(rubbish, 0x5a, sizeof(rubbish));
	fd = open(path, O_WRONLY);
	assert_int_equal(pwrite(fd, rubbish, sizeof(rubbish), 4096), sizeof(rubbish));
	close(fd);
	assert_int_equal(refused(f, path, "malformed"), -EIO);
}

static void a_place_that_cannot_be_is_refused_by_name(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(refused(f, "/proc/nothing.db", "/proc/nothing.db"), -ENOENT);
	assert_int_equal(refused(f, "/dev/null/log.db", "/dev/null"), -ENOTDIR);
	assert_int_equal(refused(f, in_dir(f, "a/b/log.db"), "a/b"), -ENOENT);
	assert_true(refused(f, f->dir, f->dir) < 0);
	assert_int_equal(refused(f, "", "takes a path"), -EINVAL);
	assert_int_equal(refused(f, "//data/memory.db", "takes a path"), -EINVAL);
}

static void names_that_sqlite_would_read_otherwise_are_files(void **state)
{
	struct fixture *f = *state;
	char cwd[4096];

	assert_non_null(getcwd(cwd, sizeof(cwd)));
	assert_int_equal(chdir(f->dir), 0);
	f->st = fixture_open(f, "sqlite::memory:");
	assert_int_equal(access(":memory:", F_OK), 0);
	store_close(f->st);
	f->st = fixture_open(f, "sqlite:file:x?mode=memory");
	assert_int_equal(access("file:x?mode=memory", F_OK), 0);
	assert_int_equal(chdir(cwd), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		OPEN(files_are_their_owners_alone),
		CLOSED(processes_that_open_a_new_file_agree),
		CLOSED(threads_that_open_a_new_file_agree),
		CLOSED(a_file_that_is_no_database_is_refused),
		CLOSED(another_programs_database_is_refused_and_left_alone),
		OPEN(a_newer_programs_file_is_refused),
		OPEN(an_older_programs_file_is_brought_up),
		OPEN(a_damaged_file_is_an_error_and_no_crash),
		CLOSED(a_place_that_cannot_be_is_refused_by_name),
		CLOSED(names_that_sqlite_would_read_otherwise_are_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
