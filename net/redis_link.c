/* redis_link.c - one connection to a Redis, kept up: commands out, replies back in order.
 */
#include "net/redis_link.h"

#include "net/redis_codec.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/dns.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>

const struct redis_link_limits redis_link_limits = {
	.connect_ms = 3000,
	.command_ms = 3000,
	.retry_min_ms = 50,
	.retry_max_ms = 3000,
	.reply_bytes = (size_t)256 << 20,
	.queued_bytes = (size_t)64 << 20,
};

/* What one turn of the loop moves at most: a long text is not to keep others. */
enum { STEP_BYTES = 256 * 1024 };

/* A command whose reply is awaited. */
struct command {
	struct op op;
	redis_link_cb *cb; /* NULL: cancelled */
	void *arg;
	TAILQ_ENTRY(command) entry;
};

TAILQ_HEAD(commands, command);

struct redis_link {
	struct event_base *base;
	const struct rng *rng;
	struct redis_address addr;
	struct redis_link_limits limits;
	const struct redis_link_owner *owner;
	void *arg;
	enum redis_link_state state;
	struct bufferevent *bev;     /* NULL: there is no connection */
	struct redis_codec *codec;   /* lives and dies with bev */
	struct evdns_base *dns;      /* made when a name has to be looked up again */
	struct event *watch, *retry; /* deadlines; the next attempt */
	struct commands commands;    /* in the order of their replies */
	size_t n_commands;
	unsigned wait_ms; /* before the attempt after the next failure; 0: none */
	bool connected;   /* what follows is the greeting */
	bool in_connect;  /* libevent may tell of a failure before it returns */
	bool moved;       /* was up once on another loop: names may not block any more */
	char why[256];
};

static struct timeval timeval_of(unsigned ms)
{
	return (struct timeval){ .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000L };
}

static void arm(struct event *ev, unsigned ms)
{
	const struct timeval tv = timeval_of(ms);

	event_add(ev, &tv);
}

/* --- the connection's end --------------------------------------------------- */

static void hang_up(struct redis_link *l)
{
	event_del(l->watch);
	if (l->bev != NULL)
		bufferevent_free(l->bev);
	redis_codec_free(l->codec);
	l->bev = NULL;
	l->codec = NULL;
	l->connected = false;
}

/* Those there are now: a callback may send another, which is refused at once. */
static void end_commands(struct redis_link *l, int status)
{
	struct command *c;

	while ((c = TAILQ_FIRST(&l->commands)) != NULL) {
		TAILQ_REMOVE(&l->commands, c, entry);
		l->n_commands--;
		if (c->cb != NULL)
			c->cb(c->arg, status, NULL);
		free(c);
	}
}

/* Half to the whole of the wait, so that many proxies do not come back at one moment. */
static unsigned next_wait(struct redis_link *l)
{
	unsigned wait = l->wait_ms, random;

	l->wait_ms = wait ? 2 * wait : l->limits.retry_min_ms;
	if (l->wait_ms > l->limits.retry_max_ms)
		l->wait_ms = l->limits.retry_max_ms;
	rng_fill(l->rng, &random, sizeof(random));
	return wait ? wait / 2 + random % (wait / 2 + 1) : 0;
}

static void lose(struct redis_link *l, int status)
{
	unsigned wait;

	hang_up(l);
	wait = next_wait(l);
	/* Tried again at once, those who come now may as well wait for that. */
	l->state = wait ? REDIS_LINK_WAITING : REDIS_LINK_CONNECTING;
	arm(l->retry, wait);
	end_commands(l, status == -EACCES ? -EIO : status);
	l->owner->down(l->arg, status, l->why);
}

__attribute__((format(printf, 3, 4))) static void fail(struct redis_link *l, int status,
						       const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(l->why, sizeof(l->why), fmt, ap);
	va_end(ap);
	lose(l, status);
}

