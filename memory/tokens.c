/*
 * tokens.c - estimates tokens by classes of characters.
 *
 * Byte-pair tokenizers give common English words a token of their own, cut other words
 * into pieces of three letters or less, digits in threes, and swallow the blank in
 * front of a word. bytes/4 is 26 % under on JSON, words are useless on code.
 *
 * What language a word is of, its line tells: English has its small words, code its
 * signs. Other
 * scripts cost by the character, as much as with cl100k: o200k has more of them in its
 * vocabulary and needs a half to two thirds of that.
 */
#include "memory/tokens.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* In hundredths of a token. */
enum {
	ONE = 100,
	/* English: a word of so many letters is less than one, since "I'm" and the like
	 * are two for three; of a longer one each five more are another. */
	ENGLISH = 92,
	ENGLISH_LETTERS = 7,
	ENGLISH_BEYOND = 20,
	WESTERN_LETTER = 30,   /* in lines with small words of German, French … */
	FOREIGN_LETTER = 37,   /* in others, */
	ACCENT = 85,           /* and so much more where it is not one of ASCII */
	NOISE_CHARACTER = 72,  /* base64, keys */
	NOISE_LETTERS = 8,     /* fewer are no noise */
	WORD_LETTERS_MAX = 24, /* more are no word */
	DIGITS = 3,
	DIGITS_COST = 103,
	PUNCTUATION = 85, /* often taken together: "):" */
	MARGIN = 110,     /* per cent of the sum */
	/* One word in so many, at least, is a small one of English. */
	SMALL_SHARE = 8,
	SMALL_WORD_MAX = 5, /* letters */
};

/* A character beyond ASCII and the accents of Latin letters. */
struct cost_range {
	uint32_t first;
	unsigned cost; /* up to the next row's first */
};

static const struct cost_range costs[] = {
	{ 0x80, 100 },   { 0x250, 200 },   { 0x370, 98 },    { 0x400, 68 },
	{ 0x530, 215 },  { 0x590, 122 },   { 0x600, 88 },    { 0x700, 215 },
	{ 0x900, 126 },  { 0x980, 200 },   { 0xe00, 96 },    { 0xe80, 280 },
	{ 0x1e00, 150 }, { 0x1f00, 250 },  { 0x2000, 100 },  { 0x2030, 200 },
	{ 0x3000, 100 }, { 0x3040, 105 },  { 0x3100, 250 },  { 0x3400, 152 },
	{ 0xa000, 280 }, { 0xac00, 130 },  { 0xd7b0, 280 },  { 0xff00, 130 },
	{ 0xff66, 250 }, { 0x10000, 370 }, { 0x1f000, 265 }, { 0x1fb00, 370 },
};

static size_t character_cost(uint32_t c)
{
	size_t i = sizeof(costs) / sizeof(*costs) - 1;

	while (costs[i].first > c)
		i--;
	return costs[i].cost;
}

