/* backends.c - all that keep the contract, with their servers. */
#include "fixture.h"
#include "pg_server.h"
#include "redis_server.h"

const struct backend backends[] = {
	{ "sqlite", "sqlite:%s/sub/log.db", true, NULL, NULL },
	{ "memory", "memory:", false, NULL, NULL },
	{ "postgresql", "postgresql:%s", true, pg_server_start, pg_server_stop },
	{ "postgresql by pgbouncer", "postgresql:%s", true, pg_pooler_start,
	  pg_server_stop },
	{ "redis", "redis+unix:%s", true, redis_server_start, redis_server_stop },
	{ "spool around sqlite", "spool:%2$s/spool.db,sent:sqlite:%1$s/log.db", true,
	  NULL, NULL },
	{ "spool around memory", "spool:%2$s/spool.db,sent:memory:", false, NULL, NULL },
	{ "spool around redis", "spool:%2$s/spool.db,sent:redis+unix:%1$s", true,
	  redis_server_start, redis_server_stop },
	{ "faulty without a fault", "faulty::sqlite:%s/log.db", true, NULL, NULL },
};
const size_t n_backends = sizeof(backends) / sizeof(*backends);

void backends_stop(void)
{
	for (size_t i = 0; i < n_backends; i++)
		if (backends[i].stop != NULL)
			backends[i].stop();
}
