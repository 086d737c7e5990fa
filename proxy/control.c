/* control.c - the running program: workers, signals, reloads, and the end. */
#include "proxy/control.h"

#include "base/mailbox.h"
#include "memory/memory.h"
#include "proxy/metrics.h"
#include "proxy/reload.h"
#include "proxy/worker.h"
#include "router/router.h"

#include <event2/event.h>
#include <event2/event_struct.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static const int signals[] = { SIGTERM, SIGINT, SIGHUP };
#define N_SIGNALS (sizeof(signals) / sizeof(signals[0]))

struct control {
	struct control_deps deps;
	struct config *cfg;     /* in force */
	struct config *started; /* what needs a restart is still as in this one */
	struct event_base *base;
	struct event signal_ev[N_SIGNALS], ended_ev;
	struct mailbox *ended;
	struct reload *reload;
	struct worker **workers;
	size_t n_workers, n_running;
	/* The workers' sets, and behind them the control's own. */
	struct metrics *metrics;
	const struct metrics **all_metrics;
	bool draining;
};

/* --- reload
 * ----------------------------------------------------------------------------- */

static void on_files_changed(void *arg);

static void watch_files(struct control *c, struct config_list files, uint64_t read_at_ms)
{
	int err = 0;

	if (!c->reload)
		err = reload_new(c->base, on_files_changed, c, &c->reload);
	if (!err)
		err = reload_watch(c->reload, files, read_at_ms);
	if (err)
		log_warn(&c->deps.log,
			 "cannot watch the configuration (%s): only SIGHUP reloads",
			 strerror(-err));
}

static void log_issue(const struct control *c, const struct config_issue *is)
{
	enum log_level lv = is->severity == CONFIG_ERROR ? LOG_LV_ERROR : LOG_LV_WARN;

	if (is->at.file && is->at.line > 0)
		log_write(&c->deps.log, lv, "%s:%u: %s", is->at.file, is->at.line,
			  is->text);
	else if (is->at.file)
		log_write(&c->deps.log, lv, "%s: %s", is->at.file, is->text);
	else
		log_write(&c->deps.log, lv, "%s", is->text);
}

static void log_report(const struct control *c, const struct config_report *report)
{
	for (size_t i = 0; i < report->n; i++)
		log_issue(c, &report->v[i]);
}

static void apply(struct control *c, struct config *cfg)
{
	char changed[512];

	config_restart_diff(c->started, cfg, changed, sizeof(changed));
	if (*changed)
		log_warn(&c->deps.log, "changed, and used after a restart only: %s",
			 changed);
	log_sink_set(c->deps.sink, cfg->log.level, cfg->log.json);
	for (size_t i = 0; i < c->n_workers; i++)
		worker_set_config(c->workers[i], cfg);
	if (c->deps.memory)
		memory_set_config(c->deps.memory, cfg);
	config_unref(c->cfg);
	c->cfg = cfg;
}

static int load(struct control *c, struct config **ret, struct config_report *report)
{
	struct config *cfg = NULL;
	struct router *compiled;
	int err = config_load(c->deps.source, &cfg, NULL, report);

	if (err)
		return err;
	if (!cfg) /* asked for the version: not while it runs */
		return -EINVAL;
	err = router_new(cfg, report, &compiled);
	if (err) {
		config_unref(cfg);
		return err;
	}
	router_free(compiled);
	*ret = cfg;
	return 0;
}

static struct config_list files_of(const struct config_report *report)
{
	return (struct config_list){ (const char *const *)report->files,
				     report->n_files };
}

static void reload(struct control *c)
{
	struct metrics *own = &c->metrics[c->n_workers];
	uint64_t read_at_ms = clock_wall_ms(c->deps.clock);
	struct config_report report = { 0 };
	struct config *cfg = NULL;

	if (load(c, &cfg, &report) < 0 || !cfg) {
		log_error(&c->deps.log,
			  "the configuration was not reloaded: the old one stays");
		counter_add(&own->reloads_failed, 1);
	} else {
		apply(c, cfg);
		log_info(&c->deps.log, "the configuration was reloaded");
		counter_add(&own->reloads_ok, 1);
	}
	log_report(c, &report);
	/* What was refused may be set right in a file that it is the first to name. */
	if (report.n_files > 0)
		watch_files(c, files_of(&report), read_at_ms);
	config_report_done(&report);
}

static void on_files_changed(void *arg)
{
	reload(arg);
}

/* --- signals and the end
 * -------------------------------------------------------------------- */

