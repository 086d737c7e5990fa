/*
 * api_sessions.c - /v1/sessions, as the original proxy had it.
 *
 * A session is named without its user there; so the users of the tenant are gone
 * through, a page of users and a page of sessions at a time, unless ?user_id= says
 * whose it is (and the tenant is known: an admin's may be any).
 */
#include "proxy/api.h"

#include <errno.h>
#include <inttypes.h>

enum { USERS_PAGE = 64, SESSIONS_PAGE = 256, TEXT_MAX = 16 << 20 };

struct walk {
	api_fn *visit; /* api->answer has sessions of `at`; goes on by walk_on() */
	api_fn *end;
	struct arena *page; /* that these lie in */
	struct partition *users;
	size_t n, i;
	struct partition at;
	uint64_t skip;
	bool last_page; /* of the sessions */

	struct buf text;
	uint64_t count;             /* of what is in the list */
	struct store_session found; /* but for its id, which the path has */
	uint64_t cursor, head;      /* of the exchanges read */
};

static void done(void *arg)
{
	struct walk *w = arg;

	arena_free(w->page);
	buf_done(&w->text);
}

/* --- through users and their sessions ---------------------------------------- */

static enum step_result next_user(struct request *rq, struct api *api);

static int copy_partition(struct arena *a, const struct partition *p,
			  struct partition *ret)
{
	ret->tenant = arena_str(a, p->tenant);
	ret->user = arena_str(a, p->user);
	return ret->tenant.p && ret->user.p ? 0 : -ENOMEM;
}

static int take_users(struct walk *w, const struct answer *a)
{
	struct arena *page = arena_new(8192);
	int r = 0;

	w->n = w->i = 0;
	w->users = page ? arena_alloc(page, a->n_rows * sizeof(*w->users)) : NULL;
	if (!w->users)
		r = -ENOMEM;
	for (; !r && w->n < a->n_rows; w->n++)
		r = copy_partition(page, &a->users[w->n].partition, &w->users[w->n]);
	arena_free(w->page);
	w->page = page;
	return r;
}

static enum step_result users_here(struct request *rq, struct api *api)
{
	struct walk *w = api->state;

	if (api_status(api))
		return api_failed(rq, api_status(api));
	if (take_users(w, api->answer))
		return api_failed(rq, -ENOMEM);
	return w->n ? next_user(rq, api) : w->end(rq, api);
}

static enum step_result more_users(struct request *rq, struct api *api)
{
	const struct walk *w = api->state;
	struct call c = { .kind = CALL_USERS,
			  .tenant = api->tenant,
			  .limit = USERS_PAGE };

	if (w->n > 0 && w->n < USERS_PAGE)
		return w->end(rq, api);
	if (w->n > 0) {
		c.has_after = true;
		c.x.partition = w->users[w->n - 1];
	}
	return api_call(rq, api, &c, users_here);
}

static enum step_result sessions_here(struct request *rq, struct api *api)
{
	struct walk *w = api->state;

	if (api_status(api))
		return api_failed(rq, api_status(api));
	w->skip += api->answer->n_rows;
	w->last_page = api->answer->n_rows < SESSIONS_PAGE;
	return w->visit(rq, api);
}

static enum step_result read_sessions(struct request *rq, struct api *api)
{
	const struct walk *w = api->state;
	const struct call c = { .kind = CALL_SESSIONS,
				.x.partition = w->at,
				.skip = w->skip,
				.limit = SESSIONS_PAGE };

	return api_call(rq, api, &c, sessions_here);
}

static enum step_result next_user(struct request *rq, struct api *api)
{
	struct walk *w = api->state;

	w->skip = 0;
	w->last_page = false;
	while (w->i < w->n) {
		w->at = w->users[w->i++];
		if (!api->user_id.p || str_eq(w->at.user, api->user_id))
			return read_sessions(rq, api);
	}
	return more_users(rq, api);
}

static enum step_result walk_on(struct request *rq, struct api *api)
{
	const struct walk *w = api->state;

	return w->last_page ? next_user(rq, api) : read_sessions(rq, api);
}

static enum step_result walk(struct request *rq, struct api *api, api_fn *visit,
			     api_fn *end)
{
	struct walk *w = api->state = arena_alloc(rq->arena, sizeof(*w));

	if (!w)
		return STEP_FAIL;
	w->visit = visit;
	w->end = end;
	buf_init(&w->text, TEXT_MAX);
	if (arena_defer(rq->arena, done, w))
		return STEP_FAIL;
	if (!api->tenant.p || !api->user_id.len)
		return more_users(rq, api);
	w->at = (struct partition){ api->tenant, api->user_id };
	w->users = &w->at;
	w->n = 1;
	return next_user(rq, api);
}

/* --- GET /v1/sessions
 * ------------------------------------------------------------------- */

static void list_begin(struct request *rq, struct walk *w)
{
	if (conn_replying(rq->conn))
		return;
	api_stream_begin(rq, STR("application/json"));
	buf_add_str(&w->text, STR("{\"sessions\":["));
}

static enum step_result list_more(struct request *rq, struct api *api)
{
	struct walk *w = api->state;
	const struct answer *a = api->answer;

	list_begin(rq, w);
	for (size_t i = 0; i < a->n_rows; i++) {
		if (w->count++)
			buf_add_char(&w->text, ',');
		api_add_json(&w->text, api_text(a->sessions[i].id));
	}
	return api_stream_put(rq, api, &w->text, walk_on);
}

