/* test_session.c - which conversation a request belongs to. */
#include "router/router.h"

#include "headers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define UUID  "e96634a3-fa28-4083-b354-55542e2dca01"
#define CODEX H("User-Agent", "codex_exec/0.169.0 (Debian 12.0.0)")

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

static struct session_name of(void **state, struct headers h,
			      const struct body_facts *body)
{
	struct session_name name;

	router_session(h, body, *state, &name);
	return name;
}

static const struct body_facts full_body = {
	.client_metadata_session_id = { "client-metadata", 15 },
	.litellm_session_id = { "litellm-body", 12 },
	.metadata_session_id = { "metadata", 8 },
	.prompt_cache_key = { "cache-key", 9 },
	.metadata_user_id = { "bob_session_abcdefgh", 20 },
};

/* The best first: each round takes one away and the next must be found. */
static void headers_go_in_their_order(void **state)
{
	const struct header v[] = {
		H("X-Memory-Session-Id", "one"),
		H("X-Session-Id", "two"),
		H("X-SM-Conversation-Id", "three"),
		H("x-litellm-session-id", "four"),
		H("x-litellm-trace-id", "five"),
		H("X-Claude-Code-Session-Id", "sixsixsix"),
		H("X-OpenWebUI-Chat-Id", "seven"),
		H("X-Conversation-Id", "eight"),
		H("X-LibreChat-Conversation-Id", "nine"),
		H("Helicone-Session-Id", "ten"),
		H("session-id", "eleven"),
		H("thread-id", "twelve"),
		H("session_id", "thirteen"),
		H("conversation_id", "fourteen"),
		CODEX,
	};
	static const char *const ids[] = { "one",      "two",       "three",  "four",
					   "five",     "sixsixsix", "seven",  "eight",
					   "nine",     "ten",       "eleven", "twelve",
					   "thirteen", "fourteen" };

	for (size_t i = 0; i < 14; i++) {
		struct headers h = { v + i, 15 - i };
		struct session_name name = of(state, h, &full_body);

		assert_true(str_eq(name.id, str_from(ids[i])));
	}
	assert_text(of(state, (struct headers){ v + 14, 1 }, &full_body).id,
		    "client-metadata");
}

static void the_bodys_fields_go_in_their_order(void **state)
{
	struct headers h = HEADERS(H("baggage", "session.id=from-baggage"));
	struct body_facts body = full_body;

	assert_text(of(state, h, &body).id, "litellm-body");
	body.litellm_session_id = (struct str){ NULL, 0 };
	assert_text(of(state, h, &body).id, "metadata");
	body.metadata_session_id = (struct str){ NULL, 0 };
	assert_text(of(state, h, &body).id, "abcdefgh");
	assert_string_equal(of(state, h, &body).source, "metadata.user_id");
	body.metadata_user_id = (struct str){ NULL, 0 };
	assert_text(of(state, h, &body).id, "from-baggage");
	assert_text(of(state, h, NULL).id, "from-baggage");
}

static void a_request_may_name_none(void **state)
{
	struct session_name name =
		of(state,
		   HEADERS(H("User-Agent", "curl/8"),
			   H("traceparent",
			     "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")),
		   NULL);

	assert_null(name.id.p);
	assert_null(name.source);
	assert_false(name.litellm_knows);
}

static void any_vendors_session_header_counts_if_it_looks_like_an_id(void **state)
{
	static const struct {
		struct header header;
		bool counts;
	} rows[] = {
		{ H("x-acme-session-id", UUID), true },
		{ H("X-A-B-SESSION-ID", "abcd_123"), true },
		{ H("x-acme-session-id", "short"), false },
		{ H("x-acme-session-id", "with spaces in it"), false },
		{ H("x--session-id", UUID), false },
		{ H("xx-acme-session-id", UUID), false },
		{ H("x-acme-session-id-2", UUID), false },
		{ H("x-acme-session_id", UUID), false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct headers h = { &rows[i].header, 1 };
		struct session_name name = of(state, h, NULL);

		assert_int_equal(name.id.p != NULL, rows[i].counts);
		assert_int_equal(name.litellm_knows, rows[i].counts);
	}
}

static void codexs_names_count_from_codex_only(void **state)
{
	static const struct {
		struct header says;
		bool codex, litellm;
	} rows[] = {
		{ CODEX, true, true },
		{ H("user-agent", "Codex-TUI/1"), true, true },
		{ H("user-agent", "codex cli"), true, true },
		{ H("originator", "codex_vscode"), true, false },
		{ H("user-agent", "codexx/1"), false, false },
		{ H("user-agent", "codex"), false, false },
		{ H("user-agent", "not codex/1"), false, false },
	};
	const struct body_facts body = { .prompt_cache_key = STR("cache-key") };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct header v[] = { rows[i].says, H("session-id", UUID) };
		struct session_name name = of(state, (struct headers){ v, 2 }, NULL);

		assert_int_equal(name.id.p != NULL, rows[i].codex);
		assert_int_equal(name.litellm_knows, rows[i].litellm);
		name = of(state, (struct headers){ v, 1 }, &body);
		assert_int_equal(name.id.p != NULL, rows[i].codex);
		assert_false(name.litellm_knows);
	}
}

