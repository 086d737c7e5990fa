/* support.c - a scripted HTTP server on the test's own loop, and a recorder of replies.
 */
#include "support.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* --- the server ------------------------------------------------------------ */

static size_t body_end(const char *head, const char *body, size_t n)
{
	const char *length = strcasestr(head, "content-length:");
	const char *last;
	size_t want;

	if (length && length < body) {
		want = strtoul(length + 15, NULL, 10);
		return want <= n ? want : SIZE_MAX;
	}
	length = strcasestr(head, "transfer-encoding: chunked");
	if (!length || length > body)
		return 0;
	last = strstr(body, "0\r\n\r\n");
	return last ? (size_t)(last - body) + 5 : SIZE_MAX;
}

static void keep_last(struct env *e, const char *text, size_t n)
{
	buf_reset(&e->last);
	buf_add(&e->last, text, n);
}

/* The length of the request at the front, or 0 when it is not whole. */
static size_t whole_request(struct peer *p)
{
	const char *text = p->in.p;
	const char *end = strstr(text, "\r\n\r\n");
	size_t head, body;

	if (!end)
		return 0;
	head = (size_t)(end + 4 - text);
	if (!p->head_seen) {
		p->head_seen = true;
		keep_last(p->env, text, head);
		if (p->env->at_head)
			p->env->at_head(p);
	}
	body = body_end(text, end + 4, p->in.len - head);
	return body == SIZE_MAX ? 0 : head + body;
}

static void on_peer_read(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	struct peer *p = arg;
	size_t n;

	buf_add(&p->in, evbuffer_pullup(in, -1), evbuffer_get_length(in));
	evbuffer_drain(in, evbuffer_get_length(in));
	while (p->bev && p->in.len > 0 && (n = whole_request(p)) > 0) {
		keep_last(p->env, p->in.p, n);
		memmove(p->in.p, p->in.p + n, p->in.len - n + 1);
		p->in.len -= n;
		p->head_seen = false;
		p->served++;
		p->env->requests++;
		if (p->bev && p->env->serve)
			p->env->serve(p);
	}
}

static void forget(struct peer *p)
{
	bufferevent_free(p->bev);
	p->bev = NULL;
}

static void on_peer_sent(struct bufferevent *bev, void *arg)
{
	(void)bev;
	forget(arg);
}

static void on_peer_event(struct bufferevent *bev, short what, void *arg)
{
	struct peer *p = arg;

	(void)bev;
	if (!(what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)))
		return;
	p->env->closed++;
	forget(p);
}

static void on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *sa,
		      int len, void *arg)
{
	struct env *e = arg;
	struct peer *p;

	(void)l;
	(void)sa;
	(void)len;
	assert_true(e->accepted < MAX_PEERS);
	p = &e->peers[e->accepted++];
	*p = (struct peer){ .env = e };
	buf_init(&p->in, 64 << 20);
	p->bev = bufferevent_socket_new(e->base, fd, BEV_OPT_CLOSE_ON_FREE);
	assert_non_null(p->bev);
	bufferevent_setcb(p->bev, on_peer_read, NULL, on_peer_event, p);
	bufferevent_enable(p->bev, EV_READ | EV_WRITE);
}

void peer_send_bytes(struct peer *p, const void *bytes, size_t n)
{
	if (p->bev)
		bufferevent_write(p->bev, bytes, n);
}

void peer_send(struct peer *p, const char *text)
{
	peer_send_bytes(p, text, strlen(text));
}

void peer_close(struct peer *p)
{
	if (!p->bev)
		return;
	bufferevent_disable(p->bev, EV_READ);
	if (evbuffer_get_length(bufferevent_get_output(p->bev)) == 0)
		forget(p);
	else
		bufferevent_setcb(p->bev, NULL, on_peer_sent, on_peer_event, p);
}

void peer_reset(struct peer *p)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(bufferevent_getfd(p->bev), SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	forget(p);
}

void serve_script(struct peer *p)
{
	peer_send(p, p->env->script);
}

void serve_script_and_close(struct peer *p)
{
	serve_script(p);
	peer_close(p);
}

