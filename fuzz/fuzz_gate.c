/*
 * fuzz_gate.c - a client's bytes through a whole gate, evhttp included, with a
 * handler that does as the path says.
 *
 * The first byte says after how much of the rest (in 256ths) there is a pause,
 * the second what else happens (enum manner); the rest goes over a socket.
 * However it ends, no connection may be left, and no request without an end.
 */
#include "proxy/conn.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum manner {
	PASS = 1,       /* deadlines pass in the pause */
	HALF_CLOSE = 2, /* the client says that it has sent all */
	DEAF = 4,       /* it reads nothing */
	DRAIN = 8,      /* the gate drains in the pause */
	FREE = 16,      /* the gate goes before the client does */
	ANSWER = 32,    /* what is held is answered after the pause */
};

/* Up to it a body is collected, beyond it streamed. */
#define COLLECT 300

struct run {
	struct clock clock;
	uint64_t us;
	struct event_base *base;
	struct gate *gate;
	int client;
	struct pending *held;
	size_t under_way;
};

/* One request that was claimed. */
struct pending {
	struct run *run;
	struct conn *conn;
	char kind; /* the first letter of its path */
};

static void must(bool holds)
{
	if (!holds)
		abort();
}

static uint64_t fake_us(const struct clock *c)
{
	return ((const struct run *)(const void *)c)->us;
}

static uint64_t fake_ms(const struct clock *c)
{
	return fake_us(c) / 1000;
}

/* --- the handler --- */

/* The conn is the caller's to end; p is gone. */
static struct conn *finish(struct pending *p)
{
	struct conn *c = p->conn;

	p->run->under_way--;
	if (p->run->held == p)
		p->run->held = NULL;
	free(p);
	return c;
}

static void answer(struct pending *p, int status)
{
	static const char text[20000];
	/* A length too short, too long, and none. */
	const int64_t length = p->kind == 's' ? 30000 : p->kind == 'e' ? 50000 : -1;
	struct conn *c = finish(p);

	conn_reply(c, status, STR("Answered"));
	conn_header(c, STR("x"), STR("y"));
	conn_head_done(c, length);
	conn_write(c, text, sizeof(text));
	conn_write(c, text, sizeof(text));
	conn_end(c);
}

static void on_body(void *arg, enum conn_body_event ev, enum fault fault)
{
	struct pending *p = arg;
	struct evbuffer *body = conn_body(p->conn);

	if (fault == FAULT_BODY_TOO_LARGE) {
		conn_stream(p->conn);
		return;
	}
	if (ev == CONN_BODY_DATA) {
		evbuffer_drain(body, evbuffer_get_length(body));
		conn_consumed(p->conn);
	}
	if (p->kind == 'a')
		conn_abort(finish(p));
	else if (p->kind == 'e' || ev != CONN_BODY_DATA)
		answer(p, fault ? fault_info(fault)->status : 200);
}

static void on_gone(void *arg)
{
	finish(arg);
}

static void on_drain(void *arg)
{
	(void)arg;
}

static const struct conn_events events = { on_body, on_gone, on_drain };

static void tunnel_read(struct bufferevent *bev, void *arg)
{
	(void)arg;
	bufferevent_write_buffer(bev, bufferevent_get_input(bev));
}

static void tunnel_event(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	if (what & BEV_EVENT_EOF)
		conn_end(finish(arg));
	else
		conn_abort(finish(arg));
}

static void start_tunnel(struct pending *p)
{
	struct bufferevent *bev;

	conn_reply(p->conn, 101, (struct str){ NULL, 0 });
	conn_head_done(p->conn, -1);
	bev = conn_take_bev(p->conn);
	bufferevent_setcb(bev, tunnel_read, NULL, tunnel_event, p);
	tunnel_read(bev, NULL);
}

