/* admin.c - the store's operations from a loop. */
#include "memory/admin.h"

#include "memory/clean.h"
#include "memory/service.h"

#include <errno.h>
#include <stddef.h>

struct calling {
	struct message msg;
	struct call_sink sink;
	struct call call;
	struct answer answer;
	memory_call_cb *cb;
	void *arg;
};

static void call_back(struct message *msg)
{
	struct calling *c = (struct calling *)(void *)msg;

	c->cb(c->arg, &c->answer);
}

static void end(struct calling *c, const struct answer *a)
{
	if (answer_copy(c->msg.arena, a, &c->answer))
		c->answer = (struct answer){ .status = -ENOMEM };
	message_return(&c->msg);
}

static void end_with(struct calling *c, int status)
{
	end(c, &(struct answer){ .status = status });
}

static void on_answer(struct call_sink *sink, const struct answer *a)
{
	struct calling *c =
		(struct calling *)(void *)((char *)sink - offsetof(struct calling, sink));
	struct memory *m = c->msg.port->memory;

	if (a->status == -EIO || a->status == -ETIMEDOUT)
		atomic_fetch_add(&m->counters.store_errors, 1);
	end(c, a);
}

/* Read for nobody, it would cost its pages; a change was asked for, and is made. */
static bool is_moot(const struct calling *c)
{
	return !call_writes(c->call.kind) && atomic_load(&c->msg.cancelled);
}

/* As of what is kept of a conversation; the absent text stays absent. */
static int tidy(const struct memory *m, struct str *text, struct arena *a)
{
	size_t max = atomic_load(&m->settings.max_exchange_bytes);

	if (!text->p)
		return 0;
	*text = clean_text(*text, a);
	if (text->p)
		*text = redact_text(*text, a);
	if (text->p)
		*text = cap_text(*text, max, a);
	return text->p ? 0 : -ENOMEM;
}

static int tidy_edit(const struct memory *m, struct calling *c)
{
	struct exchange *x = &c->call.x;
	int r = tidy(m, &x->user, c->msg.arena);

	if (!r)
		r = tidy(m, &x->reply, c->msg.arena);
	if (r)
		return r;
	/* An exchange is somebody's words; without any there is nothing to keep. */
	return x->user.p && !x->user.len ? -EINVAL : 0;
}

static void call_work(struct memory *m, struct message *msg)
{
	struct calling *c = (struct calling *)(void *)msg;
	int r = 0;

	if (is_moot(c)) {
		end_with(c, -ECANCELED);
		return;
	}
	if (c->call.kind == CALL_EDIT)
		r = tidy_edit(m, c);
	if (r)
		end_with(c, r);
	else
		call_run(m->store, &c->call, &c->sink);
}

static struct calling *calling_new(const struct call *call, memory_call_cb *cb, void *arg)
{
	struct calling *c = message_new(sizeof(*c), exchange_bytes(&call->x));

	if (!c)
		return NULL;
	if (call_copy(c->msg.arena, call, &c->call)) {
		arena_free(c->msg.arena);
		return NULL;
	}
	c->sink.answer = on_answer;
	c->cb = cb;
	c->arg = arg;
	c->msg.call_back = call_back;
	return c;
}

struct op *memory_call(struct memory_port *p, const struct call *call, memory_call_cb *cb,
		       void *arg)
{
	struct calling *c = calling_new(call, cb, arg);

	if (!c)
		return NULL;
	c->msg.work = call_work;
	return message_submit(p, &c->msg);
}
