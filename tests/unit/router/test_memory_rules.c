/* test_memory_rules.c - for which clients, keys and models there is memory. */
#include "router/router.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define LIST(...)                                                      \
	(struct config_list)                                           \
	{                                                              \
		(const char *const[]){ __VA_ARGS__ },                  \
			sizeof((const char *const[]){ __VA_ARGS__ }) / \
				sizeof(const char *)                   \
	}

static void without_rules_all_have_memory(void **state)
{
	struct config c = { 0 };

	(void)state;
	assert_true(memory_for_client(&c, STR("codex")));
	assert_true(memory_for_client(&c, (struct str){ NULL, 0 }));
	assert_true(memory_for_model(&c, STR("gpt-4o")));
	assert_true(memory_for_model(&c, (struct str){ NULL, 0 }));
	assert_true(memory_for_key(&c, STR("sk-one")));
	assert_true(memory_for_key(&c, (struct str){ NULL, 0 }));
}

static void a_star_stands_for_any_text_and_nothing_else_does(void **state)
{
	struct config c = { 0 };

	(void)state;
	c.memory.enabled_for_models = LIST("gpt-*", "demo");
	assert_true(memory_for_model(&c, STR("gpt-4o")));
	assert_true(memory_for_model(&c, STR("gpt-openai/4o")));
	assert_true(memory_for_model(&c, STR("demo")));
	assert_false(memory_for_model(&c, STR("demo2")));
	assert_false(memory_for_model(&c, STR("my-gpt-4o")));
	assert_false(memory_for_model(&c, (struct str){ NULL, 0 }));
	c.memory.enabled_for_models = LIST("a?c", "[ab]d");
	assert_true(memory_for_model(&c, STR("a?c")));
	assert_false(memory_for_model(&c, STR("abc")));
	assert_false(memory_for_model(&c, STR("ad")));
	assert_true(memory_for_model(&c, STR("[ab]d")));
}

static void what_is_disabled_is_so_whatever_is_enabled(void **state)
{
	struct config c = { 0 };

	(void)state;
	c.memory.enabled_for_models = LIST("gpt-*");
	c.memory.disabled_for_models = LIST("*-mini");
	assert_true(memory_for_model(&c, STR("gpt-4o")));
	assert_false(memory_for_model(&c, STR("gpt-4o-mini")));
}

static void a_client_that_is_not_known_is_called_unknown(void **state)
{
	struct config c = { 0 };

	(void)state;
	c.memory.disabled_for_clients = LIST("unknown");
	assert_false(memory_for_client(&c, (struct str){ NULL, 0 }));
	assert_true(memory_for_client(&c, STR("codex")));
	c.memory.disabled_for_clients = (struct config_list){ NULL, 0 };
	c.memory.enabled_for_clients = LIST("codex");
	assert_false(memory_for_client(&c, (struct str){ NULL, 0 }));
	assert_true(memory_for_client(&c, STR("codex")));
}

static void a_key_goes_by_its_digest(void **state)
{
	struct digest d = digest_sha256(STR("sk-one"));
	struct config c = { 0 };
	char hex[65];

	(void)state;
	digest_hex(&d, hex);
	c.memory.disabled_for_keys = LIST(hex);
	assert_false(memory_for_key(&c, STR("sk-one")));
	assert_true(memory_for_key(&c, STR("sk-two")));
	assert_true(memory_for_key(&c, (struct str){ NULL, 0 }));
}

static void an_endless_name_is_in_no_list(void **state)
{
	static char name[5000];
	struct config c = { 0 };

	(void)state;
	memset(name, 'a', sizeof(name));
	c.memory.disabled_for_models = LIST("*");
	assert_true(memory_for_model(&c, (struct str){ name, sizeof(name) }) == false);
	c.memory.enabled_for_models = LIST("aaaa");
	assert_false(memory_for_model(&c, (struct str){ name, sizeof(name) }));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_rules_all_have_memory),
		cmocka_unit_test(a_star_stands_for_any_text_and_nothing_else_does),
		cmocka_unit_test(what_is_disabled_is_so_whatever_is_enabled),
		cmocka_unit_test(a_client_that_is_not_known_is_called_unknown),
		cmocka_unit_test(a_key_goes_by_its_digest),
		cmocka_unit_test(an_endless_name_is_in_no_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
