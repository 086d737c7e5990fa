/*
 * store.h - the log of exchanges, which is all that is kept.
 *
 * An exchange is a user's words and the reply to them. Ids are a function of
 * content (store/exchange.h), so that appending is idempotent. `seq` counts up
 * per partition and is given by the back end in the statement that inserts.
 *
 * A partition's meta data is {epoch, head, first}. Edit, delete, forget and
 * pause are physical and raise the epoch in the same transaction; expiry only
 * moves `first` (and may take some from the middle: who keeps exchanges looks
 * at expires_ms). Who derives anything from the log drops it when the epoch
 * differs.
 *
 * Branches stay in the log, except under a session id that the client named:
 * there a complete exchange supersedes its older siblings, which are deleted
 * in the transaction that appends it, and the epoch goes up. A sibling has the
 * same session and the same `prev` (not zero) and either text different: a
 * reply asked for again, or a question put otherwise. The older one is none
 * where it, or one after it in the session, was answered with just the text that
 * `prev` stands for ("Done." twice in a row): the newcomer may follow that. Zero `prev`
 * makes no siblings: a client that sends one message at a time under a session id never
 * has another. A cancelled exchange supersedes nothing. What follows a superseded
 * exchange stays.
 *
 * Records of blocks (EXCHANGE_BLOCK) lie in the log with the exchanges and are read
 * with them; where exchanges are counted or listed, they are not.
 *
 * Everything runs on one thread: the one that opened the store, whose event
 * loop is store_env.base. Callbacks may run before the call returns. Changes
 * take effect in the order of their calls; a read sees at least what had been
 * called back when it began.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/op.h"
#include "base/rng.h"
#include "base/str.h"
#include "store/exchange.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_base;
struct store;

/* status below: 0, or -ENOENT (no such session or exchange), -ESTALE (an older
 * epoch than the last forget), -EPERM (paused), -EINVAL, -EIO (the back end failed: its
 * text is in the log, at debug), -ETIMEDOUT, -ENOSPC (the spool is full), -ENOMEM,
 * -ECANCELED (the store is closing).
 * Reading a partition that does not exist is no error: zero head, no exchanges. */

struct store_head {
	uint64_t epoch; /* 0: the partition does not exist */
	uint64_t head;  /* the last seq given, though its exchange may be gone; 0: none */
	uint64_t first; /* seq of the oldest still there; 0: none */
	bool paused;
};

/* How long a forget is remembered, with no text: a late or repeated append of what was
 * forgotten is refused for that long. Above the longest time from an exchange's start
 * to its append, and the time for which a spool replays (120 s). */
#define STORE_FORGET_MEMORY_MS (UINT64_C(24) * 3600 * 1000)

/*
 * From here on a seq is provisional: the exchange is safe, but the log behind a spool
 * (store_spool.h) has not got it yet. It will come again under another seq, or not at
 * all, so that nobody may use a provisional one as the cursor from which to catch up. Of
 * those at hand all are told: by read_since() after the log's last (with an answer that
 * is empty without them, or reaches the head), by read_before() before its newest. `head`
 * and `epoch` are the log's own; `first` is a provisional one where the log has none.
 */
#define STORE_SEQ_PROVISIONAL (UINT64_C(1) << 62)

/* Exchanges are borrowed for the length of the call; head is never NULL. */
typedef void store_read_cb(void *arg, int status, const struct store_head *head,
			   const struct exchange *v, size_t n);
typedef void store_done_cb(void *arg, int status);
typedef void store_append_cb(void *arg, int status, uint64_t seq);
typedef void store_count_cb(void *arg, int status, uint64_t n);

struct store_user {
	struct partition partition;
	struct store_head head;
	uint64_t exchanges, last_ms;
};
typedef void store_users_cb(void *arg, int status, const struct store_user *v, size_t n);

struct store_session {
	struct str id;
	uint64_t exchanges, first_ms, last_ms;
};
typedef void store_sessions_cb(void *arg, int status, const struct store_session *v,
			       size_t n);

