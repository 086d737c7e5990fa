/* test_reply_flow.c - back-pressure, stalled clients, and tunnels. */
#include "gate_fixture.h"

#include <event2/bufferevent.h>

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

/* --- back-pressure --- */

static bool is_drained(void *arg)
{
	struct client *c = arg;
	char piece[65536];

	if (c->f->served.drained > 0)
		return true;
	/* The client reads, and forgets. */
	while (recv(c->fd, piece, sizeof(piece), 0) > 0)
		;
	return false;
}

static void a_client_that_is_behind_is_waited_for(void **state)
{
	char *text = test_malloc(64 << 10);
	struct fixture *f = *state;
	struct client c;
	struct conn *conn = ask_1_1(&c, f);
	size_t n = 0;

	memset(text, 't', 64 << 10);
	conn_reply(conn, 200, none);
	conn_head_done(conn, -1);
	while (conn_write(conn, text, 16 << 10)) {
		fixture_turn(f);
		n++;
	}
	assert_true(conn_queued(conn) > 64 << 10);
	assert_true(n > 4);
	fixture_turn(f);
	assert_int_equal(f->served.drained, 0);
	assert_false(conn_write(conn, "x", 1)); /* taken all the same */
	fixture_until(f, is_drained, &c);
	assert_int_equal(f->served.drained, 1);
	assert_true(conn_queued(conn) <= 32 << 10);
	assert_true(conn_write(conn, "y", 1));
	conn_end(conn);
	client_expect(&c, "0\r\n\r\n");
	client_close(&c);
	test_free(text);
}

static void end_on_drain(void *arg)
{
	struct fixture *f = arg;
	struct conn *c = f->served.conn;

	f->served.drained++;
	f->served.conn = NULL;
	conn_write(c, "last", 4);
	conn_end(c);
}

static void abort_on_drain(void *arg)
{
	struct fixture *f = arg;
	struct conn *c = f->served.conn;

	f->served.drained++;
	f->served.conn = NULL;
	conn_write(c, "last", 4);
	conn_abort(c);
}

static void a_reply_may_end_inside_on_drain(void **state)
{
	const struct conn_events ends = { .on_drain = end_on_drain };
	const struct conn_events aborts = { .on_drain = abort_on_drain };
	char *text = test_malloc(LARGE);
	struct fixture *f = *state;

	memset(text, 't', LARGE);
	for (int i = 0; i < 2; i++) {
		struct client c;
		struct conn *conn = ask_1_1(&c, f);

		f->served.drained = 0;
		conn_claim(conn, i ? &aborts : &ends, f);
		conn_reply(conn, 200, none);
		conn_head_done(conn, -1);
		assert_false(conn_write(conn, text, LARGE));
		fixture_until(f, is_drained, &c);
		if (i)
			client_expect_end(&c);
		else
			client_expect(&c, "0\r\n\r\n");
		client_close(&c);
		assert_int_equal(fixture_stats(f).open, 0);
	}
	test_free(text);
}

static void a_client_that_takes_nothing_is_left(void **state)
{
	char *text = test_malloc(LARGE);
	struct fixture *f = *state;
	struct client c;
	struct conn *conn = ask_1_1(&c, f);

	memset(text, 't', LARGE);
	conn_reply(conn, 200, none);
	conn_head_done(conn, -1);
	conn_write(conn, text, LARGE);
	fixture_turn(f);
	fixture_pass(f, 250);
	fixture_pass(f, 59000);
	assert_int_equal(f->served.gone, 0);
	client_expect_bytes(&c, 4 << 20); /* some progress */
	fixture_turn(f);
	fixture_pass(f, 1000);
	fixture_pass(f, 59000);
	assert_int_equal(f->served.gone, 0);
	fixture_pass(f, 1000);
	assert_int_equal(f->served.gone, 1);
	assert_int_equal(fixture_stats(f).open, 0);
	client_close(&c);
	test_free(text);
}

