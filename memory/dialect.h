/*
 * dialect.h - the APIs that memory understands, one file and one row each.
 *
 * A dialect reads a request body in place and says what it found as spans of
 * it; it decides nothing. Rows: dialect_chat.c (/v1/chat/completions and its
 * aliases), dialect_messages.c (/v1/messages), dialect_responses.c
 * (/v1/responses) and dialect_cursor.c (requests of the third or the first, replies
 * of the first).
 */
#ifndef MEMORY_DIALECT_H
#define MEMORY_DIALECT_H

#include "base/arena.h"
#include "base/body_facts.h"
#include "base/fault.h"
#include "base/hash.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Of one text sent, for telling what the client has already: see turn_hash() in
 * clean.h.
 */
struct sent_text {
	bool from_user;
	struct hash128 hash;
};

enum splice_kind {
	SPLICE_NONE,   /* no place for a block */
	SPLICE_STRING, /* the beginning of a text */
	SPLICE_PART,   /* before an item of a list of parts of type "text" and others */
	SPLICE_INPUT_PART, /* the same where they are of type "input_text" */
};

/*
 * What names a turn: a hash of its user messages, which for one of text is its
 * turn_hash(), and turn_hash() of the assistant text before (zero: none).
 */
struct turn_key {
	struct hash128 user, prev;
};

/*
 * splice_at is an offset into the body, in the turn's last user message: where a
 * block went when that message was the request's last, so that it can go there
 * again when the client resends the turn.
 */
struct turn {
	struct turn_key key;
	size_t splice_at;
	enum splice_kind splice_kind; /* not SPLICE_NONE */
};

/*
 * What a body says. All of it lives in the arena, nothing points into the body;
 * the texts of messages are decoded and cleaned (memory/clean.h).
 *
 * A turn begins with a run of user messages and goes on, through calls of tools
 * and their results, until the next run. What the user* members tell is the turn
 * that the reply will belong to: in the middle of a tool loop, the one that began
 * the loop. System messages are in no run and end none; nor do user messages in
 * which nothing is left once cleaned.
 */
struct request_view {
	struct str model;
	bool stream;
	struct body_facts facts;

	/*
	 * Every user and assistant text, in order; behind a run of several user texts
	 * also the run as a whole, since that is what an exchange holds.
	 */
	struct sent_text *sent;
	size_t n_sent;

	struct str user_text;         /* the turn's run, joined by blank lines; absent: it
					 has no text */
	struct str last_user_text;    /* the last of the run's texts alone */
	struct str earlier_user_text; /* the user message before that run; absent: none */
	struct str last_reply; /* the assistant text before that run; absent: none */
	bool has_assistant;    /* any assistant text is in the request */
	bool user_last; /* the last message is that run's, and has a place for a block */

	/*
	 * For each run of user messages, and each of its messages from the first with
	 * text on, the run up to there: what the turn was when a request ended with it.
	 * Messages without a place are in none. A new block is for the last one, if
	 * user_last.
	 */
	struct turn *turns;
	size_t n_turns;
	size_t n_runs; /* with those that have no text */
};

struct reply_tap;

/* An error of ours; absent texts: the fault's own message, no id. */
struct api_error {
	const struct fault_info *info;
	struct str message, request_id;
};

enum dialect_id {
	DIALECT_NONE,
	DIALECT_CHAT,
	DIALECT_MESSAGES,
	DIALECT_RESPONSES,
	DIALECT_N
};

struct dialect {
	enum dialect_id id;
	/* Path without the query. */
	bool (*serves)(struct str method, struct str path);
	/* The model that a served path names; it counts over the body's. Absent: none. */
	struct str (*path_model)(struct str path);
	/*
	 * 0; -EINVAL: not a body of this dialect (goes upstream as it is, without
	 * memory); -ENOMEM.
	 */
	int (*read)(struct str body, struct arena *a, struct request_view *ret);
	/*
	 * The bytes to insert at a turn's splice_at for a block of plain text (valid
	 * UTF-8), set off from what follows by a blank line; `kind` is the turn's.
	 * .p NULL: out of memory.
	 */
	struct str (*splice)(enum splice_kind kind, struct str block, struct arena *a);
	/* One `data:` payload of a streamed reply, and a whole plain one. */
	void (*tap_event)(struct reply_tap *t, struct str event, struct str data);
	void (*tap_plain)(struct reply_tap *t, struct str body);
	/* The body of a reply that is an error. .p NULL: out of memory. */
	struct str (*error_body)(const struct api_error *e, struct arena *a);
	/*
	 * A final event that tells a cut inside a stream. Begins by ending an event cut
	 * short. .p NULL: out of memory.
	 */
	struct str (*error_event)(const struct api_error *e, struct arena *a);
};

extern const struct dialect dialect_chat, dialect_messages, dialect_responses,
	dialect_cursor;

/* NULL: a request that memory does not know. */
const struct dialect *dialect_find(struct str method, struct str path);
/*
 * Whose errors the clients of a path expect, whether or not memory knows it; an
 * absent path and one of no API: dialect_chat.
 */
const struct dialect *dialect_of_errors(struct str path);
const char *dialect_name(enum dialect_id id); /* metrics label: "none", "chat", … */

#endif
