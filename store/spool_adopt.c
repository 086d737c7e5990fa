/*
 * spool_adopt.c - files that another process left.
 *
 * Entries are copied in slices, each put into the queues as it comes; the other file is
 * taken off the disk at the end. Who dies in between leaves some in both, which is
 * harmless: the store knows their ids.
 */
#include "store/spool.h"
#include "store/sqlite_db.h"

#include <errno.h>
#include <stdlib.h>

static void adopt_slice(struct spool *s, uint64_t after);

/* --- on the lane ----------------------------------------------------------------------
 */

#define COPIED                                                                \
	"n, who, id, session, prev, reply_digest, state, kind, named, at_ms," \
	" expires_ms, epoch, changed_ms, body"
enum { N_COPIED = 14, BLOBS_FROM = 1, BLOBS_TO = 5 };

static int copy_name(struct db *db, const struct query *from)
{
	struct query q = query(db, "INSERT OR IGNORE INTO who VALUES (?, ?, ?)");

	query_str(&q, column_str(from, 1));
	query_str(&q, column_str(from, N_COPIED));
	query_str(&q, column_str(from, N_COPIED + 1));
	return query_run(&q);
}

static int copy_entry(struct db *db, const struct query *from, uint64_t n)
{
	struct query q = query(db, "INSERT INTO entry (" COPIED ") VALUES"
				   " (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");

	query_u64(&q, n);
	for (int i = 1; i < N_COPIED; i++)
		if ((i >= BLOBS_FROM && i <= BLOBS_TO) || i == N_COPIED - 1)
			query_str(&q, column_str(from, i));
		else
			query_u64(&q, column_u64(from, i));
	return query_run(&q);
}

static int take_row(struct rows *rows, const struct query *from, uint64_t n)
{
	struct spool_row *row = rows_next(rows);

	if (!row)
		return -ENOMEM;
	row->n = n;
	row->state = (enum spool_state)column_u64(from, 6);
	row->epoch = column_u64(from, 11);
	row->bytes = column_u64(from, N_COPIED + 2);
	if (exchange_copy_text(rows->mem, column_str(from, N_COPIED),
			       &row->x.partition.tenant) < 0)
		return -ENOMEM;
	return exchange_copy_text(rows->mem, column_str(from, N_COPIED + 1),
				  &row->x.partition.user);
}

int spool_adopt(struct db *db, struct job *job)
{
	struct spool_job *j = (struct spool_job *)(void *)job;
	struct rows rows = { .mem = job->mem, .size = sizeof(struct spool_row) };
	struct query q = query(j->other->db, "SELECT " COPIED ", tenant, user,"
					     " length(body) + 256 FROM entry"
					     " JOIN who ON mark = who"
					     " WHERE n > ? ORDER BY n LIMIT ?");
	uint64_t n = j->n;
	int rc;

	query_u64(&q, j->after);
	query_u64(&q, SPOOL_ADOPTED);
	while ((rc = query_step(&q)) > 0) {
		rc = copy_name(db, &q);
		if (rc == 0)
			rc = copy_entry(db, &q, ++n);
		if (rc == 0)
			rc = take_row(&rows, &q, n);
		if (rc < 0)
			break;
		j->after = column_u64(&q, 0);
	}
	query_end(&q);
	j->rows = rows.v;
	j->n_rows = rows.n;
	return rc;
}

/* --- on the loop -----------------------------------------------------------------------
 */

int spool_take_index(struct spool *s, const struct spool_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct spool_row *row = &rows[i];
		struct spool_part *p;

		if (row->n > s->last_n)
			s->last_n = row->n;
		if (row->state == SPOOL_DONE) {
			s->done_bytes += row->bytes;
			continue;
		}
		p = part_get(s, &row->x.partition);
		if (!p || !item_new(s, p, ITEM_APPEND, row->n, row->bytes))
			return -ENOMEM;
		TAILQ_LAST(&p->items, spool_items)->committed = true;
		part_wake(p);
	}
	return 0;
}

static void on_adopted(struct spool_job *j)
{
	struct spool *s = j->spool;
	uint64_t after = j->after;
	size_t n = j->n_rows;
	int rc = j->job.answer.status;

	/* Without memory for the queue it waits in the file, for the next start. */
	if (rc == 0 && !s->closing)
		rc = spool_take_index(s, j->rows, n);
	spool_job_free(j);
	if (s->closing)
		return;
	if (rc == 0 && n > 0) {
		adopt_slice(s, after);
		return;
	}
	/* As at a start: the store may have ended together with who told it. */
	if (after > 0 && !s->other.clean)
		s->suspect = true;
	if (rc == 0)
		spool_file_remove(&s->other);
	else
		spool_file_close(&s->other);
	spool_adopt_begin(s);
}

static void adopt_slice(struct spool *s, uint64_t after)
{
	struct spool_job *j = spool_job_new(s, spool_adopt, "adopt", on_adopted);

	if (!j) {
		spool_file_close(&s->other);
		return;
	}
	j->other = &s->other;
	j->n = s->last_n;
	j->after = after;
	s->last_n += SPOOL_ADOPTED;
	spool_push(s, j);
}

/* Goes through the files that there may be, once each time it is called with 0. */
void spool_adopt_begin(struct spool *s)
{
	char *why = NULL;
	int rc;

	if (s->closing || s->other.lock >= 0)
		return;
	while (s->adopt_next < SPOOL_FILES) {
		if (++s->adopt_next == s->number)
			continue;
		rc = spool_file_take(s->path, s->adopt_next, true, &s->mark, &s->other,
				     &why);
		if (rc == 0)
			rc = spool_revive(s->other.db);
		if (rc == 0) {
			adopt_slice(s, 0);
			return;
		}
		if (rc != -ENOENT && rc != -EBUSY)
			log_debug(&s->log, "adopting: %s", why ? why : "failed");
		free(why);
		spool_file_close(&s->other);
	}
	s->adopt_next = 0;
}

void spool_adopt_end(struct spool *s)
{
	spool_file_close(&s->other);
}
