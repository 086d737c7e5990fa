/*
 * upstream_curl.c - requests through libcurl: when each begins, goes on and ends.
 *
 * A request becomes a transfer, which waits for the loop's next turn (so that
 * nothing calls back inside upstream_send()), is then libcurl's, and ends once.
 * libcurl does not let a transfer be removed or resumed inside its callbacks:
 * what is asked for there is noted, the transfer joins the list of those to
 * attend to, and settle() does it as soon as libcurl is left.
 */
#include "net/curl_loop.h"
#include "net/curl_transfer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Transfers kept while unused; more in use at once are made and freed. */
#define POOL_MAX 128
/* How late a first-byte timeout may be. */
#define TICK_MS 250

LIST_HEAD(transfer_list, transfer);
TAILQ_HEAD(transfer_queue, transfer);

struct upstream_curl {
	struct upstream base; /* first */
	struct curl_loop loop;
	struct transfer_shared shared;
	struct log log;
	uint64_t first_byte_timeout_ms;
	struct event tick;
	struct transfer_list active;
	struct transfer_queue fresh, attend;
	struct transfer_list pool;
	size_t n_pool;
	uint64_t requests, n_active;
};

static struct upstream_curl *owner(const struct transfer *t)
{
	return (struct upstream_curl *)t->op.up;
}

/* --- the pool -------------------------------------------------------------- */

static void cancel(struct op *op);
static const struct op_ops transfer_op_ops = { .cancel = cancel };

static struct transfer *take(struct upstream_curl *up)
{
	struct transfer *t = LIST_FIRST(&up->pool);

	if (t) {
		LIST_REMOVE(t, active);
		up->n_pool--;
		return t;
	}
	t = transfer_new(&up->shared);
	if (!t)
		return NULL;
	if (curl_loop_own_sockets(&up->loop, t->easy)) {
		transfer_free(t);
		return NULL;
	}
	t->op = (struct upstream_op){ { &transfer_op_ops }, &up->base };
	return t;
}

static void give_back(struct upstream_curl *up, struct transfer *t)
{
	if (up->n_pool == POOL_MAX) {
		transfer_free(t);
		return;
	}
	transfer_reset(t);
	LIST_INSERT_HEAD(&up->pool, t, active);
	up->n_pool++;
}

/* --- how a transfer ends --------------------------------------------------- */

/* From now on it is nobody's: neither libcurl's nor in any list. */
static void detach(struct transfer *t)
{
	struct upstream_curl *up = owner(t);

	if (t->run.state == TRANSFER_FRESH)
		TAILQ_REMOVE(&up->fresh, t, queue);
	else
		curl_multi_remove_handle(up->loop.multi, t->easy);
	curl_loop_release(t->run.socket);
	if (t->run.queued)
		TAILQ_REMOVE(&up->attend, t, queue);
	t->run.queued = false;
	t->run.state = TRANSFER_ENDED;
	LIST_REMOVE(t, active);
	up->n_active--;
}

static void drop(struct transfer *t)
{
	detach(t);
	give_back(owner(t), t);
}

static void finish(struct transfer *t, enum fault fault, const char *detail)
{
	struct upstream_curl *up = owner(t);

	detach(t);
	if (fault)
		log_debug(&up->log, "%s: %s", fault_info(fault)->label, detail);
	t->run.ev->on_end(t->run.arg, fault, detail);
	give_back(up, t);
}

static void attend_to(struct transfer *t)
{
	if (t->run.queued)
		return;
	t->run.queued = true;
	TAILQ_INSERT_TAIL(&owner(t)->attend, t, queue);
}

/* --- resuming and cancelling ----------------------------------------------- */

/* Lets go what libcurl was told to hold and need not any more. May call back. */
static void let_go(struct transfer *t)
{
	struct transfer_run *r = &t->run;
	struct upstream_curl *up = owner(t);
	const char *detail;
	CURLcode rc;

	if (r->send_ready)
		transfer_moved(t);
	r->recv_held = r->recv_held && r->paused;
	r->send_held = r->send_held && !r->send_ready;
	r->send_ready = false;
	up->loop.inside = true;
	rc = curl_easy_pause(t->easy, (r->recv_held ? CURLPAUSE_RECV : 0) |
					      (r->send_held ? CURLPAUSE_SEND : 0));
	up->loop.inside = false;
	if (r->cancelled) {
		drop(t);
	} else if (rc) {
		enum fault fault = transfer_verdict(t, rc, &detail);

		finish(t, fault, detail);
	}
}

