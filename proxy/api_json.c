/* api_json.c - exchanges and times as JSON. */
#include "proxy/api_json.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

json_t *api_text(struct str s)
{
	json_t *j = s.p ? json_stringn(s.p, s.len) : NULL;

	return j ? j : json_null();
}

struct str api_string(const json_t *j)
{
	if (!json_is_string(j))
		return (struct str){ NULL, 0 };
	return (struct str){ json_string_value(j), json_string_length(j) };
}

json_t *api_time(uint64_t ms)
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;
	char text[64];

	if (!gmtime_r(&seconds, &tm))
		return json_null();
	snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%03uZ",
		 tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
		 tm.tm_sec, (unsigned)(ms % 1000));
	return json_string(text);
}

json_t *api_id(const struct exchange_id *id)
{
	static const char digits[] = "0123456789abcdef";
	char hex[2 * sizeof(id->b)];

	for (size_t i = 0; i < sizeof(id->b); i++) {
		hex[2 * i] = digits[id->b[i] >> 4];
		hex[2 * i + 1] = digits[id->b[i] & 15];
	}
	return json_stringn(hex, sizeof(hex));
}

json_t *api_exchange(const struct exchange *x)
{
	return json_pack("{s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:s}", "id",
			 api_id(&x->id), "seq", (json_int_t)x->seq, "session",
			 api_text(x->session), "user", api_text(x->user), "reply",
			 api_text(x->reply), "at", api_time(x->at_ms), "client",
			 api_text(x->client), "model", api_text(x->model), "state",
			 x->state == EXCHANGE_CANCELLED ? "cancelled" : "complete");
}

static int add(const char *p, size_t n, void *arg)
{
	return buf_add(arg, p, n);
}

void api_add_json(struct buf *b, json_t *doc)
{
	if (!doc || json_dump_callback(doc, add, b, JSON_COMPACT | JSON_ENCODE_ANY) < 0)
		b->failed = true;
	json_decref(doc);
}

bool api_id_parse(struct str s, struct exchange_id *ret)
{
	struct exchange_id id;

	if (s.len != 2 * sizeof(id.b))
		return false;
	for (size_t i = 0; i < sizeof(id.b); i++) {
		int high = str_hex_value(s.p[2 * i]), low = str_hex_value(s.p[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		id.b[i] = (unsigned char)(high << 4 | low);
	}
	*ret = id;
	return true;
}

/* --- times ------------------------------------------------------------------- */

/* So many digits, and then `end` (NUL: nothing in particular); -1: not so. */
static int number(struct str *s, size_t digits, char end)
{
	size_t n = digits + (end != '\0');
	int value = 0;

	if (s->len < n || (end && s->p[digits] != end))
		return -1;
	for (size_t i = 0; i < digits; i++) {
		if (s->p[i] < '0' || s->p[i] > '9')
			return -1;
		value = 10 * value + (s->p[i] - '0');
	}
	*s = str_slice(*s, n, s->len);
	return value;
}

/* ".123…" to milliseconds; 0 where there is none, -1: a point alone. */
static int fraction(struct str *s)
{
	int ms = 0, unit = 100;
	size_t n = 1;

	if (!s->len || s->p[0] != '.')
		return 0;
	for (; n < s->len && s->p[n] >= '0' && s->p[n] <= '9'; n++, unit /= 10)
		ms += unit * (s->p[n] - '0');
	*s = str_slice(*s, n, s->len);
	return n > 1 ? ms : -1;
}

/* "Z", "+01:00"; in seconds, or INT32_MIN. */
static int32_t zone(struct str s)
{
	int sign, hours, minutes;

	if (str_ieq(s, STR("Z")))
		return 0;
	if (s.len != 6 || (s.p[0] != '+' && s.p[0] != '-'))
		return INT32_MIN;
	sign = s.p[0] == '-' ? -1 : 1;
	s = str_slice(s, 1, s.len);
	hours = number(&s, 2, ':');
	minutes = number(&s, 2, '\0');
	if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
		return INT32_MIN;
	return sign * (3600 * hours + 60 * minutes);
}

/* Midnight of a day, in seconds; -1: there is none such (the 31st of February). */
static int64_t midnight(int year, int month, int day)
{
	struct tm tm = { .tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day };
	int64_t seconds = (int64_t)timegm(&tm);

	return tm.tm_mon == month - 1 && tm.tm_mday == day ? seconds : -1;
}

static bool is_in(int v, int least, int most)
{
	return v >= least && v <= most;
}

bool api_time_parse(struct str s, uint64_t *ret)
{
	int year = number(&s, 4, '-'), month = number(&s, 2, '-');
	int day = number(&s, 2, '\0'), hour, minute, second, ms;
	bool separated = s.len > 0 && (s.p[0] == 'T' || s.p[0] == 't' || s.p[0] == ' ');
	int64_t seconds;
	int32_t east;

	s = str_slice(s, 1, s.len);
	hour = number(&s, 2, ':');
	minute = number(&s, 2, ':');
	second = number(&s, 2, '\0');
	ms = fraction(&s);
	east = zone(s);
	if (!separated || year < 1970 || !is_in(month, 1, 12) || !is_in(day, 1, 31) ||
	    !is_in(hour, 0, 23) || !is_in(minute, 0, 59) || !is_in(second, 0, 60) ||
	    ms < 0 || east == INT32_MIN)
		return false;
	seconds = midnight(year, month, day);
	if (seconds < 0)
		return false;
	seconds += 3600 * hour + 60 * minute + second - east;
	if (seconds < 0)
		return false;
	*ret = (uint64_t)seconds * 1000 + (uint64_t)ms;
	return true;
}
