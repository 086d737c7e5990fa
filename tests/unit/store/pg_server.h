/*
 * pg_server.h - a PostgreSQL of the test program's own.
 *
 * In a new directory, on a Unix socket in it, as an unprivileged user, and not
 * flushing to disk. It ends with the program however that ends.
 */
#ifndef TESTS_STORE_PG_SERVER_H
#define TESTS_STORE_PG_SERVER_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* For a row of backends[]: "postgresql:%s" with the address is a URL. */
int pg_server_start(char *address, size_t size);
/* The same behind a PgBouncer in transaction mode, on three connections. */
int pg_pooler_start(char *address, size_t size);
void pg_server_stop(void); /* with the pooler */

/* Fast, as an administrator would, and back again. */
void pg_server_halt(void);
void pg_server_resume(void);
const char *pg_server_dir(void); /* of its socket */

/* A connection past the store; failing is a failure of the test. */
PGconn *pg_server_connect(void);
void pg_do(PGconn *conn, const char *sql);
/* The one value of a query, as text; to be free()d. */
char *pg_ask(PGconn *conn, const char *sql);

/* Starts a program of the server's as its user, its standard output to `output` (-1: as
 * ours). */
pid_t pg_server_spawn(const char *const argv[], int output);

#endif
