/*
 * config_litellm.c - LiteLLM's half of the file, and the files it includes.
 *
 * Read as LiteLLM reads it (its proxy/common_utils/config_includes.py): an
 * include is looked for beside the file that names it, then beside config.yaml;
 * lists of included files are added, other sections of theirs replace. What is
 * wrong in there is LiteLLM's to refuse: here it is a warning at most.
 */
#include "config/config_load.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_FILES = 64 };

/* A file to read or read already, in LiteLLM's order. */
struct source {
	const char *path;    /* as named */
	const char *real;    /* tells one file under two names */
	struct config_at at; /* who names it; no file: config.yaml itself */
	struct source *next;
};

struct model {
	struct config_model m;
	struct model *next;
};

struct half {
	struct config_loader *ld;
	struct source *first, **last;
	size_t n_files;
	struct model *models, **last_model;
	size_t n_models;
};

static void warn(struct config_loader *ld, unsigned line, const char *text)
{
	config_report_add(ld->report, CONFIG_WARNING,
			  (struct config_at){ ld->file, line }, "%s", text);
}

static void *take(struct config_loader *ld, size_t size)
{
	void *p = arena_alloc(ld->scratch, size);

	ld->nomem |= p == NULL;
	return p;
}

/* A value of LiteLLM's; absent where it is no text or a variable that is not set here. */
static struct str litellm_text(const struct half *h, const struct config_node *n)
{
	static const char reference[] = "os.environ/";
	struct str none = { NULL, 0 };

	if (config_node_is_null(n) || n->kind != CONFIG_SCALAR ||
	    memchr(n->text.p, '\0', n->text.len) != NULL)
		return none;
	if (!str_has_prefix(n->text, str_from(reference)))
		return n->text;
	return str_from(config_env(h->ld, n->text.p + strlen(reference)));
}

/* --- model_list --------------------------------------------------------------------- */

static void add_model(struct half *h, struct str name, struct str api_base)
{
	struct model *m = take(h->ld, sizeof(*m));

	if (m == NULL)
		return;
	m->m.name = config_keep(h->ld, name);
	m->m.api_base = api_base.p ? config_keep(h->ld, api_base) : NULL;
	*h->last_model = m;
	h->last_model = &m->next;
	h->n_models++;
}

static void read_models(struct half *h, const struct config_node *root)
{
	const struct config_node *list = config_node_get(root, STR("model_list"));

	if (list == NULL || list->kind != CONFIG_SEQUENCE)
		return;
	for (const struct config_pair *p = list->first; p != NULL; p = p->next) {
		const struct config_node *params =
			config_node_get(p->value, STR("litellm_params"));
		struct str name =
			litellm_text(h, config_node_get(p->value, STR("model_name")));

		if (name.p != NULL)
			add_model(h, name,
				  litellm_text(h,
					       config_node_get(params, STR("api_base"))));
	}
}

static void keep_models(struct half *h)
{
	struct config_model *v = arena_alloc(h->ld->arena, h->n_models * sizeof(*v));
	struct config *c = &h->ld->box->c;

	if (v == NULL) {
		h->ld->nomem = true;
		return;
	}
	c->models = v;
	for (struct model *m = h->models; m != NULL; m = m->next)
		v[c->n_models++] = m->m;
}

/* --- general_settings -----------------------------------------------------------------
 */

static const struct config_key *master_key(void)
{
	const struct config_key *key = config_keys;

	while (!(key->flags & KEY_LITELLM))
		key++;
	return key;
}

/* LiteLLM takes the file's before the variable's; here the variable goes first. */
static void check_master_key(struct half *h, struct str s, unsigned line)
{
	const char *env = config_env(h->ld, master_key()->env[0]);

	if (env != NULL && !str_eq(s, str_from(env)))
		warn(h->ld, line,
		     "general_settings.master_key: differs from LITELLM_MASTER_KEY, "
		     "which "
		     "memproxy goes by; LiteLLM goes by this one");
}

static void read_master_key(struct half *h, const struct config_node *root)
{
	const struct config_node *n = config_node_get(
		config_node_get(root, STR("general_settings")), STR("master_key"));
	struct str s = litellm_text(h, n);

	if (s.p == NULL || s.len == 0)
		return;
	config_assign(h->ld, master_key(), s,
		      (struct config_origin){ LAYER_FILE, h->ld->file, n->line });
	check_master_key(h, s, n->line);
}

