/* header.c - fields by their names, and texts as their values. */
#include "base/header.h"

struct str headers_get(struct headers h, struct str name)
{
	for (size_t i = 0; i < h.n; i++) {
		/* Lengths first: it spares most of the calls. */
		if (h.v[i].name.len == name.len && str_ieq(h.v[i].name, name))
			return h.v[i].value;
	}
	return (struct str){ NULL, 0 };
}

struct str header_safe(struct str text, struct arena *a)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t bad = 0;
	char *out, *to;

	for (size_t i = 0; i < text.len; i++)
		bad += (unsigned char)text.p[i] < 0x20 || (unsigned char)text.p[i] > 0x7e;
	if (!bad)
		return text;
	out = to = arena_bytes(a, text.len + 2 * bad);
	if (!out)
		return (struct str){ NULL, 0 };
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (c >= 0x20 && c <= 0x7e) {
			*to++ = (char)c;
			continue;
		}
		*to++ = '%';
		*to++ = hex[c >> 4];
		*to++ = hex[c & 15];
	}
	return (struct str){ out, (size_t)(to - out) };
}
