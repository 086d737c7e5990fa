/* test_supermemory.c - which models have a memory of their own. */
#include "router/router.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SM "https://api.supermemory.ai/v3/https://api.anthropic.com"

static const struct config_model models[] = {
	{ "claude-sonnet", SM },
	{ "gpt-4o", "https://api.openai.com/v1" },
	{ "no-base", NULL },
	{ "dated-20250101", "https://API.SuperMemory.AI/v3" },
	{ "dated", "https://example.com" },
	{ "both", "https://example.com" },
	{ "both", SM },
};

static bool asked(const char *model)
{
	const struct config cfg = { .models = models, .n_models = 7 };

	return model_is_supermemory(&cfg, str_from(model));
}

static void a_model_is_known_by_its_base_url(void **state)
{
	(void)state;
	assert_true(asked("claude-sonnet"));
	assert_false(asked("gpt-4o"));
	assert_false(asked("no-base"));
	assert_true(asked("both"));
}

static void an_unknown_model_is_not_one(void **state)
{
	(void)state;
	assert_false(asked("unknown"));
	assert_false(asked(""));
	assert_false(asked(NULL));
	assert_false(asked("Claude-Sonnet"));
	assert_false(asked("-20250101"));
	assert_false(asked(","));
}

static void dates_and_features_behind_the_name_are_ignored(void **state)
{
	(void)state;
	assert_true(asked("claude-sonnet-20250514"));
	assert_true(asked("claude-sonnet,context-1m,thinking"));
	assert_true(asked("claude-sonnet-20250514,thinking"));
	assert_false(asked("claude-sonnet-2025051"));
	assert_false(asked("claude-sonnet-2025051x"));
	assert_false(asked("gpt-4o-20250514"));
}

static void a_name_as_written_goes_before_a_shortened_one(void **state)
{
	(void)state;
	assert_true(asked("dated-20250101"));
	assert_false(asked("dated-20250102"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_model_is_known_by_its_base_url),
		cmocka_unit_test(an_unknown_model_is_not_one),
		cmocka_unit_test(dates_and_features_behind_the_name_are_ignored),
		cmocka_unit_test(a_name_as_written_goes_before_a_shortened_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
