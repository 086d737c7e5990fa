/* sqlite_read.c - the calls that change nothing. */
#include "base/arena.h"
#include "store/sqlite_body.h"
#include "store/sqlite_db.h"
#include "store/sqlite_job.h"

#include <errno.h>
#include <string.h>

/* All keys of a partition, in a query that has the table `partition` in it. */
#define ITS_KEYS "k BETWEEN partition.p << 32 AND partition.p << 32 | 4294967295"
#define FIRST_OF "(SELECT min(k) FROM exchange WHERE " ITS_KEYS ")"

int sqlite_find_partition(struct db *db, const struct partition *p,
			  struct partition_row *ret)
{
	struct partition_row row = { .p = 0 };
	struct query q = query(db, "SELECT p, epoch, head, paused, forgot, " FIRST_OF
				   " FROM partition WHERE tenant = ? AND user = ?");
	int rc;

	query_str(&q, p->tenant);
	query_str(&q, p->user);
	rc = query_step(&q);
	if (rc > 0)
		row = (struct partition_row){
			.p = column_u64(&q, 0),
			.head = { .epoch = column_u64(&q, 1),
				  .head = column_u64(&q, 2),
				  .paused = column_u64(&q, 3) != 0,
				  .first = key_seq(column_u64(&q, 5)) },
			.forgot = column_u64(&q, 4),
		};
	query_end(&q);
	if (rc < 0)
		return rc;
	*ret = row;
	return 0;
}

int sqlite_find_exchange(struct db *db, uint64_t p, const struct exchange_id *id,
			 uint64_t *seq)
{
	struct query q = query(db, "SELECT k FROM exchange WHERE p = ? AND id = ?");
	int rc;

	query_u64(&q, p);
	query_bytes(&q, id->b, sizeof(id->b));
	rc = query_step(&q);
	if (rc >= 0)
		*seq = rc > 0 ? key_seq(column_u64(&q, 0)) : 0;
	query_end(&q);
	return rc < 0 ? rc : 0;
}

void *rows_next(struct rows *r)
{
	if (r->n == r->cap) {
		size_t cap = r->cap ? 2 * r->cap : 8;
		void *v = arena_alloc(r->mem, cap * r->size);

		if (v == NULL)
			return NULL;
		if (r->n > 0)
			memcpy(v, r->v, r->n * r->size);
		r->v = v;
		r->cap = cap;
	}
	return (char *)r->v + r->size * r->n++;
}

#define EXCHANGE_COLUMNS \
	"k, id, state, named, at_ms, expires_ms, prev, reply_digest, body"

/* Texts are the statement's. */
static int borrow_exchange(const struct query *q, const struct partition *p,
			   struct exchange *ret)
{
	*ret = (struct exchange){
		.partition = *p,
		.seq = key_seq(column_u64(q, 0)),
		.state = (enum exchange_state)column_u64(q, 2),
		.session_named = column_u64(q, 3) != 0,
		.at_ms = column_u64(q, 4),
		.expires_ms = column_u64(q, 5),
	};
	column_bytes(q, 1, ret->id.b, sizeof(ret->id.b));
	column_bytes(q, 6, ret->prev.b, sizeof(ret->prev.b));
	column_bytes(q, 7, ret->reply_digest.b, sizeof(ret->reply_digest.b));
	return body_decode(column_str(q, 8), ret);
}

/* All but the partition's names, which the job has already. */
static int copy_exchange(struct job *job, const struct exchange *x, struct exchange *ret)
{
	struct exchange texts = *x;

	texts.partition = (struct partition){ { NULL, 0 }, { NULL, 0 } };
	if (exchange_copy(job->mem, &texts, ret) < 0)
		return -ENOMEM;
	ret->partition = x->partition;
	return 0;
}

/* Of the statement's exchanges those that `bytes` hold, the first in any case. */
static int collect(struct query *q, struct job *job, size_t bytes)
{
	struct rows rows = { .mem = job->mem, .size = sizeof(struct exchange) };
	int rc;

	while ((rc = query_step(q)) > 0) {
		struct exchange x, *row;
		size_t size;

		rc = borrow_exchange(q, &job->call.x.partition, &x);
		if (rc < 0)
			break;
		size = exchange_bytes(&x);
		if (rows.n > 0 && size > bytes)
			break;
		bytes -= size < bytes ? size : bytes;
		row = rows_next(&rows);
		rc = row ? copy_exchange(job, &x, row) : -ENOMEM;
		if (rc < 0)
			break;
	}
	query_end(q);
	job->answer.exchanges = rows.v;
	job->answer.n_rows = rows.n;
	return rc < 0 ? rc : 0;
}

/* The head; *p is the number of the partition, 0 where there is none. */
static int begin_read(struct db *db, struct job *job, uint64_t *p)
{
	struct partition_row row;
	int rc = sqlite_find_partition(db, &job->call.x.partition, &row);

	if (rc < 0)
		return rc;
	job->answer.head = row.head;
	*p = row.p;
	return 0;
}

static int read_range(struct db *db, struct job *job, const char *sql)
{
	uint64_t p;
	struct query q;
	int rc = begin_read(db, job, &p);

	if (rc < 0 || p == 0)
		return rc;
	q = query(db, sql);
	query_u64(&q, exchange_key(p, job->call.cursor));
	query_u64(&q, p);
	return collect(&q, job, job->call.bytes);
}

int sqlite_read_since(struct db *db, struct job *job)
{
	return read_range(db, job,
			  "SELECT " EXCHANGE_COLUMNS " FROM exchange"
			  " WHERE k > ?1 AND k <= (?2 << 32 | 4294967295) ORDER BY k");
}

