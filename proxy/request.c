/*
 * request.c - the steps, in order.
 *
 * The table below is the life of a request. A row that has a finish() waits for
 * something in between; the callbacks in request_io.c keep what came and resume.
 * Where a request ends, request_life.c cleans up after it.
 */
#include "proxy/request_internal.h"

#include "memory/clean.h"
#include "memory/side_calls.h"
#include "proxy/endpoints.h"
#include "proxy/rights.h"

#include <event2/buffer.h>

#include <errno.h>

static enum step_result intercept(void *p), endpoint_finish(void *p), detect(void *p),
	session(void *p), retrieve(void *p), retrieved(void *p), inject(void *p),
	forward(void *p), forwarded(void *p), relay(void *p), relayed(void *p),
	store_exchange(void *p), stored(void *p), respond(void *p), responded(void *p);

const struct step request_steps[] = {
	{ "intercept", intercept, endpoint_finish, 0 },
	{ "detect", detect, NULL, 0 },
	{ "session", session, NULL, STEP_MEMORY },
	{ "retrieve", retrieve, retrieved, STEP_MEMORY | STEP_OPTIONAL },
	{ "inject", inject, NULL, STEP_MEMORY | STEP_OPTIONAL },
	{ "forward", forward, forwarded, 0 },
	{ "relay", relay, relayed, 0 },
	{ "store", store_exchange, stored, STEP_MEMORY | STEP_OPTIONAL },
	{ "respond", respond, responded, 0 },
};
const size_t request_n_steps = sizeof(request_steps) / sizeof(request_steps[0]);

const char *request_step_name(size_t row)
{
	return row < request_n_steps ? request_steps[row].name : NULL;
}

/* Ends the run; on_pipeline_end() tells the client. */
static enum step_result fail(struct request *rq, enum fault fault, const char *detail)
{
	rq->fault = fault;
	rq->fault_detail = detail;
	return STEP_END;
}

/* Memory has no more part in this request. */
static enum step_result without_memory(struct request *rq, enum memory_status why)
{
	request_note(rq, why);
	rq->may_read = rq->may_write = false;
	rq->pipeline.skip |= STEP_MEMORY;
	return STEP_NEXT;
}

/* --- intercept: what is asked, and is it ours? --------------------------------- */

static bool parse_wish(struct request *rq, struct str wish)
{
	bool on = !wish.p || str_ieq(wish, STR("on"));

	rq->may_read = on || str_ieq(wish, STR("read"));
	rq->may_write = on || str_ieq(wish, STR("write"));
	rq->off = str_ieq(wish, STR("off"));
	return rq->may_read || rq->may_write || rq->off;
}

static enum step_result intercept(void *p)
{
	struct request *rq = p;
	const struct h1_head *h = conn_head(rq->conn);
	struct str wish = headers_get(request_headers(rq), STR("x-memory"));

	request_identify(rq);
	rq->method = arena_str(rq->arena, h->method);
	rq->target = arena_str(rq->arena, endpoint_litellm_target(h->target));
	if (!rq->id.p || !rq->method.p || !rq->target.p)
		return fail(rq, FAULT_INTERNAL, NULL);
	rq->path = str_before(rq->target, '?');
	if (!parse_wish(rq, wish))
		return fail(rq, FAULT_BAD_HEADER_VALUE,
			    "x-memory must be one of: off, read, write, on.");
	rq->endpoint = endpoint_find(h->method, str_before(h->target, '?'));
	if (rq->endpoint)
		return rq->endpoint->serve(rq);
	rq->dialect = dialect_find(h->method, rq->path);
	return STEP_NEXT;
}

static enum step_result endpoint_finish(void *p)
{
	struct request *rq = p;

	return rq->endpoint->finish(rq);
}

/* --- detect: who is it, and is memory for them? ---------------------------------- */

/* `view`: of the body, if it is here. */
static const struct side_call *find_side_call(const struct request *rq,
					      const struct request_view *view)
{
	const struct side_call_request side = { rq->path, request_headers(rq),
						rq->body_text, view };

	return side_call_find(&side);
}

static enum step_result detect(void *p)
{
	struct request *rq = p;
	const struct config *cfg = rq->rules->cfg;
	struct headers h = request_headers(rq);

