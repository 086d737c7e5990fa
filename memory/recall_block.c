/*
 * recall_block.c - the blocks that answer a question.
 *
 * First those that earlier requests of the conversation put in, for the turns that
 * the client resends: the upstream's prompt cache knows them. What is in one of
 * these counts as sent. Then a new one for the last turn, unless it has one.
 */
#include "memory/render.h"
#include "memory/service.h"
#include "memory/sticky.h"
#include "memory/tokens.h"

#include <stdlib.h>
#include <string.h>

enum {
	CANDIDATES = 64, /* exchanges; fills 4000 tokens where turns are short */
	/* The blocks of a conversation may come to so many budgets, */
	CAP_BUDGETS = 3,
	/* also put together from turns that others had; a budget may have been lowered,
	 */
	RESENT_BUDGETS = 4 * CAP_BUDGETS,
	/* and less than one part in so many of one is not worth a block. */
	LEAST_SHARE = 2,
	/* Of a session given back, so many exchanges are shown as a hit is, */
	TAIL_IN_FULL = 2,
	/* and it gets one part in so many of the budget. */
	TAIL_SHARE = 2,
};

struct recalling {
	struct memory *m;
	struct question *q;
	struct view *view;
	uint64_t now_ms;
	struct recall_put *puts; /* room for one a turn */
	size_t n_puts;
	struct sent_text *sent; /* what the request holds, with what its blocks do */
	size_t n_sent, cap_sent;
	size_t n_exchanges, tokens; /* of the blocks so far */
};

/*
 * Twelve hexadecimal digits that nobody can tell beforehand and that are the
 * same whenever the turn is rendered. The first is made a decimal digit: the
 * mark by which clean_text() knows our tags from words like <memory-management>.
 */
static struct str nonce(const struct recalling *r, struct str session,
			const struct turn_key *turn, char ret[65])
{
	const struct partition *p = &r->q->q.partition;
	const struct str parts[] = {
		STR("delimiter"),
		p->tenant,
		p->user,
		session,
		{ (const char *)&turn->user, sizeof(turn->user) },
		{ (const char *)&turn->prev, sizeof(turn->prev) },
	};
	struct digest d = digest_hmac(store_secret(r->m->store), parts,
				      sizeof(parts) / sizeof(*parts));

	digest_hex(&d, ret);
	ret[0] = (char)('0' + d.b[0] % 10);
	return (struct str){ ret, 12 };
}

static int render(const struct recalling *r, struct str session,
		  const struct turn_key *turn, const struct view_hit *hits, size_t n,
		  size_t budget, struct render_result *ret)
{
	char hex[65];

	return render_block(hits, n, budget, nonce(r, session, turn, hex),
			    r->q->msg.arena, ret);
}

static void put(struct recalling *r, size_t turn, const struct render_result *block,
		bool resent)
{
	r->puts[r->n_puts++] = (struct recall_put){ turn, block->block, resent };
	r->n_exchanges += block->n_exchanges;
	r->tokens += block->tokens;
}

static int count_as_sent(struct recalling *r, const struct view_hit *hits, size_t n)
{
	struct sent_text *grown;

	if (r->n_sent + n > r->cap_sent) {
		r->cap_sent = 2 * (r->n_sent + n);
		grown = arena_alloc(r->q->msg.arena, r->cap_sent * sizeof(*grown));
		if (!grown)
			return -1;
		if (r->n_sent)
			memcpy(grown, r->sent, r->n_sent * sizeof(*grown));
		r->sent = grown;
	}
	for (size_t i = 0; i < n; i++)
		r->sent[r->n_sent++] = (struct sent_text){ true, hits[i].user_hash };
	return 0;
}

/* Without those that have been forgotten or have expired. */
static size_t find_sources(const struct recalling *r, struct str sources,
			   struct view_hit *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < sticky_count(sources); i++) {
		ret[n] = (struct view_hit){ 0 };
		sticky_source(sources, i, &ret[n]);
		n += view_get(r->view, r->now_ms, &ret[n]);
	}
	return n;
}

static int put_back(struct recalling *r, size_t turn, const struct sticky_record *record)
{
	struct str sources = sticky_sources(record);
	struct view_hit *hits =
		arena_alloc(r->q->msg.arena, sticky_count(sources) * sizeof(*hits));
	struct render_result block = { 0 };
	size_t n;

	if (!hits)
		return -1;
	n = find_sources(r, sources, hits);
	if (!n)
		return 0;
	if (render(r, sticky_session(record), &r->q->q.turns[turn], hits, n, SIZE_MAX,
		   &block) ||
	    count_as_sent(r, hits, n))
		return -1;
	put(r, turn, &block, true);
	return 0;
}

