/*
 * conn.c - one client's connection, from accept to close.
 *
 *   FRESH -> IDLE -> HEAD -> ACTIVE -> FLUSH ( -> DISCARD ) -> IDLE …
 *                     |        |         |          |
 *                     +--------+---------+----------+-> LINGER -> DEAD
 *
 * The bufferevent's callbacks are ours all along; bytes go from its input to
 * rq->raw at once, so that the input is empty when evhttp is shown something.
 * The handler is never called from inside one of its own calls but
 * conn_collect(): what those cause is put off to conn_run(), and so is freeing.
 */
#include "proxy/conn.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* Unread bytes over which reading stops: a whole head and a burst of pipelining fit. */
#define RAW_MAX (64u << 10)
/* What libevent reads at a time (EVBUFFER_MAX_READ of its buffer.c). */
#define READ_STEP 4096

static const char *const state_names[] = {
	[CONN_FRESH] = "fresh",   [CONN_IDLE] = "idle",     [CONN_HEAD] = "head",
	[CONN_ACTIVE] = "active", [CONN_FLUSH] = "flush",   [CONN_DISCARD] = "discard",
	[CONN_LINGER] = "linger", [CONN_TUNNEL] = "tunnel", [CONN_DEAD] = "dead",
};
_Static_assert(sizeof(state_names) / sizeof(state_names[0]) == CONN_STATES,
	       "every state has a name");

/* --- states --- */

static uint64_t state_timeout(const struct gate_limits *limits, enum conn_state state)
{
	switch (state) {
	case CONN_FRESH:
	case CONN_IDLE:
		return limits->idle_timeout;
	case CONN_HEAD:
		return limits->head_timeout;
	case CONN_DISCARD:
	case CONN_LINGER:
		return limits->linger_timeout;
	default:
		return 0;
	}
}

static bool is_active(enum conn_state s)
{
	return s == CONN_ACTIVE || s == CONN_FLUSH || s == CONN_TUNNEL;
}

void conn_set_state(struct conn *c, enum conn_state to)
{
	struct gate *g = c->gate;
	uint64_t timeout = state_timeout(&g->deps.limits, to);

	log_debug(&g->deps.log, "connection %p: %s to %s", (void *)c,
		  state_names[c->state], state_names[to]);
	g->stats.active += is_active(to);
	g->stats.active -= is_active(c->state);
	c->state = to;
	c->deadline = timeout ? gate_now(g) + timeout : UINT64_MAX;
}

/*
 * Reads while there is room for what comes: a body that the handler does not
 * take stays in raw, and so do pipelined requests.
 */
static void control_reading(struct conn *c)
{
	const struct conn_request *rq = c->state == CONN_LINGER ? NULL : c->rq;
	bool room = !rq || (evbuffer_get_length(rq->raw) < RAW_MAX && !rq->body.full);
	bool on = room && !c->eof;

	if (c->state == CONN_DEAD || c->state == CONN_TUNNEL || on == c->reading)
		return;
	c->reading = on;
	if (on)
		bufferevent_enable(c->bev, EV_READ);
	else
		bufferevent_disable(c->bev, EV_READ);
	gate_watch_hangup(c, !on && !c->eof);
}

static void release_request(struct conn *c)
{
	if (c->rq)
		gate_give_request(c->gate, c->rq);
	c->rq = NULL;
}

void conn_rest(struct conn *c)
{
	release_request(c);
	if (c->state != CONN_IDLE)
		conn_set_state(c, CONN_IDLE);
}

/* evhttp was out of memory. */
static void on_evhttp_gave_up(struct evhttp_connection *ec, void *arg)
{
	struct conn *c = arg;

	(void)ec;
	c->ec = NULL;
	c->ereq = NULL;
	c->bev = NULL;
}

/* --- requests, one after another --- */

static void advance(struct conn *c);
static void take_callbacks(struct conn *c);

/* The reply is written and the request read to its end. */
static void next_request(struct conn *c)
{
	struct evhttp_request *ereq = c->ereq;

	c->ereq = NULL;
	front_end(ereq);
	if (!c->ec) {
		conn_lost(c);
		return;
	}
	take_callbacks(c);
	gate_watch_hangup(c, false);
	c->reading = true;
	if (evbuffer_get_length(c->rq->raw) == 0) {
		conn_rest(c);
		return;
	}
	conn_set_state(c, CONN_IDLE);
	buf_reset(&c->rq->text);
	c->rq->scanned = 0;
	advance(c);
}

