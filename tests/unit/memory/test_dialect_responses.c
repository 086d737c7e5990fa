/* test_dialect_responses.c - the Responses API, and Cursor's mixture of it and chat. */
#include "base/buf.h"
#include "memory/clean.h"
#include "memory/reply_tap.h"

#include "dialect_fixture.h"
#include "failing_heap.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define INPUT(items)    "{\"model\":\"gpt\",\"instructions\":\"no\",\"input\":[" items "]}"
#define U(text)         "{\"role\":\"user\",\"content\":\"" text "\"}"
#define PARTS(role, l)  "{\"type\":\"message\",\"role\":\"" role "\",\"content\":[" l "]}"
#define IN(text)        "{\"type\":\"input_text\",\"text\":\"" text "\"}"
#define OUT(text)       "{\"type\":\"output_text\",\"text\":\"" text "\",\"annotations\":[]}"
#define A(text)         PARTS("assistant", OUT(text))
#define DEVELOPER(text) PARTS("developer", IN(text))
#define REASONING       "{\"type\":\"reasoning\",\"summary\":[],\"encrypted_content\":\"x\"}"
#define CALL                                                                          \
	"{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"f\",\"arguments\":" \
	"\"{}\"}"
#define RESULT(text) \
	"{\"type\":\"function_call_output\",\"call_id\":\"c\",\"output\":\"" text "\"}"
#define IMAGE    "{\"type\":\"input_image\",\"image_url\":\"u\"}"
#define REMINDER U("<system-reminder>r</system-reminder>")

/* --- paths ----------------------------------------------------------------------- */

static void every_path_of_responses_is_found(void **state)
{
	(void)state;
	assert_ptr_equal(dialect_find(STR("POST"), STR("/v1/responses")),
			 &dialect_responses);
	assert_ptr_equal(dialect_find(STR("POST"), STR("/responses")),
			 &dialect_responses);
	assert_ptr_equal(dialect_find(STR("POST"), STR("/openai/v1/responses")),
			 &dialect_responses);
	assert_null(dialect_find(STR("GET"), STR("/v1/responses")));
	assert_null(dialect_find(STR("POST"), STR("/v1/responses/compact")));
	expect_str(dialect_responses.path_model(STR("/v1/responses")), NULL);
}

/* --- turns ----------------------------------------------------------------------- */

static void a_text_is_a_turn(void **state)
{
	const char *body = "{\"model\":\"gpt\",\"input\":\"Hi \\u0041\"}";

	expect_turn(state, body, "Hi A", NULL, NULL, true);
	EXPECT_SENT(state, body, "u:Hi A");
	expect_turn(state, "{\"input\":\"\"}", NULL, NULL, NULL, true);
}

static void a_conversation_is_read(void **state)
{
	const char *body = INPUT(DEVELOPER("d") "," U("one") "," REASONING "," A(
		"first") "," PARTS("user", IN("two") "," IMAGE "," IN("three")));

	expect_turn(state, body, "two\nthree", "one", "first", true);
	EXPECT_SENT(state, body, "u:one", "a:first", "u:two\nthree");
	expect_turn(
		state,
		INPUT(U("a") "," PARTS("assistant", OUT("b") "," OUT("c")) "," U("d")),
		"d", "a", "bc", true);
}

static void several_user_items_are_one_turn(void **state)
{
	expect_turn(state, INPUT(PARTS("user", IN("ctx")) "," PARTS("user", IN("ask"))),
		    "ctx\n\nask", NULL, NULL, true);
}

static void calls_and_their_results_are_a_loop(void **state)
{
	const char *body = INPUT(U("ask") "," REASONING "," CALL "," RESULT("42"));

	expect_turn(state, body, "ask", NULL, NULL, false);
	expect_turn(state,
		    INPUT(U("ask") "," A("Let me look.") "," CALL "," RESULT("42")),
		    "ask", NULL, NULL, false);
	expect_turn(state, INPUT(U("ask") "," CALL "," RESULT("42") "," REMINDER), "ask",
		    NULL, NULL, false);
	EXPECT_SENT(state,
		    INPUT(U("ask") "," CALL "," RESULT("42") "," A("ok") "," U("b")),
		    "u:ask", "a:ok", "u:b");
}

static void calls_of_other_kinds_are_a_loop_too(void **state)
{
	static const char *const items[] = {
		"{\"type\":\"custom_tool_call\"},{\"type\":\"custom_tool_call_output\"}",
		"{\"type\":\"local_shell_call\"},{\"type\":\"local_shell_call_output\"}",
		"{\"type\":\"mcp_approval_request\"},{\"type\":\"mcp_approval_"
		"response\"}",
	};

	for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++) {
		struct str body = arena_printf(arena_of(state),
					       INPUT(U("ask") ",%s," REMINDER), items[i]);
		expect_turn(state, body.p, "ask", NULL, NULL, false);
	}
}

