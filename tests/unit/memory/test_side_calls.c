/*
 * test_side_calls.c - requests of the clients' own, made after captures and sources of
 * theirs, and of people who write something like them.
 */
#include "memory/side_calls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define CHAT        "/v1/chat/completions"
#define MESSAGES    "/v1/messages"
#define RESPONSES   "/v1/responses"
#define CLAUDE      "claude-cli/2.1.197 (external, cli)"
#define U(text)     "{\"role\":\"user\",\"content\":\"" text "\"}"
#define A(text)     "{\"role\":\"assistant\",\"content\":\"" text "\"}"
#define S(text)     "{\"role\":\"system\",\"content\":\"" text "\"}"
#define BODY(m)     "{\"model\":\"m\",\"messages\":[" m "]}"
#define T(text)     "{\"type\":\"text\",\"text\":\"" text "\"}"
#define BILLING     T("x-anthropic-billing-header: cc_version=2.1.197; cc_entrypoint=cli;")
#define I_AM_CLAUDE T("You are Claude Code, Anthropic's official CLI for Claude.")
#define SYSTEM(s, m) \
	"{\"model\":\"haiku\",\"max_tokens\":512,\"system\":[" s "],\"messages\":[" m "]}"
#define HISTORY       U("fix the build") "," A("Done.") ","
#define REMINDER      T("<system-reminder>\\nToday's date is …\\n</system-reminder>\\n")
#define CLAUDES(text) "{\"role\":\"user\",\"content\":[" REMINDER "," T(text) "]}"
#define IN(text)                                                                  \
	"{\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":\"input_" \
	"text\",\"text\":\"" text "\"}]}"

struct example {
	const char *what;
	const char *path;
	const char *agent, *task; /* User-Agent, X-OpenWebUI-Task */
	const char *body;
	const char *client; /* NULL: somebody is talking */
	bool continues;
};

static const struct side_call *find(const struct example *x, struct arena *a)
{
	const struct dialect *d = dialect_find(STR("POST"), str_from(x->path));
	struct header headers[2];
	struct request_view view;
	size_t n = 0;

	if (x->agent)
		headers[n++] = (struct header){ STR("User-Agent"), str_from(x->agent) };
	if (x->task)
		headers[n++] =
			(struct header){ STR("X-OpenWebUI-Task"), str_from(x->task) };
	struct side_call_request rq = {
		.path = str_from(x->path),
		.headers = { headers, n },
		.body = str_from(x->body),
	};
	if (d && x->body) {
		assert_int_equal(d->read(rq.body, a, &view), 0);
		rq.view = &view;
	}
	return side_call_find(&rq);
}

static void check(const struct example *examples, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct example *x = &examples[i];
		struct arena *a = arena_new(1024);
		const struct side_call *got = find(x, a);

		if (!got != !x->client || (got && strcmp(got->client, x->client) != 0))
			fail_msg("%s: is %s's, not %s's", x->what,
				 got ? got->client : "somebody",
				 x->client ? x->client : "somebody");
		if (got && got->continues != x->continues)
			fail_msg("%s: continues is %d", x->what, got->continues);
		arena_free(a);
	}
}

#define CHECK(examples) check((examples), sizeof(examples) / sizeof((examples)[0]))

static void what_is_only_counted_is_one(void **state)
{
	static const struct example examples[] = {
		{ "Anthropic", "/v1/messages/count_tokens", .client = "any" },
		{ "pass-through", "/anthropic/v1/messages/count_tokens",
		  .client = "any" },
		{ "OpenAI", "/v1/responses/input_tokens", .client = "any" },
		{ "compaction", "/responses/compact", .client = "any" },
		{ "messages", MESSAGES, .body = BODY(U("count_tokens")) },
		{ "one response", "/v1/responses/resp_1", .client = NULL },
	};

	(void)state;
	CHECK(examples);
}

