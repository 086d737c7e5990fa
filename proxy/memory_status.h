/*
 * memory_status.h - what became of memory in a request: the values of
 * x-memory-status and the labels of its metric.
 */
#ifndef PROXY_MEMORY_STATUS_H
#define PROXY_MEMORY_STATUS_H

#include "base/arena.h"
#include "base/str.h"

#include <stdbool.h>

/* One bit each: several may hold ("injected,degraded:partial"). */
enum memory_status {
	MEMORY_INJECTED,
	MEMORY_RESENT,
	MEMORY_BACKFILLED,
	MEMORY_OFF,
	MEMORY_NO_IDENTITY,
	MEMORY_NO_TERMS,
	MEMORY_NO_HIT,
	MEMORY_NOT_USER_LAST,
	MEMORY_TOO_LARGE,
	MEMORY_NOT_A_DIALECT,
	MEMORY_SIDE_CALL,
	MEMORY_WRITE_ONLY,
	MEMORY_CAP,
	MEMORY_DEGRADED_TIMEOUT,
	MEMORY_DEGRADED_STORE,
	MEMORY_DEGRADED_PARTIAL,
	MEMORY_DEGRADED_REFUSED,
	MEMORY_STATUS_N
};

const char *memory_status_name(enum memory_status s);
/* Whether a set of bits holds one of those that tell of trouble. */
bool memory_status_degraded(unsigned set);
/* The comma list of a set of bits (1u << status), in the order above; in the arena. */
struct str memory_status_list(unsigned set, struct arena *a);

#endif
