/* test_upstream_curl.c - what goes out through libcurl, and what comes back. */
#include "support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One request, waited for. */
static void get(struct fixture *f, const char *target)
{
	call_get(&f->call, target);
	WAIT_FOR(&f->env, f->call.ends == 1);
}

static void post(struct fixture *f, const char *text)
{
	call_post(&f->call, "/", text);
	WAIT_FOR(&f->env, f->call.ends == 1);
}

/* --- replies --------------------------------------------------------------- */

static void a_plain_reply_comes_whole(void **state)
{
	struct fixture *f = *state;

	get(f, "/");
	assert_int_equal(f->call.fault, FAULT_NONE);
	assert_int_equal(f->call.status, 200);
	assert_int_equal(f->call.length, 5);
	assert_buf(&f->call.reason, "OK");
	assert_buf(&f->call.headers, "Content-Length: 5\n");
	assert_buf(&f->call.body, "hello");
}

static void a_chunked_reply_comes_decoded_and_without_its_trailers(void **state)
{
	struct fixture *f = *state;

	f->env.script =
		OK_HEAD "Transfer-Encoding: chunked\r\nTrailer: X-T\r\nX-A: b\r\n\r\n"
			"3\r\nabc\r\n4;x\r\ndefg\r\n0\r\nX-T: y\r\n\r\n";
	get(f, "/");
	assert_int_equal(f->call.fault, FAULT_NONE);
	assert_int_equal(f->call.length, -1);
	assert_int_equal(f->call.heads, 1);
	assert_buf(&f->call.headers, "X-A: b\n");
	assert_buf(&f->call.body, "abcdefg");
}

static void a_reply_may_end_with_the_connection(void **state)
{
	struct fixture *f = *state;

	f->env.serve = serve_script_and_close;
	f->env.script = OK_HEAD "\r\nuntil close";
	get(f, "/");
	assert_int_equal(f->call.fault, FAULT_NONE);
	assert_int_equal(f->call.length, -1);
	assert_buf(&f->call.body, "until close");
}

static void an_empty_reply_has_a_head_and_an_end(void **state)
{
	static const char *const scripts[] = {
		OK_HEAD "Content-Length: 0\r\n\r\n",
		"HTTP/1.1 204 No Content\r\n\r\n",
		"HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n",
		OK_HEAD "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(scripts) / sizeof(*scripts); i++) {
		f->env.script = scripts[i];
		get(f, "/");
		assert_int_equal(f->call.fault, FAULT_NONE);
		assert_int_equal(f->call.heads, 1);
		assert_int_equal(f->call.received, 0);
		again(f);
	}
	assert_int_equal(f->env.accepted, 1);
}

static void provisional_replies_are_passed_over(void **state)
{
	struct fixture *f = *state;

	f->env.script = "HTTP/1.1 100 Continue\r\n\r\n"
			"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" HELLO;
	get(f, "/");
	assert_int_equal(f->call.fault, FAULT_NONE);
	assert_int_equal(f->call.status, 200);
	assert_buf(&f->call.headers, "Content-Length: 5\n");
	assert_buf(&f->call.body, "hello");
}

static void fields_keep_their_order_spelling_and_repetitions(void **state)
{
	struct fixture *f = *state;

	f->env.script = "HTTP/1.1 429 Too Many Tokens\r\nset-cookie: a=1\r\nX-Empty:\r\n"
			"Set-Cookie: b=2\r\nConnection: X-Hop\r\nX-Hop: 1\r\n"
			"Keep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\n"
			"x-Z:   spaced out \r\ncontent-length: 0\r\n\r\n";
	get(f, "/");
	assert_int_equal(f->call.status, 429);
	assert_buf(&f->call.reason, "Too Many Tokens");
	assert_buf(&f->call.headers, "set-cookie: a=1\nX-Empty: \nSet-Cookie: b=2\n"
				     "x-Z: spaced out\ncontent-length: 0\n");
}

static void a_redirection_is_handed_on_and_not_followed(void **state)
{
	struct fixture *f = *state;

	f->env.script = "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n"
			"Content-Length: 0\r\n\r\n";
	get(f, "/");
	assert_int_equal(f->call.fault, FAULT_NONE);
	assert_int_equal(f->call.status, 302);
	assert_int_equal(f->env.requests, 1);
}

