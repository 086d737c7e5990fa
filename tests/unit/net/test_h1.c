/* test_h1.c - heads of requests: where they end, which are taken, which refused. */
#include "net/h1.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct h1_limits limits = { .line = 8192, .head = 32768, .headers = 100 };

/* One request as bytes on the wire, and the verdict on it. */
struct probe {
	const char *name;
	const char *bytes;
	size_t n;
	enum fault fault;
	enum h1_body body;
	uint64_t length;
};

#define PROBE(name, bytes, ...)                                \
	{                                                      \
		name, "" bytes, sizeof(bytes) - 1, __VA_ARGS__ \
	}
#define H      " HTTP/1.1\r\nHost: a\r\n"
#define E      "\r\n"
#define OK     FAULT_NONE, H1_BODY_NONE, 0
#define LEN(n) FAULT_NONE, H1_BODY_LENGTH, n
#define CHUNKS FAULT_NONE, H1_BODY_CHUNKED, 0
#define BAD    FAULT_BAD_REQUEST, 0, 0
#define R501   FAULT_NOT_IMPLEMENTED, 0, 0
#define R505   FAULT_HTTP_VERSION, 0, 0
#define R417   FAULT_EXPECTATION, 0, 0

static const struct probe probes[] = {
	PROBE("plain GET", "GET /a" H E, OK),
	PROBE("POST with a body behind it", "POST /a" H "Content-Length: 3\r\n" E "abc",
	      LEN(3)),
	PROBE("pipelined", "GET /a" H E "GET /b" H E, OK),

	/* Content-Length */
	PROBE("Content-Length twice, same",
	      "POST /" H "Content-Length: 3\r\nContent-Length: 3\r\n" E "abc", BAD),
	PROBE("Content-Length twice, different",
	      "POST /" H "Content-Length: 3\r\nContent-Length: 5\r\n" E "abcde", BAD),
	PROBE("Content-Length list, same", "POST /" H "Content-Length: 3, 3\r\n" E "abc",
	      BAD),
	PROBE("Content-Length list, different",
	      "POST /" H "Content-Length: 3,5\r\n" E "abc", BAD),
	PROBE("Content-Length +3", "POST /" H "Content-Length: +3\r\n" E "abc", BAD),
	PROBE("Content-Length -0", "POST /" H "Content-Length: -0\r\n" E, BAD),
	PROBE("Content-Length -1", "POST /" H "Content-Length: -1\r\n" E, BAD),
	PROBE("Content-Length 003", "POST /" H "Content-Length: 003\r\n" E "abc", LEN(3)),
	PROBE("Content-Length 0", "POST /" H "Content-Length: 0\r\n" E, LEN(0)),
	PROBE("Content-Length 0x3", "POST /" H "Content-Length: 0x3\r\n" E "abc", BAD),
	PROBE("Content-Length abc", "POST /" H "Content-Length: abc\r\n" E, BAD),
	PROBE("Content-Length empty", "POST /" H "Content-Length:\r\n" E, BAD),
	PROBE("Content-Length 3 3", "POST /" H "Content-Length: 3 3\r\n" E "abc", BAD),
	PROBE("Content-Length 3.0", "POST /" H "Content-Length: 3.0\r\n" E "abc", BAD),
	PROBE("Content-Length 2^63",
	      "POST /" H "Content-Length: 9223372036854775808\r\n" E, BAD),
	PROBE("Content-Length 2^64+3",
	      "POST /" H "Content-Length: 18446744073709551619\r\n" E "abc", BAD),
	PROBE("Content-Length of 18 digits",
	      "POST /" H "Content-Length: 999999999999999999\r\n" E,
	      LEN(999999999999999999)),
	PROBE("Content-Length behind a tab", "POST /" H "Content-Length:\t3\r\n" E "abc",
	      LEN(3)),
	PROBE("Content-Length with blanks behind it",
	      "POST /" H "Content-Length: 3 \t\r\n" E "abc", LEN(3)),
	PROBE("Content-Length with NUL", "POST /" H "Content-Length: 3\0\r\n" E "abc",
	      BAD),
	PROBE("Content-Length with VT",
	      "POST /" H "Content-Length: \x0b"
	      "3\r\n" E "abc",
	      BAD),
	PROBE("Content-Length in odd case", "POST /" H "cONTENT-lENGTH: 3\r\n" E "abc",
	      LEN(3)),

	/* Transfer-Encoding */
	PROBE("chunked", "POST /" H "Transfer-Encoding: chunked\r\n" E "0\r\n\r\n",
	      CHUNKS),
	PROBE("chunked in odd case", "POST /" H "transfer-ENCODING: ChunKed\r\n" E,
	      CHUNKS),
	PROBE("coding gzip", "POST /" H "Transfer-Encoding: gzip\r\n" E, R501),
	PROBE("coding identity", "POST /" H "Transfer-Encoding: identity\r\n" E, R501),
	PROBE("coding xchunked", "POST /" H "Transfer-Encoding: xchunked\r\n" E, R501),
	PROBE("coding VT chunked",
	      "POST /" H "Transfer-Encoding: \x0b"
	      "chunked\r\n" E,
	      BAD),
	PROBE("coding NUL chunked", "POST /" H "Transfer-Encoding: \0chunked\r\n" E, BAD),
	PROBE("coding gzip, chunked", "POST /" H "Transfer-Encoding: gzip, chunked\r\n" E,
	      R501),
	PROBE("coding chunked, gzip", "POST /" H "Transfer-Encoding: chunked, gzip\r\n" E,
	      R501),
	PROBE("coding chunked, identity",
	      "POST /" H "Transfer-Encoding: chunked, identity\r\n" E, R501),
	PROBE("coding chunked;q=1", "POST /" H "Transfer-Encoding: chunked;q=1\r\n" E,
	      R501),
	PROBE("coding chunked x", "POST /" H "Transfer-Encoding: chunked x\r\n" E, R501),
	PROBE("coding quoted", "POST /" H "Transfer-Encoding: \"chunked\"\r\n" E, R501),
	PROBE("coding ,chunked", "POST /" H "Transfer-Encoding: ,chunked\r\n" E, R501),
	PROBE("coding empty", "POST /" H "Transfer-Encoding:\r\n" E, R501),
	PROBE("coding twice",
	      "POST /" H "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n" E,
	      BAD),
	PROBE("coding identity and chunked",
	      "POST /" H
	      "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n" E,
	      R501),
	PROBE("coding in HTTP/1.0",
	      "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n" E, BAD),
	PROBE("length and coding",
	      "POST /" H "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n" E, BAD),
	PROBE("coding and length",
	      "POST /" H "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n" E, BAD),

	/* names */
	PROBE("blank before the colon of a coding",
	      "POST /" H "Transfer-Encoding : chunked\r\n" E, BAD),
	PROBE("blank before the colon of a length",
	      "POST /" H "Content-Length : 3\r\n" E "abc", BAD),
	PROBE("tab before the colon", "POST /" H "Content-Length\t: 3\r\n" E "abc", BAD),
	PROBE("blank in a name", "GET /" H "X A: 1\r\n" E, BAD),
	PROBE("empty name", "GET /" H ":v\r\n" E, BAD),
	PROBE("delimiters and control in a name", "GET /" H "X(\")\x01: 1\r\n" E, BAD),
	PROBE("NUL in a name", "GET /" H "X\0A: 1\r\n" E, BAD),
	PROBE("0x80 in a name", "GET /" H "X\x80: 1\r\n" E, BAD),
	PROBE("line without a colon", "GET /" H "Foo\r\n" E, BAD),
	PROBE("underscore in a name", "GET /" H "x_sm_user_id: me\r\n" E, OK),
	PROBE("every character of a token", "GET /" H "!#$%&'*+-.^_`|~09azAZ: 1\r\n" E,
	      OK),

	/* values */
	PROBE("NUL in a value", "GET /" H "X: a\0b\r\n" E, BAD),
	PROBE("0x01 in a value",
	      "GET /" H "X: a\x01"
	      "b\r\n" E,
	      BAD),
	PROBE("0x7f in a value",
	      "GET /" H "X: a\x7f"
	      "b\r\n" E,
	      BAD),
	PROBE("control far into a value",
	      "GET /" H "X: 0123456789abcdef\x1f"
	      "0123456789\r\n" E,
	      BAD),
	PROBE("tab in a value", "GET /" H "X: 01234567\t89abcdef\r\n" E, OK),
	PROBE("obs-text in a value", "GET /" H "X: gr\xc3\xbc\xc3\x9f\x80\xff\r\n" E, OK),
	PROBE("empty value", "GET /" H "X:\r\nY: \r\n" E, OK),
	PROBE("bare CR in a value", "GET /" H "X: a\rb\r\n" E, BAD),
	PROBE("CR CR LF", "GET /" H "X: a\r\r\n" E, BAD),

	/* lines */
	PROBE("folded field", "GET /" H "X: a\r\n b\r\n" E, BAD),
	PROBE("folded with a tab", "GET /" H "X: a\r\n\tb\r\n" E, BAD),
	PROBE("folded coding", "POST /" H "Transfer-Encoding:\r\n chunked\r\n" E, BAD),
	PROBE("folded length", "POST /" H "Content-Length:\r\n 3\r\n" E "abc", BAD),
	PROBE("blank before the first field", "GET / HTTP/1.1\r\n Host: a\r\n" E, BAD),
	PROBE("line of blanks", "GET /" H " \r\n" E, BAD),
	PROBE("line that begins with NUL", "GET /" H "\0\r\nGET /b" H E, BAD),
	PROBE("bare LF behind the request line", "GET / HTTP/1.1\nHost: a\r\n" E, BAD),
	PROBE("bare LF everywhere", "GET / HTTP/1.1\nHost: a\n\n", BAD),
	PROBE("bare LF behind a field", "GET /" H "X: a\nY: b\r\n" E, BAD),
	PROBE("empty line of a bare LF", "GET /" H "\n", BAD),
	PROBE("leading LF", "\nGET /" H E, BAD),

	/* Host */
	PROBE("no Host", "GET / HTTP/1.1\r\n" E, BAD),
	PROBE("no Host in HTTP/1.0", "GET / HTTP/1.0\r\n" E, OK),
	PROBE("two Hosts", "GET /" H "Host: a\r\n" E, BAD),
	PROBE("two Hosts in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n" E, BAD),
	PROBE("Host with blank and path", "GET / HTTP/1.1\r\nHost: a b/c\r\n" E, BAD),
	PROBE("Host with a path", "GET / HTTP/1.1\r\nHost: a/c\r\n" E, BAD),
	PROBE("Host with userinfo", "GET / HTTP/1.1\r\nHost: u@a\r\n" E, BAD),
	PROBE("Host list", "GET / HTTP/1.1\r\nHost: a,b\r\n" E, BAD),
	PROBE("Host empty", "GET / HTTP/1.1\r\nHost:\r\n" E, BAD),
	PROBE("Host of a port alone", "GET / HTTP/1.1\r\nHost: :80\r\n" E, BAD),
	PROBE("Host with port", "GET / HTTP/1.1\r\nHost: a.example:8764\r\n" E, OK),
	PROBE("Host with a port of letters", "GET / HTTP/1.1\r\nHost: a:x\r\n" E, BAD),
	PROBE("Host with two ports", "GET / HTTP/1.1\r\nHost: a:1:2\r\n" E, BAD),
	PROBE("Host with two dots", "GET / HTTP/1.1\r\nHost: a..b\r\n" E, BAD),
	PROBE("Host of IPv6", "GET / HTTP/1.1\r\nHost: [::1]:80\r\n" E, OK),
	PROBE("Host of IPv6 left open", "GET / HTTP/1.1\r\nHost: [::1\r\n" E, BAD),
	PROBE("Host of empty brackets", "GET / HTTP/1.1\r\nHost: []\r\n" E, BAD),
	PROBE("Host with 0x80", "GET / HTTP/1.1\r\nHost: a\x80\r\n" E, BAD),

	/* target */
	PROBE("blank in the target", "GET /a b" H E, BAD),
	PROBE("target without a slash", "GET a" H E, BAD),
	PROBE("two blanks before the target", "GET  /a" H E, BAD),
	PROBE("two blanks before the version", "GET /a " H E, BAD),
	PROBE("blank behind the version", "GET /a HTTP/1.1 \r\nHost: a\r\n" E, BAD),
	PROBE("tab for a blank", "GET\t/a" H E, BAD),
	PROBE("no target", "GET" H E, BAD),
	PROBE("fragment", "GET /a#b" H E, BAD),
	PROBE("0x80 in the target", "GET /\x80" H E, BAD),
	PROBE("NUL in the target", "GET /\0a" H E, BAD),
	PROBE("0x01 in the target", "GET /\x01" H E, BAD),
	PROBE("0x7f in the target", "GET /\x7f" H E, BAD),
	PROBE("escaped NUL in the path", "GET /a%00" H E, BAD),
	PROBE("broken escape in the path", "GET /a%4" H E, BAD),
	PROBE("escape of letters in the path", "GET /a%zz?b" H E, BAD),
	PROBE("broken escape in the query", "GET /a%20b?c=100%" H E, OK),
	PROBE("dot segments", "GET /a/../../b/./c" H E, OK),
	PROBE("two slashes and userinfo", "GET //user@evil/x" H E, OK),
	PROBE("OPTIONS *", "OPTIONS *" H E, OK),
	PROBE("GET *", "GET *" H E, BAD),
	PROBE("absolute-form", "GET http://b:99/a?q" H E, OK),
	PROBE("absolute-form without a path", "GET http://b" H E, OK),
	PROBE("absolute-form with query and no path", "GET http://b?q" H E, BAD),
	PROBE("absolute-form with userinfo", "GET http://u@b/" H E, BAD),
	PROBE("absolute-form without an authority", "GET http:///a" H E, BAD),
	PROBE("absolute-form of another scheme", "GET ftp://b/a" H E, BAD),
	PROBE("authority-form", "GET b:80" H E, BAD),

	/* version and method */
	PROBE("HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n" E, R505),
	PROBE("HTTP/2.0", "PRI * HTTP/2.0\r\n" E "SM\r\n\r\n", R505),
	PROBE("HTTP/0.9 with a version", "GET / HTTP/0.9\r\nHost: a\r\n" E, R505),
	PROBE("HTTP/1.-1", "GET / HTTP/1.-1\r\nHost: a\r\n" E, BAD),
	PROBE("HTTP/-1.1", "GET / HTTP/-1.1\r\nHost: a\r\n" E, BAD),
	PROBE("HTTP/+1.+1", "GET / HTTP/+1.+1\r\nHost: a\r\n" E, BAD),
	PROBE("HTTP/1.99999999999", "GET / HTTP/1.99999999999\r\nHost: a\r\n" E, R505),
	PROBE("HTTP/1.10", "GET / HTTP/1.10\r\nHost: a\r\n" E, BAD),
	PROBE("HTTP/1", "GET / HTTP/1\r\nHost: a\r\n" E, BAD),
	PROBE("http/1.1", "GET / http/1.1\r\nHost: a\r\n" E, BAD),
	PROBE("no version", "GET /\r\n" E, BAD),
	PROBE("CONNECT", "CONNECT b:443" H E, R501),
	PROBE("TRACE", "TRACE /" H E, R501),
	PROBE("TRACE with a body", "TRACE /" H "Content-Length: 3\r\n" E "abc", R501),
	PROBE("a method unheard of", "FOO-bar /" H E, OK),
	PROBE("a method unheard of with a body",
	      "PROPFIND /" H "Content-Length: 3\r\n" E "abc", LEN(3)),
	PROBE("get", "get /" H E, OK),
	PROBE("method with a colon", "GE:T /" H E, BAD),
	PROBE("empty method", " /a" H E, BAD),
	PROBE("HEAD with a body", "HEAD /" H "Content-Length: 3\r\n" E "abc", LEN(3)),
	PROBE("HEAD with chunks", "HEAD /" H "Transfer-Encoding: chunked\r\n" E, CHUNKS),
	PROBE("DELETE with a body", "DELETE /" H "Content-Length: 3\r\n" E "abc", LEN(3)),

	/* Expect, Upgrade, Connection */
	PROBE("Expect: 100-continue",
	      "POST /" H "Expect: 100-Continue\r\nContent-Length: 3\r\n" E, LEN(3)),
	PROBE("Expect: foo", "POST /" H "Expect: foo\r\nContent-Length: 3\r\n" E, R417),
	PROBE("Expect: 100-continue, foo",
	      "POST /" H "Expect: 100-continue, foo\r\nContent-Length: 3\r\n" E, R417),
	PROBE("WebSocket", "GET /" H "Connection: Upgrade\r\nUpgrade: websocket\r\n" E,
	      OK),
	PROBE("WebSocket with a body",
	      "GET /" H
	      "Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 3\r\n" E
	      "abc",
	      BAD),
	PROBE("WebSocket with chunks",
	      "GET /" H "Connection: Upgrade\r\nUpgrade: websocket\r\n"
	      "Transfer-Encoding: chunked\r\n" E,
	      BAD),
	PROBE("h2c offered with a body",
	      "POST /" H "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
	      "HTTP2-Settings: AAEAAEAAAAIAAAAB\r\nContent-Length: 3\r\n" E "abc",
	      LEN(3)),
	PROBE("Connection of many options",
	      "GET /" H "Connection: a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t,u,v,w,x,y,z,"
	      "0,1,2,3,4,5,6,7,8,9\r\n" E,
	      FAULT_HEAD_TOO_LARGE, 0, 0),
};

