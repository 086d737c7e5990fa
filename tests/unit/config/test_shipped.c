/*
 * test_shipped.c - config.yaml and docs/reference/CONFIGURATION.md of this tree.
 *
 * In config.yaml "#key: value" is a setting that waits, "# text" a comment.
 */
#include "config/config_keys.h"
#include "reading.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static char *read_whole(const char *path)
{
	char *text = calloc(1, 1 << 20);
	FILE *f = fopen(path, "r");

	assert_non_null(text);
	assert_non_null(f);
	assert_true(fread(text, 1, (1 << 20) - 1, f) > 0);
	fclose(f);
	return text;
}

static void the_reference_page_follows_from_the_table(void **state)
{
	char *page = read_whole("docs/reference/CONFIGURATION.md"), *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	(void)state;
	config_reference(f);
	fclose(f);
	if (strcmp(text, page) != 0)
		fail_msg("docs/reference/CONFIGURATION.md is not what the table says: "
			 "run `ninja reference`");
	free(page);
	free(text);
}

static void rows_of_the_table_are_whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < config_n_keys; i++) {
		const struct config_key *key = &config_keys[i];

		assert_non_null(key->path);
		assert_non_null(key->doc);
		assert_true(key->programs != 0);
		assert_true(key->at < sizeof(struct config));
		assert_int_equal(key->flag == NULL, key->arg == NULL);
		assert_true(
			key->type->parse != NULL ||
			(key->def == NULL && key->flag == NULL && key->env[0] == NULL));
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(config_keys[k].path, key->path);
	}
}

/* What start_proxies.sh puts beside the file and into the environment. */
static void prepare(struct reading *rd)
{
	reading_write(rd, "data/registry-models.yaml", "model_list: []\n");
	reading_env(rd, "LITELLM_MASTER_KEY", "sk-strong");
	reading_env(rd, "DEMO_API_BASE", "http://127.0.0.1:8767/v1");
}

static void the_shipped_file_loads_without_a_word(void **state)
{
	struct reading *rd = *state;
	char *yaml = read_whole("config.yaml");

	prepare(rd);
	assert_taken(rd, yaml, "");
	assert_int_equal(rd->c->n_models, 1);
	assert_string_equal(rd->c->models[0].name, "demo");
	assert_string_equal(rd->c->models[0].api_base, "http://127.0.0.1:8767/v1");
	assert_int_equal(rd->c->user_id_mappings.header_patterns.n, 3);
	assert_string_equal(rd->c->user_id_mappings.default_user_id, "default-user");
	assert_true(rd->c->client_patterns.n > 20);
	free(yaml);
}

/* Takes the "#" away from every setting that waits. */
static void uncomment(char *yaml)
{
	bool blank = true; /* nothing but blanks so far in this line */

	for (char *p = yaml; *p != '\0'; p++) {
		if (blank && p[0] == '#' && (p[1] != ' ' || p[2] == ' ') && p[1] != '\n')
			memmove(p, p + 1, strlen(p));
		blank = *p == '\n' || (blank && *p == ' ');
	}
}

static void every_key_is_in_the_shipped_file(void **state)
{
	struct reading *rd = *state;
	char *yaml = read_whole("config.yaml"), *text;

	prepare(rd);
	reading_env(rd, "MEMPROXY_ADMIN_KEY", "sk-admin");
	reading_env(rd, "SUPERMEMORY_API_KEY", "sm-key");
	uncomment(yaml);
	assert_taken(rd, yaml, "");
	text = reading_print(rd);
	assert_null(strstr(text, "# default"));
	assert_int_equal(rd->c->n_models, 6);
	free(text);
	free(yaml);
}

static char *value_of(const struct reading *rd, const struct config_key *key)
{
	struct buf b;

	buf_init(&b, 1 << 16);
	key->type->format(key, config_member_of(rd->c, key), &b);
	return buf_take(&b);
}

static void settings_that_wait_are_the_defaults(void **state)
{
	struct reading *rd = *state;
	char *yaml = read_whole("config.yaml"), *defaults[100];

	assert_true(config_n_keys <= 100);
	assert_taken(rd, "", "");
	for (size_t i = 0; i < config_n_keys; i++)
		defaults[i] = value_of(rd, &config_keys[i]);
	prepare(rd);
	reading_env(rd, "MEMPROXY_ADMIN_KEY", "sk-admin");
	reading_env(rd, "SUPERMEMORY_API_KEY", "sm-key");
	uncomment(yaml);
	assert_taken(rd, yaml, "");
	for (size_t i = 0; i < config_n_keys; i++) {
		char *value = value_of(rd, &config_keys[i]);

		if (config_keys[i].def != NULL)
			assert_string_equal(value, defaults[i]);
		free(value);
		free(defaults[i]);
	}
	free(yaml);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_reference_page_follows_from_the_table),
		cmocka_unit_test(rows_of_the_table_are_whole),
		READING(the_shipped_file_loads_without_a_word),
		READING(every_key_is_in_the_shipped_file),
		READING(settings_that_wait_are_the_defaults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
