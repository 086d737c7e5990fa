/* test_id.c - what can be an id, and what metadata.user_id holds. */
#include "router/id.h"

#include "headers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define DEVICE  "3f5a0c0d9e8b7a6f5e4d3c2b1a09f8e7"
#define ACCOUNT "1b4e28ba-2fa1-11d2-883f-0016d3cca427"
#define SESSION "e96634a3-fa28-4083-b354-55542e2dca01"

static void an_id_is_short_clean_utf8(void **state)
{
	(void)state;
	assert_true(id_is_usable(STR("a b@c/\xE2\x82\xAC")));
	assert_false(id_is_usable(STR("")));
	assert_false(id_is_usable((struct str){ NULL, 0 }));
	assert_false(id_is_usable(STR("a\0b")));
	assert_false(id_is_usable(STR("a\x1b[0m")));
	assert_false(id_is_usable(STR("\xC2\x9B")));
	assert_true(id_is_usable(STR("\xC2\xA0")));
	assert_false(id_is_usable(STR("\xE2\x82")));
}

static void litellm_takes_eight_or_more_plain_characters(void **state)
{
	(void)state;
	assert_true(id_is_litellms(STR("Ab0_-xyz")));
	assert_false(id_is_litellms(STR("Ab0_-xy")));
	assert_false(id_is_litellms(STR("abcdefgh.")));
	assert_false(id_is_litellms(STR("abcdefg h")));
	assert_false(id_is_litellms(STR("abcdefgh@")));
	assert_false(id_is_litellms(STR("abcdefgh[")));
	assert_false(id_is_litellms((struct str){ NULL, 0 }));
}

static void claude_codes_object_names_account_and_session(void **state)
{
	struct metadata_id id = metadata_id(STR("{\"device_id\":\"" DEVICE
						"\",\"account_uuid\":\"" ACCOUNT
						"\",\"session_id\":\"" SESSION "\"}"));

	(void)state;
	assert_text(id.person, ACCOUNT);
	assert_text(id.session, SESSION);
	assert_false(id.session_is_litellms);
}

static void without_an_account_the_device_is_the_person(void **state)
{
	struct metadata_id id = metadata_id(
		STR("{\"device_id\":\"" DEVICE
		    "\",\"account_uuid\":\"\",\"session_id\":\"" SESSION "\"}"));

	(void)state;
	assert_text(id.person, DEVICE);
	id = metadata_id(STR("{ \"session_id\" : 7, \"device_id\" : \"" DEVICE "\" }"));
	assert_text(id.person, DEVICE);
	assert_null(id.session.p);
}

static void the_older_text_names_the_same_person(void **state)
{
	struct metadata_id id =
		metadata_id(STR("user_" DEVICE "_account_" ACCOUNT "_session_" SESSION));

	(void)state;
	assert_text(id.person, ACCOUNT);
	assert_text(id.session, SESSION);
	assert_true(id.session_is_litellms);
	id = metadata_id(STR("user_" DEVICE "_account__session_" SESSION));
	assert_text(id.person, DEVICE);
	assert_text(id.session, SESSION);
}

static void another_clients_text_is_the_person_itself(void **state)
{
	struct metadata_id id = metadata_id(STR(" alice "));

	(void)state;
	assert_text(id.person, "alice");
	assert_null(id.session.p);
	id = metadata_id(STR("alice_session_s1"));
	assert_text(id.person, "alice");
	assert_text(id.session, "s1");
	assert_false(id.session_is_litellms);
	id = metadata_id(STR("alice_account_b"));
	assert_text(id.person, "alice_account_b");
	id = metadata_id(STR("a_session_b_session_c"));
	assert_text(id.person, "a_session_b");
	assert_text(id.session, "c");
}

static void what_says_nothing_names_nobody(void **state)
{
	static const char *const texts[] = { "",
					     " ",
					     "{}",
					     "{\"account_uuid\":null}",
					     "{\"account_uuid\":\"\"}",
					     "{\"device_id\":\"a\\u0041\"}" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct metadata_id id = metadata_id(str_from(texts[i]));

		assert_null(id.person.p);
		assert_null(id.session.p);
	}
	assert_null(metadata_id((struct str){ NULL, 0 }).person.p);
	assert_null(metadata_id(STR("_session_x")).person.p);
	assert_null(metadata_id(STR("x_session_")).session.p);
	assert_null(metadata_id(STR("user__account_")).person.p);
	assert_text(metadata_id(STR("{not json")).person, "{not json");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_id_is_short_clean_utf8),
		cmocka_unit_test(litellm_takes_eight_or_more_plain_characters),
		cmocka_unit_test(claude_codes_object_names_account_and_session),
		cmocka_unit_test(without_an_account_the_device_is_the_person),
		cmocka_unit_test(the_older_text_names_the_same_person),
		cmocka_unit_test(another_clients_text_is_the_person_itself),
		cmocka_unit_test(what_says_nothing_names_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
