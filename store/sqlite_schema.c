/*
 * sqlite_schema.c - the tables, brought up to this program's version.
 *
 * An exchange's key is its partition's number and its seq in one integer (k =
 * p * 2^32 + seq), so that a partition lies together in the table's own B-tree
 * and reading it in order touches no index; a table WITHOUT ROWID would give
 * that too, but stores rows of this size badly (sqlite.org/withoutrowid.html,
 * 5). Its columns are digests of fixed length and numbers, and then all its
 * texts in one (sqlite_body.h says why): a session goes by its mark. Names are
 * blobs: they may hold U+0000, and compare as bytes.
 */
#include "store/sqlite_schema.h"

#include "store/sqlite_db.h"
#include "store/sqlite_open.h"
#include "store/store_error.h"

#include <errno.h>

/* Each from the version that is its place in the list to the next. */
static const char *const migrations[] = {
	"CREATE TABLE meta ("
	" one INTEGER PRIMARY KEY CHECK (one = 1),"
	" secret BLOB NOT NULL,"
	/* Of the next partition: above that of any that is gone, so that no epoch seen
	   once comes to mean something else. */
	" epoch INTEGER NOT NULL);"

	"CREATE TABLE partition ("
	" p INTEGER PRIMARY KEY,"
	" tenant BLOB NOT NULL,"
	" user BLOB NOT NULL,"
	" epoch INTEGER NOT NULL,"
	" forgot INTEGER NOT NULL," /* the epoch that began with its last whole forget */
	" head INTEGER NOT NULL,"
	" paused INTEGER NOT NULL,"
	" n INTEGER NOT NULL," /* exchanges */
	" changed_ms INTEGER NOT NULL,"
	" UNIQUE (tenant, user));"

	"CREATE TABLE exchange ("
	" k INTEGER PRIMARY KEY,"
	" p INTEGER NOT NULL REFERENCES partition (p),"
	" id BLOB NOT NULL,"
	" session BLOB NOT NULL,"
	" prev BLOB NOT NULL,"
	" reply_digest BLOB NOT NULL,"
	" state INTEGER NOT NULL,"
	" named INTEGER NOT NULL,"
	" at_ms INTEGER NOT NULL,"
	" expires_ms INTEGER,"
	" body BLOB NOT NULL,"
	" UNIQUE (p, id));"

	/* Finds siblings, and is most of what a list of sessions has to read. */
	"CREATE INDEX exchange_session ON exchange (p, session, prev, at_ms);"

	"CREATE INDEX exchange_expires ON exchange (expires_ms)"
	" WHERE expires_ms IS NOT NULL;"

	"CREATE TRIGGER exchange_gone AFTER DELETE ON exchange BEGIN"
	" UPDATE partition SET n = n - 1 WHERE p = OLD.p; END;"

	/* What is gone, without its text; id: an exchange's, or a session's mark. */
	"CREATE TABLE gone ("
	" p INTEGER NOT NULL REFERENCES partition (p) ON DELETE CASCADE,"
	" id BLOB NOT NULL,"
	" kind INTEGER NOT NULL,"  /* enum gone_kind */
	" epoch INTEGER NOT NULL," /* that began with it */
	" seq INTEGER NOT NULL,"
	" gone_ms INTEGER NOT NULL,"
	" PRIMARY KEY (p, id)) WITHOUT ROWID;"

	"PRAGMA application_id = " DECIMAL(
		SQLITE_APPLICATION_ID) ";"
				       "PRAGMA user_version = 1;",

	/* Records of blocks. (A body has hashes from now on: sqlite_body.c reads both.)
	 */
	"ALTER TABLE partition ADD COLUMN blocks INTEGER NOT NULL DEFAULT 0;" /* of n */
	"DROP TRIGGER exchange_gone;"
	"CREATE TRIGGER exchange_gone AFTER DELETE ON exchange BEGIN"
	" UPDATE partition SET n = n - 1, blocks = blocks - (OLD.state = 3)"
	" WHERE p = OLD.p; END;"
	"DROP INDEX exchange_session;"
	"CREATE INDEX exchange_session ON exchange (p, session, prev, at_ms, state);"
	"PRAGMA user_version = 2;",

	/* Siblings are found by their places too, and what they follow by its reply: a
	   session in which every reply is the same costs no more than another. */
	"DROP INDEX exchange_session;"
	"CREATE INDEX exchange_session ON exchange (p, session, prev, k, at_ms, state);"
	"CREATE INDEX exchange_reply ON exchange (p, session, reply_digest, k);"
	"PRAGMA user_version = 3;",
};

enum { VERSION = sizeof(migrations) / sizeof(*migrations) };

static int read_version(struct db *db, uint64_t *ret)
{
	struct query q = query(db, "PRAGMA user_version");
	int rc = query_step(&q);

	if (rc > 0)
		*ret = column_u64(&q, 0);
	query_end(&q);
	return rc < 0 ? rc : 0;
}

static int migrate_from(struct db *db, uint64_t version)
{
	int rc = 0;

	for (; version < VERSION && rc == 0; version++)
		rc = db_script(db, migrations[version]);
	return rc;
}

/* Whoever comes first puts it there; all read it. */
static int agree_on_secret(struct db *db, const struct rng *rng, struct digest *ret)
{
	struct digest mine;
	struct query q;
	int rc;

	rng_fill(rng, mine.b, sizeof(mine.b));
	q = query(db, "INSERT OR IGNORE INTO meta VALUES (1, ?, 1)");
	query_bytes(&q, mine.b, sizeof(mine.b));
	rc = query_run(&q);
	if (rc < 0)
		return rc;
	q = query(db, "SELECT secret FROM meta");
	rc = query_step(&q);
	if (rc > 0)
		column_bytes(&q, 0, ret->b, sizeof(ret->b));
	query_end(&q);
	return rc > 0 ? 0 : -EIO;
}

static int migrate(struct db *db, const char *name, const struct rng *rng,
		   struct digest *ret_secret, char **reterr)
{
	uint64_t version = 0;
	int rc = read_version(db, &version);

	if (rc == 0 && version > VERSION)
		return store_error(reterr, -EINVAL,
				   "store: %s: is of version %llu, made by a newer "
				   "memproxy; this one knows %d",
				   name, (unsigned long long)version, (int)VERSION);
	if (rc == 0)
		rc = migrate_from(db, version);
	if (rc == 0)
		rc = agree_on_secret(db, rng, ret_secret);
	if (rc == 0)
		rc = db_exec(db, "COMMIT");
	return rc;
}

int schema_migrate(struct db *db, const char *name, const struct rng *rng,
		   struct digest *ret_secret, char **reterr)
{
	struct digest secret;
	int rc = db_exec(db, "BEGIN IMMEDIATE");

	*reterr = NULL;
	if (rc == 0)
		rc = migrate(db, name, rng, &secret, reterr);
	if (rc < 0 && *reterr == NULL)
		store_error(reterr, rc, "store: %s: %s", name, db_error(db));
	if (db_in_transaction(db))
		db_exec(db, "ROLLBACK");
	if (rc == 0)
		*ret_secret = secret;
	return rc;
}
