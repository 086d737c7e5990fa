/* test_redis_link.c - a link to a server that the test plays, byte by byte. */
#include "base/buf.h"
#include "net/redis_link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <hiredis/hiredis.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { DEADLINE_S = 30, MAX_ASKED = 8 };

struct asked {
	struct op *op;
	bool done;
	int status;
	char text[64]; /* of the reply */
};

struct env {
	struct event_base *base;
	struct event *deadline;
	struct evconnlistener *listener;
	struct bufferevent *peer; /* the latest connection */
	struct buf seen;          /* what came on it */
	bool mute;                /* the greeting is left unanswered */
	const char *ping_reply;
	struct redis_address addr;
	struct redis_link_limits limits;
	struct redis_link *link;
	int ups, downs, accepted;
	int status; /* of the last down */
	char why[256];
	struct asked asked[MAX_ASKED];
};

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	fail_msg("nothing happens");
}

static void until(struct env *e, const int *n, int wanted)
{
	while (*n < wanted)
		event_base_loop(e->base, EVLOOP_ONCE);
}

/* --- the server ------------------------------------------------------------- */

static void answer(struct env *e, const char *bytes)
{
	bufferevent_write(e->peer, bytes, strlen(bytes));
}

/* The commands that a link begins with; the last is PING or SELECT. */
static void greet(struct env *e)
{
	const char *text = e->seen.p;

	if (e->mute || strstr(text, "\r\n") == NULL)
		return;
	if (strstr(text, "PING\r\n") == NULL && strstr(text, "SELECT\r\n") == NULL)
		return;
	if (strstr(text, "AUTH\r\n") != NULL)
		answer(e, "+OK\r\n");
	answer(e, "+OK\r\n");
	answer(e, e->ping_reply);
	e->mute = true; /* once a connection */
}

static void on_seen(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	struct env *e = arg;

	buf_add(&e->seen, evbuffer_pullup(in, -1), evbuffer_get_length(in));
	evbuffer_drain(in, evbuffer_get_length(in));
	greet(e);
}

static void hang_up(struct env *e)
{
	if (e->peer != NULL)
		bufferevent_free(e->peer);
	e->peer = NULL;
}

static void on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *sa,
		      int len, void *arg)
{
	struct env *e = arg;

	(void)l;
	(void)sa;
	(void)len;
	hang_up(e);
	buf_reset(&e->seen);
	e->accepted++;
	e->peer = bufferevent_socket_new(e->base, fd, BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(e->peer, on_seen, NULL, NULL, e);
	bufferevent_enable(e->peer, EV_READ | EV_WRITE);
}

static void listen_on_a_port(struct env *e)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
				   .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(sin);

	e->listener =
		evconnlistener_new_bind(e->base, on_accept, e, LEV_OPT_CLOSE_ON_FREE, 16,
					(struct sockaddr *)&sin, sizeof(sin));
	assert_non_null(e->listener);
	getsockname(evconnlistener_get_fd(e->listener), (struct sockaddr *)&sin, &len);
	e->addr.host = STR("127.0.0.1");
	e->addr.port = ntohs(sin.sin_port);
}

/* --- the owner -------------------------------------------------------------- */

static void on_up(void *arg)
{
	struct env *e = arg;

	e->ups++;
	buf_reset(&e->seen);
}

static void on_down(void *arg, int status, const char *why)
{
	struct env *e = arg;

	e->downs++;
	e->mute = false;
	e->status = status;
	snprintf(e->why, sizeof(e->why), "%s", why);
}

static const struct redis_link_owner owner = { .up = on_up, .down = on_down };

static int set_up(void **state)
{
	const struct timeval limit = { .tv_sec = DEADLINE_S };
	struct env *e = calloc(1, sizeof(*e));

	assert_non_null(e);
	e->base = event_base_new();
	e->deadline = evtimer_new(e->base, on_deadline, NULL);
	event_add(e->deadline, &limit);
	buf_init(&e->seen, 1 << 20);
	e->ping_reply = "+PONG\r\n";
	e->limits = redis_link_limits;
	e->limits.retry_min_ms = 1;
	e->limits.retry_max_ms = 4;
	listen_on_a_port(e);
	*state = e;
	return 0;
}

static int tear_down(void **state)
{
	struct env *e = *state;

	redis_link_free(e->link);
	hang_up(e);
	if (e->listener != NULL)
		evconnlistener_free(e->listener);
	buf_done(&e->seen);
	event_free(e->deadline);
	event_base_free(e->base);
	free(e);
	return 0;
}