static void on_watch(evutil_socket_t fd, short what, void *arg)
{
	struct redis_link *l = arg;

	(void)fd;
	(void)what;
	if (l->state == REDIS_LINK_UP)
		fail(l, -ETIMEDOUT, "no answer within %u ms", l->limits.command_ms);
	else
		fail(l, -ETIMEDOUT, "not connected within %u ms", l->limits.connect_ms);
}

/* --- commands and replies --------------------------------------------------- */

static void command_cancel(struct op *op)
{
	((struct command *)op)->cb = NULL;
}

static const struct op_ops command_ops = { .cancel = command_cancel };

static struct op *push(struct redis_link *l, int argc, const struct str *argv,
		       redis_link_cb *cb, void *arg)
{
	struct command *c = calloc(1, sizeof(*c));
	struct evbuffer *out = bufferevent_get_output(l->bev);

	if (c == NULL || redis_codec_write(out, argc, argv) < 0) {
		free(c);
		cb(arg, -ENOMEM, NULL);
		return NULL;
	}
	c->op.ops = &command_ops;
	c->cb = cb;
	c->arg = arg;
	TAILQ_INSERT_TAIL(&l->commands, c, entry);
	if (l->n_commands++ == 0 && l->state == REDIS_LINK_UP)
		arm(l->watch, l->limits.command_ms);
	return &c->op;
}

struct op *redis_link_send(struct redis_link *l, int argc, const struct str *argv,
			   redis_link_cb *cb, void *arg)
{
	if (l->state == REDIS_LINK_UP &&
	    evbuffer_get_length(bufferevent_get_output(l->bev)) <= l->limits.queued_bytes)
		return push(l, argc, argv, cb, arg);
	cb(arg, -EIO, NULL);
	return NULL;
}

size_t redis_link_pending(const struct redis_link *l)
{
	return l->n_commands;
}

static void take_reply(struct redis_link *l, struct redisReply *reply)
{
	struct command *c = TAILQ_FIRST(&l->commands);

	TAILQ_REMOVE(&l->commands, c, entry);
	if (--l->n_commands == 0 && l->state == REDIS_LINK_UP)
		event_del(l->watch);
	if (c->cb != NULL)
		c->cb(c->arg, 0, reply);
	free(c);
	redis_codec_free_reply(reply);
}

/* It moves: the deadline counts from here. */
static void note_progress(struct redis_link *l)
{
	if (l->state == REDIS_LINK_UP && l->n_commands > 0)
		arm(l->watch, l->limits.command_ms);
}

static void on_sent(struct evbuffer *out, const struct evbuffer_cb_info *info, void *arg)
{
	(void)out;
	if (info->n_deleted > 0)
		note_progress(arg);
}

/* A callback may end the connection, and with it the codec. */
static void on_read(struct bufferevent *bev, void *arg)
{
	struct redis_link *l = arg;
	struct redisReply *reply;
	int rc;

	note_progress(l);
	rc = redis_codec_feed(l->codec, bufferevent_get_input(bev));

	while (rc == 0 && l->bev == bev) {
		rc = redis_codec_next(l->codec, &reply);
		if (rc == 0 && reply == NULL)
			return;
		if (rc == 0 && TAILQ_EMPTY(&l->commands)) {
			redis_codec_free_reply(reply);
			rc = -EPROTO;
		}
		if (rc == 0)
			take_reply(l, reply);
	}
	if (l->bev != bev)
		return;
	if (rc == -EMSGSIZE)
		fail(l, -EIO, "a reply is longer than %zu bytes", l->limits.reply_bytes);
	else
		fail(l, rc == -ENOMEM ? rc : -EIO, "%s",
		     rc == -ENOMEM ? "out of memory" : "this is not Redis's protocol");
}

/* --- the greeting ----------------------------------------------------------- */

/* Trying again helps against that: it has just started, or a script runs. */
static bool passes(const char *error)
{
	return strncmp(error, "LOADING", 7) == 0 || strncmp(error, "BUSY", 4) == 0 ||
	       strncmp(error, "MASTERDOWN", 10) == 0;
}

static void refused(struct redis_link *l, const char *what, const char *error)
{
	fail(l, passes(error) ? -EIO : -EACCES, "%s: %s", what, error);
}

