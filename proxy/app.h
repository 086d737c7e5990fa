/*
 * app.h - the proxy on one event loop.
 *
 * An app joins what a request needs and owns the requests under way. It never
 * leaves its loop; several loops have an app each and share the listening
 * socket, the memory service and nothing else.
 */
#ifndef PROXY_APP_H
#define PROXY_APP_H

#include "base/clock.h"
#include "base/log.h"
#include "base/rng.h"
#include "config/config.h"

#include <stddef.h>

struct app;
struct event_base;
struct memory;
struct memory_port;
struct metrics;
struct upstream;

/* Borrowed for the app's life: main() makes them before it and frees them after it. */
struct app_deps {
	struct event_base *base;
	const struct clock *clock;
	const struct rng *rng;
	struct log log;
	struct upstream *litellm;
	struct memory *memory;                    /* NULL: no memory */
	struct memory_port *memory_port;          /* this loop's; NULL: no memory */
	struct metrics *metrics;                  /* this loop's */
	const struct metrics *const *all_metrics; /* every loop's, for /metrics */
	size_t n_metrics;
};

/* 0, -ENOMEM, or -EINVAL with errors in the report (a pattern that does not compile). */
int app_new(const struct app_deps *deps, struct config *cfg, struct config_report *report,
	    struct app **ret);
/* Accepts on a listening socket, which stays the caller's. 0 or -errno. */
int app_serve(struct app *app, int listen_fd);
/* Requests that begin from now on use cfg. On failure (as app_new) nothing changes. */
int app_set_config(struct app *app, struct config *cfg, struct config_report *report);
/*
 * Takes no more connections; /health/ready says 503. done() runs once, when
 * the last request has ended (perhaps before this returns).
 */
void app_drain(struct app *app, void (*done)(void *arg), void *arg);
/* Ends what is still under way. NULL is fine. */
void app_free(struct app *app);

#endif
