/*
 * spool.h - inside the spool: what its files share.
 *
 *	store_spool.c   opening, closing, and which way each call goes
 *	spool_queue.c   partitions and what waits in them
 *	spool_send.c    the head of each queue to the store, retries, replays
 *	spool_read.c    reads, completed with what waits
 *	spool_forget.c  changes, and what they take out of the file
 *	spool_adopt.c   files that another process left
 *	spool_file.c, spool_rows.c   the file, and what the lane does in it
 *
 * The opener's thread has the queues, without texts; the texts are in the file, which
 * is the lane's (sqlite_lane.h).
 */
#ifndef STORE_SPOOL_H
#define STORE_SPOOL_H

#include "store/call.h"
#include "store/spool_file.h"
#include "store/sqlite_lane.h"
#include "store/store_spool.h"

#include <event2/event.h>
#include <sys/queue.h>

enum item_kind {
	ITEM_APPEND, /* in the file, state SPOOL_WAITING */
	ITEM_REPLAY, /* in the file, state SPOOL_DONE */
	ITEM_CHANGE, /* a call of `op` */
};

struct spool_item {
	TAILQ_ENTRY(spool_item) entry;
	struct call_sink sink; /* append, replay: the store's answer */
	struct spool *spool;
	struct spool_part *part;
	enum item_kind kind;
	bool committed; /* append: the file has it */
	bool failing;   /* change: it is being told so */
	unsigned strikes;
	uint64_t n, bytes;
	uint64_t told_us;     /* append: when it came */
	uint64_t refused_us;  /* when it first failed while others did not; 0: never */
	uint64_t others_sent; /* spool.sent when it last failed */
	struct spool_op *op;  /* change; append: who is to be answered yet, or NULL */
};

TAILQ_HEAD(spool_items, spool_item);

/* How many partitions send at once. */
#define SPOOL_WIDTH 64
/* What waits is told by read_since() up to so much, however small the page. */
#define SPOOL_TOLD_BYTES ((size_t)1 << 20)

/* A partition, for as long as something of it is in the file or under way. */
struct spool_part {
	struct spool_part *chain;
	struct spool *spool;
	TAILQ_ENTRY(spool_part) entry; /* of spool.ready or spool.stalled */
	struct spool_items items;
	struct spool_item *last_replay; /* put in last; NULL: it has gone */
	struct partition partition;     /* points behind the struct */
	struct exchange_id mark;
	bool ready, stalled;
	unsigned busy;     /* its head is under way, or its entries are being deleted */
	unsigned failures; /* in a row */
	unsigned skip;     /* retries to let pass, while stalled */
	size_t n_waiting;  /* appends */
	size_t n_changes;
	uint64_t head; /* the last seq it was given; 0: none */
	uint64_t head_ms;
};

TAILQ_HEAD(spool_parts, spool_part);

/* What the caller holds. */
struct spool_op {
	struct op op;
	struct call_sink sink;
	TAILQ_ENTRY(spool_op) entry;
	struct spool *spool;
	struct arena *mem; /* holds it and the call */
	struct call call;
	struct spool_item *item; /* change, while it is queued; append */
	struct spool_job *found; /* read: what waits */
	struct op *inner;        /* the store's */
	bool cancelled;
	bool *ended;          /* told when it ends while it is being submitted */
	struct answer answer; /* forget, edit: while the file is being purged */
};

struct spool {
	struct call_store base;
	struct store_ops ops; /* with the name of `inner` */
	struct store *inner;  /* owned */
	struct spool_options o;
	char *path; /* owned; o.path */
	const struct clock *clock;
	struct log log;
	struct digest mark; /* of the store behind, in the file */

	struct spool_file file; /* its db is the lane's */
	unsigned number;
	struct spool_file other; /* being adopted; lock -1: none */
	unsigned adopt_next;
	struct lane *lane;
	struct mailbox *results;
	struct event *on_results, *retry;

	TAILQ_HEAD(, spool_op) ops_under_way;
	struct spool_part **buckets;
	size_t n_buckets, n_parts;
	struct spool_parts ready, stalled;
	unsigned width, in_flight; /* how many partitions send at once */
	uint64_t retry_ms;
	uint64_t sent; /* what the store took */
	uint64_t last_n;
	size_t replaying;   /* items, and 1 while they are being listed */
	uint64_t replay_us; /* when the last one began */
	bool suspect;       /* the store has failed since */
	bool dropping;      /* what is done is being deleted */
	bool sending, closing;

	uint64_t waiting_bytes, done_bytes, dead_bytes;
	struct spool_stats stats;
};

/* spool_queue.c */
struct spool_part *part_find(struct spool *s, const struct partition *p);
struct spool_part *part_get(struct spool *s, const struct partition *p); /* or NULL */
/* Those with nothing left go. */
void parts_sweep(struct spool *s, uint64_t before_ms);
void parts_free(struct spool *s);
/* At its place: a replay before what is not under way yet, others last. NULL: no memory.
 */
struct spool_item *item_new(struct spool *s, struct spool_part *p, enum item_kind kind,
			    uint64_t n, uint64_t bytes);
void item_free(struct spool_item *item);                   /* out of its queue */
struct spool_item *part_first(const struct spool_part *p); /* NULL: empty */
/* It has been deleted from the file: it need not be in a queue. */
void spool_row_gone(struct spool *s, const struct spool_row *row);
uint64_t spool_oldest_us(const struct spool *s); /* UINT64_MAX: none waits */
struct exchange_id spool_session_mark(const struct spool *s, struct str session);

/* store_spool.c */
/* Its arena is the job's; NULL: out of memory. */
struct spool_job *spool_job_new(struct spool *s, job_fn *run, const char *name,
				void (*done)(struct spool_job *j));
/* The lane's answer comes to `done` on the loop, never at once; not after the close. */
void spool_push(struct spool *s, struct spool_job *j);
void spool_job_free(struct spool_job *j);
void spool_op_end(struct spool_op *op, const struct answer *a);
void spool_op_fail(struct spool_op *op, int status);
/* Has the store run it, perhaps at once; it must end the op, or begin something else. */
void spool_op_ask(struct spool_op *op, const struct call *c,
		  void (*answer)(struct call_sink *sink, const struct answer *a));
/* The store's answer to anything: it works, or fails. */
void spool_observe(struct spool *s, int status);

/* spool_send.c */
void part_wake(struct spool_part *p); /* something may be sent */
void part_done(struct spool_part *p); /* what kept it busy is over */
void part_hold(struct spool_part *p); /* until part_done() nothing of it is sent */
void spool_send(struct spool *s);
bool spool_is_failure(int status); /* of the store, for now */
void spool_failed(struct spool *s);
void spool_worked(struct spool *s);
void spool_retry(evutil_socket_t fd, short what, void *arg);
/* Tells again what was sent in the last while. */
void spool_replay(struct spool *s);

/* spool_read.c */
void spool_read_begin(struct spool_op *op);

/* spool_forget.c */
void change_start(struct spool_op *op); /* it is the head of its queue */
/* The store failed on what is before them. */
void changes_fail(struct spool_part *p, int status);
void spool_tidy_up(struct spool *s);
/* Makes room at the cost of what could be told again. */
void spool_forgo_replay(struct spool *s);

/* spool_adopt.c */
void spool_adopt_begin(struct spool *s);
void spool_adopt_end(struct spool *s); /* at the close */
/* Entries that are in the file, into the queues. */
int spool_take_index(struct spool *s, const struct spool_row *rows, size_t n);

#endif
