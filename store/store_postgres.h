/* store_postgres.h - opener of the PostgreSQL back end, for the table of schemes. */
#ifndef STORE_STORE_POSTGRES_H
#define STORE_STORE_POSTGRES_H

#include "store/store.h"

struct pg_limits;

/* As store_open(), with what follows the scheme's colon ("//user@host/database?…"). */
int store_postgres_open(const char *rest, const struct store_env *env, struct store **ret,
			char **reterr);
/* With other limits (store/pg_link.h) than the usual, borrowed for the store's life. */
int store_postgres_open_within(const char *rest, const struct pg_limits *limits,
			       const struct store_env *env, struct store **ret,
			       char **reterr);

#endif
