/*
 * words.c - splits, drops stop words, stems.
 *
 * A word is stemmed by the language of its script; of Latin letters, by the one that
 * is configured. Scripts that do not part their words give each two characters in a
 * row instead, and those of Chinese singly too, since one alone may be a word. What
 * Japanese writes in hiragana is mostly grammar: one alone is not counted.
 *
 * Stemming is half of what indexing costs, and texts repeat their words: a memo
 * of the words met last, by hash, answers most.
 */
#include "memory/words.h"

#include "base/hash.h"
#include "memory/letters.h"

#include <errno.h>
#include <libstemmer.h>
#include <stdlib.h>
#include <string.h>

#define WORD_MAX 64 /* bytes; what is longer is data rather than a word */

enum { MEMO_SLOTS = 4096, MEMO_STEM_MAX = 22, STEM_MAX = 2 * WORD_MAX };

/* What became of a word. A slot belongs to the last word that hashed to it. */
struct memo {
	uint64_t word;     /* its hash; 0: empty */
	unsigned char len; /* 0: a stop word */
	char stem[MEMO_STEM_MAX];
};

struct words {
	struct sb_stemmer *stemmers[LETTER_OTHER + 1]; /* by script; NULL: none */
	/* The stemmer knows no accents: they go before, else behind it. */
	bool plain_latin;
	struct memo memo[MEMO_SLOTS];
	size_t len;
	enum letter script; /* of the word's first letter */
	char word[WORD_MAX];
	char stem[STEM_MAX];
	/* In a run of characters that are counted in twos: */
	enum letter run;
	size_t n_run, len_last;
	char last[4];
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

/* Of Chinese, what is in every sentence; "hello" and "thank you" are of 好 and 谢. */
static const char stop_characters[] =
	"的了是我你他她它们們在不有和也就都这這那吗嗎呢吧很与與及么好谢謝您";
static const char *const greetings[] = { "你好", "您好", "谢谢", "謝謝", "안녕" };

static const char *const script_stemmers[LETTER_OTHER + 1] = {
	[LETTER_GREEK] = "greek",       [LETTER_CYRILLIC] = "russian",
	[LETTER_ARMENIAN] = "armenian", [LETTER_ARABIC] = "arabic",
	[LETTER_DEVANAGARI] = "hindi",  [LETTER_TAMIL] = "tamil",
};

struct words *words_new(const char *latin)
{
	struct words *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->plain_latin = strcmp(latin, "english") == 0;
	for (size_t i = 0; i <= LETTER_OTHER; i++) {
		const char *name = i == LETTER_LATIN ? latin : script_stemmers[i];

		if (!name)
			continue;
		w->stemmers[i] = sb_stemmer_new(name, "UTF_8");
		if (!w->stemmers[i]) {
			words_free(w);
			return NULL;
		}
	}
	return w;
}

void words_free(struct words *w)
{
	if (!w)
		return;
	for (size_t i = 0; i <= LETTER_OTHER; i++) {
		if (w->stemmers[i])
			sb_stemmer_delete(w->stemmers[i]);
	}
	free(w);
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

/* Into w->stem; what does not fit is left out. */
static struct str without_accents(struct words *w, struct str s)
{
	size_t at = 0, n = 0;
	char own[4];

	while (at < s.len) {
		const char *base;
		uint32_t c;

		letter_next(s, &at, &c);
		base = letter_base(c);
		size_t len = base ? strlen(base) : letter_put(c, own);
		if (n + len > STEM_MAX)
			break;
		memcpy(w->stem + n, base ? base : own, len);
		n += len;
	}
	return (struct str){ w->stem, n };
}

/* The term of the word at hand, .len 0 for a stop word; .p NULL: out of memory. */
static struct str stem_word(struct words *w)
{
	struct str word = { w->word, w->len };
	struct sb_stemmer *stemmer;
	const sb_symbol *stem;
	bool is_latin = w->script == LETTER_LATIN || w->script == LETTER_DIGIT;

	if (is_stop_word(w))
		return STR("");
	if (is_latin && w->plain_latin)
		word = without_accents(w, word);
	stemmer = w->stemmers[is_latin ? LETTER_LATIN : w->script];
	if (!stemmer)
		return word;
	stem = sb_stemmer_stem(stemmer, (const sb_symbol *)word.p, (int)word.len);
	if (!stem)
		return (struct str){ NULL, 0 };
	word = (struct str){ (const char *)stem, (size_t)sb_stemmer_length(stemmer) };
	return is_latin && !w->plain_latin ? without_accents(w, word) : word;
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

static int end_word(struct words *w, words_fn *fn, void *arg)
{
	struct str term;

	if (w->len == 0)
		return 0;
	term = look_up(w);
	w->len = 0;
	if (!term.p)
		return -ENOMEM;
	return term.len ? fn(arg, term) : 0;
}

static void add_to_word(struct words *w, enum letter is, uint32_t c)
{
	char utf8[4];
	size_t n = letter_put(c, utf8);

	if (w->len == 0 || w->script == LETTER_DIGIT)
		w->script = is;
	if (w->len + n > WORD_MAX)
		return;
	memcpy(w->word + w->len, utf8, n);
	w->len += n;
}

static bool is_greeting(struct str pair)
{
	for (size_t i = 0; i < sizeof(greetings) / sizeof(*greetings); i++) {
		if (str_eq(pair, str_from(greetings[i])))
			return true;
	}
	return false;
}

static int give_single(const struct words *w, words_fn *fn, void *arg)
{
	if (memmem(stop_characters, sizeof(stop_characters) - 1, w->last, w->len_last))
		return 0;
	return fn(arg, (struct str){ w->last, w->len_last });
}

static int give_pair(struct words *w, struct str next, words_fn *fn, void *arg)
{
	char both[8];
	struct str pair = { both, w->len_last + next.len };

	memcpy(both, w->last, w->len_last);
	memcpy(both + w->len_last, next.p, next.len);
	return is_greeting(pair) ? 0 : fn(arg, pair);
}

static int end_run(struct words *w, words_fn *fn, void *arg)
{
	bool alone = w->n_run == 1 && w->run != LETTER_HAN && w->run != LETTER_HIRAGANA;

	w->n_run = 0;
	return alone ? give_single(w, fn, arg) : 0;
}

static int add_to_run(struct words *w, enum letter is, uint32_t c, words_fn *fn,
		      void *arg)
{
	char utf8[4];
	struct str next = { utf8, letter_put(c, utf8) };
	int r = 0;

	if (w->n_run && w->run != is)
		r = end_run(w, fn, arg);
	if (!r && w->n_run)
		r = give_pair(w, next, fn, arg);
	memcpy(w->last, utf8, next.len);
	w->len_last = next.len;
	w->run = is;
	w->n_run++;
	return !r && is == LETTER_HAN ? give_single(w, fn, arg) : r;
}

static int add(struct words *w, enum letter is, uint32_t c, words_fn *fn, void *arg)
{
	int r = 0;

	if (is == LETTER_MARK)
		return 0;
	if (is == LETTER_NONE || is > LETTER_OTHER)
		r = end_word(w, fn, arg);
	if (!r && is <= LETTER_OTHER)
		r = end_run(w, fn, arg);
	if (r || is == LETTER_NONE)
		return r;
	if (is > LETTER_OTHER)
		return add_to_run(w, is, c, fn, arg);
	add_to_word(w, is, c);
	return 0;
}

int words_each(struct words *w, struct str text, words_fn *fn, void *arg)
{
	size_t at = 0;
	enum letter is;
	uint32_t c;
	int r = 0;

	w->len = w->n_run = 0;
	while (at < text.len && !r) {
		is = letter_next(text, &at, &c);
		r = add(w, is, c, fn, arg);
	}
	if (!r)
		r = end_word(w, fn, arg);
	return r ? r : end_run(w, fn, arg);
}
