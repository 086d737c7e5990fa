/* spool_rows.c - what is done in a spool's file, each inside the lane's transaction. */
#include "base/arena.h"
#include "store/spool_file.h"
#include "store/sqlite_body.h"
#include "store/sqlite_db.h"

#include <errno.h>

/* The newest of the dead letters are kept. */
enum { DEAD_MAX = 1000 };

#define COLUMNS                                                                \
	"n, who, id, session, prev, reply_digest, state, kind, named, at_ms, " \
	"expires_ms,"                                                          \
	" epoch, changed_ms"
/* What an entry counts for: its body, and what goes with it. */
#define BYTES "length(body) + 256"

static struct spool_job *spool_job(struct job *job)
{
	return (struct spool_job *)(void *)job; /* its first member */
}

static void query_id(struct query *q, const struct exchange_id *id)
{
	query_bytes(q, id->b, sizeof(id->b));
}

static struct rows rows_in(const struct spool_job *j)
{
	return (struct rows){ .mem = j->job.mem, .size = sizeof(struct spool_row) };
}

static void take_rows(struct spool_job *j, const struct rows *rows)
{
	j->rows = rows->v;
	j->n_rows = rows->n;
}

static int name_partition(struct db *db, const struct exchange_id *mark,
			  const struct partition *p)
{
	struct query q = query(db, "INSERT OR IGNORE INTO who VALUES (?, ?, ?)");

	query_id(&q, mark);
	query_str(&q, p->tenant);
	query_str(&q, p->user);
	return query_run(&q);
}

int spool_put(struct db *db, struct job *job)
{
	struct spool_job *j = spool_job(job);
	const struct exchange *x = &job->call.x;
	int rc = name_partition(db, &j->who, &x->partition);
	struct query q;

	if (rc < 0)
		return rc;
	q = query(db, "INSERT INTO entry (" COLUMNS ", body) VALUES"
		      " (?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?)");
	query_u64(&q, j->n);
	query_id(&q, &j->who);
	query_id(&q, &x->id);
	query_id(&q, &j->session);
	query_bytes(&q, x->prev.b, sizeof(x->prev.b));
	query_bytes(&q, x->reply_digest.b, sizeof(x->reply_digest.b));
	query_u64(&q, x->state);
	query_u64(&q, x->session_named);
	query_u64(&q, x->at_ms);
	query_u64(&q, x->expires_ms);
	query_u64(&q, job->call.epoch);
	query_u64(&q, job->now_ms);
	query_str(&q, j->body);
	return query_run(&q);
}

/* Columns of read_row(), in a query that has the table entry. */
#define ROW                                                             \
	"n, state, epoch, id, prev, reply_digest, kind, named, at_ms, " \
	"expires_ms, " BYTES ", body"

/* But for the partition. */
static int read_row(const struct query *q, struct arena *mem, struct spool_row *ret)
{
	struct exchange x = { .state = (enum exchange_state)column_u64(q, 6),
			      .session_named = column_u64(q, 7) != 0,
			      .at_ms = column_u64(q, 8),
			      .expires_ms = column_u64(q, 9) };

	*ret = (struct spool_row){ .n = column_u64(q, 0),
				   .state = (enum spool_state)column_u64(q, 1),
				   .epoch = column_u64(q, 2),
				   .bytes = column_u64(q, 10) };
	column_bytes(q, 3, x.id.b, sizeof(x.id.b));
	column_bytes(q, 4, x.prev.b, sizeof(x.prev.b));
	column_bytes(q, 5, x.reply_digest.b, sizeof(x.reply_digest.b));
	if (body_decode(column_str(q, 11), &x) < 0)
		return -EIO;
	return exchange_copy(mem, &x, &ret->x);
}

int spool_load(struct db *db, struct job *job)
{
	struct spool_job *j = spool_job(job);
	struct rows rows = rows_in(j);
	struct query q = query(db, "SELECT " ROW " FROM entry WHERE n = ?");
	int rc;

	query_u64(&q, j->n);
	rc = query_step(&q);
	if (rc > 0) {
		struct spool_row *row = rows_next(&rows);

		rc = row ? read_row(&q, job->mem, row) : -ENOMEM;
	}
	query_end(&q);
	take_rows(j, &rows);
	return rc;
}

static int settle_dead(struct db *db, const struct spool_job *j)
{
	struct query q = query(db, "INSERT OR REPLACE INTO dead (" COLUMNS
				   ", reason, body) SELECT " COLUMNS
				   ", ?, body FROM entry WHERE n = ?");

	query_u64(&q, (uint64_t)-j->reason);
	query_u64(&q, j->n);
	return query_run(&q);
}

