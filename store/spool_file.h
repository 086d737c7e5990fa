/*
 * spool_file.h - a spool's file: its lock, its tables, and what is done in them.
 *
 * One file belongs to one process at a time, by a flock(2) on a file beside it: SQLite's
 * own locks come and go with its transactions, and a lock on the database itself would
 * be lost whenever any descriptor of it is closed (sqlite.org/howtocorrupt.html, 2.2).
 * A file also belongs to one store: what was meant for another is never sent to this.
 *
 * Entries are numbered in the order in which they were told. An entry is `waiting`
 * until the store has taken it, and then `done`: kept for a while to be told again
 * after a failover. What the store refuses for good lies in a table of dead letters
 * until the next start, which tries it once more, or until a forget.
 *
 * Texts lie in pages of their own, as in the store's own file (sqlite_body.h). Private
 * to the spool: spool.h.
 */
#ifndef STORE_SPOOL_FILE_H
#define STORE_SPOOL_FILE_H

#include "store/sqlite_job.h"

/* Of one path: spool.db, spool-2.db …: as many processes at a time. */
#define SPOOL_FILES 64

struct spool_file {
	char *path; /* owned */
	int lock;   /* a descriptor; the lock goes with it */
	bool clean; /* who had it before has closed it, with nothing to be told again */
	struct db *db;
};

/*
 * Takes file number `i` (from 1) of `path`: its lock, then the database, made where
 * there is none unless `existing`. 0; -EBUSY: another process has it; -ENOENT; -EEXIST:
 * it holds what is for another store than that of `mark`; or -errno, with *reterr.
 */
int spool_file_take(const char *path, unsigned i, bool existing,
		    const struct digest *mark, struct spool_file *ret, char **reterr);
void spool_file_close(struct spool_file *f); /* twice is fine; {.lock = -1} too */
/* Closes it and takes it off the disk. */
void spool_file_remove(struct spool_file *f);

enum spool_state { SPOOL_WAITING = 0, SPOOL_DONE = 1 }; /* as in files */
enum spool_fate { FATE_DONE, FATE_DROPPED, FATE_DEAD };

struct spool_row {
	uint64_t n, bytes, epoch;
	enum spool_state state;
	bool dead;              /* deleted: it was a dead letter */
	struct exchange_id who; /* deleted: the partition's mark */
	struct exchange x;      /* in an index: the partition alone */
};

struct spool;
struct spool_part;
struct spool_item;
struct spool_op;

/* A job for the lane. Which arguments count is said with each function below. */
struct spool_job {
	struct job job; /* the arena, call.x, call.epoch, call.bytes */
	struct spool *spool;
	void (*done)(struct spool_job *j); /* on the loop, whatever came of it */
	struct spool_part *part;
	struct spool_item *item;
	struct spool_op *op;

	struct exchange_id who, session; /* marks of a partition and a session */
	uint64_t n, after;
	uint64_t old_ms;
	struct str body;
	uint64_t bytes; /* settle: what the entry counts for */
	bool replayed;  /* settle: it was done before */
	enum spool_fate fate;
	int reason;
	bool by_id, by_session, newest_first;
	struct spool_file *other;

	struct spool_row *rows;
	size_t n_rows;
	bool more;    /* read: `bytes` were too few for all */
	bool changed; /* settle: there was such an entry */
};

/* Puts entry `n` in: who, session, call.x, call.epoch, body. */
job_fn spool_put;
/* Entry `n`, whole. */
job_fn spool_load;
/* Entry `n` has met its fate, for `reason`. */
job_fn spool_settle;
/* Those of `who` that wait, up to entry n, in order or newest_first; by_id: call.x.id. */
job_fn spool_read;
/* Deletes those of `who` before entry n (by_id, by_session), dead letters too, from the
 * file and its log. rows: what went; answer.n: of them exchanges among the dead letters.
 */
job_fn spool_purge;
/* Deletes what is done of `who` but for the newest call.keep. rows: as above. */
job_fn spool_cut;
/*
 * Deletes what has expired by now_ms, what was done before old_ms, and dead letters that
 * are too many: answer.n of them. rows: as above.
 */
job_fn spool_tidy;
/* Deletes all that is done. */
job_fn spool_drop_done;
/* Notes that who has the file is closing it, and that nothing need be told again. */
job_fn spool_mark_clean;
/* rows: an index of what is done. */
job_fn spool_list_done;
/*
 * Copies SPOOL_ADOPTED entries at most from `other`, those after its entry `after`, and
 * numbers them n + 1 …  rows: their index, where `n` is the new number; after: how far
 * it got.
 */
job_fn spool_adopt;
#define SPOOL_ADOPTED 200

/* For who opens it: dead letters wait again. */
int spool_revive(struct db *db);
/* What is there, in order; rows->size is of a struct spool_row. */
int spool_index(struct db *db, struct rows *rows);

#endif
