/*
 * api_import.c - JSON Lines into a memory, as they come.
 *
 * Lines are taken off the body until a batch is full; while the store has it, no more
 * is taken, and the client is read no further than the gate's buffer. Whatever the
 * size of the body, a line, a batch and that buffer are what is held.
 */
#include "proxy/api.h"

#include <event2/buffer.h>

#include <errno.h>

enum {
	LINE_BYTES = 1 << 20, /* and what two texts of the longest come to, escaped */
	ESCAPED = 6,
	BATCH_LINES = 64,
	BATCH_BYTES = 256 << 10,
	/* A line can hold a session of many thousand: others get their turn in between.
	 */
	CALL_EXCHANGES = 64,
	ERRORS_MAX = 20, /* told of; all are counted */
};

struct importing {
	struct import_result total;
	uint64_t epoch;
	size_t line_max;
	uint64_t line; /* its number, from 1 */
	uint64_t failed;
	json_t *errors;

	struct evbuffer *text; /* of the body, not taken yet */
	size_t searched;       /* so far there is no line's end in it */
	bool skipping;         /* the rest of a line that is too long */
	bool ended;            /* the body, and its last line is in a batch */

	/* Of the batch that is being filled, or under way. */
	struct arena *arena;
	struct api_line lines[BATCH_LINES];
	size_t n_lines, bytes;
	struct exchange *v; /* of all its lines */
	size_t n, sent;     /* exchanges; so many are with the store or kept */
	bool answered;
};

static enum step_result fill(struct request *rq, struct api *api);

/* --- the lines of a batch ---------------------------------------------------- */

static void drop_batch(struct importing *im)
{
	for (size_t i = 0; i < im->n_lines; i++)
		json_decref(im->lines[i].doc);
	im->n_lines = im->bytes = im->n = im->sent = 0;
	im->v = NULL;
	arena_free(im->arena);
	im->arena = NULL;
}

static void done(void *arg)
{
	struct importing *im = arg;

	drop_batch(im);
	json_decref(im->errors);
	if (im->text)
		evbuffer_free(im->text);
}

static void note_failure(struct importing *im, const char *why)
{
	im->failed++;
	if (json_array_size(im->errors) < ERRORS_MAX)
		json_array_append_new(im->errors,
				      json_pack("{s:I, s:s}", "line",
						(json_int_t)im->line, "error", why));
}

static bool is_full(const struct importing *im)
{
	return im->n_lines == BATCH_LINES || im->bytes >= BATCH_BYTES;
}

static void take_line(struct request *rq, struct importing *im, struct str line)
{
	uint64_t now = clock_wall_ms(rq->app->deps.clock);
	struct api_line *to = &im->lines[im->n_lines];
	const char *why;

	line = str_trim(line);
	if (!line.len)
		return;
	why = api_line_parse(line, now, im->arena, to);
	if (why) {
		note_failure(im, why);
		return;
	}
	im->n_lines++;
	im->bytes += line.len;
}

/* --- lines off the body ------------------------------------------------------ */

/* The gate reads no further while it holds much: a long line is put together here. */
static void take_body(struct request *rq, struct importing *im)
{
	if (evbuffer_get_length(im->text) >= im->line_max)
		return;
	if (evbuffer_add_buffer(im->text, conn_body(rq->conn)) == 0)
		conn_consumed(rq->conn);
}

/* Where the next line ends; SIZE_MAX: not here yet. */
static size_t line_end(struct importing *im)
{
	struct evbuffer_ptr from, at;
	size_t n = evbuffer_get_length(im->text);

	if (im->searched >= n ||
	    evbuffer_ptr_set(im->text, &from, im->searched, EVBUFFER_PTR_SET) < 0)
		return SIZE_MAX;
	at = evbuffer_search_eol(im->text, &from, NULL, EVBUFFER_EOL_LF);
	im->searched = n;
	return at.pos < 0 ? SIZE_MAX : (size_t)at.pos;
}

static void take_text(struct request *rq, struct importing *im, size_t n)
{
	const char *p = n ? (const char *)evbuffer_pullup(im->text, (ev_ssize_t)n) : "";

	im->line++;
	if (im->skipping || n > im->line_max)
		note_failure(im, "it is too long for an exchange");
	else if (!p)
		note_failure(im, "there is no memory for it");
	else
		take_line(rq, im, (struct str){ p, n });
	im->skipping = false;
}

/* False: more of the body has to come first, or all of it is read. */
static bool next_line(struct request *rq, struct importing *im)
{
	size_t end, n;

	take_body(rq, im);
	end = line_end(im);
	n = evbuffer_get_length(im->text);
	if (end != SIZE_MAX) {
		take_text(rq, im, end);
		evbuffer_drain(im->text, end + 1);
		im->searched = 0;
		return true;
	}
	if (conn_body_ended(rq->conn) && evbuffer_get_length(conn_body(rq->conn)) == 0) {
		if (n > 0 || im->skipping)
			take_text(rq, im, n);
		evbuffer_drain(im->text, n);
		im->ended = true;
		return false;
	}
	if (n >= im->line_max) {
		im->skipping = true;
		evbuffer_drain(im->text, n);
		im->searched = 0;
		return true;
	}
	return false;
}

