/*
 * dialect_responses.c - OpenAI's Responses API:
 * https://platform.openai.com/docs/api-reference/responses and its streaming page.
 * `instructions` is never looked at. LiteLLM's event streams name no events and end
 * in [DONE]; OpenAI's name them and just end.
 */
#include "base/buf.h"
#include "memory/api_error.h"
#include "memory/members.h"
#include "memory/reply_tap.h"
#include "memory/turns.h"

static bool responses_serves(struct str method, struct str path)
{
	static const char *const paths[] = { "/v1/responses", "/responses",
					     "/openai/v1/responses" };

	if (!str_eq(method, STR("POST")))
		return false;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		if (str_eq(path, str_from(paths[i])))
			return true;
	}
	return false;
}

static struct str responses_path_model(struct str path)
{
	(void)path;
	return (struct str){ NULL, 0 };
}

/* --- requests -------------------------------------------------------------------- */

/* No type that counts is written with escapes. */
static bool ends_in(struct json_value v, struct str tail)
{
	struct str text = { NULL, 0 };

	if (v.type == JSON_STRING)
		text = str_slice(v.raw, 1, v.raw.len - 1);
	return text.len >= tail.len &&
	       str_eq(str_slice(text, text.len - tail.len, text.len), tail);
}

static enum turn_role role_of(struct json_value role)
{
	if (is_string(role, STR("user")))
		return TURN_USER;
	if (is_string(role, STR("assistant")))
		return TURN_ASSISTANT;
	return TURN_OTHER;
}

/*
 * Calls and their results of many kinds end alike (function_call, custom_tool_call,
 * web_search_call; function_call_output); what is left is reasoning and the like.
 */
static struct turn_item read_input(struct json_value object)
{
	struct json_value type, role, content;
	struct turn_item item = { 0 };

	GET_MEMBERS(object, { STR("type"), &type }, { STR("role"), &role },
		    { STR("content"), &content });
	if (type.type == JSON_ABSENT || is_string(type, STR("message"))) {
		item.role = role_of(role);
		item.content = content;
	} else if (ends_in(type, STR("_call")) ||
		   is_string(type, STR("mcp_approval_request"))) {
		item.role = TURN_ASSISTANT;
		item.calls_tools = true;
	} else if (ends_in(type, STR("_output")) ||
		   is_string(type, STR("mcp_approval_response"))) {
		item.role = TURN_TOOL;
	}
	return item;
}

const struct turn_form turn_form_responses = {
	.items = { "input", 5 },
	.may_be_text = true,
	.texts = { { "input_text", 10 }, { "output_text", 11 }, { "text", 4 } },
	.pieces = true,
	.part = SPLICE_INPUT_PART,
	.read_item = read_input,
};

static int responses_read(struct str body, struct arena *a, struct request_view *ret)
{
	return turns_read(&turn_form_responses, body, a, ret);
}

/* --- replies --------------------------------------------------------------------- */

static bool is_one_of(struct json_value v, const char *const *texts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (is_string(v, str_from(texts[i])))
			return true;
	}
	return false;
}

#define IS_ONE_OF(v, texts) is_one_of((v), (texts), sizeof(texts) / sizeof((texts)[0]))

static void tap_item_type(struct reply_tap *t, struct json_value type)
{
	/* to be acted upon by the client; other calls are the server's own */
	static const char *const calls[] = {
		"function_call",    "custom_tool_call",     "computer_call",
		"local_shell_call", "shell_call",           "apply_patch_call",
		"tool_search_call", "mcp_approval_request",
	};

	if (IS_ONE_OF(type, calls))
		reply_tap_at_best(t, REPLY_TOOLS);
	/* of several messages the last is the reply, as it is the last when resent */
	if (is_string(type, STR("message")))
		reply_tap_drop_text(t);
}

static void tap_part(struct reply_tap *t, struct json_value part)
{
	struct json_value type, text;

	GET_MEMBERS(part, { STR("type"), &type }, { STR("text"), &text });
	if (is_string(type, STR("output_text")) && text.type == JSON_STRING)
		reply_tap_add_text(t, text.raw);
	else if (is_string(type, STR("refusal")))
		reply_tap_at_best(t, REPLY_REFUSED);
	else
		reply_tap_break(t);
}

