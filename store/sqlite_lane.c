/*
 * sqlite_lane.c - a thread with a connection, and jobs for it.
 *
 * A failing database ends the jobs of that group with an error and nothing
 * else: the next group tries again. One job that fails alone (a text too long)
 * is undone alone, by a savepoint.
 *
 * After a forget the log is emptied, since it still holds the old pages. That
 * can fail while another process reads or writes: it is then tried again with
 * every group, and every WIPE_RETRY_MS, until it is done.
 */
#include "store/sqlite_lane.h"

#include "store/sqlite_db.h"
#include "store/sqlite_job.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

enum { WIPE_WAIT_MS = 500, WIPE_RETRY_MS = 1000 };

struct lane {
	pthread_t thread;
	struct mailbox *in;   /* owned */
	struct mailbox *done; /* borrowed */
	struct db *db;        /* owned */
	struct log log;
	struct mail stop;    /* the last mail */
	atomic_bool closing; /* set before `stop` is pushed */
	bool stopping;       /* `stop` has been taken */
	bool wipe_due;
};

/* Jobs in order, by their mails. */
struct jobs {
	struct mail *first, **tail;
};

static void fail(struct job *job, int status)
{
	job->answer = (struct answer){ .status = status };
	job->again = job->counted = job->wipes = false;
}

static void log_failure(struct lane *l, const char *what)
{
	log_debug(&l->log, "%s: %s", what, db_error(l->db));
}

static void run_write(struct lane *l, struct job *job)
{
	int rc = db_exec(l->db, "SAVEPOINT job");

	if (rc == 0)
		rc = job->run(l->db, job);
	if (rc < 0) {
		log_failure(l, job->name);
		fail(job, rc);
		db_exec(l->db, "ROLLBACK TO job");
	}
	db_exec(l->db, "RELEASE job");
}

static void run_read(struct lane *l, struct job *job)
{
	int rc;

	if (atomic_load(&l->closing) || atomic_load(&job->cancelled)) {
		fail(job, -ECANCELED);
		return;
	}
	rc = job->run(l->db, job);
	if (rc < 0) {
		log_failure(l, job->name);
		fail(job, rc);
	}
}

/* 0, or -errno: nothing of the group has happened. */
static int run_group(struct lane *l, const struct jobs *jobs, const char *begin,
		     void (*run)(struct lane *l, struct job *job))
{
	int rc = db_exec(l->db, begin);

	for (struct mail *m = jobs->first; m != NULL && rc == 0; m = m->next) {
		run(l, job_of(m));
		/* Some failures (a full disk) undo the whole transaction at once. */
		if (!db_in_transaction(l->db))
			rc = -EIO;
	}
	if (rc == 0)
		rc = db_exec(l->db, "COMMIT");
	if (rc < 0)
		log_failure(l, begin);
	if (db_in_transaction(l->db))
		db_exec(l->db, "ROLLBACK");
	return rc;
}

static void wipe(struct lane *l, int wait_ms)
{
	int rc = db_wipe_log(l->db, wait_ms);

	l->wipe_due = rc < 0;
	if (rc < 0)
		log_failure(l, "emptying the log");
}

static void answer(struct lane *l, struct jobs *jobs, int rc)
{
	struct mail *m = jobs->first, *next;

	for (; m != NULL; m = next) {
		struct job *job = job_of(m);

		next = m->next;
		if (rc < 0)
			fail(job, rc);
		if (job->again && !l->stopping)
			mailbox_push(l->in, m);
		else
			mailbox_push(l->done, m);
	}
}

static void run_writes(struct lane *l, struct jobs *jobs)
{
	bool wipes = false;
	int rc;

	if (jobs->first == NULL)
		return;
	rc = run_group(l, jobs, "BEGIN IMMEDIATE", run_write);
	for (struct mail *m = jobs->first; m != NULL && rc == 0; m = m->next)
		wipes = wipes || job_of(m)->wipes;
	if (wipes || l->wipe_due)
		wipe(l, wipes ? WIPE_WAIT_MS : 0);
	answer(l, jobs, rc);
}

static void run_reads(struct lane *l, struct jobs *jobs)
{
	if (jobs->first != NULL)
		answer(l, jobs, run_group(l, jobs, "BEGIN", run_read));
}

static void add(struct jobs *to, struct mail *m)
{
	m->next = NULL;
	*to->tail = m;
	to->tail = &m->next;
}

static void run_batch(struct lane *l, struct mail *m)
{
	struct jobs writes = { NULL, &writes.first }, reads = { NULL, &reads.first };
	struct mail *next;

	for (; m != NULL; m = next) {
		next = m->next;
		if (m == &l->stop)
			l->stopping = true;
		else
			add(job_of(m)->writes ? &writes : &reads, m);
	}
	run_writes(l, &writes);
	run_reads(l, &reads);
}

static void *lane_main(void *arg)
{
	struct lane *l = arg;
	struct pollfd pfd = { .fd = mailbox_fd(l->in), .events = POLLIN };

	while (!l->stopping) {
		if (poll(&pfd, 1, l->wipe_due ? WIPE_RETRY_MS : -1) == 0)
			wipe(l, 0);
		run_batch(l, mailbox_take(l->in));
	}
	return NULL;
}

/* Signals are for the threads that have an event loop. */
static int start_thread(struct lane *l, const char *name)
{
	sigset_t all, old;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&l->thread, NULL, lane_main, l);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc == 0)
		pthread_setname_np(l->thread, name);
	return -rc;
}

static void lane_free(struct lane *l)
{
	mailbox_free(l->in);
	db_close(l->db);
	free(l);
}

int lane_start(struct db *db, const char *name, struct log log, struct mailbox *done,
	       struct lane **ret)
{
	struct lane *l = calloc(1, sizeof(*l));
	int rc = -ENOMEM;

	if (l == NULL) {
		db_close(db);
		return -ENOMEM;
	}
	l->db = db;
	l->log = log;
	l->done = done;
	atomic_init(&l->closing, false);
	l->in = mailbox_new();
	if (l->in != NULL)
		rc = start_thread(l, name);
	if (rc < 0) {
		lane_free(l);
		return rc;
	}
	*ret = l;
	return 0;
}

void lane_push(struct lane *l, struct job *job)
{
	mailbox_push(l->in, &job->mail);
}

void lane_stop(struct lane *l)
{
	if (l == NULL)
		return;
	atomic_store(&l->closing, true);
	mailbox_push(l->in, &l->stop);
	pthread_join(l->thread, NULL);
	lane_free(l);
}
