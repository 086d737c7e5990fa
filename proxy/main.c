/*
 * main.c - memproxy: configuration, dependencies, run, and free in reverse.
 *
 * Exit codes: 2 usage or configuration, 3 address in use, 1 anything else.
 */
#include "config/config.h"
#include "memory/memory.h"
#include "net/local_port.h"
#include "proxy/control.h"
#include "proxy/listen.h"
#include "router/router.h"

#include <curl/curl.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum exit_code { EXIT_OTHER = 1, EXIT_CONFIG = 2, EXIT_ADDRESS = 3 };

static const char *env(void *arg, const char *name)
{
	(void)arg;
	return getenv(name);
}

/* --- what the command line asks for ----------------------------------------------------
 */

static int check_store(const struct config *cfg, struct config_report *report)
{
	char *why = NULL;
	int err = cfg->memory.enabled ? store_check(cfg->store.url, &why) : 0;

	if (err)
		config_report_add(report, CONFIG_ERROR, (struct config_at){ NULL, 0 },
				  "store.url: %s", why ? why : strerror(-err));
	free(why);
	return err;
}

/* Also what config_load() only reads: the patterns are compiled, the store is looked up.
 */
static int load(const struct config_source *source, struct config **ret,
		enum config_action *action)
{
	struct config_report report = { 0 };
	struct config *cfg = NULL;
	struct router *router = NULL;
	int err = config_load(source, &cfg, action, &report);

	if (!err && cfg)
		err = router_new(cfg, &report, &router);
	if (!err && cfg && *action != CONFIG_PRINT) /* which shows it, right or wrong */
		err = check_store(cfg, &report);
	config_report_print(&report, stderr);
	config_report_done(&report);
	router_free(router);
	if (err) {
		config_unref(cfg);
		return err;
	}
	*ret = cfg;
	return 0;
}

static int answer(enum config_action action, const struct config *cfg)
{
	switch (action) {
	case CONFIG_VERSION:
		printf("memproxy %s\n", MEMPROXY_VERSION);
		break;
	case CONFIG_HELP:
		config_help(CONFIG_MEMPROXY, stdout);
		break;
	case CONFIG_PRINT:
		config_print(cfg, stdout);
		break;
	case CONFIG_CHECK:
		puts("The configuration is valid.");
		break;
	case CONFIG_RUN:
		break;
	}
	return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_OTHER;
}

/* --- running
 * -------------------------------------------------------------------------------- */

/* Each client and its upstream connection take a descriptor. */
static void raise_descriptor_limit(void)
{
	struct rlimit lim;

	if (getrlimit(RLIMIT_NOFILE, &lim) == 0 && lim.rlim_cur < lim.rlim_max) {
		lim.rlim_cur = lim.rlim_max;
		setrlimit(RLIMIT_NOFILE, &lim);
	}
}

static int open_listener(const struct config *cfg, const struct log *log)
{
	int fd = listen_on(cfg->proxy.host, (uint16_t)cfg->proxy.port);

	if (fd == -EADDRINUSE)
		log_error(log,
			  "port %llu on %s is in use: stop what listens there, or choose "
			  "another "
			  "with --port",
			  (unsigned long long)cfg->proxy.port, cfg->proxy.host);
	else if (fd < 0)
		log_error(log, "cannot listen on %s port %llu: %s", cfg->proxy.host,
			  (unsigned long long)cfg->proxy.port, strerror(-fd));
	return fd;
}

static int open_memory(const struct config *cfg, struct log_sink *sink,
		       struct memory **ret)
{
	const struct memory_deps deps = {
		.cfg = cfg,
		.clock = &clock_system,
		.rng = &rng_system,
		.log = { .sink = sink, .component = "memory" },
	};
	const struct log log = { .sink = sink, .component = "memory" };
	char *why = NULL;
	int err;

	if (!cfg->memory.enabled)
		return 0;
	err = memory_start(&deps, ret, &why);
	if (err)
		log_error(&log, "store.url: cannot open the store: %s",
			  why ? why : strerror(-err));
	free(why);
	return err;
}

/* By rename, so that whoever waits for the file never reads half of it. */
static int write_port_file(const char *path, int port)
{
	char tmp[4096];
	FILE *f;
	int n = snprintf(tmp, sizeof(tmp), "%s.tmp", path);

	if (n < 0 || (size_t)n >= sizeof(tmp))
		return -ENAMETOOLONG;
	f = fopen(tmp, "we");
	if (!f)
		return -errno;
	fprintf(f, "%d\n", port);
	if (fclose(f) != 0 || rename(tmp, path) != 0)
		return -errno;
	return 0;
}

static int announce(const struct config *cfg, int fd, const struct log *log)
{
	int err = 0;

	if (cfg->proxy.port_file)
		err = write_port_file(cfg->proxy.port_file, local_port(fd));
	if (err)
		log_error(log, "cannot write %s: %s", cfg->proxy.port_file,
			  strerror(-err));
	else
		log_info(log, "memproxy %s on http://%s:%d in front of %s",
			 MEMPROXY_VERSION, cfg->proxy.host, local_port(fd),
			 cfg->proxy.litellm_url);
	return err;
}

static int serve(const struct config_source *source, uint64_t read_at_ms,
		 struct config *cfg, struct log_sink *sink)
{
	struct control_deps deps = {
		.clock = &clock_system,
		.rng = &rng_system,
		.sink = sink,
		.log = { .sink = sink, .component = "proxy" },
		.source = source,
		.read_at_ms = read_at_ms,
	};
	int code = EXIT_OTHER;
	int err;

	deps.listen_fd = open_listener(cfg, &deps.log);
	if (deps.listen_fd < 0)
		return deps.listen_fd == -EADDRINUSE ? EXIT_ADDRESS : EXIT_OTHER;
	control_block_signals();
	err = open_memory(cfg, sink, &deps.memory);
	if (err == -EPROTONOSUPPORT || err == -EINVAL)
		code = EXIT_CONFIG;
	if (!err && announce(cfg, deps.listen_fd, &deps.log) == 0 &&
	    control_run(&deps, cfg) == 0)
		code = EXIT_SUCCESS;
	memory_stop(deps.memory);
	close(deps.listen_fd);
	return code;
}

static int run(const struct config_source *source, uint64_t read_at_ms,
	       struct config *cfg)
{
	struct log_sink *sink = log_sink_new(STDERR_FILENO, &clock_system);
	int code;

	if (!sink)
		return EXIT_OTHER;
	log_sink_set(sink, cfg->log.level, cfg->log.json);
	signal(SIGPIPE, SIG_IGN);
	raise_descriptor_limit();
	curl_global_init(CURL_GLOBAL_DEFAULT);
	code = serve(source, read_at_ms, cfg, sink);
	curl_global_cleanup();
	log_sink_free(sink);
	return code;
}

int main(int argc, char **argv)
{
	const struct config_source source = {
		.program = CONFIG_MEMPROXY,
		.argc = argc,
		.argv = argv,
		.env = env,
	};
	const uint64_t read_at_ms = clock_wall_ms(&clock_system);
	enum config_action action = CONFIG_RUN;
	struct config *cfg = NULL;
	int code, err = load(&source, &cfg, &action);

	if (err)
		return err == -ENOMEM ? EXIT_OTHER : EXIT_CONFIG;
	code = cfg && action == CONFIG_RUN ? run(&source, read_at_ms, cfg)
					   : answer(action, cfg);
	config_unref(cfg);
	return code;
}
