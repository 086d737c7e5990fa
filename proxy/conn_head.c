/* conn_head.c - a request's head: found among the bytes, judged, and handed on. */
#include "proxy/conn.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include <assert.h>

/* Looked at in one go; libevent 2.1 reads no more at once either. */
#define PIECE 4096

static void begin(struct conn *c, size_t head_len)
{
	struct gate *g = c->gate;
	struct conn_request *rq = c->rq;
	const char *why;
	enum fault f = h1_parse_request(rq->text.p, head_len, &g->deps.limits.head,
					&rq->head, &why);

	if (f) {
		reply_refuse(c, f, why);
		return;
	}
	body_begin(rq);
	rq->reply = (struct reply){ 0 };
	c->ereq = front_begin(g->front, c->ec);
	if (!c->ereq) {
		conn_lost(c);
		return;
	}
	bufferevent_enable(c->bev, EV_READ);
	c->served = true;
	g->stats.requests++;
	conn_set_state(c, CONN_ACTIVE);
	g->deps.on_request(g->deps.arg, c);
	assert(c->state != CONN_ACTIVE || c->ev);
}

/* As h1_head_end(); takes off raw what is the head's. */
static ptrdiff_t take_piece(struct conn_request *rq, const struct h1_limits *lim)
{
	size_t before = rq->text.len, blank, n;
	struct evbuffer_iovec v;
	ptrdiff_t end;

	evbuffer_peek(rq->raw, -1, NULL, &v, 1);
	n = v.iov_len < PIECE ? v.iov_len : PIECE;
	if (buf_add(&rq->text, v.iov_base, n) < 0)
		return -(ptrdiff_t)FAULT_HEAD_TOO_LARGE;
	blank = rq->scanned ? 0 : h1_leading_crlf(rq->text.p, rq->text.len);
	if (blank > 0) {
		buf_reset(&rq->text);
		evbuffer_drain(rq->raw, blank - before);
		return 0;
	}
	end = h1_head_end(rq->text.p, rq->text.len, &rq->scanned, lim);
	evbuffer_drain(rq->raw, end > 0 ? (size_t)end - before : n);
	return end;
}

void head_take(struct conn *c)
{
	struct conn_request *rq = c->rq;
	ptrdiff_t end = 0;

	while (end == 0 && evbuffer_get_length(rq->raw) > 0)
		end = take_piece(rq, &c->gate->deps.limits.head);
	if (end > 0)
		begin(c, (size_t)end);
	else if (end < 0)
		reply_refuse(c, (enum fault)(-end), NULL);
	else if (rq->text.len == 0) /* nothing but blank lines */
		conn_rest(c);
	else if (c->state == CONN_IDLE)
		conn_set_state(c, CONN_HEAD);
}