static bool is_upper(unsigned char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool is_lower(unsigned char c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alnum(unsigned char c)
{
	return is_lower(c) || is_upper(c) || is_digit(c);
}

/* Small words that are frequent and of English alone; by length, joined. */
static const char *const english_words[SMALL_WORD_MAX + 1] = {
	[2] = "toofitismybewe",
	[3] = "theandyouforarehowcannotbutwas",
	[4] = "thatwithhavethiswhatyourbeentheyfromjust",
	[5] = "aboutwouldthere",
};

/* The same of German, French, Spanish, Italian and Portuguese together. */
static const char *const western_words[SMALL_WORD_MAX + 1] = {
	[2] = "jezuesimladuleetunaumiduiloselyoasse",
	[3] = "derdiedasundistichmiteinlesdesestunequelosporpardelconcheperuma",
	[4] = "eineauchpourdansparacomosonowird",
	[5] = "nicht",
};

static bool is_among(const char *const *words, const char *p, size_t n)
{
	const char *w = n >= 2 && n <= SMALL_WORD_MAX ? words[n] : NULL;
	char first = (char)(p[0] | 0x20);

	for (; w && *w; w += n) {
		if (*w == first && memcmp(w + 1, p + 1, n - 1) == 0)
			return true;
	}
	return false;
}

/* One line: what its words cost, if they are English and if they are not. */
struct line {
	size_t rest, english, western, foreign;
	size_t words, small, small_western, signs;
};

static bool is_of(const struct line *l, size_t small)
{
	return small && small * SMALL_SHARE >= l->words;
}

static size_t line_cost(const struct line *l)
{
	/* Code is of English words, and has more signs than words. */
	if (l->signs >= l->words || is_of(l, l->small))
		return l->rest + l->english;
	return l->rest + (is_of(l, l->small_western) ? l->western : l->foreign);
}

static size_t larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

static void add_letters(struct line *l, const char *p, size_t n)
{
	size_t beyond = n > ENGLISH_LETTERS ? n - ENGLISH_LETTERS : 0;

	l->words++;
	l->small += is_among(english_words, p, n);
	l->small_western += is_among(western_words, p, n);
	if (n > WORD_LETTERS_MAX) {
		l->rest += n * NOISE_CHARACTER;
		return;
	}
	l->english += ENGLISH + beyond * ENGLISH_BEYOND;
	l->western += larger(ONE, n * WESTERN_LETTER);
	l->foreign += larger(ONE, n * FOREIGN_LETTER);
}

/* Letters and digits whose class changes at nearly every other step: encoded data. */
static bool is_noise(const unsigned char *p, size_t n)
{
	size_t changes = 0;

	if (n < NOISE_LETTERS)
		return false;
	for (size_t i = 1; i < n; i++)
		changes += is_digit(p[i]) != is_digit(p[i - 1]) ||
			   is_upper(p[i]) != is_upper(p[i - 1]);
	return changes * 5 > n * 2;
}

static size_t run(const unsigned char *p, size_t left, bool (*is)(unsigned char c))
{
	size_t n = 1;

	while (n < left && is(p[n]))
		n++;
	return n;
}

static bool is_letter(unsigned char c)
{
	return is_lower(c) || is_upper(c);
}

/* A run of letters and digits. */
static void add_alnum(struct line *l, const unsigned char *p, size_t n)
{
	if (is_noise(p, n)) {
		l->rest += n * NOISE_CHARACTER;
		return;
	}
	for (size_t i = 0, k; i < n; i += k) {
		k = run(p + i, n - i, is_digit(p[i]) ? is_digit : is_letter);
		if (is_digit(p[i]))
			l->rest += (k + DIGITS - 1) / DIGITS * DIGITS_COST;
		else
			add_letters(l, (const char *)p + i, k);
	}
}

/* One character beyond ASCII; how many bytes. */
static size_t add_other(struct line *l, const unsigned char *p, size_t left)
{
	size_t n = *p < 0xc0 ? 1 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;
	uint32_t c = n == 1 ? *p : *p & (0xffU >> (n + 1));

	for (size_t i = 1; i < n; i++) {
		if (i == left || (p[i] & 0xc0) != 0x80) /* cut short */
			n = i;
		else
			c = c << 6 | (p[i] & 0x3fU);
	}
	if (c >= 0xc0 && c < 0x250)
		l->rest += ACCENT;
	else
		l->rest += character_cost(c < 0x80 ? 0x80 : c);
	return n;
}

static void add_sign(struct line *l, const unsigned char *p, bool after_digit)
{
	if (*p <= ' ')
		return;
	l->rest += after_digit ? ONE : PUNCTUATION;
	l->signs++;
}

size_t tokens_estimate(struct str text)
{
	const unsigned char *p = (const unsigned char *)text.p;
	struct line l = { 0 };
	size_t sum = 0, n;

	for (size_t i = 0; i < text.len; i += n) {
		n = 1;
		if (is_alnum(p[i])) {
			n = run(p + i, text.len - i, is_alnum);
			add_alnum(&l, p + i, n);
		} else if (p[i] >= 0x80) {
			n = add_other(&l, p + i, text.len - i);
		} else if (p[i] == '\n') {
			sum += line_cost(&l) + ONE;
			l = (struct line){ 0 };
		} else {
			add_sign(&l, p + i, i > 0 && is_digit(p[i - 1]));
		}
	}
	sum += line_cost(&l);
	return (sum * MARGIN + 100 * ONE - 1) / (100 * ONE);
}
