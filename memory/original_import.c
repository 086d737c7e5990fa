/* original_import.c - what the original project kept in Redis, as exchanges. */
#include "memory/original_import.h"

#include "base/buf.h"
#include "memory/clean.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

struct reader {
	struct arena *mem;
	struct original_session *s;
	struct buf user, reply; /* of the exchange at hand */
	bool has_user, has_reply;
	uint64_t at_ms;      /* of its last message; 0: not known */
	uint64_t session_ms; /* of the session */
	struct str prev;     /* the reply before, cleaned; absent: none */
};

static struct str text_of(const json_t *j)
{
	if (!json_is_string(j))
		return (struct str){ NULL, 0 };
	return (struct str){ json_string_value(j), json_string_length(j) };
}

/* --- times ------------------------------------------------------------------------ */

/* `n` digits; -1 where there are not. */
static int digits(struct str *s, size_t n)
{
	int value = 0;

	if (s->len < n)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (s->p[i] < '0' || s->p[i] > '9')
			return -1;
		value = value * 10 + (s->p[i] - '0');
	}
	*s = str_slice(*s, n, s->len);
	return value;
}

static bool take(struct str *s, char c)
{
	if (s->len == 0 || s->p[0] != c)
		return false;
	*s = str_slice(*s, 1, s->len);
	return true;
}

