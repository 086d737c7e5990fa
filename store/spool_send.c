/*
 * spool_send.c - the head of each queue to the store.
 *
 * Each partition sends one thing at a time, so that a failure cannot put what follows
 * before it; up to SPOOL_WIDTH partitions send side by side. When the store fails, all
 * pause, and at each tick of the retry one partition tries. One that fails while others
 * go through (a shard that is away, an entry that the store chokes on) pauses alone,
 * longer each time.
 */
#include "base/arena.h"
#include "store/spool.h"

#include <errno.h>

enum {
	STRIKES = 5,
	SKIP_MAX = 100,
	REPLAYS = 12, /* within replay_ms */
};

static void start_item(struct spool_part *p);

bool spool_is_failure(int status)
{
	switch (status) {
	case 0:
	case -ENOENT:
	case -ESTALE:
	case -EPERM:
	case -EINVAL:
	case -ECANCELED:
		return false;
	default:
		return true;
	}
}

/* --- who is next -------------------------------------------------------------------- */

static void arm_retry(struct spool *s)
{
	const struct timeval tv = { (time_t)(s->retry_ms / 1000),
				    (suseconds_t)(s->retry_ms % 1000 * 1000) };

	if (!s->closing && !evtimer_pending(s->retry, NULL))
		evtimer_add(s->retry, &tv);
}

static bool can_start(const struct spool_part *p)
{
	const struct spool_item *item = part_first(p);

	return item && item->committed && p->busy == 0;
}

void spool_send(struct spool *s)
{
	struct spool_part *p;

	if (s->sending)
		return; /* further up the stack it is */
	s->sending = true;
	while (!s->closing && (p = TAILQ_FIRST(&s->ready))) {
		/* Somebody waits for a change: it is tried however the store is. */
		if (s->in_flight >= s->width && p->n_changes == 0)
			break;
		TAILQ_REMOVE(&s->ready, p, entry);
		p->ready = false;
		if (can_start(p))
			start_item(p);
	}
	s->sending = false;
}

static void unstall(struct spool_part *p)
{
	struct spool *s = p->spool;

	TAILQ_REMOVE(&s->stalled, p, entry);
	p->stalled = false;
	p->ready = true;
	TAILQ_INSERT_TAIL(&s->ready, p, entry);
}

void part_wake(struct spool_part *p)
{
	struct spool *s = p->spool;

	/* Somebody who waits for a change goes before those who wait for their turn. */
	if (!can_start(p) || ((p->ready || p->stalled) && p->n_changes == 0))
		return;
	if (p->ready)
		TAILQ_REMOVE(&s->ready, p, entry);
	else if (p->stalled)
		TAILQ_REMOVE(&s->stalled, p, entry);
	p->stalled = false;
	p->ready = true;
	if (p->n_changes > 0)
		TAILQ_INSERT_HEAD(&s->ready, p, entry);
	else
		TAILQ_INSERT_TAIL(&s->ready, p, entry);
	spool_send(s);
}

void part_hold(struct spool_part *p)
{
	p->busy++;
	p->spool->in_flight++;
}

void part_done(struct spool_part *p)
{
	struct spool *s = p->spool;

	p->busy--;
	s->in_flight--;
	part_wake(p);
	spool_send(s);
}

/* --- how the store is --------------------------------------------------------------- */

void spool_failed(struct spool *s)
{
	s->suspect = true;
	s->width = 0;
	if (!evtimer_pending(s->retry, NULL)) {
		arm_retry(s);
		s->retry_ms = s->retry_ms * 2 < s->o.retry_max_ms ? s->retry_ms * 2
								  : s->o.retry_max_ms;
	}
}

void spool_worked(struct spool *s)
{
	struct spool_part *p;

	if (s->width < SPOOL_WIDTH) /* they had failed together */
		while ((p = TAILQ_FIRST(&s->stalled)))
			unstall(p);
	s->width = SPOOL_WIDTH;
	s->retry_ms = s->o.retry_ms;
	if (s->suspect)
		spool_replay(s);
}

