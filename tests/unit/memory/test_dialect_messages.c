/* test_dialect_messages.c - Anthropic's messages: requests, replies and errors. */
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

#define MESSAGES(m)   "{\"model\":\"claude\",\"max_tokens\":9,\"messages\":[" m "]}"
#define U(text)       "{\"role\":\"user\",\"content\":\"" text "\"}"
#define A(text)       "{\"role\":\"assistant\",\"content\":\"" text "\"}"
#define LIST(role, l) "{\"role\":\"" role "\",\"content\":[" l "]}"
#define TEXT(text)    "{\"type\":\"text\",\"text\":\"" text "\"}"
#define MARKED(text)  "{\"type\":\"text\",\"text\":\"" text "\"," MARK "}"
#define MARK          "\"cache_control\":{\"type\":\"ephemeral\"}"
#define REMINDER      TEXT("<system-reminder>r</system-reminder>")
#define IMAGE         "{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":\"u\"}}"
#define THINKING      "{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"s\"}"
#define USE           "{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"f\",\"input\":{}}"
#define RESULT(text) \
	"{\"type\":\"tool_result\",\"tool_use_id\":\"t1\",\"content\":\"" text "\"}"
#define CALL LIST("assistant", TEXT("Let me look.") "," USE)

/* --- paths ----------------------------------------------------------------------- */

static void both_paths_of_messages_are_found(void **state)
{
	(void)state;
	assert_ptr_equal(dialect_find(STR("POST"), STR("/v1/messages")),
			 &dialect_messages);
	assert_ptr_equal(dialect_find(STR("POST"), STR("/anthropic/v1/messages")),
			 &dialect_messages);
	assert_null(dialect_find(STR("GET"), STR("/v1/messages")));
	assert_null(dialect_find(STR("POST"), STR("/v1/messages/count_tokens")));
	expect_str(dialect_messages.path_model(STR("/v1/messages")), NULL);
}

/* --- turns ----------------------------------------------------------------------- */

static void a_conversation_is_read(void **state)
{
	const char *body = MESSAGES(
		U("one") "," LIST("assistant", THINKING "," TEXT("first")) "," LIST(
			"user", TEXT("two") "," MARKED("and three")));

	expect_turn(state, body, "two\nand three", "one", "first", true);
	EXPECT_SENT(state, body, "u:one", "a:first", "u:two\nand three");
}

/* Citations cut one text into many blocks: a client may send them back as one. */
static void the_texts_of_a_reply_that_follow_one_another_are_one(void **state)
{
	expect_turn(state,
		    MESSAGES(U("a") "," LIST(
			    "assistant", TEXT("In ") "," TEXT("1969.") "," USE "," TEXT(
						 "So")) "," U("b")),
		    "b", "a", "In 1969.\nSo", true);
}

static void a_message_of_results_is_a_tools(void **state)
{
	expect_turn(state, MESSAGES(U("ask") "," CALL "," LIST("user", RESULT("42"))),
		    "ask", NULL, NULL, false);
	EXPECT_SENT(state,
		    MESSAGES(U("ask") "," CALL "," LIST("user", RESULT("42")) "," A(
			    "It is 42.") "," U("ok")),
		    "u:ask", "a:Let me look.", "a:It is 42.", "u:ok");
}

static void reminders_and_images_behind_results_begin_no_turn(void **state)
{
	expect_turn(
		state,
		MESSAGES(U("ask") "," CALL "," LIST("user", RESULT("42") "," REMINDER)),
		"ask", NULL, NULL, false);
	expect_turn(state,
		    MESSAGES(U("ask") "," CALL "," LIST("user", RESULT("42") "," IMAGE)),
		    "ask", NULL, NULL, false);
}

/* The user broke in while a tool ran. */
static void text_behind_results_is_the_users(void **state)
{
	const char *body = MESSAGES(U("ask") "," CALL "," LIST(
		"user", RESULT("42") "," REMINDER "," TEXT("No, stop.")));
	struct request_view v = read_body(state, body);

	expect_turn(state, body, "No, stop.", "ask", "Let me look.", true);
	EXPECT_SENT(state, body, "u:ask", "a:Let me look.", "u:No, stop.");
	assert_int_equal(v.n_turns, 2);
	/* in the first text behind the results, whatever it is */
	assert_int_equal(v.turns[1].splice_kind, SPLICE_STRING);
	assert_true(
		str_has_prefix(str_slice(str_from(body), v.turns[1].splice_at, SIZE_MAX),
			       STR("<system-reminder>")));
}

static void the_next_results_end_a_run_that_began_behind_results(void **state)
{
	const char *body = MESSAGES(
		U("ask") "," CALL "," LIST("user", RESULT("1") "," TEXT("faster")) "," U(
			"please") "," CALL "," LIST("user", RESULT("2")));

	expect_turn(state, body, "faster\n\nplease", "ask", "Let me look.", false);
	EXPECT_SENT(state, body, "u:ask", "a:Let me look.", "u:faster", "u:please",
		    "u:faster\n\nplease", "a:Let me look.");
}

