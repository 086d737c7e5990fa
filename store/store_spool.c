/* store_spool.c - opening a spool, closing it, and which way each call goes. */
#include "store/store_spool.h"

#include "base/arena.h"
#include "store/spool.h"
#include "store/sqlite_body.h"
#include "store/store_error.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { JOB_ARENA = 1024, OP_ARENA = 1024, ENTRY_OVERHEAD = 256 };

const struct spool_options spool_defaults = {
	.max_bytes = (uint64_t)256 << 20,
	.replay_ms = 120000,
	.retry_ms = 50,
	.retry_max_ms = 5000,
	.refuse_ms = 60000,
};

/* --- jobs for the lane ------------------------------------------------------------ */

struct spool_job *spool_job_new(struct spool *s, job_fn *run, const char *name,
				void (*done)(struct spool_job *j))
{
	struct arena *mem = arena_new(JOB_ARENA);
	struct spool_job *j = mem ? arena_alloc(mem, sizeof(*j)) : NULL;

	if (!j) {
		arena_free(mem);
		return NULL;
	}
	j->job.mem = mem;
	j->job.run = run;
	j->job.name = name;
	j->job.writes = run != spool_load && run != spool_read && run != spool_list_done;
	j->job.now_ms = clock_wall_ms(s->clock);
	atomic_init(&j->job.cancelled, false);
	j->spool = s;
	j->done = done;
	return j;
}

void spool_push(struct spool *s, struct spool_job *j)
{
	lane_push(s->lane, &j->job);
}

void spool_job_free(struct spool_job *j)
{
	if (j)
		arena_free(j->job.mem);
}

static void deliver(struct spool *s)
{
	struct mail *m = mailbox_take(s->results), *next;

	for (; m; m = next) {
		struct spool_job *j = (struct spool_job *)(void *)job_of(m);

		next = m->next;
		j->done(j);
	}
}

static void on_results(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	deliver(arg);
}

/* --- what the caller holds ---------------------------------------------------------- */

static void op_free(struct spool_op *op)
{
	TAILQ_REMOVE(&op->spool->ops_under_way, op, entry);
	if (op->ended)
		*op->ended = true;
	spool_job_free(op->found);
	arena_free(op->mem);
}

void spool_op_end(struct spool_op *op, const struct answer *a)
{
	if (op->item)
		op->item->op = NULL;
	if (!op->cancelled)
		call_answer(&op->call, a);
	op_free(op);
}

void spool_op_fail(struct spool_op *op, int status)
{
	spool_op_end(op, &(struct answer){ .status = status });
}

/* What has begun goes on unseen. A read that is the store's alone is given up there. */
static void op_cancelled(struct op *o)
{
	struct spool_op *op = (struct spool_op *)o;

	op->cancelled = true;
	if (op->inner && !call_writes(op->call.kind) && !op->item) {
		op_cancel(op->inner);
		op_free(op);
	}
}

static const struct op_ops op_ops = { .cancel = op_cancelled };

static struct spool_op *op_new(struct spool *s, const struct call *c)
{
	struct arena *mem = arena_new(OP_ARENA);
	struct spool_op *op = mem ? arena_alloc(mem, sizeof(*op)) : NULL;

	if (!op || (c->kind != CALL_APPEND && call_copy(mem, c, &op->call) < 0)) {
		arena_free(mem);
		return NULL;
	}
	if (c->kind == CALL_APPEND)
		op->call = *c; /* its texts go to the file at once */
	op->op.ops = &op_ops;
	op->mem = mem;
	op->spool = s;
	TAILQ_INSERT_TAIL(&s->ops_under_way, op, entry);
	return op;
}

void spool_op_ask(struct spool_op *op, const struct call *c,
		  void (*answer)(struct call_sink *sink, const struct answer *a))
{
	struct op *inner;
	bool ended = false, *outer = op->ended;

	op->sink.answer = answer;
	op->ended = &ended;
	inner = call_run(op->spool->inner, c, &op->sink);
	if (!ended) {
		op->inner = inner;
		op->ended = outer;
	} else if (outer) {
		*outer = true;
	}
}

