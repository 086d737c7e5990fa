/*
 * turns.c - the walk through a conversation.
 *
 * The body is walked in place, item by item. What is kept of the walk is where the
 * current run of user messages began and what stood before it; its texts are read
 * again at the end. So the memory used does not grow with the conversation, but
 * for one hash a text and one key a turn.
 */
#include "memory/turns.h"
#include "base/buf.h"
#include "memory/clean.h"
#include "memory/members.h"

#include <errno.h>
#include <string.h>

enum { SCRATCH = 1024 };

/* A text of the conversation: where it is, and what turn_hash() makes of it. */
struct seen_text {
	struct turn_item item;
	struct hash128 hash;
};

struct reader {
	const struct turn_form *form;
	const char *body;
	struct arena *arena;   /* the view's */
	struct arena *scratch; /* ends with the reading */
	struct request_view *view;
	struct buf text, run_text; /* one item's, and one run's */
	struct buf sent, turns;    /* arrays, until they are complete */

	struct turn_item last;
	/* the current run, and what stood before it */
	struct json_iter run;
	struct turn_item run_last; /* its last item */
	size_t run_texts;
	struct hash128 run_key; /* of what it says so far; zero: nothing */
	struct str only_text;   /* its one text, while that is still in `text` */
	struct seen_text reply_before, user_before;
	bool run_open; /* a user's item now belongs to it */
	bool in_loop;  /* tools were called, and the turn goes on */
	/* the last ones with text */
	struct seen_text assistant_text, user_text;
};

/* --- texts ----------------------------------------------------------------------- */

/* What an item says; `other`: it has images, files or the like. */
struct said {
	struct str text;
	bool other;
};

/* ASCII without escapes: it means itself. */
static bool is_plain(struct str s)
{
	uint64_t all = 0, word = 0;

	if (memchr(s.p, '\\', s.len) != NULL)
		return false;
	for (; s.len >= sizeof(word); s = str_slice(s, sizeof(word), s.len)) {
		memcpy(&word, s.p, sizeof(word));
		all |= word;
	}
	word = 0;
	memcpy(&word, s.p, s.len);
	return ((all | word) & 0x8080808080808080) == 0;
}

/* The text parts behind the results of tools, in one. */
static int join_parts(struct reader *r, const struct turn_item *item, bool *other)
{
	bool pieces = r->form->pieces && item->role == TURN_ASSISTANT;
	struct json_iter it = json_iter(item->content);
	struct json_value part;
	bool joint = false; /* a line feed goes before the next text */

	for (size_t i = 0; json_next_item(&it, &part); i++) {
		if (i < item->n_results)
			continue;
		struct json_value text = turns_part_text(r->form, part);
		if (text.type == JSON_ABSENT) {
			*other = true;
			joint = joint || r->text.len > 0;
			continue;
		}
		if ((joint && buf_add_char(&r->text, '\n')) ||
		    json_str_decode(text.raw, &r->text))
			return -ENOMEM;
		joint = !pieces;
	}
	return 0;
}

/* Cleaned. Good until the next call. */
static int read_content(struct reader *r, const struct turn_item *item, struct said *ret)
{
	struct json_value content = item->content;

	*ret = (struct said){ .text = STR("") };
	r->only_text = (struct str){ NULL, 0 };
	buf_reset(&r->text);
	if (content.type == JSON_STRING) {
		ret->text = str_slice(content.raw, 1, content.raw.len - 1);
		if (is_plain(ret->text))
			goto clean;
		if (json_str_decode(content.raw, &r->text))
			return -ENOMEM;
	} else if (content.type == JSON_ARRAY) {
		if (join_parts(r, item, &ret->other))
			return -ENOMEM;
	}
	ret->text = buf_str(&r->text);
clean:
	ret->text = clean_text(ret->text, r->scratch);
	return ret->text.p ? 0 : -ENOMEM;
}

static int add_sent(struct reader *r, bool from_user, struct hash128 hash)
{
	const struct sent_text sent = { from_user, hash };

	return buf_add(&r->sent, &sent, sizeof(sent));
}

/* --- runs ------------------------------------------------------------------------ */

