/* api_search.c - what a question finds in a memory, and what of it would be put in. */
#include "proxy/api.h"

#include "memory/clean.h"
#include "memory/explain.h"

#include <errno.h>

static const struct {
	const char *status; /* as in x-memory-status */
	const char *reason;
} told[] = {
	[RECALL_BLOCK] = { "injected", "A block is put into the request." },
	[RECALL_NO_TERMS] = { "none:no-terms",
			      "The question has no words to search for." },
	[RECALL_NO_HIT] = { "none:no-hit", "Nothing was found." },
	[RECALL_CAP] = { "none:cap", "The conversation holds enough of it already." },
	[RECALL_DEGRADED_STORE] = { "degraded:store", "The store failed." },
	[RECALL_DEGRADED_TIMEOUT] = { "degraded:timeout",
				      "The store did not answer in time." },
};

struct finding {
	const struct explain_answer *a; /* for the length of next(); NULL: too late */
};

static void on_explained(void *arg, const struct explain_answer *a)
{
	struct request *rq = arg;
	struct api *api = rq->endpoint_state;
	struct finding *f = api->state;

	rq->pending = NULL;
	f->a = a;
	pipeline_resume(&rq->pipeline);
	f->a = NULL;
}

/* Asks as the last message of a request would, in a conversation if one is named. */
static enum step_result ask(struct request *rq, struct api *api, bool want_block,
			    api_fn *next)
{
	const struct config *cfg = rq->rules->cfg;
	struct str text = clean_text(api->text, rq->arena);
	const struct turn_key turn = { .user = turn_hash(text) };
	const struct recall_question q = {
		.partition = api->partition,
		.session = api->session.p ? api->session : STR("explained"),
		.want_block = want_block,
		.want_resent = want_block,
		.text = text,
		.turns = &turn,
		.n_turns = want_block,
		.backfill = api->session.p ? cfg->memory.max_context_messages / 2 : 0,
		.budget_tokens = cfg->memory.budget_tokens,
	};

	api->state = arena_alloc(rq->arena, sizeof(struct finding));
	if (!api->state || !text.p)
		return api_failed(rq, -ENOMEM);
	rq->pending = memory_explain(rq->app->deps.memory_port, &q, api->limit,
				     on_explained, rq);
	return api_wait(rq, api, next);
}

/* The store could not be asked: there is nothing to tell. */
static bool failed(const struct finding *f)
{
	return !f->a || f->a->recall->status == RECALL_DEGRADED_STORE ||
	       f->a->recall->status == RECALL_DEGRADED_TIMEOUT;
}

static json_t *hit(const struct view_hit *h)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "id", api_id(&h->id), "session",
			 api_text(h->session), "at", api_time(h->at_ms), "user",
			 api_text(h->user), "reply", api_text(h->reply));
}

/* --- GET …/search
 * ----------------------------------------------------------------------- */

static enum step_result searched(struct request *rq, struct api *api)
{
	const struct finding *f = api->state;
	json_t *list;

	if (failed(f))
		return api_failed(rq, -ETIMEDOUT);
	list = json_array();
	for (size_t i = 0; i < f->a->n_hits; i++) {
		json_t *h = hit(&f->a->hits[i]);

		json_object_set_new(h, "score", json_real(f->a->hits[i].score));
		json_array_append_new(list, h);
	}
	return api_answer(rq, json_pack("{s:o, s:b}", "hits", list, "partial",
					(int)f->a->recall->partial));
}

enum step_result api_search(struct request *rq, struct api *api)
{
	if (!api->text.p)
		return api_fault(rq, FAULT_BAD_PARAMETER, "The query needs q=…");
	return ask(rq, api, false, searched);
}

/* --- GET …/explain
 * ---------------------------------------------------------------------- */

static json_t *terms(const struct explain_answer *a)
{
	json_t *list = json_array();

	for (size_t i = 0; i < a->n_terms; i++)
		json_array_append_new(list, json_pack("{s:o, s:I}", "term",
						      api_text(a->terms[i].term), "texts",
						      (json_int_t)a->terms[i].found));
	return list;
}

static bool is_source(const struct explain_answer *a, const struct view_hit *h)
{
	for (size_t i = 0; i < a->n_sources; i++)
		if (exchange_id_eq(&a->sources[i].id, &h->id))
			return true;
	return false;
}

static json_t *hits(const struct explain_answer *a)
{
	json_t *list = json_array();

	for (size_t i = 0; i < a->n_hits; i++) {
		const struct view_hit *h = &a->hits[i];
		json_t *j = hit(h);

		json_object_set_new(j, "score", json_real(h->score));
		json_object_set_new(j, "in_block", json_boolean(is_source(a, h)));
		json_array_append_new(list, j);
	}
	return list;
}

static json_t *how_shown(unsigned char shown)
{
	static const char *const names[] = { "brief", "ends", "whole", "passage" };

	return json_string(names[shown < SHOWN_PASSAGE ? shown : SHOWN_PASSAGE]);
}

static json_t *sources(const struct explain_answer *a)
{
	json_t *list = json_array();

	for (size_t i = 0; i < a->n_sources; i++) {
		const struct view_hit *h = &a->sources[i];
		json_t *j = hit(h);

		json_object_set_new(j, "user_shown", how_shown(h->user_shown));
		json_object_set_new(j, "reply_shown", how_shown(h->reply_shown));
		json_array_append_new(list, j);
	}
	return list;
}

static enum step_result explained(struct request *rq, struct api *api)
{
	const struct finding *f = api->state;
	const struct recall_answer *r;
	bool put;

	if (failed(f))
		return api_failed(rq, -ETIMEDOUT);
	r = f->a->recall;
	put = r->n_puts > 0;
	return api_answer(
		rq,
		json_pack("{s:s, s:s, s:b, s:b, s:b, s:b, s:o, s:o, s:o, s:o, s:I}",
			  "status", told[r->status].status, "reason",
			  told[r->status].reason, "partial", (int)r->partial, "paused",
			  (int)r->paused, "backfilled", (int)r->backfilled, "resent",
			  (int)(put && r->puts[0].resent), "terms", terms(f->a), "hits",
			  hits(f->a), "sources", sources(f->a), "block",
			  api_text(put ? r->puts[0].block : (struct str){ NULL, 0 }),
			  "tokens", (json_int_t)r->tokens));
}

enum step_result api_explain(struct request *rq, struct api *api)
{
	if (!api->text.p)
		return api_fault(rq, FAULT_BAD_PARAMETER, "The query needs q=…");
	return ask(rq, api, true, explained);
}
