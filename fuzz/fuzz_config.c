/*
 * fuzz_config.c - config.yaml, and after a byte 0xff (in no text) a file that it
 * includes.
 *
 * What loads must print as YAML that loads and prints the same.
 */
#include "config/config_load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct files {
	struct str main, included;
};

static const char main_name[] = "config.yaml";

static void must(bool ok)
{
	if (!ok)
		abort();
}

static int read_one(void *arg, const char *path, struct buf *to)
{
	const struct files *f = arg;

	if (strcmp(path, main_name) == 0)
		return buf_add_str(to, f->main);
	return f->included.p ? buf_add_str(to, f->included) : -ENOENT;
}

static const char *get_env(void *arg, const char *name)
{
	(void)arg;
	return strcmp(name, "A") == 0 ? "1" : NULL;
}

static struct config *load(struct files f)
{
	char program[] = "memproxy", flag[] = "--config=config.yaml";
	char *argv[] = { program, flag, NULL };
	struct config_source src = { CONFIG_MEMPROXY, 2, argv, get_env, NULL };
	struct config_report report = { 0 };
	struct config *c = NULL;
	int err = config_load_with(&src, read_one, &f, &c, NULL, &report);

	must((err == 0) == (c != NULL));
	must((err == -EINVAL) == (report.n_errors > 0));
	config_report_done(&report);
	return c;
}

static char *print(const struct config *c)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	must(f != NULL);
	config_print(c, f);
	fclose(f);
	return text;
}

/* Takes out where the values came from, which differs. */
static void strip_origins(char *text)
{
	char *from = text, *to = text;

	while (*from != '\0') {
		size_t n = strcspn(from, "\n");
		const char *origin = memmem(from, n, "  # ", 4);
		size_t kept = origin ? (size_t)(origin - from) : n;

		memmove(to, from, kept);
		to += kept;
		*to++ = '\n';
		from += n + 1;
	}
	*to = '\0';
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data;
	const char *mark = size ? memchr(p, 0xff, size) : NULL;
	struct files f = { { p, mark ? (size_t)(mark - p) : size }, { NULL, 0 } };
	struct config *c, *again;
	char *first, *second;

	if (mark != NULL)
		f.included = (struct str){ mark + 1, size - f.main.len - 1 };
	c = load(f);
	if (c == NULL)
		return 0;
	first = print(c);
	again = load((struct files){ .main = str_from(first) });
	must(again != NULL);
	second = print(again);
	strip_origins(first);
	strip_origins(second);
	must(strcmp(first, second) == 0);
	free(first);
	free(second);
	config_unref(c);
	config_unref(again);
	return 0;
}
