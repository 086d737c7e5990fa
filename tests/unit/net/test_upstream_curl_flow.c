/* test_upstream_curl_flow.c - requests that stop, stall or break off. */
#include "support.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FOREVER                                                        \
	{                                                              \
		"0123456789abcdef", 16, 0, SIZE_MAX, 1 << 20, false, 0 \
	}

/* --- replies that break off ------------------------------------------------ */

static void a_reply_cut_short_is_told_as_such(void **state)
{
	static const char *const scripts[] = {
		OK_HEAD "Content-Length: 10\r\n\r\nhello",
		OK_HEAD "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
		OK_HEAD "Transfer-Encoding: chunked\r\n\r\n9\r\nhello",
		OK_HEAD "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nxyz\r\n",
	};
	struct fixture *f = *state;

	f->env.serve = serve_script_and_close;
	for (size_t i = 0; i < sizeof(scripts) / sizeof(*scripts); i++) {
		f->env.script = scripts[i];
		call_get(&f->call, "/");
		wait_for_end(f);
		assert_int_equal(f->call.fault, FAULT_UPSTREAM_CUT);
		assert_int_equal(f->call.heads, 1);
		assert_buf(&f->call.body, "hello");
		assert_true(strlen(f->call.detail) > 0);
		again(f);
	}
}

static void a_close_before_the_head_ends_is_told_as_such(void **state)
{
	static const char *const scripts[] = { "", "HTTP/1.1 200 OK\r\nX-A: b\r\n",
					       "HTT" };
	struct fixture *f = *state;

	f->env.serve = serve_script_and_close;
	for (size_t i = 0; i < sizeof(scripts) / sizeof(*scripts); i++) {
		f->env.script = scripts[i];
		call_post(&f->call, "/", "x");
		wait_for_end(f);
		assert_int_equal(f->call.fault, FAULT_UPSTREAM_CLOSED);
		assert_int_equal(f->call.heads, 0);
		again(f);
	}
}

static void a_refused_connection_is_told_as_such(void **state)
{
	struct fixture *f = *state;

	evconnlistener_free(f->env.listener);
	f->env.listener = NULL;
	call_post(&f->call, "/", "x");
	wait_for_end(f);
	assert_int_equal(f->call.fault, FAULT_UPSTREAM_CONNECT);
	assert_true(strlen(f->call.detail) > 0);
}

/* An upstream of its own at this URL; the environment's server is not used. */
static void use_url(struct fixture *f, const char *url, uint64_t connect_ms,
		    uint64_t first_byte_ms)
{
	struct upstream_config cfg = plain_config;
	struct log log = { 0 };

	cfg.url = url;
	cfg.connect_timeout_ms = connect_ms;
	cfg.first_byte_timeout_ms = first_byte_ms;
	upstream_free(f->env.up);
	assert_int_equal(
		upstream_curl_new(f->env.base, &cfg, &clock_system, &log, &f->env.up), 0);
}

static void a_plain_server_asked_for_tls_is_told_as_no_connection(void **state)
{
	struct fixture *f = *state;
	char url[80];

	f->env.serve = NULL;
	snprintf(url, sizeof(url), "https%s", f->env.url + 4);
	use_url(f, url, 9000, 0);
	call_get(&f->call, "/");
	WAIT_FOR(&f->env, f->env.accepted == 1);
	peer_send(&f->env.peers[0], "HTTP/1.1 400 Bad Request\r\n\r\n");
	wait_for_end(f);
	assert_int_equal(f->call.fault, FAULT_UPSTREAM_CONNECT);
}

/* A port whose queue of connections is full answers nothing. */
static void a_connection_that_takes_too_long_is_told_as_such(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_in sa = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sa);
	int listener = socket(AF_INET, SOCK_STREAM, 0), fill[4];
	char url[64];

	assert_int_equal(bind(listener, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(listener, 0), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&sa, &len), 0);
	for (int i = 0; i < 4; i++) {
		fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(fill[i], (struct sockaddr *)&sa, sizeof(sa));
	}
	snprintf(url, sizeof(url), "http://127.0.0.1:%d", ntohs(sa.sin_port));
	use_url(f, url, 200, 0);
	call_get(&f->call, "/");
	wait_for_end(f);
	assert_int_equal(f->call.fault, FAULT_UPSTREAM_CONNECT_TIMEOUT);
	for (int i = 0; i < 4; i++)
		close(fill[i]);
	close(listener);
}

