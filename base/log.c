/*
 * log.c - one sink, many handles with a name and a request id.
 *
 * A line is put together on the stack, bounded by PIPE_BUF, and handed over in
 * one write(2): POSIX makes such a write to a pipe atomic, so that lines of
 * several threads never mix and no lock is needed; memory running out can be
 * logged too. What does not fit is cut, with "..." where a text was cut.
 *
 * Whatever is not a printable character of valid UTF-8 is escaped, so that no
 * request can forge a line or write to the reader's terminal.
 */
#include "base/log.h"

#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct log_sink {
	int fd;
	const struct clock *clock;
	atomic_int level;
	atomic_bool json;
};

enum {
	LINE_MAX_BYTES = PIPE_BUF,
	TAIL = 8,     /* kept for what ends a cut line: ..."}\n */
	ID_MAX = 128, /* of a request id */
};

struct line {
	size_t n;
	bool json;
	char b[LINE_MAX_BYTES];
};

struct log_sink *log_sink_new(int fd, const struct clock *clock)
{
	struct log_sink *s = malloc(sizeof(*s));

	if (s == NULL)
		return NULL;
	s->fd = fd;
	s->clock = clock;
	atomic_init(&s->level, LOG_LV_INFO);
	atomic_init(&s->json, false);
	return s;
}

void log_sink_free(struct log_sink *s)
{
	free(s);
}

void log_sink_set(struct log_sink *s, enum log_level level, bool json)
{
	atomic_store_explicit(&s->level, (int)level, memory_order_relaxed);
	atomic_store_explicit(&s->json, json, memory_order_relaxed);
}

bool log_enabled(const struct log *lg, enum log_level lv)
{
	return lg->sink != NULL &&
	       (int)lv <= atomic_load_explicit(&lg->sink->level, memory_order_relaxed);
}

static size_t room(const struct line *l)
{
	return l->n < sizeof(l->b) - TAIL ? sizeof(l->b) - TAIL - l->n : 0;
}

/* For what this file itself writes; all of it or nothing. */
static void put(struct line *l, const char *p, size_t n)
{
	if (n > room(l))
		return;
	memcpy(l->b + l->n, p, n);
	l->n += n;
}

static void put_text(struct line *l, const char *cstr)
{
	put(l, cstr, strlen(cstr));
}

/*
 * The next character of *s into `to` (at most 8 bytes), escaped where it must
 * be; returns the bytes written. DEL and the C1 controls count as controls.
 */
static size_t put_char(struct str *s, bool json, bool quoted, char to[9])
{
	size_t n = str_utf8_len(*s);
	unsigned char c = (unsigned char)s->p[0];
	bool c1 = n == 2 && c == 0xC2 && (unsigned char)s->p[1] < 0xA0;
	unsigned code = c1 ? (unsigned char)s->p[1] : c;
	size_t written = n;

	if (n == 0)
		written = (size_t)snprintf(to, 9, json ? "\\ufffd" : "\\x%02x", code);
	else if (c < 0x20 || c == 0x7F || c1)
		written = (size_t)snprintf(to, 9, json ? "\\u%04x" : "\\x%02x", code);
	else if (quoted && (c == '"' || c == '\\'))
		written = (size_t)snprintf(to, 9, "\\%c", c);
	else
		memcpy(to, s->p, n);
	*s = str_slice(*s, n ? n : 1, s->len);
	return written;
}

/* Foreign text; cut where the line is full. */
static void put_escaped(struct line *l, struct str s, bool quoted)
{
	char c[9];

	while (s.len > 0) {
		size_t n = put_char(&s, l->json, quoted, c);

		if (n > room(l)) {
			memcpy(l->b + l->n, "...", 3);
			l->n += 3;
			return;
		}
		put(l, c, n);
	}
}

static void put_quoted(struct line *l, struct str s)
{
	l->b[l->n++] = '"';
	put_escaped(l, s, true);
	l->b[l->n++] = '"';
}

