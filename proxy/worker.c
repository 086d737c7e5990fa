/* worker.c - one event loop on a thread of its own, with its app. */
#include "proxy/worker.h"

#include "base/mailbox.h"
#include "memory/memory.h"
#include "net/upstream.h"
#include "proxy/app.h"

#include <event2/event.h>
#include <event2/event_struct.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

/* Connections to LiteLLM kept while unused; it closes its side after 5 s. */
#define MAX_IDLE_UPSTREAM 256

enum order { ORDER_CONFIG, ORDER_DRAIN, ORDER_STOP };

struct message {
	struct mail mail;
	enum order order;
	struct config *cfg;
	uint64_t drain_ms;
};

struct worker {
	struct worker_deps deps;
	struct config *cfg; /* of the start: the upstream's */
	pthread_t thread;
	bool started;
	struct event_base *base;
	struct mailbox *inbox;
	struct event inbox_ev, drain_ev;
	struct upstream *litellm;
	struct memory_port *port;
	struct app *app;
	struct mail ended;
	struct message stop; /* its own, so that no want of memory keeps it running */
	bool stopping;
};

static void stop_loop(void *arg)
{
	event_base_loopbreak(((struct worker *)arg)->base);
}

static void on_drain_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	log_warn(&w->deps.log, "drain deadline passed: ending what is still under way");
	stop_loop(w);
}

static void take_config(struct worker *w, struct config *cfg)
{
	struct config_report report = { 0 };

	/* The patterns were compiled once before it was sent: only memory can be short.
	 */
	if (app_set_config(w->app, cfg, &report) < 0)
		log_error(&w->deps.log,
			  "no memory for the new configuration: the old one stays");
	config_report_done(&report);
	config_unref(cfg);
}

static void begin_drain(struct worker *w, uint64_t ms)
{
	const struct timeval tv = { (time_t)(ms / 1000),
				    (suseconds_t)(ms % 1000 * 1000) };

	evtimer_add(&w->drain_ev, &tv);
	app_drain(w->app, stop_loop, w);
}

static void obey(struct worker *w, const struct message *m)
{
	switch (m->order) {
	case ORDER_CONFIG:
		take_config(w, m->cfg);
		break;
	case ORDER_DRAIN:
		begin_drain(w, m->drain_ms);
		break;
	case ORDER_STOP:
		stop_loop(w);
		break;
	}
}

static void free_order(struct worker *w, struct mail *m)
{
	if (m != &w->stop.mail)
		free(m);
}

static void on_inbox(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;
	struct mail *m = mailbox_take(w->inbox), *next;

	(void)fd;
	(void)what;
	for (; m; m = next) {
		next = m->next;
		obey(w, (struct message *)(void *)m);
		free_order(w, m);
	}
}

static void *run(void *arg)
{
	struct worker *w = arg;

	event_base_dispatch(w->base);
	mailbox_push(w->deps.ended, &w->ended);
	return NULL;
}

/*
 * Only its thread touches it. A change list halves the epoll_ctl calls; it may
 * name a descriptor that was closed since, and with several loops one that is
 * another's by then.
 */
static struct event_base *make_base(bool alone)
{
	struct event_config *cfg = event_config_new();
	struct event_base *base = NULL;

