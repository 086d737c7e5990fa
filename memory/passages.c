/* passages.c - a long text as passages, each indexed and shown by itself. */
#include "memory/passages.h"

#include <string.h>

struct passages passages_of(struct str text)
{
	size_t least = text.len / (PASSAGES_MAX / 2);

	return (struct passages){
		.text = text,
		.size = least > PASSAGE_BYTES ? least : PASSAGE_BYTES,
	};
}

static bool ends_paragraph(struct str s, size_t at)
{
	return s.p[at - 1] == '\n' && s.p[at - 2] == '\n';
}

static bool ends_line(struct str s, size_t at)
{
	return s.p[at - 1] == '\n';
}

/* U+3002 and the full-width marks are E3 80 82 and EF BC 81 and 9F. */
static bool ends_sentence(struct str s, size_t at)
{
	char last = s.p[at - 2];

	if (s.p[at - 1] == ' ')
		return last == '.' || last == '!' || last == '?';
	return at > 2 && (memcmp(s.p + at - 3, "\xe3\x80\x82", 3) == 0 ||
			  memcmp(s.p + at - 3, "\xef\xbc\x81", 3) == 0 ||
			  memcmp(s.p + at - 3, "\xef\xbc\x9f", 3) == 0);
}

static bool ends_word(struct str s, size_t at)
{
	return s.p[at - 1] == ' ' || s.p[at - 1] == '\t';
}

static bool ends_character(struct str s, size_t at)
{
	return ((unsigned char)s.p[at] & 0xc0) != 0x80;
}

/* Where in the second half of `max` bytes the passage had best end; s is longer. */
static size_t find_end(struct str s, size_t max)
{
	static bool (*const ends[])(struct str s, size_t at) = {
		ends_paragraph, ends_line, ends_sentence, ends_word, ends_character,
	};

	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		for (size_t at = max; at > max / 2; at--) {
			if (ends[i](s, at))
				return at;
		}
	}
	return max;
}

bool passages_next(struct passages *p, struct str *ret)
{
	struct str rest = str_slice(p->text, p->at, p->text.len);
	size_t whole = p->size + (PASSAGE_WHOLE - PASSAGE_BYTES);
	size_t n = rest.len <= whole ? rest.len : find_end(rest, p->size);

	if (rest.len == 0)
		return false;
	*ret = str_slice(rest, 0, n);
	p->at += n;
	return true;
}

size_t passages_count(struct str text)
{
	struct passages p = passages_of(text);
	struct str passage;
	size_t n = 0;

	while (passages_next(&p, &passage))
		n++;
	return n;
}

struct str passages_get(struct str text, size_t number)
{
	struct passages p = passages_of(text);
	struct str passage;

	while (passages_next(&p, &passage)) {
		if (number-- == 0)
			return passage;
	}
	return (struct str){ NULL, 0 };
}
