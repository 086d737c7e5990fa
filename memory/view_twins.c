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

/* What is looked at of a hit before its words are. */
struct face {
	struct sketch user, reply;
	bool reply_counts;
};

static bool is_twin(struct view *v, const struct view_hit *a, const struct face *fa,
		    const struct view_hit *b, const struct face *fb)
{
	bool replies = fa->reply_counts || fb->reply_counts;

	if (!sketch_near(&fa->user, &fb->user) ||
	    (replies && !sketch_near(&fa->reply, &fb->reply)))
		return false;
	return texts_are_alike(v->words, a->user, b->user) &&
	       (!replies || texts_are_alike(v->words, a->reply, b->reply));
}

static void take_newer(struct view_hit *best, const struct view_hit *other)
{
	double score = best->score;

	if (other->seq < best->seq)
		return;
	*best = *other;
	best->score = score;
}

static struct face face_of(const struct view *v, const struct view_hit *h)
{
	struct face f = { .reply_counts = !v->entries[h->number]->reply_is_nod };

	sketch_make(h->user, &f.user);
	sketch_make(h->reply, &f.reply);
	return f;
}

void view_cut_twins(struct view *v, struct view_hit *hits, size_t *n)
{
	struct face faces[VIEW_HITS_MAX];
	size_t kept = 0, k;

	for (size_t i = 0; i < *n; i++) {
		struct face f = face_of(v, &hits[i]);

		for (k = 0; k < kept; k++) {
			if (is_twin(v, &hits[i], &f, &hits[k], &faces[k]))
				break;
		}
		if (k < kept) {
			take_newer(&hits[k], &hits[i]);
			continue;
		}
		hits[kept] = hits[i];
		faces[kept++] = f;
	}
	*n = kept;
}
