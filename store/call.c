/* call.c - an operation of a store as a value. */
#include "store/call.h"

#include "base/arena.h"

#include <errno.h>

static const struct {
	const char *name;
	bool writes;
} kinds[CALL_N] = {
	[CALL_APPEND] = { "append", true },
	[CALL_READ_SINCE] = { "read_since", false },
	[CALL_READ_BEFORE] = { "read_before", false },
	[CALL_GET] = { "get", false },
	[CALL_USERS] = { "users", false },
	[CALL_SESSIONS] = { "sessions", false },
	[CALL_EDIT] = { "edit", true },
	[CALL_FORGET] = { "forget", true },
	[CALL_PAUSE] = { "pause", true },
	[CALL_EXPIRE] = { "expire", true },
	[CALL_TRIM] = { "trim", true },
	[CALL_PING] = { "ping", true },
};

const char *call_name(enum call_kind kind)
{
	return kinds[kind].name;
}

bool call_writes(enum call_kind kind)
{
	return kinds[kind].writes;
}

bool digest_is_zero(const struct digest *d)
{
	for (size_t i = 0; i < sizeof(d->b); i++)
		if (d->b[i] != 0)
			return false;
	return true;
}

static bool is_whole(const struct exchange *x)
{
	switch (x->state) {
	case EXCHANGE_COMPLETE:
	case EXCHANGE_CANCELLED:
		return x->user.p != NULL && x->sources.p == NULL;
	case EXCHANGE_BLOCK: /* in no line of exchanges, so that it has no siblings */
		return x->sources.p != NULL && x->user.p == NULL && x->reply.p == NULL &&
		       digest_is_zero(&x->prev) && digest_is_zero(&x->reply_digest);
	}
	return false;
}

int call_check(const struct call *c)
{
	const struct exchange *x = &c->x;

	switch (c->kind) {
	case CALL_USERS:
	case CALL_EXPIRE:
	case CALL_PING:
		return 0;
	case CALL_APPEND:
		if (x->session.p == NULL || !is_whole(x))
			return -EINVAL;
		break;
	case CALL_TRIM:
		if (c->keep == 0)
			return -EINVAL;
		break;
	default:
		break;
	}
	/* A user is never without a name: whoever has none has no memory. */
	return x->partition.user.len > 0 ? 0 : -EINVAL;
}

int call_copy(struct arena *to, const struct call *c, struct call *ret)
{
	struct call copy = *c;

	if (exchange_copy(to, &c->x, &copy.x) < 0 ||
	    exchange_copy_text(to, c->tenant, &copy.tenant) < 0)
		return -ENOMEM;
	*ret = copy;
	return 0;
}

static int copy_partition(struct arena *to, struct partition *p)
{
	int r = exchange_copy_text(to, p->tenant, &p->tenant);

	return r ? r : exchange_copy_text(to, p->user, &p->user);
}

static int copy_exchanges(struct arena *to, size_t n, const struct exchange **rows)
{
	struct exchange *v = arena_alloc(to, n * sizeof(*v));
	int r = v ? 0 : -ENOMEM;

	for (size_t i = 0; i < n && r == 0; i++)
		r = exchange_copy(to, &(*rows)[i], &v[i]);
	*rows = v;
	return r;
}

static int copy_users(struct arena *to, size_t n, const struct store_user **rows)
{
	struct store_user *v = arena_alloc(to, n * sizeof(*v));
	int r = v ? 0 : -ENOMEM;

	for (size_t i = 0; i < n && r == 0; i++) {
		v[i] = (*rows)[i];
		r = copy_partition(to, &v[i].partition);
	}
	*rows = v;
	return r;
}

static int copy_sessions(struct arena *to, size_t n, const struct store_session **rows)
{
	struct store_session *v = arena_alloc(to, n * sizeof(*v));
	int r = v ? 0 : -ENOMEM;

	for (size_t i = 0; i < n && r == 0; i++) {
		v[i] = (*rows)[i];
		r = exchange_copy_text(to, v[i].id, &v[i].id);
	}
	*rows = v;
	return r;
}

