/* arena.h - memory and clean-ups that end together. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/str.h"

struct arena;

/*
 * The arena itself lies in its first block, so that a small one is one malloc.
 * NULL when out of memory.
 */
struct arena *arena_new(size_t first_block);
/* Runs the deferred clean-ups, last first, then frees every block. NULL is fine. */
void arena_free(struct arena *a);

/* Zeroed, aligned for any type; NULL when out of memory. */
void *arena_alloc(struct arena *a, size_t size);
/* As arena_alloc, unzeroed and unaligned: for bytes about to be written. */
char *arena_bytes(struct arena *a, size_t size);
/* A copy with a NUL behind it; .p is NULL when out of memory or s is absent. */
struct str arena_str(struct arena *a, struct str s);
struct str arena_printf(struct arena *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* fn(arg) runs in arena_free(). 0, or -ENOMEM: then fn has run already. */
int arena_defer(struct arena *a, void (*fn)(void *arg), void *arg);

#endif
