/* test_header_rules.c - what goes upstream, what does not, and what is added. */
#include "router/router.h"

#include "headers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct config shipped = {
	.user_id_mappings = { .custom_header = "x-memory-user-id" },
};

static const bool no_hops[32];

static struct header_plan plan_with_id(void)
{
	return (struct header_plan){ .cfg = &shipped,
				     .hop = no_hops,
				     .request_id = STR("r1") };
}

static int setup(void **state)
{
	*state = arena_new(1024);
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	arena_free(*state);
	return 0;
}

static void assert_headers(struct headers got, struct headers want)
{
	assert_int_equal(got.n, want.n);
	for (size_t i = 0; i < want.n; i++) {
		assert_true(str_eq(got.v[i].name, want.v[i].name));
		assert_true(str_eq(got.v[i].value, want.v[i].value));
	}
}

/* Whether a header of that name is passed on. */
static bool passes(void **state, const struct header_plan *plan, const char *name)
{
	const struct header h = { str_from(name), STR("value") };
	struct headers out = header_rules_apply(plan, (struct headers){ &h, 1 }, *state);

	return out.n > 0 && str_eq(out.v[0].name, h.name) &&
	       str_eq(out.v[0].value, h.value);
}

static void the_clients_headers_keep_order_and_spelling(void **state)
{
	struct header_plan plan = plan_with_id();
	struct headers out = header_rules_apply(
		&plan,
		HEADERS(H("x-B", "1"), H("Content-Type", "application/json"),
			H("X-a", ""), H("x-B", "2"), H("Accept-Encoding", "gzip")),
		*state);

	assert_headers(out,
		       HEADERS(H("x-B", "1"), H("Content-Type", "application/json"),
			       H("X-a", ""), H("x-B", "2"), H("Accept-Encoding", "gzip"),
			       H("x-request-id", "r1"), H("x-litellm-call-id", "r1")));
}

static void what_ends_here_is_left_out(void **state)
{
	static const bool hop[] = { true, false, true };
	struct header_plan plan = plan_with_id();
	struct headers out;

	plan.hop = hop;
	out = header_rules_apply(
		&plan, HEADERS(H("Connection", "x-a"), H("x-b", "1"), H("x-a", "2")),
		*state);
	assert_headers(out, HEADERS(H("x-b", "1"), H("x-request-id", "r1"),
				    H("x-litellm-call-id", "r1")));
}

static void our_own_controls_are_left_out(void **state)
{
	static const char *const dropped[] = {
		"x-memory",
		"X-Memory",
		"x-memory-user-id",
		"X-MEMORY-SESSION-ID",
		"x-memory-anything",
		"x_memory",
		"x_memory_user_id",
		"x-memory_user-id",
		"X_Memory-Session_Id",
		"x-sm-user-id",
		"X-SM-User-ID",
		"x_sm_user_id",
		"x-sm_user-id",
		"x_request_id",
		"x_litellm_call_id",
		"x_litellm_session_id",
		"x_supermemory_api_key",
		"x_session_id",
		"x_litellm_end_user_id",
		"x_api_key",
		"API_Key",
		"ocp_apim_subscription_key",
	};
	static const char *const passed[] = {
		"x-memoryx",
		"x-memor",
		"xx-memory",
		"x-session-id",
		"x-sm-conversation-id",
		"x-supermemory-api-key",
		"x-litellm-tags",
		"Authorization",
		"x-api-key",
		"API-Key",
		"Ocp-Apim-Subscription-Key",
		"session_id",
		"conversation_id",
		"any_underscore",
		"x-sm-user-id2",
		"x-claude-code-session-id",
		"User-Agent",
	};
	struct header_plan plan = plan_with_id();

	for (size_t i = 0; i < sizeof(dropped) / sizeof(dropped[0]); i++)
		assert_false(passes(state, &plan, dropped[i]));
	for (size_t i = 0; i < sizeof(passed) / sizeof(passed[0]); i++)
		assert_true(passes(state, &plan, passed[i]));
}

static void a_renamed_custom_header_is_left_out(void **state)
{
	struct config cfg = { .user_id_mappings = { .custom_header = "X-Person" } };
	struct header_plan plan = plan_with_id();

	assert_true(passes(state, &plan, "x-person"));
	plan.cfg = &cfg;
	assert_false(passes(state, &plan, "x-person"));
	assert_false(passes(state, &plan, "X_PERSON"));
	assert_true(passes(state, &plan, "x-person-2"));
	assert_true(passes(state, &plan, "x-parson"));
	assert_false(passes(state, &plan, "x-memory-user-id"));
	cfg.user_id_mappings.custom_header = NULL;
	assert_true(passes(state, &plan, "x-person"));
}

static void a_request_id_of_the_client_stays_where_it_is(void **state)
{
	struct header_plan plan = plan_with_id();

	assert_headers(header_rules_apply(&plan,
					  HEADERS(H("X-Request-ID", "r1"), H("a", "b")),
					  *state),
		       HEADERS(H("X-Request-ID", "r1"), H("a", "b"),
			       H("x-litellm-call-id", "r1")));
	/* Another one than was taken: not a good one, or a second. */
	assert_headers(header_rules_apply(&plan,
					  HEADERS(H("X-Request-ID", "bad"),
						  H("x-request-id", "r1"),
						  H("x-request-id", "r1")),
					  *state),
		       HEADERS(H("x-request-id", "r1"), H("x-litellm-call-id", "r1")));
}

