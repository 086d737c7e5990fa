/*
 * h1.h - HTTP/1.1 framing as a pure function of bytes: heads and chunked bodies.
 *
 * Strict where leniency lets two programs disagree about where a message ends
 * (RFC 9112 sections 2.2, 6, 7, 11.2): bare LF, obs-fold, NUL, blanks before a
 * colon, repeated or non-digit Content-Length, any Transfer-Encoding but
 * "chunked", both together: refused. Accepted though unusual: CRLF before a
 * request line, absolute-form targets, any method token but CONNECT and TRACE.
 */
#ifndef NET_H1_H
#define NET_H1_H

#include "base/fault.h"
#include "base/header.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define H1_MAX_HEADERS 256

struct h1_limits {
	size_t line;    /* request line */
	size_t head;    /* request line and fields together */
	size_t headers; /* at most H1_MAX_HEADERS */
};

enum h1_body { H1_BODY_NONE, H1_BODY_LENGTH, H1_BODY_CHUNKED, H1_BODY_UNTIL_CLOSE };

/*
 * A parsed head. Everything borrowed points into the bytes given, or is of
 * static storage. `hop[i]` marks headers[i] as ending here: hop-by-hop fields,
 * those that Connection names and, in a request, Host, Content-Length and
 * Expect (whoever sends on writes its own).
 */
struct h1_head {
	/* request */
	struct str method;
	struct str target; /* origin-form or "*"; of an absolute-form, the part behind the
			      authority */
	struct str authority; /* of an absolute-form, else the Host field; absent where an
				 HTTP/1.0 request has neither */
	bool expect_continue;
	/* Asks for a WebSocket (RFC 6455 section 4.1). Other protocols are ignored, as
	 * RFC 9110 section 7.8 allows: Java's client offers h2c with every request. */
	bool upgrade;
	/* reply */
	int status;
	struct str reason;
	/* both */
	int minor; /* HTTP/1.minor */
	bool keep_alive;
	enum h1_body body;
	uint64_t length; /* H1_BODY_LENGTH */
	struct header headers[H1_MAX_HEADERS];
	bool hop[H1_MAX_HEADERS];
	size_t n_headers;
};

/*
 * Looks for the end of a head in p[0..n), from *scanned on, so that a head that
 * comes in many pieces is looked at once. Returns its length with the empty
 * line, 0 when more is needed (then *scanned is where to go on), or, as a
 * negative fault, what is wrong already (bare LF, a limit passed).
 * Leading CRLFs are not part of a head: skip them with h1_leading_crlf() first,
 * as long as *scanned is 0.
 */
ptrdiff_t h1_head_end(const char *p, size_t n, size_t *scanned,
		      const struct h1_limits *lim);
/* How many bytes of CR LF pairs to pass over before a request line. */
size_t h1_leading_crlf(const char *p, size_t n);

/*
 * p[0..n) is a whole head. *ret need not be initialised. On a fault *why is a
 * text of static storage that says what is wrong; *ret is then undefined.
 */
enum fault h1_parse_request(const char *p, size_t n, const struct h1_limits *lim,
			    struct h1_head *ret, const char **why);
/*
 * `to_head`: the reply to a HEAD, which has no body whatever it says. The only
 * fault is FAULT_UPSTREAM_PROTOCOL.
 */
enum fault h1_parse_reply(const char *p, size_t n, const struct h1_limits *lim,
			  bool to_head, struct h1_head *ret, const char **why);

/* Decodes a chunked body. Embedded; h1_chunked_init() before the first byte. */
struct h1_chunked {
	uint64_t left;  /* of the chunk under way */
	uint32_t extra; /* by how much extensions and trailers exceed the content */
	uint8_t state, digits;
};

enum h1_chunk_event {
	H1_CHUNK_MORE, /* all consumed, nothing to hand on */
	H1_CHUNK_DATA, /* the next *data_len bytes behind *consumed are content; consume
			  them */
	H1_CHUNK_END,  /* the body ends behind *consumed; what follows is not its */
	H1_CHUNK_BAD,
};

void h1_chunked_init(struct h1_chunked *c);
/*
 * Takes framing from p[0..n) until content begins, the body ends or the bytes
 * do. With H1_CHUNK_DATA, up to *data_len bytes (which may reach beyond n) are
 * content: hand on what is there and tell h1_chunked_took() how many.
 */
enum h1_chunk_event h1_chunked_feed(struct h1_chunked *c, const char *p, size_t n,
				    size_t *consumed, uint64_t *data_len);
void h1_chunked_took(struct h1_chunked *c, uint64_t n);

#endif