static void no_reply_in_time_is_told_as_such(void **state)
{
	struct fixture *f = *state;

	f->env.serve = NULL;
	use_url(f, f->env.url, 9000, 50);
	call_post(&f->call, "/", "x");
	wait_for_end(f);
	assert_int_equal(f->call.fault, FAULT_UPSTREAM_FIRST_BYTE);
	WAIT_FOR(&f->env, f->env.closed == 1);
}

static void a_running_reply_has_no_deadline(void **state)
{
	struct fixture *f = *state;
	struct timeval tv = { .tv_usec = 400000 };

	use_url(f, f->env.url, 9000, 50);
	f->env.script = OK_HEAD "Content-Length: 10\r\n\r\nhello";
	call_get(&f->call, "/");
	WAIT_FOR(&f->env, f->call.heads == 1);
	event_base_loopexit(f->env.base, &tv);
	event_base_loop(f->env.base, 0);
	peer_send(&f->env.peers[0], "world");
	wait_for_end(f);
	assert_int_equal(f->call.fault, FAULT_NONE);
}

static void stop_reading(struct peer *p)
{
	bufferevent_disable(p->bev, EV_READ);
}

/* As of a LiteLLM that hangs: the kernel takes some of the request, and then no more. */
static void a_request_that_the_server_stops_taking_has_the_same_deadline(void **state)
{
	struct fixture *f = *state;
	struct source s = FOREVER;

	use_url(f, f->env.url, 9000, 50);
	f->env.at_head = stop_reading;
	call_upload(&f->call, &s, 16 << 20);
	wait_for_end(f);
	assert_int_equal(f->call.fault, FAULT_UPSTREAM_FIRST_BYTE);
	assert_true(s.at < (size_t)16 << 20);
}

static void a_request_that_is_still_going_out_has_no_deadline(void **state)
{
	struct fixture *f = *state;
	struct source s = FOREVER;
	struct timeval tv = { .tv_usec = 400000 };

	use_url(f, f->env.url, 9000, 50);
	s.available = 40000;
	call_upload(&f->call, &s, 50000);
	event_base_loopexit(f->env.base, &tv);
	event_base_loop(f->env.base, 0);
	assert_int_equal(f->call.ends, 0);
	s.available = 50000;
	upstream_body_ready(f->call.op);
	wait_for_end(f);
	assert_int_equal(f->call.fault, FAULT_NONE);
}

/* --- never twice ----------------------------------------------------------- */

static void serve_once_then_reset(struct peer *p)
{
	if (p->served > 1)
		peer_reset(p);
	else
		serve_script(p);
}

static void a_post_on_a_dead_connection_is_not_sent_again(void **state)
{
	struct fixture *f = *state;

	f->env.serve = serve_once_then_reset;
	for (int i = 0; i < 2; i++) {
		again(f);
		call_post(&f->call, "/", "x");
		wait_for_end(f);
	}
	assert_int_equal(f->call.fault, FAULT_UPSTREAM_CLOSED);
	turn_a_while(f);
	assert_int_equal(f->env.requests, 2);
}

static void an_upload_on_a_dead_connection_is_not_sent_again(void **state)
{
	struct fixture *f = *state;

	f->env.serve = serve_once_then_reset;
	for (int i = 0; i < 2; i++) {
		struct source s = FOREVER;

		again(f);
		s.repeat = 100000 / 16;
		call_upload(&f->call, &s, i == 0 ? 100000 : -1);
		wait_for_end(f);
	}
	assert_int_equal(f->call.fault, FAULT_UPSTREAM_CLOSED);
	turn_a_while(f);
	assert_int_equal(f->env.requests, 2);
}

static void reset_at_second_head(struct peer *p)
{
	if (p->served == 1)
		peer_reset(p);
}

