/* test_gate_open.c - who may connect: limits, draining, peers and listening sockets. */
#include "gate_fixture.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define GET(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"

/* --- limits --- */

static void connections_over_the_limit_wait(void **state)
{
	struct fixture *f = *state;
	struct gate_limits limits = f->deps.limits;
	struct client a, b, c;

	limits.max_connections = 2;
	gate_set_limits(f->gate, &limits);
	client_open(&a, f);
	client_open(&b, f);
	client_open(&c, f);
	client_say(&c, GET("/"));
	client_expect_silence(&c);
	assert_int_equal(fixture_stats(f).open, 2);
	client_say(&b, GET("/"));
	client_expect(&b, "ok");
	client_close(&a);
	client_expect(&c, "ok");
	assert_int_equal(fixture_stats(f).open, 2);
	client_close(&b);
	client_close(&c);
}

static void want_of_descriptors_is_waited_out(void **state)
{
	struct fixture *f = *state;
	struct client c;
	struct rlimit all, none;

	client_open(&c, f);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &all), 0);
	none = (struct rlimit){ .rlim_cur = (rlim_t)c.fd + 1, .rlim_max = all.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	client_say(&c, GET("/"));
	assert_int_equal(fixture_stats(f).accepted, 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &all), 0);
	client_expect_silence(&c); /* the listener rests until the tick */
	fixture_pass(f, 250);
	client_expect(&c, "ok");
	client_close(&c);
}

/* --- draining --- */

static void draining_ends_what_is_idle_and_lets_the_rest_finish(void **state)
{
	struct fixture *f = *state;
	struct client idle, fresh, busy, late;

	client_open(&idle, f);
	client_say(&idle, GET("/"));
	client_expect(&idle, "ok");
	client_open(&fresh, f);
	client_open(&busy, f);
	client_say(&busy, GET("/hold"));
	gate_drain(f->gate);
	client_expect_end(&idle);
	client_open(&late, f);
	client_say(&late, GET("/"));
	client_expect_silence(&late);
	conn_answer(f->served.conn, 200, (struct headers){ NULL, 0 }, STR("text/plain"),
		    STR("busy"));
	client_expect_end(&busy);
	assert_true(client_has(&busy, "Connection: close\r\n"));
	client_say(&fresh, GET("/"));
	client_expect_end(&fresh);
	assert_true(client_has(&fresh, "Connection: close\r\n"));
	client_close(&idle);
	client_close(&fresh);
	client_close(&busy);
	client_close(&late);
}

static void a_reply_under_way_is_finished_while_draining(void **state)
{
	struct fixture *f = *state;
	struct client c;

	client_open(&c, f);
	client_say(&c, GET("/hold"));
	conn_reply(f->served.conn, 200, STR("OK"));
	conn_head_done(f->served.conn, 4);
	gate_drain(f->gate);
	fixture_pass(f, 250);
	conn_write(f->served.conn, "done", 4);
	conn_end(f->served.conn);
	client_expect_end(&c);
	assert_true(client_has(&c, "\r\n\r\ndone"));
	assert_false(c.reset);
	client_close(&c);
}

static void freeing_the_gate_tells_those_who_wait(void **state)
{
	struct fixture *f = *state;
	struct client held, half, fresh, writing;

	client_open(&half, f);
	client_say(&half, "GET");
	client_open(&writing, f);
	client_say(&writing, GET("/hold"));
	conn_reply(f->served.conn, 200, STR("OK"));
	conn_head_done(f->served.conn, -1);
	conn_write(f->served.conn, "some", 4);
	conn_end(f->served.conn);
	client_open(&held, f);
	client_say(&held, GET("/hold"));
	client_open(&fresh, f); /* not accepted yet */
	gate_free(f->gate);
	f->gate = NULL;
	assert_int_equal(f->served.gone, 1);
	client_close(&held);
	client_close(&half);
	client_close(&fresh);
	client_close(&writing);
}

/* --- peers and listeners --- */

static void the_peer_of_a_tcp_connection_is_its_address(void **state)
{
	struct fixture *f = *state;
	struct client c;

	client_open(&c, f);
	client_say(&c, GET("/hold"));
	assert_true(str_eq(conn_peer(f->served.conn), STR("127.0.0.1")));
	assert_true(conn_peer_is_loopback(f->served.conn));
	client_close(&c);
}

