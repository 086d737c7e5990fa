/* import.c - exchanges that were exported, into the store again. */
#include "memory/admin.h"
#include "memory/clean.h"
#include "memory/service.h"

#include <errno.h>
#include <stddef.h>

struct importing;

struct item {
	struct call_sink sink;
	struct importing *of;
	struct exchange x;
};

struct importing {
	struct message msg;
	struct item *items;
	size_t n, left; /* left: not answered yet, and one more while they are sent */
	uint64_t epoch;
	struct import_result result;
	memory_import_cb *cb;
	void *arg;
};

static void call_back(struct message *msg)
{
	struct importing *im = (struct importing *)(void *)msg;

	im->cb(im->arg, &im->result);
}

static void on_trimmed(void *arg, int status, uint64_t n)
{
	struct importing *im = arg;

	(void)n;
	if (status)
		atomic_fetch_add(&im->msg.port->memory->counters.store_errors, 1);
	message_return(&im->msg);
}

static void one_less(struct importing *im)
{
	struct memory *m = im->msg.port->memory;
	uint64_t keep = atomic_load(&m->settings.max_exchanges);

	if (--im->left > 0)
		return;
	if (keep && im->result.imported)
		store_trim(m->store, &im->items->x.partition, keep, on_trimmed, im);
	else
		message_return(&im->msg);
}

/* The answers come in the order of the appends: a seq not above those before is old. */
static void count_kept(struct import_result *r, uint64_t seq)
{
	if (seq <= r->head) {
		r->known++;
		return;
	}
	r->imported++;
	r->head = seq;
}

static void count(struct importing *im, const struct answer *a)
{
	struct import_result *r = &im->result;

	if (a->status == 0)
		count_kept(r, a->n);
	else if (a->status == -EINVAL || a->status == -ESTALE)
		r->rejected++;
	else if (r->status == 0)
		r->status = a->status;
}

static void on_appended(struct call_sink *sink, const struct answer *a)
{
	struct importing *im = ((struct item *)(void *)sink)->of;

	count(im, a);
	one_less(im);
}

/* -EINVAL: nothing is left of it. */
static int finish(const struct memory *m, struct exchange *x, struct arena *a)
{
	bool has_reply = x->reply.p != NULL;

	x->user = clean_text(x->user, a);
	if (has_reply)
		x->reply = clean_text(x->reply, a);
	if (!x->user.p || (has_reply && !x->reply.p))
		return -ENOMEM;
	return x->user.len ? keeping_finish(m, x, a) : -EINVAL;
}

static void append(struct memory *m, struct importing *im, struct item *it)
{
	int r = finish(m, &it->x, im->msg.arena);
	struct call c = { .kind = CALL_APPEND, .x = it->x, .epoch = im->epoch };

	if (r) {
		on_appended(&it->sink, &(struct answer){ .status = r });
	} else if (it->x.expires_ms && it->x.expires_ms <= clock_wall_ms(m->deps.clock)) {
		im->result.expired++;
		one_less(im);
	} else {
		/* Who imports waits for what becomes of it, and can send it again. */
		call_run(store_behind(m->store), &c, &it->sink);
	}
}

static void import_work(struct memory *m, struct message *msg)
{
	struct importing *im = (struct importing *)(void *)msg;

	im->left = im->n + 1;
	for (size_t i = 0; i < im->n; i++)
		append(m, im, &im->items[i]);
	one_less(im);
}

static int copy_items(struct importing *im, const struct import_batch *b)
{
	int r = 0;

	im->items = arena_alloc(im->msg.arena, b->n * sizeof(*im->items));
	if (!im->items)
		return -ENOMEM;
	for (im->n = 0; im->n < b->n && !r; im->n++) {
		struct item *it = &im->items[im->n];

		it->sink.answer = on_appended;
		it->of = im;
		r = exchange_copy(im->msg.arena, &b->v[im->n], &it->x);
	}
	return r;
}

struct op *memory_import(struct memory_port *p, const struct import_batch *b,
			 memory_import_cb *cb, void *arg)
{
	struct importing *im = message_new(sizeof(*im), b->n * sizeof(struct item));

	if (!im)
		return NULL;
	if (copy_items(im, b)) {
		arena_free(im->msg.arena);
		return NULL;
	}
	im->epoch = b->epoch;
	im->result.head = b->head;
	im->cb = cb;
	im->arg = arg;
	im->msg.work = import_work;
	im->msg.call_back = call_back;
	return message_submit(p, &im->msg);
}
