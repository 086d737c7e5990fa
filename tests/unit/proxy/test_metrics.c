/* test_metrics.c - counters of several loops as one Prometheus text. */
#include "proxy/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *render(const struct metrics *a, const struct metrics *b,
		    const struct memory_stats *m)
{
	const struct metrics *const sets[] = { a, b };
	struct buf text;

	buf_init(&text, 1 << 20);
	metrics_render(&text, sets, 2, m);
	assert_false(text.failed);
	return buf_take(&text);
}

static void has_line(const char *text, const char *line)
{
	const char *at = strstr(text, line);

	if (!at || (at != text && at[-1] != '\n') || at[strlen(line)] != '\n')
		fail_msg("no line \"%s\" in:\n%s", line, text);
}

static void the_loops_counts_are_added_up(void **state)
{
	struct metrics *a = calloc(1, sizeof(*a)), *b = calloc(1, sizeof(*b));
	char *text;

	(void)state;
	counter_add(&a->requests[1][2], 3);
	counter_add(&b->requests[1][2], 4);
	counter_add(&a->memory[MEMORY_INJECTED], 1);
	counter_add(&b->faults[FAULT_UPSTREAM_CONNECT], 2);
	text = render(a, b, NULL);
	has_line(text, "memproxy_requests_total{dialect=\"chat\",status=\"2xx\"} 7");
	has_line(text, "memproxy_memory_status_total{status=\"injected\"} 1");
	has_line(text, "memproxy_faults_total{fault=\"upstream_connect\"} 2");
	assert_null(strstr(text, "memproxy_memory_kept_total"));
	free(text);
	free(a);
	free(b);
}

static void a_steps_time_is_a_cumulative_histogram(void **state)
{
	struct metrics *a = calloc(1, sizeof(*a)), *b = calloc(1, sizeof(*b));
	char *text;

	(void)state;
	histogram_add(&a->steps[0], 40);
	histogram_add(&a->steps[0], 50);
	histogram_add(&b->steps[0], 51);
	histogram_add(&b->steps[0], 3600000000u);
	text = render(a, b, NULL);
	has_line(text, "memproxy_step_seconds_bucket{step=\"intercept\",le=\"5e-05\"} 2");
	has_line(text,
		 "memproxy_step_seconds_bucket{step=\"intercept\",le=\"0.0001\"} 3");
	has_line(text, "memproxy_step_seconds_bucket{step=\"intercept\",le=\"60\"} 3");
	has_line(text, "memproxy_step_seconds_bucket{step=\"intercept\",le=\"+Inf\"} 4");
	has_line(text, "memproxy_step_seconds_count{step=\"intercept\"} 4");
	has_line(text, "memproxy_step_seconds_sum{step=\"intercept\"} 3600.000141");
	free(text);
	free(a);
	free(b);
}

static void what_the_gate_and_the_upstream_count_is_taken_over(void **state)
{
	struct metrics *a = calloc(1, sizeof(*a)), *b = calloc(1, sizeof(*b));
	struct gate_stats gate = { .accepted = 9, .open = 2, .clients_gone = 1 };
	const struct upstream_stats up = {
		.requests = 5, .connects = 2, .active = 1, .idle = 1
	};
	const struct memory_stats memory = { .kept = 8, .keep_dropped = 1 };
	char *text;

	(void)state;
	gate.refused[FAULT_BAD_REQUEST] = 6;
	metrics_publish(a, &gate, &up, 4);
	text = render(a, b, &memory);
	has_line(text, "memproxy_connections_accepted_total 9");
	has_line(text, "memproxy_connections_open 2");
	has_line(text, "memproxy_clients_gone_total 1");
	has_line(text, "memproxy_gate_refused_total{fault=\"bad_request\"} 6");
	has_line(text, "memproxy_upstream_requests_total 5");
	has_line(text, "memproxy_upstream_idle 1");
	has_line(text, "memproxy_pattern_limit_hits_total 4");
	has_line(text, "memproxy_memory_kept_total 8");
	has_line(text, "memproxy_memory_keep_dropped_total 1");
	free(text);
	free(a);
	free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_loops_counts_are_added_up),
		cmocka_unit_test(a_steps_time_is_a_cumulative_histogram),
		cmocka_unit_test(what_the_gate_and_the_upstream_count_is_taken_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
