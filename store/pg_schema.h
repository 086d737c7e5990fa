/* pg_schema.h - the schema `memproxy`, brought up to this program's version. */
#ifndef STORE_PG_SCHEMA_H
#define STORE_PG_SCHEMA_H

#include "base/hash.h"
#include "base/rng.h"

#include <libpq-fe.h>

/*
 * Makes or migrates tables, functions and the secret in one transaction and
 * under a lock, so that of several processes one does it; nothing is written
 * where there is nothing to do. On failure *reterr says why.
 */
int pg_schema_migrate(PGconn *conn, const struct rng *rng, struct digest *ret_secret,
		      char **reterr);

#endif
