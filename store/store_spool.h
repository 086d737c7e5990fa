/*
 * store_spool.h - a decorator that keeps appends safe on this machine until the store
 * behind it has them.
 *
 *	append -> spool.db, committed: answered -> the store, in order -> kept 120 s ->
 *gone
 *
 * For stores that can be away: with a spool in front, an append fails only where the
 * spool is full (-ENOSPC) or its file cannot be written, and is answered as soon as the
 * file has it, with a provisional seq (store.h). It survives the end of the process;
 * the next one with that file, or another that finds nobody holding it, carries on.
 *
 * What waits is sent in the order of the calls, one at a time for each partition. A
 * change (edit, forget, pause, trim) or a list of sessions takes its place in that
 * order; where the store fails, it fails too, and nothing of it is kept for later.
 * Reads of exchanges go past the order and are completed with what waits. `users`
 * does not see it, and `expire` takes it from the file alone.
 *
 * An import (store_behind()) goes past it: whoever imports is told what the store says,
 * and can try again.
 *
 * The store's answers, when they come: -ESTALE and -EPERM mean that the user wanted it
 * gone or not remembered, and the entry goes. -EINVAL, or failing for `refuse_ms` while
 * the store takes others (five times at least), makes it a dead letter: kept in a table
 * of its own, counted, tried again at the next start. Anything else is tried again.
 *
 * A forget also deletes what it names from the spool, when the store has answered, and
 * with it the file's log is emptied. If the store fails, what waits here goes all the
 * same, and the caller gets the error: "try again", for the rest is still there. An
 * edit deletes the exchange it changed from what is kept for a replay.
 *
 * What was sent is sent once more when the store comes back from a failure, or tells of
 * a head lower than one it gave, or when the process that sent it did not end well, or
 * ended while the store failed: a replica that took over may lack the last of it. Ids
 *make that harmless (only what another process has trimmed meanwhile comes back, until it
 *is trimmed again). What a failover loses of edits, forgets and pauses is not brought
 *back.
 */
#ifndef STORE_STORE_SPOOL_H
#define STORE_STORE_SPOOL_H

#include "store/store.h"

struct spool_options {
	const char *path;   /* of the file; a second process takes PATH-2.db … */
	uint64_t max_bytes; /* of all entries, those kept for a replay as well */
	uint64_t replay_ms; /* how long they are, at least */
	uint64_t retry_ms, retry_max_ms; /* between two attempts while the store fails */
	uint64_t refuse_ms;
	/* For tests: an append is answered as the store did, once it did. */
	bool answer_when_sent;
};

extern const struct spool_options spool_defaults; /* no path */

/*
 * Takes `inner` over where it returns 0. Its name and secret become the spool's. Blocks
 * while the file is opened. On failure *reterr as for store_open().
 */
int store_spool_new(struct store *inner, const struct spool_options *o,
		    const struct store_env *env, struct store **ret, char **reterr);
/*
 * For tests, and built only with them: "spool:PATH[,OPTION…]:URL" puts a spool with
 * short delays in front of any store. Options: "sent" (answer_when_sent), "bytes=N".
 */
int store_spool_open(const char *rest, const struct store_env *env, struct store **ret,
		     char **reterr);

#endif
