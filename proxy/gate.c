/* gate.c - the gate: its listeners, its connections together, and its clock. */
#include "proxy/gate.h"

#include "proxy/conn.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

/* Coarse on purpose: no request has a timer of its own. */
#define TICK_MS 250
/* Some 3 MiB; more are kept by malloc anyway. */
#define POOL_MAX 256
/* Of what a pooled request keeps for the next: larger heads are rare. */
#define KEEP_BYTES (16u << 10)
/* No limit on heads may be larger. */
#define TEXT_MAX (1u << 20)

/* --- time --- */

uint64_t gate_now(const struct gate *g)
{
	return clock_mono_ms(g->deps.clock);
}

struct str gate_date(struct gate *g)
{
	time_t now = (time_t)(clock_wall_ms(g->deps.clock) / 1000);
	struct tm tm;

	if (now != g->date_at || !g->date[0]) {
		gmtime_r(&now, &tm);
		strftime(g->date, sizeof(g->date), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n",
			 &tm);
		g->date_at = now;
	}
	return (struct str){ g->date, sizeof(g->date) - 1 };
}

static void accept_or_not(struct gate *g)
{
	uint64_t max = g->deps.limits.max_connections;

	g->accepting = !g->draining && (max == 0 || g->stats.open < max);
	front_accept(g->front, g->accepting);
}

void gate_tick(struct gate *g)
{
	uint64_t now = gate_now(g);
	struct conn *c;

	/* None is freed before conn_run(). */
	TAILQ_FOREACH (c, &g->conns, link) {
		conn_tick(c, now);
	}
	accept_or_not(g); /* a listener may have given up for want of descriptors */
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	gate_tick(arg);
}

/* --- what is put off --- */

void gate_later(struct conn *c)
{
	struct gate *g = c->gate;

	if (c->later)
		return;
	c->later = true;
	TAILQ_INSERT_TAIL(&g->later, c, later_link);
	event_active(&g->later_ev, 0, 0);
}

static void on_later(evutil_socket_t fd, short what, void *arg)
{
	struct gate *g = arg;
	struct conn *c;

	(void)fd;
	(void)what;
	while ((c = TAILQ_FIRST(&g->later))) {
		TAILQ_REMOVE(&g->later, c, later_link);
		c->later = false;
		conn_run(c);
	}
}

/* --- clients that leave unseen --- */

void gate_watch_hangup(struct conn *c, bool on)
{
	struct epoll_event ev = { .events = EPOLLRDHUP | EPOLLONESHOT, .data.ptr = c };
	int op = on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL;

	if (on == c->watched)
		return;
	/* Failing to watch (out of memory) means to see it later. */
	c->watched =
		epoll_ctl(c->gate->hangup_fd, op, bufferevent_getfd(c->bev), &ev) == 0 &&
		on;
}

static void on_hangup(evutil_socket_t fd, short what, void *arg)
{
	struct epoll_event ev[16];
	int n = epoll_wait(fd, ev, 16, 0);

	(void)what;
	(void)arg;
	for (int i = 0; i < n; i++) {
		struct conn *c = ev[i].data.ptr;

		if (c->state != CONN_DEAD)
			conn_eof(c);
	}
}

/* --- the pool --- */

static void free_request(struct conn_request *rq)
{
	if (rq->raw)
		evbuffer_free(rq->raw);
	if (rq->content)
		evbuffer_free(rq->content);
	buf_done(&rq->text);
	buf_done(&rq->reply_head);
	free(rq);
}

static struct conn_request *new_request(void)
{
	struct conn_request *rq = malloc(sizeof(*rq));

	if (!rq)
		return NULL;
	buf_init(&rq->text, TEXT_MAX);
	buf_init(&rq->reply_head, TEXT_MAX);
	rq->raw = evbuffer_new();
	rq->content = evbuffer_new();
	if (!rq->raw || !rq->content) {
		free_request(rq);
		return NULL;
	}
	return rq;
}

struct conn_request *gate_take_request(struct gate *g)
{
	struct conn_request *rq = SLIST_FIRST(&g->pool);

	if (rq) {
		SLIST_REMOVE_HEAD(&g->pool, link);
		g->n_pool--;
	} else {
		rq = new_request();
		if (!rq)
			return NULL;
	}
	rq->scanned = 0;
	rq->body.full = false;
	return rq;
}

