/* config_rules.c - lists of rules: user_id_mappings.header_patterns, client_patterns. */
#include "config/config_load.h"

#include <stdlib.h>
#include <string.h>

/* What the two kinds of rules differ in. */
struct rule_kind {
	const char *value;         /* the name of the field that holds the outcome */
	const char *const *fields; /* NULL ends them */
};

static const char *const mapping_fields[] = { "header",  "pattern", "present",
					      "user_id", "shared",  NULL };
static const char *const client_fields[] = { "header", "pattern", "present", "client",
					     NULL };
static const struct rule_kind mapping_kind = { "user_id", mapping_fields };
static const struct rule_kind client_kind = { "client", client_fields };

/* One rule while it is read. */
struct rule_reader {
	struct config_loader *ld;
	const struct rule_kind *kind;
	const struct config_node *n;
	const char *path; /* "client_patterns[3]" */
	struct config_rule rule;
};

static const struct config_node *field(const struct rule_reader *rd, const char *name)
{
	const struct config_node *n = config_node_get(rd->n, str_from(name));

	return config_node_is_null(n) ? NULL : n;
}

static const char *field_path(const struct rule_reader *rd, const char *name)
{
	return config_path(rd->ld, "%s.%s", rd->path, name);
}

static void report_at(const struct rule_reader *rd, enum config_severity severity,
		      unsigned line, const char *name, const char *text)
{
	config_report_add(rd->ld->report, severity,
			  (struct config_at){ rd->ld->file, line }, "%s: %s",
			  field_path(rd, name), text);
}

/* A field that must be there and pass `check`; NULL (reported) where it does not. */
static const char *read_text(struct rule_reader *rd, const char *name,
			     bool (*check)(struct str s), const char *expected)
{
	const struct config_node *n = field(rd, name);
	const char *path = field_path(rd, name);
	struct str s;

	if (n == NULL) {
		config_report_add(rd->ld->report, CONFIG_ERROR,
				  (struct config_at){ rd->ld->file, rd->n->line },
				  "%s: found nothing, expected %s", path, expected);
		return NULL;
	}
	if (!config_node_text(rd->ld, path, n, expected, false, &s))
		return NULL;
	if (s.len > 0 && check(s))
		return s.p;
	config_mismatch(rd->ld, path, n, false, expected);
	return NULL;
}

static bool read_bool(struct rule_reader *rd, const char *name, bool def)
{
	static const char expected[] = "true or false";
	const struct config_node *n = field(rd, name);
	const char *path = field_path(rd, name);
	bool value = def;
	struct str s;

	if (n != NULL && config_node_text(rd->ld, path, n, expected, false, &s) &&
	    !config_parse_bool(s, &value))
		config_mismatch(rd->ld, path, n, false, expected);
	return value;
}

static void read_condition(struct rule_reader *rd)
{
	const struct config_node *pattern = field(rd, "pattern");

	/* Whether a pattern compiles, the router says: it has the library. */
	if (!read_bool(rd, "present", false))
		rd->rule.pattern = read_text(rd, "pattern", config_is_plain_text,
					     "a regular expression, or present: true");
	else if (pattern != NULL)
		report_at(rd, CONFIG_ERROR, pattern->line, "pattern",
			  "found beside present: true, expected one of them");
}

static void warn_field(struct rule_reader *rd, const struct config_node *key)
{
	const char *meant = NULL;
	unsigned least = CONFIG_NOT_NEAR;

	for (const char *const *f = rd->kind->fields; *f != NULL; f++) {
		unsigned n = config_slips(key->text, str_from(*f));

		if (str_eq(key->text, str_from(*f)))
			return;
		if (n < least) {
			least = n;
			meant = *f;
		}
	}
	report_at(rd, CONFIG_WARNING, key->line,
		  config_path(rd->ld, "%.*s", STR_ARG(key->text)),
		  meant ? config_path(rd->ld, "no field of a rule, did you mean \"%s\"?",
				      meant)
			: "no field of a rule, ignored");
}

static void check_fields(struct rule_reader *rd)
{
	for (const struct config_pair *p = rd->n->first; p != NULL; p = p->next) {
		if (p->key->kind != CONFIG_SCALAR) {
			config_mismatch(rd->ld, rd->path, p->key, false,
					"the name of a field");
			continue;
		}
		warn_field(rd, p->key);
		for (const struct config_pair *q = rd->n->first; q != p; q = q->next)
			if (q->key->kind == CONFIG_SCALAR &&
			    str_eq(p->key->text, q->key->text))
				report_at(rd, CONFIG_ERROR, p->key->line,
					  config_path(rd->ld, "%.*s",
						      STR_ARG(p->key->text)),
					  config_path(rd->ld,
						      "found again, first at line %u, "
						      "expected once",
						      q->key->line));
	}
}

