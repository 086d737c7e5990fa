/* api_users.c - who is remembered, their conversations, and forgetting them. */
#include "proxy/api.h"

#include <errno.h>
#include <inttypes.h>

/* --- GET /memory/api/users --------------------------------------------------- */

static void add_hex(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		buf_printf(b, "%02x", (unsigned char)s.p[i]);
}

/* Where the next page begins: both names, in hexadecimal digits, with a dot between. */
static json_t *users_cursor(const struct partition *last)
{
	struct buf b;
	json_t *j = NULL;

	buf_init(&b, 8192);
	add_hex(&b, last->tenant);
	buf_add_char(&b, '.');
	add_hex(&b, last->user);
	if (!b.failed)
		j = json_stringn(b.p, b.len);
	buf_done(&b);
	return j;
}

static bool from_hex(struct str hex, struct arena *a, struct str *ret)
{
	char *to = arena_bytes(a, hex.len / 2 + 1);

	if (!to || hex.len % 2)
		return false;
	for (size_t i = 0; i < hex.len; i += 2) {
		int high = str_hex_value(hex.p[i]), low = str_hex_value(hex.p[i + 1]);

		if (high < 0 || low < 0)
			return false;
		to[i / 2] = (char)(high << 4 | low);
	}
	*ret = (struct str){ to, hex.len / 2 };
	return true;
}

static bool read_users_cursor(struct str cursor, struct arena *a, struct partition *ret)
{
	struct str tenant = str_before(cursor, '.');

	return tenant.len < cursor.len && from_hex(tenant, a, &ret->tenant) &&
	       from_hex(str_slice(cursor, tenant.len + 1, cursor.len), a, &ret->user);
}

static json_t *user(const struct store_user *u)
{
	return json_pack("{s:o, s:o, s:I, s:o, s:b}", "tenant",
			 api_text(u->partition.tenant), "user_id",
			 api_text(u->partition.user), "exchanges",
			 (json_int_t)u->exchanges, "last_at",
			 u->exchanges ? api_time(u->last_ms) : json_null(), "paused",
			 (int)u->head.paused);
}

static enum step_result users_listed(struct request *rq, struct api *api)
{
	const struct answer *a = api->answer;
	json_t *list = json_array(), *next = json_null();

	if (api_status(api)) {
		json_decref(list);
		return api_failed(rq, api_status(api));
	}
	for (size_t i = 0; i < a->n_rows && i < api->limit; i++)
		json_array_append_new(list, user(&a->users[i]));
	if (a->n_rows > api->limit)
		next = users_cursor(&a->users[api->limit - 1].partition);
	return api_answer(rq,
			  json_pack("{s:o, s:o}", "users", list, "next_cursor", next));
}

enum step_result api_users_list(struct request *rq, struct api *api)
{
	/* One more than is shown tells whether there is more. */
	struct call c = { .kind = CALL_USERS,
			  .tenant = api->tenant,
			  .limit = api->limit + 1 };

	if (api->cursor.p) {
		if (!read_users_cursor(api->cursor, rq->arena, &c.x.partition))
			return api_fault(rq, FAULT_BAD_PARAMETER,
					 "cursor is not one of a list of users.");
		c.has_after = true;
	}
	return api_call(rq, api, &c, users_listed);
}

/* --- DELETE …/users/{user}, …/sessions/{session} ------------------------- */

static enum step_result forgotten(struct request *rq, struct api *api)
{
	int status = api_status(api);

	/* Nothing was there; the forget is in force all the same. */
	if (status == -ENOENT)
		return api_answer(rq, json_pack("{s:i}", "deleted", 0));
	if (status)
		return api_failed(rq, status);
	return api_answer(rq, json_pack("{s:I}", "deleted", (json_int_t)api->answer->n));
}

static enum step_result forget(struct request *rq, struct api *api, struct str session)
{
	const struct call c = {
		.kind = CALL_FORGET,
		.x = { .partition = api->partition, .session = session },
	};

	return api_call(rq, api, &c, forgotten);
}

enum step_result api_users_forget(struct request *rq, struct api *api)
{
	return forget(rq, api, (struct str){ NULL, 0 });
}

enum step_result api_users_session_forget(struct request *rq, struct api *api)
{
	return forget(rq, api, api->params[1]);
}

/* --- PUT …/pause
 * ------------------------------------------------------------------------ */

static enum step_result paused(struct request *rq, struct api *api)
{
	const bool *wish = api->state;

	if (api_status(api))
		return api_failed(rq, api_status(api));
	return api_answer(rq,
			  json_pack("{s:o, s:b}", "user_id",
				    api_text(api->partition.user), "paused", (int)*wish));
}

static enum step_result pause_read(struct request *rq, struct api *api)
{
	json_t *body = api_body(rq), *wish = json_object_get(body, "paused");
	struct call c = { .kind = CALL_PAUSE, .x.partition = api->partition };
	bool *kept = arena_alloc(rq->arena, sizeof(*kept));

	if (!body)
		return STEP_END;
	if (!json_is_boolean(wish) || !kept)
		return api_fault(
			rq, FAULT_BAD_PARAMETER,
			"The body is {\"paused\": true} or {\"paused\": false}.");
	c.paused = *kept = json_is_true(wish);
	api->state = kept;
	return api_call(rq, api, &c, paused);
}

enum step_result api_users_pause(struct request *rq, struct api *api)
{
	return api_collect(rq, api, pause_read);
}

/* --- GET …/sessions
 * --------------------------------------------------------------------- */

static json_t *session(const struct store_session *s)
{
	return json_pack("{s:o, s:I, s:o, s:o}", "session", api_text(s->id), "exchanges",
			 (json_int_t)s->exchanges, "first_at", api_time(s->first_ms),
			 "last_at", api_time(s->last_ms));
}

static enum step_result sessions_listed(struct request *rq, struct api *api)
{
	const struct answer *a = api->answer;
	const uint64_t *skip = api->state;
	json_t *list = json_array(), *next = json_null();

	if (api_status(api)) {
		json_decref(list);
		return api_failed(rq, api_status(api));
	}
	for (size_t i = 0; i < a->n_rows && i < api->limit; i++)
		json_array_append_new(list, session(&a->sessions[i]));
	if (a->n_rows > api->limit)
		next = json_sprintf("%" PRIu64, *skip + api->limit);
	return api_answer(rq,
			  json_pack("{s:o, s:o}", "sessions", list, "next_cursor", next));
}

enum step_result api_users_sessions(struct request *rq, struct api *api)
{
	struct call c = { .kind = CALL_SESSIONS,
			  .x.partition = api->partition,
			  .limit = api->limit + 1 };
	uint64_t *skip = arena_alloc(rq->arena, sizeof(*skip));

	if (!skip || (api->cursor.p && !str_to_u64(api->cursor, skip)))
		return api_fault(rq, FAULT_BAD_PARAMETER,
				 "cursor is not one of a list of sessions.");
	c.skip = *skip;
	api->state = skip;
	return api_call(rq, api, &c, sessions_listed);
}
