/* str.h - borrowed text with a length. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Not NUL-terminated and not owned: valid as long as what it points into.
 * { NULL, 0 } means absent; an empty text that is there has p != NULL.
 */
struct str {
	const char *p;
	size_t len;
};

/* A string literal, without its NUL. */
#define STR(literal) ((struct str){ "" literal, sizeof(literal) - 1 })
/* For printf("%.*s", STR_ARG(s)). */
#define STR_ARG(s) (int)(s).len, (s).p ? (s).p : ""

struct str str_from(const char *cstr); /* NULL gives the absent text */
bool str_eq(struct str a, struct str b);
bool str_ieq(struct str a, struct str b); /* ASCII case-insensitive */
bool str_has_prefix(struct str s, struct str prefix);
bool str_has_iprefix(struct str s, struct str prefix);
struct str str_slice(struct str s, size_t from, size_t to); /* clamped to s */
struct str str_before(struct str s, char c); /* up to the first c, or all of it */
struct str str_trim(struct str s); /* without blanks (space, HTAB, CR, LF) at both ends */
/*
 * The next item of a list separated by `sep`, trimmed; *rest moves behind it.
 * False at the end. Empty items are passed over.
 */
bool str_next_item(struct str *rest, char sep, struct str *ret);
/* Digits only, at least one; false where it is not, or does not fit. */
bool str_to_u64(struct str s, uint64_t *ret);
int str_hex_value(char c); /* 0 to 15, or -1 */
/* Bytes of the UTF-8 sequence that s begins with, 1 to 4; 0 where it is not valid or s is
 * empty. */
size_t str_utf8_len(struct str s);

#endif
