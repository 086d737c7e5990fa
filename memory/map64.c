/* map64.c - from 64-bit hashes to 32-bit numbers, by open addressing. */
#include "memory/map64.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAP = 16 };

/* The key's slot, or the empty one where it belongs. There is always an empty one. */
static struct map64_slot *probe(const struct map64 *m, uint64_t key)
{
	size_t i = key & (m->cap - 1);

	while (m->slots[i].key != 0 && m->slots[i].key != key)
		i = (i + 1) & (m->cap - 1);
	return &m->slots[i];
}

int map64_reserve(struct map64 *m, size_t more)
{
	struct map64 bigger = { .cap = m->cap ? m->cap : FIRST_CAP, .n = m->n };

	while ((m->n + more) * 4 > bigger.cap * 3)
		bigger.cap *= 2;
	if (bigger.cap == m->cap)
		return 0;
	bigger.slots = calloc(bigger.cap, sizeof(*bigger.slots));
	if (!bigger.slots)
		return -ENOMEM;
	for (size_t i = 0; i < m->cap; i++) {
		if (m->slots[i].key)
			*probe(&bigger, m->slots[i].key) = m->slots[i];
	}
	free(m->slots);
	*m = bigger;
	return 0;
}

uint32_t *map64_get(const struct map64 *m, uint64_t key)
{
	struct map64_slot *s;

	if (m->n == 0)
		return NULL;
	s = probe(m, key ? key : 1);
	return s->key ? &s->value : NULL;
}

void map64_put(struct map64 *m, uint64_t key, uint32_t value)
{
	struct map64_slot *s = probe(m, key ? key : 1);

	if (s->key == 0) {
		s->key = key ? key : 1;
		m->n++;
	}
	s->value = value;
}

void map64_clear(struct map64 *m)
{
	if (m->n)
		memset(m->slots, 0, m->cap * sizeof(*m->slots));
	m->n = 0;
}

void map64_done(struct map64 *m)
{
	free(m->slots);
	*m = (struct map64){ 0 };
}

size_t map64_bytes(const struct map64 *m)
{
	return m->cap * sizeof(*m->slots);
}
