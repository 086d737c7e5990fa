/* str.c - borrowed text with a length. */
#include "base/str.h"

#include <string.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static unsigned char lower(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

struct str str_from(const char *cstr)
{
	return (struct str){ cstr, cstr ? strlen(cstr) : 0 };
}

bool str_eq(struct str a, struct str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

bool str_ieq(struct str a, struct str b)
{
	return a.len == b.len && str_has_iprefix(a, b);
}

bool str_has_prefix(struct str s, struct str prefix)
{
	return s.len >= prefix.len &&
	       (prefix.len == 0 || memcmp(s.p, prefix.p, prefix.len) == 0);
}

bool str_has_iprefix(struct str s, struct str prefix)
{
	if (s.len < prefix.len)
		return false;
	for (size_t i = 0; i < prefix.len; i++) {
		if (s.p[i] != prefix.p[i] && lower(s.p[i]) != lower(prefix.p[i]))
			return false;
	}
	return true;
}

struct str str_slice(struct str s, size_t from, size_t to)
{
	if (s.p == NULL)
		return s;
	if (to > s.len)
		to = s.len;
	if (from > to)
		from = to;
	return (struct str){ s.p + from, to - from };
}

struct str str_before(struct str s, char c)
{
	const char *at = s.len ? memchr(s.p, c, s.len) : NULL;

	return at ? str_slice(s, 0, (size_t)(at - s.p)) : s;
}

struct str str_trim(struct str s)
{
	while (s.len > 0 && is_blank(s.p[0])) {
		s.p++;
		s.len--;
	}
	while (s.len > 0 && is_blank(s.p[s.len - 1]))
		s.len--;
	return s;
}

bool str_next_item(struct str *rest, char sep, struct str *ret)
{
	while (rest->len > 0) {
		const char *cut = memchr(rest->p, sep, rest->len);
		size_t n = cut ? (size_t)(cut - rest->p) : rest->len;
		struct str item = str_trim(str_slice(*rest, 0, n));

		*rest = str_slice(*rest, cut ? n + 1 : n, rest->len);
		if (item.len > 0) {
			*ret = item;
			return true;
		}
	}
	return false;
}

bool str_to_u64(struct str s, uint64_t *ret)
{
	uint64_t v = 0;

	if (s.len == 0)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		unsigned digit = (unsigned)(unsigned char)s.p[i] - '0';

		if (digit > 9 || v > (UINT64_MAX - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	*ret = v;
	return true;
}

int str_hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The least and the greatest second byte behind a first one. */
static void second_byte(unsigned char first, unsigned char *low, unsigned char *high)
{
	*low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
	*high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
}

/*
 * The well-formed sequences of the Unicode Standard, table 3-7: the second
 * byte's range depends on the first, which keeps out overlong forms,
 * surrogates and what lies above U+10FFFF.
 */
size_t str_utf8_len(struct str s)
{
	const unsigned char *u = (const unsigned char *)s.p;
	unsigned char low, high;
	size_t n;

	if (s.len == 0)
		return 0;
	if (u[0] < 0x80)
		return 1;
	if (u[0] < 0xC2 || u[0] > 0xF4)
		return 0;
	n = u[0] < 0xE0 ? 2 : u[0] < 0xF0 ? 3 : 4;
	second_byte(u[0], &low, &high);
	if (s.len < n || u[1] < low || u[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++) {
		if ((u[i] & 0xC0) != 0x80)
			return 0;
	}
	return n;
}
