/* spool_file.c - a spool's file: its lock and its tables. */
#include "store/spool_file.h"

#include "store/sqlite_db.h"
#include "store/sqlite_open.h"
#include "store/store_error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Far above the versions of a store's file, so that neither is taken for the other: a
 * store says that a newer memproxy made it.
 */
#define SPOOL_VERSION 1001

/* Digests and numbers take more than the bytes that sqlite_body.h asks for. */
#define ENTRY_COLUMNS                                       \
	" n INTEGER PRIMARY KEY,"                           \
	" who BLOB NOT NULL," /* the partition's mark */    \
	" id BLOB NOT NULL,"                                \
	" session BLOB NOT NULL," /* its mark */            \
	" prev BLOB NOT NULL,"                              \
	" reply_digest BLOB NOT NULL,"                      \
	" state INTEGER NOT NULL,"                          \
	" kind INTEGER NOT NULL," /* enum exchange_state */ \
	" named INTEGER NOT NULL,"                          \
	" at_ms INTEGER NOT NULL,"                          \
	" expires_ms INTEGER NOT NULL,"                     \
	" epoch INTEGER NOT NULL,"                          \
	" changed_ms INTEGER NOT NULL," /* told; then: when it was done */

static const char tables[] =
	"CREATE TABLE meta (one INTEGER PRIMARY KEY CHECK (one = 1), store BLOB NOT NULL,"
	" clean INTEGER NOT NULL);" /* whether who had it closed it */
	"CREATE TABLE who (mark BLOB PRIMARY KEY, tenant BLOB NOT NULL,"
	" user BLOB NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE entry (" ENTRY_COLUMNS " body BLOB NOT NULL);"
	"CREATE TABLE dead (" ENTRY_COLUMNS " reason INTEGER NOT NULL,"
	" body BLOB NOT NULL);"
	"CREATE INDEX entry_who ON entry (who, n);"
	"CREATE INDEX entry_done ON entry (changed_ms) WHERE state = 1;"
	"CREATE INDEX entry_expires ON entry (expires_ms) WHERE expires_ms > 0;"
	"PRAGMA application_id = " DECIMAL(
		SQLITE_APPLICATION_ID) ";"
				       "PRAGMA user_version = " DECIMAL(
					       SPOOL_VERSION) ";";

/* data/spool.db, data/spool-2.db …; NULL: out of memory. */
static char *name_of(const char *path, unsigned i)
{
	const char *slash = strrchr(path, '/'), *dot = strrchr(path, '.');
	size_t stem =
		dot && (!slash || dot > slash + 1) ? (size_t)(dot - path) : strlen(path);
	char *name;

	if (i == 1)
		return strdup(path);
	if (asprintf(&name, "%.*s-%u%s", (int)stem, path, i, path + stem) < 0)
		return NULL;
	return name;
}

/* One level, as for a store's file. */
static void make_parent(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash && slash > path ? strndup(path, (size_t)(slash - path)) : NULL;

	if (dir)
		mkdir(dir, 0700); /* what keeps it from that is told by the next open() */
	free(dir);
}

/* The descriptor; -EBUSY or -errno. */
static int take_lock(const char *path)
{
	char *name;
	int fd, rc = 0;

	if (asprintf(&name, "%s.lock", path) < 0)
		return -ENOMEM;
	make_parent(path);
	fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		rc = errno == EWOULDBLOCK ? -EBUSY : -errno;
	if (rc < 0 && fd >= 0)
		close(fd);
	free(name);
	return rc < 0 ? rc : fd;
}

static int ask(struct db *db, const char *sql, uint64_t *ret)
{
	struct query q = query(db, sql);
	int rc = query_step(&q);

	if (rc > 0)
		*ret = column_u64(&q, 0);
	query_end(&q);
	return rc > 0 ? 0 : rc < 0 ? rc : -EIO;
}

