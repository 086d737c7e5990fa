/* test_upstream_curl_cancel.c - requests that are given up, wherever they are. */
#include "support.h"

static void cancelled_inside_its_callbacks_nothing_more_is_called(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 2; i++) {
		f->call.cancel_at_head = i == 0;
		f->call.cancel_at_body = i == 1;
		call_get(&f->call, "/");
		WAIT_FOR(&f->env, f->call.cancelled);
		WAIT_FOR(&f->env, f->env.closed == i + 1);
		turn_a_while(f);
		assert_int_equal(f->call.ends, 0);
		again(f);
	}
	f->call.cancel_at_end = true; /* too late, and harmless */
	call_get(&f->call, "/");
	wait_for_end(f);
}

static void cancelled_outside_the_server_sees_it_at_once(void **state)
{
	struct fixture *f = *state;

	f->env.serve = NULL;
	call_post(&f->call, "/", "x");
	WAIT_FOR(&f->env, f->env.requests == 1);
	call_cancel(&f->call);
	WAIT_FOR(&f->env, f->env.closed == 1);
	turn_a_while(f);
	assert_int_equal(f->call.ends, 0);
}

static void cancelled_before_it_began_nothing_is_sent(void **state)
{
	struct fixture *f = *state;

	call_post(&f->call, "/", "x");
	call_cancel(&f->call);
	turn_a_while(f);
	assert_int_equal(f->env.accepted, 0);
	again(f);
	call_post(&f->call, "/", "x");
	WAIT_FOR(&f->env, f->env.accepted == 1); /* perhaps still connecting */
	call_cancel(&f->call);
	WAIT_FOR(&f->env, f->env.closed == 1);
}

static void cancelled_while_paused_it_ends_as_well(void **state)
{
	struct fixture *f = *state;

	f->env.serve = serve_large;
	f->env.script = LARGE_HEAD;
	f->call.pause_always = true;
	call_get(&f->call, "/");
	WAIT_FOR(&f->env, f->call.paused);
	turn_a_while(f);
	call_cancel(&f->call);
	WAIT_FOR(&f->env, f->env.closed == 1);
}

static void cancel_when_resumed(struct call *c)
{
	if (c->pieces == 2)
		call_cancel(c);
}

static void cancelled_inside_a_resume_it_ends_as_well(void **state)
{
	struct fixture *f = *state;

	f->env.serve = serve_large;
	f->env.script = LARGE_HEAD;
	f->call.pause_always = true;
	f->call.at_body = cancel_when_resumed;
	call_get(&f->call, "/");
	WAIT_FOR(&f->env, f->call.paused);
	turn_a_while(f);
	call_resume(&f->call);
	WAIT_FOR(&f->env, f->call.cancelled && f->env.closed == 1);
}

static void cancel_other(struct call *c)
{
	if (c->other->op)
		call_cancel(c->other);
}

static void one_request_may_cancel_another(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 2; i++) {
		f->call.at_body = i == 0 ? cancel_other : NULL;
		f->call.at_end = i == 1 ? cancel_other : NULL;
		f->env.serve = NULL;
		call_get(&f->other, "/");
		WAIT_FOR(&f->env, f->env.requests == 2 * i + 1);
		f->env.serve = serve_script;
		call_get(&f->call, "/");
		wait_for_end(f);
		WAIT_FOR(&f->env, f->env.closed == i + 1);
		assert_true(f->other.cancelled);
		again(f);
		call_done(&f->other);
		call_init(&f->other, &f->env);
	}
}

static void send_other(struct call *c)
{
	call_get(c->other, "/");
	c->at_body = c->at_end = NULL;
}

static void one_request_may_send_another(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 2; i++) {
		f->call.at_body = i == 0 ? send_other : NULL;
		f->call.at_end = i == 1 ? send_other : NULL;
		call_get(&f->call, "/");
		wait_for_end(f);
		WAIT_FOR(&f->env, f->other.ends == 1);
		assert_int_equal(f->other.fault, FAULT_NONE);
		again(f);
		call_done(&f->other);
		call_init(&f->other, &f->env);
	}
}

static ssize_t cancel_in_read(void *arg, void *p, size_t n)
{
	(void)p;
	(void)n;
	call_cancel(arg);
	return UPSTREAM_BODY_WAIT;
}

static void a_body_may_cancel_its_request(void **state)
{
	static const int64_t lengths[] = { 10, 100000, -1 };
	struct fixture *f = *state;

	for (size_t i = 0; i < 3; i++) {
		struct upstream_body body = { lengths[i], cancel_in_read, &f->call };
		struct upstream_request rq = { .method = STR("POST"),
					       .target = STR("/"),
					       .body = &body };

		call_send(&f->call, &rq);
		WAIT_FOR(&f->env, f->call.cancelled);
		turn_a_while(f);
		again(f);
	}
	assert_int_equal(f->env.requests, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(cancelled_inside_its_callbacks_nothing_more_is_called),
		TEST(cancelled_outside_the_server_sees_it_at_once),
		TEST(cancelled_before_it_began_nothing_is_sent),
		TEST(cancelled_while_paused_it_ends_as_well),
		TEST(cancelled_inside_a_resume_it_ends_as_well),
		TEST(one_request_may_cancel_another),
		TEST(one_request_may_send_another),
		TEST(a_body_may_cancel_its_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
