/* store_faulty.c - a decorator that makes another store slow or broken, on demand. */
#include "store/store_faulty.h"

#include "base/arena.h"
#include "store/store_error.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

enum { OP_ARENA = 1024, PLAN_MAX = 512 };

enum fault_action { PASS, FAIL, HANG, DROP };

struct store_faulty {
	struct call_store base;
	struct store *inner; /* owned */
	struct event_base *events;
	char *file; /* owned; NULL: the plan is set by calls */
	pthread_mutex_t lock;
	struct faulty_plan plan; /* under the lock */
	atomic_uint calls[CALL_N];
	TAILQ_HEAD(, faulty_op) ops;
};

struct faulty_op {
	struct op op;
	struct call_sink sink;
	TAILQ_ENTRY(faulty_op) entry;
	struct store_faulty *f;
	struct arena *mem; /* holds this and the call */
	struct call call;
	struct event *timer; /* while it is delayed */
	enum fault_action action;
	int status; /* of FAIL */
	bool passed_on, cancelled;
	bool *ended; /* told when it ends while it is being submitted */
};

static const struct {
	const char *name;
	int status;
} statuses[] = {
	{ "EIO", -EIO },     { "ENOENT", -ENOENT }, { "ESTALE", -ESTALE },
	{ "EPERM", -EPERM }, { "ENOMEM", -ENOMEM }, { "ETIMEDOUT", -ETIMEDOUT },
};

static unsigned ops_named(struct str name)
{
	unsigned ops = 0;

	for (unsigned kind = 0; kind < CALL_N; kind++)
		if (str_eq(name, str_from(call_name(kind))) || str_eq(name, STR("all")) ||
		    str_eq(name, call_writes(kind) ? STR("writes") : STR("reads")))
			ops |= 1u << kind;
	return ops;
}

static int parse_ops(struct str list, unsigned *ret)
{
	struct str name;

	while (str_next_item(&list, '+', &name)) {
		unsigned ops = ops_named(name);

		if (ops == 0)
			return -EINVAL;
		*ret |= ops;
	}
	return 0;
}

static int parse_status(struct str name, int *ret)
{
	for (size_t i = 0; i < sizeof(statuses) / sizeof(*statuses); i++)
		if (str_eq(name, str_from(statuses[i].name))) {
			*ret = statuses[i].status;
			return 0;
		}
	return -EINVAL;
}

static int parse_item(struct str item, struct faulty_plan *plan)
{
	const char *eq = memchr(item.p, '=', item.len);
	size_t len = eq ? (size_t)(eq - item.p) : item.len;
	struct str key = str_slice(item, 0, len),
		   value = str_slice(item, len + 1, item.len);
	uint64_t ms;

	if (str_eq(key, STR("delay")) && str_to_u64(value, &ms) && ms < 1000000) {
		plan->delay_ms = (unsigned)ms;
		return 0;
	}
	if (str_eq(key, STR("fail")))
		return parse_ops(value, &plan->fail);
	if (str_eq(key, STR("hang")))
		return parse_ops(value, &plan->hang);
	if (str_eq(key, STR("drop")))
		return parse_ops(value, &plan->drop);
	if (str_eq(key, STR("only")) && value.len < sizeof(plan->only)) {
		memcpy(plan->only, value.p, value.len);
		plan->only[value.len] = '\0';
		return 0;
	}
	if (str_eq(key, STR("status")))
		return parse_status(value, &plan->status);
	return -EINVAL;
}

int faulty_plan_parse(struct str text, struct faulty_plan *ret)
{
	struct faulty_plan plan = { 0 };
	struct str item;

	while (str_next_item(&text, ',', &item))
		if (parse_item(item, &plan) < 0)
			return -EINVAL;
	*ret = plan;
	return 0;
}

/* What cannot be read or is no plan (half written, perhaps) is no faults. */
static struct faulty_plan plan_in_file(const char *path)
{
	struct faulty_plan plan = { 0 };
	char text[PLAN_MAX];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));

	if (fd >= 0)
		close(fd);
	if (n > 0)
		faulty_plan_parse(str_trim((struct str){ text, (size_t)n }), &plan);
	return plan;
}

