/* spool_fixture.h - a spool in front of a store that fails on demand. */
#ifndef TESTS_STORE_SPOOL_FIXTURE_H
#define TESTS_STORE_SPOOL_FIXTURE_H

#include "fixture.h"
#include "store/store_spool.h"

/*
 * f->st is a spool at spool.db in front of "faulty" in front of log.db, all in the
 * fixture's directory.
 */
struct spooled {
	struct fixture *f;
	struct store *faulty; /* f->st's */
	struct spool_options o;
	struct digest secret; /* of the first log */
	char path[128], url[160], log[128];
};

int spooled_begin(void **state);
int spooled_end(void **state);
#define SPOOLED(test) cmocka_unit_test_setup_teardown(test, spooled_begin, spooled_end)

/* A further one on the same files; *faulty may be NULL. */
struct store *spooled_open(struct spooled *s, struct store **faulty);
void spooled_close(struct spooled *s);
void spooled_reopen(struct spooled *s);

void plan(struct spooled *s, const char *text); /* "": all is well */
struct spool_stats spool_stats_of(const struct store *st);
/* Until nothing waits there, replays neither. */
void pump_until_sent(struct spooled *s, struct store *st);
/* Until there have been so many appends at the store behind. */
void pump_until_tried(struct spooled *s, unsigned n);

/* "N" in session "s", not superseding each other. */
struct exchange numbered(struct spooled *s, unsigned n);
/* How many of `from` … `to` - 1 were not taken by the spool. */
unsigned tell(struct spooled *s, struct store *st, unsigned from, unsigned to);
/* The log behind, asked past the spool: numbers `from` … `to` - 1 in order, no more. */
void assert_log_has(struct spooled *s, unsigned from, unsigned to);
size_t log_rows(struct spooled *s);
/* Whether any file of the directory that begins with `prefix` holds the text. */
bool in_files(struct spooled *s, const char *prefix, const char *text);

#endif
