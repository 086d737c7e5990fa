/* letters.c - characters as recall sees them. */
#include "memory/letters.h"

#include <stdlib.h>

struct class_range {
	uint32_t first;
	enum letter is; /* up to the next row's first */
};

/* What is not told apart is a letter: of a script that nobody told us of. */
static const struct class_range classes[] = {
	{ 0, LETTER_NONE },
	{ '0', LETTER_DIGIT },
	{ '9' + 1, LETTER_NONE },
	{ 'A', LETTER_LATIN },
	{ 'Z' + 1, LETTER_NONE },
	{ 'a', LETTER_LATIN },
	{ 'z' + 1, LETTER_NONE },
	{ 0xaa, LETTER_LATIN }, /* the ordinals of Spanish, micro */
	{ 0xab, LETTER_NONE },
	{ 0xb5, LETTER_LATIN },
	{ 0xb6, LETTER_NONE },
	{ 0xba, LETTER_LATIN },
	{ 0xbb, LETTER_NONE },
	{ 0xc0, LETTER_LATIN },
	{ 0xd7, LETTER_NONE },
	{ 0xd8, LETTER_LATIN },
	{ 0xf7, LETTER_NONE },
	{ 0xf8, LETTER_LATIN },
	{ 0x300, LETTER_MARK },
	{ 0x370, LETTER_GREEK },
	{ 0x37e, LETTER_NONE }, /* the Greek question mark */
	{ 0x37f, LETTER_GREEK },
	{ 0x387, LETTER_NONE },
	{ 0x388, LETTER_GREEK },
	{ 0x400, LETTER_CYRILLIC },
	{ 0x530, LETTER_ARMENIAN },
	{ 0x55a, LETTER_NONE },
	{ 0x560, LETTER_ARMENIAN },
	{ 0x589, LETTER_NONE },
	{ 0x591, LETTER_MARK }, /* Hebrew points */
	{ 0x5be, LETTER_NONE },
	{ 0x5bf, LETTER_MARK },
	{ 0x5d0, LETTER_OTHER },
	{ 0x5f3, LETTER_NONE },
	{ 0x600, LETTER_NONE }, /* Arabic signs */
	{ 0x610, LETTER_MARK },
	{ 0x61b, LETTER_NONE },
	{ 0x620, LETTER_ARABIC },
	{ 0x640, LETTER_MARK }, /* the stroke that draws a word out */
	{ 0x641, LETTER_ARABIC },
	{ 0x64b, LETTER_MARK },
	{ 0x660, LETTER_DIGIT },
	{ 0x66a, LETTER_NONE },
	{ 0x66e, LETTER_ARABIC },
	{ 0x6d4, LETTER_NONE },
	{ 0x6d5, LETTER_ARABIC },
	{ 0x6d6, LETTER_MARK },
	{ 0x6e5, LETTER_ARABIC },
	{ 0x700, LETTER_OTHER },
	{ 0x750, LETTER_ARABIC },
	{ 0x780, LETTER_OTHER },
	{ 0x900, LETTER_DEVANAGARI },
	{ 0x964, LETTER_NONE }, /* danda */
	{ 0x966, LETTER_DEVANAGARI },
	{ 0x980, LETTER_OTHER },
	{ 0xb80, LETTER_TAMIL },
	{ 0xc00, LETTER_OTHER },
	{ 0xe00, LETTER_UNSPACED },
	{ 0xf00, LETTER_OTHER },
	{ 0x1000, LETTER_UNSPACED },
	{ 0x10a0, LETTER_OTHER }, /* Georgian */
	{ 0x1100, LETTER_HANGUL },
	{ 0x1200, LETTER_OTHER }, /* Ethiopic and others */
	{ 0x1361, LETTER_NONE },  /* Ethiopic's blank and full stop */
	{ 0x1369, LETTER_OTHER },
	{ 0x1780, LETTER_UNSPACED },
	{ 0x1800, LETTER_OTHER },
	{ 0x1e00, LETTER_LATIN },
	{ 0x1f00, LETTER_GREEK },
	{ 0x2000, LETTER_NONE }, /* punctuation, signs, arrows, dingbats */
	{ 0x2c00, LETTER_OTHER },
	{ 0x2c60, LETTER_LATIN },
	{ 0x2c80, LETTER_OTHER },
	{ 0x2de0, LETTER_CYRILLIC },
	{ 0x2e00, LETTER_NONE },
	{ 0x3005, LETTER_HAN },
	{ 0x3008, LETTER_NONE },
	{ 0x3041, LETTER_HIRAGANA },
	{ 0x3099, LETTER_MARK },
	{ 0x309d, LETTER_HIRAGANA },
	{ 0x30a0, LETTER_KATAKANA },
	{ 0x30fb, LETTER_NONE }, /* the dot between katakana words */
	{ 0x30fc, LETTER_KATAKANA },
	{ 0x3100, LETTER_OTHER },
	{ 0x3130, LETTER_HANGUL },
	{ 0x3190, LETTER_NONE },
	{ 0x31f0, LETTER_KATAKANA },
	{ 0x3200, LETTER_NONE },
	{ 0x3400, LETTER_HAN },
	{ 0x4dc0, LETTER_NONE },
	{ 0x4e00, LETTER_HAN },
	{ 0xa000, LETTER_OTHER },
	{ 0xac00, LETTER_HANGUL },
	{ 0xd800, LETTER_OTHER },
	{ 0xe000, LETTER_NONE }, /* private use */
	{ 0xf900, LETTER_HAN },
	{ 0xfb00, LETTER_LATIN },
	{ 0xfb13, LETTER_OTHER },
	{ 0xfb50, LETTER_ARABIC },
	{ 0xfe00, LETTER_MARK }, /* how the character before is to look */
	{ 0xfe10, LETTER_NONE },
	{ 0xfe20, LETTER_MARK },
	{ 0xfe30, LETTER_NONE },
	{ 0xfe70, LETTER_ARABIC },
	{ 0xfeff, LETTER_NONE }, /* among them the full-width signs */
	{ 0xff66, LETTER_KATAKANA },
	{ 0xffa0, LETTER_HANGUL },
	{ 0xffe0, LETTER_NONE },
	{ 0x10000, LETTER_OTHER },
	{ 0x1d000, LETTER_NONE }, /* music, mathematics */
	{ 0x1e000, LETTER_OTHER },
	{ 0x1f000, LETTER_NONE }, /* emoji */
	{ 0x20000, LETTER_HAN },
	{ 0x32000, LETTER_NONE },
};

