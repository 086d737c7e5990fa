/* memory_fixture.c - a memory service, a loop to talk to it from, and what is said. */
#include "memory_fixture.h"

#include "memory/clean.h"

#include <event2/event.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint64_t shifted_mono_us(const struct clock *c)
{
	return clock_mono_us(&clock_system) +
	       atomic_load(&((const struct shifted_clock *)(const void *)c)->ahead_us);
}

static uint64_t fixed_wall_ms(const struct clock *c)
{
	(void)c;
	return NOV_21;
}

void start(struct fixture *f)
{
	struct memory_deps deps = {
		.cfg = &f->cfg,
		.clock = &f->clock.clock,
		.rng = &rng_system,
		.open_store = f->log ? fake_log_open : NULL,
		.open_arg = f->log,
	};
	char *why = NULL;

	if (memory_start(&deps, &f->m, &why))
		fail_msg("memory_start: %s", why ? why : "?");
	f->port = memory_port_new(f->m, f->base);
	assert_non_null(f->port);
}

void stop(struct fixture *f)
{
	memory_port_free(f->port);
	memory_stop(f->m);
	f->port = NULL;
	f->m = NULL;
}

static struct fixture *fixture_new(void)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->clock.clock = (struct clock){ shifted_mono_us, fixed_wall_ms };
	f->cfg.store.url = "memory:";
	/* long: a machine under sanitizers may be slow, and few tests wait for these */
	f->cfg.memory.deadline = 20000;
	f->cfg.memory.cold_deadline = 20000;
	f->cfg.memory.view_bytes = 64 << 20;
	f->cfg.memory.max_exchange_bytes = 32768;
	f->base = event_base_new();
	return f;
}

int real_up(void **state)
{
	struct fixture *f = fixture_new();

	start(f);
	*state = f;
	return 0;
}

int not_started(void **state)
{
	*state = fixture_new();
	return 0;
}

/* Not started: the test does it when the log is filled. */
int fake_up(void **state)
{
	struct fixture *f = fixture_new();

	f->log = fake_log_new();
	*state = f;
	return f->log ? 0 : -1;
}

int down(void **state)
{
	struct fixture *f = *state;

	stop(f);
	event_base_free(f->base);
	fake_log_free(f->log);
	free(f);
	return 0;
}

void pump(struct event_base *base)
{
	const struct timeval tick = { 0, 20000 };

	event_base_loopexit(base, &tick);
	event_base_loop(base, EVLOOP_ONCE);
}

static struct str keep_text(char *to, size_t size, struct str s)
{
	assert_true(s.len < size);
	memcpy(to, s.p ? s.p : "", s.len);
	to[s.len] = '\0';
	return (struct str){ s.p ? to : NULL, s.len };
}

void on_answer(void *arg, const struct recall_answer *a)
{
	struct heard *h = arg;

	h->times++;
	h->a = *a;
	assert_true(a->n_puts <= HEARD_MAX);
	for (size_t i = 0; i < a->n_puts; i++) {
		h->puts[i] = a->puts[i];
		h->puts[i].block =
			keep_text(h->blocks[i], sizeof(h->blocks[i]), a->puts[i].block);
	}
	h->a.puts = h->puts;
	h->block = h->blocks[a->n_puts ? a->n_puts - 1 : 0];
	h->a.sources = keep_text(h->sources, sizeof(h->sources), a->sources);
	h->a.session = keep_text(h->session, sizeof(h->session), a->session);
}

struct recall_question question(const char *text)
{
	static struct turn_key turn; /* copied by the call it is for */

	turn = (struct turn_key){ .user = turn_hash(str_from(text)) };
	return (struct recall_question){
		.partition = ME,
		.session = STR("now"),
		.want_block = true,
		.want_resent = true,
		.text = str_from(text),
		.turns = &turn,
		.n_turns = 1,
		.budget_tokens = 1000,
	};
}

void ask_for(struct fixture *f, const struct recall_question *q, struct heard *h)
{
	*h = (struct heard){ 0 };
	assert_non_null(memory_recall(f->port, q, on_answer, h));
	assert_int_equal(h->times, 0); /* never inline */
	pump_until(f, h->times);
}

void ask(struct fixture *f, const char *text, struct heard *h)
{
	struct recall_question q = question(text);

	ask_for(f, &q, h);
}

struct exchange told(const char *session, const char *user, const char *reply)
{
	return (struct exchange){
		.partition = ME,
		.session = str_from(session),
		.state = reply ? EXCHANGE_COMPLETE : EXCHANGE_CANCELLED,
		.at_ms = NOV_21,
		.user = str_from(user),
		.reply = str_from(reply),
	};
}

void on_kept(void *arg, int status)
{
	struct kept *k = arg;

	k->times++;
	k->status = status;
}

int keep(struct fixture *f, const struct exchange *x, uint64_t epoch)
{
	struct kept k = { 0 };

	assert_non_null(memory_keep(f->port, x, epoch, on_kept, &k));
	pump_until(f, k.times);
	return k.status;
}

void tell(struct fixture *f, const char *session, const char *user, const char *reply)
{
	struct exchange x = told(session, user, reply);
	struct recall_question q = { .partition = ME, .session = STR("now") };
	struct heard h;

	ask_for(f, &q, &h);
	assert_int_equal(keep(f, &x, h.a.epoch), 0);
}

struct told_import {
	int times;
	struct import_result r;
};

static void on_imported(void *arg, const struct import_result *r)
{
	struct told_import *t = arg;

	t->times++;
	t->r = *r;
}

void import(struct fixture *f, const struct exchange *v, size_t n, uint64_t epoch,
	    struct import_result *r)
{
	const struct import_batch b = { v, n, epoch, r->head };
	struct told_import t = { 0 };

	assert_non_null(memory_import(f->port, &b, on_imported, &t));
	assert_int_equal(t.times, 0);
	pump_until(f, t.times);
	*r = t.r;
}

struct memory_stats stats(const struct fixture *f)
{
	struct memory_stats s;

	memory_stats(f->m, &s);
	return s;
}

void fill(struct fake_log *log, unsigned n, struct partition p)
{
	char text[400] = "", reply[32] = "";

	for (unsigned i = 1; i <= n; i++) {
		struct exchange x = told("a", text, reply);

		snprintf(reply, sizeof(reply), "reply%u", i);
		memset(text, 'x', sizeof(text));
		snprintf(text + 300, sizeof(text) - 300, " gardening number%u", i);
		x.partition = p;
		x.user = str_from(text);
		x.reply = str_from(reply);
		fake_log_add(log, &x);
	}
}
