/* test_mailbox.c - messages to one thread from several others. */
#include "base/mailbox.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { PRODUCERS = 4, EACH = 20000 };

struct note {
	struct mail mail; /* first: a mail is its note */
	int producer, number;
};

struct producer {
	pthread_t thread;
	struct mailbox *box;
	struct note *notes;
};

static bool readable(const struct mailbox *b, int timeout_ms)
{
	struct pollfd p = { mailbox_fd(b), POLLIN, 0 };

	return poll(&p, 1, timeout_ms) == 1;
}

static void mails_come_out_in_the_order_they_went_in(void **state)
{
	struct mailbox *b = mailbox_new();
	struct note n[3];
	struct mail *m;

	(void)state;
	for (int i = 0; i < 3; i++)
		mailbox_push(b, &n[i].mail);
	m = mailbox_take(b);
	assert_ptr_equal(m, &n[0].mail);
	assert_ptr_equal(m->next, &n[1].mail);
	assert_ptr_equal(m->next->next, &n[2].mail);
	assert_null(m->next->next->next);
	assert_null(mailbox_take(b));
	mailbox_free(b);
}

static void the_descriptor_tells_when_there_is_mail(void **state)
{
	struct mailbox *b = mailbox_new();
	struct note n[2];

	(void)state;
	assert_false(readable(b, 0));
	mailbox_push(b, &n[0].mail);
	mailbox_push(b, &n[1].mail);
	assert_true(readable(b, 0));
	mailbox_take(b);
	assert_false(readable(b, 0));
	mailbox_push(b, &n[0].mail);
	assert_true(readable(b, 0));
	mailbox_take(b);
	mailbox_free(b);
}

static void *produce(void *arg)
{
	struct producer *p = arg;

	for (int i = 0; i < EACH; i++)
		mailbox_push(p->box, &p->notes[i].mail);
	return NULL;
}

static void start(struct producer *p, int id, struct mailbox *b)
{
	p->box = b;
	p->notes = calloc(EACH, sizeof(*p->notes));
	assert_non_null(p->notes);
	for (int i = 0; i < EACH; i++) {
		p->notes[i].producer = id;
		p->notes[i].number = i;
	}
	assert_int_equal(pthread_create(&p->thread, NULL, produce, p), 0);
}

static void all_of_several_threads_arrive_each_in_its_order(void **state)
{
	struct mailbox *b = mailbox_new();
	struct producer p[PRODUCERS];
	int next[PRODUCERS] = { 0 }, left = PRODUCERS * EACH;

	(void)state;
	for (int i = 0; i < PRODUCERS; i++)
		start(&p[i], i, b);
	while (left > 0) {
		/* A lost wake-up would show here. */
		assert_true(readable(b, 30000));
		for (struct mail *m = mailbox_take(b); m != NULL; m = m->next, left--) {
			struct note *n = (struct note *)m;

			assert_int_equal(n->number, next[n->producer]);
			next[n->producer]++;
		}
	}
	for (int i = 0; i < PRODUCERS; i++) {
		pthread_join(p[i].thread, NULL);
		free(p[i].notes);
	}
	assert_null(mailbox_take(b));
	mailbox_free(b);
}

static void freeing_nothing_is_fine(void **state)
{
	(void)state;
	mailbox_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mails_come_out_in_the_order_they_went_in),
		cmocka_unit_test(the_descriptor_tells_when_there_is_mail),
		cmocka_unit_test(all_of_several_threads_arrive_each_in_its_order),
		cmocka_unit_test(freeing_nothing_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
