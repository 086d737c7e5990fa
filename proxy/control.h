/*
 * control.h - the running program: workers, signals, reloads, and the end.
 *
 * The calling thread does nothing else. SIGTERM and SIGINT drain, a second one
 * ends at once, SIGHUP reads the configuration again.
 */
#ifndef PROXY_CONTROL_H
#define PROXY_CONTROL_H

#include "base/clock.h"
#include "base/log.h"
#include "base/rng.h"
#include "config/config.h"

struct memory;

struct control_deps {
	const struct clock *clock;
	const struct rng *rng;
	struct log_sink *sink;
	struct log log;
	const struct config_source *source; /* read again at a reload */
	uint64_t read_at_ms;                /* wall clock when reading cfg began */
	int listen_fd;
	struct memory *memory; /* NULL: none */
};

/*
 * To be called before any other thread is started: they inherit it, and the
 * signals reach control_run()'s thread alone.
 */
void control_block_signals(void);

/* Runs until told to end. 0, or -errno where it could not begin (said in the log). */
int control_run(const struct control_deps *deps, struct config *cfg);

#endif
