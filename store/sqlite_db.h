/*
 * sqlite_db.h - one SQLite connection, and queries on it.
 *
 * A connection is used by one thread at a time. Errors come as -errno: -ENOMEM,
 * -EINVAL (a text too long), else -EIO, and db_error() has SQLite's words.
 */
#ifndef STORE_SQLITE_DB_H
#define STORE_SQLITE_DB_H

#include "base/hash.h"
#include "base/str.h"

#include <stdint.h>

struct db;
struct sqlite3_stmt;

/* How long a statement waits for another process's lock. */
#define DB_BUSY_MS 5000

/*
 * NULL: a private database in memory. A file is made with mode 0600 (and its
 * directory with 0700) if it is missing, and refused where it is not ours.
 * Not yet migrated: sqlite_schema.h.
 */
int db_open(const char *path, struct db **ret, char **reterr);
void db_close(struct db *db); /* NULL is fine */

const char *db_error(const struct db *db);
int db_exec(struct db *db, const char *sql);   /* a constant text: it stays prepared */
int db_script(struct db *db, const char *sql); /* any number of statements, once */
bool db_in_transaction(const struct db *db);
/* Rows that the last INSERT, UPDATE or DELETE touched. */
uint64_t db_changes(const struct db *db);
/*
 * Writes the log back into the database file and empties it, so that what was
 * deleted or overwritten is in neither. -EBUSY: another connection is reading
 * or writing; it waits `wait_ms` for that.
 */
int db_wipe_log(struct db *db, int wait_ms);

/*
 * A prepared statement of this connection. Parameters are bound in their order
 * and borrowed until query_end(); errors are kept for query_step().
 *
 *	struct query q = query(db, "SELECT … WHERE a = ? AND b = ?");
 *	query_str(&q, a);
 *	query_u64(&q, b);
 *	while ((rc = query_step(&q)) > 0)
 *		… column_u64(&q, 0) …
 *	query_end(&q);
 */
struct query {
	struct db *db;
	struct sqlite3_stmt *stmt;
	int n_bound;
	int error;
};

struct query query(struct db *db, const char *sql); /* a constant text, as above */
void query_str(struct query *q, struct str s);      /* absent: empty */
void query_bytes(struct query *q, const unsigned char *p, size_t n);
void query_u64(struct query *q, uint64_t n); /* what is above INT64_MAX counts as that */
int query_step(struct query *q);             /* 1: a row; 0: no more; or -errno */
void query_end(struct query *q);
int query_run(struct query *q); /* all steps and the end; 0 or -errno */

/* Of the row that query_step() has found; texts are borrowed until the next step. */
uint64_t column_u64(const struct query *q, int i); /* 0 where NULL */
struct str column_str(const struct query *q, int i);
/* Exactly n bytes; zeros where NULL or of another length. */
void column_bytes(const struct query *q, int i, unsigned char *ret, size_t n);

#endif