#define N_PROBES (sizeof(probes) / sizeof(*probes))

/* The bytes in memory of their own size, so that a look beyond them is seen. */
static char *copy(const char *p, size_t n)
{
	char *c = malloc(n ? n : 1);

	assert_non_null(c);
	memcpy(c, p, n);
	return c;
}

static enum fault judge(const char *bytes, size_t n, struct h1_head *head)
{
	char *p = copy(bytes, n);
	size_t scanned = 0;
	const char *why = NULL;
	ptrdiff_t end = h1_head_end(p, n, &scanned, &limits);
	enum fault f;

	free(p);
	assert_int_not_equal(end, 0);
	if (end < 0)
		return (enum fault) - end;
	p = copy(bytes, (size_t)end);
	f = h1_parse_request(p, (size_t)end, &limits, head, &why);
	assert_non_null(why);
	if (f)
		assert_true(strlen(why) > 0);
	free(p);
	return f;
}

static void every_probe_gets_its_verdict(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_PROBES; i++) {
		const struct probe *pr = &probes[i];
		struct h1_head head;
		enum fault f = judge(pr->bytes, pr->n, &head);

		if (f != pr->fault)
			fail_msg("%s: %s, not %s", pr->name, fault_info(f)->label,
				 fault_info(pr->fault)->label);
		if (f)
			continue;
		if (head.body != pr->body || head.length != pr->length)
			fail_msg("%s: body %d of %llu", pr->name, (int)head.body,
				 (unsigned long long)head.length);
	}
}

