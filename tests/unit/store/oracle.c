/* oracle.c - what a store ought to answer, in the plainest way there is. */
#include "oracle.h"

#include "base/arena.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PARTS = 64, MAX_EXCHANGES = 20000, MAX_GONE = 20000 };

struct part {
	struct partition name;
	bool there, paused;
	uint64_t epoch, forgot, head, changed_ms;
};

enum why { FORGOTTEN, SUPERSEDED, SESSION };

struct gone {
	struct part *p;
	enum why why;
	struct exchange_id id; /* FORGOTTEN, SUPERSEDED */
	struct str session;    /* SESSION */
	uint64_t epoch, seq, at_ms;
};

struct oracle {
	struct part parts[MAX_PARTS];
	struct exchange log[MAX_EXCHANGES]; /* in order of arrival */
	struct gone gone[MAX_GONE];
	size_t n_parts, n_log, n_gone;
	uint64_t next_epoch;
	struct answer a;
	struct exchange exchanges[MAX_EXCHANGES];
	struct store_user users[MAX_PARTS];
	struct store_session sessions[MAX_EXCHANGES];
};

struct oracle *oracle_new(struct arena *mem)
{
	struct oracle *o = arena_alloc(mem, sizeof(*o));

	if (o != NULL)
		o->next_epoch = 1;
	return o;
}

size_t oracle_exchanges(const struct oracle *o)
{
	return o->n_log;
}

static bool same_name(const struct partition *a, const struct partition *b)
{
	return str_eq(a->tenant, b->tenant) && str_eq(a->user, b->user);
}

static struct part *find_part(struct oracle *o, const struct partition *name)
{
	struct part *p;

	for (size_t i = 0; i < o->n_parts; i++)
		if (same_name(&o->parts[i].name, name))
			return &o->parts[i];
	if (o->n_parts == MAX_PARTS)
		abort();
	p = &o->parts[o->n_parts++];
	p->name = *name;
	return p;
}

static void make_part(struct oracle *o, struct part *p)
{
	if (p->there)
		return;
	*p = (struct part){ .name = p->name, .there = true, .epoch = o->next_epoch };
}

static bool of(const struct exchange *x, const struct part *p)
{
	return same_name(&x->partition, &p->name);
}

static bool is_block(const struct exchange *x)
{
	return x->state == EXCHANGE_BLOCK;
}

static size_t count(const struct oracle *o, const struct part *p, bool blocks)
{
	size_t n = 0;

	for (size_t i = 0; i < o->n_log; i++)
		n += of(&o->log[i], p) && (blocks || !is_block(&o->log[i]));
	return n;
}

static struct exchange *find(struct oracle *o, const struct part *p,
			     const struct exchange_id *id)
{
	for (size_t i = 0; i < o->n_log; i++)
		if (of(&o->log[i], p) && exchange_id_eq(&o->log[i].id, id))
			return &o->log[i];
	return NULL;
}

static void drop(struct oracle *o, const struct exchange *x)
{
	size_t i = (size_t)(x - o->log);

	memmove(&o->log[i], &o->log[i + 1], (--o->n_log - i) * sizeof(*o->log));
}

static void note_gone(struct oracle *o, const struct gone *g)
{
	if (o->n_gone == MAX_GONE)
		abort();
	o->gone[o->n_gone++] = *g;
}

/* The latest note of an exchange or, with why == SESSION, of a session. */
static const struct gone *find_gone(const struct oracle *o, const struct part *p,
				    enum why why, const struct exchange *x)
{
	for (size_t i = o->n_gone; i-- > 0;) {
		const struct gone *g = &o->gone[i];

		if (g->p != p || (g->why == SESSION) != (why == SESSION))
			continue;
		if (why == SESSION ? str_eq(g->session, x->session)
				   : exchange_id_eq(&g->id, &x->id))
			return g;
	}
	return NULL;
}