static void claude_codes_metadata_names_the_session(void **state)
{
	struct body_facts body = {
		.metadata_user_id = STR("{\"device_id\":\"d\",\"account_uuid\":\"\","
					"\"session_id\":\"" UUID "\"}"),
	};
	struct headers none = { NULL, 0 };
	struct session_name name = of(state, none, &body);

	assert_text(name.id, UUID);
	assert_false(name.litellm_knows);
	body.metadata_user_id = STR("user_d_account__session_" UUID);
	name = of(state, none, &body);
	assert_text(name.id, UUID);
	assert_true(name.litellm_knows);
}

static void baggage_is_a_list_of_members(void **state)
{
	static const struct {
		struct header baggage;
		const char *id;
	} rows[] = {
		{ H("baggage", "session.id=abc-123,user.id=42"), "abc-123" },
		{ H("Baggage", "user.id=42 , session.id = abc ; p=1"), "abc" },
		{ H("baggage", "x.session.id=abc"), NULL },
		{ H("baggage", "session.id="), NULL },
		{ H("baggage", "session.id"), NULL },
		{ H("baggage", ",,=,;"), NULL },
		{ H("baggage", "session.id=,session.id=b"), "b" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct headers h = { &rows[i].baggage, 1 };

		assert_true(str_eq(of(state, h, NULL).id, str_from(rows[i].id)));
	}
}

/* Whoever reads the conversation's id, LiteLLM must not be told another one. */
static void what_litellm_finds_by_itself_is_known(void **state)
{
	static const struct {
		struct header header;
		bool known;
	} rows[] = {
		{ H("x-memory-session-id", UUID), false }, /* not passed on */
		{ H("x-session-id", UUID), true },
		{ H("x-session-id", "short"), false },
		{ H("x-sm-conversation-id", UUID), false },
		{ H("x-litellm-session-id", "s"), true },
		{ H("x-litellm-trace-id", "s"), true },
		{ H("x-openwebui-chat-id", UUID), false },
		{ H("baggage", "session.id=s"), true },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct header v[] = { H("x-memory-session-id", "mine"),
					    rows[i].header };

		assert_int_equal(
			of(state, (struct headers){ v + 1, 1 }, NULL).litellm_knows,
			rows[i].known);
		assert_int_equal(of(state, (struct headers){ v, 2 }, NULL).litellm_knows,
				 rows[i].known);
	}
}

static void what_cannot_be_an_id_is_passed_over(void **state)
{
	char text[257];
	const struct header v[] = { H("x-memory-session-id", "a\x01"),
				    { STR("x-session-id"), { text, 257 } },
				    H("x-sm-conversation-id", " "),
				    H("x-conversation-id", " c ") };

	memset(text, 'x', sizeof(text));
	assert_text(of(state, (struct headers){ v, 4 }, NULL).id, "c");
}

static void the_id_outlives_the_request(void **state)
{
	char text[] = "conversation";
	struct header v = { STR("x-session-id"), { text, 12 } };
	struct session_name name = of(state, (struct headers){ &v, 1 }, NULL);

	text[0] = 'X';
	assert_string_equal(name.id.p, "conversation");
}

static void the_reference_page_has_the_same_order(void **state)
{
	static const char *const names[] = {
		"`x-memory-session-id`",
		"`x-session-id`",
		"`x-sm-conversation-id`",
		"`x-litellm-session-id`",
		"`x-litellm-trace-id`",
		"`x-*-session-id`",
		"`x-openwebui-chat-id`",
		"`x-conversation-id`",
		"`x-librechat-conversation-id`",
		"`helicone-session-id`",
		"`session-id`",
		"`thread-id`",
		"`session_id`",
		"`conversation_id`",
		"`client_metadata.session_id`",
		"`litellm_session_id`",
		"`metadata.session_id`",
		"`prompt_cache_key`",
		"`metadata.user_id`",
		"`baggage`",
	};
	char page[16384];
	FILE *f = fopen("docs/reference/SESSIONS.md", "r");
	const char *at = page;
	size_t n;

	(void)state;
	assert_non_null(f);
	n = fread(page, 1, sizeof(page) - 1, f);
	fclose(f);
	page[n] = '\0';
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		at = strstr(at, names[i]);
		assert_non_null(at);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_go_in_their_order),
		cmocka_unit_test(the_bodys_fields_go_in_their_order),
		cmocka_unit_test(a_request_may_name_none),
		cmocka_unit_test(
			any_vendors_session_header_counts_if_it_looks_like_an_id),
		cmocka_unit_test(codexs_names_count_from_codex_only),
		cmocka_unit_test(claude_codes_metadata_names_the_session),
		cmocka_unit_test(baggage_is_a_list_of_members),
		cmocka_unit_test(what_litellm_finds_by_itself_is_known),
		cmocka_unit_test(what_cannot_be_an_id_is_passed_over),
		cmocka_unit_test(the_id_outlives_the_request),
		cmocka_unit_test(the_reference_page_has_the_same_order),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
