/* config_load.h - the state of one reading, and what its parts share. */
#ifndef CONFIG_CONFIG_LOAD_H
#define CONFIG_CONFIG_LOAD_H

#include "config/config_keys.h"
#include "config/config_yaml.h"

#include <stdatomic.h>

enum config_layer { LAYER_DEFAULT, LAYER_FILE, LAYER_ENV, LAYER_FLAG };

/* Where a value came from. */
struct config_origin {
	enum config_layer layer;
	const char *name; /* file, variable, or flag with its dashes */
	unsigned line;
};

/* What a struct config * handed out stands in. */
struct config_box {
	struct config c; /* first */
	atomic_uint refs;
	struct arena *arena;           /* holds this struct and all it names */
	struct config_origin *origins; /* of each row of config_keys */
	struct config_list files;
};

static inline const struct config_box *config_box_of(const struct config *c)
{
	return (const struct config_box *)(const void *)c;
}

/* A file's content into `to`: 0 or -errno. */
typedef int config_read_fn(void *arg, const char *path, struct buf *to);

struct config_loader {
	const struct config_source *src;
	config_read_fn *read;
	void *read_arg;
	struct config_report *report;
	struct config_box *box;
	struct arena *arena;   /* box's */
	struct arena *scratch; /* nodes, paths; freed after the reading */
	const char *file;      /* being read */
	bool nomem;            /* sticky; looked at once, at the end */
};

/* config_load() on another way to read files. */
int config_load_with(const struct config_source *src, config_read_fn *read,
		     void *read_arg, struct config **ret, enum config_action *action,
		     struct config_report *report);

/* --- config_value.c: one value --------------------------------------------------- */

/* A variable; NULL where it is not set or empty. */
const char *config_env(const struct config_loader *ld, const char *name);

/*
 * A scalar's text with an os.environ/NAME reference resolved; reports and gives
 * false where it is no text, holds a NUL, or names a variable that is not set.
 * The text lives as long as the configuration.
 */
bool config_node_text(struct config_loader *ld, const char *path,
		      const struct config_node *n, const char *expected, bool secret,
		      struct str *ret);
/* config_type.read of every type that is one scalar. */
void config_read_scalar(struct config_loader *ld, const struct config_key *key,
			const struct config_node *n);
/* Sets a key from a text; reports what is wrong under the origin's name. */
void config_assign(struct config_loader *ld, const struct config_key *key, struct str s,
		   struct config_origin from);
/*
 * A key whose value is a list ("expected" says of what): *ret has room for its
 * items, each `size` bytes and zero, and the list counts as the file's. False
 * where there is nothing to read: no value, no list (reported), no memory.
 */
bool config_read_list(struct config_loader *ld, const struct config_key *key,
		      const struct config_node *n, const char *expected, size_t size,
		      void **ret);
/* Notes where a key's value came from. */
void config_set_origin(struct config_loader *ld, const struct config_key *key,
		       struct config_origin from);
/* "path: found …, expected …" at a node; the text of a secret is not shown. */
void config_mismatch(struct config_loader *ld, const char *path,
		     const struct config_node *n, bool secret, const char *expected);
/* A copy in the configuration's arena; NULL (and nomem) when out of memory. */
const char *config_keep(struct config_loader *ld, struct str s);
/* Formatted, in the scratch arena; "" (and nomem) when out of memory. */
const char *config_path(struct config_loader *ld, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* --- config_report.c ------------------------------------------------------------- */

/* Copies; on failure there is no list. 0 or -ENOMEM. */
int config_report_files(struct config_report *r, struct config_list files);

/* --- config_file.c: our half of the file ------------------------------------------ */

void config_read_ours(struct config_loader *ld, const struct config_node *root);
/* Whether a name at the top of a file is a section or key of ours. */
bool config_is_ours(struct str name);

/* --- config_litellm.c: the other half, and the files it includes ------------------- */

/* `root` is ld->file's content; sets c.models, the master key and box->files. */
void config_read_litellm(struct config_loader *ld, const struct config_node *root);

/* --- config_load.c ------------------------------------------------------------------ */

/*
 * -errno where the file cannot be read (not reported). Else 0 and its content;
 * NULL where it is empty, or no YAML (reported).
 */
int config_parse_file(struct config_loader *ld, const char *path,
		      const struct config_node **ret);

/* --- config_env.c, config_flags.c: the other layers -------------------------------- */

void config_read_env(struct config_loader *ld);

struct config_flags {
	enum config_action action;
	const char *config;  /* --config */
	const char **values; /* of each row of config_keys; NULL: not given */
};
void config_parse_flags(struct config_loader *ld, struct config_flags *ret);
void config_read_flags(struct config_loader *ld, const struct config_flags *flags);

/* --- config_suggest.c ----------------------------------------------------------------
 */

enum { CONFIG_NOT_NEAR = 100 };
/* How many slips apart two names are, if few enough for one to be meant; else
 * CONFIG_NOT_NEAR. */
unsigned config_slips(struct str word, struct str name);

#endif