static void system_messages_are_in_no_run(void **state)
{
	expect_turn(state,
		    "{\"system\":\"sys\",\"messages\":[" U(
			    "a") ",{\"role\":\"system\",\"content\":\"x\"}," U("b") "]}",
		    "a\n\nb", NULL, NULL, true);
}

static void a_server_tool_is_no_loop(void **state)
{
	expect_turn(state,
		    MESSAGES(U("news?") "," LIST(
			    "assistant", "{\"type\":\"server_tool_use\",\"id\":\"s\"},"
					 "{\"type\":\"web_search_tool_result\"}," TEXT(
						 "None.")) "," LIST("user", REMINDER)),
		    NULL, "news?", "None.", true);
}

static void facts_are_found(void **state)
{
	struct request_view v = read_body(
		state,
		"{\"stream\":true,\"messages\":[],\"model\":\"claude\",\"metadata\":"
		"{\"user_id\":\"{\\\"session_id\\\":\\\"s\\\"}\"},"
		"\"litellm_metadata\":{\"user\":\"joe\",\"session_id\":\"l\"}}");

	assert_true(v.stream);
	expect_str(v.model, "claude");
	expect_str(v.facts.metadata_user_id, "{\"session_id\":\"s\"}");
	expect_str(v.facts.user, "joe");
	expect_str(v.facts.metadata_session_id, "l");
	expect_str(v.facts.previous_response_id, NULL);
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
	expect_at(state, MESSAGES(U("hello")), SPLICE_STRING, "hello\"}");
	expect_at(state, MESSAGES(LIST("user", MARKED("hello"))), SPLICE_STRING,
		  "hello\",\"cache");
	expect_at(state, MESSAGES(LIST("user", REMINDER "," MARKED("hello"))),
		  SPLICE_STRING, "<system-reminder>");
	expect_at(state, MESSAGES(LIST("user", IMAGE "," TEXT("hello"))), SPLICE_PART,
		  IMAGE);
}

/* Claude Code's mark is on the last message, whose content is a list then. */
static void a_cache_mark_that_wanders_changes_nothing_that_is_said(void **state)
{
	struct str marked = spliced(state, STR(MESSAGES(LIST("user", MARKED("hello")))));
	struct request_view v =
		read_body(state, MESSAGES(U("hello") "," A("r") "," U("x")));
	struct str later = spliced_into(
		state, STR(MESSAGES(U("hello") "," A("r") "," U("x"))), &v.turns[0]);
	const char *text = strstr(marked.p, "<memory-");
	struct str said = str_before(str_from(text), '}');

	said = str_slice(said, 0, said.len - (sizeof(MARK) - 1));
	assert_non_null(strstr(later.p, arena_str(arena_of(state), said).p));
}

static void a_turn_keeps_its_place_when_it_is_history(void **state)
{
	expect_same_place(state, MESSAGES(U("one")),
			  MESSAGES(U("one") "," A("r") "," U("two")));
	expect_same_place(
		state, MESSAGES(LIST("user", REMINDER "," TEXT("one"))),
		MESSAGES(LIST("user", REMINDER "," TEXT("one")) "," CALL "," LIST(
			"user", RESULT("1") "," REMINDER)));
	expect_same_place(
		state,
		MESSAGES(U("a") "," CALL "," LIST("user", RESULT("1") "," TEXT("stop"))),
		MESSAGES(U("a") "," CALL "," LIST(
			"user", RESULT("1") "," TEXT("stop")) "," A("r") "," U("two")));
}

static void a_spliced_body_reads_as_the_original(void **state)
{
	const char *body =
		MESSAGES(U("a") "," CALL "," LIST("user", RESULT("1") "," TEXT("stop")));
	struct str with = spliced(state, str_from(body));
	struct request_view v;

	assert_int_equal(try_read(state, with, &v), 0);
	expect_str(v.user_text, "stop");
	assert_int_equal(v.n_turns, 2);
	expect_key(&v.turns[1], "stop", "Let me look.");
}

/* --- replies --------------------------------------------------------------------- */

#define EVENT(name, json) "event: " name "\ndata: {\"type\":\"" name "\"" json "}\n\n"
#define START             EVENT("message_start", ",\"message\":{\"id\":\"msg_1\",\"content\":[]}")
#define BLOCK(json) \
	EVENT("content_block_start", ",\"index\":0,\"content_block\":{" json "}")
