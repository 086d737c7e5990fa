/* fake_log.c - a store that a test can look into and hold up. */
#include "fake_log.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>

struct fake_op {
	struct op op;
	struct fake_op *next;
	struct fake_log *log;
	struct event timer;
	bool timed;
	/* one of these: */
	store_read_cb *read;
	store_append_cb *append;
	void *arg;
	/* a read's */
	struct partition partition;
	char texts[300]; /* the partition's */
	uint64_t cursor;
	size_t bytes;
	bool since, gets;
	struct exchange_id id; /* if it gets one */
};

static void unlink_op(struct fake_op *o)
{
	struct fake_op **at = &o->log->ops;

	while (*at != o)
		at = &(*at)->next;
	*at = o->next;
	if (o->timed)
		evtimer_del(&o->timer);
}

static void cancel(struct op *op)
{
	struct fake_op *o = (struct fake_op *)(void *)op;

	unlink_op(o);
	free(o);
}

static const struct op_ops fake_op_ops = { cancel };

static struct fake_op *op_new(struct fake_log *f, void *arg)
{
	struct fake_op *o = calloc(1, sizeof(*o));

	assert(o);
	o->op.ops = &fake_op_ops;
	o->log = f;
	o->arg = arg;
	o->next = f->ops;
	f->ops = o;
	return o;
}

static bool is_of(const struct exchange *x, const struct partition *p)
{
	return x->seq && str_eq(x->partition.tenant, p->tenant) &&
	       str_eq(x->partition.user, p->user);
}

static struct store_head head_of(struct fake_log *f, const struct partition *p)
{
	struct store_head h = { 0 };

	for (size_t i = 0; i < f->n; i++) {
		if (!is_of(&f->v[i], p))
			continue;
		h.head = f->v[i].seq;
		if (!h.first)
			h.first = h.head;
		h.epoch = atomic_load(&f->epoch);
	}
	return h;
}

static size_t one(struct fake_log *f, const struct fake_op *o, struct exchange *ret)
{
	for (size_t i = 0; i < f->n; i++) {
		if (is_of(&f->v[i], &o->partition) &&
		    exchange_id_eq(&f->v[i].id, &o->id)) {
			*ret = f->v[i];
			return 1;
		}
	}
	return 0;
}

/* The page, in order; how many. */
static size_t page(struct fake_log *f, const struct fake_op *o, struct exchange *ret)
{
	size_t n = 0, used = 0;

	for (size_t i = 0; i < f->n && used < o->bytes; i++) {
		const struct exchange *x = &f->v[o->since ? i : f->n - 1 - i];

		if (!is_of(x, &o->partition) ||
		    (o->since ? x->seq <= o->cursor : x->seq >= o->cursor))
			continue;
		ret[n++] = *x;
		used += exchange_bytes(x);
	}
	return n;
}

static void finish_read(struct fake_op *o)
{
	struct fake_log *f = o->log;
	struct store_head h = head_of(f, &o->partition);
	struct exchange *v = malloc((f->n + 1) * sizeof(*v));
	int status = atomic_load(&f->status);
	size_t n = status ? 0 : o->gets ? one(f, o, v) : page(f, o, v);

	unlink_op(o);
	o->read(o->arg, status, status ? NULL : &h, v, n);
	free(v);
	free(o);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	finish_read(arg);
}

static struct op *begin_read(struct store *st, const struct fake_op *what,
			     const struct partition *p, store_read_cb *cb, void *arg)
{
	struct fake_log *f = (struct fake_log *)(void *)st;
	int delay = atomic_load(&f->delay_ms);
	const struct timeval tv = { 0, delay * 1000 };
	struct fake_op *o = op_new(f, arg);

	atomic_fetch_add(&f->reads, 1);
	o->read = cb;
	assert(p->tenant.len + p->user.len <= sizeof(o->texts));
	memcpy(o->texts, p->tenant.p, p->tenant.len);
	memcpy(o->texts + p->tenant.len, p->user.p, p->user.len);
	o->partition.tenant = (struct str){ o->texts, p->tenant.len };
	o->partition.user = (struct str){ o->texts + p->tenant.len, p->user.len };
	o->cursor = what->cursor;
	o->bytes = what->bytes;
	o->since = what->since;
	o->gets = what->gets;
	o->id = what->id;
	if (delay == 0) {
		finish_read(o);
		return NULL;
	}
	o->timed = delay > 0;
	if (o->timed) {
		evtimer_assign(&o->timer, f->base, on_timer, o);
		evtimer_add(&o->timer, &tv);
	}
	return &o->op;
}

