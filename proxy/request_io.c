/* request_io.c - what comes and goes while a request's steps wait. */
#include "proxy/request_internal.h"

#include "memory/clean.h"
#include "proxy/good_keys.h"

#include <event2/buffer.h>

#include <errno.h>

/* Text (stream) or body (plain) of a reply over which it is not remembered. */
#define TAP_LIMIT (4u << 20)

/* --- the client's body, on its way up ------------------------------------------------
 */

void request_drop_body(struct request *rq)
{
	if (rq->body)
		evbuffer_free(rq->body);
	rq->body = NULL;
	rq->body_text = (struct str){ NULL, 0 };
}

/* A body with blocks stays until they are known not to be refused. */
static ssize_t read_collected(void *arg, void *p, size_t room)
{
	struct request *rq = arg;
	size_t n = splice_read(&rq->splice, p, room);

	if (n)
		return (ssize_t)n;
	if (!rq->n_inserts)
		request_drop_body(rq);
	return UPSTREAM_BODY_END;
}

static ssize_t read_streamed(void *arg, void *p, size_t room)
{
	struct request *rq = arg;
	int n;

	if (rq->body_fault)
		return UPSTREAM_BODY_ABORT;
	n = evbuffer_remove(conn_body(rq->conn), p, room);
	if (n > 0) {
		conn_consumed(rq->conn);
		return n;
	}
	return conn_body_ended(rq->conn) ? UPSTREAM_BODY_END : UPSTREAM_BODY_WAIT;
}

const struct upstream_body *request_upload(struct request *rq)
{
	const struct h1_head *h = conn_head(rq->conn);

	/* The body of a HEAD is legal and means nothing: the gate reads past it. */
	if (h->body == H1_BODY_NONE || str_eq(h->method, STR("HEAD")))
		return NULL;
	rq->upload.arg = rq;
	if (rq->body) {
		splice_init(&rq->splice, rq->body_text, rq->inserts, rq->n_inserts);
		rq->upload.read = read_collected;
		rq->upload.length = (int64_t)splice_length(&rq->splice);
	} else {
		rq->upload.read = read_streamed;
		rq->upload.length = h->body == H1_BODY_LENGTH ? (int64_t)h->length : -1;
	}
	return &rq->upload;
}

/* --- the reply's head
 * --------------------------------------------------------------------- */

static struct str reply_header(const struct upstream_reply *reply, struct str name)
{
	return headers_get(reply->headers, name);
}

static bool is_event_stream(const struct upstream_reply *reply)
{
	return str_has_iprefix(reply_header(reply, STR("Content-Type")),
			       STR("text/event-stream"));
}

static bool is_readable(const struct upstream_reply *reply)
{
	struct str coding = reply_header(reply, STR("Content-Encoding"));

	return !coding.len || str_ieq(coding, STR("identity"));
}

/* Said by us: whatever the upstream says under that name is not it. */
static bool is_ours(struct str name)
{
	return str_ieq(name, STR("x-request-id")) ||
	       str_has_iprefix(name, STR("x-memory-")) ||
	       str_ieq(name, STR("content-length"));
}

static void number_header(struct request *rq, struct str name, size_t n)
{
	conn_header(rq->conn, name, arena_printf(rq->arena, "%zu", n));
}

static void own_headers(struct request *rq)
{
	conn_header(rq->conn, STR("x-request-id"), rq->id);
	if (rq->memory_set)
		conn_header(rq->conn, STR("x-memory-status"),
			    memory_status_list(rq->memory_set, rq->arena));
	if (rq->who.user.len)
		conn_header(rq->conn, STR("x-memory-user"),
			    header_safe(rq->who.user, rq->arena));
	if (rq->session.len)
		conn_header(rq->conn, STR("x-memory-session"),
			    header_safe(rq->session, rq->arena));
	if (rq->n_inserts) {
		number_header(rq, STR("x-memory-recalled"), rq->n_recalled);
		number_header(rq, STR("x-memory-tokens"), rq->recall_tokens);
	}
}

void request_reply_head(struct request *rq, const struct upstream_reply *reply)
{
	bool ok = reply->status >= 200 && reply->status < 300;
	bool stream = is_event_stream(reply);

	rq->status = reply->status;
	if (ok && rq->sources.p)
		request_keep_block(rq);
	relay_begin(&rq->relay, rq->conn, rq->dialect, stream,
		    rq->may_write && ok && is_readable(reply), TAP_LIMIT);
	if (rq->recording)
		relay_hold_tools(&rq->relay);
	/* Not where it would fill up an announced length, or be taken for compressed. */
	rq->relay.takes_event =
		stream && rq->dialect && reply->length < 0 && is_readable(reply);
	conn_reply(rq->conn, reply->status, reply->reason);
	for (size_t i = 0; i < reply->headers.n; i++)
		if (!is_ours(reply->headers.v[i].name))
			conn_header(rq->conn, reply->headers.v[i].name,
				    reply->headers.v[i].value);
	own_headers(rq);
	conn_head_done(rq->conn, reply->length);
}

