/*
 * config_file.c - our half of the file.
 *
 * A mapping's keys are looked up in the table; what is not there and begins no
 * key of the table is unknown. At the top such names are LiteLLM's business,
 * unless one looks like a slip of ours.
 */
#include "config/config_load.h"

static void read_mapping(struct config_loader *ld, const char *section,
			 const struct config_node *n);

static bool is_ours(const struct config_key *key)
{
	return !(key->flags & KEY_LITELLM);
}

static const struct config_key *find_key(const char *path)
{
	for (size_t i = 0; i < config_n_keys; i++)
		if (is_ours(&config_keys[i]) &&
		    str_eq(str_from(config_keys[i].path), str_from(path)))
			return &config_keys[i];
	return NULL;
}

/* The part of a key's path that follows "section." ("" for the top); absent: not of it.
 */
static struct str name_in(const struct config_key *key, const char *section)
{
	struct str path = str_from(key->path), s = str_from(section), name;

	if (s.len > 0) {
		if (!str_has_prefix(path, s) || path.p[s.len] != '.')
			return (struct str){ NULL, 0 };
		path = str_slice(path, s.len + 1, path.len);
	}
	str_next_item(&path, '.', &name);
	return name;
}

static bool is_section(const char *path)
{
	for (size_t i = 0; i < config_n_keys; i++)
		if (is_ours(&config_keys[i]) && name_in(&config_keys[i], path).p != NULL)
			return true;
	return false;
}

bool config_is_ours(struct str name)
{
	for (size_t i = 0; i < config_n_keys; i++)
		if (is_ours(&config_keys[i]) &&
		    str_eq(name_in(&config_keys[i], ""), name))
			return true;
	return false;
}

static void warn_unknown(struct config_loader *ld, const char *section, const char *path,
			 const struct config_node *key)
{
	struct config_at at = { ld->file, key->line };
	struct str meant = { NULL, 0 };
	unsigned least = CONFIG_NOT_NEAR;

	for (size_t i = 0; i < config_n_keys; i++) {
		struct str name = name_in(&config_keys[i], section);
		unsigned n = name.p && is_ours(&config_keys[i])
				     ? config_slips(key->text, name)
				     : CONFIG_NOT_NEAR;

		if (n < least) {
			least = n;
			meant = name;
		}
	}
	if (meant.p != NULL)
		config_report_add(ld->report, CONFIG_WARNING, at,
				  "%s: no key of memproxy, did you mean \"%.*s\"?", path,
				  STR_ARG(meant));
	else if (section[0] != '\0')
		config_report_add(ld->report, CONFIG_WARNING, at,
				  "%s: no key of memproxy, ignored", path);
}

static void read_section(struct config_loader *ld, const char *path,
			 const struct config_node *n)
{
	if (n->kind == CONFIG_MAPPING)
		read_mapping(ld, path, n);
	else if (!config_node_is_null(n))
		config_mismatch(ld, path, n, false, "a mapping of keys");
}

/* LiteLLM's reader takes the last of several silently; a file that says two things is
 * wrong. */
static void check_duplicate(struct config_loader *ld, const char *path,
			    const struct config_node *n, const struct config_pair *pair,
			    bool ours)
{
	struct config_at at = { ld->file, pair->key->line };

	for (const struct config_pair *p = n->first; p != pair; p = p->next) {
		if (p->key->kind != CONFIG_SCALAR ||
		    !str_eq(p->key->text, pair->key->text))
			continue;
		if (ours)
			config_report_add(ld->report, CONFIG_ERROR, at,
					  "%s: found again, first at line %u, expected "
					  "once",
					  path, p->key->line);
		else
			config_report_add(ld->report, CONFIG_WARNING, at,
					  "%s: found again, first at line %u; LiteLLM "
					  "reads the last alone",
					  path, p->key->line);
		return;
	}
}

static void read_pair(struct config_loader *ld, const char *section,
		      const struct config_node *n, const struct config_pair *pair)
{
	bool top = section[0] == '\0';
	const struct config_key *key;
	const char *path;

	if (pair->key->kind != CONFIG_SCALAR) {
		if (!top)
			config_mismatch(ld, section, pair->key, false,
					"the name of a key");
		return;
	}
	path = config_path(ld, "%s%s%.*s", section, top ? "" : ".",
			   STR_ARG(pair->key->text));
	check_duplicate(ld, path, n, pair, !top || config_is_ours(pair->key->text));
	key = find_key(path);
	if (key != NULL)
		key->type->read(ld, key, pair->value);
	else if (is_section(path))
		read_section(ld, path, pair->value);
	else
		warn_unknown(ld, section, path, pair->key);
}

static void read_mapping(struct config_loader *ld, const char *section,
			 const struct config_node *n)
{
	for (const struct config_pair *p = n->first; p != NULL; p = p->next)
		read_pair(ld, section, n, p);
}

void config_read_ours(struct config_loader *ld, const struct config_node *root)
{
	read_mapping(ld, "", root);
}
