/* api_path.c - a target's path and query, as the memory API reads them. */
#include "proxy/api_path.h"

#include "router/id.h"

#include <errno.h>

static bool is_utf8(struct str s)
{
	size_t n;

	for (; s.len > 0; s = str_slice(s, n, s.len)) {
		n = str_utf8_len(s);
		if (n == 0)
			return false;
	}
	return true;
}

/* "%41…" gives 'A'; -1: no such octet (RFC 3986 section 2.1). */
static int octet(struct str s)
{
	int high = s.len >= 3 ? str_hex_value(s.p[1]) : -1;
	int low = s.len >= 3 ? str_hex_value(s.p[2]) : -1;

	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

static int decode(struct str s, bool plus_is_blank, struct arena *a, struct str *ret)
{
	char *to = arena_bytes(a, s.len + 1);
	struct str text = { to, 0 };

	if (!to)
		return -ENOMEM;
	for (size_t i = 0; i < s.len; i++) {
		int c = (unsigned char)s.p[i];

		if (c == '%') {
			c = octet(str_slice(s, i, s.len));
			i += 2;
		} else if (c == '+' && plus_is_blank) {
			c = ' ';
		}
		if (c < 0)
			return -EINVAL;
		to[text.len++] = (char)c;
	}
	if (!is_utf8(text))
		return -EINVAL;
	*ret = text;
	return 0;
}

/* The first segment of a path without its slash; *rest moves behind it. */
static struct str next_segment(struct str *rest)
{
	struct str s = str_before(str_slice(*rest, 1, rest->len), '/');

	*rest = str_slice(*rest, 1 + s.len, rest->len);
	return s;
}

enum path_match api_path_match(const char *pattern, struct str path, struct arena *a,
			       struct str ret[API_PARAMS_MAX])
{
	struct str wanted = str_from(pattern), raw[API_PARAMS_MAX];
	size_t n = 0;

	while (wanted.len > 0 && path.len > 0) {
		struct str want = next_segment(&wanted), is = next_segment(&path);

		if (want.len > 0 && want.p[0] == '{' && is.len > 0)
			raw[n++] = is;
		else if (!str_eq(want, is))
			return PATH_OTHER;
	}
	if (wanted.len > 0 || path.len > 0)
		return PATH_OTHER;
	for (size_t i = 0; i < n; i++)
		if (decode(raw[i], false, a, &ret[i]) < 0 || !id_is_usable(ret[i]))
			return PATH_BAD;
	return PATH_MATCHES;
}

int api_query_get(struct str query, struct str name, struct arena *a, struct str *ret)
{
	while (query.len > 0) {
		struct str pair = str_before(query, '&'), key = str_before(pair, '=');

		if (str_eq(key, name))
			return decode(str_slice(pair, key.len + 1, pair.len), true, a,
				      ret);
		query = str_slice(query, pair.len + 1, query.len);
	}
	*ret = (struct str){ NULL, 0 };
	return 0;
}