int spool_settle(struct db *db, struct job *job)
{
	struct spool_job *j = spool_job(job);
	struct query q;
	int rc = j->fate == FATE_DEAD ? settle_dead(db, j) : 0;

	if (rc < 0)
		return rc;
	if (j->fate == FATE_DONE) {
		/* Of the same length as before, so that only this page is written. */
		q = query(db, "UPDATE entry SET state = 1, changed_ms = ? WHERE n = ?");
		query_u64(&q, job->now_ms);
	} else {
		q = query(db, "DELETE FROM entry WHERE n = ?");
	}
	query_u64(&q, j->n);
	rc = query_run(&q);
	j->changed = rc == 0 && db_changes(db) > 0;
	return rc;
}

static struct query read_query(struct db *db, const struct spool_job *j)
{
	struct query q;

	if (j->by_id)
		q = query(db, "SELECT " ROW " FROM entry WHERE who = ? AND state = 0"
			      " AND n <= ? AND id = ? ORDER BY n LIMIT 1");
	else if (j->newest_first)
		q = query(db, "SELECT " ROW " FROM entry WHERE who = ? AND state = 0"
			      " AND n <= ? ORDER BY n DESC");
	else
		q = query(db, "SELECT " ROW " FROM entry WHERE who = ? AND state = 0"
			      " AND n <= ? AND n > ? ORDER BY n");
	query_id(&q, &j->who);
	query_u64(&q, j->n);
	if (j->by_id)
		query_id(&q, &j->job.call.x.id);
	else if (!j->newest_first)
		query_u64(&q, j->after);
	return q;
}

int spool_read(struct db *db, struct job *job)
{
	struct spool_job *j = spool_job(job);
	struct rows rows = rows_in(j);
	struct query q = read_query(db, j);
	size_t bytes = job->call.bytes, size;
	int rc;

	while ((rc = query_step(&q)) > 0) {
		struct spool_row row, *to;

		rc = read_row(&q, job->mem, &row);
		if (rc < 0)
			break;
		size = exchange_bytes(&row.x);
		j->more = rows.n > 0 && size > bytes;
		if (j->more)
			break;
		bytes -= size < bytes ? size : bytes;
		to = rows_next(&rows);
		if (!to) {
			rc = -ENOMEM;
			break;
		}
		*to = row;
	}
	query_end(&q);
	take_rows(j, &rows);
	return rc < 0 ? rc : 0;
}

/* Rows of a query that ends with DELETED; *exchanges goes up by those that are no blocks.
 */
static int run_delete(struct query *q, struct rows *rows, bool dead, uint64_t *exchanges)
{
	int rc;

	while ((rc = query_step(q)) > 0) {
		struct spool_row *row = rows_next(rows);

		if (!row) {
			rc = -ENOMEM;
			break;
		}
		*row = (struct spool_row){ .n = column_u64(q, 0),
					   .state = (enum spool_state)column_u64(q, 1),
					   .bytes = column_u64(q, 3),
					   .dead = dead };
		column_bytes(q, 4, row->who.b, sizeof(row->who.b));
		*exchanges += column_u64(q, 2) != EXCHANGE_BLOCK;
	}
	query_end(q);
	return rc;
}

#define DELETED    " RETURNING n, state, kind, " BYTES ", who"
#define OF_SESSION " WHERE who = ? AND n < ? AND session = ?"
#define OF_ID      " WHERE who = ? AND n < ? AND id = ?"
#define OF_ALL     " WHERE who = ? AND n < ?"

static struct query purge_query(struct db *db, const struct spool_job *j, bool dead)
{
	struct query q;

	if (j->by_id)
		q = dead ? query(db, "DELETE FROM dead" OF_ID DELETED)
			 : query(db, "DELETE FROM entry" OF_ID DELETED);
	else if (j->by_session)
		q = dead ? query(db, "DELETE FROM dead" OF_SESSION DELETED)
			 : query(db, "DELETE FROM entry" OF_SESSION DELETED);
	else
		q = dead ? query(db, "DELETE FROM dead" OF_ALL DELETED)
			 : query(db, "DELETE FROM entry" OF_ALL DELETED);
	query_id(&q, &j->who);
	query_u64(&q, j->n);
	if (j->by_id)
		query_id(&q, &j->job.call.x.id);
	else if (j->by_session)
		query_id(&q, &j->session);
	return q;
}

int spool_purge(struct db *db, struct job *job)
{
	struct spool_job *j = spool_job(job);
	struct rows rows = rows_in(j);
	struct query q = purge_query(db, j, false);
	uint64_t entries = 0;
	int rc = run_delete(&q, &rows, false, &entries);

	if (rc == 0) {
		q = purge_query(db, j, true);
		rc = run_delete(&q, &rows, true, &job->answer.n);
	}
	take_rows(j, &rows);
	/* Even if none went: a page may be in the log from before. */
	job->wipes = rc == 0;
	return rc;
}

int spool_cut(struct db *db, struct job *job)
{
	struct spool_job *j = spool_job(job);
	struct rows rows = rows_in(j);
	uint64_t n = 0; /* nobody asks */
	struct query q = query(db, "DELETE FROM entry WHERE who = ?1 AND state = 1 AND"
				   " n NOT IN (SELECT n FROM entry WHERE who = ?1"
				   " ORDER BY n DESC LIMIT ?2)" DELETED);
	int rc;

	query_id(&q, &j->who);
	query_u64(&q, job->call.keep);
	rc = run_delete(&q, &rows, false, &n);
	take_rows(j, &rows);
	return rc;
}

