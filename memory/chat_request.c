/*
 * chat_request.c - reads the body of a chat completions request.
 *
 * It is walked in place, message by message. What is kept of the walk is where
 * the current run of user messages began and what stood before it; its texts are
 * read again at the end. So the memory used does not grow with the conversation,
 * but for one hash a text.
 */
#include "memory/chat_request.h"
#include "base/buf.h"
#include "memory/clean.h"
#include "memory/members.h"

#include <errno.h>
#include <string.h>

enum { SCRATCH = 1024 };

enum role {
	ROLE_OTHER, /* system, developer, unknown */
	ROLE_USER,
	ROLE_ASSISTANT,
	ROLE_TOOL,
};

struct message {
	enum role role;
	struct json_value content;
	bool calls_tools;
};

static enum role role_of(struct json_value v)
{
	if (is_string(v, STR("user")))
		return ROLE_USER;
	if (is_string(v, STR("assistant")))
		return ROLE_ASSISTANT;
	if (is_string(v, STR("tool")) || is_string(v, STR("function")))
		return ROLE_TOOL;
	return ROLE_OTHER;
}

static struct message read_message(struct json_value v)
{
	struct json_value role, calls, call;
	struct message m;

	GET_MEMBERS(v, { STR("role"), &role }, { STR("content"), &m.content },
		    { STR("tool_calls"), &calls }, { STR("function_call"), &call });
	m.role = role_of(role);
	m.calls_tools = has_items(calls) || call.type == JSON_OBJECT;
	return m;
}

struct reader {
	struct arena *arena;   /* the view's */
	struct arena *scratch; /* ends with the reading */
	struct request_view *view;
	size_t sent_cap;
	struct buf text, run_text; /* one message's, and one run's */

	struct message last;
	/* the current run, and what stood before it */
	struct json_iter run;
	size_t run_texts;
	struct str only_text; /* its one text, while that is still in `text` */
	struct json_value reply_before, user_before;
	bool run_open; /* a user message now belongs to it */
	bool in_loop;  /* tools were called, and the turn goes on */
	/* the last ones with text */
	struct json_value assistant_text, user_text;
};

/* What a message says; `other`: it has images, files or the like. */
struct said {
	struct str text;
	bool other;
};

/* ASCII without escapes: it means itself. */
static bool is_plain(struct str s)
{
	uint64_t all = 0, word = 0;

	if (memchr(s.p, '\\', s.len) != NULL)
		return false;
	for (; s.len >= sizeof(word); s = str_slice(s, sizeof(word), s.len)) {
		memcpy(&word, s.p, sizeof(word));
		all |= word;
	}
	word = 0;
	memcpy(&word, s.p, s.len);
	return ((all | word) & 0x8080808080808080) == 0;
}

/* The text parts, joined by line feeds. */
static int join_parts(struct json_value parts, struct buf *to, bool *other)
{
	struct json_iter it = json_iter(parts);
	struct json_value part, type, text;
	size_t n = 0;

	while (json_next_item(&it, &part)) {
		GET_MEMBERS(part, { STR("type"), &type }, { STR("text"), &text });
		if (text.type != JSON_STRING || !is_string(type, STR("text"))) {
			*other = true;
			continue;
		}
		if ((n++ > 0 && buf_add_char(to, '\n')) || json_str_decode(text.raw, to))
			return -ENOMEM;
	}
	return 0;
}

/* Cleaned. Good until the next call. */
static int read_content(struct reader *r, struct json_value content, struct said *ret)
{
	*ret = (struct said){ .text = STR("") };
	r->only_text = (struct str){ NULL, 0 };
	buf_reset(&r->text);
	if (content.type == JSON_STRING) {
		ret->text = str_slice(content.raw, 1, content.raw.len - 1);
		if (is_plain(ret->text))
			goto clean;
		if (json_str_decode(content.raw, &r->text))
			return -ENOMEM;
	} else if (content.type == JSON_ARRAY) {
		if (join_parts(content, &r->text, &ret->other))
			return -ENOMEM;
	}
	ret->text = buf_str(&r->text);
clean:
	ret->text = clean_text(ret->text, r->scratch);
	return ret->text.p ? 0 : -ENOMEM;
}

static int add_sent(struct reader *r, bool from_user, struct str text)
{
	struct request_view *v = r->view;

	if (v->n_sent == r->sent_cap) {
		size_t cap = r->sent_cap ? 2 * r->sent_cap : 8;
		struct sent_text *grown = arena_alloc(r->scratch, cap * sizeof(*grown));
		if (grown == NULL)
			return -ENOMEM;
		if (v->n_sent > 0)
			memcpy(grown, v->sent, v->n_sent * sizeof(*grown));
		v->sent = grown;
		r->sent_cap = cap;
	}
	v->sent[v->n_sent++] = (struct sent_text){ from_user, turn_hash(text) };
	return 0;
}

