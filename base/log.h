/*
 * log.h - one sink, many handles with a name and a request id.
 *
 * Library folders log nothing above debug: whoever gives up on something logs
 * it, once. Secrets and bodies are never passed to a log call.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/clock.h"
#include "base/str.h"

enum log_level { LOG_LV_ERROR, LOG_LV_WARN, LOG_LV_INFO, LOG_LV_DEBUG };

struct log_sink;

/* Writes whole lines to fd, which stays the caller's. Safe from any thread. */
struct log_sink *log_sink_new(int fd, const struct clock *clock);
void log_sink_free(struct log_sink *s);
/* May be called at any time from any thread. */
void log_sink_set(struct log_sink *s, enum log_level level, bool json);

/* Small enough to live in every object that logs; {0} is silent. */
struct log {
	struct log_sink *sink; /* borrowed */
	const char *component; /* "proxy", "store.sqlite" … */
	struct str id;         /* request id, or absent; borrowed */
};

bool log_enabled(const struct log *lg, enum log_level lv);
void log_write(const struct log *lg, enum log_level lv, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* One extra field of a line: a number where text is absent. */
struct log_field {
	const char *name;
	struct str text;
	double number;
};

/* A message with fields: " name=value" in text (quoted where needed), members in JSON. */
void log_event(const struct log *lg, enum log_level lv, const char *message,
	       const struct log_field *fields, size_t n);

#define log_error(lg, ...) log_write((lg), LOG_LV_ERROR, __VA_ARGS__)
#define log_warn(lg, ...)  log_write((lg), LOG_LV_WARN, __VA_ARGS__)
#define log_info(lg, ...)  log_write((lg), LOG_LV_INFO, __VA_ARGS__)
#define log_debug(lg, ...)                                          \
	do {                                                        \
		if (log_enabled((lg), LOG_LV_DEBUG))                \
			log_write((lg), LOG_LV_DEBUG, __VA_ARGS__); \
	} while (0)

#endif