/* --- memory
 * ---------------------------------------------------------------------------------- */

static void note_answer(struct request *rq, const struct recall_answer *a)
{
	if (a->partial)
		request_note(rq, MEMORY_DEGRADED_PARTIAL);
	if (a->status == RECALL_DEGRADED_STORE)
		request_note(rq, MEMORY_DEGRADED_STORE);
	else if (a->status == RECALL_DEGRADED_TIMEOUT)
		request_note(rq, MEMORY_DEGRADED_TIMEOUT);
	else if (a->status == RECALL_CAP)
		rq->why_none = MEMORY_CAP;
	else if (a->status == RECALL_NO_HIT && rq->why_none == MEMORY_NO_TERMS)
		rq->why_none = MEMORY_NO_HIT;
}

/* The answer is borrowed. */
static int take_puts(struct request *rq, const struct recall_answer *a)
{
	struct recall_put *puts = arena_alloc(rq->arena, a->n_puts * sizeof(*puts));

	for (size_t i = 0; puts && i < a->n_puts; i++) {
		puts[i] = a->puts[i];
		puts[i].block = arena_str(rq->arena, a->puts[i].block);
		if (!puts[i].block.p)
			return -ENOMEM;
	}
	rq->sources = a->sources.p ? arena_str(rq->arena, a->sources) : a->sources;
	rq->puts = puts;
	rq->n_puts = puts ? a->n_puts : 0;
	rq->n_recalled = a->n_exchanges;
	rq->recall_tokens = a->tokens;
	rq->backfilled = a->backfilled;
	return puts ? 0 : -ENOMEM;
}

void request_on_recalled(void *arg, const struct recall_answer *a)
{
	struct request *rq = arg;

	rq->epoch = a->epoch;
	rq->may_write = rq->may_write && !a->paused;
	if (rq->late) {
		rq->late = NULL;
		return;
	}
	rq->pending = NULL;
	request_disarm_timer(rq);
	note_answer(rq, a);
	if (take_puts(rq, a) < 0)
		request_note(rq, MEMORY_DEGRADED_STORE);
	if (!rq->session.len)
		rq->session = arena_str(rq->arena, a->session);
	pipeline_resume(&rq->pipeline);
}

int request_make_insertions(struct request *rq)
{
	struct insertion *v = arena_alloc(rq->arena, rq->n_puts * sizeof(*v));
	size_t n = 0;

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < rq->n_puts; i++) {
		const struct turn *t = &rq->view.turns[rq->puts[i].turn];

		v[n].at = t->splice_at;
		v[n].bytes =
			rq->dialect->splice(t->splice_kind, rq->puts[i].block, rq->arena);
		if (!v[n++].bytes.p)
			return -ENOMEM;
	}
	rq->inserts = v;
	rq->n_inserts = n;
	return 0;
}

static void on_kept(void *arg, int status)
{
	struct request *rq = arg;

	(void)status; /* counted by the service */
	rq->pending = NULL;
	request_disarm_timer(rq);
	pipeline_resume(&rq->pipeline);
}

/*
 * What was put in is recorded once the upstream has taken it, also where the caller
 * wants nothing else kept (`x-memory: read`): without it, the conversation's next
 * request would begin with other bytes than this one. There is no text in it.
 */
static struct op *keep_record(struct request *rq, const struct turn_key *turn,
			      struct str sources, memory_keep_cb *cb)
{
	const struct exchange x = {
		.partition = rq->partition,
		.session = rq->session,
		.session_named = rq->session_name.id.len > 0,
		.state = EXCHANGE_BLOCK,
		.at_ms = clock_wall_ms(rq->app->deps.clock),
		.user_hash = turn->user,
		.prev_hash = turn->prev,
		.sources = sources,
	};

	return memory_keep(rq->app->deps.memory_port, &x, rq->epoch, cb, rq);
}

static void on_recorded(void *arg, int status)
{
	struct request *rq = arg;
	bool awaited = rq->pending && rq->pending == rq->recording;

	rq->recording = NULL;
	if (awaited)
		on_kept(rq, status);
}

void request_keep_block(struct request *rq)
{
	rq->recording = keep_record(rq, &rq->view.turns[rq->view.n_turns - 1].key,
				    rq->sources, on_recorded);
}

void request_drop_pending(struct request *rq)
{
	if (rq->recording != rq->pending)
		op_cancel(rq->recording);
	op_cancel(rq->pending);
	rq->recording = rq->pending = NULL;
}

void request_keep_refused(struct request *rq)
{
	for (size_t i = 0; i < rq->n_puts; i++)
		if (rq->puts[i].resent)
			op_cancel(keep_record(rq, &rq->view.turns[rq->puts[i].turn].key,
					      STR(""), on_kept));
}

