/* test_print.c - --print-config: values, where they came from, and no secrets. */
#include "reading.h"

#include <stdlib.h>
#include <string.h>

static void each_value_says_where_it_came_from(void **state)
{
	struct reading *rd = *state;
	char *text, *at;

	reading_env(rd, "PROXY_HOST", "h");
	reading_write(rd, "config.yaml", "proxy:\n  workers: 2\n  drain_timeout: 90\n");
	assert_int_equal(reading_load(rd, "--port", "1", NULL), 0);
	text = reading_print(rd);
	assert_non_null(strstr(text, "\n  port: 1  # flag --port\n"));
	assert_non_null(strstr(text, "\n  host: \"h\"  # env PROXY_HOST\n"));
	assert_non_null(strstr(text, "\n  access_log: true  # default\n"));
	assert_non_null(strstr(text, "\n  drain_timeout: 90s  # "));
	at = strstr(text, "\n  workers: 2  # ");
	assert_non_null(at);
	assert_non_null(strstr(at, "/config.yaml:2\n"));
	free(text);
}

static void secrets_are_masked(void **state)
{
	struct reading *rd = *state;
	char *text;

	reading_env(rd, "LITELLM_MASTER_KEY", "top-1");
	reading_env(rd, "MEMPROXY_ADMIN_KEY", "top-2");
	reading_env(rd, "SUPERMEMORY_API_KEY", "top-3");
	reading_env(rd, "REDIS_URL", "redis://me:top-4@h/1");
	assert_int_equal(reading_load_text(rd, ""), 0);
	text = reading_print(rd);
	assert_null(strstr(text, "top-"));
	assert_non_null(strstr(text, "admin_key: \"***\"  # env MEMPROXY_ADMIN_KEY\n"));
	assert_non_null(strstr(text, "master_key: \"***\"  # env LITELLM_MASTER_KEY\n"));
	assert_non_null(strstr(text, "url: \"redis://me:***@h/1\"  # env REDIS_URL\n"));
	free(text);
}

static void passwords_in_a_urls_parameters_are_masked(void **state)
{
	struct reading *rd = *state;
	char *text;

	reading_env(rd, "MEMORY_STORE",
		    "postgresql://me:top-1@h/db?password=top@2&sslmode=require&"
		    "sslpassword=top-3");
	assert_int_equal(reading_load_text(rd, ""), 0);
	text = reading_print(rd);
	assert_null(strstr(text, "top"));
	assert_non_null(strstr(text, "url: \"postgresql://me:***@h/db?password=***&"
				     "sslmode=require&sslpassword=***\"  # env"));
	free(text);
}

static void a_secret_that_is_not_set_is_seen_to_be_none(void **state)
{
	struct reading *rd = *state;
	char *text;

	assert_int_equal(reading_load_text(rd, ""), 0);
	text = reading_print(rd);
	assert_non_null(strstr(text, "\n  admin_key: null  # default\n"));
	free(text);
}

static const char with_all_kinds[] =
	"proxy:\n"
	"  port_file: \"a \\\"b\\\" # c\\\\\"\n"
	"  collect_bytes: 1536 KiB\n"
	"  first_byte_timeout: 0\n"
	"user_id_mappings:\n"
	"  header_patterns:\n"
	"    - {header: user-agent, pattern: '^\"x\"\\s', user_id: 'a: b'}\n"
	"    - {header: h, present: true, user_id: u, shared: false}\n"
	"client_patterns:\n"
	"  - {header: h, pattern: p, client: c}\n"
	"session: {when_unknown: per-user}\n"
	"inject_user_id: supermemory\n"
	"store: {ttl: 1500ms}\n"
	"metrics: {allow: [10.0.0.0/8, '::1']}\n";

/* Without what follows "  # ": files and lines. */
static void strip_origins(char *text)
{
	char *at, *end;

	while ((at = strstr(text, "  # ")) != NULL) {
		end = strchr(at, '\n');
		assert_non_null(end);
		memmove(at, end, strlen(end) + 1);
	}
}

static void what_is_printed_reads_as_the_same(void **state)
{
	struct reading *rd = *state;
	char *first, *second;

	assert_taken(rd, with_all_kinds, "");
	first = reading_print(rd);
	assert_taken(rd, first, "");
	assert_string_equal(rd->c->proxy.port_file, "a \"b\" # c\\");
	assert_int_equal(rd->c->store.ttl, 1500);
	assert_string_equal(rd->c->user_id_mappings.header_patterns.v[0].pattern,
			    "^\"x\"\\s");
	assert_true(rd->c->user_id_mappings.header_patterns.v[1].needs_end_user);
	second = reading_print(rd);
	strip_origins(first);
	strip_origins(second);
	assert_string_equal(first, second);
	free(first);
	free(second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		READING(each_value_says_where_it_came_from),
		READING(secrets_are_masked),
		READING(passwords_in_a_urls_parameters_are_masked),
		READING(a_secret_that_is_not_set_is_seen_to_be_none),
		READING(what_is_printed_reads_as_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
