/* test_store.c - opening by scheme. */
#include "fixture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int set_up(void **state)
{
	*state = fixture_new(NULL);
	return 0;
}

static int tear_down(void **state)
{
	fixture_free(*state);
	return 0;
}

/* What opening gives; *err is to be free()d. */
static int try_open(struct fixture *f, const char *url, char **err)
{
	struct store *st;
	int rc = store_open(url, &f->env, &st, err);

	if (rc == 0) {
		store_close(st);
		*err = NULL;
	}
	return rc;
}

static void schemes_to_come_are_named(void **state)
{
	static const char *const schemes[] = { "rediss", "redis+sentinel",
					       "redis+cluster" };
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++) {
		char url[100] = "", *err;

		strcat(strcat(url, schemes[i]), "://me:hunter2@host:1/2");
		assert_int_equal(try_open(f, url, &err), -EPROTONOSUPPORT);
		assert_non_null(strstr(err, schemes[i]));
		assert_non_null(strstr(err, "sqlite:PATH, memory:"));
		assert_null(strstr(err, "hunter2"));
		free(err);
	}
}

static void a_path_alone_is_no_url(void **state)
{
	static const char *const urls[] = { "", "data/memory.db", "/data:x.db", ":x",
					    "memory" };
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
		char *err;

		assert_int_equal(try_open(f, urls[i], &err), -EINVAL);
		assert_non_null(strstr(err, "sqlite:PATH"));
		free(err);
	}
}

static void memory_takes_nothing_more(void **state)
{
	struct fixture *f = *state;
	char *err;

	assert_int_equal(try_open(f, "memory:data", &err), -EINVAL);
	free(err);
	assert_int_equal(try_open(f, "memory:", &err), 0);
}

static void a_store_says_what_it_is(void **state)
{
	struct fixture *f = *state;
	char url[128] = "sqlite:";

	f->st = fixture_open(f, "memory:");
	assert_string_equal(f->st->ops->name, "memory");
	store_close(f->st);
	f->st = fixture_open(f, strcat(strcat(url, f->dir), "/x.db"));
	assert_string_equal(f->st->ops->name, "sqlite");
}

static void closing_no_store_is_fine(void **state)
{
	(void)state;
	store_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(schemes_to_come_are_named, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_path_alone_is_no_url, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(memory_takes_nothing_more, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_store_says_what_it_is, set_up,
						tear_down),
		cmocka_unit_test(closing_no_store_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
