/* test_log.c - lines as they are written. */
#include "base/log.h"

#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define TS "2026-11-21T06:04:28.123Z"

static uint64_t fixed_ms(const struct clock *c)
{
	(void)c;
	return 1795241068123;
}

static const struct clock fixed = { fixed_ms, fixed_ms };

struct fixture {
	int fds[2];
	struct log_sink *sink;
	struct log log;
	char text[64 * 1024];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_int_equal(pipe(f->fds), 0);
	f->sink = log_sink_new(f->fds[1], &fixed);
	assert_non_null(f->sink);
	f->log = (struct log){ f->sink, "proxy", STR("r1") };
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	log_sink_free(f->sink);
	close(f->fds[0]);
	close(f->fds[1]);
	free(f);
	return 0;
}

/* What was written since the last call; waits for at least one line. */
static const char *written(struct fixture *f)
{
	ssize_t n = read(f->fds[0], f->text, sizeof(f->text) - 1);

	assert_true(n > 0);
	f->text[n] = '\0';
	return f->text;
}

static void a_line_has_time_level_component_and_id(void **state)
{
	struct fixture *f = *state;

	log_info(&f->log, "listening on %s:%d", "127.0.0.1", 8764);
	assert_string_equal(written(f),
			    TS " info proxy [r1] listening on 127.0.0.1:8764\n");
	f->log.id = (struct str){ NULL, 0 };
	log_error(&f->log, "no");
	assert_string_equal(written(f), TS " error proxy no\n");
}

static void what_lies_above_the_level_is_not_written(void **state)
{
	struct fixture *f = *state;

	log_debug(&f->log, "hidden");
	log_sink_set(f->sink, LOG_LV_DEBUG, false);
	log_debug(&f->log, "shown");
	assert_string_equal(written(f), TS " debug proxy [r1] shown\n");
	log_sink_set(f->sink, LOG_LV_ERROR, false);
	assert_false(log_enabled(&f->log, LOG_LV_WARN));
	assert_true(log_enabled(&f->log, LOG_LV_ERROR));
	log_warn(&f->log, "hidden");
	log_event(&f->log, LOG_LV_INFO, "hidden", NULL, 0);
	log_error(&f->log, "shown");
	assert_string_equal(written(f), TS " error proxy [r1] shown\n");
}

static void a_handle_without_a_sink_is_silent(void **state)
{
	struct log none = { 0 };

	(void)state;
	assert_false(log_enabled(&none, LOG_LV_ERROR));
	log_error(&none, "x");
	log_event(&none, LOG_LV_ERROR, "x", NULL, 0);
}

static void fields_follow_the_message(void **state)
{
	struct fixture *f = *state;
	const struct log_field fields[] = {
		{ "status", { NULL, 0 }, 200 }, { "seconds", { NULL, 0 }, 0.25 },
		{ "path", STR("/v1/x"), 0 },    { "agent", STR("a \"b\" c=d"), 0 },
		{ "empty", STR(""), 0 },
	};

	log_event(&f->log, LOG_LV_INFO, "done", fields, 5);
	assert_string_equal(written(f),
			    TS " info proxy [r1] done status=200 seconds=0.25 path=/v1/x "
			       "agent=\"a \\\"b\\\" c=d\" empty=\"\"\n");
}

static void json_lines_have_the_same_as_members(void **state)
{
	struct fixture *f = *state;
	const struct log_field fields[] = {
		{ "status", { NULL, 0 }, 200 },
		{ "odd", { NULL, 0 }, NAN },
		{ "agent", STR("a \"b\"\n\xFF\xE2\x82\xAC"), 0 },
	};

	log_sink_set(f->sink, LOG_LV_INFO, true);
	log_event(&f->log, LOG_LV_WARN, "do\ne", fields, 3);
	assert_string_equal(
		written(f),
		"{\"ts\":\"" TS "\",\"level\":\"warn\",\"component\":\"proxy\","
		"\"request_id\":\"r1\",\"message\":\"do\\u000ae\",\"status\":200,"
		"\"odd\":null,\"agent\":\"a \\\"b\\\"\\u000a\\ufffd\xE2\x82\xAC\"}\n");
}

