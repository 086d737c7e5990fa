/*
 * sqlite_write.c - the calls that change something.
 *
 * Each runs inside the lane's transaction, in a savepoint of its own. The row
 * of the partition is read first, changed here, and written back last.
 */
#include "store/sqlite_body.h"
#include "store/sqlite_db.h"
#include "store/sqlite_job.h"

#include <errno.h>

/* Why an id is in `gone`; the numbers are in files. */
enum gone_kind {
	GONE_NOT = 0,
	GONE_FORGOTTEN = 1,
	GONE_SUPERSEDED = 2,
	GONE_SESSION = 3, /* the id is a session's mark */
};

struct gone {
	enum gone_kind kind;
	uint64_t epoch, seq;
};

/* Rows that one transaction of expire or trim deletes: others get their turn in between.
 */
enum { SLICE = 500 };

static void query_id(struct query *q, const struct exchange_id *id)
{
	query_bytes(q, id->b, sizeof(id->b));
}

static int next_epoch(struct db *db, uint64_t *ret)
{
	struct query q = query(db, "SELECT epoch FROM meta");
	int rc = query_step(&q);

	if (rc > 0)
		*ret = column_u64(&q, 0);
	query_end(&q);
	return rc > 0 ? 0 : rc < 0 ? rc : -EIO;
}

/* ret->head.epoch is that of a new partition. */
static int make_partition(struct db *db, const struct partition *p,
			  struct partition_row *row)
{
	struct query q =
		query(db, "INSERT INTO partition (tenant, user, epoch, forgot, head,"
			  " paused, n, changed_ms)"
			  " VALUES (?, ?, ?, 0, 0, 0, 0, 0)");
	int rc;

	query_str(&q, p->tenant);
	query_str(&q, p->user);
	query_u64(&q, row->head.epoch);
	rc = query_run(&q);
	return rc < 0 ? rc : sqlite_find_partition(db, p, row);
}

static int find_or_make(struct db *db, const struct partition *p,
			struct partition_row *row)
{
	int rc = sqlite_find_partition(db, p, row);

	if (rc < 0 || row->p != 0)
		return rc;
	rc = next_epoch(db, &row->head.epoch);
	return rc < 0 ? rc : make_partition(db, p, row);
}

/* `added` came in, of which some are blocks; the table's trigger counts what goes. */
static int save_partition(struct db *db, const struct job *job,
			  const struct partition_row *row, uint64_t added,
			  uint64_t added_blocks)
{
	struct query q = query(db, "UPDATE partition SET epoch = ?, forgot = ?, head = ?,"
				   " paused = ?, n = n + ?, blocks = blocks + ?,"
				   " changed_ms = ? WHERE p = ?");

	query_u64(&q, row->head.epoch);
	query_u64(&q, row->forgot);
	query_u64(&q, row->head.head);
	query_u64(&q, row->head.paused);
	query_u64(&q, added);
	query_u64(&q, added_blocks);
	query_u64(&q, job->now_ms);
	query_u64(&q, row->p);
	return query_run(&q);
}

static int find_gone(struct db *db, uint64_t p, const struct exchange_id *id,
		     struct gone *ret)
{
	struct query q =
		query(db, "SELECT kind, epoch, seq FROM gone WHERE p = ? AND id = ?");
	int rc;

	query_u64(&q, p);
	query_id(&q, id);
	rc = query_step(&q);
	*ret = (struct gone){ GONE_NOT, 0, 0 };
	if (rc > 0)
		*ret = (struct gone){ (enum gone_kind)column_u64(&q, 0),
				      column_u64(&q, 1), column_u64(&q, 2) };
	query_end(&q);
	return rc < 0 ? rc : 0;
}

static int put_gone(struct db *db, const struct job *job, uint64_t p,
		    const struct exchange_id *id, const struct gone *g)
{
	struct query q = query(db, "INSERT OR REPLACE INTO gone (p, id, kind, epoch, seq,"
				   " gone_ms) VALUES (?, ?, ?, ?, ?, ?)");

	query_u64(&q, p);
	query_id(&q, id);
	query_u64(&q, g->kind);
	query_u64(&q, g->epoch);
	query_u64(&q, g->seq);
	query_u64(&q, job->now_ms);
	return query_run(&q);
}

