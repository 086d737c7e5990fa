/* test_litellm.c - LiteLLM's half of the file, and the files it includes. */
#include "reading.h"

#include <errno.h>
#include <string.h>

static void assert_model(const struct reading *rd, size_t i, const char *name,
			 const char *api_base)
{
	assert_true(i < rd->c->n_models);
	assert_string_equal(rd->c->models[i].name, name);
	if (api_base == NULL)
		assert_null(rd->c->models[i].api_base);
	else
		assert_string_equal(rd->c->models[i].api_base, api_base);
}

static void models_are_read_with_their_api_base(void **state)
{
	struct reading *rd = *state;

	reading_env(rd, "BASE", "http://from-env/v1");
	assert_taken(rd,
		     "defaults: &defaults {api_base: 'https://api.supermemory.ai/v3/x'}\n"
		     "model_list:\n"
		     "  - model_name: plain\n"
		     "    litellm_params: {model: openai/x, api_base: 'http://h/v1'}\n"
		     "  - model_name: named\n"
		     "    litellm_params: {api_base: os.environ/BASE}\n"
		     "  - model_name: unset\n"
		     "    litellm_params: {api_base: os.environ/NO_SUCH}\n"
		     "  - model_name: none\n"
		     "  - model_name: merged\n"
		     "    litellm_params: {<<: *defaults, model: anthropic/x}\n"
		     "  - litellm_params: {model: openai/nameless}\n"
		     "  - just text\n",
		     "");
	assert_int_equal(rd->c->n_models, 5);
	assert_model(rd, 0, "plain", "http://h/v1");
	assert_model(rd, 1, "named", "http://from-env/v1");
	assert_model(rd, 2, "unset", NULL);
	assert_model(rd, 3, "none", NULL);
	assert_model(rd, 4, "merged", "https://api.supermemory.ai/v3/x");
}

static void the_master_key_is_the_variable_then_the_file(void **state)
{
	struct reading *rd = *state;

	assert_taken(rd, "general_settings: {master_key: sk-file}\n", "");
	assert_string_equal(rd->c->keys.master_key, "sk-file");
	assert_taken(rd, "general_settings: {master_key: os.environ/NO_SUCH}\n", "");
	assert_null(rd->c->keys.master_key);
	reading_env(rd, "LITELLM_MASTER_KEY", "sk-env");
	assert_taken(rd,
		     "general_settings: {master_key: os.environ/LITELLM_MASTER_KEY}\n",
		     "");
	assert_string_equal(rd->c->keys.master_key, "sk-env");
	assert_taken(rd, "general_settings:\n  master_key: sk-file\n",
		     "config.yaml:2: warning: general_settings.master_key: differs from "
		     "LITELLM_MASTER_KEY, which memproxy goes by; LiteLLM goes by this "
		     "one\n");
	assert_string_equal(rd->c->keys.master_key, "sk-env");
}

static void included_files_add_their_models_and_are_listed(void **state)
{
	struct reading *rd = *state;
	struct config_list files;

	reading_write(rd, "data/a.yaml",
		      "include: [b.yaml, c.yaml]\n"
		      "model_list: [{model_name: a}]\n");
	reading_write(rd, "data/b.yaml",
		      "include: [a.yaml]\n"
		      "model_list: [{model_name: b}]\n"
		      "general_settings: {master_key: sk-b}\n");
	/* Beside config.yaml, not beside the file that names it: LiteLLM finds it too. */
	reading_write(rd, "c.yaml", "model_list: [{model_name: c}]\n");
	assert_taken(rd,
		     "include: [data/a.yaml, './data/../data/b.yaml']\n"
		     "model_list: [{model_name: main}]\n",
		     "");
	assert_int_equal(rd->c->n_models, 4);
	assert_model(rd, 0, "main", NULL);
	assert_model(rd, 1, "a", NULL);
	assert_model(rd, 2, "b", NULL);
	assert_model(rd, 3, "c", NULL);
	assert_string_equal(rd->c->keys.master_key, "sk-b");
	files = config_files(rd->c);
	assert_int_equal(files.n, 4);
	assert_non_null(strstr(files.v[0], "/config.yaml"));
	assert_non_null(strstr(files.v[1], "/data/a.yaml"));
	assert_non_null(strstr(files.v[3], "/c.yaml"));
}

static void a_missing_include_is_a_warning_and_is_watched(void **state)
{
	struct reading *rd = *state;

	assert_taken(rd, "proxy: {port: 1}\ninclude:\n  - data/none.yaml\n",
		     "config.yaml:3: warning: include: data/none.yaml: No such file or "
		     "directory; LiteLLM does not start without it\n");
	assert_int_equal(config_files(rd->c).n, 2);
	assert_non_null(strstr(config_files(rd->c).v[1], "data/none.yaml"));
}

static void the_files_of_a_refused_configuration_are_told_too(void **state)
{
	struct reading *rd = *state;

	assert_int_equal(reading_load_text(rd, "include: [a.yaml]\nproxy: {port: x}\n"),
			 -EINVAL);
	assert_int_equal(rd->report.n_files, 2);
	assert_non_null(strstr(rd->report.files[0], "/config.yaml"));
	assert_non_null(strstr(rd->report.files[1], "/a.yaml"));
}

static void an_include_that_is_no_yaml_is_refused(void **state)
{
	struct reading *rd = *state;

	reading_write(rd, "a.yaml", "model_list: [\n");
	assert_refused(rd, "include: [a.yaml]\n",
		       "a.yaml:2: error: column 1: did not find expected node content "
		       "(while parsing a flow node that begins at line 2)\n");
}

static void our_sections_in_an_included_file_are_a_warning(void **state)
{
	struct reading *rd = *state;

	reading_write(rd, "a.yaml", "model_list: []\nproxy: {port: 1}\n");
	assert_taken(rd, "include: [a.yaml]\n",
		     "a.yaml:2: warning: proxy: ignored in an included file, expected in "
		     "config.yaml\n");
	assert_int_equal(rd->c->proxy.port, 8764);
}

static void other_shapes_of_litellm_are_its_own_business(void **state)
{
	struct reading *rd = *state;

	assert_taken(rd,
		     "model_list: none\n"
		     "general_settings: [1]\n"
		     "include: a.yaml\n",
		     "config.yaml:3: warning: include: expected a list of files, LiteLLM "
		     "refuses this\n");
	assert_int_equal(rd->c->n_models, 0);
}

static void a_chain_of_includes_ends(void **state)
{
	struct reading *rd = *state;
	char name[32], text[64];

	for (int i = 0; i < 70; i++) {
		snprintf(name, sizeof(name), "%d.yaml", i);
		snprintf(text, sizeof(text), "include: [%d.yaml]\n", i + 1);
		reading_write(rd, name, text);
	}
	assert_taken(rd, "include: [0.yaml]\n",
		     "62.yaml:1: warning: include: more than 64 files, not read\n");
	assert_int_equal(config_files(rd->c).n, 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		READING(models_are_read_with_their_api_base),
		READING(the_master_key_is_the_variable_then_the_file),
		READING(included_files_add_their_models_and_are_listed),
		READING(a_missing_include_is_a_warning_and_is_watched),
		READING(the_files_of_a_refused_configuration_are_told_too),
		READING(an_include_that_is_no_yaml_is_refused),
		READING(our_sections_in_an_included_file_are_a_warning),
		READING(other_shapes_of_litellm_are_its_own_business),
		READING(a_chain_of_includes_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
