/* pg_conn.c - a PostgreSQL connection, used by who may block. */
#include "store/pg_conn.h"

#include "base/clock.h"
#include "store/store_error.h"

#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

/* Types by their numbers in every PostgreSQL (catalog/pg_type.dat). */
enum { OID_BOOL = 16, OID_BYTEA = 17, OID_INT8 = 20, OID_INT4 = 23 };

enum { BINARY = 1 };

static const PQconninfoOption *find_option(const PQconninfoOption *v, const char *name)
{
	for (; v->keyword != NULL; v++)
		if (strcmp(v->keyword, name) == 0)
			return v;
	return NULL;
}

/* With a "/" in a password that is not encoded, the rest of it would be the database. */
static bool is_port_list(const char *ports)
{
	return ports == NULL || strspn(ports, "0123456789,") == strlen(ports);
}

int pg_check_url(const char *url, char **reterr)
{
	PQconninfoOption *v = PQconninfoParse(url, NULL);
	const PQconninfoOption *port = v ? find_option(v, "port") : NULL;
	bool ok = v != NULL && is_port_list(port ? port->val : NULL);

	PQconninfoFree(v);
	if (ok)
		return 0;
	return store_error(
		reterr, -EINVAL,
		"store: the postgresql URL cannot be read: it is as in "
		"postgresql://user:password@host:5432/database?sslmode=require, "
		"with other characters than letters, digits and \"-._~\" in "
		"a name or a password as %%XX");
}

static void ignore_notice(void *arg, const PGresult *res)
{
	(void)arg;
	(void)res;
}

/* libpq's words, on one line. */
static int connect_error(const PGconn *conn, char **reterr)
{
	struct str s = str_trim(str_from(PQerrorMessage(conn)));
	char *p;

	store_error(reterr, -EIO, "store: postgresql: %.*s", STR_ARG(s));
	for (p = *reterr; p != NULL && *p != '\0'; p++)
		if (*p == '\n')
			*p = ' ';
	return -EIO;
}

int pg_connect(const char *url, PGconn **ret, char **reterr)
{
	/* What stands before dbname is for URLs that do not say it. */
	static const char *const keywords[] = {
		"fallback_application_name", "connect_timeout", "keepalives_idle",
		"tcp_user_timeout",          "dbname",          NULL
	};
	const char *const values[] = { "memproxy", PG_CONNECT_SECONDS, "30", "15000", url,
				       NULL };
	PGconn *conn = PQconnectdbParams(keywords, values, 1);
	int rc;

	if (conn == NULL)
		return -ENOMEM;
	if (PQstatus(conn) != CONNECTION_OK) {
		rc = connect_error(conn, reterr);
		PQfinish(conn);
		return rc;
	}
	PQsetNoticeReceiver(conn, ignore_notice, NULL);
	*ret = conn;
	return 0;
}

static void add(struct pg_params *p, Oid type, const char *value, size_t len)
{
	p->types[p->n] = type;
	p->values[p->n] = value;
	p->lengths[p->n] = (int)len;
	p->formats[p->n] = BINARY;
	p->bytes += len;
	p->n++;
}

void pg_add_text(struct pg_params *p, struct str s)
{
	add(p, OID_BYTEA, s.p, s.len);
}

static void add_number(struct pg_params *p, Oid type, const void *big_endian, size_t len)
{
	memcpy(p->numbers[p->n], big_endian, len);
	add(p, type, p->numbers[p->n], len);
}

void pg_add_u64(struct pg_params *p, uint64_t n)
{
	uint64_t be = htobe64(n < INT64_MAX ? n : INT64_MAX);

	add_number(p, OID_INT8, &be, sizeof(be));
}

void pg_add_i32(struct pg_params *p, int32_t n)
{
	uint32_t be = htobe32((uint32_t)n);

	add_number(p, OID_INT4, &be, sizeof(be));
}

void pg_add_bool(struct pg_params *p, bool b)
{
	char byte = b ? 1 : 0;

	add_number(p, OID_BOOL, &byte, 1);
}

static int send_it(PGconn *conn, const char *sql, const struct pg_params *p)
{
	if (p == NULL)
		return PQsendQuery(conn, sql);
	return PQsendQueryParams(conn, sql, p->n, p->types, p->values, p->lengths,
				 p->formats, BINARY);
}

/* The time is the machine's: what is waited for is not in a test's world. */
static int wait_for_result(PGconn *conn, int wait_ms)
{
	uint64_t until = clock_mono_ms(&clock_system) + (uint64_t)wait_ms;

	while (PQisBusy(conn)) {
		struct pollfd pfd = { .fd = PQsocket(conn), .events = POLLIN };
		uint64_t now = clock_mono_ms(&clock_system);
		int n = now < until ? poll(&pfd, 1, (int)(until - now)) : 0;

		if (n == 0)
			return -ETIMEDOUT;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0 && !PQconsumeInput(conn))
			return -EIO;
	}
	return 0;
}

int pg_run(PGconn *conn, const char *sql, const struct pg_params *p, int wait_ms,
	   PGresult **ret)
{
	PGresult *last = NULL, *r;
	int rc = send_it(conn, sql, p) ? wait_for_result(conn, wait_ms) : -EIO;

	/* Of several statements the first that fails ends the rest. */
	while (rc == 0 && (r = PQgetResult(conn)) != NULL) {
		PQclear(last);
		last = r;
		if (PQresultStatus(r) != PGRES_TUPLES_OK &&
		    PQresultStatus(r) != PGRES_COMMAND_OK)
			rc = -EIO;
		else
			rc = wait_for_result(conn, wait_ms);
	}
	if (rc == 0 && last == NULL)
		rc = -EIO;
	if (rc == 0 && ret != NULL)
		*ret = last;
	else
		PQclear(last);
	return rc;
}

static bool has(const PGresult *r, int row, int column, Oid type, size_t len)
{
	return !PQgetisnull(r, row, column) && PQftype(r, column) == type &&
	       PQfformat(r, column) == BINARY &&
	       (size_t)PQgetlength(r, row, column) == len;
}

uint64_t pg_u64(const PGresult *r, int row, int column)
{
	const char *p = PQgetvalue(r, row, column);
	uint64_t be64 = 0;
	uint32_t be32 = 0;

	if (has(r, row, column, OID_INT8, sizeof(be64)))
		memcpy(&be64, p, sizeof(be64));
	else if (has(r, row, column, OID_INT4, sizeof(be32)))
		memcpy(&be32, p, sizeof(be32));
	return be64 != 0 ? be64toh(be64) : be32toh(be32);
}

bool pg_bool(const PGresult *r, int row, int column)
{
	return has(r, row, column, OID_BOOL, 1) && *PQgetvalue(r, row, column) != 0;
}

struct str pg_text(const PGresult *r, int row, int column)
{
	if (PQgetisnull(r, row, column) || PQftype(r, column) != OID_BYTEA)
		return (struct str){ NULL, 0 };
	return (struct str){ PQgetvalue(r, row, column),
			     (size_t)PQgetlength(r, row, column) };
}

void pg_bytes(const PGresult *r, int row, int column, unsigned char *ret, size_t n)
{
	struct str s = pg_text(r, row, column);

	if (s.p != NULL && s.len == n)
		memcpy(ret, s.p, n);
	else
		memset(ret, 0, n);
}
