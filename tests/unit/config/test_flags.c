/* test_flags.c - the command line. */
#include "reading.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void both_spellings_of_a_value_are_read(void **state)
{
	struct reading *rd = *state;

	reading_write(rd, "config.yaml", "");
	assert_int_equal(reading_load(rd, "--port=1", "--host", "h", "--litellm-url",
				      "http://h:1", "--workers=2",
				      "--store=memory:", "--port-file", "p", NULL),
			 0);
	assert_int_equal(rd->c->proxy.port, 1);
	assert_string_equal(rd->c->proxy.host, "h");
	assert_string_equal(rd->c->proxy.litellm_url, "http://h:1");
	assert_int_equal(rd->c->proxy.workers, 2);
	assert_string_equal(rd->c->store.url, "memory:");
	assert_string_equal(rd->c->proxy.port_file, "p");
	assert_int_equal(rd->action, CONFIG_RUN);
}

static void every_mistake_is_told(void **state)
{
	struct reading *rd = *state;

	reading_write(rd, "config.yaml", "");
	assert_int_equal(reading_load(rd, "--prot=1", "stray", "--frobnicate",
				      "--help=yes", "--workers", "0", "--port", NULL),
			 -EINVAL);
	assert_string_equal(rd->text,
			    "error: --prot: no such flag, did you mean --port?\n"
			    "error: stray: found an argument, expected a flag\n"
			    "error: --frobnicate: no such flag, see --help\n"
			    "error: --help: found a value, expected none\n"
			    "error: --port: found no value, expected one\n"
			    "error: --workers: found \"0\", expected a whole number from "
			    "1 to 64\n");
}

static void actions_are_told_to_the_caller(void **state)
{
	struct reading *rd = *state;

	reading_write(rd, "config.yaml", "");
	assert_int_equal(reading_load(rd, "--check-config", NULL), 0);
	assert_int_equal(rd->action, CONFIG_CHECK);
	assert_non_null(rd->c);
	assert_int_equal(reading_load(rd, "--print-config", NULL), 0);
	assert_int_equal(rd->action, CONFIG_PRINT);
}

static void help_and_version_ask_for_nothing_else(void **state)
{
	struct reading *rd = *state;

	reading_write(rd, "config.yaml", "proxy: {port: x}\n");
	assert_int_equal(reading_load(rd, "--version", NULL), 0);
	assert_int_equal(rd->action, CONFIG_VERSION);
	assert_null(rd->c);
	assert_int_equal(reading_load(rd, "--help", NULL), 0);
	assert_int_equal(rd->action, CONFIG_HELP);
	assert_null(rd->c);
}

static void a_file_that_is_named_must_be_there(void **state)
{
	struct reading *rd = *state;

	assert_int_equal(reading_load(rd, "--config", "/nonexistent/c.yaml", NULL),
			 -EINVAL);
	assert_string_equal(rd->text, "/nonexistent/c.yaml: error: cannot be read: No "
				      "such file or directory\n");
	assert_int_equal(reading_load(rd, "--config", "/tmp", NULL), -EINVAL);
	assert_string_equal(rd->text, "/tmp: error: cannot be read: Is a directory\n");
}

static char *help(enum config_program program)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	assert_non_null(f);
	config_help(program, f);
	fclose(f);
	return text;
}

static void help_names_the_flags_of_its_program(void **state)
{
	char *text = help(CONFIG_MEMPROXY), *other = help(CONFIG_REGISTRY);
	static const char *const flags[] = {
		"--config F",     "--host A",    "--port P",      "--litellm-url U",
		"--workers N",    "--store URL", "--port-file F", "--check-config",
		"--print-config", "--version",   "--help",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		assert_non_null(strstr(text, flags[i]));
	assert_non_null(strstr(text, "PROXY_PORT"));
	assert_non_null(strstr(other, "Usage: memproxy-registry"));
	assert_null(strstr(other, "--store"));
	for (const char *line = text; line != NULL && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		assert_true(strcspn(line, "\n") <= 79);
	}
	free(text);
	free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		READING(both_spellings_of_a_value_are_read),
		READING(every_mistake_is_told),
		READING(actions_are_told_to_the_caller),
		READING(help_and_version_ask_for_nothing_else),
		READING(a_file_that_is_named_must_be_there),
		cmocka_unit_test(help_names_the_flags_of_its_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