static void reply_flushed(struct conn *c)
{
	struct conn_request *rq = c->rq;
	bool framed = body_drop(rq);

	if (!framed || c->closing || c->eof || c->gate->draining) {
		if (c->eof || (rq->body.ended && evbuffer_get_length(rq->raw) == 0))
			conn_close(c);
		else
			conn_linger(c);
	} else if (rq->body.ended) {
		next_request(c);
	} else {
		conn_set_state(c, CONN_DISCARD);
	}
}

static void discard(struct conn *c)
{
	if (!body_drop(c->rq) || c->gate->draining)
		conn_linger(c);
	else if (c->rq->body.ended)
		next_request(c);
}

/* Bytes are in raw, or there is room again for what comes of them. */
static void advance(struct conn *c)
{
	switch (c->state) {
	case CONN_IDLE:
	case CONN_HEAD:
		head_take(c);
		break;
	case CONN_ACTIVE:
		body_pump(c);
		break;
	case CONN_FLUSH:
		c->closing |= !body_drop(c->rq);
		break;
	case CONN_DISCARD:
		discard(c);
		break;
	default:
		break;
	}
	control_reading(c);
}

/* --- events --- */

static void on_read(struct bufferevent *bev, void *arg)
{
	struct conn *c = arg;
	struct evbuffer *in = bufferevent_get_input(bev);
	bool more = c->state == CONN_ACTIVE && evbuffer_get_length(in) >= READ_STEP;

	if (c->state == CONN_LINGER) {
		evbuffer_drain(in, evbuffer_get_length(in));
		return;
	}
	if (!c->rq)
		c->rq = gate_take_request(c->gate);
	if (!c->rq || evbuffer_add_buffer(c->rq->raw, in) < 0) {
		conn_lost(c);
		return;
	}
	if (more)
		body_read_along(c);
	advance(c);
}

static void reply_drained(struct conn *c)
{
	struct reply *r = &c->rq->reply;

	if (!r->behind || conn_queued(c) > c->gate->deps.limits.reply_high_water / 2)
		return;
	r->behind = false;
	c->ev->on_drain(c->arg);
}

/* Something was written; how much is left is to be seen (TLS calls late). */
static void on_write(struct bufferevent *bev, void *arg)
{
	struct conn *c = arg;
	bool flushed = conn_queued(c) == 0;

	(void)bev;
	if (c->state == CONN_ACTIVE && c->ev)
		reply_drained(c);
	else if (c->state == CONN_FLUSH && flushed)
		reply_flushed(c);
	else if (c->state == CONN_LINGER && flushed)
		conn_linger_flushed(c);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	if (what & BEV_EVENT_CONNECTED) /* a TLS handshake is done */
		return;
	if (what & BEV_EVENT_EOF && what & BEV_EVENT_READING)
		conn_eof(arg);
	else
		conn_lost(arg);
}

static void take_callbacks(struct conn *c)
{
	bufferevent_setcb(c->bev, on_read, on_write, on_event, c);
}

/* evhttp has done its part of accepting. */
static void adopt(struct conn *c)
{
	c->ec = front_adopt(c->bev, on_evhttp_gave_up, c);
	if (!c->ec) {
		conn_free(c);
		return;
	}
	take_callbacks(c);
	bufferevent_setwatermark(c->bev, EV_READ, 0, 0);
	bufferevent_setwatermark(c->bev, EV_WRITE,
				 c->gate->deps.limits.reply_high_water / 2, 0);
	c->reading = true;
	conn_set_state(c, CONN_IDLE);
	bufferevent_decref(c->bev);
	if (evbuffer_get_length(bufferevent_get_input(c->bev)) > 0)
		on_read(c->bev, c);
}

void conn_run(struct conn *c)
{
	switch (c->state) {
	case CONN_FRESH:
		adopt(c);
		break;
	case CONN_ACTIVE:
		if (c->rq->reply.broken)
			conn_lost(c);
		else
			advance(c);
		break;
	case CONN_FLUSH:
		advance(c);
		if (conn_queued(c) == 0)
			reply_flushed(c);
		break;
	case CONN_LINGER:
		release_request(c);
		break;
	case CONN_DEAD:
		conn_free(c);
		break;
	default:
		break;
	}
}