static void attend(struct transfer *t)
{
	if (t->run.cancelled)
		drop(t);
	else if (t->run.over)
		finish(t, t->run.over_fault, "");
	else
		let_go(t);
}

static void settle(void *arg)
{
	struct upstream_curl *up = arg;
	struct transfer *t;

	while ((t = TAILQ_FIRST(&up->attend)) != NULL) {
		TAILQ_REMOVE(&up->attend, t, queue);
		t->run.queued = false;
		attend(t);
	}
}

static void end_soon(struct transfer *t, enum fault fault)
{
	t->run.over = true;
	t->run.over_fault = fault;
	attend_to(t);
}

static void attend_soon(struct transfer *t)
{
	attend_to(t);
	if (!owner(t)->loop.inside)
		settle(owner(t));
}

static void cancel(struct op *op)
{
	struct transfer *t = (struct transfer *)op;

	if (t->run.state == TRANSFER_ENDED || t->run.cancelled)
		return;
	t->run.cancelled = true;
	if (t->run.state == TRANSFER_RUNNING && owner(t)->loop.inside)
		attend_to(t);
	else
		drop(t);
}

static void resume(struct op *op)
{
	struct transfer *t = (struct transfer *)op;

	t->run.paused = false;
	if (t->run.recv_held)
		attend_soon(t);
}

static void body_ready(struct op *op)
{
	struct transfer *t = (struct transfer *)op;

	if (!t->run.send_held)
		return;
	t->run.send_ready = true;
	attend_soon(t);
}

/* --- the loop's events ----------------------------------------------------- */

static void on_tick(evutil_socket_t fd, short what, void *arg);

static void start_tick(struct upstream_curl *up)
{
	struct timeval tv = { .tv_usec = TICK_MS * 1000 };

	if (up->first_byte_timeout_ms > 0 && !event_pending(&up->tick, EV_TIMEOUT, NULL))
		event_add(&up->tick, &tv);
}

static void begin(struct upstream_curl *up, struct transfer *t)
{
	enum fault fault = t->run.fault;

	if (!fault)
		fault = transfer_begin(t);
	if (t->run.cancelled)
		return; /* it is on the list already */
	if (!fault && curl_multi_add_handle(up->loop.multi, t->easy) != CURLM_OK)
		fault = FAULT_INTERNAL;
	if (fault)
		end_soon(t, fault);
}

static void start(void *arg)
{
	struct upstream_curl *up = arg;
	struct transfer *t;

	while ((t = TAILQ_FIRST(&up->fresh)) != NULL) {
		TAILQ_REMOVE(&up->fresh, t, queue);
		t->run.state = TRANSFER_RUNNING;
		begin(up, t);
	}
	start_tick(up);
}

static struct transfer *transfer_of(CURL *easy)
{
	char *p = NULL;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, &p);
	return (struct transfer *)(void *)p;
}

/*
 * A reply may end before its request does, and the rest of the request may never
 * come; libcurl would wait for it. It then stops to read while it still writes.
 */
static bool unread(void *arg, CURL *easy, curl_socket_t fd)
{
	struct transfer *t = transfer_of(easy);
	struct transfer_run *r = &t->run;
	bool whole;
	char c;

	(void)arg;
	if (r->recv_held)
		return true;
	if (!r->head_done || t->kind != TRANSFER_UPLOAD || r->body_done || r->over)
		return false;
	if (r->length >= 0)
		whole = r->received == (uint64_t)r->length;
	else /* libcurl does not say whether the last chunk or the end came */
		whole = recv(fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) != 0;
	end_soon(t, whole ? FAULT_NONE : FAULT_UPSTREAM_CUT);
	return false;
}

