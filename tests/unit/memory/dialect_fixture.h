/*
 * dialect_fixture.h - what the tests of all dialects share: reading a body, and putting
 * a block into it.
 */
#ifndef TEST_DIALECT_FIXTURE_H
#define TEST_DIALECT_FIXTURE_H

#include "memory/dialect.h"

/* A test's state. */
struct dialect_fixture {
	struct arena *arena;
	const struct dialect *dialect;
};

/* cmocka's setup and teardown for one dialect each. */
int setup_chat(void **state);
int setup_cursor(void **state);
int setup_messages(void **state);
int setup_responses(void **state);
int teardown_dialect(void **state);
struct arena *arena_of(void **state);

void expect_str(struct str got, const char *want); /* NULL: absent */
int try_read(void **state, struct str body, struct request_view *ret);
struct request_view read_body(void **state, const char *body);
void expect_turn(void **state, const char *body, const char *user, const char *earlier,
		 const char *reply, bool user_last);
/* "u:text" or "a:text", in order. */
void expect_sent(void **state, const char *body, size_t n, const char *const *want);
#define EXPECT_SENT(state, body, ...)                                               \
	expect_sent((state), (body),                                                \
		    sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(const char *), \
		    (const char *const[]){ __VA_ARGS__ })

extern const char *const test_block;
struct str spliced_into(void **state, struct str body, const struct turn *turn);
const struct turn *last_turn(const struct request_view *v);
struct str spliced(void **state, struct str body); /* into the last turn */
void expect_key(const struct turn *turn, const char *user, const char *prev);
/*
 * The n-th turn of `body` must have the place and the key that it had when the
 * request ended with it, as `begin` did: then the bytes before are the same too.
 * `begin` is `body` up to there, but for its last two bytes.
 */
void expect_same_place(void **state, const char *begin, const char *body);

#endif