int sqlite_read_before(struct db *db, struct job *job)
{
	return read_range(db, job,
			  "SELECT " EXCHANGE_COLUMNS " FROM exchange"
			  " WHERE k < ?1 AND k >= (?2 << 32) ORDER BY k DESC");
}

int sqlite_read_body(struct db *db, struct arena *mem, uint64_t k, struct exchange *ret)
{
	struct query q = query(db, "SELECT body FROM exchange WHERE k = ?");
	struct exchange x = { .seq = key_seq(k) };
	int rc;

	query_u64(&q, k);
	rc = query_step(&q);
	if (rc > 0)
		rc = body_decode(column_str(&q, 0), &x);
	if (rc == 0)
		rc = exchange_copy(mem, &x, ret);
	query_end(&q);
	return rc;
}

int sqlite_get(struct db *db, struct job *job)
{
	uint64_t p;
	struct query q;
	int rc = begin_read(db, job, &p);

	if (rc == 0 && p != 0) {
		q = query(db, "SELECT " EXCHANGE_COLUMNS
			      " FROM exchange WHERE p = ? AND id = ?");
		query_u64(&q, p);
		query_bytes(&q, job->call.x.id.b, sizeof(job->call.x.id.b));
		rc = collect(&q, job, 0);
	}
	if (rc == 0 && job->answer.n_rows == 0)
		job->answer.status = -ENOENT;
	return rc;
}

static int copy_user(struct query *q, struct arena *mem, struct store_user *u)
{
	u->head.epoch = column_u64(q, 2);
	u->head.head = column_u64(q, 3);
	u->head.paused = column_u64(q, 4) != 0;
	u->exchanges = column_u64(q, 5);
	u->head.first = key_seq(column_u64(q, 6));
	u->last_ms = column_u64(q, 7);
	if (exchange_copy_text(mem, column_str(q, 0), &u->partition.tenant) < 0)
		return -ENOMEM;
	return exchange_copy_text(mem, column_str(q, 1), &u->partition.user);
}

#define USER_COLUMNS                                                     \
	"tenant, user, epoch, head, paused, n - blocks, " FIRST_OF ","   \
	" (SELECT at_ms FROM exchange WHERE " ITS_KEYS " AND state <> 3" \
	" ORDER BY k DESC LIMIT 1)"
#define USER_LISTED " AND (n > blocks OR paused) ORDER BY tenant, user LIMIT ?"

static struct query users_query(struct db *db, const struct call *c)
{
	bool all = c->tenant.p == NULL;
	struct query q =
		all ? query(db, "SELECT " USER_COLUMNS " FROM partition"
				" WHERE (tenant, user) > (?, ?)" USER_LISTED)
		    : query(db,
			    "SELECT " USER_COLUMNS " FROM partition"
			    " WHERE (tenant, user) > (?, ?) AND tenant = ?" USER_LISTED);

	if (c->has_after) {
		query_str(&q, c->x.partition.tenant);
		query_str(&q, c->x.partition.user);
	} else {
		query_str(&q, c->tenant);
		query_str(&q, STR(""));
	}
	if (!all)
		query_str(&q, c->tenant);
	query_u64(&q, c->limit);
	return q;
}

int sqlite_users(struct db *db, struct job *job)
{
	struct rows rows = { .mem = job->mem, .size = sizeof(struct store_user) };
	struct query q = users_query(db, &job->call);
	int rc;

	while ((rc = query_step(&q)) > 0) {
		struct store_user *u = rows_next(&rows);

		rc = u ? copy_user(&q, job->mem, u) : -ENOMEM;
		if (rc < 0)
			break;
	}
	query_end(&q);
	job->answer.users = rows.v;
	job->answer.n_rows = rows.n;
	return rc;
}

/* The name of a session is in the texts of its exchanges: in `body`, of one of them. */
static int copy_session(struct query *q, struct arena *mem, struct store_session *s)
{
	struct exchange x;
	int rc = body_decode(column_str(q, 0), &x);

	s->exchanges = column_u64(q, 1);
	s->first_ms = column_u64(q, 2);
	s->last_ms = column_u64(q, 3);
	return rc < 0 ? rc : exchange_copy_text(mem, x.session, &s->id);
}

int sqlite_sessions(struct db *db, struct job *job)
{
	struct rows rows = { .mem = job->mem, .size = sizeof(struct store_session) };
	struct query q;
	uint64_t p;
	int rc = begin_read(db, job, &p);

	if (rc < 0)
		return rc;
	q = query(db,
		  "SELECT (SELECT body FROM exchange WHERE k = newest), n, first, last"
		  " FROM (SELECT max(k) AS newest, count(*) AS n, min(at_ms) AS first,"
		  " max(at_ms) AS last FROM exchange WHERE p = ? AND state <> 3 GROUP BY "
		  "session"
		  " ORDER BY newest DESC LIMIT ? OFFSET ?)");
	query_u64(&q, p);
	query_u64(&q, job->call.limit);
	query_u64(&q, job->call.skip);
	while ((rc = query_step(&q)) > 0) {
		struct store_session *s = rows_next(&rows);

		rc = s ? copy_session(&q, job->mem, s) : -ENOMEM;
		if (rc < 0)
			break;
	}
	query_end(&q);
	job->answer.sessions = rows.v;
	job->answer.n_rows = rows.n;
	return rc;
}

int sqlite_count(struct db *db, struct store_stats *ret)
{
	struct query q = query(
		db, "SELECT count(*), total(n - blocks), (SELECT page_count * page_size"
		    " FROM pragma_page_count, pragma_page_size)"
		    " FROM partition");
	int rc = query_step(&q);

	if (rc > 0) {
		ret->partitions = column_u64(&q, 0);
		ret->exchanges = column_u64(&q, 1);
		ret->bytes = column_u64(&q, 2);
	}
	query_end(&q);
	return rc < 0 ? rc : 0;
}
