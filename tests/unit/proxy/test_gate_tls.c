/*
 * test_gate_tls.c - the gate with TLS beneath it: nothing in its structure may
 * stand in the way of bufferevent_openssl.
 */
#include "gate_fixture.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LARGE     (8u << 20)
#define GET(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"

struct tls {
	struct fixture f;
	SSL_CTX *server, *client;
};

enum tls_end { OPEN, NOTIFIED, CUT };

struct tls_client {
	struct client c; /* the socket; c.in holds what was decrypted */
	SSL *ssl;
	enum tls_end end;
};

/* --- the server's side --- */

static X509 *self_signed(EVP_PKEY *key)
{
	X509 *x = X509_new();
	X509_NAME *name;

	assert_non_null(x);
	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), -3600);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	X509_set_pubkey(x, key);
	name = X509_get_subject_name(x);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
				   (const unsigned char *)"localhost", -1, -1, 0);
	X509_set_issuer_name(x, name);
	assert_true(X509_sign(x, key, EVP_sha256()) > 0);
	return x;
}

static SSL_CTX *server_context(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = self_signed(key);

	assert_int_equal(SSL_CTX_use_certificate(ctx, x), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(ctx, key), 1);
	X509_free(x);
	EVP_PKEY_free(key);
	return ctx;
}

