/* test_yaml.c - files that are no YAML, or more than they should be. */
#include "config/config_yaml.h"
#include "reading.h"

#include <errno.h>
#include <string.h>

struct tree {
	struct arena *arena;
	struct config_report report;
	struct config_node *root;
	int err;
};

static struct tree parse(const char *text, size_t n)
{
	struct tree t = { .arena = arena_new(0) };

	assert_non_null(t.arena);
	t.err = config_yaml_parse(t.arena, "f.yaml", (struct str){ text, n }, &t.report,
				  &t.root);
	return t;
}

static void done(struct tree *t)
{
	config_report_done(&t->report);
	arena_free(t->arena);
}

static void assert_bad(const char *text, size_t n, unsigned line, const char *why)
{
	struct tree t = parse(text, n);

	assert_int_equal(t.err, -EINVAL);
	assert_int_equal(t.report.n, 1);
	assert_string_equal(t.report.v[0].text, why);
	assert_int_equal(t.report.v[0].at.line, line);
	assert_string_equal(t.report.v[0].at.file, "f.yaml");
	done(&t);
}

#define ASSERT_BAD(text, line, why) assert_bad(text, sizeof(text) - 1, line, why)

static void a_syntax_error_has_its_place(void **state)
{
	(void)state;
	ASSERT_BAD("a: 1\nb: [1, 2\nc: 3\n", 3,
		   "column 2: did not find expected ',' or ']' (while parsing a flow "
		   "sequence that begins at line 2)");
	ASSERT_BAD("a: 1\n\tb: 2\n", 2,
		   "column 1: found a tab character that violates indentation (while "
		   "scanning a plain scalar that begins at line 1)");
	ASSERT_BAD("a: 1\nb: 2\n c: 3\n", 3,
		   "column 3: mapping values are not allowed in this context");
}

static void bytes_that_are_no_text_have_their_line(void **state)
{
	(void)state;
	ASSERT_BAD("a: 1\nb: \xff\n", 2, "not a text file: invalid leading UTF-8 octet");
	ASSERT_BAD("a: 1\nb: 2\nc: \x01\n", 3,
		   "not a text file: control characters are not allowed");
}

static void a_second_document_is_refused(void **state)
{
	(void)state;
	ASSERT_BAD("a: 1\n---\nb: 2\n", 2, "a second document begins here, expected one");
}

static void cycles_are_refused(void **state)
{
	(void)state;
	ASSERT_BAD("a: &a\n  b: *a\n", 2, "an alias to what it is a part of");
	ASSERT_BAD("a: &a [1, [*a]]\n", 1, "an alias to what it is a part of");
	ASSERT_BAD("a: &a\n  <<: *a\n", 2, "an alias to what it is a part of");
	ASSERT_BAD("a: *b\n", 1, "an alias to no anchor before it");
}

static void merge_keys_take_mappings_alone(void **state)
{
	(void)state;
	ASSERT_BAD("a:\n  <<: 1\n", 2, "<<: expected a mapping or a list of mappings");
	ASSERT_BAD("a:\n  <<: [[{b: 1}]]\n", 2,
		   "<<: expected a mapping or a list of mappings");
}

static void assert_text(const struct config_node *n, const char *key, const char *text)
{
	const struct config_node *v = config_node_get(n, str_from(key));

	assert_non_null(v);
	assert_int_equal(v->kind, CONFIG_SCALAR);
	assert_string_equal(v->text.p, text);
}

static void own_keys_go_before_merged_and_the_first_merged_before_the_next(void **state)
{
	static const char text[] = "x: &x {a: x, b: x, c: x}\n"
				   "y: &y {b: y, d: y}\n"
				   "z:\n"
				   "  a: z\n"
				   "  <<: [*y, *x]\n"
				   "  '<<': quoted\n";
	struct tree t = parse(text, sizeof(text) - 1);
	const struct config_node *z;

	(void)state;
	assert_int_equal(t.err, 0);
	z = config_node_get(t.root, STR("z"));
	assert_text(z, "a", "z");
	assert_text(z, "b", "y");
	assert_text(z, "c", "x");
	assert_text(z, "d", "y");
	assert_text(z, "<<", "quoted");
	assert_int_equal(config_node_get(z, STR("c"))->line, 1);
	done(&t);
}

static void nodes_know_their_lines_and_quotes(void **state)
{
	static const char text[] = "a:\n  - null\n  - 'null'\n  - |\n    long\n";
	struct tree t = parse(text, sizeof(text) - 1);
	const struct config_pair *p;

	(void)state;
	assert_int_equal(t.err, 0);
	p = config_node_get(t.root, STR("a"))->first;
	assert_int_equal(p->value->line, 2);
	assert_true(config_node_is_null(p->value));
	p = p->next;
	assert_int_equal(p->value->line, 3);
	assert_false(config_node_is_null(p->value));
	p = p->next;
	assert_int_equal(p->value->line, 4);
	assert_string_equal(p->value->text.p, "long\n");
	assert_null(p->next);
	done(&t);
}

static void the_last_of_several_is_found(void **state)
{
	static const char text[] = "a: 1\nb: 2\na: 3\n";
	struct tree t = parse(text, sizeof(text) - 1);

	(void)state;
	assert_text(t.root, "a", "3");
	assert_null(config_node_get(t.root, STR("c")));
	assert_null(config_node_get(NULL, STR("c")));
	assert_null(config_node_get(config_node_get(t.root, STR("a")), STR("c")));
	done(&t);
}

static void many_aliases_cost_little(void **state)
{
	char text[4096] = "l0: &l0 [x, x, x, x, x, x, x, x, x, x]\n";
	size_t n = strlen(text);
	struct tree t;

	(void)state;
	for (int i = 1; i < 20; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
				      "l%d: &l%d [*l%d, *l%d, *l%d, *l%d, *l%d]\n", i, i,
				      i - 1, i - 1, i - 1, i - 1, i - 1);
	t = parse(text, n);
	assert_int_equal(t.err, 0);
	assert_non_null(config_node_get(t.root, STR("l19")));
	done(&t);
}

static void deep_nesting_is_refused(void **state)
{
	char text[1001];

	(void)state;
	memset(text, '[', sizeof(text) - 1);
	assert_bad(text, sizeof(text) - 1, 1, "nested deeper than 64 levels");
}

static void what_merging_copies_is_bounded(void **state)
{
	enum { KEYS = 500, MERGES = 300 };
	static char text[KEYS * 16 + MERGES * 24];
	size_t n = 0;

	(void)state;
	n += (size_t)sprintf(text + n, "a: &a\n");
	for (int i = 0; i < KEYS; i++)
		n += (size_t)sprintf(text + n, "  k%d: 1\n", i);
	for (int i = 0; i < MERGES; i++)
		n += (size_t)sprintf(text + n, "m%d: {<<: *a}\n", i);
	assert_bad(text, n, KEYS + 202, "<<: too much to merge");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_syntax_error_has_its_place),
		cmocka_unit_test(bytes_that_are_no_text_have_their_line),
		cmocka_unit_test(a_second_document_is_refused),
		cmocka_unit_test(cycles_are_refused),
		cmocka_unit_test(merge_keys_take_mappings_alone),
		cmocka_unit_test(
			own_keys_go_before_merged_and_the_first_merged_before_the_next),
		cmocka_unit_test(nodes_know_their_lines_and_quotes),
		cmocka_unit_test(the_last_of_several_is_found),
		cmocka_unit_test(many_aliases_cost_little),
		cmocka_unit_test(deep_nesting_is_refused),
		cmocka_unit_test(what_merging_copies_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