static void a_post_whose_body_has_not_begun_is_not_sent_again_either(void **state)
{
	struct fixture *f = *state;
	struct source s = FOREVER;

	f->env.at_head = reset_at_second_head;
	call_get(&f->call, "/");
	wait_for_end(f);
	again(f);
	s.available = 0;
	call_upload(&f->call, &s, 100000);
	wait_for_end(f);
	assert_int_equal(f->call.fault, FAULT_UPSTREAM_CLOSED);
	turn_a_while(f);
	assert_int_equal(f->env.requests, 1);
	assert_int_equal(s.at, 0);
}

static void a_get_on_a_dead_connection_is_sent_again(void **state)
{
	struct fixture *f = *state;

	f->env.serve = serve_once_then_reset;
	for (int i = 0; i < 2; i++) {
		again(f);
		call_get(&f->call, "/");
		wait_for_end(f);
	}
	assert_int_equal(f->call.fault, FAULT_NONE);
	assert_buf(&f->call.body, "hello");
	assert_int_equal(f->env.requests, 3);
}

static void a_delete_on_a_dead_connection_is_not_sent_again(void **state)
{
	struct fixture *f = *state;
	struct upstream_request rq = { .method = STR("DELETE"), .target = STR("/") };

	f->env.serve = serve_once_then_reset;
	for (int i = 0; i < 2; i++) {
		again(f);
		call_send(&f->call, &rq);
		wait_for_end(f);
	}
	assert_int_equal(f->call.fault, FAULT_UPSTREAM_CLOSED);
	assert_int_equal(f->env.requests, 2);
}

/* --- request bodies -------------------------------------------------------- */

static void a_body_may_come_slowly(void **state)
{
	static const int64_t lengths[] = { 100, 100000, -1 };
	struct fixture *f = *state;

	for (size_t i = 0; i < 3; i++) {
		struct source s = FOREVER;
		size_t total = i == 0 ? 100 : 100000;

		s.repeat = total / 16 + 1;
		s.p = "0123456789abcdef";
		s.available = total / 2;
		call_upload(&f->call, &s, lengths[i]);
		WAIT_FOR(&f->env, s.at == total / 2);
		turn_a_while(f);
		assert_int_equal(f->call.ends, 0);
		s.available = lengths[i] < 0 ? SIZE_MAX : total;
		upstream_body_ready(f->call.op);
		wait_for_end(f);
		assert_int_equal(f->call.fault, FAULT_NONE);
		again(f);
	}
	assert_int_equal(f->env.requests, 3);
	assert_int_equal(f->env.accepted, 1);
}

static void a_body_that_is_given_up_or_too_short_ends_the_request(void **state)
{
	static const struct {
		int64_t length;
		bool aborts;
	} rows[] = {
		{ 32, true },  { 100000, true },  { -1, true },
		{ 32, false }, { 100000, false },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct source s = FOREVER;

		s.repeat = 1;
		s.aborts = rows[i].aborts;
		call_upload(&f->call, &s, rows[i].length);
		wait_for_end(f);
		assert_int_equal(f->call.fault, FAULT_BAD_REQUEST);
		again(f);
	}
	assert_int_equal(f->env.requests, 0);
}

/* --- replies that come early ----------------------------------------------- */

static void reply_at_head(struct peer *p)
{
	serve_script(p);
}

static void a_reply_may_come_before_the_request_has_ended(void **state)
{
	static const char *const scripts[] = {
		"HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\n\r\nhello",
		"HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\nConnection: "
		"close\r\n\r\nhello",
		"HTTP/1.1 401 No\r\nTransfer-Encoding: "
		"chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
		HELLO,
		OK_HEAD "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
		OK_HEAD "Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
			"5\r\nhello\r\n0\r\n\r\n",
	};
	struct fixture *f = *state;

	f->env.serve = NULL;
	f->env.at_head = reply_at_head;
	for (size_t i = 0; i < 3 * sizeof(scripts) / sizeof(*scripts); i++) {
		struct source s = FOREVER;

		/* nothing of the body comes, or half; its length known, or not */
		s.available = i % 3 == 0 ? 0 : 50000;
		f->env.script = scripts[i / 3];
		call_upload(&f->call, &s, i % 3 == 2 ? -1 : 100000);
		wait_for_end(f);
		assert_int_equal(f->call.fault, FAULT_NONE);
		assert_buf(&f->call.body, "hello");
		again(f);
		WAIT_FOR(&f->env, f->env.closed == (int)i + 1);
	}
}

