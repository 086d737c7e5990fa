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
	/*
	 * No exchange: a record of which exchanges were put into a request with a turn,
	 * so that the same block can be put there again. It lies in the log, ages, goes
	 * with its session and is read as the others are, but is counted nowhere.
	 */
	EXCHANGE_BLOCK = 3,
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
	/*
	 * By which a text is known when it is sent again: turn_hash() (memory/clean.h)
	 * of the cleaned texts before redaction, capping and edits; prev_hash is of the
	 * assistant text before. Zero: none, or kept by a version that had no hashes.
	 */
	struct hash128 user_hash, reply_hash, prev_hash;
	struct hash128 reply_id; /* of the id that the API gave the reply; zero: none */
	struct str sources;      /* EXCHANGE_BLOCK: see memory/sticky.h; else absent */
	struct str client, model, request_id; /* may be absent */
};

/*
 * The first 16 bytes of HMAC-SHA-256(secret; tenant, user, session, prev, user
 * text, reply): the same exchange told twice has the same id. A block's is of what
 * names its turn, its sources and the time instead of the texts.
 */
struct exchange_id exchange_id(const struct digest *secret, const struct exchange *x);
bool exchange_id_eq(const struct exchange_id *a, const struct exchange_id *b);

/* Names a session among ids, without its text. */
struct exchange_id exchange_session_mark(const struct digest *secret, struct str session);

/* The four hashes as kept: little-endian, in the order above. */
#define EXCHANGE_HASHES 64
void exchange_pack_hashes(const struct exchange *x, unsigned char ret[EXCHANGE_HASHES]);
void exchange_unpack_hashes(struct exchange *x, const unsigned char p[EXCHANGE_HASHES]);

/* What it counts for where bytes are bounded: its texts and EXCHANGE_OVERHEAD. */
#define EXCHANGE_OVERHEAD 256
size_t exchange_bytes(const struct exchange *x);

/* Texts and all, into the arena. 0 or -ENOMEM. */
int exchange_copy(struct arena *to, const struct exchange *x, struct exchange *ret);
/* One text; the absent one stays absent. 0 or -ENOMEM. */
int exchange_copy_text(struct arena *to, struct str text, struct str *ret);

#endif
