/* pg_job.c - one operation on its way to PostgreSQL and back. */
#include "store/pg_job.h"

#include "base/arena.h"

#include <errno.h>
#include <string.h>

enum { JOB_ARENA = 1024 }; /* a job and the texts of a short exchange */

/* Rows that one transaction of expire or trim deletes: others get their turn in between.
 */
enum { SLICE = 500 };

/* Of names, without their texts; the parts before them set the two kinds apart. */
static struct exchange_id hash_of(const struct digest *secret, const struct str *parts,
				  size_t n)
{
	struct digest d = digest_hmac(secret, parts, n);
	struct exchange_id id;

	memcpy(id.b, d.b, sizeof(id.b));
	return id;
}

struct pg_job *pg_job_new(const struct digest *secret, const struct call *c)
{
	const struct str partition[] = { STR("partition"), c->x.partition.tenant,
					 c->x.partition.user };
	const struct str session[] = { STR("session"), c->x.partition.tenant,
				       c->x.partition.user, c->x.session };
	struct arena *mem = arena_new(JOB_ARENA);
	struct pg_job *job = mem ? arena_alloc(mem, sizeof(*job)) : NULL;

	if (job == NULL || call_copy(mem, c, &job->call) < 0) {
		arena_free(mem);
		return NULL;
	}
	job->mem = mem;
	job->key = hash_of(secret, partition, 3);
	if (c->kind == CALL_APPEND || c->kind == CALL_FORGET)
		job->mark = hash_of(secret, session, 4);
	return job;
}

void pg_job_free(struct pg_job *job)
{
	PQclear(job->result);
	arena_free(job->mem);
}

/* --- requests ------------------------------------------------------------------------
 */

static void add_id(struct pg_params *p, const struct exchange_id *id)
{
	pg_add_text(p, (struct str){ (const char *)id->b, sizeof(id->b) });
}

static void add_digest(struct pg_params *p, const struct digest *d)
{
	pg_add_text(p, digest_is_zero(d)
			       ? (struct str){ NULL, 0 }
			       : (struct str){ (const char *)d->b, sizeof(d->b) });
}

static void add_nothing(struct pg_params *p)
{
	pg_add_text(p, (struct str){ NULL, 0 });
}

/* "" where absent: of texts that the tables have always. */
static void add_name(struct pg_params *p, struct str s)
{
	pg_add_text(p, s.p ? s : STR(""));
}

static void add_partition(struct pg_params *p, const struct pg_job *job)
{
	add_id(p, &job->key);
	add_name(p, job->call.x.partition.tenant);
	add_name(p, job->call.x.partition.user);
}

static void add_reply_digest(struct pg_params *p, const struct pg_job *job,
			     struct digest *own)
{
	const struct exchange *x = &job->call.x;

	*own = x->reply_digest;
	if (digest_is_zero(own) && x->reply.p != NULL)
		*own = digest_sha256(x->reply);
	add_digest(p, own);
}

static const char *request_append(const struct pg_job *job, struct pg_params *p)
{
	const struct exchange *x = &job->call.x;
	char *own = arena_bytes(job->mem, sizeof(struct digest) + EXCHANGE_HASHES);
	unsigned char *hashes = (unsigned char *)own + sizeof(struct digest);

	if (own == NULL)
		return NULL;
	pg_add_u64(p, job->now_ms);
	pg_add_u64(p, job->call.epoch);
	add_partition(p, job);
	add_id(p, &x->id);
	add_id(p, &job->mark);
	add_digest(p, &x->prev);
	add_reply_digest(p, job, (struct digest *)own);
	pg_add_i32(p, (int32_t)x->state);
	pg_add_bool(p, x->session_named);
	pg_add_u64(p, x->at_ms);
	pg_add_u64(p, x->expires_ms);
	exchange_pack_hashes(x, hashes);
	pg_add_text(p, (struct str){ (const char *)hashes, EXCHANGE_HASHES });
	pg_add_text(p, x->session);
	pg_add_text(p, x->user);
	pg_add_text(p, x->reply);
	pg_add_text(p, x->sources);
	pg_add_text(p, x->client);
	pg_add_text(p, x->model);
	pg_add_text(p, x->request_id);
	return "SELECT * FROM memproxy.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, "
	       "$11,"
	       " $12, nullif($13, 0), $14, $15, $16, $17, $18, $19, $20, $21)";
}

