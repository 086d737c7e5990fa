/*
 * render.c - recalled exchanges as the block that is put into a request.
 *
 * What a text could pretend to be is kept from it: an end of the block, because
 * "<memory-" and "</memory-" lose their "<" ("&lt;", which every model reads as
 * what it is); a role or a date, because every line but a text's first is
 * indented, whatever breaks it.
 */
#include "memory/render.h"

#include "base/buf.h"
#include "memory/clean.h"
#include "memory/passages.h"
#include "memory/tokens.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/*
 * Bytes of one text, so that a long reply leaves room for other exchanges: of a
 * thousand tokens, about 4 kB, a text found may take a fifth.
 */
enum { FOUND_TEXT_MAX = PASSAGE_WHOLE, OTHER_TEXT_MAX = 320 };

/* Few texts have less than a token for so many bytes: who is too long by this is not
 * rendered to find that out. */
enum { BYTES_A_TOKEN = 6 };

struct piece {
	const struct view_hit *hit;
	uint64_t day;
	uint64_t session_ms; /* when the first piece of its session was */
	size_t from, len;    /* its lines */
};

struct rendering {
	struct arena *arena;
	struct buf lines; /* of every piece looked at */
	struct piece *pieces;
	size_t n;
	size_t tokens, budget;
};

/* Length of a line break, however spelt (Unicode, 5.8 Newline Guidelines); 0: none. */
static size_t break_len(struct str s)
{
	if (s.p[0] >= '\n' && s.p[0] <= '\r')
		return 1;
	if (str_has_prefix(s, STR("\xc2\x85")))
		return 2;
	if (str_has_prefix(s, STR("\xe2\x80\xa8")) ||
	    str_has_prefix(s, STR("\xe2\x80\xa9")))
		return 3;
	return 0;
}

/* Copied as it is: 0xc2 and 0xe2 may begin a line break. */
static bool is_plain(char c)
{
	unsigned char u = (unsigned char)c;

	return u >= ' ' && u != '<' && u != 0x7f && u != 0xc2 && u != 0xe2;
}

static bool begins_tag(struct str s)
{
	return str_has_iprefix(s, STR("<" RENDER_TAG)) ||
	       str_has_iprefix(s, STR("</" RENDER_TAG));
}

/* The characters at the front of s (one of them at least). How many bytes they were. */
static size_t add_some(struct buf *b, struct str s)
{
	size_t n = 0;

	while (n < s.len && is_plain(s.p[n]))
		n++;
	if (n) {
		buf_add(b, s.p, n);
		return n;
	}
	if (begins_tag(s))
		buf_add_str(b, STR("&lt;"));
	else
		buf_add_char(b, (unsigned char)s.p[0] < ' ' || s.p[0] == 0x7f ? ' '
									      : s.p[0]);
	return 1;
}

/* Empty lines go. */
static void add_text(struct buf *b, struct str text)
{
	bool broken = false;
	struct str rest;
	size_t n;

	for (size_t i = 0; i < text.len; i += n) {
		rest = str_slice(text, i, text.len);
		n = break_len(rest);
		if (n) {
			broken = true;
			continue;
		}
		if (broken)
			buf_add_str(b, STR("\n  "));
		broken = false;
		n = add_some(b, rest);
	}
}

static int add_capped(struct rendering *r, struct str text, size_t max)
{
	text = cap_text(text, max, r->arena);
	if (!text.p)
		return -ENOMEM;
	add_text(&r->lines, text);
	return 0;
}

/* Marked where there is more of the text. */
static int add_passage(struct rendering *r, struct str text, size_t number)
{
	const struct str passage = passages_get(text, number);
	struct str part = str_trim(passage);
	int e;

	if (!part.p)
		return add_capped(r, text, FOUND_TEXT_MAX);
	if (passage.p > text.p)
		buf_add_str(&r->lines, STR("[…] "));
	e = add_capped(r, part, FOUND_TEXT_MAX);
	if (passage.p + passage.len < text.p + text.len)
		buf_add_str(&r->lines, STR(" […]"));
	return e;
}

static int add_shown(struct rendering *r, struct str text, unsigned char shown)
{
	switch (shown) {
	case SHOWN_BRIEF:
		return add_capped(r, text, OTHER_TEXT_MAX);
	case SHOWN_ENDS:
		return add_capped(r, text, FOUND_TEXT_MAX);
	case SHOWN_WHOLE:
		return add_capped(r, text, SIZE_MAX);
	default:
		return add_passage(r, text, shown - SHOWN_PASSAGE);
	}
}

static int add_line(struct rendering *r, struct str role, struct str text,
		    unsigned char shown)
{
	int e;

	buf_add_str(&r->lines, role);
	e = add_shown(r, text, shown);
	return e ? e : buf_add_char(&r->lines, '\n');
}

/* "[2026-11-21]" and a line's end. */
static struct str date_line(uint64_t at_ms, char ret[16])
{
	time_t seconds = (time_t)(at_ms / 1000);
	struct tm tm;

	if (!gmtime_r(&seconds, &tm))
		return (struct str){ NULL, 0 };
	return (struct str){ ret, strftime(ret, 16, "[%Y-%m-%d]\n", &tm) };
}

static size_t date_cost(const struct rendering *r, const struct piece *p)
{
	char date[16];

	for (size_t i = 0; i < r->n; i++) {
		if (r->pieces[i].day == p->day &&
		    str_eq(r->pieces[i].hit->session, p->hit->session))
			return 0;
	}
	return tokens_estimate(date_line(p->hit->at_ms, date));
}