void spool_observe(struct spool *s, int status)
{
	if (spool_is_failure(status))
		s->suspect = true;
	else if (status != -ECANCELED && s->suspect)
		spool_replay(s);
}

/* --- calls that the spool has no part in -------------------------------------------- */

static void on_passed(struct call_sink *sink, const struct answer *a)
{
	struct spool_op *op = (void *)((char *)sink - offsetof(struct spool_op, sink));

	op->inner = NULL;
	spool_observe(op->spool, a->status);
	spool_op_end(op, a);
}

/* --- appends ------------------------------------------------------------------------ */

/* What the file has now was told; what it could not take has failed here. */
static void on_put(struct spool_job *j)
{
	struct spool *s = j->spool;
	struct spool_item *item = j->item;
	struct spool_op *op = item->op;
	struct spool_part *p = item->part;
	int status = j->job.answer.status;
	uint64_t seq = STORE_SEQ_PROVISIONAL + item->n;

	spool_job_free(j);
	if (status < 0) {
		s->stats.dropped++;
		item->op = NULL;
		item_free(item);
		op->item = NULL;
		spool_op_fail(op, status);
	} else {
		item->committed = true;
		if (!s->o.answer_when_sent) {
			item->op = NULL;
			op->item = NULL;
			spool_op_end(op, &(struct answer){ .n = seq });
		}
	}
	part_wake(p);
}

static struct spool_job *put_job(struct spool *s, const struct call *c,
				 const struct spool_part *p)
{
	struct spool_job *j = spool_job_new(s, spool_put, "put", on_put);

	if (!j)
		return NULL;
	j->job.call.epoch = c->epoch;
	j->job.call.x = c->x;
	j->job.call.x.session = (struct str){ NULL, 0 }; /* the body has the texts */
	j->who = p->mark;
	j->session = spool_session_mark(s, c->x.session);
	if (body_encode(j->job.mem, &c->x, &j->body) < 0 ||
	    exchange_copy_text(j->job.mem, c->x.partition.tenant,
			       &j->job.call.x.partition.tenant) < 0 ||
	    exchange_copy_text(j->job.mem, c->x.partition.user,
			       &j->job.call.x.partition.user) < 0) {
		spool_job_free(j);
		return NULL;
	}
	return j;
}

/* What is done gives way to what waits: the lane deletes it before it puts this in. */
static bool has_room(struct spool *s, uint64_t bytes)
{
	uint64_t held = s->waiting_bytes + s->dead_bytes + bytes;

	if (held > s->o.max_bytes)
		return false;
	if (held + s->done_bytes > s->o.max_bytes && !s->dropping)
		spool_forgo_replay(s);
	return true;
}

/* 0; -ENOMEM; or -ENOSPC. */
static int append(struct spool *s, struct spool_op *op)
{
	struct spool_part *p = part_get(s, &op->call.x.partition);
	struct spool_job *j = p ? put_job(s, &op->call, p) : NULL;
	uint64_t bytes = j ? j->body.len + ENTRY_OVERHEAD : 0;
	struct spool_item *item = NULL;

	if (j && !has_room(s, bytes)) {
		spool_job_free(j);
		return -ENOSPC;
	}
	if (j)
		item = item_new(s, p, ITEM_APPEND, s->last_n + 1, bytes);
	if (!item) {
		spool_job_free(j);
		return -ENOMEM;
	}
	j->n = ++s->last_n;
	j->item = item;
	item->op = op;
	op->item = item;
	spool_push(s, j);
	return 0;
}

/* --- which way each call goes ------------------------------------------------------- */

/* Behind what waits of the partition; at once if nothing does. */
static int queue(struct spool *s, struct spool_op *op)
{
	struct spool_part *p = part_get(s, &op->call.x.partition);
	struct spool_item *item =
		p ? item_new(s, p, ITEM_CHANGE, s->last_n + 1, 0) : NULL;

	if (!item)
		return -ENOMEM;
	s->last_n++;
	item->op = op;
	op->item = item;
	part_wake(p);
	return 0;
}

