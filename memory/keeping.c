/* keeping.c - exchanges to the store, and what else is asked of it. */
#include "memory/clean.h"
#include "memory/service.h"

#include <errno.h>

static void end_keeping(struct keeping *k, int status)
{
	struct counters *c = &k->msg.port->memory->counters;

	k->status = status;
	atomic_fetch_add(status ? &c->keep_failed : &c->kept, 1);
	atomic_fetch_sub(&c->keeping, 1);
	atomic_fetch_sub(&c->keeping_bytes, k->bytes);
	message_return(&k->msg);
}

static void on_trimmed(void *arg, int status, uint64_t n)
{
	struct memory *m = arg;

	(void)n;
	if (status && status != -ECANCELED)
		atomic_fetch_add(&m->counters.store_errors, 1);
}

/*
 * Not after each: after one in `step`, told by its id, which is as good as random. A
 * user then has a few more than they may for a while.
 */
static void trim(struct memory *m, const struct exchange *x)
{
	enum { PART = 16, STEP_MAX = 64 };
	uint64_t keep = atomic_load(&m->settings.max_exchanges);
	uint64_t step = keep / PART < STEP_MAX ? keep / PART : STEP_MAX;

	if (keep == 0 || x->state == EXCHANGE_BLOCK)
		return;
	if (step <= 1 || x->id.b[0] % step == 0)
		store_trim(m->store, &x->partition, keep, on_trimmed, m);
}

static void on_appended(void *arg, int status, uint64_t seq)
{
	struct keeping *k = arg;

	(void)seq;
	if (status == 0)
		trim(k->msg.port->memory, &k->x);
	end_keeping(k, status);
}

static bool has_id(const struct exchange *x)
{
	static const struct exchange_id none;

	return !exchange_id_eq(&x->id, &none);
}

/* Id and hashes come first: they are of what was said, not of what is left. */
int keeping_finish(const struct memory *m, struct exchange *x, struct arena *a)
{
	size_t max = atomic_load(&m->settings.max_exchange_bytes);
	uint64_t ttl = atomic_load(&m->settings.ttl);

	if (!has_id(x))
		x->id = exchange_id(store_secret(m->store), x);
	x->expires_ms = ttl ? x->at_ms + ttl : 0;
	if (x->state == EXCHANGE_BLOCK)
		return 0;
	x->user_hash = turn_hash(x->user);
	x->user = cap_text(redact_text(x->user, a), max, a);
	if (!x->reply.p)
		return x->user.p ? 0 : -ENOMEM;
	x->reply_digest = turn_digest(x->reply);
	x->reply_hash = turn_hash(x->reply);
	x->reply = cap_text(redact_text(x->reply, a), max, a);
	return x->user.p && x->reply.p ? 0 : -ENOMEM;
}

void keeping_work(struct memory *m, struct message *msg)
{
	struct keeping *k = (struct keeping *)(void *)msg;
	int r = keeping_finish(m, &k->x, msg->arena);

	if (!r && k->x.state == EXCHANGE_BLOCK)
		slot_note_block(m, &k->x, k->epoch);
	if (r)
		end_keeping(k, r);
	else
		store_append(m->store, &k->x, k->epoch, on_appended, k);
}

static void on_pinged(void *arg, int status)
{
	struct keeping *k = arg;

	k->status = status;
	message_return(&k->msg);
}

void ping_work(struct memory *m, struct message *msg)
{
	store_ping(m->store, on_pinged, msg);
}

static void on_expired(void *arg, int status, uint64_t n)
{
	struct memory *m = arg;

	(void)n;
	m->expiring = false;
	if (status && status != -ECANCELED)
		atomic_fetch_add(&m->counters.store_errors, 1);
}

void expire_tick(evutil_socket_t fd, short what, void *arg)
{
	struct memory *m = arg;

	(void)fd;
	(void)what;
	if (m->expiring)
		return;
	m->expiring = true;
	store_expire(m->store, clock_wall_ms(m->deps.clock), on_expired, m);
}