static void an_early_reply_is_handed_on_while_the_request_goes_on(void **state)
{
	struct fixture *f = *state;
	struct source s = FOREVER;

	f->env.serve = NULL;
	f->env.at_head = reply_at_head;
	f->env.script = OK_HEAD "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";
	s.available = 50000;
	call_upload(&f->call, &s, 100000);
	WAIT_FOR(&f->env, f->call.received == 5);
	assert_int_equal(f->call.ends, 0);
	s.available = 100000;
	upstream_body_ready(f->call.op);
	WAIT_FOR(&f->env, f->env.requests == 1);
	peer_send(&f->env.peers[0], "5\r\nworld\r\n0\r\n\r\n");
	wait_for_end(f);
	assert_int_equal(f->call.fault, FAULT_NONE);
	assert_buf(&f->call.body, "helloworld");
}

static void a_body_given_up_after_the_head_came_cuts_the_reply(void **state)
{
	struct fixture *f = *state;
	struct source s = FOREVER;

	f->env.serve = NULL;
	f->env.at_head = reply_at_head;
	f->env.script = OK_HEAD "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";
	s.available = 50000;
	call_upload(&f->call, &s, 100000);
	WAIT_FOR(&f->env, f->call.received == 5);
	s.repeat = s.available / 16;
	s.aborts = true;
	upstream_body_ready(f->call.op);
	wait_for_end(f);
	assert_int_equal(f->call.fault, FAULT_UPSTREAM_CUT);
}

static void close_at_head(struct peer *p)
{
	serve_script_and_close(p);
}

static void an_early_reply_cut_short_is_not_whole(void **state)
{
	static const char *const scripts[] = {
		OK_HEAD "Content-Length: 10\r\n\r\nhello",
		OK_HEAD "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
	};
	struct fixture *f = *state;

	f->env.at_head = close_at_head;
	for (size_t i = 0; i < 2; i++) {
		struct source s = FOREVER;

		s.available = 0;
		f->env.script = scripts[i];
		call_upload(&f->call, &s, 100000);
		wait_for_end(f);
		assert_int_equal(f->call.fault, FAULT_UPSTREAM_CUT);
		assert_buf(&f->call.body, "hello");
		again(f);
	}
}

/* --- pause and resume ------------------------------------------------------ */

/* What the server still holds when nothing moves any more. */
static size_t held_back(struct fixture *f)
{
	struct evbuffer *queued = bufferevent_get_output(f->env.peers[0].bev);
	size_t before;

	do {
		before = evbuffer_get_length(queued);
		turn_a_while(f);
	} while (evbuffer_get_length(queued) != before);
	return before;
}

static void a_paused_reply_waits_at_the_server(void **state)
{
	struct fixture *f = *state;
	size_t pieces;

	f->env.serve = serve_large;
	f->env.script = LARGE_HEAD;
	f->call.pause_always = true;
	f->call.keep_body = false;
	call_get(&f->call, "/");
	WAIT_FOR(&f->env, f->call.paused);
	assert_true(held_back(f) > LARGE / 2);
	assert_true(f->call.received <= 16384);
	for (int i = 0; i < 10; i++) {
		pieces = f->call.pieces;
		call_resume(&f->call);
		WAIT_FOR(&f->env, f->call.pieces > pieces);
		turn_a_while(f);
		assert_int_equal(f->call.pieces, pieces + 1);
	}
	f->call.pause_always = false;
	call_resume(&f->call);
	wait_for_end(f);
	assert_int_equal(f->call.fault, FAULT_NONE);
	assert_int_equal(f->call.received, LARGE);
}

static void every_piece_of_a_chunked_reply_may_be_paused(void **state)
{
	struct fixture *f = *state;
	static const char script[] = OK_HEAD "Transfer-Encoding: chunked\r\n\r\n"
					     "1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\n";

	f->env.script = script;
	f->call.pause_always = true;
	call_get(&f->call, "/");
	while (f->call.ends == 0) {
		WAIT_FOR(&f->env, f->call.paused || f->call.ends == 1);
		turn_a_while(f);
		call_resume(&f->call);
	}
	assert_int_equal(f->call.fault, FAULT_NONE);
	assert_buf(&f->call.body, "abc");
}