static bool may_be_child(const struct oracle *o, const struct exchange *sibling,
			 const struct exchange *x)
{
	for (size_t i = 0; i < o->n_log; i++) {
		const struct exchange *y = &o->log[i];

		if (same_name(&y->partition, &x->partition) &&
		    str_eq(y->session, x->session) && y->seq >= sibling->seq &&
		    digest_eq(&y->reply_digest, &x->prev))
			return true;
	}
	return false;
}

static bool is_sibling(const struct oracle *o, const struct exchange *old,
		       const struct exchange *x)
{
	return same_name(&old->partition, &x->partition) &&
	       str_eq(old->session, x->session) && old->session_named &&
	       digest_eq(&old->prev, &x->prev) && !may_be_child(o, old, x);
}

static void supersede(struct oracle *o, struct part *p, const struct exchange *x,
		      uint64_t now)
{
	bool doomed[MAX_EXCHANGES] = { false }, any = false;

	if (!x->session_named || x->state != EXCHANGE_COMPLETE ||
	    digest_is_zero(&x->prev))
		return;
	for (size_t i = 0; i < o->n_log; i++)
		any |= doomed[i] = is_sibling(o, &o->log[i], x);
	p->epoch += any;
	for (size_t i = o->n_log; i-- > 0;) {
		const struct exchange *old = &o->log[i];

		if (!doomed[i])
			continue;
		note_gone(o, &(struct gone){ .p = p,
					     .why = SUPERSEDED,
					     .id = old->id,
					     .epoch = p->epoch,
					     .seq = old->seq,
					     .at_ms = now });
		drop(o, old);
	}
}

static int refuse(struct oracle *o, struct part *p, const struct call *c, uint64_t *seq)
{
	const struct exchange *known = find(o, p, &c->x.id);
	const struct gone *g = find_gone(o, p, FORGOTTEN, &c->x);
	const struct gone *s = find_gone(o, p, SESSION, &c->x);

	if (!p->there)
		return c->epoch != 0 && c->epoch < o->next_epoch ? -ESTALE : 1;
	if (known != NULL) {
		*seq = known->seq;
		return 0;
	}
	if (g != NULL && g->why == SUPERSEDED && c->epoch < g->epoch) {
		*seq = g->seq;
		return 0;
	}
	if ((g != NULL && c->epoch < g->epoch) || c->epoch < p->forgot ||
	    (s != NULL && c->epoch < s->epoch))
		return -ESTALE;
	return p->paused ? -EPERM : 1;
}

static void append(struct oracle *o, const struct call *c, uint64_t now)
{
	struct part *p = find_part(o, &c->x.partition);
	int rc = refuse(o, p, c, &o->a.n);
	struct exchange *x;

	o->a.status = rc < 0 ? rc : 0;
	if (rc <= 0)
		return;
	make_part(o, p);
	supersede(o, p, &c->x, now);
	if (o->n_log == MAX_EXCHANGES)
		abort();
	x = &o->log[o->n_log++];
	*x = c->x;
	x->seq = o->a.n = ++p->head;
	if (digest_is_zero(&x->reply_digest) && x->reply.p != NULL)
		x->reply_digest = digest_sha256(x->reply);
	p->changed_ms = now;
}

static struct store_head head_of(const struct oracle *o, const struct part *p)
{
	struct store_head h = { 0 };

	if (!p->there)
		return h;
	h = (struct store_head){ p->epoch, p->head, 0, p->paused };
	for (size_t i = o->n_log; i-- > 0;)
		if (of(&o->log[i], p))
			h.first = o->log[i].seq;
	return h;
}

