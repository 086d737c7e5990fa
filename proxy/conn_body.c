/* conn_body.c - a request's body: collected, streamed or read off. */
#include "proxy/conn.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>

#include <sys/ioctl.h>
#include <sys/socket.h>

/* Decoded content that the handler has not taken, over which no more is decoded. */
#define CONTENT_MAX (256u << 10)
/*
 * Of a body that nobody took: read off, so that the connection can go on. More
 * would cost more than a new connection.
 */
#define DROP_MAX (64u << 10)
/* What is read along at once. */
#define READ_MAX (64u << 10)

void body_begin(struct conn_request *rq)
{
	const struct h1_head *h = &rq->head;

	rq->body = (struct request_body){ .mode = BODY_HELD };
	if (h->body == H1_BODY_CHUNKED)
		h1_chunked_init(&rq->body.chunked);
	else if (h->body == H1_BODY_LENGTH)
		rq->body.left = h->length;
	rq->body.ended =
		h->body == H1_BODY_NONE || (h->body == H1_BODY_LENGTH && h->length == 0);
}

/* --- decoding --- */

/* Takes framing off raw; returns how many bytes of content follow there, if any. */
static uint64_t next_content(struct conn_request *rq)
{
	struct request_body *b = &rq->body;
	struct evbuffer_iovec v;
	enum h1_chunk_event ev;
	uint64_t n = 0;
	size_t consumed;

	if (rq->head.body == H1_BODY_LENGTH)
		return b->left;
	evbuffer_peek(rq->raw, -1, NULL, &v, 1);
	ev = h1_chunked_feed(&b->chunked, v.iov_base, v.iov_len, &consumed, &n);
	evbuffer_drain(rq->raw, consumed);
	b->ended = ev == H1_CHUNK_END;
	if (ev == H1_CHUNK_BAD)
		b->fault = FAULT_BAD_REQUEST;
	return ev == H1_CHUNK_DATA ? n : 0;
}

static void take_content(struct conn_request *rq, uint64_t n)
{
	struct request_body *b = &rq->body;
	size_t there = evbuffer_get_length(rq->raw);
	size_t take = n < there ? (size_t)n : there;

	if (b->mode == BODY_DROPPED) {
		evbuffer_drain(rq->raw, take);
	} else if (evbuffer_remove_buffer(rq->raw, rq->content, take) != (int)take) {
		b->fault = FAULT_INTERNAL;
		return;
	}
	b->got += take;
	if (rq->head.body == H1_BODY_CHUNKED) {
		h1_chunked_took(&b->chunked, take);
	} else {
		b->left -= take;
		b->ended = b->left == 0;
	}
}

static bool wants_more(struct conn_request *rq)
{
	struct request_body *b = &rq->body;

	switch (b->mode) {
	case BODY_HELD:
		return false;
	case BODY_COLLECTED:
		return b->got <= b->limit;
	case BODY_STREAMED:
		b->full |= evbuffer_get_length(rq->content) >= CONTENT_MAX;
		return !b->full;
	case BODY_DROPPED:
		return true;
	}
	return false;
}

static void decode(struct conn_request *rq)
{
	struct request_body *b = &rq->body;

	while (!b->ended && !b->fault && wants_more(rq) &&
	       evbuffer_get_length(rq->raw) > 0) {
		uint64_t n = next_content(rq);

		if (n > 0)
			take_content(rq, n);
	}
	if (b->fault) /* where the next request would begin is not known */
		evbuffer_drain(rq->raw, evbuffer_get_length(rq->raw));
}

/* How much more may be read at once without passing CONTENT_MAX. */
static size_t room(const struct conn_request *rq)
{
	size_t held = evbuffer_get_length(rq->content) + evbuffer_get_length(rq->raw);

	if (rq->body.ended || rq->body.mode == BODY_HELD)
		return 0;
	if (rq->body.mode != BODY_STREAMED)
		return READ_MAX;
	return held < CONTENT_MAX ? CONTENT_MAX - held : 0;
}

