/* metrics.c - adding up the loops' counters and writing them as Prometheus text. */
#include "proxy/metrics.h"

#include "proxy/request.h"

/* Upper bounds in microseconds: a row that computes takes tens, one that waits for a
 * model seconds. */
static const uint64_t bounds_us[METRICS_BUCKETS] = {
	50,    100,   250,    500,    1000,    2500,     5000,
	10000, 20000, 100000, 500000, 2500000, 10000000, 60000000,
};

void histogram_add(struct histogram *h, uint64_t us)
{
	size_t i = 0;

	while (i < METRICS_BUCKETS && us > bounds_us[i])
		i++;
	counter_add(&h->bucket[i], 1);
	counter_add(&h->sum_us, us);
}

void metrics_publish(struct metrics *m, const struct gate_stats *gate,
		     const struct upstream_stats *up, uint64_t match_limit_hits)
{
	counter_set(&m->accepted, gate->accepted);
	counter_set(&m->open, gate->open);
	counter_set(&m->active, gate->active);
	counter_set(&m->gate_requests, gate->requests);
	counter_set(&m->clients_gone, gate->clients_gone);
	for (size_t f = 0; f < FAULT_N; f++)
		counter_set(&m->refused[f], gate->refused[f]);
	counter_set(&m->up_requests, up->requests);
	counter_set(&m->up_connects, up->connects);
	counter_set(&m->up_active, up->active);
	counter_set(&m->up_idle, up->idle);
	counter_set(&m->match_limit_hits, match_limit_hits);
}

struct sets {
	const struct metrics *const *v;
	size_t n;
};

/* The sum over all loops of the counter at an offset of struct metrics. */
static uint64_t sum_at(struct sets s, size_t offset)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < s.n; i++)
		sum += counter_get(
			(const struct counter *)(const void *)((const char *)s.v[i] +
							       offset));
	return sum;
}

#define SUM(sets, member) sum_at((sets), offsetof(struct metrics, member))

static void family(struct buf *to, const char *name, const char *type, const char *help)
{
	buf_printf(to, "# HELP memproxy_%s %s\n# TYPE memproxy_%s %s\n", name, help, name,
		   type);
}

static void single(struct buf *to, const char *name, const char *type, const char *help,
		   uint64_t v)
{
	family(to, name, type, help);
	buf_printf(to, "memproxy_%s %llu\n", name, (unsigned long long)v);
}

static void labelled(struct buf *to, const char *name, const char *label,
		     const char *value, uint64_t v)
{
	buf_printf(to, "memproxy_%s{%s=\"%s\"} %llu\n", name, label, value,
		   (unsigned long long)v);
}

static void render_requests(struct buf *to, struct sets s)
{
	static const char *const classes[6] = {
		"none", "1xx", "2xx", "3xx", "4xx", "5xx"
	};

	family(to, "requests_total", "counter", "Requests by dialect and status class.");
	for (size_t d = 0; d < DIALECT_N; d++)
		for (size_t c = 0; c < 6; c++)
			buf_printf(to,
				   "memproxy_requests_total{dialect=\"%s\",status=\"%s\"}"
				   " %llu\n",
				   dialect_name((enum dialect_id)d), classes[c],
				   (unsigned long long)SUM(s, requests[d][c]));
}

static void render_step(struct buf *to, struct sets s, size_t row)
{
	const char *name = request_step_name(row);
	uint64_t count = 0;

	for (size_t b = 0; b <= METRICS_BUCKETS; b++) {
		count += SUM(s, steps[row].bucket[b]);
		if (b < METRICS_BUCKETS)
			buf_printf(to,
				   "memproxy_step_seconds_bucket{step=\"%s\",le=\"%g\"} "
				   "%llu\n",
				   name, (double)bounds_us[b] / 1e6,
				   (unsigned long long)count);
		else
			buf_printf(to,
				   "memproxy_step_seconds_bucket{step=\"%s\",le=\"+Inf\"}"
				   " %llu\n",
				   name, (unsigned long long)count);
	}
	buf_printf(to, "memproxy_step_seconds_sum{step=\"%s\"} %.6f\n", name,
		   (double)SUM(s, steps[row].sum_us) / 1e6);
	buf_printf(to, "memproxy_step_seconds_count{step=\"%s\"} %llu\n", name,
		   (unsigned long long)count);
}

static void render_steps(struct buf *to, struct sets s)
{
	family(to, "step_seconds", "histogram",
	       "Time of each step of a request, waits included.");
	for (size_t i = 0; request_step_name(i); i++)
		render_step(to, s, i);
	family(to, "step_failures_total", "counter", "Steps that failed.");
	for (size_t i = 0; request_step_name(i); i++)
		labelled(to, "step_failures_total", "step", request_step_name(i),
			 SUM(s, steps_failed[i]));
}

