/* api.c - the memory API: from a path to a route, and what all routes share. */
#include "proxy/api.h"

#include "proxy/rights.h"

#include <event2/buffer.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "/memory/api/"

enum {
	STORE_MS = 10000, /* longer is "the store did not answer" */
	LIMIT = 50,
	LIMIT_MAX = 500,
	BODY_MAX = 1 << 20,
};

/* --- which route ------------------------------------------------------------- */

/* PATH_OTHER with *allowed filled: there are routes, of other methods. */
static enum path_match find(struct str method, struct str path, struct arena *a,
			    struct api *api, struct buf *allowed)
{
	struct str params[API_PARAMS_MAX] = { 0 };

	/* A HEAD is answered as a GET, without the body. */
	if (str_eq(method, STR("HEAD")))
		method = STR("GET");
	for (size_t i = 0; i < api_n_routes; i++) {
		const struct api_route *r = &api_routes[i];
		enum path_match m = api_path_match(r->path, path, a, params);

		if (m == PATH_OTHER)
			continue;
		if (str_eq(method, str_from(r->method))) {
			api->route = r;
			memcpy(api->params, params, sizeof(params));
			return m;
		}
		buf_printf(allowed, "%s%s", allowed->len ? ", " : "", r->method);
	}
	return PATH_OTHER;
}

bool api_serves(struct str method, struct str path)
{
	struct api api = { 0 };
	struct arena *a;
	struct buf allowed;
	enum path_match m;

	if (str_has_prefix(path, STR(PREFIX)))
		return true;
	if (!str_has_prefix(path, STR("/v1/sessions")))
		return false;
	a = arena_new(1024);
	if (!a)
		return true;
	buf_init(&allowed, 256);
	m = find(method, path, a, &api, &allowed);
	buf_done(&allowed);
	arena_free(a);
	return m != PATH_OTHER;
}

static enum step_result no_such_route(struct request *rq, const struct buf *allowed)
{
	struct header allow = { STR("Allow"), buf_str(allowed) };

	if (!allowed->len)
		return api_fault(rq, FAULT_NOT_FOUND, NULL);
	request_answer_fault_with(rq, FAULT_METHOD, NULL, (struct headers){ &allow, 1 });
	return STEP_END;
}

bool api_names_user(const struct api_route *r)
{
	return strstr(r->path, "{user}") != NULL;
}

/* --- what it is asked with --------------------------------------------------- */

static int take(struct request *rq, const struct api *api, enum api_query which,
		struct str name, struct str *ret)
{
	struct str target = conn_head(rq->conn)->target, path = str_before(target, '?');
	struct str query = str_slice(target, path.len + 1, target.len);

	if (!(api->route->query & which))
		return 0;
	return api_query_get(query, name, rq->arena, ret);
}

static int take_limit(struct request *rq, struct api *api)
{
	struct str text = { NULL, 0 };
	uint64_t limit = LIMIT;
	int r = take(rq, api, API_LIMIT, STR("limit"), &text);

	if (!r && text.p && (!str_to_u64(text, &limit) || !limit))
		r = -EINVAL;
	api->limit = limit < LIMIT_MAX ? (size_t)limit : LIMIT_MAX;
	return r;
}

static int take_query(struct request *rq, struct api *api)
{
	int r = take(rq, api, API_TENANT, STR("tenant"), &api->tenant);

	if (!r)
		r = take(rq, api, API_USER_ID, STR("user_id"), &api->user_id);
	if (!r)
		r = take(rq, api, API_SESSION, STR("session"), &api->session);
	if (!r)
		r = take(rq, api, API_TEXT, STR("q"), &api->text);
	if (!r)
		r = take(rq, api, API_CURSOR, STR("cursor"), &api->cursor);
	return r ? r : take_limit(rq, api);
}

/*
 * A page of another site can make a browser send a POST with a body of a few types,
 * unasked. JSON is none of them, and the other methods are asked about first: we
 * never answer that with a yes.
 */
static bool is_json(struct request *rq)
{
	struct str type = headers_get(request_headers(rq), STR("Content-Type"));

	type = str_trim(str_before(type, ';'));
	return str_ieq(type, STR("application/json")) ||
	       str_ieq(type, STR("application/jsonl")) ||
	       str_ieq(type, STR("application/x-ndjson")) ||
	       str_ieq(type, STR("application/json-lines"));
}

static enum step_result authorized(struct request *rq, struct api *api)
{
	api->partition.tenant = api->tenant;
	if (api_names_user(api->route))
		api->partition.user = api->params[0];
	return api->route->serve(rq, api);
}

static enum step_result begin(struct request *rq, struct api *api)
{
	if (take_query(rq, api))
		return api_fault(rq, FAULT_BAD_PARAMETER,
				 "A parameter of the query is not valid.");
	if (api->route->open)
		return api->route->serve(rq, api);
	if (api->route->body && !is_json(rq))
		return api_fault(rq, FAULT_MEDIA_TYPE, NULL);
	if (!rq->app->deps.memory_port)
		return api_fault(rq, FAULT_STORE, "This proxy runs without a memory.");
	return api_authorize(rq, api, authorized);
}

enum step_result api_serve(struct request *rq)
{
	const struct h1_head *h = conn_head(rq->conn);
	struct api *api = arena_alloc(rq->arena, sizeof(*api));
	struct buf allowed;
	enum step_result r;
	enum path_match m;

