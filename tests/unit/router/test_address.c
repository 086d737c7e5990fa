/* test_address.c - lists of addresses and CIDR blocks. */
#include "router/router.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static bool in(const char *entry, const char *address)
{
	return address_in_list((struct config_list){ &entry, 1 }, str_from(address));
}

static void an_address_alone_is_a_block_of_one(void **state)
{
	(void)state;
	assert_true(in("192.0.2.1", "192.0.2.1"));
	assert_false(in("192.0.2.1", "192.0.2.2"));
	assert_true(in("::1", "0:0:0:0:0:0:0:1"));
	assert_false(in("::1", "::2"));
	assert_true(in(" 192.0.2.1 ", "192.0.2.1"));
}

static void a_block_has_what_shares_its_first_bits(void **state)
{
	(void)state;
	assert_true(in("10.0.0.0/8", "10.255.0.1"));
	assert_false(in("10.0.0.0/8", "11.0.0.1"));
	assert_true(in("192.0.2.128/25", "192.0.2.200"));
	assert_false(in("192.0.2.128/25", "192.0.2.100"));
	assert_true(in("10.1.2.3/8", "10.9.9.9"));
	assert_true(in("0.0.0.0/0", "203.0.113.9"));
	assert_false(in("0.0.0.0/0", "2001:db8::1"));
	assert_true(in("192.0.2.1/32", "192.0.2.1"));
	assert_true(in("2001:db8::/33", "2001:db8:7fff::1"));
	assert_false(in("2001:db8::/33", "2001:db8:8000::1"));
	assert_true(in("fe80::/10", "fe80::1%eth0"));
}

static void mapped_addresses_are_the_same_as_ipv4(void **state)
{
	(void)state;
	assert_true(in("10.0.0.0/8", "::ffff:10.1.2.3"));
	assert_true(in("::ffff:10.0.0.0/104", "10.1.2.3"));
	assert_true(in("::ffff:192.0.2.1", "192.0.2.1"));
	assert_false(in("10.0.0.0/8", "::ffff:11.1.2.3"));
}

static void what_is_no_address_is_in_no_list(void **state)
{
	static const char *const bad[] = {
		"",
		"10.0.0.0/33",
		"10.0.0.0/",
		"10.0.0.0/x",
		"10.0.0.0/-1",
		"10.0.0/8",
		"::/129",
		"localhost",
		"/8",
		"10.0.0.1/8/8",
		"1:2:3:4:5:6:7:8:9:10:11:12:13:14:15:16:17:18"
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(in(bad[i], "10.0.0.1"));
	assert_false(in("0.0.0.0/0", "example.com"));
	assert_false(in("0.0.0.0/0", ""));
	assert_false(in("0.0.0.0/0", NULL));
	assert_false(
		address_in_list((struct config_list){ NULL, 0 }, str_from("10.0.0.1")));
}

static void any_entry_of_a_list_will_do(void **state)
{
	static const char *const v[] = { "bad", "192.0.2.1", "10.0.0.0/8" };

	(void)state;
	assert_true(address_in_list((struct config_list){ v, 3 }, str_from("10.0.0.1")));
	assert_false(
		address_in_list((struct config_list){ v, 3 }, str_from("192.0.2.2")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_alone_is_a_block_of_one),
		cmocka_unit_test(a_block_has_what_shares_its_first_bits),
		cmocka_unit_test(mapped_addresses_are_the_same_as_ipv4),
		cmocka_unit_test(what_is_no_address_is_in_no_list),
		cmocka_unit_test(any_entry_of_a_list_will_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
