/* request_life.c - how a request begins, what its deadlines do, and how it ends. */
#include "proxy/request_internal.h"

#include "proxy/error_body.h"

#include <event2/buffer.h>
#include <event2/event.h>

#include <string.h>

/* Enough for a request without memory: one malloc for all of it. */
#define ARENA_FIRST (sizeof(struct request) + 3072)
#define MAX_ID      128

static const struct pipeline_owner pipeline_owner;

struct headers request_headers(const struct request *rq)
{
	const struct h1_head *h = conn_head(rq->conn);

	return (struct headers){ h->headers, h->n_headers };
}

void request_note(struct request *rq, enum memory_status s)
{
	rq->memory_set |= 1u << s;
}

/* --- ids ------------------------------------------------------------------------------
 */

/* Visible ASCII: it goes into headers and log lines. */
static bool may_be_id(struct str id)
{
	if (!id.len || id.len > MAX_ID)
		return false;
	for (size_t i = 0; i < id.len; i++)
		if (id.p[i] <= ' ' || id.p[i] > '~')
			return false;
	return true;
}

void request_identify(struct request *rq)
{
	struct str sent = headers_get(request_headers(rq), STR("x-request-id"));
	struct app *app = rq->app;

	rq->id = may_be_id(sent) ? arena_str(rq->arena, sent)
				 : arena_printf(rq->arena, "%s-%08llx", app->id_prefix,
						(unsigned long long)app->id_next++);
	rq->log.id = rq->id;
}

struct str request_new_session(struct request *rq)
{
	char id[33];

	rng_hex(rq->app->deps.rng, id, 16);
	return arena_printf(rq->arena, "mp-%s", id);
}

/* --- deadlines
 * -------------------------------------------------------------------------- */

void request_arm_timer(struct request *rq, uint64_t ms)
{
	const struct timeval tv = { (time_t)(ms / 1000),
				    (suseconds_t)(ms % 1000 * 1000) };

	evtimer_add(&rq->timer, &tv);
}

void request_disarm_timer(struct request *rq)
{
	evtimer_del(&rq->timer);
}

static void give_up(struct request *rq)
{
	request_drop_pending(rq);
	pipeline_resume(&rq->pipeline);
}

/* A user who is new to this process gets more time, once: their view is being built. */
static void recall_too_late(struct request *rq)
{
	const struct config *cfg = rq->rules->cfg;

	if (!rq->timer_extended && memory_recall_is_cold(rq->pending) &&
	    cfg->memory.cold_deadline > cfg->memory.deadline) {
		rq->timer_extended = true;
		request_arm_timer(rq, cfg->memory.cold_deadline - cfg->memory.deadline);
		return;
	}
	request_note(rq, MEMORY_DEGRADED_TIMEOUT);
	rq->late = rq->pending;
	rq->pending = NULL;
	pipeline_resume(&rq->pipeline);
}

static void keep_too_late(struct request *rq)
{
	relay_release(&rq->relay);
	if (rq->pending)
		give_up(rq);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct request *rq = arg;

	(void)fd;
	(void)what;
	if (rq->wait == WAIT_RECALL)
		recall_too_late(rq);
	else if (rq->wait == WAIT_KEPT)
		keep_too_late(rq);
	else if (rq->wait == WAIT_ENDPOINT)
		give_up(rq);
}

/* --- the beginning
 * ------------------------------------------------------------------------ */

void request_begin(void *arg, struct conn *c)
{
	struct app *app = arg;
	struct arena *a = arena_new(ARENA_FIRST);
	struct request *rq = a ? arena_alloc(a, sizeof(*rq)) : NULL;

	if (!rq) {
		arena_free(a);
		conn_abort(c);
		return;
	}
	rq->app = app;
	rq->arena = a;
	rq->conn = c;
	rq->rules = ruleset_ref(app->rules);
	rq->log = app->deps.log;
	evtimer_assign(&rq->timer, app->deps.base, on_timer, rq);
	TAILQ_INSERT_TAIL(&app->requests, rq, link);
	conn_claim(c, &request_conn_events, rq);
	pipeline_init(&rq->pipeline, request_steps, request_n_steps, &pipeline_owner,
		      app->deps.clock, rq);
	rq->began_us = rq->pipeline.step_began_us;
	pipeline_run(&rq->pipeline);
}

/* --- answers of our own
 * --------------------------------------------------------------------- */

/* What we say is true now: nobody may keep it to say it again. */
static void answer_with(struct request *rq, int status, struct headers extra,
			struct str content_type, struct str body)
{
	struct header v[4] = {
		{ STR("x-request-id"), rq->id },
		{ STR("Cache-Control"), STR("no-store") },
	};
	struct conn *c = rq->conn;
	size_t n = 2;

	for (size_t i = 0; i < extra.n && n < sizeof(v) / sizeof(v[0]); i++)
		v[n++] = extra.v[i];
	rq->status = status;
	rq->relay.bytes = body.len;
	rq->conn = NULL;
	conn_answer(c, status, (struct headers){ v, n }, content_type, body);
}

void request_answer(struct request *rq, int status, struct str content_type,
		    struct str body)
{
	answer_with(rq, status, (struct headers){ 0 }, content_type, body);
}

