/*
 * view.c - what a view holds: exchanges, sessions in order, postings.
 *
 * An exchange is added in two parts: all that may fail first, then what cannot,
 * so that running out of memory leaves the view as it was. The one exception,
 * postings, is taken back by popping them: a list's last posting is always that
 * of the newest document.
 */
#include "memory/clean.h"
#include "memory/view_index.h"
#include "store/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct view *view_new(struct words *w)
{
	struct view *v = calloc(1, sizeof(*v));

	if (v)
		v->words = w;
	return v;
}

static void sessions_free(struct view *v)
{
	for (uint32_t i = 0; i < v->n_sessions; i++) {
		free(v->sessions[i].id);
		free(v->sessions[i].order.v);
	}
	free(v->sessions);
}

static void scratch_free(struct view_scratch *s)
{
	free(s->raw);
	free(s->smooth);
	free(s->touched);
	free(s->hit);
	free(s->terms);
	map64_done(&s->asked);
	map64_done(&s->sent);
}

void view_free(struct view *v)
{
	if (!v)
		return;
	for (uint32_t i = 0; i < v->n_entries; i++)
		free(v->entries[i]);
	free(v->entries);
	free(v->spans);
	free(v->docs);
	free(v->all.v);
	free(v->tokens);
	view_terms_free(v);
	sessions_free(v);
	scratch_free(&v->scratch);
	map64_done(&v->term_of);
	map64_done(&v->session_of);
	map64_done(&v->of_reply);
	map64_done(&v->of_texts);
	map64_done(&v->of_id);
	sticky_done(&v->sticky);
	free(v);
}

void *view_grow(void *p, size_t *cap, size_t n, size_t size)
{
	size_t more = *cap < 8 ? 8 : *cap + *cap / 2;

	if (n <= *cap)
		return p;
	if (more < n)
		more = n;
	p = realloc(p, more * size);
	if (p)
		*cap = more;
	return p;
}

/* Room for one more at the front or at the end; more is made where it is short. */
static int order_reserve(struct view *v, struct order *o, bool front)
{
	uint32_t extra = o->n < 8 ? 4 : o->n / 2, cap = o->cap + extra;
	uint32_t head = o->head + (front ? extra : 0);
	uint32_t *moved;

	if (front ? o->head > 0 : o->head + o->n < o->cap)
		return 0;
	moved = malloc(cap * sizeof(*moved));
	if (!moved)
		return -ENOMEM;
	if (o->n)
		memcpy(moved + head, o->v + o->head, o->n * sizeof(*moved));
	free(o->v);
	*o = (struct order){ .v = moved, .head = head, .n = o->n, .cap = cap };
	v->bytes += extra * sizeof(*moved);
	return 0;
}

static bool goes_to_front(const struct order *o, uint32_t at)
{
	return at == 0 && o->n > 0;
}

static void order_insert(struct order *o, uint32_t at, uint32_t number)
{
	uint32_t *p;

	if (goes_to_front(o, at))
		o->head--;
	p = o->v + o->head + at;
	if (!goes_to_front(o, at))
		memmove(p + 1, p, (o->n - at) * sizeof(*p));
	*p = number;
	o->n++;
}

/* The same without a choice of the end: one has just been taken out behind `at`. */
static void order_put_back(struct order *o, uint32_t at, uint32_t number)
{
	uint32_t *p = o->v + o->head + at;

	memmove(p + 1, p, (o->n - at) * sizeof(*p));
	*p = number;
	o->n++;
}

