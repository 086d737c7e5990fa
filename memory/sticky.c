/* sticky.c - which exchanges were put into requests, and with which turns. */
#include "memory/sticky.h"

#include "base/arena.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SOURCE = sizeof(struct exchange_id) + VIEW_SHOWN_BYTES };

struct str sticky_pack(const struct view_hit *v, size_t n, struct arena *a)
{
	char *p = arena_bytes(a, 1 + n * SOURCE), *to = p;

	if (!p)
		return (struct str){ NULL, 0 };
	*to++ = STICKY_VERSION;
	for (size_t i = 0; i < n; i++, to += SOURCE) {
		memcpy(to, v[i].id.b, sizeof(v[i].id.b));
		view_pack_shown(&v[i], (unsigned char *)to + sizeof(v[i].id.b));
	}
	return (struct str){ p, 1 + n * SOURCE };
}

size_t sticky_count(struct str sources)
{
	return sources.len && sources.p[0] == STICKY_VERSION ? (sources.len - 1) / SOURCE
							     : 0;
}

void sticky_source(struct str sources, size_t i, struct view_hit *ret)
{
	const char *p = sources.p + 1 + i * SOURCE;

	memcpy(ret->id.b, p, sizeof(ret->id.b));
	view_unpack_shown(ret, (const unsigned char *)p + sizeof(ret->id.b));
}

static uint64_t turn_key(struct hash128 user, struct hash128 prev)
{
	return user.lo ^ (prev.hi << 1 | prev.hi >> 63);
}

static uint64_t session_key(uint64_t turn, struct str session)
{
	return turn ^ hash128(session).lo;
}

static uint64_t id_key(const struct exchange_id *id)
{
	uint64_t key;

	memcpy(&key, id->b, sizeof(key));
	return key;
}

static bool is_of(const struct sticky_record *r, struct hash128 user, struct hash128 prev)
{
	return hash128_eq(r->user, user) && hash128_eq(r->prev, prev);
}

static bool is_over(const struct sticky_record *r, uint64_t now_ms)
{
	return r->expires_ms && r->expires_ms <= now_ms;
}

static struct sticky_record *at_key(const struct sticky *s, const struct map64 *m,
				    uint64_t key)
{
	const uint32_t *i = map64_get(m, key);

	return i ? &s->v[*i] : NULL;
}

static struct sticky_record *next_of(const struct sticky *s,
				     const struct sticky_record *r)
{
	return r->older == STICKY_NONE ? NULL : &s->v[r->older];
}

static int reserve(struct sticky *s)
{
	size_t cap = s->cap ? s->cap + s->cap / 2 : 4;
	struct sticky_record *grown;

	if (map64_reserve(&s->newest, 1) || map64_reserve(&s->in_session, 1) ||
	    map64_reserve(&s->of_id, 1))
		return -ENOMEM;
	if (s->n < s->cap)
		return 0;
	grown = realloc(s->v, cap * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	s->v = grown;
	s->cap = cap;
	return 0;
}

/* Of the same moment by their place in the log, which what is not there yet is behind. */
static bool is_newer(const struct sticky_record *a, const struct sticky_record *b)
{
	if (a->at_ms != b->at_ms)
		return a->at_ms > b->at_ms;
	return a->seq - 1 >= b->seq - 1;
}

/* Behind the newer ones of its turn and session: views are built newest first. */
static void link_record(struct sticky *s, uint32_t i)
{
	struct sticky_record *new = &s->v[i], *newer = NULL;
	uint64_t turn = turn_key(new->user, new->prev);
	uint64_t key = session_key(turn, sticky_session(new));
	struct sticky_record *r = at_key(s, &s->in_session, key);
	const struct sticky_record *newest = at_key(s, &s->newest, turn);

	while (r && !is_newer(new, r)) {
		newer = r;
		r = next_of(s, r);
	}
	new->older = r ? (uint32_t)(r - s->v) : STICKY_NONE;
	if (newer)
		newer->older = i;
	else
		map64_put(&s->in_session, key, i);
	if (!newest || is_newer(new, newest))
		map64_put(&s->newest, turn, i);
	map64_put(&s->of_id, id_key(&new->id), i);
}

int sticky_add(struct sticky *s, const struct exchange *block)
{
	struct sticky_record *known = at_key(s, &s->of_id, id_key(&block->id)), *r;
	size_t len = block->session.len + block->sources.len;

	if (known && exchange_id_eq(&known->id, &block->id)) {
		known->seq = block->seq ? block->seq : known->seq;
		return 0;
	}
	if (reserve(s))
		return -ENOMEM;
	r = &s->v[s->n];
	*r = (struct sticky_record){
		.seq = block->seq,
		.at_ms = block->at_ms,
		.expires_ms = block->expires_ms,
		.id = block->id,
		.user = block->user_hash,
		.prev = block->prev_hash,
		.session_len = (uint32_t)block->session.len,
		.sources_len = (uint32_t)block->sources.len,
		.text = malloc(len + 1),
	};
	if (!r->text)
		return -ENOMEM;
	if (block->session.len)
		memcpy(r->text, block->session.p, block->session.len);
	if (block->sources.len)
		memcpy(r->text + block->session.len, block->sources.p,
		       block->sources.len);
	s->bytes += len + 1;
	link_record(s, s->n++);
	return 0;
}

void sticky_done(struct sticky *s)
{
	for (uint32_t i = 0; i < s->n; i++)
		free(s->v[i].text);
	free(s->v);
	map64_done(&s->newest);
	map64_done(&s->in_session);
	map64_done(&s->of_id);
	*s = (struct sticky){ 0 };
}

size_t sticky_bytes(const struct sticky *s)
{
	return s->bytes + s->cap * sizeof(*s->v) + map64_bytes(&s->newest) +
	       map64_bytes(&s->in_session) + map64_bytes(&s->of_id);
}

const struct sticky_record *sticky_find(const struct sticky *s, struct str session,
					bool anywhere, struct hash128 user,
					struct hash128 prev, uint64_t now_ms)
{
	uint64_t turn = turn_key(user, prev);
	const struct sticky_record *r =
		at_key(s, &s->in_session, session_key(turn, session));

	for (; r; r = next_of(s, r))
		if (is_of(r, user, prev) && str_eq(sticky_session(r), session) &&
		    !is_over(r, now_ms))
			return r;
	r = anywhere ? at_key(s, &s->newest, turn) : NULL;
	return r && is_of(r, user, prev) && !is_over(r, now_ms) ? r : NULL;
}