void spool_retry(evutil_socket_t fd, short what, void *arg)
{
	struct spool *s = arg;
	struct spool_part *p, *next;

	(void)fd;
	(void)what;
	for (p = TAILQ_FIRST(&s->stalled); p; p = next) {
		next = TAILQ_NEXT(p, entry);
		if (p->skip > 0)
			p->skip--;
		else
			unstall(p);
	}
	if (s->width == 0)
		s->width = 1;
	spool_send(s);
	if (!TAILQ_EMPTY(&s->stalled))
		arm_retry(s);
}

static void stall(struct spool *s, struct spool_part *p)
{
	p->skip = p->failures < 7 ? (1U << p->failures) - 1 : SKIP_MAX;
	p->failures++;
	p->stalled = true;
	TAILQ_INSERT_TAIL(&s->stalled, p, entry);
}

/* --- one entry ---------------------------------------------------------------------- */

static void on_settled(struct spool_job *j)
{
	struct spool *s = j->spool;

	if (j->changed && j->job.answer.status == 0) {
		if (j->replayed)
			s->done_bytes -= j->bytes;
		if (j->fate == FATE_DONE)
			s->done_bytes += j->bytes;
		if (j->fate == FATE_DEAD) {
			s->dead_bytes += j->bytes;
			s->stats.dead++;
		}
	}
	spool_job_free(j);
}

/* Without memory for the note it stays in the file, and is sent again after a start. */
static void settle(struct spool_item *item, enum spool_fate fate, int reason)
{
	struct spool *s = item->spool;
	struct spool_job *j = spool_job_new(s, spool_settle, "settle", on_settled);

	if (!j)
		return;
	j->n = item->n;
	j->bytes = item->bytes;
	j->fate = fate;
	j->reason = reason;
	j->replayed = item->kind == ITEM_REPLAY;
	spool_push(s, j);
}

static void count_sent(struct spool_item *item, uint64_t seq)
{
	struct spool *s = item->spool;

	s->sent++;
	item->part->failures = 0;
	if (seq > item->part->head)
		item->part->head = seq;
	item->part->head_ms = clock_wall_ms(s->clock);
	if (item->kind == ITEM_REPLAY) {
		s->stats.replayed++;
		return;
	}
	s->stats.sent++;
	s->stats.delay_us += clock_mono_us(s->clock) - item->told_us;
}

/* The store has had its last word about it. */
static void finish(struct spool_item *item, enum spool_fate fate, const struct answer *a)
{
	struct spool *s = item->spool;
	struct spool_part *p = item->part;
	struct spool_op *op = item->op;

	if (fate == FATE_DONE)
		count_sent(item, a->n);
	else if (fate == FATE_DROPPED)
		s->stats.unwanted += item->kind == ITEM_APPEND;
	if (fate != FATE_DONE || item->kind == ITEM_APPEND)
		settle(item, fate, a->status);
	item_free(item);
	if (op) {
		op->item = NULL;
		spool_op_end(op, a);
	}
	part_done(p);
}

static void bury(struct spool_item *item, const struct answer *a)
{
	struct spool *s = item->spool;

	if (item->kind == ITEM_REPLAY) { /* it was taken once */
		finish(item, FATE_DROPPED, a);
		return;
	}
	s->stats.refused++;
	log_warn(&s->log, "the store refuses an exchange for good (%s): put aside",
		 a->status == -EINVAL ? "invalid" : "it fails while others do not");
	finish(item, FATE_DEAD, a);
}

/* Counts only failures between which the store took something else. */
static bool is_hopeless(struct spool_item *item)
{
	struct spool *s = item->spool;
	uint64_t now = clock_mono_us(s->clock);

	if (item->strikes == 0) {
		item->refused_us = now;
		item->strikes = 1;
	} else if (s->sent != item->others_sent) {
		item->strikes++;
	}
	item->others_sent = s->sent;
	return item->strikes > STRIKES && now - item->refused_us >= s->o.refuse_ms * 1000;
}