/* Where `seq` stands or would stand. */
static uint32_t order_find(const struct view *v, const struct order *o, uint64_t seq)
{
	uint32_t low = 0, high = o->n;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (v->entries[order_at(o, mid)]->seq < seq)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* The session's number, -ENOMEM where it is new and there is no room. */
static int session_get(struct view *v, struct str id, uint32_t *ret)
{
	uint64_t key = hash128(id).lo;
	const uint32_t *known = map64_get(&v->session_of, key);
	struct session *s, *grown;

	if (known) {
		*ret = *known;
		return 0;
	}
	grown = view_grow(v->sessions, &v->cap_sessions, v->n_sessions + 1u, sizeof(*s));
	if (!grown)
		return -ENOMEM;
	v->sessions = grown;
	if (map64_reserve(&v->session_of, 1))
		return -ENOMEM;
	s = &v->sessions[v->n_sessions];
	*s = (struct session){ .id = malloc(id.len + 1), .id_len = (uint32_t)id.len };
	if (!s->id)
		return -ENOMEM;
	if (id.len)
		memcpy(s->id, id.p, id.len);
	v->bytes += id.len + 1;
	map64_put(&v->session_of, key, v->n_sessions);
	*ret = v->n_sessions++;
	return 0;
}

static bool is_zero(struct hash128 h)
{
	return h.lo == 0 && h.hi == 0;
}

static uint64_t texts_key(struct hash128 user, struct hash128 reply)
{
	return user.lo ^ (reply.lo << 1 | reply.lo >> 63);
}

static struct entry *entry_new(const struct exchange *x)
{
	struct entry *e = malloc(sizeof(*e) + x->user.len + x->reply.len);
	struct hash128 user = turn_hash(x->user), reply = { 0, 0 };

	if (!e)
		return NULL;
	if (x->reply.len)
		reply = turn_hash(x->reply);
	*e = (struct entry){
		.id = x->id,
		.seq = x->seq,
		.at_ms = x->at_ms,
		.expires_ms = x->expires_ms,
		/* Kept by a version that had no hashes: the texts are all there is. */
		.user_hash = is_zero(x->user_hash) ? user : x->user_hash,
		.reply_hash = is_zero(x->reply_hash) ? reply : x->reply_hash,
		.reply_id = x->reply_id,
		.texts_key = texts_key(user, reply),
		.user_len = (uint32_t)x->user.len,
		.reply_len = (uint32_t)x->reply.len,
	};
	thumb_make(x->user, &e->user_thumb);
	if (x->user.len)
		memcpy(e->text, x->user.p, x->user.len);
	if (x->reply.len)
		memcpy(e->text + x->user.len, x->reply.p, x->reply.len);
	return e;
}

static size_t entry_bytes(const struct entry *e)
{
	return sizeof(*e) + e->user_len + e->reply_len;
}

static int reserve_number(struct view *v)
{
	struct entry **entries = view_grow(v->entries, &v->cap_entries, v->n_entries + 1u,
					   sizeof(struct entry *));
	struct span *spans;

	if (!entries)
		return -ENOMEM;
	v->entries = entries;
	spans = view_grow(v->spans, &v->cap_spans, v->n_entries + 1u, sizeof(*spans));
	if (!spans)
		return -ENOMEM;
	v->spans = spans;
	return 0;
}

/* Everything that may fail, but for the postings. */
static int reserve(struct view *v, const struct exchange *x, uint32_t *session)
{
	const struct order *o;
	int r = reserve_number(v);

	if (!r)
		r = session_get(v, x->session, session);
	if (!r)
		r = map64_reserve(&v->of_reply, 2);
	if (!r)
		r = map64_reserve(&v->of_id, 1);
	if (!r)
		r = map64_reserve(&v->of_texts, 1);
	if (r)
		return r;
	r = order_reserve(v, &v->all,
			  goes_to_front(&v->all, order_find(v, &v->all, x->seq)));
	if (r)
		return r;
	o = &v->sessions[*session].order;
	return order_reserve(v, &v->sessions[*session].order,
			     goes_to_front(o, order_find(v, o, x->seq)));
}

/* Puts the exchange under the key unless a newer one is there; gives who gave way. */
static struct entry *keep_newest(struct view *v, struct map64 *m, uint64_t key,
				 uint32_t number)
{
	const uint32_t *known = map64_get(m, key);
	struct entry *other = known ? v->entries[*known] : NULL;

	if (other && other->seq > v->entries[number]->seq)
		return v->entries[number];
	map64_put(m, key, number);
	return other;
}

static void mark_newest(struct view *v, uint32_t number)
{
	const struct entry *e = v->entries[number];
	struct entry *older = keep_newest(v, &v->of_texts, e->texts_key, number);

	if (older)
		older->superseded = true;
	if (entry_has_reply(e))
		keep_newest(v, &v->of_reply, e->reply_hash.lo, number);
	if (!is_zero(e->reply_id))
		keep_newest(v, &v->of_reply, e->reply_id.lo, number);
}

static uint64_t id_key(const struct exchange_id *id)
{
	uint64_t key;

	memcpy(&key, id->b, sizeof(key));
	return key;
}

static void commit_docs(struct view *v, struct span span)
{
	struct session *s = &v->sessions[span.session];

	for (uint32_t i = 0; i < span_n(span); i++) {
		struct doc *d = &v->docs[span.first + i];

		d->session = span.session;
		v->n_filled += s->terms == 0 && d->terms > 0;
		s->terms += d->terms;
		v->total_terms += d->terms;
	}
	v->n_docs += span_n(span);
	v->docs_end += span_n(span);
}

static void commit(struct view *v, struct entry *e, struct span span)
{
	struct order *o = &v->sessions[span.session].order;
	uint32_t number = v->n_entries++;

	v->spans[number] = span;
	commit_docs(v, span);
	v->entries[number] = e;
	v->bytes += entry_bytes(e);
	order_insert(&v->all, order_find(v, &v->all, e->seq), number);
	order_insert(o, order_find(v, o, e->seq), number);
	map64_put(&v->of_id, id_key(&e->id), number);
	mark_newest(v, number);
}

static bool has_seq(const struct view *v, uint64_t seq)
{
	uint32_t at = order_find(v, &v->all, seq);

	return at < v->all.n && v->entries[order_at(&v->all, at)]->seq == seq;
}

static void order_remove(struct order *o, uint32_t at)
{
	uint32_t *p = o->v + o->head + at;

	memmove(p, p + 1, (o->n - at - 1) * sizeof(*p));
	o->n--;
}

static void take_out(struct view *v, uint32_t number)
{
	struct order *o = &view_session(v, number)->order;
	uint64_t seq = v->entries[number]->seq;

	order_remove(&v->all, order_find(v, &v->all, seq));
	order_remove(o, order_find(v, o, seq));
}

/*
 * Whether it is there, though one of the two is provisional (store/store.h); then it
 * gets the place of the log. There is room: it has just left one.
 */
static bool settle(struct view *v, const struct exchange *x)
{
	const uint32_t *known = map64_get(&v->of_id, id_key(&x->id));
	struct entry *e = known && v->entries ? v->entries[*known] : NULL;
	struct order *o;
	uint32_t number;

	if (!e || !exchange_id_eq(&e->id, &x->id) ||
	    (x->seq < STORE_SEQ_PROVISIONAL && e->seq < STORE_SEQ_PROVISIONAL))
		return false;
	if (e->seq < STORE_SEQ_PROVISIONAL || e->seq == x->seq)
		return true;
	number = *known;
	take_out(v, number);
	o = &view_session(v, number)->order;
	e->seq = x->seq;
	order_put_back(&v->all, order_find(v, &v->all, e->seq), number);
	order_put_back(o, order_find(v, o, e->seq), number);
	return true;
}

int view_add(struct view *v, const struct exchange *x)
{
	struct adding a;
	struct entry *e;

	if (x->state == EXCHANGE_BLOCK)
		return sticky_add(&v->sticky, x);
	if (has_seq(v, x->seq) || settle(v, x))
		return 0;
	e = entry_new(x);
	if (!e || view_collect_tokens(v, x, &a))
		goto fail;
	e->reply_is_nod = view_reply_is_nod(v, x, &a);
	if (e->reply_is_nod)
		e->texts_key = texts_key(turn_hash(x->user), (struct hash128){ 0, 0 });
	if (reserve(v, x, &a.span.session))
		goto fail;
	if (view_index_tokens(v, &a)) {
		view_take_back(v);
		goto fail;
	}
	commit(v, e, a.span);
	return 0;
fail:
	free(e);
	return -ENOMEM;
}

static void order_pop(struct order *o)
{
	o->head++;
	o->n--;
}

static void drop_oldest(struct view *v)
{
	uint32_t number = order_at(&v->all, 0);
	struct entry *e = v->entries[number];

	order_pop(&v->all);
	order_pop(&view_session(v, number)->order);
	v->bytes -= entry_bytes(e);
	free(e);
	v->entries[number] = NULL;
}

static struct exchange entry_exchange(const struct view *v, uint32_t number)
{
	const struct entry *e = v->entries[number];
	const struct session *s = view_session(v, number);

	return (struct exchange){
		.id = e->id,
		.seq = e->seq,
		.session = { s->id, s->id_len },
		.at_ms = e->at_ms,
		.expires_ms = e->expires_ms,
		.user_hash = e->user_hash,
		.reply_hash = e->reply_hash,
		.reply_id = e->reply_id,
		.user = entry_user(e),
		.reply = entry_reply(e),
	};
}

static int copy_sticky(const struct view *v, uint64_t first, struct view *to)
{
	int r = 0;

	for (uint32_t i = 0; i < v->sticky.n && !r; i++) {
		const struct sticky_record *s = &v->sticky.v[i];
		const struct exchange x = {
			.id = s->id,
			.seq = s->seq,
			.session = sticky_session(s),
			.state = EXCHANGE_BLOCK,
			.at_ms = s->at_ms,
			.expires_ms = s->expires_ms,
			.user_hash = s->user,
			.prev_hash = s->prev,
			.sources = sticky_sources(s),
		};

		if (!s->seq || s->seq >= first)
			r = sticky_add(&to->sticky, &x);
	}
	return r;
}

/* Without what trimmed exchanges left behind. Out of memory: it stays a little longer. */
static void rebuild(struct view *v, uint64_t first)
{
	struct view *fresh = view_new(v->words), old;
	struct exchange x;
	int r = 0;

	for (uint32_t i = 0; fresh && i < v->all.n && !r; i++) {
		x = entry_exchange(v, order_at(&v->all, i));
		r = view_add(fresh, &x);
	}
	r = fresh && !r ? copy_sticky(v, first, fresh) : r;
	if (fresh && !r) {
		old = *v;
		*v = *fresh;
		*fresh = old;
	}
	view_free(fresh);
}

void view_trim(struct view *v, uint64_t first)
{
	enum { WORTH_IT = 64 };
	uint32_t dead;

	while (v->all.n && v->entries[order_at(&v->all, 0)]->seq < first)
		drop_oldest(v);
	dead = v->n_entries - v->all.n;
	if (dead > v->all.n && dead > WORTH_IT)
		rebuild(v, first);
}

static bool is_among(const struct exchange_id *id, const struct exchange *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (exchange_id_eq(id, &x[i].id))
			return true;
	return false;
}

void view_settle(struct view *v, const struct exchange *x, size_t n)
{
	bool dropped = false;

	for (uint32_t i = v->all.n; i-- > 0;) {
		uint32_t number = order_at(&v->all, i);
		struct entry *e = v->entries[number];

		if (e->seq < STORE_SEQ_PROVISIONAL)
			break;
		if (is_among(&e->id, x, n))
			continue;
		take_out(v, number);
		v->bytes -= entry_bytes(e);
		free(e);
		v->entries[number] = NULL;
		dropped = true;
	}
	if (dropped) /* others may have given way to it */
		rebuild(v, 0);
}

static size_t scratch_bytes(const struct view_scratch *s)
{
	return (s->cap_raw + s->cap_smooth) * sizeof(*s->raw) +
	       (s->cap_touched + s->cap_hit) * sizeof(*s->hit) +
	       s->cap_terms * sizeof(*s->terms) + map64_bytes(&s->asked) +
	       map64_bytes(&s->sent);
}

size_t view_bytes(const struct view *v)
{
	return sizeof(*v) + v->bytes + v->cap_entries * sizeof(*v->entries) +
	       v->cap_spans * sizeof(*v->spans) + v->cap_docs * sizeof(*v->docs) +
	       v->cap_terms * sizeof(*v->terms) + v->cap_sessions * sizeof(*v->sessions) +
	       v->cap_tokens * sizeof(*v->tokens) + map64_bytes(&v->term_of) +
	       map64_bytes(&v->session_of) + map64_bytes(&v->of_reply) +
	       map64_bytes(&v->of_texts) + map64_bytes(&v->of_id) +
	       sticky_bytes(&v->sticky) + scratch_bytes(&v->scratch);
}

size_t view_exchanges(const struct view *v)
{
	return v->all.n;
}

struct str view_session_of_reply(const struct view *v, struct hash128 reply)
{
	const uint32_t *number = map64_get(&v->of_reply, reply.lo);
	const struct entry *e = number ? v->entries[*number] : NULL;
	const struct session *s;

	if (!e || !(hash128_eq(e->reply_hash, reply) || hash128_eq(e->reply_id, reply)))
		return (struct str){ NULL, 0 };
	s = view_session(v, *number);
	return (struct str){ s->id, s->id_len };
}

bool view_get(const struct view *v, uint64_t now_ms, struct view_hit *hit)
{
	const uint32_t *number = map64_get(&v->of_id, id_key(&hit->id));
	const struct entry *e = number ? v->entries[*number] : NULL;
	const struct session *s;

	if (!e || !exchange_id_eq(&e->id, &hit->id) ||
	    (e->expires_ms && e->expires_ms <= now_ms))
		return false;
	s = view_session(v, *number);
	hit->user_hash = e->user_hash;
	hit->number = *number;
	hit->seq = e->seq;
	hit->at_ms = e->at_ms;
	hit->session = (struct str){ s->id, s->id_len };
	hit->user = entry_user(e);
	hit->reply = entry_reply(e);
	return true;
}

struct sticky *view_sticky(struct view *v)
{
	return &v->sticky;
}

void view_pack_shown(const struct view_hit *h, unsigned char ret[VIEW_SHOWN_BYTES])
{
	ret[0] = h->user_shown;
	ret[1] = h->reply_shown;
}

void view_unpack_shown(struct view_hit *h, const unsigned char p[VIEW_SHOWN_BYTES])
{
	h->user_shown = p[0];
	h->reply_shown = p[1];
}