/* first, first + step … last become lower case by adding. */
struct case_range {
	uint32_t first, last;
	unsigned step;
	int add;
};

static const struct case_range cases[] = {
	{ 0xc0, 0xd6, 1, 32 },
	{ 0xd8, 0xde, 1, 32 },
	{ 0x100, 0x12e, 2, 1 },
	{ 0x130, 0x130, 1, 'i' - 0x130 }, /* Turkish: the dotted capital */
	{ 0x132, 0x136, 2, 1 },
	{ 0x139, 0x147, 2, 1 },
	{ 0x14a, 0x176, 2, 1 },
	{ 0x178, 0x178, 1, -121 },
	{ 0x179, 0x17d, 2, 1 },
	{ 0x1a0, 0x1a4, 2, 1 },
	{ 0x1af, 0x1af, 1, 1 },
	{ 0x1cd, 0x1db, 2, 1 },
	{ 0x1de, 0x1ee, 2, 1 },
	{ 0x1f8, 0x21e, 2, 1 },
	{ 0x222, 0x232, 2, 1 },
	{ 0x386, 0x386, 1, 38 },
	{ 0x388, 0x38a, 1, 37 },
	{ 0x38c, 0x38c, 1, 64 },
	{ 0x38e, 0x38f, 1, 63 },
	{ 0x391, 0x3a1, 1, 32 },
	{ 0x3a3, 0x3ab, 1, 32 },
	{ 0x3c2, 0x3c2, 1, 1 }, /* the sigma at a word's end */
	{ 0x400, 0x40f, 1, 80 },
	{ 0x410, 0x42f, 1, 32 },
	{ 0x460, 0x480, 2, 1 },
	{ 0x48a, 0x4be, 2, 1 },
	{ 0x4c1, 0x4cd, 2, 1 },
	{ 0x4d0, 0x52e, 2, 1 },
	{ 0x531, 0x556, 1, 48 },
	{ 0x10a0, 0x10c5, 1, 7264 },
	{ 0x1e00, 0x1e94, 2, 1 },
	{ 0x1e9e, 0x1e9e, 1, -7615 },
	{ 0x1ea0, 0x1efe, 2, 1 },
};

