/*
 * tokens.c - estimates tokens by classes of characters.
 *
 * Byte-pair tokenizers give common words a token of their own, cut longer ones
 * every five letters or so, cut digits in threes, and swallow the blank in
 * front of a word. bytes/4 is 26 % under on JSON, words are useless on code.
 */
#include "memory/tokens.h"

#include <stdbool.h>

/* In hundredths of a token. */
enum {
	ONE = 100,
	WORD_LETTERS = 7,   /* a run of so many letters is one token, */
	LETTER_BEYOND = 20, /* each five more are another */
	DIGITS = 3,
	PUNCTUATION = 85,  /* often taken together: "):" */
	OTHER_LETTER = 55, /* Cyrillic, Arabic, accents: about two to a token */
	EMOJI = 200,
	MARGIN = 110, /* per cent of the sum */
};

static bool is_letter(unsigned char c)
{
	c |= 0x20;
	return c >= 'a' && c <= 'z';
}

static bool is_digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}

static size_t run(struct str s, size_t at, bool (*is)(unsigned char c))
{
	size_t end = at + 1;

	while (end < s.len && is((unsigned char)s.p[end]))
		end++;
	return end - at;
}

static size_t letters_cost(size_t n)
{
	return ONE + (n > WORD_LETTERS ? (n - WORD_LETTERS) * LETTER_BEYOND : 0);
}

/* Of one character, by the first byte of its UTF-8; the bytes that follow cost nothing.
 */
static size_t character_cost(unsigned char c)
{
	if (c == '\n')
		return ONE;
	if (c <= ' ')
		return 0;
	if (c < 0x80)
		return PUNCTUATION;
	if (c < 0xc0)
		return 0;
	if (c >= 0xf0)
		return EMOJI;
	if (c >= 0xe3)
		return ONE; /* U+3000 and on: Chinese, Japanese, Korean */
	return c == 0xe2 ? PUNCTUATION : OTHER_LETTER;
}

size_t tokens_estimate(struct str text)
{
	size_t sum = 0, n;

	for (size_t i = 0; i < text.len; i += n) {
		unsigned char c = (unsigned char)text.p[i];

		n = 1;
		if (is_letter(c)) {
			n = run(text, i, is_letter);
			sum += letters_cost(n);
		} else if (is_digit(c)) {
			n = run(text, i, is_digit);
			sum += (n + DIGITS - 1) / DIGITS * ONE;
		} else {
			sum += character_cost(c);
		}
	}
	return (sum * MARGIN + 100 * ONE - 1) / (100 * ONE);
}
