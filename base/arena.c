/*
 * arena.c - memory and clean-ups that end together.
 *
 * Blocks double from the first one's size up to BLOCK_MAX. What would waste
 * more than a quarter of a new block gets a block of its own, and the rest of
 * the current one stays in use. Under AddressSanitizer the unused part of a
 * block is poisoned and eight bytes stay so behind every piece: an overrun
 * inside an arena is found like any other.
 */
#include "base/arena.h"

#include <errno.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_POISON 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define ARENA_POISON 1
#endif

#ifdef ARENA_POISON
#include <sanitizer/asan_interface.h>
enum { RED_ZONE = 8 };
#else
#define ASAN_POISON_MEMORY_REGION(p, n)   ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
enum { RED_ZONE = 0 };
#endif

enum { ALIGN = alignof(max_align_t), BLOCK_MIN = 256, BLOCK_MAX = 64 * 1024 };

struct block {
	struct block *next;
	alignas(ALIGN) char data[];
};

struct cleanup {
	struct cleanup *next;
	void (*fn)(void *arg);
	void *arg;
};

struct arena {
	char *p, *end; /* what is left of the current block */
	size_t next_block;
	struct block *blocks;     /* all, the newest first; the last holds this struct */
	struct cleanup *cleanups; /* the newest first */
};

static struct block *block_new(size_t size)
{
	struct block *b;

	if (size > SIZE_MAX / 2)
		return NULL;
	b = malloc(sizeof(*b) + size);
	if (b != NULL)
		ASAN_POISON_MEMORY_REGION(b->data, size);
	return b;
}

struct arena *arena_new(size_t first_block)
{
	size_t size = (first_block < BLOCK_MIN ? BLOCK_MIN : first_block) +
		      sizeof(struct arena);
	struct block *b = block_new(size);
	struct arena *a;

	if (b == NULL)
		return NULL;
	b->next = NULL;
	ASAN_UNPOISON_MEMORY_REGION(b->data, sizeof(*a));
	a = (struct arena *)(void *)b->data;
	*a = (struct arena){
		.p = b->data + sizeof(*a),
		.end = b->data + size,
		.next_block = 2 * size < BLOCK_MAX ? 2 * size : BLOCK_MAX,
		.blocks = b,
	};
	return a;
}

void arena_free(struct arena *a)
{
	struct block *b, *next;

	if (a == NULL)
		return;
	while (a->cleanups != NULL) {
		struct cleanup *c = a->cleanups;

		a->cleanups = c->next;
		c->fn(c->arg);
	}
	for (b = a->blocks; b != NULL; b = next) {
		next = b->next;
		free(b);
	}
}

/* A new block, holding `size` bytes at its start; the current one if that pays. */
static char *grow(struct arena *a, size_t size)
{
	bool own = size > a->next_block / 4;
	size_t n = own ? size : a->next_block;
	struct block *b = block_new(n);

	if (b == NULL)
		return NULL;
	b->next = a->blocks;
	a->blocks = b;
	if (own)
		return b->data;
	a->p = b->data + size;
	a->end = b->data + n;
	if (a->next_block < BLOCK_MAX)
		a->next_block *= 2;
	return b->data;
}

static char *take(struct arena *a, size_t size, size_t align)
{
	size_t pad = -(size_t)(uintptr_t)a->p & (align - 1);
	size_t left = (size_t)(a->end - a->p);
	char *p;

	if (size > SIZE_MAX / 2)
		return NULL;
	if (pad <= left && size + RED_ZONE <= left - pad) {
		p = a->p + pad;
		a->p = p + size + RED_ZONE;
	} else {
		p = grow(a, size + RED_ZONE);
	}
	if (p != NULL)
		ASAN_UNPOISON_MEMORY_REGION(p, size);
	return p;
}

void *arena_alloc(struct arena *a, size_t size)
{
	void *p = take(a, size, ALIGN);

	return p ? memset(p, 0, size) : NULL;
}

char *arena_bytes(struct arena *a, size_t size)
{
	/* A poisoned gap needs pieces that begin on eight bytes. */
	return take(a, size, RED_ZONE ? RED_ZONE : 1);
}

struct str arena_str(struct arena *a, struct str s)
{
	char *p;

	if (s.p == NULL || s.len == SIZE_MAX || (p = arena_bytes(a, s.len + 1)) == NULL)
		return (struct str){ NULL, 0 };
	memcpy(p, s.p, s.len);
	p[s.len] = '\0';
	return (struct str){ p, s.len };
}

struct str arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap, again;
	char *p = NULL;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	if (n >= 0)
		p = arena_bytes(a, (size_t)n + 1);
	if (p != NULL)
		vsnprintf(p, (size_t)n + 1, fmt, again);
	va_end(again);
	va_end(ap);
	return (struct str){ p, p ? (size_t)n : 0 };
}

int arena_defer(struct arena *a, void (*fn)(void *arg), void *arg)
{
	struct cleanup *c = arena_alloc(a, sizeof(*c));

	if (c == NULL) {
		fn(arg);
		return -ENOMEM;
	}
	*c = (struct cleanup){ a->cleanups, fn, arg };
	a->cleanups = c;
	return 0;
}
