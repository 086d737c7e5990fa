/*
 * store_redis.c - the log of exchanges in a Redis.
 *
 * Everything runs on the opener's loop; nothing waits for the server but opening and
 * closing, which have loops of their own. Operations are sent as they come, and take
 * effect in that order. While the server is being connected to, or the script loaded,
 *they are held; where it cannot be reached, they end with -EIO at once.
 *
 *	store_append() -> redis_op -> EVALSHA -> reply -> callback
 */
#include "store/store_redis.h"

#include "base/arena.h"
#include "store/redis_op.h"
#include "store/redis_run.h"
#include "store/store_error.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OP_ARENA = 4096, ADDRESS_ARENA = 1024 };

/* --- operations ------------------------------------------------------------- */

static redis_step *const first_steps[CALL_N] = {
	[CALL_APPEND] = redis_begin_change,    [CALL_READ_SINCE] = redis_begin_read,
	[CALL_READ_BEFORE] = redis_begin_read, [CALL_GET] = redis_begin_read,
	[CALL_USERS] = redis_begin_users,      [CALL_SESSIONS] = redis_begin_read,
	[CALL_EDIT] = redis_begin_change,      [CALL_FORGET] = redis_begin_change,
	[CALL_PAUSE] = redis_begin_change,     [CALL_EXPIRE] = redis_begin_expire,
	[CALL_TRIM] = redis_begin_change,      [CALL_PING] = redis_begin_change,
};

static void op_cancelled(struct op *op)
{
	((struct redis_op *)op)->cancelled = true;
}

static const struct op_ops op_ops = { .cancel = op_cancelled };

static int set_partition(struct redis_op *o)
{
	const struct partition *p = &o->call.x.partition;
	int rc;

	if (o->call.kind == CALL_USERS || o->call.kind == CALL_EXPIRE ||
	    o->call.kind == CALL_PING)
		return 0;
	rc = redis_user_keys(o->mem, p, o->keys);
	return rc < 0 ? rc : redis_name_encode(o->mem, p, &o->name);
}

static struct redis_op *op_new(struct store_redis *st, const struct call *c)
{
	struct arena *mem = arena_new(OP_ARENA);
	struct redis_op *o = mem ? arena_alloc(mem, sizeof(*o)) : NULL;

	if (o == NULL || call_copy(mem, c, &o->call) < 0)
		goto nomem;
	o->op.ops = &op_ops;
	o->mem = mem;
	o->st = st;
	o->number = ++st->last_number;
	o->now_ms = clock_wall_ms(st->clock);
	if (set_partition(o) < 0)
		goto nomem;
	return o;
nomem:
	arena_free(mem);
	return NULL;
}

static void count(struct store_redis *st, const struct redis_op *o, int status)
{
	if (o->call.kind == CALL_APPEND && status == 0)
		st->stats.appends++;
	if (status == -EIO || status == -ENOMEM || status == -ETIMEDOUT)
		st->stats.errors++;
}

/* It is in no list any more. */
static void op_end(struct redis_op *o)
{
	if (o->failed < 0)
		o->answer = (struct answer){ .status = o->failed };
	count(o->st, o, o->answer.status);
	if (!o->cancelled)
		call_answer(&o->call, &o->answer);
	if (o->ended != NULL)
		*o->ended = true;
	arena_free(o->mem);
}

/* By number: what was sent before, and comes back, goes before what has come since. */
static void hold(struct redis_op *o)
{
	struct redis_ops *held = &o->st->held;
	struct redis_op *before = TAILQ_LAST(held, redis_ops);

	while (before != NULL && before->number > o->number)
		before = TAILQ_PREV(before, redis_ops, entry);
	if (before != NULL)
		TAILQ_INSERT_AFTER(held, before, o, entry);
	else
		TAILQ_INSERT_HEAD(held, o, entry);
}

/* Steps that send nothing are followed by the next at once. */
static void take_step(struct redis_op *o, redis_step *step)
{
	o->sending = true;
	o->next = NULL;
	step(o);
	o->sending = false;
}

static void start(struct redis_op *o)
{
	TAILQ_INSERT_TAIL(&o->st->under_way, o, entry);
	take_step(o, first_steps[o->call.kind]);
	redis_op_go_on(o);
}

static void load_script(struct store_redis *st)
{
	if (st->no_script && st->ready && TAILQ_EMPTY(&st->under_way)) {
		st->ready = false;
		redis_prepare(st);
	}
}

static bool waits_for_script(const struct redis_op *o)
{
	return o->no_script && o->failed == 0;
}

void redis_op_go_on(struct redis_op *o)
{
	struct store_redis *st = o->st;

	while (o->awaited == 0 && o->next != NULL && o->failed == 0 && !o->no_script)
		take_step(o, o->next);
	if (o->awaited > 0)
		return;
	TAILQ_REMOVE(&st->under_way, o, entry);
	if (waits_for_script(o)) {
		o->no_script = false;
		hold(o);
	} else {
		op_end(o);
	}
	load_script(st);
}

