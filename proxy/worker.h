/*
 * worker.h - one event loop on a thread of its own, with its app.
 *
 * Whoever controls it talks to it by messages; it answers with one, when it
 * has ended.
 */
#ifndef PROXY_WORKER_H
#define PROXY_WORKER_H

#include "base/clock.h"
#include "base/log.h"
#include "base/rng.h"
#include "config/config.h"

struct mailbox;
struct memory;
struct metrics;
struct worker;

struct worker_deps {
	const struct clock *clock;
	const struct rng *rng;
	struct log log;
	int listen_fd;           /* borrowed */
	struct memory *memory;   /* borrowed; NULL: none */
	struct metrics *metrics; /* borrowed; this worker's */
	const struct metrics *const *all_metrics;
	size_t n_metrics;
	/* Gets one mail (of the worker's own) when the loop has ended. Borrowed. */
	struct mailbox *ended;
};

/* Starts the thread. 0, -errno, or -EINVAL with errors in the report. */
int worker_start(const struct worker_deps *deps, struct config *cfg,
		 struct config_report *report, struct worker **ret);
/* Requests that begin from soon on use cfg; takes its own reference. */
void worker_set_config(struct worker *w, struct config *cfg);
/* Ends when the last request has, or after drain_ms. */
void worker_drain(struct worker *w, uint64_t drain_ms);
/* Ends at the next turn of its loop. */
void worker_stop(struct worker *w);
/* Waits for its thread. NULL is fine. */
void worker_join(struct worker *w);

#endif
