/* test_values.c - what each kind of value may look like. */
#include "reading.h"

#include <errno.h>
#include <string.h>

struct number {
	const char *text;
	uint64_t value;
};

static void sizes_have_units(void **state)
{
	static const struct number cases[] = {
		{ "4096", 4096 },        { "2 KiB", 2048 },   { "16 MiB", 16 << 20 },
		{ "512kib", 512 << 10 }, { "1GiB", 1 << 30 }, { "2048 B", 2048 },
	};
	struct reading *rd = *state;
	char yaml[100];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(yaml, sizeof(yaml), "proxy: {collect_bytes: %s}\n",
			 cases[i].text);
		assert_taken(rd, yaml, "");
		assert_int_equal(rd->c->proxy.collect_bytes, cases[i].value);
	}
}

static void durations_have_units_and_are_seconds_without(void **state)
{
	static const struct number cases[] = {
		{ "20ms", 20 },     { "10s", 10000 },   { "5m", 300000 },
		{ "2 h", 7200000 }, { "1d", 86400000 }, { "3", 3000 },
		{ "1 S", 1000 },
	};
	struct reading *rd = *state;
	char yaml[100];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(yaml, sizeof(yaml), "proxy: {idle_timeout: %s}\n",
			 cases[i].text);
		assert_taken(rd, yaml, "");
		assert_int_equal(rd->c->proxy.idle_timeout, cases[i].value);
	}
}

static void numbers_that_are_none_are_refused(void **state)
{
	struct reading *rd = *state;

	assert_refused(
		rd,
		"proxy:\n"
		"  port: 65536\n"
		"  workers: -1\n"
		"  max_headers: 1_000\n"
		"  collect_bytes: 16 MB\n"
		"  max_head_bytes: 99999999999999999999 GiB\n"
		"  max_line_bytes: 18446744073709551615 KiB\n"
		"  idle_timeout: 0\n"
		"  body_timeout: 10 sec\n"
		"  head_timeout: ms\n",
		"config.yaml:2: error: proxy.port: found \"65536\", expected a whole "
		"number "
		"from 0 to 65535\n"
		"config.yaml:3: error: proxy.workers: found \"-1\", expected a whole "
		"number "
		"from 1 to 64\n"
		"config.yaml:4: error: proxy.max_headers: found \"1_000\", expected a "
		"whole "
		"number from 16 to 256\n"
		"config.yaml:5: error: proxy.collect_bytes: found \"16 MB\", expected a "
		"size "
		"from 1 KiB to 1 GiB\n"
		"config.yaml:6: error: proxy.max_head_bytes: found "
		"\"99999999999999999999 "
		"GiB\", expected a size from 1 KiB to 1 MiB\n"
		"config.yaml:7: error: proxy.max_line_bytes: found "
		"\"18446744073709551615 "
		"KiB\", expected a size from 1 KiB to 1 MiB\n"
		"config.yaml:8: error: proxy.idle_timeout: found \"0\", expected a "
		"duration "
		"from 1ms to 1d\n"
		"config.yaml:9: error: proxy.body_timeout: found \"10 sec\", expected a "
		"duration from 1ms to 1d\n"
		"config.yaml:10: error: proxy.head_timeout: found \"ms\", expected a "
		"duration from 1ms to 1d\n");
}

static void booleans_are_those_of_yaml(void **state)
{
	static const struct {
		const char *text;
		bool value;
	} cases[] = {
		{ "true", true }, { "False", false }, { "yes", true },    { "NO", false },
		{ "on", true },   { "off", false },   { "'true'", true }, { "0", false },
	};
	struct reading *rd = *state;
	char yaml[100];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(yaml, sizeof(yaml), "log: {json: %s}\n", cases[i].text);
		assert_taken(rd, yaml, "");
		assert_int_equal(rd->c->log.json, cases[i].value);
	}
	assert_refused(
		rd, "log: {json: maybe}\n",
		"config.yaml:1: error: log.json: found \"maybe\", expected true or "
		"false\n");
}