static int route(struct spool *s, struct spool_op *op)
{
	int rc = 0;

	switch (op->call.kind) {
	case CALL_APPEND:
		rc = append(s, op);
		s->stats.dropped += rc < 0;
		break;
	case CALL_READ_SINCE:
	case CALL_READ_BEFORE:
	case CALL_GET:
		spool_read_begin(op);
		break;
	case CALL_EDIT:
	case CALL_FORGET:
	case CALL_PAUSE:
	case CALL_TRIM:
	case CALL_SESSIONS:
		rc = queue(s, op);
		break;
	case CALL_EXPIRE:
		spool_tidy_up(s);
		spool_adopt_begin(s);
		spool_op_ask(op, &op->call, on_passed);
		break;
	case CALL_USERS:
	case CALL_PING:
	case CALL_N:
		spool_op_ask(op, &op->call, on_passed);
		break;
	}
	return rc;
}

static struct op *submit(struct call_store *cs, const struct call *c)
{
	struct spool *s = (struct spool *)(void *)cs;
	struct spool_op *op = s->closing ? NULL : op_new(s, c);
	bool ended = false;
	int rc;

	if (!op) {
		s->stats.dropped += c->kind == CALL_APPEND;
		call_answer(c, &(struct answer){ .status = s->closing ? -ECANCELED
								      : -ENOMEM });
		return NULL;
	}
	op->ended = &ended;
	rc = route(s, op);
	if (rc < 0)
		spool_op_fail(op, rc);
	if (ended)
		return NULL;
	op->ended = NULL;
	return &op->op;
}

static void spool_stats(const struct store *st, struct store_stats *ret)
{
	const struct spool *s = (const struct spool *)(const void *)st;
	uint64_t oldest = spool_oldest_us(s), now = clock_mono_us(s->clock);

	store_stats(s->inner, ret);
	ret->spool = s->stats;
	ret->spool.bytes = s->waiting_bytes + s->done_bytes + s->dead_bytes;
	if (oldest < now)
		ret->spool.oldest_ms = (now - oldest) / 1000;
}

static const struct digest *spool_secret(const struct store *st)
{
	return store_secret(((const struct spool *)(const void *)st)->inner);
}

static struct store *spool_behind(struct store *st)
{
	return ((struct spool *)(void *)st)->inner;
}

/* --- opening and closing ------------------------------------------------------------ */

static void spool_free(struct spool *s)
{
	struct spool_op *op;

	while ((op = TAILQ_FIRST(&s->ops_under_way)))
		if (op->call.kind ==
		    CALL_APPEND) /* answer_when_sent: it is in the file */
			spool_op_end(op, &(struct answer){ .n = STORE_SEQ_PROVISIONAL +
								op->item->n });
		else
			spool_op_fail(op, -ECANCELED);
	spool_adopt_end(s);
	parts_free(s);
	if (s->on_results)
		event_free(s->on_results);
	if (s->retry)
		event_free(s->retry);
	mailbox_free(s->results);
	spool_file_close(&s->file);
	free(s->path);
	free(s);
}

/*
 * The store first: what it still takes is noted in the file, which the lane still has.
 * What waits stays there for the next start, and so does it that there is something to
 * be told again: a store that failed last may come back as a replica.
 */
static void spool_close(struct store *st)
{
	struct spool *s = (struct spool *)(void *)st;
	struct spool_job *j = NULL;

	s->closing = true;
	store_close(s->inner);
	if (!s->suspect && s->replaying == 0)
		j = spool_job_new(s, spool_mark_clean, "close", spool_job_free);
	if (j)
		spool_push(s, j);
	lane_stop(s->lane);
	s->lane = NULL;
	deliver(s);
	spool_free(s);
}