static void a_compressed_reply_is_not_decoded(void **state)
{
	struct fixture *f = *state;

	f->env.script =
		OK_HEAD "Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello";
	get(f, "/");
	assert_int_equal(f->call.fault, FAULT_NONE);
	assert_buf(&f->call.body, "hello");
}

static void heads_that_may_mislead_are_refused(void **state)
{
	static const char *const scripts[] = {
		OK_HEAD
		"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		OK_HEAD "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
		OK_HEAD "Content-Length: 5, 5\r\n\r\nhello",
		OK_HEAD "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
		OK_HEAD "X-A: b\r\n folded\r\nContent-Length: 0\r\n\r\n",
		OK_HEAD "X A: b\r\nContent-Length: 0\r\n\r\n",
		OK_HEAD "X-A: \x01\r\nContent-Length: 0\r\n\r\n",
		OK_HEAD "no colon\r\nContent-Length: 0\r\n\r\n",
		OK_HEAD "X-A: b\nContent-Length: 0\n\n",
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
		"HTTP/2 200 OK\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n",
		"no HTTP at all\r\n\r\n",
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(scripts) / sizeof(*scripts); i++) {
		f->env.script = scripts[i];
		f->env.serve = serve_script_and_close;
		get(f, "/");
		if (f->call.fault != FAULT_UPSTREAM_PROTOCOL || f->call.heads != 0)
			fail_msg("%s: %s", scripts[i], fault_info(f->call.fault)->label);
		assert_true(strlen(f->call.detail) > 0);
		again(f);
	}
}

static void serve_nul(struct peer *p)
{
	static const char reply[] = OK_HEAD "X: a\0b\r\nContent-Length: 0\r\n\r\n";

	peer_send_bytes(p, reply, sizeof(reply) - 1);
}

static void a_nul_in_a_head_is_refused(void **state)
{
	struct fixture *f = *state;

	f->env.serve = serve_nul;
	get(f, "/");
	assert_int_equal(f->call.fault, FAULT_UPSTREAM_PROTOCOL);
}

static void serve_large_head(struct peer *p)
{
	char line[1024];

	peer_send(p, OK_HEAD);
	memset(line, 'x', sizeof(line));
	memcpy(line, "X-A: ", 5);
	memcpy(line + sizeof(line) - 2, "\r\n", 2);
	for (int i = 0; i < 300; i++)
		peer_send_bytes(p, line, sizeof(line));
	peer_send(p, "Content-Length: 0\r\n\r\n");
}

static void serve_large_line(struct peer *p)
{
	char *line = malloc(300000);

	memset(line, 'x', 300000);
	peer_send(p, OK_HEAD "X-A: ");
	peer_send_bytes(p, line, 300000);
	peer_send(p, "\r\nContent-Length: 0\r\n\r\n");
	free(line);
}

static void a_head_of_300_kilobytes_is_refused(void **state)
{
	struct fixture *f = *state;

	f->env.serve = serve_large_head;
	get(f, "/");
	assert_int_equal(f->call.fault, FAULT_UPSTREAM_PROTOCOL);
	again(f);
	f->env.serve = serve_large_line;
	get(f, "/");
	assert_int_equal(f->call.fault, FAULT_UPSTREAM_PROTOCOL);
}

/* --- requests -------------------------------------------------------------- */

static void fields_go_out_as_given(void **state)
{
	static const struct header fields[] = {
		{ { "x-B", 3 }, { "2", 1 } },
		{ { "Host", 4 }, { "named.example:1", 15 } },
		{ { "X-Empty", 7 }, { "", 0 } },
		{ { "X-a", 3 }, { "1", 1 } },
		{ { "x-B", 3 }, { "3; d", 4 } },
		{ { "Content-Length", 14 }, { "77", 2 } },
		{ { "Expect", 6 }, { "100-continue", 12 } },
	};
	struct fixture *f = *state;
	struct upstream_request rq = { .method = STR("GET"),
				       .target = STR("/a/../b//c?d=%20&e"),
				       .headers = { fields, 7 } };

	call_send(&f->call, &rq);
	WAIT_FOR(&f->env, f->call.ends == 1);
	assert_buf(&f->env.last, "GET /a/../b//c?d=%20&e HTTP/1.1\r\n"
				 "Host: named.example:1\r\nx-B: 2\r\nX-Empty:\r\n"
				 "X-a: 1\r\nx-B: 3; d\r\n\r\n");
}