/* --- deadlines --- */

static void deadline_passed(struct conn *c)
{
	switch (c->state) {
	case CONN_FRESH:
		break;
	case CONN_HEAD:
		reply_refuse(c, FAULT_HEAD_TIMEOUT, NULL);
		break;
	case CONN_ACTIVE:
		body_timed_out(c);
		break;
	case CONN_IDLE:
		conn_close(c);
		break;
	default:
		conn_lost(c);
	}
}

/* Bytes have been queued for so many ticks and the socket took none. */
static bool is_stalled(struct conn *c, uint64_t now)
{
	size_t queued = conn_queued(c);
	uint64_t written = c->out_total - queued;

	if (queued == 0) {
		c->stall_deadline = 0;
		return false;
	}
	if (c->stall_deadline == 0 || written != c->out_written) {
		c->out_written = written;
		c->stall_deadline = now + c->gate->deps.limits.stall_timeout;
		return false;
	}
	return now >= c->stall_deadline;
}

void conn_tick(struct conn *c, uint64_t now)
{
	if (now >= c->deadline)
		deadline_passed(c);
	else if ((c->state == CONN_ACTIVE || c->state == CONN_FLUSH) &&
		 is_stalled(c, now))
		conn_lost(c);
}

/* --- life --- */

struct conn *conn_new(struct gate *g, struct bufferevent *bev)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->gate = g;
	c->bev = bev;
	bufferevent_incref(bev);
	/* evhttp sees nothing before adopt() has the callbacks. */
	bufferevent_setwatermark(bev, EV_READ, SIZE_MAX, 0);
	gate_conn_opened(c);
	conn_set_state(c, CONN_FRESH);
	gate_later(c);
	return c;
}

void conn_free(struct conn *c)
{
	if (c->state == CONN_FRESH)
		bufferevent_decref(c->bev);
	else if (c->ec)
		front_close(c->ec);
	release_request(c);
	gate_conn_freed(c);
	free(c);
}

/* --- what the handler may ask and do --- */

const struct h1_head *conn_head(const struct conn *c)
{
	return &c->rq->head;
}

/* An IPv4 address that came by way of an IPv6 socket is told as what it is. */
struct str conn_peer(const struct conn *c)
{
	const struct str mapped = STR("::ffff:");
	struct str text;

	if (front_peer(c->ec)->sa_family == AF_UNIX)
		return STR("");
	text = front_peer_text(c->ec);
	if (str_has_prefix(text, mapped) && memchr(text.p, '.', text.len))
		return str_slice(text, mapped.len, text.len);
	return text;
}

bool conn_peer_is_loopback(const struct conn *c)
{
	const struct sockaddr *sa = front_peer(c->ec);
	const struct sockaddr_in *in = (const void *)sa;
	const struct in6_addr *in6 =
		&((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;

	switch (sa->sa_family) {
	case AF_UNIX:
		return true;
	case AF_INET:
		return ntohl(in->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	case AF_INET6:
		return IN6_IS_ADDR_LOOPBACK(in6) ||
		       (IN6_IS_ADDR_V4MAPPED(in6) && in6->s6_addr[12] == IN_LOOPBACKNET);
	default:
		return false;
	}
}

void conn_claim(struct conn *c, const struct conn_events *ev, void *arg)
{
	c->ev = ev;
	c->arg = arg;
}

struct bufferevent *conn_take_bev(struct conn *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);

	evbuffer_prepend_buffer(in, c->rq->raw);
	gate_watch_hangup(c, false);
	conn_set_state(c, CONN_TUNNEL);
	bufferevent_setcb(c->bev, NULL, NULL, NULL, NULL);
	bufferevent_setwatermark(c->bev, EV_WRITE, 0, 0);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
	return c->bev;
}

void conn_leave_tunnel(struct conn *c)
{
	take_callbacks(c);
	bufferevent_setwatermark(c->bev, EV_READ, 0, 0);
	c->rq->body.ended = true;
	c->closing = true;
	c->reading = bufferevent_get_enabled(c->bev) & EV_READ;
}
