/* redis_run.h - between redis_op.c, redis_open.c and store_redis.c. */
#ifndef STORE_REDIS_RUN_H
#define STORE_REDIS_RUN_H

#include "base/str.h"

struct redis_op;
struct store_redis;

/* Once nothing is awaited: the next step, the end, or the wait for the script. */
void redis_op_go_on(struct redis_op *o);

/* The value of a field in the text of INFO; absent where there is none. */
struct str redis_info_field(struct str text, struct str name);
/* What the server uses, into the stats. */
void redis_take_memory(struct store_redis *st, struct str info);

#endif
