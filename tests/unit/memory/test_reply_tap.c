/* test_reply_tap.c - what a chat reply said, where its finish marker is, how it ended. */
#include "memory/dialect.h"
#include "memory/reply_tap.h"

#include "failing_heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { LIMIT = 10000 };

/* A copy of just its size, so that the sanitizer sees a read beyond it. */
static size_t feed(struct reply_tap *t, const char *p, size_t n)
{
	char *copy = malloc(n ? n : 1);
	size_t pass;

	memcpy(copy, p, n);
	pass = reply_tap_feed(t, copy, n);
	free(copy);
	return pass;
}

static void expect_verdict(struct reply_tap *t, enum reply_verdict want, const char *text)
{
	struct str got = { NULL, 0 };

	/* twice: asking changes nothing */
	assert_int_equal(reply_tap_verdict(t, &got), want);
	assert_int_equal(reply_tap_verdict(t, &got), want);
	if (want != REPLY_COMPLETE)
		return;
	assert_non_null(got.p);
	if (!str_eq(got, str_from(text)))
		fail_msg("got \"%.*s\", not \"%s\"", STR_ARG(got), text);
}

#define EVENT(json) "data: " json "\n\n"
#define CHUNK(inner)                                                                   \
	EVENT("{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[" inner \
	      "]}")
#define DELTA(text) CHUNK("{\"index\":0,\"delta\":{\"content\":\"" text "\"}}")
#define FINISH(why) CHUNK("{\"index\":0,\"delta\":{},\"finish_reason\":\"" why "\"}")
#define DONE        EVENT("[DONE]")
#define FIRST                                                                     \
	CHUNK("{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}," \
	      "\"finish_reason\":null}")

/* In one piece, byte by byte, and split in two at every byte. */
static void expect_stream(const char *stream, enum reply_verdict want, const char *text)
{
	size_t len = strlen(stream);

	for (size_t cut = 0; cut <= len + 1; cut++) {
		struct reply_tap *t = reply_tap_new(&dialect_chat, true, LIMIT);

		assert_non_null(t);
		for (size_t i = 0; cut > len && i < len; i++)
			feed(t, stream + i, 1);
		if (cut <= len) {
			feed(t, stream, cut);
			feed(t, stream + cut, len - cut);
		}
		assert_int_equal(reply_tap_closed(t), strstr(stream, "[DONE]") != NULL);
		expect_verdict(t, want, text);
		reply_tap_free(t);
	}
}

static void expect_plain(const char *body, enum reply_verdict want, const char *text)
{
	struct reply_tap *t = reply_tap_new(&dialect_chat, false, LIMIT);
	size_t len = strlen(body), half = len / 2;

	assert_non_null(t);
	assert_int_equal(feed(t, body, half), half);
	assert_int_equal(feed(t, body + half, len - half), len - half);
	assert_false(reply_tap_finishing(t));
	assert_false(reply_tap_closed(t));
	expect_verdict(t, want, text);
	reply_tap_free(t);
}

/* --- streams --------------------------------------------------------------------- */

static void a_streamed_text_is_put_together(void **state)
{
	(void)state;
	expect_stream(FIRST DELTA("Hel") DELTA("lo") FINISH("stop") DONE, REPLY_COMPLETE,
		      "Hello");
	expect_stream(FIRST FINISH("stop") DONE, REPLY_COMPLETE, "");
}

static void escapes_may_be_split_over_events(void **state)
{
	(void)state;
	expect_stream(DELTA("a\\n\\\"") DELTA("\\ud83d") DELTA("\\ude00\\u00e4")
			      FINISH("stop") DONE,
		      REPLY_COMPLETE, "a\n\"😀ä");
	expect_stream(DELTA("\\ud83d") DELTA("x") FINISH("stop") DONE, REPLY_COMPLETE,
		      "\xEF\xBF\xBDx");
}

static void the_end_may_come_in_the_last_text(void **state)
{
	(void)state;
	expect_stream(CHUNK("{\"finish_reason\":\"length\",\"delta\":{\"content\":\"x\"},"
			    "\"index\":0}") DONE,
		      REPLY_COMPLETE, "x");
}

static void usage_behind_the_end_changes_nothing(void **state)
{
	(void)state;
	expect_stream(DELTA("x") FINISH("stop") CHUNK("{\"index\":0,\"delta\":{}}")
			      CHUNK("") DONE,
		      REPLY_COMPLETE, "x");
}

