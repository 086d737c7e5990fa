/*
 * side_calls.c - the table of side calls.
 *
 * The marks are short beginnings of prompts, no more than tells one from what a
 * person might write, and plain ASCII without quotes: a system prompt is compared
 * in place. A client that changes its prompts is taken for its user again, which
 * costs an exchange with nothing in it.
 */
#include "memory/side_calls.h"

#include "memory/members.h"

#include <string.h>

/* A row holds if all that it names does. */
static const struct row {
	struct side_call call;
	const char *path_end;
	const char *header;   /* is there, and names a task */
	const char *agent;    /* the User-Agent begins so */
	const char *system;   /* a system prompt begins so */
	const char *user;     /* the last user message begins so */
	const char *user_end; /* and ends so */
	bool user_is;         /* `user` is all of it */
	bool one_token;       /* no more was asked for */
} rows[] = {
	/* counting, and OpenAI's own compaction: not talk at all */
	{ .call = { "any", false }, .path_end = "/messages/count_tokens" },
	{ .call = { "any", false }, .path_end = "/responses/input_tokens" },
	{ .call = { "any", false }, .path_end = "/responses/compact" },

	/* Claude Code; the first asks for its quota, the second fills a cache */
	{ .call = { "claude-code", false },
	  .user = "quota",
	  .user_is = true,
	  .one_token = true },
	{ .call = { "claude-code", false },
	  .agent = "claude-cli/",
	  .user = "Warmup",
	  .user_is = true },
	{ .call = { "claude-code", false },
	  .system = "Analyze if this message indicates a new conversation topic" },
	{ .call = { "claude-code", false },
	  .system = "Generate a concise, sentence-case title (3-7 words)" },
	{ .call = { "claude-code", false },
	  .user = "Please write a 5-10 word title for the following conversation:" },
	{ .call = { "claude-code", false },
	  .system = "Your task is to process Bash commands that an AI coding agent" },
	{ .call = { "claude-code", false },
	  .system = "You are an assistant for performing a web search tool use" },
	{ .call = { "claude-code", false },
	  .agent = "claude-cli/",
	  .user = "Web page content:\n---\n" },
	{ .call = { "claude-code", true },
	  .user = "Your task is to create a detailed summary of the conversation so "
		  "far" },
	{ .call = { "claude-code", true },
	  .agent = "claude-cli/",
	  .user = "CRITICAL: Respond with TEXT ONLY. Do NOT call any tools." },
	{ .call = { "claude-code", true }, .user = "[SUGGESTION MODE: " },
	{ .call = { "claude-code", true },
	  .agent = "claude-cli/",
	  .user = "The user stepped away and is coming back." },

	/* Codex */
	{ .call = { "codex", true },
	  .user = "You are performing a CONTEXT CHECKPOINT COMPACTION" },

	/* opencode, and Claude Code's compaction without its own system prompt */
	{ .call = { "opencode", false },
	  .system = "You are a title generator. You output ONLY" },
	{ .call = { "opencode", false },
	  .system = "You are a helpful AI assistant tasked with summarizing "
		    "conversations" },
	{ .call = { "crush", false },
	  .system = "You will generate a short title based on the first message a user" },

	/*
	 * Open WebUI: titles, tags, follow-ups, queries; its prompt for questions about
	 * documents begins alike, but ends in what the user asks
	 */
	{ .call = { "open-webui", false }, .header = "x-openwebui-task" },
	{ .call = { "open-webui", false },
	  .user = "### Task:\n",
	  .user_end = "</chat_history>" },
	{ .call = { "open-webui", false },
	  .user = "### Task:\nYou are an autocompletion system." },
	{ .call = { "open-webui", false },
	  .user = "Your task is to reflect the speaker's likely facial expression" },

	/* LibreChat */
	{ .call = { "librechat", false },
	  .user = "Provide a concise, 5-word-or-less title for the conversation," },
	{ .call = { "librechat", false },
	  .user = "Please generate a concise, 5-word-or-less title for the "
		  "conversation," },
	{ .call = { "librechat", false },
	  .user = "Analyze this conversation and provide:\n1. The detected language of "
		  "the conversation\n2. A concise title" },

	/* Zed */
	{ .call = { "zed", true },
	  .user = "Generate a concise 3-7 word title for this conversation, omitting "
		  "punctuation." },
};

