/* test_redis_entry.c - what lies in a Redis, and under which keys. */
#include "base/arena.h"
#include "fixture.h"
#include "store/redis_entry.h"
#include "store/redis_run.h"

#include <errno.h>
#include <string.h>

static const struct exchange_id mark = { "0123456789abcdef" };

static int set_up(void **state)
{
	*state = arena_new(4096);
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	arena_free(*state);
	return 0;
}

static struct exchange example(void)
{
	struct exchange x = { .session = STR("s"),
			      .session_named = true,
			      .state = EXCHANGE_COMPLETE,
			      .at_ms = UINT64_C(0x0102030405060708),
			      .expires_ms = UINT64_MAX,
			      .user = STR("with\0zero"),
			      .reply = STR(""),
			      .prev = digest_sha256(STR("before")),
			      .reply_digest = digest_sha256(STR("")),
			      .user_hash = { 1, 2 },
			      .reply_id = { 3, 4 },
			      .model = STR("demo") };

	return x;
}

static void an_entry_comes_back_as_it_was(void **state)
{
	struct exchange x = example(), y;
	struct str entry;

	assert_int_equal(redis_entry_encode(*state, &x, &mark, &entry), 0);
	assert_int_equal(redis_entry_decode(entry, &y), 0);
	assert_same_exchange(&x, &y);
	assert_true(digest_eq(&x.reply_digest, &y.reply_digest));
	assert_null(y.client.p);
	assert_non_null(y.reply.p);
}

/* redis_script.lua and what is in servers count on it. */
static void its_places_stay(void **state)
{
	struct exchange x = example();
	struct str e;

	redis_entry_encode(*state, &x, &mark, &e);
	assert_int_equal(e.len, 192 + 1 + 4 + 9);
	assert_memory_equal(e.p, "\1\1\1\0\1\2\3\4\5\6\7\x8\xff\xff", 14);
	assert_memory_equal(e.p + 20, mark.b, 16);
	assert_memory_equal(e.p + 36, x.prev.b, 32);
	assert_memory_equal(e.p + 68, x.reply_digest.b, 32);
	assert_memory_equal(e.p + 164, "\0\0\0\1\xff\xff\xff\xff\0\0\0\4", 12);
	assert_memory_equal(e.p + 184, "\0\0\0\x9\0\0\0\0sdemowith\0zero", 22);
}

static void what_is_no_entry_is_refused(void **state)
{
	struct exchange x = example();
	struct str e;
	char *copy;

	redis_entry_encode(*state, &x, &mark, &e);
	for (size_t len = 0; len < e.len; len++)
		assert_int_equal(redis_entry_decode(str_slice(e, 0, len), &x), -EIO);
	copy = arena_bytes(*state, e.len);
	memcpy(copy, e.p, e.len);
	copy[0] = 2;
	assert_int_equal(redis_entry_decode((struct str){ copy, e.len }, &x), -EIO);
	copy[0] = 1;
	copy[1] = 9;
	assert_int_equal(redis_entry_decode((struct str){ copy, e.len }, &x), -EIO);
}

static int compare(struct str a, struct str b)
{
	int d = memcmp(a.p, b.p, a.len < b.len ? a.len : b.len);

	return d != 0 ? d : (a.len > b.len) - (a.len < b.len);
}

/* In order of (tenant, user). */
static const struct partition ordered[] = {
	{ { "", 0 }, { "b", 1 } },       { { "\0", 1 }, { "a", 1 } },
	{ { "\0\0", 2 }, { "a", 1 } },   { { "\0\1", 2 }, { "a", 1 } },
	{ { "\1", 1 }, { "a", 1 } },     { { "a", 1 }, { "\0", 1 } },
	{ { "a", 1 }, { "\xff", 1 } },   { { "a\0", 2 }, { "a", 1 } },
	{ { "a\0\xff", 3 }, { "", 0 } }, { { "a\1", 2 }, { "a", 1 } },
	{ { "aa", 2 }, { "a", 1 } },     { { "b", 1 }, { "", 0 } },
	{ { "b", 1 }, { "a", 1 } },
};

static void names_compare_as_tenant_and_user_do(void **state)
{
	struct str before = { NULL, 0 }, after;

	for (size_t i = 0; i < sizeof(ordered) / sizeof(*ordered); i++) {
		struct partition p;
		struct str name;

		assert_int_equal(redis_name_encode(*state, &ordered[i], &name), 0);
		if (i > 0)
			assert_true(compare(before, name) < 0);
		assert_int_equal(redis_name_decode(*state, name, &p), 0);
		assert_same_text(p.tenant, ordered[i].tenant);
		assert_same_text(p.user, ordered[i].user);
		before = name;
	}
	assert_int_equal(redis_name_after_tenant(*state, STR("b"), &after), 0);
	assert_true(compare(before, after) < 0);
	assert_int_equal(redis_name_after_tenant(*state, STR("a"), &after), 0);
	assert_true(compare(before, after) > 0);
}

static void what_is_no_name_is_refused(void **state)
{
	static const struct str bad[] = {
		{ "", 0 }, { "ann", 3 }, { "a\0", 2 }, { "a\0\2b", 4 }, { "a\0\xff", 3 }
	};
	struct partition p;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(redis_name_decode(*state, bad[i], &p), -EIO);
}

/* Whatever a name holds: one slot, and nobody else's keys. */
static void keys_of_a_user_share_a_hash_tag_that_is_his_alone(void **state)
{
	const struct partition tricky = { STR("a/b}c"), STR("{d%\n") };
	struct str keys[REDIS_USER_KEYS], others[REDIS_USER_KEYS];

	assert_int_equal(redis_user_keys(*state, &tricky, keys), 0);
	assert_same_text(keys[0], STR("memproxy:{a%2Fb%7Dc/%7Bd%25%0A}:meta"));
	assert_same_text(keys[6], STR("memproxy:{a%2Fb%7Dc/%7Bd%25%0A}:gone"));
	assert_same_text(keys[7], STR(REDIS_EPOCH));
	redis_user_keys(*state, &(struct partition){ STR("a"), STR("b/c") }, keys);
	redis_user_keys(*state, &(struct partition){ STR("a/b"), STR("c") }, others);
	assert_false(str_eq(keys[0], others[0]));
}

static void a_field_of_info_is_found_by_its_whole_name(void **state)
{
	struct str text =
		STR("# A\r\nxrole:no\r\nrole_x:no\r\nrole:master\r\nempty:\r\n");

	(void)state;
	assert_same_text(redis_info_field(text, STR("role")), STR("master"));
	assert_int_equal(redis_info_field(text, STR("empty")).len, 0);
	assert_null(redis_info_field(text, STR("none")).p);
}

#define WITH_ARENA(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_ARENA(an_entry_comes_back_as_it_was),
		WITH_ARENA(its_places_stay),
		WITH_ARENA(what_is_no_entry_is_refused),
		WITH_ARENA(names_compare_as_tenant_and_user_do),
		WITH_ARENA(what_is_no_name_is_refused),
		WITH_ARENA(keys_of_a_user_share_a_hash_tag_that_is_his_alone),
		WITH_ARENA(a_field_of_info_is_found_by_its_whole_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
