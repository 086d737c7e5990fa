/*
 * sqlite_open.c - a configured SQLite connection.
 *
 * Nothing is written to a file before it is known to be ours or new. Two
 * processes may open a new file at the same moment: SQLite then answers BUSY
 * in places where it does not wait by itself (a change of the journal mode, a
 * recovery), so that the whole is tried again for as long as DB_BUSY_MS.
 */
#include "store/sqlite_open.h"

#include "store/sqlite_body.h"
#include "store/sqlite_db.h"
#include "store/store_error.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { RETRY_MS = 10 };

/* The directory that the file is to lie in; one level, as a typing error may be above. */
static int make_parent(const char *path, char **reterr)
{
	const char *slash = strrchr(path, '/');
	char *dir;
	int rc = 0;

	if (slash == NULL || slash == path)
		return 0;
	dir = strndup(path, (size_t)(slash - path));
	if (dir == NULL)
		return -ENOMEM;
	if (mkdir(dir, 0700) < 0 && errno != EEXIST) {
		rc = -errno;
		store_error(reterr, rc, "store: cannot make the directory %s: %s", dir,
			    strerror(-rc));
	}
	free(dir);
	return rc;
}

/*
 * An empty file of mode 0600, for SQLite would make one by the umask (and gives
 * its log the mode of the file). By mknod() since this needs no descriptor:
 * closing one would drop the locks which another connection of this process
 * may hold on the file (https://sqlite.org/howtocorrupt.html, 2.2).
 */
static int make_file(const char *path, char **reterr)
{
	int rc;

	if (mknod(path, S_IFREG | 0600, 0) == 0 || errno == EEXIST)
		return 0;
	rc = -errno;
	return store_error(reterr, rc, "store: cannot make %s: %s", path, strerror(-rc));
}

static int read_int(sqlite3 *conn, const char *sql, int *ret)
{
	sqlite3_stmt *stmt;
	int code = sqlite3_prepare_v2(conn, sql, -1, &stmt, NULL);

	if (code != SQLITE_OK)
		return code;
	code = sqlite3_step(stmt);
	if (code == SQLITE_ROW)
		*ret = sqlite3_column_int(stmt, 0);
	return sqlite3_finalize(stmt);
}

/*
 * SQLITE_MISUSE: it is a good database, of another program. Read at one moment,
 * or one that is being made right now would look like somebody else's.
 */
static int check_owner(sqlite3 *conn)
{
	int id = 0, n_tables = 0;
	int code = sqlite3_exec(conn, "BEGIN", NULL, NULL, NULL);

	if (code == SQLITE_OK)
		code = read_int(conn, "PRAGMA application_id", &id);
	if (code == SQLITE_OK)
		code = read_int(conn, "SELECT count(*) FROM sqlite_schema", &n_tables);
	if (code == SQLITE_OK)
		code = sqlite3_exec(conn, "COMMIT", NULL, NULL, NULL);
	if (code == SQLITE_OK && id != SQLITE_APPLICATION_ID && (id != 0 || n_tables > 0))
		code = SQLITE_MISUSE;
	return code;
}

/* The size of pages takes effect in a new file. SQLITE_PROTOCOL: no log is possible. */
static int set_journal(sqlite3 *conn)
{
	sqlite3_stmt *stmt;
	int code = sqlite3_exec(conn, "PRAGMA page_size=" DECIMAL(BODY_PAGE_SIZE), NULL,
				NULL, NULL);
	bool wal;

	if (code == SQLITE_OK)
		code = sqlite3_prepare_v2(conn, "PRAGMA journal_mode=WAL", -1, &stmt,
					  NULL);
	if (code != SQLITE_OK)
		return code;
	code = sqlite3_step(stmt);
	wal = code == SQLITE_ROW &&
	      strcmp((const char *)sqlite3_column_text(stmt, 0), "wal") == 0;
	code = sqlite3_finalize(stmt);
	return code == SQLITE_OK && !wal ? SQLITE_PROTOCOL : code;
}

/*
 * temp_store: what spills over from a sort or a savepoint holds texts, which
 * have no business in a temporary file.
 */
static const char settings[] = "PRAGMA synchronous=NORMAL;"
			       "PRAGMA secure_delete=ON;"
			       "PRAGMA foreign_keys=ON;"
			       "PRAGMA temp_store=MEMORY;"
			       "PRAGMA trusted_schema=OFF;"
			       "PRAGMA wal_autocheckpoint=4000;";

static int configure(sqlite3 *conn, bool file)
{
	int code = SQLITE_OK;

	sqlite3_extended_result_codes(conn, 1);
	sqlite3_busy_timeout(conn, DB_BUSY_MS);
	if (file) {
		code = check_owner(conn);
		if (code == SQLITE_OK)
			code = set_journal(conn);
	}
	if (code == SQLITE_OK)
		code = sqlite3_exec(conn, settings, NULL, NULL, NULL);
	return code;
}

/* "./" keeps SQLite from seeing ":memory:" or a "file:" URI in a file's name. */
static int open_once(const char *path, sqlite3 **ret)
{
	char *name;
	int code;

	if (path == NULL)
		name = strdup(":memory:");
	else if (asprintf(&name, "%s%s", path[0] == '/' ? "" : "./", path) < 0)
		name = NULL;
	if (name == NULL)
		return SQLITE_NOMEM;
	code = sqlite3_open_v2(name, ret, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
			       NULL);
	free(name);
	return code == SQLITE_OK ? configure(*ret, path != NULL) : code;
}

static int explain(const char *path, sqlite3 *conn, int code, char **reterr)
{
	const char *name = path ? path : "memory";
	int system = sqlite3_system_errno(conn);

	switch (code & 0xff) {
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_MISUSE:
		return store_error(reterr, -EINVAL,
				   "store: %s: is a database of another program", name);
	case SQLITE_PROTOCOL:
		return store_error(
			reterr, -ENOTSUP,
			"store: %s: no write-ahead log is possible there (is it "
			"a network file system?)",
			name);
	case SQLITE_CANTOPEN:
		return store_error(reterr, system ? -system : -EIO,
				   "store: cannot open %s: %s", name,
				   system ? strerror(system) : sqlite3_errmsg(conn));
	case SQLITE_READONLY:
		return store_error(reterr, -EACCES, "store: %s: cannot be written", name);
	default:
		return store_error(reterr, -EIO, "store: %s: %s", name,
				   sqlite3_errmsg(conn));
	}
}

int sqlite_open(const char *path, struct sqlite3 **ret, char **reterr)
{
	const struct timespec pause = { .tv_nsec = RETRY_MS * 1000000L };
	sqlite3 *conn = NULL;
	int code, rc;

	if (path != NULL) {
		rc = make_parent(path, reterr);
		if (rc == 0)
			rc = make_file(path, reterr);
		if (rc < 0)
			return rc;
	}
	for (int waited = 0;; waited += RETRY_MS) {
		code = open_once(path, &conn);
		if ((code & 0xff) != SQLITE_BUSY || waited >= DB_BUSY_MS)
			break;
		sqlite3_close(conn);
		conn = NULL;
		nanosleep(&pause, NULL);
	}
	if (code == SQLITE_OK) {
		*ret = conn;
		return 0;
	}
	rc = explain(path, conn, code, reterr);
	sqlite3_close(conn);
	return rc;
}
