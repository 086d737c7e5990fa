/*
 * store_sqlite.c - the log of exchanges in SQLite: a file, or memory alone.
 *
 * The opener's thread does nothing but copy arguments into jobs and run
 * callbacks. The work is done on lanes (sqlite_lane.h), each a thread with its
 * own connection: one changes, one reads, so that a reader never waits for a
 * commit, a checkpoint or another process's lock. A database in memory is
 * private to its connection and has one lane for both.
 *
 *	store_append() -> job -> lane -> group commit -> results -> callback
 */
#include "store/store_sqlite.h"

#include "base/arena.h"
#include "store/sqlite_db.h"
#include "store/sqlite_job.h"
#include "store/sqlite_lane.h"
#include "store/sqlite_schema.h"
#include "store/store_error.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

enum { JOB_ARENA = 1024 }; /* a job and the texts of a short exchange */

struct store_sqlite {
	struct call_store base;
	struct lane *writer, *reader; /* one and the same for a database in memory */
	struct mailbox *results;
	struct event *on_results;
	const struct clock *clock;
	struct digest secret;
	struct store_stats stats;
	bool closing;
};

static int ping(struct db *db, struct job *job)
{
	/* That it got here says that the lock for writing could be had. */
	(void)db;
	(void)job;
	return 0;
}

static job_fn *const run_fns[CALL_N] = {
	[CALL_APPEND] = sqlite_append,
	[CALL_READ_SINCE] = sqlite_read_since,
	[CALL_READ_BEFORE] = sqlite_read_before,
	[CALL_GET] = sqlite_get,
	[CALL_USERS] = sqlite_users,
	[CALL_SESSIONS] = sqlite_sessions,
	[CALL_EDIT] = sqlite_edit,
	[CALL_FORGET] = sqlite_forget,
	[CALL_PAUSE] = sqlite_pause,
	[CALL_EXPIRE] = sqlite_expire,
	[CALL_TRIM] = sqlite_trim,
	[CALL_PING] = ping,
};

static void job_cancel(struct op *op)
{
	atomic_store(&((struct job *)op)->cancelled, true);
}

static const struct op_ops job_ops = { .cancel = job_cancel };

static struct job *job_new(const struct store_sqlite *st, const struct call *c)
{
	struct arena *mem = arena_new(JOB_ARENA);
	struct job *job = mem ? arena_alloc(mem, sizeof(*job)) : NULL;

	if (job == NULL || call_copy(mem, c, &job->call) < 0) {
		arena_free(mem);
		return NULL;
	}
	job->op.ops = &job_ops;
	job->mem = mem;
	job->run = run_fns[c->kind];
	job->name = call_name(c->kind);
	job->writes = call_writes(c->kind);
	job->now_ms = clock_wall_ms(st->clock);
	if (c->kind == CALL_APPEND || c->kind == CALL_FORGET)
		job->session_mark = exchange_session_mark(&st->secret, c->x.session);
	atomic_init(&job->cancelled, false);
	return job;
}

static struct op *sqlite_submit(struct call_store *cs, const struct call *c)
{
	struct store_sqlite *st = (struct store_sqlite *)cs;
	struct job *job = st->closing ? NULL : job_new(st, c);

	if (job == NULL) {
		call_answer(c, &(struct answer){ .status = st->closing ? -ECANCELED
								       : -ENOMEM });
		return NULL;
	}
	lane_push(job->writes ? st->writer : st->reader, job);
	return &job->op;
}

static void keep_count(struct store_sqlite *st, const struct job *job)
{
	int status = job->answer.status;

	if (job->counted) {
		st->stats.partitions = job->stats.partitions;
		st->stats.exchanges = job->stats.exchanges;
		st->stats.bytes = job->stats.bytes;
	}
	if (job->call.kind == CALL_APPEND && status == 0)
		st->stats.appends++;
	if (status == -EIO || status == -ENOMEM)
		st->stats.errors++;
}

/* A callback may cancel jobs further down the list; they are freed here all the same. */
static void deliver(struct store_sqlite *st)
{
	struct mail *m = mailbox_take(st->results), *next;

	for (; m != NULL; m = next) {
		struct job *job = job_of(m);

		next = m->next;
		keep_count(st, job);
		if (!atomic_load(&job->cancelled))
			call_answer(&job->call, &job->answer);
		arena_free(job->mem);
	}
}

static void on_results(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	deliver(arg);
}

