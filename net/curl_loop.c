/*
 * curl_loop.c - libcurl's multi interface driven by a libevent loop.
 *
 * A connection that falls idle stays registered for reading: the next transfer
 * on it then needs no system call for that, and the server's close is seen at
 * once. libcurl offers no way to drop an idle connection, but it peeks at a
 * socket before it uses it again and leaves one that has ended alone. So a
 * connection that must not be used again is shut down here, and closed by
 * libcurl when it next looks.
 *
 * That is for connections only. A socket of libcurl's own, as its resolver has,
 * is closed without a word to us, and so is never left registered.
 */
#include "net/curl_loop.h"

#include "net/local_port.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct loop_socket {
	struct curl_loop *loop;
	struct event read, write;
	bool reading, writing; /* registered */
	bool connection;       /* opened by open_socket() */
	bool connected;        /* libcurl has waited for bytes on it */
	bool wanted;           /* libcurl waits for it */
	bool idle;
	LIST_ENTRY(loop_socket) link; /* while idle */
	int local_port; /* of a connection that was idle once; 0: not known */
};

/*
 * libcurl's own limit counts the connections in use as well and would close idle
 * ones whenever many are busy. Ours is max_idle.
 */
#define MAX_CONNECTIONS 1000000L

static void collect(struct curl_loop *l)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(l->multi, &left)) != NULL)
		if (m->msg == CURLMSG_DONE)
			l->events->done(l->arg, m->easy_handle, m->data.result);
}

static void turn(struct curl_loop *l, curl_socket_t fd, int ready)
{
	int running;

	l->inside = true;
	curl_multi_socket_action(l->multi, fd, ready, &running);
	l->inside = false;
	collect(l);
	l->events->settle(l->arg);
}

static void on_kick(evutil_socket_t fd, short what, void *arg)
{
	struct curl_loop *l = arg;

	(void)fd;
	(void)what;
	l->inside = l->starting = true;
	l->events->start(l->arg);
	l->starting = false;
	turn(l, CURL_SOCKET_TIMEOUT, 0);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	turn(arg, CURL_SOCKET_TIMEOUT, 0);
}

void curl_loop_kick(struct curl_loop *l)
{
	event_active(&l->kick, EV_TIMEOUT, 0);
}

/*
 * A timer that fires too early costs a look around, after which libcurl asks
 * anew; moving it at every request costs more. So it is only ever moved forward.
 */