static void a_line_cannot_be_forged(void **state)
{
	struct fixture *f = *state;

	f->log.id = STR("r\n1");
	log_info(&f->log, "%s", "a\r\n" TS " error proxy forged\x1b[2J\x7f\xC2\x9B\xFF");
	assert_string_equal(written(f),
			    TS " info proxy [r\\x0a1] a\\x0d\\x0a" TS
			       " error proxy forged\\x1b[2J\\x7f\\x9b\\xff\n");
}

static void a_long_line_is_cut_and_ends_well(void **state)
{
	struct fixture *f = *state;
	static const struct log_field field = { "n", { NULL, 0 }, 7 };
	char *text = malloc(10001);
	size_t n;

	assert_non_null(text);
	memset(text, '\n', 10000);
	text[10000] = '\0';
	f->log.id = (struct str){ text, 10000 };
	for (int json = 0; json < 2; json++) {
		log_sink_set(f->sink, LOG_LV_INFO, json);
		log_event(&f->log, LOG_LV_INFO, text, &field, 1);
		n = strlen(written(f));
		assert_in_range(n, PIPE_BUF - 16, PIPE_BUF);
		assert_string_equal(f->text + n - (json ? 6 : 4),
				    json ? "...\"}\n" : "...\n");
		log_write(&f->log, LOG_LV_INFO, "%s", text);
		assert_int_equal(strlen(written(f)), n);
	}
	free(text);
}

/* However long the texts are, what is left of them ends in a whole line. */
static void lines_of_every_length_around_the_limit_end_well(void **state)
{
	struct fixture *f = *state;
	char text[PIPE_BUF + 64];

	memset(text, 'x', sizeof(text));
	for (size_t n = PIPE_BUF - 300; n < sizeof(text); n++) {
		const struct log_field fields[] = {
			{ "a", { text, n }, 0 },
			{ "b", STR("value"), 0 },
			{ "c", { NULL, 0 }, 1.5 },
		};

		for (int json = 0; json < 2; json++) {
			size_t len;

			log_sink_set(f->sink, LOG_LV_INFO, json);
			log_event(&f->log, LOG_LV_INFO, "m", fields, 3);
			len = strlen(written(f));
			assert_true(len <= PIPE_BUF);
			assert_int_equal(f->text[len - 1], '\n');
			assert_true(!json || f->text[len - 2] == '}');
		}
	}
}

static void *write_many(void *arg)
{
	struct fixture *f = arg;

	for (int i = 0; i < 500; i++)
		log_info(&f->log, "%040d", i);
	return NULL;
}

static void lines_of_several_threads_do_not_mix(void **state)
{
	struct fixture *f = *state;
	const size_t line = strlen(TS " info proxy [r1] ") + 41;
	pthread_t threads[3];
	size_t total = 0;

	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_many, f), 0);
	while (total < 3 * 500 * line) {
		ssize_t n = read(f->fds[0], f->text, line);

		assert_int_equal(n, line);
		assert_memory_equal(f->text, TS, strlen(TS));
		assert_int_equal(f->text[line - 1], '\n');
		log_sink_set(f->sink, LOG_LV_INFO, false);
		total += (size_t)n;
	}
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_line_has_time_level_component_and_id,
						setup, teardown),
		cmocka_unit_test_setup_teardown(what_lies_above_the_level_is_not_written,
						setup, teardown),
		cmocka_unit_test(a_handle_without_a_sink_is_silent),
		cmocka_unit_test_setup_teardown(fields_follow_the_message, setup,
						teardown),
		cmocka_unit_test_setup_teardown(json_lines_have_the_same_as_members,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_line_cannot_be_forged, setup, teardown),
		cmocka_unit_test_setup_teardown(a_long_line_is_cut_and_ends_well, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			lines_of_every_length_around_the_limit_end_well, setup, teardown),
		cmocka_unit_test_setup_teardown(lines_of_several_threads_do_not_mix,
						setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