static void also_when_the_reply_is_whole(void **state)
{
	char *text = test_malloc(LARGE);
	struct fixture *f = *state;
	struct client c;
	struct conn *conn = ask_1_1(&c, f);

	memset(text, 't', LARGE);
	conn_answer(conn, 200, (struct headers){ NULL, 0 }, none,
		    (struct str){ text, LARGE });
	fixture_turn(f);
	assert_int_equal(fixture_stats(f).active, 1);
	fixture_pass(f, 250);
	fixture_pass(f, 60000);
	assert_int_equal(fixture_stats(f).open, 0);
	assert_int_equal(f->served.gone, 0); /* the handler was done with it */
	client_close(&c);
	test_free(text);
}

static void a_quiet_stream_is_not_stalled(void **state)
{
	struct fixture *f = *state;
	struct client c;
	struct conn *conn = ask_1_1(&c, f);

	conn_reply(conn, 200, none);
	conn_head_done(conn, -1);
	for (int i = 0; i < 3; i++) {
		fixture_pass(f, 3600 * 1000);
		conn_write(conn, "tick", 4);
		client_expect(&c, "tick");
		client_forget(&c);
	}
	conn_end(conn);
	client_expect(&c, "0\r\n\r\n");
	client_close(&c);
}

/* --- tunnels --- */

static void echo(struct bufferevent *bev, void *arg)
{
	(void)arg;
	bufferevent_write_buffer(bev, bufferevent_get_input(bev));
}

static struct conn *open_tunnel(struct client *c, struct fixture *f,
				struct bufferevent **bev)
{
	struct conn *conn = ask(c, f,
				"GET /hold HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\n"
				"Upgrade: websocket\r\n\r\nearly");

	assert_true(conn_head(conn)->upgrade);
	conn_reply(conn, 101, none);
	conn_header(conn, STR("Connection"), STR("Upgrade"));
	conn_header(conn, STR("Date"), STR("d"));
	conn_head_done(conn, -1);
	*bev = conn_take_bev(conn);
	bufferevent_setcb(*bev, echo, NULL, NULL, NULL);
	return conn;
}

static void a_connection_can_be_given_to_another_protocol(void **state)
{
	struct fixture *f = *state;
	struct bufferevent *bev;
	struct client c;
	struct conn *conn = open_tunnel(&c, f, &bev);

	echo(bev, NULL); /* what was read before */
	client_expect(&c, "early");
	assert_string_equal(c.in.p, "HTTP/1.1 101 Switching Protocols\r\n"
				    "Connection: Upgrade\r\nDate: d\r\n\r\nearly");
	fixture_pass(f, 3600 * 1000);
	client_say(&c, "later");
	client_expect(&c, "later");
	assert_int_equal(fixture_stats(f).active, 1);
	bufferevent_write(bev, "bye", 3);
	conn_end(conn);
	client_expect_end(&c);
	assert_true(client_has(&c, "laterbye"));
	client_close(&c);
	assert_int_equal(fixture_stats(f).open, 0);
	assert_int_equal(fixture_stats(f).active, 0);
}

static void a_tunnel_is_told_when_the_gate_goes(void **state)
{
	struct fixture *f = *state;
	struct bufferevent *bev;
	struct client c;

	open_tunnel(&c, f, &bev);
	gate_free(f->gate);
	f->gate = NULL;
	assert_int_equal(f->served.gone, 1);
	client_close(&c);
}

static void a_tunnel_can_be_cut(void **state)
{
	struct fixture *f = *state;
	struct bufferevent *bev;
	struct client c;

	conn_abort(open_tunnel(&c, f, &bev));
	client_expect_end(&c);
	client_close(&c);
	assert_int_equal(fixture_stats(f).open, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, gate_setup, gate_teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_client_that_is_behind_is_waited_for),
		TEST(a_reply_may_end_inside_on_drain),
		TEST(a_client_that_takes_nothing_is_left),
		TEST(also_when_the_reply_is_whole),
		TEST(a_quiet_stream_is_not_stalled),
		TEST(a_connection_can_be_given_to_another_protocol),
		TEST(a_tunnel_is_told_when_the_gate_goes),
		TEST(a_tunnel_can_be_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