static void only_the_first_choice_counts(void **state)
{
	(void)state;
	expect_stream(CHUNK("{\"index\":1,\"delta\":{\"content\":\"no\"},"
			    "\"finish_reason\":\"stop\"}") DELTA("yes") FINISH("stop")
			      DONE,
		      REPLY_COMPLETE, "yes");
	expect_stream(CHUNK("{\"index\":1,\"delta\":{\"content\":\"b\"}},"
			    "{\"index\":0,\"delta\":{\"content\":\"a\"}}") FINISH("stop")
			      DONE,
		      REPLY_COMPLETE, "a");
	expect_stream(CHUNK("{\"index\":1,\"delta\":{},\"finish_reason\":\"stop\"}") DONE,
		      REPLY_INCOMPLETE, NULL);
	expect_stream(CHUNK("{\"delta\":{\"content\":\"no index\"}}") FINISH("stop") DONE,
		      REPLY_COMPLETE, "no index");
}

static void reasoning_and_other_members_are_no_text(void **state)
{
	(void)state;
	expect_stream(CHUNK("{\"index\":0,\"delta\":{\"content\":null,"
			    "\"reasoning_content\":\"hm\",\"refusal\":null},\"logprobs\":"
			    "{\"content\":[{\"token\":\"no\"}]},\"finish_reason\":null}")
			      DELTA("x") FINISH("stop") DONE,
		      REPLY_COMPLETE, "x");
}

static void pings_and_blank_events_are_passed_over(void **state)
{
	(void)state;
	expect_stream(
		": ping\n\n" DELTA("x") ": ping\n\n\r\n" FINISH("stop") ": ping\n\n" DONE,
		REPLY_COMPLETE, "x");
}

static void what_follows_the_closing_event_is_not_looked_at(void **state)
{
	(void)state;
	expect_stream(DELTA("x") FINISH("stop") DONE DELTA("y") EVENT("{\"error\":{}}"),
		      REPLY_COMPLETE, "x");
}

static void a_reply_without_its_end_is_incomplete(void **state)
{
	(void)state;
	expect_stream("", REPLY_INCOMPLETE, NULL);
	expect_stream(DELTA("x"), REPLY_INCOMPLETE, NULL);
	expect_stream(DELTA("x") DONE, REPLY_INCOMPLETE, NULL);
	expect_stream(CHUNK("{\"index\":0,\"delta\":{\"content\":\"x\"},"
			    "\"finish_reason\":\"\"}") DONE,
		      REPLY_INCOMPLETE, NULL);
}

static void the_closing_event_is_not_needed(void **state)
{
	(void)state;
	expect_stream(DELTA("x") FINISH("stop"), REPLY_COMPLETE, "x");
}

static void an_error_event_makes_it_incomplete(void **state)
{
	(void)state;
	expect_stream(DELTA("x")
			      EVENT("{\"error\":{\"message\":\"m\",\"code\":\"500\"}}"),
		      REPLY_INCOMPLETE, NULL);
	expect_stream(DELTA("x") FINISH("stop") EVENT("{\"error\":\"m\"}") DONE,
		      REPLY_INCOMPLETE, NULL);
	expect_stream("event: error\n" EVENT("{}") FINISH("stop") DONE, REPLY_INCOMPLETE,
		      NULL);
	expect_stream(DELTA("x") FINISH("error") DONE, REPLY_INCOMPLETE, NULL);
	expect_stream(
		EVENT("{\"error\":null,\"choices\":[{\"delta\":{\"content\":\"x\"}}]}")
			FINISH("stop") DONE,
		REPLY_COMPLETE, "x");
}

static void an_event_not_understood_makes_it_incomplete(void **state)
{
	(void)state;
	expect_stream(DELTA("x") EVENT("{\"choices\":[{\"delta\"") FINISH("stop") DONE,
		      REPLY_INCOMPLETE, NULL);
	expect_stream(DELTA("x") EVENT("[]") FINISH("stop") DONE, REPLY_INCOMPLETE, NULL);
}

