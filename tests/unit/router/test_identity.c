/* test_identity.c - who is calling, and with what. */
#include "router/router.h"

#include "headers.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct config_rule users[] = {
	{ { 0 }, "User-Agent", "^OpenAIClientImpl/Java", "pycharm-ai", false },
	{ { 0 }, "user-agent", "claude", "claude-user", false },
	{ { 0 }, "user-agent", "java", "java-user", false },
	{ { 0 }, "x-team", NULL, "team", true },
};

static const struct config_rule clients[] = {
	{ { 0 }, "User-Agent", "^claude-(cli|code)/", "claude-code", false },
	{ { 0 }, "User-Agent", "^(Async)?OpenAI/", "openai-sdk", false },
	{ { 0 }, "x-stainless-lang", NULL, "stainless-sdk", false },
};

static struct config shipped(void)
{
	struct config c = { 0 };

	c.user_id_mappings.custom_header = "x-memory-user-id";
	c.user_id_mappings.default_user_id = "default-user";
	c.user_id_mappings.header_patterns = (struct config_rules){ users, 4 };
	c.client_patterns = (struct config_rules){ clients, 3 };
	c.identity.end_user = true;
	return c;
}

static struct identity identify(const struct config *cfg, struct headers h,
				const struct body_facts *body)
{
	struct config_report report = { 0 };
	struct router *r = NULL;
	struct identity id;

	assert_int_equal(router_new(cfg, &report, &r), 0);
	router_identify(r, h, body, &id);
	assert_int_equal(router_match_limit_hits(r), 0);
	router_free(r);
	return id;
}

static struct identity of(struct headers h)
{
	struct config cfg = shipped();

	return identify(&cfg, h, NULL);
}

static void the_custom_header_wins_and_the_rule_is_told_still(void **state)
{
	struct identity id =
		of(HEADERS(H("User-Agent", "Claude Code"),
			   H("X-Memory-User-ID", " alice "), H("x-sm-user-id", "bob")));

	(void)state;
	assert_text(id.user, "alice");
	assert_int_equal(id.source, USER_CUSTOM_HEADER);
	assert_true(id.custom_header_present);
	assert_ptr_equal(id.rule, &users[1]);
	assert_text(id.rule_value, "Claude Code");
}

static void the_first_of_several_matching_patterns_wins(void **state)
{
	struct identity id =
		of(HEADERS(H("user-AGENT", "OpenAIClientImpl/Java unknown")));

	(void)state;
	assert_text(id.user, "pycharm-ai");
	assert_int_equal(id.source, USER_PATTERN);
	assert_false(id.custom_header_present);
	id = of(HEADERS(H("user-agent", "my java thing")));
	assert_text(id.user, "java-user");
	assert_false(id.shared);
}

static void without_a_match_it_is_the_default_user(void **state)
{
	struct identity id = of(HEADERS(H("User-Agent", "curl/8")));
	struct config cfg = shipped();

	(void)state;
	assert_text(id.user, "default-user");
	assert_int_equal(id.source, USER_DEFAULT);
	assert_null(id.rule);
	id = of((struct headers){ NULL, 0 });
	assert_int_equal(id.source, USER_DEFAULT);
	cfg.user_id_mappings.default_user_id = NULL;
	id = identify(&cfg, HEADERS(H("User-Agent", "curl/8")), NULL);
	assert_null(id.user.p);
	assert_int_equal(id.source, USER_NONE);
}

static void an_empty_custom_header_counts_as_none(void **state)
{
	struct identity id =
		of(HEADERS(H("x-memory-user-id", ""), H("User-Agent", "claude")));

	(void)state;
	assert_false(id.custom_header_present);
	assert_text(id.user, "claude-user");
	id = of(HEADERS(H("x-memory-user-id", " \t"), H("User-Agent", "claude")));
	assert_false(id.custom_header_present);
}

