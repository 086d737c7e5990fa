/* test_credential.c - the key a request brings, and whose memory it opens. */
#include "router/router.h"

#include "headers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void headers_go_in_litellms_order(void **state)
{
	const struct header v[] = {
		H("x-litellm-api-key", "one"),
		H("authorization", "Bearer two"),
		H("api-key", "three"),
		H("X-Api-Key", "four"),
		H("x-goog-api-key", "five"),
		H("ocp-apim-subscription-key", "six"),
		H("cookie", "token=sk-in-the-cookie"),
	};
	static const char *const want[] = {
		"one", "two", "three", "four", "five", "six"
	};

	(void)state;
	for (size_t i = 0; i < 6; i++)
		assert_true(str_eq(credential((struct headers){ v + i, 7 - i }),
				   str_from(want[i])));
	assert_null(credential((struct headers){ v + 6, 1 }).p);
	assert_null(credential((struct headers){ NULL, 0 }).p);
}

/* As litellm.proxy.auth.user_api_key_auth.get_bearer_token() answers. */
static void authorization_is_a_key_in_some_spellings_only(void **state)
{
	static const struct {
		const char *value, *key;
	} rows[] = {
		{ "Bearer sk-1", "sk-1" },
		{ "bearer sk-1", "sk-1" },
		{ "Basic c2s6", "c2s6" },
		{ "Bearer Bearer sk-1", "sk-1" },
		{ "Bearer  sk-1", " sk-1" },
		{ "BEARER sk-1", "" },
		{ "basic c2s6", "" },
		{ "sk-1", "" },
		{ "Token sk-1", "" },
		{ "Bearer", "" },
		{ "AWS4-HMAC-SHA256 Credential=Bearer sk-1/2026/us/x/aws4_request, "
		  "SignedHeaders=host",
		  "sk-1" },
		{ "AWS4-HMAC-SHA256 Credential=AKIA1/2026/us, Signature=a", "AKIA1" },
		{ "AWS4-HMAC-SHA256 Credential=Bearer", "Bearer" },
		{ "AWS4-HMAC-SHA256 Credential=", "" },
		{ "AWS4-HMAC-SHA256 Signature=a", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct header v = { STR("Authorization"), str_from(rows[i].value) };

		assert_true(str_eq(credential((struct headers){ &v, 1 }),
				   str_from(rows[i].key)));
	}
}

static void an_authorization_without_a_key_hides_the_others(void **state)
{
	(void)state;
	assert_int_equal(
		credential(HEADERS(H("x-api-key", "k"), H("Authorization", "Token t")))
			.len,
		0);
	assert_text(credential(HEADERS(H("x-api-key", "k"), H("Authorization", ""))),
		    "k");
	assert_text(credential(HEADERS(H("x-litellm-api-key", ""), H("API-Key", "k"))),
		    "k");
}

static void litellms_own_header_may_hold_the_key_itself(void **state)
{
	(void)state;
	assert_text(credential(HEADERS(H("x-litellm-api-key", "Bearer sk-1"))), "sk-1");
	assert_text(credential(HEADERS(H("x-litellm-api-key", "sk-1"))), "sk-1");
	assert_text(credential(HEADERS(H("x-litellm-api-key", "Token t"))), "Token t");
	assert_text(credential(HEADERS(H("x-litellm-api-key", "AWS4-HMAC-SHA256 a"))),
		    "AWS4-HMAC-SHA256 a");
	assert_text(credential(HEADERS(H("x-api-key", "Bearer k"))), "Bearer k");
}

static void of_a_repeated_header_the_first_counts(void **state)
{
	(void)state;
	assert_text(credential(HEADERS(H("x-api-key", "a"), H("x-api-key", "b"))), "a");
}

static void each_key_is_a_tenant_of_its_own(void **state)
{
	struct arena *a = arena_new(0);
	struct config cfg = { 0 };

	(void)state;
	assert_text(tenant_of(&cfg, STR("abc"), a),
		    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_false(
		str_eq(tenant_of(&cfg, STR("abc"), a), tenant_of(&cfg, STR("abd"), a)));
	assert_text(tenant_of(&cfg, (struct str){ NULL, 0 }, a), "local");
	assert_text(tenant_of(&cfg, STR(""), a), "local");
	arena_free(a);
}

static void keys_may_share_one_tenant(void **state)
{
	struct arena *a = arena_new(0);
	struct config cfg = { .identity = { .share_keys = true } };

	(void)state;
	assert_text(tenant_of(&cfg, STR("abc"), a), "shared");
	assert_text(tenant_of(&cfg, STR(""), a), "local");
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_go_in_litellms_order),
		cmocka_unit_test(authorization_is_a_key_in_some_spellings_only),
		cmocka_unit_test(an_authorization_without_a_key_hides_the_others),
		cmocka_unit_test(litellms_own_header_may_hold_the_key_itself),
		cmocka_unit_test(of_a_repeated_header_the_first_counts),
		cmocka_unit_test(each_key_is_a_tenant_of_its_own),
		cmocka_unit_test(keys_may_share_one_tenant),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
