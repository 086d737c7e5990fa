/*
 * redis_expire.c - what has expired, and what is left of users who are gone.
 *
 * The list of users says of whom there may be something to do. Those are taken under a
 * lease: a proxy that dies over them leaves them to be looked at again, and no other one
 * takes them meanwhile. A user with nothing left is cleared away in three commands, the
 * first of which raises the least epoch of a new partition, so that no epoch comes again;
 * and whoever was heard of again in between is put back into the list.
 */
#include "base/arena.h"
#include "store/redis_op.h"

#include <errno.h>
#include <hiredis/hiredis.h>

enum { BATCH = 32, SLICE = 500, LEASE_MS = 60000, LATER_MS = 1000 };

struct due {
	struct str name, keys[REDIS_USER_KEYS];
	bool again, gone;
	uint64_t due;   /* when to come again; 0: never */
	uint64_t epoch; /* of one that may be cleared away */
};

struct expiry {
	struct due v[BATCH];
	size_t n;
};

static redis_step list_due, look_at_each, conclude, strike, put_back;

static struct str lease(struct redis_op *o)
{
	return redis_arg(o, o->call.now_ms + LEASE_MS);
}

void redis_begin_expire(struct redis_op *o)
{
	o->state = arena_alloc(o->mem, sizeof(struct expiry));
	if (o->state == NULL)
		redis_op_fail(o, -ENOMEM);
	else
		list_due(o);
}

static int take_name(struct redis_op *o, const struct redisReply *r, struct due *ret)
{
	struct partition p;
	struct str name;
	int rc = redis_reply_text(r, &name);

	*ret = (struct due){ .gone = false };
	if (rc == 0)
		rc = exchange_copy_text(o->mem, name, &ret->name);
	if (rc == 0)
		rc = redis_name_decode(o->mem, name, &p);
	return rc < 0 ? rc : redis_user_keys(o->mem, &p, ret->keys);
}

static int on_due(struct redis_op *o, const struct redisReply *r, size_t i)
{
	struct expiry *e = o->state;
	int rc = redis_reply_array(r, 0);

	(void)i;
	if (rc < 0 || r->elements > BATCH)
		return -EIO;
	e->n = r->elements;
	for (size_t k = 0; k < e->n && rc == 0; k++)
		rc = take_name(o, r->element[k], &e->v[k]);
	o->next = e->n > 0 ? look_at_each : redis_count_all;
	return rc;
}

static void list_due(struct redis_op *o)
{
	const struct str argv[] = { STR("ZRANGEBYSCORE"), STR(REDIS_DUE),
				    STR("-inf"),          redis_arg(o, o->call.now_ms),
				    STR("LIMIT"),         STR("0"),
				    redis_arg(o, BATCH) };

	redis_op_send(o, argv, sizeof(argv) / sizeof(*argv), on_due, 0);
}

static int on_looked(struct redis_op *o, const struct redisReply *r, size_t i)
{
	struct due *d = &((struct expiry *)o->state)->v[i];
	struct redis_outcome out;

	if (redis_reply_outcome(r, &out) < 0 || redis_reply_array(r, 5) < 0 ||
	    redis_reply_number(r->element[3], &d->due) < 0 ||
	    redis_reply_number(r->element[4], &d->epoch) < 0)
		return -EIO;
	o->answer.n += out.n;
	d->again = out.again;
	d->gone = out.exchanges < 0;
	if (out.n > 0)
		redis_note_count(o, d->name, out.exchanges);
	return 0;
}

/* The lease first: what is changed after this sets another time. */
static void look_at(struct redis_op *o, size_t i)
{
	const struct due *d = &((struct expiry *)o->state)->v[i];
	uint64_t now = o->call.now_ms, age = STORE_FORGET_MEMORY_MS;
	const struct str take[] = { STR("ZADD"), STR(REDIS_DUE), lease(o), d->name };
	const struct str argv[] = { STR("expire"), redis_arg(o, now),
				    redis_arg(o, now > age ? now - age : 0),
				    redis_arg(o, age), redis_arg(o, SLICE) };

	redis_op_send(o, take, sizeof(take) / sizeof(*take), NULL, 0);
	redis_op_script(o, d->keys, REDIS_USER_KEYS, argv, sizeof(argv) / sizeof(*argv),
			on_looked, i);
}

