/*
 * metrics.h - counters of one event loop, and their text for Prometheus.
 *
 * Each loop writes its own set and whoever answers /metrics adds them up, so a
 * count is a plain addition: one writer, no locked instruction.
 */
#ifndef PROXY_METRICS_H
#define PROXY_METRICS_H

#include "base/buf.h"
#include "base/fault.h"
#include "memory/memory.h"
#include "net/upstream.h"
#include "proxy/gate.h"
#include "proxy/memory_status.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Written by one thread, read by any. */
struct counter {
	_Atomic uint64_t v;
};

static inline void counter_add(struct counter *c, uint64_t n)
{
	atomic_store_explicit(&c->v,
			      atomic_load_explicit(&c->v, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

static inline void counter_set(struct counter *c, uint64_t n)
{
	atomic_store_explicit(&c->v, n, memory_order_relaxed);
}

static inline uint64_t counter_get(const struct counter *c)
{
	return atomic_load_explicit(&c->v, memory_order_relaxed);
}

#define METRICS_BUCKETS   14
#define METRICS_MAX_STEPS 16

struct histogram {
	struct counter bucket[METRICS_BUCKETS + 1]; /* the last: above all bounds */
	struct counter sum_us;
};

void histogram_add(struct histogram *h, uint64_t us);

struct metrics {
	/* By the request's dialect (row 0: none) and the reply's status class; class 0:
	 * no reply. */
	struct counter requests[DIALECT_N][6];
	struct histogram steps[METRICS_MAX_STEPS];
	struct counter steps_failed[METRICS_MAX_STEPS];
	struct counter memory[MEMORY_STATUS_N];
	struct counter recalled_exchanges, recalled_tokens;
	struct counter faults[FAULT_N]; /* told to clients by the pipeline */
	struct counter reloads_ok, reloads_failed;
	/* Taken over from the gate, the upstream and the router when they are published.
	 */
	struct counter accepted, open, active, gate_requests, clients_gone,
		refused[FAULT_N];
	struct counter up_requests, up_connects, up_active, up_idle;
	struct counter match_limit_hits;
};

/* From the loop that owns m. */
void metrics_publish(struct metrics *m, const struct gate_stats *gate,
		     const struct upstream_stats *up, uint64_t match_limit_hits);

/* All loops' sets as text; memory may be NULL. */
void metrics_render(struct buf *to, const struct metrics *const *sets, size_t n,
		    const struct memory_stats *memory);

#endif
