/*
 * pg_link.c - one connection to PostgreSQL on an event loop, and jobs for it.
 *
 * Everything happens in step(): take results, send what may be sent, flush. It
 * runs when the socket says so, and after a push by an event of its own, so
 * that a callback may push without libpq's being in the middle of something,
 * and what is pushed in one turn of the loop goes out in one write.
 */
#include "store/pg_link.h"

#include "store/pg_dial.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

/* On their way at once; one is whatever its size. */
enum { MAX_SENT = 64, MAX_SENT_BYTES = 1 << 20 };

struct queue {
	struct pg_job *first, **tail;
	size_t n, bytes;
};

struct pg_link {
	struct pg_link_deps deps;
	PGconn *conn; /* NULL: down */
	struct pg_dial *dial;
	struct queue waiting, sent;
	struct event readable, writable, kick, stall, redial, dialled;
	int pause_ms;
	bool lost; /* found in the middle of a step, for its end */
};

/* --- queues --------------------------------------------------------------------------
 */

static void queue_init(struct queue *q)
{
	*q = (struct queue){ .tail = &q->first };
}

static void put(struct queue *q, struct pg_job *job)
{
	job->next = NULL;
	*q->tail = job;
	q->tail = &job->next;
	q->n++;
	q->bytes += job->bytes;
}

static struct pg_job *take(struct queue *q)
{
	struct pg_job *job = q->first;

	if (job == NULL)
		return NULL;
	q->first = job->next;
	if (q->first == NULL)
		q->tail = &q->first;
	q->n--;
	q->bytes -= job->bytes;
	return job;
}

static void move(struct queue *from, struct queue *to)
{
	struct pg_job *job;

	while ((job = take(from)) != NULL)
		put(to, job);
}

static void done_all(struct pg_link *l, int status)
{
	struct queue all;
	struct pg_job *job;

	queue_init(&all);
	move(&l->sent, &all);
	move(&l->waiting, &all);
	while ((job = take(&all)) != NULL)
		l->deps.done(l->deps.arg, job, status);
}

/* --- timers --------------------------------------------------------------------------
 */

static void set_timer(struct event *ev, int ms)
{
	const struct timeval tv = { ms / 1000, (ms % 1000) * 1000 };

	event_add(ev, &tv);
}

static void watch_stall(struct pg_link *l)
{
	if (l->sent.first != NULL)
		set_timer(&l->stall, l->deps.limits->stall_ms);
	else
		event_del(&l->stall);
}

/* --- down ----------------------------------------------------------------------------
 */

static void hang_up(struct pg_link *l)
{
	if (l->conn == NULL)
		return;
	event_del(&l->readable);
	event_del(&l->writable);
	event_del(&l->stall);
	event_del(&l->kick);
	PQfinish(l->conn);
	l->conn = NULL;
	l->lost = false;
}

static void redial_later(struct pg_link *l)
{
	int most = l->deps.limits->pauses_ms;

	set_timer(&l->redial, l->pause_ms);
	l->pause_ms = l->pause_ms < most / 2 ? 2 * l->pause_ms : most;
}

static void lose(struct pg_link *l, int status)
{
	struct str why = str_trim(str_from(PQerrorMessage(l->conn)));

	log_debug(&l->deps.log, "connection lost: %.*s",
		  STR_ARG(status == -ETIMEDOUT ? STR("no word from the server") : why));
	hang_up(l);
	redial_later(l);
	done_all(l, status);
}

/* --- up ------------------------------------------------------------------------------
 */

static void on_socket(evutil_socket_t fd, short what, void *arg);

/* Takes `conn` over, also on failure. */
static int go_up(struct pg_link *l, PGconn *conn)
{
	if (PQsetnonblocking(conn, 1) != 0 || PQenterPipelineMode(conn) != 1) {
		PQfinish(conn);
		return -ENOMEM;
	}
	l->conn = conn;
	event_assign(&l->readable, l->deps.base, PQsocket(conn), EV_READ | EV_PERSIST,
		     on_socket, l);
	event_assign(&l->writable, l->deps.base, PQsocket(conn), EV_WRITE, on_socket, l);
	if (event_add(&l->readable, NULL) < 0) {
		hang_up(l);
		return -ENOMEM;
	}
	return 0;
}

static void on_dialled(evutil_socket_t fd, short what, void *arg)
{
	struct pg_link *l = arg;
	PGconn *conn = NULL;
	char *why = NULL;
	int rc;

	(void)fd;
	(void)what;
	event_del(&l->dialled);
	rc = pg_dial_end(l->dial, &conn, &why);
	l->dial = NULL;
	if (rc == 0)
		rc = go_up(l, conn);
	if (rc < 0) {
		log_debug(&l->deps.log, "%s", why ? why : "out of memory");
		redial_later(l);
	}
	free(why);
}

static void on_redial(evutil_socket_t fd, short what, void *arg)
{
	struct pg_link *l = arg;

	(void)fd;
	(void)what;
	l->dial = pg_dial_start(l->deps.url);
	if (l->dial == NULL) {
		redial_later(l);
		return;
	}
	event_assign(&l->dialled, l->deps.base, pg_dial_fd(l->dial), EV_READ, on_dialled,
		     l);
	event_add(&l->dialled, NULL);
}

/* --- a step --------------------------------------------------------------------------
 */

/*
 * Of each job come its rows or an error, then NULL, then PGRES_PIPELINE_SYNC;
 * an error between the last two is that of the commit. It has happened only at
 * the end of these.
 */