static void the_custom_header_can_have_another_name(void **state)
{
	struct config cfg = shipped();
	struct identity id;

	(void)state;
	cfg.user_id_mappings.custom_header = "X-Person";
	id = identify(&cfg, HEADERS(H("x-person", "p"), H("x-memory-user-id", "m")),
		      NULL);
	assert_text(id.user, "p");
	cfg.user_id_mappings.custom_header = NULL;
	id = identify(&cfg, HEADERS(H("x-memory-user-id", "m")), NULL);
	assert_text(id.user, "default-user");
}

static void sources_go_in_their_order(void **state)
{
	const struct body_facts body = {
		.user = STR("body-user"),
		.safety_identifier = STR("safety"),
		.metadata_user_id = STR("meta"),
	};
	/* The best first; each round takes it away. */
	struct header v[] = {
		H("x-memory-user-id", "custom"),        H("X-Sm-User-Id", "sm"),
		H("x-openwebui-user-id", "webui"),      H("X-LiteLLM-End-User-Id", "end"),
		H("x-litellm-customer-id", "customer"), H("User-Agent", "claude"),
	};
	static const struct {
		const char *user;
		enum user_source source;
	} want[] = {
		{ "custom", USER_CUSTOM_HEADER }, { "sm", USER_SM_HEADER },
		{ "webui", USER_END_USER },       { "end", USER_END_USER },
		{ "customer", USER_END_USER },    { "claude-user", USER_PATTERN },
	};
	struct config cfg = shipped();

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		struct headers h = { v + i, 6 - i };
		struct identity id = identify(&cfg, h, i < 5 ? &body : NULL);

		assert_true(str_eq(id.user, str_from(want[i].user)));
		assert_int_equal(id.source, want[i].source);
	}
}

static void the_bodys_fields_go_in_their_order(void **state)
{
	struct body_facts body = {
		.user = STR("body-user"),
		.safety_identifier = STR("safety"),
		.metadata_user_id = STR("meta"),
	};
	struct headers h = HEADERS(H("User-Agent", "claude"));
	struct config cfg = shipped();

	(void)state;
	assert_text(identify(&cfg, h, &body).user, "body-user");
	body.user = STR("");
	assert_text(identify(&cfg, h, &body).user, "safety");
	body.safety_identifier = (struct str){ NULL, 0 };
	assert_text(identify(&cfg, h, &body).user, "meta");
	body.metadata_user_id = (struct str){ NULL, 0 };
	assert_text(identify(&cfg, h, &body).user, "claude-user");
}

static void the_end_user_can_be_switched_off(void **state)
{
	const struct body_facts body = { .user = STR("body-user") };
	struct config cfg = shipped();
	struct identity id;

	(void)state;
	cfg.identity.end_user = false;
	id = identify(&cfg,
		      HEADERS(H("X-OpenWebUI-User-Id", "w"),
			      H("x-litellm-end-user-id", "e"), H("User-Agent", "claude")),
		      &body);
	assert_text(id.user, "claude-user");
	id = identify(&cfg, HEADERS(H("x-sm-user-id", "sm")), &body);
	assert_text(id.user, "sm");
}

static void a_user_that_stands_for_many_is_told(void **state)
{
	struct identity id = of(HEADERS(H("x-team", "a")));

	(void)state;
	assert_text(id.user, "team");
	assert_true(id.shared);
	id = of(HEADERS(H("x-team", "a"), H("x-litellm-end-user-id", "e")));
	assert_text(id.user, "e");
	assert_false(id.shared);
}

/* Else what one person says would be remembered for another. */
static void what_cannot_be_an_id_is_nobody_and_not_somebody_else(void **state)
{
	static const char *const bad[] = { "z\x01y", "a\x7F", "\xFF", "a\xC2\x85",
					   "a\nb" };
	char text[257];
	struct header h = { STR("x-memory-user-id"), { text, 257 } };
	struct identity id;

	(void)state;
	memset(text, 'x', sizeof(text));
	id = of((struct headers){ &h, 1 });
	assert_null(id.user.p);
	assert_int_equal(id.source, USER_NONE);
	assert_true(id.custom_header_present);
	h.value.len = 256;
	assert_int_equal(of((struct headers){ &h, 1 }).user.len, 256);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		h.value = str_from(bad[i]);
		assert_null(of((struct headers){ &h, 1 }).user.p);
	}
	h.value = STR("Jos\xC3\xA9 \xF0\x9F\x98\x80");
	assert_true(str_eq(of((struct headers){ &h, 1 }).user, h.value));
}

