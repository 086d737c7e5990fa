/*
 * config.h - what the programs are told: config.yaml, environment, flags.
 *
 * Flags go before the environment, that before the file, that before the
 * defaults. One table (config_keys.c) names every key; it reads the file,
 * overlays the rest, checks, prints, and writes docs/reference/CONFIGURATION.md.
 * A configuration never changes once loaded; a reload makes another.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "base/log.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Where something stands in a file. No file: a flag or the environment; line 0: the file
 * as a whole. */
struct config_at {
	const char *file;
	unsigned line;
};

/* One rule of user_id_mappings.header_patterns or of client_patterns. */
struct config_rule {
	struct config_at at;
	const char *header;  /* as written; compared in any case */
	const char *pattern; /* PCRE2, searched, caseless; NULL: being there is enough */
	const char *value;   /* user_id of a mapping, client of a client pattern */
	/* Mapping, `shared: false`: user_id stands for many people who are not to share
	 * one memory, so there is none without an end user. */
	bool needs_end_user;
};

struct config_rules {
	const struct config_rule *v;
	size_t n;
};

struct config_list {
	const char *const *v;
	size_t n;
};

/* One entry of LiteLLM's model_list, as far as it matters here. */
struct config_model {
	const char *name;
	const char *api_base; /* NULL: none, or a variable that is not set here */
};

/* Of texts in Latin letters: those that Snowball has a stemmer for. */
enum language {
	LANGUAGE_ENGLISH,
	LANGUAGE_BASQUE,
	LANGUAGE_CATALAN,
	LANGUAGE_DANISH,
	LANGUAGE_DUTCH,
	LANGUAGE_FINNISH,
	LANGUAGE_FRENCH,
	LANGUAGE_GERMAN,
	LANGUAGE_HUNGARIAN,
	LANGUAGE_INDONESIAN,
	LANGUAGE_IRISH,
	LANGUAGE_ITALIAN,
	LANGUAGE_LITHUANIAN,
	LANGUAGE_NORWEGIAN,
	LANGUAGE_PORTUGUESE,
	LANGUAGE_ROMANIAN,
	LANGUAGE_SPANISH,
	LANGUAGE_SWEDISH,
	LANGUAGE_TURKISH,
};

enum when_unknown { WHEN_UNKNOWN_CONTINUE, WHEN_UNKNOWN_PER_USER, WHEN_UNKNOWN_OFF };
enum inject_user_id { INJECT_USER_ID_ALWAYS, INJECT_USER_ID_SUPERMEMORY };

/*
 * Durations are milliseconds, sizes bytes. Texts are the configuration's own;
 * NULL: not set. URLs end without a slash.
 */
struct config {
	struct {
		const char *host;
		uint64_t port;
		const char *litellm_url;
		uint64_t workers;
		const char *port_file;
		bool access_log;
		uint64_t collect_bytes; /* bodies up to this are read whole, to splice */
		uint64_t max_head_bytes, max_line_bytes, max_headers;
		uint64_t max_connections;
		uint64_t head_timeout, body_timeout, idle_timeout, stall_timeout,
			linger_timeout;
		uint64_t connect_timeout, first_byte_timeout;
		uint64_t drain_timeout;
	} proxy;
	struct {
		const char *custom_header;
		const char *default_user_id;
		struct config_rules header_patterns;
	} user_id_mappings;
	struct config_rules client_patterns;
	struct {
		bool share_keys, end_user;
	} identity;
	enum when_unknown session_when_unknown;
	enum inject_user_id inject_user_id;
	struct {
		bool enabled;
		enum language language;
		uint64_t budget_tokens;
		uint64_t max_context_messages;
		uint64_t deadline, cold_deadline, keep_deadline;
		uint64_t view_bytes;
		uint64_t max_exchange_bytes; /* longer texts keep their head and tail */
		uint64_t max_exchanges_per_user; /* 0: no limit */
		/* Names with wildcards, and SHA-256 of keys (hexadecimal). */
		struct config_list enabled_for_models, disabled_for_models;
		struct config_list enabled_for_clients, disabled_for_clients;
		struct config_list disabled_for_keys;
	} memory;
	struct {
		const char *url;
		uint64_t ttl;      /* 0: kept */
		const char *spool; /* a path, or "none" */
		uint64_t spool_bytes;
	} store;
	struct {
		enum log_level level;
		bool json;
	} log;
	struct {
		struct config_list allow; /* addresses and CIDR blocks */
	} metrics;
	struct {
		const char *admin_key, *master_key, *supermemory_api_key;
	} keys;
	const char *
		unused; /* what the original project's file says and means nothing here */
	/* In LiteLLM's order: config.yaml's, then those of the files it includes. */
	const struct config_model *models;
	size_t n_models;
};

enum config_severity { CONFIG_WARNING, CONFIG_ERROR };

struct config_issue {
	enum config_severity severity;
	struct config_at at; /* its file name lies behind the text */
	char *text;          /* which key, what was found, what was expected */
};

/* Everything found wrong, in the order found. {0} is empty. */
struct config_report {
	struct config_issue *v; /* owned, texts included */
	size_t n, cap;
	size_t n_errors; /* counts even what there was no memory to keep */
	char **files;    /* as config_files(), of a refused configuration too; owned */
	size_t n_files;
};

void config_report_add(struct config_report *r, enum config_severity severity,
		       struct config_at at, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* One line an issue: "config.yaml:12: error: …". */
void config_report_print(const struct config_report *r, FILE *to);
void config_report_done(struct config_report *r);

/* Which program reads: it decides which flags and environment names exist. */
enum config_program { CONFIG_MEMPROXY = 1 << 0, CONFIG_REGISTRY = 1 << 1 };

struct config_source {
	enum config_program program;
	int argc;
	char **argv;
	/* getenv(3) in the programs; tests bring their own. */
	const char *(*env)(void *arg, const char *name);
	void *env_arg;
};

/* What the command line asks for besides running. */
enum config_action {
	CONFIG_RUN,
	CONFIG_CHECK,
	CONFIG_PRINT,
	CONFIG_VERSION,
	CONFIG_HELP
};

/*
 * Reads everything. 0 with a configuration, -EINVAL with at least one error in
 * the report, or -ENOMEM; *ret is untouched on failure. Warnings come with
 * either. Without --config and LITELLM_CONFIG it reads config.yaml in the
 * working directory if there is one. *action may be NULL. CONFIG_VERSION and
 * CONFIG_HELP give 0 and no configuration, whatever else is wrong.
 */
int config_load(const struct config_source *src, struct config **ret,
		enum config_action *action, struct config_report *report);

/* Any thread may hold a reference; the last one to go frees. */
struct config *config_ref(struct config *c);
void config_unref(struct config *c); /* NULL is fine */

/*
 * The files it was read from: config.yaml first, then what it includes, those
 * that are missing too. To be watched.
 */
struct config_list config_files(const struct config *c);
/*
 * What changed and needs a restart, as dotted keys separated by ", "; "" if
 * nothing. For LiteLLM's half it says that litellm is to be restarted.
 */
void config_restart_diff(const struct config *a, const struct config *b, char *ret,
			 size_t n);

/* YAML of every key with its value and where it came from; secrets masked. */
void config_print(const struct config *c, FILE *to);
void config_help(enum config_program program, FILE *to);
/* docs/reference/CONFIGURATION.md. */
void config_reference(FILE *to);

const char *config_language_name(enum language l); /* "english" */

#endif
