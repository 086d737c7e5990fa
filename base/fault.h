/*
 * fault.h - what can go wrong with a request, and how each is told.
 *
 * One table gives a fault its HTTP status, the `type` and `code` of OpenAI's
 * and Anthropic's error bodies, and its label in metrics and logs. Functions
 * that fail for HTTP reasons return one of these; others 0 or -errno.
 */
#ifndef BASE_FAULT_H
#define BASE_FAULT_H

enum fault {
	FAULT_NONE,
	/* the client's head and body (net/h1.h, proxy/gate.h) */
	FAULT_BAD_REQUEST,     /* 400: malformed framing or head */
	FAULT_HEAD_TIMEOUT,    /* 408 */
	FAULT_BODY_TIMEOUT,    /* 408 */
	FAULT_BODY_TOO_LARGE,  /* 413 */
	FAULT_TARGET_TOO_LONG, /* 414 */
	FAULT_EXPECTATION,     /* 417 */
	FAULT_HEAD_TOO_LARGE,  /* 431 */
	FAULT_NOT_IMPLEMENTED, /* 501: transfer coding or method */
	FAULT_HTTP_VERSION,    /* 505 */
	/* what we refuse ourselves */
	FAULT_BAD_HEADER_VALUE, /* 400: x-memory, … */
	FAULT_BAD_PARAMETER,    /* 400: of the memory API's path, query or body */
	FAULT_UNAUTHORIZED,     /* 401: no key, or one that LiteLLM does not know */
	FAULT_FORBIDDEN,        /* 403 */
	FAULT_NOT_FOUND,        /* 404 */
	FAULT_METHOD,           /* 405 */
	FAULT_CONFLICT,         /* 409: paused, or forgotten meanwhile */
	FAULT_MEDIA_TYPE,       /* 415 */
	FAULT_OVERLOADED,       /* 503: a limit of our own is reached */
	FAULT_DRAINING,         /* 503 */
	FAULT_STORE,            /* 503: the memory's store failed or is too slow */
	FAULT_KEY_UNCHECKED,    /* 503: LiteLLM could not be asked about a key */
	FAULT_INTERNAL,         /* 500: out of memory, a bug */
	/* the upstream (net/upstream.h) */
	FAULT_UPSTREAM_CONNECT,         /* 502: refused, unreachable, unknown host */
	FAULT_UPSTREAM_CONNECT_TIMEOUT, /* 504 */
	FAULT_UPSTREAM_FIRST_BYTE,      /* 504: no reply head in time */
	FAULT_UPSTREAM_CLOSED,          /* 502: closed before a reply head */
	FAULT_UPSTREAM_PROTOCOL,        /* 502: not HTTP, or a head we refuse */
	FAULT_UPSTREAM_CUT,             /* after the head: the reply is not whole */
	FAULT_N
};

struct fault_info {
	int status;                 /* HTTP */
	const char *label;          /* metrics and logs: "upstream_connect" */
	const char *openai_type;    /* error.type */
	const char *openai_code;    /* error.code; a string, as LiteLLM's are */
	const char *anthropic_type; /* error.type of /v1/messages */
	const char *message;        /* default text: what is wrong and what to do */
};

const struct fault_info *fault_info(enum fault f); /* never NULL */

#endif
