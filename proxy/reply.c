/*
 * reply.c - writing replies: the head, the framing of the body, and its end.
 *
 * A head is put together in memory that stays with the pooled request, so that
 * a header costs no malloc; a reply given in one go leaves in one writev(2).
 */
#include "proxy/conn.h"
#include "proxy/error_body.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_struct.h>
#include <event2/event.h>

#include <assert.h>
#include <string.h>

/*
 * A body of which more than this is still to come when the reply begins is not
 * waited for: the connection ends after the reply.
 */
#define UNREAD_MAX (64u << 10)
/* Of chunked framing, so that no write needs megabytes in one piece. */
#define CHUNK_MAX (64u << 10)
/* Enough for an error of the gate's own. */
#define ERROR_ARENA 1024

/* RFC 9110 section 15; 428, 429, 431 and 511 of RFC 6585, 425 of RFC 8470. */
static const struct {
	int status;
	const char *text;
} reasons[] = {
	{ 200, "OK" },
	{ 101, "Switching Protocols" },
	{ 201, "Created" },
	{ 202, "Accepted" },
	{ 203, "Non-Authoritative Information" },
	{ 204, "No Content" },
	{ 205, "Reset Content" },
	{ 206, "Partial Content" },
	{ 300, "Multiple Choices" },
	{ 301, "Moved Permanently" },
	{ 302, "Found" },
	{ 303, "See Other" },
	{ 304, "Not Modified" },
	{ 307, "Temporary Redirect" },
	{ 308, "Permanent Redirect" },
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 402, "Payment Required" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 406, "Not Acceptable" },
	{ 407, "Proxy Authentication Required" },
	{ 408, "Request Timeout" },
	{ 409, "Conflict" },
	{ 410, "Gone" },
	{ 411, "Length Required" },
	{ 412, "Precondition Failed" },
	{ 413, "Content Too Large" },
	{ 414, "URI Too Long" },
	{ 415, "Unsupported Media Type" },
	{ 416, "Range Not Satisfiable" },
	{ 417, "Expectation Failed" },
	{ 421, "Misdirected Request" },
	{ 422, "Unprocessable Content" },
	{ 425, "Too Early" },
	{ 426, "Upgrade Required" },
	{ 428, "Precondition Required" },
	{ 429, "Too Many Requests" },
	{ 431, "Request Header Fields Too Large" },
	{ 500, "Internal Server Error" },
	{ 501, "Not Implemented" },
	{ 502, "Bad Gateway" },
	{ 503, "Service Unavailable" },
	{ 504, "Gateway Timeout" },
	{ 505, "HTTP Version Not Supported" },
	{ 511, "Network Authentication Required" },
};

static struct str usual_reason(int status)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].status == status)
			return str_from(reasons[i].text);
	return STR("");
}

/* --- output --- */

/*
 * Has what is queued written at the end of this turn of the loop, and not after
 * another wait for the socket to be writable: it nearly always is, and with
 * libevent's change list the event's adding and removal then cancel out, which
 * saves two epoll_ctl(2) a write.
 */
static void push(struct conn *c)
{
	bufferevent_enable(c->bev, EV_WRITE);
	event_active(&c->bev->ev_write, EV_WRITE, 0);
}

static void queued(struct conn *c, size_t n, int err)
{
	if (err) {
		c->rq->reply.broken = true;
		gate_later(c);
		return;
	}
	c->out_total += n;
	push(c);
}

void conn_send(struct conn *c, const void *p, size_t n)
{
	queued(c, n, evbuffer_add(bufferevent_get_output(c->bev), p, n));
}

size_t conn_queued(const struct conn *c)
{
	return evbuffer_get_length(bufferevent_get_output(c->bev));
}

/* --- the head --- */

static bool is_clean(struct str s)
{
	return s.len == 0 || (!memchr(s.p, '\r', s.len) && !memchr(s.p, '\n', s.len) &&
			      !memchr(s.p, '\0', s.len));
}

