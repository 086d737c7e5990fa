/* api_line.c - what is said by a line of an import. */
#include "proxy/api_json.h"

#include "memory/clean.h"
#include "router/id.h"

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
	why = read_id(json_object_get(doc, "id"), &x->id);
	if (!why)
		why = read_at(json_object_get(doc, "at"), now_ms, &x->at_ms);
	return why ? why : read_state(json_object_get(doc, "state"), x);
}

/* --- a session of the original proxy ----------------------------------------- */

/* Above what any text is cut to when it is kept. */
enum { RUN_MAX = 2 << 20, MESSAGES_MAX = 10000 };

struct session_reader {
	struct arena *arena;
	struct str session;
	uint64_t at_ms; /* of the message before */
	struct digest prev;
	struct buf user, reply; /* the runs so far; empty: none */
	struct api_line *to;
};

static void add_to_run(struct buf *run, struct str text)
{
	if (run->len)
		buf_add_str(run, STR("\n\n"));
	buf_add_str(run, text);
}

static void finish_exchange(struct session_reader *r)
{
	struct exchange *x = &r->to->v[r->to->n];

	if (r->user.len) {
		*x = (struct exchange){
			.session = r->session,
			.user = arena_str(r->arena, buf_str(&r->user)),
			.state = r->reply.len ? EXCHANGE_COMPLETE : EXCHANGE_CANCELLED,
			.at_ms = r->at_ms,
			.prev = r->prev,
		};
		if (r->reply.len)
			x->reply = arena_str(r->arena, buf_str(&r->reply));
		r->to->n++;
	}
	if (r->reply.len)
		r->prev = turn_digest(buf_str(&r->reply));
	buf_reset(&r->user);
	buf_reset(&r->reply);
}

/* Seconds since 1970, as Python's time.time(), or a text. */
static void read_timestamp(const json_t *j, uint64_t *ret)
{
	double seconds = json_number_value(j);

	if (json_is_string(j))
		api_time_parse(api_string(j), ret);
	else if (seconds > 0 && seconds < 4e9)
		*ret = (uint64_t)(seconds * 1000);
}

static void read_message(struct session_reader *r, const json_t *message)
{
	struct str role = api_string(json_object_get(message, "role"));
	struct str content = api_string(json_object_get(message, "content"));

	if (!content.len)
		return;
	if (str_eq(role, STR("user"))) {
		if (r->reply.len)
			finish_exchange(r);
		add_to_run(&r->user, content);
	} else if (str_eq(role, STR("assistant"))) {
		add_to_run(&r->reply, content);
	} else {
		return;
	}
	read_timestamp(json_object_get(message, "timestamp"), &r->at_ms);
}

static const char *read_session(const json_t *doc, uint64_t now_ms, struct arena *a,
				struct api_line *ret)
{
	const json_t *messages = json_object_get(doc, "messages");
	size_t n = json_array_size(messages);
	struct session_reader r = {
		.arena = a,
		.session = api_string(json_object_get(doc, "session_id")),
		.at_ms = now_ms,
		.to = ret,
	};
	bool failed;

	if (!json_is_array(messages) || !id_is_usable(r.session))
		return "a session has session_id and messages";
	if (n > MESSAGES_MAX)
		return "it has more than 10000 messages";
	ret->v = arena_alloc(a, (n + 1) * sizeof(*ret->v));
	if (!ret->v)
		return "there is no memory for it";
	buf_init(&r.user, RUN_MAX);
	buf_init(&r.reply, RUN_MAX);
	read_timestamp(json_object_get(doc, "created_at"), &r.at_ms);
	for (size_t i = 0; i < n; i++)
		read_message(&r, json_array_get(messages, i));
	finish_exchange(&r);
	failed = r.user.failed || r.reply.failed;
	buf_done(&r.user);
	buf_done(&r.reply);
	return failed ? "there is no memory for it" : NULL;
}

/* --- either ------------------------------------------------------------------ */

static const char *read_line(const json_t *doc, uint64_t now_ms, struct arena *a,
			     struct api_line *ret)
{
	if (!json_is_object(doc))
		return "it is not an object";
	if (json_object_get(doc, "messages"))
		return read_session(doc, now_ms, a, ret);
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
	why = read_line(ret->doc, now_ms, a, ret);
	if (why) {
		json_decref(ret->doc);
		*ret = (struct api_line){ 0 };
	}
	return why;
}