static bool ends_run(const struct turn_item *item, bool is_first)
{
	return item->role == TURN_ASSISTANT || item->role == TURN_TOOL ||
	       (item->n_results > 0 && !is_first);
}

/* The texts of the current run, joined by blank lines, into r->run_text. */
static int read_run(struct reader *r)
{
	struct json_iter it = r->run;
	struct json_value object;
	struct said said;

	buf_reset(&r->run_text);
	for (size_t i = 0; r->run_texts > 0 && json_next_item(&it, &object); i++) {
		struct turn_item item = r->form->read_item(object);
		if (ends_run(&item, i == 0))
			break;
		if (item.role != TURN_USER)
			continue;
		if (read_content(r, &item, &said))
			return -ENOMEM;
		if (said.text.len == 0)
			continue;
		if (r->run_text.len > 0 && buf_add_str(&r->run_text, STR("\n\n")))
			return -ENOMEM;
		if (buf_add_str(&r->run_text, said.text))
			return -ENOMEM;
	}
	return 0;
}

/*
 * The run as far as this item is a turn: what a request that ended here was about.
 * The client may send more behind it, and what was put in here stays.
 */
static int add_turn(struct reader *r, const struct turn_item *item, struct hash128 text)
{
	struct hash128 key[2] = { r->run_key, text };
	struct turn turn = { .key = { text, r->reply_before.hash } };

	turn.splice_kind = turns_find_place(r->form, item, r->body, &turn.splice_at);
	if (r->run_texts == 0 || turn.splice_kind == SPLICE_NONE)
		return 0;
	if (r->run_key.lo != 0 || r->run_key.hi != 0)
		turn.key.user = hash128((struct str){ (const char *)key, sizeof(key) });
	r->run_key = turn.key.user;
	return buf_add(&r->turns, &turn, sizeof(turn));
}

static int end_run(struct reader *r)
{
	if (!r->run_open)
		return 0;
	r->run_open = false;
	if (r->run_texts < 2)
		return 0;
	if (read_run(r))
		return -ENOMEM;
	return add_sent(r, true, turn_hash(buf_str(&r->run_text)));
}

static void begin_run(struct reader *r, struct json_iter at)
{
	r->run = at;
	r->run_texts = 0;
	r->run_key = (struct hash128){ 0, 0 };
	r->run_open = true;
	r->view->n_runs++;
	r->in_loop = false;
	r->reply_before = r->assistant_text;
	r->user_before = r->user_text;
}

/* --- items ----------------------------------------------------------------------- */

/*
 * Reminders that a client adds while its tools run are no turn; behind a finished
 * reply they begin one in which the user said nothing.
 */
static int take_user(struct reader *r, struct json_iter at, const struct turn_item *item)
{
	struct said said;

	if (read_content(r, item, &said))
		return -ENOMEM;
	bool nothing = said.text.len == 0 && (!said.other || item->n_results > 0);
	if (!r->run_open && !(nothing && r->in_loop))
		begin_run(r, at);
	r->run_last = *item;
	if (!r->run_open)
		return 0;
	if (said.text.len == 0)
		return add_turn(r, item, (struct hash128){ 0, 0 });
	struct seen_text seen = { *item, turn_hash(said.text) };
	if (r->run_texts++ == 0)
		r->only_text = said.text;
	r->user_text = seen;
	return add_turn(r, item, seen.hash) ? -ENOMEM : add_sent(r, true, seen.hash);
}

static int take_assistant(struct reader *r, const struct turn_item *item)
{
	struct said said;

	if (end_run(r) || read_content(r, item, &said))
		return -ENOMEM;
	r->in_loop = item->calls_tools;
	if (said.text.len == 0)
		return 0;
	r->assistant_text = (struct seen_text){ *item, turn_hash(said.text) };
	r->view->has_assistant = true;
	return add_sent(r, false, r->assistant_text.hash);
}

static int take_results(struct reader *r)
{
	r->in_loop = true;
	return end_run(r);
}

static int take_item(struct reader *r, struct json_iter at, struct json_value object)
{
	if (object.type != JSON_OBJECT)
		return -EINVAL;
	r->last = r->form->read_item(object);
	switch (r->last.role) {
	case TURN_USER:
		if (r->last.n_results > 0 && take_results(r))
			return -ENOMEM;
		return take_user(r, at, &r->last);
	case TURN_ASSISTANT:
		return take_assistant(r, &r->last);
	case TURN_TOOL:
		return take_results(r);
	default:
		return 0;
	}
}

