/*
 * clean.c - what of a message's text counts.
 *
 * Cutting is conservative: what a person wrote about a tag must stay. A client's
 * tag is cut only where it stands at the beginning of a line or behind another
 * tag, as clients write it, and only with its end. Every search is bounded, so
 * that a text full of beginnings costs no more than its length.
 *
 * A block of ours is cut wherever it stands: nobody else writes its nonce. One
 * without an end is an echo that was cut short if our introduction follows, and
 * goes to the end of the text; otherwise it is a mention of the tag, and stays.
 */
#include "memory/clean.h"
#include "memory/render.h"

#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/*
 * Names of the tags that clients put around what their user did not write, from
 * the requests of Claude Code, Codex, Cline and Roo, Copilot and Cursor. Tags that
 * hold the user's own words (<command-args>, <user_query>, <task>) are not here,
 * nor names that somebody's XML may well have (<context>, <attachments>).
 */
#define TAG(name)                      \
	{                              \
		name, sizeof(name) - 1 \
	}
static const struct str client_tags[] = {
	/* Claude Code */
	TAG("system-reminder"),
	TAG("command-name"),
	TAG("command-message"),
	TAG("local-command-caveat"),
	TAG("local-command-stdout"),
	TAG("local-command-stderr"),
	TAG("bash-stdout"),
	TAG("bash-stderr"),
	TAG("ide_opened_file"),
	TAG("ide_selection"),
	TAG("ide_diagnostics"),
	TAG("new-diagnostics"),
	TAG("task-notification"),
	TAG("user-prompt-submit-hook"),
	TAG("available-deferred-tools"),
	/* Codex */
	TAG("environment_context"),
	TAG("user_instructions"),
	TAG("turn_aborted"),
	TAG("subagent_notification"),
	TAG("recommended_plugins"),
	/* Cline, Roo */
	TAG("environment_details"),
	/* Copilot */
	TAG("environment_info"),
	TAG("workspace_info"),
	TAG("editorContext"),
	TAG("reminderInstructions"),
	/* Cursor */
	TAG("additional_data"),
	TAG("additional_instructions"),
	TAG("open_and_recently_viewed_files"),
	TAG("project_layout"),
	TAG("system_reminder"),
};

enum {
	N_TAGS = sizeof(client_tags) / sizeof(client_tags[0]),
	MIN_NAME = sizeof("bash-stdout") - 1, /* the shortest above */
	MAX_NAME = 63,
	MIN_NONCE = 8, /* shorter ones are somebody's own <memory-…> */
	MAX_MISSES = 8 /* tags of ours without an end, in one text */
};

/* A search through one text, and what it need not look for again. */
struct cutter {
	struct str text;
	bool no_end[N_TAGS];
	unsigned misses;
};

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The name behind a `<`, if it may be one that is cut; .len 0: it is not. */
static struct str tag_name(struct str rest)
{
	size_t n = 0;

	while (n < rest.len && n <= MAX_NAME &&
	       (is_alnum(rest.p[n]) || rest.p[n] == '-' || rest.p[n] == '_'))
		n++;
	if (n < MIN_NAME || n > MAX_NAME || n == rest.len)
		return (struct str){ rest.p, 0 };
	return (struct str){ rest.p, rest.p[n] == '>' || is_blank(rest.p[n]) ? n : 0 };
}

/* `memory-` and a nonce: letters and digits that are no word. */
static bool is_own_name(struct str name)
{
	struct str nonce = str_slice(name, sizeof(RENDER_TAG) - 1, name.len);
	bool has_digit = false, is_hex = true;

	if (!str_has_prefix(name, STR(RENDER_TAG)) || nonce.len < MIN_NONCE)
		return false;
	for (size_t i = 0; i < nonce.len; i++) {
		if (!is_alnum(nonce.p[i]))
			return false;
		has_digit |= nonce.p[i] <= '9';
		is_hex &= str_hex_value(nonce.p[i]) >= 0;
	}
	return has_digit || is_hex;
}

/* The offset behind the first `</name>` from `at` on; 0: there is none. */
static size_t find_close(struct str text, size_t at, struct str name)
{
	char close[MAX_NAME + 3] = "</";

	memcpy(close + 2, name.p, name.len);
	close[name.len + 2] = '>';
	const char *found = memmem(text.p + at, text.len - at, close, name.len + 3);
	return found ? (size_t)(found - text.p) + name.len + 3 : 0;
}

static bool at_line_start(struct str text, size_t at)
{
	while (at > 0 && (text.p[at - 1] == ' ' || text.p[at - 1] == '\t'))
		at--;
	return at == 0 || text.p[at - 1] == '\n' || text.p[at - 1] == '\r' ||
	       text.p[at - 1] == '>';
}

/* Does what follows the name go on as a block of ours, as far as it goes? */
static bool is_block(struct str rest)
{
	struct str lead = STR(">\n" RENDER_INTRO);

	return str_has_prefix(rest, str_slice(lead, 0, rest.len));
}

static size_t end_of_own(struct cutter *c, size_t tag, struct str name)
{
	if (c->misses == MAX_MISSES)
		return 0;
	size_t stop = find_close(c->text, tag, name);
	if (stop == 0 && is_block(str_slice(c->text, tag + 1 + name.len, c->text.len)))
		return c->text.len;
	c->misses += stop == 0;
	return stop;
}

static size_t end_of_client(struct cutter *c, size_t tag, struct str name)
{
	size_t i = 0;

	while (i < N_TAGS && !str_eq(name, client_tags[i]))
		i++;
	if (i == N_TAGS || c->no_end[i] || !at_line_start(c->text, tag))
		return 0;
	size_t stop = find_close(c->text, tag, name);
	c->no_end[i] = stop == 0;
	return stop;
}

