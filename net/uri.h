/* uri.h - the parts of a URL, decoded: RFC 3986 as far as a server's address needs it. */
#ifndef NET_URI_H
#define NET_URI_H

#include "base/str.h"

struct arena;

struct uri {
	struct str scheme;         /* as written */
	struct str user, password; /* absent where not given */
	struct str host;           /* without brackets; empty where not given */
	unsigned port;             /* 0: not given */
	struct str path;           /* from its slash on; empty where not given */
	struct str query;          /* behind the question mark, not decoded; or absent */
};

/*
 * "scheme://[user[:password]@][host][:port][/path][?query]", percent-decoded but for the
 * query. What it gives lies in the arena, each with a NUL behind it. 0; -EINVAL where it
 * is none of that, or holds a fragment, a control character or "%00"; -ENOMEM.
 */
int uri_parse(struct arena *mem, struct str text, struct uri *ret);

/* The next "name=value" of a query, decoded; 1, 0 at the end, or as uri_parse(). */
int uri_next_param(struct arena *mem, struct str *rest, struct str *name,
		   struct str *value);

#endif
