/* sqlite_schema.h - the tables, brought up to this program's version. */
#ifndef STORE_SQLITE_SCHEMA_H
#define STORE_SQLITE_SCHEMA_H

#include "base/hash.h"
#include "base/rng.h"

struct db;

/*
 * Makes or migrates the tables and the secret in one transaction, so that of
 * several processes one does it. On failure *reterr says why, naming `name`.
 */
int schema_migrate(struct db *db, const char *name, const struct rng *rng,
		   struct digest *ret_secret, char **reterr);

#endif
