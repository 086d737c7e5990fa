/*
 * view.h - one partition's recall index: a view over its log, in memory.
 *
 * BM25 over Porter2 stems of user and assistant texts, smoothed over the
 * neighbours in a session, plus a term for the session as a whole
 * (docs/architecture/RECALL.md has the formula, its source and its figures).
 * Pure: no I/O, no time; one thread.
 */
#ifndef MEMORY_VIEW_H
#define MEMORY_VIEW_H

#include "base/hash.h"
#include "base/str.h"
#include "store/exchange.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct view;

struct words;

/* NULL when out of memory. The words (borrowed) serve any number of views. */
struct view *view_new(struct words *w);
void view_free(struct view *v);

/*
 * Takes copies, of records of blocks too (view_sticky()). Exchanges may come in any order
 * of seq (newest first while a view is built, then each new one); the same seq again is
 * passed over. 0 or -ENOMEM (then the view is as it was).
 */
int view_add(struct view *v, const struct exchange *x);
/*
 * Of those with a provisional seq (store/store.h) only what is among x stays; to be
 * called with each answer that tells all of them. One that comes again by view_add() with
 * the log's own seq gets that.
 */
void view_settle(struct view *v, const struct exchange *x, size_t n);
/*
 * Expired ones leave: everything with seq < first. How rare a word is may go
 * on counting them for a while.
 */
void view_trim(struct view *v, uint64_t first);

size_t view_bytes(const struct view *v); /* memory held, for the bound on all views */
size_t view_exchanges(const struct view *v);

/*
 * The session of the newest exchange whose reply has this turn_hash(), or whose reply
 * the API gave an id of this hash; absent: none.
 */
struct str view_session_of_reply(const struct view *v, struct hash128 reply);

struct sent_text;

struct view_query {
	struct str text;              /* cleaned user text */
	struct str earlier_text;      /* helps where text has few terms; may be absent */
	const struct sent_text *sent; /* what the request holds already */
	size_t n_sent;
	struct str held_session; /* whose exchanges the API holds itself; absent: none */
	uint64_t now_ms;         /* expired exchanges are passed over */
};

/* One exchange found, best first. Borrowed from the view until it changes. */
struct view_hit {
	struct exchange_id id;
	struct hash128 user_hash; /* as struct sent_text knows it */
	uint64_t seq;
	uint64_t at_ms;
	struct str session;
	struct str user, reply;
	double score;                          /* of the exchange */
	unsigned char user_shown, reply_shown; /* enum shown: how each text is rendered */
	uint32_t number;                       /* the view's own */
};

/* What of a text is shown. All but SHOWN_WHOLE have a bound (memory/render.c). */
enum shown {
	SHOWN_BRIEF, /* no word led to it: its head and tail, in short */
	SHOWN_ENDS,  /* head and tail, as much as of a passage */
	SHOWN_WHOLE,
	SHOWN_PASSAGE, /* + number (memory/passages.h): the one that the words are in */
};

/*
 * What of a hit, besides its exchange, decides how it is rendered: user_shown and
 * reply_shown. Kept with the source of a block (memory/sticky.h): a change of
 * their meaning is a new STICKY_VERSION.
 */
enum { VIEW_SHOWN_BYTES = 2 };
void view_pack_shown(const struct view_hit *h, unsigned char ret[VIEW_SHOWN_BYTES]);
void view_unpack_shown(struct view_hit *h, const unsigned char p[VIEW_SHOWN_BYTES]);

/* The exchange of hit->id, into all but score and what is shown. False: not there. */
bool view_get(const struct view *v, uint64_t now_ms, struct view_hit *hit);

struct sticky;
/* The records of blocks that view_add() was given, to be read and added to. */
struct sticky *view_sticky(struct view *v);

enum view_result { VIEW_HITS, VIEW_NO_TERMS, VIEW_NO_HIT, VIEW_NO_MEMORY };

/*
 * Up to `max` hits into ret; *n how many. What the request
 * holds already is left out, and of exchanges that say the same all but the newest.
 */
enum view_result view_search(struct view *v, const struct view_query *q,
			     struct view_hit *ret, size_t max, size_t *n);
/*
 * All that a search could find whatever its terms, newest first, without scores and
 * to be shown whole. VIEW_NO_HIT where there is none, or more than `max`.
 */
enum view_result view_unsent(struct view *v, const struct view_query *q,
			     struct view_hit *ret, size_t max, size_t *n);
/* Hits of view_unsent() are to be shown as the search just before would have them. */
void view_show_found(const struct view *v, struct view_hit *hits, size_t n);
/* The newest of a session that a search could find, newest first. How many, -ENOMEM. */
ssize_t view_tail(struct view *v, const struct view_query *q, struct str session,
		  struct view_hit *ret, size_t max);

#endif
