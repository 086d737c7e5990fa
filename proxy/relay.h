/*
 * relay.h - the reply's bytes on their way to the client.
 *
 * Where a reply is to be remembered, a tap listens, and the end of the reply
 * is held back until the exchange is kept: of an event stream the event with
 * the finish marker and what follows, of a plain reply its last byte. So a
 * client that has seen the end can rely on being remembered, and one that
 * reads on while the store is slow waits no longer than memory.keep_deadline.
 */
#ifndef PROXY_RELAY_H
#define PROXY_RELAY_H

#include "memory/dialect.h"
#include "memory/reply_tap.h"
#include "proxy/gate.h"

#include <stdbool.h>
#include <stdint.h>

struct evbuffer;

/* Embedded in a request; {0} is a relay that has not begun. */
struct relay {
	struct conn *conn;     /* borrowed */
	struct reply_tap *tap; /* owned; NULL: nobody listens */
	struct evbuffer *held; /* owned; made when something is held */
	bool stream;           /* an event stream */
	bool takes_event;      /* one of ours may be added at its end */
	bool released;         /* nothing is held any more */
	uint64_t bytes;        /* content relayed, held bytes included */
};

/* `listen`: keep the assistant's words, up to `limit` bytes. Without memory for it nobody
 * listens. */
void relay_begin(struct relay *r, struct conn *c, const struct dialect *d, bool stream,
		 bool listen, size_t limit);
/* The end of a reply that calls tools is held too: something else waits to be kept. */
void relay_hold_tools(struct relay *r);
void relay_done(struct relay *r);

/* False: the client is behind (gate.h, conn_write). */
bool relay_bytes(struct relay *r, const char *p, size_t n);
/* The end is being held back. */
bool relay_holding(const struct relay *r);
/* The closing event has passed: nothing that matters for memory follows. */
bool relay_closed(const struct relay *r);
/* Sends what was held, and holds nothing from now on. */
void relay_release(struct relay *r);

#endif
