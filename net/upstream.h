/*
 * upstream.h - HTTP requests to another server, streamed both ways.
 *
 * One ops table, so that the pipeline does not know who carries a request.
 * Everything runs on the event loop given to the constructor. An upstream
 * never calls back before upstream_send() has returned.
 */
#ifndef NET_UPSTREAM_H
#define NET_UPSTREAM_H

#include "base/clock.h"
#include "base/fault.h"
#include "base/header.h"
#include "base/log.h"
#include "base/op.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct event_base;
struct upstream;

/* What upstream_body.read may return besides a number of bytes > 0. */
enum {
	UPSTREAM_BODY_END = 0,
	UPSTREAM_BODY_WAIT = -1,  /* nothing yet: upstream_body_ready() will follow */
	UPSTREAM_BODY_ABORT = -2, /* give up: ends with FAULT_BAD_REQUEST */
};

/*
 * A request body, pulled. Read once and in order: a body is never sent twice.
 * That of a HEAD is not sent at all.
 */
struct upstream_body {
	int64_t length; /* bytes; -1: not known, sent chunked */
	ssize_t (*read)(void *arg, void *p, size_t n);
	void *arg;
};

struct upstream_request {
	struct str method;
	struct str target;      /* raw path and query, begins with '/' */
	struct headers headers; /* end-to-end, Host included where one is to be sent; no
				   framing */
	const struct upstream_body *body; /* NULL: none */
};

struct upstream_reply {
	int status; /* never 1xx */
	struct str reason;
	struct headers
		headers; /* end-to-end ones; Content-Length is one, framing is not */
	int64_t length;  /* of the body as announced; -1: not announced */
};

enum upstream_flow { UPSTREAM_GO, UPSTREAM_PAUSE };

/* All texts are borrowed for the call. The op may be cancelled inside any of them. */
struct upstream_events {
	/* Once, before any body byte, as soon as the head is here. */
	void (*on_head)(void *arg, const struct upstream_reply *reply);
	/* PAUSE: taken, but send no more before upstream_resume(). Where that was the
	 * last of it, on_end follows all the same. */
	enum upstream_flow (*on_body)(void *arg, const void *p, size_t n);
	/*
	 * Once, the last. FAULT_NONE: the reply is whole. FAULT_UPSTREAM_CUT: the
	 * head was handed on, and what followed is not all. Others: no head came.
	 */
	void (*on_end)(void *arg, enum fault fault, const char *detail);
};

struct upstream_config {
	const char *url; /* http://host[:port] or https://…; a path is put before every
			    target */
	uint64_t connect_timeout_ms;
	uint64_t first_byte_timeout_ms; /* from when the server last took some of the
					   request, while more of it can be had or none
					   is left, to the reply's head; 0: none */
	size_t max_idle;                /* connections kept open while unused */
};

struct upstream_stats {
	uint64_t requests, connects;
	uint64_t active, idle;
};

struct upstream_ops {
	const char *name;
	struct op *(*send)(struct upstream *up, const struct upstream_request *rq,
			   const struct upstream_events *ev, void *arg);
	void (*resume)(struct op *op);
	void (*body_ready)(struct op *op);
	void (*stats)(const struct upstream *up, struct upstream_stats *ret);
	void (*free)(struct upstream *up);
};

/* First member of every implementation. */
struct upstream {
	const struct upstream_ops *ops;
};

/* First member of every implementation's op. */
struct upstream_op {
	struct op op;
	struct upstream *up;
};

/*
 * A request that cannot even begin ends through on_end, later as any other:
 * FAULT_BAD_REQUEST where method, target or fields must not be sent so. NULL
 * only where there was no memory for an op: on_end has then run. The request
 * and all it points to is borrowed until this returns, except body.arg and ev,
 * which must live until on_end or op_cancel().
 *
 * A request is sent once. On a kept connection that dies without a word it is
 * sent again where nothing of it had been, and where it is a GET, HEAD or
 * OPTIONS without a body (RFC 9110 section 9.2.2); else that is
 * FAULT_UPSTREAM_CLOSED.
 */
struct op *upstream_send(struct upstream *up, const struct upstream_request *rq,
			 const struct upstream_events *ev, void *arg);
void upstream_resume(struct op *op); /* after PAUSE; may call on_body before it returns */
void upstream_body_ready(
	struct op *op); /* after UPSTREAM_BODY_WAIT; may call read() before it returns */
void upstream_stats(const struct upstream *up, struct upstream_stats *ret);
void upstream_free(struct upstream *up); /* no op may be under way. NULL is fine */

/*
 * libcurl's multi interface on libevent. 0, -EINVAL (url) or -ENOMEM. Copies
 * what it needs of cfg and log. The process must ignore SIGPIPE.
 */
int upstream_curl_new(struct event_base *base, const struct upstream_config *cfg,
		      const struct clock *clock, const struct log *log,
		      struct upstream **ret);

#endif