static void calls_of_tools_are_told_apart(void **state)
{
	(void)state;
	expect_stream(DELTA("Let me look") FINISH("tool_calls") DONE, REPLY_TOOLS, NULL);
	expect_stream(FINISH("function_call") DONE, REPLY_TOOLS, NULL);
	/* as some servers end them */
	expect_stream(CHUNK("{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0}]}}")
			      FINISH("stop") DONE,
		      REPLY_TOOLS, NULL);
	expect_stream(
		CHUNK("{\"index\":0,\"delta\":{\"content\":\"x\",\"tool_calls\":[]}}")
			FINISH("stop") DONE,
		REPLY_COMPLETE, "x");
}

static void refusals_are_told_apart(void **state)
{
	(void)state;
	expect_stream(DELTA("x") FINISH("content_filter") DONE, REPLY_REFUSED, NULL);
	expect_stream(CHUNK("{\"index\":0,\"delta\":{\"refusal\":\"I can\"}}")
			      FINISH("stop") DONE,
		      REPLY_REFUSED, NULL);
	expect_stream(DELTA("x") FINISH("stop") FINISH("content_filter") DONE,
		      REPLY_REFUSED, NULL);
}

static void an_unknown_end_is_an_end(void **state)
{
	(void)state;
	expect_stream(DELTA("x") FINISH("eos") DONE, REPLY_COMPLETE, "x");
}

/* --- the hold point -------------------------------------------------------------- */

#define BEFORE FIRST DELTA("Hello")
#define MARKER                      \
	": c\r\nevent: m\r\ndata: " \
	"{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\r\n\r\n"
#define AFTER CHUNK("") DONE

/*
 * Split once anywhere: what may pass is all up to the marker's event, or as far as
 * the earlier call went; of what follows nothing.
 */
static void what_passes_ends_where_the_markers_event_begins(void **state)
{
	const char *stream = BEFORE MARKER AFTER;
	const size_t len = strlen(stream), at = strlen(BEFORE), end = at + strlen(MARKER);

	(void)state;
	for (size_t cut = 0; cut <= len; cut++) {
		struct reply_tap *t = reply_tap_new(&dialect_chat, true, LIMIT);
		/* told by the second CR; the LF behind it is of no event */
		bool seen = cut >= end - 1;

		assert_int_equal(feed(t, stream, cut), seen ? at : cut);
		assert_int_equal(reply_tap_finishing(t), seen);
		assert_int_equal(feed(t, stream + cut, len - cut),
				 cut < at ? at - cut : 0);
		assert_true(reply_tap_finishing(t));
		assert_int_equal(feed(t, "x", 1), 0);
		reply_tap_free(t);
	}
}

static void byte_by_byte_only_the_markers_last_byte_is_held(void **state)
{
	const char *stream = BEFORE FINISH("stop") AFTER;
	const size_t len = strlen(stream), end = strlen(BEFORE FINISH("stop"));
	struct reply_tap *t = reply_tap_new(&dialect_chat, true, LIMIT);

	(void)state;
	for (size_t i = 0; i < len; i++)
		assert_int_equal(feed(t, stream + i, 1), i < end - 1);
	reply_tap_free(t);
}

static void nothing_is_held_of_a_reply_that_cannot_be_kept(void **state)
{
	static const char *const streams[] = {
		DELTA("x") FINISH("tool_calls") DONE,
		DELTA("x") FINISH("content_filter") DONE,
		DELTA("x") EVENT("{\"error\":{}}") FINISH("stop") DONE,
		CHUNK("{\"delta\":{\"refusal\":\"no\"}}") FINISH("stop") DONE,
		DELTA("x") DONE,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
		struct reply_tap *t = reply_tap_new(&dialect_chat, true, LIMIT);
		size_t len = strlen(streams[i]);

		assert_int_equal(feed(t, streams[i], len), len);
		assert_false(reply_tap_finishing(t));
		assert_true(reply_tap_closed(t));
		reply_tap_free(t);
	}
}

/* --- plain replies --------------------------------------------------------------- */

#define PLAIN(choice) \
	"{\"id\":\"c\",\"choices\":[" choice "],\"usage\":{\"total_tokens\":3}}"
#define MESSAGE(inner, why)                                       \
	"{\"index\":0,\"message\":{\"role\":\"assistant\"," inner \
	"},\"finish_reason\":" why "}"