void gate_give_request(struct gate *g, struct conn_request *rq)
{
	if (g->n_pool == POOL_MAX || rq->text.cap > KEEP_BYTES ||
	    rq->reply_head.cap > KEEP_BYTES) {
		free_request(rq);
		return;
	}
	evbuffer_drain(rq->raw, evbuffer_get_length(rq->raw));
	evbuffer_drain(rq->content, evbuffer_get_length(rq->content));
	buf_reset(&rq->text);
	SLIST_INSERT_HEAD(&g->pool, rq, link);
	g->n_pool++;
}

/* --- connections --- */

static struct bufferevent *on_accept(void *arg)
{
	struct gate *g = arg;
	const struct gate_deps *deps = &g->deps;
	struct bufferevent *bev =
		deps->new_bev
			? deps->new_bev(deps->bev_arg, deps->base)
			: bufferevent_socket_new(deps->base, -1, BEV_OPT_CLOSE_ON_FREE);

	if (bev && !conn_new(g, bev)) {
		bufferevent_free(bev);
		return NULL;
	}
	return bev;
}

void gate_conn_opened(struct conn *c)
{
	struct gate *g = c->gate;

	TAILQ_INSERT_TAIL(&g->conns, c, link);
	g->stats.accepted++;
	g->stats.open++;
	if (g->stats.open == g->deps.limits.max_connections)
		accept_or_not(g);
}

void gate_conn_freed(struct conn *c)
{
	struct gate *g = c->gate;

	if (c->later)
		TAILQ_REMOVE(&g->later, c, later_link);
	TAILQ_REMOVE(&g->conns, c, link);
	g->stats.open--;
	if (!g->accepting)
		accept_or_not(g);
}

/* --- the gate --- */

int gate_new(const struct gate_deps *deps, struct gate **ret)
{
	const struct timeval tick = { 0, TICK_MS * 1000 };
	struct gate *g = calloc(1, sizeof(*g));
	int err;

	if (!g)
		return -ENOMEM;
	g->deps = *deps;
	g->accepting = true;
	TAILQ_INIT(&g->conns);
	TAILQ_INIT(&g->later);
	SLIST_INIT(&g->pool);
	event_assign(&g->later_ev, deps->base, -1, 0, on_later, g);
	event_assign(&g->tick_ev, deps->base, -1, EV_PERSIST, on_tick, g);
	g->hangup_fd = epoll_create1(EPOLL_CLOEXEC);
	err = g->hangup_fd < 0 ? -errno : 0;
	event_assign(&g->hangup_ev, deps->base, g->hangup_fd, EV_READ | EV_PERSIST,
		     on_hangup, g);
	if (!err)
		err = front_new(deps->base, on_accept, g, &g->front);
	if (!err &&
	    (event_add(&g->tick_ev, &tick) < 0 || event_add(&g->hangup_ev, NULL) < 0))
		err = -ENOMEM;
	if (err) {
		gate_free(g);
		return err;
	}
	*ret = g;
	return 0;
}

int gate_serve(struct gate *g, int listen_fd)
{
	int err = front_listen(g->front, listen_fd);

	if (!err)
		accept_or_not(g);
	return err;
}

void gate_set_limits(struct gate *g, const struct gate_limits *limits)
{
	g->deps.limits = *limits;
	accept_or_not(g);
}

void gate_drain(struct gate *g)
{
	struct conn *c;

	g->draining = true;
	accept_or_not(g);
	TAILQ_FOREACH (c, &g->conns, link) {
		if (c->state == CONN_IDLE && c->served)
			conn_close(c);
	}
}

void gate_stats(const struct gate *g, struct gate_stats *ret)
{
	*ret = g->stats;
}

static void free_conns(struct gate *g)
{
	struct conn *c;

	TAILQ_FOREACH (c, &g->conns, link) {
		if (c->state != CONN_FRESH && c->state != CONN_DEAD)
			conn_lost(c);
	}
	g->draining = true; /* frees without accepting again */
	while ((c = TAILQ_FIRST(&g->conns)))
		conn_free(c);
}

void gate_free(struct gate *g)
{
	struct conn_request *rq;

	if (!g)
		return;
	free_conns(g);
	front_free(g->front);
	while ((rq = SLIST_FIRST(&g->pool))) {
		SLIST_REMOVE_HEAD(&g->pool, link);
		free_request(rq);
	}
	event_del(&g->tick_ev);
	event_del(&g->later_ev);
	event_del(&g->hangup_ev);
	if (g->hangup_fd >= 0)
		close(g->hangup_fd);
	free(g);
}
