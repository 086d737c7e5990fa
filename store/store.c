/* store.c - the back ends by their schemes, and a thin dispatcher for each operation. */
#include "store/store.h"

#include "store/store_error.h"
#include "store/store_postgres.h"
#include "store/store_redis.h"
#include "store/store_sqlite.h"
#ifdef STORE_FAULTY
#include "store/store_faulty.h"
#include "store/store_spool.h"
#endif

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct scheme {
	struct str name;
	/* What follows the colon is `rest`; otherwise as store_open(). */
	int (*open)(const char *rest, const struct store_env *env, struct store **ret,
		    char **reterr);
	/* Whether what follows can be one's address; NULL: opening tells. */
	int (*check)(const char *rest, char **reterr);
} schemes[] = {
	{ { "sqlite", 6 }, store_sqlite_open, NULL },
	{ { "memory", 6 }, store_memory_open, NULL },
	{ { "postgresql", 10 }, store_postgres_open, NULL },
	{ { "postgres", 8 }, store_postgres_open, NULL },
	{ { "redis", 5 }, store_redis_open, store_redis_check },
	{ { "redis+unix", 10 }, store_redis_unix_open, store_redis_unix_check },
#ifdef STORE_FAULTY
	{ { "faulty", 6 }, store_faulty_open, NULL },
	{ { "spool", 5 }, store_spool_open, NULL },
#endif
};

#define BUILT_IN "sqlite:PATH, memory:, postgresql://…, redis://…"

int store_error(char **reterr, int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(reterr, fmt, ap) < 0)
		*reterr = NULL;
	va_end(ap);
	return status;
}

static const struct scheme *find_scheme(struct str name)
{
	for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++)
		if (str_eq(name, schemes[i].name))
			return &schemes[i];
	return NULL;
}

/* The row, and what follows the colon; NULL: *status as of store_check(). */
static const struct scheme *parse(const char *url, const char **rest, int *status,
				  char **reterr)
{
	struct str whole = str_from(url), name;
	const struct scheme *scheme;
	size_t len = 0;

	while (len < whole.len && url[len] != ':' && url[len] != '/')
		len++;
	name = str_slice(whole, 0, len);
	if (len == 0 || url[len] != ':') {
		*status = store_error(reterr, -EINVAL,
				      "store: a URL is expected, one of " BUILT_IN);
		return NULL;
	}
	*rest = url + len + 1;
	scheme = find_scheme(name);
	if (!scheme)
		*status = store_error(reterr, -EPROTONOSUPPORT,
				      "store: %.*s: is not built in; there are " BUILT_IN,
				      STR_ARG(name));
	return scheme;
}

int store_check(const char *url, char **reterr)
{
	const char *rest;
	int status = 0;

	const struct scheme *scheme = parse(url, &rest, &status, reterr);

	return scheme && scheme->check ? scheme->check(rest, reterr) : status;
}

bool store_is_remote(const char *url)
{
	static const char *const here[] = { "sqlite:", "memory:", "faulty:", "spool:" };

	for (size_t i = 0; i < sizeof(here) / sizeof(*here); i++)
		if (strncmp(url, here[i], strlen(here[i])) == 0)
			return false;
	return true;
}

int store_open(const char *url, const struct store_env *env, struct store **ret,
	       char **reterr)
{
	const char *rest;
	int status = 0;
	const struct scheme *scheme = parse(url, &rest, &status, reterr);

	return scheme ? scheme->open(rest, env, ret, reterr) : status;
}

void store_close(struct store *st)
{
	if (st != NULL)
		st->ops->close(st);
}

struct op *store_append(struct store *st, const struct exchange *x, uint64_t epoch,
			store_append_cb *cb, void *arg)
{
	return st->ops->append(st, x, epoch, cb, arg);
}

struct op *store_read_since(struct store *st, const struct partition *p, uint64_t cursor,
			    size_t bytes, store_read_cb *cb, void *arg)
{
	return st->ops->read_since(st, p, cursor, bytes, cb, arg);
}

struct op *store_read_before(struct store *st, const struct partition *p, uint64_t cursor,
			     size_t bytes, store_read_cb *cb, void *arg)
{
	return st->ops->read_before(st, p, cursor, bytes, cb, arg);
}

struct op *store_get(struct store *st, const struct partition *p,
		     const struct exchange_id *id, store_read_cb *cb, void *arg)
{
	return st->ops->get(st, p, id, cb, arg);
}

struct op *store_users(struct store *st, struct str tenant, const struct partition *after,
		       size_t limit, store_users_cb *cb, void *arg)
{
	return st->ops->users(st, tenant, after, limit, cb, arg);
}

struct op *store_sessions(struct store *st, const struct partition *p, uint64_t skip,
			  size_t limit, store_sessions_cb *cb, void *arg)
{
	return st->ops->sessions(st, p, skip, limit, cb, arg);
}

struct op *store_edit(struct store *st, const struct partition *p,
		      const struct exchange_id *id, struct str user, struct str reply,
		      store_done_cb *cb, void *arg)
{
	return st->ops->edit(st, p, id, user, reply, cb, arg);
}

struct op *store_forget(struct store *st, const struct partition *p, struct str session,
			const struct exchange_id *id, store_count_cb *cb, void *arg)
{
	return st->ops->forget(st, p, session, id, cb, arg);
}

struct op *store_pause(struct store *st, const struct partition *p, bool paused,
		       store_done_cb *cb, void *arg)
{
	return st->ops->pause(st, p, paused, cb, arg);
}

struct op *store_expire(struct store *st, uint64_t now_ms, store_count_cb *cb, void *arg)
{
	return st->ops->expire(st, now_ms, cb, arg);
}

struct op *store_trim(struct store *st, const struct partition *p, uint64_t keep,
		      store_count_cb *cb, void *arg)
{
	return st->ops->trim(st, p, keep, cb, arg);
}

struct op *store_ping(struct store *st, store_done_cb *cb, void *arg)
{
	return st->ops->ping(st, cb, arg);
}

struct store *store_behind(struct store *st)
{
	return st->ops->behind ? st->ops->behind(st) : st;
}

void store_stats(const struct store *st, struct store_stats *ret)
{
	st->ops->stats(st, ret);
}

const struct digest *store_secret(const struct store *st)
{
	return st->ops->secret(st);
}
