/*
 * side_calls.h - requests that a client makes for itself: a title for the
 * conversation, a summary of it, a guess at what the user may say next.
 *
 * They come with the user's key, often in the session of the conversation, and
 * nobody said what is in them: they get no memory and leave none. They are told by
 * how they begin, as the clients' sources and captures of their traffic have it.
 */
#ifndef MEMORY_SIDE_CALLS_H
#define MEMORY_SIDE_CALLS_H

#include "base/header.h"
#include "memory/dialect.h"

struct side_call_request {
	struct str path; /* without the query */
	struct headers headers;
	struct str body;                 /* with the view: what it was read from */
	const struct request_view *view; /* NULL: the body is not here, or not known */
};

struct side_call {
	const char *client;
	/*
	 * The conversation itself with a request of the client's own at its end: a
	 * provider's cache holds what stands before, so blocks there stay.
	 */
	bool continues;
};

/* NULL: somebody is talking. */
const struct side_call *side_call_find(const struct side_call_request *rq);

#endif
