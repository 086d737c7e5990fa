/*
 * reply_tap.c - listens to a reply.
 *
 * A streamed text is kept as the insides of its JSON strings, put together and
 * decoded once at the end: cheap for each event, and a surrogate pair may be
 * split over two of them.
 */
#include "memory/reply_tap.h"
#include "base/buf.h"
#include "base/json_scan.h"
#include "memory/dialect.h"
#include "memory/sse.h"

#include <stdlib.h>

/* What an event may hold beside text: names, ids, log probabilities. */
enum { EVENT_WRAPPING = 64 * 1024, ID_MAX = 512 };

struct reply_tap {
	const struct dialect *dialect;
	bool stream;
	bool given_up; /* too large, or out of memory */
	bool finished, marked, closed;
	bool mark_tools;
	bool ended;              /* the verdict has been asked for */
	enum reply_verdict best; /* that is still possible */
	uint64_t marker_at;      /* offset of the marker's event, if marked */
	struct sse sse;
	struct buf body; /* of a plain reply */
	struct buf raw;  /* a JSON string without its closing quote */
	struct buf text; /* its meaning, once ended */
	struct buf id;
	bool breaks; /* a line feed goes before the next text */
};

static void on_event(void *arg, struct str event, struct str data)
{
	struct reply_tap *t = arg;

	if (!t->closed && !t->given_up)
		t->dialect->tap_event(t, event, data);
}

struct reply_tap *reply_tap_new(const struct dialect *d, bool stream, size_t limit)
{
	struct reply_tap *t = malloc(sizeof(*t));

	if (t == NULL)
		return NULL;
	if (limit > SIZE_MAX / 2)
		limit = SIZE_MAX / 2;
	*t = (struct reply_tap){ .dialect = d, .stream = stream, .best = REPLY_COMPLETE };
	sse_init(&t->sse, limit + EVENT_WRAPPING, on_event, t);
	buf_init(&t->body, limit);
	buf_init(&t->raw, limit + 1); /* the quote */
	buf_init(&t->text, SIZE_MAX);
	buf_init(&t->id, ID_MAX);
	if (buf_add_char(&t->raw, '"')) {
		free(t);
		return NULL;
	}
	return t;
}

static void drop_bytes(struct reply_tap *t)
{
	sse_done(&t->sse);
	buf_done(&t->body);
	buf_done(&t->raw);
}

void reply_tap_free(struct reply_tap *t)
{
	if (t == NULL)
		return;
	drop_bytes(t);
	buf_done(&t->text);
	buf_done(&t->id);
	free(t);
}

void reply_tap_mark_tools(struct reply_tap *t)
{
	t->mark_tools = true;
}

static void listen(struct reply_tap *t, const void *p, size_t n)
{
	int err = t->stream ? sse_feed(&t->sse, p, n) : buf_add(&t->body, p, n);

	if (t->closed || !(err || t->given_up))
		return;
	t->given_up = true;
	drop_bytes(t);
}

size_t reply_tap_feed(struct reply_tap *t, const void *p, size_t n)
{
	uint64_t before = t->sse.fed;
	bool already = t->marked;

	if (!t->given_up && !t->closed)
		listen(t, p, n);
	if (!t->marked)
		return n;
	return already || t->marker_at < before ? 0 : (size_t)(t->marker_at - before);
}

bool reply_tap_finishing(const struct reply_tap *t)
{
	return t->marked;
}

bool reply_tap_closed(const struct reply_tap *t)
{
	return t->closed;
}

bool reply_tap_failed(const struct reply_tap *t)
{
	return t->best == REPLY_INCOMPLETE;
}

enum reply_verdict reply_tap_verdict(struct reply_tap *t, struct str *text)
{
	if (!t->ended && !t->given_up) {
		if (!t->stream)
			t->dialect->tap_plain(t, buf_str(&t->body));
		t->raw.max++;
		if (buf_add_char(&t->raw, '"') ||
		    json_str_decode(buf_str(&t->raw), &t->text))
			t->given_up = true;
	}
	t->ended = true;
	if (t->given_up || !t->finished)
		return REPLY_INCOMPLETE;
	if (t->best == REPLY_COMPLETE)
		*text = buf_str(&t->text);
	return t->best;
}

struct str reply_tap_id(const struct reply_tap *t)
{
	return t->id.len > 0 ? buf_str(&t->id) : (struct str){ NULL, 0 };
}

void reply_tap_add_text(struct reply_tap *t, struct str raw)
{
	if (raw.len <= 2)
		return;
	if (t->breaks && t->raw.len > 1 && buf_add_str(&t->raw, STR("\\n")))
		t->given_up = true;
	t->breaks = false;
	if (buf_add_str(&t->raw, str_slice(raw, 1, raw.len - 1)))
		t->given_up = true;
}

void reply_tap_break(struct reply_tap *t)
{
	t->breaks = true;
}

void reply_tap_drop_text(struct reply_tap *t)
{
	buf_cut(&t->raw, t->raw.len > 0 ? 1 : 0);
	t->breaks = false;
}

/* One too long for us is none. */
void reply_tap_set_id(struct reply_tap *t, struct str raw)
{
	if (t->id.len == 0 && json_str_decode(raw, &t->id))
		buf_reset(&t->id);
}

static bool may_be_marked(const struct reply_tap *t)
{
	return t->best == REPLY_COMPLETE || (t->mark_tools && t->best == REPLY_TOOLS);
}

void reply_tap_set_finish(struct reply_tap *t, enum reply_verdict v)
{
	t->finished = true;
	reply_tap_at_best(t, v);
	if (t->stream && may_be_marked(t) && !t->given_up && !t->marked) {
		t->marked = true;
		t->marker_at = t->sse.event_at;
	}
}

void reply_tap_at_best(struct reply_tap *t, enum reply_verdict v)
{
	if (v < t->best)
		t->best = v;
}

void reply_tap_set_closed(struct reply_tap *t)
{
	t->closed = true;
}