	if (!api)
		return STEP_FAIL;
	rq->endpoint_state = api;
	buf_init(&allowed, 256);
	m = find(h->method, str_before(h->target, '?'), rq->arena, api, &allowed);
	if (m == PATH_MATCHES)
		r = begin(rq, api);
	else if (m == PATH_BAD)
		r = api_fault(rq, FAULT_BAD_PARAMETER,
			      "A part of the path is not a valid id: 1 to 256 bytes of "
			      "percent-encoded UTF-8 without control characters.");
	else
		r = no_such_route(rq, &allowed);
	buf_done(&allowed);
	return r;
}

/* --- one operation after the other ------------------------------------------- */

enum step_result api_finish(struct request *rq)
{
	struct api *api = rq->endpoint_state;

	rq->wait = WAIT_NONE;
	request_disarm_timer(rq);
	return api->next(rq, api);
}

static void on_answer(void *arg, const struct answer *a)
{
	struct request *rq = arg;
	struct api *api = rq->endpoint_state;

	rq->pending = NULL;
	api->answer = a;
	pipeline_resume(&rq->pipeline);
	api->answer = NULL;
}

enum step_result api_wait(struct request *rq, struct api *api, api_fn *next)
{
	if (!rq->pending)
		return api_failed(rq, -ENOMEM);
	api->next = next;
	rq->wait = WAIT_ENDPOINT;
	request_arm_timer(rq, STORE_MS);
	return STEP_WAIT;
}

enum step_result api_call(struct request *rq, struct api *api, const struct call *c,
			  api_fn *next)
{
	rq->pending = memory_call(rq->app->deps.memory_port, c, on_answer, rq);
	return api_wait(rq, api, next);
}

int api_status(const struct api *api)
{
	return api->answer ? api->answer->status : -ETIMEDOUT;
}

/* --- answers ----------------------------------------------------------------- */

enum step_result api_answer(struct request *rq, json_t *doc)
{
	char *text = doc ? json_dumps(doc, JSON_COMPACT) : NULL;

	json_decref(doc);
	if (text)
		request_answer(rq, 200, STR("application/json"), str_from(text));
	else
		request_answer_fault(rq, FAULT_INTERNAL, NULL);
	free(text);
	return STEP_END;
}

enum step_result api_fault(struct request *rq, enum fault fault, const char *detail)
{
	rq->fault = fault;
	rq->fault_detail = detail;
	return STEP_END;
}

enum step_result api_failed(struct request *rq, int status)
{
	switch (status) {
	case -ENOENT:
		return api_fault(rq, FAULT_NOT_FOUND, NULL);
	case -EPERM:
	case -ESTALE:
		return api_fault(rq, FAULT_CONFLICT, NULL);
	case -EINVAL:
		return api_fault(rq, FAULT_BAD_PARAMETER, NULL);
	case -ENOMEM:
		return api_fault(rq, FAULT_INTERNAL, NULL);
	default:
		return api_fault(rq, FAULT_STORE, NULL);
	}
}

/* --- bodies ------------------------------------------------------------------ */

enum step_result api_collect(struct request *rq, struct api *api, api_fn *next)
{
	api->next = next;
	rq->wait = WAIT_BODY;
	conn_collect(rq->conn, BODY_MAX);
	return STEP_WAIT;
}

static void release(void *doc)
{
	json_decref(doc);
}

json_t *api_body(struct request *rq)
{
	struct evbuffer *body = conn_body(rq->conn);
	size_t n = evbuffer_get_length(body);
	const char *text = n ? (const char *)evbuffer_pullup(body, -1) : "";
	json_error_t error;
	json_t *doc;

	if (rq->body_fault || !text) {
		api_fault(rq, rq->body_fault ? rq->body_fault : FAULT_INTERNAL, NULL);
		return NULL;
	}
	doc = json_loadb(text, n, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &error);
	if (!json_is_object(doc)) {
		json_decref(doc);
		api_fault(rq, FAULT_BAD_PARAMETER, "The body is not a JSON object.");
		return NULL;
	}
	if (arena_defer(rq->arena, release, doc)) {
		api_fault(rq, FAULT_INTERNAL, NULL);
		return NULL;
	}
	return doc;
}

/* --- streams ----------------------------------------------------------------- */

void api_stream_begin(struct request *rq, struct str content_type)
{
	rq->status = 200;
	conn_reply(rq->conn, 200, (struct str){ NULL, 0 });
	conn_header(rq->conn, STR("x-request-id"), rq->id);
	conn_header(rq->conn, STR("Cache-Control"), STR("no-store"));
	conn_header(rq->conn, STR("Content-Type"), content_type);
	conn_head_done(rq->conn, -1);
}

static bool put(struct request *rq, struct buf *b)
{
	bool ready = conn_write(rq->conn, b->p, b->len);

	rq->relay.bytes += b->len;
	buf_reset(b);
	return ready;
}

enum step_result api_stream_put(struct request *rq, struct api *api, struct buf *b,
				api_fn *next)
{
	if (b->failed)
		return api_failed(rq, -ENOMEM);
	if (put(rq, b))
		return next(rq, api);
	api->next = next;
	rq->wait = WAIT_DRAIN;
	return STEP_WAIT;
}

enum step_result api_stream_end(struct request *rq, struct buf *b)
{
	struct conn *c = rq->conn;

	if (b->failed)
		return api_failed(rq, -ENOMEM);
	put(rq, b);
	rq->conn = NULL;
	conn_end(c);
	return STEP_END;
}