static const struct store_ops spool_ops = {
	.close = spool_close,
	.stats = spool_stats,
	.secret = spool_secret,
	.behind = spool_behind,
	CALL_STORE_OPS,
};

/* The first file that nobody has and that is not another store's. */
static int take_file(struct spool *s, char **reterr)
{
	int rc = -EBUSY;

	for (unsigned i = 1; i <= SPOOL_FILES; i++) {
		rc = spool_file_take(s->path, i, false, &s->mark, &s->file, reterr);
		s->number = i;
		if (rc != -EBUSY && rc != -EEXIST)
			return rc;
		if (rc == -EEXIST)
			log_warn(&s->log, "%s", *reterr ? *reterr : "another store's");
		free(*reterr);
		*reterr = NULL;
	}
	return store_error(reterr, rc, "store: %s: %d processes have their spools there",
			   s->path, SPOOL_FILES);
}

static int load(struct spool *s)
{
	struct rows rows = { .mem = arena_new(JOB_ARENA),
			     .size = sizeof(struct spool_row) };
	int rc = rows.mem ? spool_revive(s->file.db) : -ENOMEM;

	if (rc == 0)
		rc = spool_index(s->file.db, &rows);
	if (rc == 0)
		rc = spool_take_index(s, rows.v, rows.n);
	/* The store may have ended together with who told it. */
	s->suspect = rows.n > 0 && !s->file.clean;
	arena_free(rows.mem);
	return rc;
}

static int add_events(struct spool *s, struct event_base *base)
{
	s->results = mailbox_new();
	if (!s->results)
		return -ENOMEM;
	s->on_results = event_new(base, mailbox_fd(s->results), EV_READ | EV_PERSIST,
				  on_results, s);
	s->retry = evtimer_new(base, spool_retry, s);
	if (!s->on_results || !s->retry || event_add(s->on_results, NULL) < 0)
		return -ENOMEM;
	return 0;
}

static int start(struct spool *s, const struct store_env *env, char **reterr)
{
	int rc = add_events(s, env->base);

	if (rc == 0)
		rc = take_file(s, reterr);
	if (rc == 0)
		rc = load(s);
	if (rc == 0) {
		rc = lane_start(s->file.db, "spool", s->log, s->results, &s->lane);
		s->file.db = NULL; /* the lane's, also where it could not start */
	}
	return rc;
}

static struct spool *spool_new(struct store *inner, const struct spool_options *o,
			       const struct store_env *env)
{
	struct spool *s = calloc(1, sizeof(*s));
	const struct str name[] = { STR("spool") };

	if (!s)
		return NULL;
	s->base.submit = submit;
	s->base.store.ops = &s->ops;
	s->ops = spool_ops;
	s->ops.name = inner->ops->name;
	s->inner = inner;
	s->o = *o;
	s->path = strdup(o->path);
	s->clock = env->clock;
	s->log = (struct log){ env->log.sink, "store.spool", env->log.id };
	s->mark = digest_hmac(store_secret(inner), name, 1);
	s->file.lock = s->other.lock = -1;
	s->width = SPOOL_WIDTH;
	s->retry_ms = o->retry_ms;
	s->sending = true; /* not before it is open */
	TAILQ_INIT(&s->ops_under_way);
	TAILQ_INIT(&s->ready);
	TAILQ_INIT(&s->stalled);
	return s;
}

int store_spool_new(struct store *inner, const struct spool_options *o,
		    const struct store_env *env, struct store **ret, char **reterr)
{
	struct spool *s = spool_new(inner, o, env);
	int rc;

	*reterr = NULL;
	if (!s)
		return store_error(reterr, -ENOMEM, "store: out of memory");
	rc = s->path ? start(s, env, reterr) : -ENOMEM;
	if (rc < 0) {
		spool_free(s);
		return *reterr ? rc
			       : store_error(reterr, rc, "store: %s: %s", o->path,
					     strerror(-rc));
	}
	s->sending = false;
	spool_send(s);
	spool_adopt_begin(s);
	*ret = &s->base.store;
	return 0;
}