static void start(struct env *e)
{
	assert_int_equal(redis_link_new(e->base, &rng_system, &e->addr, &e->limits,
					&owner, e, &e->link),
			 0);
	assert_int_equal(redis_link_state(e->link), REDIS_LINK_CONNECTING);
}

static void start_and_wait(struct env *e)
{
	start(e);
	until(e, &e->ups, 1);
	assert_int_equal(redis_link_state(e->link), REDIS_LINK_UP);
}

static void on_reply(void *arg, int status, const struct redisReply *r)
{
	struct asked *q = arg;

	assert_false(q->done);
	q->done = true;
	q->status = status;
	if (status == 0)
		snprintf(q->text, sizeof(q->text), "%s", r->str ? r->str : "");
}

static struct asked *ask(struct env *e, int i, const char *word)
{
	struct asked *q = &e->asked[i];
	const struct str argv[] = { STR("GET"), str_from(word) };

	*q = (struct asked){ .done = false };
	q->op = redis_link_send(e->link, 2, argv, on_reply, q);
	return q;
}

static int wait_for(struct env *e, struct asked *q)
{
	while (!q->done)
		event_base_loop(e->base, EVLOOP_ONCE);
	return q->status;
}

/* --- tests ------------------------------------------------------------------ */

static void replies_come_to_their_commands_in_order(void **state)
{
	struct env *e = *state;
	struct asked *q[3];

	start_and_wait(e);
	q[0] = ask(e, 0, "a");
	q[1] = ask(e, 1, "b");
	q[2] = ask(e, 2, "c");
	assert_int_equal(redis_link_pending(e->link), 3);
	answer(e, "$1\r\nA\r\n-ERR no\r\n$1\r\n");
	assert_int_equal(wait_for(e, q[1]), 0);
	assert_string_equal(q[0]->text, "A");
	assert_string_equal(q[1]->text, "ERR no"); /* for its owner to judge */
	assert_false(q[2]->done);
	answer(e, "C\r\n");
	assert_int_equal(wait_for(e, q[2]), 0);
	assert_string_equal(q[2]->text, "C");
	assert_int_equal(redis_link_pending(e->link), 0);
}

static void the_greeting_has_user_password_and_database(void **state)
{
	struct env *e = *state;

	e->addr.user = STR("ann");
	e->addr.password = STR("p w\r\n");
	e->addr.db = 7;
	e->mute = true;
	start(e);
	while (e->seen.len == 0 || strstr(e->seen.p, "SELECT") == NULL)
		event_base_loop(e->base, EVLOOP_ONCE);
	assert_string_equal(e->seen.p,
			    "*3\r\n$4\r\nAUTH\r\n$3\r\nann\r\n$5\r\np w\r\n\r\n"
			    "*3\r\n$6\r\nCLIENT\r\n$7\r\nSETNAME\r\n"
			    "$8\r\nmemproxy\r\n"
			    "*2\r\n$6\r\nSELECT\r\n$1\r\n7\r\n");
	answer(e, "+OK\r\n-NOPERM\r\n+OK\r\n"); /* the name is not needed */
	until(e, &e->ups, 1);
}

static void a_refusal_is_told_from_what_passes(void **state)
{
	struct env *e = *state;

	e->ping_reply = "-LOADING it is\r\n";
	start(e);
	until(e, &e->downs, 1);
	assert_int_equal(e->status, -EIO);
	e->ping_reply = "-NOAUTH who are you\r\n";
	until(e, &e->downs, 2);
	assert_int_equal(e->status, -EACCES);
	assert_string_equal(e->why, "PING: NOAUTH who are you");
	e->ping_reply = "+PONG\r\n";
	until(e, &e->ups, 1);
}

static void a_cancelled_command_keeps_its_place(void **state)
{
	struct env *e = *state;
	struct asked *q[2];

	start_and_wait(e);
	q[0] = ask(e, 0, "a");
	q[1] = ask(e, 1, "b");
	op_cancel(q[0]->op);
	answer(e, "+A\r\n+B\r\n");
	assert_int_equal(wait_for(e, q[1]), 0);
	assert_string_equal(q[1]->text, "B");
	assert_false(q[0]->done);
}

static void what_is_lost_ends_and_the_link_comes_back(void **state)
{
	struct env *e = *state;
	struct asked *q[2];

	start_and_wait(e);
	q[0] = ask(e, 0, "a");
	q[1] = ask(e, 1, "b");
	hang_up(e);
	assert_int_equal(wait_for(e, q[0]), -EIO);
	assert_int_equal(q[1]->status, -EIO);
	assert_int_equal(e->downs, 1);
	assert_non_null(strstr(e->why, "lost"));
	q[0] = ask(e, 0, "a"); /* not yet */
	assert_null(q[0]->op);
	assert_int_equal(q[0]->status, -EIO);
	until(e, &e->ups, 2);
	q[0] = ask(e, 0, "a");
	answer(e, "+A\r\n");
	assert_int_equal(wait_for(e, q[0]), 0);
}

