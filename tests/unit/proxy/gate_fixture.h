/*
 * gate_fixture.h - a gate on a loopback port with a handler that does as the
 * path says, and clients that share its event loop.
 */
#ifndef TESTS_GATE_FIXTURE_H
#define TESTS_GATE_FIXTURE_H

#include "base/buf.h"
#include "proxy/gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct fake_clock {
	struct clock clock;
	uint64_t us;
};

/* The last request handed to the handler. */
struct served {
	struct conn *conn; /* NULL once it has ended or the client has left */
	unsigned requests, data, ends, gone, drained;
	enum fault fault;
	struct buf body; /* what was collected or streamed */
	bool take;       /* /stream: drain at each event (the default) */
};

struct fixture {
	struct event_base *base;
	struct gate *gate;
	struct gate_deps deps;
	struct fake_clock clock;
	int listen_fd;
	uint16_t port;
	size_t collect_limit;
	struct served served;
};

/*
 * Paths of the handler:
 *   /echo     collects; 200 with the body, or the fault's status
 *   /stream   streams; 200 with the body at its end
 *   /deny     401 at once
 *   /early    streams and answers 403 at the first event
 *   /hold     claims and waits: the test does the rest by served.conn
 *   /abort    conn_abort() at once
 *   others    200 "ok" at once
 */
void fixture_open(struct fixture *f); /* f->deps may be changed between the two */
void fixture_start(struct fixture *f);
void fixture_close(struct fixture *f);
/* cmocka's setup and teardown: *state is a started fixture. */
int gate_setup(void **state);
int gate_teardown(void **state);

/* Moves the clock, and has the gate look at it. */
void fixture_pass(struct fixture *f, uint64_t ms);
/* Some turns of the loop, without waiting for anything. */
void fixture_turn(struct fixture *f);
struct gate_stats fixture_stats(struct fixture *f);

struct client {
	struct fixture *f;
	int fd;
	struct buf in; /* received */
	bool eof, reset;
};

void client_open(struct client *c, struct fixture *f);
void client_close(struct client *c);
void client_send(struct client *c, const char *p, size_t n); /* all of it */
void client_say(struct client *c, const char *text);
/* As much as the sockets take without the other side's help; returns how much. */
size_t client_push(struct client *c, const char *p, size_t n);
/* Reads what comes until the text is there, or the end; fails after some seconds. */
void client_expect(struct client *c, const char *text);
void client_expect_bytes(struct client *c, size_t n);
void client_expect_end(struct client *c);
/* Nothing comes. */
void client_expect_silence(struct client *c);
void client_forget(struct client *c); /* what was received */
/* How often a text is in what was received. */
size_t client_count(const struct client *c, const char *text);
bool client_has(const struct client *c, const char *text);

/* Runs the loop until cond(arg); fails after some seconds. */
void fixture_until(struct fixture *f, bool (*cond)(void *arg), void *arg);

#endif