/* This session itself had the turn: its exchange, with the reply that is before the next
 * turn, lies in it. */
static bool was_here(const struct recalling *r, size_t turn)
{
	const struct recall_question *q = &r->q->q;
	struct str session = { NULL, 0 };

	if (turn + 1 < q->n_turns)
		session = view_session_of_reply(r->view, q->turns[turn + 1].prev);
	return session.p && str_eq(session, r->q->answer.session);
}

/*
 * Another conversation may have begun with the same words: its block counts for what
 * this one took over from it, not for a new turn, nor for one that went without here.
 */
static const struct sticky_record *record_of(const struct recalling *r, size_t turn)
{
	const struct recall_question *q = &r->q->q;
	bool is_new = q->want_block && turn == q->n_turns - 1;

	return sticky_find(view_sticky(r->view), r->q->answer.session,
			   !is_new && !was_here(r, turn), q->turns[turn].user,
			   q->turns[turn].prev, r->now_ms);
}

static int put_all_back(struct recalling *r)
{
	size_t most = RESENT_BUDGETS * r->q->q.budget_tokens;
	const struct sticky_record *record;

	for (size_t i = 0; i < r->q->q.n_turns && r->tokens < most; i++) {
		record = record_of(r, i);
		if (record && put_back(r, i, record))
			return -1;
	}
	return 0;
}

static bool last_has_one(const struct recalling *r)
{
	return r->n_puts && r->puts[r->n_puts - 1].turn == r->q->q.n_turns - 1;
}

/* --- a new block ---------------------------------------------------------------- */

/* About what an exchange takes of the budget. */
static size_t cost(const struct view_hit *h)
{
	return tokens_estimate(h->user) + tokens_estimate(h->reply);
}

/*
 * What a client that sends one message at a time under a session id leaves to us: the
 * newest of the session. The last ones in full, the others in short.
 */
static size_t take_tail(struct recalling *r, const struct view_query *vq,
			struct view_hit *hits)
{
	const struct recall_question *q = &r->q->q;
	size_t max = q->backfill < CANDIDATES / 2 ? q->backfill : CANDIDATES / 2;
	size_t room = q->budget_tokens / TAIL_SHARE, n = 0;
	ssize_t found = view_tail(r->view, vq, r->q->answer.session, hits, max);

	for (; (ssize_t)n < found; n++) {
		hits[n].user_shown = hits[n].reply_shown =
			n < TAIL_IN_FULL ? SHOWN_ENDS : SHOWN_BRIEF;
		if (n && cost(&hits[n]) > room)
			break;
		room -= cost(&hits[n]) < room ? cost(&hits[n]) : room;
	}
	return n;
}

static bool is_among(const struct view_hit *h, const struct view_hit *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (exchange_id_eq(&h->id, &v[i].id))
			return true;
	return false;
}

/* Behind the first n; how many there are then. */
static size_t append_others(struct view_hit *hits, size_t n, const struct view_hit *more,
			    size_t n_more)
{
	size_t first = n;

	for (size_t i = 0; i < n_more && n < CANDIDATES; i++)
		if (!is_among(&more[i], hits, first))
			hits[n++] = more[i];
	return n;
}

static bool render_each(const struct recalling *r, const struct view_hit *hits, size_t n,
			size_t budget, struct render_result *ret)
{
	const struct recall_question *q = &r->q->q;

	return render(r, r->q->answer.session, &q->turns[q->n_turns - 1], hits, n, budget,
		      ret) == 0 &&
	       ret->n_exchanges == n;
}

/*
 * Where everything that the client has not sent fits, all of it goes in; if need be
 * with long texts cut to what the search just before found in them.
 */
static bool render_all(const struct recalling *r, const struct view_query *vq,
		       size_t budget, struct render_result *ret)
{
	struct view_hit hits[CANDIDATES];
	size_t n = 0;

	if (r->q->answer.partial ||
	    view_unsent(r->view, vq, hits, CANDIDATES, &n) != VIEW_HITS)
		return false;
	if (render_each(r, hits, n, budget, ret))
		return true;
	view_show_found(r->view, hits, n);
	return render_each(r, hits, n, budget, ret);
}