static void a_server_that_is_away_is_tried_again(void **state)
{
	struct env *e = *state;

	evconnlistener_free(e->listener);
	e->listener = NULL;
	start(e);
	until(e, &e->downs, 3);
	assert_int_equal(e->status, -EIO);
	assert_non_null(strstr(e->why, "refused"));
}

static void a_silent_server_is_left(void **state)
{
	struct env *e = *state;
	struct asked *q;

	e->limits.command_ms = 30;
	start_and_wait(e);
	q = ask(e, 0, "a");
	assert_int_equal(wait_for(e, q), -ETIMEDOUT);
	assert_int_equal(e->status, -ETIMEDOUT);
	until(e, &e->ups, 2);
}

static void a_server_that_does_not_greet_is_left(void **state)
{
	struct env *e = *state;

	e->limits.connect_ms = 30;
	e->mute = true;
	start(e);
	until(e, &e->downs, 1);
	assert_int_equal(e->status, -ETIMEDOUT);
	assert_non_null(strstr(e->why, "not connected"));
}

static void a_reply_has_a_bound(void **state)
{
	struct env *e = *state;
	struct asked *q;
	char big[600];

	e->limits.reply_bytes = 500;
	start_and_wait(e);
	memset(big, 'x', sizeof(big));
	q = ask(e, 0, "a");
	answer(e, "$1000000\r\n");
	bufferevent_write(e->peer, big, sizeof(big));
	assert_int_equal(wait_for(e, q), -EIO);
	assert_non_null(strstr(e->why, "longer than 500"));
}

static void what_is_not_the_protocol_ends_the_connection(void **state)
{
	static const char *const bytes[] = { "HTTP/1.1 400 Bad Request\r\n\r\n",
					     "*2000000000\r\n", "$-7\r\n",
					     "+A\r\n+unasked\r\n" };
	struct env *e = *state;

	start_and_wait(e);
	for (int i = 0; i < (int)(sizeof(bytes) / sizeof(*bytes)); i++) {
		ask(e, 0, "a");
		answer(e, bytes[i]);
		until(e, &e->downs, i + 1);
		assert_true(e->asked[0].done);
		until(e, &e->ups, i + 2);
	}
}

static void what_is_queued_has_a_bound(void **state)
{
	struct env *e = *state;

	e->limits.queued_bytes = 20;
	start_and_wait(e);
	ask(e, 0, "a long one, which is still taken");
	ask(e, 1, "b");
	assert_int_equal(e->asked[1].status, -EIO);
	assert_int_equal(redis_link_state(e->link), REDIS_LINK_UP);
}

static void it_moves_with_what_is_under_way(void **state)
{
	struct env *e = *state;
	struct event_base *other = event_base_new();
	struct asked *q;

	start_and_wait(e);
	q = ask(e, 0, "a");
	assert_int_equal(redis_link_move(e->link, other), 0);
	while (!q->done) {
		event_base_loop(other, EVLOOP_NONBLOCK);
		event_base_loop(e->base, EVLOOP_NONBLOCK);
		if (e->seen.len > 0 && !q->done) {
			answer(e, "+A\r\n");
			buf_reset(&e->seen);
		}
	}
	assert_string_equal(q->text, "A");
	redis_link_free(e->link);
	e->link = NULL;
	event_base_free(other);
}

static void freeing_ends_what_is_under_way(void **state)
{
	struct env *e = *state;
	struct asked *q;

	start_and_wait(e);
	q = ask(e, 0, "a");
	redis_link_free(e->link);
	e->link = NULL;
	assert_int_equal(q->status, -ECANCELED);
	assert_int_equal(e->downs, 0);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(replies_come_to_their_commands_in_order),
		TEST(the_greeting_has_user_password_and_database),
		TEST(a_refusal_is_told_from_what_passes),
		TEST(a_cancelled_command_keeps_its_place),
		TEST(what_is_lost_ends_and_the_link_comes_back),
		TEST(a_server_that_is_away_is_tried_again),
		TEST(a_silent_server_is_left),
		TEST(a_server_that_does_not_greet_is_left),
		TEST(a_reply_has_a_bound),
		TEST(what_is_not_the_protocol_ends_the_connection),
		TEST(what_is_queued_has_a_bound),
		TEST(it_moves_with_what_is_under_way),
		TEST(freeing_ends_what_is_under_way),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
