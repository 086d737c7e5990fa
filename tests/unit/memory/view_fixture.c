/* view_fixture.c - a view to fill and to ask. */
#include "view_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct exchange told(uint64_t seq, const char *session, const char *user,
		     const char *reply)
{
	return (struct exchange){
		.seq = seq,
		.session = str_from(session),
		.at_ms = NOV_21,
		.user = str_from(user),
		.reply = str_from(reply),
	};
}

void add(struct view *v, uint64_t seq, const char *session, const char *user,
	 const char *reply)
{
	struct exchange x = told(seq, session, user, reply);

	assert_int_equal(view_add(v, &x), 0);
}

struct found search_for(struct view *v, const struct view_query *q, size_t max)
{
	struct found f = { 0 };

	f.result = view_search(v, q, f.v, max, &f.n);
	assert_true(f.result == VIEW_HITS ? f.n > 0 : f.n == 0);
	return f;
}

struct found search(struct view *v, const char *text)
{
	return search_for(v, &(struct view_query){ .text = str_from(text) }, MANY);
}

void assert_found(const struct found *f, size_t n, const uint64_t *seqs)
{
	assert_int_equal(f->n, n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(f->v[i].seq, seqs[i]);
}

void assert_same(const struct found *a, const struct found *b)
{
	assert_int_equal(a->result, b->result);
	assert_int_equal(a->n, b->n);
	for (size_t i = 0; i < a->n; i++) {
		assert_int_equal(a->v[i].seq, b->v[i].seq);
		assert_true(a->v[i].score == b->v[i].score);
	}
}

int words_up(void **state)
{
	*state = words_new("english");
	return *state ? 0 : -1;
}

int words_down(void **state)
{
	words_free(*state);
	return 0;
}

int set_up(void **state)
{
	*state = view_new(*state);
	return *state ? 0 : -1;
}

int tear_down(void **state)
{
	view_free(*state);
	return 0;
}
