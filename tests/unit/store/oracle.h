/*
 * oracle.h - what a store ought to answer, in the plainest way there is.
 *
 * Arrays searched from end to end; nothing in common with a back end but the
 * words of store.h.
 */
#ifndef TESTS_STORE_ORACLE_H
#define TESTS_STORE_ORACLE_H

#include "store/call.h"

struct arena;
struct oracle;

struct oracle *oracle_new(struct arena *mem);
/* Texts are borrowed for the oracle's life. Answers are good until the next. */
const struct answer *oracle_run(struct oracle *o, const struct call *c, uint64_t now_ms);
size_t oracle_exchanges(const struct oracle *o);

#endif