static void done(void *arg, CURL *easy, CURLcode rc)
{
	struct transfer *t = transfer_of(easy);
	const char *detail;
	enum fault fault;

	(void)arg;
	if (t->run.cancelled) {
		drop(t);
		return;
	}
	fault = transfer_verdict(t, rc, &detail);
	finish(t, fault, detail);
}

static const struct curl_loop_events loop_events = {
	.start = start, .unread = unread, .done = done, .settle = settle
};

/* Whether what comes next, the reply's head or room for more of the request, is the
 * server's to give. */
static bool is_servers_turn(const struct transfer *t)
{
	return t->run.connected && !t->run.head_done && !t->run.send_held;
}

static struct transfer *late(struct upstream_curl *up)
{
	uint64_t now = clock_mono_ms(up->shared.clock);
	struct transfer *t;

	LIST_FOREACH (t, &up->active, active)
		if (is_servers_turn(t) &&
		    now - t->run.moved_ms >= up->first_byte_timeout_ms)
			return t;
	return NULL;
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct upstream_curl *up = arg;
	struct transfer *t;

	(void)fd;
	(void)what;
	while ((t = late(up)) != NULL)
		finish(t, FAULT_UPSTREAM_FIRST_BYTE, "no reply in time");
	if (!LIST_EMPTY(&up->active))
		start_tick(up);
}

/* --- the upstream ---------------------------------------------------------- */

static struct op *send_request(struct upstream *base, const struct upstream_request *rq,
			       const struct upstream_events *ev, void *arg)
{
	struct upstream_curl *up = (struct upstream_curl *)base;
	struct transfer *t = take(up);

	up->requests++;
	if (!t) {
		ev->on_end(arg, FAULT_INTERNAL, "out of memory");
		return NULL;
	}
	t->run = (struct transfer_run){ .ev = ev, .arg = arg, .length = -1 };
	t->run.fault = transfer_prepare(t, rq);
	LIST_INSERT_HEAD(&up->active, t, active);
	up->n_active++;
	TAILQ_INSERT_TAIL(&up->fresh, t, queue);
	curl_loop_kick(&up->loop);
	return &t->op.op;
}

static void stats(const struct upstream *base, struct upstream_stats *ret)
{
	const struct upstream_curl *up = (const struct upstream_curl *)base;

	*ret = (struct upstream_stats){ .requests = up->requests,
					.connects = up->loop.connects,
					.active = up->n_active,
					.idle = up->loop.n_idle };
}

static void free_upstream(struct upstream *base)
{
	struct upstream_curl *up = (struct upstream_curl *)base;
	struct transfer *t;

	while ((t = LIST_FIRST(&up->pool)) != NULL) {
		LIST_REMOVE(t, active);
		transfer_free(t);
	}
	curl_loop_done(&up->loop);
	event_del(&up->tick);
	transfer_shared_done(&up->shared);
	free(up);
	curl_global_cleanup();
}

static const struct upstream_ops curl_ops = {
	.name = "curl",
	.send = send_request,
	.resume = resume,
	.body_ready = body_ready,
	.stats = stats,
	.free = free_upstream,
};

int upstream_curl_new(struct event_base *base, const struct upstream_config *cfg,
		      const struct clock *clock, const struct log *log,
		      struct upstream **ret)
{
	struct upstream_curl *up = calloc(1, sizeof(*up));
	int rc = -ENOMEM;

	if (!up)
		return -ENOMEM;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		goto no_curl;
	up->shared.loop = &up->loop;
	rc = transfer_shared_init(&up->shared, cfg, clock);
	if (rc)
		goto no_shared;
	rc = curl_loop_init(&up->loop, base, clock, cfg->max_idle, &loop_events, up);
	if (rc)
		goto no_loop;
	up->base.ops = &curl_ops;
	up->log = *log;
	up->first_byte_timeout_ms = cfg->first_byte_timeout_ms;
	event_assign(&up->tick, base, -1, 0, on_tick, up);
	LIST_INIT(&up->active);
	LIST_INIT(&up->pool);
	TAILQ_INIT(&up->fresh);
	TAILQ_INIT(&up->attend);
	*ret = &up->base;
	return 0;

no_loop:
	transfer_shared_done(&up->shared);
no_shared:
	curl_global_cleanup();
no_curl:
	free(up);
	return rc;
}