static void start(struct pending *p)
{
	switch (p->kind) {
	case 'h':
		p->run->held = p;
		break;
	case 't':
		start_tunnel(p);
		break;
	case 'k':
		conn_abort(finish(p));
		break;
	case 'd':
		conn_answer(finish(p), 401, (struct headers){ NULL, 0 }, STR("a/b"),
			    STR("no"));
		break;
	case 'c':
		conn_collect(p->conn, COLLECT);
		break;
	default:
		conn_stream(p->conn);
	}
}

static void on_request(void *arg, struct conn *c)
{
	struct run *run = arg;
	struct pending *p = malloc(sizeof(*p));
	struct str target = conn_head(c)->target;

	must(p != NULL);
	*p = (struct pending){ run, c, target.len > 1 ? target.p[1] : 'd' };
	run->under_way++;
	conn_claim(c, &events, p);
	start(p);
}

/* --- the client --- */

static void turn(struct run *r)
{
	for (int i = 0; i < 3; i++)
		event_base_loop(r->base, EVLOOP_NONBLOCK);
}

static void send_some(struct run *r, const uint8_t *p, size_t n)
{
	while (n > 0) {
		ssize_t sent = send(r->client, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent <= 0)
			break;
		p += sent;
		n -= (size_t)sent;
		turn(r);
	}
	turn(r);
}

static void receive(struct run *r)
{
	char piece[65536];

	while (recv(r->client, piece, sizeof(piece), MSG_DONTWAIT) > 0)
		turn(r);
}

static void pause_in(struct run *r, unsigned manner)
{
	if (manner & DRAIN)
		gate_drain(r->gate);
	/* Each is longer than any one deadline. */
	for (int i = 0; manner & PASS && i < 3; i++) {
		r->us += 100000000;
		gate_tick(r->gate);
		turn(r);
	}
	if (manner & ANSWER && r->held)
		answer(r->held, 200);
	turn(r);
}

static void leave(struct run *r, unsigned manner)
{
	struct gate_stats s;

	if (manner & HALF_CLOSE)
		shutdown(r->client, SHUT_WR);
	turn(r);
	if (!(manner & DEAF))
		receive(r);
	if (!(manner & FREE)) {
		close(r->client);
		turn(r);
		gate_stats(r->gate, &s);
		must(s.open == 0 && s.active == 0);
		must(r->under_way == 0);
		gate_free(r->gate);
	} else {
		gate_free(r->gate);
		close(r->client);
		must(r->under_way == 0);
	}
}

/* --- one run --- */

static int connect_through(struct run *r)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	socklen_t n = sizeof(sa);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	r->client = socket(AF_UNIX, SOCK_STREAM, 0);
	/* Linux chooses a name outside of the file system. */
	must(bind(fd, (struct sockaddr *)&sa, sizeof(sa_family_t)) == 0);
	must(listen(fd, 1) == 0 && getsockname(fd, (struct sockaddr *)&sa, &n) == 0);
	must(connect(r->client, (struct sockaddr *)&sa, n) == 0);
	must(gate_serve(r->gate, fd) == 0);
	turn(r);
	return fd;
}

static void run_init(struct run *r)
{
	struct gate_deps deps = {
		.clock = &r->clock,
		.limits = { .head = { .line = 300, .head = 2000, .headers = 20 },
			    .head_timeout = 10000,
			    .body_timeout = 30000,
			    .idle_timeout = 75000,
			    .stall_timeout = 60000,
			    .linger_timeout = 2000,
			    .reply_high_water = 16384 },
		.on_request = on_request,
		.arg = r,
	};

	*r = (struct run){ .clock = { fake_us, fake_ms }, .us = 1000000 };
	r->base = deps.base = event_base_new();
	must(gate_new(&deps, &r->gate) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run r;
	unsigned manner;
	size_t first;
	int listener;

	if (size < 2)
		return 0;
	signal(SIGPIPE, SIG_IGN);
	manner = data[1];
	first = (size - 2) * data[0] / 256;
	run_init(&r);
	listener = connect_through(&r);
	send_some(&r, data + 2, first);
	pause_in(&r, manner);
	send_some(&r, data + 2 + first, size - 2 - first);
	leave(&r, manner);
	close(listener);
	event_base_free(r.base);
	return 0;
}