/* The texts of the current run, joined by blank lines, into r->run_text. */
static int read_run(struct reader *r)
{
	struct json_iter it = r->run;
	struct json_value item;
	struct said said;

	buf_reset(&r->run_text);
	while (r->run_texts > 0 && json_next_item(&it, &item)) {
		struct message m = read_message(item);
		if (m.role == ROLE_ASSISTANT || m.role == ROLE_TOOL)
			break;
		if (m.role != ROLE_USER)
			continue;
		if (read_content(r, m.content, &said))
			return -ENOMEM;
		if (said.text.len == 0)
			continue;
		if (r->run_text.len > 0 && buf_add_str(&r->run_text, STR("\n\n")))
			return -ENOMEM;
		if (buf_add_str(&r->run_text, said.text))
			return -ENOMEM;
	}
	return 0;
}

static int end_run(struct reader *r)
{
	if (!r->run_open)
		return 0;
	r->run_open = false;
	if (r->run_texts < 2)
		return 0;
	if (read_run(r))
		return -ENOMEM;
	return add_sent(r, true, buf_str(&r->run_text));
}

static void begin_run(struct reader *r, struct json_iter at)
{
	r->run = at;
	r->run_texts = 0;
	r->run_open = true;
	r->in_loop = false;
	r->reply_before = r->assistant_text;
	r->user_before = r->user_text;
}

/*
 * Reminders that a client adds while its tools run are no turn; behind a finished
 * reply they begin one in which the user said nothing.
 */
static int take_user(struct reader *r, struct json_iter at, struct json_value content)
{
	struct said said;

	if (read_content(r, content, &said))
		return -ENOMEM;
	bool nothing = said.text.len == 0 && !said.other;
	if (!r->run_open && !(nothing && r->in_loop))
		begin_run(r, at);
	if (said.text.len == 0)
		return 0;
	if (r->run_texts++ == 0)
		r->only_text = said.text;
	r->user_text = content;
	return add_sent(r, true, said.text);
}

static int take_assistant(struct reader *r, const struct message *m)
{
	struct said said;

	if (end_run(r) || read_content(r, m->content, &said))
		return -ENOMEM;
	r->in_loop = m->calls_tools;
	if (said.text.len == 0)
		return 0;
	r->assistant_text = m->content;
	return add_sent(r, false, said.text);
}

static int take_message(struct reader *r, struct json_iter at, struct json_value item)
{
	if (item.type != JSON_OBJECT)
		return -EINVAL;
	r->last = read_message(item);
	switch (r->last.role) {
	case ROLE_USER:
		return take_user(r, at, r->last.content);
	case ROLE_ASSISTANT:
		return take_assistant(r, &r->last);
	case ROLE_TOOL:
		r->in_loop = true;
		return end_run(r);
	default:
		return 0;
	}
}

static int take_messages(struct reader *r, struct json_value messages)
{
	struct json_iter it = json_iter(messages), at = it;
	struct json_value item;
	int err = messages.type == JSON_ARRAY ? 0 : -EINVAL;

	while (!err && json_next_item(&it, &item)) {
		err = take_message(r, at, item);
		at = it;
	}
	return err;
}

/* --- the view -------------------------------------------------------------------- */

/* A copy; absent if there is no text. */
static int keep_text(struct reader *r, struct str text, struct str *ret)
{
	if (text.len == 0)
		return 0;
	*ret = arena_str(r->arena, text);
	return ret->p ? 0 : -ENOMEM;
}

static int keep_content(struct reader *r, struct json_value content, struct str *ret)
{
	struct said said;

	if (read_content(r, content, &said))
		return -ENOMEM;
	return keep_text(r, said.text, ret);
}

static int keep_sent(struct reader *r)
{
	struct request_view *v = r->view;

	if (v->n_sent == 0)
		return 0;
	struct sent_text *kept = arena_alloc(r->arena, v->n_sent * sizeof(*kept));
	if (kept == NULL)
		return -ENOMEM;
	v->sent = memcpy(kept, v->sent, v->n_sent * sizeof(*kept));
	return 0;
}

static int fill_turn(struct reader *r)
{
	struct request_view *v = r->view;

	if (end_run(r) || keep_sent(r))
		return -ENOMEM;
	struct str text = r->only_text;
	if (text.p == NULL) {
		if (read_run(r))
			return -ENOMEM;
		text = buf_str(&r->run_text);
	}
	if (keep_text(r, text, &v->user_text))
		return -ENOMEM;
	if (keep_content(r, r->user_before, &v->earlier_user_text))
		return -ENOMEM;
	return keep_content(r, r->reply_before, &v->last_reply);
}

