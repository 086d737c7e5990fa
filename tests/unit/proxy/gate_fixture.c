/* gate_fixture.c - a gate on a loopback port, a handler and clients for its tests. */
#include "gate_fixture.h"

#include "proxy/conn.h"

#include <event2/buffer.h>
#include <event2/event.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_US 10000000
#define EVERYTHING  (64u << 20)

/* --- the clock --- */

static uint64_t fake_mono_us(const struct clock *c)
{
	return ((const struct fake_clock *)(const void *)c)->us;
}

/* Counts from 06 Nov 1994 08:49:37 GMT, the example of RFC 9110 section 5.6.7. */
static uint64_t fake_wall_ms(const struct clock *c)
{
	return 784111777000 + fake_mono_us(c) / 1000;
}

void fixture_pass(struct fixture *f, uint64_t ms)
{
	f->clock.us += ms * 1000;
	gate_tick(f->gate);
	fixture_turn(f);
}

/* --- the handler --- */

static void take_body(struct served *s)
{
	struct evbuffer *body = conn_body(s->conn);
	char piece[4096];
	int n;

	while ((n = evbuffer_remove(body, piece, sizeof(piece))) > 0)
		assert_int_equal(buf_add(&s->body, piece, (size_t)n), 0);
	conn_consumed(s->conn);
}

static void answer(struct served *s, int status, struct str body)
{
	struct conn *c = s->conn;

	s->conn = NULL;
	conn_answer(c, status, (struct headers){ NULL, 0 }, STR("text/plain"), body);
}

static struct served *served_of(void *arg)
{
	return &((struct fixture *)arg)->served;
}

static void note_body(struct served *s, enum conn_body_event ev, enum fault fault)
{
	assert_non_null(s->conn);
	s->data += ev == CONN_BODY_DATA;
	s->ends += ev == CONN_BODY_END;
	s->fault = fault;
	assert_int_equal(ev == CONN_BODY_FAULT, fault != FAULT_NONE);
	if (s->take)
		take_body(s);
}

static void answer_on_body(void *arg, enum conn_body_event ev, enum fault fault)
{
	struct served *s = served_of(arg);

	note_body(s, ev, fault);
	if (ev == CONN_BODY_FAULT)
		answer(s, fault_info(fault)->status, STR("fault"));
	else if (ev == CONN_BODY_END)
		answer(s, 200, buf_str(&s->body));
}

static void only_note_body(void *arg, enum conn_body_event ev, enum fault fault)
{
	note_body(served_of(arg), ev, fault);
}

static void deny_on_body(void *arg, enum conn_body_event ev, enum fault fault)
{
	note_body(served_of(arg), ev, fault);
	answer(served_of(arg), 403, STR("early"));
}

static void on_gone(void *arg)
{
	struct served *s = served_of(arg);

	assert_non_null(s->conn);
	s->conn = NULL;
	s->gone++;
}

static void on_drain(void *arg)
{
	served_of(arg)->drained++;
}

static const struct conn_events answering = { answer_on_body, on_gone, on_drain };
static const struct conn_events noting = { only_note_body, on_gone, on_drain };
static const struct conn_events denying = { deny_on_body, on_gone, on_drain };

static bool is_path(const struct conn *c, struct str path)
{
	return str_has_prefix(conn_head(c)->target, path);
}

static void on_request(void *arg, struct conn *c)
{
	struct fixture *f = arg;
	struct served *s = &f->served;

	s->requests++;
	s->conn = c;
	s->fault = FAULT_NONE;
	buf_reset(&s->body);
	if (is_path(c, STR("/echo"))) {
		conn_claim(c, &answering, f);
		conn_collect(c, f->collect_limit);
	} else if (is_path(c, STR("/stream"))) {
		conn_claim(c, &answering, f);
		conn_stream(c);
	} else if (is_path(c, STR("/early"))) {
		conn_claim(c, &denying, f);
		conn_stream(c);
	} else if (is_path(c, STR("/hold"))) {
		conn_claim(c, &noting, f);
	} else if (is_path(c, STR("/deny"))) {
		answer(s, 401, STR("no"));
	} else if (is_path(c, STR("/abort"))) {
		s->conn = NULL;
		conn_abort(c);
	} else {
		answer(s, 200, STR("ok"));
	}
}

/* --- the fixture --- */

