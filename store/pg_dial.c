/* pg_dial.c - a connection made by a thread of its own. */
#include "store/pg_dial.h"

#include "base/mailbox.h"
#include "store/pg_conn.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct pg_dial {
	atomic_int users; /* the thread and whoever started it */
	struct mailbox *box;
	struct mail ended; /* pushed by the thread: what is below is there to be read */
	char *url;
	PGconn *conn;
	char *error;
	int status;
};

static void let_go(struct pg_dial *d)
{
	if (atomic_fetch_sub(&d->users, 1) > 1)
		return;
	if (d->box != NULL) {
		mailbox_take(d->box);
		mailbox_free(d->box);
	}
	PQfinish(d->conn);
	free(d->error);
	free(d->url);
	free(d);
}

static void *dial_main(void *arg)
{
	struct pg_dial *d = arg;

	d->status = pg_connect(d->url, &d->conn, &d->error);
	mailbox_push(d->box, &d->ended);
	let_go(d);
	return NULL;
}

/* Signals are for the threads that have an event loop. */
static int start_thread(struct pg_dial *d)
{
	sigset_t all, old;
	pthread_t thread;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&thread, NULL, dial_main, d);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc == 0) {
		/* A name that cannot be looked up would hold up whoever joined it. */
		pthread_setname_np(thread, "store-dial");
		pthread_detach(thread);
	}
	return -rc;
}

struct pg_dial *pg_dial_start(const char *url)
{
	struct pg_dial *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	atomic_init(&d->users, 1);
	d->url = strdup(url);
	d->box = mailbox_new();
	if (d->url != NULL && d->box != NULL) {
		atomic_fetch_add(&d->users, 1);
		if (start_thread(d) == 0)
			return d;
		atomic_fetch_sub(&d->users, 1);
	}
	let_go(d);
	return NULL;
}

int pg_dial_fd(const struct pg_dial *d)
{
	return mailbox_fd(d->box);
}

int pg_dial_end(struct pg_dial *d, PGconn **ret, char **reterr)
{
	int status = -EAGAIN;

	*reterr = NULL;
	if (mailbox_take(d->box) != NULL) {
		status = d->status;
		*ret = d->conn;
		*reterr = d->error;
		d->conn = NULL;
		d->error = NULL;
	}
	let_go(d);
	return status;
}

void pg_dial_abandon(struct pg_dial *d)
{
	if (d != NULL)
		let_go(d);
}
