/*
 * dialect_messages.c - Anthropic's messages: https://docs.anthropic.com/en/api/messages
 * and its streaming page. `system`, `tools` and thinking are never looked at.
 */
#include "base/buf.h"
#include "memory/api_error.h"
#include "memory/members.h"
#include "memory/reply_tap.h"
#include "memory/turns.h"

/* The second is LiteLLM's pass-through to Anthropic. */
static bool messages_serves(struct str method, struct str path)
{
	return str_eq(method, STR("POST")) &&
	       (str_eq(path, STR("/v1/messages")) ||
		str_eq(path, STR("/anthropic/v1/messages")));
}

static struct str messages_path_model(struct str path)
{
	(void)path;
	return (struct str){ NULL, 0 };
}

/* --- requests -------------------------------------------------------------------- */

static struct json_value type_of_part(struct json_value part)
{
	struct json_value type;

	GET_MEMBERS(part, { STR("type"), &type });
	return type;
}

/* Up to the last of them: nothing else may stand before results. */
static size_t count_results(struct json_value content)
{
	struct json_iter it = json_iter(content);
	struct json_value part;
	size_t n = 0;

	if (content.type != JSON_ARRAY)
		return 0;
	for (size_t i = 0; json_next_item(&it, &part); i++) {
		if (is_string(type_of_part(part), STR("tool_result")))
			n = i + 1;
	}
	return n;
}

static bool calls_tools(struct json_value content)
{
	struct json_iter it = json_iter(content);
	struct json_value part;

	while (content.type == JSON_ARRAY && json_next_item(&it, &part)) {
		if (is_string(type_of_part(part), STR("tool_use")))
			return true;
	}
	return false;
}

static struct turn_item read_message(struct json_value message)
{
	struct turn_item item = { 0 };
	struct json_value role;

	GET_MEMBERS(message, { STR("role"), &role }, { STR("content"), &item.content });
	if (is_string(role, STR("user"))) {
		item.role = TURN_USER;
		item.n_results = count_results(item.content);
	} else if (is_string(role, STR("assistant"))) {
		item.role = TURN_ASSISTANT;
		item.calls_tools = calls_tools(item.content);
	}
	return item;
}

static const struct turn_form form = {
	.items = { "messages", 8 },
	.texts = { { "text", 4 } },
	.pieces = true,
	.part = SPLICE_PART,
	.read_item = read_message,
};

static int messages_read(struct str body, struct arena *a, struct request_view *ret)
{
	return turns_read(&form, body, a, ret);
}

/* --- replies --------------------------------------------------------------------- */

/* The ends told by `stop_reason`; any other is a complete reply. */
static const struct ending {
	const char *reason;
	enum reply_verdict verdict;
} endings[] = {
	{ "tool_use", REPLY_TOOLS },
	{ "pause_turn", REPLY_TOOLS }, /* the client sends it back for more */
	{ "refusal", REPLY_REFUSED },
};

static void tap_stop(struct reply_tap *t, struct json_value reason)
{
	enum reply_verdict verdict = REPLY_COMPLETE;

	if (!is_filled(reason))
		return;
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		if (is_string(reason, str_from(endings[i].reason)))
			verdict = endings[i].verdict;
	}
	reply_tap_set_finish(t, verdict);
}

/* A block as it begins in a stream, or whole. */
static void tap_block(struct reply_tap *t, struct json_value block)
{
	struct json_value type, text;

	GET_MEMBERS(block, { STR("type"), &type }, { STR("text"), &text });
	if (!is_string(type, STR("text")))
		reply_tap_break(t);
	else if (text.type == JSON_STRING)
		reply_tap_add_text(t, text.raw);
	if (is_string(type, STR("tool_use")))
		reply_tap_at_best(t, REPLY_TOOLS);
}