static int on_timeout_wanted(CURLM *multi, long ms, void *arg)
{
	struct curl_loop *l = arg;
	uint64_t due;
	struct timeval tv;

	(void)multi;
	if (ms < 0 || l->starting) /* of start() a turn follows anyhow */
		return 0;
	if (ms == 0 && !l->inside) {
		curl_loop_kick(l);
		return 0;
	}
	due = clock_mono_ms(l->clock) + (uint64_t)ms;
	if (event_pending(&l->timer, EV_TIMEOUT, NULL) && l->timer_due <= due)
		return 0;
	l->timer_due = due;
	tv = (struct timeval){ .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
	return event_add(&l->timer, &tv);
}

static int set(struct event *ev, bool *is, bool wanted)
{
	if (*is == wanted)
		return 0;
	*is = wanted;
	return wanted ? event_add(ev, NULL) : event_del(ev);
}

static void set_idle(struct loop_socket *s, bool idle)
{
	if (s->idle == idle)
		return;
	s->idle = idle;
	if (idle) {
		LIST_INSERT_HEAD(&s->loop->idle, s, link);
		s->loop->n_idle++;
	} else {
		LIST_REMOVE(s, link);
		s->loop->n_idle--;
	}
}

/* What has been sent unasked goes too: else libcurl would find a live connection. */
static void end_idle(struct loop_socket *s)
{
	int fd = event_get_fd(&s->read);
	char sink[4096];

	set(&s->read, &s->reading, false);
	set_idle(s, false);
	shutdown(fd, SHUT_RDWR);
	while (recv(fd, sink, sizeof(sink), MSG_DONTWAIT) > 0)
		;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct loop_socket *s = arg;

	(void)what;
	if (s->idle)
		end_idle(s);
	else
		turn(s->loop, fd, CURL_CSELECT_IN);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct loop_socket *s = arg;

	(void)what;
	turn(s->loop, fd, CURL_CSELECT_OUT);
}

static int grow(struct curl_loop *l, size_t n)
{
	struct loop_socket **p = realloc(l->sockets, n * sizeof(struct loop_socket *));

	if (!p)
		return -ENOMEM;
	while (l->n_sockets < n)
		p[l->n_sockets++] = NULL;
	l->sockets = p;
	return 0;
}

/* The entry of a descriptor, made at its first use and then kept; or NULL. */
static struct loop_socket *socket_of(struct curl_loop *l, curl_socket_t fd)
{
	size_t i = (size_t)fd;
	struct loop_socket *s;

	if (i >= l->n_sockets && grow(l, i + 64) != 0)
		return NULL;
	if (l->sockets[i])
		return l->sockets[i];
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->loop = l;
	event_assign(&s->read, l->base, fd, EV_READ | EV_PERSIST, on_readable, s);
	event_assign(&s->write, l->base, fd, EV_WRITE | EV_PERSIST, on_writable, s);
	return l->sockets[i] = s;
}

static void unregister(struct loop_socket *s)
{
	set(&s->read, &s->reading, false);
	set(&s->write, &s->writing, false);
	set_idle(s, false);
}

static int fall_idle(struct loop_socket *s)
{
	if (!s->local_port)
		s->local_port = local_port(event_get_fd(&s->read));
	set(&s->write, &s->writing, false);
	if (set(&s->read, &s->reading, true) != 0)
		return -1;
	set_idle(s, true);
	if (s->loop->n_idle > s->loop->max_idle)
		end_idle(s);
	return 0;
}

static int on_socket_wanted(CURL *easy, curl_socket_t fd, int what, void *arg, void *own)
{
	struct curl_loop *l = arg;
	struct loop_socket *s = socket_of(l, fd);
	bool held = false;

	(void)own;
	if (!s)
		return -1;
	s->wanted = what != CURL_POLL_REMOVE;
	s->connected = s->connected || (s->wanted && (what & CURL_POLL_IN));
	if (s->connection && !(what & CURL_POLL_IN))
		held = l->events->unread(l->arg, easy, fd);
	if (what == CURL_POLL_REMOVE) {
		/*
		 * A socket that is still connecting is closed by libcurl 7.88 itself,
		 * before it says so: its number may be another's already.
		 */
		if (!s->connected)
			s->connection = false;
		if (s->connection && !held)
			return fall_idle(s);
		unregister(s);
		return 0;
	}
	set_idle(s, false);
	if (set(&s->read, &s->reading, what & CURL_POLL_IN) != 0)
		return -1;
	return set(&s->write, &s->writing, what & CURL_POLL_OUT);
}

struct loop_socket *curl_loop_take(struct curl_loop *l, int port)
{
	struct loop_socket *s;

	LIST_FOREACH (s, &l->idle, link)
		if (s->local_port == port)
			break;
	if (s)
		unregister(s);
	return s;
}

void curl_loop_release(struct loop_socket *s)
{
	if (s && s->connection && !s->wanted && !s->idle)
		fall_idle(s);
}

static curl_socket_t open_socket(void *arg, curlsocktype purpose,
				 struct curl_sockaddr *addr)
{
	struct curl_loop *l = arg;
	struct loop_socket *s;
	int fd = socket(addr->family, addr->socktype | SOCK_CLOEXEC, addr->protocol);

	(void)purpose;
	if (fd < 0)
		return CURL_SOCKET_BAD;
	s = socket_of(l, fd);
	if (!s) {
		close(fd);
		return CURL_SOCKET_BAD;
	}
	s->connection = true;
	s->connected = s->wanted = false;
	s->local_port = 0;
	l->connects++;
	return fd;
}

static int close_socket(void *arg, curl_socket_t fd)
{
	struct curl_loop *l = arg;
	struct loop_socket *s = l->sockets[fd];

	unregister(s);
	s->connection = false;
	return close(fd);
}

CURLcode curl_loop_own_sockets(struct curl_loop *l, CURL *easy)
{
	CURLcode rc = curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);

	if (!rc)
		rc = curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, l);
	if (!rc)
		rc = curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
	if (!rc)
		rc = curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, l);
	return rc;
}

int curl_loop_init(struct curl_loop *l, struct event_base *base,
		   const struct clock *clock, size_t max_idle,
		   const struct curl_loop_events *events, void *arg)
{
	*l = (struct curl_loop){ .base = base,
				 .clock = clock,
				 .max_idle = max_idle,
				 .events = events,
				 .arg = arg };
	LIST_INIT(&l->idle);
	l->multi = curl_multi_init();
	if (!l->multi)
		return -ENOMEM;
	event_assign(&l->timer, base, -1, 0, on_timer, l);
	event_assign(&l->kick, base, -1, 0, on_kick, l);
	curl_multi_setopt(l->multi, CURLMOPT_SOCKETFUNCTION, on_socket_wanted);
	curl_multi_setopt(l->multi, CURLMOPT_SOCKETDATA, l);
	curl_multi_setopt(l->multi, CURLMOPT_TIMERFUNCTION, on_timeout_wanted);
	curl_multi_setopt(l->multi, CURLMOPT_TIMERDATA, l);
	curl_multi_setopt(l->multi, CURLMOPT_MAXCONNECTS, MAX_CONNECTIONS);
	curl_multi_setopt(l->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
	return 0;
}

void curl_loop_done(struct curl_loop *l)
{
	curl_multi_cleanup(l->multi);
	event_del(&l->timer);
	event_del(&l->kick);
	for (size_t i = 0; i < l->n_sockets; i++)
		free(l->sockets[i]);
	free(l->sockets);
}
