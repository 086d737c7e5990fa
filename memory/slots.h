/* slots.h - the table of views: by partition, and by when they were last of use. */
#ifndef MEMORY_SLOTS_H
#define MEMORY_SLOTS_H

#include "base/op.h"
#include "memory/view.h"
#include "store/store.h"

#include <event2/event_struct.h>
#include <sys/queue.h>

struct memory;
struct question;

TAILQ_HEAD(question_list, question); /* in the order in which they were asked */

/*
 * One partition's view and how far it is. Reads of the store are numbered; one
 * is under way at a time.
 */
struct slot {
	struct slot *chain; /* of the table's bucket */
	TAILQ_ENTRY(slot) by_use;
	struct question_list questions;
	struct memory *memory;
	uint64_t hash;
	struct partition partition; /* points behind the slot */

	struct view *view;
	size_t bytes; /* as last counted */
	struct store_head head;
	bool known;    /* `head` has been read, and `view` is of its epoch */
	bool complete; /* back to the oldest; afterwards only new ones are read */
	uint64_t newest, oldest; /* what the view has been through */

	uint64_t begun, ended; /* the last read begun, the last that came back well */
	uint64_t run;          /* the first read of those that belong together */
	uint64_t fresh;        /* the view has all that was there when this read began */
	bool reading;
	bool catching_up; /* in the middle of such a run */
	struct op *op;
	uint64_t begun_us;
	struct event step; /* the next read, after others had a turn */
};

TAILQ_HEAD(slot_list, slot);

struct slots {
	struct slot **buckets;
	size_t cap, n, bytes;
	struct slot_list by_use; /* the last used first */
};

void slots_init(struct slots *t);
void slots_done(struct slots *t); /* must be empty */
struct slot *slots_find(const struct slots *t, const struct partition *p);
/* A new one, zeroed but for its place in the table; NULL: out of memory. */
struct slot *slots_add(struct slots *t, const struct partition *p);
void slots_remove(struct slots *t, struct slot *s); /* does not free it */
void slots_touch(struct slots *t, struct slot *s);  /* it is the last used */
void slots_count(struct slots *t, struct slot *s);  /* takes note of its memory */

#endif