#define LINE                                                                      \
	"SELECT epoch, head, first, paused, (x).seq, (x).id, (x).state::integer," \
	" (x).named, (x).at_ms, (x).expires_ms, (x).prev, (x).reply_digest,"      \
	" (x).hashes, (x).session, (x).user_text, (x).reply_text, (x).sources,"   \
	" (x).client, (x).model, (x).request_id FROM memproxy."

static const char *request_read(const struct pg_job *job, struct pg_params *p)
{
	const struct call *c = &job->call;

	add_id(p, &job->key);
	if (c->kind == CALL_GET) {
		add_id(p, &c->x.id);
		return LINE "get($1, $2)";
	}
	pg_add_u64(p, c->cursor);
	pg_add_u64(p, c->bytes);
	return c->kind == CALL_READ_SINCE ? LINE "read_since($1, $2, $3)"
					  : LINE "read_before($1, $2, $3)";
}

static const char *request_users(const struct pg_job *job, struct pg_params *p)
{
	const struct call *c = &job->call;

	pg_add_text(p, c->tenant);
	add_name(p, c->has_after ? c->x.partition.tenant : c->tenant);
	add_name(p, c->has_after ? c->x.partition.user : STR(""));
	pg_add_u64(p, c->limit);
	return "SELECT * FROM memproxy.users($1, $2, $3, $4)";
}

static const char *request_sessions(const struct pg_job *job, struct pg_params *p)
{
	add_id(p, &job->key);
	pg_add_u64(p, job->call.skip);
	pg_add_u64(p, job->call.limit);
	return "SELECT * FROM memproxy.sessions($1, $2, $3)";
}

static const char *request_edit(const struct pg_job *job, struct pg_params *p)
{
	pg_add_u64(p, job->now_ms);
	add_id(p, &job->key);
	add_id(p, &job->call.x.id);
	pg_add_text(p, job->call.x.user);
	pg_add_text(p, job->call.x.reply);
	return "SELECT * FROM memproxy.edit($1, $2, $3, $4, $5)";
}

static const char *request_forget(const struct pg_job *job, struct pg_params *p)
{
	const struct call *c = &job->call;

	pg_add_u64(p, job->now_ms);
	add_partition(p, job);
	if (c->has_id)
		add_id(p, &c->x.id);
	else
		add_nothing(p);
	if (!c->has_id && c->x.session.p != NULL)
		add_id(p, &job->mark);
	else
		add_nothing(p);
	return "SELECT * FROM memproxy.forget($1, $2, $3, $4, $5, $6)";
}

static const char *request_pause(const struct pg_job *job, struct pg_params *p)
{
	pg_add_u64(p, job->now_ms);
	add_partition(p, job);
	pg_add_bool(p, job->call.paused);
	return "SELECT * FROM memproxy.pause($1, $2, $3, $4, $5)";
}

static const char *request_expire(const struct pg_job *job, struct pg_params *p)
{
	uint64_t now = job->call.now_ms;

	pg_add_u64(p, now);
	pg_add_u64(p, now > STORE_FORGET_MEMORY_MS ? now - STORE_FORGET_MEMORY_MS : 0);
	pg_add_u64(p, SLICE);
	return "SELECT * FROM memproxy.expire($1, $2, $3)";
}

static const char *request_trim(const struct pg_job *job, struct pg_params *p)
{
	add_id(p, &job->key);
	pg_add_u64(p, job->call.keep);
	pg_add_u64(p, SLICE);
	return "SELECT * FROM memproxy.trim($1, $2, $3)";
}

static const char *request_ping(const struct pg_job *job, struct pg_params *p)
{
	(void)job;
	(void)p;
	return "SELECT * FROM memproxy.ping()";
}

