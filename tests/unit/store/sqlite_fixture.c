/* sqlite_fixture.c - a store in a file, and what looks at it from outside. */
#include "sqlite_fixture.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct backend sqlite = { "sqlite", "sqlite:%s/sub/log.db", true, NULL,
				       NULL };

int open_fixture(void **state)
{
	*state = fixture_new(&sqlite);
	return 0;
}

int closed_fixture(void **state)
{
	*state = fixture_new(NULL);
	return 0;
}

int end_fixture(void **state)
{
	fixture_free(*state);
	return 0;
}

sqlite3 *open_raw(struct fixture *f)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(strchr(f->url, ':') + 1, &db), SQLITE_OK);
	return db;
}

void sql(sqlite3 *db, const char *text)
{
	assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
}

int exit_code(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void open_in_child(struct fixture *f, const char *url)
{
	char *err = NULL;

	event_reinit(f->base);
	if (store_open(url, &f->env, &f->st, &err) < 0) {
		print_error("%s\n", err);
		_exit(100);
	}
}
