/*
 * turns.h - the walk through a conversation: the request half that dialects share.
 *
 * A dialect says what one item of its conversation is, as a struct turn_form; the
 * walk finds the turns, the places for blocks and the texts sent (memory/dialect.h
 * has what they mean).
 */
#ifndef MEMORY_TURNS_H
#define MEMORY_TURNS_H

#include "base/json_scan.h"
#include "memory/dialect.h"

enum turn_role {
	TURN_OTHER, /* system, developer, reasoning, unknown: in no run, and ends none */
	TURN_USER,
	TURN_ASSISTANT,
	TURN_TOOL, /* a tool's result */
};

struct turn_item {
	enum turn_role role;
	struct json_value content; /* a text, or a list of parts */
	bool calls_tools;          /* an assistant's: the turn goes on */
	/*
	 * A user's: so many parts at the beginning are results of tools. What follows
	 * is the user's if it has text, else the item is a tool's.
	 */
	size_t n_results;
};

struct turn_form {
	struct str items;    /* the body's member that holds the conversation */
	bool may_be_text;    /* which may be one user text instead of a list */
	struct str texts[3]; /* types of the parts that are texts; the rest absent */
	/*
	 * An assistant's parts that follow one another are pieces of one text, and not
	 * joined by line feeds as a user's are.
	 */
	bool pieces;
	enum splice_kind part; /* what goes before a part that is no text */
	struct turn_item (*read_item)(struct json_value object);
};

extern const struct turn_form turn_form_chat, turn_form_responses;

/* struct dialect's read() for a form; items that are no object are -EINVAL. */
int turns_read(const struct turn_form *f, struct str body, struct arena *a,
	       struct request_view *ret);
/* Of a part that is a text; else ABSENT. */
struct json_value turns_part_text(const struct turn_form *f, struct json_value part);
/* Where in the body a user's item takes a block (turn_places.c). */
enum splice_kind turns_find_place(const struct turn_form *f, const struct turn_item *item,
				  const char *body, size_t *ret_at);
/* struct dialect's splice(), which is the same for all. */
struct str turns_splice(enum splice_kind kind, struct str block, struct arena *a);

/*
 * The facts, model and stream of a body's object, which are the same for every
 * API of LiteLLM. 0 or -ENOMEM. (turn_facts.c)
 */
int turns_read_facts(struct json_value body, struct arena *a, struct request_view *v);

#endif