/* --- batches, one after the other -------------------------------------------- */

static enum step_result answer(struct request *rq, const struct importing *im)
{
	const struct import_result *t = &im->total;
	json_int_t failed = (json_int_t)im->failed + (json_int_t)t->rejected;

	return api_answer(rq, json_pack("{s:I, s:I, s:I, s:I, s:O}", "imported",
					(json_int_t)t->imported, "known",
					(json_int_t)t->known, "expired",
					(json_int_t)t->expired, "failed", failed,
					"errors", im->errors));
}

static enum step_result send_some(struct request *rq, struct api *api);

static enum step_result some_kept(struct request *rq, struct api *api)
{
	struct importing *im = api->state;

	if (!im->answered)
		return api_failed(rq, -ETIMEDOUT);
	im->answered = false;
	if (im->total.status)
		return api_failed(rq, im->total.status);
	if (im->sent < im->n)
		return send_some(rq, api);
	drop_batch(im);
	return fill(rq, api);
}

static void on_kept(void *arg, const struct import_result *r)
{
	struct request *rq = arg;
	struct api *api = rq->endpoint_state;
	struct importing *im = api->state;
	struct import_result *t = &im->total;

	rq->pending = NULL;
	im->answered = true;
	t->status = r->status;
	t->imported += r->imported;
	t->known += r->known;
	t->expired += r->expired;
	t->rejected += r->rejected;
	t->head = r->head;
	pipeline_resume(&rq->pipeline);
}

/* The exchanges of all its lines, one after the other. */
static int join(struct api *api, struct importing *im)
{
	for (size_t i = 0; i < im->n_lines; i++)
		im->n += im->lines[i].n;
	im->v = arena_alloc(im->arena, im->n * sizeof(*im->v));
	if (!im->v)
		return -ENOMEM;
	for (size_t i = 0, to = 0; i < im->n_lines; i++)
		for (size_t k = 0; k < im->lines[i].n; k++, to++) {
			im->v[to] = im->lines[i].v[k];
			im->v[to].partition = api->partition;
		}
	return 0;
}

static enum step_result send_some(struct request *rq, struct api *api)
{
	struct importing *im = api->state;
	size_t left = im->n - im->sent;
	struct import_batch b = {
		.v = im->v + im->sent,
		.n = left < CALL_EXCHANGES ? left : CALL_EXCHANGES,
		.epoch = im->epoch,
		.head = im->total.head,
	};

	im->sent += b.n;
	rq->pending = memory_import(rq->app->deps.memory_port, &b, on_kept, rq);
	return api_wait(rq, api, some_kept);
}

static enum step_result send_batch(struct request *rq, struct api *api)
{
	return join(api, api->state) ? api_failed(rq, -ENOMEM) : send_some(rq, api);
}

static enum step_result fill(struct request *rq, struct api *api)
{
	struct importing *im = api->state;

	if (rq->body_fault)
		return api_fault(rq, rq->body_fault, NULL);
	if (!im->arena)
		im->arena = arena_new(4096);
	if (!im->arena)
		return api_failed(rq, -ENOMEM);
	while (!is_full(im) && next_line(rq, im))
		continue;
	if (im->n_lines && (im->ended || is_full(im)))
		return send_batch(rq, api);
	if (im->ended)
		return answer(rq, im);
	api->next = fill;
	rq->wait = WAIT_BODY;
	return STEP_WAIT;
}

/* What came before the import is known; what is forgotten from now on stays so. */
static enum step_result begin(struct request *rq, struct api *api)
{
	struct importing *im = api->state;
	const struct answer *a = api->answer;

	if (api_status(api))
		return api_failed(rq, api_status(api));
	if (a->head.paused)
		return api_failed(rq, -EPERM);
	im->epoch = a->head.epoch;
	im->total.head = a->head.head;
	conn_stream(rq->conn);
	return fill(rq, api);
}

enum step_result api_import(struct request *rq, struct api *api)
{
	struct importing *im = api->state = arena_alloc(rq->arena, sizeof(*im));
	const struct call c = { .kind = CALL_READ_BEFORE,
				.x.partition = api->partition,
				.cursor = UINT64_MAX,
				.bytes = 1 };

	if (!im)
		return STEP_FAIL;
	im->line_max = LINE_BYTES +
		       2 * ESCAPED * (size_t)rq->rules->cfg->memory.max_exchange_bytes;
	im->errors = json_array();
	im->text = evbuffer_new();
	if (arena_defer(rq->arena, done, im) || !im->text)
		return STEP_FAIL;
	return api_call(rq, api, &c, begin);
}