/* True where nothing is wrong with it. */
static bool read_rule(struct rule_reader *rd)
{
	size_t errors = rd->ld->report->n_errors;

	rd->rule.at = (struct config_at){ rd->ld->file, rd->n->line };
	check_fields(rd);
	rd->rule.header =
		read_text(rd, "header", config_is_header_name, "the name of a header");
	read_condition(rd);
	rd->rule.value =
		read_text(rd, rd->kind->value, config_is_plain_text, "a line of text");
	if (rd->kind == &mapping_kind)
		rd->rule.needs_end_user = !read_bool(rd, "shared", true);
	return rd->ld->report->n_errors == errors;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* The second of two such rules would never be reached. */
static void check_repeated(struct rule_reader *rd, const struct config_rules *before)
{
	const struct config_rule *r = &rd->rule;

	for (size_t i = 0; i < before->n; i++) {
		const struct config_rule *o = &before->v[i];

		if (!same_text(o->pattern, r->pattern) ||
		    !str_ieq(str_from(o->header), str_from(r->header)))
			continue;
		config_report_add(rd->ld->report, CONFIG_ERROR, r->at,
				  "%s: found the header and pattern of line %u again, "
				  "expected another",
				  rd->path, o->at.line);
		return;
	}
}

static void read_items(struct config_loader *ld, const struct config_key *key,
		       const struct config_node *n, const struct rule_kind *kind,
		       struct config_rule *v)
{
	struct config_rules rules = { v, 0 };
	size_t index = 0;

	for (const struct config_pair *p = n->first; p != NULL; p = p->next) {
		struct rule_reader rd = {
			.ld = ld,
			.kind = kind,
			.n = p->value,
			.path = config_path(ld, "%s[%zu]", key->path, index++),
		};

		if (p->value->kind != CONFIG_MAPPING) {
			config_mismatch(ld, rd.path, p->value, false, "a rule");
		} else if (read_rule(&rd)) {
			check_repeated(&rd, &rules);
			v[rules.n++] = rd.rule;
		}
	}
	*(struct config_rules *)config_member(&ld->box->c, key) = rules;
}

static void read_rules(struct config_loader *ld, const struct config_key *key,
		       const struct config_node *n, const struct rule_kind *kind)
{
	void *v;

	if (config_read_list(ld, key, n, "a list of rules", sizeof(struct config_rule),
			     &v))
		read_items(ld, key, n, kind, v);
}

static void read_mappings(struct config_loader *ld, const struct config_key *key,
			  const struct config_node *n)
{
	read_rules(ld, key, n, &mapping_kind);
}

static void read_clients(struct config_loader *ld, const struct config_key *key,
			 const struct config_node *n)
{
	read_rules(ld, key, n, &client_kind);
}

static void expect_rules(const struct config_key *key, struct buf *to)
{
	(void)key;
	buf_add_str(to, STR("a list of rules"));
}

static void add_field(struct buf *to, const char *before, const char *name,
		      const char *value)
{
	buf_printf(to, "%s%s: \"", before, name);
	buf_add_json(to, str_from(value));
	buf_add_char(to, '"');
}

static void format_rules(const struct config_rules *rules, const struct rule_kind *kind,
			 struct buf *to)
{
	if (rules->n == 0)
		buf_add_str(to, STR("[]"));
	for (size_t i = 0; i < rules->n; i++) {
		const struct config_rule *r = &rules->v[i];

		add_field(to, "\n    - {", "header", r->header);
		if (r->pattern != NULL)
			add_field(to, ", ", "pattern", r->pattern);
		else
			buf_add_str(to, STR(", present: true"));
		add_field(to, ", ", kind->value, r->value);
		buf_printf(to, "%s}  # %s:%u", r->needs_end_user ? ", shared: false" : "",
			   r->at.file, r->at.line);
	}
}

static void format_mappings(const struct config_key *key, const void *member,
			    struct buf *to)
{
	(void)key;
	format_rules(member, &mapping_kind, to);
}

static void format_clients(const struct config_key *key, const void *member,
			   struct buf *to)
{
	(void)key;
	format_rules(member, &client_kind, to);
}

const struct config_type config_mappings = {
	.read = read_mappings,
	.expected = expect_rules,
	.format = format_mappings,
	.block = true,
};

const struct config_type config_clients = {
	.read = read_clients,
	.expected = expect_rules,
	.format = format_clients,
	.block = true,
};
