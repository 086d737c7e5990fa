/*
 * endpoints.h - the paths that are our own: /health, /health/ready,
 * /memory-routing/info, /metrics, and those of the memory API (proxy/api.h).
 * Everything else goes to LiteLLM.
 */
#ifndef PROXY_ENDPOINTS_H
#define PROXY_ENDPOINTS_H

#include "base/str.h"
#include "proxy/pipeline.h"

struct request;

/* Both answer the request, or wait (STEP_WAIT) for finish() to be called. */
struct endpoint {
	const char *path; /* GET and HEAD of exactly it; NULL: ask serves() */
	bool (*serves)(struct str method, struct str path);
	enum step_result (*serve)(struct request *rq);
	enum step_result (*finish)(struct request *rq); /* NULL: serve never waits */
};

/* By the path as it was sent, without the query; NULL: not ours. */
const struct endpoint *endpoint_find(struct str method, struct str path);

/*
 * LiteLLM's own /health, /metrics, /v1/models… and /model/info, which ours hide
 * or will, are reached under /litellm: the target as LiteLLM is asked for it.
 */
struct str endpoint_litellm_target(struct str target);

#endif
