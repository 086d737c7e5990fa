/*
 * conn.h - a client's connection, as the gate's own files share it: gate.c
 * (all of them together), conn.c (one's life), conn_close.c (its end),
 * conn_head.c and conn_body.c (a request), reply.c (its reply).
 */
#ifndef PROXY_CONN_H
#define PROXY_CONN_H

#include "base/buf.h"
#include "proxy/front_evhttp.h"
#include "proxy/gate.h"

#include <event2/event_struct.h>

#include <sys/queue.h>
#include <time.h>

enum conn_state {
	CONN_FRESH,   /* accepted; evhttp's side of it is not known yet */
	CONN_IDLE,    /* no byte of a (further) request is here */
	CONN_HEAD,    /* part of a head is here */
	CONN_ACTIVE,  /* a request is with the handler */
	CONN_FLUSH,   /* its reply is whole, and being written */
	CONN_DISCARD, /* written; the rest of the request's body is read off */
	CONN_LINGER, /* no more requests: written to its end, then waits for the client */
	CONN_TUNNEL, /* speaks another protocol */
	CONN_DEAD,   /* freed in this turn of the loop */
	CONN_STATES
};

enum body_mode {
	BODY_HELD,      /* nobody asks for it: it stays in raw */
	BODY_COLLECTED, /* on_body at its end, or over the limit */
	BODY_STREAMED,  /* on_body whenever more has come */
	BODY_DROPPED,   /* the reply has ended */
};

struct request_body {
	enum body_mode mode;
	uint64_t left;             /* of a Content-Length */
	struct h1_chunked chunked; /* of the other kind */
	uint64_t got;              /* content decoded */
	uint64_t told;             /* of it, told of by DATA, or not dropped */
	uint64_t limit;            /* BODY_COLLECTED */
	enum fault fault;          /* what follows cannot be framed */
	bool ended;
	bool full;      /* the handler is behind */
	bool continued; /* 100 Continue was sent */
};

enum reply_framing {
	REPLY_CHUNKED,
	REPLY_LENGTH,
	REPLY_UNTIL_CLOSE,
	REPLY_DROPPED, /* has no body: to HEAD, 204, 304, 101 */
};

struct reply {
	int status; /* 0: not begun */
	enum reply_framing framing;
	uint64_t left; /* REPLY_LENGTH: still to be written */
	bool dated;
	bool head_done;
	bool behind; /* conn_write() has said so */
	bool broken; /* out of memory: on_gone will follow */
};

/*
 * What a connection has only while bytes of a request are here. Pooled, and
 * never cleared as a whole: struct h1_head alone is some 8 KiB.
 */
struct conn_request {
	SLIST_ENTRY(conn_request) link; /* in the pool */
	struct evbuffer *raw;           /* as read, not looked at */
	struct buf text;                /* of the head; what `head` points into */
	size_t scanned;                 /* of text, for the head's end */
	struct h1_head head;
	struct evbuffer *content; /* decoded, not taken by the handler */
	struct request_body body;
	struct buf reply_head; /* under construction */
	struct reply reply;
};

struct conn {
	TAILQ_ENTRY(conn) link, later_link;
	struct gate *gate;
	struct bufferevent *bev;      /* ec's; while CONN_FRESH we have a reference */
	struct evhttp_connection *ec; /* NULL: not known yet, or gone */
	struct evhttp_request *ereq;  /* evhttp's, from CONN_ACTIVE to the reply's end */
	struct conn_request *rq;      /* NULL while idle */
	const struct conn_events *ev; /* NULL: not claimed, or ended */
	void *arg;

	uint64_t deadline;       /* of the state, or of the body waited for */
	uint64_t out_total;      /* bytes ever queued */
	uint64_t out_written;    /* of them, sent at the last tick */
	uint64_t stall_deadline; /* 0: nothing was queued then */

