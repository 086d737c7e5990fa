/*
 * original_import.h - what the original project kept in Redis, as exchanges.
 *
 * It kept a conversation as one JSON text under "litellm:session:<id>":
 *
 *	{"session_id", "user_id", "messages": [{"role", "content", "timestamp",
 *	 "metadata"} …], "created_at", "last_accessed", "metadata"}
 *
 * Times are seconds since 1970 or ISO 8601 (without a zone: UTC). Pure: no I/O.
 */
#ifndef MEMORY_ORIGINAL_IMPORT_H
#define MEMORY_ORIGINAL_IMPORT_H

#include "base/arena.h"
#include "store/exchange.h"

#define ORIGINAL_KEY_PREFIX "litellm:session:"
/* Longer texts are none of the original's; a bound on what parsing takes. */
#define ORIGINAL_BYTES_MAX ((size_t)64 << 20)

struct original_session {
	struct str id, user; /* absent: it names none */
	/*
	 * Runs of user messages with the replies to them, oldest first, as memory_keep()
	 * takes them: cleaned, `prev` and `prev_hash` made, in no partition yet. The last
	 * is cancelled where no reply came. at_ms is 0 where no time was told.
	 */
	struct exchange *v;
	size_t n;
	size_t passed_over; /* messages that belong to no exchange */
};

/*
 * `key` is the blob's own; its end names the session where the blob does not. All of
 * *ret is in the arena. 0; -EINVAL: it is none; -ENOMEM.
 */
int original_parse(struct str key, struct str blob, struct arena *mem,
		   struct original_session *ret);

#endif