/* --- outcomes ------------------------------------------------------------------------
 */

static int outcome_change(struct pg_job *job, struct pg_outcome *o)
{
	static const int statuses[] = { 0, -ESTALE, -EPERM, -ENOENT };
	uint64_t status = pg_u64(job->result, 0, 0);

	if (status >= sizeof(statuses) / sizeof(*statuses))
		return -EIO;
	o->answer.status = statuses[status];
	o->answer.n = pg_u64(job->result, 0, 1);
	return 0;
}

static void read_exchange(const PGresult *r, int row, struct exchange *x)
{
	unsigned char hashes[EXCHANGE_HASHES];

	x->seq = pg_u64(r, row, 4);
	pg_bytes(r, row, 5, x->id.b, sizeof(x->id.b));
	x->state = (enum exchange_state)pg_u64(r, row, 6);
	x->session_named = pg_bool(r, row, 7);
	x->at_ms = pg_u64(r, row, 8);
	x->expires_ms = pg_u64(r, row, 9);
	pg_bytes(r, row, 10, x->prev.b, sizeof(x->prev.b));
	pg_bytes(r, row, 11, x->reply_digest.b, sizeof(x->reply_digest.b));
	pg_bytes(r, row, 12, hashes, sizeof(hashes));
	exchange_unpack_hashes(x, hashes);
	x->session = pg_text(r, row, 13);
	x->user = pg_text(r, row, 14);
	x->reply = pg_text(r, row, 15);
	x->sources = pg_text(r, row, 16);
	x->client = pg_text(r, row, 17);
	x->model = pg_text(r, row, 18);
	x->request_id = pg_text(r, row, 19);
}

static int outcome_read(struct pg_job *job, struct pg_outcome *o)
{
	const PGresult *r = job->result;
	int n = PQntuples(r);
	struct exchange *v;

	if (n > 0)
		o->answer.head = (struct store_head){ .epoch = pg_u64(r, 0, 0),
						      .head = pg_u64(r, 0, 1),
						      .first = pg_u64(r, 0, 2),
						      .paused = pg_bool(r, 0, 3) };
	if (n == 1 && PQgetisnull(r, 0, 4)) /* the head alone */
		n = 0;
	if (n <= 0) {
		o->answer.status = job->call.kind == CALL_GET ? -ENOENT : 0;
		return 0;
	}
	v = arena_alloc(job->mem, (size_t)n * sizeof(*v));
	if (v == NULL)
		return -ENOMEM;
	for (int i = 0; i < n; i++) {
		v[i].partition = job->call.x.partition;
		read_exchange(r, i, &v[i]);
	}
	o->answer.exchanges = v;
	o->answer.n_rows = (size_t)n;
	return 0;
}

static int outcome_users(struct pg_job *job, struct pg_outcome *o)
{
	const PGresult *r = job->result;
	int n = PQntuples(r);
	struct store_user *v = arena_alloc(job->mem, (size_t)n * sizeof(*v));

	if (v == NULL)
		return -ENOMEM;
	for (int i = 0; i < n; i++)
		v[i] = (struct store_user){
			.partition = { pg_text(r, i, 0), pg_text(r, i, 1) },
			.head = { .epoch = pg_u64(r, i, 2),
				  .head = pg_u64(r, i, 3),
				  .paused = pg_bool(r, i, 4),
				  .first = pg_u64(r, i, 6) },
			.exchanges = pg_u64(r, i, 5),
			.last_ms = pg_u64(r, i, 7),
		};
	o->answer.users = v;
	o->answer.n_rows = (size_t)n;
	return 0;
}

static int outcome_sessions(struct pg_job *job, struct pg_outcome *o)
{
	const PGresult *r = job->result;
	int n = PQntuples(r);
	struct store_session *v = arena_alloc(job->mem, (size_t)n * sizeof(*v));

	if (v == NULL)
		return -ENOMEM;
	for (int i = 0; i < n; i++)
		v[i] = (struct store_session){ .id = pg_text(r, i, 0),
					       .exchanges = pg_u64(r, i, 1),
					       .first_ms = pg_u64(r, i, 2),
					       .last_ms = pg_u64(r, i, 3) };
	o->answer.sessions = v;
	o->answer.n_rows = (size_t)n;
	return 0;
}

