/* test_arena.c - memory and clean-ups that end together. */
#include "base/arena.h"

#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void memory_is_zeroed_aligned_and_apart(void **state)
{
	struct arena *a = arena_new(64);
	unsigned char *p[200];

	(void)state;
	assert_non_null(a);
	for (size_t i = 0; i < 200; i++) {
		size_t size = i * 7 % 90;

		p[i] = arena_alloc(a, size);
		assert_non_null(p[i]);
		assert_int_equal((uintptr_t)p[i] % alignof(max_align_t), 0);
		for (size_t k = 0; k < size; k++)
			assert_int_equal(p[i][k], 0);
		memset(p[i], (int)i, size);
	}
	for (size_t i = 0; i < 200; i++) {
		for (size_t k = 0; k < i * 7 % 90; k++)
			assert_int_equal(p[i][k], i);
	}
	arena_free(a);
}

/* Whatever is left of a block, and however it lies, what does not fit goes elsewhere. */
static void blocks_are_used_up_to_their_end(void **state)
{
	(void)state;
	for (size_t first = 256; first < 300; first++) {
		struct arena *a = arena_new(first);

		for (size_t i = 0; i < 400; i++) {
			*arena_bytes(a, 1) = 'x';
			if (i % 37 == 5 * first % 37)
				*(char *)arena_alloc(a, 1) = 'y';
		}
		arena_free(a);
	}
}

static void a_piece_larger_than_any_block_is_had(void **state)
{
	struct arena *a = arena_new(0);
	char *small = arena_bytes(a, 3), *large = arena_bytes(a, 1 << 20);
	char *behind = arena_bytes(a, 3);

	(void)state;
	assert_non_null(large);
	memset(large, 'x', 1 << 20);
	memcpy(small, "abc", 3);
	memcpy(behind, "def", 3);
	assert_memory_equal(small, "abc", 3);
	assert_int_equal(large[(1 << 20) - 1], 'x');
	arena_free(a);
}

static void what_cannot_be_had_is_null(void **state)
{
	struct arena *a = arena_new(64);

	(void)state;
	assert_null(arena_alloc(a, SIZE_MAX));
	assert_null(arena_alloc(a, SIZE_MAX - 32));
	assert_null(arena_bytes(a, SIZE_MAX / 2 + 1));
	assert_null(arena_str(a, (struct str){ "", SIZE_MAX }).p);
	assert_non_null(arena_alloc(a, 8));
	arena_free(a);
}

static void a_copied_text_ends_in_nul(void **state)
{
	struct arena *a = arena_new(64);
	struct str s = arena_str(a, str_slice(STR("abcdef"), 1, 3));

	(void)state;
	assert_string_equal(s.p, "bc");
	assert_int_equal(s.len, 2);
	s = arena_str(a, STR(""));
	assert_string_equal(s.p, "");
	assert_null(arena_str(a, (struct str){ NULL, 0 }).p);
	arena_free(a);
}

static void a_text_is_formatted_at_any_length(void **state)
{
	struct arena *a = arena_new(64);
	struct str s = arena_printf(a, "%s-%d", "x", 7);

	(void)state;
	assert_string_equal(s.p, "x-7");
	assert_int_equal(s.len, 3);
	s = arena_printf(a, "%5000d", 1);
	assert_int_equal(s.len, 5000);
	assert_int_equal(s.p[4999], '1');
	arena_free(a);
}

struct trace {
	char order[8];
	size_t n;
};

struct step {
	struct trace *trace;
	char name;
};

static void note(void *arg)
{
	struct step *s = arg;

	s->trace->order[s->trace->n++] = s->name;
}

static void clean_ups_run_last_first(void **state)
{
	struct trace t = { "", 0 };
	struct step steps[] = { { &t, 'a' }, { &t, 'b' }, { &t, 'c' } };
	struct arena *a = arena_new(64);

	(void)state;
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(arena_defer(a, note, &steps[i]), 0);
	assert_int_equal(t.n, 0);
	arena_free(a);
	assert_string_equal(t.order, "cba");
}

static void freeing_nothing_is_fine(void **state)
{
	(void)state;
	arena_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_zeroed_aligned_and_apart),
		cmocka_unit_test(blocks_are_used_up_to_their_end),
		cmocka_unit_test(a_piece_larger_than_any_block_is_had),
		cmocka_unit_test(what_cannot_be_had_is_null),
		cmocka_unit_test(a_copied_text_ends_in_nul),
		cmocka_unit_test(a_text_is_formatted_at_any_length),
		cmocka_unit_test(clean_ups_run_last_first),
		cmocka_unit_test(freeing_nothing_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