/* The next piece to cut from *at on: false where there is none. */
static bool next_cut(struct cutter *c, size_t *at, size_t *stop)
{
	const char *lt;

	while ((lt = memchr(c->text.p + *at, '<', c->text.len - *at)) != NULL) {
		*at = (size_t)(lt - c->text.p);
		struct str name = tag_name(str_slice(c->text, *at + 1, c->text.len));
		if (name.len > 0)
			*stop = is_own_name(name) ? end_of_own(c, *at, name)
						  : end_of_client(c, *at, name);
		else
			*stop = 0;
		if (*stop > 0)
			return true;
		(*at)++;
	}
	return false;
}

struct str clean_text(struct str text, struct arena *a)
{
	struct cutter c = { .text = text };
	size_t from = 0, at = 0, stop, n = 0;

	if (text.len == 0 || !next_cut(&c, &at, &stop))
		return str_trim(text.p ? text : STR(""));
	char *out = arena_bytes(a, text.len);
	if (out == NULL)
		return (struct str){ NULL, 0 };
	do {
		memcpy(out + n, text.p + from, at - from);
		n += at - from;
		from = at = stop;
	} while (next_cut(&c, &at, &stop));
	memcpy(out + n, text.p + from, text.len - from);
	return str_trim((struct str){ out, n + text.len - from });
}

static bool is_continuation(char c)
{
	return ((unsigned char)c & 0xC0) == 0x80;
}

struct str cap_text(struct str text, size_t max, struct arena *a)
{
	const struct str marker = STR("\n[…]\n");
	size_t mark = max > marker.len ? marker.len : 0;
	size_t head = mark ? (max - mark + 1) / 2 : max;
	size_t tail = mark ? text.len - (max - mark) / 2 : text.len;

	if (text.len <= max)
		return text;
	while (head > 0 && is_continuation(text.p[head]))
		head--;
	while (tail < text.len && is_continuation(text.p[tail]))
		tail++;
	char *out = arena_bytes(a, head + mark + text.len - tail);
	if (out == NULL)
		return (struct str){ NULL, 0 };
	memcpy(out, text.p, head);
	memcpy(out + head, marker.p, mark);
	memcpy(out + head + mark, text.p + tail, text.len - tail);
	return (struct str){ out, head + mark + text.len - tail };
}

/*
 * Hashing. A text is read as pieces of PIECE bytes with every run of blanks made
 * one space; of each further piece the hash before it is part, so that no copy of
 * the whole is needed. A text of one piece hashes as itself.
 */
enum { PIECE = 4096, BLOCK = 16 };

struct squeezer {
	const char *p, *end;
	bool after_blank;
};

#ifdef __SSE2__
/*
 * A block up to its first run of blanks, which is passed over; how many bytes of
 * `out` count (all are written).
 */
static size_t squeeze_block(struct squeezer *s, char *out)
{
	const __m128i space = _mm_set1_epi8(' '), feed = _mm_set1_epi8('\n');
	const __m128i tab = _mm_set1_epi8('\t'), ret = _mm_set1_epi8('\r');
	__m128i v = _mm_loadu_si128((const __m128i *)(const void *)s->p);
	__m128i blank = _mm_or_si128(
		_mm_or_si128(_mm_cmpeq_epi8(v, space), _mm_cmpeq_epi8(v, feed)),
		_mm_or_si128(_mm_cmpeq_epi8(v, tab), _mm_cmpeq_epi8(v, ret)));
	unsigned mask = (unsigned)_mm_movemask_epi8(blank);
	unsigned second = mask & (mask << 1 | s->after_blank); /* of two in a row */
	unsigned n = second ? (unsigned)__builtin_ctz(second) : BLOCK;

	v = _mm_or_si128(_mm_andnot_si128(blank, v), _mm_and_si128(blank, space));
	_mm_storeu_si128((__m128i *)(void *)out, v);
	s->p += n;
	s->after_blank = second || mask >> (BLOCK - 1);
	while (second && s->p < s->end && is_blank(*s->p))
		s->p++;
	return n;
}
#endif

/* Up to `room` bytes into out; 0 at the end. */
static size_t squeeze(struct squeezer *s, char *out, size_t room)
{
	size_t n = 0;

	while (s->p < s->end && n < room) {
#ifdef __SSE2__
		if (room - n >= BLOCK && s->end - s->p >= BLOCK) {
			n += squeeze_block(s, out + n);
			continue;
		}
#endif
		bool blank = is_blank(*s->p++);
		if (!blank || !s->after_blank)
			out[n++] = blank ? ' ' : s->p[-1];
		s->after_blank = blank;
	}
	return n;
}

struct hash128 turn_hash(struct str cleaned)
{
	struct squeezer s = { cleaned.p, cleaned.p + cleaned.len, false };
	char piece[sizeof(struct hash128) + PIECE];
	char *const body = piece + sizeof(struct hash128);
	size_t n = squeeze(&s, body, PIECE);
	struct hash128 h = hash128((struct str){ body, n });

	while ((n = squeeze(&s, body, PIECE)) > 0) {
		memcpy(piece, &h, sizeof(h));
		h = hash128((struct str){ piece, sizeof(h) + n });
	}
	return h;
}

struct digest turn_digest(struct str cleaned)
{
	struct squeezer s = { cleaned.p, cleaned.p + cleaned.len, false };
	char piece[sizeof(struct digest) + PIECE];
	char *const body = piece + sizeof(struct digest);
	size_t n = squeeze(&s, body, PIECE);
	struct digest d = digest_sha256((struct str){ body, n });

	while ((n = squeeze(&s, body, PIECE)) > 0) {
		memcpy(piece, &d, sizeof(d));
		d = digest_sha256((struct str){ piece, sizeof(d) + n });
	}
	return d;
}