static void sqlite_free(struct store_sqlite *st)
{
	if (st->on_results != NULL)
		event_free(st->on_results);
	mailbox_free(st->results);
	free(st);
}

static void sqlite_close(struct store *store)
{
	struct store_sqlite *st = (struct store_sqlite *)store;

	st->closing = true;
	if (st->reader != st->writer)
		lane_stop(st->reader);
	lane_stop(st->writer);
	deliver(st);
	sqlite_free(st);
}

static void sqlite_stats(const struct store *store, struct store_stats *ret)
{
	*ret = ((const struct store_sqlite *)store)->stats;
}

static const struct digest *sqlite_secret(const struct store *store)
{
	return &((const struct store_sqlite *)store)->secret;
}

static const struct store_ops file_ops = {
	.name = "sqlite",
	.close = sqlite_close,
	.stats = sqlite_stats,
	.secret = sqlite_secret,
	CALL_STORE_OPS,
};

static const struct store_ops memory_ops = {
	.name = "memory",
	.close = sqlite_close,
	.stats = sqlite_stats,
	.secret = sqlite_secret,
	CALL_STORE_OPS,
};

/* The first connection, with everything in the database that has to be there. */
static int open_first(struct store_sqlite *st, const char *path,
		      const struct store_env *env, struct db **ret, char **reterr)
{
	struct db *db;
	int rc = db_open(path, &db, reterr);

	if (rc < 0)
		return rc;
	rc = schema_migrate(db, path ? path : "memory", env->rng, &st->secret, reterr);
	if (rc == 0)
		rc = sqlite_count(db, &st->stats);
	if (rc < 0) {
		if (*reterr == NULL)
			store_error(reterr, rc, "store: %s", db_error(db));
		db_close(db);
		return rc;
	}
	*ret = db;
	return 0;
}

static int start_lanes(struct store_sqlite *st, const char *path,
		       const struct store_env *env, char **reterr)
{
	struct log log = { env->log.sink, "store.sqlite", env->log.id };
	struct db *db;
	int rc = open_first(st, path, env, &db, reterr);

	if (rc == 0)
		rc = lane_start(db, "store-write", log, st->results, &st->writer);
	if (rc < 0 || path == NULL) {
		st->reader = st->writer;
		return rc;
	}
	rc = db_open(path, &db, reterr);
	if (rc == 0)
		rc = lane_start(db, "store-read", log, st->results, &st->reader);
	if (rc < 0)
		lane_stop(st->writer);
	return rc;
}

static int listen_to_results(struct store_sqlite *st, struct event_base *base)
{
	st->results = mailbox_new();
	if (st->results == NULL)
		return -ENOMEM;
	st->on_results = event_new(base, mailbox_fd(st->results), EV_READ | EV_PERSIST,
				   on_results, st);
	if (st->on_results == NULL || event_add(st->on_results, NULL) < 0)
		return -ENOMEM;
	return 0;
}

static int open_store(const char *path, const struct store_env *env, struct store **ret,
		      char **reterr)
{
	struct store_sqlite *st = calloc(1, sizeof(*st));
	int rc = -ENOMEM;

	*reterr = NULL;
	if (st != NULL) {
		st->base.store.ops = path ? &file_ops : &memory_ops;
		st->base.submit = sqlite_submit;
		st->clock = env->clock;
		rc = listen_to_results(st, env->base);
		if (rc == 0)
			rc = start_lanes(st, path, env, reterr);
		if (rc < 0)
			sqlite_free(st);
	}
	if (rc < 0 && *reterr == NULL)
		return store_error(reterr, rc, "store: %s", strerror(-rc));
	if (rc == 0)
		*ret = &st->base.store;
	return rc;
}

int store_sqlite_open(const char *path, const struct store_env *env, struct store **ret,
		      char **reterr)
{
	if (path[0] == '\0' || strncmp(path, "//", 2) == 0)
		return store_error(reterr, -EINVAL,
				   "store: sqlite: takes a path, as in "
				   "sqlite:data/memory.db or sqlite:/var/lib/memory.db");
	return open_store(path, env, ret, reterr);
}

int store_memory_open(const char *rest, const struct store_env *env, struct store **ret,
		      char **reterr)
{
	if (rest[0] != '\0')
		return store_error(reterr, -EINVAL, "store: memory: takes nothing more");
	return open_store(NULL, env, ret, reterr);
}