static void claude_codes_helpers_are(void **state)
{
	static const struct example examples[] = {
		{ "quota", MESSAGES, CLAUDE, NULL,
		  "{\"model\":\"haiku\",\"max_tokens\":1,\"messages\":[" U(
			  "quota") "],"
				   "\"metadata\":{\"user_id\":\"u\"}}",
		  "claude-code", false },
		{ "warm-up", MESSAGES, CLAUDE, NULL,
		  SYSTEM(I_AM_CLAUDE, CLAUDES("Warmup")), "claude-code", false },
		{ "topic", MESSAGES, CLAUDE, NULL,
		  SYSTEM(BILLING
			 "," T("Analyze if this message indicates a new conversation "
			       "topic. If it does, extract a 2-3 word title …"),
			 U("fix the build")),
		  "claude-code", false },
		{ "title", MESSAGES, CLAUDE, NULL,
		  SYSTEM(BILLING "," I_AM_CLAUDE
				 "," T("Generate a concise, sentence-case title (3-7 "
				       "words) that captures …"),
			 CLAUDES("fix the build")),
		  "claude-code", false },
		{ "older title", MESSAGES, CLAUDE, NULL,
		  SYSTEM(I_AM_CLAUDE,
			 U("Please write a 5-10 word title for the following "
			   "conversation:\\n\\nUser: fix the build")),
		  "claude-code", false },
		{ "command prefix", MESSAGES, CLAUDE, NULL,
		  SYSTEM(T("Your task is to process Bash commands that an AI coding "
			   "agent "
			   "wants to run.\\n\\nThis policy spec …"),
			 U("<policy_spec>\\n# …\\nCommand: ls")),
		  "claude-code", false },
		{ "web search", MESSAGES, CLAUDE, NULL,
		  SYSTEM(I_AM_CLAUDE "," T("You are an assistant for performing a web "
					   "search tool use"),
			 U("Perform a web search for the query: x")),
		  "claude-code", false },
		{ "fetched page", MESSAGES, CLAUDE, NULL,
		  SYSTEM("", U("\\nWeb page content:\\n---\\nHello\\n---\\n\\nSummarize "
			       "it.")),
		  "claude-code", false },
		{ "compaction", MESSAGES, CLAUDE, NULL,
		  SYSTEM(I_AM_CLAUDE,
			 HISTORY U("Your task is to create a detailed summary of the "
				   "conversation so far, paying close attention …")),
		  "claude-code", true },
		{ "newer compaction", MESSAGES, CLAUDE, NULL,
		  SYSTEM(I_AM_CLAUDE,
			 HISTORY U("CRITICAL: Respond with TEXT ONLY. Do NOT "
				   "call any tools.\\n\\n- Do NOT …")),
		  "claude-code", true },
		{ "compaction of what was not answered", MESSAGES, CLAUDE, NULL,
		  SYSTEM(I_AM_CLAUDE, HISTORY U("go on") "," U(
					      "Your task is to create a detailed "
					      "summary of the conversation so far, …")),
		  "claude-code", true },
		{ "suggestion", MESSAGES, CLAUDE, NULL,
		  SYSTEM(I_AM_CLAUDE,
			 HISTORY U("[SUGGESTION MODE: Suggest what the user might "
				   "naturally type next into Claude Code.]\\n\\n…")),
		  "claude-code", true },
		{ "recap", MESSAGES, CLAUDE, NULL,
		  SYSTEM(I_AM_CLAUDE,
			 HISTORY U("The user stepped away and is coming back. "
				   "Recap in under 40 words …")),
		  "claude-code", true },
		{ "through chat completions", CHAT, NULL, NULL,
		  BODY(S("Generate a concise, sentence-case title (3-7 words) …") "," U(
			  "x")),
		  "claude-code", false },
	};

	(void)state;
	CHECK(examples);
}

