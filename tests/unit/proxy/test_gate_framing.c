/*
 * test_gate_framing.c - what a client may send, and what is refused: hostile and
 * unusual requests through the gate as they come, and byte by byte.
 *
 * Where servers and proxies are known to disagree, the verdict here is
 * nginx's, or a stricter one.
 */
#include "gate_fixture.h"

#include <stdio.h>
#include <string.h>

struct row {
	const char *name;
	struct str bytes;
	int status; /* 200: taken, and the connection goes on; 0: taken, and it ends */
};

#define BYTES(literal)                       \
	{                                    \
		literal, sizeof(literal) - 1 \
	}
#define POST(fields, body) BYTES("POST /echo HTTP/1.1\r\nHost: h\r\n" fields "\r\n" body)
#define GET(fields)        BYTES("GET /echo HTTP/1.1\r\nHost: h\r\n" fields "\r\n")
#define LINE(line)         BYTES(line "\r\nHost: h\r\n\r\n")
#define CHUNKED            "Transfer-Encoding: chunked\r\n"
#define THREE              "Content-Length: 3\r\n"

static const struct row rows[] = {
	/* lengths */
	{ "two lengths that agree", POST(THREE THREE, "abc"), 400 },
	{ "two lengths that differ", POST(THREE "Content-Length: 5\r\n", "abcde"), 400 },
	{ "a list of lengths", POST("Content-Length: 3, 3\r\n", "abc"), 400 },
	{ "a length with a plus", POST("Content-Length: +3\r\n", "abc"), 400 },
	{ "a length of minus nought", POST("Content-Length: -0\r\n", ""), 400 },
	{ "a negative length", POST("Content-Length: -3\r\n", "abc"), 400 },
	{ "a length in hexadecimal", POST("Content-Length: 0x3\r\n", "abc"), 400 },
	{ "a length that is no number", POST("Content-Length: abc\r\n", "abc"), 400 },
	{ "an empty length", POST("Content-Length:\r\n", ""), 400 },
	{ "a length of two words", POST("Content-Length: 3 3\r\n", "abc"), 400 },
	{ "a length of 2^63", POST("Content-Length: 9223372036854775808\r\n", ""), 400 },
	{ "a length of 2^64 + 3", POST("Content-Length: 18446744073709551619\r\n", "abc"),
	  400 },
	{ "a length with a NUL", POST("Content-Length: 3\0\r\n", "abc"), 400 },
	{ "a length with leading noughts", POST("Content-Length: 003\r\n", "abc"), 200 },
	{ "a length behind a tab", POST("Content-Length:\t3\r\n", "abc"), 200 },
	{ "a length of nought", POST("Content-Length: 0\r\n", ""), 200 },
	{ "a length in odd spelling", POST("cOnTeNt-LeNgTh: 3\r\n", "abc"), 200 },
	{ "a body with a GET", BYTES("GET /echo HTTP/1.1\r\nHost: h\r\n" THREE "\r\nabc"),
	  200 },
	{ "a body with a HEAD",
	  BYTES("HEAD /echo HTTP/1.1\r\nHost: h\r\n" THREE "\r\nabc"), 200 },
	{ "a body with a DELETE",
	  BYTES("DELETE /echo HTTP/1.1\r\nHost: h\r\n" THREE "\r\nabc"), 200 },
	/* codings */
	{ "length and chunked", POST(THREE CHUNKED, "3\r\nabc\r\n0\r\n\r\n"), 400 },
	{ "chunked and length", POST(CHUNKED THREE, "3\r\nabc\r\n0\r\n\r\n"), 400 },
	{ "gzip", POST("Transfer-Encoding: gzip\r\n", ""), 501 },
	{ "identity", POST("Transfer-Encoding: identity\r\n", ""), 501 },
	{ "xchunked", POST("Transfer-Encoding: xchunked\r\n", ""), 501 },
	{ "chunked behind a vertical tab", POST("Transfer-Encoding: \vchunked\r\n", ""),
	  400 },
	{ "gzip, chunked", POST("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"),
	  501 },
	{ "chunked with a parameter",
	  POST("Transfer-Encoding: chunked;q=1\r\n", "0\r\n\r\n"), 501 },
	{ "chunked and a word", POST("Transfer-Encoding: chunked x\r\n", "0\r\n\r\n"),
	  501 },
	{ "chunked, chunked",
	  POST("Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n"), 501 },
	{ "two codings", POST("Transfer-Encoding: identity\r\n" CHUNKED, "0\r\n\r\n"),
	  501 },
	{ "chunked twice", POST(CHUNKED CHUNKED, "0\r\n\r\n"), 400 },
	{ "an empty coding", POST("Transfer-Encoding:\r\n", ""), 501 },
	{ "chunked in HTTP/1.0",
	  BYTES("POST /echo HTTP/1.0\r\nHost: h\r\n" CHUNKED "\r\n0\r\n\r\n"), 400 },
	{ "chunked in odd spelling", POST("transfer-encoding: CHUNKED\r\n", "0\r\n\r\n"),
	  200 },
	/* fields */
	{ "a blank before the coding's colon",
	  POST("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"), 400 },
	{ "a blank before the length's colon", POST("Content-Length : 3\r\n", "abc"),
	  400 },
	{ "a blank in a name", GET("X A: b\r\n"), 400 },
	{ "no name", GET(": v\r\n"), 400 },
	{ "a name of other characters", GET("X(\"): v\r\n"), 400 },
	{ "a control character in a name", GET("X\x01: v\r\n"), 400 },
	{ "a byte over 127 in a name", GET("X\x80: v\r\n"), 400 },
	{ "no colon", GET("nonsense\r\n"), 400 },
	{ "a NUL in a value", GET("X: a\0b\r\n"), 400 },
	{ "a control character in a value",
	  GET("X: a\x01"
	      "b\r\n"),
	  400 },
	{ "a DEL in a value",
	  GET("X: a\x7f"
	      "b\r\n"),
	  400 },
	{ "a line that begins with NUL", GET("\0X: a\r\n"), 400 },
	{ "a folded field", GET("X: a\r\n b\r\n"), 400 },
	{ "a folded coding", POST("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n"),
	  400 },
	{ "a folded length", POST("Content-Length:\r\n 3\r\n", "abc"), 400 },
	{ "a first line that is folded",
	  BYTES("GET /echo HTTP/1.1\r\n X: a\r\nHost: h\r\n\r\n"), 400 },
	{ "bare LF", BYTES("GET /echo HTTP/1.1\nHost: h\n\n"), 400 },
	{ "one bare LF", GET("X: a\n"), 400 },
	{ "a bare CR in a value", GET("X: a\rb\r\n"), 400 },
	{ "a bare CR before the end", GET("X: a\r\r\n"), 400 },
	{ "a byte over 127 in a value", GET("X: \xc3\xa4\r\n"), 200 },
	{ "a value of blanks", GET("X:  \t \r\n"), 200 },
	{ "an empty value", GET("X:\r\n"), 200 },
	{ "an underscore in a name", GET("x_sm_user_id: a\r\n"), 200 },
	{ "Connection names a field",
	  GET("Connection: x-sm-user-id\r\nx-sm-user-id: a\r\n"), 200 },
	{ "Connection: foo, close", GET("Connection: foo, close\r\n"), 0 },
	{ "Connection: keep-alive, close", GET("Connection: keep-alive, close\r\n"), 0 },
	/* Host */
	{ "no Host", BYTES("GET /echo HTTP/1.1\r\n\r\n"), 400 },
	{ "two Hosts", GET("Host: h\r\n"), 400 },
	{ "a Host with blanks and a path",
	  BYTES("GET /echo HTTP/1.1\r\nHost: a b/c\r\n\r\n"), 400 },
	{ "a Host with user information",
	  BYTES("GET /echo HTTP/1.1\r\nHost: a@b\r\n\r\n"), 400 },
	{ "a Host with a port", BYTES("GET /echo HTTP/1.1\r\nHost: h:8764\r\n\r\n"),
	  200 },
	{ "a Host that is an IPv6 address",
	  BYTES("GET /echo HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"), 200 },
	{ "HTTP/1.0 without a Host", BYTES("GET /echo HTTP/1.0\r\n\r\n"), 0 },
	/* the request line */
	{ "a blank in the target", LINE("GET /a b HTTP/1.1"), 400 },
	{ "no slash", LINE("GET echo HTTP/1.1"), 400 },
	{ "two blanks before the target", LINE("GET  /echo HTTP/1.1"), 400 },
	{ "two blanks behind the target", LINE("GET /echo  HTTP/1.1"), 400 },
	{ "a blank at the end", LINE("GET /echo HTTP/1.1 "), 400 },
	{ "a tab for a blank", LINE("GET\t/echo HTTP/1.1"), 400 },
	{ "a blank at the beginning", LINE(" GET /echo HTTP/1.1"), 400 },
	{ "a fragment", LINE("GET /echo#a HTTP/1.1"), 400 },
	{ "a byte over 127 in the target", LINE("GET /\x80 HTTP/1.1"), 400 },
	{ "a NUL in the target", LINE("GET /a\0b HTTP/1.1"), 400 },
	{ "an escaped NUL", LINE("GET /a%00b HTTP/1.1"), 400 },
	{ "an asterisk without OPTIONS", LINE("GET * HTTP/1.1"), 400 },
	{ "another scheme", LINE("GET ftp://h/echo HTTP/1.1"), 400 },
	{ "HTTP/0.9", BYTES("GET /echo\r\n\r\n"), 400 },
	{ "HTTP/1.2", LINE("GET /echo HTTP/1.2"), 505 },
	{ "HTTP/2.0", LINE("GET /echo HTTP/2.0"), 505 },
	{ "the preface of HTTP/2", BYTES("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505 },
	{ "HTTP/1.-1", LINE("GET /echo HTTP/1.-1"), 400 },
	{ "HTTP/-1.1", LINE("GET /echo HTTP/-1.1"), 400 },
	{ "HTTP/+1.+1", LINE("GET /echo HTTP/+1.+1"), 400 },
	{ "HTTP/1.99999999999", LINE("GET /echo HTTP/1.99999999999"), 505 },
	{ "http/1.1", LINE("GET /echo http/1.1"), 400 },
	{ "TRACE", LINE("TRACE /echo HTTP/1.1"), 501 },
	{ "CONNECT", LINE("CONNECT h:443 HTTP/1.1"), 501 },
	{ "no method", LINE("/echo HTTP/1.1"), 400 },
	{ "the hello of TLS",
	  BYTES("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"), 400 },
	{ "dot segments", LINE("GET /a/../echo HTTP/1.1"), 200 },
	{ "two slashes", LINE("GET //user@evil/x HTTP/1.1"), 200 },
	{ "an absolute target", LINE("GET http://other:99/echo HTTP/1.1"), 200 },
	{ "OPTIONS *", LINE("OPTIONS * HTTP/1.1"), 200 },
	{ "an unknown method", LINE("PROPFIND /echo HTTP/1.1"), 200 },
	{ "blank lines before", BYTES("\r\n\r\nGET /echo HTTP/1.1\r\nHost: h\r\n\r\n"),
	  200 },
	/* chunks */
	{ "a chunk size with a plus", POST(CHUNKED, "+3\r\nabc\r\n0\r\n\r\n"), 400 },
	{ "a chunk size with 0x", POST(CHUNKED, "0x3\r\nabc\r\n0\r\n\r\n"), 400 },
	{ "a chunk size behind a blank", POST(CHUNKED, " 3\r\nabc\r\n0\r\n\r\n"), 400 },
	{ "a chunk size and a word", POST(CHUNKED, "3 xyz\r\nabc\r\n0\r\n\r\n"), 400 },
	{ "no chunk size", POST(CHUNKED, "\r\nabc\r\n0\r\n\r\n"), 400 },
	{ "a chunk size of 2^64 + 3",
	  POST(CHUNKED, "10000000000000003\r\nabc\r\n0\r\n\r\n"), 400 },
	{ "no line end behind a chunk", POST(CHUNKED, "3\r\nabc0\r\n\r\n"), 400 },
	{ "a stray line end behind a chunk", POST(CHUNKED, "3\r\nabc\r\n\r\n0\r\n\r\n"),
	  400 },
	{ "chunks with bare LF", POST(CHUNKED, "3\nabc\n0\n\n"), 400 },
	{ "a bare CR in an extension", POST(CHUNKED, "3;a\rb\r\nabc\r\n0\r\n\r\n"), 400 },
	{ "a NUL in an extension", POST(CHUNKED, "3;a\0\r\nabc\r\n0\r\n\r\n"), 400 },
	{ "a trailer without a colon", POST(CHUNKED, "3\r\nabc\r\n0\r\nX\r\n\r\n"), 400 },
	{ "a folded trailer", POST(CHUNKED, "3\r\nabc\r\n0\r\nX: a\r\n b\r\n\r\n"), 400 },
	{ "an extension", POST(CHUNKED, "3;a=b\r\nabc\r\n0\r\n\r\n"), 200 },
	{ "trailers", POST(CHUNKED, "3\r\nabc\r\n0\r\nContent-Length: 9\r\nX: y\r\n\r\n"),
	  200 },
	{ "sizes with noughts and letters",
	  POST(CHUNKED, "003\r\nabc\r\nA\r\n0123456789\r\n00\r\n\r\n"), 200 },
	/* other */
	{ "Expect: foo", POST(THREE "Expect: foo\r\n", "abc"), 417 },
	{ "a WebSocket with a body",
	  GET("Connection: Upgrade\r\nUpgrade: websocket\r\n" THREE), 400 },
	{ "an Upgrade to HTTP/2", GET("Connection: Upgrade\r\nUpgrade: h2c\r\n"), 200 },
};

/* --- one row --- */

static int status_of(const struct client *c)
{
	int status = 0;

	sscanf(buf_str(&c->in).p, "HTTP/1.1 %d ", &status);
	return status;
}

static void expect_refusal(struct client *c, const struct row *row)
{
	client_expect_end(c);
	if (status_of(c) != row->status || client_count(c, "HTTP/1.1 ") != 1)
		fail_msg("%s: %s", row->name, buf_str(&c->in).p);
	assert_false(c->reset);
	assert_true(client_has(c, "Connection: close\r\n"));
	assert_true(client_has(c, "{\"error\":{\"message\":\"") ||
		    client_has(c, "fault"));
}

/* What comes behind it is still understood. */
static void expect_acceptance(struct client *c, const struct row *row)
{
	client_say(c, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nnext");
	if (row->status == 0)
		client_expect_end(c);
	else
		client_expect(c, "\r\n\r\nnext");
	if (status_of(c) != 200 ||
	    client_count(c, "HTTP/1.1 200 OK\r\n") != (row->status ? 2 : 1))
		fail_msg("%s: %s", row->name, buf_str(&c->in).p);
}

static void give(struct client *c, struct str bytes, size_t piece)
{
	for (size_t at = 0; at < bytes.len; at += piece) {
		struct str s = str_slice(bytes, at, at + piece);

		/* It may have been refused already. */
		client_push(c, s.p, s.len);
	}
}

static void try_row(struct fixture *f, const struct row *row, size_t piece)
{
	struct client c;

	client_open(&c, f);
	give(&c, row->bytes, piece);
	if (row->status >= 400)
		expect_refusal(&c, row);
	else
		expect_acceptance(&c, row);
	client_close(&c);
	assert_int_equal(fixture_stats(f).open, 0);
}

static void try_rows(struct fixture *f, size_t piece)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		try_row(f, &rows[i], piece);
}

static void every_row_gets_its_verdict(void **state)
{
	try_rows(*state, SIZE_MAX / 2);
}

static void and_the_same_byte_by_byte(void **state)
{
	try_rows(*state, 1);
}

static void the_unread_rest_of_what_is_refused_does_not_hide_the_reply(void **state)
{
	struct fixture *f = *state;
	struct client c;
	char *flood = test_malloc(1 << 20);

	memset(flood, 'x', 1 << 20);
	client_open(&c, f);
	client_say(&c,
		   "POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n");
	client_send(&c, flood, 1 << 20);
	client_expect_end(&c);
	assert_false(c.reset);
	assert_int_equal(client_count(&c, "HTTP/1.1 400 Bad Request\r\n"), 1);
	assert_true(client_has(&c, "Date: Sun, 06 Nov 1994 08:49:38 GMT\r\n"));
	assert_true(client_has(&c,
			       "{\"error\":{\"message\":\"more than one Content-Length "
			       "field\",\"type\":\"invalid_request_error\",\"param\":"
			       "null,\"code\":\"bad_request\"}}"));
	client_close(&c);
	test_free(flood);
}

static void nor_does_a_flood_that_was_not_read_yet(void **state)
{
	struct fixture *f = *state;
	struct client c;
	char *flood = test_malloc(100000);

	memset(flood, 'x', 100000);
	client_open(&c, f);
	client_say(&c, "GET /hold HTTP/1.1\r\nHost: h\r\n\r\nnonsense\r\n\r\n");
	client_send(&c, flood, 100000);
	conn_answer(f->served.conn, 200, (struct headers){ NULL, 0 }, STR("a/b"),
		    STR(""));
	for (int i = 0; i < 160; i++) /* more than the kernel's buffers take */
		client_send(&c, flood, 100000);
	client_expect_end(&c);
	assert_false(c.reset);
	assert_int_equal(client_count(&c, "HTTP/1.1 200 OK\r\n"), 1);
	assert_int_equal(client_count(&c, "HTTP/1.1 400 Bad Request\r\n"), 1);
	client_close(&c);
	test_free(flood);
}

/* --- limits --- */

static void refuse_long(void **state, const char *before, char fill, size_t n, int status)
{
	struct client c;
	struct buf b;

	buf_init(&b, 1 << 20);
	buf_add_str(&b, str_from(before));
	for (size_t i = 0; i < n; i++)
		buf_add_char(&b, fill);
	client_open(&c, *state);
	client_push(&c, b.p, b.len);
	client_expect_end(&c);
	assert_int_equal(status_of(&c), status);
	assert_int_equal(client_count(&c, "HTTP/1.1 "), 1);
	client_close(&c);
	buf_done(&b);
}

static void a_long_request_line_is_414(void **state)
{
	refuse_long(state, "GET /", 'a', 2048, 414);
}

static void a_large_head_is_431(void **state)
{
	refuse_long(state, "GET / HTTP/1.1\r\nHost: h\r\nX: ", 'a', 8192, 431);
}

static void many_fields_are_431(void **state)
{
	struct client c;
	struct buf b;

	buf_init(&b, 1 << 20);
	buf_add_str(&b, STR("GET / HTTP/1.1\r\nHost: h\r\n"));
	for (int i = 0; i < 100; i++)
		buf_add_str(&b, STR("a: b\r\n"));
	buf_add_str(&b, STR("\r\n"));
	client_open(&c, *state);
	client_send(&c, b.p, b.len);
	client_expect_end(&c);
	assert_int_equal(status_of(&c), 431);
	client_close(&c);
	buf_done(&b);
}

/* --- pieces --- */

static void any_pieces_make_the_same_requests(void **state)
{
	static const char wire[] =
		"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nfirst"
		"POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
		"2;x=y\r\nse\r\n4\r\ncond\r\n0\r\nT: t\r\n\r\n"
		"HEAD /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhh"
		"GET / HTTP/1.1\r\nHost: h\r\n\r\n";
	struct fixture *f = *state;

	for (size_t piece = 1; piece < sizeof(wire); piece++) {
		struct client c;

		client_open(&c, f);
		give(&c, (struct str){ wire, sizeof(wire) - 1 }, piece);
		client_expect(&c, "\r\n\r\nok");
		assert_int_equal(client_count(&c, "HTTP/1.1 200 OK"), 4);
		assert_true(client_has(&c, "\r\n\r\nfirstHTTP/1.1"));
		assert_true(client_has(&c, "\r\n\r\nsecondHTTP/1.1"));
		client_close(&c);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, gate_setup, gate_teardown)
	const struct CMUnitTest tests[] = {
		TEST(every_row_gets_its_verdict),
		TEST(and_the_same_byte_by_byte),
		TEST(the_unread_rest_of_what_is_refused_does_not_hide_the_reply),
		TEST(nor_does_a_flood_that_was_not_read_yet),
		TEST(a_long_request_line_is_414),
		TEST(a_large_head_is_431),
		TEST(many_fields_are_431),
		TEST(any_pieces_make_the_same_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
