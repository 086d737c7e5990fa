/*
 * sticky.h - which exchanges were put into requests, and with which turns.
 *
 * A client resends its conversation with every request; what was injected with a
 * turn is injected again with it, byte for byte, so that an upstream's prompt cache
 * keeps hitting. What is kept of a block is an entry of the log (EXCHANGE_BLOCK):
 * its turn, and of each source the id and what of its texts was shown. Rendering is
 * a function of these (memory/render.h), so a source that is forgotten is in no
 * block any more, and no text is kept twice.
 */
#ifndef MEMORY_STICKY_H
#define MEMORY_STICKY_H

#include "base/hash.h"
#include "base/str.h"
#include "memory/map64.h"
#include "memory/view.h"
#include "store/exchange.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

/*
 * exchange.sources: the renderer's version, then the sources in the order of the
 * block, each an id and VIEW_SHOWN_BYTES. Empty: nothing was put in after all (the
 * upstream refused it). What a newer version of the renderer wrote counts as that.
 */
enum { STICKY_VERSION = 1 };

struct str sticky_pack(const struct view_hit *v, size_t n, struct arena *a);
size_t sticky_count(struct str sources);
/* The i-th source: its id, and what was shown of it (of ret nothing else is set). */
void sticky_source(struct str sources, size_t i, struct view_hit *ret);

/* The records of one partition. Zeroed memory is none. */
struct sticky {
	struct sticky_record *v;
	uint32_t n;
	size_t cap, bytes;
	/* To the index of the newest record: of the turn; of the turn in a session (many
	 * conversations may begin alike). And of the id to its own. */
	struct map64 newest, in_session, of_id;
};

struct sticky_record {
	uint64_t seq, at_ms, expires_ms; /* seq 0: not read from the store yet */
	struct exchange_id id;
	struct hash128 user, prev; /* the turn */
	uint32_t older; /* the next record of that turn in its session, or STICKY_NONE */
	uint32_t session_len, sources_len;
	char *text; /* the session, then the sources */
};
#define STICKY_NONE UINT32_MAX

/* A copy; one already known by its id is passed over. 0 or -ENOMEM (nothing changed). */
int sticky_add(struct sticky *s, const struct exchange *block);
void sticky_done(struct sticky *s);
size_t sticky_bytes(const struct sticky *s);

/*
 * The newest record of a turn, in the session if there is one there, else (`anywhere`)
 * the newest of all; NULL: none, or it has expired. Borrowed until the next call of
 * sticky_add().
 */
const struct sticky_record *sticky_find(const struct sticky *s, struct str session,
					bool anywhere, struct hash128 user,
					struct hash128 prev, uint64_t now_ms);

static inline struct str sticky_session(const struct sticky_record *r)
{
	return (struct str){ r->text, r->session_len };
}

static inline struct str sticky_sources(const struct sticky_record *r)
{
	return (struct str){ r->text + r->session_len, r->sources_len };
}

#endif
