/* uri.c - the parts of a URL, decoded. */
#include "net/uri.h"

#include "base/arena.h"

#include <errno.h>
#include <string.h>

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_scheme(struct str s)
{
	if (s.len == 0 || !is_alpha(s.p[0]))
		return false;
	for (size_t i = 1; i < s.len; i++)
		if (!is_alpha(s.p[i]) && (s.p[i] < '0' || s.p[i] > '9') &&
		    (s.p[i] == '\0' || strchr("+-.", s.p[i]) == NULL))
			return false;
	return true;
}

/* The byte that s begins with, decoded, and how long it is written; 0: none. */
static size_t decode_byte(struct str s, unsigned char *ret)
{
	int hi, lo;

	*ret = (unsigned char)s.p[0];
	if (s.p[0] != '%')
		return *ret > ' ' && *ret != 0x7f && *ret != '#' ? 1 : 0;
	if (s.len < 3)
		return 0;
	hi = str_hex_value(s.p[1]);
	lo = str_hex_value(s.p[2]);
	if (hi < 0 || lo < 0 || (hi == 0 && lo == 0))
		return 0;
	*ret = (unsigned char)(hi << 4 | lo);
	return 3;
}

static int decode(struct arena *mem, struct str s, struct str *ret)
{
	char *out = arena_bytes(mem, s.len + 1);
	size_t len = 0;

	if (out == NULL)
		return -ENOMEM;
	while (s.len > 0) {
		unsigned char c;
		size_t n = decode_byte(s, &c);

		if (n == 0)
			return -EINVAL;
		out[len++] = (char)c;
		s = str_slice(s, n, s.len);
	}
	out[len] = '\0';
	*ret = (struct str){ out, len };
	return 0;
}

/* Up to the first of `ends`, which *rest then begins with. */
static struct str take_until(struct str *rest, const char *ends)
{
	struct str s = *rest;
	size_t n = 0;

	while (n < s.len && (s.p[n] == '\0' || strchr(ends, s.p[n]) == NULL))
		n++;
	*rest = str_slice(s, n, s.len);
	return str_slice(s, 0, n);
}

static int parse_user(struct arena *mem, struct str info, struct uri *u)
{
	struct str user = str_before(info, ':');
	int rc = decode(mem, user, &u->user);

	if (rc == 0 && user.len < info.len)
		rc = decode(mem, str_slice(info, user.len + 1, info.len), &u->password);
	return rc;
}

/* At "", or the colon behind a host. */
static int parse_port(struct str text, struct uri *u)
{
	uint64_t port;

	if (text.len == 0)
		return 0;
	if (text.p[0] != ':' || !str_to_u64(str_slice(text, 1, text.len), &port) ||
	    port == 0 || port > 65535)
		return -EINVAL;
	u->port = (unsigned)port;
	return 0;
}

static int parse_host(struct arena *mem, struct str text, struct uri *u)
{
	struct str host, port;
	int rc;

	if (str_has_prefix(text, STR("["))) {
		host = str_before(str_slice(text, 1, text.len), ']');
		if (host.len + 2 > text.len)
			return -EINVAL;
		port = str_slice(text, host.len + 2, text.len);
	} else {
		host = str_before(text, ':');
		port = str_slice(text, host.len, text.len);
	}
	rc = decode(mem, host, &u->host);
	return rc < 0 ? rc : parse_port(port, u);
}

/* The last '@' ends the user's part: some write a password with one in it. */
static int parse_authority(struct arena *mem, struct str text, struct uri *u)
{
	const char *at = text.len > 0 ? memrchr(text.p, '@', text.len) : NULL;
	size_t n = at ? (size_t)(at - text.p) : 0;
	int rc = at ? parse_user(mem, str_slice(text, 0, n), u) : 0;

	return rc < 0 ? rc
		      : parse_host(mem, str_slice(text, at ? n + 1 : 0, text.len), u);
}

/* Kept as it is, for a decoded '&' divides nothing; but it can be decoded. */
static int take_query(struct arena *mem, struct str text, struct uri *u)
{
	struct str query = str_slice(text, 1, text.len), decoded;
	int rc = text.p[0] == '?' ? decode(mem, query, &decoded) : -EINVAL;

	if (rc < 0)
		return rc;
	u->query = arena_str(mem, query);
	return u->query.p ? 0 : -ENOMEM;
}

int uri_parse(struct arena *mem, struct str text, struct uri *ret)
{
	struct uri u = { .host = { NULL, 0 } };
	struct str rest = text, authority, path;
	int rc;

	u.scheme = arena_str(mem, take_until(&rest, ":/?#"));
	if (u.scheme.p == NULL)
		return text.len > 0 ? -ENOMEM : -EINVAL;
	if (!is_scheme(u.scheme) || !str_has_prefix(rest, STR("://")))
		return -EINVAL;
	rest = str_slice(rest, 3, rest.len);
	authority = take_until(&rest, "/?#");
	path = take_until(&rest, "?#");
	rc = parse_authority(mem, authority, &u);
	if (rc == 0)
		rc = decode(mem, path, &u.path);
	if (rc == 0 && rest.len > 0)
		rc = take_query(mem, rest, &u);
	if (rc == 0)
		*ret = u;
	return rc;
}

int uri_next_param(struct arena *mem, struct str *rest, struct str *name,
		   struct str *value)
{
	struct str item, key;
	int rc;

	if (!str_next_item(rest, '&', &item))
		return 0;
	key = str_before(item, '=');
	rc = decode(mem, key, name);
	if (rc == 0)
		rc = decode(mem, str_slice(item, key.len + 1, item.len), value);
	return rc < 0 ? rc : 1;
}