static ptrdiff_t end_in_two(const char *bytes, size_t n, size_t cut,
			    const struct h1_limits *lim)
{
	size_t scanned = 0;
	char *p = copy(bytes, cut);
	ptrdiff_t end = h1_head_end(p, cut, &scanned, lim);

	free(p);
	assert_true(scanned <= cut);
	if (end)
		return end;
	p = copy(bytes, n);
	end = h1_head_end(p, n, &scanned, lim);
	free(p);
	return end;
}

static ptrdiff_t end_byte_by_byte(const char *bytes, size_t n,
				  const struct h1_limits *lim)
{
	size_t scanned = 0;
	ptrdiff_t end = 0;

	for (size_t k = 1; k <= n && end == 0; k++)
		end = h1_head_end(bytes, k, &scanned, lim);
	return end;
}

static void check_splits(const char *name, const char *bytes, size_t n,
			 const struct h1_limits *lim)
{
	size_t scanned = 0;
	ptrdiff_t whole = h1_head_end(bytes, n, &scanned, lim);

	for (size_t cut = 0; cut <= n; cut++)
		if (end_in_two(bytes, n, cut, lim) != whole)
			fail_msg("%s: differs when split at %zu", name, cut);
	if (end_byte_by_byte(bytes, n, lim) != whole)
		fail_msg("%s: differs byte by byte", name);
}