/* Days since 1970-01-01 (H. Hinnant, chrono-Compatible Low-Level Date Algorithms). */
static int64_t days_from(int year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = y / 400, yoe = y - era * 400;
	int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

/* Milliseconds of ".123456". */
static int fraction(struct str *s)
{
	int ms = 0, scale = 100;

	if (!take(s, '.'))
		return 0;
	while (s->len > 0 && s->p[0] >= '0' && s->p[0] <= '9') {
		ms += (s->p[0] - '0') * scale;
		scale /= 10;
		*s = str_slice(*s, 1, s->len);
	}
	return ms;
}

/* Minutes east of Greenwich of "+02:00" or "Z"; false where it is neither. */
static bool zone(struct str *s, int *ret)
{
	bool east = take(s, '+'), west = !east && take(s, '-');
	int hours, minutes;

	*ret = 0;
	if (!east && !west)
		return take(s, 'Z') || s->len == 0;
	hours = digits(s, 2);
	take(s, ':');
	minutes = digits(s, 2);
	*ret = (hours * 60 + minutes) * (east ? 1 : -1);
	return hours >= 0 && hours < 24 && minutes >= 0 && minutes < 60;
}

/* 0: it is no time. */
static uint64_t iso_ms(struct str s)
{
	int year = digits(&s, 4), month, day, hour, minute, second, ms, east;
	int64_t at;

	if (year < 1970 || !take(&s, '-'))
		return 0;
	month = digits(&s, 2);
	if (month < 1 || month > 12 || !take(&s, '-'))
		return 0;
	day = digits(&s, 2);
	if (day < 1 || day > 31 || !(take(&s, 'T') || take(&s, ' ')))
		return 0;
	hour = digits(&s, 2);
	if (hour < 0 || hour > 23 || !take(&s, ':'))
		return 0;
	minute = digits(&s, 2);
	if (minute < 0 || minute > 59 || !take(&s, ':'))
		return 0;
	second = digits(&s, 2);
	if (second < 0 || second > 60)
		return 0;
	ms = fraction(&s);
	if (!zone(&s, &east) || s.len > 0)
		return 0;
	at = (days_from(year, month, day) * 86400 + hour * 3600 + minute * 60 + second -
	      east * 60) *
		     1000 +
	     ms;
	return at > 0 ? (uint64_t)at : 0;
}

/* 0: none was told. */
static uint64_t time_of(const json_t *j)
{
	double seconds = json_number_value(j);

	if (json_is_string(j))
		return iso_ms(text_of(j));
	/* As far as milliseconds of this millennium are ones, too. */
	if (!(seconds > 0 && seconds < 32503680000.0 * 1000))
		return 0;
	return (uint64_t)(seconds < 32503680000.0 ? seconds * 1000 : seconds);
}

/* --- messages ----------------------------------------------------------------------- */

static int add_text(struct buf *to, struct str text, const char *between)
{
	if (text.len == 0)
		return 0;
	if (to->len > 0 && buf_add_str(to, str_from(between)))
		return -ENOMEM;
	return buf_add_str(to, text) ? -ENOMEM : 0;
}

/* A text, or parts of which some are. */
static int add_content(struct buf *to, const json_t *content)
{
	struct buf whole;
	const json_t *part;
	size_t i;
	int r = 0;

	if (!json_is_array(content))
		return add_text(to, text_of(content), "\n\n");
	buf_init(&whole, ORIGINAL_BYTES_MAX);
	json_array_foreach(content, i, part) if (!r) r =
		add_text(&whole, text_of(json_object_get(part, "text")), "\n");
	if (!r)
		r = add_text(to, buf_str(&whole), "\n\n");
	buf_done(&whole);
	return r;
}

static int finish_text(struct reader *r, struct buf *from, struct str *ret)
{
	struct str whole = buf_str(from);
	struct str copy = arena_str(r->mem, whole.p ? whole : STR(""));

	*ret = copy.p ? clean_text(copy, r->mem) : copy;
	buf_reset(from);
	return ret->p ? 0 : -ENOMEM;
}

/* The exchange at hand is over. */
static int finish_exchange(struct reader *r)
{
	struct exchange *x = &r->s->v[r->s->n];
	int rc;

	if (!r->has_user)
		return 0;
	*x = (struct exchange){ .session = r->s->id,
				.session_named = true,
				.state = r->has_reply ? EXCHANGE_COMPLETE
						      : EXCHANGE_CANCELLED,
				.at_ms = r->at_ms ? r->at_ms : r->session_ms,
				.client = STR("import") };
	if (r->prev.p) {
		x->prev = turn_digest(r->prev);
		x->prev_hash = turn_hash(r->prev);
	}
	rc = finish_text(r, &r->user, &x->user);
	if (!rc && r->has_reply)
		rc = finish_text(r, &r->reply, &x->reply);
	if (r->has_reply)
		r->prev = x->reply;
	r->s->n += x->user.len > 0;
	r->has_user = r->has_reply = false;
	r->at_ms = 0;
	return rc;
}

static int read_message(struct reader *r, const json_t *m)
{
	struct str role = text_of(json_object_get(m, "role"));
	const json_t *content = json_object_get(m, "content");
	uint64_t at = time_of(json_object_get(m, "timestamp"));
	bool user = str_eq(role, STR("user")), reply = str_eq(role, STR("assistant"));
	int rc = 0;

	if (user && r->has_reply)
		rc = finish_exchange(r);
	if (rc)
		return rc;
	if (!user && !(reply && r->has_user)) {
		r->s->passed_over++;
		return 0;
	}
	r->has_user = r->has_user || user;
	r->has_reply = r->has_reply || reply;
	r->at_ms = at ? at : r->at_ms;
	return add_content(user ? &r->user : &r->reply, content);
}

static int read_messages(struct reader *r, const json_t *messages)
{
	const json_t *m;
	size_t i;
	int rc = 0;

	r->s->v = arena_alloc(r->mem, (json_array_size(messages) + 1) * sizeof(*r->s->v));
	if (!r->s->v)
		return -ENOMEM;
	buf_init(&r->user, ORIGINAL_BYTES_MAX);
	buf_init(&r->reply, ORIGINAL_BYTES_MAX);
	json_array_foreach(messages, i, m) if (!rc) rc = read_message(r, m);
	if (!rc)
		rc = finish_exchange(r);
	buf_done(&r->user);
	buf_done(&r->reply);
	return rc;
}

static int name_session(struct reader *r, struct str key, const json_t *root)
{
	struct str id = text_of(json_object_get(root, "session_id"));
	struct str user = text_of(json_object_get(root, "user_id"));

	if (id.len == 0 && str_has_prefix(key, STR(ORIGINAL_KEY_PREFIX)))
		id = str_slice(key, strlen(ORIGINAL_KEY_PREFIX), key.len);
	if (id.len == 0)
		return -EINVAL;
	if (user.len == 0)
		user = (struct str){ NULL, 0 };
	r->session_ms = time_of(json_object_get(root, "last_accessed"));
	if (!r->session_ms)
		r->session_ms = time_of(json_object_get(root, "created_at"));
	if (exchange_copy_text(r->mem, id, &r->s->id) < 0)
		return -ENOMEM;
	return exchange_copy_text(r->mem, user, &r->s->user);
}

int original_parse(struct str key, struct str blob, struct arena *mem,
		   struct original_session *ret)
{
	struct original_session s = { .n = 0 };
	struct reader r = { .mem = mem, .s = &s };
	const json_t *messages;
	json_t *root;
	int rc = -EINVAL;

	if (blob.p == NULL || blob.len > ORIGINAL_BYTES_MAX)
		return -EINVAL;
	root = json_loadb(blob.p, blob.len, JSON_ALLOW_NUL, NULL);
	messages = json_object_get(root, "messages");
	if (json_is_array(messages))
		rc = name_session(&r, key, root);
	if (rc == 0)
		rc = read_messages(&r, messages);
	json_decref(root);
	if (rc == 0)
		*ret = s;
	return rc;
}
