/* view_terms.c - the terms of an exchange, and where each term stands. */
#include "memory/passages.h"
#include "memory/view_index.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void view_terms_free(struct view *v)
{
	for (uint32_t i = 0; i < v->n_terms; i++) {
		if (v->terms[i].cap)
			free(v->terms[i].many);
	}
	free(v->terms);
}

static int push_token(void *arg, struct str term)
{
	struct view *v = arg;
	uint64_t *grown =
		view_grow(v->tokens, &v->cap_tokens, v->n_tokens + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	v->tokens = grown;
	v->tokens[v->n_tokens++] = hash128(term).lo;
	return 0;
}

/* What somebody asks for who asks "in May", "on Friday". */
static int push_date_tokens(struct view *v, uint64_t at_ms)
{
	static const char *const days[] = { "Sunday",   "Monday", "Tuesday", "Wednesday",
					    "Thursday", "Friday", "Saturday" };
	static const char *const months[] = { "January", "February", "March",
					      "April",   "May",      "June",
					      "July",    "August",   "September",
					      "October", "November", "December" };
	time_t seconds = (time_t)(at_ms / 1000);
	struct tm tm;
	char text[64];
	int n;

	if (!gmtime_r(&seconds, &tm))
		return 0;
	n = snprintf(text, sizeof(text), "%s %d %s %d", days[tm.tm_wday], tm.tm_mday,
		     months[tm.tm_mon], tm.tm_year + 1900);
	return words_each(v->words, (struct str){ text, (size_t)n }, push_token, v);
}

static int term_get(struct view *v, uint64_t hash, struct term **ret)
{
	const uint32_t *known = map64_get(&v->term_of, hash);
	struct term *grown;

	if (!known) {
		grown = view_grow(v->terms, &v->cap_terms, v->n_terms + 1u,
				  sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		v->terms = grown;
		if (map64_reserve(&v->term_of, 1))
			return -ENOMEM;
		v->terms[v->n_terms] = (struct term){ 0 };
		map64_put(&v->term_of, hash, v->n_terms++);
		*ret = &v->terms[v->n_terms - 1];
		return 0;
	}
	*ret = &v->terms[*known];
	return 0;
}

static int term_reserve(struct view *v, struct term *t)
{
	size_t few = sizeof(t->few) / sizeof(*t->few);
	uint32_t cap = t->cap ? t->cap + t->cap / 2 : 6;
	posting *p;

	if (t->n < (t->cap ? t->cap : few))
		return 0;
	p = realloc(t->cap ? t->many : NULL, cap * sizeof(*p));
	if (!p)
		return -ENOMEM;
	if (!t->cap)
		memcpy(p, t->few, sizeof(t->few));
	v->bytes += (cap - t->cap) * sizeof(*p);
	t->many = p;
	t->cap = cap;
	return 0;
}

static int term_count(struct view *v, uint64_t hash, uint32_t doc)
{
	struct term *t;
	posting *p;
	int r = term_get(v, hash, &t);

	if (r)
		return r;
	p = t->cap ? t->many : t->few;
	if (t->n && p[t->n - 1] >> POSTING_TF_BITS == doc) {
		if ((p[t->n - 1] & POSTING_TF_MAX) < POSTING_TF_MAX)
			p[t->n - 1]++;
		return 0;
	}
	r = term_reserve(v, t);
	if (r)
		return r;
	p = t->cap ? t->many : t->few;
	p[t->n++] = doc << POSTING_TF_BITS | 1;
	return 0;
}

/* One passage's terms; its document's length is theirs and the day's. */
static int collect_passage(struct view *v, struct str passage, struct adding *a,
			   unsigned char *n)
{
	uint32_t doc = a->span.first + span_n(a->span);
	struct doc *grown;
	size_t before = v->n_tokens;
	int r;

	if (doc >= VIEW_DOCS_MAX)
		return -ENOMEM;
	grown = view_grow(v->docs, &v->cap_docs, doc + 1u, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	v->docs = grown;
	r = words_each(v->words, passage, push_token, v);
	v->docs[doc] = (struct doc){
		.terms = (uint32_t)(a->n_date + v->n_tokens - before),
	};
	(*n)++;
	return r;
}

static int collect_text(struct view *v, struct str text, struct adding *a,
			unsigned char *n)
{
	struct passages p = passages_of(text);
	struct str passage;
	int r = 0;

	while (!r && passages_next(&p, &passage))
		r = collect_passage(v, passage, a, n);
	return r;
}

int view_collect_tokens(struct view *v, const struct exchange *x, struct adding *ret)
{
	int r;

	*ret = (struct adding){ .span.first = v->docs_end };
	v->n_tokens = 0;
	r = push_date_tokens(v, x->at_ms);
	ret->n_date = v->n_tokens;
	if (!r)
		r = collect_text(v, x->user, ret, &ret->span.n_user);
	if (!r)
		r = collect_text(v, x->reply, ret, &ret->span.n_reply);
	return r;
}

static int count_run(struct view *v, size_t from, size_t to, uint32_t doc)
{
	int r = 0;

	for (size_t i = from; i < to && !r; i++)
		r = term_count(v, v->tokens[i], doc);
	return r;
}

int view_index_tokens(struct view *v, const struct adding *a)
{
	size_t from = a->n_date, n;
	int r = 0;

	for (uint32_t i = 0; i < span_n(a->span) && !r; i++) {
		uint32_t doc = a->span.first + i;

		n = v->docs[doc].terms - a->n_date;
		r = count_run(v, 0, a->n_date, doc);
		if (!r)
			r = count_run(v, from, from + n, doc);
		from += n;
	}
	return r;
}

void view_take_back(struct view *v)
{
	for (size_t i = 0; i < v->n_tokens; i++) {
		const uint32_t *known = map64_get(&v->term_of, v->tokens[i]);
		struct term *t = known ? &v->terms[*known] : NULL;

		while (t && t->n &&
		       term_postings(t)[t->n - 1] >> POSTING_TF_BITS >= v->docs_end)
			t->n--;
	}
}