static void a_body_brings_its_framing_and_nothing_else(void **state)
{
	struct fixture *f = *state;
	char want[200];

	post(f, "{\"a\":1}");
	snprintf(want, sizeof(want),
		 "POST / HTTP/1.1\r\nHost: %s\r\nContent-Length: 7\r\n\r\n{\"a\":1}",
		 f->env.url + strlen("http://"));
	assert_buf(&f->env.last, want);
}

static void type_and_accept_are_the_clients(void **state)
{
	static const struct header fields[] = {
		{ { "Host", 4 }, { "h", 1 } },
		{ { "accept", 6 }, { "text/event-stream", 17 } },
		{ { "content-type", 12 }, { "application/json", 16 } },
	};
	struct fixture *f = *state;
	struct source s = { "abc", 3, 0, 3, 1, false, 0 };
	struct upstream_body body = source_body(&s, 3);
	struct upstream_request rq = { .method = STR("PUT"),
				       .target = STR("/"),
				       .headers = { fields, 3 },
				       .body = &body };

	call_send(&f->call, &rq);
	WAIT_FOR(&f->env, f->call.ends == 1);
	assert_buf(&f->env.last,
		   "PUT / HTTP/1.1\r\nHost: h\r\naccept: text/event-stream\r\n"
		   "content-type: application/json\r\nContent-Length: 3\r\n\r\nabc");
}

static void any_method_may_have_a_body_or_none(void **state)
{
	static const char *const methods[] = {
		"GET",      "POST",  "HEAD",
		"DELETE",   "PATCH", "OPTIONS",
		"PROPFIND", "GET",   "a-method-longer-than-most"
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < 9; i++) {
		for (size_t k = 0; k < 4; k++) {
			struct source s = { "abc", k, 0, 3, 1, false, 0 };
			struct upstream_body body = source_body(&s, (int64_t)k);
			struct upstream_request rq = { .method = str_from(methods[i]),
						       .target = STR("/"),
						       .body = k < 3 ? &body : NULL };
			bool head = strcmp(methods[i], "HEAD") == 0;
			char want[32];

			f->env.script =
				head ? OK_HEAD "Content-Length: 5\r\n\r\n" : HELLO;
			call_send(&f->call, &rq);
			WAIT_FOR(&f->env, f->call.ends == 1);
			assert_int_equal(f->call.fault, FAULT_NONE);
			assert_int_equal(f->call.length, 5);
			assert_int_equal(f->call.received, head ? 0 : 5);
			assert_memory_equal(f->env.last.p, methods[i],
					    strlen(methods[i]));
			snprintf(want, sizeof(want), "Content-Length: %zu\r\n", k);
			if ((strstr(f->env.last.p, want) != NULL) != (k < 3 && !head))
				fail_msg("%s", f->env.last.p);
			again(f);
		}
	}
	assert_int_equal(f->env.accepted, 1);
}

static void a_body_of_unknown_length_goes_out_chunked(void **state)
{
	struct fixture *f = *state;
	struct source s = { "abcde", 5, 0, 5, 1, false, 0 };

	call_upload(&f->call, &s, -1);
	WAIT_FOR(&f->env, f->call.ends == 1);
	assert_int_equal(f->call.fault, FAULT_NONE);
	assert_non_null(strstr(f->env.last.p, "Transfer-Encoding: chunked\r\n"));
	assert_null(strstr(f->env.last.p, "Content-Length"));
	assert_null(strstr(f->env.last.p, "Expect"));
	assert_null(strstr(f->env.last.p, "Content-Type"));
	assert_non_null(strstr(f->env.last.p, "\r\n\r\n5\r\nabcde\r\n0\r\n\r\n"));
}

