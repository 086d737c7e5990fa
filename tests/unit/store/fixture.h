/* fixture.h - a store under test, with a loop, a clock and waiting callers. */
#ifndef TESTS_STORE_FIXTURE_H
#define TESTS_STORE_FIXTURE_H

#include "store/call.h"
#include "store/store.h"

/* What cmocka.h wants before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct arena;

struct fixture {
	struct event_base *base;
	struct event *deadline;
	struct arena *mem; /* holds what was got */
	struct {
		struct clock clock;
		uint64_t now_ms;
	} time;
	struct store_env env;
	char dir[64];     /* a new one, removed at the end */
	char url[256];    /* of the store under test */
	struct store *st; /* open */
	bool keeps;       /* a store opened again has what it had */
};

/* One that the contract holds for. */
struct backend {
	const char *name;
	/* %s, or %1$s: the address of its server, or the fixture's directory; %2$s: that
	 */
	const char *url;
	bool keeps;
	/*
	 * Where it needs a server, else NULL. Before each test start() has one running,
	 * the same for all of the program's tests, with nothing in it, and writes its
	 * address; 0 or -1. At the end of the program stop() ends it, if it was started.
	 */
	int (*start)(char *address, size_t size);
	void (*stop)(void);
};

/* backends.c */
extern const struct backend backends[];
extern const size_t n_backends;
void backends_stop(void); /* their servers */

struct fixture *fixture_new(const struct backend *b); /* NULL: not opened */
void fixture_free(struct fixture *f);                 /* closes f->st, if any */
/* Another handle on the same URL. */
struct store *fixture_open(struct fixture *f, const char *url);
void fixture_reopen(struct fixture *f);

/* Runs the loop until *done; the test fails where that takes absurdly long. */
void pump_until(struct fixture *f, const bool *done);

/* A call and, once done, its answer, copied. */
struct asked {
	struct call_sink sink;
	struct fixture *f;
	struct op *op;
	bool done;
	struct answer a;
};

/* Owned by the fixture. */
struct asked *ask(struct fixture *f, struct store *st, const struct call *c);
const struct answer *wait_for(struct asked *q);
/* Both: with f->st, or another. */
const struct answer *call(struct fixture *f, const struct call *c);
const struct answer *call_on(struct fixture *f, struct store *st, const struct call *c);

/* Shorthands for f->st and the user "ann" of tenant "t"; seq in *seq (NULL is fine). */
struct partition ann(void);
/* "session" named, a complete exchange, with the id of these texts. */
struct exchange say(struct fixture *f, const char *session, const char *user,
		    const char *reply);
/* The record of a block. */
struct exchange block(struct fixture *f, const char *session, const char *sources);
/* As answered to the reply of `to`. */
struct exchange say_after(struct fixture *f, const struct exchange *to, const char *user,
			  const char *reply);
void set_id(struct fixture *f, struct exchange *x);
int append(struct fixture *f, const struct exchange *x, uint64_t epoch, uint64_t *seq);
const struct answer *since(struct fixture *f, uint64_t cursor, size_t bytes);
const struct answer *before(struct fixture *f, uint64_t cursor, size_t bytes);
const struct answer *everything(struct fixture *f);
struct store_head head(struct fixture *f);
int edit(struct fixture *f, const struct exchange *x, const char *user,
	 const char *reply);
int pause_memory(struct fixture *f, bool paused);
/* How many went, or -errno. */
int64_t forget_exchange(struct fixture *f, const struct exchange *x);
int64_t forget_session(struct fixture *f, const char *session);
int64_t forget_ann(struct fixture *f);
int64_t expire(struct fixture *f);
int64_t trim(struct fixture *f, uint64_t keep);

void assert_same_text(struct str a, struct str b);
void assert_same_exchange(const struct exchange *a, const struct exchange *b);

#endif
