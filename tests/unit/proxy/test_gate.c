/* test_gate.c - connections: requests in order, deadlines, clients that leave. */
#include "gate_fixture.h"

#include <string.h>
#include <sys/socket.h>

#define GET(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"

/* --- requests, one after another --- */

static void a_request_is_answered_and_the_connection_kept(void **state)
{
	struct fixture *f = *state;
	struct client c;

	client_open(&c, f);
	for (int i = 0; i < 3; i++) {
		client_say(&c, GET("/"));
		client_expect(&c, "\r\n\r\nok");
		assert_true(client_has(&c, "HTTP/1.1 200 OK\r\n"));
		assert_false(client_has(&c, "Connection:"));
		client_forget(&c);
	}
	assert_int_equal(fixture_stats(f).accepted, 1);
	assert_int_equal(fixture_stats(f).requests, 3);
	assert_int_equal(fixture_stats(f).active, 0);
	client_close(&c);
	assert_int_equal(fixture_stats(f).open, 0);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
	struct fixture *f = *state;
	struct client c;

	client_open(&c, f);
	client_say(&c,
		   "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\none"
		   "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
		   "3\r\ntwo\r\n0\r\n\r\n"
		   "\r\n" GET("/"));
	client_expect(&c, "\r\n\r\nok");
	assert_int_equal(client_count(&c, "HTTP/1.1 200 OK"), 3);
	assert_true(strstr(c.in.p, "one") < strstr(c.in.p, "two"));
	assert_true(strstr(c.in.p, "two") < strstr(c.in.p, "\r\n\r\nok"));
	client_close(&c);
}

static void a_pipelined_request_waits_for_the_one_before(void **state)
{
	struct fixture *f = *state;
	struct client c;

	client_open(&c, f);
	client_say(&c, GET("/hold") GET("/"));
	client_expect_silence(&c);
	assert_int_equal(f->served.requests, 1);
	conn_answer(f->served.conn, 202, (struct headers){ NULL, 0 }, STR("text/plain"),
		    STR("late"));
	/* Not from inside the call above. */
	assert_int_equal(f->served.requests, 1);
	client_expect(&c, "\r\n\r\nok");
	assert_true(strstr(c.in.p, "202") < strstr(c.in.p, "200"));
	client_close(&c);
}

