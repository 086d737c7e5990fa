/* config_yaml.h - a YAML file as a tree of nodes that know their lines. */
#ifndef CONFIG_CONFIG_YAML_H
#define CONFIG_CONFIG_YAML_H

#include "base/arena.h"
#include "config/config.h"

enum config_node_kind { CONFIG_SCALAR, CONFIG_SEQUENCE, CONFIG_MAPPING };

/* One item of a sequence or one pair of a mapping. */
struct config_pair {
	struct config_node *key; /* NULL in a sequence */
	struct config_node *value;
	struct config_pair *next;
};

/*
 * An alias is the same node once more, so the tree is in fact a graph without
 * cycles: never walk all of it, only the paths that have a meaning.
 */
struct config_node {
	enum config_node_kind kind;
	unsigned line;
	bool plain; /* a scalar without quotes */
	bool open;  /* while it is being read: an alias to it would be a cycle */
	struct str text;
	struct config_pair *first, *last;
};

/*
 * Merge keys (<<) are resolved: a mapping's own keys first, then those merged.
 * Keys given twice are both there. 0 with *ret NULL for an empty file,
 * -EINVAL with an error in the report, or -ENOMEM.
 */
int config_yaml_parse(struct arena *a, const char *file, struct str text,
		      struct config_report *report, struct config_node **ret);

/* The value of a key: of several the last, as LiteLLM's reader takes it. NULL: none, or
 * no mapping. */
const struct config_node *config_node_get(const struct config_node *n, struct str key);
/* Nothing, "~" or "null", without quotes. NULL counts too. */
bool config_node_is_null(const struct config_node *n);
/* For messages: "a mapping", "a list", "a text". */
const char *config_node_kind_name(const struct config_node *n);

#endif
