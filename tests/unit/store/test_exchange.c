/* test_exchange.c - ids and copies of what is remembered. */
#include "store/exchange.h"

#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct digest key = { { 1, 2, 3 } };

static struct exchange sample(void)
{
	return (struct exchange){ .partition = { STR("tenant"), STR("ann") },
				  .session = STR("s"),
				  .prev = { { 9 } },
				  .user = STR("hello"),
				  .reply = STR("hi") };
}

static bool same_id(const struct exchange *a, const struct exchange *b)
{
	struct exchange_id x = exchange_id(&key, a), y = exchange_id(&key, b);

	return exchange_id_eq(&x, &y);
}

static void the_same_words_have_the_same_id(void **state)
{
	struct exchange a = sample(), b = sample();

	(void)state;
	b.at_ms = 5;
	b.seq = 7;
	b.model = STR("demo");
	b.session_named = true;
	assert_true(same_id(&a, &b));
}

static void each_part_of_what_was_said_changes_the_id(void **state)
{
	struct exchange a = sample(), b;

	(void)state;
	b = a;
	b.partition.tenant = STR("other");
	assert_false(same_id(&a, &b));
	b = a;
	b.partition.user = STR("ben");
	assert_false(same_id(&a, &b));
	b = a;
	b.session = STR("t");
	assert_false(same_id(&a, &b));
	b = a;
	b.prev.b[0] = 8;
	assert_false(same_id(&a, &b));
	b = a;
	b.user = STR("hello ");
	assert_false(same_id(&a, &b));
	b = a;
	b.reply = STR("h");
	assert_false(same_id(&a, &b));
	b = a;
	b.user = STR("helloh");
	b.reply = STR("i");
	assert_false(same_id(&a, &b));
}

static void another_secret_makes_other_ids(void **state)
{
	const struct digest other = { { 1, 2, 4 } };
	struct exchange a = sample();
	struct exchange_id x = exchange_id(&key, &a), y = exchange_id(&other, &a);

	(void)state;
	assert_false(exchange_id_eq(&x, &y));
}

/* Made with python3's hmac over the six parts, each behind its length in eight bytes. */
static void an_id_is_the_start_of_the_hmac(void **state)
{
	static const unsigned char want[16] = { 0x62, 0x21, 0x07, 0x04, 0x83, 0xe5,
						0x91, 0x3c, 0x28, 0xee, 0x72, 0x8c,
						0x29, 0x8a, 0x4c, 0x83 };
	struct exchange a = sample();
	struct exchange_id id = exchange_id(&key, &a);

	(void)state;
	assert_memory_equal(id.b, want, sizeof(want));
}

static void a_copy_has_texts_of_its_own_and_absent_ones_stay_absent(void **state)
{
	struct arena *mem = arena_new(256);
	char text[] = "hello";
	struct exchange a = sample(), b;

	(void)state;
	assert_non_null(mem);
	a.user = (struct str){ text, 5 };
	a.client = STR("");
	assert_int_equal(exchange_copy(mem, &a, &b), 0);
	memset(text, 'x', 5);
	assert_true(str_eq(b.user, STR("hello")));
	assert_non_null(b.client.p);
	assert_int_equal(b.client.len, 0);
	assert_null(b.model.p);
	assert_true(str_eq(b.partition.user, STR("ann")));
	arena_free(mem);
}

static void all_texts_but_the_partitions_are_counted(void **state)
{
	struct exchange a = sample();

	(void)state;
	assert_int_equal(exchange_bytes(&a), EXCHANGE_OVERHEAD + 1 + 5 + 2);
	a.client = STR("abc");
	a.model = STR("de");
	a.request_id = STR("f");
	assert_int_equal(exchange_bytes(&a), EXCHANGE_OVERHEAD + 1 + 5 + 2 + 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_words_have_the_same_id),
		cmocka_unit_test(each_part_of_what_was_said_changes_the_id),
		cmocka_unit_test(another_secret_makes_other_ids),
		cmocka_unit_test(an_id_is_the_start_of_the_hmac),
		cmocka_unit_test(a_copy_has_texts_of_its_own_and_absent_ones_stay_absent),
		cmocka_unit_test(all_texts_but_the_partitions_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