static void tap_item(struct reply_tap *t, struct json_value item)
{
	struct json_value type, content, part;

	GET_MEMBERS(item, { STR("type"), &type }, { STR("content"), &content });
	tap_item_type(t, type);
	if (!is_string(type, STR("message")) || content.type != JSON_ARRAY)
		return;
	for (struct json_iter it = json_iter(content); json_next_item(&it, &part);)
		tap_part(t, part);
}

/* A whole response: the reply itself, or in the last event, where it says it again. */
static void tap_response(struct reply_tap *t, struct json_value response)
{
	struct json_value id, status, error, output, item;

	GET_MEMBERS(response, { STR("id"), &id }, { STR("status"), &status },
		    { STR("error"), &error }, { STR("output"), &output });
	if (id.type == JSON_STRING)
		reply_tap_set_id(t, id.raw);
	if (output.type == JSON_ARRAY) {
		for (struct json_iter it = json_iter(output); json_next_item(&it, &item);)
			tap_item(t, item);
	}
	if (is_string(status, STR("completed")) &&
	    (error.type == JSON_ABSENT || error.type == JSON_NULL))
		reply_tap_set_finish(t, REPLY_COMPLETE);
	else
		reply_tap_at_best(t, REPLY_INCOMPLETE);
}

static void tap_created(struct reply_tap *t, struct json_value response)
{
	struct json_value id;

	GET_MEMBERS(response, { STR("id"), &id });
	if (id.type == JSON_STRING)
		reply_tap_set_id(t, id.raw);
}

static void tap_added(struct reply_tap *t, struct json_value item)
{
	struct json_value type;

	GET_MEMBERS(item, { STR("type"), &type });
	tap_item_type(t, type);
}

static void tap_typed(struct reply_tap *t, struct json_value data)
{
	static const char *const bad_ends[] = { "response.incomplete", "response.failed",
						"response.cancelled", "error" };
	struct json_value type, response, item, delta;

	GET_MEMBERS(data, { STR("type"), &type }, { STR("response"), &response },
		    { STR("item"), &item }, { STR("delta"), &delta });
	if (is_string(type, STR("response.output_text.delta"))) {
		if (delta.type == JSON_STRING)
			reply_tap_add_text(t, delta.raw);
	} else if (is_string(type, STR("response.output_item.added"))) {
		tap_added(t, item);
	} else if (is_string(type, STR("response.created"))) {
		tap_created(t, response);
	} else if (is_string(type, STR("response.refusal.delta"))) {
		reply_tap_at_best(t, REPLY_REFUSED);
	} else if (is_string(type, STR("response.completed"))) {
		tap_response(t, response);
		reply_tap_set_closed(t);
	} else if (type.type != JSON_STRING || IS_ONE_OF(type, bad_ends)) {
		reply_tap_at_best(t, REPLY_INCOMPLETE);
	}
}

/* By the type in the data: the event's name says the same where there is one. */
static void responses_tap_event(struct reply_tap *t, struct str event, struct str data)
{
	if (str_eq(str_trim(data), STR("[DONE]"))) {
		reply_tap_set_closed(t);
		return;
	}
	if (str_eq(event, STR("error")))
		reply_tap_at_best(t, REPLY_INCOMPLETE);
	tap_typed(t, json_scan(data));
}

static void responses_tap_plain(struct reply_tap *t, struct str body)
{
	tap_response(t, json_scan(body));
}

/* --- errors ---------------------------------------------------------------------- */

/* Both places: the API has its members at the top, LiteLLM and the SDKs in `error`. */
static struct str responses_error_event(const struct api_error *e, struct arena *a)
{
	struct str object = api_error_object(e, a);
	struct buf b;

	if (!object.p)
		return object;
	buf_init(&b, SIZE_MAX);
	buf_printf(&b, "\n\nevent: error\ndata: {\"error\":%s,\"message\":\"", object.p);
	buf_add_json(&b, api_error_message(e));
	buf_printf(&b, "\",\"code\":\"%s\",\"param\":null,\"type\":\"error\"}\n\n",
		   e->info->openai_code);
	object = b.failed ? (struct str){ NULL, 0 } : arena_str(a, buf_str(&b));
	buf_done(&b);
	return object;
}

const struct dialect dialect_responses = {
	.id = DIALECT_RESPONSES,
	.serves = responses_serves,
	.path_model = responses_path_model,
	.read = responses_read,
	.splice = turns_splice,
	.tap_event = responses_tap_event,
	.tap_plain = responses_tap_plain,
	.error_body = api_error_body,
	.error_event = responses_error_event,
};