static int how_held_ends(const struct store_redis *st)
{
	if (st->closing)
		return -ECANCELED;
	return st->open.status == -ETIMEDOUT ? -ETIMEDOUT : -EIO;
}

static void end_held(struct store_redis *st)
{
	struct redis_op *o;

	while ((o = TAILQ_FIRST(&st->held)) != NULL) {
		TAILQ_REMOVE(&st->held, o, entry);
		redis_op_fail(o, how_held_ends(st));
		op_end(o);
	}
}

static void start_held(struct store_redis *st)
{
	struct redis_op *o;

	while (st->ready && !st->no_script && (o = TAILQ_FIRST(&st->held)) != NULL) {
		TAILQ_REMOVE(&st->held, o, entry);
		start(o);
	}
}

static struct op *redis_submit(struct call_store *cs, const struct call *c)
{
	struct store_redis *st = (struct store_redis *)cs;
	struct redis_op *o = st->closing ? NULL : op_new(st, c);
	bool ended = false;

	if (o == NULL) {
		call_answer(c, &(struct answer){ .status = st->closing ? -ECANCELED
								       : -ENOMEM });
		return NULL;
	}
	o->ended = &ended;
	if (st->ready && !st->no_script) {
		start(o);
	} else if (redis_link_state(st->link) == REDIS_LINK_WAITING) {
		redis_op_fail(o, -EIO);
		op_end(o);
	} else {
		hold(o);
	}
	if (ended)
		return NULL;
	o->ended = NULL;
	return &o->op;
}

/* --- the link --------------------------------------------------------------- */

static void on_up(void *arg)
{
	redis_prepare(arg);
}

static void on_down(void *arg, int status, const char *why)
{
	struct store_redis *st = arg;

	st->ready = false;
	st->open.status = status;
	snprintf(st->open.why, sizeof(st->open.why), "%s", why);
	log_debug(&st->log, "%.*s: %s", STR_ARG(st->name), why);
	if (redis_link_state(st->link) == REDIS_LINK_WAITING)
		end_held(st);
}

static const struct redis_link_owner link_owner = { .up = on_up, .down = on_down };

void redis_prepared(struct store_redis *st, int status)
{
	char why[sizeof(st->open.why)];

	if (status == 0) {
		st->ready = true;
		if (st->open.wipe)
			redis_wipe_take_over(st);
		start_held(st);
	} else if (redis_link_state(st->link) == REDIS_LINK_UP) {
		memcpy(why, st->open.why, sizeof(why));
		redis_link_leave(st->link, status, why);
	}
}

/* --- the end ---------------------------------------------------------------- */

/* What only reads has nobody to read for any more. */
static void cancel_reads(struct store_redis *st)
{
	struct redis_op *o;

	TAILQ_FOREACH (o, &st->under_way, entry) {
		if (call_writes(o->call.kind) || o->cancelled)
			continue;
		o->cancelled = true;
		call_answer(&o->call, &(struct answer){ .status = -ECANCELED });
	}
}

static bool has_writes(const struct store_redis *st)
{
	const struct redis_op *o;

	TAILQ_FOREACH (o, &st->under_way, entry)
		if (call_writes(o->call.kind))
			return true;
	return !TAILQ_EMPTY(&st->held);
}

/* As long as the link is up: it has a deadline of its own. */
static void run_until_answered(struct store_redis *st, struct event_base *own)
{
	while ((has_writes(st) || redis_link_pending(st->link) > 0) &&
	       redis_link_state(st->link) == REDIS_LINK_UP)
		event_base_loop(own, EVLOOP_ONCE);
}

static void finish_writes(struct store_redis *st)
{
	struct event_base *own = event_base_new();

	if (own == NULL || redis_link_move(st->link, own) < 0) {
		if (own != NULL)
			event_base_free(own);
		return;
	}
	run_until_answered(st, own);
	redis_wipe_flush(st);
	run_until_answered(st, own);
	redis_wipe_leave(st);
	run_until_answered(st, own);
	redis_link_free(st->link);
	st->link = NULL;
	event_base_free(own);
}

static void redis_free(struct store_redis *st)
{
	redis_wipe_done(st);
	arena_free(st->mem);
	free(st);
}

static void redis_close(struct store *store)
{
	struct store_redis *st = (struct store_redis *)store;

	st->closing = true;
	cancel_reads(st);
	finish_writes(st);
	redis_link_free(st->link);
	end_held(st);
	redis_free(st);
}

static void redis_stats(const struct store *store, struct store_stats *ret)
{
	*ret = ((const struct store_redis *)store)->stats;
}

static const struct digest *redis_secret(const struct store *store)
{
	return &((const struct store_redis *)store)->secret;
}

static const struct store_ops redis_ops = {
	.name = "redis",
	.close = redis_close,
	.stats = redis_stats,
	.secret = redis_secret,
	CALL_STORE_OPS,
};

/* --- opening ---------------------------------------------------------------- */

static void on_too_long(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	*(bool *)arg = true;
}

/* There is no use in waiting for another password, or another version. */
static bool for_good(int status)
{
	return status == -EACCES || status == -EINVAL;
}