static void on_auth(void *arg, int status, const struct redisReply *reply)
{
	const char *error = redis_codec_error(reply);

	if (status == 0 && error != NULL)
		refused(arg, "AUTH", error);
}

static void on_name(void *arg, int status, const struct redisReply *reply)
{
	(void)arg; /* a name is for the operator of the server, and may be refused */
	(void)status;
	(void)reply;
}

static void on_greeted(void *arg, int status, const struct redisReply *reply)
{
	struct redis_link *l = arg;
	const char *error = redis_codec_error(reply);

	if (status < 0)
		return;
	if (error != NULL) {
		refused(l, l->addr.db ? "SELECT" : "PING", error);
		return;
	}
	event_del(l->watch);
	l->state = REDIS_LINK_UP;
	l->wait_ms = 0;
	l->owner->up(l->arg);
}

static void greet(struct redis_link *l)
{
	const struct str auth[] = { STR("AUTH"), l->addr.user, l->addr.password };
	const struct str auth_default[] = { STR("AUTH"), l->addr.password };
	const struct str name[] = { STR("CLIENT"), STR("SETNAME"), STR("memproxy") };
	const struct str ping[] = { STR("PING") };
	char db[16];

	snprintf(db, sizeof(db), "%u", l->addr.db);
	if (l->addr.user.p != NULL)
		push(l, 3, auth, on_auth, l);
	else if (l->addr.password.p != NULL)
		push(l, 2, auth_default, on_auth, l);
	push(l, 3, name, on_name, l);
	/* Either is refused while the server loads its data. */
	if (l->addr.db != 0)
		push(l, 2, (struct str[]){ STR("SELECT"), str_from(db) }, on_greeted, l);
	else
		push(l, 1, ping, on_greeted, l);
}

/* --- connecting ------------------------------------------------------------- */

static void set_options(int fd)
{
	int on = 1;

	fcntl(fd, F_SETFD, FD_CLOEXEC);
	/* The first fails for a Unix socket, which has no delay. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct redis_link *l = arg;
	int error = EVUTIL_SOCKET_ERROR();
	int dns = bufferevent_socket_get_dns_error(bev);

	if (what & BEV_EVENT_CONNECTED) {
		set_options(bufferevent_getfd(bev));
		bufferevent_enable(bev, EV_READ | EV_WRITE);
		l->connected = true;
		greet(l);
	} else if (l->in_connect) {
		l->in_connect = false; /* connect_now() goes on with it */
		snprintf(l->why, sizeof(l->why), "cannot connect: %s",
			 dns ? evutil_gai_strerror(dns) : strerror(error));
	} else if (l->connected) {
		fail(l, -EIO, "the connection was lost: %s",
		     what & BEV_EVENT_EOF ? "closed by the server" : strerror(error));
	} else {
		fail(l, -EIO, "cannot connect: %s",
		     dns ? evutil_gai_strerror(dns) : strerror(error));
	}
}

static int connect_unix(struct redis_link *l)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	memcpy(sun.sun_path, l->addr.socket.p, l->addr.socket.len);
	return bufferevent_socket_connect(l->bev, (struct sockaddr *)&sun, sizeof(sun));
}

/* A look-up blocks on the loop of whoever opens, and never on one that serves. */
static int connect_tcp(struct redis_link *l)
{
	if (l->moved && l->dns == NULL)
		l->dns =
			evdns_base_new(l->base, EVDNS_BASE_INITIALIZE_NAMESERVERS |
							EVDNS_BASE_DISABLE_WHEN_INACTIVE);
	return bufferevent_socket_connect_hostname(l->bev, l->dns, AF_UNSPEC,
						   l->addr.host.p, (int)l->addr.port);
}

