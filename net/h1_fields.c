/* h1_fields.c - the fields of a head: spelling, framing, and which ones end here. */
#include "net/h1_parse.h"

#include <string.h>

/* A decimal number of 18 digits fits an off_t. */
#define LENGTH_DIGITS 18
#define PORT_DIGITS   5

enum field {
	FIELD_END_TO_END,
	FIELD_HOP,
	FIELD_HOST,
	FIELD_CONNECTION,
	FIELD_LENGTH,
	FIELD_CODING,
	FIELD_EXPECT,
	FIELD_UPGRADE,
};

static enum field match(struct str name, struct str lower, enum field field)
{
	return h1_same(name, lower) ? field : FIELD_END_TO_END;
}

/* The fields that mean something to a proxy (RFC 9110 section 7.6.1, RFC 9112). */
static enum field field_of(struct str name)
{
	switch (name.len) {
	case 2:
		return match(name, STR("te"), FIELD_HOP);
	case 4:
		return match(name, STR("host"), FIELD_HOST);
	case 6:
		return match(name, STR("expect"), FIELD_EXPECT);
	case 7:
		return h1_same(name, STR("upgrade"))
			       ? FIELD_UPGRADE
			       : match(name, STR("trailer"), FIELD_HOP);
	case 10:
		return h1_same(name, STR("connection"))
			       ? FIELD_CONNECTION
			       : match(name, STR("keep-alive"), FIELD_HOP);
	case 14:
		return match(name, STR("content-length"), FIELD_LENGTH);
	case 16:
		return match(name, STR("proxy-connection"), FIELD_HOP);
	case 17:
		return match(name, STR("transfer-encoding"), FIELD_CODING);
	case 18:
		return match(name, STR("proxy-authenticate"), FIELD_HOP);
	case 19:
		return match(name, STR("proxy-authorization"), FIELD_HOP);
	default:
		return FIELD_END_TO_END;
	}
}

/* "[" IP-literal "]"; its end, or NULL. */
static const char *ip_literal_end(const char *p, const char *end)
{
	const char *close = memchr(p, ']', (size_t)(end - p));

	if (!close || close == p + 1)
		return NULL;
	for (p++; p < close; p++)
		if (*p != ':' && !h1_is(*p, H1_HOST))
			return NULL;
	return close + 1;
}

static const char *reg_name_end(const char *p, const char *end)
{
	const char *start = p;

	while (p < end && h1_is(*p, H1_HOST)) {
		if (p > start && p[0] == '.' && p[-1] == '.')
			return NULL;
		p++;
	}
	return p == start ? NULL : p;
}

bool h1_is_authority(struct str s)
{
	const char *end = s.p + s.len;
	const char *p;

	if (s.len == 0)
		return false;
	p = *s.p == '[' ? ip_literal_end(s.p, end) : reg_name_end(s.p, end);
	if (!p)
		return false;
	if (p == end)
		return true;
	if (*p++ != ':' || end - p > PORT_DIGITS)
		return false;
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p == end;
}

static enum fault take_host(struct h1_pass *s, struct str value)
{
	if (s->hosts++)
		return h1_refuse(s, FAULT_BAD_REQUEST, "more than one Host field");
	if (!h1_is_authority(value))
		return h1_refuse(s, FAULT_BAD_REQUEST, "malformed Host field");
	if (!s->head->authority.p)
		s->head->authority = value;
	return FAULT_NONE;
}

static enum fault take_connection(struct h1_pass *s, struct str value)
{
	struct str option;

	while (str_next_item(&value, ',', &option)) {
		if (h1_same(option, STR("close")))
			s->close = true;
		else if (h1_same(option, STR("keep-alive")))
			s->persist = true;
		else if (h1_same(option, STR("upgrade")))
			s->upgrade = true;
		else if (s->n_options == H1_MAX_OPTIONS)
			return h1_refuse(s, FAULT_HEAD_TOO_LARGE,
					 "too many options in Connection fields");
		else
			s->options[s->n_options++] = option;
	}
	return FAULT_NONE;
}

/* RFC 9110 section 8.6; what repeats is refused even where it agrees. */
static enum fault take_length(struct h1_pass *s, struct str value)
{
	uint64_t n = 0;

	if (s->lengths++)
		return h1_refuse(s, FAULT_BAD_REQUEST,
				 "more than one Content-Length field");
	if (value.len == 0 || value.len > LENGTH_DIGITS)
		return h1_refuse(s, FAULT_BAD_REQUEST, "malformed Content-Length field");
	for (size_t i = 0; i < value.len; i++) {
		if (value.p[i] < '0' || value.p[i] > '9')
			return h1_refuse(s, FAULT_BAD_REQUEST,
					 "malformed Content-Length field");
		n = n * 10 + (uint64_t)(value.p[i] - '0');
	}
	s->head->length = n;
	return FAULT_NONE;
}

static enum fault take_coding(struct h1_pass *s, struct str value)
{
	if (s->codings++)
		return h1_refuse(s, FAULT_BAD_REQUEST,
				 "more than one Transfer-Encoding field");
	if (!h1_same(value, STR("chunked")))
		return h1_refuse(s, FAULT_NOT_IMPLEMENTED,
				 "a Transfer-Encoding other than chunked");
	return FAULT_NONE;
}

