/* config_report.c - what was found wrong with a configuration. */
#include "config/config_load.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static bool grow(struct config_report *r)
{
	size_t cap = r->cap ? 2 * r->cap : 8;
	struct config_issue *v;

	if (r->n < r->cap)
		return true;
	v = realloc(r->v, cap * sizeof(*v));
	if (v == NULL)
		return false;
	r->v = v;
	r->cap = cap;
	return true;
}

/* The file's name goes behind the text, so that an issue is one allocation. */
static bool keep_file(char **text, size_t n, struct config_at *at)
{
	size_t len;
	char *p;

	if (at->file == NULL)
		return true;
	len = strlen(at->file) + 1;
	p = realloc(*text, n + len);
	if (p == NULL)
		return false;
	at->file = memcpy(p + n, at->file, len);
	*text = p;
	return true;
}

void config_report_add(struct config_report *r, enum config_severity severity,
		       struct config_at at, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;
	int n;

	if (severity == CONFIG_ERROR)
		r->n_errors++;
	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	if (keep_file(&text, (size_t)n + 1, &at) && grow(r))
		r->v[r->n++] = (struct config_issue){ severity, at, text };
	else
		free(text);
}

void config_report_print(const struct config_report *r, FILE *to)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct config_issue *is = &r->v[i];

		if (is->at.file != NULL && is->at.line > 0)
			fprintf(to, "%s:%u: ", is->at.file, is->at.line);
		else if (is->at.file != NULL)
			fprintf(to, "%s: ", is->at.file);
		fprintf(to, "%s: %s\n",
			is->severity == CONFIG_ERROR ? "error" : "warning", is->text);
	}
	if (r->n_errors > 0 && r->n == 0)
		fputs("error: out of memory\n", to);
}

static void free_files(struct config_report *r)
{
	for (size_t i = 0; i < r->n_files; i++)
		free(r->files[i]);
	free(r->files);
	r->files = NULL;
	r->n_files = 0;
}

int config_report_files(struct config_report *r, struct config_list files)
{
	free_files(r);
	r->files = calloc(files.n + 1, sizeof(*r->files));
	if (r->files == NULL)
		return -ENOMEM;
	for (; r->n_files < files.n; r->n_files++) {
		r->files[r->n_files] = strdup(files.v[r->n_files]);
		if (r->files[r->n_files] == NULL) {
			free_files(r);
			return -ENOMEM;
		}
	}
	return 0;
}

void config_report_done(struct config_report *r)
{
	free_files(r);
	for (size_t i = 0; i < r->n; i++)
		free(r->v[i].text);
	free(r->v);
	*r = (struct config_report){ 0 };
}
