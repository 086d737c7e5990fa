/* spool_queue.c - partitions and what waits in them, by number, without texts. */
#include "store/spool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BUCKETS = 64 };

static struct exchange_id mark_of(const struct spool *s, const char *what, struct str a,
				  struct str b)
{
	const struct str parts[] = { str_from(what), a, b };
	struct digest d = digest_hmac(&s->mark, parts, sizeof(parts) / sizeof(*parts));
	struct exchange_id id;

	memcpy(id.b, d.b, sizeof(id.b));
	return id;
}

struct exchange_id spool_session_mark(const struct spool *s, struct str session)
{
	return mark_of(s, "session", session, STR(""));
}

static struct spool_part **bucket(const struct spool *s, const struct exchange_id *mark)
{
	size_t h;

	memcpy(&h, mark->b, sizeof(h));
	return &s->buckets[h & (s->n_buckets - 1)];
}

static struct spool_part *find(const struct spool *s, const struct exchange_id *mark)
{
	struct spool_part *p = s->n_buckets ? *bucket(s, mark) : NULL;

	while (p && !exchange_id_eq(&p->mark, mark))
		p = p->chain;
	return p;
}

struct spool_part *part_find(struct spool *s, const struct partition *p)
{
	struct exchange_id mark;

	if (s->n_parts == 0)
		return NULL;
	mark = mark_of(s, "partition", p->tenant, p->user);
	return find(s, &mark);
}

/* Where there is no memory for more buckets, their chains get longer. */
static void grow(struct spool *s)
{
	size_t n = s->n_buckets ? 2 * s->n_buckets : FIRST_BUCKETS, old = s->n_buckets;
	struct spool_part **buckets =
		s->n_parts < old ? NULL : calloc(n, sizeof(*buckets));
	struct spool_part **was = s->buckets, *p, *next;

	if (!buckets)
		return;
	s->buckets = buckets;
	s->n_buckets = n;
	for (size_t i = 0; i < old; i++)
		for (p = was[i]; p; p = next) {
			next = p->chain;
			p->chain = *bucket(s, &p->mark);
			*bucket(s, &p->mark) = p;
		}
	free(was);
}

static struct str copy_behind(char *to, struct str text)
{
	if (text.len)
		memcpy(to, text.p, text.len);
	return (struct str){ to, text.len };
}

struct spool_part *part_get(struct spool *s, const struct partition *p)
{
	struct exchange_id mark = mark_of(s, "partition", p->tenant, p->user);
	struct spool_part *part = find(s, &mark);
	char *behind;

	if (part)
		return part;
	grow(s);
	part = s->n_buckets ? calloc(1, sizeof(*part) + p->tenant.len + p->user.len)
			    : NULL;
	if (!part)
		return NULL;
	behind = (char *)(part + 1);
	part->partition.tenant = copy_behind(behind, p->tenant);
	part->partition.user = copy_behind(behind + p->tenant.len, p->user);
	part->mark = mark;
	part->spool = s;
	TAILQ_INIT(&part->items);
	part->chain = *bucket(s, &mark);
	*bucket(s, &mark) = part;
	s->n_parts++;
	return part;
}

static bool is_idle(const struct spool_part *p)
{
	return TAILQ_EMPTY(&p->items) && p->busy == 0;
}

static void part_free(struct spool *s, struct spool_part *p)
{
	struct spool_item *item, *next;

	if (p->ready)
		TAILQ_REMOVE(&s->ready, p, entry);
	if (p->stalled)
		TAILQ_REMOVE(&s->stalled, p, entry);
	for (item = TAILQ_FIRST(&p->items); item; item = next) {
		next = TAILQ_NEXT(item, entry);
		item_free(item);
	}
	s->n_parts--;
	free(p);
}

static void sweep(struct spool *s, uint64_t before_ms, bool all)
{
	for (size_t i = 0; i < s->n_buckets; i++) {
		struct spool_part **at = &s->buckets[i], *p;

		while ((p = *at)) {
			if (!all && (!is_idle(p) || p->head_ms >= before_ms)) {
				at = &p->chain;
				continue;
			}
			*at = p->chain;
			part_free(s, p);
		}
	}
}

