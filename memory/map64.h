/* map64.h - from 64-bit hashes to 32-bit numbers, by open addressing. */
#ifndef MEMORY_MAP64_H
#define MEMORY_MAP64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed memory is an empty map. Nothing is ever taken out singly. */
struct map64 {
	struct map64_slot *slots; /* a power of two, at most three quarters taken */
	size_t cap, n;
};

/* Keys must be hashes already: their low bits choose the slot. */
struct map64_slot {
	uint64_t key; /* 0: empty (a key of 0 is stored as 1) */
	uint32_t value;
};

/* Room for `more` further keys: map64_put() then cannot fail. 0 or -ENOMEM. */
int map64_reserve(struct map64 *m, size_t more);
/* Where the key's number is, or NULL. Good until the next reserve. */
uint32_t *map64_get(const struct map64 *m, uint64_t key);
/* Sets the key's number; there must be room. */
void map64_put(struct map64 *m, uint64_t key, uint32_t value);
void map64_clear(struct map64 *m); /* empties, keeps the memory */
void map64_done(struct map64 *m);
size_t map64_bytes(const struct map64 *m);

#endif
