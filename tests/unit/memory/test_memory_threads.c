/* test_memory_threads.c - the memory service: many loops at once. */
#include "memory_fixture.h"

#include <event2/event.h>
#include <pthread.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void a_port_may_go_before_its_messages(void **state)
{
	struct fixture *f = *state;
	struct recall_question q = question("number2");
	struct exchange x = told("a", "u", "r");
	struct heard h = { 0 };
	struct kept k = { 0 };

	fill(f->log, 20, ME);
	atomic_store(&f->log->delay_ms, 30);
	start(f);
	for (int i = 0; i < 20; i++) {
		op_cancel(memory_recall(f->port, &q, on_answer, &h));
		op_cancel(memory_keep(f->port, &x, 1, on_kept, &k));
	}
	memory_port_free(f->port);
	f->port = memory_port_new(f->m, f->base);
	assert_non_null(f->port);
	ask(f, "number2", &h);
	assert_int_equal(h.times, 1);
	assert_int_equal(k.times, 0);
}

enum { LOOPS = 3, ROUNDS = 150, AT_ONCE = 8 };

struct loop {
	struct fixture *f;
	unsigned seed;
	pthread_t thread;
	int answers, cancelled, wrong;
};

static void count_answer(void *arg, const struct recall_answer *a)
{
	struct loop *l = arg;

	l->answers++;
	l->wrong += a->status != RECALL_BLOCK && a->status != RECALL_DEGRADED_TIMEOUT;
}

static void count_kept(void *arg, int status)
{
	struct loop *l = arg;

	l->answers++;
	l->wrong += status != 0;
}

static struct op *something(struct loop *l, struct memory_port *port)
{
	struct recall_question q = question("number2");
	struct exchange x = told("a", "a fact about number2", "noted");

	if (rand_r(&l->seed) % 3 == 0)
		return memory_keep(port, &x, 1, count_kept, l);
	return memory_recall(port, &q, count_answer, l);
}

static void *run_loop(void *arg)
{
	struct loop *l = arg;
	struct event_base *base = event_base_new();
	struct memory_port *port = memory_port_new(l->f->m, base);
	int expected = 0;

	for (int round = 0; round < ROUNDS; round++) {
		struct op *ops[AT_ONCE];

		for (int i = 0; i < AT_ONCE; i++)
			ops[i] = something(l, port);
		for (int i = 0; i < AT_ONCE; i++) {
			if (rand_r(&l->seed) % 2) {
				op_cancel(ops[i]);
				l->cancelled++;
			} else {
				expected++;
			}
		}
		/* those of every other round are waited for */
		while (round % 2 && l->answers < expected)
			event_base_loop(base, EVLOOP_ONCE);
	}
	while (l->answers < expected)
		event_base_loop(base, EVLOOP_ONCE);
	l->wrong += l->answers != expected;
	memory_port_free(port);
	event_base_free(base);
	return NULL;
}

static void many_loops_ask_keep_and_cancel_at_once(void **state)
{
	struct fixture *f = *state;
	struct loop loops[LOOPS] = { 0 };

	fill(f->log, 20, ME);
	atomic_store(&f->log->delay_ms, 1);
	start(f);
	for (unsigned i = 0; i < LOOPS; i++) {
		loops[i] = (struct loop){ .f = f, .seed = i + 1 };
		assert_int_equal(
			pthread_create(&loops[i].thread, NULL, run_loop, &loops[i]), 0);
	}
	for (int i = 0; i < LOOPS; i++)
		pthread_join(loops[i].thread, NULL);
	for (int i = 0; i < LOOPS; i++) {
		assert_int_equal(loops[i].wrong, 0);
		assert_true(loops[i].cancelled > 100);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fake_test(a_port_may_go_before_its_messages),
		fake_test(many_loops_ask_keep_and_cancel_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
