/* dialect_fixture.c - reading a body, and putting a block into it. */
#include "dialect_fixture.h"

#include "base/buf.h"
#include "memory/clean.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int setup(void **state, const struct dialect *d)
{
	struct arena *a = arena_new(1024);
	struct dialect_fixture *f = a ? arena_alloc(a, sizeof(*f)) : NULL;

	if (f == NULL)
		return -1;
	*f = (struct dialect_fixture){ a, d };
	*state = f;
	return 0;
}

int setup_chat(void **state)
{
	return setup(state, &dialect_chat);
}

int setup_cursor(void **state)
{
	return setup(state, &dialect_cursor);
}

int setup_messages(void **state)
{
	return setup(state, &dialect_messages);
}

int setup_responses(void **state)
{
	return setup(state, &dialect_responses);
}

int teardown_dialect(void **state)
{
	arena_free(arena_of(state));
	return 0;
}

struct arena *arena_of(void **state)
{
	return ((struct dialect_fixture *)*state)->arena;
}

static const struct dialect *dialect_of(void **state)
{
	return ((struct dialect_fixture *)*state)->dialect;
}

/* From a copy of just its size, gone before the view is looked at. */
int try_read(void **state, struct str body, struct request_view *ret)
{
	char *copy = malloc(body.len ? body.len : 1);
	int err;

	memcpy(copy, body.p, body.len);
	err = dialect_of(state)->read((struct str){ copy, body.len }, arena_of(state),
				      ret);
	free(copy);
	return err;
}

struct request_view read_body(void **state, const char *body)
{
	struct request_view v = { 0 };

	assert_int_equal(try_read(state, str_from(body), &v), 0);
	return v;
}

void expect_str(struct str got, const char *want)
{
	if (want == NULL && got.p != NULL)
		fail_msg("got \"%.*s\", not nothing", STR_ARG(got));
	if (want != NULL && (got.p == NULL || !str_eq(got, str_from(want))))
		fail_msg("got \"%.*s\", not \"%s\"", STR_ARG(got), want);
}

void expect_turn(void **state, const char *body, const char *user, const char *earlier,
		 const char *reply, bool user_last)
{
	struct request_view v = read_body(state, body);

	expect_str(v.user_text, user);
	expect_str(v.earlier_user_text, earlier);
	expect_str(v.last_reply, reply);
	assert_int_equal(v.user_last, user_last);
}

/* "u:text" or "a:text", in order. */
void expect_sent(void **state, const char *body, size_t n, const char *const *want)
{
	struct request_view v = read_body(state, body);

	assert_int_equal(v.n_sent, n);
	for (size_t i = 0; i < n; i++) {
		struct hash128 hash = turn_hash(str_from(want[i] + 2));

		assert_int_equal(v.sent[i].from_user, want[i][0] == 'u');
		if (!hash128_eq(v.sent[i].hash, hash))
			fail_msg("sent[%zu] is not \"%s\"", i, want[i]);
	}
}

const char *const test_block = "<memory-3f9a07c1d2e4b586>\n\"quoted\" \\ \t \x01 ä 😀\n"
			       "</memory-3f9a07c1d2e4b586>";

struct str spliced_into(void **state, struct str body, const struct turn *turn)
{
	struct buf b;

	assert_int_not_equal(turn->splice_kind, SPLICE_NONE);
	struct str insert = dialect_of(state)->splice(
		turn->splice_kind, str_from(test_block), arena_of(state));
	assert_non_null(insert.p);
	buf_init(&b, SIZE_MAX);
	buf_add_str(&b, str_slice(body, 0, turn->splice_at));
	buf_add_str(&b, insert);
	buf_add_str(&b, str_slice(body, turn->splice_at, body.len));
	assert_false(b.failed);
	struct str ret = arena_str(arena_of(state), buf_str(&b));
	buf_done(&b);
	return ret;
}

const struct turn *last_turn(const struct request_view *v)
{
	assert_true(v->n_turns > 0);
	return &v->turns[v->n_turns - 1];
}

struct str spliced(void **state, struct str body)
{
	struct request_view v;

	assert_int_equal(try_read(state, body, &v), 0);
	assert_true(v.user_last);
	return spliced_into(state, body, last_turn(&v));
}

static struct turn_key key(const char *user, const char *prev)
{
	struct turn_key k = { .user = turn_hash(str_from(user)) };

	if (prev)
		k.prev = turn_hash(str_from(prev));
	return k;
}

void expect_key(const struct turn *turn, const char *user, const char *prev)
{
	struct turn_key want = key(user, prev);

	assert_true(hash128_eq(turn->key.user, want.user));
	assert_true(hash128_eq(turn->key.prev, want.prev));
}

/*
 * The n-th turn of `body` must have the place and the key that it had when the
 * request ended with it, as `begin` did: then the bytes before are the same too.
 */
void expect_same_place(void **state, const char *begin, const char *body)
{
	struct request_view then = read_body(state, begin), now = read_body(state, body);

	assert_true(then.user_last);
	assert_true(now.n_turns >= then.n_turns);
	const struct turn *a = last_turn(&then), *b = &now.turns[then.n_turns - 1];
	assert_true(hash128_eq(a->key.user, b->key.user));
	assert_true(hash128_eq(a->key.prev, b->key.prev));
	assert_int_equal(a->splice_at, b->splice_at);
	assert_int_equal(a->splice_kind, b->splice_kind);
	struct str with = spliced_into(state, str_from(begin), a);
	struct str again = spliced_into(state, str_from(body), b);
	assert_true(str_has_prefix(again, str_slice(with, 0, with.len - 2)));
}
