/* test_rules.c - user_id_mappings.header_patterns and client_patterns. */
#include "reading.h"

#include <string.h>

static void rules_keep_the_order_of_the_file_and_their_lines(void **state)
{
	struct reading *rd = *state;
	const struct config_rules *rules;

	assert_taken(
		rd,
		"user_id_mappings:\n"
		"  custom_header: X-Who\n"
		"  header_patterns:\n"
		"    - header: User-Agent\n"
		"      pattern: \"^OpenAIClientImpl/Java\"\n"
		"      user_id: secretary-dev\n"
		"    - {header: x-team, present: true, user_id: team, shared: false}\n"
		"  default_user_id: someone\n",
		"");
	rules = &rd->c->user_id_mappings.header_patterns;
	assert_int_equal(rules->n, 2);
	assert_string_equal(rules->v[0].header, "User-Agent");
	assert_string_equal(rules->v[0].pattern, "^OpenAIClientImpl/Java");
	assert_string_equal(rules->v[0].value, "secretary-dev");
	assert_false(rules->v[0].needs_end_user);
	assert_int_equal(rules->v[0].at.line, 4);
	assert_non_null(strstr(rules->v[0].at.file, "config.yaml"));
	assert_string_equal(rules->v[1].header, "x-team");
	assert_null(rules->v[1].pattern);
	assert_true(rules->v[1].needs_end_user);
	assert_int_equal(rules->v[1].at.line, 7);
	assert_string_equal(rd->c->user_id_mappings.custom_header, "X-Who");
	assert_string_equal(rd->c->user_id_mappings.default_user_id, "someone");
}

static void client_rules_name_a_client(void **state)
{
	struct reading *rd = *state;

	assert_taken(
		rd,
		"client_patterns:\n"
		"  - {header: user-agent, pattern: '^Zed/', client: zed}\n"
		"  - {header: x-openwebui-chat-id, present: true, client: open-webui}\n",
		"");
	assert_int_equal(rd->c->client_patterns.n, 2);
	assert_string_equal(rd->c->client_patterns.v[0].value, "zed");
	assert_string_equal(rd->c->client_patterns.v[1].value, "open-webui");
	assert_null(rd->c->client_patterns.v[1].pattern);
}

static void what_a_rule_lacks_is_reported_at_its_line(void **state)
{
	struct reading *rd = *state;

	assert_refused(
		rd,
		"client_patterns:\n"
		"  - {pattern: a, client: c}\n"
		"  - {header: h, client: c}\n"
		"  - {header: h, pattern: a}\n"
		"  - {header: h, pattern: '', client: ''}\n"
		"  - {header: 'a b', pattern: a, client: \"a\\nb\"}\n"
		"  - {header: h, pattern: a, present: true, client: c}\n"
		"  - {header: h, present: maybe, client: c}\n"
		"  - just a text\n",
		"config.yaml:2: error: client_patterns[0].header: found nothing, "
		"expected "
		"the name of a header\n"
		"config.yaml:3: error: client_patterns[1].pattern: found nothing, "
		"expected "
		"a regular expression, or present: true\n"
		"config.yaml:4: error: client_patterns[2].client: found nothing, "
		"expected "
		"a line of text\n"
		"config.yaml:5: error: client_patterns[3].pattern: found \"\", expected "
		"a "
		"regular expression, or present: true\n"
		"config.yaml:5: error: client_patterns[3].client: found \"\", expected a "
		"line of text\n"
		"config.yaml:6: error: client_patterns[4].header: found \"a b\", "
		"expected "
		"the name of a header\n"
		"config.yaml:6: error: client_patterns[4].client: found \"a\\nb\", "
		"expected "
		"a line of text\n"
		"config.yaml:7: error: client_patterns[5].pattern: found beside present: "
		"true, expected one of them\n"
		"config.yaml:8: error: client_patterns[6].present: found \"maybe\", "
		"expected "
		"true or false\n"
		"config.yaml:8: error: client_patterns[6].pattern: found nothing, "
		"expected a "
		"regular expression, or present: true\n"
		"config.yaml:9: error: client_patterns[7]: found \"just a text\", "
		"expected a "
		"rule\n");
}

static void the_same_condition_twice_is_refused(void **state)
{
	struct reading *rd = *state;

	assert_refused(rd,
		       "client_patterns:\n"
		       "  - {header: user-agent, pattern: a, client: x}\n"
		       "  - {header: user-agent, pattern: A, client: y}\n"
		       "  - {header: h, present: true, client: y}\n"
		       "  - {header: User-Agent, pattern: a, client: z}\n",
		       "config.yaml:5: error: client_patterns[3]: found the header and "
		       "pattern of line 2 again, expected another\n");
}

static void fields_that_no_rule_has_are_warnings(void **state)
{
	struct reading *rd = *state;

	assert_taken(
		rd,
		"client_patterns:\n"
		"  - {header: h, pattern: p, client: c, shared: true}\n"
		"  - header: h\n"
		"    pattern: q\n"
		"    client: c\n"
		"    heeder: x\n",
		"config.yaml:2: warning: client_patterns[0].shared: no field of a rule, "
		"ignored\n"
		"config.yaml:6: warning: client_patterns[1].heeder: no field of a rule, "
		"did you mean \"header\"?\n");
}

static void a_field_there_twice_is_an_error(void **state)
{
	struct reading *rd = *state;

	assert_refused(
		rd,
		"client_patterns:\n"
		"  - header: h\n"
		"    pattern: q\n"
		"    client: c\n"
		"    header: i\n",
		"config.yaml:5: error: client_patterns[0].header: found again, first "
		"at line 2, expected once\n");
}

static void rules_are_a_list(void **state)
{
	struct reading *rd = *state;

	assert_refused(
		rd, "client_patterns: {header: h}\n",
		"config.yaml:1: error: client_patterns: found a mapping, expected a "
		"list of rules\n");
	assert_taken(rd, "client_patterns: []\n", "");
	assert_int_equal(rd->c->client_patterns.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		READING(rules_keep_the_order_of_the_file_and_their_lines),
		READING(client_rules_name_a_client),
		READING(what_a_rule_lacks_is_reported_at_its_line),
		READING(the_same_condition_twice_is_refused),
		READING(fields_that_no_rule_has_are_warnings),
		READING(a_field_there_twice_is_an_error),
		READING(rules_are_a_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
