/* support.h - a scripted HTTP server on the test's own loop, and a recorder of replies.
 */
#ifndef TESTS_NET_SUPPORT_H
#define TESTS_NET_SUPPORT_H

#include "base/buf.h"
#include "net/upstream.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

struct env;

/* One connection to the server. */
struct peer {
	struct env *env;
	struct bufferevent *bev; /* NULL once either side has closed */
	struct buf in;
	int served; /* requests handed to env->serve */
	bool head_seen;
};

#define MAX_PEERS 64

struct env {
	struct event_base *base;
	struct evconnlistener *listener;
	struct upstream *up;
	char url[64];
	struct peer peers[MAX_PEERS];
	int accepted;
	int closed; /* connections that the client closed */
	int requests;
	struct buf last; /* the last whole request, head and body */
	/* A whole request is in env->last. NULL: nothing is ever answered. */
	void (*serve)(struct peer *p);
	/* A head is here, its body perhaps not. */
	void (*at_head)(struct peer *p);
	const char *script; /* for serve functions */
	struct event *alarm;
	bool late;
};

void env_init(struct env *e, const struct upstream_config *cfg);
void env_done(struct env *e);
/* One turn of the loop; false when ten seconds have passed without env_rest(). */
bool env_turn(struct env *e);
void env_rest(struct env *e);

#define WAIT_FOR(e, cond)                              \
	do {                                           \
		env_rest(e);                           \
		while (!(cond))                        \
			if (!env_turn(e))              \
				fail_msg("%s", #cond); \
	} while (0)

void peer_send(struct peer *p, const char *text);
void peer_send_bytes(struct peer *p, const void *bytes, size_t n);
/* After what is queued has gone out. */
void peer_close(struct peer *p);
/* At once, so that the client sees a reset. */
void peer_reset(struct peer *p);

/* serve functions: say env->script, and then keep or close the connection. */
void serve_script(struct peer *p);
void serve_script_and_close(struct peer *p);

/* What happened to one request. */
struct call {
	struct env *env;
	struct op *op;
	int heads, ends;
	int status;
	int64_t length;
	struct buf reason, headers, body; /* headers as "Name: value\n" lines */
	size_t pieces, received;
	bool keep_body;
	enum fault fault;
	char detail[256];
	/* what to do inside the callbacks */
	bool cancel_at_head, cancel_at_body, cancel_at_end, pause_always;
	bool cancelled, paused;
	/* called in on_body and in on_end */
	void (*at_body)(struct call *c);
	void (*at_end)(struct call *c);
	struct call *other;
};

void call_init(struct call *c, struct env *e);
void call_done(struct call *c);
void call_send(struct call *c, const struct upstream_request *rq);
/* GET of a target without fields. */
void call_get(struct call *c, const char *target);
void call_cancel(struct call *c);
/* As a consumer that was paused. */
void call_resume(struct call *c);
/* POST of a text that is there at once. */
void call_post(struct call *c, const char *target, const char *text);
void assert_buf(const struct buf *b, const char *text);

/* A request body that is given bit by bit. */
struct source {
	const char *p;
	size_t n, at;
	size_t available; /* how far it may be read now */
	size_t repeat;    /* how often p follows itself; 0 and 1: once */
	bool aborts;      /* where it ends */
	int reads;
};

struct upstream_body source_body(struct source *s, int64_t length);
/* POST / of it. */
void call_upload(struct call *c, struct source *s, int64_t length);

#define OK_HEAD "HTTP/1.1 200 OK\r\n"
#define HELLO   OK_HEAD "Content-Length: 5\r\n\r\nhello"

/* What nearly every test begins with: the server says HELLO. */
struct fixture {
	struct env env;
	struct call call, other;
};

int fixture_new(void **state);
int fixture_free(void **state);
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_new, fixture_free)

/* Makes f->call ready for one more request. */
void again(struct fixture *f);
void wait_for_end(struct fixture *f);
/* So that a callback too many would be seen. */
void turn_a_while(struct fixture *f);
/* serve function: script, and then LARGE bytes. */
enum { LARGE = 20 << 20 };
#define LARGE_HEAD OK_HEAD "Content-Length: 20971520\r\n\r\n"
void serve_large(struct peer *p);

extern const struct upstream_config plain_config;

#endif