static int connect_now(struct redis_link *l)
{
	int rc;

	l->bev = bufferevent_socket_new(l->base, -1, BEV_OPT_CLOSE_ON_FREE);
	l->codec = redis_codec_new(l->limits.reply_bytes);
	if (l->bev == NULL || l->codec == NULL)
		return -ENOMEM;
	bufferevent_setcb(l->bev, on_read, NULL, on_event, l);
	bufferevent_set_max_single_read(l->bev, STEP_BYTES);
	bufferevent_set_max_single_write(l->bev, STEP_BYTES);
	if (evbuffer_add_cb(bufferevent_get_output(l->bev), on_sent, l) == NULL)
		return -ENOMEM;
	l->in_connect = true;
	snprintf(l->why, sizeof(l->why), "cannot connect");
	rc = l->addr.socket.p ? connect_unix(l) : connect_tcp(l);
	if (rc < 0 || !l->in_connect)
		return -EIO;
	l->in_connect = false;
	return 0;
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct redis_link *l = arg;
	int rc;

	(void)fd;
	(void)what;
	l->state = REDIS_LINK_CONNECTING;
	arm(l->watch, l->limits.connect_ms);
	rc = connect_now(l);
	l->in_connect = false;
	if (rc == -ENOMEM)
		fail(l, rc, "out of memory");
	else if (rc < 0)
		lose(l, rc);
}

void redis_link_leave(struct redis_link *l, int status, const char *why)
{
	/* Not at once: it would most likely find the same. */
	if (l->wait_ms == 0)
		l->wait_ms = l->limits.retry_min_ms;
	fail(l, status, "%s", why);
}

/* --- the link --------------------------------------------------------------- */

static int make_timers(struct redis_link *l)
{
	l->watch = evtimer_new(l->base, on_watch, l);
	l->retry = evtimer_new(l->base, on_retry, l);
	return l->watch && l->retry ? 0 : -ENOMEM;
}

static void free_timers(struct redis_link *l)
{
	if (l->watch != NULL)
		event_free(l->watch);
	if (l->retry != NULL)
		event_free(l->retry);
}

int redis_link_new(struct event_base *base, const struct rng *rng,
		   const struct redis_address *addr,
		   const struct redis_link_limits *limits,
		   const struct redis_link_owner *owner, void *arg,
		   struct redis_link **ret)
{
	struct redis_link *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return -ENOMEM;
	*l = (struct redis_link){ .base = base,
				  .rng = rng,
				  .addr = *addr,
				  .limits = *limits,
				  .owner = owner,
				  .arg = arg,
				  .wait_ms = limits->retry_min_ms };
	TAILQ_INIT(&l->commands);
	if (make_timers(l) < 0) {
		free_timers(l);
		free(l);
		return -ENOMEM;
	}
	arm(l->retry, 0);
	*ret = l;
	return 0;
}

void redis_link_free(struct redis_link *l)
{
	if (l == NULL)
		return;
	hang_up(l);
	l->state = REDIS_LINK_WAITING;
	end_commands(l, -ECANCELED);
	if (l->dns != NULL)
		evdns_base_free(l->dns, 0);
	free_timers(l);
	free(l);
}

enum redis_link_state redis_link_state(const struct redis_link *l)
{
	return l->state;
}

int redis_link_move(struct redis_link *l, struct event_base *base)
{
	struct event *watch = l->watch, *retry = l->retry;
	struct event_base *from = l->base;

	if (l->state != REDIS_LINK_UP)
		return -EBUSY;
	l->base = base;
	if (make_timers(l) < 0)
		goto undo;
	/* libevent moves what has no event waiting. */
	bufferevent_disable(l->bev, EV_READ | EV_WRITE);
	if (bufferevent_base_set(base, l->bev) < 0) {
		bufferevent_enable(l->bev, EV_READ | EV_WRITE);
		goto undo;
	}
	bufferevent_enable(l->bev, EV_READ | EV_WRITE);
	if (l->n_commands > 0)
		arm(l->watch, l->limits.command_ms);
	event_free(watch);
	event_free(retry);
	if (l->dns != NULL)
		evdns_base_free(l->dns, 0);
	l->dns = NULL;
	l->moved = true;
	return 0;
undo:
	free_timers(l);
	l->base = from;
	l->watch = watch;
	l->retry = retry;
	return -ENOMEM;
}
