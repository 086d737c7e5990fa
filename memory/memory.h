/*
 * memory.h - the service: one thread that owns the store and every view.
 *
 * Loops talk to it through two queues and never wait: a question goes out with
 * a deadline and comes back as a block, a finished exchange goes out and comes
 * back as "kept". No lock is taken anywhere.
 */
#ifndef MEMORY_MEMORY_H
#define MEMORY_MEMORY_H

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/op.h"
#include "base/rng.h"
#include "memory/dialect.h"
#include "store/store.h"

#include <stdatomic.h>

struct config;
struct event_base;
struct memory;
struct memory_port;

struct memory_deps {
	const struct config *cfg; /* memory.*, store.*; read by memory_start() alone */
	const struct clock *clock;
	const struct rng *rng;
	struct log log;
	/*
	 * Opens the store on the memory thread; NULL: store_open(cfg->store.url).
	 * Tests put a decorator around it here.
	 */
	int (*open_store)(void *arg, const struct store_env *env, struct store **ret,
			  char **reterr);
	void *open_arg;
};

/*
 * Starts the thread and waits until the store is open. 0 or what store_open()
 * gave, with *reterr (to be free()d) saying why.
 */
int memory_start(const struct memory_deps *deps, struct memory **ret, char **reterr);
/* What was handed over is stored first. Every port must have been freed. NULL is fine. */
void memory_stop(struct memory *m);
/* New bounds and deadlines, from a reload; what it needs is copied. Safe from any thread.
 */
void memory_set_config(struct memory *m, const struct config *cfg);

/* A loop's end of the queues. NULL when out of memory or descriptors. */
struct memory_port *memory_port_new(struct memory *m, struct event_base *base);
/* On the loop. Every op must have ended or been cancelled. NULL is fine. */
void memory_port_free(struct memory_port *p);

enum recall_status {
	RECALL_BLOCK,
	RECALL_NO_TERMS,
	RECALL_NO_HIT,           /* also where no block was wanted */
	RECALL_CAP,              /* the conversation holds enough of it already */
	RECALL_DEGRADED_STORE,   /* the store failed: no fresh epoch, no recall */
	RECALL_DEGRADED_TIMEOUT, /* the store did not answer in time */
};

struct recall_question {
	struct partition partition;
	struct str session; /* absent: not named */
	bool find_session;  /* continue: by last_reply; else a new id is made */
	bool want_block;    /* a new one for the last of the turns */
	bool want_resent;   /* and those of earlier requests, for the others */
	struct str text, earlier_text; /* cleaned */
	const struct sent_text *sent;
	size_t n_sent;
	const struct turn_key *turns; /* of the request, in order */
	size_t n_turns;
	struct hash128 last_reply; /* zero: none */
	/* hash128() of the id by which the API is asked to go on from a reply, so that it
	 * holds what was said in that session itself; zero: none */
	struct hash128 reply_id;
	size_t backfill; /* exchanges of the session that a request without any history
			    of its own gets back; 0: none */
	size_t budget_tokens;
};

/* A block for a turn. */
struct recall_put {
	size_t turn; /* which of the question's */
	struct str block;
	bool resent; /* it was put there by an earlier request */
};

/* Borrowed for the call. */
struct recall_answer {
	enum recall_status status;
	bool partial; /* the view was not complete yet */
	bool paused;  /* the partition takes nothing in */
	bool backfilled;
	const struct recall_put *puts; /* in order of their turns */
	size_t n_puts;
	size_t n_exchanges, tokens; /* of all of them */
	struct str sources; /* of the new block (memory/sticky.h), to be kept with its
			       turn; absent: there is none */
	struct str session; /* the one asked with; else found or new, if that was asked
			       for; else absent */
	uint64_t epoch;     /* for memory_keep(); where degraded, the last one known */
};
typedef void memory_recall_cb(void *arg, const struct recall_answer *a);

/*
 * The question is copied. Called back on the port's loop, never inline. The
 * caller keeps the deadline (config: memory.deadline, and memory.cold_deadline
 * once memory_recall_is_cold() says that the view is being built) and cancels;
 * the work already done for a cold view is kept.
 * NULL: out of memory, cb never runs.
 */
struct op *memory_recall(struct memory_port *p, const struct recall_question *q,
			 memory_recall_cb *cb, void *arg);
bool memory_recall_is_cold(const struct op *op);

/* Called back once kept (or refused: -ESTALE, -EPERM, -EIO …). */
typedef void memory_keep_cb(void *arg, int status);
/*
 * Copied; id, reply_digest, user_hash and reply_hash of an exchange and expires_ms are
 * made by the service (redaction and capping too: x holds cleaned texts). Cancelling
 * gives up the callback, not the keeping. NULL: out of memory or the queue is full
 * (memory_stats counts it), cb never runs.
 */
struct op *memory_keep(struct memory_port *p, const struct exchange *x, uint64_t epoch,
		       memory_keep_cb *cb, void *arg);

/* Pings the store. Called back on the port's loop with 0 or -errno. */
struct op *memory_ping(struct memory_port *p, memory_keep_cb *cb, void *arg);

struct memory_stats {
	uint64_t recalls, kept, keep_failed, keep_dropped;
	uint64_t views, view_bytes, views_built, views_evicted;
	uint64_t queue; /* messages under way to the thread */
	uint64_t store_errors;
	struct spool_stats spool; /* all zero: there is none */
};
/* From any thread; figures may be a moment old. */
void memory_stats(const struct memory *m, struct memory_stats *ret);
const char *memory_store_name(const struct memory *m); /* "sqlite" */

#endif
