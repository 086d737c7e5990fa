/*
 * service.h - inside the memory service: what its thread and its ports share.
 *
 *	memory.c     starts and ends the thread, counts
 *	port.c       a loop's end: messages out, answers back
 *	admin.c, import.c, explain.c  those of the memory API
 *	keeping.c    exchanges to the store
 *	recall.c     questions: how long they wait, and in which session they are asked
 *	recall_block.c  the blocks that answer one
 *	recall_fetch.c  what they need of the store, where a view has not come to it
 *	slot.c       a partition's view, caught up with the log
 *	slots.c      the table of them
 *
 * A message is made on a loop, pushed to the thread, and always comes back to
 * the loop, which calls back unless it was cancelled meanwhile, and frees it.
 * It belongs to one side at a time; only what is atomic is looked at by both.
 */
#ifndef MEMORY_SERVICE_H
#define MEMORY_SERVICE_H

#include "base/arena.h"
#include "base/mailbox.h"
#include "memory/memory.h"
#include "memory/slots.h"
#include "memory/words.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/queue.h>

struct message {
	struct op op; /* what the loop holds */
	struct mail mail;
	struct memory_port *port;
	struct arena *arena; /* holds the message too */
	atomic_bool cancelled;
	void (*work)(struct memory *m, struct message *msg); /* on the thread */
	void (*call_back)(struct message *msg);              /* on the loop */
};

/* A loop's end. Each message under way holds a reference, and so does the loop. */
struct memory_port {
	struct memory *memory;
	struct mailbox *box;
	struct event *readable;
	atomic_uint refs;
};

struct question {
	struct message msg;
	struct recall_question q; /* copied, but for the words that are too many to ask */
	memory_recall_cb *cb;
	void *arg;
	uint64_t asked_us;
	atomic_bool cold;
	struct recall_answer answer;
	/* The thread's: */
	TAILQ_ENTRY(question) next;
	struct slot *slot;
	uint64_t after; /* a read with a higher number began after the question */
	/* Has a look at the view as well, once the question is answered; NULL: nobody. */
	void (*explain)(struct memory *m, struct question *q);
	struct fetch *fetch; /* sources under way; NULL: none */
	struct event late;
};

struct keeping {
	struct message msg;
	struct exchange x;
	uint64_t epoch;
	size_t bytes;
	memory_keep_cb *cb;
	void *arg;
	int status;
};

/* What a reload may change: read whenever it is needed. */
struct settings {
	atomic_uint_least64_t deadline, cold_deadline; /* milliseconds */
	atomic_uint_least64_t view_bytes, max_exchange_bytes;
	atomic_uint_least64_t ttl; /* milliseconds */
	atomic_uint_least64_t max_exchanges;
};

/* A struct spool_stats is nothing but numbers. */
enum { SPOOL_STATS = sizeof(struct spool_stats) / sizeof(uint64_t) };

struct counters {
	atomic_uint_least64_t recalls, kept, keep_failed, keep_dropped;
	atomic_uint_least64_t views, view_bytes, views_built, views_evicted;
	atomic_uint_least64_t queue, store_errors;
	atomic_uint_least64_t keeping, keeping_bytes; /* under way to the store */
	atomic_uint_least64_t spool[SPOOL_STATS];     /* a second old */
};

/* After so many failures in a row the store is left alone for a while. */
struct breaker {
	unsigned failures;
	uint64_t open_until_us;
};

struct memory {
	struct memory_deps deps;
	struct mailbox *box;
	pthread_t thread;
	struct settings settings;
	struct counters counters;
	struct message stop;

	sem_t started; /* then these two are good */
	int start_error;
	char *start_error_text;

	/* The thread's: */
	struct event_base *base;
	struct event *readable, *expire;
	bool expiring;
	struct store_env env;
	struct store *store;
	struct words *words;
	struct slots slots;
	struct event *sweep, *spool_noted;
	struct breaker breaker;
};

/* port.c */
/* Zeroed, first member of what is `size` bytes, in an arena of its own with room for so
 * many bytes of texts; NULL: out of memory. */
void *message_new(size_t size, size_t texts);
struct op *message_submit(struct memory_port *p, struct message *msg);
void message_return(struct message *msg);
/* What all questions have in common. 0 or -ENOMEM. */
int question_set(struct memory_port *p, struct question *x,
		 const struct recall_question *q);

/* keeping.c */
/* An exchange as the store gets it: id (if it has none), hashes, expiry, and its texts
 * redacted and capped. 0 or -ENOMEM. */
int keeping_finish(const struct memory *m, struct exchange *x, struct arena *a);
void keeping_work(struct memory *m, struct message *msg);
void ping_work(struct memory *m, struct message *msg);
void expire_tick(evutil_socket_t fd, short what, void *arg);

/* recall_block.c */
/* The blocks of a question whose session has been found, from its slot's view; *status is
 * what it is answered. */
void recall_blocks(struct memory *m, struct question *q, enum recall_status *status);

/* The sources of earlier blocks that the view does not hold; q->answer.session has been
 * found. How many, `max` at most. */
size_t recall_missing(struct memory *m, struct question *q, struct exchange_id *ret,
		      size_t max);

/* recall_fetch.c */
/* Has them read into the view. False: nothing is under way; else question_fetched() will
 * run, unless question_fetch_end() comes before. */
bool question_fetch(struct memory *m, struct question *q);
void question_fetch_end(struct question *q);

/* recall.c */
void question_fetched(struct question *q);
void question_work(struct memory *m, struct message *msg);
/* A read has come back for the slot: answers whom it can. */
void questions_progress(struct slot *s);
/* The view has to be built anew. */
void questions_go_cold(struct slot *s);
/* The store failed, or the end has come. */
void questions_fail(struct slot *s, enum recall_status status);
void breaker_failed(struct memory *m);
void breaker_worked(struct memory *m);

/* slot.c */
/* A record of a block that is on its way to the store: the view has it at once. */
void slot_note_block(struct memory *m, const struct exchange *block, uint64_t epoch);
/* The partition's, made where there is none; NULL: out of memory. */
struct slot *slot_get(struct memory *m, const struct partition *p);
/* Has the next read done, if any is needed. May answer and free questions at once. */
void slot_turn(struct slot *s);
/* Gives a read up that has not come back for too long, so that another can be tried. */
void slot_check_read(struct slot *s);
void slot_free(struct slot *s); /* its questions must be gone */
/* Timer: the views longest out of use go, until the rest is within the bound. */
void slots_sweep(evutil_socket_t fd, short what, void *arg);

#endif
