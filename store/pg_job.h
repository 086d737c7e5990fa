/*
 * pg_job.h - one operation on its way to PostgreSQL and back.
 *
 * It belongs to the link from when it is pushed until it is done (pg_link.h).
 */
#ifndef STORE_PG_JOB_H
#define STORE_PG_JOB_H

#include "store/call.h"
#include "store/pg_conn.h"

#include <event2/event.h>
#include <event2/event_struct.h>

struct arena;
struct store_postgres;

struct pg_job {
	struct op op;
	struct pg_job *next; /* the link's */
	struct arena *mem;   /* holds the job, its arguments and its answer */
	struct store_postgres *st;
	struct call call;
	uint64_t now_ms;
	struct exchange_id key;  /* stands for its partition */
	struct exchange_id mark; /* append, forget: for its session */
	struct event deadline;
	size_t bytes;   /* sent with it */
	int tries;      /* failed ones */
	uint64_t taken; /* expire, trim: by its slices so far */
	bool unheard;   /* cancelled, or answered: nobody waits for it any more */
	bool answered;  /* its callback has run */
	PGresult *result;
};

/* NULL when out of memory. */
struct pg_job *pg_job_new(const struct digest *secret, const struct call *c);
void pg_job_free(struct pg_job *job); /* its event must not be pending */

/* What it asks the server for, its parameters borrowed from the job. */
const char *pg_job_request(const struct pg_job *job, struct pg_params *ret);

/* What the server said of it. */
struct pg_outcome {
	struct answer answer;
	bool again;               /* to be asked once more: it did a part, of … */
	bool counted;             /* the whole store was counted */
	struct store_stats stats; /* where counted */
};

/* Of its result, which stays the owner of texts. */
void pg_job_outcome(struct pg_job *job, struct pg_outcome *ret);

/* What is thought of an error. */
enum pg_trouble {
	PG_REFUSED,   /* it would fail again */
	PG_LATE,      /* it waited too long for a lock */
	PG_TOO_BIG,   /* the server takes no text of that size */
	PG_CONFLICT,  /* with another transaction: nothing happened, it may be tried again
		       */
	PG_READ_ONLY, /* this server takes no changes; another may */
};

enum pg_trouble pg_trouble_of(const PGresult *error);

#endif
