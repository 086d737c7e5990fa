/*
 * api_key.c - whose memory a key opens, and is the key any good?
 *
 * A tenant is a hash of a key (router/credential.c), so whoever names another's has
 * its key. What is to be proved is that LiteLLM still knows it: by a chat that it
 * answered a while ago (good_keys.h), or by asking.
 */
#include "proxy/api.h"

#include "proxy/good_keys.h"
#include "proxy/rights.h"

struct proof {
	struct request *rq;
	api_fn *next;
	int status; /* of LiteLLM's answer; 0: none */
	bool failed;
};

/*
 * The admin may name any tenant; where no user is named in the path, none is all of
 * them. Everybody else has their own.
 */
static enum step_result open_tenant(struct request *rq, struct api *api, api_fn *next)
{
	const struct config *cfg = rq->rules->cfg;
	struct str own = tenant_of(cfg, credential(request_headers(rq)), rq->arena);
	bool all = api->admin && !api_names_user(api->route);

	if (!own.p)
		return api_fault(rq, FAULT_INTERNAL, NULL);
	if (!api->admin && api->tenant.p && !str_eq(api->tenant, own))
		return api_fault(rq, FAULT_FORBIDDEN, NULL);
	if (!api->tenant.p && !all)
		api->tenant = own;
	return next(rq, api);
}

static void on_head(void *arg, const struct upstream_reply *reply)
{
	struct proof *p = arg;

	p->status = reply->status;
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
	struct proof *p = arg;

	(void)detail;
	p->rq->pending = NULL;
	p->failed = fault != FAULT_NONE;
	pipeline_resume(&p->rq->pipeline);
}

static const struct upstream_events events = {
	.on_head = on_head,
	.on_body = on_body,
	.on_end = on_end,
};

static enum step_result proved(struct request *rq, struct api *api)
{
	struct proof *p = api->state;

	if (p->status / 100 == 2 && !p->failed) {
		good_keys_add(rq->app->good_keys, credential(request_headers(rq)));
		api->state = NULL;
		return open_tenant(rq, api, p->next);
	}
	/* 429 says nothing of the key. LiteLLM without a database answers 400. */
	if (p->status / 100 == 4 && p->status != 429 && !p->failed)
		return api_fault(rq, FAULT_UNAUTHORIZED, NULL);
	return api_fault(rq, FAULT_KEY_UNCHECKED, NULL);
}

/* The fields in which LiteLLM looks for a key, as they came: it decides as for a chat. */
static size_t key_headers(struct headers h, struct header *ret, size_t max)
{
	static const struct str names[] = {
		{ "x-litellm-api-key", 17 },
		{ "Authorization", 13 },
		{ "API-Key", 7 },
		{ "x-api-key", 9 },
		{ "x-goog-api-key", 14 },
		{ "Ocp-Apim-Subscription-Key", 25 },
	};
	size_t n = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && n < max; i++) {
		struct str value = headers_get(h, names[i]);

		if (value.len)
			ret[n++] = (struct header){ names[i], value };
	}
	return n;
}

static enum step_result ask_litellm(struct request *rq, struct api *api, api_fn *next)
{
	struct header v[6];
	size_t n = key_headers(request_headers(rq), v, sizeof(v) / sizeof(v[0]));
	struct upstream_request up = {
		.method = STR("GET"),
		.target = STR("/v1/models"),
		.headers = { v, n },
	};
	struct proof *p = arena_alloc(rq->arena, sizeof(*p));

	if (!p)
		return api_fault(rq, FAULT_INTERNAL, NULL);
	*p = (struct proof){ .rq = rq, .next = next };
	api->state = p;
	rq->pending = upstream_send(rq->app->deps.litellm, &up, &events, p);
	return api_wait(rq, api, proved);
}

enum step_result api_authorize(struct request *rq, struct api *api, api_fn *next)
{
	const struct config *cfg = rq->rules->cfg;
	struct str key = credential(request_headers(rq));

	if (!key.len)
		return rights_loopback(cfg, rq->conn)
			       ? open_tenant(rq, api, next)
			       : api_fault(rq, FAULT_UNAUTHORIZED, NULL);
	api->admin = rights_admin(cfg, key);
	if (api->admin || good_keys_has(rq->app->good_keys, key))
		return open_tenant(rq, api, next);
	return ask_litellm(rq, api, next);
}