static void a_call_id_of_the_client_stays(void **state)
{
	struct header_plan plan = plan_with_id();

	assert_headers(
		header_rules_apply(&plan, HEADERS(H("X-LiteLLM-Call-Id", "c")), *state),
		HEADERS(H("X-LiteLLM-Call-Id", "c"), H("x-request-id", "r1")));
}

static void the_user_is_sent_in_place_of_the_clients_word(void **state)
{
	struct header_plan plan = plan_with_id();

	plan.user_id = STR("alice");
	assert_headers(header_rules_apply(
			       &plan, HEADERS(H("X-Sm-User-Id", "mallory"), H("a", "b")),
			       *state),
		       HEADERS(H("a", "b"), H("x-request-id", "r1"),
			       H("x-litellm-call-id", "r1"), H("x-sm-user-id", "alice")));
}

static void a_supermemory_key_is_sent_where_there_is_one(void **state)
{
	struct header_plan plan = plan_with_id();
	struct headers in = HEADERS(H("x-supermemory-api-key", "theirs"));

	assert_text(headers_get(header_rules_apply(&plan, in, *state),
				STR("x-supermemory-api-key")),
		    "theirs");
	plan.supermemory_key = STR("ours");
	assert_headers(header_rules_apply(&plan, in, *state),
		       HEADERS(H("x-request-id", "r1"), H("x-litellm-call-id", "r1"),
			       H("x-supermemory-api-key", "ours")));
}

static void litellm_is_told_the_session_unless_the_client_did(void **state)
{
	struct header_plan plan = plan_with_id();

	plan.litellm_session = STR("s1");
	assert_headers(header_rules_apply(&plan, HEADERS(H("a", "b")), *state),
		       HEADERS(H("a", "b"), H("x-request-id", "r1"),
			       H("x-litellm-call-id", "r1"),
			       H("x-litellm-session-id", "s1")));
	assert_headers(header_rules_apply(&plan, HEADERS(H("X-LiteLLM-Session-Id", "s2")),
					  *state),
		       HEADERS(H("X-LiteLLM-Session-Id", "s2"), H("x-request-id", "r1"),
			       H("x-litellm-call-id", "r1")));
}

static void a_readable_reply_is_asked_for(void **state)
{
	struct header_plan plan = plan_with_id();

	plan.identity_encoding = true;
	assert_headers(
		header_rules_apply(&plan,
				   HEADERS(H("accept-encoding", "gzip, br"), H("a", "b"),
					   H("Accept-Encoding", "zstd")),
				   *state),
		HEADERS(H("a", "b"), H("x-request-id", "r1"),
			H("x-litellm-call-id", "r1"), H("Accept-Encoding", "identity")));
}

static void the_host_comes_first(void **state)
{
	static const bool hop[] = { false, true };
	struct header_plan plan = plan_with_id();

	plan.hop = hop;
	plan.host = STR("example.com:8764");
	assert_headers(header_rules_apply(&plan, HEADERS(H("a", "b"), H("Host", "other")),
					  *state),
		       HEADERS(H("Host", "example.com:8764"), H("a", "b"),
			       H("x-request-id", "r1"), H("x-litellm-call-id", "r1")));
}

static void everything_can_be_added_to_nothing(void **state)
{
	struct header_plan plan = plan_with_id();

	plan.host = STR("h");
	plan.user_id = STR("u");
	plan.supermemory_key = STR("k");
	plan.litellm_session = STR("s");
	plan.identity_encoding = true;
	assert_headers(header_rules_apply(&plan, (struct headers){ NULL, 0 }, *state),
		       HEADERS(H("Host", "h"), H("x-request-id", "r1"),
			       H("x-litellm-call-id", "r1"),
			       H("x-litellm-session-id", "s"), H("x-sm-user-id", "u"),
			       H("x-supermemory-api-key", "k"),
			       H("Accept-Encoding", "identity")));
}

static void secrets_are_known_by_their_names(void **state)
{
	static const char *const secret[] = {
		"Authorization",
		"proxy-authorization",
		"Cookie",
		"Set-Cookie",
		"x-api-key",
		"API-Key",
		"x-goog-api-key",
		"x-litellm-api-key",
		"x-supermemory-api-key",
		"Ocp-Apim-Subscription-Key",
		"x-mcp-auth",
		"X-Auth-Token",
		"x-amz-security-token",
		"Cf-Access-Jwt-Assertion",
		"X-My-Secret",
		"x-hub-signature-256",
	};
	static const char *const open[] = {
		"User-Agent",   "Content-Type",     "x-memory-user-id",
		"x-session-id", "x-request-id",     "Host",
		"Accept",       "x-stainless-lang", "originator",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(secret) / sizeof(secret[0]); i++)
		assert_true(header_is_secret(str_from(secret[i])));
	for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++)
		assert_false(header_is_secret(str_from(open[i])));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_clients_headers_keep_order_and_spelling),
		cmocka_unit_test(what_ends_here_is_left_out),
		cmocka_unit_test(our_own_controls_are_left_out),
		cmocka_unit_test(a_renamed_custom_header_is_left_out),
		cmocka_unit_test(a_request_id_of_the_client_stays_where_it_is),
		cmocka_unit_test(a_call_id_of_the_client_stays),
		cmocka_unit_test(the_user_is_sent_in_place_of_the_clients_word),
		cmocka_unit_test(a_supermemory_key_is_sent_where_there_is_one),
		cmocka_unit_test(litellm_is_told_the_session_unless_the_client_did),
		cmocka_unit_test(a_readable_reply_is_asked_for),
		cmocka_unit_test(the_host_comes_first),
		cmocka_unit_test(everything_can_be_added_to_nothing),
		cmocka_unit_test(secrets_are_known_by_their_names),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