static void an_http_1_0_connection_ends_unless_asked_to_stay(void **state)
{
	struct client c;

	client_open(&c, *state);
	client_say(&c, "GET / HTTP/1.0\r\n\r\n");
	client_expect_end(&c);
	assert_true(client_has(&c, "HTTP/1.1 200 OK"));
	assert_true(client_has(&c, "Connection: close\r\n"));
	assert_false(c.reset);
	client_close(&c);

	client_open(&c, *state);
	client_say(&c, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	client_expect(&c, "\r\n\r\nok");
	assert_true(client_has(&c, "Connection: keep-alive\r\n"));
	client_expect_silence(&c);
	client_say(&c, GET("/"));
	client_expect(&c, "\r\n\r\nokHTTP/1.1 200");
	client_close(&c);
}

static void connection_close_is_kept_to(void **state)
{
	struct client c;

	client_open(&c, *state);
	client_say(&c, "GET / HTTP/1.1\r\nHost: h\r\nConnection: foo, close\r\n\r\n" GET(
			       "/"));
	client_expect_end(&c);
	assert_int_equal(client_count(&c, "HTTP/1.1 "), 1);
	assert_true(client_has(&c, "Connection: close\r\n"));
	assert_false(c.reset);
	client_close(&c);
}

/* --- deadlines --- */

static void a_slow_head_is_told_408(void **state)
{
	struct fixture *f = *state;
	struct client c;

	client_open(&c, f);
	client_say(&c, "GET / HTTP/1.1\r\nHo");
	fixture_pass(f, 9000);
	client_say(&c, "st: h\r\n"); /* more bytes do not prolong it */
	fixture_pass(f, 900);
	client_expect_silence(&c);
	fixture_pass(f, 200);
	client_expect_end(&c);
	assert_true(client_has(&c, "HTTP/1.1 408 Request Timeout\r\n"));
	assert_true(client_has(&c, "\"code\":\"request_timeout\""));
	assert_int_equal(fixture_stats(f).refused[FAULT_HEAD_TIMEOUT], 1);
	client_close(&c);
	assert_int_equal(fixture_stats(f).open, 0);
}

static void an_idle_connection_is_closed_without_a_word(void **state)
{
	struct fixture *f = *state;
	struct client fresh, kept;

	client_open(&fresh, f);
	client_open(&kept, f);
	client_say(&kept, GET("/"));
	client_expect(&kept, "ok");
	client_forget(&kept);
	fixture_pass(f, 74000);
	client_expect_silence(&fresh);
	client_expect_silence(&kept);
	fixture_pass(f, 1001);
	client_expect_end(&fresh);
	client_expect_end(&kept);
	assert_int_equal(fresh.in.len, 0);
	assert_int_equal(kept.in.len, 0);
	client_close(&fresh);
	client_close(&kept);
}

static bool has_none_open(void *arg)
{
	return fixture_stats(arg).open == 0;
}

static void the_gate_looks_at_its_deadlines_by_itself(void **state)
{
	struct fixture *f = *state;
	struct client c;

	client_open(&c, f);
	fixture_turn(f);
	f->clock.us += 76000000;
	fixture_until(f, has_none_open, f);
	client_close(&c);
}

static void blank_lines_between_requests_are_not_a_head(void **state)
{
	struct fixture *f = *state;
	struct client c;

	client_open(&c, f);
	client_say(&c, GET("/"));
	client_expect(&c, "ok");
	client_forget(&c);
	client_say(&c, "\r\n");
	fixture_pass(f, 11000);
	client_expect_silence(&c);
	client_say(&c, "\r");
	client_say(&c, "\n");
	fixture_pass(f, 11000);
	client_expect_silence(&c);
	client_say(&c, "\r");
	client_say(&c, "\n" GET("/"));
	client_expect(&c, "ok");
	client_close(&c);
}

static void a_handler_may_take_its_time(void **state)
{
	struct fixture *f = *state;
	struct client c;

	client_open(&c, f);
	client_say(&c, GET("/hold"));
	fixture_pass(f, 3600 * 1000);
	client_expect_silence(&c);
	assert_non_null(f->served.conn);
	client_close(&c);
}

/* --- clients that leave --- */

static void a_client_that_leaves_is_seen_at_once(void **state)
{
	struct fixture *f = *state;
	struct client c;

	client_open(&c, f);
	client_say(&c, GET("/hold"));
	assert_int_equal(fixture_stats(f).active, 1);
	client_close(&c);
	assert_int_equal(f->served.gone, 1);
	assert_int_equal(fixture_stats(f).clients_gone, 1);
	assert_int_equal(fixture_stats(f).active, 0);
	assert_int_equal(fixture_stats(f).open, 0);
}

static void so_is_one_that_has_sent_another_request(void **state)
{
	struct fixture *f = *state;
	struct client c;

	client_open(&c, f);
	client_say(&c, GET("/hold") GET("/"));
	client_close(&c);
	assert_int_equal(f->served.gone, 1);
	assert_int_equal(f->served.requests, 1);
	assert_int_equal(fixture_stats(f).open, 0);
}

static void half_closing_counts_as_leaving(void **state)
{
	struct fixture *f = *state;
	struct client c;

	client_open(&c, f);
	client_say(&c, GET("/hold"));
	shutdown(c.fd, SHUT_WR);
	client_expect_end(&c);
	assert_int_equal(f->served.gone, 1);
	client_close(&c);
}

static void but_a_reply_that_is_whole_still_goes_out(void **state)
{
	struct client c;

	client_open(&c, *state);
	assert_int_equal(send(c.fd, GET("/"), sizeof(GET("/")) - 1, 0),
			 sizeof(GET("/")) - 1);
	shutdown(c.fd, SHUT_WR);
	client_expect_end(&c);
	assert_true(client_has(&c, "\r\n\r\nok"));
	client_close(&c);
}

/* More than the gate reads ahead, and no more than the kernel takes beyond it. */
static void pause_gate(struct client *c)
{
	char *flood = test_malloc(100000);

	memset(flood, 'x', 100000);
	client_say(c,
		   "POST /hold HTTP/1.1\r\nHost: h\r\nContent-Length: 100000000\r\n\r\n");
	client_send(c, flood, 100000);
	test_free(flood);
}

static void a_client_that_leaves_while_nothing_is_read_is_seen(void **state)
{
	struct fixture *f = *state;
	struct client c;

	client_open(&c, f);
	pause_gate(&c);
	assert_int_equal(f->served.gone, 0);
	client_close(&c);
	assert_int_equal(f->served.gone, 1);
	assert_int_equal(fixture_stats(f).open, 0);
}

static void so_is_its_reset(void **state)
{
	const struct linger at_once = { 1, 0 };
	struct fixture *f = *state;
	struct client c;

	client_open(&c, f);
	pause_gate(&c);
	setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	client_close(&c);
	assert_int_equal(f->served.gone, 1);
	assert_int_equal(fixture_stats(f).open, 0);
}

static void an_idle_client_that_leaves_is_nobody_s_business(void **state)
{
	struct fixture *f = *state;
	struct client fresh, half;

	client_open(&fresh, f);
	client_open(&half, f);
	client_say(&half, "GET ");
	client_close(&fresh);
	client_close(&half);
	assert_int_equal(fixture_stats(f).accepted, 2);
	assert_int_equal(fixture_stats(f).open, 0);
	assert_int_equal(fixture_stats(f).clients_gone, 0);
}

static void a_client_may_leave_while_its_whole_reply_goes_out(void **state)
{
	char *text = test_malloc(16 << 20);
	struct fixture *f = *state;
	struct client c;

	memset(text, 't', 16 << 20);
	client_open(&c, f);
	client_say(&c, GET("/hold"));
	conn_answer(f->served.conn, 200, (struct headers){ NULL, 0 }, STR("a/b"),
		    (struct str){ text, 16 << 20 });
	fixture_turn(f);
	client_close(&c);
	assert_int_equal(fixture_stats(f).open, 0);
	assert_int_equal(f->served.gone, 0);
	test_free(text);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, gate_setup, gate_teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_request_is_answered_and_the_connection_kept),
		TEST(pipelined_requests_are_answered_in_order),
		TEST(a_pipelined_request_waits_for_the_one_before),
		TEST(an_http_1_0_connection_ends_unless_asked_to_stay),
		TEST(connection_close_is_kept_to),
		TEST(a_slow_head_is_told_408),
		TEST(an_idle_connection_is_closed_without_a_word),
		TEST(the_gate_looks_at_its_deadlines_by_itself),
		TEST(blank_lines_between_requests_are_not_a_head),
		TEST(a_handler_may_take_its_time),
		TEST(a_client_that_leaves_is_seen_at_once),
		TEST(so_is_one_that_has_sent_another_request),
		TEST(half_closing_counts_as_leaving),
		TEST(but_a_reply_that_is_whole_still_goes_out),
		TEST(a_client_that_leaves_while_nothing_is_read_is_seen),
		TEST(so_is_its_reset),
		TEST(an_idle_client_that_leaves_is_nobody_s_business),
		TEST(a_client_may_leave_while_its_whole_reply_goes_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
