/*
 * reply_tap.h - listens to a reply as it passes by and keeps the assistant's words.
 *
 * Never changes or delays a byte by itself; it tells where the finish marker
 * begins, so that the relay can hold what follows until the exchange is kept.
 */
#ifndef MEMORY_REPLY_TAP_H
#define MEMORY_REPLY_TAP_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

struct dialect;
struct reply_tap;

/*
 * `stream`: the reply is an event stream (by its Content-Type, not by what was
 * asked). A reply with more than `limit` bytes of text as JSON has it (stream)
 * or of body (plain) is given up: then nothing is stored. NULL when out of memory.
 */
struct reply_tap *reply_tap_new(const struct dialect *d, bool stream, size_t limit);
void reply_tap_free(struct reply_tap *t); /* NULL is fine */

/* Markers of replies that end to call tools count too: see below. */
void reply_tap_mark_tools(struct reply_tap *t);

/*
 * The next bytes. Returns how many of them come before the first byte of the
 * event that holds the finish marker, or n where it has not come (always n for a
 * plain reply). Where that event began in an earlier call, or came in one: 0.
 *
 * The marker counts only where the reply can still be REPLY_COMPLETE (or, if asked for,
 * REPLY_TOOLS): one that was refused or failed is never kept, so never held.
 * Once it has been seen every further call returns 0.
 */
size_t reply_tap_feed(struct reply_tap *t, const void *p, size_t n);
/* That marker has been seen (stream only). */
bool reply_tap_finishing(const struct reply_tap *t);
/*
 * The closing event has been seen ("[DONE]", message_stop …): nothing that matters
 * follows (stream only; not told for a reply given up).
 */
bool reply_tap_closed(const struct reply_tap *t);

/* The reply told of an error: it cannot become complete. */
bool reply_tap_failed(const struct reply_tap *t);

enum reply_verdict {
	REPLY_INCOMPLETE, /* no finish marker, an error event, too large, not understood
			   */
	REPLY_TOOLS,      /* ended to call tools: the turn goes on */
	REPLY_REFUSED,    /* content filter */
	REPLY_COMPLETE,
};

/*
 * After the upstream's end, or once closed; nothing may be fed after it. *text
 * (borrowed from t, may be empty) is raw, only for COMPLETE.
 */
enum reply_verdict reply_tap_verdict(struct reply_tap *t, struct str *text);

/*
 * The reply's id, as its API names it ("resp_…"): for previous_response_id. Absent: not
 * told; borrowed from t.
 */
struct str reply_tap_id(const struct reply_tap *t);

/* For dialects: what an event or body said. */

/* A piece of the text, as a raw JSON string with its quotes. */
void reply_tap_add_text(struct reply_tap *t, struct str raw);
/* Something else stands between the text so far and what comes: a line feed. */
void reply_tap_break(struct reply_tap *t);
/* What was said so far is not the reply. */
void reply_tap_drop_text(struct reply_tap *t);
/* A raw JSON string; the first counts. */
void reply_tap_set_id(struct reply_tap *t, struct str raw);
/* The finish marker; the worst of several counts. */
void reply_tap_set_finish(struct reply_tap *t, enum reply_verdict v);
/* Whatever the marker says, the verdict is no better than v: tools called, an error … */
void reply_tap_at_best(struct reply_tap *t, enum reply_verdict v);
void reply_tap_set_closed(struct reply_tap *t);

#endif