void conn_reply(struct conn *c, int status, struct str reason)
{
	struct buf *head = &c->rq->reply_head;

	assert(status > 100 && status < 1000);
	assert(!c->rq->reply.head_done);
	c->rq->reply = (struct reply){ .status = status, .broken = c->rq->reply.broken };
	buf_reset(head);
	buf_printf(head, "HTTP/1.1 %d ", status);
	buf_add_str(head, reason.p && is_clean(reason) ? reason : usual_reason(status));
	buf_add(head, "\r\n", 2);
}

/* Fields that say how the message is framed or how long the connection lasts. */
static bool is_framing(struct str name, int status)
{
	switch (name.len) {
	case 10:
		return status != 101 && (str_ieq(name, STR("Connection")) ||
					 str_ieq(name, STR("Keep-Alive")));
	case 14:
		return str_ieq(name, STR("Content-Length"));
	case 17:
		return str_ieq(name, STR("Transfer-Encoding"));
	default:
		return false;
	}
}

void conn_header(struct conn *c, struct str name, struct str value)
{
	struct buf *head = &c->rq->reply_head;
	struct reply *r = &c->rq->reply;

	if (name.len == 0 || !is_clean(name) || !is_clean(value) ||
	    is_framing(name, r->status))
		return;
	r->dated |= str_ieq(name, STR("Date"));
	buf_add_str(head, name);
	buf_add(head, ": ", 2);
	buf_add_str(head, value);
	buf_add(head, "\r\n", 2);
}

static enum reply_framing choose_framing(const struct conn_request *rq, int64_t length)
{
	int status = rq->reply.status;

	if (status == 101 || status == 204 || status == 304 ||
	    str_eq(rq->head.method, STR("HEAD")))
		return REPLY_DROPPED;
	if (length >= 0)
		return REPLY_LENGTH;
	return rq->head.minor == 1 ? REPLY_CHUNKED : REPLY_UNTIL_CLOSE;
}

/* Whether the client can send another request behind this one's reply. */
static bool can_persist(const struct conn *c)
{
	const struct conn_request *rq = c->rq;
	const struct request_body *b = &rq->body;
	/* RFC 9110 section 10.1.1: who was not told to continue may send the body or not.
	 */
	bool unasked = rq->head.expect_continue && !b->continued && !b->ended &&
		       b->got == 0 && evbuffer_get_length(rq->raw) == 0;

	return rq->head.keep_alive && !c->gate->draining && !b->fault && !unasked &&
	       b->left <= UNREAD_MAX && rq->reply.framing != REPLY_UNTIL_CLOSE;
}

static void add_framing(struct conn *c, int64_t length)
{
	const struct reply *r = &c->rq->reply;
	struct buf *head = &c->rq->reply_head;

	if (r->status == 101)
		return;
	/* Of a 304, 0 would be said of the representation (RFC 9110 section 8.6). */
	if (r->framing == REPLY_LENGTH ||
	    (r->framing == REPLY_DROPPED && r->status != 204 &&
	     length >= (r->status == 304)))
		buf_printf(head, "Content-Length: %lld\r\n", (long long)length);
	else if (r->framing == REPLY_CHUNKED)
		buf_add_str(head, STR("Transfer-Encoding: chunked\r\n"));
	if (c->closing)
		buf_add_str(head, STR("Connection: close\r\n"));
	else if (c->rq->head.minor == 0)
		buf_add_str(head, STR("Connection: keep-alive\r\n"));
}

void conn_head_done(struct conn *c, int64_t length)
{
	struct reply *r = &c->rq->reply;
	struct buf *head = &c->rq->reply_head;

	r->framing = choose_framing(c->rq, length);
	r->left = r->framing == REPLY_LENGTH ? (uint64_t)length : 0;
	r->head_done = true;
	c->closing = !can_persist(c);
	c->until_close = r->framing == REPLY_UNTIL_CLOSE;
	if (!r->dated)
		buf_add_str(head, gate_date(c->gate));
	add_framing(c, length);
	buf_add(head, "\r\n", 2);
	if (head->failed)
		queued(c, 0, -1);
	else
		conn_send(c, head->p, head->len);
}

/* --- the body --- */

/* "<hexadecimal size>\r\n" at the end of p[0..18); where it begins. */
static char *chunk_size(char *p, size_t n)
{
	char *at = p + 18;

	*--at = '\n';
	*--at = '\r';
	do
		*--at = "0123456789abcdef"[n & 15];
	while (n >>= 4);
	return at;
}

