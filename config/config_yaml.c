/*
 * config_yaml.c - a YAML file as a tree of nodes that know their lines.
 *
 * libyaml's events rather than its documents: an alias must not be expanded
 * (nine lines of aliases can name a billion nodes), and whoever reads a value
 * wants its line. What a file can make this do is bounded: nesting, anchors,
 * and pairs copied for merge keys.
 */
#include "config/config_yaml.h"

#include <errno.h>
#include <string.h>
#include <yaml.h>

enum { MAX_DEPTH = 64, MAX_ANCHORS = 1000, MAX_MERGED = 100000 };

struct anchor {
	const char *name;
	struct config_node *node;
	struct anchor *next;
};

struct builder {
	yaml_parser_t parser;
	struct arena *arena;
	const char *file;
	struct str text;
	struct config_report *report;
	struct anchor *anchors; /* the newest first: a name may be given again */
	unsigned n_anchors, n_merged, depth;
};

static int build_node(struct builder *b, const yaml_event_t *ev,
		      struct config_node **ret);

static int fail_at(struct builder *b, unsigned line, const char *what)
{
	config_report_add(b->report, CONFIG_ERROR, (struct config_at){ b->file, line },
			  "%s", what);
	return -EINVAL;
}

static unsigned line_of(const yaml_event_t *ev)
{
	return (unsigned)ev->start_mark.line + 1;
}

/* Bytes that are no text: libyaml gives an offset instead of a mark. */
static int fail_encoding(struct builder *b)
{
	struct str before = str_slice(b->text, 0, b->parser.problem_offset);
	unsigned line = 1;

	for (size_t i = 0; i < before.len; i++)
		line += before.p[i] == '\n';
	config_report_add(b->report, CONFIG_ERROR, (struct config_at){ b->file, line },
			  "not a text file: %s", b->parser.problem);
	return -EINVAL;
}

