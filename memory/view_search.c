/*
 * view_search.c - scores every text for a question and takes the best exchanges.
 *
 * score(exchange) = max over its texts of smooth / max smooth
 *                 + SESSION_SHARE * BM25(session) / max BM25(session)
 * where smooth adds to a text's BM25 a part of its neighbours'. BM25 is that of
 * S. Robertson and H. Zaragoza, The Probabilistic Relevance Framework: BM25 and
 * Beyond, 2009; k1 and b were chosen by measurement.
 */
#include "memory/dialect.h"
#include "memory/view_index.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const float K1 = 0.9F, B = 0.3F;
static const float NEXT_SHARE = 0.4F, SECOND_SHARE = 0.2F, SESSION_SHARE = 0.3F;
static const float EARLIER_WEIGHT = 0.5F;

enum {
	FEW_TERMS = 3,        /* a question with fewer takes the earlier text's in */
	QUERY_TERMS_MAX = 64, /* of a long text the rarest count */
};

struct asking {
	struct view *v;
	float weight;
};

static int ask_for(void *arg, struct str term)
{
	const struct asking *a = arg;
	struct view_scratch *s = &a->v->scratch;
	uint64_t key = hash128(term).lo;
	const uint32_t *known = map64_get(&a->v->term_of, key);
	struct query_term *grown;

	if (map64_get(&s->asked, key))
		return 0;
	if (map64_reserve(&s->asked, 1))
		return -ENOMEM;
	map64_put(&s->asked, key, 0);
	if (!known)
		return 0;
	grown = view_grow(s->terms, &s->cap_terms, s->n_terms + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	s->terms = grown;
	s->terms[s->n_terms++] = (struct query_term){
		.hash = key,
		.number = *known,
		.found = a->v->terms[*known].n,
		.weight = a->weight,
	};
	return 0;
}

static int by_rarity(const void *a, const void *b)
{
	const struct query_term *x = a, *y = b;

	if (x->found != y->found)
		return x->found < y->found ? -1 : 1;
	return x->hash < y->hash ? -1 : x->hash > y->hash;
}

/* 0, -ENOENT: nothing to ask for, -ENOMEM. */
static int collect_terms(struct view *v, const struct view_query *q)
{
	struct view_scratch *s = &v->scratch;
	struct asking a = { v, 1 };
	int r;

	map64_clear(&s->asked);
	s->n_terms = 0;
	r = words_each(v->words, q->text, ask_for, &a);
	if (r)
		return r;
	if (s->asked.n == 0)
		return -ENOENT;
	a.weight = EARLIER_WEIGHT;
	if (s->asked.n < FEW_TERMS)
		r = words_each(v->words, q->earlier_text, ask_for, &a);
	if (s->n_terms > QUERY_TERMS_MAX) {
		qsort(s->terms, s->n_terms, sizeof(*s->terms), by_rarity);
		s->n_terms = QUERY_TERMS_MAX;
	}
	return r;
}

static int reserve_scratch(struct view *v)
{
	struct view_scratch *s = &v->scratch;
	size_t docs = v->docs_end;
	void *raw = view_grow(s->raw, &s->cap_raw, docs, sizeof(*s->raw));
	void *smooth = view_grow(s->smooth, &s->cap_smooth, docs, sizeof(*s->smooth));
	void *touched = view_grow(s->touched, &s->cap_touched, v->n_sessions,
				  sizeof(*s->touched));
	void *hit = view_grow(s->hit, &s->cap_hit, v->n_sessions, sizeof(*s->hit));

	s->raw = raw ? raw : s->raw;
	s->smooth = smooth ? smooth : s->smooth;
	s->touched = touched ? touched : s->touched;
	s->hit = hit ? hit : s->hit;
	return raw && smooth && touched && hit ? 0 : -ENOMEM;
}

static void forget_last_search(struct view *v)
{
	struct view_scratch *s = &v->scratch;

	memset(s->raw, 0, v->docs_end * sizeof(*s->raw));
	for (size_t i = 0; i < s->n_hit; i++)
		v->sessions[s->hit[i]].score = 0;
	s->n_hit = 0;
}

/*
 * The weight of a term that stands in n of all documents. The 1 keeps it above
 * zero where more than half have the term.
 */
static float rarity(size_t all, size_t n)
{
	return logf(1 + ((float)(all - n) + 0.5F) / ((float)n + 0.5F));
}

/* BM25's denominator without tf: norm.fixed + norm.by_length * length. */
struct norm {
	float fixed, by_length;
};

static struct norm norm_for(uint64_t total_terms, size_t n)
{
	return (struct norm){ K1 * (1 - B), K1 * B * (float)n / (float)total_terms };
}

static float bm25(float weight, uint32_t tf, uint64_t length, struct norm n)
{
	float times = (float)tf;

	return weight * times * (K1 + 1) /
	       (times + n.fixed + n.by_length * (float)length);
}

/* A session is scored as if it were one text. */
static void score_sessions(struct view *v, float weight, size_t n)
{
	struct norm norm = norm_for(v->total_terms, v->n_filled);
	struct view_scratch *s = &v->scratch;
	struct session *x;

	weight *= rarity(v->n_filled, n);
	for (size_t i = 0; i < n; i++) {
		x = &v->sessions[s->touched[i]];
		if (x->score == 0)
			s->hit[s->n_hit++] = s->touched[i];
		x->score += bm25(weight, x->tf, x->terms, norm);
		x->tf = 0;
	}
}

static void score_term(struct view *v, const struct query_term *q)
{
	const struct term *t = &v->terms[q->number];
	const posting *p = term_postings(t);
	struct norm norm = norm_for(v->total_terms, v->n_docs);
	float weight = q->weight * rarity(v->n_docs, t->n);
	size_t n_touched = 0;

	for (uint32_t i = 0; i < t->n; i++) {
		uint32_t doc = p[i] >> POSTING_TF_BITS, tf = p[i] & POSTING_TF_MAX;
		struct session *s = &v->sessions[v->docs[doc].session];

		v->scratch.raw[doc] += bm25(weight, tf, v->docs[doc].terms, norm);
		if (s->tf == 0)
			v->scratch.touched[n_touched++] = v->docs[doc].session;
		s->tf += tf;
	}
	score_sessions(v, q->weight, n_touched);
}

#define NO_DOC UINT32_MAX

/* The two documents before this one and this one lend to each other. */
static void lend(struct view *v, uint32_t doc, uint32_t *last, uint32_t *second_last)
{
	struct view_scratch *s = &v->scratch;

	s->smooth[doc] = s->raw[doc];
	if (v->docs[doc].terms == 0)
		return;
	if (*last != NO_DOC) {
		s->smooth[doc] += NEXT_SHARE * s->raw[*last];
		s->smooth[*last] += NEXT_SHARE * s->raw[doc];
	}
	if (*second_last != NO_DOC) {
		s->smooth[doc] += SECOND_SHARE * s->raw[*second_last];
		s->smooth[*second_last] += SECOND_SHARE * s->raw[doc];
	}
	*second_last = *last;
	*last = doc;
}

static void smooth_session(struct view *v, const struct order *o)
{
	uint32_t last = NO_DOC, second_last = NO_DOC;

	for (uint32_t i = 0; i < o->n; i++) {
		struct span span = v->spans[order_at(o, i)];

		for (uint32_t k = 0; k < span_n(span); k++)
			lend(v, span.first + k, &last, &second_last);
	}
}

static float larger(float a, float b)
{
	return a > b ? a : b;
}

static float best_text(const struct view *v, uint32_t number)
{
	struct span span = v->spans[number];
	float best = 0;

	for (uint32_t i = 0; i < span_n(span); i++)
		best = larger(best, v->scratch.smooth[span.first + i]);
	return best;
}

/* What scores are divided by, so that texts and sessions can be added. */
struct maxima {
	float text, session;
};

static struct maxima smooth_all(struct view *v)
{
	const struct view_scratch *s = &v->scratch;
	struct maxima m = { 0, 0 };

	for (size_t i = 0; i < s->n_hit; i++) {
		const struct session *x = &v->sessions[s->hit[i]];

		smooth_session(v, &x->order);
		m.session = larger(m.session, x->score);
		for (uint32_t k = 0; k < x->order.n; k++)
			m.text = larger(m.text, best_text(v, order_at(&x->order, k)));
	}
	return m;
}

static uint64_t sent_key(struct hash128 h, bool from_user)
{
	return from_user ? h.lo : ~h.lo;
}

static int note_sent(struct view *v, const struct view_query *q)
{
	struct map64 *m = &v->scratch.sent;

	map64_clear(m);
	if (map64_reserve(m, q->n_sent))
		return -ENOMEM;
	for (size_t i = 0; i < q->n_sent; i++)
		map64_put(m, sent_key(q->sent[i].hash, q->sent[i].from_user),
			  (uint32_t)i);
	return 0;
}

static bool was_sent(const struct view *v, const struct view_query *q, struct hash128 h,
		     bool from_user)
{
	const uint32_t *i = map64_get(&v->scratch.sent, sent_key(h, from_user));

	return i && q->sent[*i].from_user == from_user && hash128_eq(q->sent[*i].hash, h);
}

static bool is_left_out(const struct view *v, const struct view_query *q,
			const struct entry *e)
{
	if (e->superseded || (e->expires_ms && e->expires_ms <= q->now_ms))
		return true;
	return was_sent(v, q, e->user_hash, true) ||
	       (entry_has_reply(e) && was_sent(v, q, e->reply_hash, false));
}

static struct view_hit hit_of(const struct view *v, uint32_t number)
{
	const struct entry *e = v->entries[number];
	const struct session *s = view_session(v, number);

	return (struct view_hit){
		.number = number,
		.id = e->id,
		.user_hash = e->user_hash,
		.seq = e->seq,
		.at_ms = e->at_ms,
		.session = { s->id, s->id_len },
		.user = entry_user(e),
		.reply = entry_reply(e),
	};
}

/* How a text is shown, by the score of its n passages from `first` on. */
static unsigned char shown(const struct view *v, uint32_t first, uint32_t n)
{
	const float *raw = v->scratch.raw + first;
	uint32_t best = 0;

	for (uint32_t i = 1; i < n; i++)
		best = raw[i] > raw[best] ? i : best;
	if (n == 0 || raw[best] == 0)
		return SHOWN_BRIEF;
	return (unsigned char)(n == 1 ? SHOWN_ENDS : SHOWN_PASSAGE + best);
}

static void note_shown(const struct view *v, uint32_t number, struct view_hit *h)
{
	struct span span = v->spans[number];

	h->user_shown = shown(v, span.first, span.n_user);
	h->reply_shown = shown(v, span.first + span.n_user, span.n_reply);
}

/* The best so far, in order; of equals the newer goes first. */
struct best {
	struct view_hit *v;
	size_t n, max;
};

static bool goes_before(const struct entry *e, double score, const struct view_hit *h)
{
	return score != h->score ? score > h->score : e->seq > h->seq;
}

/* Most are turned down by their score alone, before their entry is touched. */
static void offer(struct view *v, const struct view_query *q, struct best *b,
		  uint32_t number, double score)
{
	const struct entry *e;
	size_t at;

	if (b->n == b->max && score < b->v[b->n - 1].score)
		return;
	e = v->entries[number];
	if (b->n == b->max && !goes_before(e, score, &b->v[b->n - 1]))
		return;
	if (is_left_out(v, q, e))
		return;
	if (b->n < b->max)
		b->n++;
	for (at = b->n - 1; at > 0 && goes_before(e, score, &b->v[at - 1]); at--)
		b->v[at] = b->v[at - 1];
	b->v[at] = hit_of(v, number);
	b->v[at].score = score;
	note_shown(v, number, &b->v[at]);
}

static bool is_held(const struct view_query *q, const struct session *s)
{
	return q->held_session.len &&
	       str_eq(q->held_session, (struct str){ s->id, s->id_len });
}

static void offer_session(struct view *v, const struct view_query *q, struct best *b,
			  const struct session *s, const struct maxima *m)
{
	float share = SESSION_SHARE * s->score / m->session, text;

	if (is_held(q, s))
		return;
	for (uint32_t i = 0; i < s->order.n; i++) {
		text = best_text(v, order_at(&s->order, i));
		if (text > 0)
			offer(v, q, b, order_at(&s->order, i), text / m->text + share);
	}
}

enum view_result view_search(struct view *v, const struct view_query *q,
			     struct view_hit *ret, size_t max, size_t *n)
{
	struct view_scratch *s = &v->scratch;
	struct best best = { ret, 0, max };
	struct maxima m;
	int r = collect_terms(v, q);

	if (r == -ENOENT)
		return VIEW_NO_TERMS;
	if (r == 0 && (v->all.n == 0 || max == 0))
		return VIEW_NO_HIT;
	if (r || reserve_scratch(v) || note_sent(v, q))
		return VIEW_NO_MEMORY;
	forget_last_search(v);
	for (size_t i = 0; i < s->n_terms; i++)
		score_term(v, &s->terms[i]);
	m = smooth_all(v);
	for (size_t i = 0; i < s->n_hit; i++)
		offer_session(v, q, &best, &v->sessions[s->hit[i]], &m);
	*n = best.n;
	view_cut_twins(v, ret, n);
	return best.n ? VIEW_HITS : VIEW_NO_HIT;
}

enum view_result view_unsent(struct view *v, const struct view_query *q,
			     struct view_hit *ret, size_t max, size_t *n)
{
	size_t found = 0;
	uint32_t number;

	if (note_sent(v, q))
		return VIEW_NO_MEMORY;
	for (uint32_t i = v->all.n; i > 0; i--) {
		number = order_at(&v->all, i - 1);
		if (is_left_out(v, q, v->entries[number]) ||
		    is_held(q, view_session(v, number)))
			continue;
		if (found == max)
			return VIEW_NO_HIT;
		ret[found] = hit_of(v, number);
		ret[found].user_shown = ret[found].reply_shown = SHOWN_WHOLE;
		found++;
	}
	*n = found;
	view_cut_twins(v, ret, n);
	return found ? VIEW_HITS : VIEW_NO_HIT;
}

ssize_t view_tail(struct view *v, const struct view_query *q, struct str session,
		  struct view_hit *ret, size_t max)
{
	const uint32_t *known = map64_get(&v->session_of, hash128(session).lo);
	const struct order *o = known ? &v->sessions[*known].order : NULL;
	ssize_t n = 0;

	if (!o || !max)
		return 0;
	if (note_sent(v, q))
		return -ENOMEM;
	for (uint32_t i = o->n; i > 0 && (size_t)n < max; i--)
		if (!is_left_out(v, q, v->entries[order_at(o, i - 1)]))
			ret[n++] = hit_of(v, order_at(o, i - 1));
	return n;
}

void view_show_found(const struct view *v, struct view_hit *hits, size_t n)
{
	for (size_t i = 0; i < n; i++)
		note_shown(v, hits[i].number, &hits[i]);
}