/* 1: it may come in; 0: the answer is made; or -errno. */
static int admit_known(struct db *db, struct job *job, const struct partition_row *row)
{
	const struct exchange_id *id = &job->call.x.id;
	struct answer *a = &job->answer;
	struct gone gone = { GONE_NOT, 0, 0 }, session = gone;
	int rc = sqlite_find_exchange(db, row->p, id, &a->n);

	if (rc == 0 && a->n == 0)
		rc = find_gone(db, row->p, id, &gone);
	if (rc < 0 || a->n != 0)
		return rc;
	rc = find_gone(db, row->p, &job->session_mark, &session);
	if (rc < 0)
		return rc;
	if (gone.kind == GONE_SUPERSEDED && job->call.epoch < gone.epoch)
		a->n = gone.seq;
	else if (job->call.epoch < gone.epoch || job->call.epoch < session.epoch ||
		 job->call.epoch < row->forgot)
		a->status = -ESTALE;
	else if (row->head.paused)
		a->status = -EPERM;
	else
		return 1;
	return 0;
}

/* As admit_known(), and the row is there where it may come in. */
static int admit(struct db *db, struct job *job, struct partition_row *row)
{
	const struct partition *p = &job->call.x.partition;
	uint64_t epoch;
	int rc = sqlite_find_partition(db, p, row);

	if (rc < 0)
		return rc;
	if (row->p != 0)
		return admit_known(db, job, row);
	rc = next_epoch(db, &epoch);
	if (rc < 0)
		return rc;
	if (job->call.epoch != 0 && job->call.epoch < epoch) {
		/* It began in a partition that has been forgotten and cleared away. */
		job->answer.status = -ESTALE;
		return 0;
	}
	row->head.epoch = epoch;
	rc = make_partition(db, p, row);
	return rc < 0 ? rc : 1;
}

/*
 * Moves older siblings to `gone` (store.h says what a sibling is). The epoch is
 * new with this, so that it finds them there again.
 */
static int supersede(struct db *db, struct job *job, struct partition_row *row)
{
	const struct exchange *x = &job->call.x;
	uint64_t n;
	struct query q;
	int rc;

	if (!x->session_named || x->state != EXCHANGE_COMPLETE ||
	    digest_is_zero(&x->prev))
		return 0;
	q = query(db, "INSERT OR REPLACE INTO gone (p, id, kind, epoch, seq, gone_ms)"
		      " SELECT p, id, ?6, ?4, k & 4294967295, ?5 FROM exchange"
		      " WHERE p = ?1 AND session = ?2 AND prev = ?3 AND named"
		      " AND k > ifnull((SELECT max(k) FROM exchange WHERE p = ?1"
		      " AND session = ?2 AND reply_digest = ?3), 0)");
	query_u64(&q, row->p);
	query_id(&q, &job->session_mark);
	query_bytes(&q, x->prev.b, sizeof(x->prev.b));
	query_u64(&q, row->head.epoch + 1);
	query_u64(&q, job->now_ms);
	query_u64(&q, GONE_SUPERSEDED);
	rc = query_run(&q);
	n = db_changes(db);
	if (rc < 0 || n == 0)
		return rc;
	row->head.epoch++;
	q = query(db, "DELETE FROM exchange WHERE p = ?1 AND id IN"
		      " (SELECT id FROM gone WHERE p = ?1 AND epoch = ?2)");
	query_u64(&q, row->p);
	query_u64(&q, row->head.epoch);
	return query_run(&q);
}

static struct digest reply_digest(const struct exchange *x)
{
	if (!digest_is_zero(&x->reply_digest) || x->reply.p == NULL)
		return x->reply_digest;
	return digest_sha256(x->reply);
}

static int insert(struct db *db, struct job *job, uint64_t p, uint64_t seq)
{
	const struct exchange *x = &job->call.x;
	struct digest digest = reply_digest(x);
	struct query q;
	struct str body;
	int rc = body_encode(job->mem, x, &body);

	if (rc < 0)
		return rc;
	q = query(db,
		  "INSERT INTO exchange (k, p, id, session, prev, reply_digest, state,"
		  " named, at_ms, expires_ms, body) VALUES "
		  "(?,?,?,?,?,?,?,?,?,nullif(?,0),?)");
	query_u64(&q, exchange_key(p, seq));
	query_u64(&q, p);
	query_id(&q, &x->id);
	query_id(&q, &job->session_mark);
	query_bytes(&q, x->prev.b, sizeof(x->prev.b));
	query_bytes(&q, digest.b, sizeof(digest.b));
	query_u64(&q, x->state);
	query_u64(&q, x->session_named);
	query_u64(&q, x->at_ms);
	query_u64(&q, x->expires_ms);
	query_str(&q, body);
	return query_run(&q);
}

