/* config_value.c - one value: from a node, a variable or a flag to its member. */
#include "config/config_load.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#define REFERENCE "os.environ/"

enum { SHOWN = 60, MAX_MESSAGE = 500 };

const char *config_env(const struct config_loader *ld, const char *name)
{
	const char *v = ld->src->env(ld->src->env_arg, name);

	return v != NULL && v[0] != '\0' ? v : NULL;
}

const char *config_keep(struct config_loader *ld, struct str s)
{
	const char *p = arena_str(ld->arena, s).p;

	ld->nomem |= p == NULL;
	return p;
}

const char *config_path(struct config_loader *ld, const char *fmt, ...)
{
	char text[MAX_MESSAGE];
	struct str kept;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	kept = arena_str(ld->scratch, str_from(text));
	ld->nomem |= kept.p == NULL;
	return kept.p ? kept.p : "";
}

/* As it was written, cut where it is long, not in the middle of a character. */
static void add_quoted(struct buf *to, struct str s)
{
	size_t n = s.len;

	if (n > SHOWN) {
		n = SHOWN;
		while (n > 0 && ((unsigned char)s.p[n] & 0xc0) == 0x80)
			n--;
	}
	buf_add_char(to, '"');
	buf_add_json(to, str_slice(s, 0, n));
	buf_add_str(to, n < s.len ? STR("…\"") : STR("\""));
}

static void complain(struct config_loader *ld, struct config_at at, const char *name,
		     struct str found, bool secret, const char *expected)
{
	struct buf b;

	buf_init(&b, MAX_MESSAGE);
	/* An "@" may follow a URL's password. */
	if (secret || (found.len > 0 && memchr(found.p, '@', found.len) != NULL))
		buf_add_str(&b, STR("a text (not shown)"));
	else
		add_quoted(&b, found);
	config_report_add(ld->report, CONFIG_ERROR, at, "%s: found %.*s, expected %s",
			  name, STR_ARG(buf_str(&b)), expected);
	buf_done(&b);
}

void config_mismatch(struct config_loader *ld, const char *path,
		     const struct config_node *n, bool secret, const char *expected)
{
	struct config_at at = { ld->file, n->line };

	if (n->kind == CONFIG_SCALAR && !config_node_is_null(n))
		complain(ld, at, path, n->text, secret, expected);
	else
		config_report_add(
			ld->report, CONFIG_ERROR, at, "%s: found %s, expected %s", path,
			n->kind == CONFIG_SCALAR ? "nothing" : config_node_kind_name(n),
			expected);
}

/* What an os.environ/NAME stands for; true for any other text, unchanged. */
static bool resolve(struct config_loader *ld, const char *path,
		    const struct config_node *n, struct str *s)
{
	const char *name, *value;

	if (!str_has_prefix(*s, STR(REFERENCE)))
		return true;
	name = s->p + strlen(REFERENCE);
	value = config_env(ld, name);
	if (value == NULL) {
		config_mismatch(
			ld, path, n, false,
			config_path(ld, "the environment variable %s to be set", name));
		return false;
	}
	*s = str_from(config_keep(ld, str_from(value)));
	return s->p != NULL;
}

bool config_node_text(struct config_loader *ld, const char *path,
		      const struct config_node *n, const char *expected, bool secret,
		      struct str *ret)
{
	struct str s;

	if (n->kind != CONFIG_SCALAR || config_node_is_null(n) ||
	    memchr(n->text.p, '\0', n->text.len) != NULL) {
		config_mismatch(ld, path, n, secret, expected);
		return false;
	}
	s = str_from(config_keep(ld, n->text));
	if (s.p == NULL || !resolve(ld, path, n, &s))
		return false;
	*ret = s;
	return true;
}

void config_set_origin(struct config_loader *ld, const struct config_key *key,
		       struct config_origin from)
{
	ld->box->origins[key - config_keys] = from;
}

bool config_read_list(struct config_loader *ld, const struct config_key *key,
		      const struct config_node *n, const char *expected, size_t size,
		      void **ret)
{
	size_t count = 0;
	void *v;

	if (config_node_is_null(n))
		return false;
	if (n->kind != CONFIG_SEQUENCE) {
		config_mismatch(ld, key->path, n, false, expected);
		return false;
	}
	for (const struct config_pair *p = n->first; p != NULL; p = p->next)
		count++;
	v = arena_alloc(ld->arena, count * size);
	if (v == NULL) {
		ld->nomem = true;
		return false;
	}
	config_set_origin(ld, key,
			  (struct config_origin){ LAYER_FILE, ld->file, n->line });
	*ret = v;
	return true;
}

void config_assign(struct config_loader *ld, const struct config_key *key, struct str s,
		   struct config_origin from)
{
	bool in_file = from.layer == LAYER_FILE;
	struct config_at at = { in_file ? from.name : NULL, from.line };
	struct buf expected;
	int err = key->type->parse(key, s, ld->arena, config_member(&ld->box->c, key));

	if (!err)
		config_set_origin(ld, key, from);
	ld->nomem |= err == -ENOMEM;
	if (err != -EINVAL)
		return;
	buf_init(&expected, MAX_MESSAGE);
	key->type->expected(key, &expected);
	complain(ld, at, in_file ? key->path : from.name, s, key->flags & KEY_SECRET,
		 buf_str(&expected).p);
	buf_done(&expected);
}

void config_read_scalar(struct config_loader *ld, const struct config_key *key,
			const struct config_node *n)
{
	struct config_origin from = { LAYER_FILE, ld->file, n->line };
	struct buf expected;
	struct str s;

	if (config_node_is_null(n))
		return;
	buf_init(&expected, MAX_MESSAGE);
	key->type->expected(key, &expected);
	if (config_node_text(ld, key->path, n, buf_str(&expected).p,
			     key->flags & KEY_SECRET, &s))
		config_assign(ld, key, s, from);
	buf_done(&expected);
}
