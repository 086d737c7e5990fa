/* probe.c - is LiteLLM there? */
#include "proxy/probe.h"

#include "net/upstream.h"

#include <event2/event.h>
#include <event2/event_struct.h>

#include <stddef.h>
#include <stdlib.h>
#include <sys/queue.h>

#define HOLDS_MS   1000
#define TIMEOUT_MS 2000

/* Cancelled ones stay in the list, without a callback, until the answer comes. */
struct question {
	struct op op;
	TAILQ_ENTRY(question) link;
	probe_cb *cb;
	void *arg;
};

struct probe {
	struct upstream *litellm;
	const struct clock *clock;
	struct event timeout;
	struct op *asking; /* NULL: no question is under way */
	int status;
	bool up, known;
	uint64_t answered_ms;
	TAILQ_HEAD(, question) waiting;
};

static void question_cancel(struct op *op)
{
	((struct question *)(void *)op)->cb = NULL;
}

static const struct op_ops question_ops = { question_cancel };

static void answer(struct probe *p, bool up)
{
	struct question *q;

	evtimer_del(&p->timeout);
	p->asking = NULL;
	p->known = true;
	p->up = up;
	p->answered_ms = clock_mono_ms(p->clock);
	while ((q = TAILQ_FIRST(&p->waiting))) {
		TAILQ_REMOVE(&p->waiting, q, link);
		if (q->cb)
			q->cb(q->arg, up);
		free(q);
	}
}

static void on_head(void *arg, const struct upstream_reply *reply)
{
	((struct probe *)arg)->status = reply->status;
}

static enum upstream_flow on_body(void *arg, const void *p, size_t n)
{
	(void)arg;
	(void)p;
	(void)n;
	return UPSTREAM_GO;
}

static void on_end(void *arg, enum fault fault, const char *detail)
{
	struct probe *p = arg;

	(void)detail;
	answer(p, fault == FAULT_NONE && p->status == 200);
}

static void on_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct probe *p = arg;

	(void)fd;
	(void)what;
	op_cancel(p->asking);
	answer(p, false);
}

static void ask_litellm(struct probe *p)
{
	static const struct upstream_events events = { on_head, on_body, on_end };
	static const struct header accept = { { "Accept", 6 }, { "*/*", 3 } };
	const struct upstream_request rq = {
		.method = STR("GET"),
		.target = STR("/health/liveliness"),
		.headers = { &accept, 1 },
	};
	const struct timeval limit = { TIMEOUT_MS / 1000, TIMEOUT_MS % 1000 * 1000 };

	p->status = 0;
	p->asking = upstream_send(p->litellm, &rq, &events, p);
	if (p->asking)
		evtimer_add(&p->timeout, &limit);
}

struct probe *probe_new(struct event_base *base, struct upstream *litellm,
			const struct clock *clock)
{
	struct probe *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->litellm = litellm;
	p->clock = clock;
	TAILQ_INIT(&p->waiting);
	evtimer_assign(&p->timeout, base, on_timeout, p);
	return p;
}

void probe_free(struct probe *p)
{
	struct question *q;

	if (!p)
		return;
	op_cancel(p->asking);
	evtimer_del(&p->timeout);
	while ((q = TAILQ_FIRST(&p->waiting))) {
		TAILQ_REMOVE(&p->waiting, q, link);
		free(q);
	}
	free(p);
}

static bool holds(const struct probe *p)
{
	return p->known && clock_mono_ms(p->clock) - p->answered_ms < HOLDS_MS;
}

struct op *probe_ask(struct probe *p, probe_cb *cb, void *arg)
{
	struct question *q;

	if (!p->asking && !holds(p))
		ask_litellm(p); /* out of memory it has answered at once */
	q = p->asking ? malloc(sizeof(*q)) : NULL;
	if (!q) {
		cb(arg, !p->asking && p->up);
		return NULL;
	}
	*q = (struct question){ .op = { &question_ops }, .cb = cb, .arg = arg };
	TAILQ_INSERT_TAIL(&p->waiting, q, link);
	return &q->op;
}
