/*
 * call.h - an operation of a store as a value: what a back end that queues, or
 * a decorator, passes around.
 *
 * Such a back end embeds struct call_store, takes CALL_STORE_OPS into its table
 * of ops, and has one entry for all twelve operations: submit().
 * memory/admin.c carries them from one thread to another.
 */
#ifndef STORE_CALL_H
#define STORE_CALL_H

#include "store/store.h"

struct arena;

enum call_kind {
	CALL_APPEND,
	CALL_READ_SINCE,
	CALL_READ_BEFORE,
	CALL_GET,
	CALL_USERS,
	CALL_SESSIONS,
	CALL_EDIT,
	CALL_FORGET,
	CALL_PAUSE,
	CALL_EXPIRE,
	CALL_TRIM,
	CALL_PING,
	CALL_N
};

struct call {
	enum call_kind kind;
	/*
	 * What it is about: append uses all of it, the others its partition (users:
	 * `after`), session, id and texts as far as they need them.
	 */
	struct exchange x;
	bool has_id;         /* forget */
	bool has_after;      /* users */
	bool paused;         /* pause */
	struct str tenant;   /* users */
	uint64_t epoch;      /* append */
	uint64_t cursor;     /* read_since, read_before */
	uint64_t skip;       /* sessions */
	uint64_t now_ms;     /* expire */
	uint64_t keep;       /* trim */
	size_t bytes, limit; /* reads; users, sessions */
	union {
		store_append_cb *append;
		store_read_cb *read;
		store_users_cb *users;
		store_sessions_cb *sessions;
		store_done_cb *done;
		store_count_cb *count;
	} cb;
	void *arg;
};

/* What any of them ends with. */
struct answer {
	int status;
	uint64_t n; /* append: seq; forget, expire, trim: how many went */
	struct store_head head;
	const struct exchange *exchanges;
	const struct store_user *users;
	const struct store_session *sessions;
	size_t n_rows;
};

const char *call_name(enum call_kind kind); /* "append" */
bool call_writes(enum call_kind kind);      /* ping too: it asks whether one can */

/* -EINVAL where no back end could make sense of it. */
int call_check(const struct call *c);
/* The texts too, into the arena. 0 or -ENOMEM. */
int call_copy(struct arena *to, const struct call *c, struct call *ret);
/* Its rows and their texts too, into the arena. 0 or -ENOMEM. */
int answer_copy(struct arena *to, const struct answer *a, struct answer *ret);
/* Runs the callback, whichever it is. */
void call_answer(const struct call *c, const struct answer *a);

/* One callback for every kind. */
struct call_sink {
	void (*answer)(struct call_sink *to, const struct answer *a);
};

/* Has a store run it; c's own callback is not used. As the operation itself. */
struct op *call_run(struct store *st, const struct call *c, struct call_sink *to);

struct call_store {
	struct store store;
	/* c is borrowed for the call; otherwise as the operation it stands for. */
	struct op *(*submit)(struct call_store *cs, const struct call *c);
};

#define CALL_STORE_OPS                                                                   \
	.append = call_store_append, .read_since = call_store_read_since,                \
	.read_before = call_store_read_before, .get = call_store_get,                    \
	.users = call_store_users, .sessions = call_store_sessions,                      \
	.edit = call_store_edit, .forget = call_store_forget, .pause = call_store_pause, \
	.expire = call_store_expire, .trim = call_store_trim, .ping = call_store_ping

struct op *call_store_append(struct store *st, const struct exchange *x, uint64_t epoch,
			     store_append_cb *cb, void *arg);
struct op *call_store_read_since(struct store *st, const struct partition *p,
				 uint64_t cursor, size_t bytes, store_read_cb *cb,
				 void *arg);
struct op *call_store_read_before(struct store *st, const struct partition *p,
				  uint64_t cursor, size_t bytes, store_read_cb *cb,
				  void *arg);
struct op *call_store_get(struct store *st, const struct partition *p,
			  const struct exchange_id *id, store_read_cb *cb, void *arg);
struct op *call_store_users(struct store *st, struct str tenant,
			    const struct partition *after, size_t limit,
			    store_users_cb *cb, void *arg);
struct op *call_store_sessions(struct store *st, const struct partition *p, uint64_t skip,
			       size_t limit, store_sessions_cb *cb, void *arg);
struct op *call_store_edit(struct store *st, const struct partition *p,
			   const struct exchange_id *id, struct str user,
			   struct str reply, store_done_cb *cb, void *arg);
struct op *call_store_forget(struct store *st, const struct partition *p,
			     struct str session, const struct exchange_id *id,
			     store_count_cb *cb, void *arg);
struct op *call_store_pause(struct store *st, const struct partition *p, bool paused,
			    store_done_cb *cb, void *arg);
struct op *call_store_expire(struct store *st, uint64_t now_ms, store_count_cb *cb,
			     void *arg);
struct op *call_store_trim(struct store *st, const struct partition *p, uint64_t keep,
			   store_count_cb *cb, void *arg);
struct op *call_store_ping(struct store *st, store_done_cb *cb, void *arg);

bool digest_is_zero(const struct digest *d);

#endif
