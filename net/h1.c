/* h1.c - heads of HTTP/1.1 messages: where they end, and what their first line says. */
#include "net/h1_parse.h"

#include <string.h>

/* clang-format off */
const uint8_t h1_classes[256] = { /* sums of enum h1_class, sixteen a row */
	 0,  0,  0,  0,  0,  0,  0,  0,  0,  2,  0,  0,  0,  0,  0,  0,
	 0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,
	 2, 15,  6,  3, 15, 15, 15, 15, 14, 14, 15, 15,  6, 15, 15,  6,
	15, 15, 15, 15, 15, 15, 15, 15, 15, 15,  6, 14,  6, 14,  6,  6,
	 6, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,
	15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,  6,  6,  6,  7, 15,
	 7, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,
	15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,  6,  7,  6, 15,  0,
	 2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,
	 2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,
	 2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,
	 2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,
	 2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,
	 2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,
	 2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,
	 2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,
};
/* clang-format on */

size_t h1_leading_crlf(const char *p, size_t n)
{
	size_t i = 0;

	while (n - i >= 2 && p[i] == '\r' && p[i + 1] == '\n')
		i += 2;
	return i;
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/*
 * The verdict depends on the first byte that decides it, not on how the bytes
 * come: within the limits LF are looked for, one after another; a first line
 * or a head that has not ended where its limit is, cannot any more.
 */
ptrdiff_t h1_head_end(const char *p, size_t n, size_t *scanned,
		      const struct h1_limits *lim)
{
	size_t window = smaller(n, lim->head);
	size_t pos = *scanned;
	bool first = !memchr(p, '\n', smaller(pos, lim->line));

	while (pos < window) {
		size_t bound = first ? smaller(window, lim->line) : window;
		const char *lf = pos < bound ? memchr(p + pos, '\n', bound - pos) : NULL;

		if (!lf) {
			pos = bound;
			break;
		}
		pos = (size_t)(lf - p) + 1;
		if (lf - p < 2 || lf[-1] != '\r')
			return -(ptrdiff_t)FAULT_BAD_REQUEST;
		if (lf[-2] == '\n')
			return (ptrdiff_t)pos;
		first = false;
	}
	if (first && window >= lim->line)
		return -(ptrdiff_t)FAULT_TARGET_TOO_LONG;
	if (n >= lim->head)
		return -(ptrdiff_t)FAULT_HEAD_TOO_LARGE;
	*scanned = pos == 1 && p[0] == '\r' ? 0 : pos;
	return 0;
}

/* "HTTP/1." and one digit. Whatever follows is the caller's. */
static enum fault parse_version(struct h1_pass *s, const char **p)
{
	const char *v = *p;

	if (s->end - v < 8 || memcmp(v, "HTTP/", 5) != 0 || v[6] != '.' || v[5] < '0' ||
	    v[5] > '9' || v[7] < '0' || v[7] > '9')
		return h1_refuse(s, FAULT_BAD_REQUEST, "malformed HTTP version");
	if (v[5] != '1' || v[7] > '1')
		return h1_refuse(s, FAULT_HTTP_VERSION,
				 "an HTTP version other than 1.0 and 1.1");
	s->head->minor = v[7] - '0';
	*p = v + 8;
	return FAULT_NONE;
}

bool h1_is_target(struct str s)
{
	if (str_eq(s, STR("*")))
		return true;
	for (size_t i = 0; i < s.len; i++)
		if (!h1_is(s.p[i], H1_TARGET))
			return false;
	return s.len > 0 && s.p[0] == '/';
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* Escapes of a path as nginx has them: two hexadecimal digits, and never "%00". */
static bool escapes_are_good(struct str target)
{
	const char *end = target.p + target.len;
	const char *query = memchr(target.p, '?', target.len);
	const char *p = target.p;

	if (query)
		end = query;
	while ((p = memchr(p, '%', (size_t)(end - p))) != NULL) {
		if (end - p < 3 || !is_hex(p[1]) || !is_hex(p[2]))
			return false;
		if (p[1] == '0' && p[2] == '0')
			return false;
		p += 3;
	}
	return true;
}

static size_t scheme_length(struct str target)
{
	if (str_has_iprefix(target, STR("http://")))
		return 7;
	return str_has_iprefix(target, STR("https://")) ? 8 : 0;
}

/*
 * Absolute-form (RFC 9112 section 3.2.2): takes the authority off. An empty
 * path is "/", or "*" where it is all that OPTIONS asks about (3.2.4). A query
 * behind an empty path has no origin-form to be borrowed from it: refused.
 */
static enum fault split_absolute(struct h1_pass *s, struct str *target)
{
	size_t scheme = scheme_length(*target);
	struct str rest = str_slice(*target, scheme, target->len);
	size_t n = 0;

	while (n < rest.len && rest.p[n] != '/' && rest.p[n] != '?')
		n++;
	s->head->authority = str_slice(rest, 0, n);
	if (scheme == 0 || !h1_is_authority(s->head->authority) ||
	    (n < rest.len && rest.p[n] == '?'))
		return h1_refuse(s, FAULT_BAD_REQUEST, "malformed request target");
	if (n < rest.len)
		*target = str_slice(rest, n, rest.len);
	else
		*target = str_eq(s->head->method, STR("OPTIONS")) ? STR("*") : STR("/");
	return FAULT_NONE;
}

static enum fault check_target(struct h1_pass *s, struct str target)
{
	struct h1_head *head = s->head;

	head->authority = (struct str){ NULL, 0 };
	if (*target.p != '/' &&
	    !(str_eq(target, STR("*")) && str_eq(head->method, STR("OPTIONS")))) {
		enum fault f = split_absolute(s, &target);

		if (f)
			return f;
	}
	if (!escapes_are_good(target))
		return h1_refuse(s, FAULT_BAD_REQUEST,
				 "malformed escape in the request target");
	head->target = target;
	return FAULT_NONE;
}

static enum fault parse_request_line(struct h1_pass *s)
{
	const char *p = s->p;
	struct str *method = &s->head->method;
	struct str target;
	enum fault f;

	while (h1_is(*p, H1_TOKEN))
		p++;
	*method = (struct str){ s->p, (size_t)(p - s->p) };
	if (method->len == 0 || *p++ != ' ')
		return h1_refuse(s, FAULT_BAD_REQUEST, "malformed request line");
	target.p = p;
	while (h1_is(*p, H1_TARGET))
		p++;
	target.len = (size_t)(p - target.p);
	if (target.len == 0 || *p++ != ' ')
		return h1_refuse(s, FAULT_BAD_REQUEST, "malformed request target");
	f = parse_version(s, &p);
	if (f)
		return f;
	if (p[0] != '\r' || p[1] != '\n')
		return h1_refuse(s, FAULT_BAD_REQUEST, "malformed request line");
	s->p = p + 2;
	if (str_eq(*method, STR("CONNECT")) || str_eq(*method, STR("TRACE")))
		return h1_refuse(s, FAULT_NOT_IMPLEMENTED,
				 "a method that is not offered");
	return check_target(s, target);
}

static enum fault judge_request(struct h1_pass *s)
{
	struct h1_head *head = s->head;

	if (s->hosts == 0 && head->minor == 1)
		return h1_refuse(s, FAULT_BAD_REQUEST, "no Host field");
	head->body = s->codings   ? H1_BODY_CHUNKED
		     : s->lengths ? H1_BODY_LENGTH
				  : H1_BODY_NONE;
	/* RFC 9110 section 10.1.1: of an HTTP/1.0 client it is ignored. */
	head->expect_continue = s->expect && head->minor == 1;
	head->upgrade = s->upgrade && s->websocket && head->minor == 1 &&
			str_eq(head->method, STR("GET"));
	if (head->upgrade && (s->codings || head->length > 0))
		return h1_refuse(s, FAULT_BAD_REQUEST, "an Upgrade with a body");
	return FAULT_NONE;
}

static void pass_init(struct h1_pass *s, const char *p, size_t n,
		      const struct h1_limits *lim, struct h1_head *head)
{
	s->p = p;
	s->end = p + n - 2;
	s->lim = lim;
	s->head = head;
	s->why = "";
	s->hosts = s->lengths = s->codings = 0;
	s->close = s->persist = s->upgrade = s->websocket = s->expect = false;
	s->n_options = 0;
}

static bool is_whole(const char *p, size_t n)
{
	return n >= 4 && memcmp(p + n - 4, "\r\n\r\n", 4) == 0;
}

enum fault h1_parse_request(const char *p, size_t n, const struct h1_limits *lim,
			    struct h1_head *ret, const char **why)
{
	struct h1_pass s;
	enum fault f;

	*why = "the head is not whole";
	if (!is_whole(p, n))
		return FAULT_BAD_REQUEST;
	pass_init(&s, p, n, lim, ret);
	s.request = true;
	f = parse_request_line(&s);
	if (!f)
		f = h1_fields(&s);
	if (!f)
		f = judge_request(&s);
	*why = s.why;
	return f;
}

/* HTTP-version SP 3DIGIT [SP reason]: the blank before no reason is often forgotten. */
static enum fault parse_status_line(struct h1_pass *s)
{
	const char *p = s->p;
	struct h1_head *head = s->head;
	enum fault f = parse_version(s, &p);

	if (f)
		return f;
	if (*p++ != ' ' || *p < '1' || *p > '9')
		return h1_refuse(s, FAULT_BAD_REQUEST, "malformed status line");
	head->status = 0;
	for (int i = 0; i < 3; i++, p++) {
		if (*p < '0' || *p > '9')
			return h1_refuse(s, FAULT_BAD_REQUEST, "malformed status code");
		head->status = head->status * 10 + (*p - '0');
	}
	if (*p == ' ')
		p++;
	else if (*p != '\r')
		return h1_refuse(s, FAULT_BAD_REQUEST, "malformed status code");
	head->reason.p = p;
	while (h1_is(*p, H1_VALUE))
		p++;
	head->reason.len = (size_t)(p - head->reason.p);
	if (p[0] != '\r' || p[1] != '\n')
		return h1_refuse(s, FAULT_BAD_REQUEST, "malformed reason phrase");
	s->p = p + 2;
	return FAULT_NONE;
}

/* RFC 9112 section 6.3. */
static void judge_reply(struct h1_pass *s, bool to_head)
{
	struct h1_head *head = s->head;
	bool bodiless = head->status < 200 || head->status == 204;

	if (to_head || bodiless || head->status == 304) {
		head->body = H1_BODY_NONE;
		/* A body that must not be there would pass for the next reply. */
		if (bodiless && (s->codings || head->length > 0))
			head->keep_alive = false;
	} else if (s->codings) {
		head->body = H1_BODY_CHUNKED;
	} else if (s->lengths) {
		head->body = H1_BODY_LENGTH;
	} else {
		head->body = H1_BODY_UNTIL_CLOSE;
		head->keep_alive = false;
	}
}

enum fault h1_parse_reply(const char *p, size_t n, const struct h1_limits *lim,
			  bool to_head, struct h1_head *ret, const char **why)
{
	struct h1_pass s;
	enum fault f;

	*why = "the head is not whole";
	if (!is_whole(p, n))
		return FAULT_UPSTREAM_PROTOCOL;
	pass_init(&s, p, n, lim, ret);
	s.request = false;
	f = parse_status_line(&s);
	if (!f)
		f = h1_fields(&s);
	*why = s.why;
	if (f)
		return FAULT_UPSTREAM_PROTOCOL;
	judge_reply(&s, to_head);
	return FAULT_NONE;
}
