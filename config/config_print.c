/* config_print.c - a configuration shown: its values, and what changed in them. */
#include "config/config_load.h"

#include <stdio.h>
#include <string.h>

enum { MAX_VALUE = 1 << 20 };

static void format(const struct config *c, const struct config_key *key, struct buf *to)
{
	buf_init(to, MAX_VALUE);
	key->type->format(key, config_member_of(c, key), to);
}

/* --- print-config --------------------------------------------------------------------
 */

/* The value of a parameter as "password=" or "sslpassword=". */
static struct str password_parameter_in(struct str s)
{
	static const char name[] = "password=";
	const char *at = memmem(s.p, s.len, name, sizeof(name) - 1);

	if (at == NULL)
		return (struct str){ NULL, 0 };
	at += sizeof(name) - 1;
	return (struct str){ at, strcspn(at, "&#\"") };
}

/* The password of a URL: what stands between "//user:" and "@". */
static struct str password_in(struct str s)
{
	const char *slashes = memmem(s.p, s.len, "://", 3);
	const char *from = slashes ? slashes + 3 : s.p;
	const char *parameter = password_parameter_in(s).p;
	size_t left = (size_t)((parameter ? parameter : s.p + s.len) - from);
	/* A password may hold anything; a host holds no "@". */
	const char *at = slashes ? memrchr(from, '@', left) : NULL;
	const char *colon = at ? memchr(from, ':', (size_t)(at - from)) : NULL;

	if (colon == NULL)
		return password_parameter_in(s);
	return (struct str){ colon + 1, (size_t)(at - colon) - 1 };
}

/* `s` ends with a NUL. */
static void print_without_passwords(struct str s, FILE *to)
{
	struct str hidden = password_in(s);

	while (hidden.p != NULL) {
		fprintf(to, "%.*s***", (int)(hidden.p - s.p), s.p);
		s = str_slice(s, (size_t)(hidden.p - s.p) + hidden.len, s.len);
		hidden = password_parameter_in(s);
	}
	fprintf(to, "%.*s", STR_ARG(s));
}

static void print_value(const struct config *c, const struct config_key *key, FILE *to)
{
	struct str value;
	struct buf b;

	format(c, key, &b);
	value = buf_str(&b);
	if (b.failed)
		fputs("null", to);
	else if ((key->flags & KEY_SECRET) && !str_eq(value, STR("null")))
		fputs("\"***\"", to);
	else if (key->type->block)
		fprintf(to, "%s", value.p);
	else
		print_without_passwords(value, to);
	buf_done(&b);
}

static void print_origin(const struct config_origin *from, FILE *to)
{
	switch (from->layer) {
	case LAYER_DEFAULT:
		fputs("  # default", to);
		break;
	case LAYER_FILE:
		fprintf(to, "  # %s:%u", from->name, from->line);
		break;
	case LAYER_ENV:
		fprintf(to, "  # env %s", from->name);
		break;
	case LAYER_FLAG:
		fprintf(to, "  # flag %s", from->name);
		break;
	}
}

/* The part of a path before its dot, the dot included; empty at the top. */
static int section_length(const char *path)
{
	const char *dot = strchr(path, '.');

	return dot ? (int)(dot + 1 - path) : 0;
}

static void print_key(const struct config *c, size_t i, FILE *to)
{
	const struct config_key *key = &config_keys[i];
	const struct config_origin *from = &config_box_of(c)->origins[i];
	int section = section_length(key->path);

	fprintf(to, "%s%s:", section ? "  " : "", key->path + section);
	if (key->type->block) {
		print_origin(from, to);
		print_value(c, key, to);
	} else {
		fputc(' ', to);
		print_value(c, key, to);
		print_origin(from, to);
	}
	fputc('\n', to);
}

void config_print(const struct config *c, FILE *to)
{
	const char *before = "";
	int n = 0;

	for (size_t i = 0; i < config_n_keys; i++) {
		const char *path = config_keys[i].path;
		int section = section_length(path);

		if ((config_keys[i].flags & KEY_ORIGINAL) &&
		    config_box_of(c)->origins[i].layer == LAYER_DEFAULT)
			continue;

		if (section > 0 &&
		    (section != n || strncmp(path, before, (size_t)n) != 0))
			fprintf(to, "%.*s:\n", section - 1, path);
		before = path;
		n = section;
		print_key(c, i, to);
	}
}

/* --- what a restart is needed for ------------------------------------------------------
 */

static bool same_value(const struct config *a, const struct config *b,
		       const struct config_key *key)
{
	struct buf x, y;
	bool same;

	format(a, key, &x);
	format(b, key, &y);
	same = str_eq(buf_str(&x), buf_str(&y));
	buf_done(&x);
	buf_done(&y);
	return same;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool same_models(const struct config *a, const struct config *b)
{
	bool same = a->n_models == b->n_models;

	for (size_t i = 0; same && i < a->n_models; i++)
		same = same_text(a->models[i].name, b->models[i].name) &&
		       same_text(a->models[i].api_base, b->models[i].api_base);
	return same;
}

/* Items that no longer fit are left out. */
static void add_item(char *ret, size_t n, const char *path, bool litellm)
{
	size_t len = strlen(ret);
	int added = snprintf(ret + len, n - len, "%s%s%s", len ? ", " : "", path,
			     litellm ? " (LiteLLM's half: restart litellm)" : "");

	if (added < 0 || (size_t)added >= n - len)
		ret[len] = '\0';
}

void config_restart_diff(const struct config *a, const struct config *b, char *ret,
			 size_t n)
{
	ret[0] = '\0';
	for (size_t i = 0; i < config_n_keys; i++) {
		const struct config_key *key = &config_keys[i];

		if ((key->flags & (KEY_RESTART | KEY_LITELLM)) && !same_value(a, b, key))
			add_item(ret, n, key->path, key->flags & KEY_LITELLM);
	}
	if (!same_models(a, b))
		add_item(ret, n, "model_list", true);
}

struct config_list config_files(const struct config *c)
{
	return config_box_of(c)->files;
}