static void render_spool(struct buf *to, const struct spool_stats *s)
{
	single(to, "memory_spool_waiting", "gauge",
	       "Exchanges on this machine that the store has not got yet.", s->waiting);
	single(to, "memory_spool_bytes", "gauge", "What the spool holds.", s->bytes);
	single(to, "memory_spool_dead_letters", "gauge",
	       "Exchanges that the store refused for good, put aside.", s->dead);
	family(to, "memory_spool_oldest_seconds", "gauge",
	       "How long the first of those that wait has waited.");
	buf_printf(to, "memproxy_memory_spool_oldest_seconds %.3f\n",
		   (double)s->oldest_ms / 1e3);
	family(to, "memory_spool_delay_seconds", "summary",
	       "From an exchange's keeping to its place in the store.");
	buf_printf(to,
		   "memproxy_memory_spool_delay_seconds_sum %.6f\n"
		   "memproxy_memory_spool_delay_seconds_count %llu\n",
		   (double)s->delay_us / 1e6, (unsigned long long)s->sent);
	single(to, "memory_spool_dropped_total", "counter",
	       "Exchanges lost: the spool was full or could not be written.", s->dropped);
	single(to, "memory_spool_unwanted_total", "counter",
	       "Exchanges forgotten, or memory paused, before they were sent.",
	       s->unwanted);
	single(to, "memory_spool_refused_total", "counter",
	       "Exchanges that became dead letters.", s->refused);
	single(to, "memory_spool_replayed_total", "counter",
	       "Exchanges sent once more after the store had failed.", s->replayed);
}

static void render_memory(struct buf *to, struct sets s, const struct memory_stats *m)
{
	family(to, "memory_status_total", "counter",
	       "What became of memory, by x-memory-status.");
	for (size_t i = 0; i < MEMORY_STATUS_N; i++)
		labelled(to, "memory_status_total", "status",
			 memory_status_name((enum memory_status)i), SUM(s, memory[i]));
	single(to, "recalled_exchanges_total", "counter", "Exchanges put into requests.",
	       SUM(s, recalled_exchanges));
	single(to, "recalled_tokens_total", "counter",
	       "Estimated tokens put into requests.", SUM(s, recalled_tokens));
	if (!m)
		return;
	single(to, "memory_recalls_total", "counter", "Questions to the memory thread.",
	       m->recalls);
	single(to, "memory_kept_total", "counter", "Exchanges stored.", m->kept);
	single(to, "memory_keep_failures_total", "counter",
	       "Exchanges the store refused.", m->keep_failed);
	single(to, "memory_keep_dropped_total", "counter",
	       "Exchanges dropped because the queue was full.", m->keep_dropped);
	single(to, "memory_store_errors_total", "counter", "Failures of the store.",
	       m->store_errors);
	single(to, "memory_queue", "gauge", "Messages under way to the memory thread.",
	       m->queue);
	single(to, "memory_views", "gauge", "Recall views held.", m->views);
	single(to, "memory_view_bytes", "gauge", "Memory held by recall views.",
	       m->view_bytes);
	single(to, "memory_views_built_total", "counter", "Recall views built.",
	       m->views_built);
	single(to, "memory_views_evicted_total", "counter",
	       "Recall views dropped for room.", m->views_evicted);
	render_spool(to, &m->spool);
}

static void render_faults(struct buf *to, struct sets s)
{
	family(to, "faults_total", "counter", "Errors told to clients, by kind.");
	for (size_t f = 1; f < FAULT_N; f++)
		labelled(to, "faults_total", "fault", fault_info((enum fault)f)->label,
			 SUM(s, faults[f]));
	family(to, "gate_refused_total", "counter",
	       "Requests refused for their framing, by kind.");
	for (size_t f = 1; f < FAULT_UPSTREAM_CONNECT; f++)
		labelled(to, "gate_refused_total", "fault",
			 fault_info((enum fault)f)->label, SUM(s, refused[f]));
}

static void render_connections(struct buf *to, struct sets s)
{
	single(to, "connections_accepted_total", "counter",
	       "Client connections accepted.", SUM(s, accepted));
	single(to, "connections_open", "gauge", "Client connections open.", SUM(s, open));
	single(to, "requests_active", "gauge", "Requests under way.", SUM(s, active));
	single(to, "clients_gone_total", "counter",
	       "Clients that left before their reply's end.", SUM(s, clients_gone));
	single(to, "upstream_requests_total", "counter", "Requests sent to LiteLLM.",
	       SUM(s, up_requests));
	single(to, "upstream_connects_total", "counter", "Connections made to LiteLLM.",
	       SUM(s, up_connects));
	single(to, "upstream_active", "gauge", "Requests under way at LiteLLM.",
	       SUM(s, up_active));
	single(to, "upstream_idle", "gauge", "Connections to LiteLLM kept while unused.",
	       SUM(s, up_idle));
}

void metrics_render(struct buf *to, const struct metrics *const *sets, size_t n,
		    const struct memory_stats *memory)
{
	struct sets s = { sets, n };

	family(to, "build_info", "gauge", "The version that runs.");
	labelled(to, "build_info", "version", MEMPROXY_VERSION, 1);
	render_requests(to, s);
	render_steps(to, s);
	render_memory(to, s, memory);
	render_faults(to, s);
	render_connections(to, s);
	family(to, "config_reloads_total", "counter", "Saved configurations, by result.");
	labelled(to, "config_reloads_total", "result", "ok", SUM(s, reloads_ok));
	labelled(to, "config_reloads_total", "result", "failed", SUM(s, reloads_failed));
	single(to, "pattern_limit_hits_total", "counter",
	       "Patterns given up at their match limit.", SUM(s, match_limit_hits));
}
