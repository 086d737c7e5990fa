/*
 * gate.h - the client's side: framing in front of evhttp, and its replies.
 *
 * The gate takes every byte off a connection, checks the framing itself
 * (net/h1.h) and has evhttp begin a request once it is valid; evhttp never
 * frames one. Bodies are streams, or are collected up to a limit; replies are
 * written by our own head writer and ended by evhttp. front_evhttp.c is the
 * only file that knows evhttp.
 *
 * A connection serves one request at a time, in order. Everything here runs on
 * one event loop, in a process that ignores SIGPIPE.
 *
 * What calls back when: conn_collect() may call on_body before it returns. No
 * other function here calls back; what there is to tell comes later in the
 * same turn of the loop. conn_end(), conn_abort() and conn_answer() may be
 * called inside any callback of a request but on_gone.
 */
#ifndef PROXY_GATE_H
#define PROXY_GATE_H

#include "base/clock.h"
#include "base/fault.h"
#include "base/header.h"
#include "base/log.h"
#include "net/h1.h"

#include <stdbool.h>
#include <stdint.h>

struct bufferevent;
struct evbuffer;
struct event_base;
struct gate;
struct conn;

/* Milliseconds and bytes; copied, so that a reload can replace them. */
struct gate_limits {
	struct h1_limits head;
	uint64_t head_timeout;  /* from a request's first byte to the end of its head */
	uint64_t body_timeout;  /* between two reads of a body that somebody waits for */
	uint64_t idle_timeout;  /* before a connection's first request, and between two */
	uint64_t stall_timeout; /* a reply of which the client takes nothing */
	uint64_t linger_timeout;  /* after an early answer: to let the client read it */
	uint64_t max_connections; /* 0: as many as there are descriptors for */
	size_t reply_high_water;  /* queued reply bytes over which conn_write() says
				     "stop" */
};

struct gate_deps {
	struct event_base *base;
	const struct clock *clock;
	struct log log;
	struct gate_limits limits;
	/*
	 * A head is valid. The handler must conn_claim() it, or end it
	 * (conn_answer(), conn_abort()) before it returns.
	 */
	void (*on_request)(void *arg, struct conn *c);
	void *arg;
	/*
	 * Makes the bufferevent of a socket that is being accepted, without one
	 * yet (fd -1), with BEV_OPT_CLOSE_ON_FREE and no deferred callbacks: TLS
	 * puts its own here. NULL: bufferevent_socket_new.
	 */
	struct bufferevent *(*new_bev)(void *bev_arg, struct event_base *base);
	/*
	 * All that was written has gone, and no more will be: TLS says so with its
	 * close_notify. Not called where a reply is not whole. May be NULL.
	 */
	void (*end_bev)(void *bev_arg, struct bufferevent *bev);
	void *bev_arg;
};

/* 0, -errno, or -ENOTSUP where this libevent is not made as front_evhttp.c needs it. */
int gate_new(const struct gate_deps *deps, struct gate **ret);
/*
 * Accepts on a listening socket, which stays the caller's (several loops may
 * share one) and must outlive the gate. Makes it non-blocking, and TCP_NODELAY
 * where it is TCP. 0 or -errno.
 */
int gate_serve(struct gate *g, int listen_fd);
/*
 * Stops accepting and ends connections that wait for another request; each
 * other one ends after the reply under way (Connection: close) or to come.
 */
void gate_drain(struct gate *g);
void gate_set_limits(struct gate *g, const struct gate_limits *limits);
/*
 * Ends every connection (on_gone for each request under way) and frees. Not
 * from inside one of its callbacks. NULL is fine.
 */
void gate_free(struct gate *g);

struct gate_stats {
	uint64_t accepted, open, active; /* active: with a request under way */
	uint64_t requests;               /* handed on */
	uint64_t refused[FAULT_N];       /* by the gate itself, before that */
	uint64_t clients_gone;           /* on_gone was called */
};
void gate_stats(const struct gate *g, struct gate_stats *ret);

/* --- one request: from on_request until conn_end(), conn_abort() or on_gone --- */