static void a_head_may_come_in_pieces(void **state)
{
	static const struct h1_limits tight[] = {
		{ .line = 16, .head = 32768, .headers = 100 },
		{ .line = 8192, .head = 30, .headers = 100 },
		{ .line = 40, .head = 20, .headers = 100 },
	};

	(void)state;
	for (size_t i = 0; i < N_PROBES; i++) {
		const struct probe *pr = &probes[i];

		check_splits(pr->name, pr->bytes, pr->n, &limits);
		for (size_t k = 0; k < sizeof(tight) / sizeof(*tight); k++)
			check_splits(pr->name, pr->bytes, pr->n, &tight[k]);
	}
}

static ptrdiff_t end_of(const char *text, const struct h1_limits *lim)
{
	size_t scanned = 0;

	return h1_head_end(text, strlen(text), &scanned, lim);
}

static void limits_count_to_the_byte(void **state)
{
	struct h1_limits lim = { .line = 16, .head = 27, .headers = 100 };

	(void)state;
	assert_int_equal(end_of("GET / HTTP/1.1\r\nHost: a\r\n\r\n", &lim), 27);
	assert_int_equal(end_of("GET /a HTTP/1.1\r\nHost: a\r\n\r\n", &lim),
			 -FAULT_TARGET_TOO_LONG);
	assert_int_equal(end_of("GET / HTTP/1.1\r\nHost: ab\r\n\r\n", &lim),
			 -FAULT_HEAD_TOO_LARGE);
	assert_int_equal(end_of("GET /abcdefghi", &lim), 0);
	assert_int_equal(end_of("GET /abcdefghijk", &lim), -FAULT_TARGET_TOO_LONG);
}

