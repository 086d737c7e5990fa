/* endpoints.c - the paths that are our own. */
#include "proxy/endpoints.h"

#include "proxy/api.h"
#include "proxy/request.h"
#include "proxy/rights.h"
#include "proxy/routing_info.h"

#include <jansson.h>

#include <errno.h>
#include <stdlib.h>

/* For the store's answer to a ping: longer is "down". */
#define PING_MS     500
#define MAX_METRICS (1u << 20)

static enum step_result answer_json(struct request *rq, int status, json_t *doc)
{
	char *text = json_dumps(doc, JSON_COMPACT);

	json_decref(doc);
	if (text)
		request_answer(rq, status, STR("application/json"),
			       arena_str(rq->arena, str_from(text)));
	else
		request_answer_fault(rq, FAULT_INTERNAL, NULL);
	free(text);
	return STEP_END;
}

/* --- /health --------------------------------------------------------------------------
 */

struct health {
	bool details; /* for whom they are meant */
	bool litellm_asked, litellm_up;
	bool store_asked;
	int store_status;
};

static void on_litellm(void *arg, bool up)
{
	struct request *rq = arg;
	struct health *h = rq->endpoint_state;

	rq->pending = NULL;
	h->litellm_asked = true;
	h->litellm_up = up;
	pipeline_resume(&rq->pipeline);
}

static void on_store(void *arg, int status)
{
	struct request *rq = arg;
	struct health *h = rq->endpoint_state;

	rq->pending = NULL;
	h->store_status = status;
	pipeline_resume(&rq->pipeline);
}

static enum step_result ask_litellm(struct request *rq)
{
	rq->pending = probe_ask(rq->app->probe, on_litellm, rq);
	return STEP_WAIT;
}

static enum step_result ask_store(struct request *rq, struct health *h)
{
	h->store_asked = true;
	h->store_status = -ETIMEDOUT;
	rq->pending = memory_ping(rq->app->deps.memory_port, on_store, rq);
	if (!rq->pending)
		return STEP_NEXT;
	rq->wait = WAIT_ENDPOINT;
	request_arm_timer(rq, PING_MS);
	return STEP_WAIT;
}

static json_t *health_document(struct request *rq, const struct health *h)
{
	const char *url = rq->app->started->proxy.litellm_url;
	json_t *doc = json_pack("{s:s, s:b, s:s}", "status", "healthy", "memory_router",
				1, "litellm_base_url", url);

	if (!h->details || !doc)
		return doc;
	json_object_set_new(doc, "components",
			    json_pack("{s:{s:s, s:b}, s:{s:s, s:b}}", "litellm", "url",
				      url, "up", (int)h->litellm_up, "store", "name",
				      rq->app->deps.memory
					      ? memory_store_name(rq->app->deps.memory)
					      : "none",
				      "up", (int)(h->store_asked && !h->store_status)));
	return doc;
}

static enum step_result health_serve(struct request *rq)
{
	const struct config *cfg = rq->rules->cfg;
	struct health *h = rq->endpoint_state = arena_alloc(rq->arena, sizeof(*h));

	if (!h)
		return STEP_FAIL;
	h->details = rights_loopback(cfg, rq->conn) ||
		     rights_admin(cfg, credential(request_headers(rq)));
	return h->details ? ask_litellm(rq)
			  : answer_json(rq, 200, health_document(rq, h));
}

static enum step_result health_finish(struct request *rq)
{
	struct health *h = rq->endpoint_state;

	if (!h->store_asked && rq->app->deps.memory_port && ask_store(rq, h) == STEP_WAIT)
		return STEP_WAIT;
	return answer_json(rq, 200, health_document(rq, h));
}

/* --- /health/ready
 * ---------------------------------------------------------------------- */

static enum step_result ready_answer(struct request *rq, bool ready, const char *status)
{
	return answer_json(rq, ready ? 200 : 503, json_pack("{s:s}", "status", status));
}

static enum step_result ready_serve(struct request *rq)
{
	if (rq->app->draining)
		return ready_answer(rq, false, "draining");
	rq->endpoint_state = arena_alloc(rq->arena, sizeof(struct health));
	return rq->endpoint_state ? ask_litellm(rq) : STEP_FAIL;
}

static enum step_result ready_finish(struct request *rq)
{
	const struct health *h = rq->endpoint_state;

	return ready_answer(rq, h->litellm_up,
			    h->litellm_up ? "ready" : "litellm is down");
}

/* --- /memory-routing/info, /metrics
 * ------------------------------------------------------- */

static enum step_result info_serve(struct request *rq)
{
	return answer_json(rq, 200, routing_info(rq));
}

static enum step_result metrics_serve(struct request *rq)
{
	const struct app_deps *deps = &rq->app->deps;
	struct memory_stats memory;
	struct buf text;

	if (!rights_metrics(rq->rules->cfg, rq->conn)) {
		request_answer_fault(rq, FAULT_FORBIDDEN, NULL);
		return STEP_END;
	}
	app_publish_metrics(rq->app);
	if (deps->memory)
		memory_stats(deps->memory, &memory);
	buf_init(&text, MAX_METRICS);
	metrics_render(&text, deps->all_metrics, deps->n_metrics,
		       deps->memory ? &memory : NULL);
	if (text.failed)
		request_answer_fault(rq, FAULT_INTERNAL, NULL);
	else
		request_answer(rq, 200, STR("text/plain; version=0.0.4; charset=utf-8"),
			       buf_str(&text));
	buf_done(&text);
	return STEP_END;
}

/* --- which path is whose
 * -------------------------------------------------------------------- */

static const struct endpoint endpoints[] = {
	{ "/health", NULL, health_serve, health_finish },
	{ "/health/ready", NULL, ready_serve, ready_finish },
	{ "/memory-routing/info", NULL, info_serve, NULL },
	{ "/metrics", NULL, metrics_serve, NULL },
	{ NULL, api_serves, api_serve, api_finish },
};

static bool serves(const struct endpoint *e, struct str method, struct str path)
{
	if (!e->path)
		return e->serves(method, path);
	return str_eq(path, str_from(e->path)) &&
	       (str_eq(method, STR("GET")) || str_eq(method, STR("HEAD")));
}

const struct endpoint *endpoint_find(struct str method, struct str path)
{
	for (size_t i = 0; i < sizeof(endpoints) / sizeof(endpoints[0]); i++)
		if (serves(&endpoints[i], method, path))
			return &endpoints[i];
	return NULL;
}

struct str endpoint_litellm_target(struct str target)
{
	static const struct str prefix = { "/litellm", 8 };
	static const char *const paths[] = {
		"/health", "/metrics", "/v1/models", "/models", "/model/info",
	};
	struct str rest, path;

	if (!str_has_prefix(target, prefix))
		return target;
	rest = str_slice(target, prefix.len, target.len);
	path = str_before(rest, '?');
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (str_eq(path, str_from(paths[i])))
			return rest;
	return str_has_prefix(path, STR("/v1/models/")) ? rest : target;
}
