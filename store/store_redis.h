/* store_redis.h - openers of the Redis back end, for the table of schemes. */
#ifndef STORE_STORE_REDIS_H
#define STORE_STORE_REDIS_H

#include "store/store.h"

struct redis_link_limits;

/* How long opening goes on trying where the server may be about to come. */
#define STORE_REDIS_OPEN_MS 5000

/* As store_open() and store_check(), with what follows the scheme's colon. */
int store_redis_open(const char *rest, const struct store_env *env, struct store **ret,
		     char **reterr);
int store_redis_unix_open(const char *rest, const struct store_env *env,
			  struct store **ret, char **reterr);
int store_redis_check(const char *rest, char **reterr);
int store_redis_unix_check(const char *rest, char **reterr);

/* By the whole URL, and with other deadlines: for tests. */
int store_redis_open_with(const char *url, const struct store_env *env,
			  const struct redis_link_limits *limits, unsigned open_ms,
			  struct store **ret, char **reterr);

#endif