static void find_place(struct reader *r, struct str body)
{
	struct json_value content = r->last.content;
	struct request_view *v = r->view;

	if (r->last.role != ROLE_USER || !r->run_open)
		return;
	v->user_last = content.type == JSON_STRING || has_items(content);
	if (!v->user_last)
		return;
	v->splice_kind = content.type == JSON_STRING ? SPLICE_STRING : SPLICE_PART;
	/* behind the quote or bracket */
	v->splice_at = (size_t)(content.raw.p - body.p) + 1;
}

/* A text, or a number as LiteLLM takes one for a user; an empty one says nothing. */
static int keep_fact(struct reader *r, struct json_value v, struct str *ret)
{
	if (v.type == JSON_NUMBER)
		return keep_text(r, v.raw, ret);
	buf_reset(&r->text);
	if (v.type == JSON_STRING && json_str_decode(v.raw, &r->text))
		return -ENOMEM;
	return keep_text(r, str_trim(buf_str(&r->text)), ret);
}

struct top {
	struct json_value messages, model, stream, user, safety, metadata, session,
		cache_key, client;
};

static void read_top(struct json_value body, struct top *ret)
{
	GET_MEMBERS(body, { STR("messages"), &ret->messages },
		    { STR("model"), &ret->model }, { STR("stream"), &ret->stream },
		    { STR("user"), &ret->user },
		    { STR("safety_identifier"), &ret->safety },
		    { STR("metadata"), &ret->metadata },
		    { STR("litellm_session_id"), &ret->session },
		    { STR("prompt_cache_key"), &ret->cache_key },
		    { STR("client_metadata"), &ret->client });
}

static int fill_facts(struct reader *r, const struct top *top)
{
	struct body_facts *f = &r->view->facts;
	struct json_value user_id, session_id, litellm_id, client_session;

	GET_MEMBERS(top->metadata, { STR("user_id"), &user_id },
		    { STR("session_id"), &session_id },
		    { STR("litellm_session_id"), &litellm_id });
	GET_MEMBERS(top->client, { STR("session_id"), &client_session });
	if (top->session.type != JSON_ABSENT)
		litellm_id = top->session;

	int err = user_id.type == JSON_OBJECT
			  ? keep_text(r, user_id.raw, &f->metadata_user_id)
			  : keep_fact(r, user_id, &f->metadata_user_id);
	if (err || keep_fact(r, top->user, &f->user) ||
	    keep_fact(r, top->safety, &f->safety_identifier) ||
	    keep_fact(r, session_id, &f->metadata_session_id) ||
	    keep_fact(r, litellm_id, &f->litellm_session_id) ||
	    keep_fact(r, top->cache_key, &f->prompt_cache_key) ||
	    keep_fact(r, client_session, &f->client_metadata_session_id))
		return -ENOMEM;
	return keep_fact(r, top->model, &r->view->model);
}

static int read_body(struct reader *r, struct str body)
{
	struct top top;

	read_top(json_scan(body), &top);
	r->view->stream = top.stream.type == JSON_TRUE;
	int err = take_messages(r, top.messages);
	if (err)
		return err;
	find_place(r, body);
	err = fill_turn(r);
	return err ? err : fill_facts(r, &top);
}

int chat_read(struct str body, struct arena *a, struct request_view *ret)
{
	struct request_view view = { 0 };
	struct reader r = { .arena = a, .scratch = arena_new(SCRATCH), .view = &view };

	if (r.scratch == NULL)
		return -ENOMEM;
	buf_init(&r.text, SIZE_MAX);
	buf_init(&r.run_text, SIZE_MAX);
	int err = read_body(&r, body);
	if (!err)
		*ret = view;
	buf_done(&r.text);
	buf_done(&r.run_text);
	arena_free(r.scratch);
	return err;
}

struct str chat_splice(const struct request_view *v, struct str block, struct arena *a)
{
	bool part = v->splice_kind == SPLICE_PART;
	struct str ret = { NULL, 0 };
	struct buf b;

	buf_init(&b, SIZE_MAX);
	buf_add_str(&b, part ? STR("{\"type\":\"text\",\"text\":\"") : STR(""));
	buf_add_json(&b, block);
	buf_add_str(&b, part ? STR("\\n\\n\"},") : STR("\\n\\n"));
	if (!b.failed)
		ret = arena_str(a, buf_str(&b));
	buf_done(&b);
	return ret;
}