static void the_client_is_told_apart_from_the_user(void **state)
{
	struct identity id =
		of(HEADERS(H("User-Agent", "claude-cli/2.1.197 (external)")));

	(void)state;
	assert_text(id.client, "claude-code");
	assert_text(id.user, "claude-user");
	id = of(HEADERS(H("User-Agent", "x"), H("X-Stainless-Lang", "js")));
	assert_text(id.client, "stainless-sdk");
	id = of(HEADERS(H("User-Agent", "x")));
	assert_null(id.client.p);
}

static void bad_patterns_of_both_lists_are_reported(void **state)
{
	static const struct config_rule bad = { { "f", 3 }, "x", "(", "u", false };
	struct config_report report = { 0 };
	struct config cfg = shipped();
	struct router *r = NULL;

	(void)state;
	cfg.user_id_mappings.header_patterns = (struct config_rules){ &bad, 1 };
	cfg.client_patterns = (struct config_rules){ &bad, 1 };
	assert_int_equal(router_new(&cfg, &report, &r), -EINVAL);
	assert_null(r);
	assert_int_equal(report.n_errors, 2);
	config_report_done(&report);
	router_free(NULL);
}

static void callers_do_not_see_each_other(void **state)
{
	struct config cfg = shipped();
	struct config_report report = { 0 };
	struct router *r = NULL;
	struct identity a, b;

	(void)state;
	assert_int_equal(router_new(&cfg, &report, &r), 0);
	router_identify(r, HEADERS(H("x-memory-user-id", "alice")), NULL, &a);
	router_identify(r, HEADERS(H("User-Agent", "curl/8")), NULL, &b);
	assert_text(a.user, "alice");
	assert_text(b.user, "default-user");
	assert_null(b.rule);
	router_free(r);
}

static void a_hundred_patterns_are_tried_with_each_request(void **state)
{
	struct config_rule many[100];
	char texts[100][24];
	struct config cfg = shipped();
	struct identity id;

	(void)state;
	for (size_t i = 0; i < 100; i++) {
		snprintf(texts[i], sizeof(texts[i]), "^client-%zu/", i);
		many[i] = (struct config_rule){
			{ 0 }, "User-Agent", texts[i], texts[i], false
		};
	}
	cfg.user_id_mappings.header_patterns = (struct config_rules){ many, 100 };
	id = identify(&cfg, HEADERS(H("User-Agent", "Client-99/1.0")), NULL);
	assert_text(id.user, "^client-99/");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_custom_header_wins_and_the_rule_is_told_still),
		cmocka_unit_test(the_first_of_several_matching_patterns_wins),
		cmocka_unit_test(without_a_match_it_is_the_default_user),
		cmocka_unit_test(an_empty_custom_header_counts_as_none),
		cmocka_unit_test(the_custom_header_can_have_another_name),
		cmocka_unit_test(sources_go_in_their_order),
		cmocka_unit_test(the_bodys_fields_go_in_their_order),
		cmocka_unit_test(the_end_user_can_be_switched_off),
		cmocka_unit_test(a_user_that_stands_for_many_is_told),
		cmocka_unit_test(what_cannot_be_an_id_is_nobody_and_not_somebody_else),
		cmocka_unit_test(the_client_is_told_apart_from_the_user),
		cmocka_unit_test(bad_patterns_of_both_lists_are_reported),
		cmocka_unit_test(callers_do_not_see_each_other),
		cmocka_unit_test(a_hundred_patterns_are_tried_with_each_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