	router_identify(rq->rules->router, h, NULL, &rq->who);
	rq->who.user = arena_str(rq->arena, rq->who.user);
	if (find_side_call(rq, NULL))
		return without_memory(rq, MEMORY_SIDE_CALL);
	if (!rq->dialect)
		return without_memory(rq, MEMORY_NOT_A_DIALECT);
	if (!cfg->memory.enabled || !rq->app->deps.memory_port ||
	    (!rq->may_read && !rq->may_write))
		return without_memory(rq, MEMORY_OFF);
	rq->key = credential(h);
	if (!memory_for_client(cfg, rq->who.client) || !memory_for_key(cfg, rq->key))
		return without_memory(rq, MEMORY_OFF);
	if (!rq->key.len && !rights_loopback(cfg, rq->conn))
		return without_memory(rq, MEMORY_NO_IDENTITY);
	return STEP_NEXT;
}

/* --- session: which conversation, as far as the head says -------------------------- */

static enum step_result session(void *p)
{
	struct request *rq = p;

	rq->partition.tenant = tenant_of(rq->rules->cfg, rq->key, rq->arena);
	if (!rq->partition.tenant.p)
		return without_memory(rq, MEMORY_DEGRADED_STORE);
	router_session(request_headers(rq), NULL, rq->arena, &rq->session_name);
	rq->session = arena_str(rq->arena, rq->session_name.id);
	return STEP_NEXT;
}

/* --- retrieve: the body, and what memory has for it --------------------------------- */

static enum step_result retrieve(void *p)
{
	struct request *rq = p;

	rq->wait = WAIT_BODY;
	conn_collect(rq->conn, rq->rules->cfg->proxy.collect_bytes);
	return STEP_WAIT;
}

/* The body becomes the request's own: it outlives what the gate keeps of it. */
static int take_body(struct request *rq)
{
	size_t n = evbuffer_get_length(conn_body(rq->conn));

	rq->body = evbuffer_new();
	if (!rq->body || evbuffer_add_buffer(rq->body, conn_body(rq->conn)) < 0)
		return -ENOMEM;
	rq->body_text = (struct str){ n ? (char *)evbuffer_pullup(rq->body, -1) : "", n };
	return rq->body_text.p ? 0 : -ENOMEM;
}

static void complete_from_body(struct request *rq)
{
	const struct config *cfg = rq->rules->cfg;
	struct headers h = request_headers(rq);
	struct str model;

	router_identify(rq->rules->router, h, &rq->view.facts, &rq->who);
	rq->who.user = arena_str(rq->arena, rq->who.user);
	rq->partition.user = rq->who.user;
	router_session(h, &rq->view.facts, rq->arena, &rq->session_name);
	rq->session = arena_str(rq->arena, rq->session_name.id);
	if (!rq->session.len && cfg->session_when_unknown == WHEN_UNKNOWN_PER_USER)
		rq->session = STR("per-user");
	model = rq->dialect->path_model(rq->path);
	if (model.p)
		rq->view.model = model;
	rq->supermemory = model_is_supermemory(cfg, rq->view.model);
}

/* Or late, or not at all. */
static enum step_result answered(struct request *rq)
{
	if (!rq->session.len)
		rq->session = request_new_session(rq);
	return STEP_NEXT;
}

/* Why nothing would be put into the request, as far as the request itself says. */
static enum memory_status why_none(const struct request *rq)
{
	if (rq->side_call)
		return MEMORY_SIDE_CALL;
	if (!rq->may_read)
		return MEMORY_WRITE_ONLY;
	return rq->view.user_last ? MEMORY_NO_TERMS : MEMORY_NOT_USER_LAST;
}

static const struct turn_key *turn_keys(const struct request *rq)
{
	const struct request_view *v = &rq->view;
	struct turn_key *keys = arena_alloc(rq->arena, v->n_turns * sizeof(*keys));

	for (size_t i = 0; keys && i < v->n_turns; i++)
		keys[i] = v->turns[i].key;
	return keys;
}

/* A client that sends a message at a time leaves the rest of its session to us. */
static size_t backfill(const struct request *rq)
{
	bool alone = !rq->side_call && rq->session_name.id.len &&
		     !rq->view.has_assistant &&
		     !rq->view.facts.previous_response_id.len && rq->view.n_runs == 1;

	return alone ? rq->rules->cfg->memory.max_context_messages / 2 : 0;
}

static enum step_result ask(struct request *rq)
{
	const struct config *cfg = rq->rules->cfg;
	const struct request_view *v = &rq->view;
	struct recall_question q = {
		.partition = rq->partition,
		.session = rq->session,
		.find_session = !rq->session.len,
		.want_block = rq->may_read && !rq->side_call && v->user_last &&
			      v->user_text.len,
		.want_resent = rq->may_read && v->n_turns,
		.text = v->user_text,
		.earlier_text = v->earlier_user_text,
		.sent = v->sent,
		.n_sent = v->n_sent,
		.turns = turn_keys(rq),
		.n_turns = v->n_turns,
		.backfill = backfill(rq),
		.budget_tokens = cfg->memory.budget_tokens,
	};

