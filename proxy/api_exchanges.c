/* api_exchanges.c - what was said: listed, shown, put right, forgotten. */
#include "proxy/api.h"

#include <errno.h>
#include <inttypes.h>

/* --- GET …/exchanges
 * -------------------------------------------------------------------- */

enum {
	ANSWER_MAX = 1 << 20, /* texts of a page; there is a cursor for the rest */
	READS_MAX = 64,       /* of a session in a long memory, before the caller hears */
};

struct listing {
	json_t *list;
	uint64_t cursor; /* seq: older ones are still to be read; 0: none */
	size_t bytes, reads;
};

static void free_list(void *arg)
{
	json_decref(((struct listing *)arg)->list);
}

static enum step_result list_answer(struct request *rq, struct listing *l, bool more)
{
	json_t *next = json_null();

	if (more)
		next = json_sprintf("%" PRIu64, l->cursor);
	return api_answer(
		rq, json_pack("{s:O, s:o}", "exchanges", l->list, "next_cursor", next));
}

/* False: the page is full before it. */
static bool list_add(struct api *api, struct listing *l, const struct exchange *x)
{
	bool asked_for = !api->session.p || str_eq(x->session, api->session);

	if (!api_is_exchange(x) || !asked_for) {
		l->cursor = x->seq;
		return true;
	}
	if (json_array_size(l->list) >= api->limit || l->bytes >= ANSWER_MAX)
		return false;
	json_array_append_new(l->list, api_exchange(x));
	l->bytes += exchange_bytes(x);
	l->cursor = x->seq;
	return true;
}

static enum step_result list_read(struct request *rq, struct api *api);

static enum step_result list_page(struct request *rq, struct api *api)
{
	const struct answer *a = api->answer;
	struct listing *l = api->state;

	if (api_status(api))
		return api_failed(rq, api_status(api));
	for (size_t i = 0; i < a->n_rows; i++)
		if (!list_add(api, l, &a->exchanges[i]))
			return list_answer(rq, l, true);
	if (a->n_rows == 0 || l->cursor <= a->head.first)
		return list_answer(rq, l, false);
	if (++l->reads == READS_MAX)
		return list_answer(rq, l, true);
	return list_read(rq, api);
}

static enum step_result list_read(struct request *rq, struct api *api)
{
	const struct listing *l = api->state;
	const struct call c = { .kind = CALL_READ_BEFORE,
				.x.partition = api->partition,
				.cursor = l->cursor,
				.bytes = API_PAGE_BYTES };

	return api_call(rq, api, &c, list_page);
}

enum step_result api_exchanges_list(struct request *rq, struct api *api)
{
	struct listing *l = api->state = arena_alloc(rq->arena, sizeof(*l));

	if (!l)
		return STEP_FAIL;
	l->cursor = UINT64_MAX;
	if (api->cursor.p && !str_to_u64(api->cursor, &l->cursor))
		return api_fault(rq, FAULT_BAD_PARAMETER,
				 "cursor is not one of a list of exchanges.");
	l->list = json_array();
	if (arena_defer(rq->arena, free_list, l))
		return STEP_FAIL;
	return list_read(rq, api);
}

/* --- one of them
 * ------------------------------------------------------------------------ */

static enum step_result no_such_id(struct request *rq)
{
	return api_fault(rq, FAULT_NOT_FOUND,
			 "There is no such exchange. An id has 32 hexadecimal digits.");
}

/* What the store is asked about {id}; false: there cannot be one. */
static bool call_for_id(struct api *api, enum call_kind kind, struct call *ret)
{
	if (!api_id_parse(api->params[1], &api->id))
		return false;
	*ret = (struct call){ .kind = kind,
			      .x = { .partition = api->partition, .id = api->id } };
	return true;
}

static enum step_result shown(struct request *rq, struct api *api)
{
	const struct answer *a = api->answer;

	if (api_status(api))
		return api_failed(rq, api_status(api));
	return api_answer(rq, api_exchange(&a->exchanges[0]));
}

static enum step_result show(struct request *rq, struct api *api)
{
	struct call c;

	if (!call_for_id(api, CALL_GET, &c))
		return no_such_id(rq);
	return api_call(rq, api, &c, shown);
}

/*
 * A record of a block has an id as well. It is not there for a caller: looked at
 * before anything is done to it.
 */
static enum step_result checked(struct request *rq, struct api *api)
{
	api_fn *next = *(api_fn **)api->state;
	const struct answer *a = api->answer;
	int status = api_status(api);

	if (!status && (!a->n_rows || !api_is_exchange(&a->exchanges[0])))
		status = -ENOENT;
	if (status == -ENOENT)
		return no_such_id(rq);
	return status ? api_failed(rq, status) : next(rq, api);
}

static enum step_result check(struct request *rq, struct api *api, api_fn *next)
{
	api_fn **state = arena_alloc(rq->arena, sizeof(*state));
	struct call c;

	if (!state)
		return STEP_FAIL;
	if (!call_for_id(api, CALL_GET, &c))
		return no_such_id(rq);
	*state = next;
	api->state = state;
	return api_call(rq, api, &c, checked);
}

enum step_result api_exchange_get(struct request *rq, struct api *api)
{
	return check(rq, api, shown);
}

/* --- PATCH
 * ------------------------------------------------------------------------------ */

static enum step_result edited(struct request *rq, struct api *api)
{
	int status = api_status(api);

	if (status == -EINVAL)
		return api_fault(rq, FAULT_BAD_PARAMETER,
				 "Nothing would be left of the user's words. To have the "
				 "exchange forgotten, DELETE it.");
	return status ? api_failed(rq, status) : show(rq, api);
}

static bool take_text(const json_t *body, const char *name, struct str *ret)
{
	const json_t *j = json_object_get(body, name);

	*ret = api_string(j);
	return !j || ret->p;
}

static enum step_result edit(struct request *rq, struct api *api)
{
	json_t *body = api_body(rq);
	struct call c;

	if (!body)
		return STEP_END;
	if (!call_for_id(api, CALL_EDIT, &c))
		return no_such_id(rq);
	if (!take_text(body, "user", &c.x.user) ||
	    !take_text(body, "reply", &c.x.reply) || (!c.x.user.p && !c.x.reply.p))
		return api_fault(
			rq, FAULT_BAD_PARAMETER,
			"The body has a text \"user\", a text \"reply\", or both.");
	return api_call(rq, api, &c, edited);
}

static enum step_result edit_known(struct request *rq, struct api *api)
{
	return api_collect(rq, api, edit);
}

enum step_result api_exchange_edit(struct request *rq, struct api *api)
{
	return check(rq, api, edit_known);
}

/* --- DELETE
 * ----------------------------------------------------------------------------- */

static enum step_result forgotten(struct request *rq, struct api *api)
{
	int status = api_status(api);

	if (status == -ENOENT)
		return no_such_id(rq);
	if (status)
		return api_failed(rq, status);
	return api_answer(rq, json_pack("{s:I}", "deleted", (json_int_t)api->answer->n));
}

static enum step_result forget_known(struct request *rq, struct api *api)
{
	struct call c;

	if (!call_for_id(api, CALL_FORGET, &c))
		return no_such_id(rq);
	c.has_id = true;
	return api_call(rq, api, &c, forgotten);
}

enum step_result api_exchange_forget(struct request *rq, struct api *api)
{
	return check(rq, api, forget_known);
}