static void put_time(struct line *l, const struct clock *clock)
{
	uint64_t now = clock_wall_ms(clock);
	time_t seconds = (time_t)(now / 1000);
	struct tm tm;
	char text[40];
	size_t n;

	if (gmtime_r(&seconds, &tm) == NULL)
		return;
	n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	put(l, text, n);
	snprintf(text, sizeof(text), ".%03uZ", (unsigned)(now % 1000));
	put_text(l, text);
}

static const char *level_name(enum log_level lv)
{
	static const char *const names[] = { "error", "warn", "info", "debug" };

	return names[lv];
}

static void put_member(struct line *l, const char *name, struct str text)
{
	if (strlen(name) + 6 > room(l)) /* ,"":"" */
		return;
	put_text(l, ",\"");
	put_text(l, name);
	put_text(l, "\":");
	put_quoted(l, text);
}

static void begin_line(struct line *l, const struct log *lg, enum log_level lv,
		       struct str message)
{
	struct str id = str_slice(lg->id, 0, ID_MAX);

	if (l->json) {
		put_text(l, "{\"ts\":\"");
		put_time(l, lg->sink->clock);
		put_text(l, "\"");
		put_member(l, "level", str_from(level_name(lv)));
		if (lg->component != NULL)
			put_member(l, "component", str_from(lg->component));
		if (id.len > 0)
			put_member(l, "request_id", id);
		put_member(l, "message", message);
		return;
	}
	put_time(l, lg->sink->clock);
	put_text(l, " ");
	put_text(l, level_name(lv));
	put_text(l, " ");
	put_text(l, lg->component ? lg->component : "-");
	if (id.len > 0) {
		put_text(l, " [");
		put_escaped(l, id, false);
		put_text(l, "]");
	}
	put_text(l, " ");
	put_escaped(l, message, false);
}

static bool plain_value(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] == ' ' || s.p[i] == '"' || s.p[i] == '=' || s.p[i] == '\\')
			return false;
	}
	return s.len > 0;
}

static void put_number(struct line *l, const struct log_field *f)
{
	char text[64];
	/* As far as a double counts by ones, and a cast is defined. */
	bool whole = f->number > -1e15 && f->number < 1e15 &&
		     f->number == (double)(int64_t)f->number;

	if (l->json && !isfinite(f->number))
		snprintf(text, sizeof(text), "null");
	else
		snprintf(text, sizeof(text), whole ? "%.0f" : "%.6g", f->number);
	put_text(l, text);
}

/* Left out where not even its name and a number would fit. */
static void put_field(struct line *l, const struct log_field *f)
{
	if (strlen(f->name) + 64 > room(l))
		return;
	if (l->json && f->text.p != NULL) {
		put_member(l, f->name, f->text);
		return;
	}
	put_text(l, l->json ? ",\"" : " ");
	put_text(l, f->name);
	put_text(l, l->json ? "\":" : "=");
	if (f->text.p == NULL)
		put_number(l, f);
	else if (plain_value(f->text))
		put_escaped(l, f->text, false);
	else
		put_quoted(l, f->text);
}

static void write_line(const struct log *lg, enum log_level lv, struct str message,
		       const struct log_field *fields, size_t n)
{
	struct line l;
	ssize_t written;

	l.n = 0;
	l.json = atomic_load_explicit(&lg->sink->json, memory_order_relaxed);
	begin_line(&l, lg, lv, message);
	for (size_t i = 0; i < n; i++)
		put_field(&l, &fields[i]);
	if (l.json)
		l.b[l.n++] = '}';
	l.b[l.n++] = '\n';
	/* A log that cannot be written cannot be complained about either. */
	written = write(lg->sink->fd, l.b, l.n);
	(void)written;
}

void log_event(const struct log *lg, enum log_level lv, const char *message,
	       const struct log_field *fields, size_t n)
{
	if (log_enabled(lg, lv))
		write_line(lg, lv, str_from(message), fields, n);
}

void log_write(const struct log *lg, enum log_level lv, const char *fmt, ...)
{
	char text[LINE_MAX_BYTES];
	va_list ap;
	int n;

	if (!log_enabled(lg, lv))
		return;
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	write_line(lg, lv,
		   (struct str){ text, (size_t)n < sizeof(text) ? (size_t)n
								: sizeof(text) - 1 },
		   NULL, 0);
}
