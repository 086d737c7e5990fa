/* store_sqlite.h - openers of the SQLite back end, for the table of schemes. */
#ifndef STORE_STORE_SQLITE_H
#define STORE_STORE_SQLITE_H

#include "store/store.h"

/* As store_open(), with what follows the scheme's colon. */
int store_sqlite_open(const char *path, const struct store_env *env, struct store **ret,
		      char **reterr);
int store_memory_open(const char *rest, const struct store_env *env, struct store **ret,
		      char **reterr);

#endif
