/*
 * fake_log.h - a store that a test can look into and hold up.
 *
 * It outlives the service (close() leaves the log as it is). Knobs are atomic:
 * a test turns them while the memory thread works.
 */
#ifndef TESTS_FAKE_LOG_H
#define TESTS_FAKE_LOG_H

#include "base/arena.h"
#include "store/store.h"

#include <stdatomic.h>

struct fake_op;

struct fake_log {
	struct store store;
	struct event_base *base;
	struct digest secret;
	struct arena *arena;
	struct exchange v[20000]; /* by seq - 1; a deleted one has seq 0 */
	size_t n;
	struct fake_op *ops; /* under way */

	atomic_uint epoch;        /* of every partition */
	atomic_int status;        /* of every operation; 0: it works */
	atomic_int delay_ms;      /* negative: never answers; 0: answers inline */
	atomic_bool hold_appends; /* never answered */
	atomic_uint reads, appends, pings;
};

struct fake_log *fake_log_new(void);
void fake_log_free(struct fake_log *f);
/* For memory_deps.open_store; `arg` is the log. */
int fake_log_open(void *arg, const struct store_env *env, struct store **ret,
		  char **reterr);
/* Only while no thread uses it. */
void fake_log_add(struct fake_log *f, const struct exchange *x);

#endif
