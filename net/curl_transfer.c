/* curl_transfer.c - one request on a libcurl handle, and its reply. */
#include "net/curl_transfer.h"

#include "net/curl_loop.h"
#include "net/h1_parse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define REPLY_HEAD_MAX 262144
/* What a transfer may keep while it is not in use. */
#define KEEP_BLOCK 32768
#define KEEP_HEAD  16384

static const struct h1_limits reply_limits = { .line = REPLY_HEAD_MAX,
					       .head = REPLY_HEAD_MAX,
					       .headers = H1_MAX_HEADERS };

/* --- what libcurl calls ---------------------------------------------------- */

/* Remembers what went wrong; libcurl is told by the callback's result. */
static bool fail(struct transfer *t, enum fault fault, const char *detail)
{
	t->run.fault = fault;
	t->run.detail = detail;
	return false;
}

static int64_t announced_length(const struct h1_head *head, struct headers kept)
{
	uint64_t n;

	if (head->body == H1_BODY_LENGTH)
		return (int64_t)head->length;
	if (head->body == H1_BODY_NONE &&
	    str_to_u64(headers_get(kept, STR("content-length")), &n))
		return (int64_t)n;
	return -1;
}

static bool hand_on_head(struct transfer *t, struct h1_head *head)
{
	struct upstream_reply reply = { .status = head->status, .reason = head->reason };
	size_t n = 0;

	for (size_t i = 0; i < head->n_headers; i++)
		if (!head->hop[i])
			head->headers[n++] = head->headers[i];
	reply.headers = (struct headers){ head->headers, n };
	reply.length = announced_length(head, reply.headers);
	t->run.head_done = true;
	t->run.length = head->body == H1_BODY_LENGTH ? reply.length : -1;
	t->run.ev->on_head(t->run.arg, &reply);
	return !t->run.cancelled;
}

/* An empty line has ended a head: of the reply, or of a 1xx before it. */
static bool take_head(struct transfer *t)
{
	struct h1_head *head = &t->shared->head;
	const char *why;

	if (h1_parse_reply(t->head.p, t->head.len, &reply_limits,
			   t->kind == TRANSFER_HEAD, head, &why) != FAULT_NONE)
		return fail(t, FAULT_UPSTREAM_PROTOCOL, why);
	if (head->status == 101)
		return fail(t, FAULT_UPSTREAM_PROTOCOL,
			    "a switch of protocols that was not asked for");
	if (head->status < 200) {
		buf_reset(&t->head);
		return true;
	}
	if (!head->keep_alive) {
		t->no_reuse = true;
		curl_easy_setopt(t->easy, CURLOPT_FORBID_REUSE, 1L);
	}
	return hand_on_head(t, head);
}

/* Each line of each head, and those of trailers, which are not handed on. */
static size_t on_line(char *p, size_t one, size_t n, void *arg)
{
	struct transfer *t = arg;
	bool good;

	(void)one;
	if (t->run.cancelled)
		return 0;
	if (t->run.head_done)
		return n;
	if (buf_add(&t->head, p, n) != 0)
		good = fail(t, FAULT_UPSTREAM_PROTOCOL, "the reply's head is too large");
	else
		good = (*p != '\r' && *p != '\n') || take_head(t);
	return good ? n : 0;
}

/*
 * PAUSE means "taken, but no more". Told to wait, libcurl keeps what it offered;
 * so it is told when it offers the next piece, and holds that one piece (of at
 * most its 16 KiB buffer) until the transfer goes on.
 */