#define TEXT_BLOCK BLOCK("\"type\":\"text\",\"text\":\"\"")
#define DELTA(text)                                                             \
	EVENT("content_block_delta", ",\"index\":0,\"delta\":{\"type\":\"text_" \
				     "delta\",\"text\":\"" text "\"}")
#define END_BLOCK EVENT("content_block_stop", ",\"index\":0")
#define STOP(why)                                                                \
	EVENT("message_delta", ",\"delta\":{\"stop_reason\":\"" why "\",\"stop_" \
			       "sequence\":null},\"usage\":{\"output_tokens\":5}")
#define DONE EVENT("message_stop", "")

static struct reply_tap *tap(const char *bytes, bool stream, size_t step)
{
	struct reply_tap *t = reply_tap_new(&dialect_messages, stream, 10000);

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
	const char *stream = START EVENT("ping", "") TEXT_BLOCK DELTA("Hel")
		DELTA("lo\\n") END_BLOCK STOP("end_turn") DONE;

	(void)state;
	expect_reply(stream, true, REPLY_COMPLETE, "Hello\n");
	struct reply_tap *t = tap(stream, true, 7);
	assert_true(reply_tap_finishing(t));
	assert_true(reply_tap_closed(t));
	expect_str(reply_tap_id(t), "msg_1");
	reply_tap_free(t);
}

/* From the finish marker on bytes are held. */
static void the_finish_marker_is_where_the_reason_to_stop_is(void **state)
{
	const char *before = START TEXT_BLOCK DELTA("x") END_BLOCK;
	struct reply_tap *t = reply_tap_new(&dialect_messages, true, 10000);

	(void)state;
	assert_int_equal(reply_tap_feed(t, before, strlen(before)), strlen(before));
	assert_int_equal(reply_tap_feed(t, STOP("end_turn"), strlen(STOP("end_turn"))),
			 0);
	assert_true(reply_tap_finishing(t));
	assert_false(reply_tap_closed(t));
	reply_tap_free(t);
}

static void thinking_is_not_the_reply(void **state)
{
	(void)state;
	expect_reply(START BLOCK("\"type\":\"thinking\",\"thinking\":\"\"")
			     EVENT("content_block_delta",
				   ",\"delta\":{\"type\":\"thinking_delta\",\"thinking\":"
				   "\"hm\",\"text\":\"no\"}")
				     END_BLOCK TEXT_BLOCK DELTA("yes")
					     END_BLOCK STOP("end_turn") DONE,
		     true, REPLY_COMPLETE, "yes");
}

/* The same as a client's message with these blocks reads: turns.h, `pieces`. */
static void blocks_are_joined_as_when_they_are_resent(void **state)
{
	(void)state;
	expect_reply(START TEXT_BLOCK DELTA("In ") END_BLOCK TEXT_BLOCK DELTA("1969.")
			     END_BLOCK BLOCK("\"type\":\"server_tool_use\"")
				     END_BLOCK TEXT_BLOCK DELTA("So")
					     END_BLOCK STOP("end_turn") DONE,
		     true, REPLY_COMPLETE, "In 1969.\nSo");
	expect_reply("{\"type\":\"message\",\"content\":[" TEXT("In ") "," TEXT(
			     "1969.") ",{\"type\":\"server_tool_use\"}"
				      "," TEXT("So") "],\"stop_reason\":"
						     "\"end_turn\"}",
		     false, REPLY_COMPLETE, "In 1969.\nSo");
}

static void the_reason_to_stop_decides(void **state)
{
	static const struct {
		const char *reason;
		enum reply_verdict want;
	} cases[] = {
		{ "end_turn", REPLY_COMPLETE },
		{ "max_tokens", REPLY_COMPLETE },
		{ "stop_sequence", REPLY_COMPLETE },
		{ "tool_use", REPLY_TOOLS },
		{ "pause_turn", REPLY_TOOLS },
		{ "refusal", REPLY_REFUSED },
		{ "", REPLY_INCOMPLETE },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct str stream = arena_printf(
			arena_of(state), "%s%s%s", START TEXT_BLOCK DELTA("x") END_BLOCK,
			"data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"",
			cases[i].reason);
		stream = arena_printf(arena_of(state), "%s\"}}\n\n" DONE, stream.p);
		expect_reply(stream.p, true, cases[i].want, "x");
		struct str plain =
			arena_printf(arena_of(state),
				     "{\"type\":\"message\",\"content\":[" TEXT(
					     "x") "],\"stop_reason\":\"%s\"}",
				     cases[i].reason);
		expect_reply(plain.p, false, cases[i].want, "x");
	}
}

static void a_tool_use_ends_no_turn_whatever_the_reason_says(void **state)
{
	(void)state;
	expect_reply(START TEXT_BLOCK DELTA("x") END_BLOCK BLOCK("\"type\":\"tool_use\"")
			     END_BLOCK STOP("end_turn") DONE,
		     true, REPLY_TOOLS, NULL);
}

