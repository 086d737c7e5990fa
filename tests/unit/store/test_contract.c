/* test_contract.c - what store.h promises, asked of every back end. */
#include "contract.h"

#include <stdio.h>
#include <stdlib.h>

static int set_up(void **state)
{
	*state = fixture_new(*state);
	return 0;
}

static int tear_down(void **state)
{
	fixture_free(*state);
	return 0;
}

static int run(const struct backend *b, const char *part, const struct CMUnitTest *tests,
	       size_t n)
{
	struct CMUnitTest *v = calloc(n, sizeof(*v));
	char name[64];
	int failed;

	if (v == NULL)
		return 1;
	for (size_t i = 0; i < n; i++)
		v[i] = (struct CMUnitTest){ .name = tests[i].name,
					    .test_func = tests[i].test_func,
					    .setup_func = set_up,
					    .teardown_func = tear_down,
					    .initial_state = (void *)(uintptr_t)b };
	snprintf(name, sizeof(name), "%s: %s", b->name, part);
	failed = _cmocka_run_group_tests(name, v, n, NULL, NULL);
	free(v);
	return failed;
}

int main(void)
{
	int failed = 0;

	for (size_t i = 0; i < n_backends; i++) {
		const struct backend *b = &backends[i];

		failed += run(b, "reading", contract_reads, n_contract_reads);
		failed += run(b, "changing", contract_changes, n_contract_changes);
		failed += run(b, "blocks", contract_blocks, n_contract_blocks);
		if (b->keeps)
			failed += run(b, "reopening", contract_reopening,
				      n_contract_reopening);
		failed += run(b, "siblings", contract_siblings, n_contract_siblings);
		failed += run(b, "forgetting", contract_forget, n_contract_forget);
	}
	backends_stop();
	return failed;
}
