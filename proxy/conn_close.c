/* conn_close.c - how a client's connection ends. */
#include "proxy/conn.h"

#include <event2/bufferevent.h>
#include <event2/event.h>

#include <sys/socket.h>

/* Nothing of it is called any more. */
static void die(struct conn *c)
{
	if (c->bev) {
		bufferevent_setcb(c->bev, NULL, NULL, NULL, NULL);
		bufferevent_disable(c->bev, EV_READ | EV_WRITE);
		gate_watch_hangup(c, false);
	}
	c->ev = NULL;
	conn_set_state(c, CONN_DEAD);
	gate_later(c);
}

/*
 * AF_UNSPEC makes TCP send a reset at once; SO_LINGER would come too late, as
 * evhttp calls shutdown(2) before it closes.
 */
static void reset_peer(struct conn *c)
{
	const struct sockaddr none = { .sa_family = AF_UNSPEC };

	(void)connect(bufferevent_getfd(c->bev), &none, sizeof(none));
}

void conn_lost(struct conn *c)
{
	const struct conn_events *ev = c->ev;

	if (c->until_close && !c->shut && c->bev)
		reset_peer(c);
	die(c);
	if (!ev)
		return;
	c->gate->stats.clients_gone++;
	ev->on_gone(c->arg);
}

/* All that was queued has gone: says that no more will be, where that is true. */
static void end_output(struct conn *c)
{
	const struct gate_deps *deps = &c->gate->deps;

	if (!c->aborted && deps->end_bev)
		deps->end_bev(deps->bev_arg, c->bev);
}

void conn_close(struct conn *c)
{
	end_output(c);
	die(c);
}

void conn_linger_flushed(struct conn *c)
{
	if (c->aborted && c->until_close) {
		conn_lost(c);
		return;
	}
	if (c->eof) {
		conn_close(c);
		return;
	}
	if (c->shut)
		return;
	c->shut = true;
	end_output(c);
	shutdown(bufferevent_getfd(c->bev), SHUT_WR);
}

/*
 * close(2) with bytes unread sends a reset, and with it the client may lose
 * what was written: so they are read off until the client ends its side.
 */
void conn_linger(struct conn *c)
{
	conn_set_state(c, CONN_LINGER);
	c->ev = NULL;
	if (!c->eof) {
		gate_watch_hangup(c, false);
		c->reading = true;
		bufferevent_enable(c->bev, EV_READ);
	}
	if (conn_queued(c) == 0)
		conn_linger_flushed(c);
	gate_later(c);
}

void conn_eof(struct conn *c)
{
	bool flushing = c->state == CONN_FLUSH || c->state == CONN_LINGER;

	c->eof = true;
	if (!flushing || conn_queued(c) == 0) {
		conn_lost(c);
		return;
	}
	c->reading = false;
	bufferevent_disable(c->bev, EV_READ);
	gate_watch_hangup(c, false);
	/* A TLS bufferevent has stopped writing as well. */
	bufferevent_enable(c->bev, EV_WRITE);
}