static void errors_are_not_replies(void **state)
{
	(void)state;
	expect_reply(START TEXT_BLOCK DELTA("x")
			     EVENT("error", ",\"error\":{\"type\":\"overloaded_error\"}")
				     STOP("end_turn") DONE,
		     true, REPLY_INCOMPLETE, NULL);
	expect_reply(START DELTA("x") "data: {\"error\":{}}\n\n" STOP("end_turn"), true,
		     REPLY_INCOMPLETE, NULL);
	expect_reply("{\"type\":\"error\",\"error\":{\"type\":\"x\",\"message\":\"m\"}}",
		     false, REPLY_INCOMPLETE, NULL);
	expect_reply("{\"content\":[]}", false, REPLY_INCOMPLETE, NULL);
	expect_reply("", false, REPLY_INCOMPLETE, NULL);
	expect_reply(START DELTA("x"), true, REPLY_INCOMPLETE, NULL);
}

/* --- our own errors -------------------------------------------------------------- */

static void errors_have_anthropics_shape(void **state)
{
	const struct api_error e = { fault_info(FAULT_BODY_TOO_LARGE), STR("no \"x\""),
				     STR("id-1") };
	struct arena *a = arena_of(state);

	assert_string_equal(
		dialect_messages.error_body(&e, a).p,
		"{\"type\":\"error\",\"error\":{\"type\":\"request_too_large\","
		"\"message\":\"no \\\"x\\\"\"},\"request_id\":\"id-1\"}");
	struct str event = dialect_messages.error_event(&e, a);
	assert_true(str_has_prefix(event,
				   STR("\n\nevent: error\ndata: {\"type\":\"error\"")));
	struct str stream =
		arena_printf(a, "%s%s", START DELTA("x") "event: mess", event.p);
	expect_reply(stream.p, true, REPLY_INCOMPLETE, NULL);
}

static void an_error_is_told_as_the_path_has_it(void **state)
{
	(void)state;
	assert_ptr_equal(dialect_of_errors(STR("/v1/messages/count_tokens")),
			 &dialect_messages);
	assert_ptr_equal(dialect_of_errors(STR("/anthropic/v1/complete")),
			 &dialect_messages);
	assert_ptr_equal(dialect_of_errors(STR("/v1/responses")), &dialect_chat);
	assert_ptr_equal(dialect_of_errors((struct str){ NULL, 0 }), &dialect_chat);
}

/* --- memory ---------------------------------------------------------------------- */

/* The heap fails at the n-th allocation of a reading; false once none did. */
static bool survives(long n, struct str body)
{
	struct arena *a = arena_new(256);
	struct request_view v = { .n_sent = 77 };

	assert_non_null(a);
	heap_fail_at(n);
	int err = dialect_messages.read(body, a, &v);
	bool failed = heap_has_failed();
	heap_fail_at(0);
	assert_int_equal(err, failed ? -ENOMEM : 0);
	arena_free(a);
	return failed;
}

static void every_allocation_that_fails_is_told(void **state)
{
	const struct str body = STR(MESSAGES(U("z\\ne") "," CALL "," LIST(
		"user", RESULT("1") "," TEXT("st\\nop")) "," U("now\\n!")));
	long n = 1;

	(void)state;
	while (survives(n, body))
		n++;
	assert_true(n > 5);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup_messages, teardown_dialect)
	const struct CMUnitTest tests[] = {
		CASE(both_paths_of_messages_are_found),
		CASE(a_conversation_is_read),
		CASE(the_texts_of_a_reply_that_follow_one_another_are_one),
		CASE(a_message_of_results_is_a_tools),
		CASE(reminders_and_images_behind_results_begin_no_turn),
		CASE(text_behind_results_is_the_users),
		CASE(the_next_results_end_a_run_that_began_behind_results),
		CASE(system_messages_are_in_no_run),
		CASE(a_server_tool_is_no_loop),
		CASE(facts_are_found),
		CASE(a_block_goes_into_the_first_text_or_before_what_is_none),
		CASE(a_cache_mark_that_wanders_changes_nothing_that_is_said),
		CASE(a_turn_keeps_its_place_when_it_is_history),
		CASE(a_spliced_body_reads_as_the_original),
		CASE(a_streamed_reply_is_put_together),
		CASE(the_finish_marker_is_where_the_reason_to_stop_is),
		CASE(thinking_is_not_the_reply),
		CASE(blocks_are_joined_as_when_they_are_resent),
		CASE(the_reason_to_stop_decides),
		CASE(a_tool_use_ends_no_turn_whatever_the_reason_says),
		CASE(errors_are_not_replies),
		CASE(errors_have_anthropics_shape),
		CASE(an_error_is_told_as_the_path_has_it),
		CASE(every_allocation_that_fails_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
