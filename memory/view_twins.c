/*
 * view_twins.c - of hits that say the same, the newest stays.
 *
 * Most of what is told twice is a statement ("My dog is called Rex."), and the
 * reply to it says little ("Noted!"). An exchange gives way to a newer one with
 * such a statement and any reply; a question or a request only if the replies are
 * alike too, since the answer is what counts there.
 */
#include "memory/alike.h"
#include "memory/view_index.h"

#include <string.h>

enum {
	NOD_BYTES = 160, /* a reply that may say nothing */
	NOD_TERMS = 4,   /* of its own that it may have */
	STATED_BYTES = 1024,
	STATED_TERMS = 2, /* "next" and "go on" state nothing */
};

/* In ASCII, Greek, Arabic, CJK. */
static bool is_question(struct str s)
{
	static const char *const marks[] = { "?", "\xcd\xbe", "\xd8\x9f",
					     "\xef\xbc\x9f" };

	for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++) {
		if (memmem(s.p, s.len, marks[i], strlen(marks[i])))
			return true;
	}
	return false;
}

static bool has_term(const uint64_t *v, size_t n, uint64_t term)
{
	size_t i = 0;

	while (i < n && v[i] != term)
		i++;
	return i < n;
}

bool view_reply_is_nod(const struct view *v, const struct exchange *x,
		       const struct adding *a)
{
	const uint64_t *own = v->tokens + a->n_date, *reply;
	size_t n_own, n_new = 0;

	if (x->reply.len > NOD_BYTES || x->user.len > STATED_BYTES ||
	    a->span.n_user != 1 || is_question(x->user))
		return false;
	n_own = v->docs[a->span.first].terms - a->n_date;
	reply = own + n_own;
	for (size_t i = 0; reply + i < v->tokens + v->n_tokens; i++)
		n_new += !has_term(own, n_own, reply[i]);
	return n_own >= STATED_TERMS && n_new <= NOD_TERMS;
}

static bool are_twins(const struct view *v, const struct view_hit *a,
		      const struct view_hit *b)
{
	const struct entry *x = v->entries[a->number], *y = v->entries[b->number];

	if (!thumb_near(&x->user_thumb, &y->user_thumb) ||
	    !texts_are_alike(v->words, a->user, b->user))
		return false;
	return (x->reply_is_nod && y->reply_is_nod) ||
	       texts_are_alike(v->words, a->reply, b->reply);
}

static void take_newer(struct view_hit *best, const struct view_hit *other)
{
	double score = best->score;

	if (other->seq < best->seq)
		return;
	*best = *other;
	best->score = score;
}

void view_cut_twins(const struct view *v, struct view_hit *hits, size_t *n)
{
	size_t kept = 0, k;

	for (size_t i = 0; i < *n; i++) {
		for (k = 0; k < kept && !are_twins(v, &hits[i], &hits[k]); k++)
			continue;
		if (k < kept)
			take_newer(&hits[k], &hits[i]);
		else
			hits[kept++] = hits[i];
	}
	*n = kept;
}