/* Of a spool (store_spool.h); all zero where there is none. */
struct spool_stats {
	uint64_t waiting, bytes; /* entries to be sent; all that the file holds */
	uint64_t oldest_ms;      /* how long the first of them has waited */
	uint64_t dead;           /* dead letters now */
	uint64_t sent, delay_us; /* so far, and their waits in all */
	uint64_t dropped;  /* appends that failed here, dead letters over the limit */
	uint64_t unwanted; /* sent, but forgotten or paused meanwhile */
	uint64_t refused;  /* made dead letters so far */
	uint64_t replayed; /* sent again */
};

struct store_stats {
	/* As of the opening or the last expire(), whichever was later; UINT64_MAX: not
	 * known. */
	uint64_t partitions, exchanges, bytes;
	uint64_t appends, errors; /* of this handle, until now */
	struct spool_stats spool;
};

struct store_ops {
	const char *name; /* "sqlite", "memory", "redis", "faulty" … */

	/* Writes what is queued (and calls back for it), ends every other op with
	 * -ECANCELED, frees. Blocks. Not from inside one of its callbacks. */
	void (*close)(struct store *st);
	/*
	 * Copies the exchange; its seq is ignored and given to the callback. The
	 * same id again: 0 and the seq it has. `epoch` is that of the partition when
	 * the exchange began (0: it did not exist): one older than the last forget
	 * of the partition, of the session or of this very exchange gives -ESTALE;
	 * who says the same again afterwards is kept again. One superseded since it
	 * began: 0 and the seq it had. Called back once it is as durable as the back
	 * end makes it; cancelling gives up the callback alone.
	 */
	struct op *(*append)(struct store *st, const struct exchange *x, uint64_t epoch,
			     store_append_cb *cb, void *arg);
	/* Those with seq > cursor, oldest first: as many as `bytes` hold, counted by
	 * exchange_bytes(), and at least one if there is any. */
	struct op *(*read_since)(struct store *st, const struct partition *p,
				 uint64_t cursor, size_t bytes, store_read_cb *cb,
				 void *arg);
	/* Those with seq < cursor (UINT64_MAX: from the newest), newest first. */
	struct op *(*read_before)(struct store *st, const struct partition *p,
				  uint64_t cursor, size_t bytes, store_read_cb *cb,
				  void *arg);
	struct op *(*get)(struct store *st, const struct partition *p,
			  const struct exchange_id *id, store_read_cb *cb, void *arg);
	/* Users of a tenant (absent: of all) who have exchanges or are paused, in order
	 * of (tenant, user) as bytes, after `after` (NULL: from the start). */
	struct op *(*users)(struct store *st, struct str tenant,
			    const struct partition *after, size_t limit,
			    store_users_cb *cb, void *arg);
	/* Newest first, by their last exchange. */
	struct op *(*sessions)(struct store *st, const struct partition *p, uint64_t skip,
			       size_t limit, store_sessions_cb *cb, void *arg);
	/* New texts (absent: left as it is); the id and the hashes stay. */
	struct op *(*edit)(struct store *st, const struct partition *p,
			   const struct exchange_id *id, struct str user,
			   struct str reply, store_done_cb *cb, void *arg);
	/*
	 * An exchange (id), a session (session), or with neither the whole partition. How
	 * many went. Where nothing was there: -ENOENT and 0; a session's or a partition's
	 * forget is in force all the same, against what is on its way. Called back when
	 * the texts are gone from the back end's files too, as far as that can be had at
	 * once (another process may be reading; a Redis writes its files anew
	 * afterwards).
	 */
	struct op *(*forget)(struct store *st, const struct partition *p,
			     struct str session, const struct exchange_id *id,
			     store_count_cb *cb, void *arg);
	/* A paused partition refuses appends (-EPERM) and says so in its head. One that
	 * does not exist is made. */
	struct op *(*pause)(struct store *st, const struct partition *p, bool paused,
			    store_done_cb *cb, void *arg);
	/* Drops what has expired by `now_ms`, and old records of forgets: to be called
	 * every minute or so. How many exchanges went. */
	struct op *(*expire)(struct store *st, uint64_t now_ms, store_count_cb *cb,
			     void *arg);
	/*
	 * Drops what is older than the newest `keep` exchanges (at least 1). As expire(),
	 * it moves `first` and leaves the epoch. How many exchanges went.
	 */
	struct op *(*trim)(struct store *st, const struct partition *p, uint64_t keep,
			   store_count_cb *cb, void *arg);
	struct op *(*ping)(struct store *st, store_done_cb *cb, void *arg);
	void (*stats)(const struct store *st, struct store_stats *ret);
	/* 32 random bytes made once with the schema; the key of ids and delimiters. */
	const struct digest *(*secret)(const struct store *st);
	/* Of a spool: the store that it is for. NULL: there is no other. */
	struct store *(*behind)(struct store *st);
};

