/* exchange.h - what is remembered: a user's words and the reply to them. */
#ifndef STORE_EXCHANGE_H
#define STORE_EXCHANGE_H

#include "base/hash.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

/* Whose: nothing is ever read across two of them. */
struct partition {
	struct str tenant; /* 64 hexadecimal digits, or a configured name */
	struct str user;
};

struct exchange_id {
	unsigned char b[16];
};

enum exchange_state {
	EXCHANGE_COMPLETE = 1,
	EXCHANGE_CANCELLED = 2, /* the client left: the user's words, no reply */
};

struct exchange {
	struct exchange_id id;
	uint64_t seq; /* given by the store */
	struct partition partition;
	struct str session;
	bool session_named; /* by the client, not made up */
	enum exchange_state state;
	uint64_t at_ms;         /* wall clock, when it ended */
	uint64_t expires_ms;    /* 0: never */
	struct str user, reply; /* UTF-8, may hold U+0000; the reply may be absent */
	struct digest prev;     /* of the assistant text before; zero: none */
	/*
	 * Of the whole reply, made as the next exchange's `prev` will be; zero: the
	 * store takes digest_sha256(reply). It tells a sibling (same `prev`) from the
	 * exchange that follows a reply said twice (store/store.h).
	 */
	struct digest reply_digest;
	struct str client, model, request_id; /* may be absent */
};

/*
 * The first 16 bytes of HMAC-SHA-256(secret; tenant, user, session, prev, user
 * text, reply): the same exchange told twice has the same id.
 */
struct exchange_id exchange_id(const struct digest *secret, const struct exchange *x);
bool exchange_id_eq(const struct exchange_id *a, const struct exchange_id *b);

/* What it counts for where bytes are bounded: its texts and EXCHANGE_OVERHEAD. */
#define EXCHANGE_OVERHEAD 256
size_t exchange_bytes(const struct exchange *x);

/* Texts and all, into the arena. 0 or -ENOMEM. */
int exchange_copy(struct arena *to, const struct exchange *x, struct exchange *ret);
/* One text; the absent one stays absent. 0 or -ENOMEM. */
int exchange_copy_text(struct arena *to, struct str text, struct str *ret);

#endif