static void retry_later(struct spool_item *item, int status)
{
	struct spool *s = item->spool;
	struct spool_part *p = item->part;

	stall(s, p);
	changes_fail(p, status);
	spool_failed(s);
	part_done(p);
}

static void on_sent(struct call_sink *sink, const struct answer *a)
{
	struct spool_item *item =
		(void *)((char *)sink - offsetof(struct spool_item, sink));
	struct spool *s = item->spool;

	if (a->status == -ECANCELED) { /* the close; it stays in the file */
		part_done(item->part);
		return;
	}
	if (spool_is_failure(a->status)) {
		if (is_hopeless(item))
			bury(item, a);
		else
			retry_later(item, a->status);
		return;
	}
	spool_worked(s);
	if (a->status == 0)
		finish(item, FATE_DONE, a);
	else if (a->status == -ESTALE || a->status == -EPERM)
		finish(item, FATE_DROPPED, a);
	else
		bury(item, a);
}

/* What was taken once and has expired since must not be made anew. */
static bool has_expired(const struct spool_item *item, const struct exchange *x)
{
	const struct spool *s = item->spool;

	return item->kind == ITEM_REPLAY && x->expires_ms > 0 &&
	       x->expires_ms <= clock_wall_ms(s->clock);
}

static void on_loaded(struct spool_job *j)
{
	struct spool_item *item = j->item;
	struct spool *s = j->spool;

	if (s->closing) {
		part_done(item->part);
	} else if (j->job.answer.status < 0) {
		retry_later(item, j->job.answer.status);
	} else if (j->n_rows == 0 || has_expired(item, &j->rows[0].x)) {
		/* Or it was deleted meanwhile: forgotten. */
		finish(item, FATE_DROPPED, &(struct answer){ .status = -ESTALE });
	} else {
		struct exchange *x = &j->rows[0].x;

		x->partition = item->part->partition;
		item->sink.answer = on_sent;
		call_run(s->inner,
			 &(struct call){ .kind = CALL_APPEND,
					 .x = *x,
					 .epoch = j->rows[0].epoch },
			 &item->sink);
	}
	spool_job_free(j);
}

static void start_item(struct spool_part *p)
{
	struct spool_item *item = part_first(p);
	struct spool *s = item->spool;
	struct spool_job *j;

	part_hold(p);
	if (item->kind == ITEM_CHANGE) {
		change_start(item->op);
		return;
	}
	j = spool_job_new(s, spool_load, "load", on_loaded);
	if (!j) {
		retry_later(item, -ENOMEM);
		return;
	}
	j->n = item->n;
	j->item = item;
	spool_push(s, j);
}

/* --- replays ------------------------------------------------------------------------ */

static void on_listed(struct spool_job *j)
{
	struct spool *s = j->spool;

	s->replaying--;
	s->suspect = s->suspect || j->job.answer.status < 0;
	for (size_t i = 0; !s->closing && i < j->n_rows; i++) {
		struct spool_part *p = part_get(s, &j->rows[i].x.partition);

		if (p && item_new(s, p, ITEM_REPLAY, j->rows[i].n, j->rows[i].bytes))
			part_wake(p);
		else
			s->suspect = true; /* another time */
	}
	spool_job_free(j);
}

void spool_replay(struct spool *s)
{
	struct spool_job *j;

	uint64_t now = clock_mono_us(s->clock);

	/* A store that keeps failing is not made to work more for it. */
	if (s->replaying > 0 || s->closing ||
	    (s->replay_us > 0 && now - s->replay_us < s->o.replay_ms * 1000 / REPLAYS))
		return;
	j = spool_job_new(s, spool_list_done, "list", on_listed);
	if (!j)
		return;
	s->suspect = false;
	s->replay_us = now;
	s->replaying++;
	spool_push(s, j);
}