/* On a loop of its own, so that nothing else runs meanwhile. */
static int wait_until_ready(struct store_redis *st, struct event_base *own,
			    unsigned open_ms)
{
	const struct timeval limit = { .tv_sec = open_ms / 1000,
				       .tv_usec = open_ms % 1000 * 1000L };
	bool late = false;
	struct event *timer = evtimer_new(own, on_too_long, &late);

	if (timer == NULL || event_add(timer, &limit) < 0) {
		if (timer != NULL)
			event_free(timer);
		return -ENOMEM;
	}
	while (!st->ready && !late && !for_good(st->open.status))
		event_base_loop(own, EVLOOP_ONCE);
	event_free(timer);
	if (st->ready)
		return 0;
	return st->open.status < 0 ? st->open.status : -ETIMEDOUT;
}

static int connect_link(struct store_redis *st, const struct store_env *env,
			const struct redis_link_limits *limits, unsigned open_ms)
{
	struct event_base *own = event_base_new();
	int rc;

	if (own == NULL)
		return -ENOMEM;
	rc = redis_link_new(own, env->rng, &st->addr, limits, &link_owner, st, &st->link);
	if (rc == 0)
		rc = wait_until_ready(st, own, open_ms);
	if (rc == 0)
		rc = redis_link_move(st->link, env->base);
	if (rc < 0) {
		redis_link_free(st->link);
		st->link = NULL;
	}
	event_base_free(own);
	return rc;
}

static int init(struct store_redis *st, const char *url, const struct store_env *env,
		const char **why)
{
	int rc = -ENOMEM;

	st->base.store.ops = &redis_ops;
	st->base.submit = redis_submit;
	st->events = env->base;
	st->clock = env->clock;
	st->log = (struct log){ env->log.sink, "store.redis", env->log.id };
	st->stats.partitions = st->stats.exchanges = st->stats.bytes = UINT64_MAX;
	TAILQ_INIT(&st->under_way);
	TAILQ_INIT(&st->held);
	rng_fill(env->rng, st->open.offer.b, sizeof(st->open.offer.b));
	st->mem = arena_new(ADDRESS_ARENA);
	if (st->mem != NULL)
		rc = redis_address_parse(st->mem, str_from(url), &st->addr, why);
	if (rc == 0) {
		st->name = redis_address_name(st->mem, &st->addr);
		rc = st->name.p ? redis_wipe_init(st) : -ENOMEM;
	}
	return rc;
}

int store_redis_open_with(const char *url, const struct store_env *env,
			  const struct redis_link_limits *limits, unsigned open_ms,
			  struct store **ret, char **reterr)
{
	struct store_redis *st = calloc(1, sizeof(*st));
	const char *why = NULL;
	int rc;

	if (st == NULL)
		return store_error(reterr, -ENOMEM, "store: out of memory");
	rc = init(st, url, env, &why);
	if (rc < 0)
		store_error(reterr, rc, "store: redis: %s", why ? why : strerror(-rc));
	if (rc == 0) {
		rc = connect_link(st, env, limits, open_ms);
		if (rc < 0)
			store_error(reterr, rc, "store: redis: %.*s: %s",
				    STR_ARG(st->name),
				    st->open.why[0] ? st->open.why : strerror(-rc));
	}
	if (rc < 0)
		redis_free(st);
	else
		*ret = &st->base.store;
	return rc;
}

/* The URL again: it is read as a whole. */
static int open_url(const char *scheme, const char *rest, const struct store_env *env,
		    struct store **ret, char **reterr)
{
	char *url;
	int rc;

	if (asprintf(&url, "%s:%s", scheme, rest) < 0)
		return store_error(reterr, -ENOMEM, "store: out of memory");
	rc = store_redis_open_with(url, env, &redis_link_limits, STORE_REDIS_OPEN_MS, ret,
				   reterr);
	free(url);
	return rc;
}

int store_redis_open(const char *rest, const struct store_env *env, struct store **ret,
		     char **reterr)
{
	return open_url("redis", rest, env, ret, reterr);
}

int store_redis_unix_open(const char *rest, const struct store_env *env,
			  struct store **ret, char **reterr)
{
	return open_url("redis+unix", rest, env, ret, reterr);
}

static int check_url(const char *scheme, const char *rest, char **reterr)
{
	struct arena *mem = arena_new(ADDRESS_ARENA);
	struct str url =
		mem ? arena_printf(mem, "%s:%s", scheme, rest) : (struct str){ NULL, 0 };
	struct redis_address addr;
	const char *why = NULL;
	int rc = url.p ? redis_address_parse(mem, url, &addr, &why) : -ENOMEM;

	arena_free(mem);
	return rc < 0 ? store_error(reterr, rc, "store: %s: %s", scheme,
				    why ? why : strerror(-rc))
		      : 0;
}

int store_redis_check(const char *rest, char **reterr)
{
	return check_url("redis", rest, reterr);
}

int store_redis_unix_check(const char *rest, char **reterr)
{
	return check_url("redis+unix", rest, reterr);
}
