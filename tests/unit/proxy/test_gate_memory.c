/*
 * test_gate_memory.c - memory that runs out at each point of a connection's
 * life: the request may fail, but nothing crashes, leaks or stays behind.
 *
 * Linked with --wrap, so that the product's own allocations come here. Those of
 * libevent do not: evhttp 2.1 follows NULL where evhttp_request_new() fails.
 */
#include "gate_fixture.h"

#include <errno.h>
#include <stdlib.h>

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);

/* malloc() has no argument to carry it in. */
static struct {
	bool armed;
	unsigned at;    /* the first one that fails */
	unsigned count; /* how many do */
	unsigned seen;
} want;

static bool fails(void)
{
	unsigned n = want.seen;

	if (!want.armed)
		return false;
	want.seen++;
	return n >= want.at && n - want.at < want.count;
}

void *__wrap_malloc(size_t n)
{
	return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
	return fails() ? NULL : __real_realloc(p, n);
}

/* --- one life --- */

static const char conversation[] =
	"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
	"3\r\nabc\r\n0\r\n\r\n"
	"POST /deny HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
	"GET /abort HTTP/1.1\r\nHost: h\r\n\r\n";
static const char nonsense[] = "nonsense\r\n\r\n";

static void talk(struct client *c, struct fixture *f, struct str text)
{
	client_open(c, f);
	for (size_t at = 0; at < text.len; at += 20) {
		struct str piece = str_slice(text, at, at + 20);

		client_push(c, piece.p, piece.len);
	}
	client_close(c);
}

/* Afterwards all is well again. */
static void live_and_recover(struct fixture *f)
{
	struct client c;

	want.armed = true;
	talk(&c, f, (struct str){ conversation, sizeof(conversation) - 1 });
	talk(&c, f, (struct str){ nonsense, sizeof(nonsense) - 1 });
	want.armed = false;
	assert_null(f->served.conn);
	assert_int_equal(fixture_stats(f).open, 0);

	fixture_pass(f, 250);
	client_open(&c, f);
	client_say(&c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
	client_expect(&c, "\r\n\r\nok");
	client_close(&c);
}

static unsigned allocations_of_a_life(struct fixture *f)
{
	want.at = UINT32_MAX;
	want.count = want.seen = 0;
	live_and_recover(f);
	return want.seen;
}

static void any_one_allocation_may_fail(void **state)
{
	unsigned n = allocations_of_a_life(*state);

	assert_true(n > 4);
	for (unsigned i = 0; i < n; i++) {
		want.at = i;
		want.count = 1;
		want.seen = 0;
		live_and_recover(*state);
	}
}

static void all_from_one_on_may_fail(void **state)
{
	unsigned n = allocations_of_a_life(*state);

	for (unsigned i = 0; i < n; i++) {
		want.at = i;
		want.count = UINT32_MAX;
		want.seen = 0;
		live_and_recover(*state);
	}
}

static void a_gate_is_made_or_not(void **state)
{
	struct fixture *f = *state;
	struct gate *g = NULL;
	int err = -1;

	want.count = 1;
	for (want.at = 0; err; want.at++) {
		want.seen = 0;
		want.armed = true;
		err = gate_new(&f->deps, &g);
		want.armed = false;
		assert_true(err == 0 || (err == -ENOMEM && !g));
	}
	assert_true(want.at > 1);
	gate_free(g);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, gate_setup, gate_teardown)
	const struct CMUnitTest tests[] = {
		TEST(any_one_allocation_may_fail),
		TEST(all_from_one_on_may_fail),
		TEST(a_gate_is_made_or_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