static void write_chunk(struct conn *c, const char *p, size_t n)
{
	struct evbuffer *out = bufferevent_get_output(c->bev);
	char size[18], *begin = chunk_size(size, n);
	size_t head = (size_t)(size + sizeof(size) - begin), all = head + n + 2;
	struct evbuffer_iovec v;
	int err = evbuffer_reserve_space(out, (ev_ssize_t)all, &v, 1) == 1 ? 0 : -1;

	if (!err) {
		char *to = v.iov_base;

		memcpy(to, begin, head);
		memcpy(to + head, p, n);
		memcpy(to + head + n, "\r\n", 2);
		v.iov_len = all;
		err = evbuffer_commit_space(out, &v, 1);
	}
	queued(c, all, err);
}

static void write_chunks(struct conn *c, const char *p, size_t n)
{
	while (n > 0 && !c->rq->reply.broken) {
		size_t piece = n < CHUNK_MAX ? n : CHUNK_MAX;

		write_chunk(c, p, piece);
		p += piece;
		n -= piece;
	}
}

bool conn_write(struct conn *c, const void *p, size_t n)
{
	struct reply *r = &c->rq->reply;

	assert(r->head_done);
	if (n == 0)
		return !r->behind && !r->broken;
	switch (r->framing) {
	case REPLY_CHUNKED:
		write_chunks(c, p, n);
		break;
	case REPLY_LENGTH:
		if (n > r->left)
			n = (size_t)r->left;
		r->left -= n;
		conn_send(c, p, n);
		break;
	case REPLY_UNTIL_CLOSE:
		conn_send(c, p, n);
		break;
	case REPLY_DROPPED:
		break;
	}
	r->behind |= conn_queued(c) > c->gate->deps.limits.reply_high_water;
	return !r->behind && !r->broken;
}

bool conn_replying(const struct conn *c)
{
	return c->rq->reply.status != 0;
}

/* --- the end --- */

/* What is queued goes out; conn_run() sees to the rest where nothing is. */
static void flush(struct conn *c)
{
	c->ev = NULL;
	conn_set_state(c, CONN_FLUSH);
	if (conn_queued(c) == 0 || !c->reading)
		gate_later(c);
}

void conn_end(struct conn *c)
{
	const struct reply *r = &c->rq->reply;

	if (c->state == CONN_TUNNEL)
		conn_leave_tunnel(c);
	else
		assert(c->state == CONN_ACTIVE);
	if (!r->head_done || r->left > 0 || r->broken) {
		conn_abort(c);
		return;
	}
	if (r->framing == REPLY_CHUNKED)
		conn_send(c, "0\r\n\r\n", 5);
	flush(c);
}

void conn_abort(struct conn *c)
{
	if (c->state == CONN_TUNNEL)
		conn_leave_tunnel(c);
	c->aborted = true;
	conn_linger(c);
}

void conn_answer(struct conn *c, int status, struct headers extra,
		 struct str content_type, struct str body)
{
	conn_reply(c, status, (struct str){ NULL, 0 });
	for (size_t i = 0; i < extra.n; i++)
		conn_header(c, extra.v[i].name, extra.v[i].value);
	if (content_type.p)
		conn_header(c, STR("Content-Type"), content_type);
	conn_head_done(c, (int64_t)body.len);
	conn_write(c, body.p, body.len);
	conn_end(c);
}

void reply_refuse(struct conn *c, enum fault f, const char *why)
{
	const struct fault_info *info = fault_info(f);
	struct arena *a = arena_new(ERROR_ARENA);
	struct str body = { NULL, 0 }, head = { NULL, 0 }, none = { NULL, 0 };

	if (a) {
		body = error_body(none, f, why, none, a);
		head = arena_printf(a,
				    "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\n"
				    "Content-Length: %zu\r\n%sConnection: close\r\n\r\n",
				    info->status, usual_reason(info->status).p, body.len,
				    gate_date(c->gate).p);
	}
	c->gate->stats.refused[f]++;
	if (head.p && body.p) {
		conn_send(c, head.p, head.len);
		conn_send(c, body.p, body.len);
	}
	conn_linger(c);
	arena_free(a);
}
