/*
 * redis_users.c - the list of users.
 *
 * A page of names at a time, each of whom is then asked for in its own slot: a name may
 * be that of a user who has nothing left.
 */
#include "base/arena.h"
#include "store/redis_op.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <string.h>

enum { PAGE = 128 };

struct users {
	struct str from, to; /* bounds, as ZRANGEBYLEX takes them */
	struct store_user page[PAGE];
	size_t n_page;
	bool last;
	struct store_user *v; /* those to tell of */
	size_t n, cap;
};

static redis_step list_names, ask_each, collect;

static struct str bound(struct redis_op *o, char sign, struct str member)
{
	char *p = arena_bytes(o->mem, 1 + member.len);

	if (p == NULL) {
		redis_op_fail(o, -ENOMEM);
		return STR("-");
	}
	p[0] = sign;
	memcpy(p + 1, member.p, member.len);
	return (struct str){ p, 1 + member.len };
}

static bool is_after(struct str a, struct str b)
{
	int d = memcmp(a.p, b.p, a.len < b.len ? a.len : b.len);

	return d > 0 || (d == 0 && a.len > b.len);
}

static int set_bounds(struct redis_op *o, struct users *u)
{
	const struct call *c = &o->call;
	const struct partition tenants = { c->tenant, { NULL, 0 } };
	struct str after, first, end;

	u->from = STR("-");
	u->to = STR("+");
	if (c->has_after) {
		if (redis_name_encode(o->mem, &c->x.partition, &after) < 0)
			return -ENOMEM;
		u->from = bound(o, '(', after);
	}
	if (c->tenant.p == NULL)
		return 0;
	if (redis_name_encode(o->mem, &tenants, &first) < 0 ||
	    redis_name_after_tenant(o->mem, c->tenant, &end) < 0)
		return -ENOMEM;
	if (!c->has_after || is_after(first, after))
		u->from = bound(o, '[', first);
	u->to = bound(o, '(', end);
	return 0;
}

void redis_begin_users(struct redis_op *o)
{
	struct users *u = arena_alloc(o->mem, sizeof(*u));
	int rc = u ? set_bounds(o, u) : -ENOMEM;

	o->state = u;
	if (rc < 0)
		redis_op_fail(o, rc);
	else if (o->call.limit > 0)
		list_names(o);
}

static int on_names(struct redis_op *o, const struct redisReply *r, size_t i)
{
	struct users *u = o->state;
	struct str member;

	(void)i;
	if (redis_reply_array(r, 0) < 0 || r->elements > PAGE)
		return -EIO;
	u->n_page = r->elements;
	u->last = r->elements < PAGE;
	for (size_t k = 0; k < u->n_page; k++) {
		int rc = redis_reply_text(r->element[k], &member);

		u->page[k] = (struct store_user){ .exchanges = 0 };
		if (rc == 0)
			rc = redis_name_decode(o->mem, member, &u->page[k].partition);
		if (rc < 0)
			return rc;
	}
	if (!u->last)
		u->from = bound(o, '(', member);
	if (u->n_page > 0)
		o->next = ask_each;
	return 0;
}

static void list_names(struct redis_op *o)
{
	const struct users *u = o->state;
	const struct str argv[] = {
		STR("ZRANGEBYLEX"), STR(REDIS_NAMES), u->from,           u->to,
		STR("LIMIT"),       STR("0"),         redis_arg(o, PAGE)
	};

	redis_op_send(o, argv, sizeof(argv) / sizeof(*argv), on_names, 0);
}

static int on_user(struct redis_op *o, const struct redisReply *r, size_t i)
{
	struct store_user *u = &((struct users *)o->state)->page[i];
	uint64_t paused;

	if (redis_reply_array(r, 7) < 0 ||
	    redis_reply_number(r->element[1], &u->head.epoch) < 0 ||
	    redis_reply_number(r->element[2], &u->head.head) < 0 ||
	    redis_reply_number(r->element[3], &u->head.first) < 0 ||
	    redis_reply_number(r->element[4], &paused) < 0 ||
	    redis_reply_number(r->element[5], &u->exchanges) < 0 ||
	    redis_reply_number(r->element[6], &u->last_ms) < 0)
		return -EIO;
	u->head.paused = paused != 0;
	return 0;
}

static void ask_each(struct redis_op *o)
{
	const struct users *u = o->state;
	const struct str argv[] = { STR("user") };
	struct str keys[REDIS_USER_KEYS];

	for (size_t i = 0; i < u->n_page; i++) {
		if (redis_user_keys(o->mem, &u->page[i].partition, keys) < 0) {
			redis_op_fail(o, -ENOMEM);
			return;
		}
		redis_op_script(o, keys, REDIS_USER_KEYS, argv, 1, on_user, i);
	}
	o->next = collect;
}

static int add(struct redis_op *o, struct users *u, const struct store_user *who)
{
	if (u->n == u->cap) {
		size_t cap = u->cap ? 2 * u->cap : PAGE;
		struct store_user *v = arena_alloc(o->mem, cap * sizeof(*v));

		if (v == NULL)
			return -ENOMEM;
		if (u->n > 0)
			memcpy(v, u->v, u->n * sizeof(*v));
		u->v = v;
		u->cap = cap;
	}
	u->v[u->n++] = *who;
	return 0;
}

static void collect(struct redis_op *o)
{
	struct users *u = o->state;

	for (size_t i = 0; i < u->n_page && u->n < o->call.limit; i++) {
		const struct store_user *who = &u->page[i];

		if ((who->exchanges > 0 || who->head.paused) && add(o, u, who) < 0) {
			redis_op_fail(o, -ENOMEM);
			return;
		}
	}
	o->answer.users = u->v;
	o->answer.n_rows = u->n;
	if (!u->last && u->n < o->call.limit)
		list_names(o);
}