static size_t on_content(char *p, size_t one, size_t n, void *arg)
{
	struct transfer *t = arg;

	(void)one;
	if (t->run.cancelled)
		return 0;
	if (t->run.paused) {
		t->run.recv_held = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	t->run.received += n;
	if (t->run.ev->on_body(t->run.arg, p, n) == UPSTREAM_PAUSE)
		t->run.paused = true;
	return t->run.cancelled ? 0 : n;
}

void transfer_moved(struct transfer *t)
{
	t->run.moved_ms = clock_mono_ms(t->shared->clock);
}

static size_t read_ended(struct transfer *t, ssize_t got)
{
	if (got == UPSTREAM_BODY_WAIT) {
		t->run.send_held = true;
		return CURL_READFUNC_PAUSE;
	}
	if (got == UPSTREAM_BODY_END && t->run.body.length < 0) {
		t->run.body_done = true;
		return 0;
	}
	fail(t, FAULT_BAD_REQUEST, "the request's body is not whole");
	return CURL_READFUNC_ABORT;
}

static size_t read_early(struct transfer *t, char *p, size_t n)
{
	size_t left = t->run.early - t->run.early_sent;

	if (n > left)
		n = left;
	memcpy(p, t->early_body + t->run.early_sent, n);
	t->run.early_sent += n;
	return n;
}

static size_t on_read(char *p, size_t one, size_t n, void *arg)
{
	struct transfer *t = arg;
	struct transfer_run *r = &t->run;
	ssize_t got;

	(void)one;
	if (r->cancelled)
		return CURL_READFUNC_ABORT;
	transfer_moved(t);
	if (r->early_sent < r->early)
		return read_early(t, p, n);
	if (r->body.length >= 0 && n > (uint64_t)r->body.length - r->body_read)
		n = (size_t)((uint64_t)r->body.length - r->body_read);
	got = r->body.read(r->body.arg, p, n);
	if (r->cancelled)
		return CURL_READFUNC_ABORT;
	if (got <= 0)
		return read_ended(t, got);
	r->body_read += (uint64_t)got;
	if (r->body.length >= 0 && r->body_read == (uint64_t)r->body.length)
		r->body_done = true;
	return (size_t)got;
}

/* A body is read once. */
static int on_seek(void *arg, curl_off_t offset, int origin)
{
	(void)arg;
	(void)offset;
	(void)origin;
	return CURL_SEEKFUNC_FAIL;
}

static long bytes_sent(const struct transfer *t)
{
	long n = 0;

	curl_easy_getinfo(t->easy, CURLINFO_REQUEST_SIZE, &n);
	return n;
}

/*
 * libcurl repeats any request, body and all, when a kept connection dies before
 * a byte of the reply has come, though the server may have acted on it. Here it
 * may where nothing was sent, and where the method is safe and has no body
 * (RFC 9110 section 9.2.2).
 */
static bool may_send_again(const struct transfer *t)
{
	if (bytes_sent(t) == 0)
		return true;
	return t->kind == TRANSFER_HEAD ||
	       (t->kind == TRANSFER_GET &&
		(strcmp(t->method, "GET") == 0 || strcmp(t->method, "OPTIONS") == 0));
}

/* There is a connection, and the head goes out next. */
static int on_connected(void *arg, char *ip, char *local_ip, int port, int local_port)
{
	struct transfer *t = arg;

	(void)ip;
	(void)local_ip;
	(void)port;
	t->run.socket = curl_loop_take(t->shared->loop, local_port);
	if (t->run.cancelled)
		return CURL_PREREQFUNC_ABORT;
	if (t->run.again && !may_send_again(t)) {
		fail(t, FAULT_UPSTREAM_CLOSED, "the connection closed before a reply");
		return CURL_PREREQFUNC_ABORT;
	}
	t->run.again = true;
	t->run.connected = true;
	transfer_moved(t);
	return CURL_PREREQFUNC_OK;
}

/* --- what all share -------------------------------------------------------- */

static bool has_part(CURLU *url, CURLUPart part)
{
	char *text = NULL;
	bool has = curl_url_get(url, part, &text, 0) == CURLUE_OK;

	curl_free(text);
	return has;
}

static bool is_http(CURLU *url)
{
	char *scheme = NULL;
	bool is = curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
		  (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);

	curl_free(scheme);
	return is;
}

/* The path becomes every target's prefix; libcurl is left with scheme and authority. */
static int split_url(struct transfer_shared *s, const char *text)
{
	CURLUcode rc = curl_url_set(s->url, CURLUPART_URL, text,
				    CURLU_DISALLOW_USER | CURLU_PATH_AS_IS);

	if (!rc && (!is_http(s->url) || has_part(s->url, CURLUPART_QUERY) ||
		    has_part(s->url, CURLUPART_FRAGMENT)))
		return -EINVAL;
	if (!rc)
		rc = curl_url_get(s->url, CURLUPART_PATH, &s->path, 0);
	if (!rc)
		rc = curl_url_set(s->url, CURLUPART_PATH, "/", 0);
	if (rc)
		return rc == CURLUE_OUT_OF_MEMORY ? -ENOMEM : -EINVAL;
	return h1_is_target(str_from(s->path)) ? 0 : -EINVAL;
}

int transfer_shared_init(struct transfer_shared *s, const struct upstream_config *cfg,
			 const struct clock *clock)
{
	int rc;

	s->clock = clock;
	s->connect_timeout_ms = (long)cfg->connect_timeout_ms;
	s->path = NULL;
	s->url = curl_url();
	if (!s->url)
		return -ENOMEM;
	rc = split_url(s, cfg->url);
	if (rc) {
		transfer_shared_done(s);
		return rc;
	}
	s->prefix = str_from(s->path);
	while (s->prefix.len > 0 && s->prefix.p[s->prefix.len - 1] == '/')
		s->prefix.len--;
	return 0;
}

void transfer_shared_done(struct transfer_shared *s)
{
	curl_free(s->path);
	curl_url_cleanup(s->url);
}

/* --- the handle ------------------------------------------------------------ */

static CURLcode set_callbacks(struct transfer *t)
{
	CURLcode rc = CURLE_OK;

	SET_OPTION(rc, t->easy, CURLOPT_PRIVATE, t);
	SET_OPTION(rc, t->easy, CURLOPT_HEADERFUNCTION, on_line);
	SET_OPTION(rc, t->easy, CURLOPT_HEADERDATA, t);
	SET_OPTION(rc, t->easy, CURLOPT_WRITEFUNCTION, on_content);
	SET_OPTION(rc, t->easy, CURLOPT_WRITEDATA, t);
	SET_OPTION(rc, t->easy, CURLOPT_READFUNCTION, on_read);
	SET_OPTION(rc, t->easy, CURLOPT_READDATA, t);
	SET_OPTION(rc, t->easy, CURLOPT_SEEKFUNCTION, on_seek);
	SET_OPTION(rc, t->easy, CURLOPT_PREREQFUNCTION, on_connected);
	SET_OPTION(rc, t->easy, CURLOPT_PREREQDATA, t);
	SET_OPTION(rc, t->easy, CURLOPT_ERRORBUFFER, t->error);
	return rc;
}

/* Everything that is the same for every request; nothing here decides for the client. */
static CURLcode set_constants(struct transfer *t)
{
	CURLcode rc = CURLE_OK;

	/* not as a text, which libcurl would parse for every request */
	SET_OPTION(rc, t->easy, CURLOPT_CURLU, t->shared->url);
	SET_OPTION(rc, t->easy, CURLOPT_CONNECTTIMEOUT_MS, t->shared->connect_timeout_ms);
	SET_OPTION(rc, t->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	SET_OPTION(rc, t->easy, CURLOPT_PROXY, ""); /* not from the environment */
	SET_OPTION(rc, t->easy, CURLOPT_NOSIGNAL, 1L);
	/* else to cancel during a name's resolution waits for its thread */
	SET_OPTION(rc, t->easy, CURLOPT_QUICK_EXIT, 1L);
	SET_OPTION(rc, t->easy, CURLOPT_FOLLOWLOCATION, 0L);
	SET_OPTION(rc, t->easy, CURLOPT_PATH_AS_IS, 1L);
	SET_OPTION(rc, t->easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	SET_OPTION(rc, t->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET_OPTION(rc, t->easy, CURLOPT_HTTP_CONTENT_DECODING, 0L);
	SET_OPTION(rc, t->easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	SET_OPTION(rc, t->easy, CURLOPT_TCP_NODELAY, 1L);
	SET_OPTION(rc, t->easy, CURLOPT_TCP_KEEPALIVE, 1L);
	SET_OPTION(rc, t->easy, CURLOPT_BUFFERSIZE, 16384L);
	/* uvicorn closes a connection after 5 s; libcurl counts whole seconds, so
	 * that this is "not after 4". */
	SET_OPTION(rc, t->easy, CURLOPT_MAXAGE_CONN, 3L);
	return rc;
}

struct transfer *transfer_new(struct transfer_shared *shared)
{
	struct transfer *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->shared = shared;
	buf_init(&t->head, REPLY_HEAD_MAX);
	t->easy = curl_easy_init();
	if (t->easy && !set_callbacks(t) && !set_constants(t))
		return t;
	transfer_free(t);
	return NULL;
}

void transfer_free(struct transfer *t)
{
	curl_easy_cleanup(t->easy);
	buf_done(&t->head);
	free(t->block);
	free(t);
}

void transfer_reset(struct transfer *t)
{
	if (t->no_reuse)
		curl_easy_setopt(t->easy, CURLOPT_FORBID_REUSE, 0L);
	t->no_reuse = false;
	buf_reset(&t->head);
	if (t->head.cap > KEEP_HEAD)
		buf_done(&t->head);
	if (t->block_size > KEEP_BLOCK) {
		free(t->block);
		t->block = NULL;
		t->block_size = 0;
	}
}

/* --- the end --------------------------------------------------------------- */

static enum fault verdict_before(CURLcode rc)
{
	switch (rc) {
	case CURLE_OPERATION_TIMEDOUT:
		return FAULT_UPSTREAM_CONNECT_TIMEOUT;
	case CURLE_OUT_OF_MEMORY:
		return FAULT_INTERNAL;
	default:
		return FAULT_UPSTREAM_CONNECT;
	}
}

static enum fault verdict_after(CURLcode rc)
{
	switch (rc) {
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_OUT_OF_MEMORY: /* so it calls a line of more than 100 KB */
	case CURLE_BAD_CONTENT_ENCODING:
		return FAULT_UPSTREAM_PROTOCOL;
	default:
		return FAULT_UPSTREAM_CLOSED;
	}
}

enum fault transfer_verdict(struct transfer *t, CURLcode rc, const char **detail)
{
	const struct transfer_run *r = &t->run;

	*detail = "";
	if (rc == CURLE_OK && r->head_done)
		return FAULT_NONE;
	*detail = r->fault ? r->detail : *t->error ? t->error : curl_easy_strerror(rc);
	if (r->head_done)
		return FAULT_UPSTREAM_CUT;
	if (r->fault)
		return r->fault;
	return bytes_sent(t) == 0 ? verdict_before(rc) : verdict_after(rc);
}
