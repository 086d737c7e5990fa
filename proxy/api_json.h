/*
 * api_json.h - exchanges and times as JSON, both ways.
 *
 * {"id":"<32 hexadecimal digits>", "seq":7, "session":…, "user":…, "reply":…,
 *  "at":"2026-11-21T10:00:00.000Z", "client":…, "model":…, "state":"complete"}
 */
#ifndef PROXY_API_JSON_H
#define PROXY_API_JSON_H

#include "base/arena.h"
#include "base/buf.h"
#include "store/exchange.h"

#include <jansson.h>

#include <stdbool.h>

/* null where it is absent, or no UTF-8. */
json_t *api_text(struct str s);
json_t *api_time(uint64_t ms);
json_t *api_id(const struct exchange_id *id);
json_t *api_exchange(const struct exchange *x);
/* Of a string; absent where it is none. Borrowed from it. */
struct str api_string(const json_t *j);

/* Compact JSON behind what is there; takes the document, which may be NULL (out of
 * memory: then b->failed). */
void api_add_json(struct buf *b, json_t *doc);

bool api_id_parse(struct str s, struct exchange_id *ret);
/* RFC 3339 section 5.6, from 1970 on, to the millisecond; digits beyond are cut off. */
bool api_time_parse(struct str s, uint64_t *ret);

/*
 * A line of an import: an exchange as above, of which session and user must be there
 * (no id: the store makes one; no time: `now_ms`; seq is ignored), or a session as the
 * original proxy kept it: {"session_id":…, "messages":[{"role", "content",
 * "timestamp"}]}, whose exchanges are its runs of user messages and the replies.
 */
struct api_line {
	struct exchange *v; /* in the arena, with no partition */
	size_t n;
	json_t *doc; /* their texts: to be released when they have been copied */
};

/* NULL, or what is wrong with the line (then there is nothing to release). */
const char *api_line_parse(struct str line, uint64_t now_ms, struct arena *a,
			   struct api_line *ret);

#endif