static void a_large_body_is_read_as_it_goes_out(void **state)
{
	struct fixture *f = *state;
	struct source s = { "0123456789abcdef", 16, 0, SIZE_MAX, 1 << 16, false, 0 };

	call_upload(&f->call, &s, 1 << 20);
	WAIT_FOR(&f->env, f->call.ends == 1);
	assert_int_equal(f->call.fault, FAULT_NONE);
	assert_int_equal(s.at, 1 << 20);
	assert_non_null(strstr(f->env.last.p, "Content-Length: 1048576\r\n"));
	assert_null(strstr(f->env.last.p, "Expect"));
	assert_memory_equal(f->env.last.p + f->env.last.len - 16, "0123456789abcdef", 16);
}

static void what_must_not_be_sent_is_refused(void **state)
{
	static const struct header fields[] = {
		{ { "X-A", 3 }, { "a\r\nX-B: c", 9 } }, { { "X-A", 3 }, { "a\0b", 3 } },
		{ { "X A", 3 }, { "a", 1 } },           { { "", 0 }, { "a", 1 } },
		{ { "X-A:", 4 }, { "a", 1 } },
	};
	static const char *const targets[] = {
		"", "a", "/a b", "/a\r\n", "/a#b", "/\x80"
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		struct upstream_request rq = { .method = STR("GET"),
					       .target = STR("/"),
					       .headers = { &fields[i], 1 } };

		call_send(&f->call, &rq);
		WAIT_FOR(&f->env, f->call.ends == 1);
		assert_int_equal(f->call.fault, FAULT_BAD_REQUEST);
		again(f);
	}
	for (size_t i = 0; i < sizeof(targets) / sizeof(*targets); i++) {
		get(f, targets[i]);
		assert_int_equal(f->call.fault, FAULT_BAD_REQUEST);
		again(f);
	}
	assert_int_equal(f->env.accepted, 0);
}

static void star_is_a_target(void **state)
{
	struct fixture *f = *state;
	struct upstream_request rq = { .method = STR("OPTIONS"), .target = STR("*") };

	call_send(&f->call, &rq);
	WAIT_FOR(&f->env, f->call.ends == 1);
	assert_int_equal(f->call.fault, FAULT_NONE);
	assert_memory_equal(f->env.last.p, "OPTIONS * HTTP/1.1\r\n", 20);
}

static void a_path_in_the_url_comes_before_every_target(void **state)
{
	struct upstream_config cfg = plain_config;
	struct fixture f;

	(void)state;
	cfg.url = "/base/path/";
	env_init(&f.env, &cfg);
	f.env.serve = serve_script;
	f.env.script = HELLO;
	call_init(&f.call, &f.env);
	get(&f, "/v1?x");
	assert_memory_equal(f.env.last.p, "GET /base/path/v1?x HTTP/1.1\r\n", 30);
	call_done(&f.call);
	env_done(&f.env);
}

static void urls_that_cannot_be_meant_are_refused(void **state)
{
	static const char *const urls[] = { "",
					    "127.0.0.1",
					    "ftp://a/",
					    "file:///etc/passwd",
					    "http://u:p@a/",
					    "http://a/?q",
					    "http://a/#f",
					    "http://",
					    "gopher://a:70/x",
					    "http://a:99999/" };
	struct event_base *base = event_base_new();
	struct log log = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
		struct upstream_config cfg = plain_config;
		struct upstream *up = NULL;

		cfg.url = urls[i];
		if (upstream_curl_new(base, &cfg, &clock_system, &log, &up) != -EINVAL)
			fail_msg("%s", urls[i]);
		assert_null(up);
	}
	event_base_free(base);
}

/* --- connections ----------------------------------------------------------- */

static void requests_share_a_connection(void **state)
{
	struct fixture *f = *state;
	struct upstream_stats stats;

	for (int i = 0; i < 5; i++) {
		post(f, "x");
		assert_int_equal(f->call.fault, FAULT_NONE);
		again(f);
	}
	upstream_stats(f->env.up, &stats);
	assert_int_equal(f->env.accepted, 1);
	assert_int_equal(stats.requests, 5);
	assert_int_equal(stats.connects, 1);
	assert_int_equal(stats.active, 0);
	assert_int_equal(stats.idle, 1);
}

