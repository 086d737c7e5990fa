/* test_rng.c - randomness, and its hexadecimal form. */
#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void count_up(const struct rng *r, void *p, size_t n)
{
	unsigned char *b = p;

	(void)r;
	for (size_t i = 0; i < n; i++)
		b[i] = (unsigned char)(0xF8 + i);
}

static void bytes_become_two_digits_each(void **state)
{
	const struct rng r = { count_up };
	char text[21];

	(void)state;
	rng_hex(&r, text, 10);
	assert_string_equal(text, "f8f9fafbfcfdfeff0001");
	rng_hex(&r, text, 1);
	assert_string_equal(text, "f8");
	rng_hex(&r, text, 0);
	assert_string_equal(text, "");
}

static void the_systems_randomness_differs_each_time(void **state)
{
	char a[33], b[33];

	(void)state;
	rng_hex(&rng_system, a, 16);
	rng_hex(&rng_system, b, 16);
	assert_int_equal(strlen(a), 32);
	assert_string_not_equal(a, b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_become_two_digits_each),
		cmocka_unit_test(the_systems_randomness_differs_each_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
