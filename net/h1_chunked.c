/* h1_chunked.c - the chunked transfer coding, decoded byte by byte (RFC 9112, 7.1). */
#include "net/h1_parse.h"

/*
 * Extensions and trailers may take this much more than the content between
 * them, as in Go's net/http/internal/chunked.go (CVE-2023-39326): a limit on the
 * content alone lets a sender keep its reader busy with next to none.
 */
#define EXTRA_MAX 16384
/* 2^60 - 1 in hexadecimal; a leading zero counts. */
#define SIZE_DIGITS 15

enum state {
	SIZE,
	SIZE_BLANK, /* behind the digits: only ";" may follow */
	EXTENSION,
	SIZE_LF,
	DATA,
	DATA_CR,
	DATA_LF,
	TRAILER, /* at the start of a line */
	TRAILER_NAME,
	TRAILER_VALUE,
	TRAILER_LF,
	LAST_LF,
	ENDED,
	BAD,
};

void h1_chunked_init(struct h1_chunked *c)
{
	*c = (struct h1_chunked){ .state = SIZE };
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static enum state take_size(struct h1_chunked *c, char ch)
{
	int digit = hex_value(ch);

	if (digit >= 0) {
		if (c->digits == SIZE_DIGITS)
			return BAD;
		c->digits++;
		c->left = c->left << 4 | (uint64_t)digit;
		return SIZE;
	}
	if (c->digits == 0)
		return BAD;
	switch (ch) {
	case '\r':
		return SIZE_LF;
	case ';':
		return EXTENSION;
	case ' ':
	case '\t':
		return SIZE_BLANK;
	default:
		return BAD;
	}
}

static enum state take_blank(struct h1_chunked *c, char ch)
{
	return (ch == ' ' || ch == '\t') && ++c->extra <= EXTRA_MAX ? SIZE_BLANK : BAD;
}

static enum state take_extra(struct h1_chunked *c, char ch, enum state same,
			     enum state at_cr)
{
	if (ch == '\r')
		return at_cr;
	if (!h1_is(ch, H1_VALUE) || ++c->extra > EXTRA_MAX)
		return BAD;
	return same;
}

static enum state take_trailer(struct h1_chunked *c, char ch)
{
	if (c->state == TRAILER_NAME && ch == ':')
		return TRAILER_VALUE;
	if (!h1_is(ch, H1_TOKEN) || ++c->extra > EXTRA_MAX)
		return BAD;
	return TRAILER_NAME;
}

/* Where one byte only may follow. */
static const struct {
	char byte;
	enum state next;
} must_be[] = {
	[DATA_CR] = { '\r', DATA_LF },
	[DATA_LF] = { '\n', SIZE },
	[TRAILER_LF] = { '\n', TRAILER },
	[LAST_LF] = { '\n', ENDED },
};

static enum state take(struct h1_chunked *c, char ch)
{
	enum state state = c->state;

	switch (state) {
	case SIZE:
		return take_size(c, ch);
	case SIZE_BLANK:
		return ch == ';' ? EXTENSION : take_blank(c, ch);
	case EXTENSION:
		return take_extra(c, ch, EXTENSION, SIZE_LF);
	case SIZE_LF:
		return ch != '\n' ? BAD : c->left ? DATA : TRAILER;
	case TRAILER:
		return ch == '\r' ? LAST_LF : take_trailer(c, ch);
	case TRAILER_NAME:
		return take_trailer(c, ch);
	case TRAILER_VALUE:
		return take_extra(c, ch, TRAILER_VALUE, TRAILER_LF);
	default:
		return ch == must_be[state].byte ? must_be[state].next : BAD;
	}
}

enum h1_chunk_event h1_chunked_feed(struct h1_chunked *c, const char *p, size_t n,
				    size_t *consumed, uint64_t *data_len)
{
	size_t i = 0;

	while (i < n && c->state != DATA && c->state != ENDED && c->state != BAD)
		c->state = (uint8_t)take(c, p[i++]);
	*consumed = i;
	switch (c->state) {
	case ENDED:
		return H1_CHUNK_END;
	case BAD:
		return H1_CHUNK_BAD;
	case DATA:
		*data_len = c->left;
		return i < n ? H1_CHUNK_DATA : H1_CHUNK_MORE;
	default:
		return H1_CHUNK_MORE;
	}
}

void h1_chunked_took(struct h1_chunked *c, uint64_t n)
{
	c->left -= n;
	c->extra -= n < c->extra ? (uint32_t)n : c->extra;
	if (c->left > 0)
		return;
	c->state = DATA_CR;
	c->digits = 0;
}
