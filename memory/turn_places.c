/* turn_places.c - where in a message a block goes, and how it is put there. */
#include "base/buf.h"
#include "memory/members.h"
#include "memory/turns.h"

/*
 * Into the first part if that is a text, not before it: clients (Claude Code) send
 * a message as a list of one while a cache mark is on it and as a text later, and
 * to a provider both say the same only if the block is in the text both times.
 */
static enum splice_kind find_in_list(const struct turn_form *f,
				     const struct turn_item *item, const char *body,
				     size_t *ret_at)
{
	struct json_iter it = json_iter(item->content);
	struct json_value part, text = { 0 };

	/* behind results of tools: at the first text, or a provider takes offence */
	for (size_t i = 0; json_next_item(&it, &part); i++) {
		if (i < item->n_results)
			continue;
		text = turns_part_text(f, part);
		if (item->n_results == 0 || text.type == JSON_STRING)
			break;
	}
	if (text.type == JSON_STRING) {
		*ret_at = (size_t)(text.raw.p - body) + 1;
		return SPLICE_STRING;
	}
	if (item->n_results > 0 || !has_items(item->content))
		return SPLICE_NONE;
	*ret_at = (size_t)(item->content.raw.p - body) + 1;
	return f->part;
}

enum splice_kind turns_find_place(const struct turn_form *f, const struct turn_item *item,
				  const char *body, size_t *ret_at)
{
	if (item->content.type == JSON_ARRAY)
		return find_in_list(f, item, body, ret_at);
	if (item->content.type != JSON_STRING)
		return SPLICE_NONE;
	*ret_at = (size_t)(item->content.raw.p - body) + 1;
	return SPLICE_STRING;
}

struct str turns_splice(enum splice_kind kind, struct str block, struct arena *a)
{
	bool part = kind != SPLICE_STRING;
	struct str ret = { NULL, 0 };
	struct buf b;

	buf_init(&b, SIZE_MAX);
	if (part)
		buf_printf(&b, "{\"type\":\"%s\",\"text\":\"",
			   kind == SPLICE_INPUT_PART ? "input_text" : "text");
	buf_add_json(&b, block);
	buf_add_str(&b, part ? STR("\\n\\n\"},") : STR("\\n\\n"));
	if (!b.failed)
		ret = arena_str(a, buf_str(&b));
	buf_done(&b);
	return ret;
}

struct json_value turns_part_text(const struct turn_form *f, struct json_value part)
{
	const size_t n = sizeof(f->texts) / sizeof(f->texts[0]);
	struct json_value type, text;

	GET_MEMBERS(part, { STR("type"), &type }, { STR("text"), &text });
	for (size_t i = 0; text.type == JSON_STRING && i < n; i++) {
		if (f->texts[i].p != NULL && is_string(type, f->texts[i]))
			return text;
	}
	return (struct json_value){ JSON_ABSENT, { NULL, 0 } };
}
