/*
 * redis_change.c - the calls that change one user's exchanges.
 *
 * The script does the change in one piece. The list of users lies in another slot and
 * gets to know in a command behind it, so that a user may be missing there for a moment,
 * but is never lost: each change tells it again.
 */
#include "base/arena.h"
#include "store/redis_op.h"

#include <errno.h>

enum { SLICE = 500 }; /* that trim drops in one go: others get their turn in between */

static struct str id_arg(const struct exchange_id *id)
{
	return (struct str){ (const char *)id->b, sizeof(id->b) };
}

static void note_user(struct redis_op *o, uint64_t due)
{
	const struct str names[] = { STR("ZADD"), STR(REDIS_NAMES), STR("0"), o->name };
	const struct str dues[] = { STR("ZADD"), STR(REDIS_DUE), STR("LT"),
				    redis_arg(o, due), o->name };

	redis_op_send(o, names, sizeof(names) / sizeof(*names), NULL, 0);
	redis_op_send(o, dues, sizeof(dues) / sizeof(*dues), NULL, 0);
}

/* Of whoever is in the list. */
static void note_due(struct redis_op *o, uint64_t due)
{
	const struct str argv[] = { STR("ZADD"), STR(REDIS_DUE),    STR("XX"),
				    STR("LT"),   redis_arg(o, due), o->name };

	redis_op_send(o, argv, sizeof(argv) / sizeof(*argv), NULL, 0);
}

/* When what is changed now may have to be cleared away. */
static uint64_t a_day_later(const struct redis_op *o)
{
	return o->now_ms + STORE_FORGET_MEMORY_MS + 1;
}

static redis_step begin_trim;

static int on_outcome(struct redis_op *o, const struct redisReply *reply, size_t i)
{
	struct redis_outcome out;
	int rc = redis_reply_outcome(reply, &out);

	(void)i;
	if (rc < 0)
		return rc;
	o->answer.status = out.status;
	if (o->call.kind == CALL_APPEND)
		o->answer.n = out.n;
	else
		o->answer.n += out.n;
	if (out.again)
		o->next = begin_trim;
	if (out.exchanges >= 0)
		redis_note_count(o, o->name, out.exchanges);
	else if (o->call.kind == CALL_APPEND)
		note_due(o,
			 o->now_ms); /* listed for nothing: the next to look strikes it */
	if (o->call.kind == CALL_FORGET ? out.exchanges >= 0
					: o->call.kind == CALL_EDIT && out.status == 0)
		redis_wipe_want(o->st);
	return 0;
}

static void change(struct redis_op *o, const struct str *argv, size_t n)
{
	redis_op_script(o, o->keys, REDIS_USER_KEYS, argv, n, on_outcome, 0);
}

static void begin_append(struct redis_op *o)
{
	struct exchange *x = &o->call.x;
	struct exchange_id mark = exchange_session_mark(&o->st->secret, x->session);
	uint64_t due = a_day_later(o);
	struct str entry;
	int rc;

	if (digest_is_zero(&x->reply_digest) && x->reply.p != NULL)
		x->reply_digest = digest_sha256(x->reply);
	rc = redis_entry_encode(o->mem, x, &mark, &entry);
	if (rc < 0) {
		redis_op_fail(o, rc);
		return;
	}
	change(o,
	       (struct str[]){ STR("append"), redis_arg(o, o->now_ms), id_arg(&x->id),
			       redis_arg(o, o->call.epoch), entry },
	       5);
	note_user(o, x->expires_ms && x->expires_ms < due ? x->expires_ms : due);
}

static void begin_edit(struct redis_op *o)
{
	const struct exchange *x = &o->call.x;

	change(o,
	       (struct str[]){ STR("edit"), redis_arg(o, o->now_ms), id_arg(&x->id),
			       x->user.p ? STR("1") : STR("0"), x->user,
			       x->reply.p ? STR("1") : STR("0"), x->reply },
	       7);
}

static void begin_forget(struct redis_op *o)
{
	const struct exchange *x = &o->call.x;
	struct exchange_id mark = exchange_session_mark(&o->st->secret, x->session);
	struct str now = redis_arg(o, o->now_ms);

	if (o->call.has_id) {
		change(o,
		       (struct str[]){ STR("forget"), now, STR("exchange"),
				       id_arg(&x->id) },
		       4);
		note_due(o, a_day_later(o));
		return;
	}
	if (x->session.p != NULL)
		change(o,
		       (struct str[]){ STR("forget"), now, STR("session"),
				       id_arg(&mark) },
		       4);
	else
		change(o, (struct str[]){ STR("forget"), now, STR("all"), STR("") }, 4);
	note_user(o, a_day_later(o));
}

static void begin_pause(struct redis_op *o)
{
	change(o,
	       (struct str[]){ STR("pause"), redis_arg(o, o->now_ms),
			       o->call.paused ? STR("1") : STR("0") },
	       3);
	/* One that was made only to be unpaused may go at once. */
	note_user(o, o->call.paused ? a_day_later(o) : o->now_ms);
}

static void begin_trim(struct redis_op *o)
{
	change(o,
	       (struct str[]){ STR("trim"), redis_arg(o, o->call.keep),
			       redis_arg(o, SLICE) },
	       3);
}

/* A write that changes nothing: it fails where none is possible. */
static void begin_ping(struct redis_op *o)
{
	const struct str argv[] = { STR("HSETNX"), STR(REDIS_STORE), STR("version"),
				    redis_arg(o, REDIS_SCHEMA_VERSION) };

	redis_op_send(o, argv, sizeof(argv) / sizeof(*argv), NULL, 0);
}

void redis_begin_change(struct redis_op *o)
{
	switch (o->call.kind) {
	case CALL_APPEND:
		begin_append(o);
		break;
	case CALL_EDIT:
		begin_edit(o);
		break;
	case CALL_FORGET:
		begin_forget(o);
		break;
	case CALL_PAUSE:
		begin_pause(o);
		break;
	case CALL_TRIM:
		begin_trim(o);
		break;
	default:
		begin_ping(o);
		break;
	}
}
