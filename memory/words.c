/*
 * words.c - splits, drops stop words, stems.
 *
 * Stemming is half of what indexing costs, and texts repeat their words: a memo
 * of the words met last, by hash, answers most.
 */
#include "memory/words.h"

#include "base/hash.h"

#include <errno.h>
#include <libstemmer.h>
#include <stdlib.h>
#include <string.h>

#define WORD_MAX 64 /* bytes; what is longer is data rather than a word */

enum { MEMO_SLOTS = 4096, MEMO_STEM_MAX = 23 };

/* What became of a word. A slot belongs to the last word that hashed to it. */
struct memo {
	uint64_t word;     /* its hash; 0: empty */
	unsigned char len; /* 0: a stop word */
	char stem[MEMO_STEM_MAX];
};

struct words {
	struct sb_stemmer *stemmer;
	struct memo memo[MEMO_SLOTS];
	size_t len;
	bool cut;
	char word[WORD_MAX];
};

/*
 * Words that say nothing about a subject, in strcmp order. "s", "t", "ll" and
 * the like are what an apostrophe leaves. Greetings and thanks are here so that
 * a bare "hi" asks for nothing. "may" and "will" double as a month and a name;
 * the first is worth more as a term than as a stop word.
 */
static const char *const stop_words[] = {
	"a",       "about", "above",  "after",   "again",  "all",     "also",   "am",
	"an",      "and",   "any",    "are",     "aren",   "as",      "at",     "be",
	"because", "been",  "before", "being",   "below",  "between", "both",   "but",
	"by",      "bye",   "can",    "could",   "couldn", "d",       "did",    "didn",
	"do",      "does",  "doesn",  "doing",   "don",    "down",    "during", "each",
	"few",     "for",   "from",   "further", "had",    "hadn",    "has",    "hasn",
	"have",    "haven", "having", "he",      "hello",  "her",     "here",   "hers",
	"hey",     "hi",    "him",    "his",     "how",    "i",       "if",     "in",
	"into",    "is",    "isn",    "it",      "its",    "just",    "ll",     "m",
	"me",      "more",  "most",   "my",      "no",     "nor",     "not",    "now",
	"of",      "off",   "ok",     "okay",    "on",     "once",    "only",   "or",
	"other",   "our",   "out",    "over",    "own",    "please",  "re",     "s",
	"same",    "she",   "should", "shouldn", "so",     "some",    "such",   "t",
	"than",    "thank", "thanks", "that",    "the",    "their",   "them",   "then",
	"there",   "these", "they",   "this",    "those",  "through", "thx",    "to",
	"too",     "under", "until",  "up",      "ve",     "very",    "was",    "wasn",
	"we",      "were",  "weren",  "what",    "when",   "where",   "which",  "while",
	"who",     "whom",  "why",    "will",    "with",   "would",   "wouldn", "yeah",
	"yes",     "you",   "your",   "yours",
};

struct words *words_new(void)
{
	struct words *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->stemmer = sb_stemmer_new("english", "UTF_8");
	if (!w->stemmer) {
		free(w);
		return NULL;
	}
	return w;
}

void words_free(struct words *w)
{
	if (!w)
		return;
	sb_stemmer_delete(w->stemmer);
	free(w);
}

static bool is_word_ascii(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/*
 * How many bytes at p (at least one is there) stand between words; 0: a letter
 * or a part of one. Beyond ASCII these do: Latin-1's signs (U+0080..BF but for
 * the ordinals and micro), U+2000..2BFF (punctuation, arrows, mathematics,
 * dingbats), U+3000..303F (CJK punctuation), variation selectors, and emoji
 * (U+1F000..1FFFF).
 */
static size_t separator(const unsigned char *p, size_t left)
{
	unsigned char next = left > 1 ? p[1] : 0;

	if (p[0] < 0x80)
		return !is_word_ascii(p[0]);
	switch (p[0]) {
	case 0xc2:
		return next == 0xaa || next == 0xb5 || next == 0xba || left < 2 ? 0 : 2;
	case 0xe2:
		return next > 0xaf || left < 3 ? 0 : 3;
	case 0xe3:
		return next != 0x80 || left < 3 ? 0 : 3;
	case 0xef:
		return next != 0xb8 || left < 3 ? 0 : 3;
	case 0xf0:
		return next != 0x9f || left < 4 ? 0 : 4;
	default:
		return 0;
	}
}

static void add_byte(struct words *w, unsigned char c)
{
	if (w->len == WORD_MAX) {
		w->cut = true;
		return;
	}
	w->word[w->len++] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

/* A cut may have gone through a character: what is left of it goes too. */
static void drop_half_character(struct words *w)
{
	size_t n = w->len;

	while (n > 0 && ((unsigned char)w->word[n - 1] & 0xc0) == 0x80)
		n--;
	if (n > 0 && ((unsigned char)w->word[n - 1] & 0x80))
		w->len = n - 1;
}

static int compare_stop_word(const void *key, const void *item)
{
	const struct words *w = key;
	const char *stop = *(const char *const *)item;
	int d = w->word[0] - stop[0];

	if (d == 0)
		d = strncmp(w->word, stop, w->len);
	return d ? d : -(stop[w->len] != '\0');
}

static bool is_stop_word(const struct words *w)
{
	return bsearch(w, stop_words, sizeof(stop_words) / sizeof(*stop_words),
		       sizeof(*stop_words), compare_stop_word) != NULL;
}

/* The term of the word at hand, .len 0 for a stop word; .p NULL: out of memory. */
static struct str stem_word(struct words *w)
{
	const sb_symbol *stem;

	if (is_stop_word(w))
		return STR("");
	stem = sb_stemmer_stem(w->stemmer, (const sb_symbol *)w->word, (int)w->len);
	if (!stem)
		return (struct str){ NULL, 0 };
	return (struct str){ (const char *)stem, (size_t)sb_stemmer_length(w->stemmer) };
}

static struct str look_up(struct words *w)
{
	uint64_t hash = hash128((struct str){ w->word, w->len }).lo;
	struct memo *m = &w->memo[hash % MEMO_SLOTS];
	struct str stem;

	if (m->word == hash)
		return (struct str){ m->stem, m->len };
	stem = stem_word(w);
	if (!stem.p || stem.len > MEMO_STEM_MAX)
		return stem;
	m->word = hash;
	m->len = (unsigned char)stem.len;
	memcpy(m->stem, stem.p, stem.len);
	return stem;
}

static int give_word(struct words *w, words_fn *fn, void *arg)
{
	struct str term;

	if (w->cut)
		drop_half_character(w);
	term = look_up(w);
	if (!term.p)
		return -ENOMEM;
	return term.len ? fn(arg, term) : 0;
}

int words_each(struct words *w, struct str text, words_fn *fn, void *arg)
{
	const unsigned char *p = (const unsigned char *)text.p;
	size_t i = 0, gap;
	int r;

	while (i < text.len) {
		gap = separator(p + i, text.len - i);
		if (gap) {
			i += gap;
			continue;
		}
		w->len = 0;
		w->cut = false;
		while (i < text.len && !separator(p + i, text.len - i))
			add_byte(w, p[i++]);
		r = give_word(w, fn, arg);
		if (r)
			return r;
	}
	return 0;
}
