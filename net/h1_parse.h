/*
 * h1_parse.h - what the files of this folder share about HTTP/1.1's spelling.
 *
 * A head is known to end in CR LF CR LF before it is parsed. No class below
 * contains CR, so a scan for the end of a class needs no bound: it stops at the
 * latest at the CR of the empty line.
 */
#ifndef NET_H1_PARSE_H
#define NET_H1_PARSE_H

#include "net/h1.h"

enum h1_class {
	H1_TOKEN = 1,  /* tchar, RFC 9110 section 5.6.2 */
	H1_VALUE = 2,  /* VCHAR, obs-text, SP and HTAB, section 5.5 */
	H1_TARGET = 4, /* VCHAR but "#", which begins a fragment (RFC 9112 section 3.2) */
	H1_HOST = 8,   /* reg-name but ",", RFC 3986 section 3.2.2 */
};

extern const uint8_t h1_classes[256];

static inline bool h1_is(char c, enum h1_class class)
{
	return h1_classes[(unsigned char)c] & class;
}

/* More than these in all Connection fields of a head are refused. */
#define H1_MAX_OPTIONS 32

/* One pass over one head. */
struct h1_pass {
	const char *p;   /* the next byte */
	const char *end; /* the empty line */
	const struct h1_limits *lim;
	struct h1_head *head;
	const char *why; /* set with every fault */
	bool request;
	unsigned hosts, lengths, codings;
	bool close, persist, upgrade; /* options of Connection */
	bool websocket;               /* in Upgrade */
	bool expect;
	struct str options[H1_MAX_OPTIONS]; /* the other ones: names of fields */
	size_t n_options;
};

static inline enum fault h1_refuse(struct h1_pass *s, enum fault f, const char *why)
{
	s->why = why;
	return f;
}

/* s equals a text of lower-case letters, digits and "-"; s may be in any case. */
static inline bool h1_same(struct str s, struct str lower)
{
	if (s.len != lower.len)
		return false;
	for (size_t i = 0; i < s.len; i++)
		if ((s.p[i] | 0x20) != lower.p[i])
			return false;
	return true;
}

/* Fills headers, hop, n_headers, length and keep_alive of s->head. */
enum fault h1_fields(struct h1_pass *s);
bool h1_is_target(struct str s); /* origin-form or "*" */
bool h1_is_token(struct str s);
bool h1_is_value(struct str s); /* free of what cannot stand in a field */
/* host [":" port] as in RFC 3986 section 3.2, and not empty. */
bool h1_is_authority(struct str s);

#endif