void request_answer_fault(struct request *rq, enum fault fault, const char *detail)
{
	/* RFC 9110 section 11.6.1. */
	static const struct header challenge = { { "WWW-Authenticate", 16 },
						 { "Bearer", 6 } };
	bool asks = fault_info(fault)->status == 401;

	request_answer_fault_with(rq, fault, detail,
				  (struct headers){ &challenge, asks ? 1 : 0 });
}

void request_answer_fault_with(struct request *rq, enum fault fault, const char *detail,
			       struct headers extra)
{
	const struct fault_info *info = fault_info(fault);
	struct str text = { NULL, 0 };

	/* What we refuse ourselves says why; of the upstream, what happened is added. */
	if (detail && fault >= FAULT_UPSTREAM_CONNECT)
		text = arena_printf(rq->arena, "%s (%s)", info->message, detail);
	else if (detail)
		text = str_from(detail);
	counter_add(&rq->app->deps.metrics->faults[fault], 1);
	answer_with(rq, info->status, extra, STR("application/json"),
		    error_body(rq->path, fault, text.p, rq->id, rq->arena));
}

static void write_error_event(struct request *rq)
{
	const struct api_error e = { .info = fault_info(rq->fault),
				     .request_id = rq->id };
	struct str event = rq->dialect->error_event(&e, rq->arena);

	if (event.p)
		conn_write(rq->conn, event.p, event.len);
}

/* The reply is not whole: the client must see an error, not an end. */
static void cut(struct request *rq)
{
	struct conn *c = rq->conn;

	counter_add(&rq->app->deps.metrics->faults[rq->fault], 1);
	relay_release(&rq->relay);
	if (rq->relay.takes_event)
		write_error_event(rq);
	rq->conn = NULL;
	conn_abort(c);
}

/* --- the end
 * ---------------------------------------------------------------------------------- */

static void count(struct request *rq)
{
	struct metrics *m = rq->app->deps.metrics;

	counter_add(&m->requests[rq->dialect ? rq->dialect->id : DIALECT_NONE]
				[rq->status / 100 % 6],
		    1);
	for (unsigned i = 0; i < MEMORY_STATUS_N; i++)
		if (rq->memory_set & 1u << i)
			counter_add(&m->memory[i], 1);
}

static struct str or_dash(struct str s)
{
	return s.len ? s : STR("-");
}

static struct str how_it_ended(const struct request *rq)
{
	if (rq->client_left)
		return STR("client-left");
	return rq->fault ? str_from(fault_info(rq->fault)->label) : STR("ok");
}

/* No query (it may hold keys), no body, no header. */
static void log_access(struct request *rq)
{
	uint64_t now = clock_mono_us(rq->app->deps.clock);
	const struct str number = { NULL, 0 };
	const struct log_field fields[] = {
		{ "method", or_dash(rq->method), 0 },
		{ "path", or_dash(rq->path), 0 },
		{ "status", number, rq->status },
		{ "bytes", number, (double)rq->relay.bytes },
		{ "ms", number, (double)(now - rq->began_us) / 1e3 },
		{ "upstream_ms", number,
		  rq->upstream_us ? (double)(rq->upstream_us - rq->began_us) / 1e3 : 0 },
		{ "client", or_dash(rq->who.client), 0 },
		{ "user", or_dash(rq->who.user), 0 },
		{ "memory", or_dash(memory_status_list(rq->memory_set, rq->arena)), 0 },
		{ "end", how_it_ended(rq), 0 },
		{ "detail", str_from(rq->fault_detail), 0 },
	};
	size_t n = sizeof(fields) / sizeof(fields[0]);

	log_event(&rq->log, LOG_LV_INFO, "request", fields, rq->fault_detail ? n : n - 1);
}

static void on_pipeline_step(void *subject, size_t row, enum step_result r, uint64_t us)
{
	struct request *rq = subject;
	struct metrics *m = rq->app->deps.metrics;

	histogram_add(&m->steps[row], us);
	if (r == STEP_FAIL)
		counter_add(&m->steps_failed[row], 1);
}

static void on_pipeline_end(void *subject, enum step_result r)
{
	struct request *rq = subject;

	if (r == STEP_FAIL && !rq->fault && !rq->client_left)
		rq->fault = FAULT_INTERNAL;
	if (rq->conn && rq->fault && conn_replying(rq->conn))
		cut(rq);
	else if (rq->conn)
		request_answer_fault(rq, rq->fault ? rq->fault : FAULT_INTERNAL,
				     rq->fault_detail);
	op_cancel(rq->upstream);
	request_drop_pending(rq);
	op_cancel(rq->late);
	rq->upstream = rq->late = NULL;
	request_disarm_timer(rq);
	count(rq);
	if (rq->rules->cfg->proxy.access_log && log_enabled(&rq->log, LOG_LV_INFO))
		log_access(rq);
	app_request_ended(rq->app, rq);
}

static const struct pipeline_owner pipeline_owner = { on_pipeline_step, on_pipeline_end };

void request_kill(struct request *rq)
{
	rq->fault = FAULT_DRAINING;
	if (rq->conn) {
		struct conn *c = rq->conn;

		rq->conn = NULL;
		conn_abort(c);
	}
	pipeline_stop(&rq->pipeline);
}

void request_free(struct request *rq)
{
	relay_done(&rq->relay);
	refusal_done(rq->refusal);
	request_drop_body(rq);
	ruleset_unref(rq->rules);
	arena_free(rq->arena);
}