static void what_people_say_to_claude_code_is_not(void **state)
{
	static const struct example examples[] = {
		{ "quota asked about", MESSAGES, CLAUDE, NULL,
		  SYSTEM(I_AM_CLAUDE, CLAUDES("quota")), NULL, false },
		{ "one token of something", MESSAGES, NULL, NULL,
		  "{\"max_tokens\":1,\"messages\":[" U("quota of fish?") "]}", NULL,
		  false },
		{ "Warmup elsewhere", CHAT, "python-httpx/0.28.1", NULL,
		  BODY(U("Warmup")), NULL, false },
		{ "a warm-up", MESSAGES, CLAUDE, NULL,
		  SYSTEM(I_AM_CLAUDE, CLAUDES("Warmup exercises, please")), NULL, false },
		{ "a prompt quoted", MESSAGES, CLAUDE, NULL,
		  SYSTEM(I_AM_CLAUDE,
			 CLAUDES("What does [SUGGESTION MODE: mean in this log?")),
		  NULL, false },
		{ "a prompt of the user's that speaks of topics", MESSAGES, NULL, NULL,
		  SYSTEM(T("You are a forum moderator. Analyze if this message indicates "
			   "a "
			   "new conversation topic."),
			 U("x")),
		  NULL, false },
		{ "a title wished for", MESSAGES, CLAUDE, NULL,
		  SYSTEM(I_AM_CLAUDE, U("Generate a concise, sentence-case title (3-7 "
					"words) for my thesis on eels")),
		  NULL, false },
		{ "a summary wished for", MESSAGES, CLAUDE, NULL,
		  SYSTEM(I_AM_CLAUDE,
			 HISTORY U("Your task is to create a detailed summary "
				   "of the meeting")),
		  NULL, false },
		{ "the conversation after a compaction", MESSAGES, CLAUDE, NULL,
		  SYSTEM(I_AM_CLAUDE, U("Your task is to create a detailed summary of "
					"the conversation "
					"so far") "," A("…") "," U("now the tests")),
		  NULL, false },
		{ "commands asked about", MESSAGES, CLAUDE, NULL,
		  SYSTEM(I_AM_CLAUDE,
			 U("Your task is to process Bash commands that an AI "
			   "coding agent wrote into log.txt")),
		  NULL, false },
		{ "a search wished for", MESSAGES, CLAUDE, NULL,
		  SYSTEM(I_AM_CLAUDE,
			 U("You are an assistant for performing a web search "
			   "tool use")),
		  NULL, false },
		{ "an older title wished for", MESSAGES, CLAUDE, NULL,
		  SYSTEM(I_AM_CLAUDE,
			 U("Please write a 5-10 word title for the following "
			   "poem: …")),
		  NULL, false },
		{ "shouted by another's user", CHAT, "OpenAI/JS 6.49.0", NULL,
		  BODY(U("CRITICAL: Respond with TEXT ONLY. Do NOT call any tools. "
			 "2+2?")),
		  NULL, false },
		{ "told by another's user", CHAT, "OpenAI/JS 6.49.0", NULL,
		  BODY(U("The user stepped away and is coming back. What should my app "
			 "do?")),
		  NULL, false },
		{ "a page pasted", CHAT, "OpenAI/JS 6.49.0", NULL,
		  BODY(U("Web page content:\\n---\\nHello")), NULL, false },
	};

	(void)state;
	CHECK(examples);
}

static void codexs_compaction_is(void **state)
{
	static const struct example examples[] = {
		{ "compaction", RESPONSES, "codex_exec/0.169.0 (Debian 12.0.0; x86_64)",
		  NULL,
		  "{\"instructions\":\"You are Codex …\",\"input\":[" IN(
			  "fix it") ","
				    "{\"type\":\"reasoning\"}," IN(
					    "You are performing a CONTEXT CHECKPOINT "
					    "COMPACTION. Create a handoff summary …") "]"
										      "}",
		  "codex", true },
		{ "asked about", RESPONSES, "codex_exec/0.169.0", NULL,
		  "{\"input\":[" IN("What is a CONTEXT CHECKPOINT COMPACTION?") "]}",
		  NULL, false },
		{ "instructions that begin alike", RESPONSES, NULL, NULL,
		  "{\"instructions\":\"You are performing a CONTEXT CHECKPOINT "
		  "COMPACTION\",\"input\":\"hello\"}",
		  NULL, false },
	};

	(void)state;
	CHECK(examples);
}

