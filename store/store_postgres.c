/*
 * store_postgres.c - the log of exchanges in PostgreSQL.
 *
 * Two connections, as SQLite has two lanes: what changes something waits on one
 * for commits and for other proxies' locks, and reads on the other wait for
 * neither. More would not help: on one, changes take effect in the order of
 * their calls, and many reads are under way at once.
 *
 *	store_append() -> job -> pg_link -> memproxy.append() -> result -> callback
 */
#include "store/store_postgres.h"

#include "store/pg_link.h"
#include "store/pg_schema.h"
#include "store/store_error.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What a message of the protocol holds, and half a gigabyte for what is around it. */
#define BYTES_MAX ((size_t)1 << 29)

/* Attempts at what fails for another transaction's sake. */
enum { TRIES = 10 };

static const struct pg_limits usual = {
	.answer_ms = 5000, /* above the 3 s for which a function waits for a lock */
	.stall_ms = 15000, /* a forget may have much to delete */
	.pause_ms = 100,
	.pauses_ms = 5000,
};

struct store_postgres {
	struct call_store base;
	struct pg_link *writer, *reader;
	struct event_base *loop;
	const struct timeval *patience; /* limits->answer_ms, as a common timeout */
	const struct clock *clock;
	const struct pg_limits *limits;
	struct log log;
	char *url;
	struct digest secret;
	struct store_stats stats;
	bool closing;
};

/* --- operations ----------------------------------------------------------------------
 */

static void count(struct store_postgres *st, const struct pg_job *job, int status)
{
	if (job->call.kind == CALL_APPEND && status == 0)
		st->stats.appends++;
	if (status == -EIO || status == -ENOMEM || status == -ETIMEDOUT)
		st->stats.errors++;
}

static void job_cancel(struct op *op)
{
	struct pg_job *job = (struct pg_job *)op;

	event_del(&job->deadline);
	job->unheard = true;
}

static const struct op_ops job_ops = { .cancel = job_cancel };

static void answer(struct pg_job *job, const struct answer *a)
{
	bool unheard = job->unheard;

	event_del(&job->deadline);
	job->unheard = job->answered = true;
	count(job->st, job, a->status);
	if (!unheard)
		call_answer(&job->call, a);
}

/* The link still has it; it may even come to pass. */
static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	answer(arg, &(struct answer){ .status = -ETIMEDOUT });
}

static void finish(struct pg_job *job, const struct answer *a)
{
	if (!job->answered)
		answer(job, a);
	pg_job_free(job);
}

static void keep_counts(struct store_postgres *st, const struct store_stats *now)
{
	st->stats.partitions = now->partitions;
	st->stats.exchanges = now->exchanges;
	st->stats.bytes = now->bytes;
}

/* With the time of a new one: it gets somewhere. */
static void push_again(struct store_postgres *st, struct pg_link *l, struct pg_job *job)
{
	if (!job->unheard)
		event_add(&job->deadline, st->patience);
	pg_link_push(l, job);
}

static void succeed(struct store_postgres *st, struct pg_link *l, struct pg_job *job)
{
	struct pg_outcome o;

	pg_job_outcome(job, &o);
	if (o.counted)
		keep_counts(st, &o.stats);
	o.answer.n += job->taken;
	if (o.again && !st->closing) {
		job->taken = o.answer.n;
		push_again(st, l, job);
		return;
	}
	finish(job, &o.answer);
}

/* To be tried again goes behind what was called later, which an edit must not do. */
static bool may_try_again(const struct store_postgres *st, const struct pg_link *l,
			  const struct pg_job *job)
{
	bool order_counts = job->call.kind == CALL_EDIT || job->call.kind == CALL_PAUSE;

	return !st->closing && !job->answered && job->tries < TRIES &&
	       (!order_counts || !pg_link_is_busy(l));
}

static void fail(struct store_postgres *st, struct pg_link *l, struct pg_job *job)
{
	enum pg_trouble trouble = pg_trouble_of(job->result);
	int status = -EIO;

	log_debug(&st->log, "%s: %s", call_name(job->call.kind),
		  PQresultErrorMessage(job->result));
	job->tries++;
	if (trouble == PG_CONFLICT && may_try_again(st, l, job)) {
		push_again(st, l, job);
		return;
	}
	if (trouble == PG_READ_ONLY)
		pg_link_lose(l);
	if (trouble == PG_LATE)
		status = -ETIMEDOUT;
	else if (trouble == PG_TOO_BIG)
		status = -EINVAL;
	finish(job, &(struct answer){ .status = status });
}

static void on_done(void *arg, struct pg_job *job, int status)
{
	struct store_postgres *st = arg;
	struct pg_link *l = call_writes(job->call.kind) ? st->writer : st->reader;

	if (status < 0)
		finish(job, &(struct answer){ .status = status });
	else if (PQresultStatus(job->result) == PGRES_TUPLES_OK)
		succeed(st, l, job);
	else
		fail(st, l, job);
}

static int check(const struct store_postgres *st, const struct pg_link *l,
		 const struct call *c)
{
	if (st->closing)
		return -ECANCELED;
	if (exchange_bytes(&c->x) > BYTES_MAX)
		return -EINVAL;
	return pg_link_is_up(l) ? 0 : -EIO;
}

