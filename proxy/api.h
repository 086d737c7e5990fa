/*
 * api.h - the memory API: /memory/api/ and /v1/sessions.
 *
 * api_routes.c holds the routes as a table, from which the OpenAPI description
 * and docs/reference/API.md follow too. A call is parsed (api.c), its key is
 * proved (api_key.c), and then the route's function answers it: with one
 * operation of the store after the other, each of which ends in the next
 * function, or as a stream.
 *
 * A caller sees the memory of its key's tenant. Nothing else that it sends has a
 * say in the tenant, unless it holds the admin key.
 */
#ifndef PROXY_API_H
#define PROXY_API_H

#include "memory/admin.h"
#include "proxy/api_json.h"
#include "proxy/api_path.h"
#include "proxy/request.h"

struct api;
typedef enum step_result api_fn(struct request *rq, struct api *api);

/* Parameters of a query; described in api_schemas.c. */
enum api_query {
	API_TENANT = 1 << 0,
	API_USER_ID = 1 << 1,
	API_SESSION = 1 << 2,
	API_TEXT = 1 << 3, /* q */
	API_CURSOR = 1 << 4,
	API_LIMIT = 1 << 5,
};

struct api_route {
	const char *method, *path;
	const char *name; /* operationId */
	const char *summary;
	unsigned query;     /* bits of enum api_query */
	const char *body;   /* schema of what is sent; NULL: nothing */
	const char *answer; /* schema of a 200 */
	const char *faults; /* further statuses, blank-separated, but for 400, 401, 503 */
	bool open;          /* for anybody, without a key */
	api_fn *serve;
};

extern const struct api_route api_routes[];
extern const size_t api_n_routes;
/* Whether the path holds a {user}, its first parameter. */
bool api_names_user(const struct api_route *r);
/* JSON Lines rather than one document: by the schema's name. */
#define API_LINES "Lines"

struct api {
	const struct api_route *route;
	struct str params[API_PARAMS_MAX]; /* of the path, decoded */

	bool admin;
	struct str tenant; /* whose memory; absent: everybody's (the admin's, of lists) */
	struct str user_id, session, text, cursor; /* of the query; absent: not given */
	size_t limit;

	struct partition partition; /* of the path's {user}; else its user is absent */
	struct exchange_id id;      /* of the path's {id} */

	/* What the operation under way ends in. The answer lives as long as that call;
	 * NULL: it did not come in time. */
	api_fn *next;
	const struct answer *answer;
	void *state; /* the route's own, in the request's arena */
};

/* --- api.c: what an endpoint of proxy/endpoints.c needs ---------------------- */

bool api_serves(struct str method, struct str path); /* of /v1/sessions: what we know */
enum step_result api_serve(struct request *rq);
enum step_result api_finish(struct request *rq);

/* --- api.c: for the routes --------------------------------------------------- */

/* Has the store do it, and then next(). */
enum step_result api_call(struct request *rq, struct api *api, const struct call *c,
			  api_fn *next);
/* Waits for rq->pending (NULL: out of memory), and then next(). */
enum step_result api_wait(struct request *rq, struct api *api, api_fn *next);
/* Takes the document; NULL: out of memory. */
enum step_result api_answer(struct request *rq, json_t *doc);
enum step_result api_fault(struct request *rq, enum fault fault, const char *detail);
/* What a store's status is to a caller. Cuts the reply where it has begun. */
enum step_result api_failed(struct request *rq, int status);
/* The answer's status; -ETIMEDOUT where there is none. */
int api_status(const struct api *api);
/* The whole body as an object, which goes with the request; NULL: answered with a fault
 * (return STEP_END). For a next() of api_collect(). */
json_t *api_body(struct request *rq);
enum step_result api_collect(struct request *rq, struct api *api, api_fn *next);

/* A reply whose length is not known: begin, put, end. */
void api_stream_begin(struct request *rq, struct str content_type);
/* Sends what is in the buffer and empties it; then next(), as soon as the client has
 * taken enough of it. */
enum step_result api_stream_put(struct request *rq, struct api *api, struct buf *b,
				api_fn *next);
/* The last of it. */
enum step_result api_stream_end(struct request *rq, struct buf *b);

/* The bytes that one read of the store may bring. */
#define API_PAGE_BYTES (128u << 10)

/* Whether it is somebody's words, and not a record of the log. */
static inline bool api_is_exchange(const struct exchange *x)
{
	return x->state != EXCHANGE_BLOCK;
}

/* --- api_key.c --------------------------------------------------------------- */

/*
 * Who calls, and whose memory that opens: sets admin and tenant, and goes on with
 * next(). Else answers: 401 (no key from elsewhere than this machine; a key that
 * LiteLLM does not know), 403 (another's tenant), 503 (LiteLLM is away).
 */
enum step_result api_authorize(struct request *rq, struct api *api, api_fn *next);

/* --- the routes -------------------------------------------------------------- */

api_fn api_users_list, api_users_forget, api_users_pause;        /* api_users.c */
api_fn api_users_sessions, api_users_session_forget;             /* api_users.c */
api_fn api_exchanges_list, api_exchange_get, api_exchange_edit;  /* api_exchanges.c */
api_fn api_exchange_forget;                                      /* api_exchanges.c */
api_fn api_search, api_explain;                                  /* api_search.c */
api_fn api_export;                                               /* api_export.c */
api_fn api_import;                                               /* api_import.c */
api_fn api_sessions_list, api_sessions_get, api_sessions_delete; /* api_sessions.c */
api_fn api_openapi;                                              /* api_openapi.c */

#endif