static void a_plain_reply_is_read_at_its_end(void **state)
{
	(void)state;
	expect_plain(PLAIN(MESSAGE("\"content\":\"Hello\\n\\u00e4\"", "\"stop\"")),
		     REPLY_COMPLETE, "Hello\nä");
	expect_plain(PLAIN(MESSAGE("\"content\":\"x\"", "\"length\"")) "\n",
		     REPLY_COMPLETE, "x");
	expect_plain(PLAIN(MESSAGE("\"content\":\"a\"", "\"stop\"") "," MESSAGE(
			     "\"content\":\"b\"", "\"stop\"")),
		     REPLY_COMPLETE, "a");
	expect_plain(PLAIN(MESSAGE("\"content\":\"\"", "\"stop\"")), REPLY_COMPLETE, "");
}

static void a_plain_reply_may_end_otherwise(void **state)
{
	(void)state;
	expect_plain(PLAIN(MESSAGE("\"content\":null,\"tool_calls\":[{\"id\":\"1\"}]",
				   "\"tool_calls\"")),
		     REPLY_TOOLS, NULL);
	expect_plain(PLAIN(MESSAGE("\"content\":null,\"function_call\":{\"name\":\"f\"}",
				   "\"stop\"")),
		     REPLY_TOOLS, NULL);
	expect_plain(PLAIN(MESSAGE("\"content\":\"x\"", "\"content_filter\"")),
		     REPLY_REFUSED, NULL);
	expect_plain(PLAIN(MESSAGE("\"content\":null,\"refusal\":\"No.\"", "\"stop\"")),
		     REPLY_REFUSED, NULL);
}

static void a_plain_reply_not_understood_is_incomplete(void **state)
{
	(void)state;
	expect_plain("", REPLY_INCOMPLETE, NULL);
	expect_plain("Bad gateway", REPLY_INCOMPLETE, NULL);
	expect_plain("{\"choices\":[{\"message\":{\"content\":\"x\"},\"finish_rea",
		     REPLY_INCOMPLETE, NULL);
	expect_plain(PLAIN(MESSAGE("\"content\":\"x\"", "null")), REPLY_INCOMPLETE, NULL);
	expect_plain(PLAIN(""), REPLY_INCOMPLETE, NULL);
	expect_plain("{\"choices\":{\"0\":1}}", REPLY_INCOMPLETE, NULL);
	expect_plain("{\"error\":{\"message\":\"no\"}}", REPLY_INCOMPLETE, NULL);
	expect_plain("[]", REPLY_INCOMPLETE, NULL);
}

/* --- limits ---------------------------------------------------------------------- */

static enum reply_verdict verdict_at_limit(bool stream, const char *bytes, size_t limit,
					   size_t cut)
{
	struct reply_tap *t = reply_tap_new(&dialect_chat, stream, limit);
	size_t len = strlen(bytes);
	struct str text;

	feed(t, bytes, cut);
	feed(t, bytes + cut, len - cut);
	enum reply_verdict v = reply_tap_verdict(t, &text);
	reply_tap_free(t);
	return v;
}

static void a_reply_over_the_limit_is_given_up(void **state)
{
	const char *stream = DELTA("12345") DELTA("67890") FINISH("stop") DONE;
	const char *plain = PLAIN(MESSAGE("\"content\":\"x\"", "\"stop\""));

	(void)state;
	for (size_t cut = 0; cut <= strlen(stream); cut++) {
		assert_int_equal(verdict_at_limit(true, stream, 10, cut), REPLY_COMPLETE);
		assert_int_equal(verdict_at_limit(true, stream, 9, cut),
				 REPLY_INCOMPLETE);
	}
	for (size_t cut = 0; cut <= strlen(plain); cut++) {
		assert_int_equal(verdict_at_limit(false, plain, strlen(plain), cut),
				 REPLY_COMPLETE);
		assert_int_equal(verdict_at_limit(false, plain, strlen(plain) - 1, cut),
				 REPLY_INCOMPLETE);
	}
}

static void a_reply_given_up_is_let_through(void **state)
{
	struct reply_tap *t = reply_tap_new(&dialect_chat, true, 3);
	const char *stream = DELTA("1234") FINISH("stop") DONE;
	size_t len = strlen(stream);

	(void)state;
	assert_int_equal(feed(t, stream, len), len);
	assert_int_equal(feed(t, stream, len), len);
	assert_false(reply_tap_finishing(t));
	assert_false(reply_tap_closed(t));
	expect_verdict(t, REPLY_INCOMPLETE, NULL);
	reply_tap_free(t);
}