static enum recall_status render_hits(struct recalling *r, const struct view_query *vq,
				      size_t budget, struct render_result *ret)
{
	const struct recall_question *q = &r->q->q;
	struct view_hit hits[CANDIDATES], found[CANDIDATES];
	size_t n = q->backfill ? take_tail(r, vq, hits) : 0, n_found = 0;
	enum view_result result = view_search(r->view, vq, found, CANDIDATES, &n_found);

	if (result == VIEW_NO_MEMORY)
		return RECALL_DEGRADED_STORE;
	if (result == VIEW_NO_TERMS && !n)
		return RECALL_NO_TERMS;
	r->q->answer.backfilled = n > 0;
	if (result != VIEW_NO_TERMS && render_all(r, vq, budget, ret))
		return RECALL_BLOCK;
	n = append_others(hits, n, found, n_found);
	*ret = (struct render_result){ 0 };
	if (n && render(r, r->q->answer.session, &q->turns[q->n_turns - 1], hits, n,
			budget, ret))
		return RECALL_DEGRADED_STORE;
	return ret->n_exchanges ? RECALL_BLOCK : RECALL_NO_HIT;
}

static enum recall_status put_new(struct recalling *r)
{
	const struct recall_question *q = &r->q->q;
	const struct view_query vq = {
		.text = q->text,
		.earlier_text = q->earlier_text,
		.sent = r->sent,
		.n_sent = r->n_sent,
		.held_session = q->reply_id.lo || q->reply_id.hi ? r->q->answer.session
								 : (struct str){ 0 },
		.now_ms = r->now_ms,
	};
	size_t left = CAP_BUDGETS * q->budget_tokens;
	struct render_result block = { 0 };
	enum recall_status status;

	left -= r->tokens < left ? r->tokens : left;
	if (left < q->budget_tokens / LEAST_SHARE)
		return RECALL_CAP;
	status = render_hits(r, &vq, left < q->budget_tokens ? left : q->budget_tokens,
			     &block);
	r->q->answer.backfilled &= status == RECALL_BLOCK;
	if (status != RECALL_BLOCK)
		return status;
	r->q->answer.sources =
		sticky_pack(block.hits, block.n_exchanges, r->q->msg.arena);
	if (!r->q->answer.sources.p)
		return RECALL_DEGRADED_STORE;
	put(r, q->n_turns - 1, &block, false);
	return RECALL_BLOCK;
}

void recall_blocks(struct memory *m, struct question *q, enum recall_status *status)
{
	struct recalling r = {
		.m = m,
		.q = q,
		.view = q->slot->view,
		.now_ms = clock_wall_ms(m->deps.clock),
		.puts = arena_alloc(q->msg.arena, q->q.n_turns * sizeof(*r.puts)),
		.n_sent = q->q.n_sent,
	};

	if (!r.view || !q->q.n_turns || !q->q.want_resent)
		return;
	r.sent = arena_alloc(q->msg.arena, q->q.n_sent * sizeof(*r.sent));
	r.cap_sent = q->q.n_sent;
	if (!r.puts || !r.sent) {
		*status = RECALL_DEGRADED_STORE;
		return;
	}
	if (q->q.n_sent)
		memcpy(r.sent, q->q.sent, q->q.n_sent * sizeof(*r.sent));
	if (put_all_back(&r))
		*status = RECALL_DEGRADED_STORE;
	else if (q->q.want_block && !last_has_one(&r))
		*status = put_new(&r);
	q->answer.puts = r.puts;
	q->answer.n_puts = r.n_puts;
	q->answer.n_exchanges = r.n_exchanges;
	q->answer.tokens = r.tokens;
}

size_t recall_missing(struct memory *m, struct question *q, struct exchange_id *ret,
		      size_t max)
{
	struct recalling r = {
		.m = m,
		.q = q,
		.view = q->slot->view,
		.now_ms = clock_wall_ms(m->deps.clock),
	};
	const struct sticky_record *record;
	struct view_hit hit;
	size_t n = 0;

	if (!r.view || !q->q.want_resent)
		return 0;
	for (size_t turn = 0; turn < q->q.n_turns; turn++) {
		record = record_of(&r, turn);
		for (size_t i = 0; record && i < sticky_count(sticky_sources(record));
		     i++) {
			sticky_source(sticky_sources(record), i, &hit);
			if (n < max && !view_get(r.view, r.now_ms, &hit))
				ret[n++] = hit.id;
		}
	}
	return n;
}
