/* test_layers.c - defaults, file, environment and flags, and which of them counts. */
#include "reading.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

static void without_anything_there_are_the_defaults(void **state)
{
	struct reading *rd = *state;

	assert_int_equal(reading_load_text(rd, ""), 0);
	assert_string_equal(rd->text, "");
	assert_string_equal(rd->c->proxy.host, "127.0.0.1");
	assert_int_equal(rd->c->proxy.port, 8764);
	assert_string_equal(rd->c->proxy.litellm_url, "http://127.0.0.1:8765");
	assert_int_equal(rd->c->proxy.workers, 1);
	assert_int_equal(rd->c->proxy.collect_bytes, 16 << 20);
	assert_int_equal(rd->c->proxy.idle_timeout, 75000);
	assert_int_equal(rd->c->memory.deadline, 20);
	assert_int_equal(rd->c->log.level, LOG_LV_INFO);
	assert_true(rd->c->proxy.access_log);
	assert_true(rd->c->identity.end_user);
	assert_string_equal(rd->c->store.url, "sqlite:data/memory.db");
	assert_null(rd->c->proxy.port_file);
	assert_null(rd->c->user_id_mappings.default_user_id);
	assert_null(rd->c->keys.admin_key);
	assert_int_equal(rd->c->user_id_mappings.header_patterns.n, 0);
}

static void each_layer_goes_before_the_one_below(void **state)
{
	struct reading *rd = *state;

	assert_int_equal(reading_load_text(rd, "proxy: {port: 1001}\n"), 0);
	assert_int_equal(rd->c->proxy.port, 1001);
	reading_env(rd, "PROXY_PORT", "1002");
	assert_int_equal(reading_load(rd, NULL), 0);
	assert_int_equal(rd->c->proxy.port, 1002);
	assert_int_equal(reading_load(rd, "--port", "1003", NULL), 0);
	assert_int_equal(rd->c->proxy.port, 1003);
}

static void every_variable_reaches_its_member(void **state)
{
	struct reading *rd = *state;

	reading_env(rd, "PROXY_HOST", "::1");
	reading_env(rd, "LITELLM_BASE_URL", "https://llm.example:4000/base/");
	reading_env(rd, "LITELLM_MASTER_KEY", "sk-master");
	reading_env(rd, "MEMPROXY_ADMIN_KEY", "sk-admin");
	reading_env(rd, "SUPERMEMORY_API_KEY", "sm_key");
	reading_env(rd, "MEMORY_TTL_SECONDS", "3600");
	reading_env(rd, "LOG_LEVEL", "DEBUG");
	reading_env(rd, "JSON_LOGS", "1");
	assert_int_equal(reading_load_text(rd, ""), 0);
	assert_string_equal(rd->c->proxy.host, "::1");
	assert_string_equal(rd->c->proxy.litellm_url, "https://llm.example:4000/base");
	assert_string_equal(rd->c->keys.master_key, "sk-master");
	assert_string_equal(rd->c->keys.admin_key, "sk-admin");
	assert_string_equal(rd->c->keys.supermemory_api_key, "sm_key");
	assert_int_equal(rd->c->store.ttl, 3600 * 1000);
	assert_int_equal(rd->c->log.level, LOG_LV_DEBUG);
	assert_true(rd->c->log.json);
}

static void the_store_is_the_first_variable_that_names_one(void **state)
{
	struct reading *rd = *state;

	reading_env(rd, "REDIS_HOST", "cache");
	assert_int_equal(reading_load_text(rd, "store: {url: 'memory:'}\n"), 0);
	assert_string_equal(rd->c->store.url, "redis://cache:6379/0");
	reading_env(rd, "REDIS_PORT", "7000");
	reading_env(rd, "REDIS_PASSWORD", "p@ss/w:rd");
	assert_int_equal(reading_load(rd, NULL), 0);
	assert_string_equal(rd->c->store.url, "redis://:p%40ss%2Fw%3Ard@cache:7000/0");
	reading_env(rd, "REDIS_URL", "redis://other/1");
	assert_int_equal(reading_load(rd, NULL), 0);
	assert_string_equal(rd->c->store.url, "redis://other/1");
	reading_env(rd, "MEMORY_STORE", "sqlite:/x.db");
	assert_int_equal(reading_load(rd, NULL), 0);
	assert_string_equal(rd->c->store.url, "sqlite:/x.db");
}

static void a_redis_host_by_address_is_bracketed(void **state)
{
	struct reading *rd = *state;

	reading_env(rd, "REDIS_HOST", "::1");
	assert_int_equal(reading_load_text(rd, ""), 0);
	assert_string_equal(rd->c->store.url, "redis://[::1]:6379/0");
}

