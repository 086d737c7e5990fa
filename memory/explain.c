/* explain.c - what a question would find, and why. */
#include "memory/explain.h"

#include "memory/service.h"
#include "memory/sticky.h"
#include "memory/view_index.h"

#include <errno.h>
#include <string.h>

enum { TERMS_MAX = 256 };

struct explaining {
	struct question question; /* first */
	size_t max;
	struct explain_answer answer;
	memory_explain_cb *cb;
	void *arg;
};

/* --- the terms ------------------------------------------------------------------------
 */

struct term_list {
	struct arena *arena;
	const struct view *view;
	struct explain_term *v;
	size_t n;
};

static int note_term(void *arg, struct str term)
{
	struct term_list *l = arg;
	const uint32_t *known = map64_get(&l->view->term_of, hash128(term).lo);

	for (size_t i = 0; i < l->n; i++)
		if (str_eq(l->v[i].term, term))
			return 0;
	if (l->n == TERMS_MAX)
		return 0;
	l->v[l->n].term = arena_str(l->arena, term);
	l->v[l->n].found = known ? l->view->terms[*known].n : 0;
	return l->v[l->n++].term.p ? 0 : -ENOMEM;
}

static void find_terms(struct memory *m, struct explaining *e, const struct view *v)
{
	struct term_list l = {
		.arena = e->question.msg.arena,
		.view = v,
		.v = arena_alloc(e->question.msg.arena,
				 TERMS_MAX * sizeof(struct explain_term)),
	};

	if (!l.v || words_each(m->words, e->question.q.text, note_term, &l))
		return;
	e->answer.terms = l.v;
	e->answer.n_terms = l.n;
}

/* --- the exchanges --------------------------------------------------------------------
 */

/* Out of the view, which changes. */
static int keep_hits(struct arena *a, struct view_hit *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (exchange_copy_text(a, v[i].session, &v[i].session) ||
		    exchange_copy_text(a, v[i].user, &v[i].user) ||
		    exchange_copy_text(a, v[i].reply, &v[i].reply))
			return -ENOMEM;
	return 0;
}

static void find_hits(struct memory *m, struct explaining *e, struct view *v)
{
	const struct recall_question *q = &e->question.q;
	const struct view_query vq = {
		.text = q->text,
		.now_ms = clock_wall_ms(m->deps.clock),
	};
	struct arena *a = e->question.msg.arena;
	struct view_hit *hits = arena_alloc(a, e->max * sizeof(*hits));
	size_t n = 0;

	if (!hits || view_search(v, &vq, hits, e->max, &n) != VIEW_HITS ||
	    keep_hits(a, hits, n))
		return;
	e->answer.hits = hits;
	e->answer.n_hits = n;
}

static void find_sources(struct memory *m, struct explaining *e, const struct view *v)
{
	struct str packed = e->question.answer.sources;
	struct arena *a = e->question.msg.arena;
	struct view_hit *found = arena_alloc(a, sticky_count(packed) * sizeof(*found));
	size_t n = 0;

	for (size_t i = 0; found && i < sticky_count(packed); i++) {
		found[n] = (struct view_hit){ 0 };
		sticky_source(packed, i, &found[n]);
		n += view_get(v, clock_wall_ms(m->deps.clock), &found[n]);
	}
	if (!found || keep_hits(a, found, n))
		return;
	e->answer.sources = found;
	e->answer.n_sources = n;
}

static void explain(struct memory *m, struct question *q)
{
	struct explaining *e = (struct explaining *)(void *)q;
	struct view *v = q->slot->view;

	if (!v)
		return;
	find_terms(m, e, v);
	find_hits(m, e, v);
	find_sources(m, e, v);
}

static void call_back(struct message *msg)
{
	struct explaining *e = (struct explaining *)(void *)msg;

	e->answer.recall = &e->question.answer;
	e->cb(e->arg, &e->answer);
}

struct op *memory_explain(struct memory_port *p, const struct recall_question *q,
			  size_t max, memory_explain_cb *cb, void *arg)
{
	struct explaining *e = message_new(sizeof(*e), q->text.len);

	if (!e)
		return NULL;
	e->max = max < EXPLAIN_HITS_MAX ? max : EXPLAIN_HITS_MAX;
	e->cb = cb;
	e->arg = arg;
	e->question.explain = explain;
	e->question.msg.call_back = call_back;
	if (question_set(p, &e->question, q)) {
		arena_free(e->question.msg.arena);
		return NULL;
	}
	return message_submit(p, &e->question.msg);
}