int answer_copy(struct arena *to, const struct answer *a, struct answer *ret)
{
	struct answer copy = *a;
	int r = 0;

	if (copy.exchanges != NULL && copy.n_rows > 0)
		r = copy_exchanges(to, copy.n_rows, &copy.exchanges);
	else if (copy.users != NULL && copy.n_rows > 0)
		r = copy_users(to, copy.n_rows, &copy.users);
	else if (copy.sessions != NULL && copy.n_rows > 0)
		r = copy_sessions(to, copy.n_rows, &copy.sessions);
	if (r == 0)
		*ret = copy;
	return r;
}

void call_answer(const struct call *c, const struct answer *a)
{
	switch (c->kind) {
	case CALL_APPEND:
		c->cb.append(c->arg, a->status, a->n);
		break;
	case CALL_READ_SINCE:
	case CALL_READ_BEFORE:
	case CALL_GET:
		c->cb.read(c->arg, a->status, &a->head, a->exchanges, a->n_rows);
		break;
	case CALL_USERS:
		c->cb.users(c->arg, a->status, a->users, a->n_rows);
		break;
	case CALL_SESSIONS:
		c->cb.sessions(c->arg, a->status, a->sessions, a->n_rows);
		break;
	case CALL_FORGET:
	case CALL_EXPIRE:
	case CALL_TRIM:
		c->cb.count(c->arg, a->status, a->n);
		break;
	case CALL_EDIT:
	case CALL_PAUSE:
	case CALL_PING:
	case CALL_N:
		c->cb.done(c->arg, a->status);
		break;
	}
}

/* From the callback of each kind to the one of a sink. */

static void sink_append(void *arg, int status, uint64_t seq)
{
	struct call_sink *to = arg;

	to->answer(to, &(struct answer){ .status = status, .n = seq });
}

static void sink_read(void *arg, int status, const struct store_head *head,
		      const struct exchange *v, size_t n)
{
	struct call_sink *to = arg;

	to->answer(to, &(struct answer){ .status = status,
					 .head = *head,
					 .exchanges = v,
					 .n_rows = n });
}

static void sink_users(void *arg, int status, const struct store_user *v, size_t n)
{
	struct call_sink *to = arg;

	to->answer(to, &(struct answer){ .status = status, .users = v, .n_rows = n });
}

static void sink_sessions(void *arg, int status, const struct store_session *v, size_t n)
{
	struct call_sink *to = arg;

	to->answer(to, &(struct answer){ .status = status, .sessions = v, .n_rows = n });
}

static void sink_done(void *arg, int status)
{
	struct call_sink *to = arg;

	to->answer(to, &(struct answer){ .status = status });
}

static void sink_count(void *arg, int status, uint64_t n)
{
	struct call_sink *to = arg;

	to->answer(to, &(struct answer){ .status = status, .n = n });
}

struct op *call_run(struct store *st, const struct call *c, struct call_sink *to)
{
	const struct exchange *x = &c->x;
	const struct partition *p = &x->partition;

	switch (c->kind) {
	case CALL_APPEND:
		return store_append(st, x, c->epoch, sink_append, to);
	case CALL_READ_SINCE:
		return store_read_since(st, p, c->cursor, c->bytes, sink_read, to);
	case CALL_READ_BEFORE:
		return store_read_before(st, p, c->cursor, c->bytes, sink_read, to);
	case CALL_GET:
		return store_get(st, p, &x->id, sink_read, to);
	case CALL_USERS:
		return store_users(st, c->tenant, c->has_after ? p : NULL, c->limit,
				   sink_users, to);
	case CALL_SESSIONS:
		return store_sessions(st, p, c->skip, c->limit, sink_sessions, to);
	case CALL_EDIT:
		return store_edit(st, p, &x->id, x->user, x->reply, sink_done, to);
	case CALL_FORGET:
		return store_forget(st, p, x->session, c->has_id ? &x->id : NULL,
				    sink_count, to);
	case CALL_PAUSE:
		return store_pause(st, p, c->paused, sink_done, to);
	case CALL_EXPIRE:
		return store_expire(st, c->now_ms, sink_count, to);
	case CALL_TRIM:
		return store_trim(st, p, c->keep, sink_count, to);
	case CALL_PING:
	case CALL_N:
		break;
	}
	return store_ping(st, sink_done, to);
}