	enum conn_state state;
	bool later;       /* on the gate's list */
	bool reading;     /* the bufferevent's EV_READ */
	bool watched;     /* for a hang-up, while not reading */
	bool served;      /* it has had a request */
	bool closing;     /* no further request */
	bool eof;         /* the client sends no more */
	bool aborted;     /* the reply is not whole */
	bool until_close; /* nothing but the connection's end ends the reply */
	bool shut;        /* we send no more */
};

TAILQ_HEAD(conn_list, conn);

struct gate {
	struct gate_deps deps;
	struct front *front;
	struct conn_list conns;
	struct conn_list later; /* conn_run() is due */
	struct event later_ev;
	struct event tick_ev;
	int hangup_fd; /* an epoll instance, see gate_watch_hangup() */
	struct event hangup_ev;
	SLIST_HEAD(, conn_request) pool;
	size_t n_pool;
	struct gate_stats stats;
	bool accepting, draining;
	time_t date_at;
	char date[sizeof("Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n")];
};

/* --- gate.c --- */

/* Every 250 ms: the deadlines of all connections. Tests call it too. */
void gate_tick(struct gate *g);
uint64_t gate_now(const struct gate *g); /* ms */
/* The whole header line, made once a second. */
struct str gate_date(struct gate *g);
/* conn_run(c) will be called in this turn of the loop, from no callback of c's. */
void gate_later(struct conn *c);
/*
 * Sees a client leave whose socket is not read. libevent's EV_CLOSED would spin
 * on a reset: epoll reports EPOLLERR, libevent 2.1 takes it for EV_READ|EV_WRITE,
 * and nobody listens to those.
 */
void gate_watch_hangup(struct conn *c, bool on);
struct conn_request *gate_take_request(struct gate *g); /* NULL: out of memory */
void gate_give_request(struct gate *g, struct conn_request *rq);
void gate_conn_opened(struct conn *c);
void gate_conn_freed(struct conn *c);

/* --- conn.c --- */

struct conn *conn_new(struct gate *g, struct bufferevent *bev); /* NULL: out of memory */
void conn_free(struct conn *c);
void conn_run(struct conn *c);
void conn_tick(struct conn *c, uint64_t now);
void conn_set_state(struct conn *c, enum conn_state to);
void conn_rest(struct conn *c);         /* CONN_IDLE, as no byte is here */
void conn_leave_tunnel(struct conn *c); /* the callbacks are ours again */

/* --- conn_close.c --- */

/* The client has left, or cannot be served: on_gone if a handler waits, then the end. */
void conn_lost(struct conn *c);
/* The client sends no more: it has left, unless a reply is still on its way out. */
void conn_eof(struct conn *c);
/* No further request: what is queued goes out, then the client's end is awaited. */
void conn_linger(struct conn *c);
void conn_linger_flushed(struct conn *c); /* in CONN_LINGER: nothing is queued any more */
/* No further request, and nothing unread: what is queued has gone out. */
void conn_close(struct conn *c);

/* --- conn_head.c --- */

/* Begins a request, or answers what cannot be one, once raw holds a whole head. */
void head_take(struct conn *c);

/* --- conn_body.c --- */

void body_begin(struct conn_request *rq);
/* Takes content off raw as far as the mode lets it, and tells the handler. */
void body_pump(struct conn *c);
/*
 * libevent 2.1 reads at most 4 KiB at a time: of a body that comes fast, takes into
 * raw what else the socket has. Not with TLS, whose bytes are not the socket's. An
 * end or an error is left for libevent to find.
 */
void body_read_along(struct conn *c);
/* Takes the rest off raw without telling anybody; false where it is not worth it. */
bool body_drop(struct conn_request *rq);
bool body_waits(const struct conn *c); /* somebody waits for more of it to come */
void body_timed_out(struct conn *c);

/* --- reply.c --- */

/* Bytes beneath the reply's framing. */
void conn_send(struct conn *c, const void *p, size_t n);
/* The gate's own answer to a head that cannot be served; `why` may be NULL. */
void reply_refuse(struct conn *c, enum fault f, const char *why);

#endif
