/*
 * pipeline.h - runs a table of steps, some of which wait. Knows no HTTP.
 *
 * A row's start() does its work or begins something that calls back later, and
 * then finish() goes on from there. Completion inside start() and later look
 * the same, and no stack grows. Each row run is reported with its time.
 */
#ifndef PROXY_PIPELINE_H
#define PROXY_PIPELINE_H

#include "base/clock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum step_result {
	STEP_NEXT, /* done: go on with the next row */
	STEP_WAIT, /* something is under way: pipeline_resume() will follow */
	STEP_FAIL, /* end here, unless the row is STEP_OPTIONAL */
	STEP_END,  /* end here, all is well */
};

typedef enum step_result step_fn(void *subject);

enum step_flags {
	STEP_OPTIONAL = 1 << 0, /* on STEP_FAIL: note it and go on */
	STEP_MEMORY = 1 << 1,   /* for traffic that has memory */
};

struct step {
	const char *name; /* log field and metrics label */
	step_fn *start;
	step_fn *finish; /* after a wait; NULL: the row never waits */
	unsigned flags;
};

struct pipeline_owner {
	/* A row is done; `us`: from its start to its end, waits included. May be NULL. */
	void (*on_step)(void *subject, size_t row, enum step_result r, uint64_t us);
	void (*on_end)(void *subject, enum step_result r); /* may free the subject */
};

/* Embedded in its subject. */
struct pipeline {
	const struct step *steps;
	size_t n_steps, pos;
	const struct pipeline_owner *owner;
	const struct clock *clock;
	void *subject;
	uint64_t step_began_us;
	unsigned skip; /* rows with any of these flags are passed over */
	bool running, waiting, resumed, stopped;
};

void pipeline_init(struct pipeline *pl, const struct step *steps, size_t n,
		   const struct pipeline_owner *owner, const struct clock *clock,
		   void *subject);
void pipeline_run(struct pipeline *pl);
/* From a completion callback, whether inside start()/finish() or later. */
void pipeline_resume(struct pipeline *pl);
/*
 * Ends early, from anywhere: at once while waiting, else as soon as the step
 * under way returns. The caller has cancelled what was awaited.
 */
void pipeline_stop(struct pipeline *pl);

#endif
