/*
 * front_evhttp.c - evhttp, reduced to what the gate needs of it.
 *
 * evhttp 2.1 buffers whole bodies, does not see a client leave, has no
 * deadlines of use, takes malformed framing for further requests, and ends the
 * process on a byte that comes at the wrong time. So it is shown no byte of a
 * client's: the bufferevent's callbacks are the gate's for the connection's
 * whole life. When a request is due, HEAD is put into the input and evhttp's
 * own read callback is called, once; when the reply is written,
 * evhttp_send_reply_end() finds nothing left to send and goes on at once.
 *
 * A filter or a pair of bufferevents in front of evhttp does not do: evhttp
 * 2.1 takes a filter's "moved to the layer below" for "sent" and frees the
 * connection, and refuses a pair for want of a descriptor.
 *
 * One detail of evhttp is relied on that its headers do not promise: that the
 * callbacks it sets have its connection as their argument. It is so from 2.0
 * to 2.2, and front_new() looks.
 */
#include "proxy/front_evhttp.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/listener.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/socket.h>

/* Method, target and fields are in struct h1_head, which is the only truth. */
#define HEAD "GET / HTTP/1.1\r\n\r\n"

struct listener {
	SLIST_ENTRY(listener) link;
	struct evconnlistener *lev; /* evhttp's */
};

struct front {
	struct event_base *base;
	struct evhttp *http;
	SLIST_HEAD(, listener) listeners;
	front_accept_cb *on_accept;
	void *arg;
	bufferevent_data_cb read; /* evhttp's own */
	/* Inside front_begin(). */
	struct evhttp_connection *beginning;
	struct evhttp_request *begun;
};

/* --- set-up --- */

/* Asks evhttp for its read callback by way of a connection that goes nowhere. */
static int learn_callbacks(struct front *f)
{
	struct bufferevent *bev = bufferevent_socket_new(f->base, -1, 0);
	struct evhttp_connection *ec;
	void *arg = NULL;

	if (!bev)
		return -ENOMEM;
	ec = evhttp_connection_base_bufferevent_new(f->base, NULL, bev, "", 0);
	if (!ec) {
		bufferevent_free(bev);
		return -ENOMEM;
	}
	bufferevent_getcb(bev, &f->read, NULL, NULL, &arg);
	evhttp_connection_free(ec);
	return arg == ec && f->read ? 0 : -ENOTSUP;
}

static struct bufferevent *make_bev(struct event_base *base, void *arg)
{
	struct front *f = arg;

	(void)base;
	return f->on_accept(f->arg);
}

static void on_dispatch(struct evhttp_request *req, void *arg)
{
	struct front *f = arg;
	struct evhttp_connection *ec = evhttp_request_get_connection(req);

	if (ec == f->beginning)
		f->begun = req;
	else /* on_accept() refused it, and evhttp went on with a bufferevent of its own
	      */
		evhttp_connection_free(ec);
}

int front_new(struct event_base *base, front_accept_cb *on_accept, void *arg,
	      struct front **ret)
{
	struct front *f = calloc(1, sizeof(*f));
	int err = -ENOMEM;

	if (!f)
		return -ENOMEM;
	f->base = base;
	f->on_accept = on_accept;
	f->arg = arg;
	SLIST_INIT(&f->listeners);
	f->http = evhttp_new(base);
	if (!f->http)
		goto fail;
	err = learn_callbacks(f);
	if (err)
		goto fail;
	evhttp_set_bevcb(f->http, make_bev, f);
	evhttp_set_gencb(f->http, on_dispatch, f);
	/* For connections that on_accept() refused: ours send HEAD. */
	evhttp_set_max_headers_size(f->http, 4 * (ev_ssize_t)sizeof(HEAD));
	evhttp_set_max_body_size(f->http, 0);
	*ret = f;
	return 0;
fail:
	front_free(f);
	return err;
}

void front_free(struct front *f)
{
	if (!f)
		return;
	if (f->http)
		evhttp_free(f->http);
	while (!SLIST_EMPTY(&f->listeners)) {
		struct listener *l = SLIST_FIRST(&f->listeners);

		SLIST_REMOVE_HEAD(&f->listeners, link);
		free(l);
	}
	free(f);
}

/* --- accepting --- */

/*
 * The socket stays readable while accept(2) fails (EMFILE, ENFILE, ENOBUFS,
 * ENOMEM), and the loop would spin.
 */
static void on_accept_error(struct evconnlistener *lev, void *arg)
{
	(void)arg; /* evhttp */
	evconnlistener_disable(lev);
}

int front_listen(struct front *f, int fd)
{
	struct listener *l = malloc(sizeof(*l));
	int on = 1;

	if (!l)
		return -ENOMEM;
	if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0) {
		free(l);
		return -errno;
	}
	/* Inherited by what is accepted; fails for a unix socket. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	l->lev = evconnlistener_new(f->base, NULL, NULL, LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	if (!l->lev || !evhttp_bind_listener(f->http, l->lev)) {
		if (l->lev)
			evconnlistener_free(l->lev);
		free(l);
		return -ENOMEM;
	}
	evconnlistener_set_error_cb(l->lev, on_accept_error);
	SLIST_INSERT_HEAD(&f->listeners, l, link);
	return 0;
}

void front_accept(struct front *f, bool on)
{
	struct listener *l;

	SLIST_FOREACH(l, &f->listeners, link)
	{
		if (on)
			evconnlistener_enable(l->lev);
		else
			evconnlistener_disable(l->lev);
	}
}

/* --- one connection --- */

struct evhttp_connection *front_adopt(struct bufferevent *bev, front_lost_cb *on_lost,
				      void *arg)
{
	void *ec = NULL;

	bufferevent_getcb(bev, NULL, NULL, NULL, &ec);
	if (ec)
		evhttp_connection_set_closecb(ec, on_lost, arg);
	return ec;
}

struct evhttp_request *front_begin(struct front *f, struct evhttp_connection *ec)
{
	struct bufferevent *bev = evhttp_connection_get_bufferevent(ec);
	struct evbuffer *in = bufferevent_get_input(bev);

	/* A socket's bufferevent lets nobody else append to its input; it is empty. */
	if (evbuffer_prepend(in, HEAD, sizeof(HEAD) - 1) < 0)
		return NULL;
	f->beginning = ec;
	f->begun = NULL;
	f->read(bev, ec);
	f->beginning = NULL;
	return f->begun;
}

void front_end(struct evhttp_request *req)
{
	evhttp_send_reply_end(req);
}

void front_close(struct evhttp_connection *ec)
{
	evhttp_connection_set_closecb(ec, NULL, NULL);
	evhttp_connection_free(ec);
}

const struct sockaddr *front_peer(struct evhttp_connection *ec)
{
	return evhttp_connection_get_addr(ec);
}

struct str front_peer_text(struct evhttp_connection *ec)
{
	char *address = NULL;
	ev_uint16_t port;

	evhttp_connection_get_peer(ec, &address, &port);
	return str_from(address);
}