/* --- include --------------------------------------------------------------------------
 */

static void add_file(struct half *h, const char *path, struct config_at at)
{
	char *real = realpath(path, NULL);
	const char *identity = config_path(h->ld, "%s", real ? real : path);
	struct source *s = h->first;

	free(real);
	while (s != NULL && strcmp(s->real, identity) != 0)
		s = s->next;
	if (s != NULL || (s = take(h->ld, sizeof(*s))) == NULL)
		return;
	s->path = config_keep(h->ld, str_from(path));
	s->real = identity;
	s->at = at;
	*h->last = s;
	h->last = &s->next;
	h->n_files++;
}

/* `name` in the folder of `file`. */
static const char *beside(struct config_loader *ld, const char *file, const char *name)
{
	const char *slash = strrchr(file, '/');

	if (name[0] == '/' || slash == NULL)
		return name;
	return config_path(ld, "%.*s/%s", (int)(slash - file), file, name);
}

static void add_include(struct half *h, const char *name, struct config_at at)
{
	const char *path = beside(h->ld, at.file, name);
	const char *root = beside(h->ld, h->first->path, name);

	if (h->n_files == MAX_FILES)
		warn(h->ld, at.line, "include: more than 64 files, not read");
	else
		add_file(h,
			 access(path, F_OK) != 0 && access(root, F_OK) == 0 ? root : path,
			 at);
}

static void read_includes(struct half *h, const struct config_node *root)
{
	const struct config_node *list = config_node_get(root, STR("include"));
	struct config_at at = { h->ld->file, 0 };

	if (list != NULL && list->kind != CONFIG_SEQUENCE)
		warn(h->ld, list->line,
		     "include: expected a list of files, LiteLLM refuses this");
	if (list == NULL || list->kind != CONFIG_SEQUENCE)
		return;
	for (const struct config_pair *p = list->first; p != NULL; p = p->next) {
		at.line = p->value->line;
		if (p->value->kind == CONFIG_SCALAR && p->value->text.len > 0)
			add_include(h, p->value->text.p, at);
	}
}

static void warn_ours(struct half *h, const struct config_node *root)
{
	for (const struct config_pair *p = root->first; p != NULL; p = p->next)
		if (root->kind == CONFIG_MAPPING && p->key->kind == CONFIG_SCALAR &&
		    config_is_ours(p->key->text))
			warn(h->ld, p->key->line,
			     config_path(
				     h->ld,
				     "%.*s: ignored in an included file, expected in %s",
				     STR_ARG(p->key->text), h->first->path));
}

static const struct config_node *read_included(struct half *h, const struct source *s)
{
	const struct config_node *root = NULL;
	int err = config_parse_file(h->ld, s->path, &root);

	if (err)
		config_report_add(h->ld->report, CONFIG_WARNING, s->at,
				  "include: %s: %s; LiteLLM does not start without it",
				  s->path, strerrordesc_np(-err));
	if (root != NULL)
		warn_ours(h, root);
	return root;
}

static void keep_files(struct half *h)
{
	const char **v = arena_alloc(h->ld->arena, h->n_files * sizeof(*v));
	struct config_list *files = &h->ld->box->files;

	if (v == NULL) {
		h->ld->nomem = true;
		return;
	}
	files->v = v;
	for (const struct source *s = h->first; s != NULL; s = s->next)
		v[files->n++] = s->path;
	if (config_report_files(h->ld->report, *files) != 0)
		h->ld->nomem = true;
}

void config_read_litellm(struct config_loader *ld, const struct config_node *root)
{
	struct half h = { .ld = ld };

	h.last = &h.first;
	h.last_model = &h.models;
	add_file(&h, ld->file, (struct config_at){ NULL, 0 });
	for (const struct source *s = h.first; s != NULL && !ld->nomem; s = s->next) {
		const struct config_node *n = s == h.first ? root : NULL;

		ld->file = s->path;
		if (s != h.first)
			n = read_included(&h, s);
		read_models(&h, n);
		read_master_key(&h, n);
		read_includes(&h, n);
	}
	ld->file = h.first ? h.first->path : ld->file;
	keep_models(&h);
	keep_files(&h);
}