static void end(struct control *c)
{
	for (size_t i = 0; i < c->n_workers; i++) {
		if (c->draining)
			worker_stop(c->workers[i]);
		else
			worker_drain(c->workers[i], c->cfg->proxy.drain_timeout);
	}
	/* Who comes now is refused, and the port is free for the next one. */
	shutdown(c->deps.listen_fd, SHUT_RDWR);
	log_info(&c->deps.log, c->draining ? "ending at once" : "draining");
	c->draining = true;
}

static void on_signal(evutil_socket_t sig, short what, void *arg)
{
	(void)what;
	if (sig == SIGHUP)
		reload(arg);
	else
		end(arg);
}

static void on_worker_ended(evutil_socket_t fd, short what, void *arg)
{
	struct control *c = arg;

	(void)fd;
	(void)what;
	for (struct mail *m = mailbox_take(c->ended); m; m = m->next)
		c->n_running--;
	if (!c->n_running)
		event_base_loopbreak(c->base);
}

/* --- the beginning
 * ---------------------------------------------------------------------------- */

static void mask_signals(int how)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < N_SIGNALS; i++)
		sigaddset(&set, signals[i]);
	pthread_sigmask(how, &set, NULL);
}

void control_block_signals(void)
{
	mask_signals(SIG_BLOCK);
}

static int make_loop(struct control *c)
{
	c->base = event_base_new();
	c->ended = mailbox_new();
	if (!c->base || !c->ended)
		return -ENOMEM;
	event_assign(&c->ended_ev, c->base, mailbox_fd(c->ended), EV_READ | EV_PERSIST,
		     on_worker_ended, c);
	event_add(&c->ended_ev, NULL);
	for (size_t i = 0; i < N_SIGNALS; i++) {
		evsignal_assign(&c->signal_ev[i], c->base, signals[i], on_signal, c);
		evsignal_add(&c->signal_ev[i], NULL);
	}
	return 0;
}

static int start_workers(struct control *c)
{
	size_t n = c->cfg->proxy.workers;
	struct config_report report = { 0 };
	int err = 0;

	c->workers = calloc(n, sizeof(struct worker *));
	c->metrics = calloc(n + 1, sizeof(*c->metrics));
	c->all_metrics = calloc(n + 1, sizeof(struct metrics *));
	if (!c->workers || !c->metrics || !c->all_metrics)
		return -ENOMEM;
	for (size_t i = 0; i <= n; i++)
		c->all_metrics[i] = &c->metrics[i];
	while (!err && c->n_workers < n) {
		const struct worker_deps deps = {
			.clock = c->deps.clock,
			.rng = c->deps.rng,
			.log = c->deps.log,
			.listen_fd = c->deps.listen_fd,
			.memory = c->deps.memory,
			.metrics = &c->metrics[c->n_workers],
			.all_metrics = c->all_metrics,
			.n_metrics = n + 1,
			.ended = c->ended,
		};

		err = worker_start(&deps, c->cfg, &report, &c->workers[c->n_workers]);
		if (!err)
			c->n_workers++;
	}
	c->n_running = c->n_workers;
	log_report(c, &report);
	config_report_done(&report);
	return err;
}

static void done(struct control *c)
{
	for (size_t i = 0; i < c->n_workers; i++)
		worker_join(c->workers[i]);
	reload_free(c->reload);
	if (c->base && c->ended) {
		for (size_t i = 0; i < N_SIGNALS; i++)
			event_del(&c->signal_ev[i]);
		event_del(&c->ended_ev);
	}
	if (c->ended) {
		mailbox_take(c->ended);
		mailbox_free(c->ended);
	}
	if (c->base)
		event_base_free(c->base);
	free(c->workers);
	free(c->metrics);
	free(c->all_metrics);
	config_unref(c->cfg);
	config_unref(c->started);
}

int control_run(const struct control_deps *deps, struct config *cfg)
{
	struct control c = {
		.deps = *deps,
		.cfg = config_ref(cfg),
		.started = config_ref(cfg),
	};
	int err = make_loop(&c);

	if (!err)
		err = start_workers(&c);
	mask_signals(SIG_UNBLOCK);
	if (err) {
		log_error(&deps->log, "cannot start: %s", strerror(-err));
		for (size_t i = 0; i < c.n_workers; i++)
			worker_stop(c.workers[i]);
	} else {
		watch_files(&c, config_files(cfg), deps->read_at_ms);
		event_base_dispatch(c.base);
		log_info(&deps->log, "ended");
	}
	/* What is left to be stored is stored: another signal must not end that. */
	control_block_signals();
	done(&c);
	return err;
}
