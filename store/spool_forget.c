/* spool_forget.c - changes, and what they take out of the file. */
#include "store/spool.h"

#include <errno.h>

/* The change is over: out of the queue, and answered. */
static void end_change(struct spool_op *op, const struct answer *a)
{
	struct spool_part *p = op->item->part;
	struct spool_item *item = op->item;

	op->item = NULL;
	item_free(item);
	spool_op_end(op, a);
	part_done(p);
}

static void forget_rows(struct spool *s, const struct spool_job *j)
{
	for (size_t i = 0; i < j->n_rows; i++)
		spool_row_gone(s, &j->rows[i]);
}

/* Dead letters that a forget has found count, for the store has never had them. */
static void on_purged(struct spool_job *j)
{
	struct spool_op *op = j->op;
	struct answer a = op->answer;

	forget_rows(op->spool, j);
	if (op->call.kind == CALL_FORGET && (a.status == 0 || a.status == -ENOENT)) {
		a.n += j->job.answer.n;
		a.status = a.n > 0 ? 0 : -ENOENT;
	}
	/* The texts may still be there: nobody shall be told otherwise. */
	if (j->job.answer.status < 0)
		a.status = j->job.answer.status;
	spool_job_free(j);
	end_change(op, &a);
}

/* Deletes what the change names and was told before it, then answers. */
static void purge(struct spool_op *op, const struct answer *a)
{
	struct spool *s = op->spool;
	struct spool_job *j = spool_job_new(s, spool_purge, "purge", on_purged);

	if (!j) {
		end_change(op, &(struct answer){ .status = -ENOMEM });
		return;
	}
	op->answer = (struct answer){ .status = a->status, .n = a->n };
	j->op = op;
	j->who = op->item->part->mark;
	j->n = op->item->n;
	j->by_id = op->call.kind == CALL_EDIT || op->call.has_id;
	j->by_session = !j->by_id && op->call.x.session.p;
	j->job.call.x.id = op->call.x.id;
	if (j->by_session)
		j->session = spool_session_mark(s, op->call.x.session);
	spool_push(s, j);
}

static bool purges(const struct spool_op *op, int status)
{
	if (op->call.kind == CALL_FORGET)
		return status != -ECANCELED;
	return op->call.kind == CALL_EDIT && status == 0;
}

static void on_tidied(struct spool_job *j)
{
	forget_rows(j->spool, j);
	j->spool->stats.dropped += j->job.answer.n; /* dead letters that were too many */
	spool_job_free(j);
}

/* What has been trimmed is not told again. */
static void cut(struct spool_op *op)
{
	struct spool *s = op->spool;
	struct spool_job *j = spool_job_new(s, spool_cut, "cut", on_tidied);

	if (!j)
		return;
	j->who = op->item->part->mark;
	j->job.call.keep = op->call.keep;
	spool_push(s, j);
}

static void on_changed(struct call_sink *sink, const struct answer *a)
{
	struct spool_op *op = (void *)((char *)sink - offsetof(struct spool_op, sink));
	struct spool *s = op->spool;

	op->inner = NULL;
	if (spool_is_failure(a->status))
		spool_failed(s);
	else if (a->status != -ECANCELED)
		spool_worked(s);
	if (a->status == 0 && op->call.kind == CALL_TRIM && a->n > 0)
		cut(op);
	if (purges(op, a->status))
		purge(op, a);
	else
		end_change(op, a);
}

void change_start(struct spool_op *op)
{
	spool_op_ask(op, &op->call, on_changed);
}

void changes_fail(struct spool_part *p, int status)
{
	struct spool_item *item, *next;
	const struct answer a = { .status = status };

	for (item = part_first(p); item; item = next) {
		next = TAILQ_NEXT(item, entry);
		if (item->kind != ITEM_CHANGE || item->failing)
			continue;
		item->failing = true;
		part_hold(p); /* ended by end_change() */
		if (purges(item->op, status))
			purge(item->op, &a);
		else
			end_change(item->op, &a);
	}
}

void spool_tidy_up(struct spool *s)
{
	struct spool_job *j = spool_job_new(s, spool_tidy, "tidy", on_tidied);
	uint64_t now = clock_wall_ms(s->clock);

	if (!j)
		return;
	j->old_ms = now > s->o.replay_ms ? now - s->o.replay_ms : 0;
	parts_sweep(s, j->old_ms);
	spool_push(s, j);
}

static void on_dropped(struct spool_job *j)
{
	j->spool->dropping = false;
	on_tidied(j);
}

void spool_forgo_replay(struct spool *s)
{
	struct spool_job *j = spool_job_new(s, spool_drop_done, "drop", on_dropped);

	if (!j)
		return;
	s->dropping = true;
	spool_push(s, j);
}