/* --- what a row is compared with -------------------------------------------------- */

/* What of a body is no talk. */
struct outline {
	struct json_value system; /* a text, or a list of parts; or a list of items */
	struct json_value items;
	bool one_token;
};

static bool is_one(struct json_value v)
{
	return v.type == JSON_NUMBER && str_eq(v.raw, STR("1"));
}

/* The dialect has checked the body. */
static void read_outline(struct str body, struct outline *ret)
{
	const struct json_value top = { JSON_OBJECT, str_trim(body) };
	struct json_value system, instructions, messages, input, a, b, c;

	GET_MEMBERS(top, { STR("system"), &system },
		    { STR("instructions"), &instructions },
		    { STR("messages"), &messages }, { STR("input"), &input },
		    { STR("max_tokens"), &a }, { STR("max_completion_tokens"), &b },
		    { STR("max_output_tokens"), &c });
	ret->system = system.type != JSON_ABSENT ? system : instructions;
	ret->items = messages.type != JSON_ABSENT ? messages : input;
	ret->one_token = is_one(a) || is_one(b) || is_one(c);
}

/* Blanks before it do not count. */
static bool text_begins(struct json_value text, struct str mark)
{
	struct str s;

	if (text.type != JSON_STRING)
		return false;
	s = str_slice(text.raw, 1, text.raw.len - 1);
	while (str_has_prefix(s, STR(" ")) || str_has_prefix(s, STR("\\n")))
		s = str_slice(s, s.p[0] == ' ' ? 1 : 2, s.len);
	return str_has_prefix(s, mark);
}

/* A text, or any of a list's. */
static bool content_begins(struct json_value content, struct str mark)
{
	struct json_iter it = json_iter(content);
	struct json_value part, text;

	if (content.type != JSON_ARRAY)
		return text_begins(content, mark);
	while (json_next_item(&it, &part)) {
		GET_MEMBERS(part, { STR("text"), &text });
		if (text_begins(text, mark))
			return true;
	}
	return false;
}

/* System prompts among the items stand at the beginning. */
static bool items_begin(struct json_value items, struct str mark)
{
	struct json_iter it = json_iter(items);
	struct json_value item, role, content;

	while (items.type == JSON_ARRAY && json_next_item(&it, &item)) {
		GET_MEMBERS(item, { STR("role"), &role }, { STR("content"), &content });
		if (!is_string(role, STR("system")) && !is_string(role, STR("developer")))
			return false;
		if (content_begins(content, mark))
			return true;
	}
	return false;
}

/* Open WebUI's {{TASK}}: empty in a conversation, as it stands where not known. */
static bool names_task(struct str value)
{
	return value.len > 0 && value.p[0] != '{';
}

static bool ends_so(struct str s, struct str tail)
{
	return s.len >= tail.len && str_eq(str_slice(s, s.len - tail.len, s.len), tail);
}

/* --- the search ------------------------------------------------------------------- */

static bool head_holds(const struct row *r, const struct side_call_request *rq)
{
	struct str agent = headers_get(rq->headers, STR("user-agent"));

	if (r->path_end && !ends_so(rq->path, str_from(r->path_end)))
		return false;
	if (r->header && !names_task(headers_get(rq->headers, str_from(r->header))))
		return false;
	return !r->agent || str_has_iprefix(agent, str_from(r->agent));
}

static bool user_holds(const struct row *r, struct str text)
{
	struct str mark = str_from(r->user);

	if (r->user_is)
		return str_eq(text, mark);
	return str_has_prefix(text, mark) &&
	       (!r->user_end || ends_so(text, str_from(r->user_end)));
}

static bool body_holds(const struct row *r, const struct side_call_request *rq,
		       const struct outline *o)
{
	if (r->user && !user_holds(r, rq->view->last_user_text))
		return false;
	if (r->one_token && !o->one_token)
		return false;
	return !r->system || content_begins(o->system, str_from(r->system)) ||
	       items_begin(o->items, str_from(r->system));
}

const struct side_call *side_call_find(const struct side_call_request *rq)
{
	struct outline o = { 0 };

	if (rq->view)
		read_outline(rq->body, &o);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		bool of_body = r->user || r->system || r->one_token;

		if (of_body && !rq->view)
			continue;
		if (head_holds(r, rq) && (!of_body || body_holds(r, rq, &o)))
			return &r->call;
	}
	return NULL;
}