	rq->why_none = why_none(rq);
	if (!v->user_text.len || rq->side_call)
		rq->may_write = false;
	if (!q.want_resent && !rq->may_write)
		return without_memory(rq, rq->why_none);
	if (v->last_reply.len) {
		q.last_reply = rq->prev_hash = turn_hash(v->last_reply);
		rq->prev_digest = turn_digest(v->last_reply);
	}
	if (v->facts.previous_response_id.len)
		q.reply_id = hash128(v->facts.previous_response_id);
	if (!q.turns) {
		request_note(rq, MEMORY_DEGRADED_STORE);
		return answered(rq);
	}
	rq->pending =
		memory_recall(rq->app->deps.memory_port, &q, request_on_recalled, rq);
	if (!rq->pending) {
		request_note(rq, MEMORY_DEGRADED_STORE);
		return answered(rq);
	}
	rq->wait = WAIT_RECALL;
	request_arm_timer(rq, cfg->memory.deadline);
	return STEP_WAIT;
}

static enum step_result body_here(struct request *rq)
{
	const struct config *cfg = rq->rules->cfg;
	const struct side_call *side;

	if (rq->body_fault == FAULT_BODY_TOO_LARGE) {
		rq->body_fault = FAULT_NONE; /* what follows is streamed past */
		return without_memory(rq, MEMORY_TOO_LARGE);
	}
	if (rq->body_fault)
		return fail(rq, rq->body_fault, NULL);
	if (take_body(rq) < 0)
		return fail(rq, FAULT_INTERNAL, NULL);
	if (rq->dialect->read(rq->body_text, rq->arena, &rq->view) < 0)
		return without_memory(rq, MEMORY_NOT_A_DIALECT);
	complete_from_body(rq);
	side = find_side_call(rq, &rq->view);
	if (side && !side->continues)
		return without_memory(rq, MEMORY_SIDE_CALL);
	rq->side_call = side != NULL;
	if (rq->supermemory || !memory_for_model(cfg, rq->view.model))
		return without_memory(rq, MEMORY_OFF);
	if (!rq->who.user.len || rq->who.shared)
		return without_memory(rq, MEMORY_NO_IDENTITY);
	if (!rq->session.len && cfg->session_when_unknown == WHEN_UNKNOWN_OFF)
		return without_memory(rq, MEMORY_OFF);
	return ask(rq);
}

static enum step_result retrieved(void *p)
{
	struct request *rq = p;
	enum request_wait waited = rq->wait;

	rq->wait = WAIT_NONE;
	return waited == WAIT_BODY ? body_here(rq) : answered(rq);
}

/* --- inject: the blocks become part of the body ----------------------------------------
 */

static enum step_result inject(void *p)
{
	struct request *rq = p;

	if (request_make_insertions(rq) < 0) {
		request_note(rq, MEMORY_DEGRADED_STORE);
		return STEP_FAIL;
	}
	if (!rq->n_inserts) {
		if (!memory_status_degraded(rq->memory_set))
			request_note(rq, rq->why_none);
		return STEP_NEXT;
	}
	if (rq->sources.p)
		request_note(rq, MEMORY_INJECTED);
	if (rq->n_inserts > (rq->sources.p != NULL))
		request_note(rq, MEMORY_RESENT);
	if (rq->backfilled)
		request_note(rq, MEMORY_BACKFILLED);
	if (rq->why_none == MEMORY_CAP || rq->why_none == MEMORY_SIDE_CALL)
		request_note(rq, rq->why_none);
	counter_add(&rq->app->deps.metrics->recalled_exchanges, rq->n_recalled);
	counter_add(&rq->app->deps.metrics->recalled_tokens, rq->recall_tokens);
	return STEP_NEXT;
}

/* --- forward: to LiteLLM, until its reply's head is here
 * --------------------------------- */

static struct headers upstream_headers(struct request *rq)
{
	const struct config *cfg = rq->rules->cfg;
	const struct h1_head *h = conn_head(rq->conn);
	bool sends_user = rq->dialect && (cfg->inject_user_id == INJECT_USER_ID_ALWAYS ||
					  rq->supermemory);
	struct header_plan plan = {
		.cfg = cfg,
		.hop = h->hop,
		.request_id = rq->id,
		.identity_encoding = rq->may_write,
	};

