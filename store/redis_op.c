/* redis_op.c - the commands of an operation, and what their replies lead to. */
#include "store/redis_op.h"

#include "base/arena.h"
#include "store/redis_run.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { MAX_ARGS = 24 };

/* A reply that an operation waits for. */
struct expected {
	struct redis_op *o;
	redis_reply_fn *fn;
	size_t i;
};

void redis_op_fail(struct redis_op *o, int status)
{
	if (o->failed == 0)
		o->failed = status;
}

struct str redis_arg(struct redis_op *o, uint64_t n)
{
	struct str s = arena_printf(o->mem, "%" PRIu64, n);

	if (s.p == NULL)
		redis_op_fail(o, -ENOMEM);
	return s;
}

static bool begins(const char *text, const char *word)
{
	return strncmp(text, word, strlen(word)) == 0;
}

/* Server's words may quote a key; never a text. */
static int refused(struct redis_op *o, const char *error)
{
	if (begins(error, "NOSCRIPT")) {
		o->no_script = o->st->no_script = true;
		return 0;
	}
	o->st->unfit |= begins(error, "READONLY");
	log_debug(&o->st->log, "%.*s: %s: %.120s", STR_ARG(o->st->name),
		  call_name(o->call.kind), error);
	return -EIO;
}

static void on_reply(void *arg, int status, const struct redisReply *reply)
{
	struct expected *e = arg;
	struct redis_op *o = e->o;
	struct store_redis *st = o->st;

	o->awaited--;
	if (status == 0 && reply->type == REDIS_REPLY_ERROR)
		status = refused(o, reply->str);
	else if (status == 0 && o->failed == 0 && !o->no_script && e->fn != NULL)
		status = e->fn(o, reply, e->i);
	if (status < 0)
		redis_op_fail(o, status);
	if (!o->sending)
		redis_op_go_on(o);
	if (!st->unfit || !st->ready)
		return;
	st->unfit = false; /* what is under way ends in here, and comes by again */
	redis_link_leave(st->link, -EIO, "the server takes no writes any more");
}

void redis_op_send(struct redis_op *o, const struct str *argv, size_t n,
		   redis_reply_fn *fn, size_t i)
{
	struct expected *e = arena_alloc(o->mem, sizeof(*e));

	if (e == NULL) {
		redis_op_fail(o, -ENOMEM);
		return;
	}
	*e = (struct expected){ o, fn, i };
	o->awaited++;
	redis_link_send(o->st->link, (int)n, argv, on_reply, e);
}

void redis_op_script(struct redis_op *o, const struct str *keys, size_t n_keys,
		     const struct str *argv, size_t n, redis_reply_fn *fn, size_t i)
{
	struct str all[MAX_ARGS] = { STR("EVALSHA"), str_from(o->st->sha),
				     redis_arg(o, n_keys) };

	memcpy(all + 3, keys, n_keys * sizeof(*keys));
	memcpy(all + 3 + n_keys, argv, n * sizeof(*argv));
	redis_op_send(o, all, 3 + n_keys + n, fn, i);
}

/* --- what nobody waits for -------------------------------------------------- */

static void on_noted(void *arg, int status, const struct redisReply *reply)
{
	(void)arg; /* a count that is off is put right by the user's next change */
	(void)status;
	(void)reply;
}

void redis_note_count(struct redis_op *o, struct str name, long long n)
{
	struct str number = arena_printf(o->mem, "%lld", n);
	const struct str argv[] = {
		STR("EVALSHA"),   str_from(o->st->sha), STR("2"), STR(REDIS_COUNTS),
		STR(REDIS_TOTAL), STR("count"),         name,     number
	};

	if (number.p != NULL)
		redis_link_send(o->st->link, sizeof(argv) / sizeof(*argv), argv, on_noted,
				NULL);
}

/* --- the whole store -------------------------------------------------------- */

static int on_partitions(struct redis_op *o, const struct redisReply *r, size_t i)
{
	(void)i;
	return redis_reply_number(r, &o->st->stats.partitions);
}

static int on_total(struct redis_op *o, const struct redisReply *r, size_t i)
{
	(void)i;
	return redis_reply_number(r, &o->st->stats.exchanges);
}

static int on_memory(struct redis_op *o, const struct redisReply *r, size_t i)
{
	struct str text;
	int rc = redis_reply_text(r, &text);

	(void)i;
	if (rc == 0)
		redis_take_memory(o->st, text);
	return rc;
}

void redis_count_all(struct redis_op *o)
{
	redis_op_send(o, (struct str[]){ STR("ZCARD"), STR(REDIS_NAMES) }, 2,
		      on_partitions, 0);
	redis_op_send(o, (struct str[]){ STR("GET"), STR(REDIS_TOTAL) }, 2, on_total, 0);
	redis_op_send(o, (struct str[]){ STR("INFO"), STR("memory") }, 2, on_memory, 0);
}
