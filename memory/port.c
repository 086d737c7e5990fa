/*
 * port.c - a loop's end of the queues.
 *
 * A message that is on its way when its port goes finds nobody to free it; so
 * the box lives on, by a count of references, until the last one has come back.
 */
#include "memory/clean.h"
#include "memory/service.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum {
	KEEPING_MAX = 10000,
	KEEPING_BYTES_MAX = 64 * 1024 * 1024,
	QUERY_TEXT_MAX = 32 * 1024, /* of a pasted log head and tail ask enough */
};

static struct message *message_of(struct mail *mail)
{
	return (struct message *)(void *)((char *)mail - offsetof(struct message, mail));
}

static void free_all(struct mail *mail)
{
	struct mail *next;

	for (; mail; mail = next) {
		next = mail->next;
		arena_free(message_of(mail)->arena);
	}
}

static void port_unref(struct memory_port *p)
{
	if (atomic_fetch_sub(&p->refs, 1) != 1)
		return;
	free_all(mailbox_take(p->box));
	mailbox_free(p->box);
	free(p);
}

void message_return(struct message *msg)
{
	struct memory_port *p = msg->port;

	mailbox_push(p->box, &msg->mail);
	port_unref(p);
}

/* A callback may cancel others of the same batch, and free the port when it was the last.
 */
static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct memory_port *p = arg;
	struct mail *mail, *next;
	struct message *msg;

	(void)fd;
	(void)what;
	atomic_fetch_add(&p->refs, 1);
	for (mail = mailbox_take(p->box); mail; mail = next) {
		next = mail->next;
		msg = message_of(mail);
		if (!atomic_load(&msg->cancelled))
			msg->call_back(msg);
		arena_free(msg->arena);
	}
	port_unref(p);
}

struct memory_port *memory_port_new(struct memory *m, struct event_base *base)
{
	struct memory_port *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->memory = m;
	p->box = mailbox_new();
	if (!p->box)
		goto fail;
	p->readable =
		event_new(base, mailbox_fd(p->box), EV_READ | EV_PERSIST, on_readable, p);
	if (!p->readable || event_add(p->readable, NULL))
		goto fail;
	atomic_init(&p->refs, 1);
	return p;
fail:
	if (p->readable)
		event_free(p->readable);
	mailbox_free(p->box);
	free(p);
	return NULL;
}

void memory_port_free(struct memory_port *p)
{
	if (!p)
		return;
	event_free(p->readable);
	port_unref(p);
}

static void cancel(struct op *op)
{
	atomic_store(&((struct message *)(void *)op)->cancelled, true);
}

static const struct op_ops message_ops = { cancel };

struct op *message_submit(struct memory_port *p, struct message *msg)
{
	msg->op.ops = &message_ops;
	msg->port = p;
	atomic_fetch_add(&p->refs, 1);
	atomic_fetch_add(&p->memory->counters.queue, 1);
	mailbox_push(p->memory->box, &msg->mail);
	return &msg->op;
}

void *message_new(size_t size, size_t texts)
{
	struct arena *a = arena_new(size + texts + 256);
	struct message *msg = a ? arena_alloc(a, size) : NULL;

	if (msg)
		msg->arena = a;
	else
		arena_free(a);
	return msg;
}

static int copy(struct arena *a, struct str *s)
{
	return exchange_copy_text(a, *s, s);
}

static int copy_capped(struct arena *a, struct str *s)
{
	struct str capped = cap_text(*s, QUERY_TEXT_MAX, a);

	if (capped.p == s->p)
		return copy(a, s);
	*s = capped;
	return capped.p ? 0 : -ENOMEM;
}

static int copy_sent(struct arena *a, struct recall_question *q)
{
	struct sent_text *sent = arena_alloc(a, q->n_sent * sizeof(*sent));

	if (!sent)
		return -ENOMEM;
	if (q->n_sent)
		memcpy(sent, q->sent, q->n_sent * sizeof(*sent));
	q->sent = sent;
	return 0;
}

