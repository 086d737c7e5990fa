/*
 * json_scan.h - finds spans in a JSON text without building a tree.
 *
 * For bodies that are somebody else's: they are read in place, checked against
 * RFC 8259 as far as they are walked over, and never rewritten. Strings are
 * checked for control characters and valid escapes, not for UTF-8 (decoding
 * does that). No recursion; nesting beyond JSON_SCAN_DEPTH is an error.
 *
 * Not for files that include jansson.h: its enumerators have the same names, as
 * the same documents are never read by both.
 */
#ifndef BASE_JSON_SCAN_H
#define BASE_JSON_SCAN_H

#include "base/str.h"

#define JSON_SCAN_DEPTH 512

enum json_type {
	JSON_ABSENT, /* zeroed memory; also what an error leaves */
	JSON_OBJECT,
	JSON_ARRAY,
	JSON_STRING,
	JSON_NUMBER,
	JSON_TRUE,
	JSON_FALSE,
	JSON_NULL,
};

/* One value in the text: brackets and quotes included in `raw`. */
struct json_value {
	enum json_type type;
	struct str raw;
};

/* The whole text must be one value (blanks around it allowed); ABSENT if it is not. */
struct json_value json_scan(struct str text);

/*
 * Walks the members of an object or the items of an array which json_scan() or
 * an earlier walk has found (so it is known to be well formed).
 */
struct json_iter {
	const char *p, *end;
};

struct json_iter json_iter(struct json_value container);
/* False at the end. *key is the raw string, quotes included. */
bool json_next_member(struct json_iter *it, struct str *key, struct json_value *ret);
bool json_next_item(struct json_iter *it, struct json_value *ret);

/* Whether a raw string (quotes included, escapes possible) means this text. */
bool json_str_is(struct str raw, struct str text);
/* The LAST member of that name, as Python's json takes it; ABSENT if there is none. */
struct json_value json_get(struct json_value object, struct str name);

struct buf;
/*
 * Appends the meaning of a raw string as valid UTF-8: lone surrogates and
 * invalid bytes become U+FFFD. 0 or what buf_add() gave.
 */
int json_str_decode(struct str raw, struct buf *to);

#endif
