/* memory_fixture.h - a memory service, a loop to talk to it from, and what is said. */
#ifndef TESTS_MEMORY_FIXTURE_H
#define TESTS_MEMORY_FIXTURE_H

#include "config/config.h"
#include "fake_log.h"
#include "memory/admin.h"
#include "memory/memory.h"

#include <stdatomic.h>
#include <time.h>

#define ME     ((struct partition){ STR("tenant"), STR("me") })
#define NOV_21 UINT64_C(1795219200000) /* 2026: what its wall clock says */

/* The system's, and what a test adds to it. */
struct shifted_clock {
	struct clock clock; /* first */
	atomic_uint_least64_t ahead_us;
};

struct fixture {
	struct config cfg;
	struct shifted_clock clock;
	struct fake_log *log; /* NULL: the store is memory: */
	struct event_base *base;
	struct memory *m;
	struct memory_port *port;
};

/* Set-ups: with a store memory:, started; with a fake one, to be filled and started. */
int real_up(void **state);
int fake_up(void **state);
int not_started(void **state); /* with whatever cfg.store.url will be */
int down(void **state);
void start(struct fixture *f);
void stop(struct fixture *f);

#define real_test(name) cmocka_unit_test_setup_teardown(name, real_up, down)
#define fake_test(name) cmocka_unit_test_setup_teardown(name, fake_up, down)

/* Runs the loop until something happens, or a moment has passed. */
void pump(struct event_base *base);
#define pump_until(f, condition)                           \
	do {                                               \
		time_t give_up = time(NULL) + 30;          \
		while (!(condition)) {                     \
			assert_true(time(NULL) < give_up); \
			pump((f)->base);                   \
		}                                          \
	} while (0)

enum { HEARD_MAX = 8 };

struct heard {
	int times;
	struct recall_answer a;
	struct recall_put puts[HEARD_MAX];
	const char *block; /* the last one; "" where there is none */
	char blocks[HEARD_MAX][8192], session[128], sources[2048];
};

/* A memory_recall_cb, for a struct heard. */
void on_answer(void *arg, const struct recall_answer *a);
/* By ME, in session "now". */
struct recall_question question(const char *text);
/* And waits for the answer. */
void ask_for(struct fixture *f, const struct recall_question *q, struct heard *h);
void ask(struct fixture *f, const char *text, struct heard *h);

struct kept {
	int times, status;
};

/* A memory_keep_cb, for a struct kept. */
void on_kept(void *arg, int status);
/* By ME; no reply: cancelled. */
struct exchange told(const char *session, const char *user, const char *reply);
int keep(struct fixture *f, const struct exchange *x, uint64_t epoch); /* the status */
void tell(struct fixture *f, const char *session, const char *user, const char *reply);
/* A batch; r->head is that of the last one. */
void import(struct fixture *f, const struct exchange *v, size_t n, uint64_t epoch,
	    struct import_result *r);
/* n of about 600 bytes: "… gardening number7", "reply7". */
void fill(struct fake_log *log, unsigned n, struct partition p);

struct memory_stats stats(const struct fixture *f);

#endif
