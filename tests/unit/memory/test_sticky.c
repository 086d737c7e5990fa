/* test_sticky.c - which exchanges were put into requests, and with which turns. */
#include "memory/sticky.h"

#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct hash128 user = { 1, 2 }, prev = { 3, 4 }, other = { 5, 6 };

static struct exchange record(const char *session, unsigned char id, uint64_t at_ms,
			      const char *sources)
{
	return (struct exchange){
		.id = { { id } },
		.session = str_from(session),
		.state = EXCHANGE_BLOCK,
		.at_ms = at_ms,
		.user_hash = user,
		.prev_hash = prev,
		.sources = str_from(sources),
	};
}

static void add(struct sticky *s, struct exchange x)
{
	assert_int_equal(sticky_add(s, &x), 0);
}

static struct str found(const struct sticky *s, const char *session, bool anywhere)
{
	const struct sticky_record *r =
		sticky_find(s, str_from(session), anywhere, user, prev, 100);

	return r ? sticky_sources(r) : (struct str){ NULL, 0 };
}

static void the_newest_of_a_turn_counts_in_whatever_order_they_come(void **state)
{
	struct sticky s = { 0 };

	(void)state;
	add(&s, record("a", 2, 20, "second"));
	add(&s, record("a", 1, 10, "first"));
	add(&s, record("a", 3, 30, "third"));
	assert_true(str_eq(found(&s, "a", false), STR("third")));
	add(&s, record("a", 4, 25, "between"));
	assert_true(str_eq(found(&s, "a", false), STR("third")));
	assert_int_equal(s.n, 4);
	sticky_done(&s);
}

static void the_session_goes_first_and_any_other_only_where_asked(void **state)
{
	struct sticky s = { 0 };

	(void)state;
	add(&s, record("a", 1, 10, "of a"));
	add(&s, record("b", 2, 20, "of b"));
	assert_true(str_eq(found(&s, "a", true), STR("of a")));
	assert_null(found(&s, "c", false).p);
	assert_true(str_eq(found(&s, "c", true), STR("of b")));
	sticky_done(&s);
}

/* A block, and that it was refused: built newest first, and as they come. */
static void of_the_same_moment_the_last_in_the_log_counts(void **state)
{
	struct exchange put = record("a", 1, 10, "put"), refused = record("a", 2, 10, "");
	struct sticky s = { 0 };

	(void)state;
	put.seq = 5;
	refused.seq = 6;
	add(&s, refused);
	add(&s, put);
	assert_int_equal(found(&s, "a", false).len, 0);
	assert_int_equal(found(&s, "b", true).len, 0);
	sticky_done(&s);
	put.seq = refused.seq = 0;
	add(&s, put);
	add(&s, refused);
	assert_int_equal(found(&s, "a", false).len, 0);
	assert_int_equal(found(&s, "b", true).len, 0);
	sticky_done(&s);
}

/* As of a job that begins each day with the same words: who walks them all for each never
 * comes to the end of this. */
static void many_conversations_may_begin_alike(void **state)
{
	enum { MANY = 400000 };
	struct sticky s = { 0 };
	struct exchange x;
	char session[16];

	(void)state;
	for (uint32_t i = MANY; i > 0; i--) {
		snprintf(session, sizeof(session), "s%u", i);
		x = record(session, 0, i, "x");
		memcpy(x.id.b, &i, sizeof(i));
		x.seq = i;
		add(&s, x);
	}
	for (int i = 0; i < 100000; i++)
		assert_null(found(&s, "none", false).p);
	assert_non_null(found(&s, "none", true).p);
	assert_non_null(found(&s, "s1", false).p);
	sticky_done(&s);
}

static void another_turn_has_none(void **state)
{
	struct sticky s = { 0 };

	(void)state;
	add(&s, record("a", 1, 10, "x"));
	assert_null(sticky_find(&s, STR("a"), true, other, prev, 100));
	assert_null(sticky_find(&s, STR("a"), true, user, other, 100));
	sticky_done(&s);
}

static void the_same_record_again_is_one_and_learns_its_seq(void **state)
{
	struct exchange x = record("a", 1, 10, "x");
	struct sticky s = { 0 };

	(void)state;
	add(&s, x);
	x.seq = 7;
	add(&s, x);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.v[0].seq, 7);
	x.seq = 0;
	add(&s, x);
	assert_int_equal(s.v[0].seq, 7);
	sticky_done(&s);
}

static void what_has_expired_is_passed_over(void **state)
{
	struct exchange x = record("a", 2, 20, "expired");
	struct sticky s = { 0 };

	(void)state;
	x.expires_ms = 100;
	add(&s, x);
	assert_null(found(&s, "a", true).p);
	add(&s, record("a", 1, 10, "older"));
	assert_true(str_eq(found(&s, "a", true), STR("older")));
	sticky_done(&s);
}

static void sources_come_back_with_what_was_shown(void **state)
{
	struct view_hit v[] = { { .id = { { 1 } }, .user_shown = SHOWN_ENDS },
				{ .id = { { 2 } }, .reply_shown = SHOWN_PASSAGE + 200 } };
	struct view_hit got = { 0 };
	struct arena *a = arena_new(256);
	struct str packed = sticky_pack(v, 2, a);

	(void)state;
	assert_int_equal(sticky_count(packed), 2);
	for (size_t i = 0; i < 2; i++) {
		sticky_source(packed, i, &got);
		assert_true(exchange_id_eq(&got.id, &v[i].id));
		assert_int_equal(got.user_shown, v[i].user_shown);
		assert_int_equal(got.reply_shown, v[i].reply_shown);
	}
	arena_free(a);
}

static void what_cannot_be_read_is_no_source(void **state)
{
	(void)state;
	assert_int_equal(sticky_count(STR("")), 0);
	assert_int_equal(sticky_count(STR("\x01")), 0);
	assert_int_equal(sticky_count(STR("\x63 of a version to come, with more in it")),
			 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_newest_of_a_turn_counts_in_whatever_order_they_come),
		cmocka_unit_test(the_session_goes_first_and_any_other_only_where_asked),
		cmocka_unit_test(of_the_same_moment_the_last_in_the_log_counts),
		cmocka_unit_test(many_conversations_may_begin_alike),
		cmocka_unit_test(another_turn_has_none),
		cmocka_unit_test(the_same_record_again_is_one_and_learns_its_seq),
		cmocka_unit_test(what_has_expired_is_passed_over),
		cmocka_unit_test(sources_come_back_with_what_was_shown),
		cmocka_unit_test(what_cannot_be_read_is_no_source),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