/* Whose it is; one that holds nothing is anybody's. */
static int check_mark(struct db *db, const struct digest *mark)
{
	struct digest theirs;
	uint64_t n = 0;
	struct query q = query(db, "SELECT store FROM meta");
	int rc = query_step(&q);

	if (rc > 0)
		column_bytes(&q, 0, theirs.b, sizeof(theirs.b));
	query_end(&q);
	if (rc < 0 || (rc > 0 && digest_eq(&theirs, mark)))
		return rc < 0 ? rc : 0;
	rc = ask(db, "SELECT (SELECT count(*) FROM entry) + (SELECT count(*) FROM dead)",
		 &n);
	if (rc < 0 || n > 0)
		return rc < 0 ? rc : -EEXIST;
	q = query(db, "INSERT OR REPLACE INTO meta VALUES (1, ?, 1)");
	query_bytes(&q, mark->b, sizeof(mark->b));
	return query_run(&q);
}

static int prepare(struct db *db, const char *name, const struct digest *mark,
		   bool *ret_clean, char **reterr)
{
	uint64_t version = 0, clean = 0;
	int rc = db_exec(db, "BEGIN IMMEDIATE");

	if (rc == 0)
		rc = ask(db, "PRAGMA user_version", &version);
	if (rc == 0 && version != 0 && version != SPOOL_VERSION)
		rc = store_error(reterr, -EINVAL, "store: %s: is no spool", name);
	if (rc == 0 && version == 0)
		rc = db_script(db, tables);
	if (rc == 0)
		rc = check_mark(db, mark);
	if (rc == 0)
		rc = ask(db, "SELECT clean FROM meta", &clean);
	if (rc == 0)
		rc = db_exec(db, "UPDATE meta SET clean = 0");
	if (rc == 0)
		rc = db_exec(db, "COMMIT");
	*ret_clean = clean != 0;
	if (rc < 0 && *reterr == NULL)
		store_error(reterr, rc, "store: %s: %s", name,
			    rc == -EEXIST ? "holds what is for another store"
					  : db_error(db));
	if (db_in_transaction(db))
		db_exec(db, "ROLLBACK");
	return rc;
}

static int open_file(struct spool_file *f, const struct digest *mark, char **reterr)
{
	struct db *db;
	bool clean;
	int rc;

	f->lock = take_lock(f->path);
	if (f->lock < 0)
		return f->lock;
	rc = db_open(f->path, &db, reterr);
	if (rc < 0)
		return rc;
	f->db = db;
	rc = prepare(db, f->path, mark, &clean, reterr);
	f->clean = clean;
	return rc;
}

int spool_file_take(const char *path, unsigned i, bool existing,
		    const struct digest *mark, struct spool_file *ret, char **reterr)
{
	struct spool_file f = { .path = name_of(path, i), .lock = -1 };
	int rc;

	*reterr = NULL;
	if (f.path == NULL)
		return -ENOMEM;
	if (existing && access(f.path, F_OK) < 0)
		rc = -ENOENT;
	else
		rc = open_file(&f, mark, reterr);
	if (rc == 0) {
		*ret = f;
		return 0;
	}
	if (*reterr == NULL)
		store_error(reterr, rc, "store: %s: %s", f.path, strerror(-rc));
	spool_file_close(&f);
	return rc;
}

void spool_file_close(struct spool_file *f)
{
	db_close(f->db);
	if (f->lock >= 0)
		close(f->lock);
	free(f->path);
	*f = (struct spool_file){ .lock = -1 };
}

/* The file of the lock stays: who waits to open it must find the same one. */
void spool_file_remove(struct spool_file *f)
{
	static const char *const parts[] = { "", "-wal", "-shm" };
	char *name;

	db_close(f->db);
	f->db = NULL;
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		if (asprintf(&name, "%s%s", f->path, parts[i]) >= 0) {
			unlink(name);
			free(name);
		}
	spool_file_close(f);
}
