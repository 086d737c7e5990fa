/* test_gate_body.c - bodies of requests: collected, streamed, waited for, not wanted. */
#include "gate_fixture.h"

#include <event2/buffer.h>

#include <stdio.h>
#include <string.h>

#define CHUNKED "Transfer-Encoding: chunked\r\n"
#define EXPECT  "Expect: 100-continue\r\n"
#define LARGE   (4u << 20)

static char *bytes(size_t n)
{
	char *p = test_malloc(n);

	for (size_t i = 0; i < n; i++)
		p[i] = (char)('a' + i % 23);
	return p;
}

static void say_post(struct client *c, const char *path, size_t length)
{
	char head[200];

	snprintf(head, sizeof(head),
		 "POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n\r\n", path,
		 length);
	client_say(c, head);
}

static void answer(struct fixture *f, int status)
{
	conn_answer(f->served.conn, status, (struct headers){ NULL, 0 },
		    (struct str){ NULL, 0 }, STR("said"));
}

static bool has_ended(void *arg)
{
	return ((struct fixture *)arg)->served.ends > 0;
}

/* --- collecting --- */

static void a_body_is_collected_up_to_the_limit(void **state)
{
	struct fixture *f = *state;
	struct client c;

	f->collect_limit = 5;
	client_open(&c, f);
	say_post(&c, "/echo", 5);
	client_say(&c, "ab");
	assert_int_equal(f->served.ends, 0);
	client_say(&c, "cde");
	client_expect(&c, "\r\n\r\nabcde");
	assert_int_equal(f->served.ends, 1);
	assert_int_equal(f->served.data, 0);
	client_close(&c);
}