static void opencodes_titles_and_summaries_are(void **state)
{
	static const struct example examples[] = {
		{ "title", CHAT, "opencode/1.18.33", NULL,
		  BODY(S("You are a title generator. You output ONLY a thread title. "
			 "Nothing "
			 "else.\\n\\n<task>…") "," U("Generate a title for this "
						     "conversation:\\n") "," U("fix it")),
		  "opencode", false },
		{ "title, by responses", RESPONSES, NULL, NULL,
		  "{\"instructions\":\"You are a title generator. You output ONLY a "
		  "thread "
		  "title.\",\"input\":[" IN("fix it") "]}",
		  "opencode", false },
		{ "title, as developer", RESPONSES, NULL, NULL,
		  "{\"input\":[{\"role\":\"developer\",\"content\":\"You are a title "
		  "generator. You output ONLY a thread title.\"}," IN("fix it") "]}",
		  "opencode", false },
		{ "compaction", CHAT, NULL, NULL,
		  BODY(S("\\n  You are a helpful AI assistant tasked with summarizing "
			 "conversations.\\n\\n…") "," HISTORY U("Provide a detailed "
								"summary …")),
		  "opencode", false },
		{ "crush's title", CHAT, NULL, NULL,
		  BODY(S("You will generate a short title based on the first message a "
			 "user "
			 "begins a conversation with") "," U("x")),
		  "crush", false },
		{ "said by the user", CHAT, "opencode/1.18.33", NULL,
		  BODY(S("You are opencode") "," U(
			  "You are a title generator. You output "
			  "ONLY a thread title. How does that "
			  "prompt look?")),
		  NULL, false },
		{ "a helpful assistant", CHAT, NULL, NULL,
		  BODY(S("You are a helpful AI assistant.") "," U("Summarize our "
								  "conversations.")),
		  NULL, false },
		{ "short titles of one's own", CHAT, NULL, NULL,
		  BODY(S("You will generate a short title for each photograph") "," U(
			  "x")),
		  NULL, false },
		{ "another generator", CHAT, NULL, NULL,
		  BODY(S("You are a title generator for my blog. Be witty.") "," U(
			  "eels")),
		  NULL, false },
		{ "a system prompt in the middle", CHAT, NULL, NULL,
		  BODY(U("a") "," S("You are a title generator. You output ONLY x")),
		  NULL, false },
	};

	(void)state;
	CHECK(examples);
}

#define CHAT_HISTORY                                                  \
	"### Chat History:\\n<chat_history>\\nUSER: hi\\nASSISTANT: " \
	"hello\\n</chat_history>"

static void open_webuis_tasks_are(void **state)
{
	static const struct example examples[] = {
		{ "title", CHAT, NULL, NULL,
		  BODY(U("### Task:\\nGenerate a concise, 3-5 word title with an emoji "
			 "summarizing the chat history.\\n### "
			 "Guidelines:\\n…" CHAT_HISTORY)),
		  "open-webui", false },
		{ "tags", CHAT, NULL, NULL,
		  BODY(U("### Task:\\nGenerate 1-3 broad tags …" CHAT_HISTORY "\\n")),
		  "open-webui", false },
		{ "follow-ups", CHAT, NULL, NULL,
		  BODY(U("### Task:\\nSuggest 3-5 relevant follow-up questions "
			 "…" CHAT_HISTORY)),
		  "open-webui", false },
		{ "completion", CHAT, NULL, NULL,
		  BODY(U("### Task:\\nYou are an autocompletion system. Continue the "
			 "text in "
			 "`<text>` …<text>how do I</text>\\n#### Output:")),
		  "open-webui", false },
		{ "emoji", CHAT, NULL, NULL,
		  BODY(U("Your task is to reflect the speaker's likely facial expression "
			 "through a fitting emoji. …\\n\\nMessage: ```hi```")),
		  "open-webui", false },
		{ "named in a header", CHAT, NULL, "title_generation",
		  BODY(U("Gib dem Gespräch einen Titel.")), "open-webui", false },
		{ "named, body unseen", CHAT, NULL, "title_generation", NULL,
		  "open-webui", false },
	};

	(void)state;
	CHECK(examples);
}

