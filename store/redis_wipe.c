/*
 * redis_wipe.c - what was forgotten leaves the server's files too.
 *
 * A command stays in the append-only file until that is written anew, and a snapshot
 * holds what there was. So after a forget the server is asked for new ones: at once, and
 * then at most every WIPE_MS, for either costs it a pass over all of its data. Both run
 * on the server without our waiting. Refused, as it is while one runs that began before
 * the forget, the wish is told again.
 */
#include "store/redis_op.h"

#include <errno.h>
#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <string.h>

enum { WIPE_S = 30, AGAIN_S = 1 };

static void arm(struct store_redis *st, int seconds)
{
	const struct timeval tv = { .tv_sec = seconds };

	event_add(st->wipe.timer, &tv);
}

/* A server that never will is told of once. */
static void refused(struct store_redis *st, const char *error)
{
	if (strstr(error, "in progress") != NULL) {
		st->wipe.again = true;
		arm(st, AGAIN_S);
		return;
	}
	if (!st->wipe.told)
		log_warn(
			&st->log,
			"%.*s: what is forgotten stays in its files until it writes them "
			"anew by itself, for it refuses BGREWRITEAOF or BGSAVE: %.120s",
			STR_ARG(st->name), error);
	st->wipe.told = true;
}

static void on_answer(void *arg, int status, const struct redisReply *reply)
{
	struct store_redis *st = arg;

	if (status == 0 && reply->type == REDIS_REPLY_ERROR) {
		refused(st, reply->str);
	} else if (status < 0 && status != -ECANCELED) {
		st->wipe.again = true;
		arm(st, AGAIN_S);
	}
}

static void ask(struct store_redis *st)
{
	const struct str log[] = { STR("BGREWRITEAOF") };
	const struct str snapshot[] = { STR("BGSAVE"), STR("SCHEDULE") };

	st->wipe.again = false;
	arm(st, WIPE_S);
	if (st->wipe.log)
		redis_link_send(st->link, 1, log, on_answer, st);
	if (st->wipe.snapshot)
		redis_link_send(st->link, 2, snapshot, on_answer, st);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct store_redis *st = arg;

	(void)fd;
	(void)what;
	if (st->wipe.again)
		ask(st);
}

void redis_wipe_want(struct store_redis *st)
{
	if (event_pending(st->wipe.timer, EV_TIMEOUT, NULL))
		st->wipe.again = true;
	else
		ask(st);
}

void redis_wipe_flush(struct store_redis *st)
{
	if (st->wipe.again && st->ready)
		ask(st);
}

static void on_left(void *arg, int status, const struct redisReply *reply)
{
	(void)arg; /* at the end there is nobody to tell */
	(void)status;
	(void)reply;
}

void redis_wipe_leave(struct store_redis *st)
{
	const struct str argv[] = { STR("HSET"), STR(REDIS_STORE), STR("wipe"),
				    STR("1") };

	if (st->wipe.again && st->ready)
		redis_link_send(st->link, sizeof(argv) / sizeof(*argv), argv, on_left,
				st);
}

void redis_wipe_take_over(struct store_redis *st)
{
	const struct str argv[] = { STR("HDEL"), STR(REDIS_STORE), STR("wipe") };

	redis_link_send(st->link, sizeof(argv) / sizeof(*argv), argv, on_left, st);
	redis_wipe_want(st);
}

int redis_wipe_init(struct store_redis *st)
{
	st->wipe.timer = evtimer_new(st->events, on_timer, st);
	return st->wipe.timer ? 0 : -ENOMEM;
}

void redis_wipe_done(struct store_redis *st)
{
	if (st->wipe.timer != NULL)
		event_free(st->wipe.timer);
}