/* First member of every back end. */
struct store {
	const struct store_ops *ops;
};

/* What a back end may use; all borrowed for the life of the store. */
struct store_env {
	struct event_base *base;
	const struct clock *clock;
	const struct rng *rng;
	struct log log;
};

/*
 * Whether a URL names a back end that is built in, without opening anything: 0,
 * -EINVAL (no URL) or -EPROTONOSUPPORT, with a text in *reterr to be free()d.
 */
int store_check(const char *url, char **reterr);
/* Whether it names a store that can be away while this machine is not. */
bool store_is_remote(const char *url);
/*
 * By the scheme of `url`: "sqlite:PATH", "memory:",
 * "redis://[[user]:password@]host:port/db", "redis+unix:///path", "postgresql://…"; in
 * builds with tests also "faulty:…" (store/store_faulty.h) and "spool:…"
 * (store/store_spool.h). Blocks until it is usable (opened, migrated). 0;
 * -EPROTONOSUPPORT: a scheme not built in; or -errno. On failure *reterr (not NULL) gets
 * a text to show, to be free()d (NULL: out of memory); it never holds a password.
 */
int store_open(const char *url, const struct store_env *env, struct store **ret,
	       char **reterr);
void store_close(struct store *st); /* NULL is fine */

/* Thin dispatchers. */
struct op *store_append(struct store *st, const struct exchange *x, uint64_t epoch,
			store_append_cb *cb, void *arg);
struct op *store_read_since(struct store *st, const struct partition *p, uint64_t cursor,
			    size_t bytes, store_read_cb *cb, void *arg);
struct op *store_read_before(struct store *st, const struct partition *p, uint64_t cursor,
			     size_t bytes, store_read_cb *cb, void *arg);
struct op *store_get(struct store *st, const struct partition *p,
		     const struct exchange_id *id, store_read_cb *cb, void *arg);
struct op *store_users(struct store *st, struct str tenant, const struct partition *after,
		       size_t limit, store_users_cb *cb, void *arg);
struct op *store_sessions(struct store *st, const struct partition *p, uint64_t skip,
			  size_t limit, store_sessions_cb *cb, void *arg);
struct op *store_edit(struct store *st, const struct partition *p,
		      const struct exchange_id *id, struct str user, struct str reply,
		      store_done_cb *cb, void *arg);
struct op *store_forget(struct store *st, const struct partition *p, struct str session,
			const struct exchange_id *id, store_count_cb *cb, void *arg);
struct op *store_pause(struct store *st, const struct partition *p, bool paused,
		       store_done_cb *cb, void *arg);
struct op *store_expire(struct store *st, uint64_t now_ms, store_count_cb *cb, void *arg);
struct op *store_trim(struct store *st, const struct partition *p, uint64_t keep,
		      store_count_cb *cb, void *arg);
struct op *store_ping(struct store *st, store_done_cb *cb, void *arg);
/* Past a spool, if there is one: for appends that the store itself is to answer. */
struct store *store_behind(struct store *st);
void store_stats(const struct store *st, struct store_stats *ret);
const struct digest *store_secret(const struct store *st);

#endif
