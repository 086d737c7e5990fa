/*
 * spool_read.c - reads, completed with what waits.
 *
 * First the file is asked, then the store: what is sent in between comes from both, and
 * is told apart by its id. The other way round it could come from neither.
 */
#include "base/arena.h"
#include "store/spool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is_known(const struct answer *a, const struct exchange *x)
{
	for (size_t i = 0; i < a->n_rows; i++)
		if (exchange_id_eq(&a->exchanges[i].id, &x->id))
			return true;
	return false;
}

/* Appends what was found to v[n], but for what the store has told as well. */
static size_t add_found(const struct spool_op *op, const struct answer *a,
			struct exchange *v, size_t n)
{
	const struct spool_job *j = op->found;

	for (size_t i = 0; i < j->n_rows; i++) {
		struct answer so_far = { .exchanges = v, .n_rows = n };

		v[n] = j->rows[i].x;
		v[n].partition = op->call.x.partition;
		v[n].seq = STORE_SEQ_PROVISIONAL + j->rows[i].n;
		/* The same may have been told twice, so that it waits twice. */
		if (!is_known(a, &v[n]) && !is_known(&so_far, &v[n]))
			n++;
	}
	return n;
}

static size_t add_told(const struct answer *a, struct exchange *v, size_t n)
{
	if (a->n_rows > 0)
		memcpy(&v[n], a->exchanges, a->n_rows * sizeof(*v));
	return n + a->n_rows;
}

/* Whether the log has no more than this for who reads on. */
static bool is_last_page(const struct answer *a)
{
	return a->n_rows == 0 || a->exchanges[a->n_rows - 1].seq >= a->head.head;
}

static uint64_t first_waiting(const struct spool_op *op)
{
	const struct spool_job *j = op->found;
	uint64_t n = UINT64_MAX;

	for (size_t i = 0; i < j->n_rows; i++)
		n = j->rows[i].n < n ? j->rows[i].n : n;
	return n;
}

/* 0 or -ENOMEM. */
static int merge(const struct spool_op *op, struct answer *a)
{
	const struct spool_job *j = op->found;
	struct exchange *v =
		arena_alloc(op->mem, (j->n_rows + a->n_rows) * sizeof(*v) + 1);
	size_t n = 0;

	if (!v)
		return -ENOMEM;
	if (op->call.kind == CALL_READ_BEFORE)
		n = add_told(a, v, add_found(op, a, v, 0));
	else if (op->call.kind == CALL_GET)
		n = a->n_rows ? add_told(a, v, 0) : add_found(op, a, v, 0);
	else
		n = is_last_page(a) ? add_found(op, a, v, add_told(a, v, 0))
				    : add_told(a, v, 0);
	if (a->head.first == 0 && j->n_rows > 0)
		a->head.first = STORE_SEQ_PROVISIONAL + first_waiting(op);
	a->exchanges = v;
	a->n_rows = n;
	if (op->call.kind == CALL_GET && n > 0)
		a->status = 0;
	return 0;
}

/* A store that has less than it had once: a replica took over. */
static void check_head(struct spool *s, const struct spool_op *op, const struct answer *a)
{
	struct spool_part *p = part_find(s, &op->call.x.partition);

	if (a->status == 0 && p && p->head > a->head.head) {
		p->head = a->head.head;
		s->suspect = true;
		spool_replay(s);
	}
}

static void on_read(struct call_sink *sink, const struct answer *answer)
{
	struct spool_op *op = (void *)((char *)sink - offsetof(struct spool_op, sink));
	struct answer a = *answer;

	op->inner = NULL;
	spool_observe(op->spool, a.status);
	check_head(op->spool, op, &a);
	if (op->found && (a.status == 0 || a.status == -ENOENT) && merge(op, &a) < 0)
		a = (struct answer){ .status = -ENOMEM };
	spool_op_end(op, &a);
}

/* What is left to ask of the store for. */
static struct call rest_of(const struct spool_op *op)
{
	struct call c = op->call;
	size_t used = 0;

	for (size_t i = 0; op->found && i < op->found->n_rows; i++)
		used += exchange_bytes(&op->found->rows[i].x);
	if (c.kind == CALL_READ_SINCE && c.cursor >= STORE_SEQ_PROVISIONAL)
		c.cursor = STORE_SEQ_PROVISIONAL - 1;
	if (c.kind == CALL_READ_BEFORE && op->found && op->found->n_rows > 0) {
		bool full = op->found->more || used >= c.bytes;

		c.bytes = full ? 0 : c.bytes - used;
		c.cursor = full ? 0 : c.cursor;
	}
	if (c.kind == CALL_READ_BEFORE && c.cursor >= STORE_SEQ_PROVISIONAL)
		c.cursor = UINT64_MAX;
	return c;
}

static void ask_store(struct spool_op *op)
{
	const struct call c = rest_of(op);

	spool_op_ask(op, &c, on_read);
}

static void on_found(struct spool_job *j)
{
	struct spool_op *op = j->op;
	int status = j->job.answer.status;

	op->found = j; /* freed with it */
	if (op->cancelled || op->spool->closing)
		spool_op_fail(op, -ECANCELED);
	else if (status < 0)
		spool_op_fail(op, status);
	else
		ask_store(op);
}

/* Whether the read can find anything that waits. */
static bool looks_at_waiting(const struct spool_op *op, const struct spool_part *p)
{
	return p && p->n_waiting > 0 &&
	       !(op->call.kind == CALL_READ_BEFORE &&
		 op->call.cursor <= STORE_SEQ_PROVISIONAL);
}

void spool_read_begin(struct spool_op *op)
{
	struct spool *s = op->spool;
	struct spool_part *p = part_find(s, &op->call.x.partition);
	const struct call *c = &op->call;
	struct spool_job *j;

	if (!looks_at_waiting(op, p)) {
		ask_store(op);
		return;
	}
	j = spool_job_new(s, spool_read, "read", on_found);
	if (!j) {
		spool_op_fail(op, -ENOMEM);
		return;
	}
	j->op = op;
	j->who = p->mark;
	j->n = s->last_n;
	j->by_id = c->kind == CALL_GET;
	j->newest_first = c->kind == CALL_READ_BEFORE;
	j->job.call.x.id = c->x.id;
	j->job.call.bytes = c->bytes;
	if (j->newest_first && c->cursor - STORE_SEQ_PROVISIONAL <= j->n)
		j->n = c->cursor - STORE_SEQ_PROVISIONAL - 1;
	if (c->kind == CALL_READ_SINCE && c->cursor > STORE_SEQ_PROVISIONAL)
		j->after = c->cursor - STORE_SEQ_PROVISIONAL;
	if (c->kind == CALL_READ_SINCE && c->bytes < SPOOL_TOLD_BYTES)
		j->job.call.bytes = SPOOL_TOLD_BYTES;
	spool_push(s, j);
}
