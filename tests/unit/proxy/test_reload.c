/* test_reload.c - a saved configuration file is noticed, however it is saved. */
#include "base/clock.h"
#include "proxy/reload.h"

#include <event2/event.h>

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
	struct event_base *base;
	struct reload *reload;
	char dir[64], file[80], other[80], fresh[80];
	uint64_t now; /* wall clock, behind all saves of setup() */
	int changes;
};

static void save(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

/* Saved before the fixture's `now`, whatever the grain of files' times. */
static void make_old(const char *path)
{
	const struct timespec times[2] = { { 1000000000, 0 }, { 1000000000, 0 } };

	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void on_changed(void *arg)
{
	((struct fixture *)arg)->changes++;
}

static void stop(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	event_base_loopbreak(arg);
}

/* Runs the loop for longer than a save needs to settle. */
static int changes_seen(struct fixture *f)
{
	const struct timeval enough = { 0, 350000 };
	int before = f->changes;

	event_base_once(f->base, -1, EV_TIMEOUT, stop, f->base, &enough);
	event_base_dispatch(f->base);
	return f->changes - before;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	const char *files[1];

	strcpy(f->dir, "/tmp/test-reload-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->file, sizeof(f->file), "%s/config.yaml", f->dir);
	snprintf(f->other, sizeof(f->other), "%s/other", f->dir);
	snprintf(f->fresh, sizeof(f->fresh), "%s/fresh", f->dir);
	save(f->file, "a");
	make_old(f->file);
	f->now = clock_wall_ms(&clock_system);
	f->base = event_base_new();
	files[0] = f->file;
	assert_int_equal(reload_new(f->base, on_changed, f, &f->reload), 0);
	assert_int_equal(
		reload_watch(f->reload, (struct config_list){ files, 1 }, f->now), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	reload_free(f->reload);
	event_base_free(f->base);
	unlink(f->file);
	unlink(f->other);
	unlink(f->fresh);
	rmdir(f->dir);
	free(f);
	return 0;
}

static void a_file_written_in_place_is_noticed_once(void **state)
{
	struct fixture *f = *state;

	save(f->file, "ab");
	save(f->file, "abc");
	assert_int_equal(changes_seen(f), 1);
	assert_int_equal(changes_seen(f), 0);
}

static void a_file_renamed_over_it_is_noticed(void **state)
{
	struct fixture *f = *state;

	save(f->fresh, "b");
	assert_int_equal(rename(f->fresh, f->file), 0);
	assert_int_equal(changes_seen(f), 1);
}

/* Where the configuration is a link into another directory. */
static void what_a_link_leads_to_is_watched_too(void **state)
{
	struct fixture *f = *state;
	char sub[96], real[112];
	const char *files[1] = { f->other };

	snprintf(sub, sizeof(sub), "%s/sub", f->dir);
	snprintf(real, sizeof(real), "%s/real.yaml", sub);
	assert_int_equal(mkdir(sub, 0700), 0);
	save(real, "a");
	make_old(real);
	assert_int_equal(symlink(real, f->other), 0);
	assert_int_equal(
		reload_watch(f->reload, (struct config_list){ files, 1 }, f->now), 0);
	assert_int_equal(changes_seen(f), 0);
	save(real, "ab");
	assert_int_equal(changes_seen(f), 1);
	unlink(real);
	rmdir(sub);
}

static void another_file_beside_it_is_not(void **state)
{
	struct fixture *f = *state;

	save(f->other, "x");
	assert_int_equal(changes_seen(f), 0);
}

static void a_file_that_goes_and_comes_back_is_noticed(void **state)
{
	struct fixture *f = *state;

	unlink(f->file);
	assert_int_equal(changes_seen(f), 1);
	save(f->file, "back");
	assert_int_equal(changes_seen(f), 1);
}

static void a_save_while_the_last_one_is_taken_up_is_noticed(void **state)
{
	struct fixture *f = *state;
	const char *files[2] = { f->file, f->other };

	save(f->file, "ab");
	assert_int_equal(
		reload_watch(f->reload, (struct config_list){ files, 2 }, f->now), 0);
	assert_int_equal(changes_seen(f), 1);
	save(f->other, "watched now");
	assert_int_equal(changes_seen(f), 1);
}

static void a_save_since_the_file_was_read_is_noticed(void **state)
{
	struct fixture *f = *state;
	const char *files[2] = { f->file, f->other };

	save(f->other, "saved while it was read");
	assert_int_equal(
		reload_watch(f->reload, (struct config_list){ files, 2 }, f->now), 0);
	assert_int_equal(changes_seen(f), 1);
	assert_int_equal(changes_seen(f), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_file_written_in_place_is_noticed_once,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_file_renamed_over_it_is_noticed, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_save_since_the_file_was_read_is_noticed,
						setup, teardown),
		cmocka_unit_test_setup_teardown(what_a_link_leads_to_is_watched_too,
						setup, teardown),
		cmocka_unit_test_setup_teardown(another_file_beside_it_is_not, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			a_file_that_goes_and_comes_back_is_noticed, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_save_while_the_last_one_is_taken_up_is_noticed, setup,
			teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