static size_t shown_bytes(struct str text, unsigned char shown)
{
	size_t max = shown == SHOWN_BRIEF   ? OTHER_TEXT_MAX
		     : shown == SHOWN_WHOLE ? SIZE_MAX
		     : shown == SHOWN_ENDS  ? FOUND_TEXT_MAX
					    : PASSAGE_BYTES / 2;

	return text.len < max ? text.len : max;
}

static bool may_fit(const struct rendering *r, const struct view_hit *h)
{
	size_t bytes = shown_bytes(h->user, h->user_shown) +
		       shown_bytes(h->reply, h->reply_shown);

	return bytes / BYTES_A_TOKEN <= r->budget - r->tokens;
}

/* Takes the hit in if there is room. 0 or -ENOMEM. */
static int offer(struct rendering *r, const struct view_hit *h)
{
	enum { MS_A_DAY = 86400000 };
	struct piece p = { .hit = h, .day = h->at_ms / MS_A_DAY, .from = r->lines.len };
	size_t cost;

	if (!may_fit(r, h))
		return 0;
	if (h->user.len && add_line(r, STR("user: "), h->user, h->user_shown))
		return -ENOMEM;
	if (h->reply.len && add_line(r, STR("assistant: "), h->reply, h->reply_shown))
		return -ENOMEM;
	p.len = r->lines.len - p.from;
	cost = tokens_estimate(str_slice(buf_str(&r->lines), p.from, r->lines.len)) +
	       date_cost(r, &p);
	if (p.len == 0 || cost > r->budget - r->tokens)
		return 0;
	r->tokens += cost;
	r->pieces[r->n++] = p;
	return 0;
}

static void find_session_starts(struct rendering *r)
{
	for (size_t i = 0; i < r->n; i++) {
		struct piece *p = &r->pieces[i];

		p->session_ms = p->hit->at_ms;
		for (size_t k = 0; k < r->n; k++) {
			const struct view_hit *other = r->pieces[k].hit;

			if (other->at_ms < p->session_ms &&
			    str_eq(other->session, p->hit->session))
				p->session_ms = other->at_ms;
		}
	}
}

static int compare_u64(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int compare_str(struct str a, struct str b)
{
	int d = memcmp(a.p, b.p, a.len < b.len ? a.len : b.len);

	return d ? d : compare_u64(a.len, b.len);
}

static int in_time(const void *a, const void *b)
{
	const struct piece *x = a, *y = b;
	int d = compare_u64(x->session_ms, y->session_ms);

	if (!d)
		d = compare_str(x->hit->session, y->hit->session);
	if (!d)
		d = compare_u64(x->day, y->day);
	return d ? d : compare_u64(x->hit->seq, y->hit->seq);
}

static void add_pieces(const struct rendering *r, struct buf *to)
{
	const struct piece *p, *last = NULL;
	char date[16];

	for (size_t i = 0; i < r->n; i++, last = p) {
		p = &r->pieces[i];
		if (!last || last->day != p->day ||
		    !str_eq(last->hit->session, p->hit->session))
			buf_add_str(to, date_line(p->hit->at_ms, date));
		buf_add_str(to, str_slice(buf_str(&r->lines), p->from, p->from + p->len));
	}
}

/* Everything around the pieces; the pieces between. */
static int compose(const struct rendering *r, struct str nonce, struct buf *to)
{
	buf_printf(to, "<" RENDER_TAG "%.*s>\n" RENDER_INTRO "\n", STR_ARG(nonce));
	add_pieces(r, to);
	buf_printf(to, "</" RENDER_TAG "%.*s>", STR_ARG(nonce));
	return to->failed ? -ENOMEM : 0;
}

static int choose(struct rendering *r, const struct view_hit *hits, size_t n)
{
	int e = 0;

	for (size_t i = 0; i < n && !e; i++)
		e = offer(r, &hits[i]);
	return e;
}

static int finish(struct rendering *r, struct str nonce, struct buf *to,
		  struct render_result *ret)
{
	struct view_hit *hits;
	struct str block;

	find_session_starts(r);
	qsort(r->pieces, r->n, sizeof(*r->pieces), in_time);
	buf_reset(to);
	if (compose(r, nonce, to))
		return -ENOMEM;
	block = arena_str(r->arena, buf_str(to));
	if (!block.p)
		return -ENOMEM;
	hits = arena_alloc(r->arena, r->n * sizeof(*hits));
	if (!hits)
		return -ENOMEM;
	for (size_t i = 0; i < r->n; i++)
		hits[i] = *r->pieces[i].hit;
	*ret = (struct render_result){ block, r->n, tokens_estimate(block), hits };
	return 0;
}

int render_block(const struct view_hit *hits, size_t n, size_t budget, struct str nonce,
		 struct arena *a, struct render_result *ret)
{
	struct rendering r = { .arena = a, .budget = budget };
	struct buf block;
	int e = -ENOMEM;

	buf_init(&r.lines, SIZE_MAX / 2);
	buf_init(&block, SIZE_MAX / 2);
	r.pieces = arena_alloc(a, n * sizeof(*r.pieces));
	if (!r.pieces || compose(&r, nonce, &block))
		goto out;
	r.tokens = tokens_estimate(buf_str(&block));
	e = r.tokens < budget ? choose(&r, hits, n) : 0;
	if (e)
		goto out;
	if (r.n)
		e = finish(&r, nonce, &block, ret);
	else
		*ret = (struct render_result){ 0 };
out:
	buf_done(&r.lines);
	buf_done(&block);
	return e;
}
