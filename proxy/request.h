/*
 * request.h - one request of a client, from its head to its reply's end.
 *
 * request.c holds the steps as a table, and after it the functions in the
 * table's order; docs/architecture/OVERVIEW.md follows one through.
 */
#ifndef PROXY_REQUEST_H
#define PROXY_REQUEST_H

#include "base/arena.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/op.h"
#include "memory/dialect.h"
#include "memory/memory.h"
#include "memory/splice.h"
#include "net/upstream.h"
#include "proxy/app_internal.h"
#include "proxy/memory_status.h"
#include "proxy/pipeline.h"
#include "proxy/refusal.h"
#include "proxy/relay.h"
#include "router/router.h"

#include <event2/event_struct.h>

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct endpoint;
struct evbuffer;

/* What a row waits for, besides the client and the upstream. */
enum request_wait {
	WAIT_NONE,
	WAIT_BODY,
	WAIT_RECALL,
	WAIT_KEPT,
	WAIT_ENDPOINT, /* for rq->pending, or its deadline */
	WAIT_DRAIN,    /* for the client to take what it was sent */
};

struct request {
	struct app *app;       /* borrowed */
	struct ruleset *rules; /* one reference */
	struct conn *conn;     /* NULL once the reply has ended or the client has left */
	struct arena *arena;   /* owned; this struct lies in it */
	TAILQ_ENTRY(request) link;
	struct log log;
	struct pipeline pipeline;

	/* intercept; texts are copies, as the head goes before the request does */
	struct str id, method;
	struct str target, path;         /* as it goes upstream; without the query */
	const struct endpoint *endpoint; /* one of our own; NULL: forwarded */
	void *endpoint_state;
	const struct dialect *dialect; /* NULL: memory does not know it */
	bool off;                      /* x-memory: off */
	bool may_read, may_write; /* memory, as x-memory and the configuration allow */

	/* detect, session; completed by retrieve, which knows the body */
	struct identity who;
	struct str key; /* the caller's credential */
	struct partition partition;
	struct session_name session_name;
	struct str session; /* the id; found or made where the client named none */

	/* retrieve, inject */
	struct evbuffer *body; /* owned; NULL: not collected, it is streamed */
	struct str body_text;  /* the same as one piece */
	struct request_view view;
	enum fault body_fault;
	struct digest prev_digest; /* of the assistant text before; zero: none */
	struct hash128 prev_hash;  /* the same */
	uint64_t epoch;
	enum memory_status why_none;   /* noted where nothing is put in */
	const struct recall_put *puts; /* blocks, as the memory service gave them */
	size_t n_puts, n_recalled, recall_tokens;
	bool backfilled;
	struct str sources;        /* of the new block, to be kept with its turn */
	struct insertion *inserts; /* the blocks as they go into the body */
	size_t n_inserts;
	bool side_call;      /* of the client's own, in a conversation */
	bool supermemory;    /* the model has a memory of its own */
	unsigned memory_set; /* bits of enum memory_status */

	/* forward, relay */
	struct op *upstream; /* NULL: not sent yet, or ended */
	struct upstream_body upload;
	struct splice splice;               /* what is read of the collected body */
	const struct upstream_reply *reply; /* for the length of on_head, or refusal's */
	struct refusal *refusal; /* of the body with blocks; NULL: none so far */
	struct relay relay;
	bool relay_done;
	int status; /* what the client was told; 0: nothing */
	enum fault fault;
	const char *fault_detail;

	/* waiting */
	enum request_wait wait;
	struct op *pending;   /* of the memory service or an endpoint */
	struct op *recording; /* the new block's record, on its way to the store */
	struct op *late;      /* a recall past its deadline: the epoch is still wanted */
	struct event timer;   /* deadline of WAIT_RECALL and WAIT_KEPT */
	bool timer_extended;
	bool client_left;
	uint64_t began_us, upstream_us; /* when the head came, and the reply's */
};

/* on_request of the gate: arg is the app. */
void request_begin(void *arg, struct conn *c);
/* The app goes: ends it, whatever it waits for, and frees it. */
void request_kill(struct request *rq);
void request_free(struct request *rq);

/* The name of a row of the table, for metrics; NULL behind the last. */
const char *request_step_name(size_t row);

struct headers request_headers(const struct request *rq);
/* A whole reply of our own; the client has then been served. */
void request_answer(struct request *rq, int status, struct str content_type,
		    struct str body);
void request_answer_fault(struct request *rq, enum fault fault, const char *detail);
void request_answer_fault_with(struct request *rq, enum fault fault, const char *detail,
			       struct headers extra);
void request_arm_timer(struct request *rq, uint64_t ms);
void request_disarm_timer(struct request *rq);

#endif