void parts_sweep(struct spool *s, uint64_t before_ms)
{
	sweep(s, before_ms, false);
}

void parts_free(struct spool *s)
{
	sweep(s, 0, true);
	free(s->buckets);
}

/*
 * Each before the first that was told after it. They come in order, and there may be
 * hundreds of thousands: so it is looked for from the last one on.
 */
static void insert_replay(struct spool_part *p, struct spool_item *item)
{
	struct spool_item *at = p->last_replay;

	if (!at || at->n > item->n)
		at = TAILQ_FIRST(&p->items);
	if (at && at == TAILQ_FIRST(&p->items) && p->busy)
		at = TAILQ_NEXT(at, entry);
	p->last_replay = item;
	while (at && at->n < item->n)
		at = TAILQ_NEXT(at, entry);
	if (at)
		TAILQ_INSERT_BEFORE(at, item, entry);
	else
		TAILQ_INSERT_TAIL(&p->items, item, entry);
}

struct spool_item *item_new(struct spool *s, struct spool_part *p, enum item_kind kind,
			    uint64_t n, uint64_t bytes)
{
	struct spool_item *item = calloc(1, sizeof(*item));

	if (!item)
		return NULL;
	item->spool = s;
	item->part = p;
	item->kind = kind;
	item->n = n;
	item->bytes = bytes;
	item->told_us = clock_mono_us(s->clock);
	item->committed = kind != ITEM_APPEND;
	if (kind == ITEM_REPLAY)
		insert_replay(p, item);
	else
		TAILQ_INSERT_TAIL(&p->items, item, entry);
	p->n_waiting += kind == ITEM_APPEND;
	p->n_changes += kind == ITEM_CHANGE;
	s->replaying += kind == ITEM_REPLAY;
	if (kind == ITEM_APPEND) {
		s->stats.waiting++;
		s->waiting_bytes += bytes;
	}
	return item;
}

void item_free(struct spool_item *item)
{
	struct spool *s = item->spool;
	struct spool_part *p = item->part;

	TAILQ_REMOVE(&p->items, item, entry);
	if (p->last_replay == item)
		p->last_replay = NULL;
	p->n_waiting -= item->kind == ITEM_APPEND;
	p->n_changes -= item->kind == ITEM_CHANGE;
	s->replaying -= item->kind == ITEM_REPLAY;
	if (item->kind == ITEM_APPEND) {
		s->stats.waiting--;
		s->waiting_bytes -= item->bytes;
	}
	free(item);
}

struct spool_item *part_first(const struct spool_part *p)
{
	return TAILQ_FIRST(&p->items);
}

/* Its item, unless it is under way: then it finds its entry gone by itself. */
static struct spool_item *idle_item(struct spool_part *p, uint64_t n)
{
	struct spool_item *item;

	TAILQ_FOREACH (item, &p->items, entry)
		if (item->n == n && item->kind != ITEM_CHANGE &&
		    !(p->busy && item == TAILQ_FIRST(&p->items)))
			return item;
	return NULL;
}

void spool_row_gone(struct spool *s, const struct spool_row *row)
{
	/* Of what is done there is an item only while it is told again. */
	bool queued = !row->dead && (row->state == SPOOL_WAITING || s->replaying > 0);
	struct spool_part *p = queued ? find(s, &row->who) : NULL;
	struct spool_item *item = p ? idle_item(p, row->n) : NULL;

	if (row->dead) {
		s->stats.dead--;
		s->dead_bytes -= row->bytes;
	} else if (row->state == SPOOL_DONE) {
		s->done_bytes -= row->bytes;
	}
	if (!item)
		return;
	if (item->op)
		spool_op_fail(item->op, -ESTALE); /* answer_when_sent */
	item_free(item);
}

uint64_t spool_oldest_us(const struct spool *s)
{
	uint64_t oldest = UINT64_MAX;
	struct spool_item *item;

	for (size_t i = 0; i < s->n_buckets; i++)
		for (struct spool_part *p = s->buckets[i]; p; p = p->chain)
			TAILQ_FOREACH (item, &p->items, entry)
				if (item->kind == ITEM_APPEND) {
					if (item->told_us < oldest)
						oldest = item->told_us;
					break;
				}
	return oldest;
}
