/* test_view_heap.c - a view's memory: what it holds, and what if there is none. */
#include "memory/clean.h"
#include "view_fixture.h"

#include <errno.h>
#include <malloc.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The linker sends the allocations of everything linked here through these. */
void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void __real_free(void *p);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void __wrap_free(void *p);

struct heap {
	long fail_at; /* zero: never; one: the next allocation fails, and so on */
	size_t held;  /* bytes */
};

static struct heap *heap(void)
{
	static struct heap h;

	return &h;
}

static bool fails_now(void)
{
	return heap()->fail_at > 0 && --heap()->fail_at == 0;
}

static void *held(void *p)
{
	heap()->held += malloc_usable_size(p);
	return p;
}

void *__wrap_malloc(size_t n)
{
	return fails_now() ? NULL : held(__real_malloc(n));
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails_now() ? NULL : held(__real_calloc(n, size));
}

void *__wrap_realloc(void *p, size_t n)
{
	if (fails_now())
		return NULL;
	heap()->held -= malloc_usable_size(p);
	return held(__real_realloc(p, n));
}

void __wrap_free(void *p)
{
	heap()->held -= malloc_usable_size(p);
	__real_free(p);
}

/* Under AddressSanitizer a piece is as large as was asked for. */
static void the_memory_held_is_told(void **state)
{
	size_t before = heap()->held, now;
	struct view *v = view_new(*state);
	void *byte = malloc(1);
	bool exact = malloc_usable_size(byte) == 1;
	char text[64];

	free(byte);
	for (unsigned i = 1; i <= 500; i++) {
		snprintf(text, sizeof(text), "ficus again word%u and%u", i, i % 9);
		add(v, i % 2 ? 1000 + i : 1000 - i, i % 5 ? "a" : text, text, "green");
		if (i % 100 == 0)
			search(v, "ficus green word3 word4");
		if (i == 300)
			view_trim(v, 900);
		now = heap()->held - before;
		assert_true(exact ? view_bytes(v) == now : view_bytes(v) <= now);
	}
	view_free(v);
	assert_int_equal(heap()->held, before);
}

static struct view *forty_exchanges(struct words *w)
{
	struct view *v = view_new(w);
	char text[64];

	assert_non_null(v);
	for (unsigned i = 1; i <= 40; i++) {
		snprintf(text, sizeof(text), "ficus again ficus word%u", i);
		add(v, i + 100, "a", text, "green");
	}
	return v;
}

/* True once no allocation is left to fail. */
static bool add_with_failure(struct words *w, const struct exchange *x, long fail_at)
{
	struct view *v = forty_exchanges(w);
	struct found before = search(v, "ficus green word3"), after;
	bool failed;
	int r;

	heap()->fail_at = fail_at;
	r = view_add(v, x);
	failed = heap()->fail_at == 0;
	heap()->fail_at = 0;
	assert_int_equal(r, failed ? -ENOMEM : 0);
	if (failed) {
		after = search(v, "ficus green word3");
		assert_same(&before, &after);
		assert_int_equal(view_exchanges(v), 40);
		assert_int_equal(view_add(v, x), 0);
	}
	assert_int_equal(view_exchanges(v), 41);
	assert_int_equal(search(v, "fresh59").v[0].seq, 50);
	view_free(v);
	return !failed;
}

/* Whatever allocation fails, nothing of the exchange is there; then all of it. */
static void out_of_memory_leaves_the_view_as_it_was(void **state)
{
	struct exchange x = told(50, "new session", NULL, "ficus");
	char text[1000] = "";
	long fail_at = 1;

	for (unsigned i = 0; i < 60; i++)
		snprintf(text + strlen(text), 20, "fresh%u ficus ", i);
	x.user = str_from(text);
	while (!add_with_failure(*state, &x, fail_at))
		fail_at++;
	assert_true(fail_at > 10);
}

static void a_search_without_memory_says_so(void **state)
{
	size_t n = 0;
	struct view_hit hits[4];
	struct view_query q = { .text = STR("ficus") };

	add(*state, 1, "a", "ficus", "green");
	for (long fail_at = 1;; fail_at++) {
		heap()->fail_at = fail_at;
		enum view_result r = view_search(*state, &q, hits, 4, &n);
		bool failed = heap()->fail_at == 0;

		heap()->fail_at = 0;
		if (!failed) {
			assert_int_equal(r, VIEW_HITS);
			assert_true(fail_at > 3);
			break;
		}
		assert_int_equal(r, VIEW_NO_MEMORY);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_memory_held_is_told),
		cmocka_unit_test(out_of_memory_leaves_the_view_as_it_was),
		view_test(a_search_without_memory_says_so),
	};

	return cmocka_run_group_tests(tests, words_up, words_down);
}