/* --- the loop -------------------------------------------------------------- */

static void on_alarm(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	((struct env *)arg)->late = true;
}

void env_rest(struct env *e)
{
	struct timeval tv = { .tv_sec = 10 };

	e->late = false;
	event_add(e->alarm, &tv);
}

bool env_turn(struct env *e)
{
	event_base_loop(e->base, EVLOOP_ONCE);
	return !e->late;
}

static void listen_somewhere(struct env *e)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sa);

	e->listener = evconnlistener_new_bind(e->base, on_accept, e,
					      LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE,
					      64, (struct sockaddr *)&sa, sizeof(sa));
	assert_non_null(e->listener);
	assert_int_equal(getsockname(evconnlistener_get_fd(e->listener),
				     (struct sockaddr *)&sa, &len),
			 0);
	snprintf(e->url, sizeof(e->url), "http://127.0.0.1:%d", ntohs(sa.sin_port));
}

void env_init(struct env *e, const struct upstream_config *cfg)
{
	struct event_config *config = event_config_new();
	struct upstream_config c = *cfg;
	struct log log = { 0 };
	char url[128];

	signal(SIGPIPE, SIG_IGN);
	memset(e, 0, sizeof(*e));
	/* as the program runs it */
	event_config_set_flag(config, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
	e->base = event_base_new_with_config(config);
	event_config_free(config);
	assert_non_null(e->base);
	e->alarm = event_new(e->base, -1, 0, on_alarm, e);
	buf_init(&e->last, 64 << 20);
	listen_somewhere(e);
	snprintf(url, sizeof(url), "%s%s", e->url, c.url ? c.url : "");
	c.url = url;
	assert_int_equal(upstream_curl_new(e->base, &c, &clock_system, &log, &e->up), 0);
}

void env_done(struct env *e)
{
	upstream_free(e->up);
	for (int i = 0; i < e->accepted; i++) {
		if (e->peers[i].bev)
			bufferevent_free(e->peers[i].bev);
		buf_done(&e->peers[i].in);
	}
	if (e->listener)
		evconnlistener_free(e->listener);
	event_free(e->alarm);
	event_base_free(e->base);
	buf_done(&e->last);
}

/* --- the recorder ---------------------------------------------------------- */

void call_cancel(struct call *c)
{
	c->cancelled = true;
	op_cancel(c->op);
	c->op = NULL;
}

static void on_head(void *arg, const struct upstream_reply *reply)
{
	struct call *c = arg;

	assert_false(c->cancelled);
	assert_int_equal(c->heads, 0);
	assert_int_equal(c->received, 0);
	c->heads++;
	c->status = reply->status;
	c->length = reply->length;
	buf_add_str(&c->reason, reply->reason);
	for (size_t i = 0; i < reply->headers.n; i++)
		buf_printf(&c->headers, "%.*s: %.*s\n", STR_ARG(reply->headers.v[i].name),
			   STR_ARG(reply->headers.v[i].value));
	if (c->cancel_at_head)
		call_cancel(c);
}

static enum upstream_flow on_body(void *arg, const void *p, size_t n)
{
	struct call *c = arg;

	assert_false(c->cancelled);
	assert_false(c->paused);
	assert_int_equal(c->heads, 1);
	c->pieces++;
	c->received += n;
	if (c->keep_body)
		buf_add(&c->body, p, n);
	if (c->at_body)
		c->at_body(c);
	if (c->cancel_at_body)
		call_cancel(c);
	c->paused = c->pause_always;
	return c->paused ? UPSTREAM_PAUSE : UPSTREAM_GO;
}

static void on_end(void *arg, enum fault fault, const char *detail)
{
	struct call *c = arg;

	assert_false(c->cancelled);
	c->ends++;
	c->fault = fault;
	snprintf(c->detail, sizeof(c->detail), "%s", detail ? detail : "");
	if (c->cancel_at_end)
		call_cancel(c);
	c->op = NULL;
	if (c->at_end)
		c->at_end(c);
}

void call_resume(struct call *c)
{
	c->paused = false;
	if (c->op)
		upstream_resume(c->op);
}

static const struct upstream_events recorder = { .on_head = on_head,
						 .on_body = on_body,
						 .on_end = on_end };

void call_init(struct call *c, struct env *e)
{
	memset(c, 0, sizeof(*c));
	c->env = e;
	c->keep_body = true;
	c->length = -2;
	buf_init(&c->reason, 1024);
	buf_init(&c->headers, 1 << 20);
	buf_init(&c->body, 64 << 20);
}

void call_done(struct call *c)
{
	buf_done(&c->reason);
	buf_done(&c->headers);
	buf_done(&c->body);
}

void call_send(struct call *c, const struct upstream_request *rq)
{
	c->op = upstream_send(c->env->up, rq, &recorder, c);
	assert_non_null(c->op);
	assert_int_equal(c->heads + c->ends, 0); /* never inline */
}

void call_get(struct call *c, const char *target)
{
	struct upstream_request rq = { .method = STR("GET"), .target = str_from(target) };

	call_send(c, &rq);
}

static ssize_t read_text(void *arg, void *p, size_t n)
{
	memcpy(p, arg, n);
	return (ssize_t)n;
}

void call_post(struct call *c, const char *target, const char *text)
{
	struct upstream_body body = { (int64_t)strlen(text), read_text,
				      (void *)(uintptr_t)text };
	struct upstream_request rq = { .method = STR("POST"),
				       .target = str_from(target),
				       .body = &body };

	call_send(c, &rq);
}

void assert_buf(const struct buf *b, const char *text)
{
	struct str s = buf_str(b);

	if (!str_eq(s, str_from(text)))
		fail_msg("'%.*s' is not '%s'", STR_ARG(s), text);
}

/* --- a request body -------------------------------------------------------- */

static ssize_t read_source(void *arg, void *p, size_t n)
{
	struct source *s = arg;
	size_t total = s->n * (s->repeat ? s->repeat : 1);
	size_t left = (s->available < total ? s->available : total) - s->at;

	s->reads++;
	if (left == 0 && s->at < total)
		return UPSTREAM_BODY_WAIT;
	if (left == 0)
		return s->aborts ? UPSTREAM_BODY_ABORT : UPSTREAM_BODY_END;
	if (n > left)
		n = left;
	for (size_t i = 0; i < n; i++)
		((char *)p)[i] = s->p[s->at++ % s->n];
	return (ssize_t)n;
}

struct upstream_body source_body(struct source *s, int64_t length)
{
	return (struct upstream_body){ length, read_source, s };
}

void call_upload(struct call *c, struct source *s, int64_t length)
{
	struct upstream_body body = source_body(s, length);
	struct upstream_request rq = { .method = STR("POST"),
				       .target = STR("/"),
				       .body = &body };

	call_send(c, &rq);
}

/* --- the fixture ----------------------------------------------------------- */

const struct upstream_config plain_config = { .connect_timeout_ms = 9000,
					      .first_byte_timeout_ms = 0,
					      .max_idle = 8 };

int fixture_new(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	env_init(&f->env, &plain_config);
	f->env.serve = serve_script;
	f->env.script = HELLO;
	call_init(&f->call, &f->env);
	call_init(&f->other, &f->env);
	f->call.other = &f->other;
	*state = f;
	return 0;
}

int fixture_free(void **state)
{
	struct fixture *f = *state;

	call_done(&f->call);
	call_done(&f->other);
	env_done(&f->env);
	free(f);
	return 0;
}

void again(struct fixture *f)
{
	call_done(&f->call);
	call_init(&f->call, &f->env);
	f->call.other = &f->other;
}

void wait_for_end(struct fixture *f)
{
	WAIT_FOR(&f->env, f->call.ends == 1);
}

void turn_a_while(struct fixture *f)
{
	struct timeval tv = { .tv_usec = 20000 };

	event_base_loopexit(f->env.base, &tv);
	event_base_loop(f->env.base, 0);
}

void serve_large(struct peer *p)
{
	char *bytes = malloc(LARGE);

	memset(bytes, 'x', LARGE);
	peer_send(p, p->env->script);
	peer_send_bytes(p, bytes, LARGE);
	free(bytes);
}
