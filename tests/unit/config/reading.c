/* reading.c - a folder with files, an environment, and a configuration read from them. */
#include "reading.h"

#include <errno.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_ARGS = 16, MAX_PATH = 256 };

int reading_setup(void **state)
{
	struct reading *rd = calloc(1, sizeof(*rd));

	if (rd == NULL)
		return -1;
	strcpy(rd->dir, "/tmp/memproxy-config-XXXXXX");
	*state = rd;
	return mkdtemp(rd->dir) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

int reading_teardown(void **state)
{
	struct reading *rd = *state;
	int rc = nftw(rd->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);

	config_unref(rd->c);
	config_report_done(&rd->report);
	free(rd);
	return rc;
}

void reading_write(struct reading *rd, const char *name, const char *text)
{
	char path[MAX_PATH];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", rd->dir, name);
	if (strchr(name, '/') != NULL) {
		*strrchr(path, '/') = '\0';
		assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
		path[strlen(path)] = '/';
	}
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
	rd->has_file |= strcmp(name, "config.yaml") == 0;
}

void reading_env(struct reading *rd, const char *name, const char *value)
{
	assert_true(rd->n_env < sizeof(rd->env) / sizeof(rd->env[0]));
	rd->env[rd->n_env][0] = name;
	rd->env[rd->n_env++][1] = value;
}

static const char *get_env(void *arg, const char *name)
{
	const struct reading *rd = arg;

	for (size_t i = 0; i < rd->n_env; i++)
		if (strcmp(rd->env[i][0], name) == 0)
			return rd->env[i][1];
	return NULL;
}

/* The report as it is printed, the folder's name taken out. */
static void note_report(struct reading *rd)
{
	char *text = NULL, *at;
	size_t n = 0, len = strlen(rd->dir) + 1;
	FILE *f = open_memstream(&text, &n);

	assert_non_null(f);
	config_report_print(&rd->report, f);
	fclose(f);
	while ((at = strstr(text, rd->dir)) != NULL)
		memmove(at, at + len, strlen(at + len) + 1);
	snprintf(rd->text, sizeof(rd->text), "%s", text);
	free(text);
}

int reading_load(struct reading *rd, ...)
{
	char program[] = "memproxy", config[] = "--config", path[MAX_PATH];
	char *argv[MAX_ARGS] = { program };
	struct config_source src = { CONFIG_MEMPROXY, 1, argv, get_env, rd };
	va_list ap;
	int err;

	config_unref(rd->c);
	rd->c = NULL;
	config_report_done(&rd->report);
	if (rd->has_file) {
		snprintf(path, sizeof(path), "%s/config.yaml", rd->dir);
		argv[src.argc++] = config;
		argv[src.argc++] = path;
	}
	va_start(ap, rd);
	while ((argv[src.argc] = va_arg(ap, char *)) != NULL)
		assert_true(++src.argc < MAX_ARGS);
	va_end(ap);
	err = config_load(&src, &rd->c, &rd->action, &rd->report);
	note_report(rd);
	return err;
}

int reading_load_text(struct reading *rd, const char *yaml)
{
	reading_write(rd, "config.yaml", yaml);
	return reading_load(rd, NULL);
}

void assert_refused(struct reading *rd, const char *yaml, const char *report)
{
	int err = reading_load_text(rd, yaml);

	assert_string_equal(rd->text, report);
	assert_int_equal(err, -EINVAL);
	assert_null(rd->c);
	assert_true(rd->report.n_errors > 0);
}

void assert_taken(struct reading *rd, const char *yaml, const char *report)
{
	int err = reading_load_text(rd, yaml);

	assert_string_equal(rd->text, report);
	assert_int_equal(err, 0);
	assert_non_null(rd->c);
}

char *reading_print(const struct reading *rd)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	assert_non_null(f);
	config_print(rd->c, f);
	fclose(f);
	return text;
}
