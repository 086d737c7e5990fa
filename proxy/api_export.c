/*
 * api_export.c - a memory as JSON Lines, oldest first.
 *
 * A page of the store is read when the client has taken the one before, so that an
 * export of any size holds one page.
 */
#include "proxy/api.h"

#include <errno.h>

/* Each exchange can grow sixfold, by its escapes. */
enum { LINES_MAX = 16 << 20 };

struct exporting {
	uint64_t cursor, end; /* by seq; what comes later is not waited for */
	bool begun;
	struct buf lines;
};

static void done(void *arg)
{
	buf_done(&((struct exporting *)arg)->lines);
}

static void add_page(struct exporting *ex, const struct answer *a)
{
	for (size_t i = 0; i < a->n_rows; i++) {
		const struct exchange *x = &a->exchanges[i];

		ex->cursor = x->seq;
		if (!api_is_exchange(x))
			continue;
		api_add_json(&ex->lines, api_exchange(x));
		buf_add_char(&ex->lines, '\n');
	}
}

static enum step_result next_page(struct request *rq, struct api *api);

static enum step_result page(struct request *rq, struct api *api)
{
	struct exporting *ex = api->state;
	const struct answer *a = api->answer;

	if (api_status(api))
		return api_failed(rq, api_status(api));
	if (!ex->begun) {
		ex->begun = true;
		ex->end = a->head.head;
		api_stream_begin(rq, STR("application/x-ndjson"));
	}
	add_page(ex, a);
	if (a->n_rows == 0 || ex->cursor >= ex->end)
		return api_stream_end(rq, &ex->lines);
	return api_stream_put(rq, api, &ex->lines, next_page);
}

static enum step_result next_page(struct request *rq, struct api *api)
{
	const struct exporting *ex = api->state;
	const struct call c = { .kind = CALL_READ_SINCE,
				.x.partition = api->partition,
				.cursor = ex->cursor,
				.bytes = API_PAGE_BYTES };

	return api_call(rq, api, &c, page);
}

enum step_result api_export(struct request *rq, struct api *api)
{
	struct exporting *ex = api->state = arena_alloc(rq->arena, sizeof(*ex));

	if (!ex)
		return STEP_FAIL;
	buf_init(&ex->lines, LINES_MAX);
	if (arena_defer(rq->arena, done, ex))
		return STEP_FAIL;
	return next_page(rq, api);
}