static struct bufferevent *new_tls_bev(void *arg, struct event_base *base)
{
	return bufferevent_openssl_socket_new(
		base, -1, SSL_new(arg), BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
}

static void end_tls_bev(void *arg, struct bufferevent *bev)
{
	(void)arg;
	SSL_shutdown(bufferevent_openssl_get_ssl(bev));
}

static int tls_setup(void **state)
{
	struct tls *t = test_malloc(sizeof(*t));

	fixture_open(&t->f);
	t->server = server_context();
	t->client = SSL_CTX_new(TLS_client_method());
	t->f.deps.new_bev = new_tls_bev;
	t->f.deps.end_bev = end_tls_bev;
	t->f.deps.bev_arg = t->server;
	fixture_start(&t->f);
	*state = t;
	return 0;
}

static int tls_teardown(void **state)
{
	struct tls *t = *state;

	fixture_close(&t->f);
	SSL_CTX_free(t->server);
	SSL_CTX_free(t->client);
	test_free(t);
	return 0;
}

/* --- the client's side --- */

static bool is_connected(void *arg)
{
	return SSL_connect(((struct tls_client *)arg)->ssl) == 1;
}

static void tls_open(struct tls_client *c, struct tls *t)
{
	*c = (struct tls_client){ .end = OPEN };
	client_open(&c->c, &t->f);
	c->ssl = SSL_new(t->client);
	SSL_set_fd(c->ssl, c->c.fd);
	SSL_set_mode(c->ssl,
		     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	fixture_until(&t->f, is_connected, c);
}

static void tls_close(struct tls_client *c)
{
	SSL_free(c->ssl);
	client_close(&c->c);
}

static void tls_receive(struct tls_client *c)
{
	char piece[16384];
	int n, why;

	if (c->end != OPEN)
		return;
	while ((n = SSL_read(c->ssl, piece, sizeof(piece))) > 0)
		assert_int_equal(buf_add(&c->c.in, piece, (size_t)n), 0);
	why = SSL_get_error(c->ssl, n);
	if (why != SSL_ERROR_WANT_READ)
		c->end = why == SSL_ERROR_ZERO_RETURN ? NOTIFIED : CUT;
}

struct wish {
	struct tls_client *c;
	const char *text;
	size_t bytes;
};

static bool has_come(void *arg)
{
	struct wish *w = arg;
	struct buf *in = &w->c->c.in;

	tls_receive(w->c);
	if (in->len >= w->bytes && (!w->text || client_has(&w->c->c, w->text)))
		return true;
	if (w->c->end != OPEN)
		fail_msg("ended (%d) after: %s", (int)w->c->end, buf_str(in).p);
	return false;
}

static bool has_ended(void *arg)
{
	struct tls_client *c = arg;

	tls_receive(c);
	return c->end != OPEN;
}

static void tls_expect(struct tls_client *c, const char *text)
{
	fixture_until(c->c.f, has_come, &(struct wish){ .c = c, .text = text });
}

static void tls_expect_bytes(struct tls_client *c, size_t n)
{
	fixture_until(c->c.f, has_come, &(struct wish){ .c = c, .bytes = n });
}

static void tls_expect_end(struct tls_client *c, enum tls_end end)
{
	fixture_until(c->c.f, has_ended, c);
	assert_int_equal(c->end, end);
}

static size_t tls_push(struct tls_client *c, const char *p, size_t n)
{
	size_t done = 0;
	int idle = 0;

	while (done < n && idle < 20) {
		size_t piece = n - done < 100000 ? n - done : 100000;
		int k = SSL_write(c->ssl, p + done, (int)piece);

		idle = k > 0 ? 0 : idle + 1;
		done += k > 0 ? (size_t)k : 0;
		fixture_turn(c->c.f);
	}
	return done;
}

static void tls_say(struct tls_client *c, const char *text)
{
	assert_int_equal(tls_push(c, text, strlen(text)), strlen(text));
}

/* --- tests --- */

static void requests_follow_each_other(void **state)
{
	struct tls *t = *state;
	struct tls_client c;

	tls_open(&c, t);
	tls_say(&c, GET("/"));
	tls_expect(&c, "\r\n\r\nok");
	client_forget(&c.c);
	tls_say(&c, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhe");
	tls_say(&c, "llo" GET("/"));
	tls_expect(&c, "\r\n\r\nhello");
	tls_expect(&c, "\r\n\r\nok");
	assert_int_equal(fixture_stats(&t->f).accepted, 1);
	assert_int_equal(fixture_stats(&t->f).requests, 3);
	tls_close(&c);
	assert_int_equal(fixture_stats(&t->f).open, 0);
}

static void continue_is_said_within_tls(void **state)
{
	struct tls *t = *state;
	struct tls_client c;

	tls_open(&c, t);
	tls_say(&c, "POST /hold HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n"
		    "Expect: 100-continue\r\n\r\n");
	conn_collect(t->f.served.conn, 100);
	tls_expect(&c, "HTTP/1.1 100 Continue\r\n\r\n");
	tls_say(&c, "abc");
	assert_int_equal(t->f.served.ends, 1);
	conn_answer(t->f.served.conn, 200, (struct headers){ NULL, 0 },
		    (struct str){ NULL, 0 }, STR("said"));
	tls_expect(&c, "\r\n\r\nsaid");
	tls_close(&c);
}

static void a_large_reply_arrives_whole(void **state)
{
	struct tls *t = *state;
	char *text = test_malloc(LARGE);
	struct tls_client c;
	struct conn *conn;

	memset(text, 't', LARGE);
	tls_open(&c, t);
	tls_say(&c, GET("/hold"));
	conn = t->f.served.conn;
	conn_reply(conn, 200, STR("OK"));
	conn_head_done(conn, LARGE);
	assert_false(conn_write(conn, text, LARGE / 2));
	tls_expect_bytes(&c, LARGE / 2);
	assert_int_equal(t->f.served.drained, 1);
	conn_write(conn, text, LARGE / 2);
	conn_end(conn);
	tls_expect_bytes(&c, LARGE);
	tls_say(&c, GET("/"));
	tls_expect(&c, "\r\n\r\nok");
	tls_close(&c);
	test_free(text);
}

static void a_large_body_is_streamed_with_pauses(void **state)
{
	struct tls *t = *state;
	char *body = test_malloc(LARGE);
	struct tls_client c;
	size_t sent;
	char head[100];

	for (size_t i = 0; i < LARGE; i++)
		body[i] = (char)('a' + i % 23);
	t->f.served.take = false;
	tls_open(&c, t);
	snprintf(head, sizeof(head),
		 "POST /stream HTTP/1.1\r\nHost: h\r\nContent-Length: %u\r\n\r\n", LARGE);
	tls_say(&c, head);
	sent = tls_push(&c, body, LARGE);
	assert_true(sent < LARGE);
	t->f.served.take = true;
	conn_stream(t->f.served.conn);
	while (evbuffer_get_length(conn_body(t->f.served.conn)) > 100000)
		evbuffer_drain(conn_body(t->f.served.conn), 100000);
	conn_consumed(t->f.served.conn);
	assert_int_equal(tls_push(&c, body + sent, LARGE - sent), LARGE - sent);
	tls_expect(&c, "\r\n\r\n");
	assert_int_equal(t->f.served.ends, 1);
	assert_memory_equal(t->f.served.body.p + t->f.served.body.len - 100000,
			    body + LARGE - 100000, 100000);
	tls_close(&c);
	test_free(body);
}

static void a_client_that_leaves_is_seen(void **state)
{
	struct tls *t = *state;
	struct tls_client c;

	for (int i = 0; i < 2; i++) {
		tls_open(&c, t);
		tls_say(&c, GET("/hold"));
		if (i) /* politely */
			SSL_shutdown(c.ssl);
		tls_close(&c);
		assert_int_equal(t->f.served.gone, i + 1);
		assert_int_equal(fixture_stats(&t->f).open, 0);
	}
}

static void a_client_that_leaves_in_the_handshake_is_seen(void **state)
{
	struct tls *t = *state;
	struct client c;

	client_open(&c, &t->f);
	client_say(&c, GET("/")); /* not TLS at all */
	client_expect_end(&c);
	client_close(&c);
	client_open(&c, &t->f);
	client_say(&c, "\x16\x03\x01");
	client_close(&c);
	assert_int_equal(fixture_stats(&t->f).accepted, 2);
	assert_int_equal(fixture_stats(&t->f).open, 0);
}

static void the_end_is_notified(void **state)
{
	struct tls_client c;

	tls_open(&c, *state);
	tls_say(&c, "GET / HTTP/1.0\r\n\r\n");
	tls_expect_end(&c, NOTIFIED);
	assert_true(client_has(&c.c, "\r\n\r\nok"));
	tls_close(&c);
}

static void but_not_that_of_a_reply_that_is_cut(void **state)
{
	static const char *const requests[] = { GET("/hold"),
						"GET /hold HTTP/1.0\r\n\r\n" };
	struct tls *t = *state;
	struct tls_client c;

	for (int i = 0; i < 2; i++) {
		struct conn *conn;

		tls_open(&c, t);
		tls_say(&c, requests[i]);
		conn = t->f.served.conn;
		conn_reply(conn, 200, STR("OK"));
		conn_head_done(conn, -1);
		conn_write(conn, "begun", 5);
		tls_expect(&c, "begun");
		conn_write(conn, "error", 5);
		conn_abort(conn);
		tls_expect_end(&c, CUT);
		if (i == 0)
			assert_true(client_has(&c.c, "5\r\nerror\r\n"));
		tls_close(&c);
		assert_int_equal(fixture_stats(&t->f).open, 0);
	}
}

static void a_refusal_can_be_read(void **state)
{
	struct tls_client c;

	tls_open(&c, *state);
	tls_say(&c, "nonsense\r\n\r\nmore of it");
	tls_expect_end(&c, NOTIFIED);
	assert_int_equal(client_count(&c.c, "HTTP/1.1 400 Bad Request"), 1);
	tls_close(&c);
}

static void an_early_answer_can_be_read_in_the_middle_of_an_upload(void **state)
{
	char *body = test_malloc(LARGE);
	struct tls_client c;

	memset(body, 'b', LARGE);
	tls_open(&c, *state);
	tls_say(&c, "POST /deny HTTP/1.1\r\nHost: h\r\nContent-Length: 8388608\r\n\r\n");
	assert_int_equal(tls_push(&c, body, LARGE), LARGE);
	tls_expect_end(&c, NOTIFIED);
	assert_true(client_has(&c.c, "HTTP/1.1 401 Unauthorized"));
	tls_close(&c);
	test_free(body);
}

static void a_whole_reply_goes_out_to_a_client_that_sends_no_more(void **state)
{
	struct tls *t = *state;
	char *text = test_malloc(LARGE);
	struct tls_client c;

	memset(text, 't', LARGE);
	tls_open(&c, t);
	tls_say(&c, GET("/hold"));
	conn_answer(t->f.served.conn, 200, (struct headers){ NULL, 0 },
		    (struct str){ NULL, 0 }, (struct str){ text, LARGE });
	fixture_turn(&t->f);
	SSL_shutdown(c.ssl);
	fixture_turn(&t->f);
	tls_expect_bytes(&c, LARGE);
	tls_expect_end(&c, NOTIFIED);
	tls_close(&c);
	test_free(text);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, tls_setup, tls_teardown)
	const struct CMUnitTest tests[] = {
		TEST(requests_follow_each_other),
		TEST(continue_is_said_within_tls),
		TEST(a_large_reply_arrives_whole),
		TEST(a_large_body_is_streamed_with_pauses),
		TEST(a_client_that_leaves_is_seen),
		TEST(a_client_that_leaves_in_the_handshake_is_seen),
		TEST(the_end_is_notified),
		TEST(but_not_that_of_a_reply_that_is_cut),
		TEST(a_refusal_can_be_read),
		TEST(an_early_answer_can_be_read_in_the_middle_of_an_upload),
		TEST(a_whole_reply_goes_out_to_a_client_that_sends_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
