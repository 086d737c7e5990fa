/* contract_forget.c - forgotten means gone, and not to come back. */
#include "contract.h"

#include <errno.h>

static void a_forgotten_exchange_does_not_come_back(void **state)
{
	struct fixture *f = *state;
	struct exchange x = say(f, "s", "one", "1"), y = say(f, "s", "two", "2");
	uint64_t epoch;

	append(f, &x, 0, NULL);
	append(f, &y, 0, NULL);
	epoch = head(f).epoch;
	assert_int_equal(forget_exchange(f, &x), 1);
	assert_true(head(f).epoch > epoch);
	assert_int_equal(head(f).first, 2);
	assert_int_equal(append(f, &x, epoch, NULL), -ESTALE);
	assert_int_equal(forget_exchange(f, &x), -ENOENT);
	assert_int_equal(everything(f)->n_rows, 1);
}

static void what_is_said_again_after_a_forget_is_kept(void **state)
{
	struct fixture *f = *state;
	struct exchange x = say(f, "s", "one", "1");
	uint64_t epoch, seq;

	append(f, &x, 0, NULL);
	epoch = head(f).epoch;
	forget_exchange(f, &x);
	assert_int_equal(append(f, &x, head(f).epoch, &seq), 0);
	assert_int_equal(seq, 2);
	/* It is there now, whoever tells of it. */
	assert_int_equal(append(f, &x, epoch, &seq), 0);
	assert_int_equal(seq, 2);
}

static void forgetting_one_exchange_refuses_no_other(void **state)
{
	struct fixture *f = *state;
	struct exchange x = say(f, "s", "one", "1"), y = say(f, "s", "two", "2");
	uint64_t epoch;

	append(f, &x, 0, NULL);
	epoch = head(f).epoch;
	forget_exchange(f, &x);
	assert_int_equal(append(f, &y, epoch, NULL), 0);
}

static void a_forgotten_session_does_not_come_back(void **state)
{
	struct fixture *f = *state;
	struct exchange x = say(f, "s", "one", "1"), y = say(f, "s", "two", "2"),
			z = say(f, "other", "three", "3");
	uint64_t epoch;

	append(f, &x, 0, NULL);
	epoch = head(f).epoch;
	assert_int_equal(forget_session(f, "s"), 1);
	assert_true(head(f).epoch > epoch);
	assert_int_equal(append(f, &x, epoch, NULL), -ESTALE);
	assert_int_equal(append(f, &y, epoch, NULL), -ESTALE);
	assert_int_equal(append(f, &z, epoch, NULL), 0);
	/* What begins afterwards is not what was forgotten. */
	assert_int_equal(append(f, &x, head(f).epoch, NULL), 0);
	assert_int_equal(everything(f)->n_rows, 2);
}

static void a_forgotten_partition_does_not_come_back(void **state)
{
	struct fixture *f = *state;
	struct exchange x = say(f, "s", "one", "1"), y = say(f, "t", "two", "2");
	struct store_head was, is;
	uint64_t seq;

	append(f, &x, 0, NULL);
	append(f, &y, 0, NULL);
	was = head(f);
	assert_int_equal(forget_ann(f), 2);
	is = head(f);
	assert_true(is.epoch > was.epoch);
	assert_int_equal(is.first, 0);
	assert_int_equal(is.head, 2);
	assert_int_equal(append(f, &x, was.epoch, NULL), -ESTALE);
	assert_int_equal(append(f, &x, 0, NULL), -ESTALE);
	assert_int_equal(append(f, &x, is.epoch, &seq), 0);
	assert_int_equal(seq, 3);
}

static void what_is_on_its_way_is_forgotten_too(void **state)
{
	struct fixture *f = *state;
	struct exchange x = say(f, "s", "one", "1"), y = say(f, "other", "two", "2");

	/* Both began before the partition was there. */
	assert_int_equal(forget_session(f, "s"), -ENOENT);
	assert_int_equal(append(f, &x, 0, NULL), -ESTALE);
	assert_int_equal(append(f, &y, 0, NULL), 0);
	assert_int_equal(forget_ann(f), 1);
	assert_int_equal(forget_ann(f), -ENOENT);
	assert_int_equal(append(f, &y, 0, NULL), -ESTALE);
}

