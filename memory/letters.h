/*
 * letters.h - characters as recall sees them: which make words, and in which case.
 *
 * Tables of our own, some forty ranges of Unicode 15: ICU is 30 MB for what three
 * functions need here, and towlower() knows what the locales of a machine say.
 */
#ifndef MEMORY_LETTERS_H
#define MEMORY_LETTERS_H

#include "base/str.h"

#include <stddef.h>
#include <stdint.h>

enum letter {
	LETTER_NONE, /* stands between words */
	LETTER_MARK, /* an accent by itself, a vowel sign that may as well be absent */
	LETTER_DIGIT,
	LETTER_LATIN,
	LETTER_GREEK,
	LETTER_CYRILLIC,
	LETTER_ARMENIAN,
	LETTER_ARABIC,
	LETTER_DEVANAGARI,
	LETTER_TAMIL,
	LETTER_OTHER, /* of a script that parts its words */
	/* Scripts that do not, or that join to a word what belongs to the sentence. */
	LETTER_HAN,
	LETTER_HIRAGANA,
	LETTER_KATAKANA,
	LETTER_HANGUL,
	LETTER_UNSPACED, /* Thai, Lao, Burmese, Khmer */
};

/*
 * The character at *at, which moves behind it, in lower case, a full-width one as
 * ASCII. What is no UTF-8 is passed over byte by byte, as LETTER_NONE.
 */
enum letter letter_next(struct str text, size_t *at, uint32_t *ret);
/* What the letter is without its accents, 2 at most ("ae"); NULL: what it is. */
const char *letter_base(uint32_t c);
/* 1 to 4 bytes of UTF-8. */
size_t letter_put(uint32_t c, char ret[4]);

#endif