void body_read_along(struct conn *c)
{
	int fd = bufferevent_getfd(c->bev), there = 0;
	size_t most = room(c->rq);
	struct evbuffer_iovec v;
	ssize_t n;

	if (!most || c->gate->deps.new_bev || ioctl(fd, FIONREAD, &there) < 0)
		return;
	if (most > READ_MAX)
		most = READ_MAX;
	if (there > 0 && (size_t)there < most)
		most = (size_t)there;
	if (there <= 0 || evbuffer_reserve_space(c->rq->raw, (ssize_t)most, &v, 1) != 1)
		return;
	n = recv(fd, v.iov_base, most, MSG_DONTWAIT);
	v.iov_len = n > 0 ? (size_t)n : 0;
	evbuffer_commit_space(c->rq->raw, &v, 1);
}

bool body_drop(struct conn_request *rq)
{
	struct request_body *b = &rq->body;

	if (b->mode != BODY_DROPPED) {
		b->mode = BODY_DROPPED;
		b->full = false;
		b->told = b->got;
		evbuffer_drain(rq->content, evbuffer_get_length(rq->content));
	}
	decode(rq);
	return !b->fault && b->got - b->told <= DROP_MAX;
}

/* --- telling --- */

static void tell(struct conn *c, enum conn_body_event ev, enum fault f)
{
	if (ev != CONN_BODY_DATA)
		c->rq->body.mode = BODY_HELD;
	c->ev->on_body(c->arg, ev, f);
}

/* What the events of the mode are, after decode(). */
static void report(struct conn *c)
{
	struct request_body *b = &c->rq->body;

	if (b->mode == BODY_HELD)
		return;
	if (b->fault) {
		tell(c, CONN_BODY_FAULT, b->fault);
		return;
	}
	if (b->mode == BODY_COLLECTED && b->got > b->limit) {
		tell(c, CONN_BODY_FAULT, FAULT_BODY_TOO_LARGE);
		return;
	}
	if (b->mode == BODY_STREAMED && b->got > b->told) {
		b->told = b->got;
		tell(c, CONN_BODY_DATA, FAULT_NONE);
	}
	/* The handler may have ended the request. */
	if (c->state == CONN_ACTIVE && b->mode != BODY_HELD && b->ended)
		tell(c, CONN_BODY_END, FAULT_NONE);
}

static void set_deadline(struct conn *c)
{
	const struct request_body *b = &c->rq->body;
	bool waits = (b->mode == BODY_COLLECTED || b->mode == BODY_STREAMED) &&
		     !b->ended && !b->full;

	c->deadline = waits ? gate_now(c->gate) + c->gate->deps.limits.body_timeout
			    : UINT64_MAX;
}

void body_pump(struct conn *c)
{
	decode(c->rq);
	report(c);
	if (c->state == CONN_ACTIVE)
		set_deadline(c);
}

void body_timed_out(struct conn *c)
{
	c->deadline = UINT64_MAX;
	c->rq->body.fault = FAULT_BODY_TIMEOUT;
	body_pump(c);
}

/* --- what the handler calls --- */

/* A client that waits to be asked for its body is asked. */
static void ask(struct conn *c)
{
	struct conn_request *rq = c->rq;
	struct request_body *b = &rq->body;

	if (!rq->head.expect_continue || b->continued || b->ended || b->got > 0 ||
	    rq->reply.head_done || evbuffer_get_length(rq->raw) > 0)
		return;
	b->continued = true;
	conn_send(c, "HTTP/1.1 100 Continue\r\n\r\n", 25);
}

void conn_collect(struct conn *c, uint64_t limit)
{
	struct conn_request *rq = c->rq;

	if (rq->head.body == H1_BODY_LENGTH && rq->head.length > limit) {
		tell(c, CONN_BODY_FAULT, FAULT_BODY_TOO_LARGE);
		return;
	}
	rq->body.mode = BODY_COLLECTED;
	rq->body.limit = limit;
	ask(c);
	body_pump(c);
	if (!c->reading) /* there is room again */
		gate_later(c);
}

void conn_stream(struct conn *c)
{
	c->rq->body.mode = BODY_STREAMED;
	ask(c);
	gate_later(c);
}

void conn_consumed(struct conn *c)
{
	struct request_body *b = &c->rq->body;

	if (!b->full || evbuffer_get_length(c->rq->content) >= CONTENT_MAX / 2)
		return;
	b->full = false;
	gate_later(c);
}

struct evbuffer *conn_body(struct conn *c)
{
	return c->rq->content;
}

bool conn_body_ended(const struct conn *c)
{
	return c->rq->body.ended;
}