	if (!rq->app->upstream_has_own_host)
		plan.host = h->authority;
	if (sends_user && rq->who.source != USER_NONE)
		plan.user_id = header_safe(rq->who.user, rq->arena);
	if (rq->supermemory)
		plan.supermemory_key = str_from(cfg->keys.supermemory_api_key);
	if (!rq->off && !rq->session_name.litellm_knows)
		plan.litellm_session = header_safe(rq->session, rq->arena);
	return header_rules_apply(&plan, request_headers(rq), rq->arena);
}

static enum step_result forward(void *p)
{
	struct request *rq = p;
	const struct h1_head *h = conn_head(rq->conn);
	struct upstream_request up = {
		.method = h->method,
		.target = rq->target,
		.headers = upstream_headers(rq),
		.body = request_upload(rq),
	};

	if (!up.headers.v)
		return fail(rq, FAULT_INTERNAL, NULL);
	if (up.body && !rq->body)
		conn_stream(rq->conn);
	rq->upstream =
		upstream_send(rq->app->deps.litellm, &up, &request_upstream_events, rq);
	return STEP_WAIT;
}

/* About the key, not about what was put in: it is the reply. */
static enum step_result take_refusal(struct request *rq)
{
	rq->reply = &rq->refusal->reply;
	return STEP_NEXT;
}

/* Memory never breaks a request that works: its own bytes go, once. */
static enum step_result send_as_it_came(struct request *rq)
{
	request_keep_refused(rq);
	refusal_done(rq->refusal);
	rq->refusal = NULL;
	rq->n_inserts = 0;
	rq->sources = (struct str){ NULL, 0 };
	rq->fault = FAULT_NONE;
	rq->memory_set = 0;
	request_note(rq, MEMORY_DEGRADED_REFUSED);
	return forward(rq);
}

static enum step_result forwarded(void *p)
{
	struct request *rq = p;

	if (rq->refusal && !rq->reply)
		return refusal_is_about_the_body(rq->refusal) ? send_as_it_came(rq)
							      : take_refusal(rq);
	if (!rq->reply)
		return STEP_END; /* no head: rq->fault says why */
	if (rq->n_inserts && refusal_may_be(rq->reply->status)) {
		rq->refusal = refusal_new(rq->reply, rq->arena);
		return rq->refusal ? STEP_WAIT : STEP_NEXT;
	}
	request_drop_body(rq);
	return STEP_NEXT;
}

/* --- relay: the reply, until it ends or its closing event has passed
 * ----------------------- */

static enum step_result relay(void *p)
{
	struct request *rq = p;

	request_reply_head(rq, rq->reply);
	if (!rq->refusal)
		return STEP_WAIT;
	relay_bytes(&rq->relay, rq->refusal->body.p, rq->refusal->body.len);
	return relayed(p);
}

static enum step_result relayed(void *p)
{
	struct request *rq = p;

	rq->relay_done = true;
	return STEP_NEXT;
}

/* --- store: the exchange, if the reply is whole; else what was put in
 * --------------------------------------------- */

static enum step_result store_exchange(void *p)
{
	struct request *rq = p;
	struct str reply;

	if (!rq->relay.tap || rq->fault)
		return STEP_NEXT;
	if (reply_tap_verdict(rq->relay.tap, &reply) != REPLY_COMPLETE) {
		rq->pending = rq->recording;
		if (!rq->pending)
			return STEP_NEXT;
	} else {
		/* The record went before it: kept with it. */
		rq->pending = request_keep(rq, EXCHANGE_COMPLETE, reply);
		if (!rq->pending)
			return STEP_FAIL;
	}
	if (rq->relay.released) {
		/* It was held long enough: kept unseen. */
		request_drop_pending(rq);
		return STEP_NEXT;
	}
	if (rq->wait != WAIT_KEPT)
		request_arm_timer(rq, rq->rules->cfg->memory.keep_deadline);
	rq->wait = WAIT_KEPT;
	return STEP_WAIT;
}

static enum step_result stored(void *p)
{
	struct request *rq = p;

	rq->wait = WAIT_NONE;
	return STEP_NEXT;
}

/* --- respond: what was held back, and the end
 * ------------------------------------------------- */

static enum step_result respond(void *p)
{
	struct request *rq = p;

	request_disarm_timer(rq);
	relay_release(&rq->relay);
	return rq->upstream ? STEP_WAIT : responded(p);
}

static enum step_result responded(void *p)
{
	struct request *rq = p;
	struct conn *c = rq->conn;

	if (rq->fault)
		return STEP_END;
	rq->conn = NULL;
	conn_end(c);
	return STEP_NEXT;
}
