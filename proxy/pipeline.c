/* pipeline.c - runs a table of steps, some of which wait. */
#include "proxy/pipeline.h"

#include <assert.h>

void pipeline_init(struct pipeline *pl, const struct step *steps, size_t n,
		   const struct pipeline_owner *owner, const struct clock *clock,
		   void *subject)
{
	*pl = (struct pipeline){
		.steps = steps,
		.n_steps = n,
		.owner = owner,
		.clock = clock,
		.subject = subject,
		.step_began_us = clock_mono_us(clock),
	};
}

/* A row's end is the next one's beginning: one look at the clock a row. */
static void report(struct pipeline *pl, enum step_result r)
{
	uint64_t now = clock_mono_us(pl->clock);

	if (pl->owner->on_step)
		pl->owner->on_step(pl->subject, pl->pos, r, now - pl->step_began_us);
	pl->step_began_us = now;
}

static enum step_result run_row(struct pipeline *pl)
{
	const struct step *st = &pl->steps[pl->pos];
	step_fn *fn = pl->waiting ? st->finish : st->start;
	enum step_result r;

	if (!pl->waiting && (st->flags & pl->skip))
		return STEP_NEXT;
	pl->waiting = false;
	pl->resumed = false;
	r = fn(pl->subject);
	if (r == STEP_WAIT) {
		assert(st->finish);
		pl->waiting = true;
		return r;
	}
	report(pl, r);
	if (r == STEP_FAIL && (st->flags & STEP_OPTIONAL))
		r = STEP_NEXT;
	return r;
}

void pipeline_run(struct pipeline *pl)
{
	enum step_result r;

	assert(!pl->running);
	pl->running = true;
	do {
		r = run_row(pl);
		if (r == STEP_NEXT && ++pl->pos == pl->n_steps)
			r = STEP_END;
	} while (!pl->stopped && (r == STEP_NEXT || (r == STEP_WAIT && pl->resumed)));
	pl->running = false;
	if (pl->stopped)
		r = STEP_FAIL;
	if (r != STEP_WAIT)
		pl->owner->on_end(pl->subject, r); /* pl may be gone now */
}

void pipeline_resume(struct pipeline *pl)
{
	pl->resumed = true;
	if (!pl->running)
		pipeline_run(pl);
}

void pipeline_stop(struct pipeline *pl)
{
	if (pl->stopped)
		return;
	pl->stopped = true;
	if (!pl->running)
		pl->owner->on_end(pl->subject, STEP_FAIL);
}