/* Listens on both families; -1 where the machine has no IPv6. */
static int listen_ipv6(uint16_t *port)
{
	struct sockaddr_in6 sa = { .sin6_family = AF_INET6, .sin6_addr = in6addr_any };
	socklen_t n = sizeof(sa);
	int off = 0, fd = socket(AF_INET6, SOCK_STREAM, 0);

	if (fd < 0) {
		assert_int_equal(errno, EAFNOSUPPORT);
		return -1;
	}
	assert_int_equal(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)), 0);
	assert_int_equal(bind(fd, (void *)&sa, n), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (void *)&sa, &n), 0);
	*port = ntohs(sa.sin6_port);
	return fd;
}

static void an_ipv4_peer_of_an_ipv6_socket_is_told_as_ipv4(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_in6 sa = { .sin6_family = AF_INET6,
				   .sin6_addr = in6addr_loopback };
	struct client c4, c6 = { .f = f };
	int listener = listen_ipv6(&f->port);

	if (listener < 0)
		skip();
	assert_int_equal(gate_serve(f->gate, listener), 0);
	client_open(&c4, f);
	client_say(&c4, GET("/hold"));
	assert_true(str_eq(conn_peer(f->served.conn), STR("127.0.0.1")));
	assert_true(conn_peer_is_loopback(f->served.conn));
	client_close(&c4);

	sa.sin6_port = htons(f->port);
	c6.fd = socket(AF_INET6, SOCK_STREAM, 0);
	buf_init(&c6.in, 1 << 20);
	if (connect(c6.fd, (void *)&sa, sizeof(sa)) == 0) {
		client_say(&c6, GET("/hold"));
		assert_true(str_eq(conn_peer(f->served.conn), STR("::1")));
		assert_true(conn_peer_is_loopback(f->served.conn));
	} else { /* net.ipv6.conf.lo.disable_ipv6 */
		assert_int_equal(errno, EADDRNOTAVAIL);
	}
	client_close(&c6);
	gate_free(f->gate);
	f->gate = NULL;
	close(listener);
}

static int listen_unix(struct sockaddr_un *sa, socklen_t *n)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	*sa = (struct sockaddr_un){ .sun_family = AF_UNIX };
	*n = sizeof(*sa);
	/* Linux then chooses a name outside of the file system. */
	assert_int_equal(bind(fd, (void *)sa, sizeof(sa_family_t)), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (void *)sa, n), 0);
	return fd;
}

static void a_unix_socket_s_peer_has_no_address_and_is_local(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_un sa;
	socklen_t n;
	int listener = listen_unix(&sa, &n);
	struct client c = { .f = f };

	assert_int_equal(gate_serve(f->gate, listener), 0);
	c.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	buf_init(&c.in, 1 << 20);
	assert_int_equal(connect(c.fd, (void *)&sa, n), 0);
	client_say(&c, GET("/hold"));
	assert_non_null(f->served.conn);
	assert_int_equal(conn_peer(f->served.conn).len, 0);
	assert_non_null(conn_peer(f->served.conn).p);
	assert_true(conn_peer_is_loopback(f->served.conn));
	client_close(&c);
	gate_free(f->gate);
	f->gate = NULL;
	close(listener);
}

static void two_gates_may_share_a_listening_socket(void **state)
{
	struct fixture *f = *state;
	struct gate *other;
	struct client c[8];

	assert_int_equal(gate_new(&f->deps, &other), 0);
	assert_int_equal(gate_serve(other, f->listen_fd), 0);
	for (int i = 0; i < 8; i++) {
		client_open(&c[i], f);
		client_say(&c[i], GET("/"));
		client_expect(&c[i], "ok");
	}
	gate_free(other);
	for (int i = 0; i < 8; i++)
		client_close(&c[i]);
	client_open(&c[0], f);
	client_say(&c[0], GET("/"));
	client_expect(&c[0], "ok");
	client_close(&c[0]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, gate_setup, gate_teardown)
	const struct CMUnitTest tests[] = {
		TEST(connections_over_the_limit_wait),
		TEST(want_of_descriptors_is_waited_out),
		TEST(draining_ends_what_is_idle_and_lets_the_rest_finish),
		TEST(a_reply_under_way_is_finished_while_draining),
		TEST(freeing_the_gate_tells_those_who_wait),
		TEST(the_peer_of_a_tcp_connection_is_its_address),
		TEST(an_ipv4_peer_of_an_ipv6_socket_is_told_as_ipv4),
		TEST(a_unix_socket_s_peer_has_no_address_and_is_local),
		TEST(two_gates_may_share_a_listening_socket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