static int outcome_slice(struct pg_job *job, struct pg_outcome *o)
{
	const PGresult *r = job->result;

	o->answer.n = pg_u64(r, 0, 0);
	o->again = pg_bool(r, 0, 1);
	if (job->call.kind == CALL_EXPIRE && !o->again) {
		o->counted = true;
		o->stats.partitions = pg_u64(r, 0, 2);
		o->stats.exchanges = pg_u64(r, 0, 3);
		o->stats.bytes = pg_u64(r, 0, 4);
	}
	return 0;
}

static int outcome_ping(struct pg_job *job, struct pg_outcome *o)
{
	o->answer.status = pg_bool(job->result, 0, 0) ? 0 : -EIO;
	return 0;
}

/* columns: those of its rows, or -EIO; rows: false where it has always one. */
static const struct {
	const char *(*request)(const struct pg_job *job, struct pg_params *ret);
	int (*outcome)(struct pg_job *job, struct pg_outcome *ret);
	int columns;
	bool rows;
} kinds[CALL_N] = {
	[CALL_APPEND] = { request_append, outcome_change, 2, false },
	[CALL_READ_SINCE] = { request_read, outcome_read, 20, true },
	[CALL_READ_BEFORE] = { request_read, outcome_read, 20, true },
	[CALL_GET] = { request_read, outcome_read, 20, true },
	[CALL_USERS] = { request_users, outcome_users, 8, true },
	[CALL_SESSIONS] = { request_sessions, outcome_sessions, 4, true },
	[CALL_EDIT] = { request_edit, outcome_change, 2, false },
	[CALL_FORGET] = { request_forget, outcome_change, 2, false },
	[CALL_PAUSE] = { request_pause, outcome_change, 2, false },
	[CALL_EXPIRE] = { request_expire, outcome_slice, 5, false },
	[CALL_TRIM] = { request_trim, outcome_slice, 2, false },
	[CALL_PING] = { request_ping, outcome_ping, 1, false },
};

const char *pg_job_request(const struct pg_job *job, struct pg_params *ret)
{
	ret->n = 0;
	ret->bytes = 0;
	return kinds[job->call.kind].request(job, ret);
}

void pg_job_outcome(struct pg_job *job, struct pg_outcome *ret)
{
	const PGresult *r = job->result;
	int rc = -EIO;

	*ret = (struct pg_outcome){ .again = false };
	if (PQresultStatus(r) == PGRES_TUPLES_OK &&
	    PQnfields(r) == kinds[job->call.kind].columns &&
	    (kinds[job->call.kind].rows || PQntuples(r) == 1))
		rc = kinds[job->call.kind].outcome(job, ret);
	if (rc < 0)
		*ret = (struct pg_outcome){ .answer.status = rc };
}

/* postgresql.org/docs/15/errcodes-appendix.html */
enum pg_trouble pg_trouble_of(const PGresult *error)
{
	static const struct {
		const char *state;
		enum pg_trouble trouble;
	} states[] = {
		{ "40001", PG_CONFLICT }, /* serialization_failure */
		{ "40P01", PG_CONFLICT }, /* deadlock_detected */
		{ "55P03", PG_LATE },     /* lock_not_available */
		{ "57014", PG_LATE },     /* query_canceled, by a timeout */
		{ "54000", PG_TOO_BIG },  /* program_limit_exceeded */
		{ "25006", PG_READ_ONLY },
	};
	const char *state = PQresultErrorField(error, PG_DIAG_SQLSTATE);

	for (size_t i = 0; state != NULL && i < sizeof(states) / sizeof(*states); i++)
		if (strcmp(state, states[i].state) == 0)
			return states[i].trouble;
	return PG_REFUSED;
}
