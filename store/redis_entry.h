/*
 * redis_entry.h - what lies in a Redis, and under which keys.
 *
 * Of each user, all in one slot ("T/U" is tenant and user, percent-encoded):
 *
 *	memproxy:{T/U}:meta      hash: epoch, forgot, head, paused, n, blocks, changed,
 *oldest memproxy:{T/U}:log       hash: id -> entry memproxy:{T/U}:ids       zset: id by
 *seq memproxy:{T/U}:expiry    zset: id by the time when it expires memproxy:{T/U}:lines
 *zset, by bytes: what lies where in a session memproxy:{T/U}:sessions  zset: a session's
 *mark by the seq of its newest exchange memproxy:{T/U}:gone      hash: id or mark ->
 *kind, epoch, seq, when
 *
 * Of all users together, in a slot of their own, and each made good by the next change
 * to a user:
 *
 *	memproxy:{users}:names   zset, by bytes: tenant and user
 *	memproxy:{users}:due     zset: the same by the time when there may be something to
 *do memproxy:{users}:counts  hash: the same -> exchanges memproxy:{users}:total   their
 *sum memproxy:{users}:epoch   of the next partition, above that of any that is gone
 *
 *	memproxy:{store}         hash: version, secret
 *
 * An entry, numbers big-endian: version (1), state, named, 0; at_ms, expires_ms (8 bytes
 * each); the session's mark (16); prev, reply_digest (32 each); the hashes (64); seven
 * lengths of 4 bytes, REDIS_ABSENT for a text that is not there; then the texts: session,
 * client, model, request_id, sources, user, reply. redis_script.lua knows these places.
 */
#ifndef STORE_REDIS_ENTRY_H
#define STORE_REDIS_ENTRY_H

#include "store/exchange.h"

struct arena;

#define REDIS_SCHEMA_VERSION 1
#define REDIS_ABSENT         UINT32_MAX

#define REDIS_NAMES  "memproxy:{users}:names"
#define REDIS_DUE    "memproxy:{users}:due"
#define REDIS_COUNTS "memproxy:{users}:counts"
#define REDIS_TOTAL  "memproxy:{users}:total"
#define REDIS_EPOCH  "memproxy:{users}:epoch"
#define REDIS_STORE  "memproxy:{store}"

/* What the script works on, in its order; the last is REDIS_EPOCH. */
enum { REDIS_USER_KEYS = 8 };
/* 0 or -ENOMEM. */
int redis_user_keys(struct arena *mem, const struct partition *p,
		    struct str ret[REDIS_USER_KEYS]);

/* 0, -EINVAL (a text of 4 GB) or -ENOMEM. */
int redis_entry_encode(struct arena *mem, const struct exchange *x,
		       const struct exchange_id *mark, struct str *ret);
/* All but id, seq and partition; texts are borrowed from the entry. 0; -EIO: it is none.
 */
int redis_entry_decode(struct str entry, struct exchange *ret);

/*
 * A member of the list of users: such that members compare as (tenant, user) do. A zero
 * byte of the tenant is followed by 0xff, and its end is 0, 1.
 */
int redis_name_encode(struct arena *mem, const struct partition *p, struct str *ret);
/* 0, -ENOMEM, or -EIO where it is none. */
int redis_name_decode(struct arena *mem, struct str member, struct partition *ret);
/* The least bound above all members of a tenant. 0 or -ENOMEM. */
int redis_name_after_tenant(struct arena *mem, struct str tenant, struct str *ret);

#endif