static struct faulty_plan current_plan(struct store_faulty *f)
{
	struct faulty_plan plan;

	if (f->file != NULL)
		return plan_in_file(f->file);
	pthread_mutex_lock(&f->lock);
	plan = f->plan;
	pthread_mutex_unlock(&f->lock);
	return plan;
}

static void op_free(struct faulty_op *fop)
{
	TAILQ_REMOVE(&fop->f->ops, fop, entry);
	if (fop->timer != NULL)
		event_free(fop->timer);
	if (fop->ended != NULL)
		*fop->ended = true;
	arena_free(fop->mem);
}

static void op_end(struct faulty_op *fop, const struct answer *a)
{
	if (!fop->cancelled)
		call_answer(&fop->call, a);
	op_free(fop);
}

static void on_answer(struct call_sink *sink, const struct answer *a)
{
	struct faulty_op *fop = (void *)((char *)sink - offsetof(struct faulty_op, sink));

	fop->passed_on = false;
	if (fop->action != DROP)
		op_end(fop, a);
	else if (fop->cancelled)
		op_free(fop);
}

static void op_start(struct faulty_op *fop)
{
	switch (fop->action) {
	case FAIL:
		op_end(fop, &(struct answer){ .status = fop->status });
		break;
	case HANG:
		break;
	case PASS:
	case DROP:
		fop->passed_on = true;
		fop->sink.answer = on_answer;
		call_run(fop->f->inner, &fop->call, &fop->sink);
		break;
	}
}

static void on_delay(evutil_socket_t fd, short what, void *arg)
{
	struct faulty_op *fop = arg;

	(void)fd;
	(void)what;
	event_free(fop->timer);
	fop->timer = NULL;
	op_start(fop);
}

/* What is still to be passed on, or is, goes on unseen: so do the real ones. */
static void faulty_cancel(struct op *op)
{
	struct faulty_op *fop = (struct faulty_op *)op;

	fop->cancelled = true;
	if (fop->timer == NULL && !fop->passed_on)
		op_free(fop);
}

static const struct op_ops faulty_op_ops = { .cancel = faulty_cancel };

static bool is_spared(const struct faulty_plan *plan, const struct call *c)
{
	size_t len = strlen(plan->only);

	return len > 0 && c->kind == CALL_APPEND &&
	       (!c->x.user.p || !memmem(c->x.user.p, c->x.user.len, plan->only, len));
}

static enum fault_action action_for(const struct faulty_plan *plan, const struct call *c)
{
	unsigned bit = 1u << c->kind;

	if (is_spared(plan, c))
		return PASS;
	if (plan->fail & bit)
		return FAIL;
	if (plan->hang & bit)
		return HANG;
	return plan->drop & bit ? DROP : PASS;
}

static int start_delay(struct faulty_op *fop, unsigned ms)
{
	const struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000L };

	fop->timer = evtimer_new(fop->f->events, on_delay, fop);
	if (fop->timer == NULL || event_add(fop->timer, &tv) < 0)
		return -ENOMEM;
	return 0;
}

static struct faulty_op *op_new(struct store_faulty *f, const struct call *c,
				const struct faulty_plan *plan)
{
	struct arena *mem = arena_new(OP_ARENA);
	struct faulty_op *fop = mem ? arena_alloc(mem, sizeof(*fop)) : NULL;

	if (fop == NULL || call_copy(mem, c, &fop->call) < 0) {
		arena_free(mem);
		return NULL;
	}
	fop->op.ops = &faulty_op_ops;
	fop->mem = mem;
	fop->f = f;
	fop->action = action_for(plan, c);
	fop->status = plan->status ? plan->status : -EIO;
	TAILQ_INSERT_TAIL(&f->ops, fop, entry);
	return fop;
}

static struct op *faulty_submit(struct call_store *cs, const struct call *c)
{
	struct store_faulty *f = (struct store_faulty *)cs;
	struct faulty_plan plan = current_plan(f);
	struct faulty_op *fop = op_new(f, c, &plan);
	bool ended = false;