static int fail_syntax(struct builder *b)
{
	const yaml_parser_t *p = &b->parser;
	struct config_at at = { b->file, (unsigned)p->problem_mark.line + 1 };
	unsigned long column = p->problem_mark.column + 1;

	if (p->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	if (p->error == YAML_READER_ERROR)
		return fail_encoding(b);
	if (p->context == NULL)
		config_report_add(b->report, CONFIG_ERROR, at, "column %lu: %s", column,
				  p->problem);
	else
		config_report_add(b->report, CONFIG_ERROR, at,
				  "column %lu: %s (%s that begins at line %lu)", column,
				  p->problem, p->context,
				  (unsigned long)p->context_mark.line + 1);
	return -EINVAL;
}

/* On 0 the event is the caller's to delete. */
static int next_event(struct builder *b, yaml_event_t *ev)
{
	return yaml_parser_parse(&b->parser, ev) ? 0 : fail_syntax(b);
}

static int add_anchor(struct builder *b, const yaml_char_t *name,
		      struct config_node *node)
{
	struct anchor *an;

	if (name == NULL)
		return 0;
	if (++b->n_anchors > MAX_ANCHORS)
		return fail_at(b, node->line, "more than 1000 anchors");
	an = arena_alloc(b->arena, sizeof(*an));
	if (an == NULL)
		return -ENOMEM;
	an->name = arena_str(b->arena, str_from((const char *)name)).p;
	an->node = node;
	an->next = b->anchors;
	b->anchors = an;
	return an->name ? 0 : -ENOMEM;
}

static struct config_node *find_anchor(const struct builder *b, const char *name)
{
	for (struct anchor *an = b->anchors; an != NULL; an = an->next)
		if (strcmp(an->name, name) == 0)
			return an->node;
	return NULL;
}

static void append(struct config_node *to, struct config_pair *p)
{
	p->next = NULL;
	if (to->last != NULL)
		to->last->next = p;
	else
		to->first = p;
	to->last = p;
}

static int add_pair(struct builder *b, struct config_node *to, struct config_node *key,
		    struct config_node *value)
{
	struct config_pair *p = arena_alloc(b->arena, sizeof(*p));

	if (p == NULL)
		return -ENOMEM;
	p->key = key;
	p->value = value;
	append(to, p);
	return 0;
}

static bool has_key(const struct config_node *n, const struct config_node *key)
{
	for (const struct config_pair *p = n->first; p != NULL; p = p->next)
		if (p->key == key ||
		    (p->key->kind == CONFIG_SCALAR && str_eq(p->key->text, key->text)))
			return true;
	return false;
}

/* What `to` has not yet of a mapping, or of each mapping of a list. */
static int merge_from(struct builder *b, struct config_node *to,
		      const struct config_node *from, bool in_list)
{
	int err = 0;

	if (from->kind == CONFIG_SCALAR || (in_list && from->kind == CONFIG_SEQUENCE))
		return fail_at(b, from->line,
			       "<<: expected a mapping or a list of mappings");
	for (struct config_pair *p = from->first; p != NULL && !err; p = p->next) {
		if (++b->n_merged > MAX_MERGED)
			return fail_at(b, to->line, "<<: too much to merge");
		if (from->kind == CONFIG_SEQUENCE)
			err = merge_from(b, to, p->value, true);
		else if (!has_key(to, p->key))
			err = add_pair(b, to, p->key, p->value);
	}
	return err;
}

static bool is_merge(const struct config_node *key)
{
	return key->kind == CONFIG_SCALAR && key->plain && str_eq(key->text, STR("<<"));
}

/* Takes the merge keys out, then puts what they name behind the mapping's own pairs. */
static int resolve_merges(struct builder *b, struct config_node *n)
{
	struct config_node merges = { 0 };
	struct config_pair *p = n->first, *next;
	int err = 0;

	n->first = n->last = NULL;
	for (; p != NULL; p = next) {
		next = p->next;
		append(is_merge(p->key) ? &merges : n, p);
	}
	for (p = merges.first; p != NULL && !err; p = p->next)
		err = merge_from(b, n, p->value, false);
	return err;
}

/* What follows, whatever it is. */
static int build_next(struct builder *b, struct config_node **ret)
{
	yaml_event_t ev;
	int err = next_event(b, &ev);

	if (err)
		return err;
	err = build_node(b, &ev, ret);
	yaml_event_delete(&ev);
	return err;
}

/* What follows; *ret is NULL where it ends the collection. */
static int build_item(struct builder *b, yaml_event_type_t end, struct config_node **ret)
{
	yaml_event_t ev;
	int err = next_event(b, &ev);

	if (err)
		return err;
	*ret = NULL;
	if (ev.type != end)
		err = build_node(b, &ev, ret);
	yaml_event_delete(&ev);
	return err;
}

static int build_sequence(struct builder *b, struct config_node *n)
{
	struct config_node *item;
	int err;

	while ((err = build_item(b, YAML_SEQUENCE_END_EVENT, &item)) == 0 && item != NULL)
		if ((err = add_pair(b, n, NULL, item)) != 0)
			break;
	return err;
}

static int build_mapping(struct builder *b, struct config_node *n)
{
	struct config_node *key, *value;
	bool merge = false;
	int err;

	while ((err = build_item(b, YAML_MAPPING_END_EVENT, &key)) == 0 && key != NULL) {
		err = build_next(b, &value);
		if (!err)
			err = add_pair(b, n, key, value);
		if (err)
			return err;
		merge |= is_merge(key);
	}
	return err || !merge ? err : resolve_merges(b, n);
}

static int build_collection(struct builder *b, struct config_node *n)
{
	int err;

	if (b->depth == MAX_DEPTH)
		return fail_at(b, n->line, "nested deeper than 64 levels");
	b->depth++;
	n->open = true;
	err = n->kind == CONFIG_SEQUENCE ? build_sequence(b, n) : build_mapping(b, n);
	n->open = false;
	b->depth--;
	return err;
}

static int build_alias(struct builder *b, const yaml_event_t *ev,
		       struct config_node **ret)
{
	struct config_node *n = find_anchor(b, (const char *)ev->data.alias.anchor);

	if (n == NULL)
		return fail_at(b, line_of(ev), "an alias to no anchor before it");
	if (n->open)
		return fail_at(b, line_of(ev), "an alias to what it is a part of");
	*ret = n;
	return 0;
}

static int build_scalar(struct builder *b, const yaml_event_t *ev, struct config_node *n)
{
	struct str s = { (const char *)ev->data.scalar.value, ev->data.scalar.length };

	n->plain = ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	n->text = arena_str(b->arena, s);
	return n->text.p ? 0 : -ENOMEM;
}

static int build_node(struct builder *b, const yaml_event_t *ev, struct config_node **ret)
{
	const yaml_char_t *anchor;
	struct config_node *n;
	int err;

	if (ev->type == YAML_ALIAS_EVENT)
		return build_alias(b, ev, ret);
	n = arena_alloc(b->arena, sizeof(*n));
	if (n == NULL)
		return -ENOMEM;
	n->line = line_of(ev);
	if (ev->type == YAML_SCALAR_EVENT) {
		n->kind = CONFIG_SCALAR;
		anchor = ev->data.scalar.anchor;
	} else if (ev->type == YAML_SEQUENCE_START_EVENT) {
		n->kind = CONFIG_SEQUENCE;
		anchor = ev->data.sequence_start.anchor;
	} else {
		n->kind = CONFIG_MAPPING;
		anchor = ev->data.mapping_start.anchor;
	}
	err = add_anchor(b, anchor, n);
	if (!err)
		err = n->kind == CONFIG_SCALAR ? build_scalar(b, ev, n)
					       : build_collection(b, n);
	*ret = n;
	return err;
}

/* The first document; anything behind it is refused. */
static int build_stream(struct builder *b, struct config_node **ret)
{
	struct config_node *root = NULL;
	yaml_event_type_t type;
	yaml_event_t ev;
	int err;

	do {
		err = next_event(b, &ev);
		if (err)
			return err;
		type = ev.type;
		if (type == YAML_DOCUMENT_START_EVENT && root != NULL)
			err = fail_at(b, line_of(&ev),
				      "a second document begins here, "
				      "expected one");
		else if (type == YAML_DOCUMENT_START_EVENT)
			err = build_next(b, &root);
		yaml_event_delete(&ev);
	} while (!err && type != YAML_STREAM_END_EVENT);
	if (!err)
		*ret = root;
	return err;
}

int config_yaml_parse(struct arena *a, const char *file, struct str text,
		      struct config_report *report, struct config_node **ret)
{
	struct builder b = { .arena = a, .file = file, .text = text, .report = report };
	int err;

	if (!yaml_parser_initialize(&b.parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&b.parser, (const unsigned char *)text.p, text.len);
	err = build_stream(&b, ret);
	yaml_parser_delete(&b.parser);
	return err;
}

const struct config_node *config_node_get(const struct config_node *n, struct str key)
{
	const struct config_node *found = NULL;

	if (n == NULL || n->kind != CONFIG_MAPPING)
		return NULL;
	for (const struct config_pair *p = n->first; p != NULL; p = p->next)
		if (p->key->kind == CONFIG_SCALAR && str_eq(p->key->text, key))
			found = p->value;
	return found;
}

bool config_node_is_null(const struct config_node *n)
{
	static const struct str nulls[] = {
		{ "", 0 }, { "~", 1 }, { "null", 4 }, { "Null", 4 }, { "NULL", 4 }
	};

	if (n == NULL)
		return true;
	if (n->kind != CONFIG_SCALAR || !n->plain)
		return false;
	for (size_t i = 0; i < sizeof(nulls) / sizeof(nulls[0]); i++)
		if (str_eq(n->text, nulls[i]))
			return true;
	return false;
}

const char *config_node_kind_name(const struct config_node *n)
{
	switch (n->kind) {
	case CONFIG_MAPPING:
		return "a mapping";
	case CONFIG_SEQUENCE:
		return "a list";
	case CONFIG_SCALAR:
		break;
	}
	return "a text";
}