static void listen_anywhere(struct fixture *f)
{
	struct sockaddr_in sa = { .sin_family = AF_INET };
	socklen_t n = sizeof(sa);

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	f->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(f->listen_fd >= 0);
	assert_int_equal(bind(f->listen_fd, (void *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(f->listen_fd, 128), 0);
	assert_int_equal(getsockname(f->listen_fd, (void *)&sa, &n), 0);
	f->port = ntohs(sa.sin_port);
}

static struct event_base *new_base(void)
{
	struct event_config *cfg = event_config_new();
	struct event_base *base;

	event_config_set_flag(cfg, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
	base = event_base_new_with_config(cfg);
	event_config_free(cfg);
	assert_non_null(base);
	return base;
}

void fixture_open(struct fixture *f)
{
	signal(SIGPIPE, SIG_IGN);
	memset(f, 0, sizeof(*f));
	f->clock = (struct fake_clock){ { fake_mono_us, fake_wall_ms }, 1000000 };
	f->base = new_base();
	f->collect_limit = 1 << 20;
	f->served.take = true;
	buf_init(&f->served.body, EVERYTHING);
	listen_anywhere(f);
	f->deps = (struct gate_deps){
		.base = f->base,
		.clock = &f->clock.clock,
		.limits = {
			.head = { .line = 2048, .head = 8192, .headers = 100 },
			.head_timeout = 10000,
			.body_timeout = 30000,
			.idle_timeout = 75000,
			.stall_timeout = 60000,
			.linger_timeout = 2000,
			.max_connections = 1000,
			.reply_high_water = 64 << 10,
		},
		.on_request = on_request,
		.arg = f,
	};
}

void fixture_start(struct fixture *f)
{
	assert_int_equal(gate_new(&f->deps, &f->gate), 0);
	assert_int_equal(gate_serve(f->gate, f->listen_fd), 0);
}

void fixture_close(struct fixture *f)
{
	gate_free(f->gate);
	close(f->listen_fd);
	event_base_free(f->base);
	buf_done(&f->served.body);
}

int gate_setup(void **state)
{
	struct fixture *f = test_malloc(sizeof(*f));

	fixture_open(f);
	fixture_start(f);
	*state = f;
	return 0;
}

int gate_teardown(void **state)
{
	fixture_close(*state);
	test_free(*state);
	return 0;
}

static void turn(struct fixture *f, int n)
{
	while (n-- > 0)
		event_base_loop(f->base, EVLOOP_NONBLOCK);
}

void fixture_turn(struct fixture *f)
{
	turn(f, 8);
}

struct gate_stats fixture_stats(struct fixture *f)
{
	struct gate_stats s;

	gate_stats(f->gate, &s);
	return s;
}

void fixture_until(struct fixture *f, bool (*cond)(void *arg), void *arg)
{
	uint64_t give_up = clock_mono_us(&clock_system) + PATIENCE_US;

	while (!cond(arg)) {
		event_base_loop(f->base, EVLOOP_NONBLOCK);
		if (clock_mono_us(&clock_system) > give_up)
			fail_msg("waited too long");
	}
}

/* --- clients --- */

void client_open(struct client *c, struct fixture *f)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(f->port) };

	*c = (struct client){ .f = f };
	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	buf_init(&c->in, EVERYTHING);
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(c->fd >= 0);
	assert_int_equal(connect(c->fd, (void *)&sa, sizeof(sa)), 0);
	assert_int_equal(fcntl(c->fd, F_SETFL, O_NONBLOCK), 0);
}

void client_close(struct client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	buf_done(&c->in);
	fixture_turn(c->f);
}

static void receive(struct client *c)
{
	char piece[16384];
	ssize_t n;

	while (!c->eof && (n = recv(c->fd, piece, sizeof(piece), 0)) != 0) {
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			assert_int_equal(errno, ECONNRESET);
			c->reset = true;
			break;
		}
		assert_int_equal(buf_add(&c->in, piece, (size_t)n), 0);
	}
	c->eof = true;
}

size_t client_push(struct client *c, const char *p, size_t n)
{
	size_t done = 0;
	int idle = 0;

	while (done < n && idle < 20) {
		ssize_t k = send(c->fd, p + done, n - done, MSG_NOSIGNAL);

		idle = k > 0 ? 0 : idle + 1;
		done += k > 0 ? (size_t)k : 0;
		turn(c->f, 3);
	}
	return done;
}

void client_send(struct client *c, const char *p, size_t n)
{
	assert_int_equal(client_push(c, p, n), n);
}

void client_say(struct client *c, const char *text)
{
	client_send(c, text, strlen(text));
}

struct wish {
	struct client *c;
	struct str text;
	size_t bytes, looked; /* at so much of what was received */
};

static bool has_text(void *arg)
{
	struct wish *w = arg;
	struct str in;

	receive(w->c);
	in = str_slice(buf_str(&w->c->in), w->looked, SIZE_MAX);
	if (in.len >= w->text.len && memmem(in.p, in.len, w->text.p, w->text.len))
		return true;
	if (w->c->eof)
		fail_msg("no '%s' in: %s", w->text.p, buf_str(&w->c->in).p);
	if (in.len > w->text.len)
		w->looked += in.len - w->text.len;
	return false;
}

static bool has_bytes(void *arg)
{
	struct wish *w = arg;

	receive(w->c);
	if (w->c->eof && w->c->in.len < w->bytes)
		fail_msg("ended after %zu bytes", w->c->in.len);
	return w->c->in.len >= w->bytes;
}

static bool has_ended(void *arg)
{
	struct wish *w = arg;

	receive(w->c);
	return w->c->eof;
}

void client_expect(struct client *c, const char *text)
{
	fixture_until(c->f, has_text, &(struct wish){ .c = c, .text = str_from(text) });
}

void client_expect_bytes(struct client *c, size_t n)
{
	fixture_until(c->f, has_bytes, &(struct wish){ .c = c, .bytes = n });
}

void client_expect_end(struct client *c)
{
	fixture_until(c->f, has_ended, &(struct wish){ .c = c });
}

void client_expect_silence(struct client *c)
{
	size_t before = c->in.len;

	fixture_turn(c->f);
	receive(c);
	assert_false(c->eof);
	assert_int_equal(c->in.len, before);
}

void client_forget(struct client *c)
{
	buf_reset(&c->in);
}

size_t client_count(const struct client *c, const char *text)
{
	size_t n = 0, len = strlen(text);
	const char *p = buf_str(&c->in).p, *end = p + c->in.len;

	while ((p = memmem(p, (size_t)(end - p), text, len))) {
		p += len;
		n++;
	}
	return n;
}

bool client_has(const struct client *c, const char *text)
{
	return client_count(c, text) > 0;
}