/* Letters without their accents, from Unicode's decompositions: U+00DF to U+017F. */
static const char latin[][3] = {
	"ss", "a",  "a", "a", "a", "a", "a", "ae", "c",  "e",  "e",  "e",  "e", "i", "i",
	"i",  "i",  "d", "n", "o", "o", "o", "o",  "o",  "",   "o",  "u",  "u", "u", "u",
	"y",  "th", "y", "a", "a", "a", "a", "a",  "a",  "c",  "c",  "c",  "c", "c", "c",
	"c",  "c",  "d", "d", "d", "d", "e", "e",  "e",  "e",  "e",  "e",  "e", "e", "e",
	"e",  "g",  "g", "g", "g", "g", "g", "g",  "g",  "h",  "h",  "h",  "h", "i", "i",
	"i",  "i",  "i", "i", "i", "i", "i", "i",  "ij", "ij", "j",  "j",  "k", "k", "k",
	"l",  "l",  "l", "l", "l", "l", "l", "l",  "l",  "l",  "n",  "n",  "n", "n", "n",
	"n",  "n",  "n", "n", "o", "o", "o", "o",  "o",  "o",  "oe", "oe", "r", "r", "r",
	"r",  "r",  "r", "s", "s", "s", "s", "s",  "s",  "s",  "s",  "t",  "t", "t", "t",
	"t",  "t",  "u", "u", "u", "u", "u", "u",  "u",  "u",  "u",  "u",  "u", "u", "w",
	"w",  "y",  "y", "y", "z", "z", "z", "z",  "z",  "z",  "s",
};

/* U+1E00 to U+1EFF. */
static const char latin_more[][3] = {
	"a", "a", "b", "b", "b", "b", "b", "b", "c", "c", "d", "d", "d", "d", "d",  "d",
	"d", "d", "d", "d", "e", "e", "e", "e", "e", "e", "e", "e", "e", "e", "f",  "f",
	"g", "g", "h", "h", "h", "h", "h", "h", "h", "h", "h", "h", "i", "i", "i",  "i",
	"k", "k", "k", "k", "k", "k", "l", "l", "l", "l", "l", "l", "l", "l", "m",  "m",
	"m", "m", "m", "m", "n", "n", "n", "n", "n", "n", "n", "n", "o", "o", "o",  "o",
	"o", "o", "o", "o", "p", "p", "p", "p", "r", "r", "r", "r", "r", "r", "r",  "r",
	"s", "s", "s", "s", "s", "s", "s", "s", "s", "s", "t", "t", "t", "t", "t",  "t",
	"t", "t", "u", "u", "u", "u", "u", "u", "u", "u", "u", "u", "v", "v", "v",  "v",
	"w", "w", "w", "w", "w", "w", "w", "w", "w", "w", "x", "x", "x", "x", "y",  "y",
	"z", "z", "z", "z", "z", "z", "h", "t", "w", "y", "",  "",  "",  "",  "ss", "",
	"a", "a", "a", "a", "a", "a", "a", "a", "a", "a", "a", "a", "a", "a", "a",  "a",
	"a", "a", "a", "a", "a", "a", "a", "a", "e", "e", "e", "e", "e", "e", "e",  "e",
	"e", "e", "e", "e", "e", "e", "e", "e", "i", "i", "i", "i", "o", "o", "o",  "o",
	"o", "o", "o", "o", "o", "o", "o", "o", "o", "o", "o", "o", "o", "o", "o",  "o",
	"o", "o", "o", "o", "u", "u", "u", "u", "u", "u", "u", "u", "u", "u", "u",  "u",
	"u", "u", "y", "y", "y", "y", "y", "y", "y", "y", "",  "",  "",  "",  "",   "",
};

