/*
 * dialect_chat.c - OpenAI's chat completions, as LiteLLM serves and clients send
 * them.
 */
#include "memory/api_error.h"
#include "memory/members.h"
#include "memory/reply_tap.h"
#include "memory/turns.h"

/* --- paths ----------------------------------------------------------------------- */

/* LiteLLM's routes. A model between head and tail may hold slashes. */
static const struct alias {
	const char *head, *tail; /* no tail: head is the whole path */
} aliases[] = {
	{ "/v1/chat/completions", NULL },
	{ "/chat/completions", NULL },
	{ "/engines/", "/chat/completions" },
	{ "/openai/deployments/", "/chat/completions" },
};

static bool matches(const struct alias *alias, struct str path, struct str *ret_model)
{
	struct str head = str_from(alias->head), tail = str_from(alias->tail);

	if (!str_has_prefix(path, head) || path.len < head.len + tail.len)
		return false;
	struct str model = str_slice(path, head.len, path.len - tail.len);
	if (tail.len == 0 ? model.len > 0
			  : !str_eq(str_slice(path, path.len - tail.len, path.len), tail))
		return false;
	*ret_model = model.len > 0 ? model : (struct str){ NULL, 0 };
	return true;
}

static bool find_alias(struct str path, struct str *ret_model)
{
	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++) {
		if (matches(&aliases[i], path, ret_model))
			return true;
	}
	return false;
}

static bool chat_serves(struct str method, struct str path)
{
	struct str model;

	return str_eq(method, STR("POST")) && find_alias(path, &model);
}

static struct str chat_path_model(struct str path)
{
	struct str model = { NULL, 0 };

	find_alias(path, &model);
	return model;
}

/* --- requests -------------------------------------------------------------------- */

static enum turn_role role_of(struct json_value v)
{
	if (is_string(v, STR("user")))
		return TURN_USER;
	if (is_string(v, STR("assistant")))
		return TURN_ASSISTANT;
	if (is_string(v, STR("tool")) || is_string(v, STR("function")))
		return TURN_TOOL;
	return TURN_OTHER;
}

static struct turn_item read_message(struct json_value message)
{
	struct json_value role, calls, call;
	struct turn_item item = { 0 };

	GET_MEMBERS(message, { STR("role"), &role }, { STR("content"), &item.content },
		    { STR("tool_calls"), &calls }, { STR("function_call"), &call });
	item.role = role_of(role);
	item.calls_tools = has_items(calls) || call.type == JSON_OBJECT;
	return item;
}

const struct turn_form turn_form_chat = {
	.items = { "messages", 8 },
	.texts = { { "text", 4 } },
	.part = SPLICE_PART,
	.read_item = read_message,
};

static int chat_read(struct str body, struct arena *a, struct request_view *ret)
{
	return turns_read(&turn_form_chat, body, a, ret);
}

/* --- replies --------------------------------------------------------------------- */

/* The ends told by `finish_reason`; any other is a complete reply. */
static const struct ending {
	const char *reason;
	enum reply_verdict verdict;
} endings[] = {
	{ "tool_calls", REPLY_TOOLS },
	{ "function_call", REPLY_TOOLS },
	{ "content_filter", REPLY_REFUSED },
	{ "error", REPLY_INCOMPLETE }, /* OpenRouter */
};

static enum reply_verdict verdict_of(struct str reason)
{
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		if (json_str_is(reason, str_from(endings[i].reason)))
			return endings[i].verdict;
	}
	return REPLY_COMPLETE;
}

/* A delta, or a whole message. */
static void tap_message(struct reply_tap *t, struct json_value message)
{
	struct json_value content, refusal, calls, call;

	GET_MEMBERS(message, { STR("content"), &content }, { STR("refusal"), &refusal },
		    { STR("tool_calls"), &calls }, { STR("function_call"), &call });
	if (is_filled(content))
		reply_tap_add_text(t, content.raw);
	if (is_filled(refusal))
		reply_tap_at_best(t, REPLY_REFUSED);
	if (has_items(calls) || call.type == JSON_OBJECT)
		reply_tap_at_best(t, REPLY_TOOLS);
}

/* The first of several choices alone: where index is absent or 0. False: it is another.
 */
static bool tap_choice(struct reply_tap *t, struct json_value choice)
{
	struct json_value index, delta, message, reason;

	GET_MEMBERS(choice, { STR("index"), &index }, { STR("delta"), &delta },
		    { STR("message"), &message }, { STR("finish_reason"), &reason });
	if (index.type == JSON_NUMBER && !str_eq(index.raw, STR("0")))
		return false;
	tap_message(t, delta.type == JSON_OBJECT ? delta : message);
	if (is_filled(reason)) /* some servers say "" until the end */
		reply_tap_set_finish(t, verdict_of(reason.raw));
	return true;
}

/* Streamed or whole, a reply differs only in the name of what it says. */
static void tap_reply(struct reply_tap *t, struct str text)
{
	struct json_value reply = json_scan(text), error, choices, choice;

	GET_MEMBERS(reply, { STR("error"), &error }, { STR("choices"), &choices });
	if (reply.type != JSON_OBJECT ||
	    (error.type != JSON_ABSENT && error.type != JSON_NULL))
		reply_tap_at_best(t, REPLY_INCOMPLETE);
	if (choices.type != JSON_ARRAY)
		return;
	for (struct json_iter it = json_iter(choices); json_next_item(&it, &choice);) {
		if (tap_choice(t, choice))
			break;
	}
}

static void chat_tap_event(struct reply_tap *t, struct str event, struct str data)
{
	if (str_eq(str_trim(data), STR("[DONE]"))) {
		reply_tap_set_closed(t);
		return;
	}
	if (str_eq(event, STR("error")))
		reply_tap_at_best(t, REPLY_INCOMPLETE);
	tap_reply(t, data);
}

static struct str chat_error_event(const struct api_error *e, struct arena *a)
{
	struct str body = api_error_body(e, a);

	return body.p ? arena_printf(a, "\n\ndata: %s\n\n", body.p) : body;
}

const struct dialect dialect_chat = {
	.id = DIALECT_CHAT,
	.serves = chat_serves,
	.path_model = chat_path_model,
	.read = chat_read,
	.splice = turns_splice,
	.tap_event = chat_tap_event,
	.tap_plain = tap_reply,
	.error_body = api_error_body,
	.error_event = chat_error_event,
};