static int copy_turns(struct arena *a, struct recall_question *q)
{
	struct turn_key *turns = arena_alloc(a, q->n_turns * sizeof(*turns));

	if (!turns)
		return -ENOMEM;
	if (q->n_turns)
		memcpy(turns, q->turns, q->n_turns * sizeof(*turns));
	q->turns = turns;
	return 0;
}

static int copy_question(struct arena *a, struct recall_question *q)
{
	int r = copy(a, &q->partition.tenant);

	if (!r)
		r = copy(a, &q->partition.user);
	if (!r)
		r = copy(a, &q->session);
	if (!r)
		r = copy_capped(a, &q->text);
	if (!r)
		r = copy_capped(a, &q->earlier_text);
	if (!r)
		r = copy_turns(a, q);
	return r ? r : copy_sent(a, q);
}

static void call_back_question(struct message *msg)
{
	struct question *q = (struct question *)(void *)msg;

	q->cb(q->arg, &q->answer);
}

int question_set(struct memory_port *p, struct question *x,
		 const struct recall_question *q)
{
	x->q = *q;
	x->asked_us = clock_mono_us(p->memory->deps.clock);
	x->msg.work = question_work;
	return copy_question(x->msg.arena, &x->q);
}

struct op *memory_recall(struct memory_port *p, const struct recall_question *q,
			 memory_recall_cb *cb, void *arg)
{
	struct question *x = message_new(sizeof(*x), 2048);

	if (!x)
		return NULL;
	x->cb = cb;
	x->arg = arg;
	x->msg.call_back = call_back_question;
	if (question_set(p, x, q)) {
		arena_free(x->msg.arena);
		return NULL;
	}
	return message_submit(p, &x->msg);
}

bool memory_recall_is_cold(const struct op *op)
{
	return atomic_load(&((const struct question *)(const void *)op)->cold);
}

static void call_back_keeping(struct message *msg)
{
	struct keeping *k = (struct keeping *)(void *)msg;

	k->cb(k->arg, k->status);
}

static struct keeping *keeping_new(memory_keep_cb *cb, void *arg, size_t texts)
{
	struct keeping *k = message_new(sizeof(*k), texts);

	if (!k)
		return NULL;
	k->cb = cb;
	k->arg = arg;
	k->msg.call_back = call_back_keeping;
	return k;
}

/* Several loops may pass the bound together; it is there to hold memory, not to count. */
static bool has_room(struct counters *c, size_t bytes)
{
	if (atomic_load(&c->keeping) < KEEPING_MAX &&
	    atomic_load(&c->keeping_bytes) + bytes <= KEEPING_BYTES_MAX)
		return true;
	atomic_fetch_add(&c->keep_dropped, 1);
	return false;
}

struct op *memory_keep(struct memory_port *p, const struct exchange *x, uint64_t epoch,
		       memory_keep_cb *cb, void *arg)
{
	struct counters *c = &p->memory->counters;
	size_t bytes = exchange_bytes(x);
	struct keeping *k = has_room(c, bytes) ? keeping_new(cb, arg, bytes) : NULL;

	if (!k)
		return NULL;
	if (exchange_copy(k->msg.arena, x, &k->x)) {
		arena_free(k->msg.arena);
		return NULL;
	}
	k->epoch = epoch;
	k->bytes = bytes;
	k->msg.work = keeping_work;
	atomic_fetch_add(&c->keeping, 1);
	atomic_fetch_add(&c->keeping_bytes, bytes);
	return message_submit(p, &k->msg);
}

struct op *memory_ping(struct memory_port *p, memory_keep_cb *cb, void *arg)
{
	struct keeping *k = keeping_new(cb, arg, 0);

	if (!k)
		return NULL;
	k->msg.work = ping_work;
	return message_submit(p, &k->msg);
}