static enum fault take_expect(struct h1_pass *s, struct str value)
{
	if (!h1_same(value, STR("100-continue")))
		return h1_refuse(s, FAULT_EXPECTATION,
				 "an Expect field other than 100-continue");
	s->expect = true;
	return FAULT_NONE;
}

static enum fault take_upgrade(struct h1_pass *s, struct str value)
{
	struct str protocol;

	while (str_next_item(&value, ',', &protocol))
		if (h1_same(protocol, STR("websocket")))
			s->websocket = true;
	return FAULT_NONE;
}

static enum fault take_field(struct h1_pass *s, const struct header *h, bool *hop)
{
	enum field field = field_of(h->name);

	*hop = field != FIELD_END_TO_END;
	switch (field) {
	case FIELD_END_TO_END:
	case FIELD_HOP:
		return FAULT_NONE;
	case FIELD_CONNECTION:
		return take_connection(s, h->value);
	case FIELD_LENGTH:
		*hop = s->request;
		return take_length(s, h->value);
	case FIELD_CODING:
		return take_coding(s, h->value);
	case FIELD_UPGRADE:
		return take_upgrade(s, h->value);
	case FIELD_HOST:
	case FIELD_EXPECT:
		*hop = s->request;
		if (!s->request)
			return FAULT_NONE;
		return field == FIELD_HOST ? take_host(s, h->value)
					   : take_expect(s, h->value);
	}
	return FAULT_NONE;
}

/*
 * Whether one of eight bytes is below 0x20 or is 0x7f: "hasless" and "haszero"
 * of S. E. Anderson's Bit Twiddling Hacks, exact as yes or no.
 */
static inline bool has_control(const char *p)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
	uint64_t w, del;

	memcpy(&w, p, sizeof(w));
	del = w ^ (ones * 0x7f);
	return ((((w - ones * 0x20) & ~w) | ((del - ones) & ~del)) & tops) != 0;
}

static inline const char *value_end(const char *p, const char *end)
{
	while (end - p >= 8 && !has_control(p))
		p += 8;
	while (p < end && h1_is(*p, H1_VALUE))
		p++;
	return p;
}

bool h1_is_value(struct str s)
{
	return value_end(s.p, s.p + s.len) == s.p + s.len;
}

bool h1_is_token(struct str s)
{
	size_t i = 0;

	while (i < s.len && h1_is(s.p[i], H1_TOKEN))
		i++;
	return s.len > 0 && i == s.len;
}

static inline bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static enum fault bad_name(struct h1_pass *s, const char *p)
{
	if (p > s->p && is_blank(*p))
		return h1_refuse(s, FAULT_BAD_REQUEST, "a blank in a field's name");
	if (p > s->p && *p == '\r')
		return h1_refuse(s, FAULT_BAD_REQUEST, "a field without a colon");
	return h1_refuse(s, FAULT_BAD_REQUEST, "malformed field name");
}

static enum fault parse_field(struct h1_pass *s, struct header *h, bool *hop)
{
	const char *p = s->p, *value;

	while (h1_is(*p, H1_TOKEN))
		p++;
	if (p == s->p || *p != ':')
		return bad_name(s, p);
	h->name = (struct str){ s->p, (size_t)(p - s->p) };
	do
		p++;
	while (is_blank(*p));
	value = p;
	p = value_end(p, s->end);
	if (p[0] != '\r' || p[1] != '\n')
		return h1_refuse(s, FAULT_BAD_REQUEST,
				 "a control character in a field's value");
	s->p = p + 2;
	if (is_blank(*s->p))
		return h1_refuse(s, FAULT_BAD_REQUEST, "a folded field");
	while (p > value && is_blank(p[-1]))
		p--;
	h->value = (struct str){ value, (size_t)(p - value) };
	return take_field(s, h, hop);
}

/* What Connection names ends here, whatever it is (RFC 9110 section 7.6.1). */
static void mark_options(struct h1_pass *s)
{
	struct h1_head *head = s->head;

	for (size_t i = 0; i < s->n_options; i++)
		for (size_t k = 0; k < head->n_headers; k++)
			if (str_ieq(head->headers[k].name, s->options[i]))
				head->hop[k] = true;
}

enum fault h1_fields(struct h1_pass *s)
{
	struct h1_head *head = s->head;
	size_t max = s->lim->headers < H1_MAX_HEADERS ? s->lim->headers : H1_MAX_HEADERS;
	size_t n = 0;

	head->length = 0;
	while (s->p < s->end) {
		enum fault f;

		if (n == max)
			return h1_refuse(s, FAULT_HEAD_TOO_LARGE, "too many fields");
		f = parse_field(s, &head->headers[n], &head->hop[n]);
		if (f)
			return f;
		n++;
	}
	head->n_headers = n;
	mark_options(s);
	if (s->lengths && s->codings)
		return h1_refuse(s, FAULT_BAD_REQUEST,
				 "both Content-Length and Transfer-Encoding");
	if (s->codings && head->minor == 0)
		return h1_refuse(s, FAULT_BAD_REQUEST, "Transfer-Encoding in HTTP/1.0");
	head->keep_alive = !s->close && (head->minor == 1 || s->persist);
	return FAULT_NONE;
}