static void no_more_connections_are_kept_than_allowed(void **state)
{
	struct fixture *f = *state;
	struct call calls[20];
	struct upstream_stats stats;

	for (int i = 0; i < 20; i++) {
		call_init(&calls[i], &f->env);
		call_get(&calls[i], "/");
	}
	upstream_stats(f->env.up, &stats);
	assert_int_equal(stats.active, 20);
	for (int i = 0; i < 20; i++) {
		WAIT_FOR(&f->env, calls[i].ends == 1);
		assert_int_equal(calls[i].fault, FAULT_NONE);
		call_done(&calls[i]);
	}
	upstream_stats(f->env.up, &stats);
	assert_int_equal(stats.idle, 8);
	WAIT_FOR(&f->env, f->env.closed == 12);
	get(f, "/");
	assert_int_equal(f->call.fault, FAULT_NONE);
	assert_int_equal(f->env.accepted, 20);
}

static void a_connection_that_the_server_closes_is_dropped_at_once(void **state)
{
	struct fixture *f = *state;
	struct upstream_stats stats;

	get(f, "/");
	peer_close(&f->env.peers[0]);
	do
		upstream_stats(f->env.up, &stats);
	while (stats.idle > 0 && env_turn(&f->env));
	assert_int_equal(stats.idle, 0);
	again(f);
	post(f, "x");
	assert_int_equal(f->call.fault, FAULT_NONE);
	assert_int_equal(f->env.accepted, 2);
	assert_int_equal(f->env.requests, 2);
}

static void what_comes_unasked_is_not_taken_for_a_reply(void **state)
{
	struct fixture *f = *state;

	get(f, "/");
	again(f);
	peer_send(&f->env.peers[0], "HTTP/1.1 408 Request Timeout\r\n\r\n");
	WAIT_FOR(&f->env, f->env.closed == 1);
	post(f, "x");
	assert_int_equal(f->call.status, 200);
	assert_int_equal(f->env.accepted, 2);
}

static void a_connection_is_closed_when_the_server_asks(void **state)
{
	struct fixture *f = *state;

	f->env.script = OK_HEAD "Connection: close\r\nContent-Length: 2\r\n\r\nhi";
	get(f, "/");
	assert_int_equal(f->call.fault, FAULT_NONE);
	WAIT_FOR(&f->env, f->env.closed == 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_plain_reply_comes_whole),
		TEST(a_chunked_reply_comes_decoded_and_without_its_trailers),
		TEST(a_reply_may_end_with_the_connection),
		TEST(an_empty_reply_has_a_head_and_an_end),
		TEST(provisional_replies_are_passed_over),
		TEST(fields_keep_their_order_spelling_and_repetitions),
		TEST(a_redirection_is_handed_on_and_not_followed),
		TEST(a_compressed_reply_is_not_decoded),
		TEST(heads_that_may_mislead_are_refused),
		TEST(a_nul_in_a_head_is_refused),
		TEST(a_head_of_300_kilobytes_is_refused),
		TEST(fields_go_out_as_given),
		TEST(a_body_brings_its_framing_and_nothing_else),
		TEST(type_and_accept_are_the_clients),
		TEST(any_method_may_have_a_body_or_none),
		TEST(a_body_of_unknown_length_goes_out_chunked),
		TEST(a_large_body_is_read_as_it_goes_out),
		TEST(what_must_not_be_sent_is_refused),
		TEST(star_is_a_target),
		cmocka_unit_test(a_path_in_the_url_comes_before_every_target),
		cmocka_unit_test(urls_that_cannot_be_meant_are_refused),
		TEST(requests_share_a_connection),
		TEST(no_more_connections_are_kept_than_allowed),
		TEST(a_connection_that_the_server_closes_is_dropped_at_once),
		TEST(what_comes_unasked_is_not_taken_for_a_reply),
		TEST(a_connection_is_closed_when_the_server_asks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