static int tidy_names(struct db *db)
{
	return db_exec(db, "DELETE FROM who WHERE mark NOT IN (SELECT who FROM entry)"
			   " AND mark NOT IN (SELECT who FROM dead)");
}

/* What has expired is nobody's loss; the oldest of too many are: answer.n. */
static int tidy_dead(struct db *db, struct job *job, struct rows *rows)
{
	uint64_t n = 0; /* nobody asks */
	struct query q = query(db, "DELETE FROM dead WHERE expires_ms > 0"
				   " AND expires_ms <= ?" DELETED);
	size_t before;
	int rc;

	query_u64(&q, job->now_ms);
	rc = run_delete(&q, rows, true, &n);
	if (rc < 0)
		return rc;
	before = rows->n;
	q = query(db, "DELETE FROM dead WHERE n IN (SELECT n FROM dead ORDER BY n DESC"
		      " LIMIT -1 OFFSET ?)" DELETED);
	query_u64(&q, DEAD_MAX);
	rc = run_delete(&q, rows, true, &n);
	job->answer.n = rows->n - before;
	return rc;
}

int spool_tidy(struct db *db, struct job *job)
{
	struct spool_job *j = spool_job(job);
	struct rows rows = rows_in(j);
	uint64_t n = 0; /* nobody asks */
	struct query q = query(db, "DELETE FROM entry WHERE expires_ms > 0"
				   " AND expires_ms <= ?" DELETED);
	int rc;

	query_u64(&q, job->now_ms);
	rc = run_delete(&q, &rows, false, &n);
	if (rc == 0) {
		q = query(db,
			  "DELETE FROM entry WHERE state = 1 AND changed_ms < ?" DELETED);
		query_u64(&q, j->old_ms);
		rc = run_delete(&q, &rows, false, &n);
	}
	if (rc == 0)
		rc = tidy_dead(db, job, &rows);
	take_rows(j, &rows);
	/* Always: what was refused as forgotten elsewhere has left its pages in the log.
	 */
	job->wipes = rc == 0;
	return rc < 0 ? rc : tidy_names(db);
}

int spool_drop_done(struct db *db, struct job *job)
{
	struct spool_job *j = spool_job(job);
	struct rows rows = rows_in(j);
	uint64_t n = 0; /* nobody asks */
	struct query q = query(db, "DELETE FROM entry WHERE state = 1" DELETED);
	int rc = run_delete(&q, &rows, false, &n);

	take_rows(j, &rows);
	return rc;
}

int spool_mark_clean(struct db *db, struct job *job)
{
	(void)job;
	return db_exec(db, "UPDATE meta SET clean = 1");
}

/* n, state, epoch, BYTES, tenant, user; the row's texts are copied. */
static int read_index(struct query *q, struct rows *rows)
{
	int rc;

	while ((rc = query_step(q)) > 0) {
		struct spool_row *row = rows_next(rows);
		struct partition *p = row ? &row->x.partition : NULL;

		if (!row)
			rc = -ENOMEM;
		if (rc > 0) {
			*row = (struct spool_row){ .n = column_u64(q, 0),
						   .state = (enum spool_state)column_u64(
							   q, 1),
						   .epoch = column_u64(q, 2),
						   .bytes = column_u64(q, 3) };
			rc = exchange_copy_text(rows->mem, column_str(q, 4), &p->tenant);
		}
		if (rc == 0)
			rc = exchange_copy_text(rows->mem, column_str(q, 5), &p->user);
		if (rc < 0)
			break;
	}
	query_end(q);
	return rc;
}

#define INDEX                                                        \
	"SELECT n, state, epoch, " BYTES ", tenant, user FROM entry" \
	" JOIN who ON mark = who"

int spool_list_done(struct db *db, struct job *job)
{
	struct spool_job *j = spool_job(job);
	struct rows rows = rows_in(j);
	struct query q = query(db, INDEX " WHERE state = 1 ORDER BY n");
	int rc = read_index(&q, &rows);

	take_rows(j, &rows);
	return rc;
}

int spool_index(struct db *db, struct rows *rows)
{
	struct query q = query(db, INDEX " ORDER BY n");

	return read_index(&q, rows);
}

int spool_revive(struct db *db)
{
	int rc = db_exec(db, "BEGIN IMMEDIATE");

	if (rc == 0)
		rc = db_exec(db, "INSERT OR IGNORE INTO entry (" COLUMNS
				 ", body) SELECT " COLUMNS ", body FROM dead");
	if (rc == 0)
		rc = db_exec(db, "DELETE FROM dead");
	if (rc == 0)
		rc = db_exec(db, "COMMIT");
	if (db_in_transaction(db))
		db_exec(db, "ROLLBACK");
	return rc;
}
