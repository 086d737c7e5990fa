/* spool_url.c - "spool:PATH[,OPTION…]:URL", in builds with tests. */
#include "store/store_error.h"
#include "store/store_spool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int parse_option(struct str item, struct spool_options *o)
{
	struct str bytes = str_slice(item, strlen("bytes="), item.len);

	if (str_eq(item, STR("sent"))) {
		o->answer_when_sent = true;
		return 0;
	}
	return str_has_prefix(item, STR("bytes=")) && str_to_u64(bytes, &o->max_bytes)
		       ? 0
		       : -EINVAL;
}

/* The file's name, to be free()d; NULL where it is no list, or without memory. */
static char *parse_options(struct str list, struct spool_options *o)
{
	struct str item;
	char *path;

	if (!str_next_item(&list, ',', &item))
		return NULL;
	path = strndup(item.p, item.len);
	while (path && str_next_item(&list, ',', &item))
		if (parse_option(item, o) < 0) {
			free(path);
			return NULL;
		}
	return path;
}

int store_spool_open(const char *rest, const struct store_env *env, struct store **ret,
		     char **reterr)
{
	struct spool_options o = spool_defaults;
	const char *colon = strchr(rest, ':');
	struct store *inner;
	char *path;
	int rc;

	path = colon ? parse_options((struct str){ rest, (size_t)(colon - rest) }, &o)
		     : NULL;
	if (!path)
		return store_error(reterr, -EINVAL,
				   "store: spool: takes PATH[,sent][,bytes=N]:URL");
	o.path = path;
	o.retry_ms = 1;
	o.retry_max_ms = 8;
	o.refuse_ms = 0;
	rc = store_open(colon + 1, env, &inner, reterr);
	if (rc == 0) {
		rc = store_spool_new(inner, &o, env, ret, reterr);
		if (rc < 0)
			store_close(inner);
	}
	free(path);
	return rc;
}