static void items_of_other_kinds_are_in_no_run(void **state)
{
	expect_turn(
		state,
		INPUT(U("a") ",{\"type\":\"item_reference\",\"id\":\"x\"},"
			     "{\"type\":null,\"role\":\"user\",\"content\":\"no\"}," U(
				     "b")),
		"a\n\nb", NULL, NULL, true);
}

static void facts_are_found(void **state)
{
	struct request_view v = read_body(
		state,
		"{\"stream\":true,\"store\":false,\"input\":\"x\",\"model\":\"gpt\","
		"\"previous_response_id\":\"resp_1\",\"prompt_cache_key\":\"p\","
		"\"client_metadata\":{\"session_id\":\"c\"},\"safety_identifier\":"
		"\"s\"}");

	assert_true(v.stream);
	expect_str(v.facts.previous_response_id, "resp_1");
	expect_str(v.facts.prompt_cache_key, "p");
	expect_str(v.facts.client_metadata_session_id, "c");
	expect_str(v.facts.safety_identifier, "s");
}

static void what_is_no_such_body_is_refused(void **state)
{
	static const char *const bodies[] = {
		"{}",
		"{\"input\":null}",
		"{\"input\":{}}",
		"{\"input\":[\"x\"]}",
		"{\"messages\":[]}",
		"{\"input\":\"x\"",
	};

	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		struct request_view v = { .n_sent = 77 };

		assert_int_equal(try_read(state, str_from(bodies[i]), &v), -EINVAL);
		assert_int_equal(v.n_sent, 77);
	}
}

/* --- places ---------------------------------------------------------------------- */

static void expect_at(void **state, const char *body, enum splice_kind kind,
		      const char *next)
{
	struct request_view v = read_body(state, body);

	assert_true(v.user_last);
	assert_int_equal(last_turn(&v)->splice_kind, kind);
	assert_true(str_has_prefix(
		str_slice(str_from(body), last_turn(&v)->splice_at, SIZE_MAX),
		str_from(next)));
}

static void a_block_goes_into_the_first_text_or_before_what_is_none(void **state)
{
	expect_at(state, "{\"input\":\"hello\"}", SPLICE_STRING, "hello\"}");
	expect_at(state, INPUT(U("hello")), SPLICE_STRING, "hello\"}");
	expect_at(state, INPUT(PARTS("user", IN("hello") "," IMAGE)), SPLICE_STRING,
		  "hello\"}");
	expect_at(state, INPUT(PARTS("user", IMAGE "," IN("hello"))), SPLICE_INPUT_PART,
		  IMAGE);
	struct str with = spliced(state, STR(INPUT(U("x") "," PARTS("user", IMAGE))));
	assert_non_null(strstr(with.p, "[{\"type\":\"input_text\",\"text\":\"<memory-"));
}

static void a_turn_keeps_its_place_when_it_is_history(void **state)
{
	expect_same_place(
		state, INPUT(DEVELOPER("d") "," U("one")),
		INPUT(DEVELOPER("d") "," U("one") "," REASONING "," A("r") "," U("two")));
	expect_same_place(
		state, INPUT(PARTS("user", IN("one"))),
		INPUT(PARTS("user", IN("one")) "," REASONING "," CALL "," RESULT("42")));
}

static void a_spliced_body_reads_as_the_original(void **state)
{
	struct str with = spliced(state, STR("{\"input\":\"hello\"}"));
	struct request_view v;

	assert_int_equal(try_read(state, with, &v), 0);
	expect_str(v.user_text, "hello");
	expect_key(&v.turns[0], "hello", NULL);
}

/* --- replies --------------------------------------------------------------------- */

/* As OpenAI streams, and as LiteLLM does. */
#define NAMED(name, json)   "event: " name "\ndata: {\"type\":\"" name "\"" json "}\n\n"
#define UNNAMED(name, json) "data: {\"type\":\"" name "\"" json "}\n\n"
#define MESSAGE(text) \
	"{\"type\":\"message\",\"role\":\"assistant\",\"content\":[" OUT(text) "]}"
#define RESPONSE(status, output)                  \
	"{\"id\":\"resp_1\",\"status\":\"" status \
	"\",\"error\":null,\"output\":[" output "]}"
#define STREAM(E, output, end)                                                \
	E("response.created", ",\"response\":" RESPONSE("in_progress", ""))   \
	E("response.output_item.added", ",\"item\":{\"type\":\"reasoning\"}") \
	E("response.output_item.added", ",\"item\":{\"type\":\"message\"}")   \
	E("response.output_text.delta", ",\"delta\":\"Hel\"")                 \
	E("response.output_text.delta", ",\"delta\":\"lo\"")                  \
	E("response.output_text.done", ",\"text\":\"Hello\"")                 \
	E("response." end, ",\"response\":" RESPONSE(end, output))
