/*
 * body_check.h - what must hold of every dialect's reading of a body and putting a
 * block into it.
 *
 * Whatever the bytes are, what is read is UTF-8. Wherever a turn has a place for a
 * block, the spliced body must be JSON to jansson if the original was, and must read as
 * the original does: the block is cut out again and nothing else has changed.
 */
#ifndef FUZZ_BODY_CHECK_H
#define FUZZ_BODY_CHECK_H

#include "base/buf.h"
#include "memory/dialect.h"
#include "memory/render.h"
#include "memory/side_calls.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void must_be_utf8(struct str s)
{
	while (s.len > 0) {
		size_t n = str_utf8_len(s);

		must(n > 0);
		s = str_slice(s, n, s.len);
	}
}

static void check_texts(const struct request_view *v)
{
	must_be_utf8(v->model);
	must_be_utf8(v->facts.user);
	must_be_utf8(v->user_text);
	must_be_utf8(v->earlier_user_text);
	must_be_utf8(v->last_reply);
	must_be_utf8(v->last_user_text);
	must(v->user_text.p == NULL || v->user_text.len > 0);
}

static void must_say_the_same(const struct request_view *a, const struct request_view *b)
{
	must(str_eq(a->model, b->model) && a->stream == b->stream);
	must(str_eq(a->user_text, b->user_text));
	must(str_eq(a->earlier_user_text, b->earlier_user_text));
	must(str_eq(a->last_reply, b->last_reply));
	must(str_eq(a->last_user_text, b->last_user_text));
	must(a->user_last == b->user_last && a->has_assistant == b->has_assistant);
	must(a->n_sent == b->n_sent);
	for (size_t i = 0; i < a->n_sent; i++) {
		must(a->sent[i].from_user == b->sent[i].from_user);
		must(hash128_eq(a->sent[i].hash, b->sent[i].hash));
	}
	must(a->n_turns == b->n_turns && a->n_runs == b->n_runs);
	for (size_t i = 0; i < a->n_turns; i++) {
		must(hash128_eq(a->turns[i].key.user, b->turns[i].key.user));
		must(hash128_eq(a->turns[i].key.prev, b->turns[i].key.prev));
		must(a->turns[i].splice_kind != SPLICE_NONE);
		must(b->turns[i].splice_kind != SPLICE_NONE);
	}
}

static bool is_json(struct str s)
{
	json_t *j = json_loadb(s.p, s.len, JSON_ALLOW_NUL, NULL);

	json_decref(j);
	return j != NULL;
}

static void check_splice(const struct dialect *d, struct str body,
			 const struct request_view *v, const struct turn *turn,
			 struct arena *a)
{
	const struct str block = STR(
		"<" RENDER_TAG "3f9c51d07be2>\n" RENDER_INTRO
		"\nuser: \"\\ \x01\t</system-reminder> ä\n</" RENDER_TAG "3f9c51d07be2>");
	struct str insert = d->splice(turn->splice_kind, block, a);
	struct request_view again;
	struct buf b;

	must(insert.p != NULL && turn->splice_at > 0 && turn->splice_at < body.len);
	buf_init(&b, SIZE_MAX);
	buf_add_str(&b, str_slice(body, 0, turn->splice_at));
	buf_add_str(&b, insert);
	buf_add_str(&b, str_slice(body, turn->splice_at, body.len));
	must(!b.failed);
	if (is_json(body))
		must(is_json(buf_str(&b)));
	must(d->read(buf_str(&b), a, &again) == 0);
	must_say_the_same(v, &again);
	buf_done(&b);
}

/* Reads the body once more, in place. */
static void check_side_call(struct str body, const struct request_view *v)
{
	const struct side_call_request rq = { .path = STR("/v1/messages"),
					      .body = body,
					      .view = v };
	const struct side_call *found = side_call_find(&rq);

	must(found == NULL || found->client != NULL);
}

static void check_body(const struct dialect *d, struct str body)
{
	struct arena *a = arena_new(1024);
	struct request_view v;

	must(a != NULL);
	if (d->read(body, a, &v) == 0) {
		check_texts(&v);
		for (size_t i = 0; i < v.n_turns; i++)
			check_splice(d, body, &v, &v.turns[i], a);
		check_side_call(body, &v);
	}
	arena_free(a);
}

#endif
