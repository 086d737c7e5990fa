/* call_store.c - the twelve operations, each made a value and submitted. */
#include "store/call.h"

#include <errno.h>

static struct op *submit(struct store *st, const struct call *c)
{
	struct call_store *cs = (struct call_store *)st;
	int rc = call_check(c);

	if (rc == 0)
		return cs->submit(cs, c);
	call_answer(c, &(struct answer){ .status = rc });
	return NULL;
}

struct op *call_store_append(struct store *st, const struct exchange *x, uint64_t epoch,
			     store_append_cb *cb, void *arg)
{
	return submit(st, &(struct call){ .kind = CALL_APPEND,
					  .x = *x,
					  .epoch = epoch,
					  .cb.append = cb,
					  .arg = arg });
}

struct op *call_store_read_since(struct store *st, const struct partition *p,
				 uint64_t cursor, size_t bytes, store_read_cb *cb,
				 void *arg)
{
	return submit(st, &(struct call){ .kind = CALL_READ_SINCE,
					  .x.partition = *p,
					  .cursor = cursor,
					  .bytes = bytes,
					  .cb.read = cb,
					  .arg = arg });
}

struct op *call_store_read_before(struct store *st, const struct partition *p,
				  uint64_t cursor, size_t bytes, store_read_cb *cb,
				  void *arg)
{
	return submit(st, &(struct call){ .kind = CALL_READ_BEFORE,
					  .x.partition = *p,
					  .cursor = cursor,
					  .bytes = bytes,
					  .cb.read = cb,
					  .arg = arg });
}

struct op *call_store_get(struct store *st, const struct partition *p,
			  const struct exchange_id *id, store_read_cb *cb, void *arg)
{
	return submit(st, &(struct call){ .kind = CALL_GET,
					  .x = { .partition = *p, .id = *id },
					  .cb.read = cb,
					  .arg = arg });
}

struct op *call_store_users(struct store *st, struct str tenant,
			    const struct partition *after, size_t limit,
			    store_users_cb *cb, void *arg)
{
	struct call c = { .kind = CALL_USERS,
			  .tenant = tenant,
			  .has_after = after != NULL,
			  .limit = limit,
			  .cb.users = cb,
			  .arg = arg };

	if (after != NULL)
		c.x.partition = *after;
	return submit(st, &c);
}

struct op *call_store_sessions(struct store *st, const struct partition *p, uint64_t skip,
			       size_t limit, store_sessions_cb *cb, void *arg)
{
	return submit(st, &(struct call){ .kind = CALL_SESSIONS,
					  .x.partition = *p,
					  .skip = skip,
					  .limit = limit,
					  .cb.sessions = cb,
					  .arg = arg });
}

struct op *call_store_edit(struct store *st, const struct partition *p,
			   const struct exchange_id *id, struct str user,
			   struct str reply, store_done_cb *cb, void *arg)
{
	return submit(
		st,
		&(struct call){
			.kind = CALL_EDIT,
			.x = { .partition = *p, .id = *id, .user = user, .reply = reply },
			.cb.done = cb,
			.arg = arg });
}

struct op *call_store_forget(struct store *st, const struct partition *p,
			     struct str session, const struct exchange_id *id,
			     store_count_cb *cb, void *arg)
{
	struct call c = { .kind = CALL_FORGET,
			  .x = { .partition = *p, .session = session },
			  .has_id = id != NULL,
			  .cb.count = cb,
			  .arg = arg };

	if (id != NULL)
		c.x.id = *id;
	return submit(st, &c);
}

struct op *call_store_pause(struct store *st, const struct partition *p, bool paused,
			    store_done_cb *cb, void *arg)
{
	return submit(st, &(struct call){ .kind = CALL_PAUSE,
					  .x.partition = *p,
					  .paused = paused,
					  .cb.done = cb,
					  .arg = arg });
}

struct op *call_store_expire(struct store *st, uint64_t now_ms, store_count_cb *cb,
			     void *arg)
{
	return submit(st, &(struct call){ .kind = CALL_EXPIRE,
					  .now_ms = now_ms,
					  .cb.count = cb,
					  .arg = arg });
}

struct op *call_store_trim(struct store *st, const struct partition *p, uint64_t keep,
			   store_count_cb *cb, void *arg)
{
	return submit(st, &(struct call){ .kind = CALL_TRIM,
					  .x.partition = *p,
					  .keep = keep,
					  .cb.count = cb,
					  .arg = arg });
}

struct op *call_store_ping(struct store *st, store_done_cb *cb, void *arg)
{
	return submit(st, &(struct call){ .kind = CALL_PING, .cb.done = cb, .arg = arg });
}
