/* pg_schema.c - the schema `memproxy`, brought up to this program's version. */
#include "store/pg_schema.h"

#include "store/pg_conn.h"
#include "store/store_error.h"

#include <errno.h>
#include <stdlib.h>

static const char version_1[] = {
#include "store/pg_001.inc"
};

/* Each from the version that is its place in the list to the next. */
static const char *const migrations[] = { version_1 };

enum { VERSION = sizeof(migrations) / sizeof(*migrations) };

/* A migration of many rows takes its time, and another process waits for it. */
enum { WAIT_MS = 60 * 1000 };

/* "memproxy" in ASCII. It ends with the transaction, as a pooler wants it to. */
#define LOCK "SELECT pg_advisory_xact_lock(7882827052505593977)"

static int run(PGconn *conn, const char *sql)
{
	return pg_run(conn, sql, NULL, WAIT_MS, NULL);
}

static int ask(PGconn *conn, const char *sql, PGresult **ret)
{
	static const struct pg_params none = { .n = 0 };
	int rc = pg_run(conn, sql, &none, WAIT_MS, ret);

	if (rc == 0 && PQntuples(*ret) != 1) {
		PQclear(*ret);
		rc = -EIO;
	}
	return rc;
}

static int ask_bool(PGconn *conn, const char *sql, bool *ret)
{
	PGresult *r;
	int rc = ask(conn, sql, &r);

	if (rc < 0)
		return rc;
	*ret = pg_bool(r, 0, 0);
	PQclear(r);
	return 0;
}

/* 0: there is nothing yet. */
static int read_version(PGconn *conn, uint64_t *ret, struct digest *ret_secret)
{
	PGresult *r;
	bool there = false;
	int rc =
		ask_bool(conn, "SELECT to_regclass('memproxy.meta') IS NOT NULL", &there);

	*ret = 0;
	if (rc < 0 || !there)
		return rc;
	rc = ask(conn, "SELECT version, secret FROM memproxy.meta", &r);
	if (rc < 0)
		return rc;
	*ret = pg_u64(r, 0, 0);
	pg_bytes(r, 0, 1, ret_secret->b, sizeof(ret_secret->b));
	PQclear(r);
	return 0;
}

/* A role that may not make schemas can be given one; so this is not "IF NOT EXISTS". */
static int make_schema(PGconn *conn)
{
	bool there = false;
	int rc = ask_bool(conn, "SELECT to_regnamespace('memproxy') IS NOT NULL", &there);

	return rc < 0 || there ? rc : run(conn, "CREATE SCHEMA memproxy");
}

static int write_meta(PGconn *conn, const struct digest *secret)
{
	struct pg_params p = { .n = 0 };

	pg_add_i32(&p, VERSION);
	pg_add_text(&p, (struct str){ (const char *)secret->b, sizeof(secret->b) });
	return pg_run(conn,
		      "INSERT INTO memproxy.meta AS m (version, secret, epoch)"
		      " VALUES ($1, $2, 1)"
		      " ON CONFLICT (one) DO UPDATE SET version = excluded.version",
		      &p, WAIT_MS, NULL);
}

static int migrate_from(PGconn *conn, uint64_t version, const struct rng *rng,
			struct digest *secret)
{
	int rc = 0;

	if (version == VERSION)
		return 0;
	if (version == 0) {
		rng_fill(rng, secret->b, sizeof(secret->b));
		rc = make_schema(conn);
	}
	for (; version < VERSION && rc == 0; version++)
		rc = run(conn, migrations[version]);
	return rc < 0 ? rc : write_meta(conn, secret);
}

static int migrate(PGconn *conn, const struct rng *rng, struct digest *secret,
		   char **reterr)
{
	uint64_t version = 0;
	int rc = run(conn, LOCK);

	if (rc == 0)
		rc = read_version(conn, &version, secret);
	if (rc == 0 && version > VERSION)
		return store_error(reterr, -EINVAL,
				   "store: postgresql: the schema memproxy is of version "
				   "%llu, made by a newer memproxy; this one knows %d",
				   (unsigned long long)version, (int)VERSION);
	if (rc == 0)
		rc = migrate_from(conn, version, rng, secret);
	return rc < 0 ? rc : run(conn, "COMMIT");
}

int pg_schema_migrate(PGconn *conn, const struct rng *rng, struct digest *ret_secret,
		      char **reterr)
{
	struct digest secret;
	struct str why;
	int rc;

	*reterr = NULL;
	/* Whatever the role's default is, a wait for the lock ends with what came before
	   it in sight. */
	rc = run(conn, "BEGIN ISOLATION LEVEL READ COMMITTED");
	/* What tables and indexes are made with is PostgreSQL's own. */
	if (rc == 0)
		rc = run(conn, "SET LOCAL search_path = pg_catalog, pg_temp");
	if (rc == 0)
		rc = migrate(conn, rng, &secret, reterr);
	if (rc == 0) {
		*ret_secret = secret;
		return 0;
	}
	if (*reterr == NULL) {
		why = str_trim(str_before(str_from(PQerrorMessage(conn)), '\n'));
		store_error(reterr, rc, "store: postgresql: %.*s",
			    STR_ARG(why.len > 0 ? why : STR("no answer in time")));
	}
	return rc;
}