static enum fault with_fields(size_t n, size_t max)
{
	struct h1_limits lim = { .line = 8192, .head = 1 << 20, .headers = max };
	char text[8192];
	size_t len =
		(size_t)snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: a\r\n");
	struct h1_head head;
	const char *why;

	for (size_t i = 1; i < n; i++, len += 6)
		memcpy(text + len, "X: y\r\n", 6);
	memcpy(text + len, "\r\n", 3);
	return h1_parse_request(text, strlen(text), &lim, &head, &why);
}

static void fields_are_counted(void **state)
{
	(void)state;
	assert_int_equal(with_fields(100, 100), FAULT_NONE);
	assert_int_equal(with_fields(101, 100), FAULT_HEAD_TOO_LARGE);
	assert_int_equal(with_fields(H1_MAX_HEADERS, 10000), FAULT_NONE);
	assert_int_equal(with_fields(H1_MAX_HEADERS + 1, 10000), FAULT_HEAD_TOO_LARGE);
}

static void leading_empty_lines_are_passed_over(void **state)
{
	size_t scanned = 0;

	(void)state;
	assert_int_equal(h1_leading_crlf("\r\n\r\nGET", 7), 4);
	assert_int_equal(h1_leading_crlf("\r\n\r", 3), 2);
	assert_int_equal(h1_leading_crlf("GET", 3), 0);
	assert_int_equal(h1_leading_crlf("", 0), 0);
	assert_int_equal(h1_head_end("\r", 1, &scanned, &limits), 0);
	assert_int_equal(scanned, 0); /* so that the pair is still seen as one */
}

static void what_is_no_whole_head_is_refused(void **state)
{
	struct h1_head head;
	const char *why;

	(void)state;
	assert_int_equal(h1_parse_request("", 0, &limits, &head, &why),
			 FAULT_BAD_REQUEST);
	assert_int_equal(h1_parse_request("\r\n\r\n", 4, &limits, &head, &why),
			 FAULT_BAD_REQUEST);
	assert_int_equal(h1_parse_request("GET / HTTP/1.1\r\n", 16, &limits, &head, &why),
			 FAULT_BAD_REQUEST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_probe_gets_its_verdict),
		cmocka_unit_test(a_head_may_come_in_pieces),
		cmocka_unit_test(limits_count_to_the_byte),
		cmocka_unit_test(fields_are_counted),
		cmocka_unit_test(leading_empty_lines_are_passed_over),
		cmocka_unit_test(what_is_no_whole_head_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
