/* view_fixture.h - a view to fill and to ask. */
#ifndef TESTS_VIEW_FIXTURE_H
#define TESTS_VIEW_FIXTURE_H

#include "memory/dialect.h"
#include "memory/view.h"
#include "memory/words.h"

#define NOV_21 UINT64_C(1795219200000) /* 2026-11-21, a Saturday */
#define MANY   200

/* The group's state are the words; each test's is a view of its own. */
int words_up(void **state);
int words_down(void **state);
int set_up(void **state);
int tear_down(void **state);

#define view_test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

struct found {
	enum view_result result;
	struct view_hit v[MANY];
	size_t n;
};

struct exchange told(uint64_t seq, const char *session, const char *user,
		     const char *reply);
void add(struct view *v, uint64_t seq, const char *session, const char *user,
	 const char *reply);
struct found search_for(struct view *v, const struct view_query *q, size_t max);
struct found search(struct view *v, const char *text);
void assert_found(const struct found *f, size_t n, const uint64_t *seqs);
void assert_same(const struct found *a, const struct found *b);

#endif
