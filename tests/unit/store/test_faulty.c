/* test_faulty.c - the decorator does what its plan says, and nothing else. */
#include "store/store_faulty.h"

#include "fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct backend healthy = { "faulty", "faulty::memory:", false, NULL, NULL };
static const struct call ping = { .kind = CALL_PING };

static int set_up(void **state)
{
	*state = fixture_new(&healthy);
	return 0;
}

static int set_up_closed(void **state)
{
	*state = fixture_new(NULL);
	return 0;
}

static int tear_down(void **state)
{
	fixture_free(*state);
	return 0;
}

static void set_plan(struct fixture *f, const char *text)
{
	struct faulty_plan plan;

	assert_int_equal(faulty_plan_parse(str_from(text), &plan), 0);
	store_faulty_set(f->st, &plan);
}

static void a_plan_is_read(void **state)
{
	struct faulty_plan p;

	(void)state;
	assert_int_equal(faulty_plan_parse(STR(""), &p), 0);
	assert_true(p.delay_ms == 0 && p.fail == 0 && p.hang == 0 && p.drop == 0);
	assert_int_equal(faulty_plan_parse(STR("delay=500,fail=append+get,status=EPERM,"
					       "hang=reads,drop=ping"),
					   &p),
			 0);
	assert_int_equal(p.delay_ms, 500);
	assert_int_equal(p.fail, 1u << CALL_APPEND | 1u << CALL_GET);
	assert_int_equal(p.status, -EPERM);
	assert_int_equal(p.hang, 1u << CALL_READ_SINCE | 1u << CALL_READ_BEFORE |
					 1u << CALL_GET | 1u << CALL_USERS |
					 1u << CALL_SESSIONS);
	assert_int_equal(p.drop, 1u << CALL_PING);
	assert_int_equal(faulty_plan_parse(STR("fail=all"), &p), 0);
	assert_int_equal(p.fail, (1u << CALL_N) - 1);
}

static void what_is_no_plan_is_refused(void **state)
{
	static const char *const texts[] = { "x",          "delay=",    "delay=soon",
					     "fail=apend", "status=EX", "broken=all" };
	struct faulty_plan p = { .delay_ms = 7 };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		assert_int_equal(faulty_plan_parse(str_from(texts[i]), &p), -EINVAL);
	assert_int_equal(p.delay_ms, 7);
}

static void what_fails_is_not_passed_on(void **state)
{
	struct fixture *f = *state;
	struct exchange x = say(f, "s", "one", "1");

	set_plan(f, "fail=append,status=ETIMEDOUT");
	assert_int_equal(append(f, &x, 0, NULL), -ETIMEDOUT);
	assert_int_equal(everything(f)->n_rows, 0);
	set_plan(f, "fail=reads");
	assert_int_equal(append(f, &x, 0, NULL), 0);
	assert_int_equal(call(f, &(struct call){ .kind = CALL_GET, .x = x })->status,
			 -EIO);
	set_plan(f, "");
	assert_int_equal(everything(f)->n_rows, 1);
	assert_int_equal(store_faulty_calls(f->st, CALL_APPEND), 2);
	assert_int_equal(store_faulty_calls(f->st, CALL_READ_SINCE), 2);
	assert_int_equal(store_faulty_calls(f->st, CALL_PING), 0);
}

static void a_delayed_one_takes_its_time(void **state)
{
	struct fixture *f = *state;
	uint64_t begun = clock_mono_ms(&clock_system);
	struct asked *slow, *fast;

	set_plan(f, "delay=400");
	slow = ask(f, f->st, &ping);
	set_plan(f, "");
	fast = ask(f, f->st, &ping);
	assert_int_equal(wait_for(fast)->status, 0);
	assert_false(slow->done);
	assert_int_equal(wait_for(slow)->status, 0);
	assert_true(clock_mono_ms(&clock_system) - begun >= 390);
}

static void what_hangs_ends_with_the_store(void **state)
{
	struct fixture *f = *state;
	struct asked *q, *r;

	set_plan(f, "hang=ping");
	q = ask(f, f->st, &ping);
	r = ask(f, f->st, &ping);
	op_cancel(r->op);
	assert_int_equal(everything(f)->status, 0);
	assert_false(q->done);
	store_close(f->st);
	f->st = NULL;
	assert_true(q->done);
	assert_int_equal(q->a.status, -ECANCELED);
	assert_false(r->done);
}

static void what_is_dropped_has_happened(void **state)
{
	struct fixture *f = *state;
	struct exchange x = say(f, "s", "one", "1"), y = say(f, "s", "two", "2");
	struct asked *q, *r;

	set_plan(f, "drop=append");
	q = ask(f, f->st, &(struct call){ .kind = CALL_APPEND, .x = x });
	assert_int_equal(call(f, &ping)->status, 0);
	assert_int_equal(everything(f)->n_rows, 1);
	assert_false(q->done);
	op_cancel(q->op);
	r = ask(f, f->st, &(struct call){ .kind = CALL_APPEND, .x = y });
	store_close(f->st);
	f->st = NULL;
	assert_true(r->done);
	assert_false(q->done);
}

static void a_cancelled_one_is_still_done_after_its_delay(void **state)
{
	struct fixture *f = *state;
	struct exchange x = say(f, "s", "one", "1");
	struct asked *q, *r;

	set_plan(f, "delay=20");
	q = ask(f, f->st, &(struct call){ .kind = CALL_APPEND, .x = x });
	r = ask(f, f->st, &ping);
	op_cancel(q->op);
	assert_int_equal(wait_for(r)->status, 0);
	set_plan(f, "");
	assert_int_equal(everything(f)->n_rows, 1);
	assert_false(q->done);
}

static void write_plan(const char *path, const char *text)
{
	FILE *to = fopen(path, "w");

	assert_non_null(to);
	fputs(text, to);
	fclose(to);
}

static void a_file_switches_faults_at_run_time(void **state)
{
	struct fixture *f = *state;
	char path[128], url[256];

	snprintf(path, sizeof(path), "%s/plan", f->dir);
	snprintf(url, sizeof(url), "faulty:file=%s:memory:", path);
	f->st = fixture_open(f, url);
	assert_int_equal(call(f, &ping)->status, 0);
	write_plan(path, "fail=all,status=ENOMEM\n");
	assert_int_equal(call(f, &ping)->status, -ENOMEM);
	write_plan(path, "fail=append\n");
	assert_int_equal(call(f, &ping)->status, 0);
	unlink(path);
	assert_int_equal(call(f, &ping)->status, 0);
}

static void a_url_that_makes_no_sense_is_refused(void **state)
{
	static const char *const urls[] = { "faulty:", "faulty:fail=all",
					    "faulty:nonsense:memory:", "faulty::memory:x",
					    "faulty::redis://host" };
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
		struct store *st;
		char *err = NULL;

		assert_true(store_open(urls[i], &f->env, &st, &err) < 0);
		assert_non_null(err);
		free(err);
	}
}

#define OPEN(test)   cmocka_unit_test_setup_teardown(test, set_up, tear_down)
#define CLOSED(test) cmocka_unit_test_setup_teardown(test, set_up_closed, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plan_is_read),
		cmocka_unit_test(what_is_no_plan_is_refused),
		OPEN(what_fails_is_not_passed_on),
		OPEN(a_delayed_one_takes_its_time),
		OPEN(what_hangs_ends_with_the_store),
		OPEN(what_is_dropped_has_happened),
		OPEN(a_cancelled_one_is_still_done_after_its_delay),
		CLOSED(a_file_switches_faults_at_run_time),
		CLOSED(a_url_that_makes_no_sense_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