static void resume_other(struct call *c)
{
	if (c->other->paused)
		call_resume(c->other);
}

static void one_reply_may_resume_another(void **state)
{
	struct fixture *f = *state;

	f->env.serve = serve_large;
	f->env.script = LARGE_HEAD;
	f->call.at_body = f->call.at_end = resume_other;
	f->call.keep_body = f->other.keep_body = false;
	f->other.pause_always = true;
	call_get(&f->other, "/");
	WAIT_FOR(&f->env, f->other.paused);
	turn_a_while(f);
	call_get(&f->call, "/");
	wait_for_end(f);
	f->other.pause_always = false;
	call_resume(&f->other);
	WAIT_FOR(&f->env, f->other.ends == 1);
	assert_int_equal(f->other.received, LARGE);
	assert_true(f->other.pieces > 100);
}

static void a_paused_upload_and_a_paused_reply_go_on_apart(void **state)
{
	struct fixture *f = *state;
	struct source s = FOREVER;

	f->env.serve = NULL;
	f->env.at_head = serve_large;
	f->env.script = LARGE_HEAD;
	f->call.pause_always = true;
	f->call.keep_body = false;
	s.available = 50000;
	call_upload(&f->call, &s, 100000);
	WAIT_FOR(&f->env, f->call.paused && s.at == 50000);
	turn_a_while(f);
	s.available = 100000;
	upstream_body_ready(f->call.op);
	WAIT_FOR(&f->env, f->env.requests == 1);
	turn_a_while(f);
	assert_true(f->call.received <= 16384);
	f->call.pause_always = false;
	call_resume(&f->call);
	wait_for_end(f);
	assert_int_equal(f->call.fault, FAULT_NONE);
	assert_int_equal(f->call.received, LARGE);
}

static void a_lookup_may_fail_or_be_cancelled_without_waiting(void **state)
{
	struct fixture *f = *state;

	use_url(f, "http://name.invalid:1/", 1000, 0);
	call_get(&f->call, "/");
	turn_a_while(f);
	if (f->call.ends == 0) {
		call_cancel(&f->call);
		again(f);
		call_get(&f->call, "/");
	}
	wait_for_end(f);
	assert_true(f->call.fault == FAULT_UPSTREAM_CONNECT ||
		    f->call.fault == FAULT_UPSTREAM_CONNECT_TIMEOUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_reply_cut_short_is_told_as_such),
		TEST(a_close_before_the_head_ends_is_told_as_such),
		TEST(a_refused_connection_is_told_as_such),
		TEST(a_plain_server_asked_for_tls_is_told_as_no_connection),
		TEST(a_connection_that_takes_too_long_is_told_as_such),
		TEST(no_reply_in_time_is_told_as_such),
		TEST(a_running_reply_has_no_deadline),
		TEST(a_request_that_the_server_stops_taking_has_the_same_deadline),
		TEST(a_request_that_is_still_going_out_has_no_deadline),
		TEST(a_post_on_a_dead_connection_is_not_sent_again),
		TEST(an_upload_on_a_dead_connection_is_not_sent_again),
		TEST(a_post_whose_body_has_not_begun_is_not_sent_again_either),
		TEST(a_get_on_a_dead_connection_is_sent_again),
		TEST(a_delete_on_a_dead_connection_is_not_sent_again),
		TEST(a_body_may_come_slowly),
		TEST(a_body_that_is_given_up_or_too_short_ends_the_request),
		TEST(a_reply_may_come_before_the_request_has_ended),
		TEST(an_early_reply_is_handed_on_while_the_request_goes_on),
		TEST(a_body_given_up_after_the_head_came_cuts_the_reply),
		TEST(an_early_reply_cut_short_is_not_whole),
		TEST(a_paused_reply_waits_at_the_server),
		TEST(every_piece_of_a_chunked_reply_may_be_paused),
		TEST(one_reply_may_resume_another),
		TEST(a_paused_upload_and_a_paused_reply_go_on_apart),
		TEST(a_lookup_may_fail_or_be_cancelled_without_waiting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