static int compare_class(const void *key, const void *item)
{
	const uint32_t *c = key;
	const struct class_range *r = item, *end = classes + sizeof(classes) / sizeof(*r);

	if (*c < r->first)
		return -1;
	return r + 1 < end && *c >= r[1].first;
}

static enum letter class_of(uint32_t c)
{
	const struct class_range *r = bsearch(&c, classes, sizeof(classes) / sizeof(*r),
					      sizeof(*r), compare_class);

	return r->is;
}

static int compare_case(const void *key, const void *item)
{
	const uint32_t *c = key;
	const struct case_range *r = item;

	return *c < r->first ? -1 : *c > r->last;
}

static uint32_t lower_case(uint32_t c)
{
	const struct case_range *r =
		bsearch(&c, cases, sizeof(cases) / sizeof(*r), sizeof(*r), compare_case);

	return r && (c - r->first) % r->step == 0 ? (uint32_t)((int)c + r->add) : c;
}

/* From a sequence that is valid. */
static uint32_t decode(const unsigned char *p, size_t n)
{
	uint32_t c = n == 1 ? p[0] : p[0] & (0xffU >> (n + 1));

	for (size_t i = 1; i < n; i++)
		c = c << 6 | (p[i] & 0x3fU);
	return c;
}

static enum letter ascii(unsigned char c, uint32_t *ret)
{
	unsigned char lower = c | 0x20;

	*ret = c;
	if (c >= '0' && c <= '9')
		return LETTER_DIGIT;
	if (lower < 'a' || lower > 'z')
		return LETTER_NONE;
	*ret = lower;
	return LETTER_LATIN;
}

enum letter letter_next(struct str text, size_t *at, uint32_t *ret)
{
	const unsigned char *p = (const unsigned char *)text.p + *at;
	size_t n;
	uint32_t c;

	if (*p < 0x80) {
		(*at)++;
		return ascii(*p, ret);
	}
	n = str_utf8_len(str_slice(text, *at, text.len));
	*at += n ? n : 1;
	*ret = 0;
	if (!n)
		return LETTER_NONE;
	c = decode(p, n);
	if (c >= 0xff01 && c <= 0xff5e)
		return ascii((unsigned char)(c - 0xff00 + 0x20), ret);
	*ret = lower_case(c);
	return class_of(*ret);
}

const char *letter_base(uint32_t c)
{
	const char *base = NULL;

	if (c >= 0xdf && c < 0xdf + sizeof(latin) / sizeof(*latin))
		base = latin[c - 0xdf];
	else if (c >= 0x1e00 && c < 0x1e00 + sizeof(latin_more) / sizeof(*latin_more))
		base = latin_more[c - 0x1e00];
	return base && *base ? base : NULL;
}

size_t letter_put(uint32_t c, char ret[4])
{
	static const unsigned char lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	for (size_t i = n; i > 1; i--, c >>= 6)
		ret[i - 1] = (char)(0x80 | (c & 0x3f));
	ret[0] = (char)(lead[n] | c);
	return n;
}