static void an_empty_variable_is_not_set(void **state)
{
	struct reading *rd = *state;

	reading_env(rd, "PROXY_PORT", "");
	reading_env(rd, "REDIS_URL", "");
	assert_int_equal(reading_load_text(rd, "proxy: {port: 1001}\n"), 0);
	assert_int_equal(rd->c->proxy.port, 1001);
	assert_string_equal(rd->c->store.url, "sqlite:data/memory.db");
}

static void a_bad_variable_is_named(void **state)
{
	struct reading *rd = *state;

	reading_env(rd, "PROXY_PORT", "http");
	reading_env(rd, "LOG_LEVEL", "loud");
	assert_refused(rd, "",
		       "error: PROXY_PORT: found \"http\", expected a whole number from "
		       "0 to 65535\n"
		       "error: LOG_LEVEL: found \"loud\", expected one of error, warn, "
		       "info, debug\n");
}

static void all_layers_are_checked_even_where_another_counts(void **state)
{
	struct reading *rd = *state;

	reading_env(rd, "PROXY_PORT", "x");
	reading_write(rd, "config.yaml", "proxy:\n  port: y\n");
	assert_int_equal(reading_load(rd, "--port", "1", NULL), -EINVAL);
	assert_string_equal(rd->text,
			    "config.yaml:2: error: proxy.port: found \"y\", expected a "
			    "whole number from 0 to 65535\n"
			    "error: PROXY_PORT: found \"x\", expected a whole number "
			    "from 0 to 65535\n");
}

static void the_file_may_be_named_by_a_variable(void **state)
{
	struct reading *rd = *state;
	char path[128];

	reading_write(rd, "other.yaml", "proxy: {port: 1004}\n");
	snprintf(path, sizeof(path), "%s/other.yaml", rd->dir);
	reading_env(rd, "LITELLM_CONFIG", path);
	assert_int_equal(reading_load(rd, NULL), 0);
	assert_int_equal(rd->c->proxy.port, 1004);
	assert_string_equal(config_files(rd->c).v[0], path);
}

static void config_yaml_of_the_working_directory_is_read_unasked(void **state)
{
	struct reading *rd = *state;
	char before[512];

	assert_non_null(getcwd(before, sizeof(before)));
	assert_int_equal(chdir(rd->dir), 0);
	assert_int_equal(reading_load(rd, NULL), 0);
	assert_int_equal(config_files(rd->c).n, 0);
	reading_write(rd, "config.yaml", "proxy: {port: 1005}\n");
	rd->has_file = false;
	assert_int_equal(reading_load(rd, NULL), 0);
	assert_int_equal(chdir(before), 0);
	assert_int_equal(rd->c->proxy.port, 1005);
	assert_string_equal(config_files(rd->c).v[0], "config.yaml");
}

static void *drop(void *c)
{
	config_unref(c);
	return NULL;
}

static void the_last_reference_frees(void **state)
{
	struct reading *rd = *state;
	struct config *c;
	pthread_t t;

	assert_int_equal(reading_load_text(rd, ""), 0);
	c = config_ref(rd->c);
	assert_ptr_equal(c, rd->c);
	assert_int_equal(pthread_create(&t, NULL, drop, c), 0);
	assert_string_equal(rd->c->proxy.host, "127.0.0.1");
	assert_int_equal(pthread_join(t, NULL), 0);
	assert_string_equal(rd->c->proxy.host, "127.0.0.1");
	config_unref(NULL);
}

static void a_diff_names_what_needs_a_restart(void **state)
{
	struct reading *rd = *state;
	struct config *old;
	char diff[200], small[16];

	assert_int_equal(reading_load_text(rd, "proxy: {port: 1, idle_timeout: 1}\n"), 0);
	old = config_ref(rd->c);
	config_restart_diff(old, rd->c, diff, sizeof(diff));
	assert_string_equal(diff, "");
	assert_int_equal(reading_load_text(rd, "proxy: {port: 2, idle_timeout: 2}\n"
					       "store: {url: 'memory:'}\n"
					       "model_list: [{model_name: a}]\n"),
			 0);
	config_restart_diff(old, rd->c, diff, sizeof(diff));
	assert_string_equal(diff, "proxy.port, store.url, model_list (LiteLLM's half: "
				  "restart litellm)");
	config_restart_diff(old, rd->c, small, sizeof(small));
	assert_string_equal(small, "proxy.port");
	config_unref(old);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		READING(without_anything_there_are_the_defaults),
		READING(each_layer_goes_before_the_one_below),
		READING(every_variable_reaches_its_member),
		READING(the_store_is_the_first_variable_that_names_one),
		READING(a_redis_host_by_address_is_bracketed),
		READING(an_empty_variable_is_not_set),
		READING(a_bad_variable_is_named),
		READING(all_layers_are_checked_even_where_another_counts),
		READING(the_file_may_be_named_by_a_variable),
		READING(config_yaml_of_the_working_directory_is_read_unasked),
		READING(the_last_reference_frees),
		READING(a_diff_names_what_needs_a_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
