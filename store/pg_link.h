/*
 * pg_link.h - one connection to PostgreSQL on an event loop, and jobs for it.
 *
 * Jobs go out in order, many before the first has been answered (libpq's
 * pipeline mode), each a transaction of its own: one that fails takes no other
 * with it, and a pooler in transaction mode can follow. What has been waiting is
 * bounded, so that a server that lags holds no copy of all of it.
 *
 * When the connection is lost, every job on it is done with -EIO, and until
 * there is another, so is every new one. Connecting again goes on in the
 * background, with longer and longer pauses.
 */
#ifndef STORE_PG_LINK_H
#define STORE_PG_LINK_H

#include "base/log.h"
#include "store/pg_job.h"

struct pg_limits {
	int stall_ms;  /* not a word while something is asked: it counts as lost */
	int pause_ms;  /* before the first attempt to connect again … */
	int pauses_ms; /* … and at most, for it doubles with each */
	int answer_ms; /* an operation's callback waits no longer */
};

/*
 * job->result is there where status is 0. It is the callee's now, and may be
 * pushed again. Not told: a job that was unheard before it was sent, and need
 * not be run: it is freed.
 */
typedef void pg_link_done_cb(void *arg, struct pg_job *job, int status);

struct pg_link_deps {
	struct event_base *base;
	struct log log;
	const char *url; /* borrowed */
	const struct pg_limits *limits;
	pg_link_done_cb *done;
	void *arg;
};

struct pg_link;

/* Takes `conn` over, also on failure. NULL when out of memory. */
struct pg_link *pg_link_new(const struct pg_link_deps *deps, PGconn *conn);
/* Every job must be done. NULL is fine. */
void pg_link_free(struct pg_link *l);
bool pg_link_is_up(const struct pg_link *l);
/* Where it is down, done before the call returns; else never. */
void pg_link_push(struct pg_link *l, struct pg_job *job);
/* Whether jobs other than this one, which is done, are on their way or waiting. */
bool pg_link_is_busy(const struct pg_link *l);
/* Has every job done with -ECANCELED. */
void pg_link_cancel(struct pg_link *l);
/* Blocks until every job is done. */
void pg_link_drain(struct pg_link *l);
/* As if it had been lost: the next one may lead to a better server. */
void pg_link_lose(struct pg_link *l);

#endif