	if (!cfg)
		return NULL;
	event_config_set_flag(cfg, EVENT_BASE_FLAG_NOLOCK);
	if (alone)
		event_config_set_flag(cfg, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
	base = event_base_new_with_config(cfg);
	event_config_free(cfg);
	return base;
}

static int make_loop(struct worker *w)
{
	w->base = make_base(w->cfg->proxy.workers == 1);
	w->inbox = mailbox_new();
	if (!w->base || !w->inbox)
		return -ENOMEM;
	event_assign(&w->inbox_ev, w->base, mailbox_fd(w->inbox), EV_READ | EV_PERSIST,
		     on_inbox, w);
	evtimer_assign(&w->drain_ev, w->base, on_drain_deadline, w);
	return event_add(&w->inbox_ev, NULL) < 0 ? -ENOMEM : 0;
}

static int make_upstream(struct worker *w)
{
	const struct upstream_config cfg = {
		.url = w->cfg->proxy.litellm_url,
		.connect_timeout_ms = w->cfg->proxy.connect_timeout,
		.first_byte_timeout_ms = w->cfg->proxy.first_byte_timeout,
		.max_idle = MAX_IDLE_UPSTREAM,
	};

	return upstream_curl_new(w->base, &cfg, w->deps.clock, &w->deps.log, &w->litellm);
}

static int make_app(struct worker *w, struct config_report *report)
{
	const struct app_deps deps = {
		.base = w->base,
		.clock = w->deps.clock,
		.rng = w->deps.rng,
		.log = w->deps.log,
		.litellm = w->litellm,
		.memory = w->deps.memory,
		.memory_port = w->port,
		.metrics = w->deps.metrics,
		.all_metrics = w->deps.all_metrics,
		.n_metrics = w->deps.n_metrics,
	};
	int err = app_new(&deps, w->cfg, report, &w->app);

	return err ? err : app_serve(w->app, w->deps.listen_fd);
}

static int make_parts(struct worker *w, struct config_report *report)
{
	int err = make_loop(w);

	if (!err)
		err = make_upstream(w);
	if (!err && w->deps.memory) {
		w->port = memory_port_new(w->deps.memory, w->base);
		err = w->port ? 0 : -ENOMEM;
	}
	return err ? err : make_app(w, report);
}

int worker_start(const struct worker_deps *deps, struct config *cfg,
		 struct config_report *report, struct worker **ret)
{
	struct worker *w = calloc(1, sizeof(*w));
	int err;

	if (!w)
		return -ENOMEM;
	w->deps = *deps;
	w->cfg = config_ref(cfg);
	err = make_parts(w, report);
	if (!err)
		err = -pthread_create(&w->thread, NULL, run, w);
	if (err) {
		worker_join(w);
		return err;
	}
	w->started = true;
	*ret = w;
	return 0;
}

static void give_order(struct worker *w, struct message order)
{
	struct message *m = malloc(sizeof(*m));

	if (!m) {
		log_error(&w->deps.log, "out of memory: an order to a worker is lost");
		config_unref(order.cfg);
		return;
	}
	*m = order;
	mailbox_push(w->inbox, &m->mail);
}

void worker_set_config(struct worker *w, struct config *cfg)
{
	give_order(w, (struct message){ .order = ORDER_CONFIG, .cfg = config_ref(cfg) });
}

void worker_drain(struct worker *w, uint64_t drain_ms)
{
	give_order(w, (struct message){ .order = ORDER_DRAIN, .drain_ms = drain_ms });
}

void worker_stop(struct worker *w)
{
	if (w->stopping)
		return;
	w->stopping = true;
	w->stop.order = ORDER_STOP;
	mailbox_push(w->inbox, &w->stop.mail);
}

static void drop_orders(struct worker *w)
{
	struct mail *m = mailbox_take(w->inbox), *next;

	for (; m; m = next) {
		next = m->next;
		config_unref(((struct message *)(void *)m)->cfg);
		free_order(w, m);
	}
	mailbox_free(w->inbox);
}

void worker_join(struct worker *w)
{
	if (!w)
		return;
	if (w->started)
		pthread_join(w->thread, NULL);
	app_free(w->app);
	memory_port_free(w->port);
	upstream_free(w->litellm);
	if (w->base && w->inbox) {
		event_del(&w->inbox_ev);
		evtimer_del(&w->drain_ev);
	}
	if (w->inbox)
		drop_orders(w);
	if (w->base)
		event_base_free(w->base);
	config_unref(w->cfg);
	free(w);
}
