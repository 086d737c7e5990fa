/*
 * sqlite_job.h - one operation on its way to a lane and back.
 *
 * It belongs to whoever holds it: the opener until it is pushed, the lane until
 * it pushes it back. Only `cancelled` is touched from both sides. The spool's jobs
 * (store/spool_file.h) begin with one of these.
 */
#ifndef STORE_SQLITE_JOB_H
#define STORE_SQLITE_JOB_H

#include "base/mailbox.h"
#include "store/call.h"

#include <stdatomic.h>

struct arena;
struct db;

struct job;

/*
 * Runs inside the lane's transaction. 0: job->answer holds what came of it;
 * -errno: the database failed, and what the job did so far has to be undone.
 */
typedef int job_fn(struct db *db, struct job *job);

struct job {
	struct op op;
	struct mail mail;
	struct arena *mem; /* holds the job, its arguments and its answer */
	job_fn *run;
	const char *name; /* for the log */
	bool writes;      /* it may change something */
	struct call call;
	uint64_t now_ms;
	struct exchange_id session_mark; /* append, forget: stands for call.x.session */
	atomic_bool cancelled;
	struct answer answer;
	bool wipes; /* the lane: empty the log before telling of it */
	bool again; /* the lane: run it once more, it did only a part */
	bool counted;
	struct store_stats stats; /* where counted: of the whole database */
};

static inline struct job *job_of(struct mail *m)
{
	return (struct job *)(void *)((char *)m - offsetof(struct job, mail));
}

/* One for each kind of call. */
job_fn sqlite_append, sqlite_edit, sqlite_forget, sqlite_pause, sqlite_expire,
	sqlite_trim;
job_fn sqlite_read_since, sqlite_read_before, sqlite_get, sqlite_users, sqlite_sessions;

/* How much there is, into job->stats. */
int sqlite_count(struct db *db, struct store_stats *ret);

/* A partition's row. */
struct partition_row {
	uint64_t p; /* 0: there is none */
	struct store_head head;
	uint64_t forgot;
};

/* 0 or -errno; ret->p says whether there is one. */
int sqlite_find_partition(struct db *db, const struct partition *p,
			  struct partition_row *ret);
/* An exchange's place by its id; *seq 0: there is none. */
int sqlite_find_exchange(struct db *db, uint64_t p, const struct exchange_id *id,
			 uint64_t *seq);
/* The texts of the exchange at k, copied into the arena. */
int sqlite_read_body(struct db *db, struct arena *mem, uint64_t k, struct exchange *ret);

/* A growing array in an arena. */
struct rows {
	struct arena *mem;
	void *v;
	size_t n, cap, size;
};

void *rows_next(struct rows *r); /* zeroed; NULL: out of memory */

/* Keys of a partition's exchanges: sqlite_schema.c. */
#define SEQ_MAX UINT32_MAX

static inline uint64_t exchange_key(uint64_t p, uint64_t seq)
{
	return p << 32 | (seq < SEQ_MAX ? seq : SEQ_MAX);
}

static inline uint64_t key_seq(uint64_t k)
{
	return k & SEQ_MAX;
}

#endif