#define DONE "data: [DONE]\n\n"

static struct reply_tap *tap(const char *bytes, bool stream, size_t step)
{
	struct reply_tap *t = reply_tap_new(&dialect_responses, stream, 10000);

	assert_non_null(t);
	for (size_t i = 0, len = strlen(bytes); i < len; i += step) {
		size_t n = len - i < step ? len - i : step;
		reply_tap_feed(t, bytes + i, n);
	}
	return t;
}

/* Whole, and byte by byte. */
static void expect_reply(const char *bytes, bool stream, enum reply_verdict want,
			 const char *text)
{
	for (size_t step = 1; step <= 100000; step += 99999) {
		struct reply_tap *t = tap(bytes, stream, step);
		struct str got = { NULL, 0 };

		assert_int_equal(reply_tap_verdict(t, &got), want);
		if (want == REPLY_COMPLETE)
			expect_str(got, text);
		reply_tap_free(t);
	}
}

static void a_streamed_reply_is_put_together(void **state)
{
	(void)state;
	expect_reply(STREAM(NAMED, MESSAGE("Hello"), "completed"), true, REPLY_COMPLETE,
		     "Hello");
	expect_reply(STREAM(UNNAMED, MESSAGE("Hello"), "completed") DONE, true,
		     REPLY_COMPLETE, "Hello");
	/* the deltas alone would do, and the last event alone */
	expect_reply(STREAM(UNNAMED, "", "completed") DONE, true, REPLY_COMPLETE,
		     "Hello");
	expect_reply(UNNAMED("response.completed",
			     ",\"response\":" RESPONSE("completed", MESSAGE("Hi"))),
		     true, REPLY_COMPLETE, "Hi");
}

static void the_id_is_kept(void **state)
{
	struct reply_tap *t =
		tap(STREAM(UNNAMED, MESSAGE("Hello"), "completed"), true, 50);

	(void)state;
	assert_true(reply_tap_finishing(t));
	assert_true(reply_tap_closed(t));
	expect_str(reply_tap_id(t), "resp_1");
	reply_tap_free(t);
	struct str text;
	t = tap(RESPONSE("completed", MESSAGE("x")), false, 50);
	expect_str(reply_tap_id(t), NULL);
	assert_int_equal(reply_tap_verdict(t, &text), REPLY_COMPLETE);
	expect_str(reply_tap_id(t), "resp_1");
	reply_tap_free(t);
}

static void a_plain_reply_is_read(void **state)
{
	(void)state;
	expect_reply(RESPONSE("completed", REASONING "," MESSAGE("Hello")), false,
		     REPLY_COMPLETE, "Hello");
	expect_reply(RESPONSE("completed", ""), false, REPLY_COMPLETE, "");
}

/* As the last assistant text of a request is the last item of that kind. */
static void of_several_messages_the_last_is_the_reply(void **state)
{
	(void)state;
	expect_reply(RESPONSE("completed",
			      MESSAGE("Searching.") ",{\"type\":\"web_search_"
						    "call\"}," MESSAGE("Found.")),
		     false, REPLY_COMPLETE, "Found.");
	expect_reply(STREAM(UNNAMED, MESSAGE("Hello") "," MESSAGE("Found."), "completed"),
		     true, REPLY_COMPLETE, "Found.");
}

static void calls_for_the_client_end_no_turn(void **state)
{
	(void)state;
	expect_reply(RESPONSE("completed", MESSAGE("x") "," CALL), false, REPLY_TOOLS,
		     NULL);
	expect_reply(UNNAMED("response.output_item.added", ",\"item\":" CALL)
			     STREAM(UNNAMED, "", "completed"),
		     true, REPLY_TOOLS, NULL);
	expect_reply(RESPONSE("completed", "{\"type\":\"custom_tool_call\"}"), false,
		     REPLY_TOOLS, NULL);
}

static void a_refusal_is_not_kept(void **state)
{
	(void)state;
	expect_reply(RESPONSE("completed",
			      "{\"type\":\"message\",\"content\":[{\"type\":\"refusal\","
			      "\"refusal\":\"No.\"}]}"),
		     false, REPLY_REFUSED, NULL);
	expect_reply(UNNAMED("response.refusal.delta", ",\"delta\":\"No\"")
			     STREAM(UNNAMED, "", "completed"),
		     true, REPLY_REFUSED, NULL);
}

