/* app_internal.h - what app.c, request.c and the endpoints share. */
#ifndef PROXY_APP_INTERNAL_H
#define PROXY_APP_INTERNAL_H

#include "proxy/app.h"
#include "proxy/gate.h"
#include "proxy/metrics.h"
#include "proxy/probe.h"
#include "proxy/ruleset.h"

#include <event2/event_struct.h>

#include <stdbool.h>
#include <sys/queue.h>

struct good_keys;
struct request;
TAILQ_HEAD(request_list, request);

struct app {
	struct app_deps deps;
	struct ruleset *rules;      /* for requests that begin now */
	struct config *started;     /* what the upstream was made from; one reference */
	bool upstream_has_own_host; /* https: it is not the client's Host that it serves
				     */
	struct gate *gate;
	struct probe *probe;
	struct good_keys *good_keys;

	struct request_list requests; /* under way */
	/*
	 * Ended, freed at the next turn of the loop: whoever ended one may still
	 * be inside a callback of it.
	 */
	struct request_list ended;
	struct event reap;

	struct event publish; /* takes the gate's and the upstream's counters over, each
				 second */

	char id_prefix[17]; /* of request ids made here: random, then a number */
	uint64_t id_next;

	bool draining;
	void (*on_drained)(void *arg);
	void *on_drained_arg;
};

/* From request.c, once: the request is on its way out. */
void app_request_ended(struct app *app, struct request *rq);
void app_publish_metrics(struct app *app);

#endif