static void choices_are_named_in_any_case(void **state)
{
	struct reading *rd = *state;

	assert_taken(rd,
		     "log: {level: Warning}\n"
		     "session: {when_unknown: off}\n"
		     "inject_user_id: supermemory\n",
		     "");
	assert_int_equal(rd->c->log.level, LOG_LV_WARN);
	assert_int_equal(rd->c->session_when_unknown, WHEN_UNKNOWN_OFF);
	assert_int_equal(rd->c->inject_user_id, INJECT_USER_ID_SUPERMEMORY);
	assert_refused(rd, "session: {when_unknown: sometimes}\n",
		       "config.yaml:1: error: session.when_unknown: found \"sometimes\", "
		       "expected one of continue, per-user, off\n");
}

static void urls_are_http_with_a_host(void **state)
{
	static const char *const good[] = { "http://h", "https://h:1/p", "http://[::1]:8",
					    "HTTP://h.example_1:65535" };
	static const char *const bad[] = {
		"h:8765",     "ftp://h",        "http://",         "http://:80",
		"http://h:0", "http://h:99999", "http://u:p@h",    "http://h/a b",
		"http://h?q", "http://[::1",    "http://[::1]x:8", "http://h:8x",
	};
	struct reading *rd = *state;
	char yaml[100];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(yaml, sizeof(yaml), "proxy: {litellm_url: '%s/'}\n", good[i]);
		assert_taken(rd, yaml, "");
		assert_string_equal(rd->c->proxy.litellm_url, good[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(yaml, sizeof(yaml), "proxy: {litellm_url: '%s'}\n", bad[i]);
		assert_int_equal(reading_load_text(rd, yaml), -EINVAL);
	}
}

static void texts_have_the_form_of_their_key(void **state)
{
	struct reading *rd = *state;

	assert_refused(
		rd,
		"proxy:\n"
		"  host: a b\n"
		"  port_file: \"a\\nb\"\n"
		"user_id_mappings: {custom_header: 'x y'}\n"
		"store: {url: data/memory.db}\n",
		"config.yaml:2: error: proxy.host: found \"a b\", expected a host "
		"name or an IP address\n"
		"config.yaml:3: error: proxy.port_file: found \"a\\nb\", expected a "
		"line of text\n"
		"config.yaml:4: error: user_id_mappings.custom_header: found \"x "
		"y\", expected the name of a header\n"
		"config.yaml:5: error: store.url: found \"data/memory.db\", expected "
		"a store such as sqlite:data/memory.db or memory:\n");
}

static void an_empty_text_is_not_set_where_that_may_be(void **state)
{
	struct reading *rd = *state;

	assert_taken(rd, "user_id_mappings: {default_user_id: ''}\n", "");
	assert_null(rd->c->user_id_mappings.default_user_id);
	assert_refused(rd, "proxy: {host: ''}\n",
		       "config.yaml:1: error: proxy.host: found \"\", expected a host "
		       "name or an IP address\n");
}

static void networks_are_addresses_and_blocks(void **state)
{
	struct reading *rd = *state;

	assert_taken(rd, "metrics: {allow: [10.0.0.0/8, '::1', 'fd00::/8']}\n", "");
	assert_int_equal(rd->c->metrics.allow.n, 3);
	assert_string_equal(rd->c->metrics.allow.v[0], "10.0.0.0/8");
	assert_string_equal(rd->c->metrics.allow.v[2], "fd00::/8");
	assert_refused(
		rd,
		"metrics:\n"
		"  allow:\n"
		"    - 10.0.0.0/33\n"
		"    - localhost\n"
		"    - [1.2.3.4]\n",
		"config.yaml:3: error: metrics.allow[0]: found \"10.0.0.0/33\", "
		"expected an address or a block such as 10.0.0.0/8 or fd00::/8\n"
		"config.yaml:4: error: metrics.allow[1]: found \"localhost\", "
		"expected an address or a block such as 10.0.0.0/8 or fd00::/8\n"
		"config.yaml:5: error: metrics.allow[2]: found a list, expected an "
		"address or a block such as 10.0.0.0/8 or fd00::/8\n");
	assert_refused(
		rd, "metrics: {allow: 10.0.0.0/8}\n",
		"config.yaml:1: error: metrics.allow: found \"10.0.0.0/8\", expected "
		"a list, each an address or a block such as 10.0.0.0/8 or "
		"fd00::/8\n");
}

static void a_reference_stands_for_its_variable(void **state)
{
	struct reading *rd = *state;

	reading_env(rd, "MY_PORT", "1234");
	reading_env(rd, "MY_NET", "10.0.0.0/8");
	reading_env(rd, "MY_USER", "ann");
	assert_taken(rd,
		     "proxy: {port: os.environ/MY_PORT}\n"
		     "metrics: {allow: [os.environ/MY_NET]}\n"
		     "user_id_mappings:\n"
		     "  header_patterns:\n"
		     "    - {header: h, pattern: p, user_id: os.environ/MY_USER}\n",
		     "");
	assert_int_equal(rd->c->proxy.port, 1234);
	assert_string_equal(rd->c->metrics.allow.v[0], "10.0.0.0/8");
	assert_string_equal(rd->c->user_id_mappings.header_patterns.v[0].value, "ann");
}

static void a_reference_to_nothing_is_an_error_at_its_line(void **state)
{
	struct reading *rd = *state;

	reading_env(rd, "EMPTY", "");
	assert_refused(
		rd,
		"proxy:\n"
		"  admin_key: os.environ/NO_SUCH\n"
		"  port: os.environ/EMPTY\n"
		"client_patterns:\n"
		"  - {header: h, pattern: p, client: os.environ/NONE}\n",
		"config.yaml:2: error: proxy.admin_key: found "
		"\"os.environ/NO_SUCH\", expected the environment variable NO_SUCH "
		"to be set\n"
		"config.yaml:3: error: proxy.port: found \"os.environ/EMPTY\", "
		"expected the environment variable EMPTY to be set\n"
		"config.yaml:5: error: client_patterns[0].client: found "
		"\"os.environ/NONE\", expected the environment variable NONE to be "
		"set\n");
}

static void what_is_found_is_cut_where_it_is_long(void **state)
{
	struct reading *rd = *state;
	/* The 60th byte is in the middle of the last "ä". */
	const char *line = "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeefffffffffä";
	char yaml[200], expected[300];

	snprintf(yaml, sizeof(yaml), "proxy: {port: %s%s}\n", line, line);
	snprintf(expected, sizeof(expected),
		 "config.yaml:1: error: proxy.port: found \"%.59s…\", expected a whole "
		 "number from 0 to 65535\n",
		 line);
	assert_refused(rd, yaml, expected);
}

static void a_secret_is_not_repeated(void **state)
{
	struct reading *rd = *state;

	reading_env(rd, "SUPERMEMORY_API_KEY", "top\nsecret");
	assert_refused(
		rd,
		"proxy: {admin_key: \"a\\tb\"}\n"
		"store: {url: 'redis//:password@host'}\n",
		"config.yaml:1: error: proxy.admin_key: found a text (not shown), "
		"expected a line of text\n"
		"config.yaml:2: error: store.url: found a text (not shown), expected "
		"a store such as sqlite:data/memory.db or memory:\n"
		"error: SUPERMEMORY_API_KEY: found a text (not shown), expected a "
		"line of text\n");
}

static void keys_that_bound_each_other_are_compared(void **state)
{
	struct reading *rd = *state;

	assert_refused(
		rd,
		"proxy: {max_line_bytes: 128 KiB}\n"
		"memory:\n"
		"  deadline: 100ms\n",
		"config.yaml:1: error: proxy.max_line_bytes: found 128 KiB, expected "
		"at most proxy.max_head_bytes, which is 64 KiB\n"
		"config.yaml:3: error: memory.deadline: found 100ms, expected at "
		"most memory.cold_deadline, which is 60ms\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		READING(sizes_have_units),
		READING(durations_have_units_and_are_seconds_without),
		READING(numbers_that_are_none_are_refused),
		READING(booleans_are_those_of_yaml),
		READING(choices_are_named_in_any_case),
		READING(urls_are_http_with_a_host),
		READING(texts_have_the_form_of_their_key),
		READING(an_empty_text_is_not_set_where_that_may_be),
		READING(networks_are_addresses_and_blocks),
		READING(a_reference_stands_for_its_variable),
		READING(a_reference_to_nothing_is_an_error_at_its_line),
		READING(what_is_found_is_cut_where_it_is_long),
		READING(a_secret_is_not_repeated),
		READING(keys_that_bound_each_other_are_compared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