static void read_range(struct oracle *o, const struct call *c)
{
	const struct part *p = find_part(o, &c->x.partition);
	bool back = c->kind == CALL_READ_BEFORE;
	size_t used = 0;

	o->a.head = head_of(o, p);
	for (size_t n = 0; n < o->n_log; n++) {
		const struct exchange *x = &o->log[back ? o->n_log - 1 - n : n];

		if (!of(x, p) || (back ? x->seq >= c->cursor : x->seq <= c->cursor))
			continue;
		used += exchange_bytes(x);
		if (o->a.n_rows > 0 && used > c->bytes)
			break;
		o->exchanges[o->a.n_rows++] = *x;
	}
}

static void get(struct oracle *o, const struct call *c)
{
	const struct part *p = find_part(o, &c->x.partition);
	const struct exchange *x = find(o, p, &c->x.id);

	o->a.head = head_of(o, p);
	if (x == NULL)
		o->a.status = -ENOENT;
	else
		o->exchanges[o->a.n_rows++] = *x;
}

static int compare_text(struct str a, struct str b)
{
	int d = memcmp(a.p, b.p, a.len < b.len ? a.len : b.len);

	return d != 0 ? d : (a.len > b.len) - (a.len < b.len);
}

static int compare_names(const struct partition *a, const struct partition *b)
{
	int d = compare_text(a->tenant, b->tenant);

	return d != 0 ? d : compare_text(a->user, b->user);
}

static int compare_users(const void *a, const void *b)
{
	return compare_names(&((const struct store_user *)a)->partition,
			     &((const struct store_user *)b)->partition);
}

static void users(struct oracle *o, const struct call *c)
{
	size_t n = 0;

	for (size_t i = 0; i < o->n_parts; i++) {
		const struct part *p = &o->parts[i];
		size_t k = count(o, p, false);

		if (!p->there || (k == 0 && !p->paused) ||
		    (c->tenant.p && !str_eq(c->tenant, p->name.tenant)) ||
		    (c->has_after && compare_names(&p->name, &c->x.partition) <= 0))
			continue;
		o->users[n] = (struct store_user){ .partition = p->name,
						   .head = head_of(o, p),
						   .exchanges = k };
		for (size_t j = 0; j < o->n_log; j++)
			if (of(&o->log[j], p) && !is_block(&o->log[j]))
				o->users[n].last_ms = o->log[j].at_ms;
		n++;
	}
	qsort(o->users, n, sizeof(*o->users), compare_users);
	o->a.n_rows = n < c->limit ? n : c->limit;
}

static void sessions(struct oracle *o, const struct call *c)
{
	const struct part *p = find_part(o, &c->x.partition);
	size_t n = 0, skip = (size_t)c->skip;

	for (size_t i = o->n_log; i-- > 0;) {
		const struct exchange *x = &o->log[i];
		size_t j = 0;
		struct store_session *s;

		if (!of(x, p) || is_block(x))
			continue;
		while (j < n && !str_eq(o->sessions[j].id, x->session))
			j++;
		s = &o->sessions[j];
		if (j == n)
			o->sessions[n++] = (struct store_session){ x->session, 0,
								   x->at_ms, x->at_ms };
		s->exchanges++;
		s->first_ms = x->at_ms < s->first_ms ? x->at_ms : s->first_ms;
		s->last_ms = x->at_ms > s->last_ms ? x->at_ms : s->last_ms;
	}
	skip = skip < n ? skip : n;
	memmove(o->sessions, o->sessions + skip, (n - skip) * sizeof(*o->sessions));
	o->a.n_rows = n - skip < c->limit ? n - skip : c->limit;
}

static void edit(struct oracle *o, const struct call *c, uint64_t now)
{
	struct part *p = find_part(o, &c->x.partition);
	struct exchange *x = find(o, p, &c->x.id);

	if (x == NULL || is_block(x)) {
		o->a.status = -ENOENT;
		return;
	}
	x->user = c->x.user.p ? c->x.user : x->user;
	x->reply = c->x.reply.p ? c->x.reply : x->reply;
	p->epoch++;
	p->changed_ms = now;
}

