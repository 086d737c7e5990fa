/* test_clock.c - time: the system's, and one that a test moves. */
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

static void the_systems_clock_does_not_go_back(void **state)
{
	uint64_t last = clock_mono_us(&clock_system);

	(void)state;
	for (int i = 0; i < 1000; i++) {
		uint64_t now = clock_mono_us(&clock_system);

		assert_true(now >= last);
		last = now;
	}
}

static void the_wall_clock_counts_from_1970(void **state)
{
	uint64_t before = (uint64_t)time(NULL);
	uint64_t now = clock_wall_ms(&clock_system) / 1000;

	(void)state;
	assert_true(now + 1 >= before && now <= before + 60);
}

static uint64_t fixed_us(const struct clock *c)
{
	(void)c;
	return 1234567;
}

static void another_clock_can_be_put_in_its_place(void **state)
{
	const struct clock c = { fixed_us, fixed_us };

	(void)state;
	assert_int_equal(clock_mono_us(&c), 1234567);
	assert_int_equal(clock_mono_ms(&c), 1234);
	assert_int_equal(clock_wall_ms(&c), 1234567);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_systems_clock_does_not_go_back),
		cmocka_unit_test(the_wall_clock_counts_from_1970),
		cmocka_unit_test(another_clock_can_be_put_in_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
