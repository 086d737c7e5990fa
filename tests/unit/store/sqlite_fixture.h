/* sqlite_fixture.h - a store in a file, and what looks at it from outside. */
#ifndef TESTS_STORE_SQLITE_FIXTURE_H
#define TESTS_STORE_SQLITE_FIXTURE_H

#include "fixture.h"

#include <sqlite3.h>
#include <sys/types.h>

/* Set-ups with the store open, at sub/log.db in the fixture's directory, and without. */
int open_fixture(void **state);
int closed_fixture(void **state);
int end_fixture(void **state);

#define OPEN(test)   cmocka_unit_test_setup_teardown(test, open_fixture, end_fixture)
#define CLOSED(test) cmocka_unit_test_setup_teardown(test, closed_fixture, end_fixture)

/* The same file, past the store. */
sqlite3 *open_raw(struct fixture *f);
void sql(sqlite3 *db, const char *text);

/* As fixture_open(), in a child: no test may fail there, it would go on with the next. */
void open_in_child(struct fixture *f, const char *url);
int exit_code(pid_t pid); /* once it has ended */

#endif