static void forget(struct oracle *o, const struct call *c, uint64_t now)
{
	struct part *p = find_part(o, &c->x.partition);
	bool session = !c->has_id && c->x.session.p != NULL;
	struct gone g = { .p = p, .id = c->x.id, .session = c->x.session, .at_ms = now };

	o->a.status = -ENOENT;
	if (c->has_id && find(o, p, &c->x.id) == NULL)
		return;
	make_part(o, p);
	g.epoch = ++p->epoch;
	g.why = session ? SESSION : FORGOTTEN;
	p->changed_ms = now;
	if (c->has_id || session)
		note_gone(o, &g);
	else
		p->forgot = p->epoch;
	for (size_t i = o->n_log; i-- > 0;) {
		const struct exchange *x = &o->log[i];

		if (!of(x, p) || (c->has_id && !exchange_id_eq(&x->id, &c->x.id)) ||
		    (session && !str_eq(x->session, c->x.session)))
			continue;
		if (!is_block(x)) {
			o->a.status = 0;
			o->a.n++;
		}
		drop(o, x);
	}
}

static void pause_part(struct oracle *o, const struct call *c, uint64_t now)
{
	struct part *p = find_part(o, &c->x.partition);

	make_part(o, p);
	if (p->paused == c->paused)
		return;
	p->paused = c->paused;
	p->epoch++;
	p->changed_ms = now;
}

static void expire(struct oracle *o, const struct call *c)
{
	uint64_t limit = c->now_ms - STORE_FORGET_MEMORY_MS, next = o->next_epoch;
	size_t kept = 0;

	for (size_t i = o->n_log; i-- > 0;)
		if (o->log[i].expires_ms != 0 && o->log[i].expires_ms <= c->now_ms) {
			o->a.n += !is_block(&o->log[i]);
			drop(o, &o->log[i]);
		}
	for (size_t i = 0; i < o->n_parts; i++) {
		struct part *p = &o->parts[i];

		if (!p->there || p->paused || count(o, p, true) > 0 ||
		    p->changed_ms >= limit)
			continue;
		p->there = false;
		next = p->epoch + 1 > next ? p->epoch + 1 : next;
	}
	o->next_epoch = next;
	for (size_t i = 0; i < o->n_gone; i++)
		if (o->gone[i].at_ms >= limit && o->gone[i].p->there)
			o->gone[kept++] = o->gone[i];
	o->n_gone = kept;
}

static void trim(struct oracle *o, const struct call *c)
{
	const struct part *p = find_part(o, &c->x.partition);
	uint64_t newer = 0;
	bool goes = false;

	for (size_t i = o->n_log; i-- > 0;) {
		const struct exchange *x = &o->log[i];

		if (!of(x, p))
			continue;
		if (goes) {
			o->a.n += !is_block(x);
			drop(o, x);
		} else {
			newer += !is_block(x);
			goes = newer == c->keep;
		}
	}
}

const struct answer *oracle_run(struct oracle *o, const struct call *c, uint64_t now_ms)
{
	o->a = (struct answer){ .exchanges = o->exchanges,
				.users = o->users,
				.sessions = o->sessions };
	switch (c->kind) {
	case CALL_APPEND:
		append(o, c, now_ms);
		break;
	case CALL_READ_SINCE:
	case CALL_READ_BEFORE:
		read_range(o, c);
		break;
	case CALL_GET:
		get(o, c);
		break;
	case CALL_USERS:
		users(o, c);
		break;
	case CALL_SESSIONS:
		sessions(o, c);
		break;
	case CALL_EDIT:
		edit(o, c, now_ms);
		break;
	case CALL_FORGET:
		forget(o, c, now_ms);
		break;
	case CALL_PAUSE:
		pause_part(o, c, now_ms);
		break;
	case CALL_EXPIRE:
		expire(o, c);
		break;
	case CALL_TRIM:
		trim(o, c);
		break;
	case CALL_PING:
	case CALL_N:
		break;
	}
	return &o->a;
}