static void an_event_without_end_is_given_up(void **state)
{
	struct reply_tap *t = reply_tap_new(&dialect_chat, true, 100);
	char junk[1000];

	(void)state;
	memset(junk, 'x', sizeof(junk));
	for (int i = 0; i < 1000; i++)
		assert_int_equal(feed(t, junk, sizeof(junk)), sizeof(junk));
	expect_verdict(t, REPLY_INCOMPLETE, NULL);
	reply_tap_free(t);
	reply_tap_free(NULL);
}

/* --- our own error event --------------------------------------------------------- */

static void our_error_event_ends_what_was_cut(void **state)
{
	struct arena *a = arena_new(1024);
	const struct api_error e = { fault_info(FAULT_UPSTREAM_CUT),
				     STR("cut \"x\""),
				     { NULL, 0 } };
	struct str event = dialect_chat.error_event(&e, a);

	(void)state;
	assert_string_equal(
		event.p, "\n\ndata: {\"error\":{\"message\":\"cut \\\"x\\\"\",\"type\":"
			 "\"api_connection_error\",\"param\":null,\"code\":"
			 "\"upstream_closed\"}}\n\n");
	struct str stream = arena_printf(a, "%s%s%s", DELTA("x") FINISH("stop"),
					 "data: {\"choi", event.p);
	expect_stream(stream.p, REPLY_INCOMPLETE, NULL);
	arena_free(a);
}

/* --- memory ---------------------------------------------------------------------- */

/* Byte by byte with the n-th allocation failing; false once none failed. */
static bool survives(long n, bool stream, const char *bytes)
{
	heap_fail_at(n);
	struct reply_tap *t = reply_tap_new(&dialect_chat, stream, LIMIT);
	bool failed = heap_has_failed();
	struct str text;

	assert_int_equal(t == NULL, failed);
	for (size_t i = 0; t && i < strlen(bytes); i++)
		assert_true(reply_tap_feed(t, bytes + i, 1) <= 1);
	if (t) {
		enum reply_verdict v = reply_tap_verdict(t, &text);
		failed = heap_has_failed();
		assert_int_equal(v, failed ? REPLY_INCOMPLETE : REPLY_COMPLETE);
	}
	heap_fail_at(0);
	reply_tap_free(t);
	return failed;
}

static void without_memory_a_reply_is_given_up(void **state)
{
	long n = 1;

	(void)state;
	while (survives(n, true, "data:\n" DELTA("Hel\\nlo") FINISH("stop") DONE))
		n++;
	assert_true(n > 4);
	for (n = 1; survives(n, false, PLAIN(MESSAGE("\"content\":\"x\"", "\"stop\"")));)
		n++;
	assert_true(n > 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_streamed_text_is_put_together),
		cmocka_unit_test(escapes_may_be_split_over_events),
		cmocka_unit_test(the_end_may_come_in_the_last_text),
		cmocka_unit_test(usage_behind_the_end_changes_nothing),
		cmocka_unit_test(only_the_first_choice_counts),
		cmocka_unit_test(reasoning_and_other_members_are_no_text),
		cmocka_unit_test(pings_and_blank_events_are_passed_over),
		cmocka_unit_test(what_follows_the_closing_event_is_not_looked_at),
		cmocka_unit_test(a_reply_without_its_end_is_incomplete),
		cmocka_unit_test(the_closing_event_is_not_needed),
		cmocka_unit_test(an_error_event_makes_it_incomplete),
		cmocka_unit_test(an_event_not_understood_makes_it_incomplete),
		cmocka_unit_test(calls_of_tools_are_told_apart),
		cmocka_unit_test(refusals_are_told_apart),
		cmocka_unit_test(an_unknown_end_is_an_end),
		cmocka_unit_test(what_passes_ends_where_the_markers_event_begins),
		cmocka_unit_test(byte_by_byte_only_the_markers_last_byte_is_held),
		cmocka_unit_test(nothing_is_held_of_a_reply_that_cannot_be_kept),
		cmocka_unit_test(a_plain_reply_is_read_at_its_end),
		cmocka_unit_test(a_plain_reply_may_end_otherwise),
		cmocka_unit_test(a_plain_reply_not_understood_is_incomplete),
		cmocka_unit_test(a_reply_over_the_limit_is_given_up),
		cmocka_unit_test(a_reply_given_up_is_let_through),
		cmocka_unit_test(an_event_without_end_is_given_up),
		cmocka_unit_test(our_error_event_ends_what_was_cut),
		cmocka_unit_test(without_memory_a_reply_is_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
