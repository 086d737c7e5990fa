/* relay.c - the reply's bytes on their way to the client. */
#include "proxy/relay.h"

#include <event2/buffer.h>

void relay_begin(struct relay *r, struct conn *c, const struct dialect *d, bool stream,
		 bool listen, size_t limit)
{
	*r = (struct relay){ .conn = c, .stream = stream };
	if (listen)
		r->tap = reply_tap_new(d, stream, limit);
	r->released = !r->tap;
}

void relay_hold_tools(struct relay *r)
{
	if (r->tap)
		reply_tap_mark_tools(r->tap);
}

void relay_done(struct relay *r)
{
	reply_tap_free(r->tap);
	if (r->held)
		evbuffer_free(r->held);
	*r = (struct relay){ 0 };
}

/* Piece by piece, as it lies there: this needs no memory. */
static bool flush(struct relay *r)
{
	bool ready = true;
	size_t n;

	while (r->held && (n = evbuffer_get_contiguous_space(r->held)) > 0) {
		ready = conn_write(r->conn, evbuffer_pullup(r->held, (ev_ssize_t)n), n);
		evbuffer_drain(r->held, n);
	}
	return ready;
}

/* Out of memory nothing is held any more: that costs the guarantee, not the reply. */
static bool hold(struct relay *r, const char *p, size_t n)
{
	if (!r->held)
		r->held = evbuffer_new();
	if (r->held && evbuffer_add(r->held, p, n) == 0)
		return true;
	relay_release(r);
	return conn_write(r->conn, p, n);
}

static bool relay_stream(struct relay *r, const char *p, size_t n)
{
	size_t pass = reply_tap_feed(r->tap, p, n);
	bool ready = true;

	if (pass)
		ready = conn_write(r->conn, p, pass);
	if (pass < n)
		ready = hold(r, p + pass, n - pass) && ready;
	return ready;
}

static bool relay_plain(struct relay *r, const char *p, size_t n)
{
	bool ready = flush(r);

	reply_tap_feed(r->tap, p, n);
	if (n > 1)
		ready = conn_write(r->conn, p, n - 1);
	return hold(r, p + n - 1, 1) && ready;
}

bool relay_bytes(struct relay *r, const char *p, size_t n)
{
	r->bytes += n;
	if (!n)
		return true;
	if (r->released) {
		if (r->tap)
			reply_tap_feed(r->tap, p, n);
		return conn_write(r->conn, p, n);
	}
	return r->stream ? relay_stream(r, p, n) : relay_plain(r, p, n);
}

bool relay_holding(const struct relay *r)
{
	return !r->released && r->stream && reply_tap_finishing(r->tap);
}

bool relay_closed(const struct relay *r)
{
	return r->tap && r->stream && reply_tap_closed(r->tap);
}

void relay_release(struct relay *r)
{
	r->released = true;
	flush(r);
}