const struct h1_head *conn_head(const struct conn *c);
/* The peer's address as numeric text without the port; "" for a unix socket. */
struct str conn_peer(const struct conn *c);
bool conn_peer_is_loopback(const struct conn *c); /* a unix socket's is */

enum conn_body_event {
	CONN_BODY_DATA, /* conn_body() holds more (streams only) */
	CONN_BODY_END,  /* all of it is in conn_body(), or was taken from there */
	CONN_BODY_FAULT,
};

struct conn_events {
	/*
	 * fault: FAULT_BAD_REQUEST (malformed), FAULT_BODY_TIMEOUT,
	 * FAULT_BODY_TOO_LARGE, FAULT_INTERNAL (out of memory).
	 */
	void (*on_body)(void *arg, enum conn_body_event ev, enum fault fault);
	/*
	 * The client has left (half-closing counts), takes nothing of its reply,
	 * or the connection failed: the conn is dead inside this call.
	 */
	void (*on_gone)(void *arg);
	/* The queued reply has fallen to half the high-water mark. */
	void (*on_drain)(void *arg);
};

/* The events and their argument may be replaced by claiming again. */
void conn_claim(struct conn *c, const struct conn_events *ev, void *arg);

/*
 * Collects the body. on_body says END, or FAULT as soon as it is too large (by
 * its Content-Length: at once) or broken. May call back before it returns.
 * On FAULT_BODY_TOO_LARGE nothing is lost: conn_stream() may take over, and
 * what was collected is in conn_body().
 */
void conn_collect(struct conn *c, uint64_t limit);
/*
 * Hands the body on as it comes: on_body DATA…, END. Reading stops while
 * conn_body() holds more than 256 KiB; tell conn_consumed() after draining.
 * A client that waits for 100 Continue gets it from this or conn_collect().
 */
void conn_stream(struct conn *c);
void conn_consumed(struct conn *c);
struct evbuffer *conn_body(struct conn *c); /* the decoded content not yet taken */
bool conn_body_ended(const struct conn *c); /* no more will come into conn_body() */

/* --- the reply (reply.c) --- */

/*
 * Head: conn_reply(), any number of conn_header(), conn_head_done(). Date is
 * added where the headers have none. Framing is the gate's: Content-Length,
 * Transfer-Encoding, Connection and Keep-Alive among the headers are left out,
 * and `length` -1 means chunked (HTTP/1.0: until close). The body of a reply
 * to HEAD, of a 204 and of a 304 is dropped. A name or value with CR, LF or
 * NUL is left out with its field, a reason of that kind is replaced.
 *
 * A status of 101 has no framing, and its Connection header goes as given.
 */
void conn_reply(struct conn *c, int status,
		struct str reason); /* reason absent: the usual one */
void conn_header(struct conn *c, struct str name, struct str value);
void conn_head_done(struct conn *c, int64_t length);
/*
 * Copies. False: the client is behind, wait for on_drain (more may still be
 * written). What goes beyond the length announced is dropped.
 */
bool conn_write(struct conn *c, const void *p, size_t n);
/*
 * The reply is whole; one shorter than announced ends as by conn_abort(). The
 * conn goes on to its next request by itself; c is dead to the caller.
 */
void conn_end(struct conn *c);
/*
 * The reply cannot be whole. What was written goes out first, then the
 * connection ends so that the client sees it. c is dead to the caller.
 */
void conn_abort(struct conn *c);
/* Head, body and end in one. content_type may be absent. */
void conn_answer(struct conn *c, int status, struct headers extra,
		 struct str content_type, struct str body);
bool conn_replying(const struct conn *c); /* conn_reply() was called */
size_t conn_queued(const struct conn *c); /* bytes that the socket has not taken yet */

/*
 * The connection is given up to another protocol: its bufferevent's callbacks
 * are the caller's, and bytes already read are in its input. conn_end() (after
 * what is queued) or conn_abort() ends it; on_gone says that the gate goes.
 */
struct bufferevent *conn_take_bev(struct conn *c);

#endif
