/* config_texts.c - how values are written: texts of several forms. */
#include "config/config_load.h"

#include <errno.h>
#include <string.h>

/*
 * Characters that end a line or are none: C0 and C1 controls, U+2028, U+2029,
 * U+FEFF, U+FFFE, U+FFFF. YAML cannot hold them as they are (1.1, 5.1 and 5.4),
 * and in a header or a log line they would be a way to forge another.
 */
static bool is_plain_at(struct str s, size_t i)
{
	const unsigned char *p = (const unsigned char *)s.p + i;
	size_t left = s.len - i;

	if (p[0] < 0x20 || p[0] == 0x7f)
		return false;
	if (p[0] == 0xc2 && left > 1)
		return p[1] >= 0xa0;
	if (p[0] == 0xe2 && left > 2)
		return p[1] != 0x80 || (p[2] != 0xa8 && p[2] != 0xa9);
	if (p[0] == 0xef && left > 2)
		return !(p[1] == 0xbb && p[2] == 0xbf) && !(p[1] == 0xbf && p[2] >= 0xbe);
	return true;
}

bool config_is_plain_text(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!is_plain_at(s, i))
			return false;
	return true;
}

static bool has_only(struct str s, const char *others)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.p[i];

		if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') &&
		    !(c >= 'A' && c <= 'Z') && (c == '\0' || !strchr(others, c)))
			return false;
	}
	return s.len > 0;
}

bool config_is_header_name(struct str s)
{
	return has_only(s, "!#$%&'*+-.^_`|~");
}

/* "%": an IPv6 zone. */
static bool is_host(struct str s)
{
	return has_only(s, ".:-_%");
}

/* host, host:port or [v6]:port. */
static bool is_authority(struct str s)
{
	const char *end = s.len && s.p[0] == '[' ? memchr(s.p, ']', s.len) : s.p;
	const char *colon;
	struct str host = s;
	uint64_t port = 1;

	if (end == NULL || s.len == 0)
		return false;
	colon = memchr(end, ':', s.len - (size_t)(end - s.p));
	if (colon != NULL) {
		host = str_slice(s, 0, (size_t)(colon - s.p));
		if (!str_to_u64(str_slice(s, host.len + 1, s.len), &port))
			return false;
	}
	if (end != s.p && host.p + host.len != end + 1)
		return false;
	return has_only(host, end == s.p ? ".-_" : "[]:.%") && port >= 1 && port <= 65535;
}

static bool is_url(struct str s)
{
	size_t scheme = str_has_iprefix(s, STR("http://"))    ? 7
			: str_has_iprefix(s, STR("https://")) ? 8
							      : 0;
	struct str rest = str_slice(s, scheme, s.len);
	const char *slash = memchr(rest.p, '/', rest.len);
	struct str authority =
		slash ? str_slice(rest, 0, (size_t)(slash - rest.p)) : rest;

	return scheme > 0 && is_authority(authority) &&
	       has_only(rest, "[]-._~:/!$&'()*+,;=%");
}

/* Whether there is such a store, the store says; this is about the form. */
static bool is_store_url(struct str s)
{
	const char *colon = s.len ? memchr(s.p, ':', s.len) : NULL;
	struct str scheme = str_slice(s, 0, colon ? (size_t)(colon - s.p) : 0);

	return has_only(scheme, "+") &&
	       (scheme.len + 1 < s.len || str_eq(s, STR("memory:")));
}

/* Empty is "not set", where a key may be so. */
static int parse_text(const struct config_key *key, struct str s, struct arena *a,
		      void *member)
{
	struct str kept;

	if (!config_is_plain_text(s) || (s.len == 0 && key->def != NULL))
		return -EINVAL;
	if (s.len > 0 && key->type->check != NULL && !key->type->check(s))
		return -EINVAL;
	kept = arena_str(a, s);
	if (kept.p == NULL)
		return -ENOMEM;
	*(const char **)member = s.len > 0 ? kept.p : NULL;
	return 0;
}

/* A path is put before every target, so it ends without its slash. */
static int parse_url(const struct config_key *key, struct str s, struct arena *a,
		     void *member)
{
	while (s.len > 0 && s.p[s.len - 1] == '/')
		s.len--;
	return parse_text(key, s, a, member);
}

static void expect_text(const struct config_key *key, struct buf *to)
{
	buf_add_str(to, str_from(key->type->text_expected));
}

static void format_text(const struct config_key *key, const void *member, struct buf *to)
{
	const char *s = *(const char *const *)member;

	(void)key;
	if (s == NULL) {
		buf_add_str(to, STR("null"));
		return;
	}
	buf_add_char(to, '"');
	buf_add_json(to, str_from(s));
	buf_add_char(to, '"');
}

#define TEXT(fn, test, what)                                                        \
	{                                                                           \
		.read = config_read_scalar, .parse = (fn), .expected = expect_text, \
		.format = format_text, .check = (test), .text_expected = (what)     \
	}

const struct config_type config_text = TEXT(parse_text, NULL, "a line of text");
const struct config_type config_host =
	TEXT(parse_text, is_host, "a host name or an IP address");
const struct config_type config_url =
	TEXT(parse_url, is_url, "a URL such as http://127.0.0.1:8765");
const struct config_type config_store_url = TEXT(
	parse_text, is_store_url, "a store such as sqlite:data/memory.db or memory:");
const struct config_type config_header_name =
	TEXT(parse_text, config_is_header_name, "the name of a header");