/* Its prompt for questions about documents begins as the tasks do. */
static void what_people_ask_open_webui_is_not(void **state)
{
	static const struct example examples[] = {
		{ "about a document", CHAT, NULL, NULL,
		  BODY(U("### Task:\\nRespond to the user query using the provided "
			 "context, "
			 "incorporating inline citations …\\n<context>\\n<source "
			 "id=\\\"1\\\">a log with <chat_history>x</chat_history></source>"
			 "\\n</context>\\n\\nWho won?")),
		  NULL, false },
		{ "header empty", CHAT, NULL, "", BODY(U("hi")), NULL, false },
		{ "header not filled in", CHAT, NULL, "{{TASK}}", BODY(U("hi")), NULL,
		  false },
		{ "another system", CHAT, NULL, NULL,
		  BODY(U("### Task:\\nYou are an autocompletion engine for my shell.")),
		  NULL, false },
		{ "a face to be described", CHAT, NULL, NULL,
		  BODY(U("Your task is to reflect the speaker's mood in a poem.")), NULL,
		  false },
		{ "a task list", CHAT, NULL, NULL,
		  BODY(U("### Task:\\nPaint the fence. ### Guidelines: use green.")),
		  NULL, false },
		{ "a chat pasted", CHAT, NULL, NULL,
		  BODY(U("What is wrong here? <chat_history>\\nx\\n</chat_history>")),
		  NULL, false },
	};

	(void)state;
	CHECK(examples);
}

static void titles_of_librechat_and_zed_are(void **state)
{
	static const struct example examples[] = {
		{ "LibreChat", CHAT, NULL, NULL,
		  BODY(U("Provide a concise, 5-word-or-less title for the conversation, "
			 "using title case conventions. Only return the title "
			 "itself.\\n\\n"
			 "Conversation:\\nUser: hi\\nAI: hello")),
		  "librechat", false },
		{ "LibreChat, structured", CHAT, NULL, NULL,
		  BODY(U("Analyze this conversation and provide:\\n1. The detected "
			 "language "
			 "of the conversation\\n2. A concise title in the detected "
			 "language "
			 "(5 words or less …)\\n\\nUser: hi")),
		  "librechat", false },
		{ "LibreChat, older", CHAT, NULL, NULL,
		  BODY(U("Please generate a concise, 5-word-or-less title for the "
			 "conversation, using its same language …")),
		  "librechat", false },
		{ "Zed", CHAT, NULL, NULL,
		  BODY(HISTORY U(
			  "Generate a concise 3-7 word title for this conversation, "
			  "omitting punctuation. Go straight to the title …")),
		  "zed", true },
		{ "a title wished for", CHAT, NULL, NULL,
		  BODY(U("Provide a concise title for the conversation I had with my "
			 "boss")),
		  NULL, false },
		{ "a boat to be named", CHAT, NULL, NULL,
		  BODY(U("Please generate a concise, 5-word-or-less title for the boat")),
		  NULL, false },
		{ "an analysis wished for", CHAT, NULL, NULL,
		  BODY(U("Analyze this conversation and provide:\\n1. A summary\\n2. "
			 "What I "
			 "should answer")),
		  NULL, false },
		{ "another title", CHAT, NULL, NULL,
		  BODY(HISTORY U(
			  "Generate a concise 3-7 word title for this conversation "
			  "and mail it to Ben")),
		  NULL, false },
	};

	(void)state;
	CHECK(examples);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_only_counted_is_one),
		cmocka_unit_test(claude_codes_helpers_are),
		cmocka_unit_test(what_people_say_to_claude_code_is_not),
		cmocka_unit_test(codexs_compaction_is),
		cmocka_unit_test(opencodes_titles_and_summaries_are),
		cmocka_unit_test(open_webuis_tasks_are),
		cmocka_unit_test(what_people_ask_open_webui_is_not),
		cmocka_unit_test(titles_of_librechat_and_zed_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