	atomic_fetch_add(&f->calls[c->kind], 1);
	if (fop == NULL) {
		call_answer(c, &(struct answer){ .status = -ENOMEM });
		return NULL;
	}
	fop->ended = &ended;
	if (plan.delay_ms == 0)
		op_start(fop);
	else if (start_delay(fop, plan.delay_ms) < 0)
		op_end(fop, &(struct answer){ .status = -ENOMEM });
	if (ended)
		return NULL;
	fop->ended = NULL;
	return &fop->op;
}

/* One that the inner store knows nothing of, or no longer. */
static struct faulty_op *held_back(struct store_faulty *f)
{
	struct faulty_op *fop;

	TAILQ_FOREACH (fop, &f->ops, entry)
		if (!fop->passed_on)
			return fop;
	return NULL;
}

static void faulty_close(struct store *st)
{
	struct store_faulty *f = (struct store_faulty *)st;
	struct faulty_op *fop;

	TAILQ_FOREACH (fop, &f->ops, entry)
		if (fop->passed_on)
			fop->action = PASS; /* the close below ends it */
	while ((fop = held_back(f)) != NULL)
		op_end(fop, &(struct answer){ .status = -ECANCELED });
	store_close(f->inner);
	pthread_mutex_destroy(&f->lock);
	free(f->file);
	free(f);
}

static void faulty_stats(const struct store *st, struct store_stats *ret)
{
	store_stats(((const struct store_faulty *)st)->inner, ret);
}

static const struct digest *faulty_secret(const struct store *st)
{
	return store_secret(((const struct store_faulty *)st)->inner);
}

static const struct store_ops faulty_ops = {
	.name = "faulty",
	.close = faulty_close,
	.stats = faulty_stats,
	.secret = faulty_secret,
	CALL_STORE_OPS,
};

int store_faulty_new(struct store *inner, const struct store_env *env, struct store **ret)
{
	struct store_faulty *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return -ENOMEM;
	f->base.store.ops = &faulty_ops;
	f->base.submit = faulty_submit;
	f->inner = inner;
	f->events = env->base;
	pthread_mutex_init(&f->lock, NULL);
	for (size_t i = 0; i < CALL_N; i++)
		atomic_init(&f->calls[i], 0);
	TAILQ_INIT(&f->ops);
	*ret = &f->base.store;
	return 0;
}

void store_faulty_set(struct store *st, const struct faulty_plan *plan)
{
	struct store_faulty *f = (struct store_faulty *)st;

	pthread_mutex_lock(&f->lock);
	f->plan = *plan;
	pthread_mutex_unlock(&f->lock);
}

unsigned store_faulty_calls(const struct store *st, enum call_kind kind)
{
	const struct store_faulty *f = (const struct store_faulty *)st;

	return atomic_load(&f->calls[kind]);
}

/* The plan of a URL: one given outright, or the file that holds it. */
static int take_plan(struct store_faulty *f, struct str text)
{
	if (!str_has_prefix(text, STR("file=")))
		return faulty_plan_parse(text, &f->plan);
	f->file = strndup(text.p + 5, text.len - 5);
	return f->file ? 0 : -ENOMEM;
}

int store_faulty_open(const char *rest, const struct store_env *env, struct store **ret,
		      char **reterr)
{
	const char *colon = strchr(rest, ':');
	struct store *inner, *st;
	int rc;

	if (colon == NULL)
		return store_error(reterr, -EINVAL, "store: faulty: takes PLAN:URL");
	rc = store_open(colon + 1, env, &inner, reterr);
	if (rc < 0)
		return rc;
	rc = store_faulty_new(inner, env, &st);
	if (rc < 0) {
		store_close(inner);
		return store_error(reterr, rc, "store: out of memory");
	}
	rc = take_plan((struct store_faulty *)st,
		       (struct str){ rest, (size_t)(colon - rest) });
	if (rc < 0) {
		store_close(st);
		return store_error(reterr, rc, "store: faulty: is no plan: %.*s",
				   (int)(colon - rest), rest);
	}
	*ret = st;
	return 0;
}
