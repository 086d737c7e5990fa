/*
 * admin.h - the store's operations from a loop: for who looks at a memory, and
 * changes it, from outside of a conversation.
 *
 * An operation goes to the memory thread as a value (store/call.h) and comes
 * back as a copied answer. A change is seen by every recall that begins after
 * its answer: views are confirmed by the partition's epoch (memory/recall.c), and
 * edit, forget and pause raise it.
 */
#ifndef MEMORY_ADMIN_H
#define MEMORY_ADMIN_H

#include "memory/memory.h"
#include "store/call.h"

/* Borrowed for the call. */
typedef void memory_call_cb(void *arg, const struct answer *a);

/*
 * The call is copied; its own cb and arg are not used. The texts of an edit are
 * cleaned, redacted and capped as those of a conversation are. Called back on the
 * port's loop, never inline, and not after op_cancel(), which does not undo the
 * operation. NULL: out of memory, cb never runs.
 */
struct op *memory_call(struct memory_port *p, const struct call *c, memory_call_cb *cb,
		       void *arg);

/* Exchanges that were exported, here or elsewhere, all of one partition. */
struct import_batch {
	const struct exchange *v;
	size_t n;
	uint64_t epoch; /* of the partition when the import began */
	uint64_t head;  /* its head then, and for a further batch the last result's */
};

struct import_result {
	int status; /* 0, or the first of -EPERM (paused), -EIO … */
	uint64_t imported;
	uint64_t known;    /* they were there already */
	uint64_t expired;  /* their time (store.ttl) is over */
	uint64_t rejected; /* no text is left, or forgotten since the import began */
	uint64_t head;     /* for the next batch */
};
typedef void memory_import_cb(void *arg, const struct import_result *r);

/*
 * Appends them in order. They are copied, and what memory_keep() makes is made here
 * too; but an id that is not zero stays, so that what is imported twice is there
 * once. Called back when all are kept or refused; otherwise as memory_call().
 */
struct op *memory_import(struct memory_port *p, const struct import_batch *b,
			 memory_import_cb *cb, void *arg);

#endif
