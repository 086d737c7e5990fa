/*
 * explain.h - what a question would find, and why: for who asks about a memory.
 */
#ifndef MEMORY_EXPLAIN_H
#define MEMORY_EXPLAIN_H

#include "memory/memory.h"
#include "memory/view.h"

/* A word that was searched for. */
struct explain_term {
	struct str term; /* as it is indexed: a stem */
	size_t found;    /* in how many texts */
};

enum { EXPLAIN_HITS_MAX = 64 };

/* Borrowed for the call. */
struct explain_answer {
	const struct recall_answer *recall; /* what a request with this question gets */
	const struct explain_term *terms;   /* in their order, each once */
	size_t n_terms;
	const struct view_hit *hits; /* what was found, best first */
	size_t n_hits;
	const struct view_hit *sources; /* what is in the block, in its order */
	size_t n_sources;
};
typedef void memory_explain_cb(void *arg, const struct explain_answer *a);

/*
 * As memory_recall(), with more patience where the view has to be built, and up to
 * `max` hits (EXPLAIN_HITS_MAX). Where no block is wanted there are hits alone.
 */
struct op *memory_explain(struct memory_port *p, const struct recall_question *q,
			  size_t max, memory_explain_cb *cb, void *arg);

#endif
