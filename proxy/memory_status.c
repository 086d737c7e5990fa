/* memory_status.c - the names of what became of memory in a request. */
#include "proxy/memory_status.h"

#include <string.h>

static const char *const names[MEMORY_STATUS_N] = {
	[MEMORY_INJECTED] = "injected",
	[MEMORY_RESENT] = "resent",
	[MEMORY_BACKFILLED] = "backfilled",
	[MEMORY_OFF] = "off",
	[MEMORY_NO_IDENTITY] = "none:no-identity",
	[MEMORY_NO_TERMS] = "none:no-terms",
	[MEMORY_NO_HIT] = "none:no-hit",
	[MEMORY_NOT_USER_LAST] = "none:not-user-last",
	[MEMORY_TOO_LARGE] = "none:too-large",
	[MEMORY_NOT_A_DIALECT] = "none:not-a-dialect",
	[MEMORY_SIDE_CALL] = "none:side-call",
	[MEMORY_WRITE_ONLY] = "none:write-only",
	[MEMORY_CAP] = "none:cap",
	[MEMORY_DEGRADED_TIMEOUT] = "degraded:timeout",
	[MEMORY_DEGRADED_STORE] = "degraded:store",
	[MEMORY_DEGRADED_PARTIAL] = "degraded:partial",
	[MEMORY_DEGRADED_REFUSED] = "degraded:refused",
};

const char *memory_status_name(enum memory_status s)
{
	return names[s];
}

bool memory_status_degraded(unsigned set)
{
	return set >> MEMORY_DEGRADED_TIMEOUT != 0;
}

struct str memory_status_list(unsigned set, struct arena *a)
{
	struct str list = { NULL, 0 };

	for (unsigned i = 0; i < MEMORY_STATUS_N; i++) {
		if (!(set & 1u << i))
			continue;
		/* Nearly always there is one: then nothing is copied. */
		list = list.p ? arena_printf(a, "%.*s,%s", STR_ARG(list), names[i])
			      : str_from(names[i]);
	}
	return list;
}