static void a_longer_one_is_refused_before_it_comes(void **state)
{
	struct fixture *f = *state;
	struct client c;

	f->collect_limit = 5;
	client_open(&c, f);
	say_post(&c, "/echo", 6);
	client_expect(&c, "fault");
	assert_true(client_has(&c, "HTTP/1.1 413 Content Too Large\r\n"));
	client_say(&c, "abcdef"); /* little enough to go on */
	client_say(&c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
	client_expect(&c, "\r\n\r\nok");
	client_close(&c);
}

static void a_chunked_one_when_it_passes_the_limit(void **state)
{
	struct fixture *f = *state;
	struct client c;

	f->collect_limit = 5;
	client_open(&c, f);
	client_say(&c, "POST /echo HTTP/1.1\r\nHost: h\r\n" CHUNKED "\r\n5\r\nabcde\r\n");
	client_expect_silence(&c);
	client_say(&c, "1\r\nf\r\n");
	client_expect(&c, "fault");
	assert_int_equal(f->served.fault, FAULT_BODY_TOO_LARGE);
	client_say(&c, "0\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n");
	client_expect(&c, "\r\n\r\nok");
	client_close(&c);
}

static void streaming_may_take_over_with_nothing_lost(void **state)
{
	struct fixture *f = *state;
	struct client c;

	client_open(&c, f);
	f->served.take = false;
	client_say(&c, "POST /hold HTTP/1.1\r\nHost: h\r\n" CHUNKED "\r\n");
	conn_collect(f->served.conn, 5);
	client_say(&c, "4\r\nabcd\r\n4\r\nefgh\r\n3\r\nijk\r\n");
	assert_int_equal(f->served.fault, FAULT_BODY_TOO_LARGE);
	assert_true(evbuffer_get_length(conn_body(f->served.conn)) > 5);
	f->served.take = true;
	conn_stream(f->served.conn);
	assert_int_equal(f->served.data, 0); /* not from inside the call */
	fixture_turn(f);
	assert_int_equal(f->served.data, 1);
	client_say(&c, "0\r\n\r\n");
	assert_int_equal(f->served.ends, 1);
	assert_string_equal(f->served.body.p, "abcdefghijk");
	assert_true(conn_body_ended(f->served.conn));
	client_close(&c);
}

static void also_from_one_whose_length_was_too_much(void **state)
{
	struct fixture *f = *state;
	struct client c;

	client_open(&c, f);
	say_post(&c, "/hold", 8);
	client_say(&c, "abcd");
	conn_collect(f->served.conn, 5);
	assert_int_equal(f->served.fault, FAULT_BODY_TOO_LARGE);
	conn_stream(f->served.conn);
	client_say(&c, "efgh");
	assert_int_equal(f->served.ends, 1);
	assert_string_equal(f->served.body.p, "abcdefgh");
	client_close(&c);
}

static void a_body_that_is_not_there_ends_at_once(void **state)
{
	struct fixture *f = *state;
	struct client c;

	client_open(&c, f);
	client_say(&c, "GET /echo HTTP/1.1\r\nHost: h\r\n\r\n");
	client_expect(&c, "Content-Length: 0\r\n");
	client_say(&c, "GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
	client_expect(&c, "Content-Length: 0\r\n");
	assert_int_equal(f->served.ends, 2);
	assert_int_equal(f->served.data, 0);
	client_close(&c);
}

/* --- streaming --- */

static void a_stream_arrives_as_it_comes(void **state)
{
	struct fixture *f = *state;
	struct client c;

	client_open(&c, f);
	client_say(&c,
		   "POST /stream HTTP/1.1\r\nHost: h\r\n" CHUNKED "\r\n3;x=\"y\"\r\nabc");
	assert_string_equal(f->served.body.p, "abc");
	client_say(&c, "\r\n4\r\ndefg\r\n0\r\nTrailer: x\r\n\r\n");
	client_expect(&c, "\r\n\r\nabcdefg");
	assert_int_equal(f->served.data, 2);
	assert_int_equal(f->served.ends, 1);
	client_close(&c);
}

static void a_large_one_arrives_whole(void **state)
{
	struct fixture *f = *state;
	char *body = bytes(LARGE);
	struct client c;

	client_open(&c, f);
	say_post(&c, "/stream", LARGE);
	client_send(&c, body, LARGE);
	client_expect(&c, "\r\n\r\n");
	assert_int_equal(f->served.body.len, LARGE);
	assert_memory_equal(f->served.body.p, body, LARGE);
	client_close(&c);
	test_free(body);
}

static void reading_stops_while_the_handler_is_behind(void **state)
{
	struct fixture *f = *state;
	char *body = bytes(LARGE);
	struct client c;
	size_t sent;

	f->served.take = false;
	client_open(&c, f);
	say_post(&c, "/stream", 2 * LARGE);
	sent = client_push(&c, body, LARGE);
	/* 256 KiB decoded, one read more, and 64 KiB raw. */
	assert_true(evbuffer_get_length(conn_body(f->served.conn)) <= (256 << 10) + 4096);
	assert_true(evbuffer_get_length(conn_body(f->served.conn)) >= 256 << 10);

	f->served.take = true;
	evbuffer_drain(conn_body(f->served.conn), 200 << 10);
	conn_consumed(f->served.conn);
	client_send(&c, body + sent, LARGE - sent);
	client_send(&c, body, LARGE);
	client_expect(&c, "HTTP/1.1 200 OK");
	assert_int_equal(f->served.ends, 1);
	assert_int_equal(f->served.body.len, 2 * LARGE - (200 << 10));
	client_close(&c);
	test_free(body);
}

static void what_nobody_asks_for_is_not_read_ahead(void **state)
{
	struct fixture *f = *state;
	char *body = bytes(LARGE);
	struct client c;
	size_t sent;

	client_open(&c, f);
	say_post(&c, "/hold", LARGE);
	sent = client_push(&c, body, LARGE);
	assert_int_equal(evbuffer_get_length(conn_body(f->served.conn)), 0);
	conn_collect(f->served.conn, LARGE);
	client_send(&c, body + sent, LARGE - sent);
	fixture_until(f, has_ended, f);
	assert_memory_equal(f->served.body.p, body, LARGE);
	client_close(&c);
	test_free(body);
}

static void a_client_may_leave_in_the_middle(void **state)
{
	struct fixture *f = *state;
	struct client c;

	for (int i = 0; i < 2; i++) {
		client_open(&c, f);
		say_post(&c, i ? "/stream" : "/echo", 100);
		client_say(&c, "abc");
		client_close(&c);
		assert_int_equal(f->served.gone, i + 1);
	}
	assert_int_equal(f->served.ends, 0);
	assert_int_equal(fixture_stats(f).open, 0);
}

/* --- bodies that are broken or late --- */

static void a_broken_chunk_is_told_however_late_it_is_asked_for(void **state)
{
	struct fixture *f = *state;
	struct client c;

	client_open(&c, f);
	client_say(&c, "POST /hold HTTP/1.1\r\nHost: h\r\n" CHUNKED "\r\n3\r\nabcX");
	fixture_turn(f);
	conn_collect(f->served.conn, 100);
	assert_int_equal(f->served.fault, FAULT_BAD_REQUEST);
	answer(f, 400);
	client_expect_end(&c);
	assert_true(client_has(&c, "Connection: close\r\n"));
	client_close(&c);
}

static void one_that_nobody_asked_for_ends_the_connection(void **state)
{
	struct client c;

	client_open(&c, *state);
	client_say(&c, "POST / HTTP/1.1\r\nHost: h\r\n" CHUNKED
		       "\r\nnonsense\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n");
	client_expect_end(&c);
	assert_int_equal(client_count(&c, "HTTP/1.1 200 OK"), 1);
	assert_false(c.reset);
	client_close(&c);
}

static void a_body_that_stops_coming_is_timed_out(void **state)
{
	static const char *const paths[] = { "/echo", "/stream" };
	struct fixture *f = *state;
	struct client c;

	for (int i = 0; i < 2; i++) {
		client_open(&c, f);
		say_post(&c, paths[i], 100);
		fixture_pass(f, 29000);
		client_say(&c, "abc");
		fixture_pass(f, 29000); /* since the last byte */
		client_expect_silence(&c);
		fixture_pass(f, 1000);
		client_expect_end(&c);
		assert_true(client_has(&c, "HTTP/1.1 408 Request Timeout"));
		assert_true(client_has(&c, "Connection: close\r\n"));
		assert_int_equal(f->served.fault, FAULT_BODY_TIMEOUT);
		client_close(&c);
	}
}

static void nobody_is_timed_out_for_what_is_not_asked_or_cannot_be_taken(void **state)
{
	struct fixture *f = *state;
	char *body = bytes(LARGE);
	struct client c;

	client_open(&c, f);
	say_post(&c, "/hold", LARGE);
	fixture_pass(f, 3600 * 1000);
	assert_non_null(f->served.conn);
	f->served.take = false;
	conn_stream(f->served.conn);
	client_push(&c, body, LARGE);
	fixture_pass(f, 3600 * 1000);
	assert_non_null(f->served.conn);
	assert_int_equal(f->served.fault, FAULT_NONE);
	client_close(&c);
	test_free(body);
}

static void a_body_that_is_here_does_not_time_out_the_wait_for_the_reply(void **state)
{
	struct fixture *f = *state;
	struct client c;

	client_open(&c, f);
	say_post(&c, "/hold", 3);
	conn_collect(f->served.conn, 100);
	client_say(&c, "abc");
	assert_int_equal(f->served.ends, 1);
	fixture_pass(f, 3600 * 1000);
	answer(f, 200);
	client_expect(&c, "said");
	client_close(&c);
}

/* --- 100 Continue --- */

static void continue_is_said_when_the_body_is_asked_for(void **state)
{
	struct fixture *f = *state;
	struct client c;

	client_open(&c, f);
	client_say(&c, "POST /hold HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n" EXPECT
		       "\r\n");
	client_expect_silence(&c);
	conn_collect(f->served.conn, 100);
	client_expect(&c, "HTTP/1.1 100 Continue\r\n\r\n");
	client_say(&c, "abc");
	assert_int_equal(f->served.ends, 1);
	answer(f, 200);
	client_expect(&c, "said");
	assert_int_equal(client_count(&c, " 100 Continue"), 1);
	assert_false(client_has(&c, "Connection: close"));
	client_close(&c);
}

static void a_second_request_gets_its_own(void **state)
{
	struct client c;

	client_open(&c, *state);
	for (int i = 0; i < 2; i++) {
		client_say(&c,
			   "POST /stream HTTP/1.1\r\nHost: h\r\n" CHUNKED EXPECT "\r\n");
		client_expect(&c, "HTTP/1.1 100 Continue\r\n\r\n");
		client_say(&c, "3\r\nabc\r\n0\r\n\r\n");
		client_expect(&c, "\r\n\r\nabc");
		client_forget(&c);
	}
	client_close(&c);
}

static void a_body_that_came_unasked_needs_no_continue(void **state)
{
	struct client c;

	client_open(&c, *state);
	client_say(&c, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n" EXPECT
		       "\r\nabc");
	client_expect(&c, "\r\n\r\nabc");
	assert_false(client_has(&c, "100 Continue"));
	client_close(&c);
}

static void a_refusal_comes_instead_and_ends_the_connection(void **state)
{
	struct client c;

	client_open(&c, *state);
	client_say(&c, "POST /deny HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n" EXPECT
		       "\r\n");
	client_expect_end(&c);
	assert_false(client_has(&c, "100 Continue"));
	assert_true(client_has(&c, "HTTP/1.1 401 Unauthorized\r\n"));
	assert_true(client_has(&c, "Connection: close\r\n"));
	client_close(&c);
}

static void a_body_too_large_is_not_continued(void **state)
{
	struct fixture *f = *state;
	struct client c;

	f->collect_limit = 2;
	client_open(&c, f);
	client_say(&c, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n" EXPECT
		       "\r\n");
	client_expect_end(&c);
	assert_false(client_has(&c, "100 Continue"));
	assert_true(client_has(&c, "HTTP/1.1 413 "));
	client_close(&c);
}

/* --- answers before the body's end --- */

static void an_early_answer_can_be_read_in_the_middle_of_an_upload(void **state)
{
	static const char *const paths[] = { "/deny", "/early" };
	const size_t n = 10u << 20;
	struct fixture *f = *state;
	char *body = bytes(n);
	struct client c;

	for (int i = 0; i < 2; i++) {
		client_open(&c, f);
		say_post(&c, paths[i], n);
		client_send(&c, body, n);
		client_expect_end(&c);
		assert_false(c.reset);
		assert_int_equal(client_count(&c, "HTTP/1.1 40"), 1);
		assert_true(client_has(&c, "Connection: close\r\n"));
		client_close(&c);
		assert_int_equal(fixture_stats(f).open, 0);
	}
	test_free(body);
}

static void a_client_that_goes_on_for_ever_is_left(void **state)
{
	struct fixture *f = *state;
	struct client c;

	client_open(&c, f);
	say_post(&c, "/deny", 10u << 20);
	client_expect(&c, "no");
	assert_int_equal(fixture_stats(f).open, 1);
	assert_int_equal(fixture_stats(f).active, 0);
	fixture_pass(f, 1999);
	assert_int_equal(fixture_stats(f).open, 1);
	fixture_pass(f, 1);
	assert_int_equal(fixture_stats(f).open, 0);
	client_close(&c);
}

static void a_small_rest_is_read_and_the_connection_kept(void **state)
{
	struct fixture *f = *state;
	char *body = bytes(60000);
	struct client c;

	client_open(&c, f);
	say_post(&c, "/deny", 60000);
	client_expect(&c, "no");
	assert_false(client_has(&c, "Connection: close"));
	client_send(&c, body, 60000);
	client_say(&c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
	client_expect(&c, "\r\n\r\nok");
	client_close(&c);
	test_free(body);
}

static void but_not_waited_for_longer_than_it_may_linger(void **state)
{
	struct fixture *f = *state;
	struct client c;

	client_open(&c, f);
	say_post(&c, "/deny", 60000);
	client_expect(&c, "no");
	fixture_pass(f, 2000);
	client_expect_end(&c);
	client_close(&c);
}

static void a_chunked_rest_is_read_up_to_a_point(void **state)
{
	struct fixture *f = *state;
	char *body = bytes(100000);
	struct client c;

	client_open(&c, f);
	client_say(&c, "POST /deny HTTP/1.1\r\nHost: h\r\n" CHUNKED "\r\n186a0\r\n");
	client_expect(&c, "no");
	client_push(&c, body, 100000);
	client_expect_end(&c);
	assert_false(c.reset);
	client_close(&c);
	test_free(body);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, gate_setup, gate_teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_body_is_collected_up_to_the_limit),
		TEST(a_longer_one_is_refused_before_it_comes),
		TEST(a_chunked_one_when_it_passes_the_limit),
		TEST(streaming_may_take_over_with_nothing_lost),
		TEST(also_from_one_whose_length_was_too_much),
		TEST(a_body_that_is_not_there_ends_at_once),
		TEST(a_stream_arrives_as_it_comes),
		TEST(a_large_one_arrives_whole),
		TEST(reading_stops_while_the_handler_is_behind),
		TEST(what_nobody_asks_for_is_not_read_ahead),
		TEST(a_client_may_leave_in_the_middle),
		TEST(a_broken_chunk_is_told_however_late_it_is_asked_for),
		TEST(one_that_nobody_asked_for_ends_the_connection),
		TEST(a_body_that_stops_coming_is_timed_out),
		TEST(nobody_is_timed_out_for_what_is_not_asked_or_cannot_be_taken),
		TEST(a_body_that_is_here_does_not_time_out_the_wait_for_the_reply),
		TEST(continue_is_said_when_the_body_is_asked_for),
		TEST(a_second_request_gets_its_own),
		TEST(a_body_that_came_unasked_needs_no_continue),
		TEST(a_refusal_comes_instead_and_ends_the_connection),
		TEST(a_body_too_large_is_not_continued),
		TEST(an_early_answer_can_be_read_in_the_middle_of_an_upload),
		TEST(a_client_that_goes_on_for_ever_is_left),
		TEST(a_small_rest_is_read_and_the_connection_kept),
		TEST(but_not_waited_for_longer_than_it_may_linger),
		TEST(a_chunked_rest_is_read_up_to_a_point),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
