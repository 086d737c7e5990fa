/*
 * redis_open.c - what a server is told and asked when the link to it is up.
 *
 * All in one go: the script, the version of the schema and the secret, which whoever
 * comes first puts there, and how the server keeps its data. It is the same after every
 * loss of the link, for the server may be another one then.
 */
#include "store/redis_op.h"
#include "store/redis_run.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char script_text[] = {
#include "store/redis_script.inc"
};

__attribute__((format(printf, 3, 4))) static void reject(struct store_redis *st,
							 int status, const char *fmt, ...)
{
	va_list ap;

	if (st->open.status < 0)
		return;
	st->open.status = status;
	va_start(ap, fmt);
	vsnprintf(st->open.why, sizeof(st->open.why), fmt, ap);
	va_end(ap);
}

/* True where the reply is there and no error. */
static bool went_well(struct store_redis *st, int status, const struct redisReply *r)
{
	if (status < 0) /* the link tells of its loss itself */
		st->open.status = status;
	else if (r->type == REDIS_REPLY_ERROR)
		reject(st, strncmp(r->str, "NOPERM", 6) == 0 ? -EINVAL : -EIO, "%.200s",
		       r->str);
	return st->open.status == 0;
}

static void on_script(void *arg, int status, const struct redisReply *r)
{
	struct store_redis *st = arg;
	struct str sha;

	if (!went_well(st, status, r))
		return;
	if (redis_reply_text(r, &sha) < 0 || sha.len >= sizeof(st->sha))
		reject(st, -EIO, "this is not Redis");
	else
		snprintf(st->sha, sizeof(st->sha), "%.*s", STR_ARG(sha));
}

static void on_put(void *arg, int status, const struct redisReply *r)
{
	went_well(arg, status, r);
}

static void take_store(struct store_redis *st, const struct redisReply *r)
{
	struct str secret;
	uint64_t version = 0;

	if (redis_reply_array(r, 3) < 0 ||
	    redis_reply_number(r->element[0], &version) < 0 ||
	    redis_reply_text(r->element[1], &secret) < 0 ||
	    secret.len != sizeof(st->secret.b))
		reject(st, -EINVAL, "%s is of another program, or damaged", REDIS_STORE);
	else if (version > REDIS_SCHEMA_VERSION)
		reject(st, -EINVAL,
		       "is of version %llu, made by a newer memproxy; this one knows %d",
		       (unsigned long long)version, REDIS_SCHEMA_VERSION);
	else if (st->has_secret &&
		 memcmp(st->secret.b, secret.p, sizeof(st->secret.b)) != 0)
		/* Ids and delimiters are made with it, by whoever asked for it. */
		reject(st, -EINVAL,
		       "has another secret than before: it has lost its data");
	else
		memcpy(st->secret.b, secret.p, sizeof(st->secret.b));
	st->open.wipe = st->open.status == 0 && r->element[2]->type != REDIS_REPLY_NIL;
}

static void on_store(void *arg, int status, const struct redisReply *r)
{
	struct store_redis *st = arg;

	if (!went_well(st, status, r))
		return;
	take_store(st, r);
	st->has_secret |= st->open.status == 0;
}

static void warn(struct store_redis *st, struct str info)
{
	struct str policy = redis_info_field(info, STR("maxmemory_policy"));
	struct str limit = redis_info_field(info, STR("maxmemory"));

	if (st->open.told)
		return;
	st->open.told = true;
	if (str_has_prefix(policy, STR("allkeys")) && !str_eq(limit, STR("0")))
		log_warn(
			&st->log,
			"%.*s: its maxmemory-policy %.*s throws memories away when it is "
			"full; noeviction keeps them",
			STR_ARG(st->name), STR_ARG(policy));
	if (!st->wipe.log)
		log_warn(&st->log,
			 "%.*s: has no append-only file: what was kept since its last "
			 "snapshot does not outlive it (appendonly yes)",
			 STR_ARG(st->name));
}

static void on_info(void *arg, int status, const struct redisReply *r)
{
	struct store_redis *st = arg;
	struct str info;

	if (!went_well(st, status, r) || redis_reply_text(r, &info) < 0)
		return;
	if (str_eq(redis_info_field(info, STR("role")), STR("slave")))
		reject(st, -EIO, "is a replica, which takes no writes");
	st->wipe.log = str_eq(redis_info_field(info, STR("aof_enabled")), STR("1"));
	redis_take_memory(st, info);
	warn(st, info);
}

/* Not every server lets one ask: then there are no snapshots to be seen to. */
static void on_save(void *arg, int status, const struct redisReply *r)
{
	struct store_redis *st = arg;
	struct str save;

	if (status == 0 && redis_reply_array(r, 2) == 0 &&
	    redis_reply_text(r->element[1], &save) == 0)
		st->wipe.snapshot = save.len > 0;
}

static void on_partitions(void *arg, int status, const struct redisReply *r)
{
	struct store_redis *st = arg;

	if (went_well(st, status, r))
		redis_reply_number(r, &st->stats.partitions);
}

static void on_total(void *arg, int status, const struct redisReply *r)
{
	struct store_redis *st = arg;

	if (went_well(st, status, r))
		redis_reply_number(r, &st->stats.exchanges);
	redis_prepared(st, st->open.status);
}

void redis_prepare(struct store_redis *st)
{
	const struct str script = { script_text, sizeof(script_text) - 1 };
	/* A server that has lost it gets it back: ids and delimiters are made with it. */
	const struct digest *d = st->has_secret ? &st->secret : &st->open.offer;
	const struct str secret = { (const char *)d->b, sizeof(d->b) };
	char version[16];
	const struct {
		struct str argv[5];
		int argc;
		redis_link_cb *cb;
	} commands[] = {
		{ { STR("SCRIPT"), STR("LOAD"), script }, 3, on_script },
		{ { STR("INFO") }, 1, on_info },
		{ { STR("HSETNX"),
		    STR(REDIS_STORE),
		    STR("version"),
		    { version, (size_t)snprintf(version, sizeof(version), "%d",
						REDIS_SCHEMA_VERSION) } },
		  4,
		  on_put },
		{ { STR("HSETNX"), STR(REDIS_STORE), STR("secret"), secret }, 4, on_put },
		{ { STR("HMGET"), STR(REDIS_STORE), STR("version"), STR("secret"),
		    STR("wipe") },
		  5,
		  on_store },
		{ { STR("CONFIG"), STR("GET"), STR("save") }, 3, on_save },
		{ { STR("ZCARD"), STR(REDIS_NAMES) }, 2, on_partitions },
		{ { STR("GET"), STR(REDIS_TOTAL) }, 2, on_total },
	};

	st->open.status = 0;
	st->no_script = st->unfit = false;
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		redis_link_send(st->link, commands[i].argc, commands[i].argv,
				commands[i].cb, st);
}