static void take_result(struct pg_link *l, PGresult *r)
{
	struct pg_job *job = l->sent.first;

	if (PQresultStatus(r) != PGRES_PIPELINE_SYNC) {
		PQclear(job->result);
		job->result = r;
		return;
	}
	PQclear(r);
	take(&l->sent);
	l->pause_ms = l->deps.limits->pause_ms;
	watch_stall(l);
	l->deps.done(l->deps.arg, job, job->result ? 0 : -EIO);
}

static void take_results(struct pg_link *l)
{
	bool again = true;

	/* Looks at what has come even where nothing is asked: it may be a farewell. */
	while (!l->lost && !PQisBusy(l->conn) && l->sent.first != NULL) {
		PGresult *r = PQgetResult(l->conn);

		if (r != NULL)
			take_result(l, r);
		else if (!again)
			break;
		again = r != NULL;
	}
	if (PQstatus(l->conn) == CONNECTION_BAD)
		l->lost = true;
}

static int send_one(struct pg_link *l, struct pg_job *job)
{
	struct pg_params p;
	const char *sql = pg_job_request(job, &p);

	if (sql == NULL)
		return -ENOMEM;
	if (!PQsendQueryParams(l->conn, sql, p.n, p.types, p.values, p.lengths, p.formats,
			       1) ||
	    !PQpipelineSync(l->conn))
		return -EIO;
	job->bytes = p.bytes;
	PQclear(job->result);
	job->result = NULL;
	return 0;
}

/* A change whose caller gave it up while it waited is still to be made. */
static bool is_dead(const struct pg_job *job)
{
	return job->answered || (job->unheard && !call_writes(job->call.kind));
}

static void send_waiting(struct pg_link *l)
{
	while (!l->lost && l->waiting.first != NULL && l->sent.n < MAX_SENT &&
	       l->sent.bytes < MAX_SENT_BYTES) {
		struct pg_job *job = take(&l->waiting);
		int rc;

		if (is_dead(job)) {
			pg_job_free(job);
			continue;
		}
		rc = send_one(l, job);
		if (rc == -ENOMEM) {
			l->deps.done(l->deps.arg, job, rc);
			continue;
		}
		put(&l->sent, job);
		l->lost = rc < 0;
		if (l->sent.n == 1)
			watch_stall(l);
	}
}

/* True: there is more to send than the socket takes. */
static bool step(struct pg_link *l, bool readable)
{
	int left = 0;

	if (readable && !PQconsumeInput(l->conn))
		l->lost = true;
	take_results(l);
	send_waiting(l);
	if (!l->lost)
		left = PQflush(l->conn);
	if (l->lost || left < 0)
		lose(l, -EIO);
	return left > 0;
}

static void on_socket(evutil_socket_t fd, short what, void *arg)
{
	struct pg_link *l = arg;

	(void)fd;
	/* A socket that takes more may hold what the server waits to get rid of. */
	if (step(l, (what & (EV_READ | EV_WRITE)) != 0))
		event_add(&l->writable, NULL);
}

static void on_kick(evutil_socket_t fd, short what, void *arg)
{
	struct pg_link *l = arg;

	(void)fd;
	(void)what;
	if (step(l, false))
		event_add(&l->writable, NULL);
}

static void on_stall(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	lose(arg, -ETIMEDOUT);
}

/* --- for the store -------------------------------------------------------------------
 */

struct pg_link *pg_link_new(const struct pg_link_deps *deps, PGconn *conn)
{
	struct pg_link *l = calloc(1, sizeof(*l));

	if (l == NULL) {
		PQfinish(conn);
		return NULL;
	}
	l->deps = *deps;
	l->pause_ms = deps->limits->pause_ms;
	queue_init(&l->waiting);
	queue_init(&l->sent);
	evtimer_assign(&l->kick, deps->base, on_kick, l);
	evtimer_assign(&l->stall, deps->base, on_stall, l);
	evtimer_assign(&l->redial, deps->base, on_redial, l);
	if (go_up(l, conn) < 0) {
		free(l);
		return NULL;
	}
	return l;
}

void pg_link_free(struct pg_link *l)
{
	if (l == NULL)
		return;
	hang_up(l);
	event_del(&l->redial);
	if (l->dial != NULL)
		event_del(&l->dialled);
	pg_dial_abandon(l->dial);
	free(l);
}

bool pg_link_is_up(const struct pg_link *l)
{
	return l->conn != NULL;
}

bool pg_link_is_busy(const struct pg_link *l)
{
	return l->sent.first != NULL || l->waiting.first != NULL;
}

void pg_link_push(struct pg_link *l, struct pg_job *job)
{
	if (l->conn == NULL) {
		l->deps.done(l->deps.arg, job, -EIO);
		return;
	}
	put(&l->waiting, job);
	event_active(&l->kick, EV_TIMEOUT, 0);
}

void pg_link_lose(struct pg_link *l)
{
	/* Its step, which is on the stack, sees to it. */
	l->lost = l->conn != NULL;
}

void pg_link_cancel(struct pg_link *l)
{
	done_all(l, -ECANCELED);
}

void pg_link_drain(struct pg_link *l)
{
	bool more = l->conn != NULL && step(l, false);

	while (l->conn != NULL && pg_link_is_busy(l)) {
		struct pollfd pfd = { .fd = PQsocket(l->conn),
				      .events = (short)(POLLIN | (more ? POLLOUT : 0)) };
		int n = poll(&pfd, 1, l->deps.limits->stall_ms);

		if (n == 0 || (n < 0 && errno != EINTR))
			lose(l, n == 0 ? -ETIMEDOUT : -EIO);
		else
			more = step(l, true);
	}
}
