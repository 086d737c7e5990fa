/* test_sse.c - event streams in whatever pieces they come. */
#include "memory/sse.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What was told, as "offset name=data|" for each event. */
struct told {
	struct sse sse;
	struct buf log;
};

static void on_event(void *arg, struct str event, struct str data)
{
	struct told *t = arg;

	buf_printf(&t->log, "%zu %.*s=", (size_t)t->sse.event_at, STR_ARG(event));
	buf_add_str(&t->log, data);
	buf_add_char(&t->log, '|');
}

static void told_init(struct told *t, size_t max)
{
	sse_init(&t->sse, max, on_event, t);
	buf_init(&t->log, 1 << 20);
}

static void told_done(struct told *t)
{
	sse_done(&t->sse);
	buf_done(&t->log);
}

/* A copy of just its size, so that the sanitizer sees a read beyond it. */
static int feed(struct sse *s, const char *p, size_t n)
{
	char *copy = malloc(n ? n : 1);
	int err;

	memcpy(copy, p, n);
	err = sse_feed(s, copy, n);
	free(copy);
	return err;
}

static void expect_log(struct told *t, struct str want)
{
	if (!str_eq(buf_str(&t->log), want))
		fail_msg("told \"%.*s\", not \"%.*s\"", STR_ARG(buf_str(&t->log)),
			 STR_ARG(want));
}

/* Whole, byte by byte, and split in two at every byte. */
static void expect(struct str stream, struct str want)
{
	for (size_t cut = 0; cut <= stream.len + 1; cut++) {
		struct told t;

		told_init(&t, 1024);
		if (cut > stream.len) {
			for (size_t i = 0; i < stream.len; i++)
				assert_int_equal(feed(&t.sse, stream.p + i, 1), 0);
		} else {
			assert_int_equal(feed(&t.sse, stream.p, cut), 0);
			assert_int_equal(feed(&t.sse, stream.p + cut, stream.len - cut),
					 0);
		}
		expect_log(&t, want);
		told_done(&t);
	}
}

#define expect_events(stream, want) expect(stream, STR(want))

static void events_end_at_a_blank_line(void **state)
{
	(void)state;
	expect_events(STR("data: a\n\ndata: b\n\n"), "0 =a|9 =b|");
	expect_events(STR("data: a\n"), "");
	expect_events(STR("data: a"), "");
	expect_events(STR(""), "");
}

static void lines_end_in_cr_lf_or_both(void **state)
{
	(void)state;
	expect_events(STR("data: a\r\n\r\ndata: b\r\n\r\n"), "0 =a|11 =b|");
	expect_events(STR("data: a\r\rdata: b\r\r"), "0 =a|9 =b|");
	expect_events(STR("data: a\r\n\ndata: b\n\r\n"), "0 =a|10 =b|");
	expect_events(STR("data: a\n\rdata: b\r\n\r"), "0 =a|9 =b|");
}

static void data_lines_are_joined_by_a_line_feed(void **state)
{
	(void)state;
	expect_events(STR("data: a\ndata: b\ndata: c\n\n"), "0 =a\nb\nc|");
	expect_events(STR("data:\ndata\n\n"), "0 =\n|");
	expect_events(STR("data\r\ndata: x\r\n\r\n"), "0 =\nx|");
}

static void only_one_space_behind_the_colon_goes(void **state)
{
	(void)state;
	expect_events(STR("data:a\n\ndata:  b \n\ndata: \n\n"), "0 =a|8 = b |19 =|");
}

static void the_last_event_name_counts_and_others_are_passed_over(void **state)
{
	(void)state;
	expect_events(STR("event: x\nid: 7\nevent: error\nretry: 1\ndata: d\n\n"),
		      "0 error=d|");
	expect_events(STR("event: x\n\n"), "");
	expect_events(STR("database: no\ndat: no\n data: no\n\n"), "");
	expect_events(STR("event: x\n\ndata: d\n\n"), "10 =d|");
}

static void comments_are_passed_over(void **state)
{
	(void)state;
	expect_events(STR(": ping\n\n: ping\n\ndata: a\n\n"), "16 =a|");
	expect_events(STR(": ping\ndata: a\n:\n\n"), "0 =a|");
}

static void blank_lines_between_events_belong_to_none(void **state)
{
	(void)state;
	expect_events(STR("\n\r\n\n\ndata: a\n\n\n\n\r\n\r\ndata: b\n\n"), "5 =a|20 =b|");
}

static void a_byte_order_mark_at_the_start_is_no_part_of_a_name(void **state)
{
	(void)state;
	expect_events(STR("\xEF\xBB\xBF"
			  "data: a\n\n\xEF\xBB\xBF"
			  "data: b\n\n"),
		      "0 =a|");
	expect_events(STR("\xEF\xBB\xBF\n\ndata: a\n\n"), "5 =a|");
}

static void a_nul_is_a_character_like_any(void **state)
{
	(void)state;
	expect_events(STR("data: a\0b\n\nda\0ta: c\n\ndata: d\n\n"), "0 =a\0b|21 =d|");
}

static void an_event_in_one_piece_is_told_in_place(void **state)
{
	static const char stream[] = "data: a\n\ndata: b\n\n";
	struct told t;

	(void)state;
	told_init(&t, 64);
	assert_int_equal(sse_feed(&t.sse, stream, sizeof(stream) - 1), 0);
	assert_null(t.sse.pending.p);
	assert_null(t.sse.joined.p);
	expect_log(&t, STR("0 =a|9 =b|"));
	told_done(&t);
}

/* The same verdict for every split, and what came before it is told. */
static void an_event_over_the_bound_is_an_error(void **state)
{
	const struct str stream = STR("data: ok\n\ndata: 12345678901\n\n");

	(void)state;
	for (size_t cut = 0; cut <= stream.len; cut++) {
		struct told t;

		told_init(&t, 18);
		int err = feed(&t.sse, stream.p, cut);
		if (!err)
			err = feed(&t.sse, stream.p + cut, stream.len - cut);
		assert_int_equal(err, -E2BIG);
		expect_log(&t, STR("0 =ok|"));
		told_done(&t);
	}
	expect_events(STR("data: ok\n\n"), "0 =ok|");
}

static void the_bound_is_for_each_event(void **state)
{
	struct told t;

	(void)state;
	told_init(&t, 10);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(feed(&t.sse, "data: ok\n\n", 10), 0);
	assert_int_equal(feed(&t.sse, "data: ok!\n\n", 11), -E2BIG);
	told_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_end_at_a_blank_line),
		cmocka_unit_test(lines_end_in_cr_lf_or_both),
		cmocka_unit_test(data_lines_are_joined_by_a_line_feed),
		cmocka_unit_test(only_one_space_behind_the_colon_goes),
		cmocka_unit_test(the_last_event_name_counts_and_others_are_passed_over),
		cmocka_unit_test(comments_are_passed_over),
		cmocka_unit_test(blank_lines_between_events_belong_to_none),
		cmocka_unit_test(a_byte_order_mark_at_the_start_is_no_part_of_a_name),
		cmocka_unit_test(a_nul_is_a_character_like_any),
		cmocka_unit_test(an_event_in_one_piece_is_told_in_place),
		cmocka_unit_test(an_event_over_the_bound_is_an_error),
		cmocka_unit_test(the_bound_is_for_each_event),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
