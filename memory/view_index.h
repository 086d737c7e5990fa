/* view_index.h - inside a view: what view.c keeps and view_search.c reads. */
#ifndef MEMORY_VIEW_INDEX_H
#define MEMORY_VIEW_INDEX_H

#include "memory/alike.h"
#include "memory/map64.h"
#include "memory/sticky.h"
#include "memory/view.h"
#include "memory/words.h"

/*
 * An exchange has a number, which counts up as exchanges are added, and documents,
 * which are numbered as well: the passages of its user text, then those of its reply
 * (memory/passages.h). Documents are what is scored.
 */
struct entry {
	struct exchange_id id;
	uint64_t seq, at_ms, expires_ms;
	/* of what was said, by which it is known when it is sent again; zero: no reply */
	struct hash128 user_hash, reply_hash;
	struct hash128 reply_id; /* zero: none */
	uint64_t texts_key;      /* of the texts as they are */
	struct thumb user_thumb;
	bool superseded;   /* a newer one has the same texts */
	bool reply_is_nod; /* "Noted!": such a reply makes no difference */
	uint32_t user_len, reply_len;
	char text[]; /* the user's, then the reply */
};

struct doc {
	uint32_t session;
	uint32_t terms; /* its length */
};

/* Where an exchange is: its session, and its documents. */
struct span {
	uint32_t session, first;
	unsigned char n_user, n_reply;
};

/* Where a term stands: document << 8 | times (255 at most), documents rising. */
typedef uint32_t posting;

enum { POSTING_TF_BITS = 8, POSTING_TF_MAX = 255, VIEW_DOCS_MAX = 1 << 24 };

/* Most terms stand in one or two documents: these need no allocation. */
struct term {
	uint32_t n, cap; /* cap 0: in `few` */
	union {
		posting few[2];
		posting *many;
	};
};

/* Numbers of exchanges in order of seq; room is made at the end that grows. */
struct order {
	uint32_t *v;
	uint32_t head, n, cap; /* v[head .. head + n) */
};

struct session {
	char *id;
	uint32_t id_len;
	struct order order;
	uint64_t terms; /* its length */
	/* A search's own: how often the term at hand stands here; the score so far. */
	uint32_t tf;
	float score;
};

/* A term that was asked for and is known. */
struct query_term {
	uint64_t hash;
	uint32_t number;
	uint32_t found; /* in how many documents */
	float weight;
};

/* What a search works with; kept from one to the next. */
struct view_scratch {
	float *raw, *smooth; /* by document */
	uint32_t *touched;   /* session numbers: where the term at hand stands */
	uint32_t *hit;       /* and where any does */
	size_t cap_raw, cap_smooth, cap_touched, cap_hit;
	size_t n_hit;
	struct map64 asked; /* by hash of the term; counts the different ones */
	struct map64 sent;  /* from sent_key() to the index in view_query.sent */
	struct query_term *terms;
	size_t n_terms, cap_terms;
};

struct view {
	struct words *words;
	struct entry **entries; /* by number; NULL: trimmed */
	struct span *spans;     /* by number */
	struct doc *docs;       /* by document */
	uint32_t n_entries, docs_end;
	size_t cap_entries, cap_spans, cap_docs;
	struct order all;
	struct term *terms;
	uint32_t n_terms;
	size_t cap_terms;
	struct session *sessions;
	uint32_t n_sessions;
	size_t cap_sessions;
	struct map64 term_of, session_of; /* by hash of the stem, of the id */
	struct map64 of_reply, of_texts;  /* the newest exchange with them */
	struct map64 of_id;
	uint64_t total_terms;
	uint32_t n_docs,
		n_filled; /* documents, sessions that have any: BM25's N of each */
	size_t bytes;     /* of entries, orders, postings and session ids */
	uint64_t *tokens; /* hashes of the terms of what is being added */
	size_t n_tokens, cap_tokens;
	struct sticky sticky;
	struct view_scratch scratch;
};

static inline const posting *term_postings(const struct term *t)
{
	return t->cap ? t->many : t->few;
}

static inline uint32_t span_n(struct span s)
{
	return (uint32_t)s.n_user + s.n_reply;
}

/* Of the exchange. */
static inline struct session *view_session(const struct view *v, uint32_t number)
{
	return &v->sessions[v->spans[number].session];
}

static inline uint32_t order_at(const struct order *o, uint32_t i)
{
	return o->v[o->head + i];
}

static inline struct str entry_user(const struct entry *e)
{
	return (struct str){ e->text, e->user_len };
}

static inline bool entry_has_reply(const struct entry *e)
{
	return e->reply_hash.lo != 0 || e->reply_hash.hi != 0;
}

static inline struct str entry_reply(const struct entry *e)
{
	return entry_has_reply(e) ? (struct str){ e->text + e->user_len, e->reply_len }
				  : (struct str){ NULL, 0 };
}

/* The documents of an exchange that is being added, the last ones from docs_end on. */
struct adding {
	struct span span;
	/* In view.tokens: the terms of the day, which each document has, then its own. */
	size_t n_date;
};

/*
 * The terms of the exchange, passage by passage; the new documents are there with
 * their lengths, but do not count yet. 0 or -ENOMEM, as the next.
 */
int view_collect_tokens(struct view *v, const struct exchange *x, struct adding *ret);
/* Counts them. */
int view_index_tokens(struct view *v, const struct adding *a);
/* Undoes what of that was done; the tokens must still be there. */
void view_take_back(struct view *v);
void view_terms_free(struct view *v);

/* view_twins.c */
/* Does the reply say nothing of its own? As view_collect_tokens() left things. */
bool view_reply_is_nod(const struct view *v, const struct exchange *x,
		       const struct adding *a);
/* Of hits that say the same the newest stays, in the best one's place. */
void view_cut_twins(const struct view *v, struct view_hit *hits, size_t *n);

/* p with room for n items of `size` bytes, *cap raised; NULL: out of memory, p stays. */
void *view_grow(void *p, size_t *cap, size_t n, size_t size);

#endif
