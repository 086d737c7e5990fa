/* test_pipeline.c - the runner of step tables. */
#include "proxy/pipeline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct subject {
	struct pipeline pl;
	char trace[64];
	char rows[64]; /* the rows that on_step told of */
	uint64_t us;
	bool completes_inline;
	int waits;
	enum step_result end;
	int ended;
};

static uint64_t ticking_us(const struct clock *c)
{
	(void)c;
	return 7;
}

static const struct clock still = { ticking_us, ticking_us };

static void mark(struct subject *s, char *to, char c)
{
	size_t n = strlen(to);

	(void)s;
	if (n + 1 < sizeof(s->trace)) {
		to[n] = c;
		to[n + 1] = '\0';
	}
}

static enum step_result passes(void *p)
{
	struct subject *s = p;

	mark(s, s->trace, 'a');
	return STEP_NEXT;
}

static enum step_result waits(void *p)
{
	struct subject *s = p;

	mark(s, s->trace, 'w');
	if (s->completes_inline)
		pipeline_resume(&s->pl);
	return STEP_WAIT;
}

static enum step_result waited(void *p)
{
	struct subject *s = p;

	mark(s, s->trace, 'W');
	return s->waits-- > 0 ? waits(p) : STEP_NEXT;
}

static enum step_result fails(void *p)
{
	struct subject *s = p;

	mark(s, s->trace, 'f');
	return STEP_FAIL;
}

static enum step_result stops_itself(void *p)
{
	struct subject *s = p;

	mark(s, s->trace, 's');
	pipeline_stop(&s->pl);
	return STEP_NEXT;
}

static void on_step(void *p, size_t row, enum step_result r, uint64_t us)
{
	struct subject *s = p;

	(void)r;
	s->us += us;
	mark(s, s->rows, (char)('0' + row));
}

static void on_end(void *p, enum step_result r)
{
	struct subject *s = p;

	s->end = r;
	s->ended++;
}

static const struct pipeline_owner owner = { on_step, on_end };

static void begin(struct subject *s, const struct step *steps, size_t n)
{
	pipeline_init(&s->pl, steps, n, &owner, &still, s);
}

static void inline_and_later_completion_give_the_same_trace(void **state)
{
	static const struct step steps[] = {
		{ "a", passes, NULL, 0 },
		{ "w", waits, waited, 0 },
		{ "z", passes, NULL, 0 },
	};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct subject s = { .completes_inline = i == 0, .waits = 2 };

		begin(&s, steps, 3);
		pipeline_run(&s.pl);
		while (!s.ended)
			pipeline_resume(&s.pl);
		assert_string_equal(s.trace, "awWwWwWa");
		assert_string_equal(s.rows, "012");
		assert_int_equal(s.end, STEP_END);
	}
}

static void an_optional_step_may_fail_and_another_ends_the_run(void **state)
{
	static const struct step steps[] = {
		{ "f", fails, NULL, STEP_OPTIONAL },
		{ "a", passes, NULL, 0 },
		{ "g", fails, NULL, 0 },
		{ "never", passes, NULL, 0 },
	};
	struct subject s = { 0 };

	(void)state;
	begin(&s, steps, 4);
	pipeline_run(&s.pl);
	assert_int_equal(s.end, STEP_FAIL);
	assert_string_equal(s.trace, "faf");
	assert_int_equal(s.ended, 1);
}

static void memory_rows_can_be_skipped(void **state)
{
	static const struct step steps[] = {
		{ "m", waits, waited, STEP_MEMORY },
		{ "a", passes, NULL, 0 },
	};
	struct subject s = { 0 };

	(void)state;
	begin(&s, steps, 2);
	s.pl.skip = STEP_MEMORY;
	pipeline_run(&s.pl);
	assert_int_equal(s.end, STEP_END);
	assert_string_equal(s.trace, "a");
	assert_string_equal(s.rows, "1");
}

static void a_row_that_waits_is_finished_though_it_was_skipped_meanwhile(void **state)
{
	static const struct step steps[] = { { "m", waits, waited, STEP_MEMORY } };
	struct subject s = { 0 };

	(void)state;
	begin(&s, steps, 1);
	pipeline_run(&s.pl);
	s.pl.skip = STEP_MEMORY;
	pipeline_resume(&s.pl);
	assert_string_equal(s.trace, "wW");
	assert_int_equal(s.end, STEP_END);
}

static void a_million_inline_waits_use_no_stack(void **state)
{
	static const struct step steps[] = { { "w", waits, waited, 0 } };
	struct subject s = { .completes_inline = true, .waits = 1000000 };

	(void)state;
	begin(&s, steps, 1);
	pipeline_run(&s.pl);
	assert_int_equal(s.ended, 1);
}

static void it_stops_from_inside_and_from_outside_a_step(void **state)
{
	static const struct step in[] = {
		{ "s", stops_itself, NULL, 0 },
		{ "never", passes, NULL, 0 },
	};
	static const struct step out[] = {
		{ "w", waits, waited, 0 },
		{ "never", passes, NULL, 0 },
	};
	struct subject s = { 0 }, u = { 0 };

	(void)state;
	begin(&s, in, 2);
	pipeline_run(&s.pl);
	assert_int_equal(s.ended, 1);
	assert_string_equal(s.trace, "s");

	begin(&u, out, 2);
	pipeline_run(&u.pl);
	assert_int_equal(u.ended, 0);
	pipeline_stop(&u.pl);
	pipeline_stop(&u.pl);
	assert_int_equal(u.ended, 1);
	assert_string_equal(u.trace, "w");
	assert_int_equal(u.end, STEP_FAIL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inline_and_later_completion_give_the_same_trace),
		cmocka_unit_test(an_optional_step_may_fail_and_another_ends_the_run),
		cmocka_unit_test(memory_rows_can_be_skipped),
		cmocka_unit_test(
			a_row_that_waits_is_finished_though_it_was_skipped_meanwhile),
		cmocka_unit_test(a_million_inline_waits_use_no_stack),
		cmocka_unit_test(it_stops_from_inside_and_from_outside_a_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
