/* api_line.c - what is said by a line of an import. */
#include "proxy/api_json.h"

#include "memory/original_import.h"
#include "router/id.h"

#include <errno.h>

/* Of a client's and a model's name. */
enum { NAME_MAX_BYTES = 256 };

static bool is_absent(const json_t *j)
{
	return !j || json_is_null(j);
}

/* --- an exchange ------------------------------------------------------------- */

static const char *read_id(const json_t *j, struct exchange_id *ret)
{
	if (is_absent(j) || api_id_parse(api_string(j), ret))
		return NULL;
	return "id is not 32 hexadecimal digits";
}

static const char *read_at(const json_t *j, uint64_t now_ms, uint64_t *ret)
{
	*ret = now_ms;
	if (is_absent(j) || api_time_parse(api_string(j), ret))
		return NULL;
	return "at is not a time as 2026-11-21T10:00:00.000Z";
}

static const char *read_state(const json_t *j, struct exchange *x)
{
	struct str state = api_string(j);

	x->state = x->reply.p ? EXCHANGE_COMPLETE : EXCHANGE_CANCELLED;
	if (is_absent(j))
		return NULL;
	if (str_eq(state, STR("cancelled")))
		x->state = EXCHANGE_CANCELLED;
	else if (!str_eq(state, STR("complete")))
		return "state is neither complete nor cancelled";
	else if (!x->reply.p)
		return "a complete exchange has a reply";
	return NULL;
}

static const char *read_exchange(const json_t *doc, uint64_t now_ms, struct exchange *x)
{
	const char *why;

	x->session = api_string(json_object_get(doc, "session"));
	x->user = api_string(json_object_get(doc, "user"));
	x->reply = api_string(json_object_get(doc, "reply"));
	x->client = api_string(json_object_get(doc, "client"));
	x->model = api_string(json_object_get(doc, "model"));
	if (!id_is_usable(x->session))
		return "session is not the id of one";
	if (!x->user.len)
		return "user is not a text";
	if (x->client.len > NAME_MAX_BYTES || x->model.len > NAME_MAX_BYTES)
		return "client and model are names of at most 256 bytes";
	why = read_id(json_object_get(doc, "id"), &x->id);
	if (!why)
		why = read_at(json_object_get(doc, "at"), now_ms, &x->at_ms);
	return why ? why : read_state(json_object_get(doc, "state"), x);
}

/* --- a session of the original project ---------------------------------------- */

static const char *read_session(struct str line, uint64_t now_ms, struct arena *a,
				struct api_line *ret)
{
	const struct str no_key = { NULL, 0 };
	struct original_session session;
	int r = original_parse(no_key, line, a, &session);

	if (r == -ENOMEM)
		return "there is no memory for it";
	if (r < 0 || !id_is_usable(session.id))
		return "a session has session_id and messages";
	ret->v = session.v;
	ret->n = session.n;
	for (size_t i = 0; i < ret->n; i++) {
		ret->v[i].session = session.id;
		if (!ret->v[i].at_ms)
			ret->v[i].at_ms = now_ms;
	}
	return NULL;
}

/* --- either ------------------------------------------------------------------ */

static const char *read_line(struct str line, const json_t *doc, uint64_t now_ms,
			     struct arena *a, struct api_line *ret)
{
	if (!json_is_object(doc))
		return "it is not an object";
	if (json_object_get(doc, "messages"))
		return read_session(line, now_ms, a, ret);
	ret->v = arena_alloc(a, sizeof(*ret->v));
	ret->n = 1;
	return ret->v ? read_exchange(doc, now_ms, ret->v) : "there is no memory for it";
}

const char *api_line_parse(struct str line, uint64_t now_ms, struct arena *a,
			   struct api_line *ret)
{
	json_error_t error;
	const char *why;

	*ret = (struct api_line){
		.doc = json_loadb(line.p, line.len,
				  JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &error)
	};
	if (!ret->doc)
		return "it is not JSON";
	why = read_line(line, ret->doc, now_ms, a, ret);
	if (why) {
		json_decref(ret->doc);
		*ret = (struct api_line){ 0 };
	}
	return why;
}
