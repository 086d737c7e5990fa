/*
 * recall_fetch.c - sources of blocks that a view has not come to yet.
 *
 * A large user's first question after a restart is answered from the newest part of
 * their log. What earlier requests of the conversation put in may be older; it has to
 * be put back whole, so it is read by its ids before the answer.
 */
#include "memory/service.h"

#include <string.h>

enum { FETCH_MAX = 128 }; /* exchanges: more than three budgets of the default hold */

struct fetch;

struct fetched {
	struct fetch *fetch;
	struct op *op; /* NULL: it has come back */
};

struct fetch {
	struct question *q;
	size_t left; /* not back yet, and one for the beginning */
	size_t n;
	struct fetched v[FETCH_MAX];
};

static bool is_last(struct fetch *f)
{
	return --f->left == 0;
}

/* One that is gone, or does not come in, is left out of its block. */
static void on_got(void *arg, int status, const struct store_head *head,
		   const struct exchange *v, size_t n)
{
	struct fetched *got = arg;
	struct fetch *f = got->fetch;
	struct slot *s = f->q->slot;

	got->op = NULL;
	if (!status && n && s->view && s->known && head->epoch == s->head.epoch)
		view_add(s->view, &v[0]);
	if (is_last(f))
		question_fetched(f->q);
}

static void get(struct memory *m, struct fetch *f, const struct exchange_id *id)
{
	struct fetched *new = &f->v[f->n++];
	struct op *op;

	new->fetch = f;
	f->left++;
	op = store_get(m->store, &f->q->slot->partition, id, on_got, new);
	if (op)
		new->op = op;
}

bool question_fetch(struct memory *m, struct question *q)
{
	struct exchange_id ids[FETCH_MAX];
	size_t n = recall_missing(m, q, ids, FETCH_MAX);
	struct fetch *f = n ? arena_alloc(q->msg.arena, sizeof(*f)) : NULL;

	if (!f)
		return false;
	f->q = q;
	f->left = 1;
	for (size_t i = 0; i < n; i++)
		get(m, f, &ids[i]);
	if (is_last(f))
		return false;
	q->fetch = f;
	return true;
}

void question_fetch_end(struct question *q)
{
	struct fetch *f = q->fetch;

	q->fetch = NULL;
	for (size_t i = 0; f && i < f->n; i++)
		op_cancel(f->v[i].op);
}
