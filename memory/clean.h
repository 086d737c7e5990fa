/*
 * clean.h - what of a message's text counts: for storing, asking and matching.
 *
 * Taken out: our own block (echoed by a client or a model) and what clients
 * put in for themselves (<system-reminder> and the like). Blanks at the ends go.
 */
#ifndef MEMORY_CLEAN_H
#define MEMORY_CLEAN_H

#include "base/arena.h"
#include "base/hash.h"
#include "base/str.h"

/*
 * In the arena, or a part of `text` itself where nothing had to go; empty, not
 * absent, where nothing is left. .p NULL: out of memory.
 */
struct str clean_text(struct str text, struct arena *a);
/*
 * API keys, tokens, passwords that are named as such and private keys replaced by
 * "[redacted]"; in the arena, or `text` itself. .p NULL: out of memory. (redact.c)
 */
struct str redact_text(struct str text, struct arena *a);
/* At most `max` bytes: a longer text keeps its head and tail, cut between characters. */
struct str cap_text(struct str text, size_t max, struct arena *a);

/* Of a cleaned text, before redaction and capping: runs of blanks count as one space. */
struct hash128 turn_hash(struct str cleaned);
/* The same for what outlives the process: SHA-256, of texts above 4 KiB a chain of it. */
struct digest turn_digest(struct str cleaned);

#endif
