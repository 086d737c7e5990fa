/*
 * sqlite_db.c - one SQLite connection, and queries on it.
 *
 * Statements are prepared once and found again by the address of their text,
 * which is a constant at its only place of use.
 */
#include "store/sqlite_db.h"

#include "store/sqlite_open.h"

#include <assert.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_STATEMENTS = 48 }; /* more than store/ has texts */

struct db {
	sqlite3 *conn;
	struct {
		const char *sql;
		sqlite3_stmt *stmt;
	} cache[MAX_STATEMENTS];
	size_t n_cached;
};

int db_open(const char *path, struct db **ret, char **reterr)
{
	struct db *db = calloc(1, sizeof(*db));
	int rc;

	*reterr = NULL;
	if (db == NULL)
		return -ENOMEM;
	rc = sqlite_open(path, &db->conn, reterr);
	if (rc < 0) {
		free(db);
		return rc;
	}
	*ret = db;
	return 0;
}

void db_close(struct db *db)
{
	if (db == NULL)
		return;
	for (size_t i = 0; i < db->n_cached; i++)
		sqlite3_finalize(db->cache[i].stmt);
	sqlite3_close(db->conn);
	free(db);
}

const char *db_error(const struct db *db)
{
	return sqlite3_errmsg(db->conn);
}

static int error_of(int code)
{
	switch (code & 0xff) { /* without the extension */
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_TOOBIG:
		return -EINVAL;
	default:
		return -EIO;
	}
}

int db_exec(struct db *db, const char *sql)
{
	struct query q = query(db, sql);

	return query_run(&q);
}

int db_script(struct db *db, const char *sql)
{
	int code = sqlite3_exec(db->conn, sql, NULL, NULL, NULL);

	return code == SQLITE_OK ? 0 : error_of(code);
}

bool db_in_transaction(const struct db *db)
{
	return !sqlite3_get_autocommit(db->conn);
}

uint64_t db_changes(const struct db *db)
{
	return (uint64_t)sqlite3_changes64(db->conn);
}

int db_wipe_log(struct db *db, int wait_ms)
{
	int code;

	sqlite3_busy_timeout(db->conn, wait_ms);
	code = sqlite3_wal_checkpoint_v2(db->conn, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL,
					 NULL);
	sqlite3_busy_timeout(db->conn, DB_BUSY_MS);
	if (code == SQLITE_OK)
		return 0;
	return (code & 0xff) == SQLITE_BUSY ? -EBUSY : error_of(code);
}

/* NULL with *code where it cannot be prepared. */
static sqlite3_stmt *statement(struct db *db, const char *sql, int *code)
{
	sqlite3_stmt *stmt = NULL;

	for (size_t i = 0; i < db->n_cached; i++)
		if (db->cache[i].sql == sql)
			return db->cache[i].stmt;
	assert(db->n_cached < MAX_STATEMENTS);
	*code = sqlite3_prepare_v3(db->conn, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt,
				   NULL);
	if (*code == SQLITE_OK) {
		db->cache[db->n_cached].sql = sql;
		db->cache[db->n_cached++].stmt = stmt;
	}
	return stmt;
}

struct query query(struct db *db, const char *sql)
{
	int code = SQLITE_OK;
	struct query q = { .db = db };

	q.stmt = statement(db, sql, &code);
	if (code != SQLITE_OK)
		q.error = error_of(code);
	return q;
}

static void bound(struct query *q, int code)
{
	if (code != SQLITE_OK && q->error == 0)
		q->error = error_of(code);
}

void query_bytes(struct query *q, const unsigned char *p, size_t n)
{
	int i = ++q->n_bound;

	if (q->stmt == NULL)
		return;
	/* Without a pointer SQLite would bind a NULL. */
	bound(q, sqlite3_bind_blob64(q->stmt, i, p ? (const void *)p : "", n,
				     SQLITE_STATIC));
}

void query_str(struct query *q, struct str s)
{
	query_bytes(q, (const unsigned char *)s.p, s.len);
}

void query_u64(struct query *q, uint64_t n)
{
	int i = ++q->n_bound;

	if (q->stmt != NULL)
		bound(q, sqlite3_bind_int64(q->stmt, i,
					    n > INT64_MAX ? INT64_MAX : (int64_t)n));
}

int query_step(struct query *q)
{
	int code;

	if (q->error != 0)
		return q->error;
	code = sqlite3_step(q->stmt);
	if (code == SQLITE_ROW)
		return 1;
	if (code == SQLITE_DONE)
		return 0;
	q->error = error_of(code);
	return q->error;
}

void query_end(struct query *q)
{
	if (q->stmt == NULL)
		return;
	sqlite3_reset(q->stmt);
	sqlite3_clear_bindings(q->stmt);
}

int query_run(struct query *q)
{
	int rc;

	do
		rc = query_step(q);
	while (rc > 0);
	query_end(q);
	return rc;
}

uint64_t column_u64(const struct query *q, int i)
{
	return (uint64_t)sqlite3_column_int64(q->stmt, i);
}

struct str column_str(const struct query *q, int i)
{
	const char *p = sqlite3_column_blob(q->stmt, i);

	if (p != NULL)
		return (struct str){ p, (size_t)sqlite3_column_bytes(q->stmt, i) };
	/* SQLite gives no pointer for an empty one either. */
	return sqlite3_column_type(q->stmt, i) == SQLITE_NULL ? (struct str){ NULL, 0 }
							      : STR("");
}

void column_bytes(const struct query *q, int i, unsigned char *ret, size_t n)
{
	struct str s = column_str(q, i);

	memset(ret, 0, n);
	if (s.len == n)
		memcpy(ret, s.p, n);
}
