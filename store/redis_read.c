/* redis_read.c - the calls that read one user's exchanges, and what replies hold. */
#include "base/arena.h"
#include "store/redis_op.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <string.h>

/* --- replies ---------------------------------------------------------------- */

int redis_reply_text(const struct redisReply *r, struct str *ret)
{
	if (r->type != REDIS_REPLY_STRING && r->type != REDIS_REPLY_STATUS)
		return -EIO;
	*ret = (struct str){ r->str, (size_t)r->len };
	return 0;
}

/* Lua gives integers, commands give digits. */
int redis_reply_number(const struct redisReply *r, uint64_t *ret)
{
	struct str digits;

	if (r->type == REDIS_REPLY_INTEGER) {
		*ret = (uint64_t)r->integer;
		return r->integer >= 0 ? 0 : -EIO;
	}
	if (r->type == REDIS_REPLY_NIL) {
		*ret = 0;
		return 0;
	}
	if (redis_reply_text(r, &digits) < 0 || !str_to_u64(digits, ret))
		return -EIO;
	return 0;
}

int redis_reply_array(const struct redisReply *r, size_t n)
{
	return r->type == REDIS_REPLY_ARRAY && r->elements >= n ? 0 : -EIO;
}

int redis_reply_outcome(const struct redisReply *r, struct redis_outcome *ret)
{
	static const struct {
		struct str name;
		int status;
	} words[] = {
		{ { "ok", 2 }, 0 },           { { "again", 5 }, 0 },
		{ { "stale", 5 }, -ESTALE },  { { "paused", 6 }, -EPERM },
		{ { "absent", 6 }, -ENOENT }, { { "no", 2 }, -EAGAIN },
	};
	struct str word;

	if (redis_reply_array(r, 3) < 0 || redis_reply_text(r->element[0], &word) < 0 ||
	    redis_reply_number(r->element[1], &ret->n) < 0 ||
	    r->element[2]->type != REDIS_REPLY_INTEGER)
		return -EIO;
	ret->exchanges = r->element[2]->integer;
	ret->again = str_eq(word, STR("again"));
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (str_eq(word, words[i].name)) {
			ret->status = words[i].status;
			return 0;
		}
	return -EIO;
}

/* --- reading ---------------------------------------------------------------- */

static int take_head(struct redis_op *o, const struct redisReply *r)
{
	struct store_head *head = &o->answer.head;
	uint64_t paused;

	if (redis_reply_array(r, 4) < 0 ||
	    redis_reply_number(r->element[0], &head->epoch) < 0 ||
	    redis_reply_number(r->element[1], &head->head) < 0 ||
	    redis_reply_number(r->element[2], &head->first) < 0 ||
	    redis_reply_number(r->element[3], &paused) < 0)
		return -EIO;
	head->paused = paused != 0;
	return 0;
}

/* Its texts are the reply's. */
static int take_exchange(struct redis_op *o, struct redisReply **v, struct exchange *ret)
{
	struct str id, entry;
	uint64_t seq;
	int rc;

	if (redis_reply_number(v[0], &seq) < 0 || redis_reply_text(v[1], &id) < 0 ||
	    redis_reply_text(v[2], &entry) < 0 || id.len != sizeof(ret->id.b))
		return -EIO;
	rc = redis_entry_decode(entry, ret);
	if (rc < 0)
		return rc;
	ret->seq = seq;
	ret->partition = o->call.x.partition;
	memcpy(ret->id.b, id.p, sizeof(ret->id.b));
	return 0;
}

/* The operation ends, and is called back, while the reply is there. */
static int on_exchanges(struct redis_op *o, const struct redisReply *r, size_t i)
{
	struct exchange *v;
	size_t n;
	int rc = take_head(o, r);

	(void)i;
	if (rc < 0 || r->elements % 3 != 1)
		return -EIO;
	n = r->elements / 3 - 1;
	v = arena_alloc(o->mem, n * sizeof(*v));
	if (v == NULL)
		return -ENOMEM;
	for (size_t k = 0; k < n && rc == 0; k++)
		rc = take_exchange(o, &r->element[4 + 3 * k], &v[k]);
	o->answer.exchanges = v;
	o->answer.n_rows = n;
	if (o->call.kind == CALL_GET && n == 0)
		o->answer.status = -ENOENT;
	return rc;
}

static int on_sessions(struct redis_op *o, const struct redisReply *r, size_t i)
{
	struct store_session *v;
	size_t n;

	(void)i;
	if (redis_reply_array(r, 0) < 0 || r->elements % 4 != 0)
		return -EIO;
	n = r->elements / 4;
	v = arena_alloc(o->mem, n * sizeof(*v));
	if (v == NULL)
		return -ENOMEM;
	for (size_t k = 0; k < n; k++) {
		struct redisReply **e = &r->element[4 * k];

		if (redis_reply_text(e[0], &v[k].id) < 0 ||
		    redis_reply_number(e[1], &v[k].exchanges) < 0 ||
		    redis_reply_number(e[2], &v[k].first_ms) < 0 ||
		    redis_reply_number(e[3], &v[k].last_ms) < 0)
			return -EIO;
	}
	o->answer.sessions = v;
	o->answer.n_rows = n;
	return 0;
}

/* Of numbers that a Lua script computes with: it has doubles. */
static struct str count_arg(struct redis_op *o, uint64_t n)
{
	const uint64_t max = UINT64_C(1) << 52;

	return redis_arg(o, n < max ? n : max);
}

/*
 * So much in one reply at most, whoever wants more; the next read goes on behind it. It
 * is far below the link's bound, which is for what is not well.
 */
enum { PAGE_MAX = 64 << 20 };

static void begin_range(struct redis_op *o)
{
	const struct call *c = &o->call;
	size_t bytes = c->bytes < PAGE_MAX ? c->bytes : PAGE_MAX;
	const struct str argv[] = { STR("read"),
				    c->kind == CALL_READ_SINCE ? STR("since")
							       : STR("before"),
				    redis_arg(o, c->cursor), redis_arg(o, bytes),
				    redis_arg(o, EXCHANGE_OVERHEAD) };

	redis_op_script(o, o->keys, REDIS_USER_KEYS, argv, sizeof(argv) / sizeof(*argv),
			on_exchanges, 0);
}

static void begin_get(struct redis_op *o)
{
	const struct exchange_id *id = &o->call.x.id;
	const struct str argv[] = { STR("get"), { (const char *)id->b, sizeof(id->b) } };

	redis_op_script(o, o->keys, REDIS_USER_KEYS, argv, sizeof(argv) / sizeof(*argv),
			on_exchanges, 0);
}

static void begin_sessions(struct redis_op *o)
{
	const struct call *c = &o->call;
	const struct str argv[] = { STR("sessions"), count_arg(o, c->skip),
				    count_arg(o, c->limit) };

	if (c->limit > 0)
		redis_op_script(o, o->keys, REDIS_USER_KEYS, argv,
				sizeof(argv) / sizeof(*argv), on_sessions, 0);
}

void redis_begin_read(struct redis_op *o)
{
	if (o->call.kind == CALL_SESSIONS)
		begin_sessions(o);
	else if (o->call.kind == CALL_GET)
		begin_get(o);
	else
		begin_range(o);
}