static void tap_delta(struct reply_tap *t, struct json_value delta)
{
	struct json_value type, text;

	GET_MEMBERS(delta, { STR("type"), &type }, { STR("text"), &text });
	if (is_string(type, STR("text_delta")) && text.type == JSON_STRING)
		reply_tap_add_text(t, text.raw);
}

static void tap_id(struct reply_tap *t, struct json_value message)
{
	struct json_value id;

	GET_MEMBERS(message, { STR("id"), &id });
	if (id.type == JSON_STRING)
		reply_tap_set_id(t, id.raw);
}

static void tap_typed(struct reply_tap *t, struct json_value data)
{
	struct json_value type, message, block, delta, reason;

	GET_MEMBERS(data, { STR("type"), &type }, { STR("message"), &message },
		    { STR("content_block"), &block }, { STR("delta"), &delta });
	if (is_string(type, STR("content_block_delta"))) {
		tap_delta(t, delta);
	} else if (is_string(type, STR("content_block_start"))) {
		tap_block(t, block);
	} else if (is_string(type, STR("message_start"))) {
		tap_id(t, message);
	} else if (is_string(type, STR("message_delta"))) {
		GET_MEMBERS(delta, { STR("stop_reason"), &reason });
		tap_stop(t, reason);
	} else if (is_string(type, STR("message_stop"))) {
		reply_tap_set_closed(t);
	} else if (type.type != JSON_STRING || is_string(type, STR("error"))) {
		reply_tap_at_best(t, REPLY_INCOMPLETE);
	}
}

/* By the type in the data: the event's name says the same where there is one. */
static void messages_tap_event(struct reply_tap *t, struct str event, struct str data)
{
	if (str_eq(event, STR("error")))
		reply_tap_at_best(t, REPLY_INCOMPLETE);
	tap_typed(t, json_scan(data));
}

static void messages_tap_plain(struct reply_tap *t, struct str body)
{
	struct json_value reply = json_scan(body), type, content, reason, block;

	GET_MEMBERS(reply, { STR("type"), &type }, { STR("content"), &content },
		    { STR("stop_reason"), &reason });
	if (!is_string(type, STR("message")) || content.type != JSON_ARRAY) {
		reply_tap_at_best(t, REPLY_INCOMPLETE);
		return;
	}
	tap_id(t, reply);
	for (struct json_iter it = json_iter(content); json_next_item(&it, &block);)
		tap_block(t, block);
	tap_stop(t, reason);
}

/* --- errors ---------------------------------------------------------------------- */

/* https://docs.anthropic.com/en/api/errors; request_id in the place LiteLLM has it. */
static struct str messages_error_body(const struct api_error *e, struct arena *a)
{
	struct str body = { NULL, 0 };
	struct buf b;

	buf_init(&b, SIZE_MAX);
	buf_printf(&b, "{\"type\":\"error\",\"error\":{\"type\":\"%s\",\"message\":\"",
		   e->info->anthropic_type);
	buf_add_json(&b, api_error_message(e));
	buf_add_str(&b, STR("\"}"));
	if (e->request_id.p) {
		buf_add_str(&b, STR(",\"request_id\":\""));
		buf_add_json(&b, e->request_id);
		buf_add_char(&b, '"');
	}
	buf_add_char(&b, '}');
	if (!b.failed)
		body = arena_str(a, buf_str(&b));
	buf_done(&b);
	return body;
}

static struct str messages_error_event(const struct api_error *e, struct arena *a)
{
	struct str body = messages_error_body(e, a);

	return body.p ? arena_printf(a, "\n\nevent: error\ndata: %s\n\n", body.p) : body;
}

const struct dialect dialect_messages = {
	.id = DIALECT_MESSAGES,
	.serves = messages_serves,
	.path_model = messages_path_model,
	.read = messages_read,
	.splice = turns_splice,
	.tap_event = messages_tap_event,
	.tap_plain = messages_tap_plain,
	.error_body = messages_error_body,
	.error_event = messages_error_event,
};
