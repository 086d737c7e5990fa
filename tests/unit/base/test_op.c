/* test_op.c - cancelling, where there is something to cancel. */
#include "base/op.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct counted {
	struct op op;
	int cancelled;
};

static void cancel(struct op *op)
{
	((struct counted *)op)->cancelled++;
}

static void a_cancel_reaches_the_operation(void **state)
{
	static const struct op_ops ops = { cancel };
	struct counted c = { { &ops }, 0 };

	(void)state;
	op_cancel(&c.op);
	assert_int_equal(c.cancelled, 1);
}

static void cancelling_nothing_does_nothing(void **state)
{
	(void)state;
	op_cancel(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cancel_reaches_the_operation),
		cmocka_unit_test(cancelling_nothing_does_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
