/* test_h1_reply.c - heads of replies. */
#include "net/h1.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct h1_limits limits = { .line = 8192, .head = 32768, .headers = 100 };

struct row {
	const char *text;
	bool to_head;
	bool refused;
	int status;
	const char *reason;
	enum h1_body body;
	uint64_t length;
	bool keep;
};

static const struct row rows[] = {
	{ "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", false, false, 200, "OK",
	  H1_BODY_LENGTH, 5, true },
	{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false, false, 200,
	  "OK", H1_BODY_CHUNKED, 0, true },
	{ "HTTP/1.1 200 OK\r\n\r\n", false, false, 200, "OK", H1_BODY_UNTIL_CLOSE, 0,
	  false },
	{ "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", false, false, 200, "OK",
	  H1_BODY_LENGTH, 5, false },
	{ "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\n", false,
	  false, 200, "OK", H1_BODY_LENGTH, 5, true },
	{ "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\n", false,
	  false, 200, "OK", H1_BODY_LENGTH, 5, false },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", true, false, 200, "OK",
	  H1_BODY_NONE, 5, true },
	{ "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", false, false, 304,
	  "Not Modified", H1_BODY_NONE, 5, true },
	{ "HTTP/1.1 204 No Content\r\n\r\n", false, false, 204, "No Content",
	  H1_BODY_NONE, 0, true },
	{ "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", false, false,
	  204, "No Content", H1_BODY_NONE, 0, false },
	{ "HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\n", false, false, 204,
	  "No Content", H1_BODY_NONE, 3, false },
	{ "HTTP/1.1 100 Continue\r\n\r\n", false, false, 100, "Continue", H1_BODY_NONE, 0,
	  true },
	{ "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", false, false, 200, "",
	  H1_BODY_LENGTH, 0, true },
	{ "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", false, false, 200, "",
	  H1_BODY_LENGTH, 0, true },
	{ "HTTP/1.1 999 d\xc3\xa9j\xc3\xa0\tvu\r\nContent-Length: 0\r\n\r\n", false,
	  false, 999, "d\xc3\xa9j\xc3\xa0\tvu", H1_BODY_LENGTH, 0, true },
	{ .text = "HTTP/1.1 099 X\r\n\r\n", .refused = true },
	{ .text = "HTTP/1.1 20 X\r\n\r\n", .refused = true },
	{ .text = "HTTP/1.1 2000 X\r\n\r\n", .refused = true },
	{ .text = "HTTP/1.1 2x0 X\r\n\r\n", .refused = true },
	{ .text = "HTTP/1.1  200 X\r\n\r\n", .refused = true },
	{ .text = "HTTP/1.1 200 a\x01\r\n\r\n", .refused = true },
	{ .text = "HTTP/1.1 200 a\rb\r\n\r\n", .refused = true },
	{ .text = "HTTP/2 200 OK\r\n\r\n", .refused = true },
	{ .text = "HTTP/2.0 200 OK\r\n\r\n", .refused = true },
	{ .text = "ICY 200 OK\r\n\r\n", .refused = true },
	{ .text = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
	  .refused = true },
	{ .text = "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n", .refused = true },
	{ .text = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: "
		  "chunked\r\n\r\n",
	  .refused = true },
	{ .text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
	  .refused = true },
	{ .text = "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
	  .refused = true },
	{ .text = "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n", .refused = true },
	{ .text = "HTTP/1.1 200 OK\r\nX : a\r\n\r\n", .refused = true },
	{ .text = "HTTP/1.1 200 OK\r\nX\r\n\r\n", .refused = true },
	{ .text = "HTTP/1.1 200 OK\r\n", .refused = true },
	{ .text = "", .refused = true },
};

static void check(const struct row *r)
{
	struct h1_head h;
	const char *why = "";
	enum fault f =
		h1_parse_reply(r->text, strlen(r->text), &limits, r->to_head, &h, &why);

	if (f != (r->refused ? FAULT_UPSTREAM_PROTOCOL : FAULT_NONE))
		fail_msg("%s: fault %d, %s", r->text, (int)f, why);
	if (f)
		return;
	if (h.status != r->status || h.body != r->body || h.keep_alive != r->keep ||
	    h.length != r->length)
		fail_msg("%s: %d, body %d, keep %d", r->text, h.status, (int)h.body,
			 h.keep_alive);
	assert_int_equal(h.reason.len, strlen(r->reason));
	assert_memory_equal(h.reason.p, r->reason, h.reason.len);
}

static void every_reply_gets_its_verdict(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		check(&rows[i]);
}

static void a_replys_length_is_handed_on_and_its_hop_by_hop_fields_are_not(void **state)
{
	static const char text[] =
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Named: 1\r\n"
		"Connection: x-named\r\nKeep-Alive: timeout=5\r\n"
		"Host: odd\r\nExpect: nothing\r\n\r\n";
	static const bool hop[] = { false, true, true, true, false, false };
	struct h1_head h;
	const char *why;

	(void)state;
	assert_int_equal(h1_parse_reply(text, sizeof(text) - 1, &limits, false, &h, &why),
			 FAULT_NONE);
	assert_int_equal(h.n_headers, 6);
	assert_memory_equal(h.hop, hop, sizeof(hop));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_reply_gets_its_verdict),
		cmocka_unit_test(
			a_replys_length_is_handed_on_and_its_hop_by_hop_fields_are_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