static struct hash128 reply_id(const struct request *rq)
{
	struct str id = reply_tap_id(rq->relay.tap);

	return id.len ? hash128(id) : (struct hash128){ 0, 0 };
}

struct op *request_keep(struct request *rq, enum exchange_state state, struct str reply)
{
	struct exchange x = {
		.partition = rq->partition,
		.session = rq->session,
		.session_named = rq->session_name.id.len > 0,
		.state = state,
		.at_ms = clock_wall_ms(rq->app->deps.clock),
		.user = rq->view.user_text,
		.reply = reply.p ? clean_text(reply, rq->arena) : reply,
		.prev = rq->prev_digest,
		.prev_hash = rq->prev_hash,
		.reply_id = reply_id(rq),
		.client = rq->who.client,
		.model = rq->view.model,
		.request_id = rq->id,
	};

	return memory_keep(rq->app->deps.memory_port, &x, rq->epoch, on_kept, rq);
}

/* --- callbacks of the client's side
 * -------------------------------------------------------- */

static void on_client_body(void *arg, enum conn_body_event ev, enum fault fault)
{
	struct request *rq = arg;

	if (ev == CONN_BODY_FAULT)
		rq->body_fault = fault;
	if (rq->upstream)
		upstream_body_ready(rq->upstream);
	else if (rq->wait == WAIT_BODY && (ev != CONN_BODY_DATA || rq->endpoint))
		pipeline_resume(&rq->pipeline);
}

/*
 * LiteLLM had accepted the key and begun to answer, so the user's words may be
 * kept; the reply too if its finish marker has passed.
 */
static void keep_what_was_said(struct request *rq)
{
	const struct str none = { NULL, 0 };
	struct str reply;

	switch (reply_tap_verdict(rq->relay.tap, &reply)) {
	case REPLY_COMPLETE:
		op_cancel(request_keep(rq, EXCHANGE_COMPLETE, reply));
		break;
	case REPLY_INCOMPLETE:
		if (!reply_tap_failed(rq->relay.tap))
			op_cancel(request_keep(rq, EXCHANGE_CANCELLED, none));
		break;
	case REPLY_TOOLS:
	case REPLY_REFUSED:
		break;
	}
}

static void on_client_gone(void *arg)
{
	struct request *rq = arg;

	rq->conn = NULL;
	rq->client_left = true;
	if (rq->relay.tap && !rq->relay_done)
		keep_what_was_said(rq);
	pipeline_stop(&rq->pipeline);
}

static void on_client_drained(void *arg)
{
	struct request *rq = arg;

	if (rq->upstream)
		upstream_resume(rq->upstream);
	else if (rq->wait == WAIT_DRAIN)
		pipeline_resume(&rq->pipeline);
}

const struct conn_events request_conn_events = {
	.on_body = on_client_body,
	.on_gone = on_client_gone,
	.on_drain = on_client_drained,
};

/* --- callbacks of the upstream
 * --------------------------------------------------------------- */

static void on_reply_head(void *arg, const struct upstream_reply *reply)
{
	struct request *rq = arg;

	rq->upstream_us = clock_mono_us(rq->app->deps.clock);
	/* Of other paths not each asks for a key. */
	if (rq->dialect && rq->key.len && reply->status / 100 == 2)
		good_keys_add(rq->app->good_keys, rq->key);
	rq->reply = reply;
	pipeline_resume(&rq->pipeline);
	rq->reply = NULL;
}

static enum upstream_flow on_reply_body(void *arg, const void *p, size_t n)
{
	struct request *rq = arg;
	bool ready;

	if (rq->refusal) {
		refusal_add(rq->refusal, p, n);
		return UPSTREAM_GO;
	}
	ready = relay_bytes(&rq->relay, p, n);

	if (rq->wait == WAIT_NONE && relay_holding(&rq->relay)) {
		rq->wait = WAIT_KEPT;
		request_arm_timer(rq, rq->rules->cfg->memory.keep_deadline);
	}
	if (!rq->relay_done && relay_closed(&rq->relay))
		pipeline_resume(&rq->pipeline);
	return ready ? UPSTREAM_GO : UPSTREAM_PAUSE;
}

static void on_reply_end(void *arg, enum fault fault, const char *detail)
{
	struct request *rq = arg;

	rq->upstream = NULL;
	rq->fault = fault && rq->body_fault ? rq->body_fault : fault;
	if (fault && detail && !rq->body_fault)
		rq->fault_detail = arena_str(rq->arena, str_from(detail)).p;
	if (!rq->pending)
		pipeline_resume(&rq->pipeline);
}

const struct upstream_events request_upstream_events = {
	.on_head = on_reply_head,
	.on_body = on_reply_body,
	.on_end = on_reply_end,
};
