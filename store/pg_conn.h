/*
 * pg_conn.h - a PostgreSQL connection, used by who may block: at the opening of a
 * store, and by the thread that connects again.
 *
 * PQconnectdb() and not PQconnectPoll(): PQconnectStart() looks names up and
 * blocks all the same, and only the former gives each of several hosts its
 * connect_timeout.
 */
#ifndef STORE_PG_CONN_H
#define STORE_PG_CONN_H

#include "base/str.h"

#include <libpq-fe.h>

/* Of one connection, for each host; connect_timeout in the URL says otherwise. */
#define PG_CONNECT_SECONDS "5"

/* 0 where libpq can read it. Its words for why it cannot hold the URL, so ours are used.
 */
int pg_check_url(const char *url, char **reterr);
/* Quiet (no notices on standard error), and not yet non-blocking. 0, -EIO, -ENOMEM. */
int pg_connect(const char *url, PGconn **ret, char **reterr);

/* Values of $1, $2 …, all in binary and borrowed. */
enum { PG_PARAMS_MAX = 24 };

struct pg_params {
	int n;
	size_t bytes; /* of all */
	Oid types[PG_PARAMS_MAX];
	const char *values[PG_PARAMS_MAX];
	int lengths[PG_PARAMS_MAX];
	int formats[PG_PARAMS_MAX];
	char numbers[PG_PARAMS_MAX][8];
};

void pg_add_text(struct pg_params *p, struct str s); /* bytea; absent: NULL */
void pg_add_u64(struct pg_params *p, uint64_t n);    /* bigint; above INT64_MAX: that */
void pg_add_i32(struct pg_params *p, int32_t n);     /* integer */
void pg_add_bool(struct pg_params *p, bool b);

/*
 * One statement with parameters, or with p NULL any number without. Waits for
 * at most `wait_ms`. 0, -EIO or -ETIMEDOUT; then PQerrorMessage() may say more.
 */
int pg_run(PGconn *conn, const char *sql, const struct pg_params *p, int wait_ms,
	   PGresult **ret);

/* Of a row; 0 and false where NULL or of another type. */
uint64_t pg_u64(const PGresult *r, int row, int column);
bool pg_bool(const PGresult *r, int row, int column);
/* Borrowed from the result; NULL: absent. */
struct str pg_text(const PGresult *r, int row, int column);
/* Exactly n bytes; zeros where NULL or of another length. */
void pg_bytes(const PGresult *r, int row, int column, unsigned char *ret, size_t n);

#endif
