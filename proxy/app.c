/* app.c - the proxy on one event loop. */
#include "proxy/app_internal.h"

#include "proxy/good_keys.h"
#include "proxy/request.h"

#include <event2/event.h>

#include <errno.h>
#include <stdlib.h>

#define PUBLISH_S 1
/* Queued reply bytes over which the upstream is asked to wait: nginx's proxy_buffers come
 * to 64 KiB. */
#define REPLY_HIGH_WATER (256u << 10)

/* Of the connections each loop that runs has its share; how many run, a reload does not
 * change. */
static struct gate_limits limits_of(const struct app *app, const struct config *cfg)
{
	uint64_t loops = app->started->proxy.workers;

	return (struct gate_limits){
		.head = {
			.line = cfg->proxy.max_line_bytes,
			.head = cfg->proxy.max_head_bytes,
			.headers = cfg->proxy.max_headers,
		},
		.head_timeout = cfg->proxy.head_timeout,
		.body_timeout = cfg->proxy.body_timeout,
		.idle_timeout = cfg->proxy.idle_timeout,
		.stall_timeout = cfg->proxy.stall_timeout,
		.linger_timeout = cfg->proxy.linger_timeout,
		.max_connections = (cfg->proxy.max_connections + loops - 1) / loops,
		.reply_high_water = REPLY_HIGH_WATER,
	};
}

void app_publish_metrics(struct app *app)
{
	struct gate_stats gate;
	struct upstream_stats up;

	gate_stats(app->gate, &gate);
	upstream_stats(app->deps.litellm, &up);
	metrics_publish(app->deps.metrics, &gate, &up,
			router_match_limit_hits(app->rules->router));
}

/* --- the end of requests ------------------------------------------------------------ */

/* A reply that has ended for us may still be on its way to its client. */
static bool is_drained(const struct app *app)
{
	struct gate_stats gate;

	gate_stats(app->gate, &gate);
	return TAILQ_EMPTY(&app->requests) && gate.active == 0;
}

static void check_drained(struct app *app)
{
	void (*done)(void *arg) = app->on_drained;

	if (!app->draining || !done || !is_drained(app))
		return;
	app->on_drained = NULL;
	done(app->on_drained_arg);
}

static void free_ended(struct app *app)
{
	struct request *rq;

	while ((rq = TAILQ_FIRST(&app->ended))) {
		TAILQ_REMOVE(&app->ended, rq, link);
		request_free(rq);
	}
}

static void on_reap(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	free_ended(arg);
	check_drained(arg);
}

void app_request_ended(struct app *app, struct request *rq)
{
	TAILQ_REMOVE(&app->requests, rq, link);
	TAILQ_INSERT_TAIL(&app->ended, rq, link);
	event_active(&app->reap, 0, 0);
}

static void on_publish(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	app_publish_metrics(arg);
	check_drained(arg);
}

/* --- life ------------------------------------------------------------------------------
 */

static int make_gate(struct app *app)
{
	const struct gate_deps deps = {
		.base = app->deps.base,
		.clock = app->deps.clock,
		.log = app->deps.log,
		.limits = limits_of(app, app->rules->cfg),
		.on_request = request_begin,
		.arg = app,
	};

	return gate_new(&deps, &app->gate);
}

static int make_parts(struct app *app)
{
	const struct app_deps *deps = &app->deps;

	app->probe = probe_new(deps->base, deps->litellm, deps->clock);
	app->good_keys = good_keys_new(deps->clock);
	return app->probe && app->good_keys ? 0 : -ENOMEM;
}

int app_new(const struct app_deps *deps, struct config *cfg, struct config_report *report,
	    struct app **ret)
{
	const struct timeval each = { PUBLISH_S, 0 };
	struct app *app = calloc(1, sizeof(*app));
	int err;

	if (!app)
		return -ENOMEM;
	app->deps = *deps;
	app->started = config_ref(cfg);
	app->upstream_has_own_host =
		str_has_iprefix(str_from(cfg->proxy.litellm_url), STR("https:"));
	TAILQ_INIT(&app->requests);
	TAILQ_INIT(&app->ended);
	event_assign(&app->reap, deps->base, -1, 0, on_reap, app);
	event_assign(&app->publish, deps->base, -1, EV_PERSIST, on_publish, app);
	rng_hex(deps->rng, app->id_prefix, (sizeof(app->id_prefix) - 1) / 2);
	err = ruleset_new(cfg, report, &app->rules);
	if (!err)
		err = make_gate(app);
	if (!err)
		err = make_parts(app);
	if (err) {
		app_free(app);
		return err;
	}
	event_add(&app->publish, &each);
	*ret = app;
	return 0;
}

int app_serve(struct app *app, int listen_fd)
{
	return gate_serve(app->gate, listen_fd);
}

int app_set_config(struct app *app, struct config *cfg, struct config_report *report)
{
	struct ruleset *rules;
	struct gate_limits limits = limits_of(app, cfg);
	int err = ruleset_new(cfg, report, &rules);

	if (err)
		return err;
	ruleset_unref(app->rules);
	app->rules = rules;
	gate_set_limits(app->gate, &limits);
	return 0;
}

void app_drain(struct app *app, void (*done)(void *arg), void *arg)
{
	/* The gate does not tell when a reply's last byte has gone: looked at often. */
	static const struct timeval often = { 0, 20000 };

	app->draining = true;
	app->on_drained = done;
	app->on_drained_arg = arg;
	gate_drain(app->gate);
	event_add(&app->publish, &often);
	check_drained(app);
}

void app_free(struct app *app)
{
	struct request *rq, *next;

	if (!app)
		return;
	app->on_drained = NULL;
	for (rq = TAILQ_FIRST(&app->requests); rq; rq = next) {
		next = TAILQ_NEXT(rq, link);
		request_kill(rq);
	}
	event_del(&app->reap);
	event_del(&app->publish);
	free_ended(app);
	probe_free(app->probe);
	good_keys_free(app->good_keys);
	gate_free(app->gate);
	ruleset_unref(app->rules);
	config_unref(app->started);
	free(app);
}
