/*
 * sse.h - an event stream (text/event-stream) as it arrives, in any pieces.
 *
 * Lines and fields as the WHATWG HTML standard, "Server-sent events", parses
 * them: CRLF, LF or CR, one BOM, comments passed over, several data lines joined
 * by LF, an event without data or without its blank line not told. Bytes are
 * copied only where an event spans calls or has several data lines.
 */
#ifndef MEMORY_SSE_H
#define MEMORY_SSE_H

#include "base/buf.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Both borrowed for the call; `event` is absent where the stream named none. */
typedef void sse_event_cb(void *arg, struct str event, struct str data);

struct sse {
	sse_event_cb *cb;
	void *arg;
	size_t max;
	uint64_t fed;       /* bytes of all calls that have ended */
	uint64_t event_at;  /* offset in the stream of the event being told: its first
			       line, comments included */
	struct buf pending; /* of an event that began in an earlier call */
	struct buf joined;  /* several data lines */
	bool in_event, line_start, after_cr; /* where the last call ended */
};

/* An event of more than `max` bytes is an error. Allocates nothing. */
void sse_init(struct sse *s, size_t max, sse_event_cb *cb, void *arg);
void sse_done(struct sse *s);
/* 0, -E2BIG or -ENOMEM; after an error only sse_done() may follow. */
int sse_feed(struct sse *s, const void *bytes, size_t n);

#endif
