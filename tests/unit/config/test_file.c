/* test_file.c - the sections of a file: what is missing, unknown or there twice. */
#include "reading.h"

#include <errno.h>
#include <string.h>

static void values_reach_their_members(void **state)
{
	struct reading *rd = *state;

	assert_taken(rd,
		     "proxy:\n"
		     "  host: 0.0.0.0\n"
		     "  port: '80'\n"
		     "  access_log: false\n"
		     "identity:\n"
		     "  share_keys: yes\n"
		     "memory:\n"
		     "  budget_tokens: 500\n"
		     "store: {url: 'memory:', ttl: 30d}\n",
		     "");
	assert_string_equal(rd->c->proxy.host, "0.0.0.0");
	assert_int_equal(rd->c->proxy.port, 80);
	assert_false(rd->c->proxy.access_log);
	assert_true(rd->c->identity.share_keys);
	assert_int_equal(rd->c->memory.budget_tokens, 500);
	assert_string_equal(rd->c->store.url, "memory:");
	assert_int_equal(rd->c->store.ttl, 30ull * 86400 * 1000);
}

static void nothing_leaves_the_default(void **state)
{
	struct reading *rd = *state;

	assert_taken(rd,
		     "proxy:\n"
		     "  port:\n"
		     "  host: ~\n"
		     "memory:\n"
		     "log: null\n"
		     "client_patterns:\n",
		     "");
	assert_int_equal(rd->c->proxy.port, 8764);
	assert_string_equal(rd->c->proxy.host, "127.0.0.1");
}

static void every_error_of_a_file_is_reported(void **state)
{
	struct reading *rd = *state;

	assert_refused(
		rd,
		"proxy:\n"
		"  port: 80a\n"
		"  host: [a]\n"
		"  workers: {n: 1}\n"
		"store: sqlite\n"
		"log:\n"
		"  - level\n",
		"config.yaml:2: error: proxy.port: found \"80a\", expected a whole "
		"number from 0 to 65535\n"
		"config.yaml:3: error: proxy.host: found a list, expected a host "
		"name or an IP address\n"
		"config.yaml:4: error: proxy.workers: found a mapping, expected a "
		"whole number from 1 to 64\n"
		"config.yaml:5: error: store: found \"sqlite\", expected a mapping "
		"of keys\n"
		"config.yaml:7: error: log: found a list, expected a mapping of "
		"keys\n");
}

static void an_unknown_key_is_a_warning_with_the_nearest(void **state)
{
	struct reading *rd = *state;

	assert_taken(
		rd,
		"proxy:\n"
		"  prot: 1\n"
		"  acess_log: false\n"
		"  colour: blue\n"
		"user_id_mappings:\n"
		"  header_pattern: []\n",
		"config.yaml:2: warning: proxy.prot: no key of memproxy, did you mean "
		"\"port\"?\n"
		"config.yaml:3: warning: proxy.acess_log: no key of memproxy, did you "
		"mean \"access_log\"?\n"
		"config.yaml:4: warning: proxy.colour: no key of memproxy, ignored\n"
		"config.yaml:6: warning: user_id_mappings.header_pattern: no key of "
		"memproxy, did you mean \"header_patterns\"?\n");
	assert_int_equal(rd->c->proxy.port, 8764);
}

static void sections_of_others_pass_unless_they_look_like_ours(void **state)
{
	struct reading *rd = *state;

	assert_taken(
		rd,
		"litellm_settings: {drop_params: true}\n"
		"router_settings: {}\n"
		"keys: []\n"
		"registry: {}\n"
		"mcp_servers: {}\n"
		"foo: 1\n"
		"memroy: {enabled: false}\n"
		"clients_patterns: []\n",
		"config.yaml:7: warning: memroy: no key of memproxy, did you mean "
		"\"memory\"?\n"
		"config.yaml:8: warning: clients_patterns: no key of memproxy, did you "
		"mean \"client_patterns\"?\n");
}