static void forgetting_what_never_was_leaves_no_name(void **state)
{
	struct fixture *f = *state;
	struct exchange x = say(f, "s", "one", "1");

	assert_int_equal(forget_exchange(f, &x), -ENOENT);
	assert_int_equal(head(f).epoch, 0);
}

static void a_forget_holds_however_the_order(void **state)
{
	struct fixture *f = *state;
	struct exchange x = say(f, "s", "one", "1"), y = say(f, "s", "two", "2");
	struct asked *q[3];

	q[0] = ask(f, f->st, &(struct call){ .kind = CALL_APPEND, .x = x });
	q[1] = ask(f, f->st, &(struct call){ .kind = CALL_FORGET, .x.partition = ann() });
	q[2] = ask(f, f->st, &(struct call){ .kind = CALL_APPEND, .x = y });
	assert_int_equal(wait_for(q[2])->status, -ESTALE);
	assert_int_equal(wait_for(q[0])->status, 0);
	assert_int_equal(wait_for(q[1])->n, 1);
	assert_int_equal(everything(f)->n_rows, 0);
}

static void a_day_later_a_forget_is_forgotten(void **state)
{
	struct fixture *f = *state;
	struct exchange x = say(f, "s", "one", "1"), y = say(f, "s", "two", "2");
	uint64_t epoch;

	append(f, &x, 0, NULL);
	append(f, &y, 0, NULL);
	epoch = head(f).epoch;
	forget_exchange(f, &x);
	f->time.now_ms += STORE_FORGET_MEMORY_MS;
	assert_int_equal(expire(f), 0);
	assert_int_equal(append(f, &x, epoch, NULL), -ESTALE);
	f->time.now_ms += 1;
	assert_int_equal(expire(f), 0);
	assert_int_equal(append(f, &x, epoch, NULL), 0);
}

static void an_empty_partition_goes_and_its_epochs_do_not_return(void **state)
{
	struct fixture *f = *state;
	struct exchange x = say(f, "s", "one", "1");
	uint64_t epoch;

	append(f, &x, 0, NULL);
	forget_ann(f);
	epoch = head(f).epoch;
	f->time.now_ms += STORE_FORGET_MEMORY_MS + 1;
	expire(f);
	assert_int_equal(head(f).epoch, 0);
	assert_int_equal(append(f, &x, epoch, NULL), -ESTALE);
	assert_int_equal(head(f).epoch, 0);
	assert_int_equal(append(f, &x, 0, NULL), 0);
	assert_true(head(f).epoch > epoch);
	assert_int_equal(head(f).head, 1);
}

static void a_paused_partition_stays(void **state)
{
	struct fixture *f = *state;

	pause_memory(f, true);
	f->time.now_ms += STORE_FORGET_MEMORY_MS + 1;
	expire(f);
	assert_true(head(f).paused);
}

const struct CMUnitTest contract_forget[] = {
	cmocka_unit_test(a_forgotten_exchange_does_not_come_back),
	cmocka_unit_test(what_is_said_again_after_a_forget_is_kept),
	cmocka_unit_test(forgetting_one_exchange_refuses_no_other),
	cmocka_unit_test(a_forgotten_session_does_not_come_back),
	cmocka_unit_test(a_forgotten_partition_does_not_come_back),
	cmocka_unit_test(what_is_on_its_way_is_forgotten_too),
	cmocka_unit_test(forgetting_what_never_was_leaves_no_name),
	cmocka_unit_test(a_forget_holds_however_the_order),
	cmocka_unit_test(a_day_later_a_forget_is_forgotten),
	cmocka_unit_test(an_empty_partition_goes_and_its_epochs_do_not_return),
	cmocka_unit_test(a_paused_partition_stays),
};
const size_t n_contract_forget = sizeof(contract_forget) / sizeof(*contract_forget);