static void other_ends_are_incomplete(void **state)
{
	static const char *const ends[] = { "incomplete", "failed", "cancelled" };

	(void)state;
	expect_reply(STREAM(NAMED, "", "incomplete"), true, REPLY_INCOMPLETE, NULL);
	expect_reply(STREAM(UNNAMED, "", "failed") DONE, true, REPLY_INCOMPLETE, NULL);
	expect_reply(UNNAMED("error", ",\"message\":\"m\"")
			     STREAM(UNNAMED, "", "completed"),
		     true, REPLY_INCOMPLETE, NULL);
	expect_reply("data: {\"error\":{\"message\":\"m\"}}\n\n" DONE, true,
		     REPLY_INCOMPLETE, NULL);
	expect_reply(DONE, true, REPLY_INCOMPLETE, NULL);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct str body =
			arena_printf(arena_of(state), "{\"status\":\"%s\"}", ends[i]);
		expect_reply(body.p, false, REPLY_INCOMPLETE, NULL);
	}
	expect_reply("{\"status\":\"completed\",\"error\":{}}", false, REPLY_INCOMPLETE,
		     NULL);
	expect_reply("", false, REPLY_INCOMPLETE, NULL);
}

static void our_error_event_says_it_in_both_places(void **state)
{
	const struct api_error e = { fault_info(FAULT_UPSTREAM_CUT), STR("cut \"x\""),
				     STR("id") };
	struct arena *a = arena_of(state);
	struct str event = dialect_responses.error_event(&e, a);

	assert_string_equal(
		event.p,
		"\n\nevent: error\ndata: {\"error\":{\"message\":\"cut \\\"x\\\"\","
		"\"type\":\"api_connection_error\",\"param\":null,\"code\":"
		"\"upstream_closed\"},\"message\":\"cut \\\"x\\\"\",\"code\":"
		"\"upstream_closed\",\"param\":null,\"type\":\"error\"}\n\n");
	struct str stream = arena_printf(a, "data: {\"ty%s", event.p);
	expect_reply(stream.p, true, REPLY_INCOMPLETE, NULL);
}

/* --- Cursor ---------------------------------------------------------------------- */

static void cursor_sends_either_kind_of_body(void **state)
{
	expect_turn(state, INPUT(U("a") "," CALL "," RESULT("1") "," U("b")), "b", "a",
		    NULL, true);
	expect_turn(state, "{\"messages\":[" U("chat") "],\"input\":[" U("no") "]}",
		    "chat", NULL, NULL, true);
	expect_turn(state, "{\"messages\":[],\"input\":[" U("yes") "]}", "yes", NULL,
		    NULL, true);
	expect_turn(state, "{\"messages\":[]}", NULL, NULL, NULL, false);
	struct request_view v;
	assert_int_equal(try_read(state, STR("{}"), &v), -EINVAL);
}

/* --- memory ---------------------------------------------------------------------- */

static bool survives(const struct dialect *d, long n, struct str body)
{
	struct arena *a = arena_new(256);
	struct request_view v = { .n_sent = 77 };

	assert_non_null(a);
	heap_fail_at(n);
	int err = d->read(body, a, &v);
	bool failed = heap_has_failed();
	heap_fail_at(0);
	assert_int_equal(err, failed ? -ENOMEM : 0);
	arena_free(a);
	return failed;
}

static void every_allocation_that_fails_is_told(void **state)
{
	const struct str body = STR(INPUT(U("z\\ne") "," A("r\\ne") "," CALL "," RESULT(
		"1") "," PARTS("user", IN("a\\nb")) "," U("c")));
	long n = 1;

	(void)state;
	while (survives(&dialect_responses, n, body))
		n++;
	assert_true(n > 5);
	n = 1;
	while (survives(&dialect_cursor, n, body))
		n++;
	assert_true(n > 5);
}

int main(void)
{
#define CASE(name) \
	cmocka_unit_test_setup_teardown(name, setup_responses, teardown_dialect)
	const struct CMUnitTest tests[] = {
		CASE(every_path_of_responses_is_found),
		CASE(a_text_is_a_turn),
		CASE(a_conversation_is_read),
		CASE(several_user_items_are_one_turn),
		CASE(calls_and_their_results_are_a_loop),
		CASE(calls_of_other_kinds_are_a_loop_too),
		CASE(items_of_other_kinds_are_in_no_run),
		CASE(facts_are_found),
		CASE(what_is_no_such_body_is_refused),
		CASE(a_block_goes_into_the_first_text_or_before_what_is_none),
		CASE(a_turn_keeps_its_place_when_it_is_history),
		CASE(a_spliced_body_reads_as_the_original),
		CASE(a_streamed_reply_is_put_together),
		CASE(the_id_is_kept),
		CASE(a_plain_reply_is_read),
		CASE(of_several_messages_the_last_is_the_reply),
		CASE(calls_for_the_client_end_no_turn),
		CASE(a_refusal_is_not_kept),
		CASE(other_ends_are_incomplete),
		CASE(our_error_event_says_it_in_both_places),
		cmocka_unit_test_setup_teardown(cursor_sends_either_kind_of_body,
						setup_cursor, teardown_dialect),
		CASE(every_allocation_that_fails_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
