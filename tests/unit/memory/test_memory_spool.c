/* test_memory_spool.c - the memory service over a spool; how long and how much is kept.
 */
#include "memory_fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct spooled {
	struct fixture *f;
	char dir[40], url[200], plan[80];
};

/* In front of a store that takes nothing, but can be read. */
static int spool_up(void **state)
{
	struct spooled *s = calloc(1, sizeof(*s));
	void *f;

	assert_non_null(s);
	strcpy(s->dir, "/tmp/memproxy-spool-XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	snprintf(s->plan, sizeof(s->plan), "%s/plan", s->dir);
	snprintf(s->url, sizeof(s->url),
		 "spool:%s/spool.db:faulty:file=%s:memory:", s->dir, s->plan);
	assert_int_equal(not_started(&f), 0);
	s->f = f;
	s->f->cfg.store.url = s->url;
	*state = s;
	return 0;
}

static int spool_down(void **state)
{
	static const char *const names[] = { "plan",         "plan.new",
					     "spool.db",     "spool.db.lock",
					     "spool.db-wal", "spool.db-shm" };
	struct spooled *s = *state;
	void *f = s->f;
	char path[120];
	int r = down(&f);

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(path, sizeof(path), "%s/%s", s->dir, names[i]);
		unlink(path);
	}
	rmdir(s->dir);
	free(s);
	return r;
}

#define spool_test(name) cmocka_unit_test_setup_teardown(name, spool_up, spool_down)

static void set_plan(const struct spooled *s, const char *text)
{
	char path[120];
	FILE *to;

	snprintf(path, sizeof(path), "%s.new", s->plan);
	to = fopen(path, "w");
	assert_non_null(to);
	fputs(text, to);
	fclose(to);
	assert_int_equal(rename(path, s->plan), 0);
}

static unsigned times_in(const char *block, const char *text)
{
	unsigned n = 0;

	for (const char *p = block; (p = strstr(p, text)); p++)
		n++;
	return n;
}

static void what_waits_is_recalled_and_once_it_arrives_still_once(void **state)
{
	struct spooled *s = *state;
	struct heard h;

	set_plan(s, "fail=append");
	start(s->f);
	tell(s->f, "a", "My dog is called Rex.", "A fine name.");
	ask(s->f, "What is my dog called?", &h);
	assert_int_equal(h.a.status, RECALL_BLOCK);
	assert_int_equal(times_in(h.block, "called Rex"), 1);
	tell(s->f, "b", "My cat is called Tom.", "Another.");
	ask(s->f, "What are my dog and my cat called?", &h);
	assert_int_equal(times_in(h.block, "called Rex"), 1);
	assert_int_equal(times_in(h.block, "called Tom"), 1);
	pump_until(s->f, stats(s->f).spool.waiting == 2);

	set_plan(s, "");
	pump_until(s->f, stats(s->f).spool.sent == 2);
	for (int i = 0; i < 2; i++) {
		ask(s->f, "What are my dog and my cat called?", &h);
		assert_int_equal(times_in(h.block, "called Rex"), 1);
		assert_int_equal(times_in(h.block, "called Tom"), 1);
	}
	tell(s->f, "c", "My bird is called Kim.", "Yet another.");
	ask(s->f, "What are my dog, my cat and my bird called?", &h);
	assert_int_equal(times_in(h.block, "is called"), 3);
}

static void what_is_kept_while_the_store_is_away_is_kept(void **state)
{
	struct spooled *s = *state;
	struct exchange x = told("a", "My dog is called Rex.", "A fine name.");
	struct heard h;

	set_plan(s, "fail=all");
	start(s->f);
	assert_int_equal(keep(s->f, &x, 0), 0);
	ask(s->f, "What is my dog called?", &h);
	assert_int_equal(h.a.status, RECALL_DEGRADED_STORE);
	set_plan(s, "");
	pump_until(s->f, stats(s->f).spool.sent == 1);
	ask(s->f, "What is my dog called?", &h);
	assert_int_equal(h.a.status, RECALL_BLOCK);
	assert_int_equal(stats(s->f).keep_failed, 0);
}

/* Who imports wants to know what became of it, and can try again. */
static void an_import_is_answered_by_the_store_itself(void **state)
{
	struct spooled *s = *state;
	struct exchange v[2] = { told("a", "My dog is called Rex.", "A fine name."),
				 told("a", "My cat is called Tom.", "Another.") };
	struct import_result r = { 0 };

	start(s->f);
	import(s->f, v, 2, 0, &r);
	assert_int_equal(r.status, 0);
	assert_int_equal(r.imported, 2);
	assert_true(r.head < STORE_SEQ_PROVISIONAL);
	import(s->f, v, 2, 0, &r);
	assert_int_equal(r.imported, 0);
	assert_int_equal(r.known, 2);
	set_plan(s, "fail=append,status=EPERM"); /* it is paused */
	import(s->f, v, 2, 0, &r);
	assert_int_equal(r.status, -EPERM);
	set_plan(s, "fail=append");
	import(s->f, v, 2, 0, &r);
	assert_int_equal(r.status, -EIO);
	assert_int_equal(r.imported, 0);
}

static void no_more_is_kept_of_a_user_than_may_be(void **state)
{
	struct fixture *f = *state;
	struct heard h;
	char text[64];

	f->cfg.memory.max_exchanges_per_user = 3;
	memory_set_config(f->m, &f->cfg);
	for (int i = 0; i < 10; i++) {
		snprintf(text, sizeof(text), "Plant number%d is a ficus.", i);
		tell(f, "a", text, "Noted.");
	}
	ask(f, "Which plant is a ficus?", &h);
	assert_int_equal(times_in(h.block, "is a ficus"), 3);
	assert_int_equal(times_in(h.block, "number9"), 1);
	assert_int_equal(times_in(h.block, "number7"), 1);
}

static void what_is_older_than_the_ttl_is_not_recalled(void **state)
{
	struct fixture *f = *state;
	struct exchange x = told("a", "My dog is called Rex.", "A fine name.");
	struct heard h;

	f->cfg.store.ttl = 1000;
	memory_set_config(f->m, &f->cfg);
	x.at_ms = NOV_21 - 1000;
	assert_int_equal(keep(f, &x, 0), 0);
	ask(f, "my dog", &h);
	assert_int_equal(h.a.status, RECALL_NO_HIT);
	x = told("a", "My cat is called Tom.", "A fine name.");
	x.at_ms = NOV_21 - 999;
	assert_int_equal(keep(f, &x, 0), 0);
	ask(f, "my dog and my cat", &h);
	assert_int_equal(times_in(h.block, "is called"), 1);
	assert_int_equal(times_in(h.block, "Tom"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		spool_test(what_waits_is_recalled_and_once_it_arrives_still_once),
		spool_test(what_is_kept_while_the_store_is_away_is_kept),
		spool_test(an_import_is_answered_by_the_store_itself),
		real_test(no_more_is_kept_of_a_user_than_may_be),
		real_test(what_is_older_than_the_ttl_is_not_recalled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
