/* slots.c - the table of views: by partition, and by when they were last of use. */
#include "memory/slots.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAP = 64 };

void slots_init(struct slots *t)
{
	*t = (struct slots){ 0 };
	TAILQ_INIT(&t->by_use);
}

void slots_done(struct slots *t)
{
	free(t->buckets);
}

static uint64_t hash_of(const struct partition *p)
{
	struct hash128 tenant = hash128(p->tenant), user = hash128(p->user);

	return tenant.lo ^ user.hi;
}

static struct slot **bucket(const struct slots *t, uint64_t hash)
{
	return &t->buckets[hash & (t->cap - 1)];
}

struct slot *slots_find(const struct slots *t, const struct partition *p)
{
	uint64_t hash = hash_of(p);
	struct slot *s = t->cap ? *bucket(t, hash) : NULL;

	while (s && !(s->hash == hash && str_eq(s->partition.tenant, p->tenant) &&
		      str_eq(s->partition.user, p->user)))
		s = s->chain;
	return s;
}

/* Where there is no memory for more buckets, their chains get longer. */
static void grow(struct slots *t)
{
	struct slots bigger = { .cap = t->cap ? 2 * t->cap : FIRST_CAP };
	struct slot *s;

	if (t->n < t->cap)
		return;
	bigger.buckets = calloc(bigger.cap, sizeof(struct slot *));
	if (!bigger.buckets)
		return;
	TAILQ_FOREACH (s, &t->by_use, by_use) {
		s->chain = *bucket(&bigger, s->hash);
		*bucket(&bigger, s->hash) = s;
	}
	free(t->buckets);
	t->buckets = bigger.buckets;
	t->cap = bigger.cap;
}

static struct str copy_behind(char *to, struct str s)
{
	if (s.len)
		memcpy(to, s.p, s.len);
	return (struct str){ to, s.len };
}

struct slot *slots_add(struct slots *t, const struct partition *p)
{
	struct slot *s = calloc(1, sizeof(*s) + p->tenant.len + p->user.len);
	char *behind;

	if (!s)
		return NULL;
	grow(t);
	if (!t->cap) {
		free(s);
		return NULL;
	}
	behind = (char *)(s + 1);
	s->partition.tenant = copy_behind(behind, p->tenant);
	s->partition.user = copy_behind(behind + p->tenant.len, p->user);
	s->hash = hash_of(p);
	s->chain = *bucket(t, s->hash);
	*bucket(t, s->hash) = s;
	TAILQ_INIT(&s->questions);
	TAILQ_INSERT_HEAD(&t->by_use, s, by_use);
	t->n++;
	return s;
}

void slots_remove(struct slots *t, struct slot *s)
{
	struct slot **at = bucket(t, s->hash);

	while (*at != s)
		at = &(*at)->chain;
	*at = s->chain;
	TAILQ_REMOVE(&t->by_use, s, by_use);
	t->bytes -= s->bytes;
	t->n--;
}

void slots_touch(struct slots *t, struct slot *s)
{
	TAILQ_REMOVE(&t->by_use, s, by_use);
	TAILQ_INSERT_HEAD(&t->by_use, s, by_use);
}

void slots_count(struct slots *t, struct slot *s)
{
	t->bytes -= s->bytes;
	s->bytes = sizeof(*s) + s->partition.tenant.len + s->partition.user.len +
		   (s->view ? view_bytes(s->view) : 0);
	t->bytes += s->bytes;
}
