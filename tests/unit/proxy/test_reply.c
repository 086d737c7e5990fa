/* test_reply.c - replies on the wire: heads, framing, ends and cuts. */
#include "gate_fixture.h"

#include <stdio.h>
#include <string.h>

/* More than the kernel's buffers of both sides take. */
#define LARGE (16u << 20)

static const struct str none = { NULL, 0 };

/* A request that waits for the test to answer it. */
static struct conn *ask(struct client *c, struct fixture *f, const char *request)
{
	client_open(c, f);
	client_say(c, request);
	assert_non_null(f->served.conn);
	return f->served.conn;
}

static struct conn *ask_1_1(struct client *c, struct fixture *f)
{
	return ask(c, f, "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
}

static struct conn *ask_1_0(struct client *c, struct fixture *f)
{
	return ask(c, f, "GET /hold HTTP/1.0\r\n\r\n");
}

static void expect_exactly(struct client *c, const char *text)
{
	client_expect_bytes(c, strlen(text));
	client_expect_silence(c);
	assert_string_equal(c->in.p, text);
}

/* --- heads --- */

static void a_reply_is_as_it_was_given(void **state)
{
	struct client c;
	struct conn *conn = ask_1_1(&c, *state);

	assert_false(conn_replying(conn));
	conn_reply(conn, 201, STR("Made"));
	assert_true(conn_replying(conn));
	conn_header(conn, STR("X-One"), STR("1"));
	conn_header(conn, STR("set-cookie"), STR("a"));
	conn_header(conn, STR("X-Empty"), STR(""));
	conn_header(conn, STR("set-cookie"), STR("b"));
	conn_head_done(conn, 5);
	conn_write(conn, "he", 2);
	conn_write(conn, "llo", 3);
	assert_int_equal(conn_queued(conn), 133);
	conn_end(conn);
	expect_exactly(&c,
		       "HTTP/1.1 201 Made\r\nX-One: 1\r\nset-cookie: a\r\nX-Empty: \r\n"
		       "set-cookie: b\r\nDate: Sun, 06 Nov 1994 08:49:38 GMT\r\n"
		       "Content-Length: 5\r\n\r\nhello");
	client_close(&c);
}

static void the_date_moves_and_is_not_added_twice(void **state)
{
	struct fixture *f = *state;
	struct client c;
	struct conn *conn;

	fixture_pass(f, 23000);
	conn = ask_1_1(&c, f);
	conn_reply(conn, 200, none);
	conn_head_done(conn, 0);
	conn_end(conn);
	client_expect(&c, "Date: Sun, 06 Nov 1994 08:50:01 GMT\r\n");
	client_close(&c);

	conn = ask_1_1(&c, f);
	conn_reply(conn, 200, none);
	conn_header(conn, STR("date"), STR("yesterday"));
	conn_head_done(conn, 0);
	conn_end(conn);
	expect_exactly(&c,
		       "HTTP/1.1 200 OK\r\ndate: yesterday\r\nContent-Length: 0\r\n\r\n");
	client_close(&c);
}

static void framing_is_not_the_handler_s(void **state)
{
	struct client c;
	struct conn *conn = ask_1_1(&c, *state);

	conn_reply(conn, 200, STR("OK"));
	conn_header(conn, STR("Content-Length"), STR("77"));
	conn_header(conn, STR("transfer-encoding"), STR("chunked"));
	conn_header(conn, STR("Connection"), STR("close"));
	conn_header(conn, STR("keep-alive"), STR("timeout=5"));
	conn_header(conn, STR("Date"), STR("d"));
	conn_head_done(conn, 2);
	conn_write(conn, "ok", 2);
	conn_end(conn);
	expect_exactly(&c, "HTTP/1.1 200 OK\r\nDate: d\r\nContent-Length: 2\r\n\r\nok");
	client_close(&c);
}

static void no_value_can_split_a_reply(void **state)
{
	struct client c;
	struct conn *conn = ask_1_1(&c, *state);

	conn_reply(conn, 200, STR("OK\r\nX-Evil: 1"));
	conn_header(conn, STR("X-A"), STR("a\r\nX-Evil: 1"));
	conn_header(conn, STR("X-B"), STR("a\nX-Evil: 1"));
	conn_header(conn, STR("X-C"), STR("a\rX-Evil: 1"));
	conn_header(conn, STR("X-D"), STR("a\0b"));
	conn_header(conn, STR("X\nE"), STR("a"));
	conn_header(conn, STR(""), STR("a"));
	conn_header(conn, STR("Date"), STR("d"));
	conn_head_done(conn, 0);
	conn_end(conn);
	expect_exactly(&c, "HTTP/1.1 200 OK\r\nDate: d\r\nContent-Length: 0\r\n\r\n");
	client_close(&c);
}

static void a_status_without_a_usual_reason_has_none(void **state)
{
	struct client c;
	struct conn *conn = ask_1_1(&c, *state);

	conn_answer(conn, 499, (struct headers){ NULL, 0 }, none, STR(""));
	client_expect(&c, "HTTP/1.1 499 \r\nDate: ");
	client_close(&c);
}

static void an_answer_has_the_headers_given(void **state)
{
	const struct header extra[] = {
		{ STR("x-request-id"), STR("r1") },
		{ STR("retry-after"), STR("3") },
	};
	struct client c;
	struct conn *conn = ask_1_1(&c, *state);

	conn_answer(conn, 429, (struct headers){ extra, 2 }, STR("application/json"),
		    STR("{}"));
	client_expect(&c, "HTTP/1.1 429 Too Many Requests\r\nx-request-id: r1\r\n"
			  "retry-after: 3\r\nContent-Type: application/json\r\n");
	client_expect(&c, "Content-Length: 2\r\n\r\n{}");
	client_close(&c);
}

static void a_long_head_is_fine(void **state)
{
	char *value = test_malloc(50000);
	struct client c;
	struct conn *conn = ask_1_1(&c, *state);

	memset(value, 'v', 50000);
	conn_reply(conn, 200, none);
	conn_header(conn, STR("x"), (struct str){ value, 50000 });
	conn_head_done(conn, 0);
	conn_end(conn);
	client_expect(&c, "\r\n\r\n");
	assert_true(c.in.len > 50000);
	client_close(&c);
	test_free(value);
}

/* --- framing --- */

static void without_a_length_it_is_chunked(void **state)
{
	struct client c;
	struct conn *conn = ask_1_1(&c, *state);
	char piece[300];

	memset(piece, 'p', sizeof(piece));
	conn_reply(conn, 200, none);
	conn_header(conn, STR("Date"), STR("d"));
	conn_head_done(conn, -1);
	conn_write(conn, "hello", 5);
	conn_write(conn, "", 0); /* would be the last chunk */
	client_expect(&c, "hello\r\n");
	conn_write(conn, piece, sizeof(piece));
	conn_end(conn);
	client_expect(&c, "0\r\n\r\n");
	assert_true(client_has(&c,
			       "HTTP/1.1 200 OK\r\nDate: d\r\nTransfer-Encoding: chunked"
			       "\r\n\r\n5\r\nhello\r\n12c\r\nppp"));
	assert_true(client_has(&c, "ppp\r\n0\r\n\r\n"));
	client_say(&c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
	client_expect(&c, "\r\n\r\nok");
	client_close(&c);
}

static void http_1_0_has_no_chunks_and_ends_with_the_connection(void **state)
{
	struct client c;
	struct conn *conn =
		ask(&c, *state, "GET /hold HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");

	conn_reply(conn, 200, none);
	conn_header(conn, STR("Date"), STR("d"));
	conn_head_done(conn, -1);
	conn_write(conn, "hel", 3);
	conn_write(conn, "lo", 2);
	conn_end(conn);
	client_expect_end(&c);
	assert_false(c.reset);
	assert_string_equal(
		c.in.p, "HTTP/1.1 200 OK\r\nDate: d\r\nConnection: close\r\n\r\nhello");
	client_close(&c);
}

struct bodiless {
	const char *request;
	int status;
	int64_t length;
	const char *framing;
};

static void some_replies_have_no_body(void **state)
{
	static const struct bodiless rows[] = {
		{ "HEAD /hold HTTP/1.1", 200, 5, "Content-Length: 5\r\n" },
		{ "HEAD /hold HTTP/1.1", 200, 0, "Content-Length: 0\r\n" },
		{ "HEAD /hold HTTP/1.1", 200, -1, "" },
		{ "GET /hold HTTP/1.1", 204, 5, "" },
		{ "GET /hold HTTP/1.1", 204, -1, "" },
		{ "GET /hold HTTP/1.1", 304, 5, "Content-Length: 5\r\n" },
		{ "GET /hold HTTP/1.1", 304, 0, "" },
		{ "GET /hold HTTP/1.1", 304, -1, "" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct bodiless *row = &rows[i];
		char text[200];
		struct client c;
		struct conn *conn;

		snprintf(text, sizeof(text), "%s\r\nHost: h\r\n\r\n", row->request);
		conn = ask(&c, f, text);
		conn_reply(conn, row->status, STR("R"));
		conn_header(conn, STR("Date"), STR("d"));
		conn_head_done(conn, row->length);
		assert_true(conn_write(conn, "hello", 5));
		conn_end(conn);
		snprintf(text, sizeof(text), "HTTP/1.1 %d R\r\nDate: d\r\n%s\r\n",
			 row->status, row->framing);
		expect_exactly(&c, text);
		client_say(&c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
		client_expect(&c, "\r\n\r\nok");
		client_close(&c);
	}
}

static void what_exceeds_the_length_is_dropped(void **state)
{
	struct client c;
	struct conn *conn = ask_1_1(&c, *state);

	conn_reply(conn, 200, none);
	conn_head_done(conn, 3);
	conn_write(conn, "ab", 2);
	conn_write(conn, "cdef", 4);
	conn_write(conn, "gh", 2);
	conn_end(conn);
	client_expect(&c, "\r\n\r\nabc");
	client_say(&c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
	client_expect(&c, "\r\n\r\nabcHTTP/1.1 200 OK");
	client_close(&c);
}

/* --- cuts --- */

static void a_short_reply_ends_the_connection(void **state)
{
	struct client c;
	struct conn *conn = ask_1_1(&c, *state);

	conn_reply(conn, 200, none);
	conn_head_done(conn, 10);
	conn_write(conn, "short", 5);
	conn_end(conn);
	client_expect_end(&c);
	assert_true(client_has(&c, "\r\n\r\nshort"));
	client_close(&c);
}

static void an_aborted_chunked_reply_has_no_last_chunk(void **state)
{
	struct fixture *f = *state;
	struct client c;
	struct conn *conn = ask_1_1(&c, f);

	conn_reply(conn, 200, none);
	conn_head_done(conn, -1);
	conn_write(conn, "begun", 5);
	client_expect(&c, "begun");
	conn_write(conn, "error", 5);
	conn_abort(conn);
	client_expect_end(&c);
	assert_true(client_has(&c, "5\r\nerror\r\n"));
	assert_false(client_has(&c, "0\r\n\r\n"));
	assert_false(c.reset);
	client_close(&c);
	assert_int_equal(f->served.gone, 0);
	assert_int_equal(fixture_stats(f).open, 0);
}

static void what_was_queued_before_an_abort_arrives(void **state)
{
	char *text = test_malloc(LARGE);
	struct fixture *f = *state;
	struct client c;
	struct conn *conn = ask(&c, f,
				"POST /hold HTTP/1.1\r\nHost: h\r\n"
				"Content-Length: 1000000\r\n\r\nabc");

	memset(text, 't', LARGE);
	conn_reply(conn, 200, none);
	conn_head_done(conn, -1);
	conn_write(conn, text, LARGE);
	conn_write(conn, "the error", 9);
	conn_abort(conn);
	client_expect(&c, "9\r\nthe error\r\n");
	client_say(&c, "more of the body");
	client_expect_end(&c);
	assert_false(c.reset);
	client_close(&c);
	test_free(text);
}

static void but_not_for_a_client_that_does_not_read(void **state)
{
	char *text = test_malloc(LARGE);
	struct fixture *f = *state;
	struct client c;
	struct conn *conn = ask_1_1(&c, f);

	memset(text, 't', LARGE);
	conn_reply(conn, 200, none);
	conn_head_done(conn, -1);
	conn_write(conn, text, LARGE);
	conn_abort(conn);
	fixture_pass(f, 1999);
	assert_int_equal(fixture_stats(f).open, 1);
	fixture_pass(f, 1);
	assert_int_equal(fixture_stats(f).open, 0);
	client_close(&c);
	test_free(text);
}

static void an_abort_before_the_reply_ends_without_one(void **state)
{
	struct client c;

	client_open(&c, *state);
	client_say(&c, "GET /abort HTTP/1.1\r\nHost: h\r\n\r\n");
	client_expect_end(&c);
	assert_int_equal(c.in.len, 0);
	client_close(&c);
}

static void a_reply_until_close_that_is_cut_ends_in_a_reset(void **state)
{
	struct client c;
	struct conn *conn = ask_1_0(&c, *state);

	conn_reply(conn, 200, none);
	conn_head_done(conn, -1);
	conn_write(conn, "part", 4);
	client_expect(&c, "part");
	conn_abort(conn);
	client_expect_end(&c);
	assert_true(c.reset);
	client_close(&c);
}

static void so_does_one_that_is_under_way_when_the_gate_goes(void **state)
{
	struct fixture *f = *state;
	struct client c;
	struct conn *conn = ask_1_0(&c, f);

	conn_reply(conn, 200, none);
	conn_head_done(conn, -1);
	conn_write(conn, "part", 4);
	client_expect(&c, "part");
	gate_free(f->gate);
	f->gate = NULL;
	client_expect_end(&c);
	assert_true(c.reset);
	assert_int_equal(f->served.gone, 1);
	client_close(&c);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, gate_setup, gate_teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_reply_is_as_it_was_given),
		TEST(the_date_moves_and_is_not_added_twice),
		TEST(framing_is_not_the_handler_s),
		TEST(no_value_can_split_a_reply),
		TEST(a_status_without_a_usual_reason_has_none),
		TEST(an_answer_has_the_headers_given),
		TEST(a_long_head_is_fine),
		TEST(without_a_length_it_is_chunked),
		TEST(http_1_0_has_no_chunks_and_ends_with_the_connection),
		TEST(some_replies_have_no_body),
		TEST(what_exceeds_the_length_is_dropped),
		TEST(a_short_reply_ends_the_connection),
		TEST(an_aborted_chunked_reply_has_no_last_chunk),
		TEST(what_was_queued_before_an_abort_arrives),
		TEST(but_not_for_a_client_that_does_not_read),
		TEST(an_abort_before_the_reply_ends_without_one),
		TEST(a_reply_until_close_that_is_cut_ends_in_a_reset),
		TEST(so_does_one_that_is_under_way_when_the_gate_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