int sqlite_append(struct db *db, struct job *job)
{
	struct partition_row row;
	int rc = admit(db, job, &row);

	if (rc <= 0)
		return rc;
	if (row.head.head + 1 >= SEQ_MAX)
		return -EIO;
	row.head.head++;
	rc = supersede(db, job, &row);
	if (rc == 0)
		rc = insert(db, job, row.p, row.head.head);
	if (rc == 0)
		rc = save_partition(db, job, &row, 1,
				    job->call.x.state == EXCHANGE_BLOCK);
	job->answer.n = row.head.head;
	return rc;
}

static int edit_body(struct db *db, struct job *job, uint64_t k)
{
	const struct exchange *new = &job->call.x;
	struct exchange x;
	struct query q;
	struct str body;
	int rc = sqlite_read_body(db, job->mem, k, &x);

	if (rc < 0)
		return rc;
	x.user = new->user.p ? new->user : x.user;
	x.reply = new->reply.p ? new->reply : x.reply;
	rc = body_encode(job->mem, &x, &body);
	if (rc < 0)
		return rc;
	q = query(db, "UPDATE exchange SET body = ? WHERE k = ? AND state <> 3");
	query_str(&q, body);
	query_u64(&q, k);
	rc = query_run(&q);
	if (rc == 0 && db_changes(db) == 0)
		job->answer.status = -ENOENT; /* a block has no texts */
	return rc;
}

int sqlite_edit(struct db *db, struct job *job)
{
	const struct exchange *x = &job->call.x;
	struct partition_row row;
	uint64_t seq = 0;
	int rc = sqlite_find_partition(db, &x->partition, &row);

	if (rc == 0 && row.p != 0)
		rc = sqlite_find_exchange(db, row.p, &x->id, &seq);
	if (rc == 0 && seq == 0)
		job->answer.status = -ENOENT;
	if (rc < 0 || seq == 0)
		return rc;
	rc = edit_body(db, job, exchange_key(row.p, seq));
	if (rc < 0 || job->answer.status < 0)
		return rc;
	row.head.epoch++;
	job->wipes = true;
	return save_partition(db, job, &row, 0, 0);
}

/* What a DELETE … RETURNING state took away. */
struct taken {
	uint64_t rows, exchanges; /* with blocks, and without */
};

static int run_delete(struct query *q, struct taken *ret)
{
	int rc;

	*ret = (struct taken){ 0, 0 };
	while ((rc = query_step(q)) > 0) {
		ret->rows++;
		ret->exchanges += column_u64(q, 0) != EXCHANGE_BLOCK;
	}
	query_end(q);
	return rc;
}

/* One exchange, known to be there by its seq. */
static int forget_exchange(struct db *db, struct job *job,
			   const struct partition_row *row, uint64_t seq,
			   struct taken *ret)
{
	const struct gone g = { GONE_FORGOTTEN, row->head.epoch, seq };
	struct query q;
	int rc = put_gone(db, job, row->p, &job->call.x.id, &g);

	if (rc < 0)
		return rc;
	q = query(db, "DELETE FROM exchange WHERE k = ? RETURNING state");
	query_u64(&q, exchange_key(row->p, seq));
	return run_delete(&q, ret);
}

static int forget_session(struct db *db, struct job *job, const struct partition_row *row,
			  struct taken *ret)
{
	const struct gone g = { GONE_SESSION, row->head.epoch, 0 };
	struct query q;
	int rc = put_gone(db, job, row->p, &job->session_mark, &g);

	if (rc < 0)
		return rc;
	q = query(db, "DELETE FROM exchange WHERE p = ? AND session = ? RETURNING state");
	query_u64(&q, row->p);
	query_id(&q, &job->session_mark);
	return run_delete(&q, ret);
}

static int forget_all(struct db *db, struct partition_row *row, struct taken *ret)
{
	struct query q = query(db, "DELETE FROM exchange WHERE k BETWEEN ?1 << 32"
				   " AND ?1 << 32 | 4294967295 RETURNING state");

	row->forgot = row->head.epoch;
	query_u64(&q, row->p);
	return run_delete(&q, ret);
}

/* What is to be forgotten, and under the partition's next epoch. */
static int forget_in(struct db *db, struct job *job, struct partition_row *row)
{
	struct taken taken = { 0, 0 };
	uint64_t seq = 0;
	int rc = 0;

	if (job->call.has_id) {
		rc = sqlite_find_exchange(db, row->p, &job->call.x.id, &seq);
		if (rc < 0 || seq == 0)
			return rc;
	}
	row->head.epoch++;
	if (job->call.has_id)
		rc = forget_exchange(db, job, row, seq, &taken);
	else if (job->call.x.session.p != NULL)
		rc = forget_session(db, job, row, &taken);
	else
		rc = forget_all(db, row, &taken);
	job->answer.n = taken.exchanges;
	return rc < 0 ? rc : save_partition(db, job, row, 0, 0);
}