static struct op *read_since(struct store *st, const struct partition *p, uint64_t cursor,
			     size_t bytes, store_read_cb *cb, void *arg)
{
	const struct fake_op what = { .cursor = cursor, .bytes = bytes, .since = true };

	return begin_read(st, &what, p, cb, arg);
}

static struct op *read_before(struct store *st, const struct partition *p,
			      uint64_t cursor, size_t bytes, store_read_cb *cb, void *arg)
{
	const struct fake_op what = { .cursor = cursor, .bytes = bytes };

	return begin_read(st, &what, p, cb, arg);
}

static struct op *get(struct store *st, const struct partition *p,
		      const struct exchange_id *id, store_read_cb *cb, void *arg)
{
	const struct fake_op what = { .gets = true, .id = *id };

	return begin_read(st, &what, p, cb, arg);
}

void fake_log_add(struct fake_log *f, const struct exchange *x)
{
	struct exchange *to = &f->v[f->n];

	assert(f->n < sizeof(f->v) / sizeof(*f->v));
	if (exchange_copy(f->arena, x, to) < 0)
		abort();
	to->seq = ++f->n;
}

static struct op *append(struct store *st, const struct exchange *x, uint64_t epoch,
			 store_append_cb *cb, void *arg)
{
	struct fake_log *f = (struct fake_log *)(void *)st;
	int status = atomic_load(&f->status);
	struct fake_op *o;

	(void)epoch;
	atomic_fetch_add(&f->appends, 1);
	if (atomic_load(&f->hold_appends)) {
		o = op_new(f, arg);
		o->append = cb;
		return &o->op;
	}
	if (!status)
		fake_log_add(f, x);
	cb(arg, status, f->n);
	return NULL;
}

static struct op *ping(struct store *st, store_done_cb *cb, void *arg)
{
	struct fake_log *f = (struct fake_log *)(void *)st;

	atomic_fetch_add(&f->pings, 1);
	cb(arg, atomic_load(&f->status));
	return NULL;
}

static void close_log(struct store *st)
{
	struct fake_log *f = (struct fake_log *)(void *)st;
	struct fake_op *o;

	while ((o = f->ops)) {
		unlink_op(o);
		if (o->read)
			o->read(o->arg, -ECANCELED, NULL, NULL, 0);
		else
			o->append(o->arg, -ECANCELED, 0);
		free(o);
	}
}

static const struct digest *secret(const struct store *st)
{
	return &((const struct fake_log *)(const void *)st)->secret;
}

/* Nothing does. The service asks every minute, which a slow machine may live to see. */
static struct op *fake_expire(struct store *st, uint64_t now_ms, store_count_cb *cb,
			      void *arg)
{
	(void)st;
	(void)now_ms;
	cb(arg, 0, 0);
	return NULL;
}

static void stats(const struct store *st, struct store_stats *ret)
{
	(void)st;
	*ret = (struct store_stats){ 0 };
}

static const struct store_ops fake_log_ops = {
	.name = "fake",
	.close = close_log,
	.append = append,
	.read_since = read_since,
	.read_before = read_before,
	.get = get,
	.ping = ping,
	.expire = fake_expire,
	.stats = stats,
	.secret = secret,
};

struct fake_log *fake_log_new(void)
{
	struct fake_log *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->store.ops = &fake_log_ops;
	f->arena = arena_new(1 << 16);
	atomic_init(&f->epoch, 1);
	memset(f->secret.b, 7, sizeof(f->secret.b));
	return f;
}

void fake_log_free(struct fake_log *f)
{
	if (!f)
		return;
	arena_free(f->arena);
	free(f);
}

int fake_log_open(void *arg, const struct store_env *env, struct store **ret,
		  char **reterr)
{
	struct fake_log *f = arg;

	(void)reterr;
	f->base = env->base;
	*ret = &f->store;
	return 0;
}
