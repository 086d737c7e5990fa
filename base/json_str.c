/* json_str.c - what the strings found in a JSON text mean. */
#include "base/buf.h"
#include "base/json_scan.h"

#include <string.h>

static size_t put_utf8(unsigned code, char to[4])
{
	if (code < 0x80) {
		to[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		to[0] = (char)(0xC0 | code >> 6);
		to[1] = (char)(0x80 | (code & 0x3F));
		return 2;
	}
	if (code < 0x10000) {
		to[0] = (char)(0xE0 | code >> 12);
		to[1] = (char)(0x80 | (code >> 6 & 0x3F));
		to[2] = (char)(0x80 | (code & 0x3F));
		return 3;
	}
	to[0] = (char)(0xF0 | code >> 18);
	to[1] = (char)(0x80 | (code >> 12 & 0x3F));
	to[2] = (char)(0x80 | (code >> 6 & 0x3F));
	to[3] = (char)(0x80 | (code & 0x3F));
	return 4;
}

static unsigned hex4(const char *p)
{
	unsigned v = 0;

	for (int i = 0; i < 4; i++)
		v = v << 4 | (unsigned)str_hex_value(p[i]);
	return v;
}

/* \u and four digits at *p, a surrogate pair taken together; a lone half means U+FFFD. */
static unsigned read_code(const char **p, const char *end)
{
	unsigned code = hex4(*p + 2), low;

	*p += 6;
	if (code < 0xD800 || code > 0xDFFF)
		return code;
	if (code < 0xDC00 && end - *p >= 6 && (*p)[0] == '\\' && (*p)[1] == 'u') {
		low = hex4(*p + 2);
		if (low >= 0xDC00 && low <= 0xDFFF) {
			*p += 6;
			return 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
		}
	}
	return 0xFFFD;
}

/* The meaning of the escape at *p (valid), as UTF-8; *p moves behind it. */
static size_t read_escape(const char **p, const char *end, char to[4])
{
	static const char letters[] = "bfnrt", meanings[] = "\b\f\n\r\t";
	char c = (*p)[1];
	const char *letter;

	if (c == 'u')
		return put_utf8(read_code(p, end), to);
	letter = strchr(letters, c);
	to[0] = letter ? meanings[letter - letters] : c;
	*p += 2;
	return 1;
}

static struct str inside(struct str raw)
{
	return raw.len < 2 ? STR("") : str_slice(raw, 1, raw.len - 1);
}

bool json_str_is(struct str raw, struct str text)
{
	struct str s = inside(raw);
	const char *p = s.p, *end = s.p + s.len;

	if (s.len < text.len)
		return false;
	if (memchr(s.p, '\\', s.len) == NULL)
		return str_eq(s, text);
	while (p < end) {
		char c[4];
		size_t n = 1;

		if (*p == '\\')
			n = read_escape(&p, end, c);
		else
			c[0] = *p++;
		if (!str_has_prefix(text, (struct str){ c, n }))
			return false;
		text = str_slice(text, n, text.len);
	}
	return text.len == 0;
}

/* Whether any of eight bytes is a backslash or not ASCII (S. E. Anderson, Bit
 * Twiddling Hacks, "Determine if a word has a zero byte"). */
static bool any_special(const char *p)
{
	const uint64_t ones = 0x0101010101010101, highs = 0x8080808080808080;
	uint64_t word, to_zero;

	memcpy(&word, p, sizeof(word));
	to_zero = word ^ ones * '\\';
	return ((to_zero - ones) & ~to_zero & highs) != 0 || (word & highs) != 0;
}

/* Behind what can be copied as it is: valid UTF-8 without escapes. */
static const char *plain_run(const char *p, const char *end)
{
	while (p < end && *p != '\\') {
		size_t n;

		if (end - p >= 8 && !any_special(p)) {
			p += 8;
			continue;
		}
		n = str_utf8_len((struct str){ p, (size_t)(end - p) });

		if (n == 0)
			break;
		p += n;
	}
	return p;
}

int json_str_decode(struct str raw, struct buf *to)
{
	struct str s = inside(raw);
	const char *p = s.p, *end = s.p + s.len;
	size_t before = to->len;
	int err = 0;

	while (!err && p < end) {
		const char *run = p;
		char c[4] = "\xEF\xBF\xBD"; /* U+FFFD, one for each invalid byte */
		size_t n = 3;

		p = plain_run(p, end);
		err = buf_add(to, run, (size_t)(p - run));
		if (err || p == end)
			break;
		if (*p == '\\')
			n = read_escape(&p, end, c);
		else
			p++;
		err = buf_add(to, c, n);
	}
	if (err)
		buf_cut(to, before);
	return err;
}