static int take_items(struct reader *r, struct json_value items)
{
	struct json_iter it = json_iter(items), at = it;
	struct json_value object;
	int err = 0;

	while (!err && json_next_item(&it, &object)) {
		err = take_item(r, at, object);
		at = it;
	}
	return err;
}

static int take_conversation(struct reader *r, struct json_value items)
{
	if (items.type == JSON_ARRAY)
		return take_items(r, items);
	if (items.type != JSON_STRING || !r->form->may_be_text)
		return -EINVAL;
	r->last = (struct turn_item){ .role = TURN_USER, .content = items };
	return take_user(r, json_iter(items), &r->last);
}

/* --- the view -------------------------------------------------------------------- */

/* A copy; absent if there is no text. */
static int keep_text(struct reader *r, struct str text, struct str *ret)
{
	if (text.len == 0)
		return 0;
	*ret = arena_str(r->arena, text);
	return ret->p ? 0 : -ENOMEM;
}

static int keep_seen(struct reader *r, const struct seen_text *seen, struct str *ret)
{
	struct said said;

	if (read_content(r, &seen->item, &said))
		return -ENOMEM;
	return keep_text(r, said.text, ret);
}

/* NULL: out of memory, which an empty one is not. */
static void *keep_array(struct reader *r, const struct buf *array, size_t item_size,
			size_t *ret_n)
{
	void *kept = arena_alloc(r->arena, array->len + 1);

	if (kept == NULL)
		return NULL;
	if (array->len > 0)
		memcpy(kept, array->p, array->len);
	*ret_n = array->len / item_size;
	return kept;
}

static int keep_arrays(struct reader *r)
{
	struct request_view *v = r->view;

	v->sent = keep_array(r, &r->sent, sizeof(*v->sent), &v->n_sent);
	v->turns = keep_array(r, &r->turns, sizeof(*v->turns), &v->n_turns);
	return v->sent && v->turns ? 0 : -ENOMEM;
}

static int fill_view(struct reader *r)
{
	struct request_view *v = r->view;
	size_t at;

	v->user_last =
		r->last.role == TURN_USER && r->run_open &&
		turns_find_place(r->form, &r->run_last, r->body, &at) != SPLICE_NONE;
	if (end_run(r) || keep_arrays(r))
		return -ENOMEM;
	struct str text = r->only_text;
	if (text.p == NULL) {
		if (read_run(r))
			return -ENOMEM;
		text = buf_str(&r->run_text);
	}
	if (keep_text(r, text, &v->user_text))
		return -ENOMEM;
	v->last_user_text = v->user_text;
	if (r->run_texts > 1 && keep_seen(r, &r->user_text, &v->last_user_text))
		return -ENOMEM;
	if (keep_seen(r, &r->user_before, &v->earlier_user_text))
		return -ENOMEM;
	return keep_seen(r, &r->reply_before, &v->last_reply);
}

static int read_body(struct reader *r, struct str body)
{
	struct json_value top = json_scan(body);

	int err = take_conversation(r, json_get(top, r->form->items));
	if (!err)
		err = fill_view(r);
	return err ? err : turns_read_facts(top, r->arena, r->view);
}

int turns_read(const struct turn_form *f, struct str body, struct arena *a,
	       struct request_view *ret)
{
	struct request_view view = { 0 };
	struct reader r = { .form = f, .body = body.p, .arena = a, .view = &view };

	r.scratch = arena_new(SCRATCH);
	if (r.scratch == NULL)
		return -ENOMEM;
	buf_init(&r.text, SIZE_MAX);
	buf_init(&r.run_text, SIZE_MAX);
	buf_init(&r.sent, SIZE_MAX);
	buf_init(&r.turns, SIZE_MAX);
	int err = read_body(&r, body);
	if (!err)
		*ret = view;
	buf_done(&r.text);
	buf_done(&r.run_text);
	buf_done(&r.sent);
	buf_done(&r.turns);
	arena_free(r.scratch);
	return err;
}
