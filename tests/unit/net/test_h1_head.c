/* test_h1_head.c - what a head says of a request once it is taken. */
#include "net/h1.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct h1_limits limits = { .line = 8192, .head = 32768, .headers = 100 };

static void parse(const char *text, struct h1_head *head)
{
	const char *why = "";

	if (h1_parse_request(text, strlen(text), &limits, head, &why))
		fail_msg("%s: %s", text, why);
}

static void assert_str(struct str s, const char *want)
{
	if (!want) {
		assert_null(s.p);
		return;
	}
	assert_int_equal(s.len, strlen(want));
	assert_memory_equal(s.p, want, s.len);
}

static void a_head_is_taken_apart(void **state)
{
	struct h1_head h;

	(void)state;
	parse("POST /v1/a?b=c HTTP/1.1\r\nHost: h:1\r\nX-A:  one two \t\r\nx-a:\r\n"
	      "Content-Length: 12\r\n\r\n",
	      &h);
	assert_str(h.method, "POST");
	assert_str(h.target, "/v1/a?b=c");
	assert_str(h.authority, "h:1");
	assert_int_equal(h.minor, 1);
	assert_true(h.keep_alive);
	assert_false(h.expect_continue);
	assert_false(h.upgrade);
	assert_int_equal(h.n_headers, 4);
	assert_str(h.headers[1].name, "X-A");
	assert_str(h.headers[1].value, "one two");
	assert_str(h.headers[2].name, "x-a");
	assert_str(h.headers[2].value, "");
	assert_true(h.hop[0]);
	assert_false(h.hop[1]);
	assert_false(h.hop[2]);
	assert_true(h.hop[3]);
}

static void an_absolute_form_names_the_host(void **state)
{
	static const struct {
		const char *line, *target, *authority;
	} rows[] = {
		{ "GET http://b:99/a?q HTTP/1.1", "/a?q", "b:99" },
		{ "GET HTTPS://[::1]/ HTTP/1.1", "/", "[::1]" },
		{ "GET http://b HTTP/1.1", "/", "b" },
		{ "OPTIONS http://b HTTP/1.1", "*", "b" },
		{ "OPTIONS http://b/ HTTP/1.1", "/", "b" },
		{ "GET /http://b/ HTTP/1.1", "/http://b/", "host" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct h1_head h;
		char text[200];

		snprintf(text, sizeof(text), "%s\r\nHost: host\r\n\r\n", rows[i].line);
		parse(text, &h);
		assert_str(h.target, rows[i].target);
		assert_str(h.authority, rows[i].authority);
	}
}

static void connections_are_kept_as_the_version_and_the_options_say(void **state)
{
	static const struct {
		const char *text;
		bool keep;
	} rows[] = {
		{ "GET / HTTP/1.1\r\nHost: a\r\n\r\n", true },
		{ "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false },
		{ "GET / HTTP/1.1\r\nHost: a\r\nConnection: foo, Close\r\n\r\n", false },
		{ "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n"
		  "Connection: ,close ,\r\n\r\n",
		  false },
		{ "GET / HTTP/1.1\r\nHost: a\r\nConnection: closed\r\n\r\n", true },
		{ "GET / HTTP/1.0\r\n\r\n", false },
		{ "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true },
		{ "GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct h1_head h;

		parse(rows[i].text, &h);
		if (h.keep_alive != rows[i].keep)
			fail_msg("%s", rows[i].text);
	}
}

static void what_ends_here_is_marked(void **state)
{
	static const char *const hop[] = {
		"Connection",
		"Keep-Alive",
		"Proxy-Connection",
		"TE",
		"Trailer",
		"Upgrade",
		"X-Named",
		"x-also-named",
		"Host",
		"Proxy-Authorization",
		"Proxy-Authenticate",
		"Expect",
	};
	struct h1_head h;

	(void)state;
	parse("POST / HTTP/1.1\r\nHost: a\r\nX-Named: 1\r\nConnection: x-named, "
	      "X-Also-Named\r\nKeep-Alive: timeout=5\r\nProxy-Connection: a\r\nTE: "
	      "gzip\r\n"
	      "Trailer: x\r\nUpgrade: h2c\r\nx-also-named: 2\r\nX-Kept: 3\r\n"
	      "Proxy-Authorization: a\r\nProxy-Authenticate: b\r\nExpect: "
	      "100-continue\r\n"
	      "Authorization: Bearer k\r\n\r\n",
	      &h);
	assert_true(h.expect_continue);
	assert_int_equal(h.n_headers, 14);
	for (size_t i = 0; i < h.n_headers; i++) {
		bool found = false;

		for (size_t k = 0; k < sizeof(hop) / sizeof(*hop); k++)
			found |= str_ieq(h.headers[i].name, str_from(hop[k]));
		if (h.hop[i] != found)
			fail_msg("%.*s", STR_ARG(h.headers[i].name));
	}
}

static void only_a_websocket_is_an_upgrade(void **state)
{
	static const struct {
		const char *fields;
		bool upgrade;
	} rows[] = {
		{ "Connection: Upgrade\r\nUpgrade: WebSocket\r\n", true },
		{ "Upgrade: foo, websocket\r\nConnection: keep-alive, upgrade\r\n",
		  true },
		{ "Upgrade: websocket\r\n", false },
		{ "Connection: Upgrade\r\n", false },
		{ "Connection: Upgrade\r\nUpgrade: h2c\r\n", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct h1_head h;
		char text[200];

		snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n",
			 rows[i].fields);
		parse(text, &h);
		if (h.upgrade != rows[i].upgrade)
			fail_msg("%s", rows[i].fields);
	}
}

static void an_http_1_0_client_is_never_told_to_continue(void **state)
{
	struct h1_head h;

	(void)state;
	parse("POST / HTTP/1.0\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n", &h);
	assert_false(h.expect_continue);
	assert_null(h.authority.p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_head_is_taken_apart),
		cmocka_unit_test(an_absolute_form_names_the_host),
		cmocka_unit_test(connections_are_kept_as_the_version_and_the_options_say),
		cmocka_unit_test(what_ends_here_is_marked),
		cmocka_unit_test(only_a_websocket_is_an_upgrade),
		cmocka_unit_test(an_http_1_0_client_is_never_told_to_continue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