static enum step_result list_end(struct request *rq, struct api *api)
{
	struct walk *w = api->state;

	list_begin(rq, w);
	buf_printf(&w->text, "],\"count\":%" PRIu64 "}", w->count);
	return api_stream_end(rq, &w->text);
}

enum step_result api_sessions_list(struct request *rq, struct api *api)
{
	return walk(rq, api, list_more, list_end);
}

/* --- GET /v1/sessions/{id}
 * -------------------------------------------------------------- */

/* Seconds since 1970, as Python's time.time(). */
static json_t *seconds(uint64_t ms)
{
	return json_real((double)ms / 1000);
}

static json_t *message(const struct exchange *x, const char *role, struct str text)
{
	return json_pack("{s:s, s:o, s:o, s:{s:o}}", "role", role, "content",
			 api_text(text), "timestamp", seconds(x->at_ms), "metadata",
			 "exchange", api_id(&x->id));
}

static void add_message(struct walk *w, json_t *message)
{
	if (w->count++)
		buf_add_char(&w->text, ',');
	api_add_json(&w->text, message);
}

static enum step_result read_messages(struct request *rq, struct api *api);

static enum step_result messages_here(struct request *rq, struct api *api)
{
	struct walk *w = api->state;
	const struct answer *a = api->answer;

	if (api_status(api))
		return api_failed(rq, api_status(api));
	if (!w->head)
		w->head = a->head.head;
	for (size_t i = 0; i < a->n_rows; i++) {
		const struct exchange *x = &a->exchanges[i];

		w->cursor = x->seq;
		if (!api_is_exchange(x) || !str_eq(x->session, api->params[0]))
			continue;
		add_message(w, message(x, "user", x->user));
		if (x->reply.p)
			add_message(w, message(x, "assistant", x->reply));
	}
	if (a->n_rows > 0 && w->cursor < w->head)
		return api_stream_put(rq, api, &w->text, read_messages);
	buf_add_str(&w->text, STR("],\"created_at\":"));
	api_add_json(&w->text, seconds(w->found.first_ms));
	buf_add_str(&w->text, STR(",\"last_accessed\":"));
	api_add_json(&w->text, seconds(w->found.last_ms));
	buf_add_str(&w->text, STR(",\"metadata\":{}}"));
	return api_stream_end(rq, &w->text);
}

static enum step_result read_messages(struct request *rq, struct api *api)
{
	const struct walk *w = api->state;
	const struct call c = { .kind = CALL_READ_SINCE,
				.x.partition = w->at,
				.cursor = w->cursor,
				.bytes = API_PAGE_BYTES };

	return api_call(rq, api, &c, messages_here);
}

/* The asked-for one among the sessions here; NULL: it is not. */
static const struct store_session *named(const struct api *api)
{
	const struct answer *a = api->answer;

	for (size_t i = 0; i < a->n_rows; i++)
		if (str_eq(a->sessions[i].id, api->params[0]))
			return &a->sessions[i];
	return NULL;
}

static enum step_result get_look(struct request *rq, struct api *api)
{
	const struct store_session *s = named(api);
	struct walk *w = api->state;

	if (!s)
		return walk_on(rq, api);
	w->found = *s;
	api_stream_begin(rq, STR("application/json"));
	buf_add_str(&w->text, STR("{\"session_id\":"));
	api_add_json(&w->text, api_text(api->params[0]));
	buf_add_str(&w->text, STR(",\"user_id\":"));
	api_add_json(&w->text, api_text(w->at.user));
	buf_add_str(&w->text, STR(",\"messages\":["));
	return read_messages(rq, api);
}

static enum step_result get_end(struct request *rq, struct api *api)
{
	static const struct str body = { "{\"detail\":\"Session not found\"}", 30 };

	(void)api;
	request_answer(rq, 404, STR("application/json"), body);
	return STEP_END;
}

enum step_result api_sessions_get(struct request *rq, struct api *api)
{
	return walk(rq, api, get_look, get_end);
}

/* --- DELETE /v1/sessions/{id}
 * ----------------------------------------------------------- */

static enum step_result deleted(struct request *rq, struct api *api)
{
	return api_answer(rq, json_pack("{s:s, s:o}", "status", "deleted", "session_id",
					api_text(api->params[0])));
}

static enum step_result delete_of_user_done(struct request *rq, struct api *api)
{
	int status = api_status(api);

	return status && status != -ENOENT ? api_failed(rq, status) : deleted(rq, api);
}

static enum step_result delete_one_done(struct request *rq, struct api *api)
{
	int status = api_status(api);

	return status && status != -ENOENT ? api_failed(rq, status) : next_user(rq, api);
}

static enum step_result forget(struct request *rq, struct api *api,
			       const struct partition *p, api_fn *next)
{
	const struct call c = { .kind = CALL_FORGET,
				.x = { .partition = *p, .session = api->params[0] } };

	return api_call(rq, api, &c, next);
}

static enum step_result delete_look(struct request *rq, struct api *api)
{
	const struct walk *w = api->state;

	return named(api) ? forget(rq, api, &w->at, delete_one_done) : walk_on(rq, api);
}

/* Where it is known whose it is, a forget is in force against what is on its way, too. */
enum step_result api_sessions_delete(struct request *rq, struct api *api)
{
	const struct partition p = { api->tenant, api->user_id };

	if (p.tenant.p && p.user.len)
		return forget(rq, api, &p, delete_of_user_done);
	return walk(rq, api, delete_look, deleted);
}