static void a_key_there_twice_is_an_error_with_both_lines(void **state)
{
	struct reading *rd = *state;

	assert_refused(
		rd,
		"proxy:\n"
		"  port: 1\n"
		"  host: h\n"
		"  port: 2\n"
		"log: {level: info}\n"
		"proxy: {}\n",
		"config.yaml:4: error: proxy.port: found again, first at line 2, "
		"expected once\n"
		"config.yaml:6: error: proxy: found again, first at line 1, expected "
		"once\n");
}

static void a_section_of_others_there_twice_is_a_warning(void **state)
{
	struct reading *rd = *state;

	assert_taken(
		rd,
		"general_settings: {master_key: one}\n"
		"general_settings: {master_key: two}\n",
		"config.yaml:2: warning: general_settings: found again, first at line "
		"1; LiteLLM reads the last alone\n");
	assert_string_equal(rd->c->keys.master_key, "two");
}

static void aliases_and_merge_keys_are_followed(void **state)
{
	struct reading *rd = *state;

	assert_taken(rd,
		     "base: &base\n"
		     "  port: &port 1\n"
		     "  host: h\n"
		     "proxy:\n"
		     "  <<: *base\n"
		     "  max_headers: 99\n"
		     "  port: 2\n"
		     "memory: {budget_tokens: 100}\n",
		     "");
	assert_int_equal(rd->c->proxy.port, 2);
	assert_string_equal(rd->c->proxy.host, "h");
	assert_int_equal(rd->c->proxy.max_headers, 99);
	assert_refused(rd,
		       "base: &base\n"
		       "  port: x\n"
		       "proxy: *base\n",
		       "config.yaml:2: error: proxy.port: found \"x\", expected a whole "
		       "number from 0 to 65535\n");
}

static void a_file_of_another_shape_is_refused(void **state)
{
	struct reading *rd = *state;

	assert_refused(rd, "- a\n",
		       "config.yaml:1: error: the file: found a list, expected a mapping "
		       "of sections\n");
	assert_refused(rd, "hello\n",
		       "config.yaml:1: error: the file: found \"hello\", expected a "
		       "mapping of sections\n");
	assert_taken(rd, "# nothing\n", "");
	assert_taken(rd, "---\n", "");
}

static void keys_that_are_no_names_are_refused_in_our_sections(void **state)
{
	struct reading *rd = *state;

	assert_refused(
		rd,
		"? [a]\n"
		": 1\n"
		"proxy:\n"
		"  ? {b: c}\n"
		"  : 1\n",
		"config.yaml:4: error: proxy: found a mapping, expected the name of "
		"a key\n");
}

static void a_nul_is_no_text(void **state)
{
	struct reading *rd = *state;

	assert_refused(rd, "proxy: {port_file: \"a\\0b\"}\n",
		       "config.yaml:1: error: proxy.port_file: found \"a\\u0000b\", "
		       "expected a line of text\n");
}

static void a_file_that_is_no_file_is_refused(void **state)
{
	struct reading *rd = *state;

	assert_int_equal(reading_load(rd, "--config", "/dev/null", NULL), -EINVAL);
	assert_string_equal(rd->text,
			    "/dev/null: error: cannot be read: Invalid argument\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		READING(values_reach_their_members),
		READING(nothing_leaves_the_default),
		READING(every_error_of_a_file_is_reported),
		READING(an_unknown_key_is_a_warning_with_the_nearest),
		READING(sections_of_others_pass_unless_they_look_like_ours),
		READING(a_key_there_twice_is_an_error_with_both_lines),
		READING(a_section_of_others_there_twice_is_a_warning),
		READING(aliases_and_merge_keys_are_followed),
		READING(a_file_of_another_shape_is_refused),
		READING(keys_that_are_no_names_are_refused_in_our_sections),
		READING(a_nul_is_no_text),
		READING(a_file_that_is_no_file_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
