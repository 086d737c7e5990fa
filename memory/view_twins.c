/*
 * view_twins.c - of hits that say the same, the newest stays.
 *
 * Most of what is told twice is a statement ("My dog is called Rex."), and the
 * reply to it says little ("Noted!"). An exchange gives way to a newer one with
 * such a statement and any reply; a question or a request only if the replies are
 * alike too, since the answer is what counts there.
 */
#include "base/arena.h"
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

/*
 * The terms of a hit's texts, made when the first other hit comes near it. All hits of
 * a memory may be near each other, so none is read more than once.
 */
struct told {
	bool known, whole; /* whole: not too long to be compared */
	struct term_set user, reply;
};

struct cutting {
	const struct view *v;
	struct view_hit *hits;
	size_t n;
	/* Made when the first two come near each other. */
	struct arena *arena;
	struct told *told; /* of each hit */
};

static bool prepare(struct cutting *c)
{
	enum { FIRST = 16 * 1024 };

	if (!c->arena)
		c->arena = arena_new(FIRST);
	if (c->arena && !c->told)
		c->told = arena_alloc(c->arena, c->n * sizeof(*c->told));
	return c->told;
}

static bool make_set(struct cutting *c, struct str text, struct term_set *ret)
{
	uint64_t room[ALIKE_TERMS_MAX], *v;
	ssize_t n = term_set_make(c->v->words, text, room);

	if (n < 0)
		return false;
	v = arena_alloc(c->arena, (size_t)n * sizeof(*v));
	if (!v)
		return false;
	if (n)
		memcpy(v, room, (size_t)n * sizeof(*v));
	*ret = (struct term_set){ v, (size_t)n };
	return true;
}

static const struct told *told(struct cutting *c, size_t i)
{
	struct told *t = &c->told[i];

	if (t->known)
		return t;
	t->known = true;
	t->whole = make_set(c, c->hits[i].user, &t->user) &&
		   make_set(c, c->hits[i].reply, &t->reply);
	return t;
}

static bool are_twins(struct cutting *c, size_t i, size_t k)
{
	const struct view_hit *a = &c->hits[i], *b = &c->hits[k];
	const struct entry *x = c->v->entries[a->number], *y = c->v->entries[b->number];
	const struct told *ta, *tb;

	if (!thumb_near(&x->user_thumb, &y->user_thumb) || !prepare(c))
		return false;
	ta = told(c, i);
	tb = told(c, k);
	if (!ta->whole || !tb->whole ||
	    !texts_are_alike(a->user, &ta->user, b->user, &tb->user))
		return false;
	return (x->reply_is_nod && y->reply_is_nod) ||
	       texts_are_alike(a->reply, &ta->reply, b->reply, &tb->reply);
}

/* Hit i in the place of hit k, whose score is higher. */
static void take_newer(struct cutting *c, size_t k, size_t i)
{
	double score = c->hits[k].score;

	if (c->hits[i].seq < c->hits[k].seq)
		return;
	c->hits[k] = c->hits[i];
	c->hits[k].score = score;
	if (c->told)
		c->told[k] = c->told[i];
}

void view_cut_twins(const struct view *v, struct view_hit *hits, size_t *n)
{
	struct cutting c = { .v = v, .hits = hits, .n = *n };
	size_t kept = 0, k;

	for (size_t i = 0; i < *n; i++) {
		for (k = 0; k < kept && !are_twins(&c, i, k); k++)
			continue;
		if (k < kept) {
			take_newer(&c, k, i);
		} else {
			hits[kept] = hits[i];
			if (c.told)
				c.told[kept] = c.told[i];
			kept++;
		}
	}
	arena_free(c.arena);
	*n = kept;
}
