/*
 * api_path.h - a target's path and query, as the memory API reads them. Pure.
 */
#ifndef PROXY_API_PATH_H
#define PROXY_API_PATH_H

#include "base/arena.h"

#include <stdbool.h>

enum { API_PARAMS_MAX = 2 };

enum path_match {
	PATH_OTHER,
	PATH_BAD, /* it has the pattern's form, but a part is no id (router/id.h) */
	PATH_MATCHES,
};

/*
 * A raw path against "/memory/api/users/{user}/sessions": what stands for a name in
 * braces is percent-decoded into the arena and goes into ret, in order. A slash
 * within an id is sent as %2F. Out of memory is PATH_BAD.
 */
enum path_match api_path_match(const char *pattern, struct str path, struct arena *a,
			       struct str ret[API_PARAMS_MAX]);

/*
 * The first parameter of this name in a raw query ("a=b&c"), decoded; a plus is a
 * blank. 0: *ret is its value, or absent where there is none; -EINVAL: not
 * percent-encoded UTF-8; -ENOMEM.
 */
int api_query_get(struct str query, struct str name, struct arena *a, struct str *ret);

#endif