int sqlite_forget(struct db *db, struct job *job)
{
	const struct partition *p = &job->call.x.partition;
	struct partition_row row;
	/* A name is kept only where there may be something on its way to be refused. */
	int rc = job->call.has_id ? sqlite_find_partition(db, p, &row)
				  : find_or_make(db, p, &row);

	if (rc == 0 && row.p != 0)
		rc = forget_in(db, job, &row);
	if (rc < 0)
		return rc;
	job->wipes = rc == 0 && row.p != 0;
	job->answer.status = job->answer.n > 0 ? 0 : -ENOENT;
	return 0;
}

int sqlite_pause(struct db *db, struct job *job)
{
	struct partition_row row;
	int rc = find_or_make(db, &job->call.x.partition, &row);

	if (rc < 0 || row.head.paused == job->call.paused)
		return rc;
	row.head.paused = job->call.paused;
	row.head.epoch++;
	return save_partition(db, job, &row, 0, 0);
}

static int expire_slice(struct db *db, uint64_t now_ms, struct taken *ret)
{
	struct query q =
		query(db, "DELETE FROM exchange WHERE k IN (SELECT k FROM exchange"
			  " WHERE expires_ms <= ? LIMIT ?) RETURNING state");

	query_u64(&q, now_ms);
	query_u64(&q, SLICE);
	return run_delete(&q, ret);
}

/* Records of what was forgotten, once nothing can be on its way any more. */
static int clear_away(struct db *db, uint64_t before_ms)
{
	struct query q = query(db, "DELETE FROM gone WHERE gone_ms < ?");
	int rc;

	query_u64(&q, before_ms);
	rc = query_run(&q);
	if (rc < 0)
		return rc;
	q = query(db, "UPDATE meta SET epoch = max(epoch, 1 + (SELECT"
		      " coalesce(max(epoch), 0) FROM partition"
		      " WHERE n = 0 AND NOT paused AND changed_ms < ?))");
	query_u64(&q, before_ms);
	rc = query_run(&q);
	if (rc < 0)
		return rc;
	q = query(db, "DELETE FROM partition WHERE n = 0 AND NOT paused"
		      " AND changed_ms < ?");
	query_u64(&q, before_ms);
	return query_run(&q);
}

int sqlite_expire(struct db *db, struct job *job)
{
	uint64_t now = job->call.now_ms;
	struct taken taken;
	int rc = expire_slice(db, now, &taken);

	if (rc < 0)
		return rc;
	job->answer.n += taken.exchanges;
	job->wipes |= taken.rows > 0;
	job->again = taken.rows == SLICE;
	if (job->again)
		return 0;
	if (now > STORE_FORGET_MEMORY_MS)
		rc = clear_away(db, now - STORE_FORGET_MEMORY_MS);
	if (rc == 0)
		rc = sqlite_count(db, &job->stats);
	job->counted = rc == 0;
	return rc;
}

/*
 * The oldest of the exchanges to keep decides; what lies before it goes. Not a forget:
 * what the log of the file still holds goes with the next one.
 */
static int trim_slice(struct db *db, uint64_t p, uint64_t keep, struct taken *ret)
{
	struct query q =
		query(db, "DELETE FROM exchange WHERE k IN (SELECT k FROM exchange"
			  " WHERE k >= ?1 << 32 AND k < (SELECT k FROM exchange"
			  " WHERE k BETWEEN ?1 << 32 AND ?1 << 32 | 4294967295"
			  " AND state <> 3 ORDER BY k DESC LIMIT 1 OFFSET ?2 - 1)"
			  " ORDER BY k LIMIT ?3) RETURNING state");

	query_u64(&q, p);
	query_u64(&q, keep);
	query_u64(&q, SLICE);
	return run_delete(&q, ret);
}

int sqlite_trim(struct db *db, struct job *job)
{
	struct partition_row row;
	struct taken taken;
	int rc = sqlite_find_partition(db, &job->call.x.partition, &row);

	if (rc < 0 || row.p == 0)
		return rc;
	rc = trim_slice(db, row.p, job->call.keep, &taken);
	if (rc < 0)
		return rc;
	job->answer.n += taken.exchanges;
	job->again = taken.rows == SLICE;
	return 0;
}
