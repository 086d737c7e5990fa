/* memory.c - the service: its thread from start to end, and what can be asked of it. */
#include "config/config.h"
#include "memory/service.h"
#include "store/store_spool.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { EXPIRE_SECONDS = 60 };

static void on_mail(evutil_socket_t fd, short what, void *arg)
{
	struct memory *m = arg;
	struct mail *mail, *next;
	struct message *msg;

	(void)fd;
	(void)what;
	for (mail = mailbox_take(m->box); mail; mail = next) {
		next = mail->next;
		msg = (struct message *)(void *)((char *)mail -
						 offsetof(struct message, mail));
		atomic_fetch_sub(&m->counters.queue, 1);
		msg->work(m, msg);
	}
}

/* What may be asked from any thread. */
static void note_spool(evutil_socket_t fd, short what, void *arg)
{
	struct memory *m = arg;
	uint64_t v[SPOOL_STATS];
	struct store_stats stats;

	(void)fd;
	(void)what;
	store_stats(m->store, &stats);
	memcpy(v, &stats.spool, sizeof(v));
	for (size_t i = 0; i < SPOOL_STATS; i++)
		atomic_store(&m->counters.spool[i], v[i]);
}

static int add_events(struct memory *m)
{
	const struct timeval minute = { EXPIRE_SECONDS, 0 }, second = { 1, 0 };

	m->readable =
		event_new(m->base, mailbox_fd(m->box), EV_READ | EV_PERSIST, on_mail, m);
	m->expire = event_new(m->base, -1, EV_PERSIST, expire_tick, m);
	m->sweep = evtimer_new(m->base, slots_sweep, m);
	m->spool_noted = event_new(m->base, -1, EV_PERSIST, note_spool, m);
	if (!m->readable || !m->expire || !m->sweep || !m->spool_noted)
		return -ENOMEM;
	return event_add(m->readable, NULL) || event_add(m->expire, &minute) ||
			       event_add(m->spool_noted, &second)
		       ? -ENOMEM
		       : 0;
}

/* In front of the store. */
static int put_spool(struct memory *m, char **reterr)
{
	struct spool_options o = spool_defaults;

	o.path = m->deps.cfg->store.spool;
	o.max_bytes = m->deps.cfg->store.spool_bytes;
	return store_spool_new(m->store, &o, &m->env, &m->store, reterr);
}

static int open_store(struct memory *m)
{
	const struct config *cfg = m->deps.cfg;
	int r;

	m->env = (struct store_env){
		.base = m->base,
		.clock = m->deps.clock,
		.rng = m->deps.rng,
		.log = m->deps.log,
	};
	if (m->deps.open_store)
		return m->deps.open_store(m->deps.open_arg, &m->env, &m->store,
					  &m->start_error_text);
	r = store_open(cfg->store.url, &m->env, &m->store, &m->start_error_text);
	if (r || !store_is_remote(cfg->store.url) || !strcmp(cfg->store.spool, "none"))
		return r;
	return put_spool(m, &m->start_error_text);
}

static int set_up(struct memory *m)
{
	int r;

	m->base = event_base_new();
	m->words = words_new(config_language_name(m->deps.cfg->memory.language));
	if (!m->base || !m->words)
		return -ENOMEM;
	r = add_events(m);
	return r ? r : open_store(m);
}

static void free_event(struct event *e)
{
	if (e)
		event_free(e);
}

/* The store writes what it has and calls back for it: everything must still be there. */
static void tear_down(struct memory *m)
{
	struct slot *s;

	store_close(m->store);
	while ((s = TAILQ_FIRST(&m->slots.by_use))) {
		questions_fail(s, RECALL_DEGRADED_STORE);
		slot_free(s);
	}
	slots_done(&m->slots);
	free_event(m->readable);
	free_event(m->expire);
	free_event(m->sweep);
	free_event(m->spool_noted);
	if (m->base)
		event_base_free(m->base);
	words_free(m->words);
}

static void *run(void *arg)
{
	struct memory *m = arg;

	m->start_error = set_up(m);
	if (!m->start_error) {
		sem_post(&m->started);
		event_base_dispatch(m->base);
	}
	tear_down(m);
	if (m->start_error)
		sem_post(&m->started);
	return NULL;
}

static void stop_work(struct memory *m, struct message *msg)
{
	(void)msg;
	event_base_loopbreak(m->base);
}

/* Signals are for the main thread. */
static int start_thread(struct memory *m)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&m->thread, NULL, run, m);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r)
		return -r;
	pthread_setname_np(m->thread, "memory");
	while (sem_wait(&m->started) < 0 && errno == EINTR)
		continue;
	if (m->start_error)
		pthread_join(m->thread, NULL);
	return m->start_error;
}

static void memory_free(struct memory *m)
{
	sem_destroy(&m->started);
	mailbox_free(m->box);
	free(m);
}

int memory_start(const struct memory_deps *deps, struct memory **ret, char **reterr)
{
	struct memory *m = calloc(1, sizeof(*m));
	int r;

	if (!m)
		return -ENOMEM;
	m->deps = *deps;
	m->stop.work = stop_work;
	slots_init(&m->slots);
	sem_init(&m->started, 0, 0);
	memory_set_config(m, deps->cfg);
	m->box = mailbox_new();
	r = m->box ? start_thread(m) : -ENOMEM;
	m->deps.cfg = NULL;
	if (r) {
		*reterr = m->start_error_text;
		memory_free(m);
		return r;
	}
	*ret = m;
	return 0;
}

void memory_stop(struct memory *m)
{
	if (!m)
		return;
	atomic_fetch_add(&m->counters.queue, 1);
	mailbox_push(m->box, &m->stop.mail);
	pthread_join(m->thread, NULL);
	memory_free(m);
}

void memory_set_config(struct memory *m, const struct config *cfg)
{
	struct settings *s = &m->settings;

	atomic_store(&s->deadline, cfg->memory.deadline);
	atomic_store(&s->cold_deadline, cfg->memory.cold_deadline);
	atomic_store(&s->view_bytes, cfg->memory.view_bytes);
	atomic_store(&s->max_exchange_bytes, cfg->memory.max_exchange_bytes);
	atomic_store(&s->ttl, cfg->store.ttl);
	atomic_store(&s->max_exchanges, cfg->memory.max_exchanges_per_user);
}

void memory_stats(const struct memory *m, struct memory_stats *ret)
{
	const struct counters *c = &m->counters;
	uint64_t spool[SPOOL_STATS];

	*ret = (struct memory_stats){
		.recalls = atomic_load(&c->recalls),
		.kept = atomic_load(&c->kept),
		.keep_failed = atomic_load(&c->keep_failed),
		.keep_dropped = atomic_load(&c->keep_dropped),
		.views = atomic_load(&c->views),
		.view_bytes = atomic_load(&c->view_bytes),
		.views_built = atomic_load(&c->views_built),
		.views_evicted = atomic_load(&c->views_evicted),
		.queue = atomic_load(&c->queue),
		.store_errors = atomic_load(&c->store_errors),
	};
	for (size_t i = 0; i < SPOOL_STATS; i++)
		spool[i] = atomic_load(&c->spool[i]);
	memcpy(&ret->spool, spool, sizeof(spool));
}

const char *memory_store_name(const struct memory *m)
{
	return m->store->ops->name;
}
