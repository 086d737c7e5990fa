/*
 * sqlite_lane.h - a thread with a connection, and jobs for it.
 *
 * What changes something goes in groups: all that is waiting when the thread
 * gets to it shares one transaction, and is answered after the commit. Reads
 * run behind that, in a transaction of their own which ends before they are
 * answered.
 */
#ifndef STORE_SQLITE_LANE_H
#define STORE_SQLITE_LANE_H

#include "base/log.h"

struct db;
struct job;
struct lane;
struct mailbox;

/*
 * Takes `db` over, also on failure. Jobs done are pushed to `done` (borrowed).
 * 0 or -errno.
 */
int lane_start(struct db *db, const char *name, struct log log, struct mailbox *done,
	       struct lane **ret);
void lane_push(struct lane *l, struct job *job);
/*
 * Has the thread finish: what changes something is still done, reads end with
 * -ECANCELED. Every job has been pushed to `done` when it returns. NULL is fine.
 */
void lane_stop(struct lane *l);

#endif