static struct op *postgres_submit(struct call_store *cs, const struct call *c)
{
	struct store_postgres *st = (struct store_postgres *)cs;
	struct pg_link *l = call_writes(c->kind) ? st->writer : st->reader;
	int rc = check(st, l, c);
	struct pg_job *job = rc == 0 ? pg_job_new(&st->secret, c) : NULL;

	if (job == NULL) {
		rc = rc < 0 ? rc : -ENOMEM;
		st->stats.errors += rc == -EIO || rc == -ENOMEM;
		call_answer(c, &(struct answer){ .status = rc });
		return NULL;
	}
	job->op.ops = &job_ops;
	job->st = st;
	job->now_ms = clock_wall_ms(st->clock);
	evtimer_assign(&job->deadline, st->loop, on_deadline, job);
	event_add(&job->deadline, st->patience);
	pg_link_push(l, job);
	return &job->op;
}

static void postgres_stats(const struct store *store, struct store_stats *ret)
{
	*ret = ((const struct store_postgres *)store)->stats;
}

static const struct digest *postgres_secret(const struct store *store)
{
	return &((const struct store_postgres *)store)->secret;
}

/* --- opening and closing -------------------------------------------------------------
 */

static void postgres_free(struct store_postgres *st)
{
	pg_link_free(st->reader);
	pg_link_free(st->writer);
	free(st->url);
	free(st);
}

static void postgres_close(struct store *store)
{
	struct store_postgres *st = (struct store_postgres *)store;

	st->closing = true;
	pg_link_cancel(st->reader);
	pg_link_drain(st->writer);
	postgres_free(st);
}

static const struct store_ops ops = {
	.name = "postgresql",
	.close = postgres_close,
	.stats = postgres_stats,
	.secret = postgres_secret,
	CALL_STORE_OPS,
};

/* The functions are there: this is the first that uses one. */
static int count_first(struct store_postgres *st, PGconn *conn, char **reterr)
{
	static const struct pg_params none = { .n = 0 };
	PGresult *r;
	int rc = pg_run(conn, "SELECT * FROM memproxy.stats()", &none,
			st->limits->stall_ms, &r);

	if (rc < 0)
		return store_error(reterr, rc, "store: postgresql: %s",
				   PQerrorMessage(conn));
	st->stats.partitions = pg_u64(r, 0, 0);
	st->stats.exchanges = pg_u64(r, 0, 1);
	st->stats.bytes = pg_u64(r, 0, 2);
	PQclear(r);
	return 0;
}

static int open_link(struct store_postgres *st, const struct store_env *env, bool first,
		     struct pg_link **ret, char **reterr)
{
	const struct pg_link_deps deps = { .base = env->base,
					   .log = st->log,
					   .url = st->url,
					   .limits = st->limits,
					   .done = on_done,
					   .arg = st };
	PGconn *conn;
	int rc = pg_connect(st->url, &conn, reterr);

	if (rc < 0)
		return rc;
	if (first) {
		rc = pg_schema_migrate(conn, env->rng, &st->secret, reterr);
		if (rc == 0)
			rc = count_first(st, conn, reterr);
		if (rc < 0) {
			PQfinish(conn);
			return rc;
		}
	}
	*ret = pg_link_new(&deps, conn);
	return *ret ? 0 : -ENOMEM;
}

static int open_links(struct store_postgres *st, const struct store_env *env,
		      const char *rest, char **reterr)
{
	const struct timeval patience = { st->limits->answer_ms / 1000,
					  (st->limits->answer_ms % 1000) * 1000 };
	int rc;

	st->patience = event_base_init_common_timeout(env->base, &patience);
	if (asprintf(&st->url, "postgresql:%s", rest) < 0) {
		st->url = NULL;
		return -ENOMEM;
	}
	if (st->patience == NULL)
		return -ENOMEM;
	rc = pg_check_url(st->url, reterr);
	if (rc == 0)
		rc = open_link(st, env, true, &st->writer, reterr);
	if (rc == 0)
		rc = open_link(st, env, false, &st->reader, reterr);
	return rc;
}

int store_postgres_open_within(const char *rest, const struct pg_limits *limits,
			       const struct store_env *env, struct store **ret,
			       char **reterr)
{
	struct store_postgres *st = calloc(1, sizeof(*st));
	int rc = -ENOMEM;

	*reterr = NULL;
	if (st != NULL) {
		st->base.store.ops = &ops;
		st->base.submit = postgres_submit;
		st->loop = env->base;
		st->clock = env->clock;
		st->limits = limits;
		st->log = (struct log){ env->log.sink, "store.postgres", env->log.id };
		rc = open_links(st, env, rest, reterr);
		if (rc < 0)
			postgres_free(st);
	}
	if (rc < 0 && *reterr == NULL)
		return store_error(reterr, rc, "store: postgresql: %s", strerror(-rc));
	if (rc == 0)
		*ret = &st->base.store;
	return rc;
}

int store_postgres_open(const char *rest, const struct store_env *env, struct store **ret,
			char **reterr)
{
	return store_postgres_open_within(rest, &usual, env, ret, reterr);
}