static void look_at_each(struct redis_op *o)
{
	const struct expiry *e = o->state;

	for (size_t i = 0; i < e->n; i++)
		look_at(o, i);
	o->next = conclude;
}

static int on_cleared(struct redis_op *o, const struct redisReply *r, size_t i)
{
	struct due *d = &((struct expiry *)o->state)->v[i];
	struct redis_outcome out;
	int rc = redis_reply_outcome(r, &out);

	d->gone = rc == 0 && out.exchanges < 0;
	d->due = o->call.now_ms + LATER_MS; /* where something has happened to it */
	return rc;
}

static void clear(struct redis_op *o, size_t i)
{
	const struct due *d = &((struct expiry *)o->state)->v[i];
	const struct str floor[] = { STR(REDIS_EPOCH) };
	const struct str raise[] = { STR("raise"), redis_arg(o, d->epoch + 1) };
	const struct str argv[] = { STR("clear"), redis_arg(o, d->epoch) };

	redis_op_script(o, floor, 1, raise, 2, NULL, 0);
	redis_op_script(o, d->keys, REDIS_USER_KEYS, argv, 2, on_cleared, i);
}

static void conclude(struct redis_op *o)
{
	const struct expiry *e = o->state;
	bool again = false;

	for (size_t i = 0; i < e->n; i++)
		if (e->v[i].again) {
			look_at(o, i);
			again = true;
		} else if (e->v[i].epoch != 0 && !e->v[i].gone) {
			clear(o, i);
		}
	o->next = again ? conclude : strike;
}

/* Or when to come again. */
static void strike_or_keep(struct redis_op *o, const struct due *d)
{
	const struct str dues[] = { STR(REDIS_DUE) };
	const struct str later[] = { STR("reschedule"), d->name, lease(o),
				     redis_arg(o, d->due) };

	if (d->gone) {
		redis_op_send(o, (struct str[]){ STR("ZREM"), STR(REDIS_NAMES), d->name },
			      3, NULL, 0);
		redis_op_send(o, (struct str[]){ STR("ZREM"), STR(REDIS_DUE), d->name },
			      3, NULL, 0);
		redis_note_count(o, d->name, -1);
	} else {
		redis_op_script(o, dues, 1, later, 4, NULL, 0);
	}
}

static int on_checked(struct redis_op *o, const struct redisReply *r, size_t i)
{
	struct due *d = &((struct expiry *)o->state)->v[i];
	uint64_t there;

	if (redis_reply_array(r, 7) < 0 || redis_reply_number(r->element[0], &there) < 0)
		return -EIO;
	d->gone = there == 0;
	return 0;
}

static void strike(struct redis_op *o)
{
	const struct expiry *e = o->state;
	const struct str argv[] = { STR("user") };

	for (size_t i = 0; i < e->n; i++) {
		strike_or_keep(o, &e->v[i]);
		if (e->v[i].gone)
			redis_op_script(o, e->v[i].keys, REDIS_USER_KEYS, argv, 1,
					on_checked, i);
		else
			((struct expiry *)o->state)->v[i].gone = true; /* nothing more */
	}
	o->next = put_back;
}

static void put_back(struct redis_op *o)
{
	const struct expiry *e = o->state;
	struct str due = redis_arg(o, o->call.now_ms + LATER_MS);

	for (size_t i = 0; i < e->n; i++) {
		struct str name = e->v[i].name;

		if (e->v[i].gone)
			continue;
		redis_op_send(
			o,
			(struct str[]){ STR("ZADD"), STR(REDIS_NAMES), STR("0"), name },
			4, NULL, 0);
		redis_op_send(o,
			      (struct str[]){ STR("ZADD"), STR(REDIS_DUE), STR("LT"), due,
					      name },
			      5, NULL, 0);
	}
	o->next = list_due;
}
